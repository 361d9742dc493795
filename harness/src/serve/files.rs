//! Requests about an open file, and those that open and close one.

use fuserig_abi::{
    Errno, FUSE_WRITE_KILL_SUIDGID, FuseCopyFileRangeIn, FuseFsyncIn, FuseLseekOut, FuseReadIn,
    FuseWriteIn, FuseWriteOut, NodeId, Uid,
};
use fuserig_sim_fs::{LowerExt, OpenFlags, Whence};

use super::incoming::{Head, Incoming};
use super::outgoing::Outgoing;
use super::server::{Server, checked};
use crate::kernel::{DentryId, Handle, HandleId};
use crate::pipeline::{Operation, Outcome, Value};

/// Longest read that is served at once: what fuser's largest buffer would hold. No memory is
/// taken on the strength of a larger number.
const READ_MAX: u32 = 16 << 20;

impl Server {
    pub(super) fn about_a_file(
        &mut self,
        head: &Head,
        incoming: Incoming,
    ) -> Result<Outgoing, Errno> {
        match incoming {
            Incoming::Open { input } => self.open(head, input.flags, false),
            Incoming::Opendir { input } => self.open(head, input.flags, true),
            Incoming::Read { input } => self.read(head, &input),
            Incoming::Write { input, data } => self.write(head, &input, data),
            Incoming::Release { input } => {
                let handle = self.uninstall(input.fh)?;
                self.close(head, handle, false);
                Ok(Outgoing::Done)
            }
            Incoming::Releasedir { input } => {
                let handle = self.uninstall(input.fh)?;
                self.close(head, handle, true);
                Ok(Outgoing::Done)
            }
            Incoming::Fsync { input } => self.fsync(head, &input, false),
            Incoming::Fsyncdir { input } => self.fsync(head, &input, true),
            Incoming::Flush { input } => self.flush(head, input.fh, input.lock_owner),
            Incoming::Readdir { input } => self.list_within(head, &input, false),
            Incoming::Readdirplus { input } => self.list_within(head, &input, true),
            Incoming::Fallocate { input } => {
                let handle = self.handle_of(input.fh)?;
                let (mode, offset, length) = (input.mode, input.offset, input.length);
                let operation = Operation::FileFallocate { handle, mode, offset, length };
                self.change(head, handle, operation, head.uid != Uid::ROOT)?;
                Ok(Outgoing::Done)
            }
            Incoming::Lseek { input } => {
                let handle = self.handle_of(input.fh)?;
                let whence = Whence::from_raw(input.whence).ok_or(Errno::EINVAL)?;
                let offset = input.offset as i64;
                let outcome = self.settle(head, Operation::Lseek { handle, offset, whence })?;
                Ok(Outgoing::Lseek(FuseLseekOut { offset: number(&outcome) }))
            }
            Incoming::CopyFileRange { input } => self.copy(head, &input),
            _ => Err(Errno::ENOSYS),
        }
    }

    fn open(&mut self, head: &Head, flags: u32, directory: bool) -> Result<Outgoing, Errno> {
        let dentry = self.dentry_of(head.nodeid)?;
        let flags = OpenFlags::from_bits_retain(flags);
        let handle = self.open_handle(head, dentry, flags, directory)?;
        let marks = if directory { self.config.opendir_flags } else { self.config.open_flags };
        Ok(Outgoing::Open(self.install(handle, marks)))
    }

    /// What of a client's open flags concerns the file below. The client knows the end of the
    /// file and says where to write, also for pages of a mapping, so the lower file must not
    /// append by itself; and the buffers of this process are not aligned for direct access.
    pub(super) fn lower_flags(&self, flags: OpenFlags) -> OpenFlags {
        flags.difference(OpenFlags::APPEND | OpenFlags::DIRECT)
    }

    /// Opens a node through the pipeline. The handle holds the dentry and the inode.
    pub(super) fn open_handle(
        &mut self,
        head: &Head,
        dentry: DentryId,
        flags: OpenFlags,
        directory: bool,
    ) -> Result<HandleId, Errno> {
        let flags = self.lower_flags(flags);
        let mount = &mut self.world.mount;
        let inode = mount.inode_of(dentry);
        mount.hold(dentry);
        mount.hold_inode(inode);
        let handle = mount.handles.insert(Handle::new(inode, dentry, flags));
        match self.settle(head, Operation::Open { handle, directory }) {
            Ok(_) => Ok(handle),
            Err(errno) => {
                let open = self.world.mount.handles[handle].backing.take();
                if let Some(fh) = open {
                    let kernel = self.world.kernel_caller();
                    // The lower file was opened before the filter said no.
                    let _ = self.world.lower.release(&kernel, fh);
                }
                self.let_go(handle);
                Err(errno)
            }
        }
    }

    /// RELEASE, whose result nobody reads.
    pub(super) fn close(&mut self, head: &Head, handle: HandleId, directory: bool) {
        if self.world.mount.handles[handle].backing.is_some() {
            let _ = self.operate(head, 0, Operation::Release { handle, directory });
        }
        self.let_go(handle);
    }

    fn let_go(&mut self, handle: HandleId) {
        let mount = &mut self.world.mount;
        let closed = mount.handles.remove(handle);
        mount.put_inode(closed.inode);
        mount.put(closed.dentry);
    }

    fn read(&mut self, head: &Head, input: &FuseReadIn) -> Result<Outgoing, Errno> {
        let handle = self.handle_of(input.fh)?;
        let (offset, size) = (input.offset, u64::from(input.size.min(READ_MAX)));
        let outcome = self.settle(head, Operation::ReadIter { handle, offset, size })?;
        let mut data = outcome.data;
        // A filter may say that fewer bytes were read; more than were asked for nobody takes.
        if let Value::Number(count) = outcome.value {
            data.truncate(usize::try_from(count).unwrap_or(0));
        }
        Ok(Outgoing::Data(data))
    }

    fn write(
        &mut self,
        head: &Head,
        input: &FuseWriteIn,
        data: Vec<u8>,
    ) -> Result<Outgoing, Errno> {
        let handle = self.handle_of(input.fh)?;
        // The kernel has found out where the end is.
        let operation = Operation::WriteIter { handle, offset: input.offset, data, append: false };
        let loses = input.write_flags & FUSE_WRITE_KILL_SUIDGID != 0;
        let outcome = self.change(head, handle, operation, loses)?;
        Ok(Outgoing::Write(FuseWriteOut { size: count(&outcome), padding: 0 }))
    }

    /// A change of contents. When it is by somebody whose changes take setuid and setgid away, a
    /// loss is to be told: the reply has no attributes, and the client goes on showing the mode it
    /// knows. A request says so (`FUSE_WRITE_KILL_SUIDGID`) or has no room for it, and then it is
    /// so for everybody but root.
    fn change(
        &mut self,
        head: &Head,
        handle: HandleId,
        operation: Operation,
        loses: bool,
    ) -> Result<Outcome, Errno> {
        if !loses {
            return self.settle(head, operation);
        }
        let dentry = self.world.mount.handles[handle].dentry;
        let mode = |server: &mut Server| server.attributes(dentry).map(|stat| stat.mode());
        let before = mode(self);
        let caller = self.losing_caller(head);
        let outcome = checked(self.run(caller, 0, operation)?)?;
        if before != mode(self) {
            let inode = self.world.mount.handles[handle].inode;
            self.stale = self.nodes.number_of(inode);
        }
        Ok(outcome)
    }

    fn fsync(
        &mut self,
        head: &Head,
        input: &FuseFsyncIn,
        directory: bool,
    ) -> Result<Outgoing, Errno> {
        let handle = self.handle_of(input.fh)?;
        let datasync = input.fsync_flags & 1 != 0;
        self.settle(head, Operation::Fsync { handle, datasync, directory })?;
        Ok(Outgoing::Done)
    }

    fn copy(&mut self, head: &Head, input: &FuseCopyFileRangeIn) -> Result<Outgoing, Errno> {
        let from = self.handle_of(input.fh_in)?;
        let to = self.handle_of(input.fh_out)?;
        let _target: DentryId = self.dentry_of(NodeId(input.nodeid_out))?;
        let flags = u32::try_from(input.flags).ok().ok_or(Errno::EINVAL)?;
        // The reply counts with 32 bits.
        let length = input.len.min(u64::from(u32::MAX) & !0xfff);
        let operation = Operation::CopyFileRange {
            from,
            from_offset: input.off_in,
            to,
            to_offset: input.off_out,
            length,
            flags,
        };
        let outcome = self.change(head, to, operation, head.uid != Uid::ROOT)?;
        Ok(Outgoing::Write(FuseWriteOut { size: count(&outcome), padding: 0 }))
    }
}

fn number(outcome: &Outcome) -> u64 {
    match outcome.value {
        Value::Number(value) => u64::try_from(value).unwrap_or(0),
        _ => 0,
    }
}

fn count(outcome: &Outcome) -> u32 {
    u32::try_from(number(outcome)).unwrap_or(u32::MAX)
}
