//! The door to the VFS model: clients in, system calls in, results out.

use core::cell::{Cell, Ref, RefCell, RefMut};
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use fuserig_abi::{Credentials, Errno, Ino, Pid, Timespec};
use fuserig_sim_fs::OpenFlags;

use super::errand::Errand;
use super::state::{FileKindOpen, State};
use super::task::Point;
use super::{Call, CallResult};
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
    /// Where the call that gave way last stands.
    pub(super) point: Cell<Point>,
    /// Whether no other client can move meanwhile.
    pub(super) alone: Cell<bool>,
    /// The request of the call that moves now, between the call and its task.
    pub(super) on_its_way: RefCell<Option<Box<Errand>>>,
}

impl Vfs {
    /// A VFS over `world`, without clients.
    pub fn new(world: World, config: &VfsConfig) -> Vfs {
        Vfs {
            state: RefCell::new(State::new(world, &config.mount_point)),
            point: Cell::new(Point::Start),
            alone: Cell::new(false),
            on_its_way: RefCell::new(None),
        }
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

    /// Performs one system call to its end, while no other client moves. A call that needs a lock
    /// of a client that hangs, hangs as well.
    pub fn call(&self, pid: Pid, call: &Call) -> CallResult {
        if !self.has_client(pid) {
            return CallResult::from(Errno::ESRCH);
        }
        let mut task = pin!(self.perform_call(pid, call));
        let mut context = Context::from_waker(Waker::noop());
        let before = self.alone.replace(true);
        let result = loop {
            match task.as_mut().poll(&mut context) {
                Poll::Ready(result) => break result,
                Poll::Pending if self.is_blocked(pid) => break self.hang_with_holder(pid),
                Poll::Pending => {}
            }
        };
        self.alone.set(before);
        result
    }

    /// How the client's last system call stopped the modelled kernel, when it never returned.
    pub fn stopped(&self, pid: Pid) -> Option<Stop> {
        self.state.borrow().stopped.get(&pid).copied()
    }

    /// The first request that was made without a lock that Linux holds around it, in a sentence;
    /// once.
    pub(crate) fn take_unheld(&self) -> Option<String> {
        self.state.borrow_mut().unheld.take()
    }

    /// The lower inode behind a descriptor of the client.
    pub fn lower_inode(&self, pid: Pid, fd: i32) -> Option<Ino> {
        let state = self.state.borrow();
        let (handle, _) = state.handle(pid, fd).ok()?;
        state.world.mount.lower_of(state.world.mount.handles[handle].inode)
    }

    /// The flags of an open file, as its handle keeps them.
    pub fn open_flags(&self, pid: Pid, fd: i32) -> Option<OpenFlags> {
        let state = self.state.borrow();
        let (handle, _) = state.handle(pid, fd).ok()?;
        Some(state.world.mount.handles[handle].flags)
    }

    /// The position of an open file, as the next call without an offset takes it.
    pub fn position(&self, pid: Pid, fd: i32) -> Option<i64> {
        let state = self.state.borrow();
        let (handle, _) = state.handle(pid, fd).ok()?;
        Some(state.world.mount.handles[handle].position)
    }

    /// Where the paths of a client begin.
    pub(crate) fn working_directory(&self, pid: Pid) -> Option<Ino> {
        let state = self.state.borrow();
        let inode = state.world.mount.inode_of(state.cwd(pid));
        state.world.mount.lower_of(inode)
    }

    /// Who a client is, and the bits that it creates nothing with.
    pub(crate) fn standing(&self, pid: Pid) -> (Credentials, u32) {
        let state = self.state.borrow();
        (state.client(pid).credentials.clone(), state.umask(pid))
    }

    /// Whether a descriptor is open, on whatever it is.
    pub(crate) fn is_open(&self, pid: Pid, fd: i32) -> bool {
        let state = self.state.borrow();
        state.clients.contains_key(&pid) && state.file(pid, fd).is_ok()
    }

    /// The descriptors that a client has open, in order.
    pub(crate) fn descriptors(&self, pid: Pid) -> Vec<i32> {
        let state = self.state.borrow();
        let Some(client) = state.clients.get(&pid) else { return Vec::new() };
        state.tables[client.table].slots.keys().copied().collect()
    }

    /// Whether a descriptor is open on a fifo or a device, whose data no filesystem carries.
    pub fn is_special(&self, pid: Pid, fd: i32) -> bool {
        let state = self.state.borrow();
        state.clients.contains_key(&pid)
            && state.file(pid, fd).is_ok_and(|file| matches!(file.kind, FileKindOpen::Special))
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
