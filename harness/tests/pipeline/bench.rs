//! A mount at rest with one of everything, a filter that returns what a test says, and a sink
//! that writes down what happened.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use fuserig::kernel::{DentryId, Handle, HandleId, MountOptions, World, WorldConfig};
use fuserig::pipeline::{
    AttrValid, Event, Iattr, NoDaemon, Operation, Outcome, Run, Sink, Value, What,
};
use fuserig_abi::{
    Abi, AccessMask, CallArgs, Caller, Credentials, Device, Errno, Fidelity, Ino, Op, Phase, Pid,
    Slot, Timespec,
};
use fuserig_filters::{Filter, FilterEnv};
use fuserig_sim_fs::{
    Lower, LowerExt, LowerOp, LowerReply, MemFs, MemFsOptions, OpenFlags, Whence, XattrFlags,
};

pub(crate) const NOW: Timespec = Timespec::from_secs(1_700_000_000);

/// What a member does to its arguments besides returning a code.
pub(crate) type Work = fn(Slot, &mut CallArgs);

/// What tests and filter share.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) pre: Cell<i32>,
    pub(crate) post: Cell<i32>,
    pub(crate) default: Cell<i32>,
    /// Which members are set.
    pub(crate) members: Cell<fn(Slot) -> bool>,
    pub(crate) work: Cell<Work>,
    pub(crate) log: RefCell<Vec<String>>,
    /// Arguments at the request and at each call of a member.
    pub(crate) seen: RefCell<Vec<(Option<Slot>, CallArgs)>>,
}

#[derive(Debug)]
struct Scripted(Rc<Script>);

impl Filter for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn has(&self, slot: Slot) -> bool {
        self.0.members.get()(slot)
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, _: &mut FilterEnv<'_>) -> u32 {
        self.0.work.get()(slot, args);
        let code = match slot {
            Slot::Default => self.0.default.get(),
            Slot::Member(_, Phase::Pre) => self.0.pre.get(),
            Slot::Member(_, Phase::Post) => self.0.post.get(),
        };
        code as u32
    }
}

#[derive(Debug)]
struct Writer(Rc<Script>);

impl Sink for Writer {
    fn event(&mut self, event: &Event<'_>) {
        let line = match &event.what {
            What::Request { args, .. } => {
                self.0.seen.borrow_mut().push((None, (*args).clone()));
                return;
            }
            What::Call { slot, args } => {
                self.0.seen.borrow_mut().push((Some(*slot), (*args).clone()));
                match slot {
                    Slot::Default => "default".to_owned(),
                    Slot::Member(_, Phase::Pre) => "pre".to_owned(),
                    Slot::Member(_, Phase::Post) => "post".to_owned(),
                }
            }
            What::Lower { .. } => "lower".to_owned(),
            What::DaemonRequest { .. } => "ask".to_owned(),
            What::Finalize { .. } => "finalize".to_owned(),
            What::Quirk { quirk } => format!("quirk {quirk}"),
            What::Crash { quirk } => format!("crash {quirk}"),
            _ => return,
        };
        self.0.log.borrow_mut().push(line);
    }
}

/// Which operations of the lower filesystem.
pub(crate) type Which = fn(&LowerOp<'_>) -> bool;

/// Lets operations of the lower filesystem fail while the switch is on, most often all, after the
/// calls that are to be spared.
#[derive(Debug)]
struct Failing {
    below: MemFs,
    on: Rc<Cell<bool>>,
    errno: Rc<Cell<Errno>>,
    spared: Rc<Cell<u32>>,
    which: Rc<Cell<Which>>,
}

impl Lower for Failing {
    fn root(&self) -> Ino {
        self.below.root()
    }

    fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        let spared = self.spared.get();
        if self.on.get() && spared == 0 && self.which.get()(op) {
            return Err(self.errno.get());
        }
        self.spared.set(spared.saturating_sub(1));
        self.below.apply(caller, op)
    }
}

/// The mount.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) script: Rc<Script>,
    pub(crate) lower_fails: Rc<Cell<bool>>,
    pub(crate) lower_errno: Rc<Cell<Errno>>,
    pub(crate) lower_spares: Rc<Cell<u32>>,
    pub(crate) lower_fails_in: Rc<Cell<Which>>,
    pub(crate) file: DentryId,
    pub(crate) directory: DentryId,
    pub(crate) link: DentryId,
    pub(crate) empty: DentryId,
    pub(crate) absent: DentryId,
    pub(crate) open: HandleId,
    pub(crate) other: HandleId,
    pub(crate) listing: HandleId,
}

pub(crate) fn caller() -> Caller {
    Caller::new(Credentials::root(), Pid(1), NOW)
}

/// Two files, an empty directory, a symlink, an attribute. Every name has two characters.
fn tree(lower: &mut MemFs) -> Result<(), Errno> {
    let (caller, root) = (caller(), lower.root());
    for name in [&b"f1"[..], b"f2"] {
        let (stat, fh) = lower.create_open(&caller, root, name, 0o644, OpenFlags::WRONLY)?;
        lower.write(&caller, fh, 0, b"hello world")?;
        lower.release(&caller, fh)?;
        lower.set_xattr(&caller, stat.ino, b"user.a", b"AAAA", XattrFlags::empty())?;
    }
    lower.mkdir(&caller, root, b"d1", 0o755)?;
    lower.mkdir(&caller, root, b"ed", 0o755)?;
    lower.symlink(&caller, root, b"ln", b"f1")?;
    Ok(())
}

impl Bench {
    pub(crate) fn new(abi: Abi, fidelity: Fidelity) -> Bench {
        let script = Rc::new(Script {
            // Android calls the ordinary path 0; the bench is made below.
            pre: Cell::new(if abi == Abi::Android { 2 } else { 0 }),
            post: Cell::new(0),
            default: Cell::new(0),
            members: Cell::new(|_| true),
            work: Cell::new(|_, _| {}),
            log: RefCell::default(),
            seen: RefCell::default(),
        });
        let lower_fails = Rc::new(Cell::new(false));
        let lower_errno = Rc::new(Cell::new(Errno::EIO));
        let lower_spares = Rc::new(Cell::new(0));
        let lower_fails_in: Rc<Cell<Which>> = Rc::new(Cell::new(|_| true));
        let mut below = MemFs::new(MemFsOptions::default());
        tree(&mut below).expect("the tree can be made");
        let lower = Failing {
            below,
            on: Rc::clone(&lower_fails),
            errno: Rc::clone(&lower_errno),
            spared: Rc::clone(&lower_spares),
            which: Rc::clone(&lower_fails_in),
        };
        let config = WorldConfig { abi, fidelity, options: MountOptions::default(), start: NOW };
        let mut world = World::new(
            &config,
            Box::new(lower),
            Some(Box::new(Scripted(Rc::clone(&script)))),
            Box::new(NoDaemon),
            Box::new(Writer(Rc::clone(&script))),
        )
        .expect("the root has attributes");
        let [file, second, directory, empty, link, absent] =
            [&b"f1"[..], b"f2", b"d1", b"ed", b"ln", b"nn"].map(|name| find(&mut world, name));
        let open = open(&mut world, file, false);
        let other = self::open(&mut world, second, false);
        let listing = self::open(&mut world, directory, true);
        script.log.borrow_mut().clear();
        script.seen.borrow_mut().clear();
        Bench {
            world,
            script,
            lower_fails,
            lower_errno,
            lower_spares,
            lower_fails_in,
            file,
            directory,
            link,
            empty,
            absent,
            open,
            other,
            listing,
        }
    }

    /// The operation of the table on something that fits it.
    pub(crate) fn operation(&mut self, op: Op) -> Operation {
        let (handle, dentry) = (self.open, self.absent);
        match op {
            Op::Open => Operation::Open { handle: self.fresh(self.file), directory: false },
            Op::Opendir => Operation::Open { handle: self.fresh(self.directory), directory: true },
            Op::CreateOpen => Operation::CreateOpen { dentry, flags: 2, mode: 0o100_644 },
            Op::Release => Operation::Release { handle, directory: false },
            Op::Releasedir => Operation::Release { handle: self.listing, directory: true },
            Op::Flush => Operation::Flush { handle },
            Op::Lseek => Operation::Lseek { handle, offset: 3, whence: Whence::Set },
            Op::CopyFileRange => Operation::CopyFileRange {
                from: handle,
                from_offset: 0,
                to: self.other,
                to_offset: 2,
                length: 4,
                flags: 0,
            },
            Op::Fsync => Operation::Fsync { handle, datasync: false, directory: false },
            Op::DirFsync => {
                Operation::Fsync { handle: self.listing, datasync: false, directory: true }
            }
            Op::Getxattr => {
                Operation::Getxattr { dentry: self.file, name: b"user.a".to_vec(), size: 64 }
            }
            Op::Listxattr => Operation::Listxattr { dentry: self.file, size: 64 },
            Op::Setxattr => Operation::Setxattr {
                dentry: self.file,
                name: b"user.b".to_vec(),
                value: b"BB".to_vec(),
                flags: 0,
            },
            Op::Removexattr => {
                Operation::Removexattr { dentry: self.file, name: b"user.a".to_vec() }
            }
            Op::ReadIter => Operation::ReadIter { handle, offset: 0, size: 5 },
            Op::WriteIter => {
                Operation::WriteIter { handle, offset: 0, data: b"HE".to_vec(), append: false }
            }
            Op::FileFallocate => {
                Operation::FileFallocate { handle, mode: 0, offset: 0, length: 32 }
            }
            Op::Lookup => Operation::Lookup { dentry: self.unlooked(b"f2") },
            Op::Mknod => Operation::Mknod { dentry, mode: 0o100_644, rdev: Device::default() },
            Op::Mkdir => Operation::Mkdir { dentry, mode: 0o755 },
            Op::Rmdir => Operation::Rmdir { dentry: self.empty },
            Op::Rename2 => Operation::Rename { old: self.file, new: dentry, flags: 1 },
            Op::Rename => Operation::Rename { old: self.file, new: dentry, flags: 0 },
            Op::Unlink => Operation::Unlink { dentry: self.file },
            Op::Link => Operation::Link { source: self.file, dentry },
            Op::Getattr => Operation::Getattr { dentry: self.file, flags: 0 },
            Op::Setattr => {
                let valid = AttrValid::MODE;
                let attr = Iattr { valid, mode: 0o100_600, ..Iattr::default() };
                Operation::Setattr { dentry: self.file, attr }
            }
            Op::Statfs => Operation::Statfs { dentry: self.file },
            Op::GetLink => Operation::GetLink { dentry: self.link },
            Op::Symlink => Operation::Symlink { dentry, target: b"target".to_vec() },
            Op::Readdir => Operation::Readdir { handle: self.listing, space: 4096 },
            Op::Access => {
                let inode = self.world.mount.inode_of(self.file);
                Operation::Access { inode, mask: AccessMask::READ }
            }
        }
    }

    /// A new handle on something that is not open yet.
    pub(crate) fn fresh(&mut self, dentry: DentryId) -> HandleId {
        new_handle(&mut self.world, dentry)
    }

    /// A new dentry whose name was not looked up.
    pub(crate) fn unlooked(&mut self, name: &[u8]) -> DentryId {
        let root = self.world.mount.root;
        self.world.mount.new_child(root, name)
    }

    pub(crate) fn run(&mut self, operation: Operation) -> Outcome {
        Run::new(&mut self.world, operation, caller(), 0o022).finish(&mut self.world)
    }

    pub(crate) fn run_op(&mut self, op: Op) -> Outcome {
        let operation = self.operation(op);
        self.run(operation)
    }

    /// The steps that a test can see, without quirks.
    pub(crate) fn trace(&self) -> Vec<String> {
        let log = self.script.log.borrow();
        log.iter().filter(|line| !line.starts_with("quirk")).cloned().collect()
    }

    pub(crate) fn stepped_on(&self, quirk: &str) -> bool {
        let line = format!("quirk {quirk}");
        self.script.log.borrow().contains(&line)
    }

    /// The arguments as the request (none) or a member saw them first.
    pub(crate) fn seen(&self, wanted: Option<Phase>) -> Option<CallArgs> {
        let seen = self.script.seen.borrow();
        let found = seen.iter().find(|(slot, _)| match (slot, wanted) {
            (Some(Slot::Member(_, phase)), Some(wanted)) => *phase == wanted,
            (None, None) => true,
            _ => false,
        });
        found.map(|(_, args)| args.clone())
    }
}

/// The number an outcome stands for.
pub(crate) fn number(outcome: &Outcome) -> i64 {
    match (&outcome.value, outcome.error) {
        (Value::Number(number), 0) => *number,
        (_, error) => error,
    }
}

fn new_handle(world: &mut World, dentry: DentryId) -> HandleId {
    let inode = world.mount.inode_of(dentry);
    world.mount.hold_inode(inode);
    let directory = world.mount.inodes[inode].kind == fuserig_abi::FileKind::Directory;
    let flags = if directory { OpenFlags::DIRECTORY } else { OpenFlags::RDWR };
    world.mount.handles.insert(Handle::new(inode, dentry, flags))
}

fn find(world: &mut World, name: &[u8]) -> DentryId {
    let root = world.mount.root;
    let dentry = world.mount.new_child(root, name);
    Run::new(world, Operation::Lookup { dentry }, caller(), 0).finish(world);
    dentry
}

fn open(world: &mut World, dentry: DentryId, directory: bool) -> HandleId {
    let handle = new_handle(world, dentry);
    let outcome = Run::new(world, Operation::Open { handle, directory }, caller(), 0).finish(world);
    assert_eq!(outcome.error, 0, "{dentry:?} can be opened");
    handle
}
