//! Operations on a name in a directory: lookup, the creations, link, unlink, rmdir, rename.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use fuserig_abi::{Caller, Device, Errno, FileKind, Ino, S_IFMT, Stat};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::thread::CapabilitySet;

use super::HostFs;
use super::handle::{errno, mode_bits};
use super::identity::As;
use super::nodes::{Nodes, describe};
use crate::RenameFlags;

/// A name and the directory it is in.
type Place<'a> = (Ino, &'a [u8]);

/// The VFS entry points get names that were looked up before, so a missing right to search is no
/// reason to refuse a name that is taken or absent. This capability lets the walk of the system
/// call pass and nothing else: the check that follows asks for writing and searching together,
/// which it does not satisfy.
pub(super) const FOUND: CapabilitySet = CapabilitySet::DAC_READ_SEARCH;

impl HostFs {
    /// The directory of an operation on a name, once the name is one that `lookup_one_len` takes.
    pub(super) fn place(&self, parent: Ino, name: &[u8]) -> Result<BorrowedFd<'_>, Errno> {
        let directory = self.nodes.directory(parent)?;
        match name {
            b"" | b"." | b".." => Err(Errno::EACCES),
            _ if name.iter().any(|byte| matches!(byte, b'/' | 0)) => Err(Errno::EACCES),
            _ => Ok(directory),
        }
    }

    pub(super) fn lookup_name(
        &mut self,
        caller: &Caller,
        parent: Ino,
        name: &[u8],
    ) -> Result<Stat, Errno> {
        let directory = self.place(parent, name)?;
        // What is held needs no second descriptor, and its attributes come with the question.
        let glance = || self.nodes.glance(directory, name);
        if let Some(stat) = self.identity.run(As::Caller(caller), glance)? {
            self.nodes.found_at(stat.ino, parent, name);
            return Ok(stat);
        }
        let found = self.identity.run(As::Caller(caller), || hold(directory, name))?;
        self.nodes.adopt(found, Some((parent, name)))
    }

    /// What was just made under a name, for which no permission is asked again.
    fn made(&mut self, parent: Ino, name: &[u8], removal: AtFlags) -> Result<Stat, Errno> {
        let found = hold(self.nodes.directory(parent)?, name);
        let adopted = found.and_then(|found| self.nodes.adopt(found, Some((parent, name))));
        self.keep_or_remove(parent, name, removal, adopted)
    }

    /// An operation is done completely or not at all, so what was made and cannot be held, because
    /// descriptors have run out, goes again.
    pub(super) fn keep_or_remove<T>(
        &self,
        parent: Ino,
        name: &[u8],
        removal: AtFlags,
        made: Result<T, Errno>,
    ) -> Result<T, Errno> {
        if made.is_err() {
            let _gone = rustix::fs::unlinkat(self.nodes.directory(parent)?, name, removal);
        }
        made
    }

    pub(super) fn parent_of(&mut self, node: Ino) -> Result<Stat, Errno> {
        let directory = self.nodes.directory(node)?;
        if node == Nodes::ROOT {
            return self.nodes.stat(node);
        }
        let parent = step_up(directory)?;
        self.check_inside(parent.as_fd())?;
        self.nodes.adopt(parent, None)
    }

    /// A directory that somebody moved out of the root must not lead out of it.
    fn check_inside(&self, start: BorrowedFd<'_>) -> Result<(), Errno> {
        let mut at = start.try_clone_to_owned().or(Err(Errno::EMFILE))?;
        loop {
            if self.nodes.is_root(at.as_fd())? {
                return Ok(());
            }
            let above = step_up(at.as_fd())?;
            let (here, there) = (describe(at.as_fd())?, describe(above.as_fd())?);
            if here.stx_ino == there.stx_ino && here.stx_dev_minor == there.stx_dev_minor {
                return Err(Errno::EXDEV);
            }
            at = above;
        }
    }

    pub(super) fn make_node(
        &mut self,
        caller: &Caller,
        parent: Ino,
        name: &[u8],
        mode: u32,
        rdev: Device,
    ) -> Result<Stat, Errno> {
        let kind = match FileKind::from_mode(mode) {
            None if mode & S_IFMT == 0 => FileType::RegularFile,
            Some(FileKind::Regular) => FileType::RegularFile,
            Some(FileKind::Fifo) => FileType::Fifo,
            Some(FileKind::Socket) => FileType::Socket,
            Some(FileKind::CharDevice) => FileType::CharacterDevice,
            Some(FileKind::BlockDevice) => FileType::BlockDevice,
            // As mknod(2) says it.
            Some(FileKind::Directory) => return Err(Errno::EPERM),
            Some(FileKind::Symlink) | None => return Err(Errno::EINVAL),
        };
        let directory = self.place(parent, name)?;
        let device = rustix::fs::makedev(rdev.major, rdev.minor);
        self.identity.run(As::CallerWith(caller, FOUND), || {
            rustix::fs::mknodat(directory, name, kind, mode_bits(mode), device).map_err(errno)
        })?;
        self.made(parent, name, AtFlags::empty())
    }

    pub(super) fn make_directory(
        &mut self,
        caller: &Caller,
        parent: Ino,
        name: &[u8],
        mode: u32,
    ) -> Result<Stat, Errno> {
        let directory = self.place(parent, name)?;
        self.identity.run(As::CallerWith(caller, FOUND), || {
            rustix::fs::mkdirat(directory, name, mode_bits(mode)).map_err(errno)
        })?;
        self.made(parent, name, AtFlags::REMOVEDIR)
    }

    pub(super) fn make_symlink(
        &mut self,
        caller: &Caller,
        parent: Ino,
        name: &[u8],
        target: &[u8],
    ) -> Result<Stat, Errno> {
        let directory = self.place(parent, name)?;
        self.identity.run(As::CallerWith(caller, FOUND), || {
            rustix::fs::symlinkat(target, directory, name).map_err(errno)
        })?;
        self.made(parent, name, AtFlags::empty())
    }

    /// `vfs_link` does not know the `protected_hardlinks` setting, which belongs to the system
    /// call; being treated as the owner switches exactly that check off.
    pub(super) fn link_node(
        &mut self,
        caller: &Caller,
        node: Ino,
        parent: Ino,
        name: &[u8],
    ) -> Result<Stat, Errno> {
        let source = self.proc_name(node)?;
        let directory = self.place(parent, name)?;
        self.identity.run(As::CallerWith(caller, FOUND.union(CapabilitySet::FOWNER)), || {
            let follow = AtFlags::SYMLINK_FOLLOW;
            rustix::fs::linkat(&self.proc, source.as_str(), directory, name, follow).map_err(errno)
        })?;
        self.nodes.named(node);
        self.nodes.stat(node)
    }

    pub(super) fn remove(
        &mut self,
        caller: &Caller,
        parent: Ino,
        name: &[u8],
        flags: AtFlags,
    ) -> Result<(), Errno> {
        let directory = self.place(parent, name)?;
        let victim = self.nodes.last_name(directory, name);
        self.identity.run(As::CallerWith(caller, FOUND), || {
            rustix::fs::unlinkat(directory, name, flags).map_err(errno)
        })?;
        victim.into_iter().for_each(|victim| self.nodes.bury(victim));
        Ok(())
    }

    pub(super) fn rename_name(
        &mut self,
        caller: &Caller,
        from: Place<'_>,
        to: Place<'_>,
        flags: RenameFlags,
    ) -> Result<(), Errno> {
        let source = self.place(from.0, from.1)?;
        let target = self.place(to.0, to.1)?;
        let flags = rustix::fs::RenameFlags::from_bits_retain(flags.bits());
        let rename = |flags| {
            self.identity.run(As::CallerWith(caller, FOUND), || {
                rustix::fs::renameat_with(source, from.1, target, to.1, flags).map_err(errno)
            })
        };
        // Most renames replace nothing, and then nothing has to be buried. Whatever is wrong, with
        // this flag or without it, the call that was asked for tells.
        if flags.is_empty() && rename(rustix::fs::RenameFlags::NOREPLACE).is_ok() {
            return Ok(());
        }
        let victim = self.nodes.last_name(target, to.1);
        rename(flags)?;
        // What was exchanged, or replaced by itself, has its name.
        let kept = flags.contains(rustix::fs::RenameFlags::EXCHANGE)
            || victim.is_some() && victim == self.nodes.last_name(target, to.1);
        victim.into_iter().filter(|_| !kept).for_each(|victim| self.nodes.bury(victim));
        Ok(())
    }

    pub(super) fn link_target(&self, node: Ino) -> Result<Vec<u8>, Errno> {
        if self.nodes.get(node)?.kind != FileKind::Symlink {
            return Err(Errno::EINVAL);
        }
        let link = self.nodes.fd(node)?;
        let target = rustix::fs::readlinkat(link, "", Vec::new()).map_err(errno)?;
        Ok(target.into_bytes())
    }
}

const HOLD: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// An `O_PATH` descriptor of a name, which may be a symbolic link but not a mount point.
pub(super) fn hold(directory: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::NO_XDEV | ResolveFlags::NO_MAGICLINKS | ResolveFlags::BENEATH;
    match rustix::fs::openat2(directory, name, HOLD, Mode::empty(), resolve) {
        Err(rustix::io::Errno::NOSYS) => hold_without_openat2(directory, name),
        other => other.map_err(errno),
    }
}

/// Before Linux 5.6, and where a sandbox hides `openat2`: a crossing shows in the mount id, or in
/// the device where even that is missing.
fn hold_without_openat2(directory: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let found = rustix::fs::openat(directory, name, HOLD, Mode::empty()).map_err(errno)?;
    let (here, there) = (describe(directory)?, describe(found.as_fd())?);
    let crosses = here.stx_mnt_id != there.stx_mnt_id
        || (here.stx_dev_major, here.stx_dev_minor) != (there.stx_dev_major, there.stx_dev_minor);
    if crosses { Err(Errno::EXDEV) } else { Ok(found) }
}

fn step_up(directory: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let flags = HOLD | OFlags::DIRECTORY;
    let above = rustix::fs::openat(directory, "..", flags, Mode::empty()).map_err(errno)?;
    Ok(above)
}

#[cfg(test)]
mod tests {
    use super::{hold, hold_without_openat2};
    use crate::{HostFs, Lower, LowerExt, RenameFlags};
    use fuserig_abi::{Caller, Device, Errno, Ino, Pid, Timespec};
    use std::os::fd::{AsFd, OwnedFd};
    use tempfile::TempDir;

    /// A directory that goes when it is dropped, the filesystem in it, who asks, and the root.
    fn opened() -> (TempDir, HostFs, Caller, Ino) {
        let directory = tempfile::tempdir().expect("temporary directory");
        let fs = HostFs::open(directory.path()).expect("just made");
        let caller = Caller::new(fs.own_credentials(), Pid(1), Timespec::ZERO);
        let root = fs.root();
        (directory, fs, caller, root)
    }

    #[test]
    fn what_is_held_is_told_from_what_has_its_name_now() {
        let (directory, mut fs, caller, root) = opened();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("a"), "old").expect("write");
        std::fs::write(path("b"), "newer").expect("write");
        let first = fs.lookup(&caller, root, b"a").expect("it is there");
        std::fs::write(path("a"), "grown").expect("write");
        let again = fs.lookup(&caller, root, b"a").expect("it is there");
        assert_eq!((again.ino, again.size), (first.ino, 5));
        std::fs::rename(path("b"), path("a")).expect("rename");
        let other = fs.lookup(&caller, root, b"a").expect("it is there");
        assert_ne!(other.ino, first.ino);
        assert_eq!(fs.getattr(&caller, first.ino).expect("held").nlink, 0);
        assert_eq!(fs.lookup(&caller, root, b"b"), Err(Errno::ENOENT));
    }

    #[test]
    fn what_keeps_a_name_keeps_its_number_and_what_loses_the_last_does_not() {
        let (_directory, mut fs, caller, root) = opened();
        let made = |fs: &mut HostFs, name: &[u8]| {
            fs.mknod(&caller, root, name, 0o100_644, Device::default()).expect("a new name").ino
        };
        let (a, b) = (made(&mut fs, b"a"), made(&mut fs, b"b"));
        let (c, d) = (made(&mut fs, b"c"), made(&mut fs, b"d"));
        fs.link(&caller, c, root, b"c2").expect("another name");
        let rename = |fs: &mut HostFs, from: &[u8], to: &[u8], flags| {
            fs.rename(&caller, root, from, root, to, flags).expect("both are there");
        };
        rename(&mut fs, b"a", b"a", RenameFlags::empty());
        rename(&mut fs, b"a", b"b", RenameFlags::EXCHANGE);
        rename(&mut fs, b"c", b"c2", RenameFlags::empty());
        fs.unlink(&caller, root, b"c2").expect("it is one of two");
        rename(&mut fs, b"c", b"d", RenameFlags::empty());
        for ino in [a, b, c, d] {
            fs.forget(&caller, ino).expect("it is held");
            assert_eq!(fs.forget(&caller, ino), Err(Errno::ESTALE));
        }
        let mut number = |name: &[u8]| fs.lookup(&caller, root, name).map(|stat| stat.ino);
        assert_eq!((number(b"b"), number(b"a"), number(b"d")), (Ok(a), Ok(b), Ok(c)));
        assert_eq!(number(b"c"), Err(Errno::ENOENT));
        // What was replaced is gone with its number, which the host may give to another.
        assert!(!fs.nodes.knows(d));
    }

    #[test]
    fn a_file_that_is_given_a_name_again_is_no_orphan() {
        let (_directory, mut fs, caller, root) = opened();
        let made = fs.mknod(&caller, root, b"a", 0o100_644, Device::default());
        let a = made.expect("a new name").ino;
        fs.unlink(&caller, root, b"a").expect("it is there");
        // As somebody outside can who has it open.
        if fs.link(&caller, a, root, b"b").is_ok() {
            fs.forget(&caller, a).expect("it is held");
            assert_eq!(fs.lookup(&caller, root, b"b").map(|stat| stat.ino), Ok(a));
        } else {
            println!("skipped: this host links no file that has lost its names");
            fs.forget(&caller, a).expect("it is held");
            assert!(!fs.nodes.knows(a));
        }
    }

    #[test]
    fn a_mount_point_below_the_root_is_no_file_of_it() {
        let mut fs = HostFs::open("/").expect("every system has a root");
        let caller = Caller::new(fs.own_credentials(), Pid(1), Timespec::ZERO);
        let root = fs.root();
        for _ in 0..2 {
            assert_eq!(fs.lookup(&caller, root, b"proc"), Err(Errno::EXDEV));
            assert!(fs.lookup(&caller, root, b"etc").is_ok());
        }
    }

    #[test]
    fn a_mount_point_is_not_entered_with_or_without_openat2() {
        let root = OwnedFd::from(std::fs::File::open("/").expect("every system has a root"));
        for lookup in [hold, hold_without_openat2] {
            assert_eq!(lookup(root.as_fd(), b"proc").map(drop), Err(Errno::EXDEV));
            assert_eq!(lookup(root.as_fd(), b"etc").map(drop), Ok(()));
        }
    }

    #[test]
    fn a_symbolic_link_is_held_and_not_followed() {
        let directory = tempfile::tempdir().expect("temporary directory");
        std::os::unix::fs::symlink("/etc", directory.path().join("l")).expect("symlink");
        let root = OwnedFd::from(std::fs::File::open(directory.path()).expect("just made"));
        for lookup in [hold, hold_without_openat2] {
            let held = lookup(root.as_fd(), b"l").expect("the link itself");
            let target = rustix::fs::readlinkat(held, "", Vec::new()).expect("it is a link");
            assert_eq!(target.to_bytes(), b"/etc");
        }
    }
}
