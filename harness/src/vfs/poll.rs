//! poll(2) on a file of the mount, and whether a daemon asked to look again.

use fuserig_abi::{Errno, Pid};

use super::fail::Fail;
use super::system::Vfs;
use crate::pipeline::{Ordinary, PollWait};

impl Vfs {
    /// What of `events` (`POLLIN` and the like) a file is ready for. Only a regular file is asked
    /// about; everything else is ready for reading and writing.
    ///
    /// # Errors
    /// EBADF for a descriptor that is not open, ENXIO for one on a fifo or device, and what the
    /// daemon answers: poll(2) itself shows that as `POLLERR`.
    pub fn poll(&self, pid: Pid, fd: i32, events: u32, wait: PollWait) -> Result<u32, Errno> {
        if !self.has_client(pid) {
            return Err(Errno::ESRCH);
        }
        let (handle, _) = self.state().handle(pid, fd)?;
        let poll = async |path: &mut Ordinary<'_>| path.poll(handle, events, wait).await;
        match self.at_once(self.on_ordinary_path(pid, 0, poll)) {
            Ok(ready) => Ok(ready),
            Err(Fail::Errno(errno)) => Err(errno),
            Err(Fail::Outside | Fail::Stopped(_) | Fail::Wild(_)) => Err(Errno::EIO),
        }
    }

    /// How often the daemon notified whoever polls the file; none for a descriptor that is not
    /// open for reading or writing.
    pub fn woken(&self, pid: Pid, fd: i32) -> Option<u64> {
        if !self.has_client(pid) {
            return None;
        }
        let state = self.state();
        let (handle, _) = state.handle(pid, fd).ok()?;
        Some(state.world.mount.handles[handle].woken)
    }
}
