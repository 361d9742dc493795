//! POLL: whether a file is ready, and a promise to say when it is.

use fuserig_abi::{Errno, FileKind, Opcode};

use super::Halt;
use super::exchange::{Ordinary, Served};
use crate::kernel::HandleId;
use crate::pipeline::device::Shape;

/// `FUSE_POLL_SCHEDULE_NOTIFY`: somebody waits, so a notification is wanted.
const SCHEDULE_NOTIFY: u32 = 1;
/// `DEFAULT_POLLMASK`: what a file without the operation is ready for.
const ALWAYS_READY: u32 = 0x145;
/// `POLLERR` and `POLLHUP`, which poll(2) reports whether they are asked for or not.
const ALWAYS_ASKED: u32 = 0x18;
/// `struct fuse_poll_out`.
const POLL_OUT: usize = 8;

/// What becomes of a poll that finds nothing ready.
///
/// ```
/// use fuserig::vfs::PollWait;
/// assert_ne!(PollWait::Never, PollWait::ForWakeup);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollWait {
    /// The caller looks once, as `poll` with a timeout of 0.
    Never,
    /// The caller waits, and the daemon is to notify it.
    ForWakeup,
}

impl Ordinary<'_> {
    /// `fuse_file_poll`. A daemon that knows no POLL is not asked again.
    pub(crate) async fn poll(
        &mut self,
        handle: HandleId,
        events: u32,
        wait: PollWait,
    ) -> Served<u32> {
        let events = events | ALWAYS_ASKED;
        let mount = &self.world.mount;
        let state = &mount.handles[handle];
        let (fh, nodeid, inode) = (state.fh.0, state.nodeid, state.inode);
        let regular = mount.inodes[inode].kind == FileKind::Regular;
        if !regular || self.world.connection.unknown.poll {
            return Ok(ALWAYS_READY & events);
        }
        // FIDELITY: the kernel numbers every file that is opened; here it is those that are
        // polled. The daemon only hands the number back.
        let known = mount.handles[handle].poll_handle;
        let kh = known.unwrap_or_else(|| self.world.connection.next_poll_handle());
        self.world.mount.handles[handle].poll_handle = Some(kh);
        let flags = match wait {
            PollWait::Never => 0,
            PollWait::ForWakeup => SCHEDULE_NOTIFY,
        };
        let mut body = Vec::with_capacity(24);
        body.extend(fh.to_le_bytes());
        body.extend(kh.to_le_bytes());
        body.extend(flags.to_le_bytes());
        body.extend(events.to_le_bytes());
        match self.ask(Opcode::POLL, nodeid, body, Shape::fixed(POLL_OUT)).await {
            Ok(reply) => {
                let ready = reply[..4].try_into().expect("the device checked the length");
                Ok(u32::from_le_bytes(ready) & events)
            }
            Err(Halt::Errno(Errno::ENOSYS)) => {
                self.world.connection.unknown.poll = true;
                Ok(ALWAYS_READY & events)
            }
            Err(halt) => Err(halt),
        }
    }
}
