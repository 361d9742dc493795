//! The single changes that effects consist of.

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

    /// The change in words; `called` says what a node is called.
    pub(super) fn describe(&self, called: &dyn Fn(Ino) -> String) -> String {
        match self {
            Change::Node { ino, .. } => format!("new file {}", called(*ino)),
            Change::Entry { place, to } => {
                let (directory, name) = (called(place.directory), place.name.escape_ascii());
                match to {
                    Some(ino) => format!("name {name} in {directory} for {}", called(*ino)),
                    None => format!("removal of {name} from {directory}"),
                }
            }
            Change::Attributes { ino, .. } => format!("attributes of {}", called(*ino)),
            Change::Times { ino, .. } => format!("times of {}", called(*ino)),
            Change::Cut { ino, size } => format!("length {size} of {}", called(*ino)),
            Change::Space { ino, offset, length, .. } => {
                format!("space at {offset}, {length} bytes, of {}", called(*ino))
            }
            Change::Bytes { ino, offset, bytes } => {
                format!("data at {offset}, {} bytes, of {}", bytes.len(), called(*ino))
            }
        }
    }
}
