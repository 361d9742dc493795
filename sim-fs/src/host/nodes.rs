//! The nodes of a host directory: our numbers, the host's identities, and the descriptors.
//!
//! A number is minted when a file is first seen and belongs to (device, inode, creation time), so
//! two names of one file share it and a host inode number that is used again does not. While a
//! node is held its descriptor pins the host inode, unless it is parked (`parked`); a forgotten
//! node keeps its number, unless its last name is gone too.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use fuserig_abi::{Device, Errno, FileKind, Gid, Ino, S_IALLUGO, Stat, Timespec, Uid};
use rustix::fs::{AtFlags, Statx, StatxFlags, StatxTimestamp};

use super::handle::errno;
use super::parked::Parking;
use super::sights::{Held, Sights};

/// Major and minor number of a device.
pub(super) type OnDevice = (u32, u32);

/// What makes a file of the host itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    device: OnDevice,
    inode: u64,
    born: Timespec,
}

/// A file of the host that somebody holds.
#[derive(Debug)]
pub(super) struct Node {
    /// An `O_PATH` descriptor; none while it is parked, see [`super::parked`].
    pub(super) fd: Option<OwnedFd>,
    /// Its type, which never changes.
    pub(super) kind: FileKind,
    pub(super) key: Key,
    /// A name that it had, in a directory that was held; none of directories.
    pub(super) name: Option<(Ino, Box<[u8]>)>,
}

/// What had one name when it was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastName(Key);

/// The numbers of all files that were seen and may come again.
#[derive(Debug)]
pub(super) struct Numbers {
    of: BTreeMap<Key, Ino>,
    next: u64,
}

impl Default for Numbers {
    /// None; the first is that of the root.
    fn default() -> Numbers {
        Numbers { of: BTreeMap::new(), next: Nodes::ROOT.0 }
    }
}

impl Numbers {
    /// The number of a file, which may be a new one.
    pub(super) fn number(&mut self, key: Key) -> Ino {
        let next = &mut self.next;
        *self.of.entry(key).or_insert_with(|| {
            let ino = Ino(*next);
            *next += 1;
            ino
        })
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Nodes {
    numbers: Numbers,
    pub(super) held: BTreeMap<Ino, Node>,
    pub(super) parking: Parking,
    /// Held nodes by device and inode: while one is held, nothing else has these. A listing asks
    /// for all of one device, so that a search compares single numbers.
    pub(super) pinned: BTreeMap<OnDevice, Held>,
    /// Held regular files whose last name was taken away, as far as we know.
    pub(super) orphans: BTreeSet<Ino>,
    /// Orphans that were let go before they were forgotten.
    let_go: BTreeSet<Ino>,
    root: Key,
    /// The mount that the root is on, where the host tells.
    mount: Option<u64>,
}

impl Nodes {
    /// The root and nothing else, and how many descriptors all of them may have.
    pub(super) fn new(root: OwnedFd, descriptors_max: usize) -> Result<Nodes, Errno> {
        let described = describe(root.as_fd())?;
        let mut nodes = Nodes {
            numbers: Numbers::default(),
            held: BTreeMap::new(),
            parking: Parking::new(descriptors_max),
            pinned: BTreeMap::new(),
            orphans: BTreeSet::new(),
            let_go: BTreeSet::new(),
            root: key(&described),
            mount: mount(&described),
        };
        nodes.adopt(root, None)?;
        Ok(nodes)
    }

    /// The number of the root.
    pub(super) const ROOT: Ino = Ino(1);

    /// The node behind a number; `ESTALE` when nobody holds it.
    pub(super) fn get(&self, ino: Ino) -> Result<&Node, Errno> {
        self.held.get(&ino).ok_or(Errno::ESTALE)
    }

    /// The descriptor of a node that is not parked; `ESTALE` of one that is.
    pub(super) fn fd(&self, ino: Ino) -> Result<BorrowedFd<'_>, Errno> {
        self.get(ino)?.fd.as_ref().map(OwnedFd::as_fd).ok_or(Errno::ESTALE)
    }

    /// The node behind a number, which must be a directory.
    pub(super) fn directory(&self, ino: Ino) -> Result<BorrowedFd<'_>, Errno> {
        match self.get(ino)?.kind {
            FileKind::Directory => self.fd(ino),
            _ => Err(Errno::ENOTDIR),
        }
    }

    /// Takes in an `O_PATH` descriptor, of what had that name where it is known, and returns what
    /// it leads to.
    pub(super) fn adopt(&mut self, fd: OwnedFd, name: Option<(Ino, &[u8])>) -> Result<Stat, Errno> {
        let described = describe(fd.as_fd())?;
        let key = key(&described);
        let ino = self.numbers.number(key);
        let stat = stat(&described, ino)?;
        let kind = stat.kind;
        let node = self.held.entry(ino).or_insert(Node { fd: None, kind, key, name: None });
        if node.fd.is_none() {
            node.fd = Some(fd);
            self.parking.opened += 1;
            self.pinned.entry(key.device).or_default().insert(key.inode, (ino, kind));
        }
        if let Some((parent, name)) = name.filter(|_| kind != FileKind::Directory) {
            node.name = Some((parent, name.into()));
        }
        Ok(stat)
    }

    /// The attributes of what a name leads to when that is held already, with one question to the
    /// host; none when it has to be opened first.
    pub(super) fn glance(
        &self,
        directory: BorrowedFd<'_>,
        name: &[u8],
    ) -> Result<Option<Stat>, Errno> {
        let Some(own) = self.mount else { return Ok(None) };
        let described = describe_name(directory, name)?;
        match mount(&described) {
            // As `RESOLVE_NO_XDEV`: a mount point is not entered.
            Some(there) if there != own => return Err(Errno::EXDEV),
            Some(_) => {}
            None => return Ok(None),
        }
        let held = |ino: &Ino| self.held.contains_key(ino);
        self.number(&described).filter(held).map(|ino| stat(&described, ino)).transpose()
    }

    /// The attributes of a held node.
    pub(super) fn stat(&self, ino: Ino) -> Result<Stat, Errno> {
        match self.get(ino)?.fd {
            Some(ref fd) => stat(&describe(fd.as_fd())?, ino),
            None => stat(&self.describe_parked(ino)?, ino),
        }
    }

    /// The number of a file with these attributes, where it has one.
    pub(super) fn number(&self, described: &Statx) -> Option<Ino> {
        self.numbers.of.get(&key(described)).copied()
    }

    /// What gives the numbers of the files in a directory that are only seen in its listing. Of a
    /// directory that was given back, which does not end its listing, the device is not known.
    pub(super) fn sights<'a>(&'a mut self, node: Ino, directory: BorrowedFd<'a>) -> Sights<'a> {
        let device = self.held.get(&node).map(|node| node.key.device);
        let held = device.and_then(|device| self.pinned.get(&device)).unwrap_or(&NONE_HELD);
        Sights::new(directory, held, &mut self.numbers)
    }

    /// Lets a node go. The root stays.
    pub(super) fn forget(&mut self, ino: Ino) -> Result<(), Errno> {
        if self.let_go.remove(&ino) {
            return Ok(());
        }
        let is_parked = self.get(ino)?.fd.is_none();
        // What is parked has lost its name where it is not found under it.
        let gone = self.orphans.contains(&ino)
            || match self.stat(ino) {
                Ok(stat) => stat.nlink == 0,
                Err(_) if is_parked => true,
                Err(errno) => return Err(errno),
            };
        if ino == Nodes::ROOT {
            return Ok(());
        }
        let node = self.held.remove(&ino).ok_or(Errno::ESTALE)?;
        match is_parked {
            true => self.parking.parked -= 1,
            false => {
                self.parking.opened -= 1;
                self.unpin(node.key);
            }
        }
        self.orphans.remove(&ino);
        if gone {
            self.numbers.of.remove(&node.key);
        }
        Ok(())
    }

    /// Nothing keeps its host inode any longer.
    pub(super) fn unpin(&mut self, key: Key) {
        if let Some(there) = self.pinned.get_mut(&key.device) {
            there.remove(&key.inode);
        }
    }

    /// Lets files go that have no name any longer and that nobody has open, so that the host gets
    /// their space back; whether there were any. They are `ESTALE` from now on.
    ///
    /// Who holds them will forget them, but a FUSE kernel says so up to eight requests later than
    /// the next one that wants the space.
    pub(super) fn let_orphans_go(&mut self, in_use: &BTreeSet<Ino>) -> bool {
        let (kept, going): (BTreeSet<Ino>, BTreeSet<Ino>) =
            core::mem::take(&mut self.orphans).into_iter().partition(|ino| in_use.contains(ino));
        self.orphans = kept;
        let mut any = false;
        for ino in going {
            // A link through a descriptor gives a name back.
            if self.stat(ino).is_ok_and(|stat| stat.nlink == 0) && self.forget(ino).is_ok() {
                self.let_go.insert(ino);
                any = true;
            }
        }
        any
    }

    /// What has a name that is about to be taken away, where it has no other; none as well when
    /// nothing is there, which whoever takes the name away is told.
    pub(super) fn last_name(&self, directory: BorrowedFd<'_>, name: &[u8]) -> Option<LastName> {
        let described = describe_name(directory, name).ok()?;
        let kind = FileKind::from_mode(described.stx_mode.into())?;
        // Nobody can remove a directory and leave it another name.
        let last = described.stx_nlink == 1 || kind == FileKind::Directory;
        last.then_some(LastName(key(&described)))
    }

    /// Takes note of a file that lost its last name. While nobody holds it its number goes: its
    /// identity can come back on another file.
    pub(super) fn bury(&mut self, lost: LastName) {
        let Some(&ino) = self.numbers.of.get(&lost.0) else { return };
        match self.held.get(&ino).map(|node| node.kind) {
            None => drop(self.numbers.of.remove(&lost.0)),
            // Others take no space, and a directory may be somebody's working directory.
            Some(FileKind::Regular) => drop(self.orphans.insert(ino)),
            Some(_) => {}
        }
    }

    /// Takes note of a file that was given a name.
    pub(super) fn named(&mut self, ino: Ino) {
        self.orphans.remove(&ino);
    }

    /// Whether the number stands for a file, which may be held or not.
    #[cfg(test)]
    pub(super) fn knows(&self, ino: Ino) -> bool {
        self.numbers.of.values().any(|other| *other == ino)
    }

    /// Whether a descriptor leads to the root.
    pub(super) fn is_root(&self, fd: BorrowedFd<'_>) -> Result<bool, Errno> {
        Ok(key(&describe(fd)?) == self.root)
    }
}

/// Nothing, of a device that has nothing.
static NONE_HELD: Held = BTreeMap::new();

const WANTED: StatxFlags =
    StatxFlags::BASIC_STATS.union(StatxFlags::BTIME).union(StatxFlags::MNT_ID);

/// The attributes of a descriptor, as the host gives them.
pub(super) fn describe(fd: BorrowedFd<'_>) -> Result<Statx, Errno> {
    rustix::fs::statx(fd, "", AtFlags::EMPTY_PATH, WANTED).map_err(errno)
}

/// The attributes of what has a name, which may be a symbolic link.
pub(super) fn describe_name(directory: BorrowedFd<'_>, name: &[u8]) -> Result<Statx, Errno> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    rustix::fs::statx(directory, name, flags, WANTED).map_err(errno)
}

/// The mount that something is on; none before Linux 5.8.
fn mount(described: &Statx) -> Option<u64> {
    let told = StatxFlags::from_bits_retain(described.stx_mask).contains(StatxFlags::MNT_ID);
    told.then_some(described.stx_mnt_id)
}

/// What makes a file with these attributes itself.
pub(super) fn key(described: &Statx) -> Key {
    Key {
        device: (described.stx_dev_major, described.stx_dev_minor),
        inode: described.stx_ino,
        born: timespec(&described.stx_btime),
    }
}

fn stat(described: &Statx, ino: Ino) -> Result<Stat, Errno> {
    let mode = u32::from(described.stx_mode);
    Ok(Stat {
        ino,
        kind: FileKind::from_mode(mode).ok_or(Errno::EIO)?,
        permissions: mode & S_IALLUGO,
        nlink: described.stx_nlink,
        uid: Uid(described.stx_uid),
        gid: Gid(described.stx_gid),
        rdev: Device { major: described.stx_rdev_major, minor: described.stx_rdev_minor },
        size: described.stx_size,
        blksize: described.stx_blksize,
        blocks: described.stx_blocks,
        atime: timespec(&described.stx_atime),
        mtime: timespec(&described.stx_mtime),
        ctime: timespec(&described.stx_ctime),
        btime: timespec(&described.stx_btime),
    })
}

fn timespec(stamp: &StatxTimestamp) -> Timespec {
    Timespec { sec: stamp.tv_sec, nsec: stamp.tv_nsec }
}
