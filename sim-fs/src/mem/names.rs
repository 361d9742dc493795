//! Operations on names: lookup, the creations, link and the removals.
//!
//! Every operation checks everything, limits included, before it changes anything.

use std::sync::Arc;

use fuserig_abi::{
    AccessMask, Caller, Capabilities, Device, Errno, FileKind, Ino, S_IALLUGO, S_IFMT, S_ISGID,
    S_ISVTX, Stat,
};

use super::{
    contents::Contents,
    directory::{Directory, Entry},
    fs::{MemFs, check_component, check_lookup, check_name, new_inode},
    inode::{Body, Inode, symlink_pages},
    permission::{Victim, check_access, check_create, check_delete, creation_mode},
};
use crate::LowerReply;

/// `PATH_MAX` less the terminator.
const TARGET_LEN_MAX: usize = 4095;

/// What a creation makes, before ownership and inheritance.
#[derive(Debug)]
pub(super) struct NewNode {
    pub(super) kind: FileKind,
    pub(super) mode: u32,
    pub(super) rdev: Device,
    pub(super) body: Body,
}

impl NewNode {
    pub(super) fn regular(mode: u32) -> NewNode {
        NewNode::special(FileKind::Regular, mode, Device::default())
    }

    pub(super) fn special(kind: FileKind, mode: u32, rdev: Device) -> NewNode {
        let body = match kind {
            FileKind::Regular => Body::Regular(Contents::default()),
            _ => Body::Special,
        };
        NewNode { kind, mode: mode & S_IALLUGO, rdev, body }
    }
}

impl MemFs {
    pub(super) fn lookup_op(
        &mut self,
        caller: &Caller,
        parent: Ino,
        name: &[u8],
    ) -> Result<LowerReply, Errno> {
        let (inode, directory) = self.directory(parent)?;
        check_component(name)?;
        check_access(inode, &caller.credentials, AccessMask::EXEC)?;
        check_lookup(inode, name)?;
        let ino = directory.get(name).ok_or(Errno::ENOENT)?.ino;
        Ok(LowerReply::Stat(self.hand_out(ino)))
    }

    pub(super) fn parent_op(&mut self, node: Ino) -> Result<LowerReply, Errno> {
        let parent = self.directory(node)?.1.parent;
        // A removed directory remembers its parent, which may be gone for good by now.
        self.inode(parent).or(Err(Errno::ENOENT))?;
        Ok(LowerReply::Stat(self.hand_out(parent)))
    }

    pub(super) fn create_op(
        &mut self,
        caller: &Caller,
        parent: Ino,
        name: &[u8],
        mode: u32,
    ) -> Result<LowerReply, Errno> {
        let stat = self.make(caller, parent, name, NewNode::regular(mode))?;
        Ok(LowerReply::Stat(stat))
    }

    pub(super) fn mknod_op(
        &mut self,
        caller: &Caller,
        parent: Ino,
        name: &[u8],
        mode: u32,
        rdev: Device,
    ) -> Result<LowerReply, Errno> {
        // No type means a regular file (man 2 mknod).
        let kind = match mode & S_IFMT {
            0 => FileKind::Regular,
            _ => FileKind::from_mode(mode).ok_or(Errno::EINVAL)?,
        };
        let device = match kind {
            FileKind::Directory => return Err(Errno::EPERM),
            FileKind::Symlink => return Err(Errno::EINVAL),
            FileKind::CharDevice | FileKind::BlockDevice => rdev,
            FileKind::Regular | FileKind::Fifo | FileKind::Socket => Device::default(),
        };
        self.check_addable(caller, parent, name)?;
        // Everybody may make a whiteout.
        let whiteout = kind == FileKind::CharDevice && device == Device::default();
        let privileged = matches!(kind, FileKind::CharDevice | FileKind::BlockDevice) && !whiteout;
        if privileged && !caller.credentials.capable(Capabilities::MKNOD) {
            return Err(Errno::EPERM);
        }
        let stat = self.make(caller, parent, name, NewNode::special(kind, mode, device))?;
        Ok(LowerReply::Stat(stat))
    }

    pub(super) fn mkdir_op(
        &mut self,
        caller: &Caller,
        parent: Ino,
        name: &[u8],
        mode: u32,
    ) -> Result<LowerReply, Errno> {
        let node = NewNode {
            kind: FileKind::Directory,
            mode: mode & (0o777 | S_ISVTX),
            rdev: Device::default(),
            body: Body::Directory(Arc::new(Directory::new(parent))),
        };
        Ok(LowerReply::Stat(self.make(caller, parent, name, node)?))
    }

    pub(super) fn symlink_op(
        &mut self,
        caller: &Caller,
        parent: Ino,
        name: &[u8],
        target: &[u8],
    ) -> Result<LowerReply, Errno> {
        self.directory(parent)?;
        check_component(name)?;
        if target.is_empty() {
            return Err(Errno::ENOENT);
        }
        if target.len() > TARGET_LEN_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        self.check_addable(caller, parent, name)?;
        self.check_pages(symlink_pages(target))?;
        let body = Body::Symlink(Arc::from(target));
        let node = NewNode { kind: FileKind::Symlink, mode: 0o777, rdev: Device::default(), body };
        Ok(LowerReply::Stat(self.make(caller, parent, name, node)?))
    }

    pub(super) fn readlink_op(&self, node: Ino) -> Result<LowerReply, Errno> {
        match &self.inode(node)?.body {
            Body::Symlink(target) => Ok(LowerReply::Bytes(target.to_vec())),
            Body::Regular(_) | Body::Directory(_) | Body::Special => Err(Errno::EINVAL),
        }
    }

    /// What every creation of a name asks of the directory first.
    pub(super) fn check_addable(
        &self,
        caller: &Caller,
        parent: Ino,
        name: &[u8],
    ) -> Result<(), Errno> {
        let (inode, directory) = self.directory(parent)?;
        check_name(inode, name)?;
        if directory.get(name).is_some() {
            return Err(Errno::EEXIST);
        }
        check_create(inode, &caller.credentials)
    }

    /// Makes a node with a name.
    pub(super) fn make(
        &mut self,
        caller: &Caller,
        parent: Ino,
        name: &[u8],
        node: NewNode,
    ) -> Result<Stat, Errno> {
        self.check_addable(caller, parent, name)?;
        let (inode, directory) = self.directory(parent)?;
        if node.kind == FileKind::Directory && inode.nlink >= self.options.links_max {
            return Err(Errno::EMLINK);
        }
        if directory.is_full() {
            return Err(Errno::ENOSPC);
        }
        self.check_inodes(1)?;
        let mut child = inherit(caller, inode, node);
        child.referenced = true;
        child.place = inode.place_of(name);
        let kind = child.kind;
        if kind == FileKind::Directory {
            child.nlink = 2;
        }
        let ino = self.insert_inode(child);
        self.update(parent, |directory| {
            directory.directory_mut().add(name, ino, kind);
            directory.nlink += u32::from(kind == FileKind::Directory);
            directory.mtime = caller.now;
            directory.ctime = caller.now;
        });
        Ok(self.inode(ino).expect("the node was made above").stat(ino))
    }

    pub(super) fn link_op(
        &mut self,
        caller: &Caller,
        node: Ino,
        parent: Ino,
        name: &[u8],
    ) -> Result<LowerReply, Errno> {
        let inode = self.inode(node)?;
        self.check_addable(caller, parent, name)?;
        if inode.is_directory() {
            return Err(Errno::EPERM);
        }
        if inode.nlink == 0 && !inode.linkable {
            return Err(Errno::ENOENT);
        }
        if inode.nlink >= self.options.links_max {
            return Err(Errno::EMLINK);
        }
        let kind = inode.kind;
        // A first name is paid for with the inode, see `MemFs::inodes_used`.
        let cost = u64::from(inode.nlink > 0);
        self.check_inodes(cost)?;
        let (directory, entries) = self.directory(parent)?;
        if entries.is_full() {
            return Err(Errno::ENOSPC);
        }
        let place = directory.place_of(name);
        self.inodes_used += cost;
        self.update(parent, |directory| {
            directory.directory_mut().add(name, node, kind);
            directory.mtime = caller.now;
            directory.ctime = caller.now;
        });
        self.update(node, |inode| {
            inode.nlink += 1;
            inode.linkable = false;
            inode.place = inode.place.wrapping_add(place);
            inode.ctime = caller.now;
        });
        Ok(LowerReply::Stat(self.hand_out(node)))
    }

    pub(super) fn unlink_op(
        &mut self,
        caller: &Caller,
        parent: Ino,
        name: &[u8],
    ) -> Result<LowerReply, Errno> {
        let entry = self.entry(parent, name)?;
        let (directory, victim) = (self.inode(parent)?, self.inode(entry.ino)?);
        check_delete(directory, victim, &caller.credentials, Victim::NotDirectory)?;
        self.detach(caller, parent, name);
        Ok(LowerReply::Done)
    }

    pub(super) fn rmdir_op(
        &mut self,
        caller: &Caller,
        parent: Ino,
        name: &[u8],
    ) -> Result<LowerReply, Errno> {
        let entry = self.entry(parent, name)?;
        let (directory, victim) = (self.inode(parent)?, self.inode(entry.ino)?);
        check_delete(directory, victim, &caller.credentials, Victim::Directory)?;
        if victim.directory().is_some_and(|directory| directory.count() > 0) {
            return Err(Errno::ENOTEMPTY);
        }
        self.detach(caller, parent, name);
        Ok(LowerReply::Done)
    }

    /// The entry of a name, for operations that need one.
    pub(super) fn entry(&self, parent: Ino, name: &[u8]) -> Result<Arc<Entry>, Errno> {
        let (inode, directory) = self.directory(parent)?;
        check_name(inode, name)?;
        directory.get(name).cloned().ok_or(Errno::ENOENT)
    }

    /// Takes a name away that is there, from a file or from an empty directory, and frees the node
    /// if that was the last thing that held it. Returns the position that the name had.
    pub(super) fn detach(&mut self, caller: &Caller, parent: Ino, name: &[u8]) -> u64 {
        let place = self.inode(parent).expect("callers have found the parent").place_of(name);
        let entry = self.update(parent, |directory| {
            directory.mtime = caller.now;
            directory.ctime = caller.now;
            let entry = directory.directory_mut().remove(name);
            let entry = entry.expect("callers have found the name");
            directory.nlink -= u32::from(entry.kind == FileKind::Directory);
            entry
        });
        let was_further_link = self.update(entry.ino, |victim| {
            let was_further_link = !victim.is_directory() && victim.nlink > 1;
            victim.nlink = if victim.is_directory() { 0 } else { victim.nlink - 1 };
            victim.place = victim.place.wrapping_sub(place);
            victim.ctime = caller.now;
            was_further_link
        });
        self.inodes_used -= u64::from(was_further_link);
        self.free_if_unused(entry.ino);
        entry.position
    }
}

/// Owner, group, permissions and access control lists of a new node (`inode_init_owner` and
/// `posix_acl_create`).
pub(super) fn inherit(caller: &Caller, directory: &Inode, node: NewNode) -> Inode {
    let credentials = &caller.credentials;
    let mut child = new_inode(node.kind, node.body, caller.now);
    child.rdev = node.rdev;
    child.uid = credentials.uid;
    let is_directory = child.is_directory();
    let setgid = directory.permissions & S_ISGID;
    child.gid = if setgid != 0 { directory.gid } else { credentials.gid };
    child.permissions = match node.kind {
        FileKind::Symlink => return Inode { permissions: node.mode, ..child },
        FileKind::Directory => node.mode | setgid,
        _ => creation_mode(directory, credentials, node.mode),
    };
    let default = directory.xattrs.as_ref().and_then(|xattrs| xattrs.acl_default.clone());
    if let Some(default) = default {
        let (access, permissions) = default.inherited(child.permissions);
        child.permissions = permissions;
        let shows_as_mode = access.mode().1;
        if is_directory || !shows_as_mode {
            child.change_xattrs(|xattrs| {
                xattrs.acl_access = (!shows_as_mode).then_some(access);
                xattrs.acl_default = is_directory.then_some(default);
            });
        }
    }
    child
}
