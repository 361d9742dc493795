//! What the clients of one run stand on: the kernel that they call, and what is behind it.
//!
//! Most often that is one world, whose kernel has the filter. Of a mounted subject there are two:
//! an ordinary kernel in front, and behind its daemon the world of a server, which has the filter
//! and the filesystem. It refuses to move anybody. What a reader would get wrong: faults, events
//! and crashes are those of the world that has the filter; what is left in the end is that of both.

use std::cell::RefCell;
use std::rc::Rc;

use fuserig_abi::{Pid, Quirk, Timespec};
use fuserig_filters::Filter;
use fuserig_sim_fs::{MemFs, MemFsOptions};

use super::coverage::{Counter, Tally};
use super::footprint::WatchedDaemon;
use super::{Balance, Case, SetupError, SharedFs, Subject};
use crate::fault::{Armed, FaultyDaemon, FaultyLower};
use crate::kernel::{MountOptions, World, WorldConfig};
use crate::pipeline::{DAEMON, Daemon, NullSink, SeeingSink, SeenCalls, Sink};
use crate::serve::{InProcess, Server, ServerConfig};
use crate::vfs::{Call, Vfs, VfsConfig};

/// Who looks on: the faults, what was reached, and the calls of filters in words.
pub(super) type Watching<'a> =
    (&'a Rc<RefCell<Armed>>, &'a Rc<RefCell<Tally>>, Option<&'a SeenCalls>);

/// How long the kernel in front may go by what it was told. Runs last for tenths of a second, and
/// so they meet names that are known as well as names that are asked about again.
const VALID: Timespec = Timespec { sec: 0, nsec: 20_000_000 };

/// The stage of one run.
#[derive(Debug)]
pub(super) struct Stage {
    /// The kernel that clients call.
    pub(super) vfs: Vfs,
    /// The server behind it, which has the filter.
    behind: Option<InProcess>,
    /// Whether names that nobody uses stay, as an ordinary mount keeps them.
    keeps_names: bool,
}

/// The client as the VFS knows it.
pub(super) fn pid_of(client: usize) -> Pid {
    Pid(u32::try_from(client).expect("a handful of clients") + 1)
}

impl Stage {
    /// Everything as it is before the first call.
    pub(super) fn set_up(
        subject: &Subject,
        case: &Case,
        shared: &SharedFs,
        filter: Option<Box<dyn Filter>>,
        watching: Watching<'_>,
    ) -> Result<Stage, SetupError> {
        let mut world = filtered(subject, case, shared, filter, watching)?;
        let mut behind = None;
        let is_mounted = subject.mounted || case.mounted;
        if subject.served {
            if world.connection.refuses {
                return Err(SetupError::Refused);
            }
            // Without a backing inode every operation takes the ordinary path to the daemon.
            world.attach_root(false, None);
        } else if is_mounted {
            let config =
                ServerConfig { entry_valid: VALID, attr_valid: VALID, ..ServerConfig::default() };
            let daemon = InProcess::new(Server::new(world, config));
            world = in_front_of(subject, &daemon)?;
            behind = Some(daemon);
        }
        let vfs = Vfs::new(world, &VfsConfig::default());
        for (client, program) in case.clients.iter().enumerate() {
            vfs.add_client(pid_of(client), program.credentials(), 0o022);
        }
        Ok(Stage { vfs, behind, keeps_names: subject.served || is_mounted })
    }

    /// Does something with the world that has the filter.
    pub(super) fn of_filter<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        match &self.behind {
            Some(behind) => change(behind.server_mut().world_mut()),
            None => change(&mut self.vfs.world_mut()),
        }
    }

    /// How a modelled kernel crashed, if one did.
    pub(super) fn crashed(&self) -> Option<Quirk> {
        let behind = self.behind.as_ref().and_then(|behind| behind.server().world().crashed);
        behind.or(self.vfs.world().crashed)
    }

    /// Every client closes everything and goes; what is left then, nobody will ever free.
    pub(super) fn leave(&self, case: &Case) -> Balance {
        let vfs = &self.vfs;
        for client in 0..case.clients.len() {
            if vfs.has_client(pid_of(client)) {
                vfs.call(pid_of(client), &Call::Exit);
            }
        }
        if vfs.has_client(DAEMON) {
            vfs.call(DAEMON, &Call::Exit);
        }
        if self.keeps_names {
            // An ordinary mount keeps names that nobody uses, until memory is short.
            let mount = &mut vfs.world_mut().mount;
            mount.shrink(mount.root);
        }
        vfs.world_mut().settle_evictions();
        let in_front = left_in(&vfs.world());
        let Some(behind) = &self.behind else { return in_front };
        let server = behind.server();
        let left = left_in(server.world());
        Balance {
            handles: in_front.handles + left.handles,
            dentries: in_front.dentries + left.dentries,
            inodes: in_front.inodes + left.inodes,
            overdrawn: server.overdrawn(),
            leaks: left.leaks,
        }
    }
}

/// What one world has besides its root.
fn left_in(world: &World) -> Balance {
    Balance {
        handles: world.mount.handles.len(),
        dentries: world.mount.dentries.len() - 1,
        inodes: world.mount.inodes.len() - 1,
        overdrawn: 0,
        leaks: world.mount.leaks,
    }
}

/// The world that has the filter, over the filesystem of the run.
fn filtered(
    subject: &Subject,
    case: &Case,
    shared: &SharedFs,
    filter: Option<Box<dyn Filter>>,
    (armed, tally, seen): Watching<'_>,
) -> Result<World, SetupError> {
    let config = WorldConfig {
        abi: case.abi,
        fidelity: case.fidelity,
        options: MountOptions {
            allow_other: true,
            // A daemon that has the whole filesystem says itself which locks it wants.
            local_locks: !subject.served,
            no_daemon: !subject.has_daemon,
            ..if subject.served { MountOptions::ordinary() } else { MountOptions::default() }
        },
        ..WorldConfig::default()
    };
    let lower = (subject.lower)(Box::new(shared.clone()));
    let lower = Box::new(FaultyLower::new(lower, Rc::clone(armed)));
    let daemon = FaultyDaemon::new((subject.daemon)(), Rc::clone(armed));
    let daemon = Box::new(if subject.stands_in { daemon.at_most_failing() } else { daemon });
    let counter = Counter(Rc::clone(tally));
    let sink: Box<dyn Sink> = match seen {
        Some(seen) => Box::new(SeeingSink { inner: counter, abi: case.abi, seen: seen.clone() }),
        None => Box::new(counter),
    };
    World::new(&config, lower, filter, daemon, sink).map_err(SetupError::Mount)
}

/// The ordinary kernel in front of a server, mounted as `fuserig mount` mounts. The quirks of
/// fuse-bpf are those of the world behind.
fn in_front_of(subject: &Subject, server: &InProcess) -> Result<World, SetupError> {
    let options =
        MountOptions { local_locks: true, default_permissions: true, ..MountOptions::ordinary() };
    let config =
        WorldConfig { options, fidelity: fuserig_abi::Fidelity::Intended, ..Default::default() };
    let daemon: Box<dyn Daemon> = match &subject.footprint {
        None => Box::new(server.clone()),
        // What one request changes in the server any other may see.
        Some(footprint) => Box::new(WatchedDaemon {
            inner: Box::new(server.clone()),
            footprint: footprint.clone(),
        }),
    };
    let unused = Box::new(MemFs::new(MemFsOptions::default()));
    let mut world =
        World::new(&config, unused, None, daemon, Box::new(NullSink)).map_err(SetupError::Mount)?;
    world.attach_root(false, None);
    world.mount.numbered_below = true;
    Ok(world)
}
