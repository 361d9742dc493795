//! Everything one simulation owns: the lower filesystem, the mount, filters, daemon and clock.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_abi::{
    Abi, AbiTable, AllocFailures, Caller, Credentials, Errno, Fidelity, Ino, Pid, Quirk, Stat,
    Timespec,
};
use fuserig_filters::Filter;
use fuserig_sim_fs::{Lower, LowerExt, LowerOp, LowerReply};

use super::{Connection, Mount, MountOptions};
use crate::pipeline::{Daemon, Event, Sink, Step, What};

/// A registered filter. Minted when it is registered with a [`World`], never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilterId(pub u32);

/// Longest program name that mount options and entries take (`BPF_FUSE_NAME_MAX`).
const NAME_MEMBER: usize = fuserig_abi::BPF_FUSE_NAME_MAX as usize;

/// What a world is made from. Every choice is here, so that two runs differ only where this does.
#[derive(Debug)]
pub struct WorldConfig {
    /// The modelled ABI version.
    pub abi: Abi,
    /// Do what that version does, or what its author evidently meant.
    pub fidelity: Fidelity,
    /// Mount options.
    pub options: MountOptions,
    /// Instant at which the virtual clock starts.
    pub start: Timespec,
}

impl Default for WorldConfig {
    fn default() -> Self {
        WorldConfig {
            abi: Abi::V4,
            fidelity: Fidelity::Faithful,
            options: MountOptions::default(),
            start: Timespec::from_secs(1_700_000_000),
        }
    }
}

/// One simulation.
#[derive(Debug)]
pub struct World {
    /// The modelled ABI version.
    pub abi: Abi,
    /// Faithful or intended behaviour.
    pub fidelity: Fidelity,
    /// The op table of the ABI.
    pub table: &'static AbiTable,
    /// The filesystem below.
    pub lower: Box<dyn Lower>,
    /// The FUSE mount.
    pub mount: Mount,
    /// Registered filters, addressed by [`FilterId`].
    pub filters: Vec<Box<dyn Filter>>,
    /// The userspace server.
    pub daemon: Box<dyn Daemon>,
    /// What kernel and daemon agreed on.
    pub connection: Connection,
    /// Where events go.
    pub sink: Box<dyn Sink>,
    /// The virtual clock.
    pub now: Timespec,
    /// The first crash of the modelled kernel, after which nothing it does means anything.
    pub crashed: Option<Quirk>,
    /// Whether the lower filesystem can read past its page cache; tmpfs cannot, and is known by it.
    pub direct_io: bool,
    /// What lay in the directory page that was freed last: the next one is not zeroed (N8).
    pub stale_page: Vec<u8>,
    /// Descriptors on files outside the mount with the lower inode each stands for: those of the
    /// daemon, which its BACKING entries name, and those of clients, in whose table a filter's
    /// BACKING entry is looked up (BUF-11).
    pub outside: BTreeMap<(Pid, u64), Ino>,
    /// Descriptors on programs, which the entries of Android name.
    pub programs: BTreeMap<(Pid, u64), FilterId>,
    /// Lower files known to have been written to: they bear the kernel's mark that there are no
    /// privileges to take away (`S_NOSEC`), which a rename copies to the FUSE inode (N15).
    pub written: BTreeSet<Ino>,
    /// Lower inodes whose type a setattr wrote over, with the type bits they have now (N1).
    pub type_bits: BTreeMap<Ino, u32>,
    /// How many refused registrations keep what they took of their programs (REG-1).
    pub refused_kept: u64,
    /// Filters whose name was taken out of the registry.
    unregistered: BTreeSet<FilterId>,
    /// Which private allocations of later operations fail (row W10).
    pub alloc_failures: AllocFailures,
    /// How many private allocations of finished operations failed so, until somebody takes note.
    pub allocs_refused: u64,
    next_operation: u64,
    /// Whom the kernel's own calls are made for.
    kernel: Credentials,
}

impl World {
    /// A world whose root is the root of `lower`, with `filter` (if any) attached there.
    ///
    /// # Errors
    /// The lower filesystem's errno when its root has no attributes.
    pub fn new(
        config: &WorldConfig,
        mut lower: Box<dyn Lower>,
        filter: Option<Box<dyn Filter>>,
        daemon: Box<dyn Daemon>,
        sink: Box<dyn Sink>,
    ) -> Result<World, Errno> {
        let kernel = Caller::new(Credentials::root(), Pid(0), config.start);
        let root_ino = lower.root();
        let root = lower.getattr(&kernel, root_ino)?;
        let filters: Vec<Box<dyn Filter>> = filter.into_iter().collect();
        let id = (!filters.is_empty()).then_some(FilterId(0));
        let mut mount = Mount::new(config.options, &root, id);
        if config.fidelity == Fidelity::Faithful {
            mount.forget_root_attributes();
        }
        let mut world = World {
            abi: config.abi,
            fidelity: config.fidelity,
            table: AbiTable::of(config.abi),
            mount,
            lower,
            filters,
            daemon,
            connection: Connection::default(),
            sink,
            now: config.start,
            crashed: None,
            direct_io: true,
            stale_page: Vec::new(),
            outside: BTreeMap::new(),
            programs: BTreeMap::new(),
            written: BTreeSet::new(),
            type_bits: BTreeMap::new(),
            refused_kept: 0,
            unregistered: BTreeSet::new(),
            alloc_failures: AllocFailures::Never,
            allocs_refused: 0,
            next_operation: 0,
            kernel: kernel.credentials,
        };
        if !config.options.no_daemon {
            world.initialize();
        }
        Ok(world)
    }

    /// Registers a filter under its name (SEMANTICS 6.4): from then on mount options and entries
    /// find it.
    ///
    /// # Errors
    /// EINVAL for a name that is empty, longer than 14 characters (REG-4), or not of letters,
    /// digits, `_` and `.` (6.3), EEXIST for one that is registered already (REG-1).
    pub fn register(&mut self, filter: Box<dyn Filter>) -> Result<FilterId, Errno> {
        let name = filter.name().as_bytes();
        let longest = if self.faithful() { NAME_MEMBER - 1 } else { NAME_MEMBER };
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        if !(1..=longest).contains(&name.len()) || !name.iter().all(allowed) {
            if name.len() == NAME_MEMBER {
                self.note(Quirk::REG_4);
            }
            return Err(Errno::EINVAL);
        }
        if self.registered(name).is_some() {
            if self.faithful() {
                self.refused_kept += 1;
            }
            self.note(Quirk::REG_1);
            return Err(Errno::EEXIST);
        }
        let id = FilterId(u32::try_from(self.filters.len()).expect("few filters"));
        self.filters.push(filter);
        Ok(id)
    }

    /// Takes a name out of the registry. Inodes that use the filter keep it (REG-2).
    pub fn unregister(&mut self, filter: FilterId) {
        self.unregistered.insert(filter);
        if self.mount.inodes.iter().any(|(_, inode)| inode.filter == Some(filter)) {
            self.note(Quirk::REG_2);
        }
    }

    /// Says that a quirk outside any operation was stepped on, where the version has it.
    pub(super) fn note(&mut self, quirk: Quirk) {
        if self.faithful() && quirk.in_version(self.abi) && self.sink.wants_events() {
            let what = What::Quirk { quirk };
            self.emit(&Event { operation: 0, step: Step::Enter, what });
        }
    }

    /// The filter registered under a name, compared byte by byte (REG-3).
    pub fn registered(&self, name: &[u8]) -> Option<FilterId> {
        let ids = (0_u32..).map(FilterId);
        let mut known = ids.zip(&self.filters);
        known
            .find(|(id, filter)| {
                filter.name().as_bytes() == name && !self.unregistered.contains(id)
            })
            .map(|(id, _)| id)
    }

    /// Attaches root directory and filter as the mount options `root_dir` and `root_bpf` do; none
    /// takes the backing inode away from the root, so that the daemon serves it (7.1).
    pub fn attach_root(&mut self, backed: bool, filter: Option<FilterId>) {
        let root = self.mount.inode_of(self.mount.root);
        if backed {
            self.mount.inodes[root].filter = filter;
        } else {
            self.mount.unback_root();
        }
    }

    /// INIT. A daemon that does not answer it, or answers with an error, leaves the connection
    /// refusing.
    fn initialize(&mut self) {
        let caller = self.kernel_caller();
        let body = Connection::init_body();
        self.connection.refuses = false;
        let reply = crate::pipeline::initialize(self, &caller, body);
        self.connection.refuses = true;
        if let Some(body) = reply {
            self.connection.initialize(&body);
            self.mount.auto_inval_data = self.connection.auto_inval_data;
        }
    }

    /// Performs one operation on the lower filesystem.
    ///
    /// # Errors
    /// The errno of the lower filesystem.
    pub fn lower(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        self.lower.apply(caller, op)
    }

    /// Emits an event about the operation numbered `operation`.
    pub fn emit(&mut self, event: &Event<'_>) {
        self.sink.event(event);
    }

    /// The number of the next operation; numbers count up from 1.
    pub fn number_operation(&mut self) -> u64 {
        self.next_operation += 1;
        self.next_operation
    }

    /// The mode word of a lower inode, whose type bits may not be those it was made with (N1).
    pub fn lower_mode(&self, stat: &Stat) -> u32 {
        let kind = stat.kind.type_bits();
        self.type_bits.get(&stat.ino).copied().unwrap_or(kind) | stat.permissions
    }

    /// Whether the modelled kernel's own mistakes are to be made.
    pub fn faithful(&self) -> bool {
        self.fidelity == Fidelity::Faithful
    }

    /// Tells lower and daemon about inodes that went away: FORGET for those with a node id
    /// (FORGET-1), and the lower that a number is out of use.
    pub fn settle_evictions(&mut self) {
        if !self.mount.has_evicted() {
            return;
        }
        let kernel = self.kernel_caller();
        let mut evicted = self.mount.take_evicted();
        for evicted in evicted.drain(..) {
            if let Some(ino) = evicted.unused {
                // A number the lower no longer knows is exactly what forgetting asks for.
                let _ = self.lower.forget(&kernel, ino);
            }
            if evicted.nodeid.0 != 0 {
                let (nodeid, nlookup) = (evicted.nodeid, evicted.nlookup);
                if self.sink.wants_events() {
                    let step = Step::Result;
                    let what = What::Forget { nodeid, nlookup };
                    self.emit(&Event { operation: 0, step, what });
                    if evicted.backed && self.faithful() {
                        let what = What::Quirk { quirk: Quirk::FORGET_1 };
                        self.emit(&Event { operation: 0, step, what });
                    }
                }
                self.daemon.forget(nodeid, nlookup);
            }
        }
        self.mount.reuse_evicted(evicted);
    }

    /// The kernel itself as caller.
    pub fn kernel_caller(&self) -> Caller {
        Caller::new(self.kernel.clone(), Pid(0), self.now)
    }
}
