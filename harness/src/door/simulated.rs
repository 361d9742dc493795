//! A fuser filesystem as the subject of a simulation.

use std::sync::{Arc, Mutex};

use fuser::Filesystem;
use fuserig_abi::{Abi, Fidelity, NodeId, Request, Timespec};

use super::log::Log;
use super::session::{self, Session};
use super::socket::{SocketDaemon, room};
use super::{MockError, MockOptions};
use crate::kernel::World;
use crate::pipeline::{Daemon, Device, Patience};
use crate::sim::Subject;

/// The filesystem that `make` makes, as what a [`Simulation`](crate::sim::Simulation) runs: every
/// run has a new one, in a session of its own on a pair of sockets, with the modelled kernel in
/// front of it.
///
/// It is what [`Subject::served_by`] makes of a [`Served`], and says there which invariants mean
/// something. The kernel does what was meant ([`Fidelity::Intended`]): the quirks of fuse-bpf
/// belong to filters. A filesystem that needs the permissions of callers checked before is for
/// [`Simulation::as_root`](crate::sim::Simulation::as_root); what one does not implement is left
/// out by [`Simulation::only`](crate::sim::Simulation::only).
///
/// Runs are repeatable as long as the filesystem does the same for the same requests: times, random
/// numbers and notifications from threads of its own are not.
///
/// # Panics
/// In a run, when sockets or threads cannot be had.
///
/// ```
/// use fuserig::door;
/// use fuserig::prelude::*;
///
/// /// It has no file, and says so; names longer than any it could have are refused for that.
/// struct Empty;
/// impl fuser::Filesystem for Empty {
///     fn lookup(
///         &self,
///         _: &fuser::Request,
///         _: fuser::INodeNo,
///         name: &std::ffi::OsStr,
///         reply: fuser::ReplyEntry,
///     ) {
///         let is_long = name.len() > 255;
///         reply.error(if is_long { fuser::Errno::ENAMETOOLONG } else { fuser::Errno::ENOENT });
///     }
/// }
///
/// Simulation::new(Seed(1)).as_root().operations(10).runs(4)
///     .only(|action| matches!(action, Action::Unlink { .. } | Action::Readlink { .. }))
///     .run(door::filesystem(|| Empty))
///     .check(invariant::errno_envelope())
///     .check(invariant::agrees_with(&Subject::without_filter(Abi::V4)))
///     .or_report();
/// ```
pub fn filesystem<F: Filesystem>(make: impl Fn() -> F + 'static) -> Subject {
    filesystem_with(&MockOptions::default(), make)
}

/// As [`filesystem`], served as the options say.
///
/// # Panics
/// As [`filesystem`].
pub fn filesystem_with<F: Filesystem>(
    options: &MockOptions,
    make: impl Fn() -> F + 'static,
) -> Subject {
    let options = *options;
    Subject::without_filter(Abi::V4)
        .fidelity(Fidelity::Intended)
        .served_by(move || Served::start(make(), &options).expect("a machine has sockets"))
}

/// A fuser filesystem as a [`Daemon`]: requests travel over a pair of sockets to its session, which
/// ends with the value.
///
/// ```
/// use fuserig::door::{MockOptions, Served};
/// use fuserig::pipeline::Daemon;
/// struct Nothing;
/// impl fuser::Filesystem for Nothing {}
/// let mut served = Served::start(Nothing, &MockOptions::default())?;
/// served.forget(fuserig_abi::NodeId(2), 1);
/// # Ok::<(), fuserig::door::MockError>(())
/// ```
pub struct Served {
    daemon: SocketDaemon,
    session: Option<Session>,
    /// A request that was served apart stayed without an answer, so that a callback may never
    /// return.
    is_silent: bool,
}

impl Served {
    /// Starts the session; INIT comes with the first mount.
    ///
    /// # Errors
    /// When sockets or threads cannot be had.
    pub fn start<F: Filesystem>(filesystem: F, options: &MockOptions) -> Result<Served, MockError> {
        let (session, ours) = Session::start(filesystem, options)?;
        let socket = session::patient(ours, options)?;
        let log = Arc::new(Mutex::new(Log::default()));
        let daemon = SocketDaemon::new(socket, log, options);
        Ok(Served { daemon, session: Some(session), is_silent: false })
    }
}

impl core::fmt::Debug for Served {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Served").finish_non_exhaustive()
    }
}

impl Daemon for Served {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        self.daemon.serve(request, device);
        self.is_silent |= !device.is_settled();
    }

    fn forget(&mut self, nodeid: NodeId, nlookup: u64) {
        self.daemon.forget(nodeid, nlookup);
    }

    fn takes(&mut self, request: &Request, now: Timespec) -> bool {
        self.daemon.takes(request, now)
    }

    fn receive(&mut self, world: &mut World, patience: Patience) -> Option<Vec<u8>> {
        self.daemon.receive(world, patience)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.is_silent || self.daemon.is_owed() {
            // Its thread is left to itself: who waits for it may wait for ever.
            return;
        }
        // How it ends changes no run that is over.
        let _ = session::end(self.session.take(), self.daemon.socket(), &mut room());
    }
}
