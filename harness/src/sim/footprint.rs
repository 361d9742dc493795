//! What a step touches: lower inodes and names, locks and dentries of the mount, the filter.
//!
//! The reduction of schedules is right only when two steps that do not meet can be swapped. So
//! everything shared is noted, and what is not known is taken for the worst: a call of a filter
//! touches all of the filter, because a native one may keep any state, unless it says what it
//! touched; BPF filters do, map value by map value. The buffers of a request belong to it alone
//! and are shared with nobody. What a reader would get wrong: reading is not harmless. A step that
//! reads and one that writes the same thing meet.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use fuserig_abi::{CallArgs, Caller, Errno, Ino, NodeId, Op, Request, Slot, Timespec};
use fuserig_filters::{Filter, FilterEnv, Mentions};
use fuserig_sim_fs::{Lower, LowerOp, LowerReply, OpenFlags};

use super::{Action, Subject};
use crate::kernel::{Key, World};
use crate::pipeline::{Daemon, Device, Patience};
use crate::vfs::Vfs;

/// Something shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thing {
    /// Contents, length, links and times of a lower inode; for a directory the set of its names.
    Inode(u64),
    /// Who may use a lower inode, and whether it is still there.
    Attr(u64),
    /// One name in a lower directory, by its hash.
    Name(u64, u64),
    /// The state of the filter, all of it.
    Filter,
    /// A cell of the filter's state, for a filter that says what its calls touch.
    Cell(u64),
    /// How much room there is.
    Space,
    /// The state of the daemon.
    Daemon,
    /// Whom the daemon serves while it uses its own mount.
    Turn,
    /// A lock of the mount.
    Lock(usize),
    /// What the mount remembers of a file.
    Mount(usize),
    /// A name that the mount may have in use, by its hash; 0 stands for all of them.
    Cached(u64),
}

/// The hash of a name; never 0.
pub(crate) fn name_hash(name: &[u8]) -> u64 {
    let mut mixer = super::Mixer::new(1);
    mixer.bytes(name);
    mixer.finish().max(1)
}

/// What one step read and changed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Touches {
    reads: Vec<Thing>,
    writes: Vec<Thing>,
}

impl Touches {
    /// Whether the order of the two can matter.
    pub(crate) fn meets(&self, other: &Touches) -> bool {
        let hits = |writes: &[Thing], things: &[Thing]| {
            writes.iter().any(|write| things.iter().any(|thing| overlap(*write, *thing)))
        };
        hits(&self.writes, &other.writes)
            || hits(&self.writes, &other.reads)
            || hits(&other.writes, &self.reads)
    }
}

fn overlap(one: Thing, other: Thing) -> bool {
    match (one, other) {
        (Thing::Cached(one), Thing::Cached(other)) => one == 0 || other == 0 || one == other,
        (Thing::Filter, Thing::Cell(_)) | (Thing::Cell(_), Thing::Filter) => true,
        _ => one == other,
    }
}

/// Where steps note what they touch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Footprint(Rc<RefCell<Touches>>);

impl Footprint {
    /// What clients do when they leave is no part of the run.
    pub(crate) fn forget_since(&self, before: Touches) {
        *self.0.borrow_mut() = before;
    }

    /// What was touched since the last time.
    pub(crate) fn take(&self) -> Touches {
        core::mem::take(&mut self.0.borrow_mut())
    }

    pub(crate) fn read(&self, thing: Thing) {
        let touches = &mut *self.0.borrow_mut();
        if !touches.reads.contains(&thing) {
            touches.reads.push(thing);
        }
    }

    pub(crate) fn write(&self, thing: Thing) {
        let touches = &mut *self.0.borrow_mut();
        if !touches.writes.contains(&thing) {
            touches.writes.push(thing);
        }
    }
}

impl Subject {
    /// The same, with everything shared noted.
    pub(crate) fn watched(&self, footprint: &Footprint) -> Subject {
        let mut watched = self.clone();
        let (make, notes) = (Rc::clone(&self.filter), footprint.clone());
        watched.filter = Rc::new(move || {
            let inner = make()?;
            Some(Box::new(WatchedFilter { inner, footprint: notes.clone() }))
        });
        let (wrap, notes) = (Rc::clone(&self.lower), footprint.clone());
        watched.lower = Rc::new(move |lower| {
            let inner = wrap(lower);
            let (footprint, handles, locked) = (notes.clone(), Vec::new(), Vec::new());
            Box::new(WatchedLower { inner, footprint, handles, locked })
        });
        let (make, notes) = (Rc::clone(&self.daemon), footprint.clone());
        watched.daemon =
            Rc::new(move || Box::new(WatchedDaemon { inner: make(), footprint: notes.clone() }));
        watched.footprint = Some(footprint.clone());
        watched
    }
}

#[derive(Debug)]
struct WatchedFilter {
    inner: Box<dyn Filter>,
    footprint: Footprint,
}

impl Filter for WatchedFilter {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn has(&self, slot: Slot) -> bool {
        self.inner.has(slot)
    }

    fn reached(&self) -> Vec<u64> {
        self.inner.reached()
    }

    fn mentions(&self) -> Mentions {
        self.inner.mentions()
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32 {
        env.watch();
        let code = self.inner.call(slot, args, env);
        match env.touches() {
            None => self.footprint.write(Thing::Filter),
            Some(touches) => {
                for touch in touches {
                    match touch.is_change {
                        true => self.footprint.write(Thing::Cell(touch.cell)),
                        false => self.footprint.read(Thing::Cell(touch.cell)),
                    }
                }
            }
        }
        code
    }
}

/// A daemon, all of whose state every request touches.
#[derive(Debug)]
pub(super) struct WatchedDaemon {
    pub(super) inner: Box<dyn Daemon>,
    pub(super) footprint: Footprint,
}

impl Daemon for WatchedDaemon {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        self.footprint.write(Thing::Daemon);
        self.inner.serve(request, device);
    }

    fn forget(&mut self, nodeid: NodeId, nlookup: u64) {
        self.footprint.write(Thing::Daemon);
        self.inner.forget(nodeid, nlookup);
    }

    fn takes(&mut self, request: &Request, now: Timespec) -> bool {
        self.footprint.write(Thing::Daemon);
        self.inner.takes(request, now)
    }

    // Whoever waits for it goes on in a step of its own.
    fn receive(&mut self, world: &mut World, patience: Patience) -> Option<Vec<u8>> {
        self.footprint.write(Thing::Daemon);
        self.inner.receive(world, patience)
    }

    fn uses_mount(&mut self, op: Op, caller: &Caller) -> Option<Action> {
        self.footprint.write(Thing::Daemon);
        self.inner.uses_mount(op, caller)
    }
}

#[derive(Debug)]
struct WatchedLower {
    inner: Box<dyn Lower>,
    footprint: Footprint,
    /// Which inode each open file stands for.
    handles: Vec<(u64, u64)>,
    /// Those that were locked as a whole, once or more.
    locked: Vec<u64>,
}

impl WatchedLower {
    fn inode_of(&self, fh: u64) -> u64 {
        self.handles.iter().find(|(known, _)| *known == fh).map_or(0, |(_, inode)| *inode)
    }

    fn note(&self, op: &LowerOp<'_>) {
        let inode = |ino: &Ino| Thing::Inode(ino.0);
        let attr = |ino: &Ino| Thing::Attr(ino.0);
        let name = |parent: &Ino, name: &[u8]| Thing::Name(parent.0, name_hash(name));
        let file = |fh: &fuserig_sim_fs::LowerFh| Thing::Inode(self.inode_of(fh.0));
        let notes = &self.footprint;
        match op {
            LowerOp::Lookup { parent, name: of } => {
                notes.read(name(parent, of));
                notes.read(attr(parent));
            }
            LowerOp::Access { node, .. } => notes.read(attr(node)),
            LowerOp::Getattr { node }
            | LowerOp::Parent { node }
            | LowerOp::Readlink { node }
            | LowerOp::GetXattr { node, .. }
            | LowerOp::ListXattr { node, .. } => {
                notes.read(inode(node));
                notes.read(attr(node));
            }
            LowerOp::Open { node, flags, .. } => {
                notes.read(attr(node));
                if flags.contains(OpenFlags::TRUNC) {
                    notes.write(inode(node));
                }
            }
            // Access times and open counts are nothing that a client can tell.
            LowerOp::Read { fh, .. }
            | LowerOp::ReadDir { fh, .. }
            | LowerOp::Seek { fh, .. }
            | LowerOp::Fsync { fh, .. } => notes.read(file(fh)),
            // A lock of the whole file goes with it.
            LowerOp::Release { fh, .. } if self.locked.contains(&fh.0) => notes.write(file(fh)),
            LowerOp::Release { .. } | LowerOp::Flush { .. } | LowerOp::Forget { .. } => {}
            LowerOp::Setattr { node, .. }
            | LowerOp::SetXattr { node, .. }
            | LowerOp::RemoveXattr { node, .. } => {
                notes.write(inode(node));
                notes.write(attr(node));
            }
            // Two changes that find room commute; with the figures they do not.
            LowerOp::Statfs { .. } => notes.write(Thing::Space),
            changing => self.note_change(changing),
        }
    }

    fn note_change(&self, op: &LowerOp<'_>) {
        let notes = &self.footprint;
        let entry = |parent: &Ino, name: &[u8]| {
            notes.write(Thing::Name(parent.0, name_hash(name)));
            notes.write(Thing::Inode(parent.0));
            notes.read(Thing::Attr(parent.0));
        };
        let file = |fh: &fuserig_sim_fs::LowerFh| Thing::Inode(self.inode_of(fh.0));
        notes.read(Thing::Space);
        match op {
            LowerOp::Mkdir { parent, name, .. }
            | LowerOp::Create { parent, name, .. }
            | LowerOp::CreateOpen { parent, name, .. }
            | LowerOp::Mknod { parent, name, .. }
            | LowerOp::Symlink { parent, name, .. }
            | LowerOp::Unlink { parent, name }
            | LowerOp::Rmdir { parent, name } => entry(parent, name),
            LowerOp::Link { node, parent, name } => {
                entry(parent, name);
                notes.write(Thing::Inode(node.0));
            }
            LowerOp::Rename { parent, name, new_parent, new_name, .. } => {
                entry(parent, name);
                entry(new_parent, new_name);
            }
            LowerOp::Tmpfile { parent, .. } => notes.read(Thing::Attr(parent.0)),
            LowerOp::Write { fh, .. }
            | LowerOp::Fallocate { fh, .. }
            | LowerOp::GetLock { fh, .. }
            | LowerOp::SetLock { fh, .. }
            | LowerOp::Flock { fh, .. } => notes.write(file(fh)),
            LowerOp::CopyRange { from, to, .. } => {
                notes.read(file(from));
                notes.write(file(to));
            }
            other => unreachable!("{other:?} changes nothing"),
        }
    }

    /// A removal or an overwriting rename touches the node behind the name as well.
    fn note_node(&mut self, caller: &Caller, parent: Ino, name: &[u8]) {
        if let Ok(LowerReply::Stat(stat)) =
            self.inner.apply(caller, &LowerOp::Lookup { parent, name })
        {
            self.footprint.write(Thing::Inode(stat.ino.0));
            self.footprint.write(Thing::Attr(stat.ino.0));
        }
    }
}

impl Lower for WatchedLower {
    fn root(&self) -> Ino {
        self.inner.root()
    }

    fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        self.note(op);
        match op {
            LowerOp::Unlink { parent, name } | LowerOp::Rmdir { parent, name } => {
                self.note_node(caller, *parent, name);
            }
            LowerOp::Rename { parent, name, new_parent, new_name, .. } => {
                self.note_node(caller, *parent, name);
                self.note_node(caller, *new_parent, new_name);
            }
            _ => {}
        }
        let reply = self.inner.apply(caller, op);
        if let Err(Errno::ENOSPC | Errno::EDQUOT) = reply {
            self.footprint.write(Thing::Space);
        }
        match (op, &reply) {
            (LowerOp::Open { node, .. }, Ok(LowerReply::Opened(fh))) => {
                self.handles.push((fh.0, node.0));
            }
            (LowerOp::Flock { fh, .. }, _) => self.locked.push(fh.0),
            (_, Ok(LowerReply::Created(stat, fh))) => self.handles.push((fh.0, stat.ino.0)),
            (LowerOp::Lookup { .. }, Ok(LowerReply::Stat(stat))) => {
                self.footprint.read(Thing::Inode(stat.ino.0));
                self.footprint.read(Thing::Attr(stat.ino.0));
            }
            _ => {}
        }
        reply
    }
}

/// What the mount and its locks look like between two steps.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MountView {
    /// Whom the daemon serves while it uses its own mount, and how many asked for a turn.
    turns: (Option<u32>, u64),
    locks: BTreeMap<usize, Vec<u32>>,
    lookups: Vec<u64>,
    inodes: BTreeMap<usize, String>,
    names: BTreeMap<usize, (u64, String)>,
}

impl MountView {
    pub(crate) fn of(vfs: &Vfs) -> MountView {
        let (locks, lookups) = vfs.lock_view();
        let (turns, uses) = (vfs.turns_with_daemon(), vfs.lock_uses());
        let world = vfs.world();
        let mount = &world.mount;
        let inodes = mount.inodes.iter().map(|(id, inode)| {
            let seen = (inode.permissions, inode.uid, inode.gid, inode.size, inode.dead);
            let more = (inode.bad, inode.no_security, inode.nodeid, inode.filter);
            let lists = (&inode.acl, &inode.default_acl);
            let told = (inode.described, inode.described_until, inode.stale, inode.version, lists);
            // Whoever asks for a lock that the kernel keeps meets whoever else does.
            let locked = uses.get(&id.index());
            (id.index(), format!("{seen:?}{more:?}{told:?}{locked:?}"))
        });
        let names = mount.dentries.iter().map(|(id, dentry)| {
            let seen = (dentry.parent, dentry.hashed, dentry.inode, dentry.in_lookup);
            (id.index(), (name_hash(&dentry.name), format!("{seen:?}")))
        });
        MountView { turns, locks, lookups, inodes: inodes.collect(), names: names.collect() }
    }

    /// Notes what a step changed.
    pub(crate) fn note_changes(&self, after: &MountView, footprint: &Footprint) {
        if self.turns.0 != after.turns.0 {
            footprint.write(Thing::Turn);
        } else if self.turns.1 != after.turns.1 {
            footprint.read(Thing::Turn);
        }
        for place in self.locks.keys().chain(after.locks.keys()) {
            if self.locks.get(place) != after.locks.get(place) {
                footprint.write(Thing::Lock(*place));
            }
        }
        if self.lookups != after.lookups {
            for name in self.lookups.iter().chain(&after.lookups) {
                footprint.write(Thing::Cached(*name));
            }
        }
        for (inode, seen) in &self.inodes {
            if after.inodes.get(inode).is_some_and(|now| now != seen) {
                footprint.write(Thing::Mount(*inode));
            }
        }
        for (place, (name, seen)) in self.names.iter().chain(&after.names) {
            let same =
                |view: &MountView| view.names.get(place).is_some_and(|(_, other)| other == seen);
            // A name that nobody could find by its hash matters to nobody.
            let findable = seen.contains("true");
            if findable && !(same(self) && same(after)) {
                footprint.write(Thing::Cached(*name));
            }
        }
    }
}
