//! Advisory locks: byte ranges (`fcntl`) and whole files (`flock`).
//!
//! Nothing ever waits: a conflict is `EAGAIN`, so there are no deadlocks to find. The two kinds do
//! not see each other. Invariant: the ranges of one owner do not overlap, and neighbours of the
//! same kind are merged.

use std::sync::Arc;

use fuserig_abi::{Errno, Ino};

use super::fs::MemFs;
use crate::{Lock, LockKind, LowerFh, LowerReply};

/// A range that is held, and the handle through which it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    lock: Lock,
    fh: LowerFh,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WholeFile {
    kind: LockKind,
    owner: u64,
    fh: LowerFh,
}

#[derive(Clone, Debug, Default)]
pub(super) struct LockTable {
    /// Sorted by owner and start.
    ranges: Vec<Held>,
    whole: Vec<WholeFile>,
}

impl LockTable {
    fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.whole.is_empty()
    }

    /// The first lock of somebody else, by start, that `wanted` cannot be held beside.
    fn conflict(&self, wanted: &Lock) -> Option<Lock> {
        let conflicts = |held: &&Held| {
            held.lock.owner != wanted.owner
                && held.lock.start <= wanted.end
                && wanted.start <= held.lock.end
                && (held.lock.kind == LockKind::Write || wanted.kind == LockKind::Write)
        };
        let first = self.ranges.iter().filter(conflicts).min_by_key(|held| held.lock.start);
        first.map(|held| held.lock)
    }

    /// Makes the range what `lock` says, splitting and merging the owner's others.
    fn set(&mut self, lock: Lock, fh: LowerFh) {
        let mut ranges = Vec::with_capacity(self.ranges.len() + 2);
        let mut new = lock;
        for held in &self.ranges {
            let old = held.lock;
            if old.owner != lock.owner {
                ranges.push(*held);
                continue;
            }
            let touches =
                old.start <= new.end.saturating_add(1) && new.start <= old.end.saturating_add(1);
            if old.kind == lock.kind && touches {
                new.start = new.start.min(old.start);
                new.end = new.end.max(old.end);
                continue;
            }
            if old.start < lock.start {
                let end = old.end.min(lock.start - 1);
                ranges.push(Held { lock: Lock { end, ..old }, fh: held.fh });
            }
            if old.end > lock.end {
                let start = old.start.max(lock.end + 1);
                ranges.push(Held { lock: Lock { start, ..old }, fh: held.fh });
            }
        }
        if lock.kind != LockKind::Unlock {
            ranges.push(Held { lock: new, fh });
        }
        ranges.sort_by_key(|held| (held.lock.owner, held.lock.start));
        self.ranges = ranges;
    }
}

impl MemFs {
    pub(super) fn get_lock_op(&self, fh: LowerFh, lock: Lock) -> Result<LowerReply, Errno> {
        let handle = self.usable_handle(fh)?;
        check_lock(&lock)?;
        if lock.kind == LockKind::Unlock {
            return Err(Errno::EINVAL);
        }
        let found = self.locks.get(handle.ino.0).and_then(|table| table.conflict(&lock));
        Ok(LowerReply::Lock(found.unwrap_or(Lock { kind: LockKind::Unlock, ..lock })))
    }

    pub(super) fn set_lock_op(&mut self, fh: LowerFh, lock: Lock) -> Result<LowerReply, Errno> {
        let handle = self.usable_handle(fh)?;
        check_lock(&lock)?;
        // A shared lock needs a handle that reads, an exclusive one a handle that writes.
        let allowed = match lock.kind {
            LockKind::Read => handle.readable(),
            LockKind::Write => handle.writable(),
            LockKind::Unlock => true,
        };
        if !allowed {
            return Err(Errno::EBADF);
        }
        let table = self.locks.get(handle.ino.0);
        let conflict = table.and_then(|table| table.conflict(&lock));
        if lock.kind != LockKind::Unlock && conflict.is_some() {
            return Err(Errno::EAGAIN);
        }
        self.change_locks(handle.ino, |table| table.set(lock, fh));
        Ok(LowerReply::Done)
    }

    /// `flock`. Changing the kind of a lock is not atomic: the old one is gone even if the new one
    /// cannot be had (man 2 flock).
    pub(super) fn flock_op(
        &mut self,
        fh: LowerFh,
        kind: LockKind,
        owner: u64,
    ) -> Result<LowerReply, Errno> {
        let handle = self.usable_handle(fh)?;
        // With access mode 3 a handle can neither read nor write.
        if kind != LockKind::Unlock && !handle.readable() && !handle.writable() {
            return Err(Errno::EBADF);
        }
        let held = |whole: &&WholeFile| whole.owner == owner && whole.kind == kind;
        let table = self.locks.get(handle.ino.0);
        if table.is_some_and(|table| table.whole.iter().any(|whole| held(&whole))) {
            return Ok(LowerReply::Done);
        }
        let mut conflict = false;
        self.change_locks(handle.ino, |table| {
            table.whole.retain(|whole| whole.owner != owner);
            conflict = kind != LockKind::Unlock
                && table
                    .whole
                    .iter()
                    .any(|whole| whole.kind == LockKind::Write || kind == LockKind::Write);
            if kind != LockKind::Unlock && !conflict {
                table.whole.push(WholeFile { kind, owner, fh });
            }
        });
        if conflict { Err(Errno::EAGAIN) } else { Ok(LowerReply::Done) }
    }

    pub(super) fn flush_op(&mut self, fh: LowerFh, owner: u64) -> Result<LowerReply, Errno> {
        let handle = self.handle(fh)?;
        self.change_locks(handle.ino, |table| {
            table.ranges.retain(|held| held.lock.owner != owner);
        });
        Ok(LowerReply::Done)
    }

    /// What was taken through a handle goes with it.
    pub(super) fn release_locks(&mut self, ino: Ino, fh: LowerFh) {
        self.change_locks(ino, |table| {
            table.ranges.retain(|held| held.fh != fh);
            table.whole.retain(|whole| whole.fh != fh);
        });
    }

    /// Applies a change to the locks of an inode; without locks there is no table.
    fn change_locks(&mut self, ino: Ino, change: impl FnOnce(&mut LockTable)) {
        let table = self.locks.get(ino.0);
        let existed = table.is_some();
        let mut table = table.map_or_else(LockTable::default, |table| LockTable::clone(table));
        change(&mut table);
        if !table.is_empty() {
            self.locks.insert(ino.0, Arc::new(table));
        } else if existed {
            self.locks.remove(ino.0);
        }
    }
}

fn check_lock(lock: &Lock) -> Result<(), Errno> {
    if lock.start > lock.end { Err(Errno::EINVAL) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::LockTable;
    use crate::{Lock, LockKind, LowerFh};

    const READ: LockKind = LockKind::Read;
    const WRITE: LockKind = LockKind::Write;
    const NONE: LockKind = LockKind::Unlock;

    /// Sets locks for one owner and compares what is held, as `kind start-end`.
    fn check(locks: &[(LockKind, u64, u64)], expected: &str) {
        let mut table = LockTable::default();
        for (kind, start, end) in locks {
            let lock = Lock { kind: *kind, owner: 1, start: *start, end: *end };
            table.set(lock, LowerFh(1));
        }
        let text = |held: &super::Held| {
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
        table.set(Lock { kind: READ, owner: 1, start: 10, end: 19 }, LowerFh(1));
        table.set(Lock { kind: WRITE, owner: 2, start: 30, end: 39 }, LowerFh(2));
        let check = |kind, owner, start, end, expected: Option<u64>| {
            let wanted = Lock { kind, owner, start, end };
            assert_eq!(table.conflict(&wanted).map(|lock| lock.start), expected, "{wanted:?}");
        };
        check(READ, 3, 0, 29, None);
        check(WRITE, 3, 0, 29, Some(10));
        check(WRITE, 1, 0, 29, None);
        check(READ, 3, 0, u64::MAX, Some(30));
        check(WRITE, 3, 0, u64::MAX, Some(10));
        check(WRITE, 3, 20, 29, None);
        check(READ, 3, 39, 39, Some(30));
    }
}
