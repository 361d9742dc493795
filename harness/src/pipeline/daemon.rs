//! The userspace server as the pipeline meets it.

use core::fmt;

use fuserig_abi::{Caller, NodeId, Op, Pid, Request, Timespec};

use super::{Device, Patience};
use crate::kernel::World;
use crate::sim::Action;

/// The process that serves the mount. Its descriptors, which BACKING entries name, are those it
/// opened with [`Device::open_lower`]; no client can have this pid, which is above `PID_MAX`.
pub const DAEMON: Pid = Pid(1 << 22);

/// Answers FUSE requests: INIT first, then ordinary ones, and PREFILTER and POSTFILTER requests,
/// which bear a phase bit in their opcode (SEMANTICS 2.6, 2.7).
///
/// The daemon does what a real one does: it takes one request from the device and writes bytes
/// back. The modelled kernel checks each write (2.6.1) and says what `write` or the response
/// ioctl would return, so that a refused reply can be followed by another. A daemon that returns
/// without an accepted reply leaves the caller waiting for ever ([`super::Stop::Unanswered`]).
///
/// ```
/// use fuserig::pipeline::{Daemon, Device};
/// use fuserig_abi::{Errno, NodeId, Opcode, Reply, Request};
///
/// /// Refuses everything but INIT.
/// #[derive(Debug)]
/// struct Sulky;
///
/// impl Daemon for Sulky {
///     fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
///         if request.opcode == Opcode::INIT {
///             let reply = fuserig::daemon::init_reply(request);
///             device.reply(&reply).expect("a plain INIT reply is accepted");
///         } else {
///             device.error(Errno::EACCES).expect("an error needs no body");
///         }
///     }
///
///     fn forget(&mut self, _: NodeId, _: u64) {}
/// }
/// ```
pub trait Daemon: fmt::Debug {
    /// Serves one request: reads it, and answers through `device`.
    fn serve(&mut self, request: &Request, device: &mut Device<'_>);

    /// Takes a FORGET, which has no reply: the kernel drops `nlookup` references on `nodeid`.
    fn forget(&mut self, nodeid: NodeId, nlookup: u64);

    /// Takes a request while others are under way, and leaves the kernel to come for its reply with
    /// [`Daemon::receive`]; false for a daemon that serves it apart. Most daemons have one thread
    /// and serve every request so. `now` is the kernel's time.
    fn takes(&mut self, request: &Request, now: Timespec) -> bool {
        let _ = (request, now);
        false
    }

    /// Waits for the next reply to any request that was taken, and gives its bytes; none when the
    /// daemon is silent for so long. Notifications that come first take effect in `world`.
    fn receive(&mut self, world: &mut World, patience: Patience) -> Option<Vec<u8>> {
        let _ = (world, patience);
        None
    }

    /// The system call that the daemon makes on its own mount before it serves a request of this
    /// operation; none for a daemon that keeps away from its mount, as it should.
    ///
    /// The daemon has one thread, so that it serves nobody while the call is under way. When the
    /// call leads to a request for the daemon itself, or needs a lock that the client holds who
    /// waits for the daemon, nobody goes on: a simulation reports a deadlock.
    ///
    /// ```
    /// use fuserig::pipeline::{Daemon, Device};
    /// use fuserig::sim::Action;
    /// use fuserig_abi::{Caller, NodeId, Op, Request};
    ///
    /// /// Keeps a log beside the files that it serves.
    /// #[derive(Debug)]
    /// struct Logging;
    ///
    /// impl Daemon for Logging {
    ///     fn serve(&mut self, _: &Request, _: &mut Device<'_>) {}
    ///     fn forget(&mut self, _: NodeId, _: u64) {}
    ///     fn uses_mount(&mut self, op: Op, _: &Caller) -> Option<Action> {
    ///         (op == Op::Mkdir).then(|| Action::Mkdir { path: "log".into(), mode: 0o755 })
    ///     }
    /// }
    /// # let _ = Logging;
    /// ```
    fn uses_mount(&mut self, op: Op, caller: &Caller) -> Option<Action> {
        let _ = (op, caller);
        None
    }
}

/// What stands in for the server of a connection mounted with `no_daemon`: INIT never happens, so
/// a request fails at once with ECONNREFUSED, and a forced one is queued for ever (SEMANTICS 7.1,
/// KERNEL-OBSERVED N4). It answers nothing.
///
/// ```
/// use fuserig::kernel::MountOptions;
/// use fuserig::pipeline::NoDaemon;
///
/// assert!(MountOptions::default().no_daemon, "goes with {NoDaemon:?}");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDaemon;

impl Daemon for NoDaemon {
    fn serve(&mut self, _: &Request, _: &mut Device<'_>) {}

    fn forget(&mut self, _: NodeId, _: u64) {}
}
