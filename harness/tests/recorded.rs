//! What recordings of real mounts hold: how often the kernel asks, what of many clients comes in
//! which order, and what is left when the writer is too slow or the server is killed.

mod support;

#[path = "support/rig.rs"]
#[expect(dead_code, reason = "each test binary uses its part")]
mod rig;

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use fuserig_traces::record::{NoteKind, OpRecord, Record};
use fuserig_traces::{CacheMode, Trace};
use rig::{Rig, fuserig, is_mounted, pid, runnable, text};
use rustix::fs::{CWD, FallocateFlags, FileType, FlockOperation, Mode, RenameFlags, XattrFlags};
use rustix::mount::UnmountFlags;
use rustix::process::{Signal, WaitId, WaitIdOptions};

/// The numbers of some opcodes.
const WRITE: u16 = 16;
const GETXATTR: u16 = 22;
const SETLK: u16 = 32;
const SETLKW: u16 = 33;
const READDIR: u16 = 28;
const READDIRPLUS: u16 = 44;

/// Does something on a mount that is recorded, ends it, and gives the path of the trace in a
/// directory that lives as long as what is returned.
fn recorded(arguments: &[&str], work: impl FnOnce(&Rig)) -> (tempfile::TempDir, String) {
    let mut all = vec!["-o", "{}/t.frt", "--payload", "full"];
    all.extend(arguments);
    let mut rig = Rig::mount(&all);
    work(&rig);
    let mut process = rig.process.take().expect("it runs");
    let _ = rustix::process::kill_process(pid(&process), Signal::TERM);
    assert_eq!(process.wait().expect("it ends").code(), Some(0));
    assert!(!is_mounted(&rig.at("")));
    let fresh = tempfile::tempdir().expect("a temporary directory");
    let directory = core::mem::replace(&mut rig.directory, fresh);
    let path = directory.path().join("t.frt").to_str().expect("text").to_owned();
    (directory, path)
}

fn read(path: &str) -> Trace {
    let bytes = std::fs::read(path).expect("it was written");
    Trace::read(&bytes[..]).expect("a whole trace")
}

fn operations(trace: &Trace) -> impl Iterator<Item = &OpRecord> {
    trace.records.iter().filter_map(|record| match record {
        Record::Op(op) => Some(op),
        _ => None,
    })
}

fn count(trace: &Trace, opcode: u16) -> usize {
    operations(trace).filter(|op| op.opcode == opcode).count()
}

/// How many bytes the writes of a trace brought.
fn written(trace: &Trace) -> u64 {
    let writes = operations(trace).filter(|op| op.opcode == WRITE);
    // `struct fuse_write_out` begins with the size.
    let sizes = writes.filter_map(|op| op.reply.first_chunk().copied());
    sizes.map(u32::from_le_bytes).map(u64::from).sum()
}

/// Without `FUSE_HANDLE_KILLPRIV_V2` the kernel asks for `security.capability` before each write.
#[test]
fn a_thousand_small_writes_are_a_thousand_requests_and_no_question_about_privileges() {
    if !runnable() {
        return;
    }
    for lower in ["sim", "host:{}/below"] {
        let (_directory, path) = recorded(&["--lower", lower], |rig| {
            let file = File::create(rig.at("f")).expect("made");
            for n in 0..1000 {
                file.write_all_at(&[7; 4096], n * 4096).expect("written");
            }
        });
        let trace = read(&path);
        let (writes, questions) = (count(&trace, WRITE), count(&trace, GETXATTR));
        assert_eq!((writes, written(&trace)), (1000, 4_096_000), "{lower}");
        assert!(questions <= 1, "{lower}: {questions} GETXATTR for {writes} WRITE");
    }
}

#[test]
fn many_small_writes_are_merged_with_writeback_alone_and_the_header_says_which() {
    if !runnable() {
        return;
    }
    let rows = [(&[][..], CacheMode::Through), (&["--writeback"][..], CacheMode::Writeback)];
    for (arguments, cache) in rows {
        let (_directory, path) = recorded(arguments, |rig| {
            let mut file = File::create(rig.at("f")).expect("made");
            for n in 0..2000_u32 {
                file.write_all(&n.to_le_bytes()).expect("written");
            }
            file.sync_all().expect("brought down");
        });
        let trace = read(&path);
        let init = trace.header.init.as_ref().expect("a header of a mount");
        let negotiated = init.flags.iter().any(|flag| flag == "writeback_cache");
        assert_eq!(trace.header.cache, cache);
        assert_eq!(negotiated, cache == CacheMode::Writeback, "{:?}", init.flags);
        let writes = count(&trace, WRITE);
        match cache {
            CacheMode::Writeback => {
                assert!((1..100).contains(&writes), "{writes} requests");
                assert!(written(&trace) >= 8000, "all of it came");
            }
            _ => assert_eq!((writes, written(&trace)), (2000, 8000)),
        }
    }
}

/// With a filter there is none, which would make lookups that nobody asked for.
#[test]
fn a_listing_asks_for_what_it_lists_unless_there_is_a_filter() {
    if !runnable() {
        return;
    }
    for (filter, plus) in [("none", true), ("audit", false)] {
        let (_directory, path) = recorded(&["--filter", filter], |rig| {
            for name in ["a", "b"] {
                std::fs::write(rig.at(name), "x").expect("written");
            }
            for entry in std::fs::read_dir(rig.at("")).expect("listed") {
                entry.expect("read").metadata().expect("there");
            }
        });
        let trace = read(&path);
        let init = trace.header.init.as_ref().expect("a header of a mount");
        let negotiated = init.flags.iter().any(|flag| flag == "do_readdirplus");
        assert_eq!((count(&trace, READDIRPLUS) > 0, negotiated), (plus, plus), "{filter}");
        assert!(plus || count(&trace, READDIR) > 0, "{filter}");
    }
}

/// What a process of each client does, beside what its thread does.
const TOOLS: &str = "set -e
    for n in 1 2 3 4 5; do
        echo $1 $n > tool; cat tool > /dev/null; cp tool copy; mv copy moved
        ls -l > /dev/null || true
        echo hidden > .secret || true; ! test -e .nothing; rm tool moved
    done";

/// One client: its thread, and a process of the same directory.
fn client(directory: &Path, number: usize) {
    std::fs::create_dir(directory).expect("a directory of its own");
    let mut tools = Command::new("sh");
    tools.args(["-c", TOOLS, "sh", &number.to_string()]).current_dir(directory);
    let tools = tools.stderr(std::process::Stdio::null()).spawn().expect("sh runs");
    for round in 0..8_u8 {
        let (a, b) = (directory.join("a"), directory.join("b"));
        let mut options = File::options();
        options.create(true).truncate(true).read(true).write(true);
        let (one, two) = (options.open(&a).expect("made"), options.open(&b).expect("made"));
        one.write_all_at(&[round; 5000], 0).expect("written");
        rustix::fs::fallocate(&one, FallocateFlags::empty(), 5000, 7000).expect("allocated");
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        rustix::fs::fallocate(&one, punch, 100, 200).expect("punched");
        let copied = rustix::fs::copy_file_range(&one, Some(&mut 50), &two, Some(&mut 7), 3000);
        assert_eq!(copied.expect("copied"), 3000);
        rustix::fs::setxattr(&a, "trusted.k", &[round], XattrFlags::empty()).expect("set");
        let mut value = [0; 4];
        assert_eq!(rustix::fs::getxattr(&a, "trusted.k", &mut value[..]).expect("read"), 1);
        assert_eq!(value[0], round);
        rustix::fs::listxattr(&a, &mut [0; 64][..]).expect("listed");
        let rename = |flags| rustix::fs::renameat_with(CWD, &a, CWD, &b, flags);
        assert!(rename(RenameFlags::NOREPLACE).is_err(), "both are there");
        rename(RenameFlags::EXCHANGE).expect("exchanged");
        rustix::fs::removexattr(&b, "trusted.k").expect("it went with its file");
        std::fs::remove_file(&a).expect("removed");
        rustix::fs::renameat_with(CWD, &b, CWD, &a, RenameFlags::NOREPLACE).expect("moved");
        std::fs::remove_file(&a).expect("removed");
    }
    let ended = tools.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "the tools of client {number}");
}

/// One copy while nobody else makes one. Linux 6.18 tries `COPY_FILE_RANGE_64` first and may give
/// up copies altogether when two of them are refused at once: seen in one run of twenty.
fn copy_once(rig: &Rig) {
    std::fs::write(rig.at("from"), "x").expect("written");
    let (from, to) = (File::open(rig.at("from")), File::create(rig.at("to")));
    let (from, to) = (from.expect("opened"), to.expect("made"));
    let copied = rustix::fs::copy_file_range(from, Some(&mut 0), to, Some(&mut 0), 1);
    assert_eq!(copied.expect("copied"), 1);
}

/// Whether a request of one client came before the reply to one of another was made, as often as
/// this is so.
fn overlaps(trace: &Trace) -> usize {
    let answered = operations(trace).filter(|op| op.seq_reply != 0);
    let mut spans: Vec<_> = answered.map(|op| (op.seq_send, op.seq_reply, op.pid)).collect();
    spans.sort_unstable();
    let next = |pair: &&[(u64, u64, u32)]| pair[1].0 < pair[0].1 && pair[0].2 != pair[1].2;
    spans.windows(2).filter(next).count()
}

#[test]
fn what_many_clients_do_at_once_replays_without_a_difference() {
    if !runnable() {
        return;
    }
    let hidden = ["--filter", "hide:.secret", "--fidelity", "intended"];
    let rows = [
        (&[][..], &[][..]),
        (&["--lower", "host:{}/below"][..], &[][..]),
        (&[][..], &hidden[..]),
        (&[][..], &["--filter", "audit"][..]),
    ];
    for (lower, filter) in rows {
        let arguments = [lower, filter, &["--threads", "3"]].concat();
        let (_directory, path) = recorded(&arguments, |rig| {
            copy_once(rig);
            let clients: Vec<_> = (0..8)
                .map(|number| {
                    let directory = rig.at(&format!("client-{number}"));
                    let work = move || client(&directory, number);
                    std::thread::Builder::new().spawn(work).expect("a thread is to be had")
                })
                .collect();
            clients.into_iter().for_each(|client| client.join().expect("every check holds"));
        });
        let trace = read(&path);
        let mut clients: Vec<u32> = operations(&trace).map(|op| op.pid).collect();
        clients.sort_unstable();
        clients.dedup();
        assert!(clients.len() > 16, "threads, shells and tools: {clients:?}");
        assert!(overlaps(&trace) > 0, "{arguments:?}: nobody asked while another was served");
        // SETXATTR, FALLOCATE, RENAME2 and COPY_FILE_RANGE.
        for opcode in [21, 43, 45, 47] {
            let results: Vec<_> =
                operations(&trace).filter(|op| op.opcode == opcode).map(|op| op.result).collect();
            assert!(results.len() >= 64, "{arguments:?}: opcode {opcode} gave {results:?}");
        }
        let replayed = fuserig(&["replay", &path]);
        let shown = text(&replayed.stdout);
        assert_eq!(replayed.status.code(), Some(0), "{arguments:?}:\n{shown}");
        assert!(shown.contains(" 0 divergences"), "{shown}");
        // A host directory has inode numbers and times of its own.
        let exact = shown.contains("every byte compared\n");
        assert_eq!(exact, lower.is_empty(), "{shown}");
    }
}

#[test]
fn a_mount_that_was_given_little_room_is_full_and_replays_without_a_difference() {
    if !runnable() {
        return;
    }
    let full = |error: std::io::Error| assert_eq!(error.raw_os_error(), Some(28), "ENOSPC");
    let (_directory, path) = recorded(&["--size", "64K,6"], |rig| {
        let room = rustix::fs::statvfs(rig.at("")).expect("told");
        assert_eq!((room.f_blocks * room.f_frsize, room.f_files), (64 << 10, 6));
        let file = File::create(rig.at("big")).expect("made");
        file.write_all_at(&[7; 60 << 10], 0).expect("there is room");
        full(file.write_all_at(&[7; 8 << 10], 60 << 10).expect_err("there is no room"));
        for number in 2..6 {
            File::create(rig.at(&format!("f{number}"))).expect("there is room");
        }
        full(File::create(rig.at("f6")).expect_err("there is no room for a name"));
        file.set_len(0).expect("shortened");
        file.write_all_at(&[7; 8 << 10], 0).expect("there is room again");
    });
    let replayed = fuserig(&["replay", &path]);
    let shown = text(&replayed.stdout);
    assert_eq!(replayed.status.code(), Some(0), "{shown}");
}

/// Where a process that waits for a lock says that it is about to.
const ASKS: &str = "../asks";

/// Takes or gives back all of a file, by one kind of lock or the other.
fn lock(file: &File, kind: &str, operation: FlockOperation) {
    let done = match kind {
        "posix" => rustix::fs::fcntl_lock(file, operation),
        _ => rustix::fs::flock(file, operation),
    };
    done.expect("the lock is had or given back");
}

/// The second process of the test below, which runs this in a mount; it does nothing elsewhere.
#[test]
fn who_waits_writes_once_it_has_the_lock() {
    let Some(kind) = ["posix", "flock"].into_iter().find(|kind| Path::new(kind).exists()) else {
        return;
    };
    let file = File::options().read(true).write(true).open("f").expect("it is there");
    std::fs::write(ASKS, "").expect("beside the mount");
    lock(&file, kind, FlockOperation::LockExclusive);
    file.write_all_at(b"second", 0).expect("written");
    lock(&file, kind, FlockOperation::NonBlockingUnlock);
}

/// Whether a process has said that it asks, and all of its threads sleep.
fn waits(process: u32, asks: &Path) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).expect("it lives");
    let asleep = |stat: String| {
        let state = stat.rsplit(')').next().expect("a state");
        state.trim_start().starts_with(['S', 'D'])
    };
    let stats = tasks.map(|task| std::fs::read_to_string(task.expect("read").path().join("stat")));
    asks.exists() && stats.flatten().all(asleep)
}

#[test]
fn a_process_that_waits_for_a_lock_replays_without_a_difference() {
    if !runnable() {
        return;
    }
    for kind in ["posix", "flock"] {
        let (_directory, path) = recorded(&["--locks", kind], |rig| {
            std::fs::write(rig.at(kind), "").expect("made");
            let mut options = File::options();
            options.create(true).truncate(true).read(true).write(true);
            let file = options.open(rig.at("f")).expect("made");
            lock(&file, kind, FlockOperation::NonBlockingLockExclusive);
            let mut command = Command::new(std::env::current_exe().expect("this test"));
            command.args(["--exact", "who_waits_writes_once_it_has_the_lock"]);
            let mut second = command.current_dir(rig.at("")).spawn().expect("it runs");
            while !waits(second.id(), &rig.at(ASKS)) {
                std::thread::yield_now();
            }
            file.write_all_at(b"first", 0).expect("written");
            lock(&file, kind, FlockOperation::NonBlockingUnlock);
            assert!(second.wait().expect("it ends").success());
        });
        let trace = read(&path);
        let one =
            |opcode: u16, nth| operations(&trace).filter(move |op| op.opcode == opcode).nth(nth);
        let waited = one(SETLKW, 0).expect("the second process asks");
        let given_back = one(SETLK, 1).expect("the first gives back what it took");
        let send = given_back.seq_send;
        assert!(waited.seq_send < send && send < waited.seq_reply, "{kind}: it waits");
        let replayed = fuserig(&["replay", &path]);
        let shown = text(&replayed.stdout);
        assert_eq!(replayed.status.code(), Some(0), "{kind}:\n{shown}");
        assert!(shown.contains(" 0 divergences"), "{shown}");
    }
}

/// The trace goes to a pipe that nobody reads, until more has come than may wait.
#[test]
fn what_a_slow_writer_has_no_room_for_is_counted_and_told() {
    const WRITES: u64 = 600;
    if !runnable() {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir(directory.path().join("mnt")).expect("fresh");
    let fifo = directory.path().join("pipe");
    let mode = Mode::from(0o600);
    rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, mode, 0).expect("made");
    // Both ends, so that no open waits for the other.
    let both = File::options().read(true).write(true).open(&fifo).expect("opened");
    let mut command = Command::new(env!("CARGO_BIN_EXE_fuserig"));
    command.arg("mount").arg(directory.path().join("mnt")).args(["--payload", "full", "--force"]);
    let mut rig = Rig::start(
        {
            command.arg("-o").arg(&fifo);
            command
        },
        directory,
    );
    let mut reader = File::open(&fifo).expect("opened");
    drop(both);
    let file = File::create(rig.at("f")).expect("made");
    let data: Vec<u8> = (0..256).flat_map(noise).collect();
    (0..WRITES).for_each(|_| file.write_all_at(&data, 0).expect("served as ever"));
    drop(file);
    let mut process = rig.process.take().expect("it runs");
    let _ = rustix::process::kill_process(pid(&process), Signal::TERM);
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).expect("read");
    assert_eq!(process.wait().expect("it ends").code(), Some(0));
    let mut said = String::new();
    process.stderr.as_mut().expect("piped").read_to_string(&mut said).expect("readable");
    let trace = Trace::read(&bytes[..]).expect("a whole trace");
    let lost = trace.records.iter().find_map(|record| match record {
        Record::Note(note) if note.kind == NoteKind::LOSS => Some(note.count),
        _ => None,
    });
    let lost = lost.expect("a note of what was lost");
    assert!(lost > 0 && count(&trace, WRITE) as u64 + lost >= WRITES, "{lost} are missing");
    assert!(said.contains(&format!("{lost} operations were dropped; the trace says so")), "{said}");
    let path = rig.directory.path().join("t.frt");
    std::fs::write(&path, bytes).expect("written");
    let shown = text(&fuserig(&["trace", "info", path.to_str().expect("text")]).stdout);
    assert!(shown.contains("note records     1\n"), "{shown}");
    assert!(shown.contains(&format!("lost             {lost} operations, as a note")), "{shown}");
    let shown = text(&fuserig(&["trace", "show", path.to_str().expect("text")]).stdout);
    let told = shown.lines().find(|line| line.contains("had no room for"));
    let told = told.expect("the note is shown");
    assert!(told.contains(&lost.to_string()), "{told}");
}

/// Data that no compression makes smaller, different for each number.
fn noise(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..512).flat_map(|_| next().to_le_bytes()).collect()
}

/// Whether a thread of this process sleeps.
fn sleeps(thread: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat"));
    let stat = stat.expect("it lives until it meets an error");
    matches!(stat.rsplit(')').next().expect("a state").trim().chars().next(), Some('S' | 'D'))
}

#[test]
fn a_server_killed_within_a_write_leaves_what_was_written_and_a_trace_to_repair() {
    if !runnable() {
        return;
    }
    let mut rig = Rig::mount(&["--lower", "host:{}/below", "-o", "{}/t.frt"]);
    let (trace, path) = (rig.directory.path().join("t.frt"), rig.at(""));
    let file = File::create(rig.at("f")).expect("made");
    let (sender, id) = std::sync::mpsc::channel();
    let client = std::thread::Builder::new().spawn(move || {
        sender.send(rustix::thread::gettid().as_raw_nonzero().get()).expect("somebody waits");
        let refused = |n: &u64| file.write_all_at(&noise(*n), n * 4096).err();
        (0..).find_map(|n| refused(&n).map(|error| (n, error))).expect("it ends by an error")
    });
    let client = client.expect("a thread is to be had");
    let id = id.recv().expect("it begins");
    // A block of operations is written when it is full, so that several are there.
    while trace.metadata().map_or(0, |found| found.len()) < 1 << 17 {
        std::thread::yield_now();
    }
    let mut process = rig.process.take().expect("it runs");
    rustix::process::kill_process(pid(&process), Signal::STOP).expect("it runs");
    let stopped = WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT;
    rustix::process::waitid(WaitId::Pid(pid(&process)), stopped).expect("it is a child");
    // Nobody answers any more: it sleeps as soon as it waits for an answer.
    while !sleeps(id) {
        std::thread::yield_now();
    }
    process.kill().expect("it is there");
    process.wait().expect("it ends");
    let (written, error) = client.join().expect("it does not hang");
    assert!(matches!(error.raw_os_error(), Some(103 | 107)), "ECONNABORTED, ENOTCONN: {error}");
    let below = std::fs::read(rig.directory.path().join("below/f")).expect("it is there");
    for n in 0..written {
        let at = usize::try_from(n * 4096).expect("a small file");
        assert!(below[at..at + 4096] == noise(n), "write {n} of {written}");
    }
    assert!(is_mounted(&path));
    rustix::mount::unmount(&path, UnmountFlags::DETACH).expect("it is taken away");
    assert!(!is_mounted(&path));
    let (damaged, repaired) = (trace.to_str().expect("text"), format!("{}.new", trace.display()));
    assert_ne!(fuserig(&["trace", "verify", damaged]).status.code(), Some(0), "it has no end");
    let saved = fuserig(&["trace", "repair", damaged, "-o", &repaired]);
    let shown = text(&saved.stdout);
    assert!(shown.contains("saved "), "{shown}{}", text(&saved.stderr));
    let verified = fuserig(&["trace", "verify", &repaired]);
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified.stdout));
    let writes = count(&read(&repaired), WRITE) as u64;
    assert!(writes > 0 && writes <= written + 1, "{writes} of {written}: {shown}");
    let replayed = fuserig(&["replay", &repaired]);
    let shown = text(&replayed.stdout);
    assert!(shown.contains(" 0 divergences"), "{shown}");
}
