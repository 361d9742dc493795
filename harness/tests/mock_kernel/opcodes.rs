//! Every method of fuser's `Filesystem` that system calls lead to, with its exact arguments: from
//! the mock kernel, and from the kernel of this machine where that can be mounted on.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fuser::{InitFlags, SessionACL};
use fuserig::door::{MockKernel, MockOptions};
use fuserig::vfs::{Call, NewTime, PathAt, PollWait, Target};
use fuserig_abi::{AccessMask, Credentials, Device, Gid, Pid, Timespec, Uid};
use fuserig_sim_fs::{Lock, LockKind, OpenFlags};
use rustix::event::{PollFd, PollFlags};

use super::CLIENT;
use super::host::Host;
use super::recorder::{Called, Calls, Recorder, taken};
use super::support::print_skip;

/// The client that is no superuser.
const USER: Pid = Pid(8);
const USER_ID: u32 = 1000;

/// A step of the program: who does what.
struct Step {
    said: &'static str,
    uid: u32,
    call: Call,
}

fn step(said: &'static str, call: Call) -> Step {
    Step { said, uid: 0, call }
}

fn path(path: &str) -> PathAt {
    PathAt::cwd(path)
}

fn stat(path: &str) -> Call {
    Call::Stat { target: Target::follow(path), flags: 0 }
}

fn open(at: &str, flags: OpenFlags, fd: i32) -> Call {
    Call::Open { path: path(at), flags, mode: 0o666, fd: Some(fd) }
}

fn rename(old: &str, new: &str, flags: u32) -> Call {
    Call::Rename { old: path(old), new: path(new), flags }
}

fn names() -> Vec<Step> {
    let device = Device { major: 0x12, minor: 0x345 };
    let none = Device { major: 0, minor: 0 };
    let link = Call::Link { source: Target::nofollow("f"), path: path("m/h") };
    let symlink = Call::Symlink { target: b"to/where".to_vec(), path: path("s") };
    let readlink = Call::Readlink { target: Target::nofollow("l"), size: 100 };
    let fifo = Call::Mknod { path: path("p"), mode: 0o010_666, rdev: none };
    let special = Call::Mknod { path: path("c"), mode: 0o020_600, rdev: device };
    vec![
        step("stat of the root", stat("/")),
        step("stat f", stat("f")),
        step("stat of nothing", stat("no")),
        step("mkdir m", Call::Mkdir { path: path("m"), mode: 0o1777 }),
        step("mknod p, a fifo", fifo),
        step("mknod c, a device", special),
        step("symlink s", symlink),
        step("link f as m/h", link),
        step("rename m/h to r", rename("m/h", "r", 0)),
        step("rename r to m/t, not over another", rename("r", "m/t", 1)),
        step("rename m/t and p in exchange", rename("m/t", "p", 2)),
        step("readlink l", readlink),
        step("unlink c", Call::Unlink { path: path("c") }),
        step("unlink m/t", Call::Unlink { path: path("m/t") }),
        step("rmdir m", Call::Rmdir { path: path("m") }),
        step("statfs", Call::Statfs { target: Target::follow("d") }),
    ]
}

/// On a file that passes the page cache (descriptor 3) and one that does not (4).
fn contents() -> Vec<Step> {
    let create = OpenFlags::RDWR | OpenFlags::CREAT | OpenFlags::EXCL;
    let write = |fd, data: &[u8], offset| Call::Write { fd, data: data.to_vec(), offset };
    let append = OpenFlags::WRONLY | OpenFlags::APPEND;
    let copy = Call::CopyFileRange {
        from: 3,
        from_offset: Some(2),
        to: 4,
        to_offset: Some(5),
        length: 6,
        flags: 0,
    };
    let allocate = |mode| Call::Fallocate { fd: 4, mode, offset: 7, length: 9 };
    vec![
        step("open f", open("f", OpenFlags::RDWR, 3)),
        step("read past the cache", Call::Read { fd: 3, size: 5, offset: Some(3) }),
        step("write past the cache", write(3, b"past", Some(11))),
        step("create n", open("n", create, 4)),
        step("write through the cache", write(4, b"abc", Some(0))),
        step("copy", copy),
        step("allocate", allocate(0)),
        step("allocate and keep the size", allocate(1)),
        step("look for data", Call::Seek { fd: 4, offset: 1, whence: 3 }),
        step("look for a hole", Call::Seek { fd: 4, offset: 2, whence: 4 }),
        step("look for the end", Call::Seek { fd: 4, offset: 0, whence: 2 }),
        step("fsync", Call::Fsync { fd: 4, datasync: false }),
        step("fdatasync", Call::Fsync { fd: 4, datasync: true }),
        step("close n", Call::Close { fd: 4 }),
        step("close f", Call::Close { fd: 3 }),
        step("open g, cut", open("g", OpenFlags::WRONLY | OpenFlags::TRUNC, 3)),
        step("close g", Call::Close { fd: 3 }),
        step("open g to append", open("g", append, 3)),
        step("append", write(3, b"end", None)),
        step("close g", Call::Close { fd: 3 }),
        step("open g to read", open("g", OpenFlags::empty(), 3)),
        step("read through the cache", Call::Read { fd: 3, size: 2, offset: Some(0) }),
        step("close g", Call::Close { fd: 3 }),
    ]
}

fn attributes() -> Vec<Step> {
    let target = || Target::follow("g");
    let at = |sec, nsec| NewTime::At(Timespec { sec, nsec });
    let times = |atime, mtime| Call::Utimens { target: target(), atime, mtime };
    let of_file = Target::Fd(3);
    let name = || b"user.x".to_vec();
    let set = Call::Setxattr { target: target(), name: name(), value: b"v\0w".to_vec(), flags: 1 };
    let get = |size| Call::Getxattr { target: target(), name: name(), size };
    let list = |size| Call::Listxattr { target: target(), size };
    let access = Call::Access { target: target(), mode: AccessMask::READ | AccessMask::WRITE };
    let made = Call::Mkdir { path: path("u"), mode: 0o777 };
    vec![
        step("chmod", Call::Chmod { target: target(), mode: 0o4751 }),
        step("chown", Call::Chown { target: target(), uid: Some(12), gid: Some(34) }),
        step("chown of the group", Call::Chown { target: target(), uid: None, gid: Some(56) }),
        step("both times", times(at(5, 6), at(7, 8))),
        step("access time now", times(NewTime::Now, NewTime::Omit)),
        step("open g", open("g", OpenFlags::RDWR, 3)),
        step("fchmod", Call::Chmod { target: of_file.clone(), mode: 0o600 }),
        step("ftruncate", Call::Truncate { target: of_file.clone(), size: 4 }),
        step("fstat", Call::Stat { target: of_file, flags: 0 }),
        step("close", Call::Close { fd: 3 }),
        step("setxattr", set),
        step("getxattr", get(64)),
        step("getxattr, how long", get(0)),
        step("listxattr", list(64)),
        step("listxattr, how long", list(0)),
        step("removexattr", Call::Removexattr { target: target(), name: name() }),
        step("access", access.clone()),
        Step { said: "access as a user", uid: USER_ID, call: access },
        Step { said: "mkdir as a user", uid: USER_ID, call: made },
    ]
}

fn directories() -> Vec<Step> {
    let list = || Call::Getdents { fd: 5, space: 1000 };
    vec![
        step("opendir", open("d", OpenFlags::DIRECTORY, 5)),
        step("list", list()),
        step("list the rest", list()),
        step("fsync of a directory", Call::Fsync { fd: 5, datasync: false }),
        step("fdatasync of a directory", Call::Fsync { fd: 5, datasync: true }),
        step("closedir", Call::Close { fd: 5 }),
    ]
}

/// A call as a line; a caller is named where it is not the superuser's process.
fn line(called: &Called, client: impl Fn(u32) -> u32) -> String {
    let Called { method, arguments, caller } = called;
    let who = match *caller {
        None => String::new(),
        Some((0, 0, 0)) => " (the kernel)".to_owned(),
        Some((pid, uid, gid)) if pid == client(uid) && uid == 0 && gid == 0 => String::new(),
        Some((pid, uid, gid)) if pid == client(uid) => format!(" (user {uid}:{gid})"),
        Some((pid, uid, gid)) => format!(" (process {pid}, user {uid}:{gid})"),
    };
    format!("  {method} {arguments}{who}").trim_end().to_owned()
}

fn mock_client(uid: u32) -> u32 {
    if uid == USER_ID { USER.0 } else { CLIENT.0 }
}

/// What is asked behind each step, so that what nobody waits for was seen before.
fn behind() -> Call {
    Call::Statfs { target: Target::follow("/") }
}

/// What a step led to, without the request behind it. A kernel has a FORGET come when it likes.
fn seen(calls: &Calls) -> Vec<Called> {
    let mut seen = taken(calls);
    let last = seen.iter().rposition(|called| called.method == "statfs");
    seen.remove(last.expect("it was asked for"));
    seen
}

/// A step with the calls that it led to.
fn show(text: &mut String, said: &str, called: &[Called], client: impl Fn(u32) -> u32 + Copy) {
    writeln!(text, "{said}").expect("text");
    for called in called {
        writeln!(text, "{}", line(called, client)).expect("text");
    }
}

/// Runs the program in the mock kernel.
fn on_mock(recorder: Recorder, steps: &[Step]) -> String {
    let calls = Calls::clone(&recorder.held);
    let kernel = MockKernel::start(recorder, &MockOptions::default()).expect("starts");
    kernel.add_client(CLIENT, Credentials::root(), 0o022);
    let user = Credentials::user(Uid(USER_ID), Gid(USER_ID));
    kernel.add_client(USER, user, 0o022);
    let mut text = String::new();
    show(&mut text, "init", &taken(&calls), mock_client);
    for step in steps {
        kernel.call(Pid(mock_client(step.uid)), &step.call);
        kernel.call(CLIENT, &behind());
        show(&mut text, step.said, &seen(&calls), mock_client);
    }
    kernel.end().expect("a clean end");
    show(&mut text, "end", &taken(&calls), mock_client);
    text
}

/// Runs the program on the kernel of this machine, in a thread of its own that lives there.
fn on_host(recorder: Recorder, steps: Vec<Step>) -> String {
    let calls = Calls::clone(&recorder.held);
    let (directory, session) = recorder.mount(SessionACL::All);
    let (place, seen) = (directory.path().to_path_buf(), Calls::clone(&calls));
    let thread = std::thread::Builder::new().spawn(move || perform(&place, &seen, &steps));
    let mut text = thread.expect("a thread is to be had").join().expect("the calls are made");
    session.umount_and_join().expect("it ends");
    show(&mut text, "end", &taken(&calls), |_| 0);
    text
}

fn perform(place: &std::path::Path, calls: &Calls, steps: &[Step]) -> String {
    let mut host = Host::enter(place).expect("this thread moves in");
    let own = rustix::thread::gettid().as_raw_nonzero().get() as u32;
    host.call(CLIENT, &behind());
    taken(calls);
    let (mut text, mut uid) = ("init\n".to_owned(), 0);
    for step in steps {
        if uid != step.uid {
            host.become_user(step.uid, step.uid).expect("the superuser may");
            uid = step.uid;
        }
        host.call(CLIENT, &step.call).expect("this call can be made");
        host.call(CLIENT, &behind());
        show(&mut text, step.said, &seen(calls), |_| own);
    }
    text
}

fn steps() -> Vec<Step> {
    [names(), contents(), attributes(), directories()].into_iter().flatten().collect()
}

/// The directory again, for a filesystem that says all of a name with it.
fn plus() -> Vec<Step> {
    directories()
}

/// Changes of a file that has capabilities, by the superuser.
fn capabilities() -> Vec<Step> {
    let write = |fd| Call::Write { fd, data: b"abc".to_vec(), offset: Some(0) };
    let copy = Call::CopyFileRange {
        from: 3,
        from_offset: Some(0),
        to: 4,
        to_offset: Some(9),
        length: 2,
        flags: 0,
    };
    let ends = |target| Call::Truncate { target, size: 5 };
    vec![
        step("open f", open("f", OpenFlags::RDWR, 3)),
        step("open g", open("g", OpenFlags::RDWR, 4)),
        step("write past the cache", write(3)),
        step("write through the cache", write(4)),
        step("copy", copy),
        step("allocate", Call::Fallocate { fd: 4, mode: 0, offset: 7, length: 9 }),
        step("ftruncate", ends(Target::Fd(4))),
        step("chmod", Call::Chmod { target: Target::follow("g"), mode: 0o4751 }),
        step("write to setuid", write(4)),
        step("chown", Call::Chown { target: Target::follow("g"), uid: Some(12), gid: Some(34) }),
        step("close f", Call::Close { fd: 3 }),
        step("close g", Call::Close { fd: 4 }),
        step("open g, cut", open("g", OpenFlags::WRONLY | OpenFlags::TRUNC, 3)),
        step("close g", Call::Close { fd: 3 }),
    ]
}

/// Changes of a file that has capabilities and is setuid, by a user.
fn privileges() -> Vec<Step> {
    let user = |said, call| Step { said, uid: USER_ID, call };
    let mode = |said| step(said, Call::Chmod { target: Target::follow("g"), mode: 0o6777 });
    let write = Call::Write { fd: 4, data: b"abc".to_vec(), offset: Some(0) };
    vec![
        mode("chmod"),
        user("open g", open("g", OpenFlags::RDWR, 4)),
        user("write", write),
        mode("chmod again"),
        user("allocate", Call::Fallocate { fd: 4, mode: 0, offset: 7, length: 9 }),
        mode("chmod once more"),
        user("ftruncate", Call::Truncate { target: Target::Fd(4), size: 5 }),
        user("close g", Call::Close { fd: 4 }),
    ]
}

/// A program, what INIT agrees on and whether files have capabilities.
type Setting = (&'static str, InitFlags, bool, fn() -> Vec<Step>);

const SETTINGS: [Setting; 7] = [
    ("", InitFlags::empty(), false, steps),
    ("with FUSE_DO_READDIRPLUS", InitFlags::FUSE_DO_READDIRPLUS, false, plus),
    ("with capabilities", InitFlags::empty(), true, capabilities),
    ("with capabilities and setuid", InitFlags::empty(), true, privileges),
    ("with setuid", InitFlags::empty(), false, privileges),
    ("with FUSE_HANDLE_KILLPRIV", InitFlags::FUSE_HANDLE_KILLPRIV, true, privileges),
    ("with FUSE_HANDLE_KILLPRIV_V2", InitFlags::FUSE_HANDLE_KILLPRIV_V2, true, privileges),
];

/// What nobody waits for comes at another time, but as often: lookups given back by node.
fn without_forgets(text: &str) -> (Vec<&str>, BTreeMap<&str, u64>) {
    let (mut lines, mut forgotten) = (Vec::new(), BTreeMap::new());
    // The kernels need not speak one version of the protocol.
    for line in text.lines().filter(|line| !line.starts_with("  init ")) {
        match line.strip_prefix("  forget ").map(|rest| rest.split(' ').collect::<Vec<_>>()) {
            Some(words) => {
                *forgotten.entry(words[0]).or_default() += words[1].parse::<u64>().expect("many");
            }
            None => lines.push(line),
        }
    }
    (lines, forgotten)
}

/// Locks, an ioctl and polls of the file that passes the cache, in the mock kernel.
fn aside_on_mock() -> String {
    let wanted = InitFlags::FUSE_POSIX_LOCKS | InitFlags::FUSE_FLOCK_LOCKS;
    let recorder = Recorder::new(wanted);
    let calls = Calls::clone(&recorder.held);
    let kernel = MockKernel::start(recorder, &MockOptions::default()).expect("starts");
    kernel.add_client(CLIENT, Credentials::root(), 0o022);
    kernel.call(CLIENT, &open("f", OpenFlags::RDWR, 3));
    taken(&calls);
    let lock = |kind, start, end| Lock { kind, owner: 0, start, end };
    let set = |kind| Call::SetLock { fd: 3, lock: lock(kind, 0, 0), whence: 0 };
    let ioctl = |request, data: &[u8]| Call::Ioctl { fd: 3, request, data: data.to_vec() };
    let made = [
        Call::GetLock { fd: 3, lock: lock(LockKind::Write, 10, 10), whence: 0 },
        set(LockKind::Write),
        set(LockKind::Unlock),
        Call::WaitLock { fd: 3, lock: lock(LockKind::Read, 0, 0), whence: 0 },
        Call::Flock { fd: 3, kind: LockKind::Write },
        Call::WaitFlock { fd: 3, kind: LockKind::Read },
        ioctl(GET_FLAGS, &[]),
        ioctl(SET_FLAGS, &[0x80, 0, 0, 0, 0, 0, 0, 0]),
        ioctl(GET_TERMINAL, &[]),
        ioctl(SET_TERMINAL, &[]),
        ioctl(EXCLUSIVE, &[]),
    ];
    for call in made {
        kernel.call(CLIENT, &call);
    }
    kernel.poll(CLIENT, 3, IN, PollWait::Never).expect("it is asked");
    kernel.call(CLIENT, &Call::Close { fd: 3 });
    kernel.end().expect("a clean end");
    let lines = taken(&calls).into_iter().map(|called| line(&called, mock_client) + "\n");
    lines.collect()
}

/// `FS_IOC_GETFLAGS`.
const GET_FLAGS: u64 = 0x8008_6601;
/// `FS_IOC_SETFLAGS`.
const SET_FLAGS: u64 = 0x4008_6602;
/// `TCGETS2`, which the VFS does not know.
const GET_TERMINAL: u64 = 0x802c_542a;
/// `TCSETS2`.
const SET_TERMINAL: u64 = 0x402c_542b;
/// `TIOCEXCL`, which has no argument.
const EXCLUSIVE: u64 = 0x540c;
/// `POLLIN`.
const IN: u32 = 1;

/// The same by the kernel of this machine.
fn aside_on_host() -> String {
    use rustix::fs::{FlockOperation, fcntl_lock, flock};
    use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};
    let wanted = InitFlags::FUSE_POSIX_LOCKS | InitFlags::FUSE_FLOCK_LOCKS;
    let recorder = Recorder::new(wanted);
    let calls = Calls::clone(&recorder.held);
    let (directory, session) = recorder.mount(SessionACL::Owner);
    let own = rustix::thread::gettid().as_raw_nonzero().get() as u32;
    let file = std::fs::File::options().read(true).write(true).open(directory.path().join("f"));
    let file = file.expect("it opens");
    taken(&calls);
    let (typ, offset_type) = (FlockType::WriteLock, FlockOffsetType::Set);
    let asked = Flock { start: 10, length: 10, pid: None, typ, offset_type };
    assert!(fcntl_getlk(&file, &asked).expect("answered").is_none(), "nobody has it");
    fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).expect("locked");
    fcntl_lock(&file, FlockOperation::NonBlockingUnlock).expect("unlocked");
    fcntl_lock(&file, FlockOperation::LockShared).expect("locked");
    flock(&file, FlockOperation::NonBlockingLockExclusive).expect("locked");
    flock(&file, FlockOperation::LockShared).expect("locked");
    rustix::fs::ioctl_getflags(&file).expect("answered");
    rustix::fs::ioctl_setflags(&file, rustix::fs::IFlags::NOATIME).expect("answered");
    let terminal = rustix::termios::tcgetattr(&file).expect("answered");
    let now = rustix::termios::OptionalActions::Now;
    rustix::termios::tcsetattr(&file, now, &terminal).expect("answered");
    rustix::termios::ioctl_tiocexcl(&file).expect("answered");
    let mut polled = [PollFd::new(&file, PollFlags::IN)];
    let at_once = rustix::event::Timespec::default();
    rustix::event::poll(&mut polled, Some(&at_once)).expect("answered");
    drop(file);
    rustix::fs::statfs(directory.path()).expect("what is asked behind it");
    session.umount_and_join().expect("it ends");
    let mut called = taken(&calls);
    called.truncate(called.len() - 2);
    let lines = called.into_iter().map(|called| line(&called, |_| own) + "\n");
    lines.collect()
}

/// Methods that nothing here leads to, with the reason.
const NOT_CALLED: [(&str, &str); 2] = [
    ("batch_forget", "fuser 0.18 exports no type of its argument; its own calls `forget`"),
    ("bmap", "the kernel asks for blocks only where a block device is mounted"),
];

/// The methods of `fuser::Filesystem` on Linux, in its order.
const METHODS: &str = "init destroy lookup forget batch_forget getattr setattr readlink mknod \
    mkdir unlink rmdir symlink rename link open read write flush release fsync opendir readdir \
    readdirplus releasedir fsyncdir statfs setxattr getxattr listxattr removexattr access create \
    getlk setlk bmap ioctl poll fallocate lseek copy_file_range";

/// Locks, an ioctl and a poll, by the kernel of this machine. A lock of a process belongs to its
/// table of files, one of flock to the open file. To read flags of a file, the kernel opens it
/// for itself.
const ASIDE: &str = "  getlk 2 fh 200 10-19 type 1 pid 0 owner 1
  setlk 2 fh 200 0-9223372036854775807 type 1 pid own owner 1 sleep false
  setlk 2 fh 200 0-9223372036854775807 type 2 pid 0 owner 1 sleep false
  setlk 2 fh 200 0-9223372036854775807 type 0 pid own owner 1 sleep true
  setlk 2 fh 200 0-9223372036854775807 type 1 pid own owner 2 sleep false
  setlk 2 fh 200 0-9223372036854775807 type 0 pid own owner 2 sleep true
  open 2 flags 0
  ioctl 2 fh 200 80086601 flags 0 '' room 4
  release 2 fh 200 flags 0 no owner flush false (the kernel)
  open 2 flags 0
  ioctl 2 fh 200 801c581f flags 0 '' room 28
  release 2 fh 200 flags 0 no owner flush false (the kernel)
  open 2 flags 0
  ioctl 2 fh 200 40086602 flags 0 '80000000' room 0
  release 2 fh 200 flags 0 no owner flush false (the kernel)
  ioctl 2 fh 200 802c542a flags 0 '' room 44
  ioctl 2 fh 200 402c542b flags 0 '0 * 44' room 0
  ioctl 2 fh 200 540c flags 0 '' room 0
  poll 2 fh 200 events 19 how 0
  flush 2 fh 200 owner 1
  release 2 fh 200 flags 100002 owner 2 flush false (the kernel)
";

/// The kernel's calls are those of one version.
pub(super) fn kernel() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let other = (!release.starts_with("6.18."))
        .then(|| format!("the calls are those of Linux 6.18, and this is {}", release.trim()));
    let root = rustix::process::geteuid().is_root();
    let user = (!root).then(|| "a mount for other users, and chroot, need root".to_owned());
    let reason = fuserig::mount::missing().or(other).or(user);
    if let Some(reason) = &reason {
        print_skip(reason);
    }
    reason.is_none()
}

#[test]
fn each_method_of_a_filesystem_is_called_with_its_arguments() {
    let mut text = String::new();
    for (said, wanted, capable, program) in SETTINGS {
        let recorder = Recorder::new(wanted).capable(capable);
        let lead = if said.is_empty() { String::new() } else { format!("{said}\n") };
        writeln!(text, "{lead}{}", on_mock(recorder, &program())).expect("text");
    }
    writeln!(text, "locks, ioctls and a poll\n{}", aside_on_mock().trim_end()).expect("text");
    let called = |method: &str| {
        text.lines().any(|line| {
            line.strip_prefix("  ").is_some_and(|line| line.split(' ').next() == Some(method))
        })
    };
    for method in METHODS.split(' ') {
        let reason = NOT_CALLED.iter().find(|(known, _)| *known == method);
        assert_eq!(called(method), reason.is_none(), "{method}: {reason:?}");
    }
    for line in text.lines().filter_map(|line| line.strip_prefix("  ")) {
        let method = line.split(' ').next().expect("a word");
        assert!(METHODS.split(' ').any(|known| known == method), "{method} is a method");
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots/mock_kernel");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("calls", text));
}

#[test]
fn the_methods_are_those_of_the_fuser_that_is_locked() {
    // With another version the list above has to be looked through again.
    let lock = include_str!("../../../Cargo.lock");
    assert!(lock.contains("name = \"fuser\"\nversion = \"0.18.0\"\n"));
}

#[test]
fn the_kernel_of_this_machine_calls_the_same() {
    if !kernel() {
        return;
    }
    for (said, wanted, capable, program) in SETTINGS {
        let recorder = || Recorder::new(wanted).capable(capable);
        let (mock, host) = (on_mock(recorder(), &program()), on_host(recorder(), program()));
        let (expected, given_back) = without_forgets(&mock);
        let (found, really_given_back) = without_forgets(&host);
        assert_eq!(found.join("\n"), expected.join("\n"), "{said}");
        assert_eq!(really_given_back, given_back, "{said}");
    }
    let host = aside_on_host();
    assert_eq!(host, ASIDE);
    assert_eq!(aside_on_mock(), format!("{ASIDE}  destroy\n"));
}
