//! lookup, create, mknod, mkdir, symlink, link, unlink, rmdir, rename, readlink.

use fuserig_abi::{
    Abi, Device, Errno, FUSE_BPF_MAX_ENTRIES, Fh, FileKind, FuseCreateIn, FuseEntryBpfOut,
    FuseEntryOut, FuseLinkIn, FuseMkdirIn, FuseMknodIn, FuseOpenOut, FuseRename2In, FuseRenameIn,
    NodeId, Opcode, Quirk, S_IFMT, S_ISGID,
};
use fuserig_sim_fs::{LowerExt, OpenFlags};

use super::exchange::{
    Ordinary, Served, body, child_node, done, invalid, number, parse, stat_of, with_nul,
};
use crate::kernel::{BackingPath, DentryId, Handle, InodeId, StatMask};
use crate::pipeline::device::{ENTRY, Shape};
use crate::pipeline::entries::{BackingAction, EntryActions, FilterAction};
use crate::pipeline::{Outcome, Value};

const ENTRY_OUT: usize = size_of::<FuseEntryOut>();
/// Longest target of a link over the wire.
const LINK_MAX: usize = fuserig_abi::PAGE_SIZE as usize - 1;
/// Setgid, and execution by the group.
const PROGRAM_OF_GROUP: u32 = S_ISGID | 0o010;
/// What describes a node that was made by the same request is never out of date.
const ANY_TIME: u64 = u64::MAX;

/// What a LOOKUP reply may hold: an entry and lookup entries.
pub(super) fn lookup_shape(abi: Abi) -> Shape {
    let entries = match abi {
        Abi::Android => size_of::<FuseEntryBpfOut>(),
        Abi::V3 | Abi::V4 | Abi::V3Grouped => FUSE_BPF_MAX_ENTRIES as usize * ENTRY,
    };
    Shape { sizes: vec![ENTRY_OUT as u32, entries as u32], variable: true, entries: true }
}

impl Ordinary<'_> {
    /// `fuse_lookup`: a missing name leaves a negative dentry, which stays as long as the daemon
    /// said.
    pub(super) async fn lookup(&mut self, dentry: DentryId) -> Served {
        if self.world.mount.dentries[dentry].name.len() > fuserig_abi::FUSE_NAME_MAX as usize {
            return Err(Errno::ENAMETOOLONG.into());
        }
        let (nodeid, name) = (self.parent_node(dentry), self.wire_name(dentry));
        let asked =
            self.ask_entries(Opcode::LOOKUP, nodeid, name, lookup_shape(self.world.abi)).await;
        let (reply, entries) = match asked {
            Ok(reply) => reply,
            Err(super::Halt::Errno(Errno::ENOENT)) => {
                self.world.mount.hash(dentry);
                let keeps = !self.world.mount.options.delete_stale;
                self.world.mount.dentries[dentry].cached = keeps;
                return Ok(done(Value::Dentry(None)));
            }
            Err(halt) => return Err(halt),
        };
        let entry: FuseEntryOut = parse(&reply);
        if let Some(actions) = entries {
            return self.attach(dentry, &entry, actions);
        }
        if entry.nodeid == 0 {
            self.world.mount.hash(dentry);
            self.keep(dentry, &entry);
            return Ok(done(Value::Dentry(None)));
        }
        let inode = self.inode(&entry, self.asked_at)?;
        if entry.nodeid == NodeId::ROOT.0 {
            self.world.mount.put_inode(inode);
            return Err(Errno::EIO.into());
        }
        let parent = self.world.mount.dentries[dentry].parent;
        let parent = self.inode_of(parent);
        self.world.mount.inodes[parent].advise_plus = true;
        self.splice(inode, dentry, &entry)
    }

    /// A LOOKUP reply with entries (7.5, the second list).
    fn attach(&mut self, dentry: DentryId, entry: &FuseEntryOut, actions: EntryActions) -> Served {
        let BackingAction::Set(node) = actions.backing else {
            return Err(Errno::EINVAL.into());
        };
        let kernel = self.world.kernel_caller();
        let stat = self.world.lower.getattr(&kernel, node)?;
        let name = self.world.mount.dentries[dentry].name.clone();
        let parent = self.world.lower.parent(&kernel, node).map_or(node, |stat| stat.ino);
        self.world.mount.dentries[dentry].backing =
            Some(BackingPath { parent, name, node: Some(node) });
        let inode = self.world.mount.inode_for(NodeId(entry.nodeid), &stat);
        let wanted = match actions.filter {
            FilterAction::Keep => self.world.mount.inodes[inode].filter,
            FilterAction::Set(filter) => Some(filter),
            FilterAction::Remove => None,
        };
        let state = &mut self.world.mount.inodes[inode];
        if state.filter.is_some() && state.filter != wanted {
            self.quirk(Quirk::LOOK_9);
            if self.world.faithful() {
                self.quirk(Quirk::N13);
            }
            let lost = entry.nodeid == 0 && self.world.abi.base() == fuserig_abi::Abi::V3;
            if !(lost && self.world.faithful()) {
                self.world.mount.put_inode(inode);
                return Err(Errno::EINVAL.into());
            }
            // The error is asked for only when there is a nodeid (ENT-1).
            self.quirk(Quirk::ENT_1);
        } else {
            state.filter = wanted;
        }
        self.splice(inode, dentry, entry)
    }

    fn splice(&mut self, inode: InodeId, dentry: DentryId, entry: &FuseEntryOut) -> Served {
        let alias = self.world.mount.splice(inode, dentry);
        let found = alias.unwrap_or(dentry);
        self.keep(found, entry);
        Ok(done(Value::Dentry(Some(found))))
    }

    /// The timeout of an entry: how long the dentry answers without a LOOKUP.
    pub(super) fn keep(&mut self, dentry: DentryId, entry: &FuseEntryOut) {
        let until = self.until(entry.entry_valid, entry.entry_valid_nsec);
        let timed = (entry.entry_valid, entry.entry_valid_nsec) != (0, 0)
            || !self.world.mount.options.delete_stale;
        let state = &mut self.world.mount.dentries[dentry];
        (state.cached, state.valid_until) = (timed, until);
    }

    /// The inode an entry describes that was asked for at that version, with a reference.
    pub(super) fn inode(&mut self, entry: &FuseEntryOut, asked_at: u64) -> Served<InodeId> {
        if invalid(&entry.attr) {
            return Err(Errno::EIO.into());
        }
        let until = self.until(entry.attr_valid, entry.attr_valid_nsec);
        let stat = stat_of(&entry.attr);
        let (nodeid, generation) = (NodeId(entry.nodeid), entry.generation);
        if nodeid == NodeId::ROOT {
            let root = self.inode_of(self.world.mount.root);
            self.world.mount.hold_inode(root);
            self.world.mount.inodes[root].nlookup += 1;
            return Ok(root);
        }
        Ok(self.world.mount.described_inode(nodeid, generation, &stat, until, asked_at))
    }

    fn masked(&self, mode: u32) -> u32 {
        if self.world.connection.dont_mask { mode } else { mode & !(self.umask & 0o777) }
    }

    /// The mode of a file without setgid, where the directory gives its group to a program and the
    /// caller is not of that group (Linux, fs/inode.c, `mode_strip_sgid`).
    fn given_away(&self, dentry: DentryId, mode: u32) -> u32 {
        let mount = &self.world.mount;
        let directory = &mount.inodes[mount.inode_of(mount.dentries[dentry].parent)];
        let is_program = mode & PROGRAM_OF_GROUP == PROGRAM_OF_GROUP;
        let inherits = directory.permissions & S_ISGID != 0;
        let may_keep = self.keeps_privileges() || self.caller.credentials.in_group(directory.gid);
        if is_program && inherits && !may_keep { mode & !S_ISGID } else { mode }
    }

    /// `create_new_entry`: a request whose reply describes the new inode.
    async fn make(
        &mut self,
        opcode: Opcode,
        nodeid: NodeId,
        body: Vec<u8>,
        (dentry, kind): (DentryId, FileKind),
    ) -> Served {
        let reply = self.ask(opcode, nodeid, body, Shape::fixed(ENTRY_OUT)).await?;
        let entry: FuseEntryOut = parse(&reply);
        if !child_node(&entry) || entry.attr.mode & S_IFMT != kind.type_bits() {
            return Err(Errno::EIO.into());
        }
        let inode = self.inode(&entry, ANY_TIME)?;
        self.world.mount.dentries[dentry].backing = None;
        self.splice(inode, dentry, &entry)?;
        self.directory_changed(dentry);
        Ok(number(0))
    }

    pub(super) async fn mknod(&mut self, dentry: DentryId, mode: u32, rdev: Device) -> Served {
        let kind = FileKind::from_mode(mode).unwrap_or(FileKind::Regular);
        let mode = self.masked(self.given_away(dentry, mode));
        let umask = self.umask;
        let head = FuseMknodIn { mode, rdev: rdev.encode(), umask, padding: 0 };
        let body = body(&head, &[&self.wire_name(dentry)]);
        self.make(Opcode::MKNOD, self.parent_node(dentry), body, (dentry, kind)).await
    }

    pub(super) async fn mkdir(&mut self, dentry: DentryId, mode: u32) -> Served {
        let head = FuseMkdirIn { mode: self.masked(mode), umask: self.umask };
        let body = body(&head, &[&self.wire_name(dentry)]);
        self.make(Opcode::MKDIR, self.parent_node(dentry), body, (dentry, FileKind::Directory))
            .await
    }

    pub(super) async fn symlink(&mut self, dentry: DentryId, target: &[u8]) -> Served {
        let mut body = self.wire_name(dentry);
        body.extend(with_nul(target));
        self.make(Opcode::SYMLINK, self.parent_node(dentry), body, (dentry, FileKind::Symlink))
            .await
    }

    pub(super) async fn link(&mut self, source: DentryId, dentry: DentryId) -> Served {
        let kind = self.world.mount.inodes[self.inode_of(source)].kind;
        let head = FuseLinkIn { oldnodeid: self.node_of(source).0 };
        let body = body(&head, &[&self.wire_name(dentry)]);
        self.make(Opcode::LINK, self.parent_node(dentry), body, (dentry, kind)).await
    }

    pub(super) async fn remove(&mut self, dentry: DentryId, opcode: Opcode) -> Served {
        let (nodeid, name) = (self.parent_node(dentry), self.wire_name(dentry));
        match self.tell(opcode, nodeid, name).await {
            Ok(()) => {
                let inode = self.inode_of(dentry);
                self.invalidate(inode, StatMask::CTIME);
                self.directory_changed(dentry);
                self.world.mount.unhash(dentry);
                Ok(number(0))
            }
            Err(halt) => {
                if halt == super::Halt::Errno(Errno::ENOENT) {
                    self.world.mount.unhash(dentry);
                }
                Err(halt)
            }
        }
    }

    pub(super) async fn rename(&mut self, old: DentryId, new: DentryId, flags: u32) -> Served {
        let connection = &self.world.connection;
        if flags != 0 && (connection.unknown.rename2 || connection.minor < 23) {
            return Err(Errno::EINVAL.into());
        }
        let newdir = self.parent_node(new).0;
        let names = [self.wire_name(old), self.wire_name(new)];
        let tails = [&names[0][..], &names[1][..]];
        let nodeid = self.parent_node(old);
        if flags == 0 {
            let body = body(&FuseRenameIn { newdir }, &tails);
            self.tell(Opcode::RENAME, nodeid, body).await?;
            self.renamed(old, new);
            return Ok(number(0));
        }
        let body = body(&FuseRename2In { newdir, flags, padding: 0 }, &tails);
        match self.tell(Opcode::RENAME2, nodeid, body).await {
            Err(super::Halt::Errno(Errno::ENOSYS)) => {
                self.world.connection.unknown.rename2 = true;
                Err(Errno::EINVAL.into())
            }
            other => {
                other?;
                self.renamed(old, new);
                Ok(number(0))
            }
        }
    }

    /// Both directories changed, and so did the times of what moved or was replaced.
    fn renamed(&mut self, old: DentryId, new: DentryId) {
        for dentry in [old, new] {
            self.directory_changed(dentry);
            if let Some(inode) = self.world.mount.dentries[dentry].inode {
                self.invalidate(inode, StatMask::CTIME);
            }
        }
    }

    pub(super) async fn get_link(&mut self, dentry: DentryId) -> Served {
        let inode = self.inode_of(dentry);
        let keeps = self.world.connection.cache_symlinks;
        if keeps && let Some(Some(target)) = self.world.mount.inodes[inode].pages.get(&0) {
            return Ok(Outcome { data: target.clone(), ..number(0) });
        }
        let nodeid = self.node_of(dentry);
        let mut target =
            self.ask(Opcode::READLINK, nodeid, Vec::new(), Shape::up_to(LINK_MAX)).await?;
        if let Some(end) = target.iter().position(|&byte| byte == 0) {
            target.truncate(end);
        }
        self.invalidate(inode, StatMask::ATIME);
        if keeps {
            self.world.mount.inodes[inode].pages.insert(0, Some(target.clone()));
        }
        Ok(Outcome { data: target, ..number(0) })
    }

    /// `fuse_create_open`. ENOSYS is the caller's affair (NEW-5).
    pub(super) async fn create_open(&mut self, dentry: DentryId, flags: u32, mode: u32) -> Served {
        let flags = OpenFlags::from_bits_retain(flags);
        let head = FuseCreateIn {
            flags: flags.difference(OpenFlags::NOCTTY).bits(),
            mode: self.masked(self.given_away(dentry, mode)),
            umask: self.umask,
            open_flags: 0,
        };
        let body = body(&head, &[&self.wire_name(dentry)]);
        let sizes = vec![ENTRY_OUT as u32, size_of::<FuseOpenOut>() as u32];
        let shape = Shape { sizes, ..Shape::default() };
        let reply = self.ask(Opcode::CREATE, self.parent_node(dentry), body, shape).await?;
        let entry: FuseEntryOut = parse(&reply);
        let open: FuseOpenOut = parse(&reply[ENTRY_OUT..]);
        let regular = FileKind::from_mode(entry.attr.mode) == Some(FileKind::Regular);
        if !regular || !child_node(&entry) {
            return Err(Errno::EIO.into());
        }
        let inode = self.inode(&entry, ANY_TIME)?;
        self.world.mount.dentries[dentry].backing = None;
        self.splice(inode, dentry, &entry)?;
        self.directory_changed(dentry);
        let mut handle = Handle::new(inode, dentry, flags);
        (handle.fh, handle.nodeid) = (Fh(open.fh), NodeId(entry.nodeid));
        handle.open_flags = open.open_flags;
        self.world.mount.hold_inode(inode);
        self.world.mount.hold(dentry);
        let handle = self.world.mount.handles.insert(handle);
        Ok(done(Value::Handle(handle)))
    }
}
