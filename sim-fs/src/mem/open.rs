//! Opening and closing.

use fuserig_abi::{AccessMask, Caller, Errno, FileKind, Ino};

use super::{
    attr::drop_capability,
    fs::{Handle, MemFs},
    names::{NewNode, inherit},
    permission::{check_access, owns, without_privileges},
};
use crate::{LowerFh, LowerReply, OpenCheck, OpenFlags};

impl MemFs {
    pub(super) fn open_op(
        &mut self,
        caller: &Caller,
        node: Ino,
        flags: OpenFlags,
        check: OpenCheck,
    ) -> Result<LowerReply, Errno> {
        let inode = self.inode(node)?;
        if flags.contains(OpenFlags::DIRECTORY) && !inode.is_directory() {
            return Err(Errno::ENOTDIR);
        }
        if flags.contains(OpenFlags::PATH) {
            return Ok(LowerReply::Opened(self.insert_handle(Handle { ino: node, flags })));
        }
        let truncates = flags.contains(OpenFlags::TRUNC) && inode.kind == FileKind::Regular;
        // Truncation asks for the right to write, also where there is nothing to truncate.
        let writes =
            flags.wants_write() || flags.access_mode() == 3 || flags.contains(OpenFlags::TRUNC);
        match inode.kind {
            FileKind::Symlink => return Err(Errno::ELOOP),
            FileKind::Directory if writes => return Err(Errno::EISDIR),
            _ => {}
        }
        let mut mask = AccessMask::empty();
        mask.set(AccessMask::READ, flags.wants_read() || flags.access_mode() == 3);
        mask.set(AccessMask::WRITE, writes);
        if check == OpenCheck::Permission {
            check_access(inode, &caller.credentials, mask)?;
            if flags.contains(OpenFlags::NOATIME) && !owns(inode, &caller.credentials) {
                return Err(Errno::EPERM);
            }
        }
        if inode.kind == FileKind::Socket {
            return Err(Errno::ENXIO);
        }
        if truncates {
            self.truncate_for_open(caller, node);
        }
        Ok(LowerReply::Opened(self.insert_handle(Handle { ino: node, flags })))
    }

    /// `O_TRUNC` moves the times even of an empty file.
    fn truncate_for_open(&mut self, caller: &Caller, node: Ino) {
        self.update(node, |inode| {
            inode.contents_mut().truncate(0);
            inode.size = 0;
            inode.mtime = caller.now;
            inode.ctime = caller.now;
            if !caller.credentials.capable(fuserig_abi::Capabilities::FSETID) {
                inode.permissions = without_privileges(inode, &caller.credentials);
            }
            drop_capability(inode);
        });
    }

    pub(super) fn create_open_op(
        &mut self,
        caller: &Caller,
        parent: Ino,
        name: &[u8],
        mode: u32,
        flags: OpenFlags,
    ) -> Result<LowerReply, Errno> {
        // No open creates a directory (man 2 open, EINVAL).
        if flags.contains(OpenFlags::DIRECTORY) {
            return Err(Errno::EINVAL);
        }
        let stat = self.make(caller, parent, name, NewNode::regular(mode))?;
        let fh = self.insert_handle(Handle { ino: stat.ino, flags: flags - OpenFlags::PATH });
        Ok(LowerReply::Created(stat, fh))
    }

    pub(super) fn tmpfile_op(
        &mut self,
        caller: &Caller,
        parent: Ino,
        mode: u32,
        flags: OpenFlags,
    ) -> Result<LowerReply, Errno> {
        let (directory, _) = self.directory(parent)?;
        if flags.access_mode() == 0 {
            return Err(Errno::EINVAL);
        }
        // A removed directory will do: nothing is added to it.
        let mask = AccessMask::WRITE | AccessMask::EXEC;
        check_access(directory, &caller.credentials, mask)?;
        self.check_inodes(1)?;
        let mut inode = inherit(caller, directory, NewNode::regular(mode));
        inode.nlink = 0;
        inode.referenced = true;
        inode.linkable = !flags.contains(OpenFlags::EXCL);
        let ino = self.insert_inode(inode);
        let fh = self.insert_handle(Handle { ino, flags: flags - OpenFlags::PATH });
        Ok(LowerReply::Created(self.inode(ino)?.stat(ino), fh))
    }

    pub(super) fn release_op(&mut self, fh: LowerFh) -> Result<LowerReply, Errno> {
        let handle = self.handle(fh)?;
        self.release_locks(handle.ino, fh);
        self.handles.remove(fh.0);
        self.update_invisible(handle.ino, |inode| inode.opens -= 1);
        self.free_if_unused(handle.ino);
        Ok(LowerReply::Done)
    }

    pub(super) fn fsync_op(&self, fh: LowerFh) -> Result<LowerReply, Errno> {
        let handle = self.usable_handle(fh)?;
        match self.inode(handle.ino)?.kind {
            FileKind::Regular | FileKind::Directory => Ok(LowerReply::Done),
            _ => Err(Errno::EINVAL),
        }
    }
}
