//! Several requests at once in a filesystem of several threads.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    FileAttr, FileHandle, FileType, FopenFlags, Generation, INodeNo, LockOwner,
    OpenFlags as FuserOpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyWrite, Request, WriteFlags,
};
use fuserig::door::{self, MockKernel, MockOptions};
use fuserig::prelude::{
    Abi, Action, Case, Finding, Invariant, Program, SchedulerKind, Seed, Seen, Simulation, Subject,
    Summary, Text, invariant,
};
use fuserig::vfs::{Call, Output, PathAt, Target};
use fuserig_abi::{Credentials, Errno, Pid};
use fuserig_sim_fs::OpenFlags;

use super::CLIENT;
use super::example::{NoteFs, is_implemented};

const OTHER: Pid = Pid(8);
const VALID: Duration = Duration::ZERO;

/// What every name is.
const FILE: INodeNo = INodeNo(2);

/// The root, or the one file.
fn attr(ino: INodeNo, size: u64) -> FileAttr {
    let is_file = ino == FILE;
    FileAttr {
        ino,
        size,
        blocks: 0,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: if is_file { FileType::RegularFile } else { FileType::Directory },
        perm: 0o755,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

/// How a ticket is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drawing {
    /// The number is looked at and moved on under one lock.
    Right,
    /// The lock is given back in between. Whoever looks first waits for a moment whether somebody
    /// else looks as well, so that two handlers at once certainly draw the same.
    Racing,
    /// Every ticket has the same number; who draws waits in the same way.
    Same,
}

/// GETATTR of the file draws a ticket: its length is the number, which nobody else should get.
struct Tickets {
    drawing: Drawing,
    last: Mutex<u64>,
    inside: Mutex<u32>,
    came: Condvar,
    /// How long somebody else is waited for. Alone it is for nothing, and with others it is there
    /// for a machine that does much else.
    moment: Duration,
    /// How often two handlers were inside at once.
    met: Arc<AtomicU64>,
}

impl Tickets {
    fn new(drawing: Drawing, threads: usize) -> Tickets {
        let met = Arc::default();
        let (last, inside, came) = (Mutex::default(), Mutex::default(), Condvar::new());
        let moment = Duration::from_millis(if threads > 1 { 100 } else { 10 });
        Tickets { drawing, last, inside, came, moment, met }
    }

    fn meet(&self) {
        let mut inside = self.inside.lock().expect("nobody panics");
        *inside += 1;
        self.came.notify_all();
        let (mut inside, waited) =
            self.came.wait_timeout_while(inside, self.moment, |inside| *inside < 2).expect("none");
        self.met.fetch_add(u64::from(!waited.timed_out()), Ordering::Relaxed);
        *inside -= 1;
    }

    fn draw(&self) -> u64 {
        match self.drawing {
            Drawing::Right => {
                let mut last = self.last.lock().expect("nobody panics");
                *last += 1;
                *last
            }
            Drawing::Racing => {
                let number = *self.last.lock().expect("nobody panics") + 1;
                self.meet();
                *self.last.lock().expect("nobody panics") = number;
                number
            }
            Drawing::Same => {
                self.meet();
                1
            }
        }
    }
}

impl fuser::Filesystem for Tickets {
    fn lookup(&self, _: &Request, _: INodeNo, _: &OsStr, reply: ReplyEntry) {
        reply.entry(&VALID, &attr(FILE, 0), Generation(0));
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let number = if ino == FILE { self.draw() } else { 0 };
        reply.attr(&VALID, &attr(ino, number));
    }
}

/// No number is drawn twice.
#[derive(Debug, Default)]
struct EachOnce(BTreeSet<u64>);

impl Invariant for EachOnce {
    fn name(&self) -> &'static str {
        "each_once"
    }

    fn begin(&mut self, _: &fuserig::prelude::MemFs) {
        self.0.clear();
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        match &seen.result.output {
            Output::Stat(stat) if !self.0.insert(stat.size) => {
                Err(format!("ticket {} is drawn twice", stat.size))
            }
            _ => Ok(()),
        }
    }
}

fn threads(threads: usize) -> MockOptions {
    MockOptions { threads, patience_secs: 5, ..MockOptions::default() }
}

fn draws_tickets(action: &Action) -> bool {
    let Action::Stat { path, .. } = action else { return false };
    !path.0.is_empty() && path.0.iter().all(u8::is_ascii_lowercase) && path.0.len() < 256
}

/// Three clients draw tickets.
fn simulate(drawing: Drawing, options: &MockOptions, runs: u64) -> Result<Summary, Box<Finding>> {
    let threads = options.threads;
    Simulation::new(Seed(1))
        .as_root()
        .clients(3)
        .operations(6)
        .runs(runs)
        .scheduler(SchedulerKind::Uniform)
        .only(draws_tickets)
        .run(door::filesystem_with(options, move || Tickets::new(drawing, threads)))
        .check(EachOnce::default())
        .result()
}

#[test]
fn a_race_between_threads_is_found_and_shrinks_to_two_clients() {
    for threads_of_it in [2, 3] {
        let finding = simulate(Drawing::Racing, &threads(threads_of_it), 64)
            .expect_err("two that are inside at once draw the same");
        assert_eq!(finding.violation.invariant, "each_once", "{finding}");
        // One of them may have looked the name up before, so that only the draw is asked for.
        assert_eq!(finding.case.clients.len(), 2, "{finding}");
        assert!((2..=3).contains(&finding.case.operations()), "{finding}");
        // The one has its request under way when the other goes on.
        assert!(finding.case.schedule.switches.len() <= 3, "{finding}");
        assert!(finding.to_string().contains("reply to FUSE_GETATTR"), "{finding}");
    }
}

#[test]
fn what_takes_turns_never_races() {
    let one = simulate(Drawing::Racing, &threads(1), 16);
    assert!(one.is_ok_and(|summary| summary.operations > 40));
}

#[test]
fn nothing_is_found_without_the_race() {
    let summary = simulate(Drawing::Right, &threads(3), 400).unwrap_or_else(|finding| {
        panic!("\n{finding}");
    });
    assert!(summary.operations > 1200, "{}", summary.operations);
}

#[test]
fn a_run_does_not_depend_on_which_thread_was_faster() {
    let met = Arc::new(AtomicU64::new(0));
    let digest = || {
        let met = Arc::clone(&met);
        let make = move || Tickets { met: Arc::clone(&met), ..Tickets::new(Drawing::Same, 3) };
        Simulation::new(Seed(5))
            .as_root()
            .clients(3)
            .operations(6)
            .runs(16)
            .scheduler(SchedulerKind::Uniform)
            .only(draws_tickets)
            .run(door::filesystem_with(&threads(3), make))
            .or_report()
            .digest
    };
    let first = digest();
    let several = met.load(Ordering::Relaxed);
    assert!(several > 1, "two requests are inside at once");
    assert_eq!(digest(), first);
}

fn stat(path: &str) -> Call {
    Call::Stat { target: Target::follow(path), flags: 0 }
}

/// What the calls of two clients draw that are made at once.
fn drawn_together(options: &MockOptions) -> Vec<u64> {
    let kernel =
        MockKernel::start(Tickets::new(Drawing::Racing, options.threads), options).expect("starts");
    for client in [CLIENT, OTHER] {
        kernel.add_client(client, Credentials::root(), 0o022);
    }
    let results = kernel.call_together(&[(CLIENT, stat("/a")), (OTHER, stat("/b"))]);
    assert!(kernel.vfs().world().connection.under_way().is_empty());
    let answered = |exchanged: &fuserig::door::Exchanged| exchanged.reply.is_some();
    let exchanged = kernel.exchanged();
    assert!(exchanged.iter().all(answered), "{exchanged:?}");
    let exchanged = exchanged.iter().map(|exchanged| exchanged.request.opcode.to_string());
    let opcodes: Vec<String> = exchanged.collect();
    assert_eq!(opcodes[1..].len(), 4, "two lookups, two tickets: {opcodes:?}");
    kernel.end().expect("a clean end");
    let number = |output| match output {
        Output::Stat(stat) => stat.size,
        other => panic!("{other:?}"),
    };
    results.into_iter().map(|result| number(result.output)).collect()
}

#[test]
fn calls_that_are_made_together_are_in_the_filesystem_at_once() {
    assert_eq!(drawn_together(&threads(2)), [1, 1]);
    assert_eq!(drawn_together(&threads(1)), [1, 2], "one after the other");
}

#[test]
fn requests_are_sent_in_the_order_in_which_they_were_made() {
    let kernel = MockKernel::start(Tickets::new(Drawing::Right, 2), &threads(2)).expect("starts");
    // One more than there are threads.
    let clients = [CLIENT, OTHER, Pid(9)];
    for client in clients {
        kernel.add_client(client, Credentials::root(), 0o022);
    }
    kernel.exchanged();
    // Of one name there is one LOOKUP at a time.
    let calls = clients.map(|client| (client, stat(&format!("/of{client}"))));
    assert!(kernel.call_together(&calls).iter().all(|result| result.value == Ok(0)));
    let exchanged = kernel.exchanged();
    let uniques: Vec<u64> = exchanged.iter().map(|sent| sent.request.unique.0).collect();
    assert!(uniques.len() == 6 && uniques.is_sorted(), "{uniques:?}");
    assert_eq!(kernel.vfs().world().connection.most_at_once(), 3);
}

/// A file that is read as a pipe is: READ waits until there is something, and WRITE until it was
/// read, so that the reply to READ comes first.
#[derive(Default)]
struct Pipe {
    bytes: Mutex<Vec<u8>>,
    changed: Condvar,
}

impl fuser::Filesystem for Pipe {
    fn lookup(&self, _: &Request, _: INodeNo, _: &OsStr, reply: ReplyEntry) {
        reply.entry(&VALID, &attr(FILE, 0), Generation(0));
    }

    fn open(&self, _: &Request, _: INodeNo, _: FuserOpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _: u64,
        _: u32,
        _: FuserOpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let bytes = self.bytes.lock().expect("nobody panics");
        let mut bytes = self.changed.wait_while(bytes, |bytes| bytes.is_empty()).expect("nobody");
        reply.data(&core::mem::take(&mut *bytes));
        self.changed.notify_all();
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _: u64,
        data: &[u8],
        _: WriteFlags,
        _: FuserOpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut bytes = self.bytes.lock().expect("nobody panics");
        bytes.extend(data);
        self.changed.notify_all();
        drop(self.changed.wait_while(bytes, |bytes| !bytes.is_empty()));
        reply.written(u32::try_from(data.len()).expect("a short write"));
    }
}

#[test]
fn a_request_that_waits_for_another_is_answered_after_it() {
    // Nobody could go on without the reply, so that it does not matter how long a stall is.
    let options = MockOptions { stall_millis: 0, ..threads(2) };
    let kernel = MockKernel::start(Pipe::default(), &options).expect("starts");
    for client in [CLIENT, OTHER] {
        kernel.add_client(client, Credentials::root(), 0o022);
        let (path, flags) = (PathAt::cwd("/p"), OpenFlags::RDWR);
        let opened = kernel.call(client, &Call::Open { path, flags, mode: 0, fd: Some(3) });
        assert_eq!(opened.value, Ok(3));
    }
    let read = Call::Read { fd: 3, size: 100, offset: None };
    let write = Call::Write { fd: 3, data: b"hello".to_vec(), offset: None };
    let mut reader = kernel.vfs().begin_call(CLIENT, read);
    while !reader.is_blocked() {
        assert!(reader.step().is_none(), "there is nothing to read");
    }
    assert_eq!(reader.point().to_string(), "reply to FUSE_READ");
    assert_eq!(kernel.call(OTHER, &write).value, Ok(5));
    while reader.is_blocked() {
        assert!(kernel.vfs().wait_for_reply(), "the reply to READ comes");
    }
    let got = reader.step().expect("it has its reply");
    assert_eq!((got.value, got.output), (Ok(5), Output::Bytes(b"hello".to_vec())));
}

/// The first client reads what the second writes, if that writes at all.
fn through_the_pipe(writes: bool) -> Result<Summary, Box<Finding>> {
    let open = Action::Open { path: Text::from("p"), flags: 2, mode: 0 };
    let read = Action::Read { file: 0, size: 100, offset: None };
    let write = Action::Write { file: 0, size: 5, fill: b'x', offset: None };
    let mut clients = vec![Program::of(0, vec![open.clone(), read])];
    if writes {
        clients.push(Program::of(0, vec![open, write]));
    }
    let options = MockOptions { threads: 2, patience_secs: 1, stall_millis: 50 };
    Simulation::of_case(Case { clients, ..Case::default() })
        .run(door::filesystem_with(&options, Pipe::default))
        .check(invariant::errno_envelope())
        .result()
}

#[test]
fn a_simulation_goes_on_with_others_where_a_request_waits_for_them() {
    // Nothing in the case switches to the second client: the first cannot go on.
    let summary = through_the_pipe(true).unwrap_or_else(|finding| panic!("\n{finding}"));
    assert_eq!(summary.operations, 4);
    let finding = through_the_pipe(false).expect_err("nobody writes");
    assert_eq!(finding.violation.invariant, "no_hang", "{finding}");
    let why = "the daemon does not answer FUSE_READ";
    assert!(finding.violation.message.contains(why), "{finding}");
}

#[test]
fn a_right_filesystem_agrees_with_the_model_on_several_threads() {
    for seed in 1..=4 {
        Simulation::new(Seed(seed))
            .as_root()
            .clients(3)
            .operations(40)
            .runs(32)
            .only(is_implemented)
            .run(door::filesystem_with(&threads(3), || NoteFs::new(true)))
            .check(invariant::errno_envelope())
            .check(invariant::balance())
            .check(invariant::agrees_with(&Subject::without_filter(Abi::V4)))
            .or_report();
    }
}

#[test]
fn a_client_that_does_not_exist_makes_no_call_with_others() {
    let kernel = MockKernel::start(Tickets::new(Drawing::Right, 2), &threads(2)).expect("starts");
    kernel.add_client(CLIENT, Credentials::root(), 0o022);
    let results = kernel.call_together(&[(OTHER, stat("/a")), (CLIENT, stat("/a"))]);
    assert_eq!(results[0].value, Err(Errno::ESRCH));
    assert_eq!(results[1].value, Ok(0));
}

/// A file whose contents the reader is shown as they were before they were written to: what it asks
/// is answered after the WRITE, and the WRITE waits until it was asked.
struct Overtaken {
    state: Mutex<(Vec<u8>, Stage)>,
    next: Condvar,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Opened,
    Asked,
    Written,
}

impl Overtaken {
    fn new() -> Overtaken {
        Overtaken { state: Mutex::new((b"old!".to_vec(), Stage::Opened)), next: Condvar::new() }
    }

    /// The contents when the reader asks, after somebody wrote; to others, and later, as they are.
    fn asked(&self, request: &Request) -> Vec<u8> {
        let mut state = self.state.lock().expect("nobody panics");
        let contents = state.0.clone();
        if request.pid() == CLIENT.0 && state.1 == Stage::Opened {
            state.1 = Stage::Asked;
            self.next.notify_all();
            drop(self.next.wait_while(state, |state| state.1 < Stage::Written));
        }
        contents
    }
}

impl fuser::Filesystem for Overtaken {
    fn lookup(&self, _: &Request, _: INodeNo, _: &OsStr, reply: ReplyEntry) {
        reply.entry(&VALID, &attr(FILE, 4), Generation(0));
    }

    fn getattr(&self, request: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let size = if ino == FILE { self.asked(request).len() as u64 } else { 0 };
        reply.attr(&Duration::from_secs(9), &attr(ino, size));
    }

    fn open(&self, _: &Request, _: INodeNo, _: FuserOpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::empty());
    }

    fn read(
        &self,
        request: &Request,
        _: INodeNo,
        _: FileHandle,
        _: u64,
        _: u32,
        _: FuserOpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        reply.data(&self.asked(request));
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: FuserOpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let state = self.state.lock().expect("nobody panics");
        let mut state = self.next.wait_while(state, |it| it.1 < Stage::Asked).expect("nobody");
        state.0.truncate(offset as usize);
        state.0.extend(data);
        state.1 = Stage::Written;
        self.next.notify_all();
        reply.written(u32::try_from(data.len()).expect("a short write"));
    }
}

/// What a call gives while the other client writes there, and what it gives after that.
fn while_and_after(call: &Call, offset: i64) -> [Output; 2] {
    let kernel = MockKernel::start(Overtaken::new(), &threads(2)).expect("starts");
    for client in [CLIENT, OTHER] {
        kernel.add_client(client, Credentials::root(), 0o022);
        let (path, flags) = (PathAt::cwd("/p"), OpenFlags::RDWR);
        kernel.call(client, &Call::Open { path, flags, mode: 0, fd: Some(3) });
    }
    let write = Call::Write { fd: 3, data: b"new!".to_vec(), offset: Some(offset) };
    let results = kernel.call_together(&[(OTHER, write), (CLIENT, call.clone())]);
    assert_eq!(results[0].value, Ok(4), "{results:?}");
    let after = kernel.call(CLIENT, call);
    [results[1].output.clone(), after.output]
}

#[test]
fn what_was_read_before_a_change_is_not_kept_after_it() {
    let read = Call::Read { fd: 3, size: 4, offset: Some(0) };
    let new = Output::Bytes(b"new!".to_vec());
    // It is read again at once, where Linux has the write wait.
    assert_eq!(while_and_after(&read, 0), [new.clone(), new]);
}

#[test]
fn a_length_from_before_a_change_is_not_kept_after_it() {
    let write_then_stat = |call: &Call| {
        while_and_after(call, 4).map(|output| match output {
            Output::Stat(stat) => stat.size,
            other => panic!("{other:?}"),
        })
    };
    // The caller is told what the filesystem said, as on Linux.
    let stat = Call::Stat { target: Target::Fd(3), flags: 0 };
    assert_eq!(write_then_stat(&stat), [4, 8]);
}
