//! Open files of a host directory, and the small conversions that everything here shares.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use fuserig_abi::{Device, Errno, FileKind, Ino};
use rustix::fs::{Mode, OFlags};

use crate::{LowerFh, OpenFlags};

/// The errno of a system call as data of the simulated world.
pub(super) fn errno(error: rustix::io::Errno) -> Errno {
    Errno(error.raw_os_error())
}

/// Permission bits for a system call.
pub(super) fn mode_bits(mode: u32) -> Mode {
    Mode::from_bits_retain(mode & fuserig_abi::S_IALLUGO)
}

/// An offset as the kernel has it: negative when it is too large, which every call refuses.
pub(super) fn checked_offset(offset: u64) -> Result<u64, Errno> {
    i64::try_from(offset).map(|_| offset).or(Err(Errno::EINVAL))
}

/// An open file.
#[derive(Debug)]
pub(super) struct Handle {
    /// Which node it was opened from.
    pub(super) node: Ino,
    /// Its type.
    pub(super) kind: FileKind,
    /// How it was opened.
    pub(super) flags: OpenFlags,
    /// What it is open on.
    pub(super) on: On,
}

/// What a handle is open on.
#[derive(Debug)]
pub(super) enum On {
    /// A descriptor of the host.
    Host(OwnedFd),
    /// A device or a fifo, which is never opened on the host.
    Device(Device),
}

impl Handle {
    /// Whether the handle only names a path: everything but closing is `EBADF`.
    pub(super) fn names_path(&self) -> bool {
        self.flags.contains(OpenFlags::PATH)
    }

    pub(super) fn readable(&self) -> bool {
        !self.names_path() && self.flags.wants_read()
    }

    pub(super) fn writable(&self) -> bool {
        !self.names_path() && self.flags.wants_write()
    }
}

/// All open files.
#[derive(Debug)]
pub(super) struct Handles {
    open: BTreeMap<LowerFh, Handle>,
    next: u64,
    /// Whether reads through files opened from now on leave access times alone.
    pub(super) noatime: bool,
}

impl Handles {
    /// None.
    pub(super) fn new() -> Handles {
        Handles { open: BTreeMap::new(), next: 1, noatime: false }
    }

    /// Takes an open file in.
    pub(super) fn insert(&mut self, handle: Handle) -> LowerFh {
        if self.noatime
            && let On::Host(fd) = &handle.on
        {
            // Somebody else's file refuses it, and then the host's own mount decides.
            let _ = rustix::fs::fcntl_getfl(fd)
                .and_then(|flags| rustix::fs::fcntl_setfl(fd, flags | OFlags::NOATIME));
        }
        let fh = LowerFh(self.next);
        self.next += 1;
        self.open.insert(fh, handle);
        fh
    }

    /// The open file behind a number, or `EBADF`.
    pub(super) fn get(&self, fh: LowerFh) -> Result<&Handle, Errno> {
        self.open.get(&fh).ok_or(Errno::EBADF)
    }

    /// The open file behind a number, if it can do more than name a path.
    pub(super) fn usable(&self, fh: LowerFh) -> Result<&Handle, Errno> {
        self.get(fh)
            .and_then(|handle| if handle.names_path() { Err(Errno::EBADF) } else { Ok(handle) })
    }

    /// The descriptor behind a number; `special` when it has none.
    pub(super) fn fd(&self, fh: LowerFh, special: Errno) -> Result<BorrowedFd<'_>, Errno> {
        match &self.usable(fh)?.on {
            On::Host(fd) => Ok(fd.as_fd()),
            On::Device(_) => Err(special),
        }
    }

    /// The nodes that are open.
    pub(super) fn nodes(&self) -> BTreeSet<Ino> {
        self.open.values().map(|handle| handle.node).collect()
    }

    /// Closes.
    pub(super) fn remove(&mut self, fh: LowerFh) -> Result<(), Errno> {
        self.open.remove(&fh).map(drop).ok_or(Errno::EBADF)
    }
}

/// The host's open flags for those that reach a filesystem. Left out: what the VFS has done
/// (`CREAT`, `EXCL`, `NOFOLLOW`), what is not the filesystem's (`CLOEXEC`, `NOCTTY`, `ASYNC`),
/// and `DIRECT`, whose alignment rules are about the memory of a caller we do not have.
pub(super) fn host_flags(flags: OpenFlags) -> OFlags {
    const TABLE: [(OpenFlags, OFlags); 7] = [
        (OpenFlags::TRUNC, OFlags::TRUNC),
        (OpenFlags::APPEND, OFlags::APPEND),
        (OpenFlags::NONBLOCK, OFlags::NONBLOCK),
        (OpenFlags::DSYNC, OFlags::DSYNC),
        (OpenFlags::DIRECTORY, OFlags::DIRECTORY),
        (OpenFlags::NOATIME, OFlags::NOATIME),
        (OpenFlags::SYNC_METADATA, OFlags::SYNC),
    ];
    // The two low bits are the access mode on every architecture.
    let access = OFlags::from_bits_retain(flags.access_mode());
    TABLE
        .into_iter()
        .filter(|(ours, _)| flags.contains(*ours))
        .fold(access | OFlags::CLOEXEC | OFlags::NOCTTY, |all, (_, theirs)| all | theirs)
}
