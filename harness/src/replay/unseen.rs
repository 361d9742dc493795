//! What a log of system calls cannot show: bytes that came through a shared mapping or from a
//! descriptor outside the root, and data that fifos and devices carry.
//!
//! Nothing is made up. A file that something unlogged was stored in is remembered; when a recorded
//! read shows other bytes than the replay has, the bytes were there, and are put into the lower
//! filesystem before the read is issued. No filter sees that store, as none sees a store through a
//! mapping. What no read ever showed stays what the log makes it.

use std::collections::BTreeSet;

use fuserig_abi::{Caller, Credentials, Errno, Ino, Pid};
use fuserig_sim_fs::{LowerExt, OpenFlags};
use fuserig_traces::calls::OutField;
use fuserig_traces::record::{CallRecord, Value};

use super::convert::unseen_length;
use crate::vfs::{Call, CallResult, Output, Vfs};

const PROT_WRITE: u64 = 2;
const MAP_TYPE: u64 = 0xf;
const MAP_PRIVATE: u64 = 2;

/// Files with unlogged contents, and what reads showed of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unseen {
    files: BTreeSet<Ino>,
}

impl Unseen {
    /// Remembers the file of a call that stored what the log does not have.
    pub(super) fn after(&mut self, vfs: &Vfs, pid: Pid, record: &CallRecord, call: &Call) {
        let stores = match call {
            Call::Mmap { .. } => maps_for_stores(record),
            Call::Write { .. } | Call::Append { .. } => {
                let kept = record.args.get(1).and_then(Value::as_bytes).map_or(0, <[u8]>::len);
                unseen_length(record, kept).is_some()
            }
            _ => false,
        };
        if stores && let Some(node) = descriptor(call).and_then(|fd| vfs.lower_inode(pid, fd)) {
            self.files.insert(node);
        }
    }

    /// Puts the bytes that a recorded read is about to show into its file. Returns how many were
    /// different.
    pub(super) fn before(&self, vfs: &Vfs, pid: Pid, record: &CallRecord, call: &Call) -> u64 {
        let Call::Read { fd, offset, .. } = call else { return 0 };
        let Some(data) = record.out_value(OutField::DATA).and_then(Value::as_bytes) else {
            return 0;
        };
        let node = vfs.lower_inode(pid, *fd).filter(|node| self.files.contains(node));
        let at = offset.or_else(|| vfs.position(pid, *fd)).and_then(|at| u64::try_from(at).ok());
        let (Some(node), Some(at)) = (node, at) else { return 0 };
        store(vfs, node, at, data).unwrap_or(0)
    }
}

fn maps_for_stores(record: &CallRecord) -> bool {
    let number = |place: usize| record.args.get(place).and_then(Value::as_uint).unwrap_or(0);
    record.errno == 0 && number(2) & PROT_WRITE != 0 && number(3) & MAP_TYPE != MAP_PRIVATE
}

/// Writes `data` below the pipeline where it differs, but never beyond the end of the file.
fn store(vfs: &Vfs, node: Ino, at: u64, data: &[u8]) -> Result<u64, Errno> {
    let mut world = vfs.world_mut();
    let kernel = Caller::new(Credentials::root(), Pid(0), world.now);
    let fh = world.lower.open(&kernel, node, OpenFlags::from_bits_retain(2))?;
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let stored = match world.lower.read(&kernel, fh, at, length) {
        Ok(present) => {
            let different = present.iter().zip(data).filter(|(there, seen)| there != seen).count();
            let seen = &data[..present.len().min(data.len())];
            match different {
                0 => Ok(0),
                _ => world.lower.write(&kernel, fh, at, seen).map(|_accepted| different as u64),
            }
        }
        Err(errno) => Err(errno),
    };
    world.lower.release(&kernel, fh)?;
    stored
}

/// Errors that the kernel gives before a filesystem hears of the call: bad memory of the program,
/// a signal, or no descriptor left.
const BEFORE_THE_FILESYSTEM: [Errno; 4] =
    [Errno::EFAULT, Errno::EINTR, Errno::EMFILE, Errno::ENFILE];

/// What the record says of a call that is not the filesystem's: on a fifo or a device, whose data
/// no filesystem carries, or, in a log, refused before any filesystem was asked.
pub(super) fn beyond(
    vfs: &Vfs,
    pid: Pid,
    record: &CallRecord,
    call: &Call,
    in_log: bool,
) -> Option<CallResult> {
    let refused = in_log && BEFORE_THE_FILESYSTEM.contains(&Errno(i32::from(record.errno)));
    if !refused && !vfs.is_special(pid, descriptor(call)?) {
        return None;
    }
    if record.errno != 0 {
        return Some(CallResult::from(Errno(i32::from(record.errno))));
    }
    let data = record.out_value(OutField::DATA).and_then(Value::as_bytes);
    let output = data.map_or(Output::None, |data| Output::Bytes(data.to_vec()));
    Some(CallResult { value: Ok(record.result), output })
}

/// The descriptor of a call that moves data or positions, or controls a device.
fn descriptor(call: &Call) -> Option<i32> {
    match call {
        Call::Read { fd, .. }
        | Call::Write { fd, .. }
        | Call::Append { fd, .. }
        | Call::Seek { fd, .. }
        | Call::Fsync { fd, .. }
        | Call::Fallocate { fd, .. }
        | Call::Fadvise { fd }
        | Call::Ioctl { fd, .. }
        | Call::Refused { fd, .. }
        | Call::Mmap { fd, .. } => Some(*fd),
        _ => None,
    }
}
