//! The door to the VFS model: clients in, system calls in, results out.

use core::cell::{Ref, RefCell, RefMut};

use fuserig_abi::{Credentials, Errno, Pid, Timespec};

use super::state::State;
use super::{Call, CallResult, task};
use crate::kernel::World;
use crate::pipeline::Stop;

/// How the VFS stands around the mount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VfsConfig {
    /// Where the mount is, for absolute symlink targets; every other path counts from the root of
    /// the mount. Empty means the mount is the whole tree.
    pub mount_point: Vec<u8>,
}

/// System calls of several clients over one mount.
#[derive(Debug)]
pub struct Vfs {
    pub(super) state: RefCell<State>,
}

impl Vfs {
    /// A VFS over `world`, without clients.
    pub fn new(world: World, config: &VfsConfig) -> Vfs {
        Vfs { state: RefCell::new(State::new(world, &config.mount_point)) }
    }

    /// Adds a client at the root of the mount. A pid that exists already is replaced only after
    /// it exited.
    ///
    /// # Panics
    /// When the client exists: who adds clients knows them.
    pub fn add_client(&self, pid: Pid, credentials: Credentials, umask: u32) {
        let mut state = self.state.borrow_mut();
        assert!(!state.clients.contains_key(&pid), "client {pid} exists already");
        state.add_client(pid, credentials, umask);
    }

    /// Whether the client exists.
    pub fn has_client(&self, pid: Pid) -> bool {
        self.state.borrow().clients.contains_key(&pid)
    }

    /// The clients that exist, in order of their pid.
    pub fn clients(&self) -> Vec<Pid> {
        self.state.borrow().clients.keys().copied().collect()
    }

    /// Performs one system call to its end.
    pub fn call(&self, pid: Pid, call: &Call) -> CallResult {
        if !self.has_client(pid) {
            return CallResult::from(Errno::ESRCH);
        }
        task::run(self.perform_call(pid, call))
    }

    /// How the client's last system call stopped the modelled kernel, when it never returned.
    pub fn stopped(&self, pid: Pid) -> Option<Stop> {
        self.state.borrow().stopped.get(&pid).copied()
    }

    /// The world below, for looking.
    pub fn world(&self) -> Ref<'_, World> {
        Ref::map(self.state.borrow(), |state| &state.world)
    }

    /// The world below, for changing what is around the mount.
    pub fn world_mut(&self) -> RefMut<'_, World> {
        RefMut::map(self.state.borrow_mut(), |state| &mut state.world)
    }

    /// Moves the virtual clock; it never goes back.
    pub fn advance_to(&self, instant: Timespec) {
        let mut state = self.state.borrow_mut();
        state.world.now = state.world.now.max(instant);
    }

    /// Takes the world out again. Open files stay open.
    pub fn into_world(self) -> World {
        self.state.into_inner().world
    }
}
