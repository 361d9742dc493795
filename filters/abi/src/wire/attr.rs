//! Attributes: what lookup, getattr, setattr, statfs and access carry.
//!
//! Nothing here interprets a field. A reader would get wrong that `blocks` of [`FuseAttr`] counts
//! units of 512 bytes whatever `blksize` says.

use super::layout::wire_struct;

wire_struct! {
    /// Attributes of a node.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseAttr = "fuse_attr", 88 {
        /// Inode number.
        ino: u64,
        /// Length of the file in bytes.
        size: u64,
        /// Allocated space in units of 512 bytes.
        blocks: u64,
        /// Seconds of the last access.
        atime: u64,
        /// Seconds of the last change of contents.
        mtime: u64,
        /// Seconds of the last change of attributes.
        ctime: u64,
        /// Nanoseconds of the last access.
        atimensec: u32,
        /// Nanoseconds of the last change of contents.
        mtimensec: u32,
        /// Nanoseconds of the last change of attributes.
        ctimensec: u32,
        /// Type and permission bits.
        mode: u32,
        /// Number of names.
        nlink: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
        /// Device number in the kernel's 32-bit form.
        rdev: u32,
        /// Preferred block size in bytes.
        blksize: u32,
        /// `FUSE_ATTR_*` flags.
        flags: u32,
    }
}

wire_struct! {
    /// Result of lookup and of everything that makes a node.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseEntryOut = "fuse_entry_out", 128 {
        /// Node identity.
        nodeid: u64,
        /// Generation of the node.
        generation: u64,
        /// Seconds for which the name may be cached.
        entry_valid: u64,
        /// Seconds for which the attributes may be cached.
        attr_valid: u64,
        /// Nanoseconds part of `entry_valid`.
        entry_valid_nsec: u32,
        /// Nanoseconds part of `attr_valid`.
        attr_valid_nsec: u32,
        /// The attributes.
        attr: FuseAttr,
    }
}

wire_struct! {
    /// Result of getattr and setattr.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseAttrOut = "fuse_attr_out", 104 {
        /// Seconds for which the attributes may be cached.
        attr_valid: u64,
        /// Nanoseconds part of `attr_valid`.
        attr_valid_nsec: u32,
        /// Unused.
        dummy: u32,
        /// The attributes.
        attr: FuseAttr,
    }
}

wire_struct! {
    /// Argument of getattr.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseGetattrIn = "fuse_getattr_in", 16 {
        /// `FUSE_GETATTR_*` flags.
        getattr_flags: u32,
        /// Unused.
        dummy: u32,
        /// File handle number.
        fh: u64,
    }
}

wire_struct! {
    /// Argument of setattr.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseSetattrIn = "fuse_setattr_in", 88 {
        /// Which fields count: sum of `FATTR_*`.
        valid: u32,
        /// Unused.
        padding: u32,
        /// File handle number.
        fh: u64,
        /// New length in bytes.
        size: u64,
        /// Owner of advisory locks.
        lock_owner: u64,
        /// Seconds of the last access.
        atime: u64,
        /// Seconds of the last change of contents.
        mtime: u64,
        /// Seconds of the last change of attributes.
        ctime: u64,
        /// Nanoseconds of the last access.
        atimensec: u32,
        /// Nanoseconds of the last change of contents.
        mtimensec: u32,
        /// Nanoseconds of the last change of attributes.
        ctimensec: u32,
        /// Mode bits.
        mode: u32,
        /// Unused.
        unused4: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
        /// Unused.
        unused5: u32,
    }
}

wire_struct! {
    /// Figures of a filesystem.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseKstatfs = "fuse_kstatfs", 80 {
        /// Total blocks in units of `frsize`.
        blocks: u64,
        /// Free blocks.
        bfree: u64,
        /// Blocks free for ordinary users.
        bavail: u64,
        /// Total inodes.
        files: u64,
        /// Free inodes.
        ffree: u64,
        /// Block size in bytes.
        bsize: u32,
        /// Longest name in bytes.
        namelen: u32,
        /// Fragment size in bytes.
        frsize: u32,
        /// Unused.
        padding: u32,
        /// Unused.
        spare: [u32; 6],
    }
}

wire_struct! {
    /// Result of statfs.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseStatfsOut = "fuse_statfs_out", 80 {
        /// The figures.
        st: FuseKstatfs,
    }
}

wire_struct! {
    /// Argument of access.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseAccessIn = "fuse_access_in", 8 {
        /// `MAY_*` bits that are asked for.
        mask: u32,
        /// Unused.
        padding: u32,
    }
}
