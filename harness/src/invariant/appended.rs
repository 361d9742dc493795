//! What is appended makes a file longer, however many append at once.
//!
//! Two who append find the end of the file one after the other; where both find the same, one of
//! them loses what it wrote. What a reader would get wrong: a length is known only while nothing
//! makes files shorter, and calls of a killed client are never over.

use std::collections::BTreeMap;

use fuserig_abi::Ino;
use fuserig_sim_fs::{FallocateMode, MemFs, OpenFlags};

use super::Seen;
use crate::sim::Action;

/// How long files must be at least.
#[derive(Clone, Debug, Default)]
pub(super) struct Appended {
    lengths: BTreeMap<Ino, u64>,
}

/// Whether a call may make a file shorter.
fn shortens(action: &Action) -> bool {
    match action {
        Action::Open { flags, .. } => flags & OpenFlags::TRUNC.bits() != 0,
        Action::Truncate { .. } | Action::Ftruncate { .. } => true,
        Action::Fallocate { mode, .. } => {
            FallocateMode::from_bits_retain(*mode).contains(FallocateMode::COLLAPSE_RANGE)
        }
        _ => false,
    }
}

impl Appended {
    pub(super) fn begin(&mut self, initial: &MemFs) {
        let files =
            initial.walk().filter(|entry| entry.stat.kind == fuserig_abi::FileKind::Regular);
        self.lengths = files.map(|entry| (entry.stat.ino, entry.stat.size)).collect();
    }

    /// A call returned.
    pub(super) fn judge(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        if seen.overlapping().any(shortens) {
            self.lengths.clear();
        }
        let (file, size) = match seen.action {
            Action::Open { .. } => (0, 0),
            Action::Write { file, size, .. } | Action::Append { file, size, .. } => (*file, *size),
            _ => return Ok(()),
        };
        let Some(node) = seen.file(file).and_then(|fd| seen.vfs.lower_inode(seen.pid, fd)) else {
            return Ok(());
        };
        let Some(is) = seen.lower.stat(node).map(|stat| stat.size) else { return Ok(()) };
        let is_append = matches!(seen.action, Action::Append { .. });
        let appends = size > 0
            && seen
                .file(file)
                .and_then(|fd| seen.vfs.open_flags(seen.pid, fd))
                .is_some_and(|flags| is_append || flags.contains(OpenFlags::APPEND));
        match (self.lengths.get_mut(&node), seen.result.value) {
            (Some(least), Ok(count)) if appends => {
                *least = least.saturating_add(count.unsigned_abs());
                if is < *least {
                    return Err(format!(
                        "`{}` leaves a file of {is} bytes, to which {least} were appended",
                        seen.action
                    ));
                }
            }
            (None, _) if seen.was_alone() => {
                self.lengths.insert(node, is);
            }
            _ => {}
        }
        Ok(())
    }
}
