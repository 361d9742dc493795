//! The door: which operation goes where.

use fuserig_abi::{Caller, Errno, Ino};

use super::{fs::MemFs, space::Range};
use crate::{AtimePolicy, Lower, LowerOp, LowerReply};

impl Lower for MemFs {
    fn root(&self) -> Ino {
        self.options.root_ino
    }

    fn keep_access_times(&mut self, files: AtimePolicy, directories: AtimePolicy) {
        (self.options.atime, self.options.directory_atime) = (files, directories);
    }

    fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        match *op {
            LowerOp::Lookup { parent, name } => self.lookup_op(caller, parent, name),
            LowerOp::Parent { node } => self.parent_op(node),
            LowerOp::Forget { node } => self.forget_op(node),
            LowerOp::Getattr { node } => Ok(LowerReply::Stat(self.inode(node)?.stat(node))),
            LowerOp::Setattr { node, changes } => self.setattr_op(caller, node, &changes),
            LowerOp::Access { node, mask } => self.access_op(caller, node, mask),
            LowerOp::Create { parent, name, mode } => self.create_op(caller, parent, name, mode),
            LowerOp::Mknod { parent, name, mode, rdev } => {
                self.mknod_op(caller, parent, name, mode, rdev)
            }
            LowerOp::Mkdir { parent, name, mode } => self.mkdir_op(caller, parent, name, mode),
            LowerOp::Symlink { parent, name, target } => {
                self.symlink_op(caller, parent, name, target)
            }
            LowerOp::Link { node, parent, name } => self.link_op(caller, node, parent, name),
            LowerOp::Unlink { parent, name } => self.unlink_op(caller, parent, name),
            LowerOp::Rmdir { parent, name } => self.rmdir_op(caller, parent, name),
            LowerOp::Rename { parent, name, new_parent, new_name, flags } => {
                self.rename_op(caller, (parent, name), (new_parent, new_name), flags)
            }
            LowerOp::Readlink { node } => self.readlink_op(node),
            LowerOp::Open { node, flags, check } => self.open_op(caller, node, flags, check),
            LowerOp::CreateOpen { parent, name, mode, flags } => {
                self.create_open_op(caller, parent, name, mode, flags)
            }
            LowerOp::Tmpfile { parent, mode, flags } => {
                self.tmpfile_op(caller, parent, mode, flags)
            }
            LowerOp::Release { fh } => self.release_op(fh),
            LowerOp::Flush { fh, owner } => self.flush_op(fh, owner),
            LowerOp::Fsync { fh, datasync: _ } => self.fsync_op(fh),
            LowerOp::Read { fh, offset, size } => self.read_op(caller, fh, offset, size),
            LowerOp::Write { fh, offset, data } => self.write_op(caller, fh, offset, data),
            LowerOp::Fallocate { fh, mode, offset, length } => {
                self.fallocate_op(caller, fh, mode, Range { offset, length })
            }
            LowerOp::Seek { fh, offset, whence, position } => {
                self.seek_op(fh, offset, whence, position)
            }
            LowerOp::CopyRange { from, from_offset, to, to_offset, length, flags } => {
                self.copy_range_op(caller, (from, from_offset), (to, to_offset), length, flags)
            }
            LowerOp::ReadDir { fh, position, records_max } => {
                self.read_dir_op(caller, fh, position, records_max)
            }
            LowerOp::Statfs { node } => self.statfs_op(node),
            LowerOp::GetXattr { node, name, size_max } => {
                self.getxattr_op(caller, node, name, size_max)
            }
            LowerOp::ListXattr { node, size_max } => self.listxattr_op(caller, node, size_max),
            LowerOp::SetXattr { node, name, value, flags } => {
                self.setxattr_op(caller, node, name, value, flags)
            }
            LowerOp::RemoveXattr { node, name } => self.removexattr_op(caller, node, name),
            LowerOp::GetLock { fh, lock } => self.get_lock_op(fh, lock),
            LowerOp::SetLock { fh, lock } => self.set_lock_op(fh, lock),
            LowerOp::Flock { fh, kind, owner } => self.flock_op(fh, kind, owner),
        }
    }
}
