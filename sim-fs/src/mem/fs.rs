//! The filesystem value, its tables, and how they are changed.

use core::fmt;
use std::sync::Arc;

use fuserig_abi::{
    AccessMask, Caller, Device, Errno, FileKind, Gid, Ino, Stat, StatFs, Timespec, Uid,
};

use super::{
    digest::{Digest, ROOT_PLACE},
    directory::Directory,
    inode::{Body, Inode},
    map::Map,
    options::{AtimePolicy, MemFsOptions},
    page::PAGE_U64,
    permission::check_access,
};
use crate::{LockTable, LowerFh, LowerReply, OpenFlags};

/// The longest name (`NAME_MAX`).
const NAME_LEN_MAX: usize = 255;
/// How old an access time may get under [`AtimePolicy::Relatime`]: a day.
const RELATIME_MAX_SECS: i64 = 24 * 60 * 60;

/// An open file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handle {
    pub(super) ino: Ino,
    pub(super) flags: OpenFlags,
}

impl Handle {
    /// A handle that only names a path can do nothing.
    fn usable(self) -> bool {
        !self.flags.contains(OpenFlags::PATH)
    }

    pub(super) fn readable(self) -> bool {
        self.usable() && self.flags.wants_read()
    }

    pub(super) fn writable(self) -> bool {
        self.usable() && self.flags.wants_write()
    }
}

/// A filesystem in memory with the semantics of Linux's tmpfs.
///
/// `clone` is a snapshot: it costs a few reference counts however many files there are, shares
/// everything, and neither side ever sees changes of the other. Dropping a fork restores.
///
/// It reads no clock and no randomness: times come from the [`Caller`], inode numbers count up
/// from the root's, and the same operations give the same answers everywhere. What is not
/// modelled: mmap, immutable and append-only flags, quotas, user namespaces, leases.
///
/// Every operation costs the same whatever the number of files, but for two that say so: the
/// renaming of a directory, which corrects the digest for everything below it, and what walks the
/// pages of a file.
///
/// ```
/// use fuserig_abi::{AccessMask, Caller, Credentials, Errno, Ino, Pid, Timespec};
/// use fuserig_sim_fs::{LowerExt, MemFs, MemFsOptions};
///
/// let caller = Caller::new(Credentials::root(), Pid(1), Timespec::from_secs(7));
/// let mut fs = MemFs::new(MemFsOptions::default());
/// let notes = fs.create(&caller, Ino(1), b"notes.txt", 0o644)?;
///
/// let mut fork = fs.clone();
/// fork.unlink(&caller, Ino(1), b"notes.txt")?;
/// assert_eq!(fork.lookup(&caller, Ino(1), b"notes.txt"), Err(Errno::ENOENT));
/// assert_eq!(fs.lookup(&caller, Ino(1), b"notes.txt")?, notes);
/// # Ok::<(), Errno>(())
/// ```
#[derive(Clone)]
pub struct MemFs {
    pub(super) options: MemFsOptions,
    pub(super) inodes: Map<Arc<Inode>>,
    pub(super) handles: Map<Handle>,
    /// Locks by inode; inodes without locks are not in it.
    pub(super) locks: Map<Arc<LockTable<LowerFh>>>,
    next_ino: u64,
    next_fh: u64,
    pub(super) pages_used: u64,
    /// Inodes, and every hard link beyond the first.
    pub(super) inodes_used: u64,
    digest: u128,
}

impl MemFs {
    /// An empty filesystem: a root that belongs to the super-user, with all times at the epoch.
    pub fn new(options: MemFsOptions) -> MemFs {
        let root = options.root_ino;
        let mut fs = MemFs::without_nodes(options, root.0);
        let body = Body::Directory(Arc::new(Directory::new(root)));
        let mut inode = new_inode(FileKind::Directory, body, Timespec::ZERO);
        inode.permissions = options.root_permissions;
        inode.nlink = 2;
        inode.place = ROOT_PLACE;
        fs.insert_inode(inode);
        fs
    }

    /// The limits and choices it was made with.
    pub fn options(&self) -> &MemFsOptions {
        &self.options
    }

    /// The digest of the visible state. It is kept up to date by every operation; reading it
    /// costs nothing.
    pub fn digest(&self) -> Digest {
        Digest(self.digest)
    }

    pub(super) fn inode(&self, ino: Ino) -> Result<&Inode, Errno> {
        self.inodes.get(ino.0).map(|inode| &**inode).ok_or(Errno::ESTALE)
    }

    /// The node as a directory; anything else is `ENOTDIR`.
    pub(super) fn directory(&self, ino: Ino) -> Result<(&Inode, &Directory), Errno> {
        let inode = self.inode(ino)?;
        Ok((inode, inode.directory().ok_or(Errno::ENOTDIR)?))
    }

    /// Changes an inode that is there, and with it the digest and the space in use.
    pub(super) fn update<T>(&mut self, ino: Ino, change: impl FnOnce(&mut Inode) -> T) -> T {
        let shared = self.inodes.get_mut(ino.0).expect("callers have looked the inode up");
        let inode = Arc::make_mut(shared);
        let pages_before = inode.pages();
        let result = change(inode);
        let before = inode.contribution;
        inode.contribution = inode.contribution();
        self.digest = self.digest.wrapping_sub(before).wrapping_add(inode.contribution);
        self.pages_used = self.pages_used - pages_before + inode.pages();
        result
    }

    /// Changes of an inode what the digest does not include.
    pub(super) fn update_invisible(&mut self, ino: Ino, change: impl FnOnce(&mut Inode)) {
        let shared = self.inodes.get_mut(ino.0).expect("callers have looked the inode up");
        change(Arc::make_mut(shared));
    }

    /// A filesystem without any node, not even a root, for whoever files nodes under numbers of
    /// their own; new ones count from `next_ino`.
    pub(super) fn without_nodes(options: MemFsOptions, next_ino: u64) -> MemFs {
        MemFs {
            options,
            inodes: Map::default(),
            handles: Map::default(),
            locks: Map::default(),
            next_ino,
            next_fh: 1,
            pages_used: 0,
            inodes_used: 0,
            digest: 0,
        }
    }

    /// Files a new inode under the next number. The caller has checked the limits.
    pub(super) fn insert_inode(&mut self, inode: Inode) -> Ino {
        let ino = Ino(self.next_ino);
        self.next_ino += 1;
        self.file_inode(ino, inode);
        ino
    }

    /// Files an inode under a number that is not in use.
    pub(super) fn file_inode(&mut self, ino: Ino, mut inode: Inode) {
        inode.contribution = inode.contribution();
        self.digest = self.digest.wrapping_add(inode.contribution);
        self.pages_used += inode.pages();
        self.inodes_used += 1;
        self.inodes.insert(ino.0, Arc::new(inode));
    }

    /// Frees an inode that has no name, no handle, and nobody who knows its number.
    pub(super) fn free_if_unused(&mut self, ino: Ino) {
        let Some(inode) = self.inodes.get(ino.0) else { return };
        if inode.nlink == 0 && inode.opens == 0 && !inode.referenced {
            assert_eq!(inode.contribution, 0, "a node without a name is not in the digest");
            self.pages_used -= inode.pages();
            self.inodes_used -= 1;
            self.inodes.remove(ino.0);
        }
    }

    /// Remembers that the caller now knows the number, and answers with the attributes.
    pub(super) fn hand_out(&mut self, ino: Ino) -> Stat {
        let inode = self.inode(ino).expect("callers have looked the inode up");
        let stat = inode.stat(ino);
        if !inode.referenced {
            self.update_invisible(ino, |inode| inode.referenced = true);
        }
        stat
    }

    pub(super) fn handle(&self, fh: LowerFh) -> Result<Handle, Errno> {
        self.handles.get(fh.0).copied().ok_or(Errno::EBADF)
    }

    /// The open file, unless it only names a path: that is `EBADF` before anything else.
    pub(super) fn usable_handle(&self, fh: LowerFh) -> Result<Handle, Errno> {
        self.handle(fh)
            .and_then(|handle| if handle.usable() { Ok(handle) } else { Err(Errno::EBADF) })
    }

    pub(super) fn insert_handle(&mut self, handle: Handle) -> LowerFh {
        let fh = LowerFh(self.next_fh);
        self.next_fh += 1;
        self.handles.insert(fh.0, handle);
        self.update_invisible(handle.ino, |inode| inode.opens += 1);
        fh
    }

    pub(super) fn pages_free(&self) -> u64 {
        (self.options.capacity_bytes / PAGE_U64).saturating_sub(self.pages_used)
    }

    pub(super) fn check_inodes(&self, wanted: u64) -> Result<(), Errno> {
        if self.inodes_used + wanted > self.options.inodes_max {
            return Err(Errno::ENOSPC);
        }
        Ok(())
    }

    pub(super) fn check_pages(&self, wanted: u64) -> Result<(), Errno> {
        if wanted > self.pages_free() { Err(Errno::ENOSPC) } else { Ok(()) }
    }

    /// Moves the access time as the policy says (`touch_atime`).
    pub(super) fn touch_atime(&mut self, handle: Handle, now: Timespec) {
        let inode = self.inode(handle.ino).expect("an open file keeps its inode");
        let policy =
            if inode.is_directory() { self.options.directory_atime } else { self.options.atime };
        let stale = match policy {
            AtimePolicy::Strictatime => inode.atime != now,
            AtimePolicy::Noatime => false,
            AtimePolicy::Relatime => {
                inode.atime <= inode.mtime
                    || inode.atime <= inode.ctime
                    || now.sec.saturating_sub(inode.atime.sec) >= RELATIME_MAX_SECS
            }
        };
        if stale && inode.atime != now && !handle.flags.contains(OpenFlags::NOATIME) {
            self.update_invisible(handle.ino, |inode| inode.atime = now);
        }
    }

    pub(super) fn forget_op(&mut self, node: Ino) -> Result<LowerReply, Errno> {
        if self.inode(node)?.referenced {
            self.update_invisible(node, |inode| inode.referenced = false);
        }
        self.free_if_unused(node);
        Ok(LowerReply::Done)
    }

    pub(super) fn access_op(
        &self,
        caller: &Caller,
        node: Ino,
        mask: AccessMask,
    ) -> Result<LowerReply, Errno> {
        check_access(self.inode(node)?, &caller.credentials, mask)?;
        Ok(LowerReply::Done)
    }

    pub(super) fn statfs_op(&self, node: Ino) -> Result<LowerReply, Errno> {
        self.inode(node)?;
        Ok(LowerReply::StatFs(self.room()))
    }

    /// What there is and what is free, as `statfs` says it.
    pub fn room(&self) -> StatFs {
        let free = self.pages_free();
        StatFs {
            blocks: self.options.capacity_bytes / PAGE_U64,
            bfree: free,
            bavail: free,
            files: self.options.inodes_max,
            ffree: self.options.inodes_max.saturating_sub(self.inodes_used),
            bsize: PAGE_U64 as u32,
            namelen: NAME_LEN_MAX as u32,
            frsize: PAGE_U64 as u32,
        }
    }
}

impl fmt::Debug for MemFs {
    /// The figures and not the files: there may be a hundred thousand of them. For the files there
    /// is [`MemFs::to_tree`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemFs")
            .field("digest", &self.digest())
            .field("inodes_used", &self.inodes_used)
            .field("pages_used", &self.pages_used)
            .finish_non_exhaustive()
    }
}

impl Default for MemFs {
    fn default() -> MemFs {
        MemFs::new(MemFsOptions::default())
    }
}

/// An inode without a name that belongs to root, with every time at `now`.
pub(super) fn new_inode(kind: FileKind, body: Body, now: Timespec) -> Inode {
    Inode {
        kind,
        permissions: 0,
        nlink: 1,
        uid: Uid::ROOT,
        gid: Gid::ROOT,
        rdev: Device::default(),
        size: 0,
        atime: now,
        mtime: now,
        ctime: now,
        btime: now,
        opens: 0,
        referenced: false,
        linkable: false,
        place: 0,
        contribution: 0,
        xattrs: None,
        body,
    }
}

/// Refuses what is not one component, as `lookup_one_len` does, and what `directory` cannot have.
pub(super) fn check_name(directory: &Inode, name: &[u8]) -> Result<(), Errno> {
    check_component(name)?;
    check_lookup(directory, name)
}

/// A removed directory is not even searched (`IS_DEADDIR`); after that a name may be too long.
pub(super) fn check_lookup(directory: &Inode, name: &[u8]) -> Result<(), Errno> {
    if directory.nlink == 0 {
        return Err(Errno::ENOENT);
    }
    if name.len() > NAME_LEN_MAX { Err(Errno::ENAMETOOLONG) } else { Ok(()) }
}

pub(super) fn check_component(name: &[u8]) -> Result<(), Errno> {
    if matches!(name, b"" | b"." | b"..") || name.iter().any(|byte| matches!(byte, 0 | b'/')) {
        return Err(Errno::EACCES);
    }
    Ok(())
}
