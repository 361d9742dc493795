//! The advisory locks of one file: byte ranges (`fcntl`) and whole files (`flock`).
//!
//! Nothing ever waits here: a conflict is `EAGAIN`, and whoever waits asks again. The two kinds do
//! not see each other. Invariant: the ranges of one owner stand together in order of their start,
//! do not overlap, and neighbours of the same kind are merged; owners stand in the order in which
//! they came to have one (`posix_lock_inode` of Linux 6.18). A reader would take the lock that
//! GETLK tells for the first in the file: it is the first of the first owner.

use fuserig_abi::Errno;

use crate::{Lock, LockKind};

/// A range that is held, and the open file through which it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held<F> {
    lock: Lock,
    file: F,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WholeFile<F> {
    kind: LockKind,
    owner: u64,
    file: F,
}

/// Who has which lock on one file. `F` names open files.
///
/// ```
/// use fuserig_abi::Errno;
/// use fuserig_sim_fs::{Lock, LockKind, LockTable};
/// let mut table = LockTable::default();
/// let lock = |owner| Lock { kind: LockKind::Write, owner, start: 0, end: 9 };
/// assert_eq!(table.set(lock(1), "file"), Ok(()));
/// assert_eq!(table.set(lock(2), "other"), Err(Errno::EAGAIN));
/// table.forget_owner(1);
/// assert!(table.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct LockTable<F> {
    ranges: Vec<Held<F>>,
    whole: Vec<WholeFile<F>>,
}

impl<F> Default for LockTable<F> {
    fn default() -> LockTable<F> {
        LockTable { ranges: Vec::new(), whole: Vec::new() }
    }
}

impl<F: Copy + Eq> LockTable<F> {
    /// Whether nobody has a lock.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.whole.is_empty()
    }

    /// The first lock of somebody else that the range `wanted` cannot be held beside.
    pub fn conflict(&self, wanted: &Lock) -> Option<Lock> {
        let conflicts = |held: &&Held<F>| {
            held.lock.owner != wanted.owner
                && held.lock.start <= wanted.end
                && wanted.start <= held.lock.end
                && (held.lock.kind == LockKind::Write || wanted.kind == LockKind::Write)
        };
        self.ranges.iter().find(conflicts).map(|held| held.lock)
    }

    /// Makes the range what `lock` says, splitting and merging the owner's others.
    ///
    /// # Errors
    /// `EAGAIN` when somebody else has what it cannot be held beside; nothing changes then.
    pub fn set(&mut self, lock: Lock, file: F) -> Result<(), Errno> {
        if lock.kind != LockKind::Unlock && self.conflict(&lock).is_some() {
            return Err(Errno::EAGAIN);
        }
        let place = self.ranges.iter().position(|held| held.lock.owner == lock.owner);
        let place = place.unwrap_or(self.ranges.len());
        let (own, mut others): (Vec<Held<F>>, Vec<Held<F>>) =
            self.ranges.iter().copied().partition(|held| held.lock.owner == lock.owner);
        let mut ranges = Vec::with_capacity(own.len() + 2);
        let mut new = lock;
        for held in own {
            let old = held.lock;
            let touches =
                old.start <= new.end.saturating_add(1) && new.start <= old.end.saturating_add(1);
            if old.kind == lock.kind && touches {
                new.start = new.start.min(old.start);
                new.end = new.end.max(old.end);
                continue;
            }
            if old.start < lock.start {
                let end = old.end.min(lock.start - 1);
                ranges.push(Held { lock: Lock { end, ..old }, file: held.file });
            }
            if old.end > lock.end {
                let start = old.start.max(lock.end + 1);
                ranges.push(Held { lock: Lock { start, ..old }, file: held.file });
            }
        }
        if lock.kind != LockKind::Unlock {
            ranges.push(Held { lock: new, file });
        }
        ranges.sort_by_key(|held| held.lock.start);
        others.splice(place..place, ranges);
        self.ranges = others;
        Ok(())
    }

    /// `flock`. Changing the kind of a lock is not atomic: the old one is gone even if the new one
    /// cannot be had (man 2 flock).
    ///
    /// # Errors
    /// `EAGAIN` when somebody else has what it cannot be held beside.
    pub fn flock(&mut self, kind: LockKind, owner: u64, file: F) -> Result<(), Errno> {
        if self.whole.iter().any(|whole| whole.owner == owner && whole.kind == kind) {
            return Ok(());
        }
        self.whole.retain(|whole| whole.owner != owner);
        if kind == LockKind::Unlock {
            return Ok(());
        }
        let conflicts =
            |whole: &WholeFile<F>| whole.kind == LockKind::Write || kind == LockKind::Write;
        if self.whole.iter().any(conflicts) {
            return Err(Errno::EAGAIN);
        }
        self.whole.push(WholeFile { kind, owner, file });
        Ok(())
    }

    /// The ranges of the owner are gone, as when a process closes any descriptor of the file.
    pub fn forget_owner(&mut self, owner: u64) {
        self.ranges.retain(|held| held.lock.owner != owner);
    }

    /// What was taken through an open file goes with it.
    pub fn forget_file(&mut self, file: F) {
        self.ranges.retain(|held| held.file != file);
        self.whole.retain(|whole| whole.file != file);
    }
}

#[cfg(test)]
mod tests {
    use fuserig_abi::Errno;

    use super::LockTable;
    use crate::{Lock, LockKind};

    const READ: LockKind = LockKind::Read;
    const WRITE: LockKind = LockKind::Write;
    const NONE: LockKind = LockKind::Unlock;

    /// Sets locks for one owner and compares what is held, as `kind start-end`.
    fn check(locks: &[(LockKind, u64, u64)], expected: &str) {
        let mut table = LockTable::default();
        for (kind, start, end) in locks {
            let lock = Lock { kind: *kind, owner: 1, start: *start, end: *end };
            table.set(lock, 1).expect("nobody is in the way");
        }
        let text = |held: &super::Held<i32>| {
            format!("{:?} {}-{}", held.lock.kind, held.lock.start, held.lock.end)
        };
        let held: Vec<String> = table.ranges.iter().map(text).collect();
        assert_eq!(held.join(", "), expected, "{locks:?}");
    }

    #[test]
    fn ranges_of_one_owner_split_and_merge() {
        check(&[(READ, 0, 9)], "Read 0-9");
        check(&[(READ, 0, 9), (READ, 10, 19)], "Read 0-19");
        check(&[(READ, 10, 19), (READ, 0, 9)], "Read 0-19");
        check(&[(READ, 0, 9), (READ, 11, 19)], "Read 0-9, Read 11-19");
        check(&[(READ, 0, 9), (WRITE, 3, 5)], "Read 0-2, Write 3-5, Read 6-9");
        check(&[(READ, 0, 9), (NONE, 3, 5)], "Read 0-2, Read 6-9");
        check(&[(READ, 3, 5), (WRITE, 0, 9)], "Write 0-9");
        check(&[(READ, 0, 5), (WRITE, 3, 9)], "Read 0-2, Write 3-9");
        check(&[(READ, 5, 9), (WRITE, 0, 6)], "Write 0-6, Read 7-9");
        check(&[(READ, 0, 3), (READ, 8, 9), (READ, 4, 7)], "Read 0-9");
        check(&[(READ, 0, u64::MAX), (NONE, 0, 0)], "Read 1-18446744073709551615");
        check(&[(READ, 0, u64::MAX), (NONE, u64::MAX, u64::MAX)], "Read 0-18446744073709551614");
        check(&[(WRITE, u64::MAX, u64::MAX), (NONE, 0, u64::MAX)], "");
    }

    #[test]
    fn only_others_conflict_and_only_with_a_writer() {
        let mut table = LockTable::default();
        let set = |table: &mut LockTable<i32>, kind, owner, start, end| {
            table.set(Lock { kind, owner, start, end }, 1)
        };
        assert_eq!(set(&mut table, WRITE, 2, 30, 39), Ok(()));
        assert_eq!(set(&mut table, READ, 1, 10, 19), Ok(()));
        assert_eq!(set(&mut table, READ, 2, 0, 5), Ok(()));
        let check = |kind, owner, start, end, expected: Option<u64>| {
            let wanted = Lock { kind, owner, start, end };
            assert_eq!(table.conflict(&wanted).map(|lock| lock.start), expected, "{wanted:?}");
        };
        check(READ, 3, 0, 29, None);
        check(WRITE, 3, 6, 29, Some(10));
        check(WRITE, 1, 6, 29, None);
        check(READ, 3, 0, u64::MAX, Some(30));
        // The first owner comes first, though it has nothing there but further on.
        check(WRITE, 3, 10, u64::MAX, Some(30));
        check(WRITE, 3, 0, u64::MAX, Some(0));
        check(WRITE, 3, 20, 29, None);
        check(READ, 3, 39, 39, Some(30));
        assert_eq!(set(&mut table, WRITE, 3, 19, 19), Err(Errno::EAGAIN));
    }

    #[test]
    fn an_open_file_that_changes_its_lock_gives_it_back_first() {
        let mut table = LockTable::default();
        assert_eq!(table.flock(READ, 1, 1), Ok(()));
        assert_eq!(table.flock(READ, 2, 2), Ok(()));
        assert_eq!(table.flock(WRITE, 1, 1), Err(Errno::EAGAIN));
        assert_eq!(table.flock(WRITE, 2, 2), Ok(()), "the first has none any longer");
        table.forget_owner(2);
        assert_eq!(table.flock(READ, 1, 1), Err(Errno::EAGAIN), "it was none of ranges");
        table.forget_file(2);
        assert!(table.is_empty());
    }
}
