//! A daemon of fuser behind the proxy, in a process of its own: its data, a request that is
//! interrupted, and its death while somebody waits for it.

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fuserig_traces::Trace;
use fuserig_traces::ops::OpSpec;
use fuserig_traces::record::{OpRef, PayloadRef, RecordRef};
use rustix::process::{Pid, Signal};

use super::memory::{AWAITED, GREETING, MAX_WRITE, MemoryFs};
use super::rig::{is_mounted, pid, runnable, text};
use super::{Attached, assert_answered, serve_the_device};

/// How often is looked for something that another process does, before it is called a failure.
const LOOKS: u64 = 20_000_000;
const ENOSYS: i64 = 38;

/// This binary is the daemon: the last test here serves when it finds a device.
fn attach() -> Attached {
    let itself = std::fs::read_link("/proc/self/exe").expect("procfs is there");
    let serves = "exec \"$0\" --exact of_fuser::serves_what_is_in_memory --nocapture";
    let script = format!("cd '{{below}}' && echo $$ > pid && {serves}");
    Attached::start(Path::new("sh"), &["-c", &script, itself.to_str().expect("text"), "{}"])
}

/// No test of its own: the daemon of the others.
#[test]
fn serves_what_is_in_memory() {
    // One thread may wait in a read while the other one learns that it is interrupted.
    serve_the_device(MemoryFs::new(PathBuf::from(".")), 2);
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let found = (0..LOOKS).any(|_| {
        std::thread::yield_now();
        is_so()
    });
    assert!(found, "waited in vain until {what}");
}

/// Reads the file whose reads wait, in a process of its own that is seen waiting.
fn reader(attached: &Attached) -> Child {
    let cat = Command::new("cat")
        .arg(attached.at("awaited"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cat is there");
    wait_until("the daemon has the read", || attached.below("waits").exists());
    cat
}

/// The data of the operations with that name by node, at their offsets.
fn data(trace: &Trace, name: &str) -> BTreeMap<u64, BTreeMap<u64, Vec<u8>>> {
    let (mut data, mut stored) = (BTreeMap::new(), BTreeMap::new());
    for record in &trace.records {
        let op = match record.as_ref() {
            RecordRef::Op(op) if OpSpec::name_of(op.opcode) == name => op,
            RecordRef::Payload(payload) => {
                stored.insert(payload.id, payload.bytes.to_vec());
                continue;
            }
            _ => continue,
        };
        let bytes = match op.payload {
            PayloadRef::Inline(bytes) => bytes.to_vec(),
            PayloadRef::Ref { id, .. } => stored[&id].clone(),
            PayloadRef::None => Vec::new(),
            other => panic!("no data: {other:?}"),
        };
        // Behind the handle, in both requests.
        let offset = u64::from_le_bytes(op.request[8..16].try_into().expect("eight bytes"));
        let node: &mut BTreeMap<u64, Vec<u8>> = data.entry(op.nodeid).or_default();
        node.insert(offset, bytes);
    }
    data
}

fn operations<'a>(trace: &'a Trace, name: &str) -> Vec<OpRef<'a>> {
    let operations = trace.records.iter().filter_map(|record| match record.as_ref() {
        RecordRef::Op(op) => Some(op),
        _ => None,
    });
    operations.filter(|op| OpSpec::name_of(op.opcode) == name).collect()
}

#[test]
fn data_of_a_daemon_of_fuser_come_whole_in_the_largest_pieces() {
    if !runnable() {
        return;
    }
    let attached = attach();
    let at = |path: &str| attached.at(path);
    assert_eq!(std::fs::read_to_string(at("greeting")).expect("read"), GREETING);
    let refused = std::fs::write(at("greeting"), "x").expect_err("it stays as it is");
    assert_eq!(refused.raw_os_error(), Some(13), "EACCES, which the daemon says");
    let piece = MAX_WRITE as usize;
    let long: Vec<u8> = (0..3 * piece as u32).map(|number| (number * 7 / 3) as u8).collect();
    let file = std::fs::File::create(at("long")).expect("made");
    for (number, bytes) in long.chunks(piece).enumerate() {
        let offset = (number * piece) as u64;
        assert_eq!(file.write_at(bytes, offset).expect("written"), piece);
    }
    drop(file);
    std::fs::create_dir(at("d")).expect("made");
    std::fs::rename(at("long"), at("d/moved")).expect("moved");
    assert!(std::fs::read(at("d/moved")).expect("read") == long, "what was written is read");
    let names = |path: &str| -> Vec<String> {
        let listed = std::fs::read_dir(at(path)).expect("listed");
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("a name").file_name();
        let mut names: Vec<String> =
            listed.map(|entry| name(entry).into_string().expect("text")).collect();
        names.sort();
        names
    };
    assert_eq!(
        (names(""), names("d")),
        (["awaited", "d", "greeting"].map(str::to_owned).to_vec(), vec!["moved".to_owned()],)
    );
    std::fs::remove_file(at("d/moved")).expect("removed");
    let (code, trace) = attached.end();
    assert_eq!(code, Some(0));
    assert_answered(&trace);
    let (written, read) = (data(&trace, "WRITE"), data(&trace, "READ"));
    let (node, pieces) = written.first_key_value().expect("something was written");
    let lengths: Vec<usize> = pieces.values().map(Vec::len).collect();
    assert_eq!((written.len(), lengths), (1, vec![piece; 3]), "each write is one request");
    assert!(pieces.values().flatten().eq(&long), "the trace has what was written");
    assert!(read[node].values().flatten().eq(&long), "the trace has what was read");
    assert_eq!(read[&2].values().flatten().copied().collect::<Vec<u8>>(), GREETING.as_bytes());
}

#[test]
fn a_request_of_a_process_that_is_ended_is_interrupted_and_answered() {
    if !runnable() {
        return;
    }
    let attached = attach();
    let mut cat = reader(&attached);
    let process = pid(&cat);
    rustix::process::kill_process(process, Signal::TERM).expect("it waits");
    // The kernel told the daemon, and has the process wait for the answer whatever may come.
    let stat = format!("/proc/{}/stat", process.as_raw_nonzero());
    wait_until("nothing can disturb the reader", || {
        std::fs::read_to_string(&stat).expect("it is there").contains(") D ")
    });
    // An interrupt goes before all that is asked later, and its answer before theirs.
    std::fs::metadata(attached.at("nothing")).expect_err("there is none");
    std::fs::write(attached.below("go"), "").expect("written");
    assert_eq!(cat.wait().expect("it ends").signal(), Some(15));
    assert_eq!(std::fs::read_to_string(attached.at("awaited")).expect("read"), AWAITED);
    let (code, trace) = attached.end();
    assert_eq!(code, Some(0));
    assert_answered(&trace);
    let reads = operations(&trace, "READ");
    let interrupts = operations(&trace, "INTERRUPT");
    assert_eq!(interrupts.len(), 1, "fuser 0.18 knows none, and gets no other");
    let (interrupt, read) = (&interrupts[0], &reads[0]);
    assert_eq!(interrupt.unique, read.unique | 1, "FUSE_INT_REQ_BIT");
    assert_eq!(interrupt.request, read.unique.to_le_bytes(), "which request is meant");
    assert!(read.seq_send < interrupt.seq_send && interrupt.seq_send < read.seq_reply);
    assert_eq!(interrupt.result, -ENOSYS);
    assert_eq!(read.result, 0);
    assert_eq!(data(&trace, "READ")[&read.nodeid][&0], AWAITED.as_bytes());
    assert_eq!(read.pid, process.as_raw_nonzero().get() as u32);
}

#[test]
fn a_daemon_that_is_killed_leaves_no_mount_and_nobody_waiting() {
    if !runnable() {
        return;
    }
    let mut attached = attach();
    let cat = reader(&attached);
    let daemon = std::fs::read_to_string(attached.below("pid")).expect("it was told");
    let daemon = daemon.trim().parse().ok().and_then(Pid::from_raw).expect("a pid");
    rustix::process::kill_process(daemon, Signal::KILL).expect("it runs");
    let output = cat.wait_with_output().expect("it ends");
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()), "{said}");
    let mount = attached.at("");
    let mut process = attached.process.take().expect("it runs");
    let (code, trace) = attached.finish(&mut process);
    assert_eq!(code, Some(137));
    assert!(!is_mounted(&mount));
    assert_eq!(std::fs::read_dir(&mount).expect("an ordinary directory").count(), 0);
    // What was on its way is there, without an answer; the rest was answered.
    let [read] = operations(&trace, "READ")[..] else { panic!("one read") };
    assert!(read.seq_reply <= read.seq_send, "{read:?}");
    let unanswered = |name: &str| {
        operations(&trace, name).iter().filter(|op| op.seq_reply <= op.seq_send).count()
    };
    assert_eq!((unanswered("INIT"), unanswered("LOOKUP"), unanswered("OPEN")), (0, 0, 0));
}
