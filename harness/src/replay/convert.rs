//! From the records of a trace to system calls of the VFS model, by hand: each side can change
//! alone.

use fuserig_abi::{AccessMask, Device, Errno, Gid, Pid, Timespec};
use fuserig_sim_fs::{Lock, LockKind, OpenFlags};
use fuserig_traces::calls::{CallNr, CallSpec};
use fuserig_traces::record::{CallFlags, CallRecord, Value};

use crate::vfs::{At, Call, NewTime, PathAt, Program, Target};

const AT_FDCWD: i64 = -100;
const AT_SYMLINK_NOFOLLOW: u64 = 0x100;
const AT_REMOVEDIR: u64 = 0x200;
const AT_SYMLINK_FOLLOW: u64 = 0x400;
const AT_EMPTY_PATH: u64 = 0x1000;
/// `AT_STATX_SYNC_TYPE`: the part of the flags that reaches a filesystem.
const AT_STATX_SYNC_TYPE: u64 = 0x6000;
const UTIME_NOW: i64 = 0x3fff_ffff;
const UTIME_OMIT: i64 = 0x3fff_fffe;
pub(crate) const RWF_APPEND: u64 = 0x10;
/// `RWF_HIPRI`, `RWF_DSYNC`, `RWF_SYNC`, `RWF_APPEND` and `RWF_NOAPPEND`; a FUSE file refuses to
/// be asked not to wait, and knows nothing of atomic or uncached writes.
const RWF_ACCEPTED: u64 = 0x1 | 0x2 | 0x4 | RWF_APPEND | 0x20;
/// Most bytes of one write that are replayed without the log having them.
const UNSEEN_MAX: usize = 1 << 28;
const POSIX_FADV_NOREUSE: u64 = 5;
const CLONE_FS: u64 = 0x200;
const CLONE_FILES: u64 = 0x400;

/// Why a record cannot be issued as a system call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// An argument is missing or of the wrong kind.
    #[error("issue {call}: argument `{argument}` is missing or of the wrong kind")]
    Argument {
        /// The call.
        call: String,
        /// The argument, as its row names it.
        argument: &'static str,
    },
    /// The table of this build has no such call.
    #[error("issue call number {0}: this build does not know it; replay with a newer fuserig")]
    Unknown(u16),
    /// The VFS model has no such call.
    #[error("issue {0}: the VFS model has no such call")]
    NotModelled(&'static str),
}

/// What a record asks the replayer to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Issue {
    /// A system call.
    Call(Call),
    /// Nothing a filesystem hears of.
    Nothing,
}

/// The arguments of one record by the names of its row.
struct Args<'a> {
    record: &'a CallRecord,
    spec: &'static CallSpec,
}

impl Args<'_> {
    fn value(&self, name: &'static str) -> Result<&Value, ConvertError> {
        let place = self.spec.arg_index(name);
        place.and_then(|place| self.record.args.get(place)).ok_or_else(|| self.bad(name))
    }

    fn bad(&self, argument: &'static str) -> ConvertError {
        ConvertError::Argument { call: self.spec.name.to_owned(), argument }
    }

    fn int(&self, name: &'static str) -> Result<i64, ConvertError> {
        let value = self.value(name)?;
        // A count above i64::MAX is a number all the same to who takes it as signed.
        value
            .as_int()
            .or_else(|| value.as_uint().map(|number| number as i64))
            .ok_or_else(|| self.bad(name))
    }

    fn uint(&self, name: &'static str) -> Result<u64, ConvertError> {
        let value = self.value(name)?;
        value
            .as_uint()
            .or_else(|| value.as_int().map(|number| number as u64))
            .ok_or_else(|| self.bad(name))
    }

    fn word(&self, name: &'static str) -> Result<u32, ConvertError> {
        Ok(self.uint(name)? as u32)
    }

    fn fd(&self, name: &'static str) -> Result<i32, ConvertError> {
        i32::try_from(self.int(name)?).ok().ok_or_else(|| self.bad(name))
    }

    fn bytes(&self, name: &'static str) -> Result<Vec<u8>, ConvertError> {
        self.value(name)?.as_bytes().map(<[u8]>::to_vec).ok_or_else(|| self.bad(name))
    }

    /// The bytes of a write. What the log does not have of them are zeros, in their number: the
    /// length of the file is right, and reads tell the rest (see `unseen`).
    fn written(&self) -> Result<Vec<u8>, ConvertError> {
        let mut data = self.bytes("data")?;
        if let Some(length) = unseen_length(self.record, data.len()) {
            data.resize(length, 0);
        }
        Ok(data)
    }

    fn path(&self, dirfd: &'static str, path: &'static str) -> Result<PathAt, ConvertError> {
        let at = match self.int(dirfd)? {
            AT_FDCWD => At::Cwd,
            fd => At::Fd(i32::try_from(fd).ok().ok_or_else(|| self.bad(dirfd))?),
        };
        Ok(PathAt { at, path: self.bytes(path)? })
    }

    fn cwd_path(&self, path: &'static str) -> Result<PathAt, ConvertError> {
        Ok(PathAt { at: At::Cwd, path: self.bytes(path)? })
    }

    /// A path with `AT_*` flags, or the descriptor itself when the path is empty.
    fn target(&self, flags: u64) -> Result<Target, ConvertError> {
        self.target_of("dirfd", "path", flags, flags & AT_SYMLINK_NOFOLLOW == 0)
    }

    fn target_of(
        &self,
        dirfd: &'static str,
        path: &'static str,
        flags: u64,
        follow: bool,
    ) -> Result<Target, ConvertError> {
        let path = self.path(dirfd, path)?;
        if path.path.is_empty() && flags & AT_EMPTY_PATH != 0 {
            return Ok(match path.at {
                At::Cwd => Target::Cwd,
                At::Fd(fd) => Target::Fd(fd),
            });
        }
        Ok(Target::Path { path, follow })
    }

    /// `NULL` means the descriptor itself, which some records keep as an empty path.
    fn times_target(&self) -> Result<Target, ConvertError> {
        let flags = self.uint("flags")?;
        match (self.path("dirfd", "path")?, flags) {
            (PathAt { at: At::Fd(fd), path }, _) if path.is_empty() => Ok(Target::Fd(fd)),
            _ => self.target(flags),
        }
    }

    fn time(&self, sec: &'static str, nsec: &'static str) -> Result<NewTime, ConvertError> {
        Ok(match self.int(nsec)? {
            UTIME_NOW => NewTime::Now,
            UTIME_OMIT => NewTime::Omit,
            nanos => {
                let nsec = u32::try_from(nanos).ok().ok_or_else(|| self.bad(nsec))?;
                NewTime::At(Timespec { sec: self.int(sec)?, nsec })
            }
        })
    }
}

/// The system call a record stands for; none for calls that no filesystem hears of.
pub(crate) fn issue_call(record: &CallRecord) -> Result<Option<Call>, ConvertError> {
    Ok(match issue(record)? {
        Issue::Call(call) => Some(call),
        Issue::Nothing => None,
    })
}

/// How many bytes a write really wrote, when the record has fewer of them.
pub(super) fn unseen_length(record: &CallRecord, kept: usize) -> Option<usize> {
    let cut = record.errno == 0 && record.flags.contains(CallFlags::TRUNCATED);
    let written = usize::try_from(record.result).ok().filter(|_| cut)?;
    (kept < written && written <= UNSEEN_MAX).then_some(written)
}

/// The call a record stands for.
pub(super) fn issue(record: &CallRecord) -> Result<Issue, ConvertError> {
    let spec = CallSpec::by_nr(record.nr).ok_or(ConvertError::Unknown(record.nr.0))?;
    let args = Args { record, spec };
    if let Some(call) = descriptors(&args)? {
        return Ok(Issue::Call(call));
    }
    if let Some(call) = names(&args)? {
        return Ok(Issue::Call(call));
    }
    if let Some(call) = attributes(&args)? {
        return Ok(Issue::Call(call));
    }
    match process(&args)? {
        Some(issue) => Ok(issue),
        None => Err(ConvertError::NotModelled(spec.name)),
    }
}

fn open(args: &Args<'_>) -> Result<Call, ConvertError> {
    let fd = (args.record.errno == 0).then(|| i32::try_from(args.record.result).ok()).flatten();
    Ok(Call::Open {
        path: args.path("dirfd", "path")?,
        flags: OpenFlags::from_bits_retain(args.word("flags")?),
        mode: args.word("mode")?,
        fd: fd.filter(|&fd| fd >= 0),
    })
}

fn descriptors(args: &Args<'_>) -> Result<Option<Call>, ConvertError> {
    let fd = || args.fd("fd");
    let offset = |name: &'static str| Ok::<_, ConvertError>(Some(args.int(name)?));
    Ok(Some(match args.record.nr {
        CallNr::PREAD64 | CallNr::PWRITE64 if args.uint("flags")? & !RWF_ACCEPTED != 0 => {
            Call::Refused { fd: fd()?, errno: Errno::EOPNOTSUPP }
        }
        CallNr::OPENAT | CallNr::OPENAT2 => open(args)?,
        CallNr::CLOSE => Call::Close { fd: fd()? },
        CallNr::READ => Call::Read { fd: fd()?, size: args.uint("count")?, offset: None },
        CallNr::PREAD64 => {
            let (size, offset) = (args.uint("count")?, offset("offset")?);
            let at_position = args.uint("flags")? != 0;
            let offset = offset.filter(|&at| at != -1 || !at_position);
            Call::Read { fd: fd()?, size, offset }
        }
        CallNr::WRITE => Call::Write { fd: fd()?, data: args.written()?, offset: None },
        CallNr::PWRITE64 if args.uint("flags")? & RWF_APPEND != 0 => {
            let offset = offset("offset")?.filter(|&at| at != -1);
            Call::Append { fd: fd()?, data: args.written()?, offset }
        }
        CallNr::PWRITE64 => {
            let (data, offset) = (args.written()?, offset("offset")?);
            let at_position = args.uint("flags")? != 0;
            let offset = offset.filter(|&at| at != -1 || !at_position);
            Call::Write { fd: fd()?, data, offset }
        }
        CallNr::LSEEK => {
            let (offset, whence) = (args.int("offset")?, args.word("whence")?);
            Call::Seek { fd: fd()?, offset, whence }
        }
        CallNr::FTRUNCATE => Call::Truncate { target: Target::Fd(fd()?), size: args.int("size")? },
        CallNr::FALLOCATE => Call::Fallocate {
            fd: fd()?,
            mode: args.word("mode")?,
            offset: args.int("offset")?,
            length: args.int("len")?,
        },
        CallNr::FSYNC => Call::Fsync { fd: fd()?, datasync: false },
        CallNr::FDATASYNC => Call::Fsync { fd: fd()?, datasync: true },
        CallNr::GETDENTS64 => Call::Getdents { fd: fd()?, space: args.uint("count")? },
        CallNr::COPY_FILE_RANGE => Call::CopyFileRange {
            from: args.fd("fd_in")?,
            from_offset: offset("off_in")?.filter(|&at| at >= 0),
            to: args.fd("fd_out")?,
            to_offset: offset("off_out")?.filter(|&at| at >= 0),
            length: args.uint("len")?,
            flags: args.word("flags")?,
        },
        CallNr::SENDFILE => Call::Sendfile {
            to: args.fd("fd_out")?,
            from: args.fd("fd_in")?,
            offset: offset("offset")?.filter(|&at| at >= 0),
            length: args.uint("count")?,
        },
        _ => return slots(args),
    }))
}

/// Calls on descriptors that move no data.
fn slots(args: &Args<'_>) -> Result<Option<Call>, ConvertError> {
    let fd = || args.fd("fd");
    Ok(Some(match args.record.nr {
        CallNr::FLOCK => flock(fd()?, args.word("operation")?),
        CallNr::FCNTL_LOCK => lock(args)?,
        CallNr::FCNTL_SETFL => {
            let flags = OpenFlags::from_bits_retain(args.word("flags")?);
            Call::SetFlags { fd: fd()?, flags }
        }
        CallNr::DUP => {
            // dup has no new descriptor; whatever was returned is installed again.
            let returned = i32::try_from(args.record.result).ok().filter(|&to| to >= 0);
            let asked = Some(args.fd("new_fd")?).filter(|&to| to >= 0);
            Call::Dup { fd: args.fd("old_fd")?, to: returned.or(asked), cloexec: false }
        }
        CallNr::FCNTL_DUPFD => {
            let to = i32::try_from(args.record.result).ok().filter(|&to| to >= 0);
            Call::Dup { fd: fd()?, to, cloexec: args.uint("cloexec")? != 0 }
        }
        CallNr::CLOSE_RANGE => Call::CloseRange {
            first: args.uint("first")?,
            last: args.uint("last")?,
            flags: args.word("flags")?,
        },
        CallNr::SET_CLOEXEC => Call::SetCloexec { fd: fd()?, on: args.uint("on")? != 0 },
        CallNr::MMAP => Call::Mmap {
            fd: fd()?,
            address: args.record.result as u64,
            length: args.uint("len")?,
            offset: args.int("offset")? as u64,
        },
        CallNr::MUNMAP => {
            Call::Munmap { address: args.uint("address")?, length: args.uint("len")? }
        }
        CallNr::IOCTL => {
            Call::Ioctl { fd: fd()?, request: args.uint("request")?, data: Vec::new() }
        }
        CallNr::FADVISE64 if args.uint("advice")? > POSIX_FADV_NOREUSE => {
            Call::Refused { fd: fd()?, errno: Errno::EINVAL }
        }
        CallNr::FADVISE64 | CallNr::READAHEAD | CallNr::SYNC_FILE_RANGE | CallNr::SYNCFS => {
            Call::Fadvise { fd: fd()? }
        }
        _ => return Ok(None),
    }))
}

/// A call that gives a lock back never waits.
fn flock(fd: i32, operation: u32) -> Call {
    const LOCK_NB: u32 = 4;
    let kind = match operation & !LOCK_NB {
        1 => LockKind::Read,
        2 => LockKind::Write,
        _ => LockKind::Unlock,
    };
    match operation & LOCK_NB == 0 && kind != LockKind::Unlock {
        true => Call::WaitFlock { fd, kind },
        false => Call::Flock { fd, kind },
    }
}

fn lock(args: &Args<'_>) -> Result<Call, ConvertError> {
    const F_GETLK: u32 = 5;
    const F_SETLKW: u32 = 7;
    const F_OFD_GETLK: u32 = 36;
    const F_OFD_SETLKW: u32 = 38;
    let kind = match args.word("type")? {
        0 => LockKind::Read,
        1 => LockKind::Write,
        _ => LockKind::Unlock,
    };
    // Start and length as given; the VFS makes them absolute.
    let (start, end) = (args.int("start")? as u64, args.int("len")? as u64);
    let lock = Lock { kind, owner: 0, start, end };
    let (fd, whence) = (args.fd("fd")?, args.word("whence")?);
    Ok(match args.word("command")? {
        F_GETLK | F_OFD_GETLK => Call::GetLock { fd, lock, whence },
        F_SETLKW | F_OFD_SETLKW if kind != LockKind::Unlock => Call::WaitLock { fd, lock, whence },
        _ => Call::SetLock { fd, lock, whence },
    })
}

fn names(args: &Args<'_>) -> Result<Option<Call>, ConvertError> {
    let path = || args.path("dirfd", "path");
    Ok(Some(match args.record.nr {
        CallNr::MKDIRAT => Call::Mkdir { path: path()?, mode: args.word("mode")? },
        CallNr::MKNODAT => {
            let rdev = Device::decode(args.word("device")?);
            Call::Mknod { path: path()?, mode: args.word("mode")?, rdev }
        }
        CallNr::SYMLINKAT => Call::Symlink { target: args.bytes("target")?, path: path()? },
        CallNr::LINKAT => {
            let flags = args.uint("flags")?;
            let follow = flags & AT_SYMLINK_FOLLOW != 0;
            Call::Link {
                source: args.target_of("old_dirfd", "old_path", flags, follow)?,
                path: args.path("new_dirfd", "new_path")?,
            }
        }
        CallNr::UNLINKAT if args.uint("flags")? & AT_REMOVEDIR != 0 => {
            Call::Rmdir { path: path()? }
        }
        CallNr::UNLINKAT => Call::Unlink { path: path()? },
        CallNr::RENAMEAT2 => Call::Rename {
            old: args.path("old_dirfd", "old_path")?,
            new: args.path("new_dirfd", "new_path")?,
            flags: args.word("flags")?,
        },
        CallNr::READLINKAT => {
            let target = args.target_of("dirfd", "path", AT_EMPTY_PATH, false)?;
            Call::Readlink { target, size: args.uint("size")? }
        }
        _ => return Ok(None),
    }))
}

fn attributes(args: &Args<'_>) -> Result<Option<Call>, ConvertError> {
    let flagged = |name: &'static str| {
        let flags = args.uint(name)?;
        args.target(flags)
    };
    let whole =
        || Ok::<_, ConvertError>(Target::Path { path: args.cwd_path("path")?, follow: true });
    let id = |name: &'static str| {
        Ok::<_, ConvertError>(u32::try_from(args.int(name)?).ok().filter(|&id| id != u32::MAX))
    };
    Ok(Some(match args.record.nr {
        CallNr::STAT => Call::Stat { target: flagged("flags")?, flags: 0 },
        CallNr::FSTAT => Call::Stat { target: Target::Fd(args.fd("fd")?), flags: 0 },
        CallNr::STATX => {
            let flags = (args.uint("flags")? & AT_STATX_SYNC_TYPE) as u32;
            Call::Stat { target: flagged("flags")?, flags }
        }
        CallNr::STATFS => Call::Statfs { target: whole()? },
        CallNr::FSTATFS => Call::Statfs { target: Target::Fd(args.fd("fd")?) },
        CallNr::ACCESS => {
            let mode = AccessMask::from_bits_retain(args.word("mode")?);
            Call::Access { target: flagged("flags")?, mode }
        }
        CallNr::TRUNCATE => Call::Truncate { target: whole()?, size: args.int("size")? },
        CallNr::FCHMODAT => Call::Chmod { target: flagged("flags")?, mode: args.word("mode")? },
        CallNr::FCHMOD => {
            Call::Chmod { target: Target::Fd(args.fd("fd")?), mode: args.word("mode")? }
        }
        CallNr::FCHOWNAT => {
            Call::Chown { target: flagged("flags")?, uid: id("uid")?, gid: id("gid")? }
        }
        CallNr::FCHOWN => {
            let target = Target::Fd(args.fd("fd")?);
            Call::Chown { target, uid: id("uid")?, gid: id("gid")? }
        }
        CallNr::UTIMENSAT => Call::Utimens {
            target: args.times_target()?,
            atime: args.time("atime_sec", "atime_nsec")?,
            mtime: args.time("mtime_sec", "mtime_nsec")?,
        },
        CallNr::GETXATTRAT => {
            let (name, size) = (args.bytes("name")?, args.uint("size")?);
            Call::Getxattr { target: flagged("flags")?, name, size }
        }
        CallNr::SETXATTRAT => Call::Setxattr {
            target: flagged("at_flags")?,
            name: args.bytes("name")?,
            value: args.bytes("value")?,
            flags: args.word("flags")?,
        },
        CallNr::LISTXATTRAT => {
            Call::Listxattr { target: flagged("flags")?, size: args.uint("size")? }
        }
        CallNr::REMOVEXATTRAT => {
            Call::Removexattr { target: flagged("flags")?, name: args.bytes("name")? }
        }
        _ => return Ok(None),
    }))
}

/// A program outside the mount has an empty path. Whether a loader outside takes the program is
/// what the record says.
fn exec(args: &Args<'_>) -> Result<Call, ConvertError> {
    let path = args.cwd_path("path")?;
    let errno = args.record.errno;
    let refused = (errno != 0).then(|| Errno(i32::from(errno)));
    let program = (!path.path.is_empty()).then_some(Program { path, refused });
    Ok(Call::Exec { program })
}

fn process(args: &Args<'_>) -> Result<Option<Issue>, ConvertError> {
    Ok(Some(Issue::Call(match args.record.nr {
        CallNr::CHDIR => {
            let target = Target::Path { path: args.cwd_path("path")?, follow: true };
            Call::Chdir { target }
        }
        CallNr::FCHDIR => Call::Chdir { target: Target::Fd(args.fd("fd")?) },
        CallNr::GETCWD => Call::Getcwd,
        CallNr::UMASK => Call::Umask { mask: args.word("mask")? },
        CallNr::SET_CREDENTIALS => {
            let id =
                |name: &'static str| Ok::<_, ConvertError>(u32::try_from(args.int(name)?).ok());
            Call::SetIds { uid: id("uid")?, gid: id("gid")? }
        }
        CallNr::FORK => {
            let share = args.uint("share")?;
            Call::Fork {
                child: Pid(args.word("child")?),
                share_files: share & CLONE_FILES != 0,
                share_fs: share & CLONE_FS != 0,
            }
        }
        CallNr::SETGROUPS => {
            let bytes = args.bytes("groups")?;
            let (groups, []) = bytes.as_chunks::<4>() else { return Err(args.bad("groups")) };
            let groups = groups.iter().map(|group| Gid(u32::from_le_bytes(*group))).collect();
            Call::SetGroups { groups }
        }
        CallNr::EXEC => exec(args)?,
        CallNr::EXIT => Call::Exit,
        CallNr::SYNC | CallNr::MSYNC => return Ok(Some(Issue::Nothing)),
        _ => return Ok(None),
    })))
}
