//! Names: making, moving and linking them, and extended attributes.
//!
//! Nothing here holds a name: names travel behind these structs as bytes with a final NUL.

use super::layout::wire_struct;

wire_struct! {
    /// Argument of mknod; the name follows.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseMknodIn = "fuse_mknod_in", 16 {
        /// Mode bits.
        mode: u32,
        /// Device number in the kernel's 32-bit form.
        rdev: u32,
        /// Umask of the caller.
        umask: u32,
        /// Unused.
        padding: u32,
    }
}

wire_struct! {
    /// Argument of mkdir; the name follows.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseMkdirIn = "fuse_mkdir_in", 8 {
        /// Mode bits.
        mode: u32,
        /// Umask of the caller.
        umask: u32,
    }
}

wire_struct! {
    /// Argument of rename with flags; both names follow.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseRename2In = "fuse_rename2_in", 16 {
        /// Node of the new parent directory.
        newdir: u64,
        /// `RENAME_*` flags.
        flags: u32,
        /// Unused.
        padding: u32,
    }
}

wire_struct! {
    /// Argument of rename; both names follow.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseRenameIn = "fuse_rename_in", 8 {
        /// Node of the new parent directory.
        newdir: u64,
    }
}

wire_struct! {
    /// Argument of link; the new name follows.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseLinkIn = "fuse_link_in", 8 {
        /// Node of the link source.
        oldnodeid: u64,
    }
}

wire_struct! {
    /// Argument of getxattr and listxattr.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseGetxattrIn = "fuse_getxattr_in", 8 {
        /// Room for the value in bytes; zero asks for its length.
        size: u32,
        /// Unused.
        padding: u32,
    }
}

wire_struct! {
    /// Result of getxattr and listxattr when the length was asked for.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseGetxattrOut = "fuse_getxattr_out", 8 {
        /// Length of the value in bytes.
        size: u32,
        /// Unused.
        padding: u32,
    }
}

wire_struct! {
    /// Argument of setxattr; name and value follow.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseSetxattrIn = "fuse_setxattr_in", 16 {
        /// Length of the value in bytes.
        size: u32,
        /// `XATTR_*` flags.
        flags: u32,
        /// Extended flags.
        setxattr_flags: u32,
        /// Unused.
        padding: u32,
    }
}
