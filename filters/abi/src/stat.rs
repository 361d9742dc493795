//! File types, permission bits and attributes of a lower inode.

use bitflags::bitflags;

use crate::{Device, Gid, Ino, Timespec, Uid};

/// Mask of the type bits of a mode word (`S_IFMT`).
pub const S_IFMT: u32 = 0o170_000;
/// Set-user-id bit.
pub const S_ISUID: u32 = 0o4000;
/// Set-group-id bit.
pub const S_ISGID: u32 = 0o2000;
/// Sticky bit.
pub const S_ISVTX: u32 = 0o1000;
/// The permission bits with setuid, setgid and sticky (`S_IALLUGO`).
pub const S_IALLUGO: u32 = 0o7777;

/// The type of an inode.
///
/// ```
/// use fuserig_abi::FileKind;
/// assert_eq!(FileKind::from_mode(0o100_644), Some(FileKind::Regular));
/// assert_eq!(FileKind::Directory.dirent_type(), 4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// A named pipe.
    Fifo,
    /// A character device.
    CharDevice,
    /// A directory.
    Directory,
    /// A block device.
    BlockDevice,
    /// A regular file.
    Regular,
    /// A symbolic link.
    Symlink,
    /// A socket.
    Socket,
}

impl FileKind {
    /// Every kind, in the order of their type bits.
    pub const ALL: [FileKind; 7] = [
        FileKind::Fifo,
        FileKind::CharDevice,
        FileKind::Directory,
        FileKind::BlockDevice,
        FileKind::Regular,
        FileKind::Symlink,
        FileKind::Socket,
    ];

    /// The `S_IF*` bits.
    pub const fn type_bits(self) -> u32 {
        match self {
            FileKind::Fifo => 0o010_000,
            FileKind::CharDevice => 0o020_000,
            FileKind::Directory => 0o040_000,
            FileKind::BlockDevice => 0o060_000,
            FileKind::Regular => 0o100_000,
            FileKind::Symlink => 0o120_000,
            FileKind::Socket => 0o140_000,
        }
    }

    /// The `DT_*` value of a directory record.
    pub const fn dirent_type(self) -> u32 {
        self.type_bits() >> 12
    }

    /// The kind named by a mode word, or `None` when its type bits name none.
    pub fn from_mode(mode: u32) -> Option<FileKind> {
        FileKind::ALL.into_iter().find(|kind| kind.type_bits() == mode & S_IFMT)
    }

    /// The kind named by a `DT_*` value.
    pub fn from_dirent_type(value: u32) -> Option<FileKind> {
        FileKind::ALL.into_iter().find(|kind| kind.dirent_type() == value)
    }
}

/// Attributes of a lower inode, as `stat(2)` gives them.
///
/// ```
/// use fuserig_abi::{FileKind, Stat};
/// let stat = Stat { kind: FileKind::Directory, permissions: 0o755, ..Stat::EMPTY };
/// assert_eq!(stat.mode(), 0o040_755);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stat {
    /// The inode.
    pub ino: Ino,
    /// Its type.
    pub kind: FileKind,
    /// Permission bits with setuid, setgid and sticky; no type bits.
    pub permissions: u32,
    /// Number of names.
    pub nlink: u32,
    /// Owner.
    pub uid: Uid,
    /// Group.
    pub gid: Gid,
    /// Device number of a device node, else zero.
    pub rdev: Device,
    /// Length in bytes.
    pub size: u64,
    /// Preferred block size in bytes.
    pub blksize: u32,
    /// Allocated space in units of 512 bytes.
    pub blocks: u64,
    /// Last access.
    pub atime: Timespec,
    /// Last change of contents.
    pub mtime: Timespec,
    /// Last change of attributes.
    pub ctime: Timespec,
    /// Creation.
    pub btime: Timespec,
}

impl Stat {
    /// An empty regular file that belongs to root: the base for struct update syntax.
    pub const EMPTY: Stat = Stat {
        ino: Ino(0),
        kind: FileKind::Regular,
        permissions: 0,
        nlink: 1,
        uid: Uid::ROOT,
        gid: Gid::ROOT,
        rdev: Device { major: 0, minor: 0 },
        size: 0,
        blksize: 4096,
        blocks: 0,
        atime: Timespec::ZERO,
        mtime: Timespec::ZERO,
        ctime: Timespec::ZERO,
        btime: Timespec::ZERO,
    };

    /// Type and permission bits in one word, as `st_mode` has them.
    pub const fn mode(&self) -> u32 {
        self.kind.type_bits() | self.permissions
    }
}

/// What `statfs(2)` reports of a filesystem.
///
/// ```
/// use fuserig_abi::StatFs;
/// assert_eq!(StatFs::default().namelen, 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct StatFs {
    /// Total blocks, in units of `bsize`.
    pub blocks: u64,
    /// Free blocks.
    pub bfree: u64,
    /// Blocks free for ordinary users.
    pub bavail: u64,
    /// Total inodes.
    pub files: u64,
    /// Free inodes.
    pub ffree: u64,
    /// Block size in bytes.
    pub bsize: u32,
    /// Longest name in bytes.
    pub namelen: u32,
    /// Fragment size in bytes.
    pub frsize: u32,
}

bitflags! {
    /// What a permission check asks for: the `MAY_*` bits of the kernel, which filters see in
    /// `fuse_access_in.mask` (KERNEL-OBSERVED N20).
    ///
    /// ```
    /// use fuserig_abi::AccessMask;
    /// assert_eq!((AccessMask::EXEC | AccessMask::NOT_BLOCK).bits(), 0x81);
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
    pub struct AccessMask: u32 {
        /// Execute a file or search a directory.
        const EXEC = 0x1;
        /// Write.
        const WRITE = 0x2;
        /// Read.
        const READ = 0x4;
        /// The file is open for appending.
        const APPEND = 0x8;
        /// The check is made for `access(2)`.
        const ACCESS = 0x10;
        /// The check is made for `open(2)`.
        const OPEN = 0x20;
        /// The check is made for `chdir(2)`.
        const CHDIR = 0x40;
        /// The check is made in RCU mode and must not block.
        const NOT_BLOCK = 0x80;
    }
}
