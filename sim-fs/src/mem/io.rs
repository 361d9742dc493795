//! Reading and writing through a handle.

use fuserig_abi::{Caller, Capabilities, Device, Errno, FileKind, Ino};

use super::{
    attr::{SIZE_MAX, drop_capability},
    fs::{Handle, MemFs},
    permission::without_privileges,
};
use crate::{LowerFh, LowerReply, OpenFlags};

/// The devices that answer without a driver.
const NULL: Device = Device { major: 1, minor: 3 };
const ZERO: Device = Device { major: 1, minor: 5 };
/// What one read of the endless device gives at most: a short read is always allowed, and memory
/// is not for the asking.
const ZEROES_MAX: u32 = 1 << 20;

impl MemFs {
    pub(super) fn read_op(
        &mut self,
        caller: &Caller,
        fh: LowerFh,
        offset: u64,
        size: u32,
    ) -> Result<LowerReply, Errno> {
        let handle = self.handle(fh)?;
        if !handle.readable() {
            return Err(Errno::EBADF);
        }
        check_range(offset, u64::from(size))?;
        let inode = self.inode(handle.ino)?;
        let bytes = match inode.contents() {
            Some(contents) => {
                let end = inode.size.min(offset.saturating_add(u64::from(size)));
                let mut bytes = vec![0; end.saturating_sub(offset) as usize];
                contents.read(offset, &mut bytes);
                bytes
            }
            // Reading a device does not touch the node.
            None => {
                return match (inode.kind, inode.rdev) {
                    (FileKind::Directory, _) => Err(Errno::EISDIR),
                    (FileKind::CharDevice, NULL) => Ok(LowerReply::Bytes(Vec::new())),
                    (FileKind::CharDevice, ZERO) => {
                        Ok(LowerReply::Bytes(vec![0; size.min(ZEROES_MAX) as usize]))
                    }
                    _ => Err(Errno::EIO),
                };
            }
        };
        self.touch_atime(handle, caller.now);
        Ok(LowerReply::Bytes(bytes))
    }

    pub(super) fn write_op(
        &mut self,
        caller: &Caller,
        fh: LowerFh,
        offset: u64,
        data: &[u8],
    ) -> Result<LowerReply, Errno> {
        let handle = self.handle(fh)?;
        if !handle.writable() {
            return Err(Errno::EBADF);
        }
        let len = data.len() as u64;
        check_range(offset, len)?;
        let inode = self.inode(handle.ino)?;
        if inode.kind != FileKind::Regular {
            return match (inode.kind, inode.rdev) {
                (FileKind::CharDevice, NULL | ZERO) => {
                    Ok(LowerReply::Written { count: len, end: offset + len })
                }
                _ => Err(Errno::EIO),
            };
        }
        let append = handle.flags.contains(OpenFlags::APPEND);
        let at = if append { inode.size } else { offset };
        if data.is_empty() {
            return Ok(LowerReply::Written { count: 0, end: at });
        }
        let count = self.writable(handle, at, len)?;
        self.write_contents(caller, handle.ino, at, &data[..count as usize]);
        Ok(LowerReply::Written { count, end: at + count })
    }

    /// How many of `len` bytes fit at `offset`: the file may get too long (`EFBIG`) or space may
    /// run out (`ENOSPC`), but only if not a single byte fits.
    pub(super) fn writable(&self, handle: Handle, offset: u64, len: u64) -> Result<u64, Errno> {
        let len = len.min(SIZE_MAX.saturating_sub(offset));
        if len == 0 {
            return Err(Errno::EFBIG);
        }
        let inode = self.inode(handle.ino)?;
        let contents = inode.contents().expect("callers have checked that the file is regular");
        match contents.writable(offset, len, self.pages_free()) {
            0 => Err(Errno::ENOSPC),
            count => Ok(count),
        }
    }

    /// Writes bytes for which there is room, with everything that goes along: the length, the
    /// times, and the loss of privileges.
    pub(super) fn write_contents(&mut self, caller: &Caller, ino: Ino, offset: u64, data: &[u8]) {
        self.update(ino, |inode| {
            inode.contents_mut().write(offset, data);
            inode.size = inode.size.max(offset + data.len() as u64);
            inode.mtime = caller.now;
            inode.ctime = caller.now;
            if !caller.credentials.capable(Capabilities::FSETID) {
                inode.permissions = without_privileges(inode, &caller.credentials);
            }
            drop_capability(inode);
        });
    }
}

/// `rw_verify_area`: offsets are signed in the kernel, and so is the end.
fn check_range(offset: u64, len: u64) -> Result<(), Errno> {
    match offset.checked_add(len) {
        Some(end) if end <= SIZE_MAX => Ok(()),
        Some(_) | None => Err(Errno::EINVAL),
    }
}
