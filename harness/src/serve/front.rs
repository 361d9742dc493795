//! The kernel that clients call, and the world that has the filter: one and the same, or an
//! ordinary kernel in front of a server, as a mount is.
//!
//! It refuses to know who the clients are. What a reader would get wrong: faults, events and
//! crashes of fuse-bpf are those of the world that has the filter, wherever that stands.

use std::cell::Ref;

use fuserig_abi::{Errno, Fidelity, Quirk, Timespec};
use fuserig_sim_fs::{MemFs, MemFsOptions};

use super::in_process::InProcess;
use super::server::{Server, ServerConfig};
use crate::kernel::{MountOptions, World, WorldConfig};
use crate::pipeline::{Daemon, NullSink};
use crate::vfs::{Vfs, VfsConfig};

/// How long the kernel in front may go by what it was told. Runs last for tenths of a second, and
/// so they meet names that are known as well as names that are asked about again.
const VALID: Timespec = Timespec { sec: 0, nsec: 20_000_000 };

/// What clients stand on.
#[derive(Debug)]
pub(crate) struct Front {
    /// The kernel that clients call.
    pub(crate) vfs: Vfs,
    /// The server behind it, which has the filter then.
    behind: Option<InProcess>,
}

impl Front {
    /// Clients call the kernel that has the filter.
    pub(crate) fn alone(world: World) -> Front {
        Front { vfs: Vfs::new(world, &VfsConfig::default()), behind: None }
    }

    /// Clients call an ordinary kernel, mounted as `fuserig mount` mounts, and the world that has
    /// the filter is that of its server. `watched` may look on while the two talk.
    ///
    /// # Errors
    /// What a mount of the kernel in front fails with.
    pub(crate) fn served(
        world: World,
        watched: impl FnOnce(Box<dyn Daemon>) -> Box<dyn Daemon>,
    ) -> Result<Front, Errno> {
        let valid = ServerConfig { entry_valid: VALID, attr_valid: VALID, ..Default::default() };
        let server = InProcess::new(Server::new(world, valid));
        let options = MountOptions {
            local_locks: true,
            default_permissions: true,
            ..MountOptions::ordinary()
        };
        // The quirks of fuse-bpf are those of the world behind.
        let fidelity = Fidelity::Intended;
        let config = WorldConfig { options, fidelity, ..WorldConfig::default() };
        let unused = Box::new(MemFs::new(MemFsOptions::default()));
        let daemon = watched(Box::new(server.clone()));
        let mut ordinary = World::new(&config, unused, None, daemon, Box::new(NullSink))?;
        ordinary.attach_root(false, None);
        ordinary.mount.numbered_below = true;
        Ok(Front { behind: Some(server), ..Front::alone(ordinary) })
    }

    /// Does something with the world that has the filter.
    pub(crate) fn of_filter<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        match &self.behind {
            Some(behind) => change(behind.server_mut().world_mut()),
            None => change(&mut self.vfs.world_mut()),
        }
    }

    /// The server that the kernel in front asks, if there is one, for looking.
    pub(crate) fn server(&self) -> Option<Ref<'_, Server>> {
        self.behind.as_ref().map(InProcess::server)
    }

    /// How a modelled kernel crashed, if one did.
    pub(crate) fn crashed(&self) -> Option<Quirk> {
        let behind = self.server().and_then(|server| server.world().crashed);
        behind.or(self.vfs.world().crashed)
    }
}
