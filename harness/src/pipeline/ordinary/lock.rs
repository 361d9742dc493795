//! GETLK, SETLK and SETLKW: advisory locks that the daemon keeps.
//!
//! The kernel knows nothing of such a lock once it is set, so that nothing is sent for it when a
//! file is closed: FLUSH has the owner whose ranges go, and RELEASE the open file whose `flock`
//! goes. Source: FUSE protocol 7.9 (ranges) and 7.17 (`flock`), as Linux 6.18 was seen to send it.

use fuserig_abi::{Errno, FUSE_LK_FLOCK, FileKind, Opcode};
use fuserig_sim_fs::{Lock, LockKind};

use super::exchange::{Ordinary, Served};
use crate::kernel::{HandleId, Key};
use crate::pipeline::device::Shape;

/// `struct fuse_lk_out`.
const LK_OUT: usize = 24;
/// `OFFSET_MAX`: the last byte of a lock that reaches to any end.
const OFFSET_MAX: u64 = i64::MAX as u64;
/// `F_RDLCK`, `F_WRLCK` and `F_UNLCK`.
const KINDS: [LockKind; 3] = [LockKind::Read, LockKind::Write, LockKind::Unlock];

/// A lock that a daemon is asked for or about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AskedLock {
    pub(crate) handle: HandleId,
    pub(crate) lock: Lock,
    /// Whether it is one of `flock`, which belongs to the open file and not to the process.
    pub(crate) flock: bool,
    /// GETLK, SETLK or SETLKW.
    pub(crate) opcode: Opcode,
}

/// A number that stands for an open file as owner of its `flock`: none that stands for a process.
pub(super) fn flock_owner(handle: HandleId) -> u64 {
    1 << 32 | handle.index() as u64
}

fn raw(kind: LockKind) -> u32 {
    KINDS.iter().zip(0..).find(|(known, _)| **known == kind).map_or(2, |(_, raw)| raw)
}

impl Ordinary<'_> {
    /// Whether locks on the open file are the daemon's: a regular file that the daemon opened,
    /// where INIT agreed on it. The kernel keeps those of directories in any case.
    pub(crate) fn daemon_keeps_lock(&self, handle: HandleId, flock: bool) -> bool {
        let (mount, connection) = (&self.world.mount, &self.world.connection);
        let agreed = if flock { connection.flock_locks } else { connection.posix_locks };
        let state = &mount.handles[handle];
        let regular = mount.inodes[state.inode].kind == FileKind::Regular;
        agreed && regular && state.backing.is_none() && !mount.options.local_locks
    }

    /// `fuse_getlk` and `fuse_setlk`. ENOSYS goes to the caller as any other error, and the daemon
    /// is asked again the next time.
    pub(crate) async fn lock(&mut self, asked: AskedLock) -> Served<Option<Lock>> {
        let AskedLock { handle, lock, flock, opcode } = asked;
        let gets = opcode == Opcode::GETLK;
        self.world.mount.handles[handle].flocked |= flock;
        let state = &self.world.mount.handles[handle];
        let (fh, nodeid) = (state.fh.0, self.world.mount.inodes[state.inode].nodeid);
        let owner = if flock { flock_owner(handle) } else { self.lock_owner() };
        // Whoever gives up a lock, or only asks, is no process to the daemon.
        let names_process = !gets && lock.kind != LockKind::Unlock;
        let pid = if names_process { self.caller.pid.0 } else { 0 };
        let mut body = Vec::with_capacity(48);
        for word in [fh, owner, lock.start, lock.end.min(OFFSET_MAX)] {
            body.extend(word.to_le_bytes());
        }
        let flags = if flock { FUSE_LK_FLOCK } else { 0 };
        for word in [raw(lock.kind), pid, flags, 0] {
            body.extend(word.to_le_bytes());
        }
        if !gets {
            return self.tell(opcode, nodeid, body).await.map(|()| None);
        }
        let reply = self.ask(opcode, nodeid, body, Shape::fixed(LK_OUT)).await?;
        found(&reply, lock).map(Some).map_err(Into::into)
    }
}

/// `convert_fuse_file_lock`: what stands in the way, as the reply has it.
fn found(reply: &[u8], asked: Lock) -> Result<Lock, Errno> {
    let wide = |at: usize| {
        let word = reply[at..at + 8].try_into().expect("the device checked the length");
        u64::from_le_bytes(word)
    };
    let (start, end, kind_and_pid) = (wide(0), wide(8), wide(16));
    match KINDS.get(kind_and_pid as u32 as usize).copied() {
        Some(LockKind::Unlock) => Ok(Lock { kind: LockKind::Unlock, ..asked }),
        Some(kind) if start <= end && end <= OFFSET_MAX => {
            let end = if end == OFFSET_MAX { u64::MAX } else { end };
            Ok(Lock { kind, owner: kind_and_pid >> 32, start, end })
        }
        _ => Err(Errno::EIO),
    }
}

#[cfg(test)]
mod tests {
    use fuserig_abi::Errno;
    use fuserig_sim_fs::{Lock, LockKind};

    use super::found;

    fn reply(start: u64, end: u64, kind: u32, pid: u32) -> Vec<u8> {
        let words = [start, end, u64::from(pid) << 32 | u64::from(kind)];
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn a_lock_in_the_way_makes_sense_or_is_an_io_error() {
        let asked = Lock { kind: LockKind::Write, owner: 1, start: 3, end: 4 };
        let free = Lock { kind: LockKind::Unlock, ..asked };
        assert_eq!(found(&reply(9, 8, 2, 7), asked), Ok(free));
        let held = |kind, end| Lock { kind, owner: 7, start: 0, end };
        assert_eq!(found(&reply(0, 8, 0, 7), asked), Ok(held(LockKind::Read, 8)));
        let all = reply(0, i64::MAX as u64, 1, 7);
        assert_eq!(found(&all, asked), Ok(held(LockKind::Write, u64::MAX)));
        for wrong in [reply(1, 0, 1, 7), reply(0, u64::MAX, 1, 7), reply(0, 1, 3, 7)] {
            assert_eq!(found(&wrong, asked), Err(Errno::EIO));
        }
    }
}
