//! Advisory locks as actions: which call each is, and how a report shows it.
//!
//! It refuses to know who has what. What a reader would get wrong: only who wants a lock waits;
//! whoever gives one back is never made to, whatever the action says.

use core::fmt;

use fuserig_sim_fs::{Lock, LockKind};

use super::Action;
use super::action::descriptor;
use crate::vfs::Call;

/// A kind of lock as `struct flock` has it.
pub(crate) fn lock_kind(kind: u32) -> LockKind {
    match kind {
        0 => LockKind::Read,
        1 => LockKind::Write,
        _ => LockKind::Unlock,
    }
}

/// A range as given; the VFS makes it absolute.
fn range(kind: u32, start: i64, length: i64) -> Lock {
    let (start, end) = (start.cast_unsigned(), length.cast_unsigned());
    Lock { kind: lock_kind(kind), owner: 0, start, end }
}

/// Whether a lock is asked for without waiting, which the stored form leaves out.
pub(super) fn is_false(waits: &bool) -> bool {
    !waits
}

impl Action {
    /// Whether it waits for an advisory lock as long as somebody is in the way.
    pub(crate) fn waits(&self) -> bool {
        match self {
            Action::Flock { kind, waits, .. } | Action::Lock { kind, waits, .. } => {
                *waits && lock_kind(*kind) != LockKind::Unlock
            }
            _ => false,
        }
    }

    /// The file that it locks.
    pub(crate) fn lock_of(&self) -> Option<u8> {
        match self {
            Action::Flock { file, .. } | Action::Lock { file, .. } => Some(*file),
            _ => None,
        }
    }

    /// The calls on advisory locks.
    pub(super) fn call_on_lock(&self, files: &[i32]) -> Call {
        let fd = |file: &u8| descriptor(files, *file);
        match self {
            Action::Flock { file, kind, .. } => {
                let (fd, kind) = (fd(file), lock_kind(*kind));
                if self.waits() { Call::WaitFlock { fd, kind } } else { Call::Flock { fd, kind } }
            }
            Action::Lock { file, kind, start, length, .. } => {
                let (fd, lock) = (fd(file), range(*kind, *start, *length));
                match self.waits() {
                    true => Call::WaitLock { fd, lock, whence: 0 },
                    false => Call::SetLock { fd, lock, whence: 0 },
                }
            }
            Action::GetLock { file, kind, start, length } => {
                Call::GetLock { fd: fd(file), lock: range(*kind, *start, *length), whence: 0 }
            }
            other => unreachable!("{other} is about no lock"),
        }
    }

    /// The calls on advisory locks, in a report.
    pub(super) fn fmt_lock(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Flock { file, kind, waits } => {
                write!(f, "flock #{file} {}{}", lock_word(*kind), wait_word(*waits))
            }
            Action::Lock { file, kind, start, length, waits } => {
                let (kind, waits) = (lock_word(*kind), wait_word(*waits));
                write!(f, "lock #{file} {kind} {start}+{length}{waits}")
            }
            Action::GetLock { file, kind, start, length } => {
                write!(f, "getlock #{file} {} {start}+{length}", lock_word(*kind))
            }
            other => unreachable!("{other:?} is about no lock"),
        }
    }
}

/// A kind of lock in a report.
fn lock_word(kind: u32) -> &'static str {
    match lock_kind(kind) {
        LockKind::Read => "shared",
        LockKind::Write => "exclusive",
        LockKind::Unlock => "none",
    }
}

/// Whether a lock is waited for, in a report.
fn wait_word(waits: bool) -> &'static str {
    if waits { " and wait" } else { "" }
}
