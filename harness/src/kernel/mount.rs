//! The FUSE mount: its inodes, dentries and handles, and how they come and go.

use std::collections::BTreeSet;
use std::sync::Arc;

use fuserig_abi::{FileKind, Gid, Ino, NodeId, Stat, Timespec, Uid};

use super::slab::{Key, Slab};
use super::{BackingPath, Dentry, DentryId, FilterId, FuseInode, Handle, HandleId, InodeId};

/// Mount options that change what the pipeline does (SEMANTICS 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MountOptions {
    /// `allow_other`: users besides `user_id` may enter.
    pub allow_other: bool,
    /// `user_id`: who may enter without `allow_other`.
    pub user_id: Uid,
    /// `no_daemon`: no userspace server exists.
    pub no_daemon: bool,
    /// Advisory locks are the kernel's own, as on a mount whose daemon did not ask for them.
    pub local_locks: bool,
    /// `default_permissions`: the ordinary path checks mode bits itself.
    pub default_permissions: bool,
    /// A name of the daemon with timeout 0 goes when nobody uses it (`delete_stale`), as on the
    /// recorded kernels; an ordinary mount keeps it and asks again before it is used.
    pub delete_stale: bool,
    /// `nodev`: devices are not opened. fuser and fusermount3 mount so.
    pub nodev: bool,
}

impl Default for MountOptions {
    fn default() -> Self {
        MountOptions {
            allow_other: false,
            user_id: Uid::ROOT,
            no_daemon: true,
            local_locks: false,
            default_permissions: false,
            delete_stale: true,
            nodev: false,
        }
    }
}

impl MountOptions {
    /// As an ordinary mount of a daemon has it, which fuse-bpf is not: everybody may enter, the
    /// daemon is there, names stay until they are asked for again, and devices are not opened.
    ///
    /// ```
    /// use fuserig::kernel::MountOptions;
    /// let options = MountOptions::ordinary();
    /// assert!(options.nodev && !options.no_daemon && !options.default_permissions);
    /// ```
    pub fn ordinary() -> MountOptions {
        MountOptions {
            allow_other: true,
            no_daemon: false,
            delete_stale: false,
            nodev: true,
            ..MountOptions::default()
        }
    }
}

/// What an ended operation left behind that nothing will free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Leaks {
    /// Handle objects (PIPE-2, OPEN-1).
    pub handles: u64,
    /// Lower files that stay open for ever (N6).
    pub lower_files: u64,
    /// Directory pages (PIPE-12).
    pub pages: u64,
    /// Private buffer allocations (BUF-2).
    pub buffers: u64,
}

/// An inode that lost its last reference: what must be told to lower and daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evicted {
    /// Its node id; 0 sends no FORGET.
    pub nodeid: NodeId,
    /// The count FORGET carries.
    pub nlookup: u64,
    /// Whether it stood on a lower inode: its lookups were the pipeline's, not the daemon's.
    pub backed: bool,
    /// The lower inode when no other FUSE inode uses it.
    pub unused: Option<Ino>,
}

/// The mount.
#[derive(Clone, Debug)]
pub struct Mount {
    /// Options given at mount time.
    pub options: MountOptions,
    /// Every live inode.
    pub inodes: Slab<InodeId, FuseInode>,
    /// Every live dentry.
    pub dentries: Slab<DentryId, Dentry>,
    /// Every live handle.
    pub handles: Slab<HandleId, Handle>,
    /// The root dentry.
    pub root: DentryId,
    /// Cached data goes when the time of the last change is another one.
    pub auto_inval_data: bool,
    /// What leaked so far.
    pub leaks: Leaks,
    /// Whether the daemon numbers its nodes as the inodes below it are numbered, so that whoever
    /// looks from outside knows which file is meant.
    pub(crate) numbered_below: bool,
    evicted: Vec<Evicted>,
    /// Hashed inodes: lower inode (none for those of the daemon), the nodeid they were hashed
    /// under, and the inode.
    hashed: BTreeSet<(Option<Ino>, NodeId, InodeId)>,
    /// Directories with each dentry that names them.
    named: BTreeSet<(InodeId, DentryId)>,
    version: u64,
}

impl Mount {
    /// A mount whose root stands on the lower directory `root`.
    pub fn new(options: MountOptions, root: &Stat, filter: Option<FilterId>) -> Mount {
        let mut mount = Mount {
            options,
            inodes: Slab::default(),
            dentries: Slab::default(),
            handles: Slab::default(),
            root: DentryId::from_index(0),
            auto_inval_data: false,
            leaks: Leaks::default(),
            numbered_below: false,
            evicted: Vec::new(),
            hashed: BTreeSet::new(),
            named: BTreeSet::new(),
            version: 0,
        };
        let inode = mount.inode_for(NodeId::ROOT, root);
        mount.inodes[inode].filter = filter;
        let mut dentry = Dentry::new(mount.root, Arc::from(&b""[..]));
        dentry.inode = Some(inode);
        dentry.hashed = true;
        dentry.backing =
            Some(BackingPath { parent: root.ino, name: Arc::from(&b""[..]), node: Some(root.ino) });
        mount.root = mount.dentries.insert(dentry);
        mount
    }

    /// The inode for `(nodeid, lower inode)`, made when there is none. The caller owns one
    /// reference; each get counts as a lookup (FORGET-1). An inode whose nodeid was changed after
    /// it was hashed is never found again (LOOK-1).
    pub fn inode_for(&mut self, nodeid: NodeId, stat: &Stat) -> InodeId {
        let found = self
            .in_bucket(Some(stat.ino), nodeid, nodeid)
            .find(|&inode| self.inodes[inode].nodeid == nodeid);
        let inode = match found {
            Some(inode) => {
                self.inodes[inode].refresh(stat);
                inode
            }
            None => {
                let inode = self.inodes.insert(FuseInode::new(nodeid, stat));
                self.hashed.insert((Some(stat.ino), nodeid, inode));
                inode
            }
        };
        self.inodes[inode].references += 1;
        self.inodes[inode].nlookup += 1;
        inode
    }

    /// Counts the changes of inodes (`attr_version` of a connection).
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Attributes or contents of the inode are other ones from now on.
    pub fn note_change(&mut self, inode: InodeId) {
        self.version += 1;
        self.inodes[inode].version = self.version;
    }

    /// The inode of the daemon with that nodeid, made or refreshed from what an entry says of it,
    /// which was asked for at the version `asked_at`. The caller owns one reference. One of another
    /// type or life under the same nodeid is made bad and replaced (`fuse_iget`).
    pub fn described_inode(
        &mut self,
        nodeid: NodeId,
        generation: u64,
        stat: &Stat,
        until: Timespec,
        asked_at: u64,
    ) -> InodeId {
        let found = self.in_bucket(None, nodeid, nodeid).next();
        let stale = found.is_some_and(|inode| {
            let state = &self.inodes[inode];
            state.kind != stat.kind || state.generation != generation || state.bad
        });
        let inode = match found {
            Some(inode) if !stale => inode,
            _ => {
                if let Some(old) = found {
                    self.inodes[old].bad = true;
                    self.hashed.remove(&(None, nodeid, old));
                }
                let inode = self.inodes.insert(FuseInode::of_daemon(nodeid, stat));
                self.inodes[inode].generation = generation;
                self.hashed.insert((None, nodeid, inode));
                inode
            }
        };
        self.describe(inode, stat, until, asked_at);
        let state = &mut self.inodes[inode];
        state.references += 1;
        state.nlookup += 1;
        inode
    }

    /// Takes over attributes that the daemon gave unasked or was asked for at the version
    /// `asked_at` (`fuse_change_attributes`), unless the inode has changed since. Cached data goes
    /// when the length changed, and with `FUSE_AUTO_INVAL_DATA` also when the time of the last
    /// change did.
    pub fn describe(&mut self, inode: InodeId, stat: &Stat, until: Timespec, asked_at: u64) {
        if self.inodes[inode].version > asked_at {
            return;
        }
        self.note_change(inode);
        let state = &mut self.inodes[inode];
        let changed = state.described.is_some_and(|old| old.mtime != stat.mtime);
        if changed && self.auto_inval_data && state.kind == FileKind::Regular {
            state.pages.clear();
        }
        state.describe(stat, until);
    }

    /// The inode of a node that the daemon serves, if it is known.
    pub(super) fn daemon_inode(&self, node: NodeId) -> Option<InodeId> {
        self.in_bucket(None, node, node).next()
    }

    fn in_bucket(
        &self,
        ino: Option<Ino>,
        low: NodeId,
        high: NodeId,
    ) -> impl Iterator<Item = InodeId> {
        let first = (ino, low, InodeId::from_index(0));
        // There are few, so the end is seen sooner than it is searched for.
        let rest = self.hashed.range(first..);
        rest.take_while(move |hashed| (hashed.0, hashed.1) <= (ino, high)).map(|hashed| hashed.2)
    }

    /// The lower inode that an inode stands on, or that the daemon means by it.
    pub(crate) fn lower_of(&self, inode: InodeId) -> Option<Ino> {
        let state = &self.inodes[inode];
        let numbered = || self.numbered_below.then_some(Ino(state.nodeid.0));
        state.backing.or_else(numbered)
    }

    /// Takes one more reference on an inode.
    pub fn hold_inode(&mut self, inode: InodeId) {
        self.inodes[inode].references += 1;
    }

    /// Drops a reference on an inode; the last one evicts it.
    pub fn put_inode(&mut self, inode: InodeId) {
        let state = &mut self.inodes[inode];
        state.references -= 1;
        if state.references > 0 {
            return;
        }
        let state = self.inodes.remove(inode);
        self.hashed.remove(&(state.backing, state.hash_nodeid, inode));
        let backed = state.backing.is_some();
        let unused = state.backing.filter(|&ino| !self.is_in_use(ino));
        let (nodeid, nlookup) = (state.nodeid, state.nlookup);
        self.evicted.push(Evicted { nodeid, nlookup, backed, unused });
    }

    /// The inodes evicted since the last call, oldest first. A lower inode that another FUSE inode
    /// has come to stand on meanwhile is in use.
    pub fn take_evicted(&mut self) -> Vec<Evicted> {
        let mut evicted = core::mem::take(&mut self.evicted);
        for inode in &mut evicted {
            inode.unused = inode.unused.filter(|&ino| !self.is_in_use(ino));
        }
        evicted
    }

    /// Gives the emptied list of [`Mount::take_evicted`] back, for its room.
    pub(super) fn reuse_evicted(&mut self, mut list: Vec<Evicted>) {
        if self.evicted.is_empty() {
            list.clear();
            self.evicted = list;
        }
    }

    fn is_in_use(&self, ino: Ino) -> bool {
        self.in_bucket(Some(ino), NodeId(0), NodeId(u64::MAX)).next().is_some()
    }

    /// Whether any inode was evicted and not yet told about.
    pub fn has_evicted(&self) -> bool {
        !self.evicted.is_empty()
    }

    /// The hashed child called `name`, with a reference taken.
    pub fn cached_child(&mut self, parent: DentryId, name: &[u8]) -> Option<DentryId> {
        let child = *self.dentries[parent].children.get(name)?;
        self.hold(child);
        Some(child)
    }

    /// A new unhashed child with one reference.
    pub fn new_child(&mut self, parent: DentryId, name: &[u8]) -> DentryId {
        self.new_shared_child(parent, Arc::from(name))
    }

    /// As [`Mount::new_child`], with a name that somebody else keeps as well.
    pub fn new_shared_child(&mut self, parent: DentryId, name: Arc<[u8]>) -> DentryId {
        self.hold(parent);
        self.dentries.insert(Dentry::new(parent, name))
    }

    /// Makes the root inode look as the mount options describe it until the first getattr: mode
    /// bits `rootmode` without permissions, owner root, length 0.
    pub fn forget_root_attributes(&mut self) {
        let inode = self.inode_of(self.root);
        let state = &mut self.inodes[inode];
        (state.permissions, state.size) = (0, 0);
        (state.uid, state.gid) = (Uid::ROOT, Gid::ROOT);
    }

    /// Puts the root on another lower directory, as the option `root_dir` does.
    pub fn back_root(&mut self, root: &Stat) {
        let inode = self.inode_of(self.root);
        let state = &mut self.inodes[inode];
        let (old, nodeid) = (state.backing.replace(root.ino), state.hash_nodeid);
        state.refresh(root);
        self.hashed.remove(&(old, nodeid, inode));
        self.hashed.insert((Some(root.ino), nodeid, inode));
        let (parent, name) = (root.ino, Arc::from(&b""[..]));
        self.dentries[self.root].backing = Some(BackingPath { parent, name, node: Some(root.ino) });
    }

    /// Takes the backing inode away from the root: a mount without `root_dir`, whose root the
    /// daemon serves.
    pub fn unback_root(&mut self) {
        let inode = self.inode_of(self.root);
        let state = &mut self.inodes[inode];
        let (ino, nodeid) = (state.backing.take(), state.hash_nodeid);
        state.filter = None;
        self.hashed.remove(&(ino, nodeid, inode));
        self.hashed.insert((None, nodeid, inode));
        self.dentries[self.root].backing = None;
    }

    /// Takes one more reference on a dentry.
    pub fn hold(&mut self, dentry: DentryId) {
        self.dentries[dentry].references += 1;
    }

    /// Drops a reference on a dentry. One that nobody uses and the daemon did not time is killed,
    /// and so may be its parent.
    pub fn put(&mut self, dentry: DentryId) {
        let mut next = Some(dentry);
        while let Some(dentry) = next.take() {
            let state = &mut self.dentries[dentry];
            state.references -= 1;
            if state.references > 0 || (state.cached && state.hashed) {
                return;
            }
            self.unhash(dentry);
            let state = self.dentries.remove(dentry);
            if let Some(inode) = state.inode {
                self.named.remove(&(inode, dentry));
                self.put_inode(inode);
            }
            next = Some(state.parent);
        }
    }

    /// Makes a dentry findable by name, replacing whatever had the name, which goes if nobody uses
    /// it: nothing leads to it any more.
    ///
    /// FIDELITY: a listing that meets a name that is being looked up waits for that (Linux,
    /// fs/fuse/readdir.c, `d_alloc_parallel`); here the lookup replaces what the listing made.
    pub fn hash(&mut self, dentry: DentryId) {
        let (parent, name) = {
            let state = &mut self.dentries[dentry];
            state.hashed = true;
            (state.parent, state.name.clone())
        };
        if let Some(old) = self.dentries[parent].children.insert(name, dentry)
            && old != dentry
        {
            self.dentries[old].hashed = false;
            if self.dentries[old].references == 0 {
                self.hold(old);
                self.put(old);
            }
        }
    }

    /// Makes a dentry unfindable (`d_drop`); who holds it keeps it.
    pub fn unhash(&mut self, dentry: DentryId) {
        let state = &mut self.dentries[dentry];
        if !core::mem::take(&mut state.hashed) {
            return;
        }
        let (parent, name) = (state.parent, state.name.clone());
        let children = &mut self.dentries[parent].children;
        if children.get(&name) == Some(&dentry) {
            children.remove(&name);
        }
    }

    /// Lets go of the names below a dentry that nobody uses (`shrink_dcache_parent`), as when a
    /// directory is removed.
    pub fn shrink(&mut self, dentry: DentryId) {
        let mut below = vec![dentry];
        let mut next = 0;
        while let Some(&at) = below.get(next) {
            below.extend(self.dentries[at].children.values().copied());
            next += 1;
        }
        for &child in below[1..].iter().rev() {
            self.drop_idle(child);
        }
    }

    /// Makes a name unfindable, and lets go of it when nobody uses it.
    pub(super) fn drop_name(&mut self, dentry: DentryId) {
        self.unhash(dentry);
        self.drop_idle(dentry);
    }

    /// A dentry that names a directory which is not the root.
    pub(super) fn name_of_directory(&self, inode: InodeId) -> Option<DentryId> {
        let first = (inode, DentryId::from_index(0));
        let last = (inode, DentryId::from_index(u32::MAX as usize));
        self.named.range(first..=last).map(|&(_, dentry)| dentry).next()
    }

    /// Removes a name that only its being cached keeps. What is above it stays, until it is
    /// looked at itself.
    fn drop_idle(&mut self, dentry: DentryId) {
        let state = &mut self.dentries[dentry];
        if state.references == 0 {
            (state.cached, state.references) = (false, 1);
            self.put(dentry);
        }
    }

    /// Attaches `inode` to `dentry` and hashes it (`d_splice_alias`). Consumes the caller's
    /// reference on the inode. A directory that already has a name in use is moved here, and the
    /// existing dentry is returned with a reference.
    pub fn splice(&mut self, inode: InodeId, dentry: DentryId) -> Option<DentryId> {
        if self.inodes[inode].kind == FileKind::Directory
            && let Some(alias) = self.directory_alias(inode, dentry)
        {
            self.put_inode(inode);
            let (parent, name, backing) = {
                let state = &self.dentries[dentry];
                (state.parent, state.name.clone(), state.backing.clone())
            };
            self.relocate(alias, parent, name);
            self.dentries[alias].backing = backing;
            self.hold(alias);
            return Some(alias);
        }
        self.name(inode, dentry);
        self.hash(dentry);
        None
    }

    /// Makes `dentry` name `inode`, which takes over the caller's reference; what it named before
    /// loses one.
    pub fn name(&mut self, inode: InodeId, dentry: DentryId) {
        if let Some(old) = self.dentries[dentry].inode.replace(inode) {
            self.named.remove(&(old, dentry));
            self.put_inode(old);
        }
        if self.inodes[inode].kind == FileKind::Directory {
            self.named.insert((inode, dentry));
        }
    }

    /// Moves a dentry to another name (`d_move`), keeping its references.
    pub fn relocate(&mut self, dentry: DentryId, parent: DentryId, name: Arc<[u8]>) {
        self.unhash(dentry);
        let old_parent = self.dentries[dentry].parent;
        self.hold(parent);
        self.dentries[dentry].parent = parent;
        self.dentries[dentry].name = name;
        self.hash(dentry);
        self.put(old_parent);
    }

    /// `d_move`, or `d_exchange`, after a successful rename of `source` to the name of `target`.
    /// The caller holds both, and the walks that led to them hold both parents.
    pub fn moved(&mut self, source: DentryId, target: DentryId, exchange: bool) {
        let place = |mount: &Mount, dentry: DentryId| {
            let state = &mount.dentries[dentry];
            (state.parent, state.name.clone())
        };
        let (old_parent, old_name) = place(self, source);
        let (new_parent, new_name) = place(self, target);
        self.unhash(target);
        // Relocating drops the reference on the old parent, which a cached name may be the last
        // to hold.
        self.relocate(source, new_parent, new_name);
        if exchange {
            self.relocate(target, old_parent, old_name);
        }
    }

    /// Whether `ancestor` is `dentry` or above it.
    pub fn is_ancestor(&self, ancestor: DentryId, dentry: DentryId) -> bool {
        let mut at = dentry;
        loop {
            if at == ancestor {
                return true;
            }
            if at == self.root {
                return false;
            }
            at = self.dentries[at].parent;
        }
    }

    /// The path of a dentry from the root, for people; a name that moved away shows where it was.
    pub fn path_of(&self, dentry: DentryId) -> Vec<u8> {
        let mut names = Vec::new();
        let mut at = dentry;
        while at != self.root {
            names.push(self.dentries[at].name.clone());
            at = self.dentries[at].parent;
        }
        let mut path = Vec::new();
        for name in names.iter().rev() {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        if path.is_empty() { b"/".to_vec() } else { path }
    }

    /// The inode of a dentry that is known to be positive.
    pub fn inode_of(&self, dentry: DentryId) -> InodeId {
        self.dentries[dentry].inode.expect("a walk only hands out positive dentries here")
    }

    fn directory_alias(&self, inode: InodeId, except: DentryId) -> Option<DentryId> {
        if self.inodes[inode].references < 2 {
            return None;
        }
        let first = (inode, DentryId::from_index(0));
        let last = (inode, DentryId::from_index(u32::MAX as usize));
        let mut names = self.named.range(first..=last).map(|&(_, dentry)| dentry);
        names.find(|&dentry| dentry != except && dentry != self.root)
    }
}
