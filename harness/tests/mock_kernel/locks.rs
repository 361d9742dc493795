//! What becomes of locks where the filesystem was asked for them, and what it says: in the mock
//! kernel and in the kernel of this machine.

use std::os::fd::OwnedFd;

use fuser::{Errno as Refusal, InitFlags, SessionACL};
use fuserig::door::{MockKernel, MockOptions};
use fuserig::vfs::{Call, Output, PathAt};
use fuserig_abi::Credentials;
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
