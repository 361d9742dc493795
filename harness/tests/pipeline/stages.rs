//! The event sequence of every operation on every verdict path, as snapshots to be read: one file
//! an operation and version in `snapshots/pipeline`, and the table of what they cover.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

use fuserig::pipeline::{Daemon, Device, Event, Operation, Outcome, Sink, Value, What};
use fuserig_abi::{
    Abi, AbiTable, Arg, BufferFlags, CallArgs, Errno, Fidelity, NodeId, Op, Opcode, Phase, Request,
    Slot,
};

use super::android::reading_android;
use super::bench::{Bench, Work, number};
use super::reading::reading;

/// How the stages of one run are chosen.
#[derive(Clone, Copy)]
pub(crate) struct Path {
    pub(crate) title: &'static str,
    pub(crate) on: On,
    pub(crate) pre: i32,
    pub(crate) post: i32,
    pub(crate) default: i32,
    pub(crate) members: Members,
    /// How a daemon answers, if there is one.
    pub(crate) daemon: Option<Answer>,
    pub(crate) lower_fails: bool,
}

/// Which versions a path makes sense on; v3-grouped has the codes of v3, Android bits of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Both,
    V3,
    V4,
    Android,
}

impl On {
    fn has(self, abi: Abi) -> bool {
        match self {
            On::Both => abi != Abi::Android,
            On::V3 => matches!(abi, Abi::V3 | Abi::V3Grouped),
            On::V4 => abi == Abi::V4,
            On::Android => abi == Abi::Android,
        }
    }
}

/// Every ABI that has sequences.
const ABIS: [Abi; 4] = [Abi::V3, Abi::V4, Abi::V3Grouped, Abi::Android];

/// Which members the filter has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Members {
    All,
    Nothing,
    Prefilters,
    Postfilters,
    Default,
}

impl Members {
    pub(crate) fn has(self, slot: Slot) -> bool {
        match self {
            Members::All => true,
            Members::Nothing => false,
            Members::Prefilters => matches!(slot, Slot::Member(_, Phase::Pre)),
            Members::Postfilters => matches!(slot, Slot::Member(_, Phase::Post)),
            Members::Default => slot == Slot::Default,
        }
    }

    fn test(self) -> fn(Slot) -> bool {
        match self {
            Members::All => |slot| Members::All.has(slot),
            Members::Nothing => |slot| Members::Nothing.has(slot),
            Members::Prefilters => |slot| Members::Prefilters.has(slot),
            Members::Postfilters => |slot| Members::Postfilters.has(slot),
            Members::Default => |slot| Members::Default.has(slot),
        }
    }
}

/// What a daemon says to a filter request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Success, with what the request allows.
    Agrees,
    /// -EACCES.
    Refuses,
    /// Success with a body that is too long for any request.
    TooLong,
}

/// Length of a body that fits nowhere: more than a name of 256 bytes and a value of 64 KiB.
const TOO_LONG: usize = 70_000;

const REST: Path = Path {
    title: "",
    on: On::Both,
    pre: 0,
    post: 0,
    default: 0,
    members: Members::All,
    daemon: None,
    lower_fails: false,
};
const AGREES: Path = Path { daemon: Some(Answer::Agrees), ..REST };
const REFUSES: Path = Path { daemon: Some(Answer::Refuses), ..REST };
const TOO_LONG_REPLY: Path = Path { daemon: Some(Answer::TooLong), ..REST };
const V4: Path = Path { on: On::V4, ..AGREES };

pub(crate) const PATHS: &[Path] = &[
    Path { title: "continue", ..REST },
    Path { title: "continue, lower fails", lower_fails: true, ..REST },
    Path { title: "no member is set", members: Members::Nothing, ..REST },
    Path { title: "only postfilters are set", members: Members::Postfilters, ..REST },
    Path { title: "prefilter fails", pre: -1, ..REST },
    Path { title: "prefilter fails below every errno", pre: -4096, ..REST },
    Path { title: "user", pre: 1, ..AGREES },
    Path { title: "daemon prefilter", pre: 2, ..AGREES },
    Path { title: "daemon prefilter fails", pre: 2, ..REFUSES },
    Path { title: "daemon prefilter, reply too long", pre: 2, ..TOO_LONG_REPLY },
    Path { title: "daemon prefilter, no daemon", pre: 2, ..REST },
    Path { title: "postfilter", pre: 3, ..REST },
    Path { title: "postfilter, lower fails", pre: 3, lower_fails: true, ..REST },
    Path { title: "postfilter fails", pre: 3, post: -1, ..REST },
    Path { title: "postfilter says user", pre: 3, post: 1, ..REST },
    Path { title: "postfilter says postfilter", pre: 3, post: 3, ..REST },
    Path { title: "postfilter, unknown code", pre: 3, post: 9, ..REST },
    Path { title: "postfilter is not set", pre: 3, members: Members::Prefilters, ..REST },
    Path { title: "postfilter asks the daemon", pre: 3, post: 4, ..AGREES },
    Path { title: "daemon postfilter", pre: 4, ..AGREES },
    Path { title: "daemon postfilter, lower fails", pre: 4, lower_fails: true, ..AGREES },
    Path { title: "daemon postfilter fails", pre: 4, ..REFUSES },
    Path { title: "daemon postfilter, reply too long", pre: 4, ..TOO_LONG_REPLY },
    Path { title: "daemon postfilter, no daemon", pre: 4, ..REST },
    Path { title: "code 5 of v4", on: On::V3, pre: 5, ..REST },
    Path { title: "default continues", pre: 5, ..V4 },
    Path { title: "default fails", pre: 5, default: -1, ..V4 },
    Path { title: "default says user", pre: 5, default: 1, ..V4 },
    Path { title: "default, daemon prefilter", pre: 5, default: 2, ..V4 },
    Path { title: "default, then postfilter", pre: 5, default: 3, ..V4 },
    Path { title: "default, daemon postfilter", pre: 5, default: 4, ..V4 },
    Path { title: "default of the default", pre: 5, default: 5, ..V4 },
    Path { title: "postfilter says default", pre: 3, post: 5, ..V4 },
    Path { title: "postfilter says default, which fails", pre: 3, post: 5, default: -1, ..V4 },
    Path { title: "only the default is set", members: Members::Default, ..V4 },
    Path {
        title: "only the default is set, postfilter",
        default: 3,
        members: Members::Default,
        ..V4
    },
    Path { title: "unknown code", pre: 9, ..REST },
    // Android: 1 asks the daemon, 2 goes below, 4 comes back afterwards; 0 is the ordinary path.
    Path { title: "below", pre: 2, ..BELOW },
    Path { title: "below, lower fails", pre: 2, lower_fails: true, ..BELOW },
    Path { title: "no program", members: Members::Nothing, ..BELOW },
    Path { title: "program fails", pre: -1, ..BELOW },
    Path { title: "program fails below every errno", pre: -4096, ..BELOW },
    Path { title: "ordinary path", pre: 0, ..BELOW },
    Path { title: "afterwards without below", pre: 4, ..BELOW },
    Path { title: "daemon, then below", pre: 3, ..ANSWERED },
    Path { title: "daemon, then the ordinary path", pre: 1, ..ANSWERED },
    Path { title: "daemon refuses", pre: 3, ..REFUSED },
    Path { title: "daemon, reply too long", pre: 3, ..OVERLONG },
    Path { title: "daemon, and there is none", pre: 3, ..BELOW },
    Path { title: "afterwards", pre: 6, post: 0, ..BELOW },
    Path { title: "afterwards, lower fails", pre: 6, post: 0, lower_fails: true, ..BELOW },
    Path { title: "afterwards fails", pre: 6, post: -1, ..BELOW },
    Path { title: "afterwards says below", pre: 6, post: 2, ..BELOW },
    Path { title: "afterwards says afterwards", pre: 6, post: 4, ..BELOW },
    Path { title: "afterwards asks the daemon", pre: 6, post: 1, ..ANSWERED },
    Path {
        title: "afterwards, lower fails, daemon",
        pre: 6,
        post: 1,
        lower_fails: true,
        ..ANSWERED
    },
    Path { title: "afterwards, daemon refuses", pre: 6, post: 1, ..REFUSED },
    Path { title: "afterwards, reply too long", pre: 6, post: 1, ..OVERLONG },
    Path { title: "afterwards, and there is no daemon", pre: 6, post: 1, ..BELOW },
    Path { title: "all three bits", pre: 7, post: 1, ..ANSWERED },
    Path { title: "unknown bits", pre: 10, ..BELOW },
];

const BELOW: Path = Path { on: On::Android, ..REST };
const ANSWERED: Path = Path { on: On::Android, ..AGREES };
const REFUSED: Path = Path { on: On::Android, ..REFUSES };
const OVERLONG: Path = Path { on: On::Android, ..TOO_LONG_REPLY };

/// What is asked: an operation, or one of its variants that takes other steps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) op: Op,
    pub(crate) variant: bool,
}

pub(crate) fn subjects() -> impl Iterator<Item = Subject> {
    let plain = Op::ALL.into_iter().map(|op| Subject { name: op.name(), op, variant: false });
    let variants = [
        Subject { name: "lookup_missing", op: Op::Lookup, variant: true },
        Subject { name: "getxattr_length", op: Op::Getxattr, variant: true },
        Subject { name: "listxattr_length", op: Op::Listxattr, variant: true },
    ];
    plain.chain(variants)
}

fn operation(bench: &mut Bench, subject: &Subject) -> Operation {
    match (subject.op, subject.variant) {
        (Op::Lookup, true) => Operation::Lookup { dentry: bench.unlooked(b"zz") },
        (Op::Getxattr, true) => {
            Operation::Getxattr { dentry: bench.file, name: b"user.a".to_vec(), size: 0 }
        }
        (Op::Listxattr, true) => Operation::Listxattr { dentry: bench.file, size: 0 },
        (op, _) => bench.operation(op),
    }
}

/// Answers with what each filter request allows.
#[derive(Debug)]
struct Obedient(Answer, Abi);

/// How many bytes of its body an operation wants back: of the in arguments from the start, of the
/// out arguments from the end (SEMANTICS 2.7, the wire table). Android wants every in argument back
/// (2.11, A2), has an entry behind the reply of a lookup, and 8 bytes of a statfs (AND-3).
fn wanted(abi: Abi, op: Op, phase: Phase, body: &[u8]) -> Vec<u8> {
    let head = |count: usize| body[..count.min(body.len())].to_vec();
    let tail = |count: usize| body[body.len() - count.min(body.len())..].to_vec();
    match (phase, op) {
        (Phase::Pre, _) if abi == Abi::Android => body.to_vec(),
        (Phase::Post, Op::Lookup) if abi == Abi::Android => tail(160),
        (Phase::Pre, Op::CreateOpen | Op::Mknod) => head(16),
        (Phase::Pre, Op::Mkdir) => head(8),
        (Phase::Pre, Op::Rmdir | Op::Unlink) => Vec::new(),
        (Phase::Pre, Op::Setxattr) => {
            let mut reply = head(16 + b"user.b\0".len());
            reply.resize(16 + 256, 0);
            reply.extend_from_slice(b"BB");
            reply
        }
        (Phase::Pre, _) => body.to_vec(),
        (Phase::Post, Op::Open | Op::Opendir) => tail(16),
        (Phase::Post, Op::CreateOpen) => tail(144),
        (Phase::Post, Op::Lseek | Op::CopyFileRange | Op::ReadIter | Op::WriteIter) => tail(8),
        (Phase::Post, Op::Getxattr) => body[8 + b"user.a\0".len()..].to_vec(),
        (Phase::Post, Op::Listxattr) => body[8..].to_vec(),
        (Phase::Post, Op::Lookup) => body[3..131].to_vec(),
        (Phase::Post, Op::Getattr | Op::Setattr) => tail(104),
        (Phase::Post, Op::Statfs) => tail(80),
        (Phase::Post, Op::Readdir) => body[40..].to_vec(),
        (Phase::Post, _) => Vec::new(),
    }
}

impl Daemon for Obedient {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        let named = Op::of_opcode(request.opcode.base());
        let (Some(phase), Some(op)) = (request.opcode.phase(), named) else {
            panic!("{}: only filter requests are sent here", request.opcode);
        };
        match self.0 {
            Answer::Agrees => {
                let body = wanted(self.1, op, phase, &request.body);
                let taken = device.success(&body);
                assert!(taken.is_ok(), "{}: a reply of the right length", request.opcode);
            }
            Answer::Refuses => {
                assert!(device.error(Errno::EACCES).is_ok(), "{}: an error", request.opcode);
            }
            Answer::TooLong => {
                assert_eq!(device.success(&[0; TOO_LONG]), Err(Errno::EINVAL));
            }
        }
    }

    fn forget(&mut self, _: NodeId, _: u64) {}
}

/// Writes each event as a line.
#[derive(Debug)]
struct Lines(Rc<RefCell<String>>, &'static AbiTable);

pub(crate) fn member(slot: Slot) -> String {
    match slot {
        Slot::Default => "default_filter".to_owned(),
        Slot::Member(op, Phase::Pre) => format!("{}_prefilter", op.name()),
        Slot::Member(op, Phase::Post) => format!("{}_postfilter", op.name()),
    }
}

/// One argument in a line: `in:8` a struct of 8 bytes, `name:3(-vm--)` a buffer that uses 3.
pub(crate) fn shown(name: &str, size: i64, flags: Option<BufferFlags>) -> String {
    let Some(flags) = flags else { return format!(" {name}:{size}") };
    let letter = |flag: BufferFlags, letter: char| if flags.contains(flag) { letter } else { '-' };
    let flags: String = [
        letter(BufferFlags::IMMUTABLE, 'i'),
        letter(BufferFlags::VARIABLE_SIZE, 'v'),
        letter(BufferFlags::MUST_ALLOCATE, 'm'),
        letter(BufferFlags::MODIFIED, 'w'),
        letter(BufferFlags::ALLOCATED, 'a'),
    ]
    .into_iter()
    .collect();
    format!(" {name}:{size}({flags})")
}

fn arguments(table: &AbiTable, args: &CallArgs) -> String {
    let row = table.operation(args.op);
    let ins = args.ins().iter().zip(&row.in_args);
    let outs = args.outs().iter().zip(&row.out_args);
    let text = ins.chain(outs).map(|(arg, row)| match arg {
        Arg::Buffer(buffer) => shown(&row.name, i64::from(buffer.size as i32), Some(buffer.flags)),
        Arg::Struct(bytes) => shown(&row.name, bytes.bytes().len() as i64, None),
        Arg::None => format!(" {}:none", row.name),
    });
    text.collect()
}

impl Sink for Lines {
    fn event(&mut self, event: &Event<'_>) {
        let text = match &event.what {
            What::Request { args, .. } => {
                format!("request nodeid {}{}", args.meta.nodeid, arguments(self.1, args))
            }
            What::Call { slot, args } => {
                let error = args.meta.error_in as i32;
                let opcode = Opcode(args.meta.opcode);
                format!(
                    "call {} {opcode} error_in {error}{}",
                    member(*slot),
                    arguments(self.1, args)
                )
            }
            What::Return { slot, code, .. } => format!("return {} {code}", member(*slot)),
            What::Lower { code } => format!("lower {code}"),
            What::DaemonRequest { opcode, pieces, error_in, .. } => {
                let error = error_in.map_or(String::new(), |e| format!(" error_in {}", e as i32));
                format!("ask {} {pieces:?}{error}", Opcode(*opcode))
            }
            What::DaemonReply { error, body, refused: None } => {
                format!("reply {error}, {} bytes", body.len())
            }
            What::DaemonReply { error, body, refused: Some(errno) } => {
                let refused = errno.negative();
                format!("reply {error}, {} bytes, refused {refused}", body.len())
            }
            What::Finalize { code } => format!("finalize {code}"),
            What::Buffers { freed, leaked } => format!("buffers {freed} freed, {leaked} leaked"),
            What::Quirk { quirk } => format!("quirk {quirk}"),
            What::Crash { quirk } => format!("stop {quirk}"),
            What::Result { handled, .. } => {
                (if *handled { "handled" } else { "ordinary path" }).to_owned()
            }
            _ => return,
        };
        let line = format!("  P{:<2} {text}", event.step.number());
        writeln!(self.0.borrow_mut(), "{line}").expect("strings take everything");
    }
}

/// The errno of a lower call that fails: one that nothing else here gives.
pub(crate) const LOWER_ERRNO: Errno = Errno::ENOSPC;

fn play(abi: Abi, subject: &Subject, path: &Path) -> (String, Outcome) {
    play_with(abi, subject, path, |_, _| {})
}

/// The same with something that the filter does to its arguments.
pub(crate) fn play_with(abi: Abi, subject: &Subject, path: &Path, work: Work) -> (String, Outcome) {
    let mut bench = Bench::new(abi, Fidelity::Faithful);
    bench.script.work.set(work);
    bench.script.pre.set(path.pre);
    bench.script.post.set(path.post);
    bench.script.default.set(path.default);
    bench.script.members.set(path.members.test());
    let operation = operation(&mut bench, subject);
    if let Some(answer) = path.daemon {
        bench.world.daemon = Box::new(Obedient(answer, abi));
        bench.world.connection.refuses = false;
    }
    let lines = Rc::new(RefCell::new(String::new()));
    bench.world.sink = Box::new(Lines(Rc::clone(&lines), AbiTable::of(abi)));
    bench.lower_errno.set(LOWER_ERRNO);
    bench.lower_fails.set(path.lower_fails);
    let outcome = bench.run(operation);
    let text = lines.borrow().clone();
    (text, outcome)
}

fn ending(outcome: &Outcome) -> String {
    match (outcome.stop, outcome.handled, &outcome.value) {
        (Some(stop), _, _) => format!("{stop:?}"),
        (None, false, _) => "left".to_owned(),
        (None, true, Value::Number(_)) => number(outcome).to_string(),
        (None, true, _) if outcome.error != 0 => outcome.error.to_string(),
        (None, true, _) => "ok".to_owned(),
    }
}

pub(crate) fn paths(abi: Abi) -> impl Iterator<Item = &'static Path> {
    PATHS.iter().filter(move |path| path.on.has(abi))
}

fn snapshots() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../snapshots/pipeline"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

#[test]
fn every_operation_on_every_verdict_path_goes_through_the_steps_as_written() {
    snapshots().bind(|| {
        for abi in ABIS {
            for subject in subjects() {
                let mut text = String::new();
                for path in paths(abi) {
                    let (lines, outcome) = play(abi, &subject, path);
                    let ending = ending(&outcome);
                    write!(text, "{} (code {})\n{lines}  = {ending}\n", path.title, path.pre)
                        .expect("strings take everything");
                }
                insta::assert_snapshot!(format!("{}-{}", subject.name, abi.name()), text);
            }
        }
    });
}

/// The same sequences as SEMANTICS 2 to 4 give them, derived without the pipeline.
#[test]
fn the_steps_are_those_that_a_reader_of_the_specification_derives() {
    let mut wrong = String::new();
    for abi in ABIS {
        for subject in subjects() {
            for path in paths(abi) {
                let (lines, outcome) = play(abi, &subject, path);
                let seen = lines.lines().filter(|line| !line.contains(" quirk "));
                let seen: String = seen.map(|line| format!("{line}\n")).collect();
                let seen = format!("{seen}  = {}\n", ending(&outcome));
                let expected = match abi {
                    Abi::Android => reading_android(&subject, path),
                    _ => reading(abi, &subject, path),
                };
                if seen != expected {
                    let place = format!("{abi} {}: {}", subject.name, path.title);
                    writeln!(wrong, "{place}\nseen\n{seen}expected\n{expected}")
                        .expect("strings take everything");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Where each quirk is reported: what the sequences say beyond the specification's steps.
#[test]
fn each_quirk_is_reported_on_these_paths_and_no_others() {
    type Names = Vec<&'static str>;
    let mut found: BTreeMap<String, BTreeMap<(usize, Abi), Names>> = BTreeMap::new();
    for abi in ABIS {
        for subject in subjects() {
            for (place, path) in PATHS.iter().enumerate().filter(|(_, path)| path.on.has(abi)) {
                let (lines, _) = play(abi, &subject, path);
                for (_, id) in lines.lines().filter_map(|line| line.split_once(" quirk ")) {
                    let places = found.entry(id.to_owned()).or_default();
                    let names = places.entry((place, abi)).or_default();
                    if names.last() != Some(&subject.name) {
                        names.push(subject.name);
                    }
                }
            }
        }
    }
    let mut text = String::new();
    for (id, places) in found {
        writeln!(text, "{id}").expect("strings take everything");
        for ((place, abi), names) in &places {
            let on = |abi| places.get(&(*place, abi));
            let same = |abi: &Abi| on(*abi) == Some(names);
            // A line stands at the first version that says it, and names the others.
            if ABIS.iter().take_while(|earlier| *earlier != abi).any(same) {
                continue;
            }
            let versions: Vec<&str> =
                ABIS.iter().filter(|abi| same(abi)).map(|abi| abi.name()).collect();
            let (versions, title) = (versions.join(" "), PATHS[*place].title);
            writeln!(text, "  {versions:<16} {title}: {}", list(names))
                .expect("strings take everything");
        }
    }
    snapshots().bind(|| insta::assert_snapshot!("quirks", text));
}

/// Operations by name, or those that are not among them when they are fewer.
fn list(names: &[&str]) -> String {
    let all = subjects().map(|subject| subject.name);
    let missing: Vec<&str> = all.filter(|name| !names.contains(name)).collect();
    match missing.len() {
        0 => "every operation".to_owned(),
        1..=8 => format!("all but {}", missing.join(" ")),
        _ => names.join(" "),
    }
}

/// The versions of a hole, what is empty, and why.
type Hole = (&'static [Abi], &'static str, &'static str);

const STRUCT_OPS: &[Abi] = &[Abi::V3, Abi::V4, Abi::V3Grouped];
const ANDROID: &[Abi] = &[Abi::Android];

/// Why a cell of the table says the same as its neighbour.
const HOLES: &[Hole] = &[
    (
        &ABIS,
        "release, releasedir: lower fails",
        "there is no lower step; the lower file is dropped first",
    ),
    (&ABIS, "lookup: lower fails", "any failure of the lower lookup ends in -ENOENT (LOOK-2)"),
    (STRUCT_OPS, "statfs: daemon prefilter", "no in argument, so the kernel crashes (USER-1)"),
    (
        STRUCT_OPS,
        "rename, rename2, symlink: daemon prefilter",
        "names may not be written to (USER-2)",
    ),
    (STRUCT_OPS, "setxattr: daemon postfilter", "no out argument, so a success is a BUG (USER-3)"),
    (
        &[Abi::V3Grouped],
        "states of the arguments",
        "what a family's member gets is made of these by the frame; filters/tests/engine/grouped.rs",
    ),
    (ANDROID, "only postfilters are set", "there is one program, and no member to leave out"),
    (
        ANDROID,
        "states of the arguments: flags",
        "a program has windows on the arguments and no buffer; filters/tests/engine/android.rs",
    ),
    (ANDROID, "release, releasedir", "one operation with two opcodes; the table has a row of each"),
    (
        STRUCT_OPS,
        "states of the out buffers behind a view of the postfilter",
        "only finalize and the daemon see them; the rows BUF-8 to BUF-12 and N8 of tests/quirks",
    ),
    (
        &ABIS,
        "buffers: allocation fails",
        "only memory pressure fails an allocation; unit tests of the arena",
    ),
];

/// Paths in one table of endings: as many as fit into 100 columns.
const COLUMNS: usize = 11;

#[test]
fn the_table_of_what_the_stages_cover() {
    snapshots().bind(|| {
        for abi in ABIS {
            let name = match abi {
                Abi::V4 => "coverage".to_owned(),
                abi => format!("coverage-{}", abi.name()),
            };
            let table = coverage(abi);
            // Shown by `cargo test --test pipeline the_table -- --nocapture`.
            println!("{table}");
            insta::assert_snapshot!(name, table);
        }
    });
}

fn coverage(abi: Abi) -> String {
    let mut text = format!("{abi}: what each verdict path ends in\n\n");
    let all: Vec<&Path> = paths(abi).collect();
    for (place, path) in all.iter().enumerate() {
        writeln!(text, "{:>2}  {}", place + 1, path.title).expect("strings take everything");
    }
    for (chunk, paths) in all.chunks(COLUMNS).enumerate() {
        write!(text, "\n{:<16}", "").expect("strings take everything");
        for place in 0..paths.len() {
            write!(text, "{:>7}", chunk * COLUMNS + place + 1).expect("strings take everything");
        }
        text.push('\n');
        for subject in subjects() {
            write!(text, "{:<16}", subject.name).expect("strings take everything");
            for path in paths {
                let (_, outcome) = play(abi, &subject, path);
                let mut cell = ending(&outcome).replace("Crash(", "").replace("Hang(", "");
                cell.retain(|letter| letter != ')');
                write!(text, "{cell:>7}").expect("strings take everything");
            }
            text.push('\n');
        }
    }
    text.push_str("\nstates of the arguments, prefilter calls / postfilter calls\n");
    for subject in subjects() {
        let (before, after) = states(abi, &subject, &all);
        writeln!(text, "{:<16} {before}\n{:<16} / {after}", subject.name, "")
            .expect("strings take everything");
    }
    text.push_str(&super::views::table(abi));
    text.push_str("\nholes\n");
    let own = HOLES.iter().filter(|(on, ..)| on.contains(&abi));
    for (_, hole, reason) in own {
        writeln!(text, "  {hole}: {reason}").expect("strings take everything");
    }
    text
}

/// Every state in which a member saw the arguments, before and after the lower step.
fn states(abi: Abi, subject: &Subject, all: &[&Path]) -> (String, String) {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for path in all {
        let (lines, _) = play(abi, subject, path);
        for line in lines.lines().filter(|line| line.contains(" call ")) {
            let state = line.split_once(" error_in ").map_or("", |(_, rest)| rest);
            let state = state.split_once(' ').map_or("none", |(_, rest)| rest).to_owned();
            let states = if line.contains("PREFILTER ") { &mut before } else { &mut after };
            if !states.contains(&state) {
                states.push(state);
            }
        }
    }
    (before.join(" | "), after.join(" | "))
}
