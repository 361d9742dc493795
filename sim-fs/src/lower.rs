//! The seam below the pipeline: one trait with one method, and the operations as values.
//!
//! A [`LowerOp`] is what the modelled kernel asks of the lower filesystem through its VFS
//! (`vfs_mkdir`, `notify_change`, `iterate_dir` ...), so an implementation performs the permission
//! checks that those entry points perform, with the credentials of the caller. Because operations
//! are values, a layer that injects faults, records, or compares two filesystems is one `match`.
//!
//! What a reader would get wrong: a node number stays addressable after its last name is gone,
//! until [`LowerOp::Forget`] and the last [`LowerOp::Release`]; lookups are not counted.

use std::os::fd::BorrowedFd;

use bitflags::bitflags;
use fuserig_abi::{
    AccessMask, Caller, Device, Errno, FileKind, Gid, Ino, Stat, StatFs, Timespec, Uid,
};

use crate::AtimePolicy;

/// A filesystem that the pipeline can stand on.
///
/// ```
/// use fuserig_abi::{Caller, Credentials, Errno, Ino, Pid, Timespec};
/// use fuserig_sim_fs::{Lower, LowerExt, LowerOp, LowerReply};
///
/// #[derive(Debug)]
/// struct Empty;
/// impl Lower for Empty {
///     fn root(&self) -> Ino { Ino(1) }
///     fn apply(&mut self, _: &Caller, _: &LowerOp<'_>) -> Result<LowerReply, Errno> {
///         Err(Errno::ENOENT)
///     }
/// }
/// let caller = Caller::new(Credentials::root(), Pid(1), Timespec::ZERO);
/// assert_eq!(Empty.lookup(&caller, Ino(1), b"name"), Err(Errno::ENOENT));
/// ```
pub trait Lower: core::fmt::Debug {
    /// The root directory.
    fn root(&self) -> Ino;

    /// Performs one operation as `caller`, completely or not at all.
    fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno>;

    /// The descriptor of this machine behind an open file, for a door whose kernel can read and
    /// write it by itself; none where there is no such thing.
    fn host_file(&self, _fh: LowerFh) -> Option<BorrowedFd<'_>> {
        None
    }

    /// Which reads and which listings move access times from now on, as the flags of a mount say
    /// (man 8 mount). A filesystem whose times are kept elsewhere does what it can.
    fn keep_access_times(&mut self, _files: AtimePolicy, _directories: AtimePolicy) {}
}

/// An open file of the lower filesystem. Minted by [`LowerOp::Open`], [`LowerOp::CreateOpen`] and
/// [`LowerOp::Tmpfile`], owned by whoever opened it, dead with [`LowerOp::Release`]; never reused.
///
/// ```
/// use fuserig_sim_fs::LowerFh;
/// assert_ne!(LowerFh(1), LowerFh(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LowerFh(pub u64);

bitflags! {
    /// Open flags with Linux's x86-64 values. The access mode is the two low bits, see
    /// [`OpenFlags::access_mode`].
    ///
    /// ```
    /// use fuserig_sim_fs::OpenFlags;
    /// let flags = OpenFlags::RDWR | OpenFlags::CREAT;
    /// assert!(flags.wants_read() && flags.wants_write());
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
    pub struct OpenFlags: u32 {
        /// Write only.
        const WRONLY = 0o1;
        /// Read and write.
        const RDWR = 0o2;
        /// Create if absent.
        const CREAT = 0o100;
        /// Fail if present.
        const EXCL = 0o200;
        /// Do not become a controlling terminal.
        const NOCTTY = 0o400;
        /// Truncate.
        const TRUNC = 0o1000;
        /// Every write goes to the end.
        const APPEND = 0o2000;
        /// Do not block.
        const NONBLOCK = 0o4000;
        /// Data is durable when write returns.
        const DSYNC = 0o10000;
        /// Asynchronous notification.
        const ASYNC = 0o20000;
        /// Direct I/O.
        const DIRECT = 0o40000;
        /// Large file; the kernel sets it on every 64-bit open.
        const LARGEFILE = 0o100_000;
        /// Fail unless a directory.
        const DIRECTORY = 0o200_000;
        /// Fail on a symbolic link.
        const NOFOLLOW = 0o400_000;
        /// Do not touch the access time.
        const NOATIME = 0o1_000_000;
        /// Close on exec; not the lower filesystem's business.
        const CLOEXEC = 0o2_000_000;
        /// Sync metadata too (`O_SYNC` is this and `DSYNC`).
        const SYNC_METADATA = 0o4_000_000;
        /// A handle to the path only.
        const PATH = 0o10_000_000;
        /// An unnamed file (`O_TMPFILE` is this and `DIRECTORY`).
        const TMPFILE_ONLY = 0o20_000_000;
        const _ = !0;
    }
}

impl OpenFlags {
    /// The access mode bits: 0 read, 1 write, 2 both, 3 neither (only ioctl).
    pub const fn access_mode(self) -> u32 {
        self.bits() & 3
    }

    /// Whether the file can be read through this open.
    pub const fn wants_read(self) -> bool {
        matches!(self.access_mode(), 0 | 2)
    }

    /// Whether the file can be written through this open.
    pub const fn wants_write(self) -> bool {
        matches!(self.access_mode(), 1 | 2)
    }
}

/// Whether an open checks the caller's permission on the node.
///
/// ```
/// use fuserig_sim_fs::OpenCheck;
/// assert_ne!(OpenCheck::Permission, OpenCheck::Granted);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenCheck {
    /// As `open(2)`: the mode bits must allow the access mode.
    Permission,
    /// The caller was let in already, as for a file it has just created.
    Granted,
}

bitflags! {
    /// `renameat2` flags with Linux's values.
    ///
    /// ```
    /// use fuserig_sim_fs::RenameFlags;
    /// assert_eq!(RenameFlags::EXCHANGE.bits(), 2);
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
    pub struct RenameFlags: u32 {
        /// Fail if the new name exists.
        const NOREPLACE = 1;
        /// Swap the two names.
        const EXCHANGE = 2;
        /// Leave a whiteout at the old name.
        const WHITEOUT = 4;
        const _ = !0;
    }
}

bitflags! {
    /// `fallocate` modes with Linux's values.
    ///
    /// ```
    /// use fuserig_sim_fs::FallocateMode;
    /// assert_eq!((FallocateMode::KEEP_SIZE | FallocateMode::PUNCH_HOLE).bits(), 3);
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
    pub struct FallocateMode: u32 {
        /// Do not grow the file.
        const KEEP_SIZE = 0x01;
        /// Deallocate; needs `KEEP_SIZE`.
        const PUNCH_HOLE = 0x02;
        /// Remove a range and close the gap.
        const COLLAPSE_RANGE = 0x08;
        /// Zero a range.
        const ZERO_RANGE = 0x10;
        /// Insert a hole and shift the rest up.
        const INSERT_RANGE = 0x20;
        const _ = !0;
    }
}

/// `lseek` whence values that only a filesystem can answer, and the rest for completeness.
///
/// ```
/// use fuserig_sim_fs::Whence;
/// assert_eq!(Whence::from_raw(3), Some(Whence::Data));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whence {
    /// From the start.
    Set,
    /// From the current position.
    Cur,
    /// From the end.
    End,
    /// The next byte that holds data.
    Data,
    /// The next hole.
    Hole,
}

impl Whence {
    /// The `SEEK_*` value, or `None` for a number Linux does not know.
    pub fn from_raw(value: u32) -> Option<Whence> {
        [Whence::Set, Whence::Cur, Whence::End, Whence::Data, Whence::Hole]
            .into_iter()
            .find(|whence| whence.raw() == value)
    }

    /// The `SEEK_*` value.
    pub fn raw(self) -> u32 {
        self as u32
    }
}

/// How a time attribute changes.
///
/// ```
/// use fuserig_sim_fs::SetTime;
/// assert_ne!(SetTime::Now, SetTime::At(fuserig_abi::Timespec::ZERO));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetTime {
    /// To the caller's instant (`ATTR_ATIME` without `ATTR_ATIME_SET`).
    Now,
    /// To this instant (`ATTR_ATIME_SET`): needs ownership.
    At(Timespec),
}

/// What `notify_change` changes; `None` leaves an attribute alone. The rules are those of
/// `setattr_prepare` and of the system calls before it: ownership for mode, owner and times, but
/// for setting both times to now write permission will do, and times that come with `size` are
/// let through unless they are explicit; no write permission is asked for `size` itself, because
/// the kernel asks for it before. A change of owner, and one of length by a caller without
/// `CAP_FSETID`, clears setuid and setgid of a file unless `permissions` says what to have.
///
/// ```
/// use fuserig_sim_fs::AttrChanges;
/// let truncate = AttrChanges { size: Some(0), ..AttrChanges::default() };
/// assert!(truncate.permissions.is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct AttrChanges {
    /// Permission bits with setuid, setgid and sticky.
    pub permissions: Option<u32>,
    /// Owner.
    pub uid: Option<Uid>,
    /// Group.
    pub gid: Option<Gid>,
    /// Length in bytes.
    pub size: Option<u64>,
    /// Access time.
    pub atime: Option<SetTime>,
    /// Modification time.
    pub mtime: Option<SetTime>,
    /// Change time; the kernel sends it, filesystems set their own.
    pub ctime: Option<Timespec>,
    /// Clear setuid and setgid as a write or a chown by an ordinary user does
    /// (`ATTR_KILL_SUID | ATTR_KILL_SGID`).
    pub kill_suid_sgid: bool,
}

/// A byte range lock or its absence.
///
/// ```
/// use fuserig_sim_fs::LockKind;
/// assert_ne!(LockKind::Read, LockKind::Write);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockKind {
    /// Shared.
    Read,
    /// Exclusive.
    Write,
    /// None.
    Unlock,
}

/// An advisory lock: POSIX byte range (`fcntl`) or whole file (`flock`).
///
/// ```
/// use fuserig_sim_fs::{Lock, LockKind};
/// let whole = Lock { kind: LockKind::Write, owner: 1, start: 0, end: u64::MAX };
/// assert_eq!(whole.end, u64::MAX);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Shared, exclusive, or release.
    pub kind: LockKind,
    /// Who owns it: a process for POSIX locks, an open file for `flock` and OFD locks.
    pub owner: u64,
    /// First byte.
    pub start: u64,
    /// Last byte, inclusive; `u64::MAX` reaches to any end.
    pub end: u64,
}

bitflags! {
    /// `setxattr` flags with Linux's values.
    ///
    /// ```
    /// use fuserig_sim_fs::XattrFlags;
    /// assert_eq!(XattrFlags::CREATE.bits(), 1);
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
    pub struct XattrFlags: u32 {
        /// Fail if present.
        const CREATE = 1;
        /// Fail if absent.
        const REPLACE = 2;
        const _ = !0;
    }
}

/// One operation on the lower filesystem. Names are single components without NUL.
///
/// Every node-taking operation answers `ESTALE` for a number that was never handed out or is
/// already gone, and every handle-taking one `EBADF`.
///
/// ```
/// use fuserig_abi::Ino;
/// use fuserig_sim_fs::LowerOp;
/// let op = LowerOp::Lookup { parent: Ino(1), name: b"notes.txt" };
/// assert!(matches!(op, LowerOp::Lookup { .. }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LowerOp<'a> {
    /// `lookup_one_len`: search permission on `parent`, then the name. `.` and `..` and names with
    /// a slash are `EACCES`, an empty name too; longer than 255 bytes is `ENAMETOOLONG`. -> `Stat`
    Lookup { parent: Ino, name: &'a [u8] },
    /// The parent of a directory (the root's is itself). -> `Stat`
    Parent { node: Ino },
    /// The caller no longer uses this number. Frees an unlinked node without open handles.
    /// -> `Done`
    Forget { node: Ino },
    /// `vfs_getattr`. -> `Stat`
    Getattr { node: Ino },
    /// `notify_change`. -> `Stat` after the change
    Setattr { node: Ino, changes: AttrChanges },
    /// `inode_permission`. -> `Done`
    Access { node: Ino, mask: AccessMask },
    /// `vfs_create`: an exclusive regular file. `mode` is applied as given, no umask. -> `Stat`
    Create { parent: Ino, name: &'a [u8], mode: u32 },
    /// `vfs_mknod` with the type in `mode` (regular, fifo, socket, devices). -> `Stat`
    Mknod { parent: Ino, name: &'a [u8], mode: u32, rdev: Device },
    /// `vfs_mkdir`. -> `Stat`
    Mkdir { parent: Ino, name: &'a [u8], mode: u32 },
    /// `vfs_symlink`. -> `Stat`
    Symlink { parent: Ino, name: &'a [u8], target: &'a [u8] },
    /// `vfs_link`. -> `Stat`
    Link { node: Ino, parent: Ino, name: &'a [u8] },
    /// `vfs_unlink`. -> `Done`
    Unlink { parent: Ino, name: &'a [u8] },
    /// `vfs_rmdir`. -> `Done`
    Rmdir { parent: Ino, name: &'a [u8] },
    /// `vfs_rename`. -> `Done`
    Rename { parent: Ino, name: &'a [u8], new_parent: Ino, new_name: &'a [u8], flags: RenameFlags },
    /// `vfs_get_link`. -> `Bytes`
    Readlink { node: Ino },
    /// `open(2)` of an existing node. Honours access mode, APPEND, TRUNC, DIRECTORY, NOFOLLOW,
    /// NOATIME; CREAT and EXCL are ignored. -> `Opened`
    Open { node: Ino, flags: OpenFlags, check: OpenCheck },
    /// Create exclusively and open, atomically. -> `Created`
    CreateOpen { parent: Ino, name: &'a [u8], mode: u32, flags: OpenFlags },
    /// `O_TMPFILE`: an unnamed regular file in `parent`'s filesystem; `EXCL` forbids a later link.
    /// -> `Created`
    Tmpfile { parent: Ino, mode: u32, flags: OpenFlags },
    /// Drop an open file; its `flock` and OFD locks go with it. -> `Done`
    Release { fh: LowerFh },
    /// One descriptor was closed: POSIX locks of `owner` go. -> `Done`
    Flush { fh: LowerFh, owner: u64 },
    /// Make durable: data, and unless `datasync` all metadata. -> `Done`
    Fsync { fh: LowerFh, datasync: bool },
    /// Read at most `size` bytes at `offset`. -> `Bytes`
    Read { fh: LowerFh, offset: u64, size: u32 },
    /// Write at `offset`, or at the end of the file when opened with APPEND. -> `Written`
    Write { fh: LowerFh, offset: u64, data: &'a [u8] },
    /// `vfs_fallocate`. -> `Done`
    Fallocate { fh: LowerFh, mode: FallocateMode, offset: u64, length: u64 },
    /// `vfs_llseek`, with the position of the caller's handle. Directories too. -> `Position`
    Seek { fh: LowerFh, offset: i64, whence: Whence, position: u64 },
    /// `vfs_copy_file_range`. -> `Count`
    CopyRange {
        from: LowerFh,
        from_offset: u64,
        to: LowerFh,
        to_offset: u64,
        length: u64,
        flags: u32,
    },
    /// `iterate_dir` from `position`, at least one record if any is left, at most `records_max`.
    /// -> `Entries`
    ReadDir { fh: LowerFh, position: u64, records_max: usize },
    /// `vfs_statfs`. -> `StatFs`
    Statfs { node: Ino },
    /// `vfs_getxattr`; `size_max` 0 asks for the length only. -> `Bytes` or `Count`
    GetXattr { node: Ino, name: &'a [u8], size_max: usize },
    /// `vfs_listxattr`: NUL-terminated names; `size_max` 0 asks for the length.
    /// -> `Bytes` or `Count`
    ListXattr { node: Ino, size_max: usize },
    /// `vfs_setxattr`. -> `Done`
    SetXattr { node: Ino, name: &'a [u8], value: &'a [u8], flags: XattrFlags },
    /// `vfs_removexattr`. -> `Done`
    RemoveXattr { node: Ino, name: &'a [u8] },
    /// `F_GETLK`: the first lock that would conflict, or one of kind `Unlock`. -> `Lock`
    GetLock { fh: LowerFh, lock: Lock },
    /// `F_SETLK`: never waits; a conflict is `EAGAIN`. -> `Done`
    SetLock { fh: LowerFh, lock: Lock },
    /// `flock` with `LOCK_NB`; a conflict is `EAGAIN`. -> `Done`
    Flock { fh: LowerFh, kind: LockKind, owner: u64 },
}

/// One record of a directory.
///
/// ```
/// use fuserig_abi::{FileKind, Ino};
/// use fuserig_sim_fs::DirEntry;
/// let dot = DirEntry { position: 0, ino: Ino(1), kind: FileKind::Directory, name: b".".to_vec() };
/// assert_eq!(dot.position, 0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// The position of THIS record (not of the next): reading from here yields it again.
    pub position: u64,
    /// The inode.
    pub ino: Ino,
    /// Its type.
    pub kind: FileKind,
    /// The name, one component.
    pub name: Vec<u8>,
}

/// The answer to a [`LowerOp`]; which variant belongs to which operation is said there.
///
/// ```
/// use fuserig_sim_fs::LowerReply;
/// assert_eq!(LowerReply::Count(3), LowerReply::Count(3));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LowerReply {
    /// Nothing to say beyond success.
    Done,
    /// Attributes.
    Stat(Stat),
    /// An open file.
    Opened(LowerFh),
    /// A new file and its open file.
    Created(Stat, LowerFh),
    /// Data, a link target, or an extended attribute.
    Bytes(Vec<u8>),
    /// Bytes accepted, and the position after them.
    Written { count: u64, end: u64 },
    /// A length or a number of bytes.
    Count(u64),
    /// A file position.
    Position(u64),
    /// Records, and the position after the last one.
    Entries { entries: Vec<DirEntry>, end: u64 },
    /// Filesystem figures.
    StatFs(StatFs),
    /// A lock.
    Lock(Lock),
}

macro_rules! typed {
    ($(
        $(#[$meta:meta])*
        fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty
            = $op:expr => $pattern:pat => $value:expr;
    )*) => {
        /// The operations as typed methods, for every [`Lower`]. Each is one [`LowerOp`].
        ///
        /// A reply of the wrong variant is a bug of the implementation and panics with its name.
        pub trait LowerExt: Lower {
            $(
                $(#[$meta])*
                fn $name(&mut self, caller: &Caller, $($arg: $ty),*) -> Result<$ret, Errno> {
                    match self.apply(caller, &$op)? {
                        $pattern => Ok($value),
                        other => unreachable!(
                            "{} answered {other:?}, which is not its reply", stringify!($name)
                        ),
                    }
                }
            )*
        }
    };
}

typed! {
    /// See [`LowerOp::Lookup`].
    fn lookup(parent: Ino, name: &[u8]) -> Stat
        = LowerOp::Lookup { parent, name } => LowerReply::Stat(stat) => stat;
    /// See [`LowerOp::Parent`].
    fn parent(node: Ino) -> Stat = LowerOp::Parent { node } => LowerReply::Stat(stat) => stat;
    /// See [`LowerOp::Forget`].
    fn forget(node: Ino) -> () = LowerOp::Forget { node } => LowerReply::Done => ();
    /// See [`LowerOp::Getattr`].
    fn getattr(node: Ino) -> Stat = LowerOp::Getattr { node } => LowerReply::Stat(stat) => stat;
    /// See [`LowerOp::Setattr`].
    fn setattr(node: Ino, changes: AttrChanges) -> Stat
        = LowerOp::Setattr { node, changes } => LowerReply::Stat(stat) => stat;
    /// See [`LowerOp::Access`].
    fn access(node: Ino, mask: AccessMask) -> ()
        = LowerOp::Access { node, mask } => LowerReply::Done => ();
    /// See [`LowerOp::Create`].
    fn create(parent: Ino, name: &[u8], mode: u32) -> Stat
        = LowerOp::Create { parent, name, mode } => LowerReply::Stat(stat) => stat;
    /// See [`LowerOp::Mknod`].
    fn mknod(parent: Ino, name: &[u8], mode: u32, rdev: Device) -> Stat
        = LowerOp::Mknod { parent, name, mode, rdev } => LowerReply::Stat(stat) => stat;
    /// See [`LowerOp::Mkdir`].
    fn mkdir(parent: Ino, name: &[u8], mode: u32) -> Stat
        = LowerOp::Mkdir { parent, name, mode } => LowerReply::Stat(stat) => stat;
    /// See [`LowerOp::Symlink`].
    fn symlink(parent: Ino, name: &[u8], target: &[u8]) -> Stat
        = LowerOp::Symlink { parent, name, target } => LowerReply::Stat(stat) => stat;
    /// See [`LowerOp::Link`].
    fn link(node: Ino, parent: Ino, name: &[u8]) -> Stat
        = LowerOp::Link { node, parent, name } => LowerReply::Stat(stat) => stat;
    /// See [`LowerOp::Unlink`].
    fn unlink(parent: Ino, name: &[u8]) -> ()
        = LowerOp::Unlink { parent, name } => LowerReply::Done => ();
    /// See [`LowerOp::Rmdir`].
    fn rmdir(parent: Ino, name: &[u8]) -> ()
        = LowerOp::Rmdir { parent, name } => LowerReply::Done => ();
    /// See [`LowerOp::Rename`].
    fn rename(parent: Ino, name: &[u8], new_parent: Ino, new_name: &[u8], flags: RenameFlags) -> ()
        = LowerOp::Rename { parent, name, new_parent, new_name, flags } => LowerReply::Done => ();
    /// See [`LowerOp::Readlink`].
    fn readlink(node: Ino) -> Vec<u8>
        = LowerOp::Readlink { node } => LowerReply::Bytes(bytes) => bytes;
    /// See [`LowerOp::Open`], with a permission check.
    fn open(node: Ino, flags: OpenFlags) -> LowerFh
        = LowerOp::Open { node, flags, check: OpenCheck::Permission }
        => LowerReply::Opened(fh) => fh;
    /// See [`LowerOp::CreateOpen`].
    fn create_open(parent: Ino, name: &[u8], mode: u32, flags: OpenFlags) -> (Stat, LowerFh)
        = LowerOp::CreateOpen { parent, name, mode, flags }
        => LowerReply::Created(stat, fh) => (stat, fh);
    /// See [`LowerOp::Tmpfile`].
    fn tmpfile(parent: Ino, mode: u32, flags: OpenFlags) -> (Stat, LowerFh)
        = LowerOp::Tmpfile { parent, mode, flags }
        => LowerReply::Created(stat, fh) => (stat, fh);
    /// See [`LowerOp::Release`].
    fn release(fh: LowerFh) -> () = LowerOp::Release { fh } => LowerReply::Done => ();
    /// See [`LowerOp::Fsync`].
    fn fsync(fh: LowerFh, datasync: bool) -> ()
        = LowerOp::Fsync { fh, datasync } => LowerReply::Done => ();
    /// See [`LowerOp::Read`].
    fn read(fh: LowerFh, offset: u64, size: u32) -> Vec<u8>
        = LowerOp::Read { fh, offset, size } => LowerReply::Bytes(bytes) => bytes;
    /// See [`LowerOp::Write`]. Returns the bytes accepted.
    fn write(fh: LowerFh, offset: u64, data: &[u8]) -> u64
        = LowerOp::Write { fh, offset, data } => LowerReply::Written { count, .. } => count;
    /// See [`LowerOp::Fallocate`].
    fn fallocate(fh: LowerFh, mode: FallocateMode, offset: u64, length: u64) -> ()
        = LowerOp::Fallocate { fh, mode, offset, length } => LowerReply::Done => ();
    /// See [`LowerOp::Seek`].
    fn seek(fh: LowerFh, offset: i64, whence: Whence, position: u64) -> u64
        = LowerOp::Seek { fh, offset, whence, position } => LowerReply::Position(at) => at;
    /// See [`LowerOp::CopyRange`], with flags 0.
    fn copy_range(
        from: LowerFh, from_offset: u64, to: LowerFh, to_offset: u64, length: u64
    ) -> u64
        = LowerOp::CopyRange { from, from_offset, to, to_offset, length, flags: 0 }
        => LowerReply::Count(count) => count;
    /// See [`LowerOp::ReadDir`]: the records and the position after them.
    fn read_dir(fh: LowerFh, position: u64, records_max: usize) -> (Vec<DirEntry>, u64)
        = LowerOp::ReadDir { fh, position, records_max }
        => LowerReply::Entries { entries, end } => (entries, end);
    /// See [`LowerOp::Statfs`].
    fn statfs(node: Ino) -> StatFs
        = LowerOp::Statfs { node } => LowerReply::StatFs(statfs) => statfs;
    /// See [`LowerOp::GetXattr`], for the value itself; `size_max` must not be 0.
    fn get_xattr(node: Ino, name: &[u8], size_max: usize) -> Vec<u8>
        = LowerOp::GetXattr { node, name, size_max } => LowerReply::Bytes(bytes) => bytes;
    /// See [`LowerOp::ListXattr`], for the names themselves; `size_max` must not be 0.
    fn list_xattr(node: Ino, size_max: usize) -> Vec<u8>
        = LowerOp::ListXattr { node, size_max } => LowerReply::Bytes(bytes) => bytes;
    /// See [`LowerOp::SetXattr`].
    fn set_xattr(node: Ino, name: &[u8], value: &[u8], flags: XattrFlags) -> ()
        = LowerOp::SetXattr { node, name, value, flags } => LowerReply::Done => ();
    /// See [`LowerOp::RemoveXattr`].
    fn remove_xattr(node: Ino, name: &[u8]) -> ()
        = LowerOp::RemoveXattr { node, name } => LowerReply::Done => ();
}

impl<L: Lower + ?Sized> LowerExt for L {}
