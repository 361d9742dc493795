//! Replays of the corpus end in the recorded tree, with the recorded result of every call.

mod support;
#[path = "replay/waits.rs"]
mod waits;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fuserig::replay::{
    ReplayOptions, ReplayReport, Replayer, StopFlag, TreeOutput, empty_lower, tree_output,
};
use fuserig_abi::{Abi, Fidelity};
use fuserig_filters::{Filter, builtin};
use fuserig_sim_fs::{Lower, MemFs, MemFsOptions};
use fuserig_traces::import::{StraceOptions, import_strace, open_log};
use fuserig_traces::record::{CallRecord, Payload, PayloadId, Record};
use fuserig_traces::{
    Clock, ClockKind, Header, PayloadMode, Source, SourceKind, Trace, TraceWriter,
};
use support::{CAPTURES, corpus_bytes, corpus_text, shared};

/// Everything a replay leaves behind.
#[derive(Debug, PartialEq, Eq)]
struct Played {
    report: ReplayReport,
    tree: TreeOutput,
    trace: Vec<u8>,
}

fn play(trace: &Trace, abi: Abi, fidelity: Fidelity, filter: Option<Box<dyn Filter>>) -> Played {
    let lower = Box::new(empty_lower(&trace.header.lower));
    play_over(trace, abi, fidelity, filter, lower)
}

fn play_over(
    trace: &Trace,
    abi: Abi,
    fidelity: Fidelity,
    filter: Option<Box<dyn Filter>>,
    lower: Box<dyn Lower>,
) -> Played {
    run(trace, ReplayOptions { abi, fidelity, filter, lower, payload: PayloadMode::Hash })
}

fn play_with(trace: &Trace, payload: PayloadMode) -> Played {
    let (abi, fidelity, filter) = (Abi::V4, Fidelity::Intended, None);
    let lower = Box::new(empty_lower(&trace.header.lower));
    run(trace, ReplayOptions { abi, fidelity, filter, lower, payload })
}

fn run(trace: &Trace, options: ReplayOptions) -> Played {
    let header = Header { payload: options.payload, ..trace.header.clone() };
    let mut replayer = Replayer::new(&trace.header, options).expect("the lower mounts");
    let mut writer = TraceWriter::create(Vec::new(), header).expect("memory takes it");
    let stop: StopFlag = Arc::new(AtomicBool::new(false));
    replayer.run(trace, Some(&mut writer), &stop, &mut |_, _| {}).expect("the trace has calls");
    let (_, bytes) = writer.finish().expect("memory takes it");
    let report = replayer.report().clone();
    let mut world = replayer.into_vfs().into_world();
    let caller = world.kernel_caller();
    let tree = tree_output(&mut *world.lower, &caller).expect("the tree can be read");
    Played { report, tree, trace: bytes }
}

fn without_directory_sizes(rows: impl AsRef<[u8]>) -> String {
    let rows = str::from_utf8(rows.as_ref()).expect("the captures have plain names");
    rows.lines()
        .map(|row| {
            let mut fields: Vec<&str> = row.split('\t').collect();
            if fields.get(1) == Some(&"d") && fields.len() > 6 {
                fields[6] = "-";
            }
            fields.join("\t") + "\n"
        })
        .collect()
}

/// Whether a log is judged by the faithful kernel too. That of `calls` opens with O_TMPFILE, which
/// a fuse-bpf mount refuses with EBADF (N16), and in that of `programs` lsattr asks for inode
/// flags, which no mount passes on; programs that do not meet a mistake see none.
fn fidelities(name: &str) -> &'static [Fidelity] {
    if ["calls", "programs"].contains(&name) { &[Fidelity::Intended] } else { &Fidelity::ALL }
}

fn check_capture(name: &str, trace: &Trace, tree: &str, digests: &str) {
    for abi in Abi::POSTED {
        for &fidelity in fidelities(name) {
            let played = play(trace, abi, fidelity, None);
            let first = played.report.divergences.first();
            assert_eq!(played.report.divergences_total, 0, "{name} {abi} {fidelity}: {first:?}");
            assert_eq!(
                without_directory_sizes(&played.tree.rows),
                without_directory_sizes(tree),
                "{name} {abi} {fidelity}"
            );
            assert_eq!(played.tree.digests, digests.as_bytes(), "{name} {abi} {fidelity}");
            assert_eq!(played.report.leaks.lower_files, 0, "{name}: every file was released");
        }
    }
}

#[test]
fn each_capture_of_the_corpus_ends_as_recorded() {
    for name in CAPTURES {
        let trace = Trace::read(&corpus_bytes(name)[..]).expect("the corpus is readable");
        let (tree, digests) = (corpus_text(name, "tree"), corpus_text(name, "sha256"));
        check_capture(name, &trace, &tree, &digests);
    }
}

/// Logs of more programs, checked in beside the importer's tests.
const FIXTURES: [&str; 8] =
    ["calls", "editors", "node", "programs", "rsync", "tar", "users", "wal"];

#[test]
fn the_logs_of_other_programs_end_as_recorded() {
    let folder = support::workspace().join("traces/tests/strace");
    check_logs(&folder, &FIXTURES);
}

#[test]
fn each_log_that_is_imported_anew_ends_as_recorded() {
    let Some(captures) = shared("captures") else { return };
    check_logs(&captures, &CAPTURES);
}

/// A trace of a log, and whether the log had everything.
fn imported(log: impl std::io::BufRead) -> (Trace, bool) {
    let mut records = Vec::new();
    let mut keep = |call: CallRecord| {
        records.push(call.into());
        ControlFlow::Continue(())
    };
    let report = import_strace(log, &StraceOptions::new("/srv/work"), &mut keep).expect("a log");
    let header = Header {
        clock: Some(Clock { kind: ClockKind::Realtime, base_ns: report.first_ns }),
        source: Some(Source {
            kind: SourceKind::Strace,
            root: "/srv/work".to_owned(),
            ..Source::default()
        }),
        lower: report.lower,
        ..Header::default()
    };
    (Trace { header, records }, report.is_lossless())
}

fn check_logs(captures: &std::path::Path, names: &[&str]) {
    for name in names {
        let log = captures.join(format!("{name}.strace.zst"));
        let (trace, lossless) = imported(open_log(&log).expect("the capture is there"));
        // The log of sqlite in WAL mode maps its index for writing, which no log shows.
        assert!(lossless || *name == "wal", "{name}: something was lost");
        let read = |kind: &str| {
            std::fs::read_to_string(captures.join(format!("{name}.{kind}"))).expect("beside it")
        };
        check_capture(name, &trace, &read("tree"), &read("sha256"));
    }
}

/// Calls of one process in the directory, one a line, as a log.
fn log_of(calls: &[&str]) -> String {
    let mut log = "7 1700000000.0 chdir(\"/srv/work\") = 0 <0.1>\n".to_owned();
    for (at, call) in calls.iter().enumerate() {
        log.push_str(&format!("7 1700000001.{at:06} {call} <0.000001>\n"));
    }
    log
}

#[test]
fn bytes_that_no_log_shows_are_as_later_reads_saw_them() {
    let open = "openat(AT_FDCWD</srv/work>, \"m\", O_RDWR|O_CREAT, 0644) = 3</srv/work/m>";
    let size = "ftruncate(3</srv/work/m>, 8) = 0";
    let map = "mmap(NULL, 8, PROT_READ|PROT_WRITE, MAP_SHARED, 3</srv/work/m>, 0) = 0x7f0000000000";
    let seen = "pread64(3</srv/work/m>, \"hi\\0\\0\\0\\0\\0\\0\", 8, 0) = 8";
    let played = |calls: &[&str]| {
        let (trace, lossless) = imported(log_of(calls).as_bytes());
        (play(&trace, Abi::V4, Fidelity::Intended, None), lossless)
    };
    let (mapped, lossless) = played(&[open, size, map, seen]);
    assert!(!lossless, "the import says that stores are missing");
    assert_eq!((mapped.report.divergences_total, mapped.report.unseen_bytes), (0, 2));
    // Nothing explains the bytes in a file that nobody mapped for writing.
    let private = map.replace("MAP_SHARED", "MAP_PRIVATE");
    for calls in [&[open, size, seen][..], &[open, size, &private, seen]] {
        let (unmapped, _) = played(calls);
        assert_eq!((unmapped.report.divergences_total, unmapped.report.unseen_bytes), (1, 0));
    }
    // Data from outside have a length, and what reads show of them.
    let copied = "sendfile(3</srv/work/m>, 5</etc/passwd>, NULL, 100) = 4";
    let (copied, lossless) = played(&[
        open,
        copied,
        "fstat(3</srv/work/m>, {st_mode=S_IFREG|0644, st_size=4, ...}) = 0",
        "lseek(3</srv/work/m>, 0, SEEK_SET) = 0",
        "read(3</srv/work/m>, \"root\", 100) = 4",
    ]);
    assert!(!lossless);
    assert_eq!((copied.report.divergences_total, copied.report.unseen_bytes), (0, 4));
    let digest = "4813494d137e1631bba301d5acab6e7bb7aa74ce1185d456565ef51d737677b2  ./m\n";
    assert_eq!(String::from_utf8_lossy(&copied.tree.digests), digest);
}

/// A filesystem fills the buffer of getdents; a fuse-bpf kernel hands out a page at a time.
#[test]
fn a_listing_fills_the_buffer_but_on_a_faithful_kernel() {
    let mut calls: Vec<String> = (0..300)
        .map(|at| format!("mknodat(AT_FDCWD</srv/work>, \"name{at:03}\", S_IFREG|0644) = 0"))
        .collect();
    calls.push("openat(AT_FDCWD</srv/work>, \".\", O_RDONLY|O_DIRECTORY) = 3</srv/work>".into());
    let bytes = 300 * 32 + 24 + 24;
    calls.push(format!("getdents64(3</srv/work>, 0x7f /* 302 entries */, 32768) = {bytes}"));
    calls.push("getdents64(3</srv/work>, 0x7f /* 0 entries */, 32768) = 0".into());
    let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    let (trace, _) = imported(log_of(&calls).as_bytes());
    let intended = play(&trace, Abi::V4, Fidelity::Intended, None);
    assert_eq!(intended.report.divergences, []);
    let faithful = play(&trace, Abi::V4, Fidelity::Faithful, None);
    let differs = |call: &fuserig::replay::Divergence| call.call.contains("getdents64");
    assert!(faithful.report.divergences.iter().all(differs));
    assert!(!faithful.report.divergences.is_empty());
}

#[test]
fn calls_on_a_fifo_are_taken_over() {
    let log = log_of(&[
        "mknodat(AT_FDCWD</srv/work>, \"p\", S_IFIFO|0644) = 0",
        "openat(AT_FDCWD</srv/work>, \"p\", O_RDWR) = 3</srv/work/p>",
        "read(3</srv/work/p>, \"hi\\n\", 10) = 3",
        "lseek(3</srv/work/p>, 0, SEEK_CUR) = -1 ESPIPE (Illegal seek)",
        "fstat(3</srv/work/p>, {st_mode=S_IFIFO|0644, st_size=0, ...}) = 0",
        "close(3</srv/work/p>) = 0",
        "openat(AT_FDCWD</srv/work>, \"p\", O_WRONLY|O_NONBLOCK) = -1 ENXIO (No such device)",
        "openat(AT_FDCWD</srv/work>, \"p\", O_RDONLY) = -1 EMFILE (Too many open files)",
    ]);
    let (trace, _) = imported(log.as_bytes());
    let played = play(&trace, Abi::V4, Fidelity::Intended, None);
    assert_eq!(played.report.divergences, []);
    assert_eq!(played.report.beyond, 3);
}

#[test]
fn a_replay_of_a_replay_is_the_same_trace() {
    for name in CAPTURES {
        let trace = Trace::read(&corpus_bytes(name)[..]).expect("the corpus is readable");
        for spec in ["none", "hide:*.jpg", "audit"] {
            let filter = || match spec {
                "none" => None,
                spec => Some(builtin(spec).expect("a built-in filter")),
            };
            let first = play(&trace, Abi::V4, Fidelity::Faithful, filter());
            let again = play(&trace, Abi::V4, Fidelity::Faithful, filter());
            assert_eq!(first, again, "{name} {spec}: the same run twice");
            let replayed = Trace::read(&first.trace[..]).expect("what was written is readable");
            let second = play(&replayed, Abi::V4, Fidelity::Faithful, filter());
            assert_eq!(second.report.divergences, [], "{name} {spec}");
            assert_eq!(second.trace, first.trace, "{name} {spec}: byte for byte");
        }
    }
}

#[test]
fn a_changed_record_is_found_at_its_place() {
    let mut trace = Trace::read(&corpus_bytes("shell")[..]).expect("the corpus is readable");
    let mut planted = 0;
    for record in &mut trace.records {
        if let fuserig_traces::record::Record::Call(call) = record
            && call.source_line == 306
        {
            call.errno = 13;
            call.result = -1;
            planted += 1;
        }
    }
    assert_eq!(planted, 1, "line 306 opens photos/2024/IMG_1.jpg");
    let played = play(&trace, Abi::V4, Fidelity::Intended, None);
    let first = played.report.divergences.first().expect("the planted change is found");
    assert_eq!((first.line, &first.mismatch.what[..]), (306, "errno"));
    assert_eq!((&first.mismatch.recorded[..], &first.mismatch.replayed[..]), ("EACCES", "success"));
}

#[test]
fn a_changed_filter_is_found_when_a_replay_is_replayed() {
    let trace = Trace::read(&corpus_bytes("shell")[..]).expect("the corpus is readable");
    let recorded = play(&trace, Abi::V4, Fidelity::Faithful, Some(builtin("audit").expect("it")));
    let recorded = Trace::read(&recorded.trace[..]).expect("what was written is readable");
    let played = play(&recorded, Abi::V4, Fidelity::Faithful, None);
    assert_eq!(played.report.divergences_total, 1, "only the first difference counts");
    assert_eq!(played.report.divergences[0].mismatch.what, "stage");
}

#[test]
fn the_host_arm_ends_as_the_simulated_one() {
    let Some(directory) = support::private_tmpfs_directory() else { return };
    for name in CAPTURES {
        let root = tempfile::tempdir_in(directory.path()).expect("a directory in it");
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(root.path(), mode).expect("it is ours");
        let lower = fuserig_sim_fs::HostFs::open(root.path()).expect("it is a directory");
        let trace = Trace::read(&corpus_bytes(name)[..]).expect("the corpus is readable");
        let played = play_over(&trace, Abi::V4, Fidelity::Intended, None, Box::new(lower));
        // The host lower takes no byte-range locks for others (see its documentation).
        let first = played.report.divergences.iter().find(|divergence| {
            !divergence.call.contains("fcntl_lock(") || divergence.mismatch.replayed != "EOPNOTSUPP"
        });
        assert_eq!(first, None, "{name}");
        let tree = corpus_text(name, "tree");
        assert_eq!(
            without_directory_sizes(&played.tree.rows),
            without_directory_sizes(&tree),
            "{name}"
        );
        assert_eq!(played.tree.digests, corpus_text(name, "sha256").as_bytes(), "{name}");
    }
}

/// A replay's own trace whose data are kept as `keep` makes them of the bytes.
fn with_data(trace: &Trace, mode: PayloadMode, keep: impl Fn(Vec<u8>) -> Payload) -> Trace {
    let mut trace = trace.clone();
    trace.header.payload = mode;
    for record in &mut trace.records {
        if let Record::Op(op) = record
            && let Payload::Inline(bytes) = core::mem::take(&mut op.payload)
        {
            op.payload = keep(bytes);
        }
    }
    trace
}

#[test]
fn requests_come_again_with_the_data_that_their_trace_keeps() {
    let corpus = Trace::read(&corpus_bytes("shell")[..]).expect("the corpus is readable");
    let played = play_with(&corpus, PayloadMode::Full);
    let full = Trace::read(&played.trace[..]).expect("a replay's trace is readable");
    let check = |trace: &Trace, what: Option<&str>| {
        for mode in [PayloadMode::None, PayloadMode::Hash, PayloadMode::Full] {
            let divergences = play_with(trace, mode).report.divergences;
            let first = divergences.first().map(|divergence| divergence.mismatch.what.as_str());
            assert_eq!(first, what, "{mode:?} {divergences:#?}");
        }
    };
    // As format 1.0 has it in mode `hash`.
    let named = |bytes: Vec<u8>| {
        let (len, id) = (bytes.len() as u64, PayloadId::of(&bytes));
        Payload::Ref { len, id }
    };
    let other = |mut bytes: Vec<u8>| {
        bytes[0] ^= 1;
        bytes
    };
    let summary = |mode: PayloadMode, bytes: &[u8]| {
        mode.summary(bytes).expect("the mode does not keep bytes").to_owned()
    };
    check(&full, None);
    check(
        &with_data(&full, PayloadMode::Full, |bytes| Payload::Inline(other(bytes))),
        Some("request"),
    );
    check(&with_data(&full, PayloadMode::Hash, named), None);
    check(&with_data(&full, PayloadMode::Hash, |bytes| named(other(bytes))), Some("request"));
    let hash = |bytes: &[u8]| summary(PayloadMode::Hash, bytes);
    check(&with_data(&full, PayloadMode::Hash, |bytes| hash(&bytes)), None);
    check(&with_data(&full, PayloadMode::Hash, |bytes| hash(&other(bytes))), Some("request"));
    check(&with_data(&full, PayloadMode::Hash, |_| Payload::None), Some("request"));
    let len = |bytes: Vec<u8>| summary(PayloadMode::Len, &bytes);
    check(&with_data(&full, PayloadMode::Len, len), None);
    check(&with_data(&full, PayloadMode::Len, |_| Payload::Len(1)), Some("request"));
    check(&with_data(&full, PayloadMode::None, |_| Payload::None), None);

    let mut old = Vec::new();
    with_data(&full, PayloadMode::Hash, named).write(&mut old).expect("memory takes it");
    assert!(fuserig_traces::tools::verify(&old[..]).expect("a trace").is_whole());
}

#[test]
fn a_stop_in_the_middle_leaves_a_readable_trace() {
    let trace = Trace::read(&corpus_bytes("git")[..]).expect("the corpus is readable");
    let options = ReplayOptions {
        abi: Abi::V4,
        fidelity: Fidelity::Intended,
        filter: None,
        lower: Box::new(MemFs::new(MemFsOptions::default())),
        payload: PayloadMode::Hash,
    };
    let mut replayer = Replayer::new(&trace.header, options).expect("the lower mounts");
    let header = Header { payload: PayloadMode::Hash, ..trace.header.clone() };
    let mut writer = TraceWriter::create(Vec::new(), header).expect("memory takes it");
    let stop: StopFlag = Arc::new(AtomicBool::new(false));
    let at_thousand = Arc::clone(&stop);
    let mut progress = |done: u64, _: u64| {
        if done == 1000 {
            at_thousand.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    };
    replayer.run(&trace, Some(&mut writer), &stop, &mut progress).expect("it has calls");
    assert!(replayer.report().stopped);
    let (summary, bytes) = writer.finish().expect("memory takes it");
    assert_eq!(summary.count(fuserig_traces::record::RecordKind::Call), 1000);
    assert!(fuserig_traces::tools::verify(&bytes[..]).expect("a trace").is_whole());
}
