//! Messages of somebody else's daemon, served again: the capture of a shell session on a mount of
//! libfuse's passthrough example.

mod support;

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output};

use fuserig::kernel::{World, WorldConfig};
use fuserig::pipeline::{NoDaemon, NullSink};
use fuserig::serve::{Head, Incoming, Listed, Server, ServerConfig};
use fuserig::wire_replay::{Judgement, WireReplayer, exchanges_of, observe, order_of_effects};
use fuserig_abi::{NodeId, Opcode, Timespec};
use fuserig_sim_fs::MemFs;
use fuserig_traces::Trace;
use fuserig_traces::record::{OpRecord, Record};
use support::workspace;

fn fuserig(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fuserig"));
    command.args(arguments).output().expect("the binary was built")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Rows of a tree without the sizes of directories, which every filesystem counts in its own way.
fn rows(tree: &str) -> Vec<Vec<String>> {
    tree.lines()
        .map(|line| {
            let mut columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
            if columns.get(1).is_some_and(|kind| kind == "d") {
                columns[6].clear();
            }
            columns
        })
        .collect()
}

#[test]
fn a_captured_daemon_is_replayed_reply_by_reply_to_its_final_tree() {
    let captures = workspace().join("traces/tests/fuse_strace");
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| scratch.path().join(name).to_str().expect("text").to_owned();
    let log = captures.join("shell.strace.zst");
    let (trace, tree, digests) = (path("t.frt"), path("t.tree"), path("t.sha256"));
    let log = log.to_str().expect("text");
    let imported = fuserig(&["import", "fuse-strace", log, "-o", &trace]);
    assert_eq!(imported.status.code(), Some(0), "{}", text(&imported.stderr));
    let replayed = fuserig(&["replay", &trace, "--tree-out", &tree, "--sha256-out", &digests]);
    let shown = text(&replayed.stdout);
    assert_eq!(replayed.status.code(), Some(0), "{shown}");
    assert!(shown.contains(" 0 divergences"), "{shown}");
    let read = |path: &str| std::fs::read_to_string(path).expect("it was written");
    let expected =
        |name: &str| std::fs::read_to_string(captures.join(name)).expect("it is checked in");
    assert_eq!(rows(&read(&tree)), rows(&expected("shell.tree")));
    assert_eq!(read(&digests), expected("shell.sha256"));
}

/// Daemons with several threads, descriptors for handles and addresses for nodes, and our own:
/// what each answered is what the pipeline answers.
#[test]
fn the_logs_of_other_daemons_replay_without_a_divergence() {
    let captures = workspace().join("traces/tests/fuse_strace");
    let scratch = tempfile::tempdir().expect("a temporary directory");
    for (name, equal) in [
        ("passthrough_ll", 207),
        ("passthrough_fh", 726),
        ("fuserig", 236),
        ("squashfuse", 87),
        ("fuse_overlayfs", 87),
        ("mergerfs", 74),
        ("gocryptfs", 90),
    ] {
        let log = captures.join(format!("{name}.strace.zst"));
        let trace = scratch.path().join(format!("{name}.frt"));
        let (log, trace) = (log.to_str().expect("text"), trace.to_str().expect("text"));
        let imported = fuserig(&["import", log, "-o", trace]);
        let said = text(&imported.stderr);
        assert_eq!(imported.status.code(), Some(0), "{name}: {said}");
        assert!(said.contains("taken for fuse-strace"), "{said}");
        let shown = text(&fuserig(&["replay", trace]).stdout);
        assert!(
            shown.contains(&format!("{equal} replies equal, 0 divergences")),
            "{name}: {shown}"
        );
    }
}

/// A log in the middle of which strace was attached, or a log without its head.
fn replayed(scratch: &Path, log: &Path) -> (Output, Output) {
    let trace = scratch.join("t.frt");
    let (log, trace) = (log.to_str().expect("text"), trace.to_str().expect("text"));
    let imported = fuserig(&["import", "fuse-strace", log, "-o", trace, "--force"]);
    (imported, fuserig(&["replay", trace]))
}

/// How many replies of a replay are equal, and how many differ and rest on what was before.
fn counted(shown: &str) -> (u64, u64) {
    let number = |line: &str| line.trim().split(' ').next().and_then(|word| word.parse().ok());
    let of = |mark: &str| shown.lines().filter(|line| line.contains(mark)).find_map(number);
    (of("replies equal").unwrap_or(0), of("rests on what was before").unwrap_or(0))
}

/// What strace saw of daemons that it was attached to: nodes, open files and removed files from
/// before, several openings of the device, and every form of its columns.
#[test]
fn a_log_that_begins_within_a_session_is_replayed_without_a_divergence() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    for (name, equal) in [
        ("attached_hl", 522),
        ("attached_writeback", 194),
        ("attached_clones", 183),
        ("attached_named", 187),
    ] {
        let log = workspace().join(format!("traces/tests/fuse_strace/{name}.strace.zst"));
        let (imported, replayed) = replayed(scratch.path(), &log);
        let said = text(&imported.stdout);
        assert_eq!(imported.status.code(), Some(0), "{name}: {said}");
        assert!(said.contains("note: no INIT: the log begins after the mount"), "{said}");
        let shown = text(&replayed.stdout);
        assert_eq!(replayed.status.code(), Some(0), "{name}: {shown}");
        assert_eq!(counted(&shown), (equal, 0), "{name}: {shown}");
        assert!(shown.contains("INIT not seen"), "{name}: {shown}");
        assert!(shown.contains(", 2 open files"), "{name}: {shown}");
    }
}

/// Every log that is here, without its first lines, at many places: nothing but what was in flight
/// is missing, and no reply is taken for wrong because its cause was cut off.
#[test]
fn a_log_without_its_head_is_replayed_without_a_divergence_wherever_it_is_cut() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let path = scratch.path().join("cut.strace");
    let (mut cuts, mut equal, mut unjudged) = (0, 0, 0);
    for (name, step) in [
        ("shell", 251),
        ("passthrough_fh", 241),
        ("passthrough_ll", 61),
        ("fuserig", 71),
        ("attached_hl", 131),
        ("attached_writeback", 53),
    ] {
        let log = workspace().join(format!("traces/tests/fuse_strace/{name}.strace.zst"));
        let lines = log_text(&log);
        let lines: Vec<&str> = lines.lines().collect();
        for head in (1..lines.len() - 20).step_by(step) {
            std::fs::write(&path, lines[head..].join("\n") + "\n").expect("written");
            let (imported, replayed) = replayed(scratch.path(), &path);
            let said = text(&imported.stdout) + &text(&imported.stderr);
            assert_eq!(imported.status.code(), Some(0), "{name} from line {head}: {said}");
            let shown = text(&replayed.stdout);
            assert_eq!(replayed.status.code(), Some(0), "{name} from line {head}: {shown}");
            assert!(shown.contains(" 0 divergences"), "{name} from line {head}: {shown}");
            let (same, open) = counted(&shown);
            (cuts, equal, unjudged) = (cuts + 1, equal + same, unjudged + open);
        }
    }
    // What is not judged is the exception, or nothing would be shown.
    assert!(cuts > 50 && equal > 10_000 && unjudged * 100 < equal, "{cuts} {equal} {unjudged}");
}

/// A daemon that lies is found in a log without a head as well.
#[test]
fn a_planted_lie_in_a_log_without_its_head_is_a_finding() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let log = workspace().join("traces/tests/fuse_strace/shell.strace.zst");
    let whole = log_text(&log);
    let path = scratch.path().join("lie.strace");
    // The last LOOKUP of an absent name says EACCES instead of ENOENT.
    let (told, lie) = (r"\xfe\xff\xff\xff", r"\xf3\xff\xff\xff");
    let at = whole.rfind(told).expect("the session asks for absent names");
    let from = whole[..at].match_indices('\n').nth(900).expect("it is late").0 + 1;
    let lied = format!("{}{lie}{}", &whole[from..at], &whole[at + told.len()..]);
    std::fs::write(&path, lied).expect("written");
    let (_, replayed) = replayed(scratch.path(), &path);
    let shown = text(&replayed.stdout);
    assert_eq!(replayed.status.code(), Some(1), "{shown}");
    assert!(shown.contains("FUSE_LOOKUP error: recorded EACCES, ours ENOENT"), "{shown}");
}

/// What `-s` cut is not compared, and the rest is.
#[test]
fn messages_that_strace_cut_are_counted_and_not_compared() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let path = scratch.path().join("short.strace");
    for name in ["shell", "passthrough_ll", "attached_hl"] {
        let log =
            log_text(&workspace().join(format!("traces/tests/fuse_strace/{name}.strace.zst")));
        for bytes in [45, 70, 100, 150, 1000] {
            std::fs::write(&path, shortened(&log, bytes)).expect("written");
            let (imported, replayed) = replayed(scratch.path(), &path);
            let said = text(&imported.stdout);
            assert_eq!(imported.status.code(), Some(1), "{name} -s {bytes}: {said}");
            assert!(said.contains("times cut by strace; record with a larger `-s`"), "{said}");
            let shown = text(&replayed.stdout);
            assert_eq!(replayed.status.code(), Some(0), "{name} -s {bytes}: {shown}");
            assert!(shown.contains("not compared: cut in the recording"), "{shown}");
            assert!(counted(&shown).0 > 0, "{name} -s {bytes}: {shown}");
        }
    }
}

/// A log as `-s BYTES` leaves it.
fn shortened(log: &str, bytes: usize) -> String {
    let mut out = String::new();
    for (number, part) in log.split('"').enumerate() {
        if number > 0 {
            out.push('"');
        }
        // Every second part stands between quotes, in escapes of four letters.
        let is_long = number % 2 == 1 && part.len() > bytes * 4;
        out.push_str(if is_long { &part[..bytes * 4] } else { part });
        if is_long {
            // The quote that ends the string comes with the next part; the mark stands behind it.
            out.push('\u{1}');
        }
    }
    out.replace("\u{1}\"", "\"...")
}

/// The text of a compressed log.
fn log_text(path: &Path) -> String {
    let mut text = String::new();
    let mut log = fuserig_traces::import::open_log(path).expect("the log is there");
    log.read_to_string(&mut text).expect("the log is text");
    text
}

#[test]
fn a_replay_that_starts_from_another_tree_is_a_finding() {
    let log = workspace().join("traces/tests/fuse_strace/shell.strace.zst");
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| scratch.path().join(name).to_str().expect("text").to_owned();
    let (trace, tree) = (path("t.frt"), path("other.tree"));
    std::fs::write(&tree, "/ mode=0700\n").expect("written");
    let log = log.to_str().expect("text");
    assert!(fuserig(&["import", "fuse-strace", log, "-o", &trace]).status.success());
    let replayed = fuserig(&["replay", &trace, "--tree", &tree]);
    assert_eq!(replayed.status.code(), Some(1));
    assert!(text(&replayed.stdout).contains("mode: recorded 0o41777, ours 0o40700"));
    let unjudged = fuserig(&["replay", &trace, "--tree", &tree, "--against", "none"]);
    assert_eq!(unjudged.status.code(), Some(0));
}

#[test]
fn what_has_no_reply_stands_where_it_was_sent() {
    let op = |seq_send, seq_reply| OpRecord { seq_send, seq_reply, ..OpRecord::default() };
    let (first, forget, second) = (op(1, 5), op(3, 0), op(2, 4));
    assert_eq!(order_of_effects([&first, &second, &forget]), [&forget, &second, &first]);
}

/// A server over two names of one file, the second of which nobody looks at.
fn server_of_two_names() -> Server {
    let tree = MemFs::from_tree("/d/\n/d/seen 'text'\n/other = /d/seen\n").expect("a good tree");
    let (daemon, sink) = (Box::new(NoDaemon), Box::new(NullSink));
    let world = World::new(&WorldConfig::default(), Box::new(tree), None, daemon, sink);
    Server::new(world.expect("a world"), ServerConfig::default())
}

/// Messages as a mount has them, from a server of ours.
struct Session {
    server: Server,
    trace: Trace,
}

impl Session {
    fn ask(&mut self, opcode: Opcode, nodeid: u64, body: &[u8]) -> Vec<u8> {
        let incoming = Incoming::decode(opcode, body).expect("well-formed");
        let head = Head { nodeid: NodeId(nodeid), ..Head::default() };
        let reply = self.server.handle(&head, incoming, Timespec::ZERO).encode();
        let sequence = self.trace.records.len() as u64 * 2 + 1;
        self.trace.records.push(Record::Op(OpRecord {
            opcode: opcode.0 as u16,
            nodeid,
            unique: sequence * 2,
            seq_send: sequence,
            seq_reply: sequence + 1,
            request: body.to_vec(),
            reply: reply.clone(),
            ..OpRecord::default()
        }));
        reply
    }

    /// Lists a directory to its end.
    fn list(&mut self, nodeid: u64) {
        let opened = self.ask(Opcode::OPENDIR, nodeid, &[0; 8]);
        let mut offset = 0;
        loop {
            let mut body =
                [&opened[..8], &u64::to_le_bytes(offset), &4096_u32.to_le_bytes()].concat();
            body.resize(40, 0);
            let page = self.ask(Opcode::READDIR, nodeid, &body);
            let listed = Listed::decode_all(&page, false).expect("records");
            let Some(last) = listed.last() else { return };
            offset = last.off;
        }
    }
}

#[test]
fn a_name_that_nobody_saw_is_not_missed_where_the_start_is_known() {
    let mut session = Session { server: server_of_two_names(), trace: Trace::default() };
    session.ask(Opcode::LOOKUP, 1, b"d\0");
    session.list(2);
    session.ask(Opcode::LOOKUP, 2, b"seen\0");
    session.ask(Opcode::GETATTR, 1, &[0; 16]);
    let mut replayer = WireReplayer::new(server_of_two_names(), Judgement::Mapped, 9);
    replayer.assume_start(&session.trace, &observe(&session.trace));
    exchanges_of(&session.trace).for_each(|exchange| replayer.play(&exchange));
    let report = replayer.report();
    assert!(report.agrees() && report.equal == report.served, "{report:?}");
}
