//! One node of the filesystem: attributes and a body that belongs to its kind.

use std::sync::Arc;

use fuserig_abi::{Device, FileKind, Gid, Ino, Stat, Timespec, Uid};

use super::{
    contents::Contents,
    digest::{hash, mix, place_of},
    directory::Directory,
    page::PAGE_U64,
    xattrs::Xattrs,
};

/// tmpfs counts 20 bytes for each entry and for the two dots (`BOGO_DIRENT_SIZE`).
const DIRENT_SIZE: u64 = 20;
/// A link target with its terminator that is longer than 128 bytes takes a page
/// (`SHORT_SYMLINK_LEN`).
const SHORT_TARGET_MAX: usize = 127;
const SECTORS_PER_PAGE: u64 = PAGE_U64 / 512;

#[derive(Clone, Debug)]
pub(super) enum Body {
    Regular(Contents),
    Directory(Arc<Directory>),
    Symlink(Arc<[u8]>),
    /// Fifo, socket or device.
    Special,
}

#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) kind: FileKind,
    pub(super) permissions: u32,
    pub(super) nlink: u32,
    pub(super) uid: Uid,
    pub(super) gid: Gid,
    pub(super) rdev: Device,
    /// Length of a regular file; other kinds derive theirs from the body.
    pub(super) size: u64,
    pub(super) atime: Timespec,
    pub(super) mtime: Timespec,
    pub(super) ctime: Timespec,
    pub(super) btime: Timespec,
    /// Open handles.
    pub(super) opens: u32,
    /// Whether the number was handed out and not forgotten since.
    pub(super) referenced: bool,
    /// Whether it may get a name although it has none (`I_LINKABLE`).
    pub(super) linkable: bool,
    /// The sum of the places of all names; zero without a name. See [`super::digest`].
    pub(super) place: u128,
    /// What this inode adds to the digest of the filesystem.
    pub(super) contribution: u128,
    pub(super) xattrs: Option<Arc<Xattrs>>,
    pub(super) body: Body,
}

impl Inode {
    pub(super) fn directory(&self) -> Option<&Directory> {
        match &self.body {
            Body::Directory(directory) => Some(directory),
            Body::Regular(_) | Body::Symlink(_) | Body::Special => None,
        }
    }

    pub(super) fn directory_mut(&mut self) -> &mut Directory {
        match &mut self.body {
            Body::Directory(directory) => Arc::make_mut(directory),
            Body::Regular(_) | Body::Symlink(_) | Body::Special => {
                unreachable!("callers have checked that the node is a directory")
            }
        }
    }

    pub(super) fn contents(&self) -> Option<&Contents> {
        match &self.body {
            Body::Regular(contents) => Some(contents),
            Body::Directory(_) | Body::Symlink(_) | Body::Special => None,
        }
    }

    pub(super) fn contents_mut(&mut self) -> &mut Contents {
        match &mut self.body {
            Body::Regular(contents) => contents,
            Body::Directory(_) | Body::Symlink(_) | Body::Special => {
                unreachable!("callers have checked that the node is a regular file")
            }
        }
    }

    pub(super) fn is_directory(&self) -> bool {
        self.kind == FileKind::Directory
    }

    /// Applies a change to the extended attributes and keeps their digest; none at all is `None`.
    pub(super) fn change_xattrs(&mut self, change: impl FnOnce(&mut Xattrs)) {
        let xattrs = self.xattrs.get_or_insert_default();
        let own = Arc::make_mut(xattrs);
        change(own);
        own.refresh_digest();
        if own.is_empty() {
            self.xattrs = None;
        }
    }

    /// Pages that count against the capacity.
    pub(super) fn pages(&self) -> u64 {
        match &self.body {
            Body::Regular(contents) => contents.allocated(),
            Body::Symlink(target) => symlink_pages(target),
            Body::Directory(_) | Body::Special => 0,
        }
    }

    pub(super) fn stat(&self, ino: Ino) -> Stat {
        Stat {
            ino,
            kind: self.kind,
            permissions: self.permissions,
            nlink: self.nlink,
            uid: self.uid,
            gid: self.gid,
            rdev: self.rdev,
            size: match &self.body {
                Body::Regular(_) | Body::Special => self.size,
                Body::Directory(directory) => DIRENT_SIZE * (directory.count() + 2),
                Body::Symlink(target) => target.len() as u64,
            },
            blksize: PAGE_U64 as u32,
            blocks: self.pages() * SECTORS_PER_PAGE,
            atime: self.atime,
            mtime: self.mtime,
            ctime: self.ctime,
            btime: self.btime,
        }
    }

    pub(super) fn contribution(&self) -> u128 {
        let body = match &self.body {
            Body::Regular(contents) => contents.digest(),
            Body::Symlink(target) => hash(target),
            Body::Directory(_) | Body::Special => 0,
        };
        let xattrs = self.xattrs.as_ref().map(|xattrs| xattrs.digest());
        self.contribution_with(self.place, body, xattrs)
    }

    /// The contribution with everything given that is kept as a digest, for whoever computes
    /// these from scratch.
    pub(super) fn contribution_with(&self, place: u128, body: u128, xattrs: Option<u128>) -> u128 {
        if place == 0 {
            return 0;
        }
        let mut bytes = [0; 72];
        let mut rest = bytes.as_mut_slice();
        let mut put = |field: &[u8]| {
            let (head, tail) = core::mem::take(&mut rest).split_at_mut(field.len());
            head.copy_from_slice(field);
            rest = tail;
        };
        put(&(self.kind.type_bits() | self.permissions).to_le_bytes());
        put(&self.uid.0.to_le_bytes());
        put(&self.gid.0.to_le_bytes());
        put(&self.rdev.major.to_le_bytes());
        put(&self.rdev.minor.to_le_bytes());
        put(&self.size.to_le_bytes());
        put(&self.mtime.sec.to_le_bytes());
        put(&self.mtime.nsec.to_le_bytes());
        put(&place.to_le_bytes());
        put(&body.to_le_bytes());
        let plain = hash(&bytes);
        xattrs.map_or(plain, |xattrs| mix(plain, xattrs))
    }

    /// The place of `name` in this directory.
    pub(super) fn place_of(&self, name: &[u8]) -> u128 {
        place_of(self.place, name)
    }
}

/// Pages that a link target takes.
pub(super) fn symlink_pages(target: &[u8]) -> u64 {
    u64::from(target.len() > SHORT_TARGET_MAX)
}
