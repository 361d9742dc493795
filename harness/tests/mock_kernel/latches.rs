//! Locks in simulations of a fuser filesystem: those that it keeps itself, right and wrong, and
//! those that it leaves to the kernel.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    KernelConfig, LockOwner, OpenFlags, ReplyAttr, ReplyEmpty, ReplyEntry, ReplyOpen, Request,
};
use fuserig::door;
use fuserig::prelude::{Abi, Action, Case, Finding, Program, Seed, Simulation, Subject, invariant};
use fuserig::sim::Rng;
use fuserig_sim_fs::{Lock, LockKind, LockTable};

/// A filesystem of two files that can be opened and locked.
struct Latches {
    /// Whether it asks for locks of ranges.
    wants: bool,
    /// Whether a process that closes a file keeps its locks, which is the mistake.
    keeps: bool,
    tables: Mutex<BTreeMap<u64, LockTable<u64>>>,
    /// How many locks it was asked for, in all runs.
    asked: Arc<Mutex<u64>>,
}

const VALID: Duration = Duration::from_secs(1000);

impl Latches {
    fn attr(ino: u64) -> FileAttr {
        let (kind, perm) =
            if ino == 1 { (FileType::Directory, 0o755) } else { (FileType::RegularFile, 0o644) };
        FileAttr {
            ino: INodeNo(ino),
            size: 0,
            blocks: 0,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind,
            perm,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }

    fn change<T>(&self, ino: INodeNo, change: impl FnOnce(&mut LockTable<u64>) -> T) -> T {
        let mut tables = self.tables.lock().expect("nobody panics with it");
        change(tables.entry(ino.0).or_default())
    }
}

impl Filesystem for Latches {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        if self.wants {
            config.add_capabilities(InitFlags::FUSE_POSIX_LOCKS).expect("the kernel has them");
        }
        Ok(())
    }

    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match name.as_encoded_bytes() {
            b"a" => reply.entry(&VALID, &Latches::attr(2), Generation(0)),
            b"b" => reply.entry(&VALID, &Latches::attr(3), Generation(0)),
            _ => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&VALID, &Latches::attr(ino.0));
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::empty());
    }

    fn setlk(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        owner: LockOwner,
        start: u64,
        end: u64,
        typ: i32,
        _: u32,
        _: bool,
        reply: ReplyEmpty,
    ) {
        *self.asked.lock().expect("nobody panics with it") += 1;
        let kinds = [LockKind::Read, LockKind::Write, LockKind::Unlock];
        let lock = Lock { kind: kinds[typ as usize], owner: owner.0, start, end };
        match self.change(ino, |table| table.set(lock, 0)) {
            Ok(()) => reply.ok(),
            Err(_) => reply.error(Errno::EAGAIN),
        }
    }

    fn flush(&self, _: &Request, ino: INodeNo, _: FileHandle, owner: LockOwner, reply: ReplyEmpty) {
        if !self.keeps {
            self.change(ino, |table| table.forget_owner(owner.0));
        }
        reply.ok();
    }
}

/// What a client does with the two files: it has one open or the other, in some ways.
fn program(rng: &mut Rng) -> Program {
    let open = |rng: &mut Rng| {
        let path = *rng.pick(&["a", "b"]);
        Action::Open { path: path.into(), flags: rng.below(3) as u32, mode: 0 }
    };
    let mut actions = vec![open(rng), open(rng)];
    for _ in 0..10 {
        let (file, kind) = (rng.below(2) as u8, rng.below(3) as u32);
        actions.push(match rng.below(8) {
            0 => Action::Close { file },
            1 => open(rng),
            2 | 3 => Action::Flock { file, kind, waits: false },
            _ => {
                let (start, length) = (rng.below(4) as i64, rng.below(4) as i64);
                Action::Lock { file, kind, start, length, waits: false }
            }
        });
    }
    Program::of(0, actions)
}

/// Cases of a seed: the first finding, and how many locks the filesystem was asked for.
fn simulate(seed: u64, wants: bool, keeps: bool) -> (Option<Box<Finding>>, u64) {
    const TREE: &str = "/a ''\n/b ''\n";
    let asked = Arc::new(Mutex::new(0));
    let mut rng = Seed(seed).rng();
    let mut run = || {
        let counter = Arc::clone(&asked);
        let make =
            move || Latches { wants, keeps, tables: Mutex::default(), asked: Arc::clone(&counter) };
        let clients = (0..3).map(|_| program(&mut rng)).collect();
        let model = Subject::without_filter(Abi::V4).over(TREE);
        Simulation::of_case(Case { clients, tree: TREE.to_owned(), ..Case::default() })
            .run(door::filesystem(make).over(TREE))
            .check(invariant::agrees_with(&model))
            .result()
            .err()
    };
    let finding = (0..24).find_map(|_| run());
    let asked = *asked.lock().expect("nobody panics with it");
    (finding, asked)
}

#[test]
fn locks_that_are_left_to_the_kernel_agree_with_the_model() {
    for seed in 1..=4 {
        let (finding, asked) = simulate(seed, false, false);
        assert!(finding.is_none(), "\n{}", finding.expect("one"));
        assert_eq!(asked, 0, "nobody asked for them");
    }
}

#[test]
fn locks_that_the_filesystem_keeps_agree_with_the_model() {
    for seed in 1..=4 {
        let (finding, asked) = simulate(seed, true, false);
        assert!(finding.is_none(), "\n{}", finding.expect("one"));
        assert!(asked > 100, "{asked}");
    }
}

#[test]
fn a_filesystem_that_keeps_locks_too_long_is_found() {
    for seed in 1..=4 {
        let finding = simulate(seed, true, true).0.expect("it keeps what was given back");
        assert_eq!(finding.violation.invariant, "agrees_with", "{finding}");
        assert!(finding.to_string().contains("lock #"), "{finding}");
    }
}
