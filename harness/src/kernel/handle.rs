//! Open FUSE files as the kernel side keeps them.

use fuserig_abi::{Fh, NodeId};
use fuserig_sim_fs::{LowerFh, OpenFlags};

use super::{DentryId, InodeId, ReadAhead};

/// The kernel object of an open FUSE file together with what the VFS keeps in `struct file`.
#[derive(Clone, Debug)]
pub struct Handle {
    /// The inode the file was opened on.
    pub inode: InodeId,
    /// The dentry it was opened through; the handle holds a reference.
    pub dentry: DentryId,
    /// The lower open file. None after a daemon opened the file (OPEN-2).
    pub backing: Option<LowerFh>,
    /// File handle number, set by finalize of open and create.
    pub fh: Fh,
    /// Node id, set by finalize of open; stays 0 after create (NEW-4).
    pub nodeid: NodeId,
    /// Open flags as the file keeps them.
    pub flags: OpenFlags,
    /// File position; a failed lseek stores a negative errno here (LSEEK-1).
    pub position: i64,
    /// Position of the lower directory between reads.
    pub backing_position: u64,
    /// Whether the kernel's private object still exists; a release that skips finalize leaks it.
    pub private: bool,
    /// `FOPEN_*` flags of a handle that the daemon opened.
    pub open_flags: u32,
    /// How far the next read reads ahead.
    pub ahead: ReadAhead,
    /// What POLL requests about the file call it (`kh`); none before the first.
    pub poll_handle: Option<u64>,
    /// How often the daemon said that it should be polled again.
    pub woken: u64,
    /// Whether the daemon was asked for a `flock`; the release gives it back.
    pub flocked: bool,
}

impl Handle {
    /// A handle about to be opened: no lower file, no numbers.
    pub fn new(inode: InodeId, dentry: DentryId, flags: OpenFlags) -> Handle {
        Handle {
            inode,
            dentry,
            backing: None,
            fh: Fh(0),
            nodeid: NodeId(0),
            flags,
            position: 0,
            backing_position: 0,
            private: true,
            open_flags: 0,
            ahead: ReadAhead::default(),
            poll_handle: None,
            woken: 0,
            flocked: false,
        }
    }
}
