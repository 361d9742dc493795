//! fcntl and flock on files whose locks the daemon keeps.
//!
//! The VFS looks at the arguments and at how the file is open, and leaves the rest to the daemon.
//! What a reader would get wrong: a process that closes the file loses its locks there by the
//! FLUSH alone, since the kernel has none to give up.

use fuserig_abi::{Opcode, Pid};

use super::advisory::Asked;
use super::call::{Call, CallResult, Output};
use super::fail::Fail;
use super::state::FileKindOpen;
use super::system::Vfs;
use crate::pipeline::{AskedLock, Ordinary};

impl Vfs {
    /// What the daemon is to be asked for; none where the daemon does not keep the lock.
    pub(super) fn lock_of_daemon(&self, pid: Pid, call: &Call) -> Result<Option<AskedLock>, Fail> {
        let Some(asked) = Asked::of(call) else { return Ok(None) };
        let opcode = match (asked.gets, asked.waits) {
            (true, _) => Opcode::GETLK,
            (false, true) => Opcode::SETLKW,
            (false, false) => Opcode::SETLK,
        };
        let FileKindOpen::Fuse(handle) = self.state().file(pid, asked.fd)?.kind else {
            return Ok(None);
        };
        let flock = asked.flock;
        if !self.on_path_unasked(pid, |path| path.daemon_keeps_lock(handle, flock)) {
            return Ok(None);
        }
        let lock = self.state().checked_lock(pid, &asked)?;
        Ok(Some(AskedLock { handle, lock, flock, opcode }))
    }

    pub(super) async fn ask_about_lock(
        &self,
        pid: Pid,
        asked: AskedLock,
    ) -> Result<CallResult, Fail> {
        let lock = async |path: &mut Ordinary<'_>| path.lock(asked).await;
        let found = self.on_ordinary_path(pid, 0, lock).await?;
        let output = found.map_or(Output::None, Output::Lock);
        Ok(CallResult { value: Ok(0), output })
    }
}
