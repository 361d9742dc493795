//! What becomes of ioctls on a file and a directory, and of what the filesystem says to them: in
//! the mock kernel and in the kernel of this machine.

use fuser::{Errno as Refusal, InitFlags, SessionACL};
use fuserig::door::{MockKernel, MockOptions};
use fuserig::vfs::{Call, CallResult, Output, PathAt};
use fuserig_abi::{Credentials, Errno, Gid, Pid, Uid};
use fuserig_sim_fs::OpenFlags;
use rustix::fs::OFlags;

use super::CLIENT;
use super::opcodes::kernel;
use super::recorder::{Calls, Recorder, taken};

/// With an error for every ioctl, or none.
const REFUSALS: [Option<Refusal>; 4] =
    [None, Some(Refusal::ENOSYS), Some(Refusal::EPERM), Some(Refusal::EOPNOTSUPP)];
const NAMES: [&str; 2] = ["f", "d"];
/// `FS_IOC_GETFLAGS`, `FS_IOC_SETFLAGS`, `TIOCEXCL` and `FIONREAD`.
const REQUESTS: [u64; 4] = [0x8008_6601, 0x4008_6602, 0x540c, 0x541b];

/// What each ioctl gave, as an errno, and the ioctls that it led to.
type Told = Vec<(Option<i32>, Vec<String>)>;

fn on_mock(refusal: Option<Refusal>) -> Told {
    let recorder = Recorder::new(InitFlags::empty()).refusing(refusal);
    let calls = Calls::clone(&recorder.held);
    let kernel = MockKernel::start(recorder, &MockOptions::default()).expect("starts");
    kernel.add_client(CLIENT, Credentials::root(), 0o022);
    let mut told = Told::new();
    for (name, fd) in NAMES.into_iter().zip(3..) {
        let flags = OpenFlags::empty();
        kernel.call(CLIENT, &Call::Open { path: PathAt::cwd(name), flags, mode: 0, fd: Some(fd) });
        for request in REQUESTS {
            let data = vec![0x80, 0, 0, 0];
            let result = kernel.call(CLIENT, &Call::Ioctl { fd, request, data });
            told.push((result.value.err().map(|errno| errno.0), ioctls(&calls)));
        }
    }
    kernel.end().expect("a clean end");
    told
}

fn ioctls(calls: &Calls) -> Vec<String> {
    let called = taken(calls).into_iter().filter(|called| called.method == "ioctl");
    called.map(|called| called.arguments).collect()
}

/// The same by the kernel of this machine.
fn on_host(refusal: Option<Refusal>) -> Told {
    let recorder = Recorder::new(InitFlags::empty()).refusing(refusal);
    let calls = Calls::clone(&recorder.held);
    let (directory, session) = recorder.mount(SessionACL::Owner);
    let mut told = Told::new();
    for name in NAMES {
        let mode = rustix::fs::Mode::empty();
        let file = rustix::fs::open(directory.path().join(name), OFlags::RDONLY, mode);
        let file = file.expect("it opens");
        let mut tell = |result: rustix::io::Result<()>| {
            told.push((result.err().map(rustix::io::Errno::raw_os_error), ioctls(&calls)));
        };
        tell(rustix::fs::ioctl_getflags(&file).map(|_| ()));
        tell(rustix::fs::ioctl_setflags(&file, rustix::fs::IFlags::NOATIME));
        tell(rustix::termios::ioctl_tiocexcl(&file));
        tell(rustix::io::ioctl_fionread(&file).map(|_| ()));
    }
    session.umount_and_join().expect("it ends");
    told
}

#[test]
fn what_a_filesystem_does_not_know_is_no_ioctl_of_the_file() {
    const ENOTTY: i32 = 25;
    for refusal in REFUSALS {
        let expected = match refusal {
            Some(Refusal::ENOSYS) => Some(ENOTTY),
            refusal => refusal.map(i32::from),
        };
        let mut told = on_mock(refusal);
        // The bytes to read of a regular file are the kernel's to say.
        assert_eq!(told.remove(REQUESTS.len() - 1), (None, Vec::new()));
        for (errno, ioctls) in told {
            assert_eq!((errno, ioctls.is_empty()), (expected, false), "{refusal:?}: {ioctls:?}");
        }
    }
}

#[test]
fn the_kernel_of_this_machine_says_the_same() {
    if !kernel() {
        return;
    }
    for refusal in REFUSALS {
        assert_eq!(on_mock(refusal), on_host(refusal), "{refusal:?}");
    }
}

/// Linux 6.18: `fuse_bmap` knows no block where no block device is mounted, which is no error.
#[test]
fn every_block_of_a_file_is_block_0_to_who_may_ask() {
    const FIBMAP: u64 = 1;
    const USER: Pid = Pid(8);
    let recorder = Recorder::new(InitFlags::empty());
    let calls = Calls::clone(&recorder.held);
    let kernel = MockKernel::start(recorder, &MockOptions::default()).expect("starts");
    kernel.add_client(CLIENT, Credentials::root(), 0o022);
    kernel.add_client(USER, Credentials::user(Uid(1000), Gid(1000)), 0o022);
    let ask = |pid, name, block: i32| {
        let flags = OpenFlags::empty();
        kernel.call(pid, &Call::Open { path: PathAt::cwd(name), flags, mode: 0, fd: Some(3) });
        let data = block.to_le_bytes().to_vec();
        let result = kernel.call(pid, &Call::Ioctl { fd: 3, request: FIBMAP, data });
        kernel.call(pid, &Call::Close { fd: 3 });
        (result, ioctls(&calls).len())
    };
    let found = CallResult { value: Ok(0), output: Output::Bytes(vec![0; 4]) };
    for block in [0, 1, i32::MAX] {
        assert_eq!(ask(CLIENT, "f", block), (found.clone(), 0));
    }
    assert_eq!(ask(CLIENT, "f", -1), (Errno::EINVAL.into(), 0));
    for block in [0, -1] {
        assert_eq!(ask(USER, "f", block), (Errno::EPERM.into(), 0));
    }
    // It is a question about regular files: that of a directory is the filesystem's.
    assert_eq!(ask(CLIENT, "d", 1).1, 1);
    kernel.end().expect("a clean end");
}
