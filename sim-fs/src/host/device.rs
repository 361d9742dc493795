//! Handles of devices and fifos, which are never opened on the host: an open of a device has
//! effects that nothing undoes, and one of a fifo waits for a partner that never comes.
//!
//! Reads and writes are `EIO`, but for `/dev/null` and `/dev/zero`, which are answered as
//! themselves.

use fuserig_abi::{Device, Errno, FileKind};

use super::handle::{Handle, checked_offset};
use crate::{FallocateMode, LowerReply};

/// `/dev/null` and `/dev/zero`: the two devices that are answered rather than refused.
pub(super) const NULL: Device = Device { major: 1, minor: 3 };
pub(super) const ZERO: Device = Device { major: 1, minor: 5 };

/// `FALLOC_FL_UNSHARE_RANGE` passes the VFS, whether or not a filesystem knows it.
const UNSHARE_RANGE: FallocateMode = FallocateMode::from_bits_retain(0x40);

/// What a read of `/dev/zero` returns at most: a short read is always allowed.
const ZEROES_MAX: u32 = 1 << 20;

pub(super) fn read(kind: FileKind, device: Device, size: u32) -> Result<Vec<u8>, Errno> {
    match (kind, device) {
        (FileKind::CharDevice, NULL) => Ok(Vec::new()),
        (FileKind::CharDevice, ZERO) => Ok(vec![0; size.min(ZEROES_MAX) as usize]),
        _ => Err(Errno::EIO),
    }
}

pub(super) fn write(
    kind: FileKind,
    device: Device,
    offset: u64,
    data: &[u8],
) -> Result<LowerReply, Errno> {
    let count = data.len() as u64;
    match (kind, device) {
        (FileKind::CharDevice, NULL | ZERO) => {
            Ok(LowerReply::Written { count, end: offset + count })
        }
        _ => Err(Errno::EIO),
    }
}

/// `vfs_fallocate` in its order; no device or fifo has space to allocate.
pub(super) fn refuse_allocation(
    handle: &Handle,
    mode: FallocateMode,
    offset: u64,
    length: u64,
) -> Errno {
    if checked_offset(offset).is_err() || checked_offset(length).is_err() || length == 0 {
        return Errno::EINVAL;
    }
    let keeps = mode.contains(FallocateMode::KEEP_SIZE);
    let known = match mode - FallocateMode::KEEP_SIZE {
        FallocateMode::PUNCH_HOLE => keeps,
        FallocateMode::COLLAPSE_RANGE | FallocateMode::INSERT_RANGE => !keeps,
        rest => rest.is_empty() || rest == FallocateMode::ZERO_RANGE || rest == UNSHARE_RANGE,
    };
    match handle.kind {
        _ if !known => Errno::EOPNOTSUPP,
        _ if !handle.writable() => Errno::EBADF,
        FileKind::Fifo => Errno::ESPIPE,
        _ => Errno::ENODEV,
    }
}
