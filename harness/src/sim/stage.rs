//! What the clients of one run stand on: the world that has the filter, and a front for clients.
//!
//! It refuses to move anybody. What a reader would get wrong: of a mounted subject there are two
//! worlds, and what is left in the end is that of both.

use std::cell::RefCell;
use std::rc::Rc;

use fuserig_abi::Pid;
use fuserig_filters::Filter;

use super::coverage::{Counter, Tally};
use super::footprint::WatchedDaemon;
use super::{Balance, Case, SetupError, SharedFs, Subject};
use crate::fault::{Armed, FaultyDaemon, FaultyLower};
use crate::kernel::{MountOptions, World, WorldConfig};
use crate::pipeline::{DAEMON, Daemon, SeeingSink, SeenCalls, Sink};
use crate::serve::Front;
use crate::vfs::Call;

/// Who looks on: the faults, what was reached, and the calls of filters in words.
pub(super) type Watching<'a> =
    (&'a Rc<RefCell<Armed>>, &'a Rc<RefCell<Tally>>, Option<&'a SeenCalls>);

/// The stage of one run.
#[derive(Debug)]
pub(super) struct Stage {
    /// The kernel that clients call, and the world that has the filter.
    pub(super) front: Front,
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
        let is_mounted = subject.mounted || case.mounted;
        let front = if subject.served {
            if world.connection.refuses {
                return Err(SetupError::Refused);
            }
            // Without a backing inode every operation takes the ordinary path to the daemon.
            world.attach_root(false, None);
            Front::alone(world)
        } else if is_mounted {
            let watched = |server| watched(subject, server);
            Front::served(world, watched).map_err(SetupError::Mount)?
        } else {
            Front::alone(world)
        };
        for (client, program) in case.clients.iter().enumerate() {
            front.vfs.add_client(pid_of(client), program.credentials(), 0o022);
        }
        Ok(Stage { front, keeps_names: subject.served || is_mounted })
    }

    /// Every client closes everything and goes; what is left then, nobody will ever free.
    pub(super) fn leave(&self) -> Balance {
        let vfs = &self.front.vfs;
        // Children are younger than those who wait for them, and go first.
        for pid in vfs.clients().into_iter().rev().filter(|pid| *pid != DAEMON) {
            vfs.call(pid, &Call::Exit);
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
        let Some(server) = self.front.server() else { return in_front };
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

/// The daemon of the kernel in front. What one request changes in it any other may see.
fn watched(subject: &Subject, inner: Box<dyn Daemon>) -> Box<dyn Daemon> {
    match &subject.footprint {
        None => inner,
        Some(footprint) => Box::new(WatchedDaemon { inner, footprint: footprint.clone() }),
    }
}
