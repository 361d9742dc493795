//! Requests about a name in a directory.

use fuserig_abi::{
    Device, Errno, FileKind, FuseCreateIn, FuseEntryOut, FuseMknodIn, S_IALLUGO, S_IFMT, Stat,
};
use fuserig_sim_fs::{OpenFlags, RenameFlags};

use super::attrs::fuse_attr;
use super::incoming::{Head, Incoming};
use super::outgoing::Outgoing;
use super::server::{Server, checked, errno};
use crate::kernel::{DentryId, HandleId};
use crate::pipeline::{Operation, Value};

impl Server {
    pub(super) fn about_a_name(
        &mut self,
        head: &Head,
        incoming: Incoming,
    ) -> Result<Outgoing, Errno> {
        match &incoming {
            Incoming::Lookup { name } if name == b"." => {
                return self.node_itself(head).map(Outgoing::Entry);
            }
            Incoming::Lookup { name } if name == b".." => {
                return self.node_above(head).map(Outgoing::Entry);
            }
            _ => {}
        }
        let parent = self.dentry_of(head.nodeid)?;
        match incoming {
            Incoming::Lookup { name } => self.lookup_in(head, parent, &name).map(Outgoing::Entry),
            Incoming::Symlink { name, target } => {
                self.add(head, parent, &name, 0, |dentry| Operation::Symlink { dentry, target })
            }
            Incoming::Mknod { input, name } => self.mknod(head, parent, &name, &input),
            Incoming::Mkdir { input, name } => {
                let mode = input.mode & !S_IFMT;
                self.add(head, parent, &name, input.umask, |dentry| Operation::Mkdir {
                    dentry,
                    mode,
                })
            }
            Incoming::Unlink { name } => self.remove(head, parent, &name, false),
            Incoming::Rmdir { name } => self.remove(head, parent, &name, true),
            Incoming::Rename { name, new_parent, new_name, flags } => {
                let new_parent = self.dentry_of(new_parent)?;
                let flags = RenameFlags::from_bits_retain(flags.unwrap_or(0));
                self.rename(head, (parent, &name), (new_parent, &new_name), flags)
            }
            Incoming::Link { node, name } => {
                let source = self.dentry_of(node)?;
                self.add(head, parent, &name, 0, |dentry| Operation::Link { source, dentry })
            }
            Incoming::Create { input, name } => self.create(head, parent, &name, &input),
            _ => Err(Errno::ENOSYS),
        }
    }

    /// Looks a name up afresh and counts the lookup.
    pub(super) fn lookup_in(
        &mut self,
        head: &Head,
        parent: DentryId,
        name: &[u8],
    ) -> Result<FuseEntryOut, Errno> {
        let dentry = self.look_up(head, parent, name)?;
        let found = self.found.take();
        self.entry_showing(dentry, found)
    }

    /// LOOKUP through the pipeline, whatever is cached. The caller owns the dentry, which may be
    /// negative.
    fn look_up(&mut self, head: &Head, parent: DentryId, name: &[u8]) -> Result<DentryId, Errno> {
        let dentry = self.world.mount.new_child(parent, name);
        match self.settle(head, Operation::Lookup { dentry }) {
            Ok(outcome) => match outcome.value {
                Value::Dentry(Some(found)) if found != dentry => {
                    self.world.mount.put(dentry);
                    Ok(found)
                }
                _ => Ok(dentry),
            },
            Err(errno) => {
                self.world.mount.put(dentry);
                Err(errno)
            }
        }
    }

    /// A name that the client holds is known; any other is looked up. The caller owns the dentry.
    fn find(&mut self, head: &Head, parent: DentryId, name: &[u8]) -> Result<DentryId, Errno> {
        match self.world.mount.cached_child(parent, name) {
            Some(dentry) if self.is_positive(dentry) => Ok(dentry),
            Some(dentry) => {
                self.world.mount.put(dentry);
                self.look_up(head, parent, name)
            }
            None => self.look_up(head, parent, name),
        }
    }

    pub(super) fn find_positive(
        &mut self,
        head: &Head,
        parent: DentryId,
        name: &[u8],
    ) -> Result<DentryId, Errno> {
        let dentry = self.find(head, parent, name)?;
        if self.is_positive(dentry) {
            return Ok(dentry);
        }
        self.world.mount.put(dentry);
        Err(Errno::ENOENT)
    }

    /// A negative dentry to make something at. The caller owns it.
    fn find_absent(
        &mut self,
        head: &Head,
        parent: DentryId,
        name: &[u8],
    ) -> Result<DentryId, Errno> {
        let dentry = self.look_up(head, parent, name)?;
        if !self.is_positive(dentry) {
            return Ok(dentry);
        }
        self.world.mount.put(dentry);
        Err(Errno::EEXIST)
    }

    fn is_positive(&self, dentry: DentryId) -> bool {
        self.world.mount.dentries[dentry].inode.is_some()
    }

    /// The entry of a dentry, whose reference goes to its node; a negative one is `ENOENT`.
    pub(super) fn entry(&mut self, dentry: DentryId) -> Result<FuseEntryOut, Errno> {
        self.entry_showing(dentry, None)
    }

    /// As [`Server::entry`], with the attributes of its lower inode if they were just read.
    fn entry_showing(
        &mut self,
        dentry: DentryId,
        found: Option<Stat>,
    ) -> Result<FuseEntryOut, Errno> {
        if !self.is_positive(dentry) {
            self.world.mount.put(dentry);
            return Err(Errno::ENOENT);
        }
        let inode = self.world.mount.inode_of(dentry);
        let node = self.world.mount.inodes[inode].backing;
        let just_read = found.filter(|stat| node == Some(stat.ino));
        let stat = match just_read.map_or_else(|| self.attributes(dentry), Ok) {
            Ok(stat) => stat,
            Err(errno) => {
                self.world.mount.put(dentry);
                return Err(errno);
            }
        };
        let nodeid = self.nodes.admit(&mut self.world.mount, dentry);
        let (entry, attr) = (self.config.entry_valid, self.config.attr_valid);
        Ok(FuseEntryOut {
            nodeid: nodeid.0,
            generation: self.config.generation,
            entry_valid: entry.sec as u64,
            attr_valid: attr.sec as u64,
            entry_valid_nsec: entry.nsec,
            attr_valid_nsec: attr.nsec,
            attr: fuse_attr(nodeid, &stat),
        })
    }

    /// Makes a node at a name, then looks the name up for the entry, as the next walk would.
    fn add(
        &mut self,
        head: &Head,
        parent: DentryId,
        name: &[u8],
        umask: u32,
        operation: impl FnOnce(DentryId) -> Operation,
    ) -> Result<Outgoing, Errno> {
        let dentry = self.find_absent(head, parent, name)?;
        let made = self.make(head, umask, operation(dentry)).and_then(checked);
        self.world.mount.put(dentry);
        made?;
        self.lookup_in(head, parent, name).map(Outgoing::Entry)
    }

    fn mknod(
        &mut self,
        head: &Head,
        parent: DentryId,
        name: &[u8],
        input: &FuseMknodIn,
    ) -> Result<Outgoing, Errno> {
        let (mode, rdev) = (input.mode, Device::decode(input.rdev));
        match FileKind::from_mode(mode) {
            None | Some(FileKind::Directory | FileKind::Symlink) => return Err(Errno::EINVAL),
            Some(_) => {}
        }
        self.add(head, parent, name, input.umask, |dentry| Operation::Mknod { dentry, mode, rdev })
    }

    fn remove(
        &mut self,
        head: &Head,
        parent: DentryId,
        name: &[u8],
        directory: bool,
    ) -> Result<Outgoing, Errno> {
        let dentry = self.find_positive(head, parent, name)?;
        let operation =
            if directory { Operation::Rmdir { dentry } } else { Operation::Unlink { dentry } };
        let removed = self.settle(head, operation);
        if removed.is_ok() {
            let inode = self.world.mount.inode_of(dentry);
            if directory {
                self.world.mount.inodes[inode].dead = true;
            }
            self.world.mount.unhash(dentry);
            self.nodes.names_changed(&mut self.world.mount, inode);
        }
        self.world.mount.put(dentry);
        removed.map(|_| Outgoing::Done)
    }

    fn rename(
        &mut self,
        head: &Head,
        (old_parent, old_name): (DentryId, &[u8]),
        (new_parent, new_name): (DentryId, &[u8]),
        flags: RenameFlags,
    ) -> Result<Outgoing, Errno> {
        let source = self.find_positive(head, old_parent, old_name)?;
        let target = match self.find(head, new_parent, new_name) {
            Ok(target) => target,
            Err(errno) => {
                self.world.mount.put(source);
                return Err(errno);
            }
        };
        let renamed = self.rename_found(head, source, target, flags);
        self.world.mount.put(target);
        self.world.mount.put(source);
        renamed.map(|()| Outgoing::Done)
    }

    fn rename_found(
        &mut self,
        head: &Head,
        source: DentryId,
        target: DentryId,
        flags: RenameFlags,
    ) -> Result<(), Errno> {
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        let replaced = self.world.mount.dentries[target].inode;
        if flags.contains(RenameFlags::NOREPLACE) && replaced.is_some() {
            return Err(Errno::EEXIST);
        }
        if exchange && replaced.is_none() {
            return Err(Errno::ENOENT);
        }
        let moved = self.world.mount.inode_of(source);
        if replaced == Some(moved) {
            return Ok(());
        }
        let flags_raw = flags.bits();
        self.settle(head, Operation::Rename { old: source, new: target, flags: flags_raw })?;
        let mount = &mut self.world.mount;
        if let (Some(inode), false) = (replaced, exchange)
            && mount.inodes[inode].kind == FileKind::Directory
        {
            mount.inodes[inode].dead = true;
        }
        mount.moved(source, target, exchange);
        for inode in [Some(moved), replaced].into_iter().flatten() {
            self.nodes.names_changed(&mut self.world.mount, inode);
        }
        Ok(())
    }

    fn create(
        &mut self,
        head: &Head,
        parent: DentryId,
        name: &[u8],
        input: &FuseCreateIn,
    ) -> Result<Outgoing, Errno> {
        let flags = OpenFlags::from_bits_retain(input.flags);
        let dentry = self.find(head, parent, name)?;
        if self.is_positive(dentry) {
            // Somebody made it since the client looked.
            return self.open_instead(head, dentry, flags);
        }
        let mode = (input.mode & S_IALLUGO) | FileKind::Regular.type_bits();
        let lower_flags = self.lower_flags(flags).bits();
        let operation = Operation::CreateOpen { dentry, flags: lower_flags, mode };
        let made = self.make(head, input.umask, operation);
        self.world.mount.put(dentry);
        let outcome = made?;
        let handle = match outcome.value {
            Value::Handle(handle) if outcome.error < 0 => {
                // The file was opened before the postfilter said no; it is closed again.
                self.close(head, handle, false);
                return Err(errno(outcome.error));
            }
            Value::Handle(handle) => handle,
            _ => return Err(if outcome.error < 0 { errno(outcome.error) } else { Errno::EIO }),
        };
        self.created(head, handle)
    }

    fn created(&mut self, head: &Head, handle: HandleId) -> Result<Outgoing, Errno> {
        let dentry = self.world.mount.handles[handle].dentry;
        self.world.mount.hold(dentry);
        match self.entry(dentry) {
            Ok(entry) => {
                let open = self.install(handle, self.config.open_flags);
                Ok(Outgoing::Create(entry, open))
            }
            Err(errno) => {
                self.close(head, handle, false);
                Err(errno)
            }
        }
    }

    fn open_instead(
        &mut self,
        head: &Head,
        dentry: DentryId,
        flags: OpenFlags,
    ) -> Result<Outgoing, Errno> {
        if flags.contains(OpenFlags::EXCL) {
            self.world.mount.put(dentry);
            return Err(Errno::EEXIST);
        }
        let found = self.world.mount.inodes[self.world.mount.inode_of(dentry)].kind;
        if found != FileKind::Regular {
            // No kernel takes anything else from CREATE: it would fail with the same errno, and
            // never give the handle back (Linux, fs/fuse/dir.c, `fuse_create_open`).
            self.world.mount.put(dentry);
            return Err(Errno::EIO);
        }
        let opened = self.open_handle(head, dentry, flags, false);
        self.world.mount.put(dentry);
        self.created(head, opened?)
    }
}
