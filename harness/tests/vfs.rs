//! System calls and the requests they become.
//!
//! Each test is a short program of one or two clients and the stream of operations that a filter
//! sees meanwhile. The streams are those of the observed kernels (the baseline recordings hold 140
//! such calls); here stand the rules that are easy to lose.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use fuserig::kernel::{MountOptions, World, WorldConfig};
use fuserig::pipeline::{NoDaemon, NullSink, Stop};
use fuserig::vfs::{Call, CallResult, Output, PathAt, Program, Target, Vfs, VfsConfig};
use fuserig_abi::{
    Abi, AbiTable, Arg, CallArgs, Caller, Capabilities, Credentials, Errno, Fidelity, Gid, Op,
    Phase, Pid, Slot, Timespec, Uid,
};
use fuserig_filters::{Filter, FilterEnv};
use fuserig_sim_fs::{Lock, LockKind, Lower, LowerExt, MemFs, MemFsOptions, OpenFlags};

const NOW: Timespec = Timespec::from_secs(1_700_000_000);
const ONE: Pid = Pid(1);
const TWO: Pid = Pid(2);

/// Writes down each prefilter call; one operation may be answered with a code.
#[derive(Debug, Default)]
struct Script {
    log: RefCell<Vec<String>>,
    answer: Cell<Option<(Slot, i32)>>,
}

#[derive(Debug)]
struct Watcher(Rc<Script>);

impl Filter for Watcher {
    fn name(&self) -> &str {
        "watcher"
    }

    fn has(&self, slot: Slot) -> bool {
        slot != Slot::Default
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, _: &mut FilterEnv<'_>) -> u32 {
        if matches!(slot, Slot::Member(_, Phase::Pre)) {
            let mut line = args.op.name().to_owned();
            if let Some(mask) = args.field(AbiTable::of(Abi::V4), "in.mask") {
                line = format!("{line} {mask:x}");
            }
            let name = args.ins().iter().find_map(Arg::as_buffer);
            if let Some(text) = name.and_then(|name| name.c_string(&args.arena).ok()) {
                line = format!("{line} {}", String::from_utf8_lossy(text));
            }
            self.0.log.borrow_mut().push(line);
        }
        let wanted = self.0.answer.get();
        match (wanted, slot) {
            (Some((member, code)), slot) if member == slot => code as u32,
            // The postfilter is asked for so that it can be answered too.
            (Some((Slot::Member(op, Phase::Post), _)), Slot::Member(at, Phase::Pre))
                if at == op =>
            {
                3
            }
            _ => 0,
        }
    }
}

struct Bench {
    vfs: Vfs,
    script: Rc<Script>,
}

fn populate(lower: &mut MemFs) -> Result<(), Errno> {
    let caller = Caller::new(Credentials::root(), ONE, NOW);
    let root = lower.root();
    let file = |lower: &mut MemFs, parent, name: &[u8]| {
        let flags = OpenFlags::WRONLY;
        let (_, fh) = lower.create_open(&caller, parent, name, 0o644, flags)?;
        lower.write(&caller, fh, 0, b"hello world")?;
        lower.release(&caller, fh)
    };
    let d1 = lower.mkdir(&caller, root, b"d1", 0o755)?.ino;
    lower.mkdir(&caller, root, b"d2", 0o755)?;
    for (parent, name) in [(root, &b"f1"[..]), (root, b"f2"), (d1, b"x"), (d1, b"y")] {
        file(lower, parent, name)?;
    }
    for (name, target) in [(&b"ln"[..], &b"d1/x"[..]), (b"loop", b"loop"), (b"up", b"d1")] {
        lower.symlink(&caller, root, name, target)?;
    }
    Ok(())
}

impl Bench {
    fn with(abi: Abi, options: MountOptions) -> Bench {
        let script = Rc::new(Script::default());
        let mut lower = MemFs::new(MemFsOptions::default());
        populate(&mut lower).expect("the tree can be made");
        let config = WorldConfig { abi, fidelity: Fidelity::Faithful, options, start: NOW };
        let filter = Box::new(Watcher(Rc::clone(&script)));
        let world = World::new(
            &config,
            Box::new(lower),
            Some(filter),
            Box::new(NoDaemon),
            Box::new(NullSink),
        );
        let vfs = Vfs::new(world.expect("the root has attributes"), &VfsConfig::default());
        vfs.add_client(ONE, Credentials::root(), 0o022);
        Bench { vfs, script }
    }

    fn new() -> Bench {
        Bench::with(Abi::V4, MountOptions::default())
    }

    fn call(&self, call: &Call) -> CallResult {
        self.vfs.call(ONE, call)
    }

    /// The call's value, and the operations it made.
    fn stream(&self, call: &Call) -> (Result<i64, Errno>, String) {
        self.script.log.borrow_mut().clear();
        let value = self.call(call).value;
        (value, self.script.log.borrow().join(", "))
    }

    fn open(&self, path: &str, flags: OpenFlags) -> i32 {
        let value = self.call(&open(path, flags)).value.expect("the file can be opened");
        i32::try_from(value).expect("a descriptor")
    }

    fn answer(&self, op: Op, phase: Phase, code: i32) {
        self.script.answer.set(Some((Slot::Member(op, phase), code)));
    }
}

fn open(path: &str, flags: OpenFlags) -> Call {
    Call::Open { path: PathAt::cwd(path), flags, mode: 0o666, fd: None }
}

fn stat(path: &str) -> Call {
    Call::Stat { target: Target::follow(path), flags: 0 }
}

fn read(fd: i32, size: u64) -> Call {
    Call::Read { fd, size, offset: None }
}

fn check(call: &Call, value: Result<i64, Errno>, stream: &str) {
    let bench = Bench::new();
    assert_eq!(bench.stream(call), (value, stream.to_owned()), "{call:?}");
}

#[test]
fn a_walk_checks_and_looks_up_each_component() {
    let create = OpenFlags::CREAT | OpenFlags::RDWR;
    let table = [
        (stat("/"), Ok(0), "getattr"),
        (stat("f1"), Ok(0), "access 81, lookup f1, getattr"),
        (stat("d1//x"), Ok(0), "access 81, lookup d1, access 1, lookup x, getattr"),
        (stat("../../f1"), Ok(0), "access 81, access 81, access 81, lookup f1, getattr"),
        (stat("d1/"), Ok(0), "access 81, lookup d1, getattr"),
        (stat("f1/"), Err(Errno::ENOTDIR), "access 81, lookup f1"),
        (stat("f1/x"), Err(Errno::ENOTDIR), "access 81, lookup f1"),
        (stat("missing/x"), Err(Errno::ENOENT), "access 81, lookup missing"),
        (
            stat("up/y"),
            Ok(0),
            "access 81, lookup up, get_link up, access 1, lookup d1, access 1, lookup y, getattr",
        ),
        (open("nn", create), Ok(0), "access 81, access 3, lookup nn, create_open nn, access 20"),
        (open("nn/", create), Err(Errno::EISDIR), "access 81"),
        (
            open("f1", create | OpenFlags::EXCL),
            Err(Errno::EEXIST),
            "access 81, access 3, lookup f1",
        ),
        (open("d1", create), Err(Errno::EISDIR), "access 81, access 3, lookup d1"),
        (open("ln", OpenFlags::NOFOLLOW), Err(Errno::ELOOP), "access 81, lookup ln"),
        (
            Call::Mkdir { path: PathAt::cwd("nd"), mode: 0o777 },
            Ok(0),
            "access 81, lookup nd, access 3, mkdir nd",
        ),
        (
            Call::Unlink { path: PathAt::cwd("d1") },
            Err(Errno::EISDIR),
            "access 81, lookup d1, access 3",
        ),
        (
            Call::Rmdir { path: PathAt::cwd("d1/..") },
            Err(Errno::ENOTEMPTY),
            "access 81, lookup d1, access 1",
        ),
        (
            Call::Chmod { target: Target::follow("f1"), mode: 0o600 },
            Ok(0),
            "access 81, lookup f1, setattr",
        ),
        (
            Call::Truncate { target: Target::follow("f1"), size: 3 },
            Ok(0),
            "access 81, lookup f1, access 2, getxattr security.capability, setattr",
        ),
    ];
    for (call, value, stream) in table {
        check(&call, value, stream);
    }
}

#[test]
fn the_fortieth_symlink_is_the_last_one_followed() {
    let bench = Bench::new();
    let (value, stream) = bench.stream(&stat("loop"));
    assert_eq!(value, Err(Errno::ELOOP));
    assert_eq!(stream.matches("get_link").count(), 40);
    // The link is held while its own text is walked, and so found in the cache.
    assert_eq!(stream.matches("lookup").count(), 1);
    assert_eq!(bench.vfs.world().mount.dentries.len(), 1, "nothing but the root is held");
    // Those on the way to the last component count, also where that may be created.
    for flags in [OpenFlags::empty(), OpenFlags::CREAT] {
        let bench = Bench::new();
        let (value, stream) = bench.stream(&open("up/../loop", flags));
        assert_eq!(value, Err(Errno::ELOOP));
        assert_eq!(stream.matches("get_link").count(), 40, "{flags:?}");
    }
}

#[test]
fn a_name_in_use_is_served_without_a_lookup() {
    let bench = Bench::new();
    let fd = bench.open("d1", OpenFlags::DIRECTORY);
    assert_eq!(bench.stream(&stat("d1")).1, "access 81, getattr");
    bench.call(&Call::Close { fd });
    assert_eq!(bench.stream(&stat("d1")).1, "access 81, lookup d1, getattr");
}

#[test]
fn every_close_flushes_and_the_last_one_releases() {
    let bench = Bench::new();
    let fd = bench.open("f1", OpenFlags::RDWR);
    let copy = bench.call(&Call::Dup { fd, to: None, cloexec: true }).number() as i32;
    let fork = Call::Fork { child: TWO, share_files: false, share_fs: false };
    assert_eq!(bench.call(&fork).number(), 2);
    assert_eq!(bench.stream(&Call::Close { fd }), (Ok(0), "flush".to_owned()));
    bench.script.log.borrow_mut().clear();
    bench.vfs.call(TWO, &Call::Exit);
    assert_eq!(bench.script.log.borrow().join(", "), "flush, flush");
    assert_eq!(bench.stream(&Call::Exec { program: None }).1, "flush, release");
    assert_eq!(bench.stream(&Call::Close { fd: copy }).0, Err(Errno::EBADF));
    assert_eq!(bench.vfs.world().mount.handles.len(), 0);
}

#[test]
fn a_removed_working_directory_finds_and_makes_nothing() {
    let bench = Bench::new();
    bench.call(&Call::Chdir { target: Target::follow("d2") });
    assert_eq!(bench.call(&Call::Rmdir { path: PathAt::cwd("/d2") }).value, Ok(0));
    assert_eq!(bench.stream(&stat("x")), (Err(Errno::ENOENT), "access 81".to_owned()));
    let make = Call::Mkdir { path: PathAt::cwd("x"), mode: 0o777 };
    assert_eq!(bench.stream(&make), (Err(Errno::ENOENT), "access 81".to_owned()));
    assert_eq!(bench.stream(&stat("..")).0, Ok(0));
    assert_eq!(bench.call(&Call::Getcwd).value, Err(Errno::ENOENT));
}

#[test]
fn a_removed_open_directory_lists_nothing() {
    let bench = Bench::new();
    let fd = bench.open("d2", OpenFlags::DIRECTORY);
    bench.call(&Call::Rmdir { path: PathAt::cwd("d2") });
    let list = Call::Getdents { fd, space: 4096 };
    assert_eq!(bench.stream(&list), (Err(Errno::ENOENT), String::new()));
}

#[test]
fn an_open_file_outlives_its_name() {
    let bench = Bench::new();
    let moved = bench.open("f1", OpenFlags::RDWR);
    let gone = bench.open("f2", OpenFlags::RDWR);
    let (old, new) = (PathAt::cwd("f1"), PathAt::cwd("g1"));
    assert_eq!(bench.call(&Call::Rename { old, new, flags: 0 }).value, Ok(0));
    assert_eq!(bench.call(&Call::Unlink { path: PathAt::cwd("f2") }).value, Ok(0));
    for fd in [moved, gone] {
        let result = bench.call(&read(fd, 5));
        assert_eq!(result.output, Output::Bytes(b"hello".to_vec()));
    }
    assert_eq!(bench.stream(&stat("g1")).1, "access 81, getattr", "the name moved with it");
    assert_eq!(bench.call(&stat("f1")).value, Err(Errno::ENOENT));
}

#[test]
fn the_umask_takes_from_new_files_only() {
    let bench = Bench::new();
    assert_eq!(bench.call(&Call::Umask { mask: 0o077 }).value, Ok(0o022));
    bench.open("nn", OpenFlags::CREAT | OpenFlags::RDWR);
    bench.call(&Call::Mkdir { path: PathAt::cwd("nd"), mode: 0o777 });
    bench.call(&Call::Chmod { target: Target::follow("f1"), mode: 0o666 });
    for (path, expected) in [("nn", 0o100_600), ("nd", 0o040_700), ("f1", 0o100_666)] {
        let Output::Stat(stat) = bench.call(&stat(path)).output else { panic!("{path} exists") };
        assert_eq!(stat.mode(), expected, "{path}");
    }
}

#[test]
fn without_allow_other_a_stranger_is_refused_before_any_filter() {
    for (allow_other, expected, stream) in
        [(false, Err(Errno::EACCES), ""), (true, Ok(0), "access 81, lookup f1, getattr")]
    {
        let options = MountOptions { allow_other, ..MountOptions::default() };
        let bench = Bench::with(Abi::V4, options);
        bench.vfs.add_client(TWO, Credentials::user(Uid(1000), Gid(1000)), 0o022);
        assert_eq!(bench.vfs.call(TWO, &stat("f1")).value, expected);
        assert_eq!(bench.script.log.borrow().join(", "), stream);
        let root = Credentials::root();
        assert!(root.capable(Capabilities::FOWNER));
        assert_eq!(bench.call(&stat("f1")).value, Ok(0), "the owner of the mount may");
    }
}

#[test]
fn an_appending_write_moves_the_position_to_the_end() {
    let bench = Bench::new();
    let fd = bench.open("f1", OpenFlags::WRONLY | OpenFlags::APPEND);
    let data = b"!!".to_vec();
    assert_eq!(bench.call(&Call::Write { fd, data, offset: None }).value, Ok(2));
    assert_eq!(bench.call(&Call::Seek { fd, offset: 0, whence: 1 }).value, Ok(13));
}

#[test]
fn a_copy_ends_at_the_end_of_its_source_and_may_not_overlap() {
    let bench = Bench::new();
    let from = bench.open("f1", OpenFlags::RDWR);
    let to = bench.open("f2", OpenFlags::RDWR);
    let listing = bench.open("d1", OpenFlags::DIRECTORY);
    let copy = |from, from_offset, to, to_offset, length| Call::CopyFileRange {
        from,
        from_offset: Some(from_offset),
        to,
        to_offset: Some(to_offset),
        length,
        flags: 0,
    };
    let table = [
        (copy(from, 4, to, 0, 100), Ok(7), "copy_file_range"),
        (copy(from, 11, to, 0, 5), Ok(0), ""),
        (copy(from, 0, from, 2, 5), Err(Errno::EINVAL), ""),
        (copy(from, 0, listing, 2, 5), Err(Errno::EISDIR), ""),
    ];
    for (call, value, stream) in table {
        assert_eq!(bench.stream(&call), (value, stream.to_owned()), "{call:?}");
    }
    let send = Call::Sendfile { to, from, offset: Some(0), length: 5 };
    assert_eq!(bench.stream(&send), (Ok(5), "read_iter, write_iter".to_owned()));
}

#[test]
fn a_copy_or_allocation_left_to_the_server_asks_for_privileges_first() {
    let asked = "getxattr security.capability";
    for op in [Op::CopyFileRange, Op::FileFallocate] {
        let bench = Bench::new();
        let (from, to) = (bench.open("f1", OpenFlags::RDWR), bench.open("f2", OpenFlags::RDWR));
        bench.answer(op, Phase::Pre, 1);
        let call = match op {
            Op::FileFallocate => Call::Fallocate { fd: to, mode: 0, offset: 0, length: 8 },
            _ => Call::CopyFileRange {
                from,
                from_offset: None,
                to,
                to_offset: None,
                length: 5,
                flags: 0,
            },
        };
        let stream = format!("{}, {asked}", op.name());
        assert_eq!(bench.stream(&call), (Err(Errno::ECONNREFUSED), stream));
    }
}

/// The names of the root as getdents with a small buffer finds them, and how the calls ended.
fn names(abi: Abi, space: u64) -> (Vec<String>, Result<i64, Errno>) {
    let bench = Bench::with(abi, MountOptions::default());
    let fd = bench.open("/", OpenFlags::DIRECTORY);
    let mut names = Vec::new();
    loop {
        let got = bench.call(&Call::Getdents { fd, space });
        let Output::Records(records) = got.output else { return (names, got.value) };
        if records.is_empty() {
            return (names, got.value);
        }
        names.extend(records.iter().map(|r| String::from_utf8_lossy(&r.name).into_owned()));
    }
}

#[test]
fn a_small_buffer_loses_records_on_v3_and_none_on_v4() {
    let all = names(Abi::V4, 4096);
    assert_eq!((all.0.len(), all.1), (9, Ok(0)));
    assert_eq!(names(Abi::V4, 64), all);
    // RDIR-1: what did not fit is passed over.
    assert_eq!(names(Abi::V3, 64).0.len(), 2);
    // A record that fits nowhere ends the listing: v4 says so.
    assert_eq!(names(Abi::V4, 16), (Vec::new(), Err(Errno::EINVAL)));
    assert_eq!(names(Abi::V3, 16).1, Ok(0));
}

#[test]
fn locks_go_below_on_v4_and_to_the_server_on_v3() {
    let range = Lock { kind: LockKind::Write, owner: 0, start: 0, end: 0 };
    for (abi, flock) in [(Abi::V3, Err(Errno::ECONNREFUSED)), (Abi::V4, Ok(0))] {
        let bench = Bench::with(abi, MountOptions::default());
        let fd = bench.open("f1", OpenFlags::RDWR);
        assert_eq!(bench.call(&Call::Flock { fd, kind: LockKind::Write }).value, flock);
        let refused = bench.call(&Call::SetLock { fd, lock: range, whence: 0 }).value;
        assert_eq!(refused, Err(Errno::ECONNREFUSED), "{abi}: no server knows of ranges");
    }
    let local = MountOptions { local_locks: true, ..MountOptions::default() };
    let bench = Bench::with(Abi::V4, local);
    let fd = bench.open("f1", OpenFlags::RDWR);
    assert_eq!(bench.call(&Call::SetLock { fd, lock: range, whence: 0 }).value, Ok(0));
}

#[test]
fn what_a_refusal_leaks_stays_counted() {
    let bench = Bench::new();
    bench.answer(Op::Open, Phase::Post, -13);
    assert_eq!(bench.call(&open("f1", OpenFlags::empty())).value, Err(Errno::EACCES));
    assert_eq!(bench.vfs.world().mount.leaks.lower_files, 1, "N6");

    for (abi, member, leaked) in [(Abi::V3, Op::Release, 1), (Abi::V4, Op::Releasedir, 0)] {
        let bench = Bench::with(abi, MountOptions::default());
        let fd = bench.open("f1", OpenFlags::empty());
        bench.answer(member, Phase::Pre, -13);
        assert_eq!(bench.call(&Call::Close { fd }).value, Ok(0));
        assert_eq!(bench.vfs.world().mount.leaks.handles, leaked, "PIPE-2 on {abi}");
    }
}

#[test]
fn a_code_that_is_no_errno_is_a_success_or_a_wild_pointer() {
    let bench = Bench::new();
    bench.answer(Op::Unlink, Phase::Pre, -5000);
    assert_eq!(bench.call(&Call::Unlink { path: PathAt::cwd("f1") }).value, Ok(-5000));
    bench.answer(Op::Getattr, Phase::Pre, i32::MIN);
    assert_eq!(bench.call(&stat("f1")), CallResult::value(0), "and the struct is not filled");

    for (op, call) in [
        (Op::Lookup, stat("f1")),
        (Op::Open, open("f1", OpenFlags::empty())),
        (Op::CreateOpen, open("nn", OpenFlags::CREAT)),
        (Op::GetLink, stat("ln")),
    ] {
        let bench = Bench::new();
        bench.answer(op, Phase::Pre, -5000);
        bench.call(&call);
        check_stopped(&bench, true, "N3");
    }
}

fn check_stopped(bench: &Bench, crash: bool, id: &str) {
    let (seen, is_crash) = match bench.vfs.stopped(ONE) {
        Some(Stop::Crash(quirk)) => (quirk.to_string(), true),
        Some(Stop::Hang(quirk)) => (quirk.to_string(), false),
        other => panic!("{id}: the kernel went on: {other:?}"),
    };
    assert_eq!((&seen[..], is_crash), (id, crash));
    assert_eq!(bench.stream(&stat("f1")).1, "", "{id}: the client makes no further request");
}

#[test]
fn a_client_whose_request_nobody_reads_never_returns() {
    let bench = Bench::new();
    let fd = bench.open("f1", OpenFlags::RDWR);
    bench.answer(Op::WriteIter, Phase::Pre, 1);
    bench.call(&Call::Write { fd, data: b"x".to_vec(), offset: None });
    check_stopped(&bench, false, "N5");
    bench.vfs.add_client(TWO, Credentials::root(), 0o022);
    assert_eq!(bench.vfs.call(TWO, &stat("f1")).value, Ok(0), "others go on");

    let bench = Bench::new();
    let fd = bench.open("f1", OpenFlags::RDWR);
    bench.answer(Op::Flush, Phase::Pre, 1);
    bench.call(&Call::Close { fd });
    check_stopped(&bench, false, "N4");
}

#[test]
fn a_create_that_is_not_implemented_brings_the_kernel_down() {
    let bench = Bench::new();
    bench.answer(Op::CreateOpen, Phase::Pre, -38);
    let (_, stream) = bench.stream(&open("nn", OpenFlags::CREAT));
    assert!(stream.ends_with("create_open nn, mknod nn"), "{stream}");
    check_stopped(&bench, true, "N2");
}

/// The bench with a program, as its own text, that execve is asked for.
fn exec(text: &str, mode: u32, refused: Option<Errno>) -> (Result<i64, Errno>, String) {
    let bench = Bench::new();
    let fd = bench.open("prog", OpenFlags::CREAT | OpenFlags::WRONLY);
    bench.call(&Call::Write { fd, data: text.as_bytes().to_vec(), offset: None });
    bench.call(&Call::Close { fd });
    bench.call(&Call::Chmod { target: Target::follow("prog"), mode });
    let program = Some(Program { path: PathAt::cwd("prog"), refused });
    bench.stream(&Call::Exec { program })
}

#[test]
fn a_program_is_opened_and_its_head_is_read() {
    let opened = "access 81, lookup prog, access 21, open, read_iter";
    let refused = format!("{opened}, release");
    let none = Some(Errno::ENOENT);
    assert_eq!(exec("\x7fELF", 0o755, None), (Ok(0), opened.to_owned()));
    assert_eq!(exec("\x7fELF", 0o755, none), (Err(Errno::ENOENT), refused.clone()));
    let missing = format!("{refused}, access 81, lookup bin");
    assert_eq!(exec("#!/bin/sh\n", 0o755, None), (Err(Errno::ENOENT), missing));
    assert_eq!(exec("text", 0o755, None), (Err(Errno::ENOEXEC), refused.clone()));
    assert_eq!(exec("", 0o755, None), (Err(Errno::ENOEXEC), refused));
    let denied = "access 81, lookup prog, access 21".to_owned();
    assert_eq!(exec("\x7fELF", 0o644, None), (Err(Errno::EACCES), denied));
    let (result, _) = exec("#!/prog\n", 0o755, None);
    assert_eq!(result, Err(Errno::ELOOP), "an interpreter that is its own");
}

#[test]
fn close_range_closes_or_marks() {
    let bench = Bench::new();
    let first = bench.open("f1", OpenFlags::RDWR);
    let second = bench.open("f1", OpenFlags::RDWR);
    let range = |first: i32, last: u64, flags: u32| Call::CloseRange {
        first: u64::try_from(first).expect("a descriptor is not negative"),
        last,
        flags,
    };
    let (cloexec, all) = (4, u64::from(u32::MAX));
    assert_eq!(bench.call(&range(second, 0, 0)).value, Err(Errno::EINVAL));
    assert_eq!(bench.stream(&range(second, all, cloexec)), (Ok(0), String::new()));
    assert_eq!(bench.stream(&Call::Exec { program: None }).1, "flush, release");
    assert_eq!(bench.stream(&range(first, all, 0)).1, "flush, release");
}

#[test]
fn the_vfs_answers_some_ioctls_itself() {
    let bench = Bench::new();
    let fd = bench.open("f1", OpenFlags::RDWR);
    for (request, expected) in [
        (0x2, Ok(0)),
        (0x541b, Ok(0)),
        (0x1, Err(Errno::EINVAL)),
        (0x5401, Err(Errno::ENOTTY)),
        (0x4004_9409, Err(Errno::EOPNOTSUPP)),
        (0x8008_6601, Err(Errno::ENOTTY)),
    ] {
        assert_eq!(
            bench.stream(&Call::Ioctl { fd, request, data: Vec::new() }),
            (expected, String::new())
        );
    }
}

#[test]
fn arguments_that_no_file_accepts_are_refused_before_the_mount() {
    let bench = Bench::new();
    let refused = |fd: i32| Call::Refused { fd, errno: Errno::EOPNOTSUPP };
    let fd = bench.open("f1", OpenFlags::RDWR);
    assert_eq!(bench.stream(&refused(fd)), (Err(Errno::EOPNOTSUPP), String::new()));
    assert_eq!(bench.stream(&refused(99)), (Err(Errno::EBADF), String::new()));
}
