//! System calls as values: what a client asks for, and what it gets.

use fuserig_abi::{AccessMask, Credentials, Device, Errno, Gid, Pid, Stat, StatFs, Timespec};
use fuserig_sim_fs::{Lock, LockKind, OpenFlags};

use crate::pipeline::DirRecord;

/// Where a path starts: the working directory, or an open directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// `AT_FDCWD`.
    Cwd,
    /// A descriptor.
    Fd(i32),
}

/// A path and where it starts. A path beginning with `/` starts at the root of the mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathAt {
    /// The start of a relative path.
    pub at: At,
    /// The path as bytes, without NUL.
    pub path: Vec<u8>,
}

impl PathAt {
    /// A path from the working directory.
    pub fn cwd(path: impl AsRef<[u8]>) -> PathAt {
        PathAt { at: At::Cwd, path: path.as_ref().to_vec() }
    }
}

/// What a call is about: a path (with or without following a final symlink) or a descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A path.
    Path {
        /// The path.
        path: PathAt,
        /// Whether a final symlink is followed.
        follow: bool,
    },
    /// An open file (also a path of length 0 with `AT_EMPTY_PATH`).
    Fd(i32),
    /// The working directory itself (a path of length 0 with `AT_EMPTY_PATH`).
    Cwd,
}

impl Target {
    /// A path whose final symlink is followed.
    pub fn follow(path: impl AsRef<[u8]>) -> Target {
        Target::Path { path: PathAt::cwd(path), follow: true }
    }

    /// A path whose final symlink is not followed.
    pub fn nofollow(path: impl AsRef<[u8]>) -> Target {
        Target::Path { path: PathAt::cwd(path), follow: false }
    }
}

/// One time argument of `utimensat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewTime {
    /// `UTIME_NOW`.
    Now,
    /// `UTIME_OMIT`.
    Omit,
    /// This instant.
    At(Timespec),
}

/// A system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `openat`.
    Open {
        /// What to open.
        path: PathAt,
        /// Flags.
        flags: OpenFlags,
        /// Mode for a new file.
        mode: u32,
        /// The descriptor to install; the lowest free one when not given.
        fd: Option<i32>,
    },
    /// `close`.
    Close {
        /// The descriptor.
        fd: i32,
    },
    /// `read`, or `pread` with an offset.
    Read {
        /// The descriptor.
        fd: i32,
        /// Bytes asked for.
        size: u64,
        /// The offset of `pread`.
        offset: Option<i64>,
    },
    /// `write`, or `pwrite` with an offset.
    Write {
        /// The descriptor.
        fd: i32,
        /// The bytes.
        data: Vec<u8>,
        /// The offset of `pwrite`.
        offset: Option<i64>,
    },
    /// `pwritev2` with `RWF_APPEND`: one write to the end, whatever the open flags say.
    Append {
        /// The descriptor.
        fd: i32,
        /// The bytes.
        data: Vec<u8>,
        /// The offset, where it is not -1: the position stays, and a filter is shown the offset.
        offset: Option<i64>,
    },
    /// `lseek`.
    Seek {
        /// The descriptor.
        fd: i32,
        /// Offset.
        offset: i64,
        /// `SEEK_*`.
        whence: u32,
    },
    /// `truncate` or `ftruncate`.
    Truncate {
        /// Path or descriptor.
        target: Target,
        /// New length.
        size: i64,
    },
    /// `fallocate`.
    Fallocate {
        /// The descriptor.
        fd: i32,
        /// Mode.
        mode: u32,
        /// Start.
        offset: i64,
        /// Length.
        length: i64,
    },
    /// `fsync` or `fdatasync`.
    Fsync {
        /// The descriptor.
        fd: i32,
        /// `fdatasync`.
        datasync: bool,
    },
    /// `stat`, `lstat`, `fstat`, `statx`.
    Stat {
        /// Path or descriptor.
        target: Target,
        /// statx flags that reach the filesystem (`AT_STATX_*`).
        flags: u32,
    },
    /// `statfs` or `fstatfs`.
    Statfs {
        /// Path or descriptor.
        target: Target,
    },
    /// `access`, `faccessat`.
    Access {
        /// Path.
        target: Target,
        /// READ, WRITE, EXEC or nothing.
        mode: AccessMask,
    },
    /// `mkdirat`.
    Mkdir {
        /// The new name.
        path: PathAt,
        /// Permission bits before the umask.
        mode: u32,
    },
    /// `mknodat`.
    Mknod {
        /// The new name.
        path: PathAt,
        /// Type and permission bits before the umask.
        mode: u32,
        /// Device number.
        rdev: Device,
    },
    /// `symlinkat`.
    Symlink {
        /// What the link says.
        target: Vec<u8>,
        /// The new name.
        path: PathAt,
    },
    /// `linkat`.
    Link {
        /// The existing file.
        source: Target,
        /// The new name.
        path: PathAt,
    },
    /// `unlinkat` without `AT_REMOVEDIR`.
    Unlink {
        /// The name.
        path: PathAt,
    },
    /// `rmdir`, `unlinkat` with `AT_REMOVEDIR`.
    Rmdir {
        /// The name.
        path: PathAt,
    },
    /// `renameat2`.
    Rename {
        /// The old name.
        old: PathAt,
        /// The new name.
        new: PathAt,
        /// `RENAME_*`.
        flags: u32,
    },
    /// `readlinkat`.
    Readlink {
        /// The link, or an `O_PATH` descriptor of it.
        target: Target,
        /// Size of the caller's buffer.
        size: u64,
    },
    /// `chmod`, `fchmod`, `fchmodat`.
    Chmod {
        /// Path or descriptor.
        target: Target,
        /// New permission bits.
        mode: u32,
    },
    /// `chown`, `lchown`, `fchown`, `fchownat`.
    Chown {
        /// Path or descriptor.
        target: Target,
        /// New owner, if any.
        uid: Option<u32>,
        /// New group, if any.
        gid: Option<u32>,
    },
    /// `utimensat`, `futimens`.
    Utimens {
        /// Path or descriptor.
        target: Target,
        /// Access time.
        atime: NewTime,
        /// Modification time.
        mtime: NewTime,
    },
    /// `getdents64`.
    Getdents {
        /// The descriptor.
        fd: i32,
        /// Bytes of the caller's buffer.
        space: u64,
    },
    /// `getxattr`, `lgetxattr`, `fgetxattr`.
    Getxattr {
        /// Path or descriptor.
        target: Target,
        /// Full name.
        name: Vec<u8>,
        /// Size of the caller's buffer.
        size: u64,
    },
    /// `listxattr`, `llistxattr`, `flistxattr`.
    Listxattr {
        /// Path or descriptor.
        target: Target,
        /// Size of the caller's buffer.
        size: u64,
    },
    /// `setxattr`, `lsetxattr`, `fsetxattr`.
    Setxattr {
        /// Path or descriptor.
        target: Target,
        /// Full name.
        name: Vec<u8>,
        /// Value.
        value: Vec<u8>,
        /// `XATTR_*`.
        flags: u32,
    },
    /// `removexattr`, `lremovexattr`, `fremovexattr`.
    Removexattr {
        /// Path or descriptor.
        target: Target,
        /// Full name.
        name: Vec<u8>,
    },
    /// `copy_file_range`.
    CopyFileRange {
        /// Source descriptor.
        from: i32,
        /// Source offset; the file's position when not given.
        from_offset: Option<i64>,
        /// Destination descriptor.
        to: i32,
        /// Destination offset; the file's position when not given.
        to_offset: Option<i64>,
        /// Bytes asked for.
        length: u64,
        /// Flags.
        flags: u32,
    },
    /// `sendfile` between two files of the mount.
    Sendfile {
        /// Destination descriptor.
        to: i32,
        /// Source descriptor.
        from: i32,
        /// Source offset; the file's position when not given.
        offset: Option<i64>,
        /// Bytes asked for.
        length: u64,
    },
    /// `flock` with `LOCK_NB`.
    Flock {
        /// The descriptor.
        fd: i32,
        /// What is asked for.
        kind: LockKind,
    },
    /// `flock` that waits. [`Vfs::call`](super::Vfs::call) never comes back from a wait for a lock
    /// that the kernel or the lower filesystem keeps, since nobody else moves meanwhile.
    WaitFlock {
        /// The descriptor.
        fd: i32,
        /// What is asked for.
        kind: LockKind,
    },
    /// `fcntl(F_SETLK)`.
    SetLock {
        /// The descriptor.
        fd: i32,
        /// The lock; its owner is the client.
        lock: Lock,
        /// Start and end count from here (`SEEK_*`).
        whence: u32,
    },
    /// `fcntl(F_SETLKW)`, which waits as [`Call::WaitFlock`] does; `EDEADLK` where whoever has the
    /// lock waits for the caller.
    WaitLock {
        /// The descriptor.
        fd: i32,
        /// The lock; its owner is the client.
        lock: Lock,
        /// Start and end count from here (`SEEK_*`).
        whence: u32,
    },
    /// `fcntl(F_GETLK)`.
    GetLock {
        /// The descriptor.
        fd: i32,
        /// The lock asked about.
        lock: Lock,
        /// Start and end count from here (`SEEK_*`).
        whence: u32,
    },
    /// `dup`, `dup2`, `dup3`, `fcntl(F_DUPFD)`.
    Dup {
        /// The descriptor.
        fd: i32,
        /// The descriptor to install; closed first when open. The lowest free one if not given.
        to: Option<i32>,
        /// Whether the new descriptor closes on exec.
        cloexec: bool,
    },
    /// `fcntl(F_SETFD)`.
    SetCloexec {
        /// The descriptor.
        fd: i32,
        /// Whether it closes on exec.
        on: bool,
    },
    /// `fcntl(F_SETFL)`.
    SetFlags {
        /// The descriptor.
        fd: i32,
        /// New status flags; only those that may change do.
        flags: OpenFlags,
    },
    /// `chdir` or `fchdir`.
    Chdir {
        /// Path or descriptor.
        target: Target,
    },
    /// `getcwd`.
    Getcwd,
    /// `umask`.
    Umask {
        /// The new mask.
        mask: u32,
    },
    /// `setuid` and its relatives: the identity for later calls.
    SetCredentials {
        /// The new identity.
        credentials: Credentials,
    },
    /// `setfsuid`-like changes of one id at a time: the other stays, and the capabilities follow
    /// the user.
    SetIds {
        /// The new user, if any.
        uid: Option<u32>,
        /// The new group, if any.
        gid: Option<u32>,
    },
    /// `mmap` of a file: holds it open until it is unmapped.
    Mmap {
        /// The descriptor.
        fd: i32,
        /// Where it was mapped; 0 when that is not known.
        address: u64,
        /// Bytes mapped.
        length: u64,
        /// Offset in the file.
        offset: u64,
    },
    /// `munmap`: lets go of every mapping that starts in the range.
    Munmap {
        /// Start of the range.
        address: u64,
        /// Its length.
        length: u64,
    },
    /// `ioctl`.
    Ioctl {
        /// The descriptor.
        fd: i32,
        /// The request number.
        request: u64,
        /// What the argument points to, as far as the number says that bytes go to the file; zeros
        /// where that is not known.
        data: Vec<u8>,
    },
    /// A call with arguments that no file of the mount accepts (`RWF_NOWAIT`, an advice that does
    /// not exist): `EBADF` when the descriptor is not open, else this.
    Refused {
        /// The descriptor.
        fd: i32,
        /// What the kernel says.
        errno: Errno,
    },
    /// `fadvise64`, `readahead`: nothing a filter sees.
    Fadvise {
        /// The descriptor.
        fd: i32,
    },
    /// `fork`, `clone`, `vfork`: a new client.
    Fork {
        /// The child.
        child: Pid,
        /// Whether the two share one descriptor table (`CLONE_FILES`).
        share_files: bool,
        /// Whether the two share the working directory and umask (`CLONE_FS`).
        share_fs: bool,
    },
    /// `setgroups`: the supplementary groups.
    SetGroups {
        /// The new list.
        groups: Vec<Gid>,
    },
    /// `close_range`.
    CloseRange {
        /// The first descriptor.
        first: u64,
        /// The last one.
        last: u64,
        /// `CLOSE_RANGE_*`.
        flags: u32,
    },
    /// `execve`: loads a program and closes what is marked so.
    Exec {
        /// The program, when it is in the mount.
        program: Option<Program>,
    },
    /// `exit`: closes everything.
    Exit,
}

/// A program to be executed.
///
/// ```
/// use fuserig::vfs::{PathAt, Program};
/// let program = Program { path: PathAt::cwd("a.out"), refused: None };
/// assert!(program.refused.is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Where it is.
    pub path: PathAt,
    /// What the loader or the interpreter says, which is outside the mount: an error, or nothing
    /// when it takes the program.
    pub refused: Option<Errno>,
}

/// What a call gave beside its number.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Output {
    /// Nothing.
    #[default]
    None,
    /// Bytes: data, an attribute, a link target, a path.
    Bytes(Vec<u8>),
    /// Attributes, apart: a result is handed on by many, and they would be copied each time.
    Stat(Box<Stat>),
    /// Filesystem figures.
    StatFs(Box<StatFs>),
    /// Directory records.
    Records(Vec<DirRecord>),
    /// A lock.
    Lock(Lock),
}

/// What a system call returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallResult {
    /// The value, or the errno. A filter's wild code comes out as a huge value (N3).
    pub value: Result<i64, Errno>,
    /// What came with it.
    pub output: Output,
}

impl CallResult {
    /// A plain value.
    pub fn value(value: i64) -> CallResult {
        CallResult { value: Ok(value), output: Output::None }
    }

    /// The number as libc's caller sees it: -1 for an error.
    pub fn number(&self) -> i64 {
        self.value.unwrap_or(-1)
    }
}

impl From<Errno> for CallResult {
    fn from(errno: Errno) -> CallResult {
        CallResult { value: Err(errno), output: Output::None }
    }
}
