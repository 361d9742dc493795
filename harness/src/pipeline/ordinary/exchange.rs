//! One operation on the ordinary path, and what every reply has in common.

use core::ops::ControlFlow;

use fuserig_abi::{
    Caller, Device, Errno, FileKind, FuseAttr, FuseEntryOut, Gid, Ino, NodeId, Opcode, Quirk,
    S_IALLUGO, S_IFMT, Stat, Timespec, Uid,
};
use zerocopy::{FromBytes, IntoBytes};

use super::lent::{Lender, Lent};
use crate::kernel::{DentryId, HandleId, InodeId};
use crate::pipeline::device::{Asking, Settled, Shape, ask};
use crate::pipeline::entries::EntryActions;
use crate::pipeline::under_way::{come_for, hand_over};
use crate::pipeline::{Event, Operation, Outcome, Step, Stop, Value, What};

/// Why an operation on the ordinary path ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// An errno for the caller.
    Errno(Errno),
    /// The modelled kernel cannot go on.
    Stop(Stop),
}

impl From<Errno> for Halt {
    fn from(errno: Errno) -> Halt {
        Halt::Errno(errno)
    }
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Halt {
        Halt::Stop(stop)
    }
}

/// What an operation gives.
pub(super) type Served<T = Outcome> = Result<T, Halt>;

/// One operation on the ordinary path.
#[derive(Debug)]
pub(crate) struct Ordinary<'a> {
    pub(super) world: Lent<'a>,
    pub(super) caller: &'a Caller,
    pub(super) umask: u32,
    number: u64,
    /// What was known when the last request was sent ([`crate::kernel::Mount::version`]).
    pub(super) asked_at: u64,
}

impl<'a> Ordinary<'a> {
    /// The ordinary path of the operation with that number.
    pub(crate) fn new(
        lender: &'a dyn Lender,
        caller: &'a Caller,
        umask: u32,
        number: u64,
    ) -> Ordinary<'a> {
        Ordinary { world: Lent::by(lender), caller, umask, number, asked_at: 0 }
    }

    /// Serves the operation.
    ///
    /// # Errors
    /// The errno for the caller, or the end of the modelled kernel.
    pub(crate) async fn serve(&mut self, operation: &Operation) -> Served {
        let served = self.perform(operation).await;
        if let Err(Halt::Stop(Stop::Crash(quirk) | Stop::Hang(quirk))) = served
            && self.world.sink.wants_events()
        {
            let what = What::Crash { quirk };
            self.world.emit(&Event { operation: self.number, step: Step::Result, what });
        }
        served
    }

    async fn perform(&mut self, operation: &Operation) -> Served {
        self.check_not_bad(operation)?;
        match *operation {
            Operation::Open { handle, directory } => self.open(handle, directory).await,
            Operation::CreateOpen { dentry, flags, mode } => {
                self.create_open(dentry, flags, mode).await
            }
            Operation::Release { handle, directory } => self.release(handle, directory).await,
            Operation::Flush { handle } => self.flush(handle).await,
            Operation::Lseek { handle, offset, whence } => self.lseek(handle, offset, whence).await,
            Operation::CopyFileRange { .. } => self.copy_file_range(operation).await,
            Operation::Fsync { handle, datasync, directory } => {
                self.fsync(handle, datasync, directory).await
            }
            Operation::Getxattr { dentry, ref name, size } => {
                self.getxattr(dentry, name, size).await
            }
            Operation::Listxattr { dentry, size } => self.listxattr(dentry, size).await,
            Operation::Setxattr { dentry, ref name, ref value, flags } => {
                self.setxattr(dentry, name, value, flags).await
            }
            Operation::Removexattr { dentry, ref name } => self.removexattr(dentry, name).await,
            Operation::ReadIter { handle, offset, size } => self.read(handle, offset, size).await,
            Operation::WriteIter { handle, offset, ref data, append } => {
                self.write(handle, offset, data, append).await
            }
            Operation::FileFallocate { handle, mode, offset, length } => {
                self.fallocate(handle, mode, offset, length).await
            }
            Operation::Lookup { dentry } => self.lookup(dentry).await,
            Operation::Mknod { dentry, mode, rdev } => self.mknod(dentry, mode, rdev).await,
            Operation::Mkdir { dentry, mode } => self.mkdir(dentry, mode).await,
            Operation::Rmdir { dentry } => self.remove(dentry, Opcode::RMDIR).await,
            Operation::Rename { old, new, flags } => self.rename(old, new, flags).await,
            Operation::Unlink { dentry } => self.remove(dentry, Opcode::UNLINK).await,
            Operation::Link { source, dentry } => self.link(source, dentry).await,
            Operation::Getattr { dentry, .. } => self.getattr(dentry).await,
            Operation::Setattr { dentry, attr } => self.setattr(dentry, &attr).await,
            Operation::Statfs { dentry } => self.statfs(dentry).await,
            Operation::GetLink { dentry } => self.get_link(dentry).await,
            Operation::Symlink { dentry, ref target } => self.symlink(dentry, target).await,
            Operation::Readdir { handle, space } => self.readdir(handle, space).await,
            Operation::Access { inode, mask } => self.access(inode, mask).await,
        }
    }

    /// An inode whose attributes made no sense answers nothing but releases.
    fn check_not_bad(&self, operation: &Operation) -> Served<()> {
        let inode = operation.pipeline_inode(&self.world.mount);
        let release = matches!(operation, Operation::Release { .. });
        if self.world.mount.inodes[inode].bad && !release {
            return Err(Errno::EIO.into());
        }
        Ok(())
    }

    /// Sends a request without reply arguments.
    pub(super) async fn tell(
        &mut self,
        opcode: Opcode,
        nodeid: NodeId,
        body: Vec<u8>,
    ) -> Served<()> {
        self.ask(opcode, nodeid, body, Shape::default()).await.map(|_| ())
    }

    /// Sends a request; the body of its reply.
    pub(super) async fn ask(
        &mut self,
        opcode: Opcode,
        nodeid: NodeId,
        body: Vec<u8>,
        shape: Shape,
    ) -> Served<Vec<u8>> {
        self.ask_entries(opcode, nodeid, body, shape).await.map(|(body, _)| body)
    }

    /// As [`Ordinary::ask`], with what the entries of the reply ask for.
    pub(super) async fn ask_entries(
        &mut self,
        opcode: Opcode,
        nodeid: NodeId,
        body: Vec<u8>,
        shape: Shape,
    ) -> Served<(Vec<u8>, Option<EntryActions>)> {
        let asking = Asking::new(self.number, self.caller, opcode, nodeid, body);
        self.settle(asking.expecting(shape)).await
    }

    /// Sends a prepared request.
    pub(super) async fn settle(
        &mut self,
        asking: Asking<'_>,
    ) -> Served<(Vec<u8>, Option<EntryActions>)> {
        self.asked_at = self.world.mount.version();
        let settled = match self.world.has_others() {
            true => self.settle_among_others(asking).await?,
            false => ask(&mut self.world, asking)?,
        };
        match settled {
            Settled::Reply { body, entries } => Ok((body, entries)),
            Settled::Error(errno) => Err(errno.into()),
            Settled::Broken { .. } => Err(Errno::EIO.into()),
        }
    }

    /// Gives way until there is a reply, if the daemon takes a request while it has others.
    async fn settle_among_others(&mut self, mut asking: Asking<'_>) -> Result<Settled, Stop> {
        let unique = match hand_over(&mut self.world, &mut asking) {
            ControlFlow::Continue(unique) => unique,
            ControlFlow::Break(over) => return over,
        };
        loop {
            self.world.give_way(asking.opcode).await;
            if let Some(settled) = come_for(&mut self.world, unique, &asking) {
                return settled;
            }
        }
    }

    /// The number of the operation.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// A request of this operation, to be changed before it is sent.
    pub(super) fn asking(&self, opcode: Opcode, nodeid: NodeId, body: Vec<u8>) -> Asking<'a> {
        Asking::new(self.number, self.caller, opcode, nodeid, body)
    }

    /// Says that the operation stepped on a quirk, which the kernel as it was meant has not.
    pub(crate) fn quirk(&mut self, quirk: Quirk) {
        if self.world.faithful() && self.world.sink.wants_events() {
            let what = What::Quirk { quirk };
            self.world.emit(&Event { operation: self.number, step: Step::Result, what });
        }
    }

    pub(super) fn inode_of(&self, dentry: DentryId) -> InodeId {
        self.world.mount.inode_of(dentry)
    }

    pub(super) fn node_of(&self, dentry: DentryId) -> NodeId {
        self.world.mount.inodes[self.inode_of(dentry)].nodeid
    }

    pub(super) fn parent_node(&self, dentry: DentryId) -> NodeId {
        self.node_of(self.world.mount.dentries[dentry].parent)
    }

    /// The inode of an open file.
    pub(crate) fn inode_behind(&self, handle: HandleId) -> InodeId {
        self.handle_inode(handle)
    }

    pub(super) fn handle_inode(&self, handle: HandleId) -> InodeId {
        self.world.mount.handles[handle].inode
    }

    /// A component as it goes over the wire.
    pub(super) fn wire_name(&self, dentry: DentryId) -> Vec<u8> {
        with_nul(&self.world.mount.dentries[dentry].name)
    }

    /// Whether the inode has changed since the last request was sent.
    pub(super) fn has_changed(&self, inode: InodeId) -> bool {
        self.world.mount.inodes[inode].version > self.asked_at
    }

    /// The instant that many seconds and nanoseconds from now.
    pub(super) fn until(&self, sec: u64, nsec: u32) -> Timespec {
        later(self.world.now, sec, nsec)
    }
}

/// Adds a timeout to an instant; one beyond all time is the end of it.
pub(super) fn later(now: Timespec, sec: u64, nsec: u32) -> Timespec {
    let nsec = u64::from(now.nsec) + u64::from(nsec.min(999_999_999));
    let carried =
        i64::try_from(sec).unwrap_or(i64::MAX).saturating_add((nsec / 1_000_000_000) as i64);
    Timespec { sec: now.sec.saturating_add(carried), nsec: (nsec % 1_000_000_000) as u32 }
}

/// A success without bytes.
pub(super) fn done(value: Value) -> Outcome {
    Outcome { handled: true, error: 0, value, data: Vec::new(), records: Vec::new(), stop: None }
}

/// A success with a number.
pub(super) fn number(value: i64) -> Outcome {
    done(Value::Number(value))
}

pub(super) fn with_nul(name: &[u8]) -> Vec<u8> {
    let mut bytes = name.to_vec();
    bytes.push(0);
    bytes
}

/// A struct and the names behind it.
pub(super) fn body<T: IntoBytes + zerocopy::Immutable>(head: &T, tails: &[&[u8]]) -> Vec<u8> {
    let mut bytes = head.as_bytes().to_vec();
    for tail in tails {
        bytes.extend_from_slice(tail);
    }
    bytes
}

/// A struct out of a reply that was checked to be long enough.
pub(super) fn parse<T: FromBytes>(bytes: &[u8]) -> T {
    T::read_from_prefix(bytes).expect("the device accepts only replies of full length").0
}

/// `fuse_invalid_attr`: an unknown type, or a length that no file can have.
pub(super) fn invalid(attr: &FuseAttr) -> bool {
    FileKind::from_mode(attr.mode).is_none() || attr.size > i64::MAX as u64
}

/// The attributes of a reply as `stat` shows them.
pub(super) fn stat_of(attr: &FuseAttr) -> Stat {
    let time = |sec: u64, nsec: u32| Timespec { sec: sec as i64, nsec: nsec.min(999_999_999) };
    Stat {
        ino: Ino(attr.ino),
        kind: FileKind::from_mode(attr.mode & S_IFMT).unwrap_or(FileKind::Regular),
        permissions: attr.mode & S_IALLUGO,
        nlink: attr.nlink,
        uid: Uid(attr.uid),
        gid: Gid(attr.gid),
        rdev: Device::decode(attr.rdev),
        size: attr.size,
        blksize: if attr.blksize == 0 { 4096 } else { 1 << attr.blksize.ilog2() },
        blocks: attr.blocks,
        atime: time(attr.atime, attr.atimensec),
        mtime: time(attr.mtime, attr.mtimensec),
        ctime: time(attr.ctime, attr.ctimensec),
        btime: Timespec::ZERO,
    }
}

/// `invalid_nodeid`: neither nothing nor the root.
pub(super) fn child_node(entry: &FuseEntryOut) -> bool {
    entry.nodeid != 0 && entry.nodeid != NodeId::ROOT.0
}
