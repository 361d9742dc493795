//! What the VFS asks of the pipeline: one operation with its ORIGINAL arguments.
//!
//! The lower step uses some arguments as the filter left them and some as the VFS passed them
//! (SEMANTICS 4.3); the latter live here and nowhere else.

use fuserig_abi::{AccessMask, Device, Op, Timespec};
use fuserig_sim_fs::Whence;

use crate::kernel::{DentryId, HandleId, InodeId, Mount};

/// One operation of the table with the VFS's own arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Open a file or directory whose handle was just made.
    Open {
        /// The new handle; its dentry and inode say what is opened.
        handle: HandleId,
        /// Whether it is a directory, which selects opendir.
        directory: bool,
    },
    /// Create a file and open it.
    CreateOpen {
        /// The negative dentry to create.
        dentry: DentryId,
        /// The new handle; its inode is set when the file exists.
        flags: u32,
        /// Mode with type bits; umask not applied.
        mode: u32,
    },
    /// The last reference to a handle went.
    Release {
        /// The handle.
        handle: HandleId,
        /// Whether it is a directory.
        directory: bool,
    },
    /// A descriptor was closed.
    Flush {
        /// The handle.
        handle: HandleId,
    },
    /// Move the position.
    Lseek {
        /// The handle.
        handle: HandleId,
        /// Offset as given.
        offset: i64,
        /// Whence as given.
        whence: Whence,
    },
    /// Copy between two files.
    CopyFileRange {
        /// The source handle.
        from: HandleId,
        /// Source position.
        from_offset: u64,
        /// The destination handle.
        to: HandleId,
        /// Destination position.
        to_offset: u64,
        /// Bytes asked for.
        length: u64,
        /// Flags as given.
        flags: u32,
    },
    /// Make a file durable; directories too, which selects dir_fsync.
    Fsync {
        /// The handle.
        handle: HandleId,
        /// Whether data is enough.
        datasync: bool,
        /// Whether it is a directory.
        directory: bool,
    },
    /// Read an attribute.
    Getxattr {
        /// Whose.
        dentry: DentryId,
        /// Full name, without NUL.
        name: Vec<u8>,
        /// Size of the caller's buffer; 0 asks for the length.
        size: u32,
    },
    /// List attributes.
    Listxattr {
        /// Whose.
        dentry: DentryId,
        /// Size of the caller's buffer; 0 asks for the length.
        size: u32,
    },
    /// Set an attribute.
    Setxattr {
        /// Whose.
        dentry: DentryId,
        /// Full name, without NUL.
        name: Vec<u8>,
        /// Value.
        value: Vec<u8>,
        /// `XATTR_CREATE` and `XATTR_REPLACE`.
        flags: u32,
    },
    /// Remove an attribute.
    Removexattr {
        /// Whose.
        dentry: DentryId,
        /// Full name, without NUL.
        name: Vec<u8>,
    },
    /// Read bytes.
    ReadIter {
        /// The handle.
        handle: HandleId,
        /// Position.
        offset: u64,
        /// Bytes asked for.
        size: u64,
    },
    /// Write bytes.
    WriteIter {
        /// The handle.
        handle: HandleId,
        /// Position.
        offset: u64,
        /// The bytes.
        data: Vec<u8>,
        /// Whether this write goes to the end, wherever the file stands (`RWF_APPEND`).
        append: bool,
    },
    /// Allocate or deallocate space.
    FileFallocate {
        /// The handle.
        handle: HandleId,
        /// Mode as given.
        mode: u32,
        /// Start.
        offset: u64,
        /// Length.
        length: u64,
    },
    /// Find a name.
    Lookup {
        /// The new, unhashed dentry whose name is looked up in its parent.
        dentry: DentryId,
    },
    /// Make a special or regular file.
    Mknod {
        /// The negative dentry.
        dentry: DentryId,
        /// Mode with type bits; umask not applied.
        mode: u32,
        /// Device number.
        rdev: Device,
    },
    /// Make a directory.
    Mkdir {
        /// The negative dentry.
        dentry: DentryId,
        /// Permission bits; umask not applied.
        mode: u32,
    },
    /// Remove a directory.
    Rmdir {
        /// Its dentry.
        dentry: DentryId,
    },
    /// Rename; flags select rename2.
    Rename {
        /// What moves.
        old: DentryId,
        /// Where to; may be negative.
        new: DentryId,
        /// `renameat2` flags.
        flags: u32,
    },
    /// Remove a name.
    Unlink {
        /// Its dentry.
        dentry: DentryId,
    },
    /// Give a file another name.
    Link {
        /// The source.
        source: DentryId,
        /// The negative dentry of the new name.
        dentry: DentryId,
    },
    /// Read attributes.
    Getattr {
        /// Whose.
        dentry: DentryId,
        /// statx flags as the filter sees them.
        flags: u32,
    },
    /// Change attributes.
    Setattr {
        /// Whose.
        dentry: DentryId,
        /// What.
        attr: Iattr,
    },
    /// Ask for filesystem figures.
    Statfs {
        /// Of which filesystem.
        dentry: DentryId,
    },
    /// Read a link target.
    GetLink {
        /// The symlink.
        dentry: DentryId,
    },
    /// Make a symlink.
    Symlink {
        /// The negative dentry.
        dentry: DentryId,
        /// The target, without NUL.
        target: Vec<u8>,
    },
    /// Read directory records from the handle's position into the caller's buffer.
    Readdir {
        /// The handle.
        handle: HandleId,
        /// Bytes of `getdents64` records the caller's buffer holds.
        space: usize,
    },
    /// Check permission.
    Access {
        /// Whose.
        inode: InodeId,
        /// For what.
        mask: AccessMask,
    },
}

/// An attribute change as the VFS has it (`struct iattr`), values and selection apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Iattr {
    /// Which attributes, as [`AttrValid`] bits.
    pub valid: AttrValid,
    /// Mode with type bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Length.
    pub size: u64,
    /// Access time.
    pub atime: Timespec,
    /// Modification time.
    pub mtime: Timespec,
    /// Change time.
    pub ctime: Timespec,
    /// The open file of an ftruncate.
    pub file: Option<HandleId>,
}

bitflags::bitflags! {
    /// The kernel's `ATTR_*` selection bits.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct AttrValid: u32 {
        /// Mode.
        const MODE = 1 << 0;
        /// Owner.
        const UID = 1 << 1;
        /// Group.
        const GID = 1 << 2;
        /// Length.
        const SIZE = 1 << 3;
        /// Access time.
        const ATIME = 1 << 4;
        /// Modification time.
        const MTIME = 1 << 5;
        /// Change time.
        const CTIME = 1 << 6;
        /// Access time is explicit.
        const ATIME_SET = 1 << 7;
        /// Modification time is explicit.
        const MTIME_SET = 1 << 8;
        /// Whoever asks may: the kernel itself takes privileges away.
        const FORCE = 1 << 9;
        /// Clear setuid.
        const KILL_SUID = 1 << 11;
        /// Clear setgid.
        const KILL_SGID = 1 << 12;
        /// The change comes through an open file.
        const FILE = 1 << 13;
        /// Take `security.capability` away, which the VFS does before it asks.
        const KILL_PRIV = 1 << 14;
        /// Part of an open with O_TRUNC.
        const OPEN = 1 << 15;
        /// Times were given, be it that one is now and the other stays as it is.
        const TIMES_SET = 1 << 16;
    }
}

impl Operation {
    /// The row of the operation table this is.
    pub fn op(&self) -> Op {
        match self {
            Operation::Open { directory: false, .. } => Op::Open,
            Operation::Open { directory: true, .. } => Op::Opendir,
            Operation::CreateOpen { .. } => Op::CreateOpen,
            Operation::Release { directory: false, .. } => Op::Release,
            Operation::Release { directory: true, .. } => Op::Releasedir,
            Operation::Flush { .. } => Op::Flush,
            Operation::Lseek { .. } => Op::Lseek,
            Operation::CopyFileRange { .. } => Op::CopyFileRange,
            Operation::Fsync { directory: false, .. } => Op::Fsync,
            Operation::Fsync { directory: true, .. } => Op::DirFsync,
            Operation::Getxattr { .. } => Op::Getxattr,
            Operation::Listxattr { .. } => Op::Listxattr,
            Operation::Setxattr { .. } => Op::Setxattr,
            Operation::Removexattr { .. } => Op::Removexattr,
            Operation::ReadIter { .. } => Op::ReadIter,
            Operation::WriteIter { .. } => Op::WriteIter,
            Operation::FileFallocate { .. } => Op::FileFallocate,
            Operation::Lookup { .. } => Op::Lookup,
            Operation::Mknod { .. } => Op::Mknod,
            Operation::Mkdir { .. } => Op::Mkdir,
            Operation::Rmdir { .. } => Op::Rmdir,
            Operation::Rename { flags: 0, .. } => Op::Rename,
            Operation::Rename { .. } => Op::Rename2,
            Operation::Unlink { .. } => Op::Unlink,
            Operation::Link { .. } => Op::Link,
            Operation::Getattr { .. } => Op::Getattr,
            Operation::Setattr { .. } => Op::Setattr,
            Operation::Statfs { .. } => Op::Statfs,
            Operation::GetLink { .. } => Op::GetLink,
            Operation::Symlink { .. } => Op::Symlink,
            Operation::Readdir { .. } => Op::Readdir,
            Operation::Access { .. } => Op::Access,
        }
    }

    /// The inode whose backing decides whether the pipeline runs and whose filter is called: the
    /// parent for name operations, the SOURCE for link and copy_file_range.
    pub fn pipeline_inode(&self, mount: &Mount) -> InodeId {
        match *self {
            Operation::CreateOpen { dentry, .. }
            | Operation::Lookup { dentry }
            | Operation::Mknod { dentry, .. }
            | Operation::Mkdir { dentry, .. }
            | Operation::Rmdir { dentry }
            | Operation::Rename { old: dentry, .. }
            | Operation::Unlink { dentry }
            | Operation::Symlink { dentry, .. } => mount.inode_of(mount.dentries[dentry].parent),
            Operation::Link { source: dentry, .. }
            | Operation::Getxattr { dentry, .. }
            | Operation::Listxattr { dentry, .. }
            | Operation::Setxattr { dentry, .. }
            | Operation::Removexattr { dentry, .. }
            | Operation::Getattr { dentry, .. }
            | Operation::Setattr { dentry, .. }
            | Operation::Statfs { dentry }
            | Operation::GetLink { dentry } => mount.inode_of(dentry),
            Operation::Open { handle, .. }
            | Operation::Release { handle, .. }
            | Operation::Flush { handle }
            | Operation::Lseek { handle, .. }
            | Operation::CopyFileRange { from: handle, .. }
            | Operation::Fsync { handle, .. }
            | Operation::ReadIter { handle, .. }
            | Operation::WriteIter { handle, .. }
            | Operation::FileFallocate { handle, .. }
            | Operation::Readdir { handle, .. } => mount.handles[handle].inode,
            Operation::Access { inode, .. } => inode,
        }
    }
}
