//! The event sequence of every operation on every verdict path, as snapshots to be read: one file
//! an operation and version in `snapshots/pipeline`, and the table of what they cover.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::Rc;

use fuserig::pipeline::{Daemon, Device, Event, Outcome, Sink, Value, What};
use fuserig_abi::{
    Abi, Arg, BufferFlags, CallArgs, Errno, Fidelity, NodeId, Op, Opcode, Phase, Request, Slot,
};

use super::bench::{Bench, number};

/// How the stages of one run are chosen.
#[derive(Clone, Copy)]
struct Path {
    title: &'static str,
    pre: i32,
    post: i32,
    default: i32,
    /// Whether a daemon answers, and how.
    daemon: Option<bool>,
    lower_fails: bool,
}

const REST: Path =
    Path { title: "", pre: 0, post: 0, default: 0, daemon: None, lower_fails: false };

const PATHS: &[Path] = &[
    Path { title: "continue", ..REST },
    Path { title: "continue, lower fails", lower_fails: true, ..REST },
    Path { title: "prefilter fails", pre: -1, ..REST },
    Path { title: "user", pre: 1, daemon: Some(true), ..REST },
    Path { title: "daemon prefilter", pre: 2, daemon: Some(true), ..REST },
    Path { title: "daemon prefilter fails", pre: 2, daemon: Some(false), ..REST },
    Path { title: "daemon prefilter, no daemon", pre: 2, ..REST },
    Path { title: "postfilter", pre: 3, ..REST },
    Path { title: "postfilter, lower fails", pre: 3, lower_fails: true, ..REST },
    Path { title: "postfilter fails", pre: 3, post: -1, ..REST },
    Path { title: "postfilter asks the daemon", pre: 3, post: 4, daemon: Some(true), ..REST },
    Path { title: "daemon postfilter", pre: 4, daemon: Some(true), ..REST },
    Path { title: "daemon postfilter fails", pre: 4, daemon: Some(false), ..REST },
    Path { title: "daemon postfilter, no daemon", pre: 4, ..REST },
    Path { title: "default, then postfilter", pre: 5, default: 3, ..REST },
    Path { title: "unknown code", pre: 9, ..REST },
];

/// Answers with what each filter request allows.
#[derive(Debug)]
struct Obedient {
    agrees: bool,
}

/// How many bytes of its body an operation wants back: of the in arguments from the start, of the
/// out arguments from the end (SEMANTICS 2.7, the wire table).
fn wanted(op: Op, phase: Phase, body: &[u8]) -> Vec<u8> {
    let head = |count: usize| body[..count.min(body.len())].to_vec();
    let tail = |count: usize| body[body.len() - count.min(body.len())..].to_vec();
    match (phase, op) {
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
        let answered = match (request.opcode.phase(), named) {
            (Some(phase), Some(op)) if self.agrees => {
                device.success(&wanted(op, phase, &request.body))
            }
            _ => device.error(Errno::EACCES),
        };
        assert!(answered.is_ok(), "{}: a reply of the right length", request.opcode);
    }

    fn forget(&mut self, _: NodeId, _: u64) {}
}

/// Writes each event as a line.
#[derive(Debug)]
struct Lines(Rc<RefCell<String>>);

fn member(slot: Slot) -> String {
    match slot {
        Slot::Default => "default_filter".to_owned(),
        Slot::Member(op, Phase::Pre) => format!("{}_prefilter", op.name()),
        Slot::Member(op, Phase::Post) => format!("{}_postfilter", op.name()),
    }
}

/// The state of each buffer: its size and flags.
fn buffers(args: &CallArgs) -> String {
    let all = args.ins().iter().chain(args.outs());
    let text = all.filter_map(Arg::as_buffer).map(|buffer| {
        let letter = |flag: BufferFlags, letter: char| {
            if buffer.flags.contains(flag) { letter } else { '-' }
        };
        let flags: String = [
            letter(BufferFlags::IMMUTABLE, 'i'),
            letter(BufferFlags::VARIABLE_SIZE, 'v'),
            letter(BufferFlags::MUST_ALLOCATE, 'm'),
            letter(BufferFlags::MODIFIED, 'w'),
            letter(BufferFlags::ALLOCATED, 'a'),
        ]
        .into_iter()
        .collect();
        format!(" [{} {flags}]", buffer.size as i32)
    });
    text.collect()
}

impl Sink for Lines {
    fn event(&mut self, event: &Event<'_>) {
        let text = match &event.what {
            What::Request { args, .. } => {
                format!("request nodeid {}{}", args.meta.nodeid, buffers(args))
            }
            What::Call { slot, args } => {
                let error = args.meta.error_in as i32;
                let opcode = Opcode(args.meta.opcode);
                format!("call {} {opcode} error_in {error}{}", member(*slot), buffers(args))
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

fn play(abi: Abi, op: Op, path: &Path) -> (String, Outcome) {
    let mut bench = Bench::new(abi, Fidelity::Faithful);
    bench.script.pre.set(path.pre);
    bench.script.post.set(path.post);
    bench.script.default.set(path.default);
    let operation = bench.operation(op);
    if let Some(agrees) = path.daemon {
        bench.world.daemon = Box::new(Obedient { agrees });
        bench.world.connection.refuses = false;
    }
    let lines = Rc::new(RefCell::new(String::new()));
    bench.world.sink = Box::new(Lines(Rc::clone(&lines)));
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

fn paths(abi: Abi) -> impl Iterator<Item = &'static Path> {
    PATHS.iter().filter(move |path| path.pre != 5 || abi == Abi::V4)
}

#[test]
fn every_operation_on_every_verdict_path_goes_through_the_steps_as_written() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../snapshots/pipeline"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for abi in [Abi::V3, Abi::V4] {
            for op in Op::ALL {
                let mut text = String::new();
                for path in paths(abi) {
                    let (lines, outcome) = play(abi, op, path);
                    let ending = ending(&outcome);
                    write!(text, "{} (code {})\n{lines}  = {ending}\n", path.title, path.pre)
                        .expect("strings take everything");
                }
                insta::assert_snapshot!(format!("{}-{}", op.name(), abi.name()), text);
            }
        }
    });
}

/// Why a cell of the table says the same as its neighbour.
const HOLES: &[(&str, &str)] = &[
    ("release, releasedir: lower fails", "there is no lower step; the lower file is dropped first"),
    ("lookup: lower fails", "any failure of the lower lookup ends in -ENOENT (LOOK-2)"),
    ("statfs: daemon prefilter", "no in argument, so the kernel crashes (USER-1)"),
    ("rename, rename2, symlink: daemon prefilter", "names may not be written to (USER-2)"),
    ("setxattr: daemon postfilter", "no out argument, so a success is a BUG (USER-3)"),
    (
        "buffers: allocation fails",
        "only memory pressure fails an allocation; unit tests of the arena",
    ),
];

#[test]
fn the_table_of_what_the_stages_cover() {
    let mut text = String::from("v4: what each verdict path ends in\n\n");
    let titles: Vec<&str> = paths(Abi::V4).map(|path| path.title).collect();
    for (place, title) in titles.iter().enumerate() {
        writeln!(text, "{:>2}  {title}", place + 1).expect("strings take everything");
    }
    write!(text, "\n{:<16}", "").expect("strings take everything");
    for place in 1..=titles.len() {
        write!(text, "{place:>7}").expect("strings take everything");
    }
    text.push_str("   buffers of the prefilter and postfilter call\n");
    for op in Op::ALL {
        write!(text, "{:<16}", op.name()).expect("strings take everything");
        let mut states = Vec::new();
        for path in paths(Abi::V4) {
            let (lines, outcome) = play(Abi::V4, op, path);
            let mut cell = ending(&outcome).replace("Crash(", "").replace("Hang(", "");
            cell.retain(|letter| letter != ')');
            write!(text, "{cell:>7}").expect("strings take everything");
            for line in lines.lines().filter(|line| line.contains("call ")) {
                let state = line.split_once('[').map_or("none", |(_, rest)| rest);
                let state = state.trim_end_matches(']').replace("] [", ", ");
                if !states.contains(&state) {
                    states.push(state);
                }
            }
        }
        writeln!(text, "   {}", states.join(" / ")).expect("strings take everything");
    }
    text.push_str("\nholes\n");
    for (hole, reason) in HOLES {
        writeln!(text, "  {hole}: {reason}").expect("strings take everything");
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../snapshots/pipeline"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("coverage", text));
}
