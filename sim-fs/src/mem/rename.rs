//! Rename in all its forms.
//!
//! Moving a directory changes the place of everything below it, so with the digest it costs time
//! in proportion to the subtree. Everything else here is independent of the size of anything.

use fuserig_abi::{AccessMask, Caller, Device, Errno, FileKind, Ino};

use super::{
    digest::place_of,
    directory::Entry,
    fs::{MemFs, check_component, check_lookup},
    inode::Body,
    names::{NewNode, inherit},
    permission::{Victim, check_access, check_create, check_delete},
};
use crate::{LowerReply, RenameFlags};

/// A name in a directory.
type At<'a> = (Ino, &'a [u8]);

impl MemFs {
    pub(super) fn rename_op(
        &mut self,
        caller: &Caller,
        from: At<'_>,
        to: At<'_>,
        flags: RenameFlags,
    ) -> Result<LowerReply, Errno> {
        for (parent, name) in [from, to] {
            self.directory(parent)?;
            check_component(name)?;
        }
        check_flags(flags)?;
        let source = self.entry(from.0, from.1)?;
        let (directory, entries) = self.directory(to.0)?;
        check_lookup(directory, to.1)?;
        let target = entries.get(to.1).cloned();
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        match &target {
            Some(_) if flags.contains(RenameFlags::NOREPLACE) => return Err(Errno::EEXIST),
            None if exchange => return Err(Errno::ENOENT),
            Some(_) | None => {}
        }
        if self.is_at_or_below(to.0, source.ino)? {
            return Err(Errno::EINVAL);
        }
        if let Some(target) = &target
            && self.is_at_or_below(from.0, target.ino)?
        {
            return Err(if exchange { Errno::EINVAL } else { Errno::ENOTEMPTY });
        }
        if target.as_ref().is_some_and(|target| target.ino == source.ino) {
            // Two names of one file, or one name twice: POSIX rename does nothing, successfully.
            return Ok(LowerReply::Done);
        }
        self.check_rename(caller, (from.0, &source), (to.0, target.as_deref()), exchange)?;
        match target {
            Some(target) if exchange => self.exchange(caller, from.0, &source, to.0, &target),
            target => self.replace(caller, (from.0, &source), to, target.as_deref(), flags)?,
        }
        Ok(LowerReply::Done)
    }

    /// The checks of `vfs_rename`, in its order.
    fn check_rename(
        &self,
        caller: &Caller,
        (from, source): (Ino, &Entry),
        (to, target): (Ino, Option<&Entry>),
        exchange: bool,
    ) -> Result<(), Errno> {
        let credentials = &caller.credentials;
        let (from_directory, to_directory) = (self.inode(from)?, self.inode(to)?);
        let source_inode = self.inode(source.ino)?;
        let moves_directory = source.kind == FileKind::Directory;
        check_delete(from_directory, source_inode, credentials, Victim::of(source.kind))?;
        match target {
            None => check_create(to_directory, credentials)?,
            Some(target) => {
                let expected = Victim::of(if exchange { target.kind } else { source.kind });
                check_delete(to_directory, self.inode(target.ino)?, credentials, expected)?;
            }
        }
        let target_is_directory = target.is_some_and(|target| target.kind == FileKind::Directory);
        if from != to {
            // Its `..` changes, which is a write to the directory itself.
            if moves_directory {
                check_access(source_inode, credentials, AccessMask::WRITE)?;
            }
            if let Some(target) = target
                && exchange
                && target_is_directory
            {
                check_access(self.inode(target.ino)?, credentials, AccessMask::WRITE)?;
            }
            let links_max = self.options.links_max;
            let gains = moves_directory && !target_is_directory;
            if gains && to_directory.nlink >= links_max {
                return Err(Errno::EMLINK);
            }
            let loses = exchange && target_is_directory && !moves_directory;
            if loses && from_directory.nlink >= links_max {
                return Err(Errno::EMLINK);
            }
        }
        let directories = [from_directory, to_directory];
        if directories.iter().filter_map(|inode| inode.directory()).any(|entries| entries.is_full())
        {
            return Err(Errno::ENOSPC);
        }
        Ok(())
    }

    /// Moves `source` to the name `to`, over `target` if there is one.
    fn replace(
        &mut self,
        caller: &Caller,
        (from, source): (Ino, &Entry),
        (to, new_name): At<'_>,
        target: Option<&Entry>,
        flags: RenameFlags,
    ) -> Result<(), Errno> {
        if let Some(target) = target
            && self.inode(target.ino)?.directory().is_some_and(|directory| directory.count() > 0)
        {
            return Err(Errno::ENOTEMPTY);
        }
        let whiteout = flags.contains(RenameFlags::WHITEOUT);
        if whiteout {
            self.check_inodes(1)?;
        }
        self.take_out(caller, from, source);
        let position = target.map(|_| self.detach(caller, to, new_name));
        if whiteout && from == to {
            // Within one directory the moved name ends up before the whiteout in the listing but
            // got its position first (Linux 6.12: the offset is assigned, then the whiteout is
            // made, then the name moves to the head).
            let position = position.unwrap_or_else(|| self.reserve_position(to));
            self.put_whiteout(caller, from, &source.name);
            self.put_in(caller, to, new_name, source, Some(position));
        } else {
            if whiteout {
                self.put_whiteout(caller, from, &source.name);
            }
            self.put_in(caller, to, new_name, source, position);
        }
        self.move_place(source, from, &source.name, to, new_name);
        self.update_invisible(source.ino, |inode| inode.ctime = caller.now);
        Ok(())
    }

    fn exchange(&mut self, caller: &Caller, from: Ino, source: &Entry, to: Ino, target: &Entry) {
        self.take_out(caller, from, source);
        self.take_out(caller, to, target);
        // Names keep their positions; the source's node comes first in the listing.
        self.put_in(caller, from, &source.name, target, Some(source.position));
        self.put_in(caller, to, &target.name, source, Some(target.position));
        self.move_place(source, from, &source.name, to, &target.name);
        self.move_place(target, to, &target.name, from, &source.name);
        for ino in [source.ino, target.ino] {
            self.update_invisible(ino, |inode| inode.ctime = caller.now);
        }
    }

    /// Takes an entry out of its directory and leaves the node alone.
    fn take_out(&mut self, caller: &Caller, parent: Ino, entry: &Entry) {
        self.update(parent, |directory| {
            directory.directory_mut().remove(&entry.name);
            directory.nlink -= u32::from(entry.kind == FileKind::Directory);
            directory.mtime = caller.now;
            directory.ctime = caller.now;
        });
    }

    /// Gives the node of `entry` another name, at a position that was freed or at a new one.
    fn put_in(
        &mut self,
        caller: &Caller,
        parent: Ino,
        name: &[u8],
        entry: &Entry,
        position: Option<u64>,
    ) {
        self.update(parent, |directory| {
            match position {
                None => directory.directory_mut().add(name, entry.ino, entry.kind),
                Some(position) => {
                    directory.directory_mut().add_at(position, name, entry.ino, entry.kind);
                }
            }
            directory.nlink += u32::from(entry.kind == FileKind::Directory);
            directory.mtime = caller.now;
            directory.ctime = caller.now;
        });
        if entry.kind == FileKind::Directory {
            self.update_invisible(entry.ino, |inode| inode.directory_mut().parent = parent);
        }
    }

    fn reserve_position(&mut self, parent: Ino) -> u64 {
        self.update(parent, |directory| directory.directory_mut().reserve_position())
    }

    /// Makes a character device 0:0 without permissions where a name has just been taken out.
    fn put_whiteout(&mut self, caller: &Caller, parent: Ino, name: &[u8]) {
        let directory = self.inode(parent).expect("callers have found the parent");
        let device = Device::default();
        let node =
            NewNode { kind: FileKind::CharDevice, mode: 0, rdev: device, body: Body::Special };
        let mut whiteout = inherit(caller, directory, node);
        whiteout.place = directory.place_of(name);
        let ino = self.insert_inode(whiteout);
        self.update(parent, |directory| {
            directory.directory_mut().add(name, ino, FileKind::CharDevice);
        });
    }

    /// Whether `node` is `ancestor` or inside of it.
    fn is_at_or_below(&self, node: Ino, ancestor: Ino) -> Result<bool, Errno> {
        let mut at = node;
        loop {
            if at == ancestor {
                return Ok(true);
            }
            // The parent of a removed directory may be gone.
            let Ok((_, directory)) = self.directory(at) else { return Ok(false) };
            if directory.parent == at {
                return Ok(false);
            }
            at = directory.parent;
        }
    }

    /// Corrects the places of a node that went from one name to another, and of all below it.
    fn move_place(&mut self, entry: &Entry, from: Ino, name: &[u8], to: Ino, new_name: &[u8]) {
        let place = |parent: Ino, name: &[u8]| {
            self.inode(parent).expect("callers have found the parents").place_of(name)
        };
        let (old, new) = (place(from, name), place(to, new_name));
        let mut pending = vec![(entry.ino, old, new)];
        while let Some((ino, old, new)) = pending.pop() {
            let inode = self.inode(ino).expect("a name always has a node");
            if let Some(directory) = inode.directory() {
                pending.extend(directory.entries().map(|entry| {
                    let place = |parent| place_of(parent, &entry.name);
                    (entry.ino, place(old), place(new))
                }));
            }
            self.update(ino, |inode| {
                inode.place = inode.place.wrapping_sub(old).wrapping_add(new);
            });
        }
    }
}

fn check_flags(flags: RenameFlags) -> Result<(), Errno> {
    let known = RenameFlags::NOREPLACE | RenameFlags::EXCHANGE | RenameFlags::WHITEOUT;
    let alone = RenameFlags::NOREPLACE | RenameFlags::WHITEOUT;
    if !known.contains(flags) || flags.contains(RenameFlags::EXCHANGE) && flags.intersects(alone) {
        return Err(Errno::EINVAL);
    }
    Ok(())
}
