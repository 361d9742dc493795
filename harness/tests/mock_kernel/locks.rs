//! What becomes of locks where the filesystem was asked for them, and what it says: in the mock
//! kernel and in the kernel of this machine.

use std::os::fd::OwnedFd;

use fuser::{Errno as Refusal, InitFlags, SessionACL};
use fuserig::door::{MockKernel, MockOptions};
use fuserig::vfs::{Call, Output, PathAt};
use fuserig_abi::{Credentials, Errno, Pid};
use fuserig_sim_fs::{Lock, LockKind, OpenFlags};
use rustix::fs::{FlockOperation, OFlags, fcntl_lock, flock};
use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};

use super::CLIENT;
use super::opcodes::kernel;
use super::recorder::{Calls, Recorder, taken};

/// With an error for every lock, or none.
const REFUSALS: [Option<Refusal>; 3] = [None, Some(Refusal::ENOSYS), Some(Refusal::EAGAIN)];

/// What each call gave, as an errno, and each method that it led to.
type Told = Vec<(Option<i32>, Vec<&'static str>)>;

fn agreed() -> InitFlags {
    InitFlags::FUSE_POSIX_LOCKS | InitFlags::FUSE_FLOCK_LOCKS
}

/// On a file that is open to read (descriptor 3): a question, a shared and an exclusive range, one
/// given up, then `flock`.
fn on_mock(refusal: Option<Refusal>) -> Told {
    let recorder = Recorder::new(agreed()).refusing(refusal);
    let calls = Calls::clone(&recorder.held);
    let kernel = MockKernel::start(recorder, &MockOptions::default()).expect("starts");
    kernel.add_client(CLIENT, Credentials::root(), 0o022);
    let flags = OpenFlags::empty();
    let opened = Call::Open { path: PathAt::cwd("f"), flags, mode: 0, fd: Some(3) };
    kernel.call(CLIENT, &opened);
    taken(&calls);
    let lock = |kind| Lock { kind, owner: 0, start: 0, end: 0 };
    let set = |kind| Call::SetLock { fd: 3, lock: lock(kind), whence: 0 };
    let made = [
        Call::GetLock { fd: 3, lock: lock(LockKind::Write), whence: 0 },
        Call::GetLock { fd: 3, lock: lock(LockKind::Unlock), whence: 0 },
        set(LockKind::Read),
        set(LockKind::Write),
        set(LockKind::Unlock),
        Call::Flock { fd: 3, kind: LockKind::Write },
        Call::Flock { fd: 3, kind: LockKind::Unlock },
    ];
    let mut told = Told::new();
    for call in made {
        let errno = kernel.call(CLIENT, &call).value.err().map(|errno| errno.0);
        told.push((errno, methods(&calls)));
    }
    kernel.call(CLIENT, &Call::Close { fd: 3 });
    kernel.end().expect("a clean end");
    told
}

fn methods(calls: &Calls) -> Vec<&'static str> {
    taken(calls).into_iter().map(|called| called.method).collect()
}

/// A mount of this machine with the file of the filesystem open.
fn mounted(recorder: Recorder) -> (tempfile::TempDir, fuser::BackgroundSession, OwnedFd) {
    let (directory, session) = recorder.mount(SessionACL::Owner);
    let mode = rustix::fs::Mode::empty();
    let file = rustix::fs::open(directory.path().join("f"), OFlags::RDONLY, mode);
    (directory, session, file.expect("it opens"))
}

/// The same by the kernel of this machine.
fn on_host(refusal: Option<Refusal>) -> Told {
    let recorder = Recorder::new(agreed()).refusing(refusal);
    let calls = Calls::clone(&recorder.held);
    let (_directory, session, file) = mounted(recorder);
    taken(&calls);
    let mut told = Told::new();
    let mut tell = |result: rustix::io::Result<()>| {
        told.push((result.err().map(rustix::io::Errno::raw_os_error), methods(&calls)));
    };
    for typ in [FlockType::WriteLock, FlockType::Unlocked] {
        let offset_type = FlockOffsetType::Set;
        let asked = Flock { start: 0, length: 0, pid: None, typ, offset_type };
        tell(fcntl_getlk(&file, &asked).map(|_| ()));
    }
    let give_up = FlockOperation::NonBlockingUnlock;
    for operation in
        [FlockOperation::NonBlockingLockShared, FlockOperation::NonBlockingLockExclusive, give_up]
    {
        tell(fcntl_lock(&file, operation));
    }
    for operation in [FlockOperation::NonBlockingLockExclusive, give_up] {
        tell(flock(&file, operation));
    }
    drop(file);
    session.umount_and_join().expect("it ends");
    told
}

/// Replies to GETLK: start, end and type.
const FOUND: [(u64, u64, i32); 7] = [
    (0, 0, 2),
    (9, 3, 2),
    (5, 9, 0),
    (5, i64::MAX as u64, 1),
    (9, 5, 1),
    (0, u64::MAX, 1),
    (0, 1, 3),
];

/// What the caller sees of a lock in its way: type, start and length, 0 up to any end.
type Seen = Result<Option<(u32, u64, u64)>, i32>;

fn seen_on_mock(found: (u64, u64, i32)) -> Seen {
    let recorder = Recorder::new(agreed()).locked(found);
    let kernel = MockKernel::start(recorder, &MockOptions::default()).expect("starts");
    kernel.add_client(CLIENT, Credentials::root(), 0o022);
    let flags = OpenFlags::empty();
    kernel.call(CLIENT, &Call::Open { path: PathAt::cwd("f"), flags, mode: 0, fd: Some(3) });
    let lock = Lock { kind: LockKind::Write, owner: 0, start: 0, end: 0 };
    let result = kernel.call(CLIENT, &Call::GetLock { fd: 3, lock, whence: 0 });
    kernel.end().expect("a clean end");
    result.value.map_err(|errno| errno.0)?;
    let Output::Lock(Lock { kind, start, end, .. }) = result.output else {
        panic!("a lock is told: {:?}", result.output)
    };
    let length = if end == u64::MAX { 0 } else { end - start + 1 };
    Ok(match kind {
        LockKind::Unlock => None,
        LockKind::Read => Some((0, start, length)),
        LockKind::Write => Some((1, start, length)),
    })
}

fn seen_on_host(found: (u64, u64, i32)) -> Seen {
    let recorder = Recorder::new(agreed()).locked(found);
    let (_directory, session, file) = mounted(recorder);
    let (typ, offset_type) = (FlockType::WriteLock, FlockOffsetType::Set);
    let asked = Flock { start: 0, length: 0, pid: None, typ, offset_type };
    let seen = fcntl_getlk(&file, &asked);
    drop(file);
    session.umount_and_join().expect("it ends");
    let seen = seen.map_err(rustix::io::Errno::raw_os_error)?;
    Ok(seen.map(|lock| (u32::from(lock.typ == FlockType::WriteLock), lock.start, lock.length)))
}

#[test]
fn a_lock_in_the_way_is_seen_as_the_filesystem_tells_it() {
    const EIO: i32 = 5;
    let expected: [Seen; 7] = [
        Ok(None),
        Ok(None),
        Ok(Some((0, 5, 5))),
        Ok(Some((1, 5, 0))),
        Err(EIO),
        Err(EIO),
        Err(EIO),
    ];
    for (found, expected) in FOUND.into_iter().zip(expected) {
        assert_eq!(seen_on_mock(found), expected, "{found:?}");
    }
}

#[test]
fn the_kernel_of_this_machine_sees_the_same_locks() {
    if !kernel() {
        return;
    }
    for found in FOUND {
        assert_eq!(seen_on_mock(found), seen_on_host(found), "{found:?}");
    }
}

#[test]
fn what_the_filesystem_says_to_a_lock_reaches_the_caller_each_time() {
    const EBADF: i32 = 9;
    const EINVAL: i32 = 22;
    let shown = |refused: Option<i32>| {
        let (get, set) = ((refused, vec!["getlk"]), (refused, vec!["setlk"]));
        let (unasked, unreadable) = ((Some(EINVAL), Vec::new()), (Some(EBADF), Vec::new()));
        vec![get, unasked, set.clone(), unreadable, set.clone(), set.clone(), set]
    };
    for refusal in REFUSALS {
        assert_eq!(on_mock(refusal), shown(refusal.map(i32::from)), "{refusal:?}");
    }
}

#[test]
fn the_kernel_of_this_machine_hands_on_the_same() {
    if !kernel() {
        return;
    }
    for refusal in REFUSALS {
        assert_eq!(on_mock(refusal), on_host(refusal), "{refusal:?}");
    }
}

/// Another process, and a third.
const OTHER: Pid = Pid(8);
const THIRD: Pid = Pid(9);

/// A filesystem that asked for some locks, with `f` open to read and write as descriptor 3 of
/// three processes, and the root as descriptor 4.
fn three_clients(wanted: InitFlags) -> (MockKernel, Calls) {
    let recorder = Recorder::new(wanted);
    let calls = Calls::clone(&recorder.held);
    let kernel = MockKernel::start(recorder, &MockOptions::default()).expect("starts");
    for pid in [CLIENT, OTHER, THIRD] {
        kernel.add_client(pid, Credentials::root(), 0o022);
        let rows = [("f", OpenFlags::RDWR, 3), ("/", OpenFlags::DIRECTORY, 4)];
        for (path, flags, fd) in rows {
            let path = PathAt::cwd(path);
            kernel.call(pid, &Call::Open { path, flags, mode: 0, fd: Some(fd) });
        }
    }
    taken(&calls);
    (kernel, calls)
}

fn range(kind: LockKind, start: u64, length: u64) -> Call {
    let lock = Lock { kind, owner: 0, start, end: length };
    Call::SetLock { fd: 3, lock, whence: 0 }
}

fn whole(fd: i32, kind: LockKind) -> Call {
    Call::Flock { fd, kind }
}

#[test]
fn the_kernel_keeps_the_locks_that_the_filesystem_did_not_ask_for() {
    use LockKind::{Read, Unlock, Write};
    const BUSY: Result<i64, Errno> = Err(Errno::EAGAIN);
    let (kernel, calls) = three_clients(InitFlags::empty());
    let steps = [
        (CLIENT, range(Write, 10, 10), Ok(0)),
        (OTHER, range(Read, 19, 1), BUSY),
        (OTHER, range(Read, 20, 5), Ok(0)),
        (THIRD, range(Read, 20, 5), Ok(0)),
        (CLIENT, range(Write, 0, 0), BUSY),
        (CLIENT, range(Unlock, 12, 2), Ok(0)),
        (OTHER, range(Write, 12, 2), Ok(0)),
        // The two kinds do not see each other, and those of a directory are apart.
        (OTHER, whole(3, Write), Ok(0)),
        (OTHER, whole(4, Write), Ok(0)),
        (CLIENT, whole(3, Read), BUSY),
        (CLIENT, whole(4, Read), BUSY),
        (OTHER, whole(3, Read), Ok(0)),
        (CLIENT, whole(3, Read), Ok(0)),
        // Who cannot have another kind has lost what was had.
        (CLIENT, whole(3, Write), BUSY),
        (OTHER, whole(3, Write), Ok(0)),
        (OTHER, Call::Dup { fd: 3, to: Some(5), cloexec: false }, Ok(5)),
        // Any descriptor of the file takes the ranges along, and the last one the other kind.
        (OTHER, Call::Close { fd: 5 }, Ok(0)),
        (CLIENT, range(Write, 12, 2), Ok(0)),
        (CLIENT, whole(3, Read), BUSY),
        (OTHER, Call::Close { fd: 3 }, Ok(0)),
        (CLIENT, whole(3, Read), Ok(0)),
        (OTHER, range(Read, 0, 1), Err(Errno::EBADF)),
    ];
    for (pid, call, expected) in steps {
        assert_eq!(kernel.call(pid, &call).value, expected, "{pid} {call:?}");
    }
    let told = methods(&calls);
    assert!(!told.iter().any(|method| matches!(*method, "getlk" | "setlk")), "{told:?}");
    kernel.end().expect("a clean end");
}

/// What GETLK of the third process tells of a byte: kind, first and last byte and process.
fn in_the_way(kernel: &MockKernel, at: u64, length: u64) -> Option<(LockKind, u64, u64, u64)> {
    let lock = Lock { kind: LockKind::Write, owner: 0, start: at, end: length };
    let result = kernel.call(THIRD, &Call::GetLock { fd: 3, lock, whence: 0 });
    let Output::Lock(lock) = result.output else { panic!("a lock is told: {result:?}") };
    let Lock { kind, owner, start, end } = lock;
    (kind != LockKind::Unlock).then_some((kind, start, end, owner))
}

#[test]
fn who_is_in_the_way_is_the_first_range_of_whoever_came_first() {
    let (kernel, _) = three_clients(InitFlags::FUSE_FLOCK_LOCKS);
    for (pid, start) in [(OTHER, 50), (CLIENT, 10), (OTHER, 70)] {
        assert_eq!(kernel.call(pid, &range(LockKind::Read, start, 5)).value, Ok(0));
    }
    let read = |start: u64, pid: Pid| Some((LockKind::Read, start, start + 4, u64::from(pid.0)));
    assert_eq!(in_the_way(&kernel, 0, 0), read(50, OTHER));
    assert_eq!(in_the_way(&kernel, 0, 50), read(10, CLIENT));
    assert_eq!(in_the_way(&kernel, 60, 0), read(70, OTHER));
    assert_eq!(in_the_way(&kernel, 20, 20), None);
    kernel.end().expect("a clean end");
}

/// A kind goes to the filesystem where INIT says so, whatever becomes of the other.
#[test]
fn each_kind_of_lock_is_kept_by_whom_it_was_left_to() {
    let rows = [
        (InitFlags::empty(), vec![]),
        (InitFlags::FUSE_POSIX_LOCKS, vec!["setlk"]),
        (InitFlags::FUSE_FLOCK_LOCKS, vec!["setlk"]),
        (agreed(), vec!["setlk", "setlk"]),
    ];
    for (wanted, expected) in rows {
        let (kernel, calls) = three_clients(wanted);
        // On a directory neither is anybody's but the kernel's.
        for call in [range(LockKind::Write, 0, 1), whole(3, LockKind::Read)] {
            kernel.call(CLIENT, &call);
        }
        kernel.call(CLIENT, &whole(4, LockKind::Read));
        assert_eq!(methods(&calls), expected, "{wanted:?}");
        kernel.end().expect("a clean end");
    }
}

fn wait_and_give_back(kernel: &MockKernel) {
    use LockKind::{Unlock, Write};
    let vfs = kernel.vfs();
    let wait = |kind, start| match range(kind, start, 1) {
        Call::SetLock { fd, lock, whence } => Call::WaitLock { fd, lock, whence },
        other => other,
    };
    assert_eq!(kernel.call(CLIENT, &range(Write, 0, 1)).value, Ok(0));
    assert_eq!(kernel.call(OTHER, &range(Write, 1, 1)).value, Ok(0));
    let mut waiter = vfs.begin_call(OTHER, wait(Write, 0));
    assert_eq!(waiter.step(), None);
    assert!(waiter.is_blocked());
    let said = vfs.why_blocked(OTHER).expect("it waits");
    assert_eq!(said, format!("/f exclusively, held by client {}", CLIENT.0));
    assert_eq!(kernel.call(CLIENT, &wait(Write, 1)).value, Err(Errno::EDEADLK));
    // What somebody else gives back wakes it, and is not what it waits for.
    assert_eq!(kernel.call(CLIENT, &range(Write, 2, 1)).value, Ok(0));
    assert_eq!(kernel.call(CLIENT, &range(Unlock, 2, 1)).value, Ok(0));
    assert_eq!(waiter.step(), None);
    assert!(waiter.is_blocked());
    assert_eq!(kernel.call(CLIENT, &range(Unlock, 0, 1)).value, Ok(0));
    assert!(!waiter.is_blocked());
    assert_eq!(waiter.step().expect("it has the lock").value, Ok(0));
    assert_eq!(kernel.call(CLIENT, &range(Write, 0, 1)).value, Err(Errno::EAGAIN));
    let mut waiter = vfs.begin_call(CLIENT, Call::WaitFlock { fd: 4, kind: Write });
    assert_eq!(waiter.step().expect("nobody is in the way").value, Ok(0));
    let mut waiter = vfs.begin_call(OTHER, Call::WaitFlock { fd: 4, kind: Write });
    assert_eq!(waiter.step(), None);
    assert_eq!(vfs.why_blocked(OTHER).expect("it waits"), "/ exclusively, held by somebody else");
    assert_eq!(kernel.call(CLIENT, &Call::Close { fd: 4 }).value, Ok(0));
    assert_eq!(waiter.step().expect("it has the lock").value, Ok(0));
}

#[test]
fn who_waits_has_the_lock_when_it_was_given_back_and_a_circle_is_refused() {
    let (kernel, _) = three_clients(InitFlags::empty());
    wait_and_give_back(&kernel);
    kernel.end().expect("a clean end");
}
