//! The server: state, dispatch, and how an operation is taken through the pipeline.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;

use fuserig_abi::{Caller, Capabilities, Credentials, Errno, FuseOpenOut, NodeId, Stat, Timespec};
use fuserig_sim_fs::{AtimePolicy, LowerExt};

use super::incoming::{Head, Incoming};
use super::nodes::Nodes;
use super::outgoing::Outgoing;
use crate::kernel::{DentryId, HandleId, World};
use crate::pipeline::{Operation, Outcome, Progress, Run, Value};

/// How a server answers where that is a choice.
///
/// ```
/// use fuserig::serve::ServerConfig;
/// assert_eq!(ServerConfig::default().attr_valid, fuserig_abi::Timespec::from_secs(1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// How long the client may keep a name without asking.
    pub entry_valid: Timespec,
    /// How long the client may keep attributes without asking.
    pub attr_valid: Timespec,
    /// What tells this server's numbers from those that another one gave at the same mount point.
    pub generation: u64,
    /// What the server may do below; the caller's user and group replace its own.
    pub credentials: Credentials,
    /// Whether every operation bears the caller's user and group, or only those that make a node
    /// (which it will own). The latter saves a host directory many changes of identity.
    pub as_caller: bool,
    /// `FOPEN_*` marks of the reply to OPEN and CREATE.
    pub open_flags: u32,
    /// `FOPEN_*` marks of the reply to OPENDIR.
    pub opendir_flags: u32,
}

impl Default for ServerConfig {
    fn default() -> ServerConfig {
        ServerConfig {
            entry_valid: Timespec::from_secs(1),
            attr_valid: Timespec::from_secs(1),
            credentials: Credentials::root(),
            as_caller: true,
            generation: 0,
            open_flags: 0,
            opendir_flags: 0,
        }
    }
}

/// The fuse-bpf kernel, the filter and the lower filesystem below one FUSE client.
///
/// ```
/// use fuserig::kernel::{World, WorldConfig};
/// use fuserig::pipeline::{NoDaemon, NullSink};
/// use fuserig::serve::{Head, Incoming, Outgoing, Server, ServerConfig};
/// use fuserig_abi::Timespec;
/// use fuserig_sim_fs::MemFs;
///
/// let lower = Box::new(MemFs::from_tree("/notes.txt 'hi'").unwrap());
/// let config = WorldConfig::default();
/// let world = World::new(&config, lower, None, Box::new(NoDaemon), Box::new(NullSink)).unwrap();
/// let mut server = Server::new(world, ServerConfig::default());
/// let lookup = Incoming::Lookup { name: b"notes.txt".to_vec() };
/// let reply = server.handle(&Head::default(), lookup, Timespec::from_secs(5));
/// let Outgoing::Entry(entry) = reply else { panic!("{reply:?}") };
/// assert_eq!((entry.nodeid, entry.attr.size), (2, 2));
/// ```
#[derive(Debug)]
pub struct Server {
    pub(super) world: World,
    pub(super) nodes: Nodes,
    pub(super) config: ServerConfig,
    files: BTreeMap<u64, HandleId>,
    /// Processes by the owner that the client made of them, for those that had a byte range lock.
    pub(super) lock_owners: BTreeMap<u64, u32>,
    next_fh: u64,
    /// A node whose mode the last request changed without the client being told.
    pub(super) stale: Option<NodeId>,
    /// The last operation, whose room the next one uses again.
    spare: Option<Run>,
    /// Attributes that the last operation read below, when it was a lookup.
    pub(super) found: Option<Stat>,
}

impl Server {
    /// A server over a world, whose root becomes node 1.
    pub fn new(mut world: World, config: ServerConfig) -> Server {
        let nodes = Nodes::new(&mut world.mount);
        let (files, lock_owners) = (BTreeMap::new(), BTreeMap::new());
        let (stale, spare, found) = (None, None, None);
        Server { world, nodes, config, files, lock_owners, next_fh: 1, stale, spare, found }
    }

    /// Answers one request at the instant `now`, completely.
    pub fn handle(&mut self, head: &Head, incoming: Incoming, now: Timespec) -> Outgoing {
        self.world.now = now;
        let answer = match self.dispatch(head, incoming) {
            Ok(outgoing) => outgoing,
            Err(errno) => Outgoing::Error(errno),
        };
        self.world.settle_evictions();
        answer
    }

    /// Nodes the client holds and files it has open.
    pub fn held(&self) -> (usize, usize) {
        (self.nodes.len(), self.files.len())
    }

    /// Lookups that the client gave back and had never made: none of a client that counts right.
    pub fn overdrawn(&self) -> u64 {
        self.nodes.overdrawn()
    }

    /// The descriptor of this machine behind an open file, by the number the client has for it;
    /// none when the file is not open or the lower filesystem is not of this machine.
    pub fn host_file(&self, fh: u64) -> Option<BorrowedFd<'_>> {
        let handle = self.handle_of(fh).ok()?;
        let below = self.world.mount.handles[handle].backing?;
        self.world.lower.host_file(below)
    }

    /// The node whose attributes the last request changed although its reply has none; a door that
    /// can should tell the client (`FUSE_NOTIFY_INVAL_INODE`).
    pub fn take_stale(&mut self) -> Option<NodeId> {
        self.stale.take()
    }

    /// Which reads of files and which listings move access times from now on, where the lower
    /// filesystem can choose.
    pub fn keep_access_times(&mut self, files: AtimePolicy, directories: AtimePolicy) {
        self.world.lower.keep_access_times(files, directories);
    }

    /// The world below, for looking.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The world below, for changing what is around the mount.
    pub fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }

    /// Takes the world out again. What the client holds stays open.
    pub fn into_world(self) -> World {
        self.world
    }

    fn dispatch(&mut self, head: &Head, incoming: Incoming) -> Result<Outgoing, Errno> {
        match incoming {
            Incoming::Forget { nlookup } => {
                self.nodes.forget(&mut self.world.mount, head.nodeid, nlookup);
                Ok(Outgoing::Nothing)
            }
            Incoming::BatchForget { nodes } => {
                for (nodeid, nlookup) in nodes {
                    self.nodes.forget(&mut self.world.mount, nodeid, nlookup);
                }
                Ok(Outgoing::Nothing)
            }
            Incoming::Interrupt { .. } => Ok(Outgoing::Nothing),
            Incoming::Destroy => Ok(Outgoing::Done),
            Incoming::Init { .. } | Incoming::Other { .. } => Err(Errno::ENOSYS),
            Incoming::Getlk { .. } | Incoming::Setlk { .. } | Incoming::Setlkw { .. } => {
                self.about_a_lock(head, &incoming)
            }
            Incoming::Lookup { .. }
            | Incoming::Symlink { .. }
            | Incoming::Mknod { .. }
            | Incoming::Mkdir { .. }
            | Incoming::Unlink { .. }
            | Incoming::Rmdir { .. }
            | Incoming::Rename { .. }
            | Incoming::Link { .. }
            | Incoming::Create { .. } => self.about_a_name(head, incoming),
            Incoming::Getattr { .. }
            | Incoming::Setattr { .. }
            | Incoming::Readlink
            | Incoming::Statfs
            | Incoming::Setxattr { .. }
            | Incoming::Getxattr { .. }
            | Incoming::Listxattr { .. }
            | Incoming::Removexattr { .. }
            | Incoming::Access { .. } => self.about_a_node(head, incoming),
            Incoming::Open { .. }
            | Incoming::Opendir { .. }
            | Incoming::Read { .. }
            | Incoming::Write { .. }
            | Incoming::Release { .. }
            | Incoming::Releasedir { .. }
            | Incoming::Fsync { .. }
            | Incoming::Fsyncdir { .. }
            | Incoming::Flush { .. }
            | Incoming::Readdir { .. }
            | Incoming::Readdirplus { .. }
            | Incoming::Fallocate { .. }
            | Incoming::Lseek { .. }
            | Incoming::CopyFileRange { .. } => self.about_a_file(head, incoming),
        }
    }

    /// Takes one operation through the pipeline, for a caller that owns what it makes.
    pub(super) fn make(
        &mut self,
        head: &Head,
        umask: u32,
        operation: Operation,
    ) -> Result<Outcome, Errno> {
        let caller = self.caller(head, true);
        self.run(caller, umask, operation)
    }

    /// Takes one operation through the pipeline. An error of the outcome is the caller's to read,
    /// because a listing may come with one.
    pub(super) fn operate(
        &mut self,
        head: &Head,
        umask: u32,
        operation: Operation,
    ) -> Result<Outcome, Errno> {
        let caller = self.caller(head, self.config.as_caller);
        self.run(caller, umask, operation)
    }

    /// As [`Server::operate`], for operations whose outcome is an error or a value.
    pub(super) fn settle(&mut self, head: &Head, operation: Operation) -> Result<Outcome, Errno> {
        checked(self.operate(head, 0, operation)?)
    }

    pub(super) fn run(
        &mut self,
        caller: Caller,
        umask: u32,
        operation: Operation,
    ) -> Result<Outcome, Errno> {
        if self.world.crashed.is_some() {
            return Err(Errno::EIO);
        }
        let run = match &mut self.spare {
            Some(run) => {
                let who = (&caller.credentials, caller.pid);
                run.renew(&mut self.world, operation, who, umask);
                run
            }
            spare => spare.insert(Run::new(&mut self.world, operation, caller, umask)),
        };
        while run.step(&mut self.world) == Progress::Running {}
        self.found = run.found();
        let outcome = run.take_outcome();
        match outcome.stop {
            // A caller that hangs for ever would keep the mount; the trace says what happened.
            Some(_) => Err(Errno::EIO),
            None if outcome.handled => Ok(outcome),
            // The filter left it to a userspace server, and there is none (SEMANTICS 7.1).
            None => Err(Errno::ECONNREFUSED),
        }
    }

    pub(super) fn caller(&self, head: &Head, as_caller: bool) -> Caller {
        let mut credentials = self.config.credentials.clone();
        if as_caller {
            (credentials.uid, credentials.gid) = (head.uid, head.gid);
        }
        Caller::new(credentials, head.pid, self.world.now)
    }

    /// The caller without the right to keep setuid and setgid: it loses them.
    pub(super) fn losing_caller(&self, head: &Head) -> Caller {
        // As nobody but the caller, whose group decides about setgid.
        let mut caller = self.caller(head, true);
        caller.credentials.capabilities.remove(Capabilities::FSETID);
        caller
    }

    /// The attributes that a new entry shows: those of the lower inode, as the FUSE inode takes
    /// them over. A filter sees GETATTR only when somebody asks for attributes.
    pub(super) fn attributes(&mut self, dentry: DentryId) -> Result<Stat, Errno> {
        let inode = self.world.mount.inode_of(dentry);
        let node = self.world.mount.inodes[inode].backing.ok_or(Errno::EIO)?;
        let kernel =
            Caller::new(self.config.credentials.clone(), fuserig_abi::Pid(0), self.world.now);
        self.world.lower.getattr(&kernel, node)
    }

    /// The handle behind a number; `EBADF` when it names none.
    pub(super) fn handle_of(&self, fh: u64) -> Result<HandleId, Errno> {
        self.files.get(&fh).copied().ok_or(Errno::EBADF)
    }

    /// Mints a number for a handle.
    pub(super) fn install(&mut self, handle: HandleId, open_flags: u32) -> FuseOpenOut {
        let fh = self.next_fh;
        self.next_fh += 1;
        self.files.insert(fh, handle);
        FuseOpenOut { fh, open_flags, backing_id: 0 }
    }

    /// Takes a number back.
    pub(super) fn uninstall(&mut self, fh: u64) -> Result<HandleId, Errno> {
        self.files.remove(&fh).ok_or(Errno::EBADF)
    }

    /// A name of a node.
    pub(super) fn dentry_of(&self, nodeid: NodeId) -> Result<DentryId, Errno> {
        self.nodes.dentry(nodeid)
    }
}

/// A negative code as an errno.
pub(super) fn errno(code: i64) -> Errno {
    i32::try_from(code).map_or(Errno::EIO, |code| Errno(code.wrapping_neg()))
}

/// An outcome without error; codes are in two places (SEMANTICS 2.4).
pub(super) fn checked(outcome: Outcome) -> Result<Outcome, Errno> {
    match (outcome.error, &outcome.value) {
        (code @ ..0, _) => Err(errno(code)),
        (_, Value::Number(code @ ..0)) => Err(errno(*code)),
        _ => Ok(outcome),
    }
}
