//! Open files: open to release, reading, writing and positions.
//!
//! Nothing here interprets a field. A reader would get wrong that `ret` of the two `*_iter_out`
//! structs holds a negative errno in an unsigned field.

use super::layout::wire_struct;

wire_struct! {
    /// Argument of open and opendir.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseOpenIn = "fuse_open_in", 8 {
        /// `O_*` flags.
        flags: u32,
        /// `FOPEN_*` or `FUSE_OPEN_*` flags.
        open_flags: u32,
    }
}

wire_struct! {
    /// Result of open, opendir and create.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseOpenOut = "fuse_open_out", 16 {
        /// File handle number.
        fh: u64,
        /// `FOPEN_*` or `FUSE_OPEN_*` flags.
        open_flags: u32,
        /// Passthrough id (v4); the same bytes are `padding` in v3.
        backing_id: i32,
    }
}

wire_struct! {
    /// Argument of create; the name follows.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseCreateIn = "fuse_create_in", 16 {
        /// `O_*` flags.
        flags: u32,
        /// Mode bits.
        mode: u32,
        /// Umask of the caller.
        umask: u32,
        /// `FOPEN_*` or `FUSE_OPEN_*` flags.
        open_flags: u32,
    }
}

wire_struct! {
    /// Argument of release and releasedir.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseReleaseIn = "fuse_release_in", 24 {
        /// File handle number.
        fh: u64,
        /// `O_*` flags of the open file.
        flags: u32,
        /// `FUSE_RELEASE_*` flags.
        release_flags: u32,
        /// Owner of advisory locks.
        lock_owner: u64,
    }
}

wire_struct! {
    /// Argument of flush.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseFlushIn = "fuse_flush_in", 24 {
        /// File handle number.
        fh: u64,
        /// Unused.
        unused: u32,
        /// Unused.
        padding: u32,
        /// Owner of advisory locks.
        lock_owner: u64,
    }
}

wire_struct! {
    /// Argument of lseek.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseLseekIn = "fuse_lseek_in", 24 {
        /// File handle number.
        fh: u64,
        /// Position in bytes.
        offset: u64,
        /// `SEEK_*` origin.
        whence: u32,
        /// Unused.
        padding: u32,
    }
}

wire_struct! {
    /// Result of lseek.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseLseekOut = "fuse_lseek_out", 8 {
        /// The resulting position, or a negative errno.
        offset: u64,
    }
}

wire_struct! {
    /// Argument of copy_file_range.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseCopyFileRangeIn = "fuse_copy_file_range_in", 56 {
        /// Source file handle.
        fh_in: u64,
        /// Source position in bytes.
        off_in: u64,
        /// Destination node.
        nodeid_out: u64,
        /// Destination file handle.
        fh_out: u64,
        /// Destination position in bytes.
        off_out: u64,
        /// Length in bytes.
        len: u64,
        /// Flags of the operation.
        flags: u64,
    }
}

wire_struct! {
    /// Result of an ordinary WRITE and of copy_file_range.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseWriteOut = "fuse_write_out", 8 {
        /// Bytes written.
        size: u32,
        /// Unused.
        padding: u32,
    }
}

wire_struct! {
    /// Argument of fsync and fsyncdir.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseFsyncIn = "fuse_fsync_in", 16 {
        /// File handle number.
        fh: u64,
        /// Bit 0 asks for data only.
        fsync_flags: u32,
        /// Unused.
        padding: u32,
    }
}

wire_struct! {
    /// Argument of read and readdir.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseReadIn = "fuse_read_in", 40 {
        /// File handle number.
        fh: u64,
        /// Position in bytes.
        offset: u64,
        /// Bytes wanted.
        size: u32,
        /// `FUSE_READ_*` flags.
        read_flags: u32,
        /// Owner of advisory locks.
        lock_owner: u64,
        /// `O_*` flags of the open file.
        flags: u32,
        /// Unused.
        padding: u32,
    }
}

wire_struct! {
    /// Argument of write.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseWriteIn = "fuse_write_in", 40 {
        /// File handle number.
        fh: u64,
        /// Position in bytes.
        offset: u64,
        /// Bytes to write.
        size: u32,
        /// `FUSE_WRITE_*` flags.
        write_flags: u32,
        /// Owner of advisory locks.
        lock_owner: u64,
        /// `O_*` flags of the open file.
        flags: u32,
        /// Unused.
        padding: u32,
    }
}

wire_struct! {
    /// Result of a filtered read.
    ///
    /// Source: fuse-bpf, SEMANTICS 3.3.
    FuseReadIterOut = "fuse_read_iter_out", 8 {
        /// Count of bytes, or a negative errno in two's complement.
        ret: u64,
    }
}

wire_struct! {
    /// Result of a filtered write.
    ///
    /// Source: fuse-bpf, SEMANTICS 3.3.
    FuseWriteIterOut = "fuse_write_iter_out", 8 {
        /// Count of bytes, or a negative errno in two's complement.
        ret: u64,
    }
}

wire_struct! {
    /// Argument of fallocate.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseFallocateIn = "fuse_fallocate_in", 32 {
        /// File handle number.
        fh: u64,
        /// Position in bytes.
        offset: u64,
        /// Length in bytes.
        length: u64,
        /// `FALLOC_FL_*` bits.
        mode: u32,
        /// Unused.
        padding: u32,
    }
}
