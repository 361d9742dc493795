//! FUSE dentries: names in use, and the lower name each stands for.
//!
//! Dentries made by the pipeline have timeout 0, so one that nobody uses is dropped at once and
//! the next walk looks its name up again; one that is in use answers without any filter call
//! (LOOK-4). Children hold their parent.

use std::collections::BTreeMap;
use std::sync::Arc;

use fuserig_abi::{Ino, Timespec};

use super::{DentryId, FilterId, InodeId};

/// The lower mount and dentry behind a FUSE dentry, also for names that do not exist below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackingPath {
    /// The lower directory.
    pub parent: Ino,
    /// The name below; a filter may have redirected it.
    pub name: Arc<[u8]>,
    /// The lower inode, or none for a negative lower dentry.
    pub node: Option<Ino>,
}

/// A FUSE dentry.
#[derive(Clone, Debug)]
pub struct Dentry {
    /// The directory this name is in; the root is its own parent.
    pub parent: DentryId,
    /// One component, without NUL.
    pub name: Arc<[u8]>,
    /// What it names, or none for a negative dentry.
    pub inode: Option<InodeId>,
    /// The lower path, when a lookup found one.
    pub backing: Option<BackingPath>,
    /// Whether a walk can find it by name.
    pub hashed: bool,
    /// References held by walks, files, working directories and children.
    pub references: u32,
    /// Hashed children by name.
    pub children: BTreeMap<Arc<[u8]>, DentryId>,
    /// Whether the daemon gave it a timeout, so that it stays cached when idle.
    pub cached: bool,
    /// Until when the daemon vouched for it.
    pub valid_until: Timespec,
    /// Still in lookup state, as a negative pipeline lookup of an open leaves it (N2).
    pub in_lookup: bool,
    /// The filter that a negative lookup chose for what is created here (Android, LOOK-11).
    pub program: Option<Option<FilterId>>,
}

impl Dentry {
    /// An unhashed negative dentry with one reference.
    pub fn new(parent: DentryId, name: Arc<[u8]>) -> Dentry {
        Dentry {
            parent,
            name,
            inode: None,
            backing: None,
            hashed: false,
            references: 1,
            children: BTreeMap::new(),
            cached: false,
            valid_until: Timespec::ZERO,
            in_lookup: false,
            program: None,
        }
    }
}
