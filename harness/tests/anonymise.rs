//! `trace anonymise`: nothing that identifies is left, filters decide the same, and when they do
//! not there is no output.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use fuserig::anonymise::{AnonymiseFailure, Anonymised, Proving, anonymise_proven};
use fuserig_abi::Abi;
use fuserig_filters::Filter;
use fuserig_traces::anonymise::{Lengths, Mapper, Policy, anonymise};
use fuserig_traces::calls::{ArgKind, CallNr, CallSpec};
use fuserig_traces::record::{
    CallRecord, NoteKind, NoteRecord, OpRecord, Payload, PayloadRecord, Record, StageKind,
    StageRecord, Value,
};
use fuserig_traces::{Trace, text};
use support::{CAPTURES, corpus, corpus_bytes};

const KEY: &[u8] = b"a key that only this test knows";

fn capture(name: &str) -> Trace {
    Trace::read(&corpus_bytes(name)[..]).expect("the corpus is whole")
}

fn make(spec: &str, _: Abi) -> Result<Option<Box<dyn Filter>>, String> {
    fuserig_filters::builtin(spec).map(Some).map_err(|error| error.to_string())
}

fn work(trace: &Trace, policy: &Policy, filters: &[&str]) -> Result<Anonymised, AnonymiseFailure> {
    let filters: Vec<String> = filters.iter().map(|&filter| filter.to_owned()).collect();
    let proving = Proving { filters, partial: false };
    anonymise_proven(trace, KEY, policy, &proving, &mut make, &mut |_, _| {})
}

/// Every name in the paths of a trace.
fn names(trace: &Trace) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for record in &trace.records {
        let Record::Call(call) = record else { continue };
        let spec = CallSpec::by_nr(call.nr).expect("the corpus has known calls");
        for ((_, kind), value) in spec.args.iter().zip(&call.args) {
            if let (ArgKind::Path, Value::Bytes(path)) = (kind, value) {
                let path = String::from_utf8_lossy(path);
                names.extend(path.split('/').map(str::to_owned));
            }
        }
    }
    names
}

#[test]
fn no_name_of_a_capture_is_left_anywhere() {
    let mut looked_for = 0;
    for capture_name in CAPTURES {
        let trace = capture(capture_name);
        let made = work(&trace, &Policy::default(), &["readonly"]).expect("it can be done");
        let shown = format!("{}{}", made.trace.header.to_json(), text::print(&made.trace));
        // Shorter ones are found by chance, or are words of the format.
        for name in names(&trace).iter().filter(|name| name.len() > 5) {
            assert!(!shown.contains(name.as_str()), "{capture_name}: {name} is still there");
            looked_for += 1;
        }
        assert_eq!(made.proofs.len(), 2);
        assert!(made.proofs.iter().all(|proof| proof.decisions > proof.arrivals));
        let again = names(&made.trace).len();
        assert_eq!(again, names(&trace).len(), "{capture_name}: names met at one pseudonym");
    }
    assert!(looked_for >= 100, "only {looked_for} names were looked for");
}

#[test]
fn the_messages_of_a_daemon_are_made_anonymous_too() {
    let Some(captures) = support::shared("captures") else { return };
    let folder = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(folder.path().join("key"), KEY).expect("scratch");
    let log = captures.join("shell.fuse.strace.zst");
    let log = log.to_str().expect("paths are text");
    let ends_with_0 = |arguments: &[&str]| {
        let output = fuserig(folder.path(), arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    };
    ends_with_0(&["import", "fuse-strace", log, "-o", "daemon.frt"]);
    let key = ["--key-file", "key", "--filter", "readonly"];
    ends_with_0(&[&["trace", "anonymise", "daemon.frt", "-o", "safe.frt"][..], &key].concat());
    ends_with_0(&["replay", "safe.frt"]);
    let safe = std::fs::read(folder.path().join("safe.frt")).expect("it was written");
    let safe = Trace::read(&safe[..]).expect("a trace");
    let shown = format!("{}{}", safe.header.to_json(), text::print(&safe));
    let tree = std::fs::read_to_string(captures.join("shell.fuse.tree")).expect("a capture");
    let paths = tree.lines().filter_map(|line| line.split('\t').next());
    let names: BTreeSet<&str> =
        paths.flat_map(|path| path.split('/')).filter(|name| name.len() > 5).collect();
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        assert!(!shown.contains(name), "{name} is still there");
    }
}

/// A name that must not be told, and everything that a leak could look like.
const SECRET: &str = "tresorkammer-7f3a";

/// The secret in every spelling that a form of a trace has, or that a careless one could have.
fn spellings() -> Vec<Vec<u8>> {
    let raw = SECRET.as_bytes();
    let hex = |form: fn(&u8) -> String| raw.iter().map(form).collect::<String>().into_bytes();
    let mut all = vec![
        raw.to_vec(),
        SECRET.to_uppercase().into_bytes(),
        raw.iter().rev().copied().collect(),
        hex(|byte| format!("{byte:02x}")),
        hex(|byte| format!("{byte:02X}")),
        hex(|byte| format!("\\x{byte:02x}")),
        hex(|byte| format!("\\{byte:o}")),
        hex(|byte| format!("\\u{byte:04x}")),
        hex(|byte| format!("%{byte:02X}")),
        hex(|byte| format!("{byte}, ")),
        SECRET.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ];
    // Base64 at each of the three places where the name can begin; the ends depend on neighbours.
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for skip in 0..3 {
        let groups = raw[skip..].chunks_exact(3);
        all.push(
            groups
                .flat_map(|group| {
                    let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
                    [18, 12, 6, 0].map(|shift| DIGITS[(bits >> shift) as usize & 63])
                })
                .collect(),
        );
    }
    all
}

/// Fails if the secret is anywhere in a trace: in the file, in its header, in any record.
#[track_caller]
fn assert_is_nowhere(trace: &Trace) {
    let mut file = Vec::new();
    trace.write(&mut file).expect("memory takes it");
    let shown = format!("{}{}{trace:?}", trace.header.to_json(), text::print(trace));
    for haystack in [file.as_slice(), shown.as_bytes()] {
        for needle in spellings() {
            let found = haystack.windows(needle.len()).any(|window| window == needle);
            assert!(!found, "the name is there as {}", String::from_utf8_lossy(&needle));
        }
    }
}

/// A trace of calls in which the name stands in a path, in the header and in a note.
fn planted() -> Trace {
    let mut trace = capture("shell");
    let name = format!("{SECRET}.txt");
    let last = |record: &Record| match record {
        Record::Call(call) => call.seq_send.max(call.seq_reply),
        _ => 0,
    };
    let seq = trace.records.iter().map(last).max().unwrap_or(0);
    let mkdir = CallRecord {
        seq_send: seq + 1,
        seq_reply: seq + 2,
        client: 9999,
        nr: CallNr::MKDIRAT,
        args: vec![(-100_i64).into(), name.as_str().into(), 0o755_u64.into()],
        ..CallRecord::default()
    };
    trace.records.push(mkdir.into());
    let note = NoteRecord { kind: NoteKind::STORY, text: name.clone(), ..NoteRecord::default() };
    trace.records.push(note.into());
    trace.header.filter = format!("hide:{SECRET}.old");
    trace.header.mount_options = vec![format!("fsname={name}")];
    trace.header.initial_tree = format!("/home/{name}");
    let source = trace.header.source.as_mut().expect("an imported log has one");
    source.what = name;
    trace
}

/// What a filter was asked and what its daemon was told, with the name between bytes that no table
/// knows: requests, stages of every kind that has bytes, and data.
fn opaque(op_seq: u64) -> Vec<Record> {
    let name = format!("{SECRET}.txt");
    let blob = [&[0xff, 0x00, 0x13], name.as_bytes(), b"\0", &[0x80; 9]].concat();
    let op = OpRecord {
        opcode: 1,
        seq_send: op_seq,
        seq_reply: op_seq + 1,
        request: [name.as_bytes(), b"\0"].concat(),
        reply: blob.clone(),
        payload: Payload::Inline(blob.clone()),
        ..OpRecord::default()
    };
    let mut records: Vec<Record> = vec![op.into(), PayloadRecord::new(blob.clone()).into()];
    for kind in [
        StageKind::DAEMON_REQUEST,
        StageKind::DAEMON_REPLY,
        StageKind::PREFILTER_RETURN,
        StageKind::PRINTK,
        StageKind::OUTPUT,
        StageKind::TRAP,
    ] {
        let detail = blob.clone();
        let slot = StageRecord::NO_SLOT;
        records.push(StageRecord { op_seq, step: 1, kind, slot, code: 0, detail }.into());
    }
    records
}

#[test]
fn a_planted_name_is_nowhere_in_the_output_in_any_spelling() {
    let trace = planted();
    for haystack in [trace.header.to_json(), text::print(&trace)] {
        assert!(haystack.contains(SECRET), "the plant is where it can leak from");
    }
    for policy in [
        Policy::default(),
        Policy { extensions: true, dots: true, ..Policy::default() },
        Policy { lengths: Lengths::Hidden, ..Policy::default() },
    ] {
        let made = work(&trace, &policy, &["readonly"]).expect("it can be done");
        assert_is_nowhere(&made.trace);
        // What the pipeline did is made again by a replay, and is no part of the output.
        let mut whole = trace.clone();
        whole.records.extend(opaque(100_000));
        let mut no_tree = |_: &[u8], _: &mut Mapper| Ok(Vec::new());
        let (safe, report) = anonymise(&whole, KEY, &policy, &mut no_tree).expect("it can be done");
        assert_is_nowhere(&safe);
        assert_eq!(report.derived, 8, "an operation, its data, and six stages");
        assert!(made.proofs.iter().any(|proof| proof.filter.contains(SECRET)), "it was compared");
        assert!(made.report.header_fields.iter().any(|field| field == "filter"));
        let kept = made.trace.header.anonymisation.expect("the header says so");
        assert_eq!(kept.filters, ["none", "hide", "readonly"]);
    }
    // A filter that looks at the name itself decides differently, so there is nothing to tell.
    let looks = format!("hide:{SECRET}.txt");
    let lost = work(&trace, &Policy::default(), &[&looks]);
    assert!(matches!(lost, Err(AnonymiseFailure::Decides(_))), "{lost:?}");
    // Who names a filter on the command line wants it to be told.
    let spec = trace.header.filter.clone();
    let named = work(&trace, &Policy::default(), &[&spec]).expect("it can be done");
    assert_eq!(named.trace.header.filter, spec);
}

/// A request about the root as a daemon reads it.
fn message(opcode: u32, unique: u64, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(40 + body.len()).expect("short");
    let mut bytes = len.to_le_bytes().to_vec();
    bytes.extend(opcode.to_le_bytes());
    bytes.extend(unique.to_le_bytes());
    bytes.extend(1_u64.to_le_bytes());
    bytes.extend([0; 16]);
    bytes.extend(body);
    bytes
}

/// Bytes as `strace -xx` writes them.
fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

#[test]
fn what_a_filter_asks_its_daemon_fails_closed() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(folder.path().join("key"), KEY).expect("scratch");
    let name = format!("{SECRET}\0");
    // FUSE_PREFILTER and FUSE_POSTFILTER beside LOOKUP, in either the body of the operation or one
    // that no table knows.
    for (phase, body) in
        [(0x1_0000, name.as_bytes()), (0x2_0000, name.as_bytes()), (0x1_0000, b"\xff\x13")]
    {
        let plain = message(1, 2, name.as_bytes());
        let asked = message(1 | phase, 4, &[body, name.as_bytes()].concat());
        let log: String = [plain, asked]
            .iter()
            .map(|bytes| format!("7 read(3, \"{}\", 99) = {}\n", escaped(bytes), bytes.len()))
            .collect();
        std::fs::write(folder.path().join("log"), log).expect("scratch");
        let import = ["import", "fuse-strace", "log", "-o", "in.frt", "--force"];
        let imported = fuserig(folder.path(), &import);
        assert_eq!(
            imported.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&imported.stderr)
        );
        let anonymise = ["trace", "anonymise", "in.frt", "-o", "out.frt", "--key-file", "key"];
        let refused = fuserig(folder.path(), &anonymise);
        assert_eq!(refused.status.code(), Some(3), "{}", String::from_utf8_lossy(&refused.stderr));
        assert!(!folder.path().join("out.frt").exists(), "nothing is written");
        let said = [refused.stdout, refused.stderr].concat();
        assert!(String::from_utf8_lossy(&said).contains("request of a filter to its daemon"));
        for needle in spellings() {
            assert!(!said.windows(needle.len()).any(|window| window == needle), "nothing is told");
        }
    }
}

#[test]
fn the_same_key_gives_the_same_trace_and_another_key_another() {
    let trace = capture("shell");
    let one = work(&trace, &Policy::default(), &[]).expect("it can be done");
    let two = work(&trace, &Policy::default(), &[]).expect("it can be done");
    assert_eq!(one.trace, two.trace);
    let key = b"another key, as long as needed";
    let other = anonymise_proven(
        &trace,
        key,
        &Policy::default(),
        &Proving::default(),
        &mut make,
        &mut |_, _| {},
    );
    let other = other.expect("it can be done");
    assert_ne!(one.trace.stream_id(), other.trace.stream_id());
    assert_eq!(one.report, other.report);
}

#[test]
fn a_filter_that_looks_at_names_gets_what_it_looks_at_or_no_trace() {
    let trace = capture("shell");
    let lost = work(&trace, &Policy::default(), &["hide:*.jpg"]);
    let Err(AnonymiseFailure::Decides(difference)) = lost else { panic!("{lost:?}") };
    assert_eq!(difference.filter, "hide:*.jpg");
    assert!(difference.original.contains("-> -2"), "{difference}");
    let policy = Policy { extensions: true, ..Policy::default() };
    let made = work(&trace, &policy, &["hide:*.jpg"]).expect("the extension is all it looks at");
    let kept = made.trace.header.anonymisation.expect("the header says so");
    assert_eq!(kept.policy, "component,length=exact,extension");
    assert_eq!(kept.filters, ["none", "hide:*.jpg"]);
    let policy = Policy { names: [b"cover.jpg".to_vec()].into(), ..Policy::default() };
    work(&trace, &policy, &["hide:cover.jpg"]).expect("the name is kept");
}

#[test]
fn lengths_may_be_hidden_where_nobody_measures_them() {
    let trace = capture("sqlite");
    for lengths in [Lengths::Class, Lengths::Hidden] {
        let policy = Policy { lengths, ..Policy::default() };
        let made = work(&trace, &policy, &["readonly"]).expect("no decision depends on a length");
        assert!(made.report.linkable().all(|sentence| !sentence.contains("exactly")));
    }
}

#[test]
fn what_people_wrote_into_a_trace_is_left_out() {
    let mut trace = capture("shell");
    let story = NoteRecord {
        kind: NoteKind::STORY,
        text: "found on the laptop of Ann".into(),
        ..NoteRecord::default()
    };
    trace.records.push(story.into());
    trace.header.mount_options = vec!["allow_other".into(), "fsname=/home/ann".into()];
    trace.header.seed = Some(7);
    let made = work(&trace, &Policy::default(), &[]).expect("it can be done");
    let shown = format!("{}{}", made.trace.header.to_json(), text::print(&made.trace));
    assert!(!shown.contains("ann") && !shown.contains("laptop"));
    assert_eq!(made.report.notes, 1);
    assert_eq!(made.trace.header.mount_options, ["allow_other"]);
    for field in ["mount_options", "seed", "source.what"] {
        assert!(made.report.header_fields.iter().any(|left_out| left_out == field), "{field}");
    }
}

#[test]
fn a_trace_with_nothing_to_play_cannot_be_proven() {
    let nothing = work(&Trace::default(), &Policy::default(), &[]);
    assert!(matches!(nothing, Err(AnonymiseFailure::NothingToReplay)), "{nothing:?}");
    let short = anonymise_proven(
        &capture("shell"),
        b"short",
        &Policy::default(),
        &Proving::default(),
        &mut make,
        &mut |_, _| {},
    );
    assert!(matches!(short, Err(AnonymiseFailure::Input(_))), "{short:?}");
}

fn fuserig(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fuserig"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the binary was built")
}

#[test]
fn the_command_writes_only_what_is_proven() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(folder.path().join("key"), KEY).expect("scratch");
    let shell = corpus("shell", "frt");
    let shell = shell.to_str().expect("paths are text");
    let base = ["trace", "anonymise", shell, "-o", "out.frt", "--key-file", "key"];
    let refused = fuserig(folder.path(), &[&base[..], &["--filter", "hide:*.jpg"]].concat());
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("--keep extension") && said.contains("was not written"), "{said}");
    assert!(!folder.path().join("out.frt").exists(), "it fails closed");
    let kept = ["--filter", "hide:*.jpg", "--keep", "extension"];
    let done = fuserig(folder.path(), &[&base[..], &kept].concat());
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let replayed = fuserig(folder.path(), &["replay", "out.frt"]);
    assert_eq!(replayed.status.code(), Some(0), "the recorded results are still right");
    let again = fuserig(folder.path(), &base);
    assert_eq!(again.status.code(), Some(2), "it does not overwrite");
}

/// How many replies of a replay come out equal.
fn equal_replies(folder: &Path, trace: &str) -> String {
    let replayed = fuserig(folder, &["replay", trace]);
    let shown = String::from_utf8_lossy(&replayed.stdout).into_owned();
    assert_eq!(replayed.status.code(), Some(0), "{shown}");
    shown.lines().find(|line| line.contains("replies equal")).expect("it says so").to_owned()
}

/// The state from before is inferred on both sides, so the proof is about the same replies as a
/// replay, and not about an empty directory.
#[test]
fn a_log_that_begins_within_a_session_is_proven_over_what_its_replies_show() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(folder.path().join("key"), KEY).expect("scratch");
    for name in ["attached_hl", "attached_writeback", "attached_clones", "passthrough_fh"] {
        let log = support::workspace().join(format!("traces/tests/fuse_strace/{name}.strace.zst"));
        let log = log.to_str().expect("paths are text");
        let imported = fuserig(folder.path(), &["import", log, "-o", "in.frt", "--force"]);
        assert_eq!(imported.status.code(), Some(0), "{name}");
        let anonymise = ["trace", "anonymise", "in.frt", "-o", "out.frt", "--key-file", "key"];
        let more = ["--filter", "readonly", "--force", "--format", "json"];
        let made = fuserig(folder.path(), &[&anonymise[..], &more].concat());
        let said = String::from_utf8_lossy(&[made.stdout, made.stderr].concat()).into_owned();
        assert_eq!(made.status.code(), Some(0), "{name}: {said}");
        let said: serde_json::Value = serde_json::from_str(&said).expect("one object");
        assert_eq!(said["unproven"], 0, "{name}");
        let of = |filter: usize, what: &str| said["proofs"][filter][what].as_u64();
        assert!(of(0, "decisions") >= of(0, "arrivals"), "{name}: every reply counts: {said}");
        assert!(of(1, "decisions") > Some(0), "{name}: the filter decided nothing: {said}");
        let path = folder.path();
        assert_eq!(equal_replies(path, "in.frt"), equal_replies(path, "out.frt"), "{name}");
    }
}

#[test]
fn what_the_recording_does_not_show_is_not_proven_and_fails_closed() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(folder.path().join("key"), KEY).expect("scratch");
    let lookup = |unique: u64, name: &str, kept: usize| {
        let bytes = message(1, unique, format!("{name}\0").as_bytes());
        let (text, cut) = (escaped(&bytes[..bytes.len().min(kept)]), bytes.len() > kept);
        let dots = if cut { "..." } else { "" };
        let absent = [&16_u32.to_le_bytes()[..], &(-2_i32).to_le_bytes(), &unique.to_le_bytes()];
        format!(
            "7 read(3, \"{text}\"{dots}, 99) = {}\n7 write(3, \"{}\", 16) = 16\n",
            bytes.len(),
            escaped(&absent.concat())
        )
    };
    let import = |log: &str| {
        std::fs::write(folder.path().join("log"), log).expect("scratch");
        let import = ["import", "fuse-strace", "log", "-o", "in.frt", "--force"];
        fuserig(folder.path(), &import);
    };
    let anonymise = ["trace", "anonymise", "in.frt", "-o", "out.frt", "--key-file", "key"];
    import(&[lookup(2, "absent", 999), lookup(4, SECRET, 50)].concat());
    let refused = fuserig(folder.path(), &anonymise);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("1 of 2 arrivals") && said.contains("--partial-proof"), "{said}");
    assert!(!folder.path().join("out.frt").exists(), "it fails closed");
    let partial = fuserig(folder.path(), &[&anonymise[..], &["--partial-proof"]].concat());
    assert_eq!(partial.status.code(), Some(0), "{}", String::from_utf8_lossy(&partial.stderr));
    let said = String::from_utf8_lossy(&partial.stdout).into_owned();
    assert!(said.contains("not proven: 1 arrivals"), "{said}");
    let safe = std::fs::read(folder.path().join("out.frt")).expect("it was written");
    let safe = Trace::read(&safe[..]).expect("a trace");
    assert_eq!(safe.header.anonymisation.as_ref().expect("the header says so").unproven, 1);
    let shown = fuserig(folder.path(), &["trace", "info", "out.frt"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("nothing is proven for 1"), "whoever gets it sees it: {shown}");
    // Where nothing can be judged there is nothing to accept.
    import(&lookup(4, SECRET, 50));
    let more = ["--partial-proof", "--force"];
    let nothing = fuserig(folder.path(), &[&anonymise[..], &more].concat());
    assert_eq!(nothing.status.code(), Some(4), "{}", String::from_utf8_lossy(&nothing.stderr));
}
