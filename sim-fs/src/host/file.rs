//! Open files: data, allocation, seeking, copying, whole-file locks.

use std::os::fd::AsFd;

use fuserig_abi::{Caller, Errno, FileKind};
use rustix::fs::{FallocateFlags, FlockOperation, SeekFrom};

use super::HostFs;
use super::device::{self, NULL, ZERO};
use super::handle::{On, checked_offset, errno};
use super::identity::As;
use crate::{FallocateMode, LockKind, LowerFh, LowerReply, OpenFlags, Whence};

/// The kernel moves at most this many bytes in one call (`MAX_RW_COUNT`).
const TRANSFER_MAX: u64 = 0x7fff_f000;

impl HostFs {
    pub(super) fn sync(&self, fh: LowerFh, datasync: bool) -> Result<(), Errno> {
        let fd = self.handles.fd(fh, Errno::EINVAL)?;
        match datasync {
            true => rustix::fs::fdatasync(fd).map_err(errno),
            false => rustix::fs::fsync(fd).map_err(errno),
        }
    }

    pub(super) fn read_at(
        &self,
        caller: &Caller,
        fh: LowerFh,
        offset: u64,
        size: u32,
    ) -> Result<Vec<u8>, Errno> {
        let handle = self.handles.get(fh)?;
        check_transfer(handle.readable(), offset, size.into())?;
        let fd = match &handle.on {
            On::Host(fd) => fd,
            On::Device(device) => return device::read(handle.kind, *device, size),
        };
        // The request's size is a wish; the file's is a fact. One byte is left at the end of the
        // file, because a read there still counts as an access.
        let left = rustix::fs::fstat(fd).map_err(errno)?.st_size;
        let left = u64::try_from(left).unwrap_or(0).saturating_sub(offset).max(1);
        let room = u64::from(size).min(left).min(TRANSFER_MAX);
        let mut data = vec![0; room as usize];
        let mut filled = 0;
        self.identity.run(As::Caller(caller), || {
            loop {
                let at = offset + filled as u64;
                let count = rustix::io::pread(fd, &mut data[filled..], at).map_err(errno)?;
                filled += count;
                if count == 0 || filled == data.len() {
                    return Ok(());
                }
            }
        })?;
        data.truncate(filled);
        Ok(data)
    }

    /// Runs as the caller: a write by one without `CAP_FSETID` clears setuid and setgid.
    pub(super) fn write_at(
        &self,
        caller: &Caller,
        fh: LowerFh,
        offset: u64,
        data: &[u8],
    ) -> Result<LowerReply, Errno> {
        let handle = self.handles.get(fh)?;
        check_transfer(handle.writable(), offset, data.len() as u64)?;
        let fd = match &handle.on {
            On::Host(fd) => fd,
            On::Device(device) => return device::write(handle.kind, *device, offset, data),
        };
        let count = self
            .identity
            .run(As::Caller(caller), || rustix::io::pwrite(fd, data, offset).map_err(errno))?
            as u64;
        let end = match handle.flags.contains(OpenFlags::APPEND) {
            true => rustix::fs::fstat(fd).map_err(errno)?.st_size as u64,
            false => offset + count,
        };
        Ok(LowerReply::Written { count, end })
    }

    pub(super) fn allocate(
        &self,
        caller: &Caller,
        fh: LowerFh,
        mode: FallocateMode,
        (offset, length): (u64, u64),
    ) -> Result<(), Errno> {
        let handle = self.handles.usable(fh)?;
        let On::Host(fd) = &handle.on else {
            return Err(device::refuse_allocation(handle, mode, offset, length));
        };
        let flags = FallocateFlags::from_bits_retain(mode.bits());
        self.identity.run(As::Caller(caller), || {
            rustix::fs::fallocate(fd, flags, offset, length).map_err(errno)
        })
    }

    /// The position belongs to the caller's handle, not to ours, so it is set first.
    pub(super) fn seek_to(
        &mut self,
        fh: LowerFh,
        offset: i64,
        whence: Whence,
        position: u64,
    ) -> Result<u64, Errno> {
        // The descriptor is not where the listing left it.
        self.listings.remove(&fh);
        let handle = self.handles.usable(fh)?;
        let fd = match (&handle.on, handle.kind) {
            (On::Host(fd), _) => fd,
            // They are always at the start.
            (On::Device(NULL | ZERO), FileKind::CharDevice) => return Ok(0),
            (On::Device(_), _) => return Err(Errno::ESPIPE),
        };
        let target = match whence {
            // A negative start goes through unchanged, for the kernel to refuse.
            Whence::Set => SeekFrom::Start(offset.cast_unsigned()),
            Whence::Cur => {
                rustix::fs::seek(fd, SeekFrom::Start(position)).map_err(errno)?;
                SeekFrom::Current(offset)
            }
            Whence::End => SeekFrom::End(offset),
            Whence::Data => SeekFrom::Data(offset.cast_unsigned()),
            Whence::Hole => SeekFrom::Hole(offset.cast_unsigned()),
        };
        rustix::fs::seek(fd, target).map_err(errno)
    }

    pub(super) fn copy(
        &self,
        caller: &Caller,
        (from, mut from_offset): (LowerFh, u64),
        (to, mut to_offset): (LowerFh, u64),
        length: u64,
        flags: u32,
    ) -> Result<u64, Errno> {
        let (source, target) = (self.handles.usable(from)?, self.handles.usable(to)?);
        if flags != 0 {
            return Err(Errno::EINVAL);
        }
        if [source, target].iter().any(|handle| handle.kind == FileKind::Directory) {
            return Err(Errno::EISDIR);
        }
        let (On::Host(source), On::Host(target)) = (&source.on, &target.on) else {
            return Err(Errno::EINVAL);
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.identity.run(As::Caller(caller), || {
            rustix::fs::copy_file_range(
                source,
                Some(&mut from_offset),
                target,
                Some(&mut to_offset),
                length,
            )
            .map(|count| count as u64)
            .map_err(errno)
        })
    }

    /// `flock` belongs to the open file, and every handle has its own, so `owner` says nothing
    /// new.
    pub(super) fn flock(&self, fh: LowerFh, kind: LockKind) -> Result<(), Errno> {
        let fd = self.handles.fd(fh, Errno::EOPNOTSUPP)?;
        let operation = match kind {
            LockKind::Read => FlockOperation::NonBlockingLockShared,
            LockKind::Write => FlockOperation::NonBlockingLockExclusive,
            LockKind::Unlock => FlockOperation::Unlock,
        };
        rustix::fs::flock(fd.as_fd(), operation).map_err(errno)
    }
}

/// What `vfs_read` and `vfs_write` ask first: a handle that can, and signed offsets throughout.
/// (`pread` and `pwrite` look at the offset before.)
fn check_transfer(able: bool, offset: u64, length: u64) -> Result<(), Errno> {
    if !able {
        return Err(Errno::EBADF);
    }
    offset.checked_add(length).ok_or(Errno::EINVAL).and_then(checked_offset).map(drop)
}
