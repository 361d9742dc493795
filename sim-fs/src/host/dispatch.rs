//! Which function answers which operation.

use std::os::fd::BorrowedFd;

use fuserig_abi::{Caller, Errno, FileKind, Ino, S_IALLUGO};
use rustix::fs::AtFlags;

use super::HostFs;
use super::handle::Handle;
use super::nodes::Nodes;
use crate::{AtimePolicy, Lower, LowerFh, LowerOp, LowerReply};

impl Lower for HostFs {
    fn root(&self) -> Ino {
        Nodes::ROOT
    }

    fn host_file(&self, fh: LowerFh) -> Option<BorrowedFd<'_>> {
        let regular = |handle: &&Handle| handle.kind == FileKind::Regular;
        self.handles.usable(fh).ok().filter(regular)?;
        self.handles.fd(fh, Errno::ENODEV).ok()
    }

    /// A policy of never is kept for files opened from now on; otherwise the host's own mount
    /// decides, because setting a time would move the change time too.
    fn keep_access_times(&mut self, files: AtimePolicy, _directories: AtimePolicy) {
        self.handles.noatime = files == AtimePolicy::Noatime;
    }

    fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        self.nodes.keep_few_open();
        match self.attempt(caller, op) {
            // What was removed gives its space back at once, as it would without anybody between.
            Err(Errno::ENOSPC | Errno::EDQUOT)
                if self.nodes.let_orphans_go(&self.handles.nodes()) =>
            {
                self.attempt(caller, op)
            }
            Err(Errno::EMFILE | Errno::ENFILE) if self.nodes.park() => self.attempt(caller, op),
            answer => answer,
        }
    }
}

impl HostFs {
    fn attempt(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        self.nodes.wake_for(op)?;
        self.perform(caller, op)
    }

    fn perform(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        self.names_changed += u64::from(changes_names(op));
        match *op {
            LowerOp::Lookup { parent, name } => {
                self.lookup_name(caller, parent, name).map(LowerReply::Stat)
            }
            LowerOp::Parent { node } => self.parent_of(node).map(LowerReply::Stat),
            LowerOp::Forget { node } => self.nodes.forget(node).map(|()| LowerReply::Done),
            LowerOp::Getattr { node } => self.nodes.stat(node).map(LowerReply::Stat),
            LowerOp::Setattr { node, changes } => {
                self.change(caller, node, &changes).map(LowerReply::Stat)
            }
            LowerOp::Access { node, mask } => {
                self.check_access(caller, node, mask).map(|()| LowerReply::Done)
            }
            LowerOp::Create { parent, name, mode } => {
                let mode = FileKind::Regular.type_bits() | mode & S_IALLUGO;
                self.make_node(caller, parent, name, mode, Default::default()).map(LowerReply::Stat)
            }
            LowerOp::Mknod { parent, name, mode, rdev } => {
                self.make_node(caller, parent, name, mode, rdev).map(LowerReply::Stat)
            }
            LowerOp::Mkdir { parent, name, mode } => {
                self.make_directory(caller, parent, name, mode).map(LowerReply::Stat)
            }
            LowerOp::Symlink { parent, name, target } => {
                self.make_symlink(caller, parent, name, target).map(LowerReply::Stat)
            }
            LowerOp::Link { node, parent, name } => {
                self.link_node(caller, node, parent, name).map(LowerReply::Stat)
            }
            LowerOp::Unlink { parent, name } => {
                self.remove(caller, parent, name, AtFlags::empty()).map(|()| LowerReply::Done)
            }
            LowerOp::Rmdir { parent, name } => {
                self.remove(caller, parent, name, AtFlags::REMOVEDIR).map(|()| LowerReply::Done)
            }
            LowerOp::Rename { parent, name, new_parent, new_name, flags } => self
                .rename_name(caller, (parent, name), (new_parent, new_name), flags)
                .map(|()| LowerReply::Done),
            LowerOp::Readlink { node } => self.link_target(node).map(LowerReply::Bytes),
            LowerOp::Statfs { node } => self.statfs(node).map(LowerReply::StatFs),
            LowerOp::GetXattr { node, name, size_max } => {
                self.xattr_value(caller, node, name, size_max)
            }
            LowerOp::ListXattr { node, size_max } => self.xattr_names(caller, node, size_max),
            LowerOp::SetXattr { node, name, value, flags } => {
                self.xattr_set(caller, node, name, value, flags).map(|()| LowerReply::Done)
            }
            LowerOp::RemoveXattr { node, name } => {
                self.xattr_remove(caller, node, name).map(|()| LowerReply::Done)
            }
            _ => self.apply_to_file(caller, op),
        }
    }

    /// The operations on open files, and those that open one.
    fn apply_to_file(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        match *op {
            LowerOp::Open { node, flags, check } => {
                self.open_node(caller, node, flags, check).map(LowerReply::Opened)
            }
            LowerOp::CreateOpen { parent, name, mode, flags } => self
                .create_and_open(caller, parent, name, mode, flags)
                .map(|(stat, fh)| LowerReply::Created(stat, fh)),
            LowerOp::Tmpfile { parent, mode, flags } => self
                .open_unnamed(caller, parent, mode, flags)
                .map(|(stat, fh)| LowerReply::Created(stat, fh)),
            LowerOp::Release { fh } => {
                self.listings.remove(&fh);
                self.handles.remove(fh).map(|()| LowerReply::Done)
            }
            LowerOp::Flush { fh, .. } => self.handles.get(fh).map(|_| LowerReply::Done),
            LowerOp::Fsync { fh, datasync } => self.sync(fh, datasync).map(|()| LowerReply::Done),
            LowerOp::Read { fh, offset, size } => {
                self.read_at(caller, fh, offset, size).map(LowerReply::Bytes)
            }
            LowerOp::Write { fh, offset, data } => self.write_at(caller, fh, offset, data),
            LowerOp::Fallocate { fh, mode, offset, length } => {
                self.allocate(caller, fh, mode, (offset, length)).map(|()| LowerReply::Done)
            }
            LowerOp::Seek { fh, offset, whence, position } => {
                self.seek_to(fh, offset, whence, position).map(LowerReply::Position)
            }
            LowerOp::CopyRange { from, from_offset, to, to_offset, length, flags } => self
                .copy(caller, (from, from_offset), (to, to_offset), length, flags)
                .map(LowerReply::Count),
            LowerOp::ReadDir { fh, position, records_max } => self.list(fh, position, records_max),
            LowerOp::GetLock { fh, .. } | LowerOp::SetLock { fh, .. } => {
                self.handles.get(fh)?;
                Err(Errno::EOPNOTSUPP)
            }
            LowerOp::Flock { fh, kind, .. } => self.flock(fh, kind).map(|()| LowerReply::Done),
            _ => unreachable!("`perform` keeps the operations on nodes to itself"),
        }
    }
}

/// Whether a directory may hold other names after this.
fn changes_names(op: &LowerOp<'_>) -> bool {
    matches!(
        op,
        LowerOp::Create { .. }
            | LowerOp::Mknod { .. }
            | LowerOp::Mkdir { .. }
            | LowerOp::Symlink { .. }
            | LowerOp::Link { .. }
            | LowerOp::Unlink { .. }
            | LowerOp::Rmdir { .. }
            | LowerOp::Rename { .. }
            | LowerOp::CreateOpen { .. }
    )
}
