//! Calls that make, remove and move names.

use fuserig_abi::{
    AccessMask, Capabilities, Device, Errno, FileKind, Pid, S_IALLUGO, S_IFMT, S_ISGID, S_ISUID,
    S_ISVTX,
};
use fuserig_sim_fs::RenameFlags;

use super::call::{CallResult, PathAt, Target};
use super::fail::Fail;
use super::locks::Guard;
use super::system::Vfs;
use super::walk::{Last, Parent};
use crate::kernel::{DentryId, InodeId};
use crate::pipeline::{Operation, Want};

/// What creating and removing ask of a directory.
const CHANGE: AccessMask = AccessMask::WRITE.union(AccessMask::EXEC);

impl Vfs {
    /// `filename_create`: the parent, and a dentry for a name that must not exist yet. The caller
    /// owns both references.
    async fn name_to_create<'v, 'p>(
        &'v self,
        pid: Pid,
        path: &'p PathAt,
        directory: bool,
    ) -> Result<(Parent<'p>, DentryId, Guard<'v>), Fail> {
        let parent = self.walk_parent(pid, path).await.map_err(Fail::as_pointer)?;
        let inode = self.inode_of(parent.dentry);
        let lock = self.lock_exclusive(pid, inode).await;
        let found = match &parent.last {
            Last::Name { name, slashes } => {
                self.absent(pid, parent.dentry, name, *slashes && !directory).await
            }
            _ => Err(Errno::EEXIST.into()),
        };
        match found {
            Ok(dentry) => Ok((parent, dentry, lock)),
            Err(errno) => {
                self.put(parent.dentry);
                Err(errno)
            }
        }
    }

    async fn absent(
        &self,
        pid: Pid,
        parent: DentryId,
        name: &[u8],
        refuse: bool,
    ) -> Result<DentryId, Fail> {
        let dentry = self.lookup_for(pid, parent, name, Want::Replace).await?;
        let refused = if !self.is_negative(dentry) {
            Some(Errno::EEXIST)
        } else if refuse {
            Some(Errno::ENOENT)
        } else {
            None
        };
        match refused {
            Some(errno) => {
                self.put(dentry);
                Err(errno.into())
            }
            None => Ok(dentry),
        }
    }

    /// `may_create`, then the operation.
    async fn create(
        &self,
        pid: Pid,
        parent: &Parent<'_>,
        operation: Operation,
    ) -> Result<CallResult, Fail> {
        self.check_alive(parent.dentry)?;
        let inode = self.inode_of(parent.dentry);
        self.permission(pid, inode, CHANGE).await?;
        self.operate_checked(pid, operation).await?;
        Ok(CallResult::value(0))
    }

    pub(super) async fn mkdir(
        &self,
        pid: Pid,
        path: &PathAt,
        mode: u32,
    ) -> Result<CallResult, Fail> {
        let (parent, dentry, _lock) = self.name_to_create(pid, path, true).await?;
        let mode = mode & (S_ISVTX | 0o777);
        let made = self.create(pid, &parent, Operation::Mkdir { dentry, mode }).await;
        self.put(dentry);
        self.put(parent.dentry);
        made
    }

    pub(super) async fn mknod(
        &self,
        pid: Pid,
        path: &PathAt,
        mode: u32,
        rdev: Device,
    ) -> Result<CallResult, Fail> {
        let kind = match mode & S_IFMT {
            0 => FileKind::Regular,
            _ => FileKind::from_mode(mode).ok_or(Errno::EINVAL)?,
        };
        match kind {
            FileKind::Directory => return Err(Errno::EPERM.into()),
            FileKind::Symlink => return Err(Errno::EINVAL.into()),
            _ => {}
        }
        let (parent, dentry, _lock) = self.name_to_create(pid, path, false).await?;
        let made = self.mknod_at(pid, &parent, dentry, kind, mode, rdev).await;
        self.put(dentry);
        self.put(parent.dentry);
        made
    }

    async fn mknod_at(
        &self,
        pid: Pid,
        parent: &Parent<'_>,
        dentry: DentryId,
        kind: FileKind,
        mode: u32,
        rdev: Device,
    ) -> Result<CallResult, Fail> {
        let device = matches!(kind, FileKind::CharDevice | FileKind::BlockDevice);
        let mode = kind.type_bits() | (mode & S_IALLUGO);
        let rdev = if device { rdev } else { Device::default() };
        let whiteout = kind == FileKind::CharDevice && rdev == Device::default();
        let may = self.state().client(pid).credentials.capable(Capabilities::MKNOD);
        if device && !whiteout && !may {
            let inode = self.inode_of(parent.dentry);
            self.permission(pid, inode, CHANGE).await?;
            return Err(Errno::EPERM.into());
        }
        self.create(pid, parent, Operation::Mknod { dentry, mode, rdev }).await
    }

    pub(super) async fn symlink(
        &self,
        pid: Pid,
        target: &[u8],
        path: &PathAt,
    ) -> Result<CallResult, Fail> {
        if target.is_empty() {
            return Err(Errno::ENOENT.into());
        }
        if target.len() >= 4096 {
            return Err(Errno::ENAMETOOLONG.into());
        }
        let (parent, dentry, _lock) = self.name_to_create(pid, path, false).await?;
        let operation = Operation::Symlink { dentry, target: target.to_vec() };
        let made = self.create(pid, &parent, operation).await;
        self.put(dentry);
        self.put(parent.dentry);
        made
    }

    pub(super) async fn link(
        &self,
        pid: Pid,
        source: &Target,
        path: &PathAt,
    ) -> Result<CallResult, Fail> {
        let source = self.resolve(pid, source).await?;
        let made = match self.name_to_create(pid, path, false).await {
            Ok((parent, dentry, _lock)) => {
                let made = self.link_at(pid, source, &parent, dentry).await;
                self.put(dentry);
                self.put(parent.dentry);
                made
            }
            Err(errno) => Err(errno),
        };
        self.put(source);
        made
    }

    async fn link_at(
        &self,
        pid: Pid,
        source: DentryId,
        parent: &Parent<'_>,
        dentry: DentryId,
    ) -> Result<CallResult, Fail> {
        self.may_link(pid, source).await?;
        let directory = self.inode_of(parent.dentry);
        self.permission(pid, directory, CHANGE).await?;
        if self.is_directory(source) {
            return Err(Errno::EPERM.into());
        }
        let inode = self.inode_of(source);
        let _lock = self.lock_exclusive(pid, inode).await;
        self.operate_checked(pid, Operation::Link { source, dentry }).await?;
        Ok(CallResult::value(0))
    }

    /// `may_linkat` with protected hardlinks: a source one could neither read and write nor owns
    /// is refused (N20).
    async fn may_link(&self, pid: Pid, source: DentryId) -> Result<(), Fail> {
        let inode = self.inode_of(source);
        let (safe_kind, owner) = {
            let state = self.state();
            let node = &state.world.mount.inodes[inode];
            let set_group = S_ISGID | 0o010;
            let safe = node.kind == FileKind::Regular
                && node.permissions & S_ISUID == 0
                && node.permissions & set_group != set_group;
            let credentials = &state.client(pid).credentials;
            (safe, credentials.uid == node.uid || credentials.capable(Capabilities::FOWNER))
        };
        let readable = AccessMask::READ | AccessMask::WRITE;
        if safe_kind && self.permission(pid, inode, readable).await.is_ok() {
            return Ok(());
        }
        if owner { Ok(()) } else { Err(Errno::EPERM.into()) }
    }

    pub(super) async fn unlink(&self, pid: Pid, path: &PathAt) -> Result<CallResult, Fail> {
        let parent = self.walk_parent(pid, path).await?;
        let removed = self.unlink_in(pid, &parent).await;
        self.put(parent.dentry);
        removed
    }

    async fn unlink_in(&self, pid: Pid, parent: &Parent<'_>) -> Result<CallResult, Fail> {
        let Last::Name { name, slashes } = &parent.last else { return Err(Errno::EISDIR.into()) };
        let inode = self.inode_of(parent.dentry);
        let _lock = self.lock_exclusive(pid, inode).await;
        let dentry = self.lookup_positive(pid, parent.dentry, name).await?;
        let removed = match (*slashes, self.is_directory(dentry)) {
            (true, true) => Err(Errno::EISDIR.into()),
            (true, false) => Err(Errno::ENOTDIR.into()),
            (false, _) => self.remove(pid, parent.dentry, dentry, false).await,
        };
        self.put(dentry);
        removed
    }

    pub(super) async fn rmdir(&self, pid: Pid, path: &PathAt) -> Result<CallResult, Fail> {
        let parent = self.walk_parent(pid, path).await?;
        let removed = self.rmdir_in(pid, &parent).await;
        self.put(parent.dentry);
        removed
    }

    async fn rmdir_in(&self, pid: Pid, parent: &Parent<'_>) -> Result<CallResult, Fail> {
        let name = match &parent.last {
            Last::Name { name, .. } => name,
            Last::DotDot => return Err(Errno::ENOTEMPTY.into()),
            Last::Dot => return Err(Errno::EINVAL.into()),
            Last::Root => return Err(Errno::EBUSY.into()),
        };
        let inode = self.inode_of(parent.dentry);
        let _lock = self.lock_exclusive(pid, inode).await;
        let dentry = self.lookup_positive(pid, parent.dentry, name).await?;
        let removed = self.remove(pid, parent.dentry, dentry, true).await;
        self.put(dentry);
        removed
    }

    async fn remove(
        &self,
        pid: Pid,
        parent: DentryId,
        dentry: DentryId,
        directory: bool,
    ) -> Result<CallResult, Fail> {
        self.may_delete(pid, parent, dentry, directory).await?;
        let inode = self.inode_of(dentry);
        let _lock = self.lock_exclusive(pid, inode).await;
        let operation =
            if directory { Operation::Rmdir { dentry } } else { Operation::Unlink { dentry } };
        self.operate_checked(pid, operation).await?;
        if directory {
            self.kill_directory(dentry);
            self.state().world.mount.shrink(dentry);
        }
        self.state().world.mount.unhash(dentry);
        Ok(CallResult::value(0))
    }

    /// `may_delete`: write permission, the sticky rule, and the right kind of thing.
    async fn may_delete(
        &self,
        pid: Pid,
        parent: DentryId,
        dentry: DentryId,
        directory: bool,
    ) -> Result<(), Fail> {
        let inode = self.inode_of(parent);
        self.permission(pid, inode, CHANGE).await?;
        if self.sticky_refuses(pid, parent, dentry) {
            return Err(Errno::EPERM.into());
        }
        match (directory, self.is_directory(dentry)) {
            (true, false) => Err(Errno::ENOTDIR.into()),
            (false, true) => Err(Errno::EISDIR.into()),
            _ => Ok(()),
        }
    }

    fn sticky_refuses(&self, pid: Pid, parent: DentryId, dentry: DentryId) -> bool {
        let state = self.state();
        let mount = &state.world.mount;
        let directory = &mount.inodes[mount.inode_of(parent)];
        let victim = &mount.inodes[mount.inode_of(dentry)];
        let credentials = &state.client(pid).credentials;
        directory.permissions & S_ISVTX != 0
            && credentials.uid != victim.uid
            && credentials.uid != directory.uid
            && !credentials.capable(Capabilities::FOWNER)
    }

    pub(super) async fn rename(
        &self,
        pid: Pid,
        old: &PathAt,
        new: &PathAt,
        flags: u32,
    ) -> Result<CallResult, Fail> {
        let flags = RenameFlags::from_bits_retain(flags);
        let known = RenameFlags::NOREPLACE | RenameFlags::EXCHANGE | RenameFlags::WHITEOUT;
        let clash = RenameFlags::NOREPLACE | RenameFlags::WHITEOUT;
        if !known.contains(flags)
            || flags.contains(RenameFlags::EXCHANGE) && flags.intersects(clash)
        {
            return Err(Errno::EINVAL.into());
        }
        let old = self.walk_parent(pid, old).await?;
        let renamed = match self.walk_parent(pid, new).await {
            Ok(new) => {
                let renamed = self.rename_between(pid, &old, &new, flags).await;
                self.put(new.dentry);
                renamed
            }
            Err(errno) => Err(errno),
        };
        self.put(old.dentry);
        renamed
    }

    async fn rename_between(
        &self,
        pid: Pid,
        old: &Parent<'_>,
        new: &Parent<'_>,
        flags: RenameFlags,
    ) -> Result<CallResult, Fail> {
        let Last::Name { name: old_name, slashes: old_slashes } = &old.last else {
            return Err(Errno::EBUSY.into());
        };
        let Last::Name { name: new_name, slashes: new_slashes } = &new.last else {
            let noreplace = flags.contains(RenameFlags::NOREPLACE);
            return Err(if noreplace { Errno::EEXIST } else { Errno::EBUSY }.into());
        };
        let _locks = self.lock_rename(pid, old.dentry, new.dentry).await;
        let source = self.lookup_positive(pid, old.dentry, old_name).await?;
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        let want = if exchange { Want::Use } else { Want::Replace };
        let renamed = match self.lookup_for(pid, new.dentry, new_name, want).await {
            Ok(target) => {
                let slashes = (*old_slashes, *new_slashes);
                let renamed =
                    self.rename_checked(pid, (old, source), (new, target), slashes, flags).await;
                self.put(target);
                renamed
            }
            Err(errno) => Err(errno),
        };
        self.put(source);
        renamed
    }

    async fn rename_checked(
        &self,
        pid: Pid,
        (old, source): (&Parent<'_>, DentryId),
        (new, target): (&Parent<'_>, DentryId),
        (old_slashes, new_slashes): (bool, bool),
        flags: RenameFlags,
    ) -> Result<CallResult, Fail> {
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        let absent = self.is_negative(target);
        if flags.contains(RenameFlags::NOREPLACE) && !absent {
            return Err(Errno::EEXIST.into());
        }
        if exchange && absent {
            return Err(Errno::ENOENT.into());
        }
        if exchange && new_slashes && !self.is_directory(target) {
            return Err(Errno::ENOTDIR.into());
        }
        if !self.is_directory(source) && (old_slashes || !exchange && new_slashes) {
            return Err(Errno::ENOTDIR.into());
        }
        {
            let state = self.state();
            if state.world.mount.is_ancestor(source, new.dentry) {
                return Err(Errno::EINVAL.into());
            }
            if state.world.mount.is_ancestor(target, old.dentry) {
                return Err(if exchange { Errno::EINVAL } else { Errno::ENOTEMPTY }.into());
            }
        }
        self.vfs_rename(pid, (old.dentry, source), (new.dentry, target), flags).await
    }

    async fn vfs_rename(
        &self,
        pid: Pid,
        (old_parent, source): (DentryId, DentryId),
        (new_parent, target): (DentryId, DentryId),
        flags: RenameFlags,
    ) -> Result<CallResult, Fail> {
        let source_is_directory = self.is_directory(source);
        let positive = !self.is_negative(target);
        if positive && self.inode_of(source) == self.inode_of(target) {
            return Ok(CallResult::value(0));
        }
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        self.may_delete(pid, old_parent, source, source_is_directory).await?;
        if positive {
            let wanted = if exchange { self.is_directory(target) } else { source_is_directory };
            self.may_delete(pid, new_parent, target, wanted).await?;
        } else {
            let inode = self.inode_of(new_parent);
            self.permission(pid, inode, CHANGE).await?;
        }
        if old_parent != new_parent {
            if source_is_directory {
                let inode = self.inode_of(source);
                self.permission(pid, inode, AccessMask::WRITE).await?;
            }
            if exchange && self.is_directory(target) {
                let inode = self.inode_of(target);
                self.permission(pid, inode, AccessMask::WRITE).await?;
            }
        }
        // A directory is locked when it changes its parent or is about to be removed, and so is
        // everything else: directories first, since who makes a name in one holds it and goes on
        // to what gets the name (Documentation/filesystems/directory-locking).
        let moves = old_parent != new_parent;
        let mut moving = Vec::with_capacity(2);
        if moves || !source_is_directory {
            moving.push(self.inode_of(source));
        }
        if positive && (moves || !exchange || !self.is_directory(target)) {
            moving.push(self.inode_of(target));
        }
        let is_file =
            |inode: InodeId| self.state().world.mount.inodes[inode].kind != FileKind::Directory;
        moving.sort_unstable_by_key(|&inode| (is_file(inode), inode));
        let mut locks = Vec::with_capacity(moving.len());
        for inode in moving {
            locks.push(self.lock_exclusive(pid, inode).await);
        }
        let operation = Operation::Rename { old: source, new: target, flags: flags.bits() };
        self.operate_checked(pid, operation).await?;
        if positive && !exchange && source_is_directory {
            self.kill_directory(target);
            self.state().world.mount.shrink(target);
        }
        self.state().world.mount.moved(source, target, exchange);
        Ok(CallResult::value(0))
    }
}
