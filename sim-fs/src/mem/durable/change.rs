//! The single changes that effects consist of.

use core::fmt;

use fuserig_abi::{Ino, Timespec};

use crate::FallocateMode;
use crate::mem::inode::Inode;

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) directory: Ino,
    pub(super) name: Box<[u8]>,
}

impl Place {
    pub(super) fn new(directory: Ino, name: &[u8]) -> Place {
        Place { directory, name: name.into() }
    }
}

/// One change of what is on disk.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// A node comes to be, without a name and empty.
    Node { ino: Ino, inode: Box<Inode> },
    /// A name leads somewhere, or nowhere any more.
    Entry { place: Place, to: Option<Ino> },
    /// Owner, permissions, attributes and times are those of `inode`.
    Attributes { ino: Ino, inode: Box<Inode> },
    /// Times alone.
    Times { ino: Ino, mtime: Timespec, ctime: Timespec },
    /// The length is set; what lay behind it is gone.
    Cut { ino: Ino, size: u64 },
    /// `fallocate`.
    Space { ino: Ino, mode: FallocateMode, offset: u64, length: u64 },
    /// Bytes are written; the file grows if it has to.
    Bytes { ino: Ino, offset: u64, bytes: Box<[u8]> },
}

impl Change {
    /// Whether it is times alone, which nobody asks about after a crash.
    pub(super) fn is_times(&self) -> bool {
        matches!(self, Change::Times { .. })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Node { ino, .. } => write!(f, "new node {ino}"),
            Change::Entry { place, to } => {
                let (directory, name) = (place.directory, place.name.escape_ascii());
                match to {
                    Some(ino) => write!(f, "name {name} in {directory} is node {ino}"),
                    None => write!(f, "name {name} in {directory} is gone"),
                }
            }
            Change::Attributes { ino, .. } => write!(f, "attributes of node {ino}"),
            Change::Times { ino, .. } => write!(f, "times of node {ino}"),
            Change::Cut { ino, size } => write!(f, "length {size} of node {ino}"),
            Change::Space { ino, offset, length, .. } => {
                write!(f, "space {offset}+{length} of node {ino}")
            }
            Change::Bytes { ino, offset, bytes } => {
                write!(f, "data {offset}+{} of node {ino}", bytes.len())
            }
        }
    }
}
