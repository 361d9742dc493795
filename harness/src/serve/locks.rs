//! Advisory locks of a client that leaves them to the server.
//!
//! No version of fuse-bpf has a member for them, so that no filter sees them: they go from the
//! kernel to the lower file. What a reader would get wrong: SETLKW never waits here. A lock that
//! somebody else has is `EAGAIN`, and whoever serves asks again when a lock went.

use fuserig_abi::{Errno, FUSE_LK_FLOCK};
use fuserig_sim_fs::{Lock, LockKind, LowerFh, LowerOp, LowerReply};

use super::incoming::{Head, Incoming, LockRange};
use super::outgoing::Outgoing;
use super::server::Server;
use crate::pipeline::Operation;

/// `F_RDLCK`, `F_WRLCK` and `F_UNLCK`.
const KINDS: [LockKind; 3] = [LockKind::Read, LockKind::Write, LockKind::Unlock];

impl Server {
    pub(super) fn about_a_lock(
        &mut self,
        head: &Head,
        incoming: &Incoming,
    ) -> Result<Outgoing, Errno> {
        let (Incoming::Getlk { lock } | Incoming::Setlk { lock } | Incoming::Setlkw { lock }) =
            incoming
        else {
            return Err(Errno::ENOSYS);
        };
        let fh = self.lower_file(lock.fh)?;
        let kind = *KINDS.get(lock.kind as usize).ok_or(Errno::EINVAL)?;
        let wanted = Lock { kind, owner: lock.owner, start: lock.start, end: lock.end };
        let caller = self.caller(head, self.config.as_caller);
        if matches!(incoming, Incoming::Getlk { .. }) {
            let op = LowerOp::GetLock { fh, lock: wanted };
            let LowerReply::Lock(found) = self.world.lower(&caller, &op)? else {
                return Err(Errno::EIO);
            };
            return Ok(Outgoing::Lock(self.shown(&found)));
        }
        let op = match lock.flags & FUSE_LK_FLOCK {
            0 => LowerOp::SetLock { fh, lock: wanted },
            // One FUSE handle is one open file, which is what owns the lock.
            _ => LowerOp::Flock { fh, kind, owner: fh.0 },
        };
        self.world.lower(&caller, &op)?;
        if lock.flags & FUSE_LK_FLOCK == 0 && kind != LockKind::Unlock {
            self.lock_owners.insert(lock.owner, lock.pid);
        }
        Ok(Outgoing::Done)
    }

    /// The owner of a lock that SETLKW has to wait for. Of `flock` nobody knows, as in Linux, which
    /// looks for deadlocks among byte ranges only.
    #[cfg(feature = "fuser")]
    pub(crate) fn blocker(&mut self, head: &Head, incoming: &Incoming) -> Option<u64> {
        let Incoming::Setlkw { lock } = incoming else { return None };
        if lock.flags & FUSE_LK_FLOCK != 0 {
            return None;
        }
        let kind = *KINDS.get(lock.kind as usize)?;
        let fh = self.lower_file(lock.fh).ok()?;
        let lock = Lock { kind, owner: lock.owner, start: lock.start, end: lock.end };
        let caller = self.caller(head, self.config.as_caller);
        match self.world.lower(&caller, &LowerOp::GetLock { fh, lock }) {
            Ok(LowerReply::Lock(found)) if found.kind != LockKind::Unlock => Some(found.owner),
            _ => None,
        }
    }

    /// FLUSH: the byte ranges of the owner who closed a descriptor go, whatever a filter says.
    pub(super) fn flush(&mut self, head: &Head, fh: u64, owner: u64) -> Result<Outgoing, Errno> {
        let handle = self.handle_of(fh)?;
        let flushed = self.settle(head, Operation::Flush { handle });
        if self.lock_owners.contains_key(&owner) {
            let caller = self.caller(head, self.config.as_caller);
            let fh = self.lower_file(fh)?;
            self.world.lower(&caller, &LowerOp::Flush { fh, owner })?;
        }
        flushed.map(|_| Outgoing::Done)
    }

    fn lower_file(&self, fh: u64) -> Result<LowerFh, Errno> {
        self.world.mount.handles[self.handle_of(fh)?].backing.ok_or(Errno::EBADF)
    }

    /// A lock as the reply to GETLK says it: the process, and not the owner.
    fn shown(&self, found: &Lock) -> LockRange {
        let kind = KINDS.iter().position(|kind| *kind == found.kind).unwrap_or(0);
        let pid = match found.kind {
            LockKind::Unlock => 0,
            LockKind::Read | LockKind::Write => {
                self.lock_owners.get(&found.owner).copied().unwrap_or(0)
            }
        };
        let (start, end) = (found.start, found.end);
        LockRange { start, end, kind: kind as u32, pid, ..LockRange::default() }
    }
}
