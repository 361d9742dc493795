//! fcntl and flock on files whose locks the daemon keeps.
//!
//! The VFS looks at the arguments and at how the file is open, and leaves the rest to the daemon.
//! What a reader would get wrong: a process that closes the file loses its locks there by the
//! FLUSH alone, since the kernel has none to give up.

use fuserig_abi::{Errno, Opcode, Pid};
use fuserig_sim_fs::{Lock, LockKind};

use super::call::{Call, CallResult, Output};
use super::fail::Fail;
use super::file::absolute;
use super::system::Vfs;
use crate::pipeline::AskedLock;

impl Vfs {
    /// What the daemon is to be asked for; none where the kernel keeps the lock.
    pub(super) fn lock_of_daemon(&self, pid: Pid, call: &Call) -> Result<Option<AskedLock>, Fail> {
        let (fd, flock, opcode) = match *call {
            Call::Flock { fd, .. } => (fd, true, Opcode::SETLK),
            Call::WaitFlock { fd, .. } => (fd, true, Opcode::SETLKW),
            Call::SetLock { fd, .. } => (fd, false, Opcode::SETLK),
            Call::WaitLock { fd, .. } => (fd, false, Opcode::SETLKW),
            Call::GetLock { fd, .. } => (fd, false, Opcode::GETLK),
            _ => return Ok(None),
        };
        let handle = self.state().handle(pid, fd)?.0;
        if !self.on_ordinary_path(pid, 0, |path| Ok(path.daemon_keeps_lock(handle, flock)))? {
            return Ok(None);
        }
        let lock = self.asked_lock(pid, fd, call)?;
        Ok(Some(AskedLock { handle, lock, flock, opcode }))
    }

    /// `flock_to_posix_lock` and the checks behind it.
    fn asked_lock(&self, pid: Pid, fd: i32, call: &Call) -> Result<Lock, Fail> {
        let state = self.state();
        let (handle, file) = state.handle(pid, fd)?;
        let (reads, writes) = (file.flags.wants_read(), file.flags.wants_write());
        let (lock, whence) = match *call {
            Call::Flock { kind, .. } | Call::WaitFlock { kind, .. } => {
                if kind != LockKind::Unlock && !reads && !writes {
                    return Err(Errno::EBADF.into());
                }
                return Ok(Lock { kind, owner: 0, start: 0, end: u64::MAX });
            }
            Call::SetLock { lock, whence, .. }
            | Call::WaitLock { lock, whence, .. }
            | Call::GetLock { lock, whence, .. } => (lock, whence),
            _ => return Err(Errno::ENOSYS.into()),
        };
        let gets = matches!(call, Call::GetLock { .. });
        if gets && lock.kind == LockKind::Unlock {
            return Err(Errno::EINVAL.into());
        }
        let open = &state.world.mount.handles[handle];
        let size = state.world.mount.inodes[open.inode].size;
        let asked = absolute(lock, whence, open.position, size, pid)?;
        let allowed = match lock.kind {
            LockKind::Read => reads,
            LockKind::Write => writes,
            LockKind::Unlock => true,
        };
        if gets || allowed { Ok(asked) } else { Err(Errno::EBADF.into()) }
    }

    pub(super) fn ask_about_lock(&self, pid: Pid, asked: AskedLock) -> Result<CallResult, Fail> {
        let found = self.on_ordinary_path(pid, 0, |path| path.lock(asked))?;
        let output = found.map_or(Output::None, Output::Lock);
        Ok(CallResult { value: Ok(0), output })
    }
}
