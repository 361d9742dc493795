//! Advisory locks: byte ranges (`fcntl`) and whole files (`flock`).
//!
//! Nothing ever waits: a conflict is `EAGAIN`, so there are no deadlocks to find. Who may have what
//! beside whom is in [`LockTable`]; this is which handle may ask.

use std::sync::Arc;

use fuserig_abi::{Errno, Ino};

use super::fs::MemFs;
use crate::{Lock, LockKind, LockTable, LowerFh, LowerReply};

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
        self.change_locks(handle.ino, |table| table.set(lock, fh))?;
        Ok(LowerReply::Done)
    }

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
        self.change_locks(handle.ino, |table| table.flock(kind, owner, fh))?;
        Ok(LowerReply::Done)
    }

    pub(super) fn flush_op(&mut self, fh: LowerFh, owner: u64) -> Result<LowerReply, Errno> {
        let handle = self.handle(fh)?;
        self.change_locks(handle.ino, |table| table.forget_owner(owner));
        Ok(LowerReply::Done)
    }

    /// What was taken through a handle goes with it.
    pub(super) fn release_locks(&mut self, ino: Ino, fh: LowerFh) {
        self.change_locks(ino, |table| table.forget_file(fh));
    }

    /// Applies a change to the locks of an inode; without locks there is no table.
    fn change_locks<T>(
        &mut self,
        ino: Ino,
        change: impl FnOnce(&mut LockTable<LowerFh>) -> T,
    ) -> T {
        let table = self.locks.get(ino.0);
        let existed = table.is_some();
        let mut table = table.map_or_else(LockTable::default, |table| LockTable::clone(table));
        let changed = change(&mut table);
        if !table.is_empty() {
            self.locks.insert(ino.0, Arc::new(table));
        } else if existed {
            self.locks.remove(ino.0);
        }
        changed
    }
}

fn check_lock(lock: &Lock) -> Result<(), Errno> {
    if lock.start > lock.end { Err(Errno::EINVAL) } else { Ok(()) }
}
