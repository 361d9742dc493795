//! The table of outputs: what a system call writes besides its result.

use core::fmt;

use super::ArgKind;

macro_rules! out_fields {
    ($($constant:ident = $number:literal, $name:literal, $kind:ident: $doc:literal;)*) => {
        impl OutField {
            $(
                #[doc = $doc]
                pub const $constant: OutField = OutField($number);
            )*

            /// Every field that has a name: number, name, and kind of its value.
            pub const TABLE: &'static [(OutField, &'static str, ArgKind)] =
                &[$((OutField::$constant, $name, ArgKind::$kind)),*];
        }
    };
}

/// Number of an output field: part of the format. Numbers without a name here are kept.
///
/// ```
/// use fuserig_traces::calls::{ArgKind, OutField};
/// assert_eq!(OutField::MODE.to_string(), "mode");
/// assert_eq!(OutField::MODE.kind(), Some(ArgKind::Mode));
/// assert_eq!(OutField::from_name("nlink"), Some(OutField::NLINK));
/// assert_eq!(OutField(9000).to_string(), "out#9000");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutField(pub u16);

out_fields! {
    FD = 1, "fd", Fd: "A new descriptor.";
    DATA = 2, "data", Data: "Bytes read: file data, a link target, an attribute, a list of names.";
    COUNT = 3, "count", Size: "How many bytes or entries; for getdents64 the entries.";
    NAME = 4, "name", Name: "Name of a directory entry; once for each.";
    TARGET = 5, "target", Data: "Target of a symbolic link.";
    POS = 6, "pos", Offset: "The file position afterwards.";
    PATH = 7, "path", Path: "Where the new descriptor or the caller is, as the log knows.";
    MODE = 8, "mode", Mode: "st_mode.";
    NLINK = 9, "nlink", Size: "st_nlink.";
    UID = 10, "uid", Uid: "st_uid.";
    GID = 11, "gid", Gid: "st_gid.";
    SIZE = 12, "size", Size: "st_size.";
    BLOCKS = 13, "blocks", Size: "st_blocks, in units of 512 bytes.";
    BLKSIZE = 14, "blksize", Size: "st_blksize.";
    INO = 15, "ino", Size: "st_ino.";
    DEV = 16, "dev", Device: "st_dev.";
    RDEV = 17, "rdev", Device: "st_rdev.";
    ATIME_SEC = 18, "atime_sec", Seconds: "Last access, seconds.";
    ATIME_NSEC = 19, "atime_nsec", Nanoseconds: "Last access, nanoseconds.";
    MTIME_SEC = 20, "mtime_sec", Seconds: "Last change of data, seconds.";
    MTIME_NSEC = 21, "mtime_nsec", Nanoseconds: "Last change of data, nanoseconds.";
    CTIME_SEC = 22, "ctime_sec", Seconds: "Last change of the inode, seconds.";
    CTIME_NSEC = 23, "ctime_nsec", Nanoseconds: "Last change of the inode, nanoseconds.";
    BTIME_SEC = 24, "btime_sec", Seconds: "Birth, seconds (statx).";
    BTIME_NSEC = 25, "btime_nsec", Nanoseconds: "Birth, nanoseconds (statx).";
    MASK = 26, "mask", StatxMask: "stx_mask: which fields of statx hold.";
    ATTRIBUTES = 27, "attributes", Hex: "stx_attributes.";
    F_TYPE = 28, "f_type", Hex: "Type of the filesystem (statfs).";
    F_BSIZE = 29, "f_bsize", Size: "Block size (statfs).";
    F_BLOCKS = 30, "f_blocks", Size: "Blocks (statfs).";
    F_BFREE = 31, "f_bfree", Size: "Free blocks (statfs).";
    F_BAVAIL = 32, "f_bavail", Size: "Blocks free for users (statfs).";
    F_FILES = 33, "f_files", Size: "Inodes (statfs).";
    F_FFREE = 34, "f_ffree", Size: "Free inodes (statfs).";
    F_NAMELEN = 35, "f_namelen", Size: "Longest name (statfs).";
    F_FRSIZE = 36, "f_frsize", Size: "Fragment size (statfs).";
    F_FLAGS = 37, "f_flags", Hex: "Mount flags (statfs).";
    OFF_IN = 38, "off_in", Offset: "Position in the source afterwards (copy_file_range, sendfile).";
    OFF_OUT = 39, "off_out", Offset: "Position in the destination afterwards (copy_file_range).";
    LOCK_TYPE = 40, "lock_type", LockType: "Type of the lock found (F_GETLK).";
    LOCK_WHENCE = 41, "lock_whence", Whence: "What its start counts from.";
    LOCK_START = 42, "lock_start", Offset: "Where the lock found starts.";
    LOCK_LEN = 43, "lock_len", Offset: "How long the lock found is; 0 to the end of the file.";
    LOCK_PID = 44, "lock_pid", Int: "Who holds the lock found.";
    FULL_LEN = 45, "full_len", Size: "How long the data were before the log cut them.";
    MASK_OLD = 46, "mask_old", Mode: "The umask before.";
    TYPE = 47, "type", Int: "d_type of the directory entry before it in the list.";
    COOKIE = 48, "cookie", Offset: "d_off of the directory entry before it in the list.";
    ATTRIBUTES_MASK = 49, "attributes_mask", Hex: "stx_attributes_mask.";
}

impl OutField {
    /// The name, or `None` for a number of a newer version.
    pub fn name(self) -> Option<&'static str> {
        self.row().map(|(_, name, _)| *name)
    }

    /// What its value is.
    pub fn kind(self) -> Option<ArgKind> {
        self.row().map(|(_, _, kind)| *kind)
    }

    /// The field of that name.
    pub fn from_name(name: &str) -> Option<OutField> {
        OutField::TABLE.iter().find(|(_, known, _)| *known == name).map(|(field, _, _)| *field)
    }

    fn row(self) -> Option<&'static (OutField, &'static str, ArgKind)> {
        // Rows stand in number order without gaps from 1 on, which a test pins.
        OutField::TABLE.get(usize::from(self.0).checked_sub(1)?)
    }
}

impl fmt::Display for OutField {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => out.write_str(name),
            None => write!(out, "out#{}", self.0),
        }
    }
}
