//! The rows.

use super::ArgKind as K;
use super::OutField as O;
use super::{ArgKind, CallNr, CallSpec, OutField};

const STAT: &[OutField] = &[
    O::MODE,
    O::NLINK,
    O::UID,
    O::GID,
    O::SIZE,
    O::BLOCKS,
    O::BLKSIZE,
    O::INO,
    O::DEV,
    O::RDEV,
    O::ATIME_SEC,
    O::ATIME_NSEC,
    O::MTIME_SEC,
    O::MTIME_NSEC,
    O::CTIME_SEC,
    O::CTIME_NSEC,
];

const STATX: &[OutField] = &[
    O::MASK,
    O::ATTRIBUTES,
    O::ATTRIBUTES_MASK,
    O::BTIME_SEC,
    O::BTIME_NSEC,
    O::MODE,
    O::NLINK,
    O::UID,
    O::GID,
    O::SIZE,
    O::BLOCKS,
    O::BLKSIZE,
    O::INO,
    O::DEV,
    O::RDEV,
    O::ATIME_SEC,
    O::ATIME_NSEC,
    O::MTIME_SEC,
    O::MTIME_NSEC,
    O::CTIME_SEC,
    O::CTIME_NSEC,
];

const STATFS: &[OutField] = &[
    O::F_TYPE,
    O::F_BSIZE,
    O::F_BLOCKS,
    O::F_BFREE,
    O::F_BAVAIL,
    O::F_FILES,
    O::F_FFREE,
    O::F_NAMELEN,
    O::F_FRSIZE,
    O::F_FLAGS,
];

const fn row(
    nr: CallNr,
    name: &'static str,
    args: &'static [(&'static str, ArgKind)],
    outs: &'static [OutField],
) -> CallSpec {
    CallSpec { nr, name, args, outs }
}

/// Every call, in number order from 1 on.
pub const CALLS: &[CallSpec] = &[
    row(
        CallNr::OPENAT,
        "openat",
        &[("dirfd", K::DirFd), ("path", K::Path), ("flags", K::OpenFlags), ("mode", K::Mode)],
        &[O::PATH],
    ),
    row(
        CallNr::OPENAT2,
        "openat2",
        &[
            ("dirfd", K::DirFd),
            ("path", K::Path),
            ("flags", K::OpenFlags),
            ("mode", K::Mode),
            ("resolve", K::ResolveFlags),
        ],
        &[O::PATH],
    ),
    row(CallNr::CLOSE, "close", &[("fd", K::Fd)], &[]),
    row(CallNr::READ, "read", &[("fd", K::Fd), ("count", K::Size)], &[O::DATA, O::FULL_LEN]),
    row(
        CallNr::PREAD64,
        "pread64",
        &[("fd", K::Fd), ("count", K::Size), ("offset", K::Offset), ("flags", K::RwFlags)],
        &[O::DATA, O::FULL_LEN],
    ),
    row(CallNr::WRITE, "write", &[("fd", K::Fd), ("data", K::Data)], &[O::POS]),
    row(
        CallNr::PWRITE64,
        "pwrite64",
        &[("fd", K::Fd), ("data", K::Data), ("offset", K::Offset), ("flags", K::RwFlags)],
        &[],
    ),
    row(
        CallNr::LSEEK,
        "lseek",
        &[("fd", K::Fd), ("offset", K::Offset), ("whence", K::Whence)],
        &[],
    ),
    row(CallNr::TRUNCATE, "truncate", &[("path", K::Path), ("size", K::Offset)], &[]),
    row(CallNr::FTRUNCATE, "ftruncate", &[("fd", K::Fd), ("size", K::Offset)], &[]),
    row(
        CallNr::FALLOCATE,
        "fallocate",
        &[("fd", K::Fd), ("mode", K::FallocateFlags), ("offset", K::Offset), ("len", K::Offset)],
        &[],
    ),
    row(CallNr::FSYNC, "fsync", &[("fd", K::Fd)], &[]),
    row(CallNr::FDATASYNC, "fdatasync", &[("fd", K::Fd)], &[]),
    row(CallNr::SYNCFS, "syncfs", &[("fd", K::Fd)], &[]),
    row(CallNr::SYNC, "sync", &[], &[]),
    row(
        CallNr::STAT,
        "stat",
        &[("dirfd", K::DirFd), ("path", K::Path), ("flags", K::AtFlags)],
        STAT,
    ),
    row(CallNr::FSTAT, "fstat", &[("fd", K::Fd)], STAT),
    row(
        CallNr::STATX,
        "statx",
        &[("dirfd", K::DirFd), ("path", K::Path), ("flags", K::AtFlags), ("mask", K::StatxMask)],
        STATX,
    ),
    row(CallNr::STATFS, "statfs", &[("path", K::Path)], STATFS),
    row(CallNr::FSTATFS, "fstatfs", &[("fd", K::Fd)], STATFS),
    row(
        CallNr::ACCESS,
        "access",
        &[("dirfd", K::DirFd), ("path", K::Path), ("mode", K::AccessMode), ("flags", K::AtFlags)],
        &[],
    ),
    row(
        CallNr::MKDIRAT,
        "mkdirat",
        &[("dirfd", K::DirFd), ("path", K::Path), ("mode", K::Mode)],
        &[],
    ),
    row(
        CallNr::MKNODAT,
        "mknodat",
        &[("dirfd", K::DirFd), ("path", K::Path), ("mode", K::Mode), ("device", K::Device)],
        &[],
    ),
    row(
        CallNr::SYMLINKAT,
        "symlinkat",
        &[("target", K::Data), ("dirfd", K::DirFd), ("path", K::Path)],
        &[],
    ),
    row(
        CallNr::LINKAT,
        "linkat",
        &[
            ("old_dirfd", K::DirFd),
            ("old_path", K::Path),
            ("new_dirfd", K::DirFd),
            ("new_path", K::Path),
            ("flags", K::AtFlags),
        ],
        &[],
    ),
    row(
        CallNr::UNLINKAT,
        "unlinkat",
        &[("dirfd", K::DirFd), ("path", K::Path), ("flags", K::AtFlags)],
        &[],
    ),
    row(
        CallNr::RENAMEAT2,
        "renameat2",
        &[
            ("old_dirfd", K::DirFd),
            ("old_path", K::Path),
            ("new_dirfd", K::DirFd),
            ("new_path", K::Path),
            ("flags", K::RenameFlags),
        ],
        &[],
    ),
    row(
        CallNr::READLINKAT,
        "readlinkat",
        &[("dirfd", K::DirFd), ("path", K::Path), ("size", K::Size)],
        &[O::TARGET, O::FULL_LEN],
    ),
    row(
        CallNr::FCHMODAT,
        "fchmodat",
        &[("dirfd", K::DirFd), ("path", K::Path), ("mode", K::Mode), ("flags", K::AtFlags)],
        &[],
    ),
    row(CallNr::FCHMOD, "fchmod", &[("fd", K::Fd), ("mode", K::Mode)], &[]),
    row(
        CallNr::FCHOWNAT,
        "fchownat",
        &[
            ("dirfd", K::DirFd),
            ("path", K::Path),
            ("uid", K::Uid),
            ("gid", K::Gid),
            ("flags", K::AtFlags),
        ],
        &[],
    ),
    row(CallNr::FCHOWN, "fchown", &[("fd", K::Fd), ("uid", K::Uid), ("gid", K::Gid)], &[]),
    row(
        CallNr::UTIMENSAT,
        "utimensat",
        &[
            ("dirfd", K::DirFd),
            ("path", K::Path),
            ("atime_sec", K::Seconds),
            ("atime_nsec", K::Nanoseconds),
            ("mtime_sec", K::Seconds),
            ("mtime_nsec", K::Nanoseconds),
            ("flags", K::AtFlags),
        ],
        &[],
    ),
    row(
        CallNr::GETDENTS64,
        "getdents64",
        &[("fd", K::Fd), ("count", K::Size)],
        &[O::COUNT, O::NAME, O::TYPE, O::COOKIE, O::INO],
    ),
    row(
        CallNr::GETXATTRAT,
        "getxattrat",
        &[
            ("dirfd", K::DirFd),
            ("path", K::Path),
            ("flags", K::AtFlags),
            ("name", K::Name),
            ("size", K::Size),
        ],
        &[O::DATA, O::FULL_LEN],
    ),
    row(
        CallNr::SETXATTRAT,
        "setxattrat",
        &[
            ("dirfd", K::DirFd),
            ("path", K::Path),
            ("at_flags", K::AtFlags),
            ("name", K::Name),
            ("value", K::Data),
            ("flags", K::XattrFlags),
        ],
        &[],
    ),
    row(
        CallNr::LISTXATTRAT,
        "listxattrat",
        &[("dirfd", K::DirFd), ("path", K::Path), ("flags", K::AtFlags), ("size", K::Size)],
        &[O::DATA, O::FULL_LEN],
    ),
    row(
        CallNr::REMOVEXATTRAT,
        "removexattrat",
        &[("dirfd", K::DirFd), ("path", K::Path), ("flags", K::AtFlags), ("name", K::Name)],
        &[],
    ),
    row(
        CallNr::COPY_FILE_RANGE,
        "copy_file_range",
        &[
            ("fd_in", K::Fd),
            ("off_in", K::Offset),
            ("fd_out", K::Fd),
            ("off_out", K::Offset),
            ("len", K::Size),
            ("flags", K::Hex),
        ],
        &[O::OFF_IN, O::OFF_OUT],
    ),
    row(
        CallNr::SENDFILE,
        "sendfile",
        &[("fd_out", K::Fd), ("fd_in", K::Fd), ("offset", K::Offset), ("count", K::Size)],
        &[O::OFF_IN],
    ),
    row(CallNr::FLOCK, "flock", &[("fd", K::Fd), ("operation", K::FlockOp)], &[]),
    row(
        CallNr::FCNTL_LOCK,
        "fcntl_lock",
        &[
            ("fd", K::Fd),
            ("command", K::LockCommand),
            ("type", K::LockType),
            ("whence", K::Whence),
            ("start", K::Offset),
            ("len", K::Offset),
        ],
        &[O::LOCK_TYPE, O::LOCK_WHENCE, O::LOCK_START, O::LOCK_LEN, O::LOCK_PID],
    ),
    row(CallNr::FCNTL_SETFL, "fcntl_setfl", &[("fd", K::Fd), ("flags", K::OpenFlags)], &[]),
    row(CallNr::DUP, "dup", &[("old_fd", K::Fd), ("new_fd", K::Fd)], &[]),
    row(
        CallNr::FCNTL_DUPFD,
        "fcntl_dupfd",
        &[("fd", K::Fd), ("min", K::Fd), ("cloexec", K::Switch)],
        &[],
    ),
    row(CallNr::SET_CLOEXEC, "set_cloexec", &[("fd", K::Fd), ("on", K::Switch)], &[]),
    row(CallNr::CHDIR, "chdir", &[("path", K::Path)], &[]),
    row(CallNr::FCHDIR, "fchdir", &[("fd", K::Fd)], &[]),
    row(CallNr::GETCWD, "getcwd", &[("size", K::Size)], &[O::PATH]),
    row(CallNr::UMASK, "umask", &[("mask", K::Mode)], &[O::MASK_OLD]),
    row(CallNr::SET_CREDENTIALS, "set_credentials", &[("uid", K::Uid), ("gid", K::Gid)], &[]),
    row(CallNr::FORK, "fork", &[("child", K::Client), ("share", K::CloneFlags)], &[]),
    row(CallNr::EXEC, "exec", &[("path", K::Path)], &[]),
    row(CallNr::EXIT, "exit", &[("status", K::Int)], &[]),
    row(
        CallNr::MMAP,
        "mmap",
        &[
            ("fd", K::Fd),
            ("len", K::Size),
            ("protection", K::MapProtection),
            ("flags", K::MapFlags),
            ("offset", K::Offset),
        ],
        &[],
    ),
    row(CallNr::MUNMAP, "munmap", &[("address", K::Hex), ("len", K::Size)], &[]),
    row(CallNr::MSYNC, "msync", &[("address", K::Hex), ("len", K::Size), ("flags", K::Hex)], &[]),
    row(CallNr::IOCTL, "ioctl", &[("fd", K::Fd), ("request", K::Hex)], &[]),
    row(
        CallNr::FADVISE64,
        "fadvise64",
        &[("fd", K::Fd), ("offset", K::Offset), ("len", K::Offset), ("advice", K::Advice)],
        &[],
    ),
    row(
        CallNr::READAHEAD,
        "readahead",
        &[("fd", K::Fd), ("offset", K::Offset), ("count", K::Size)],
        &[],
    ),
    row(
        CallNr::SYNC_FILE_RANGE,
        "sync_file_range",
        &[("fd", K::Fd), ("offset", K::Offset), ("len", K::Offset), ("flags", K::Hex)],
        &[],
    ),
    row(CallNr::CHROOT, "chroot", &[("path", K::Path)], &[]),
    row(
        CallNr::CLOSE_RANGE,
        "close_range",
        &[("first", K::Fd), ("last", K::Fd), ("flags", K::Hex)],
        &[],
    ),
    row(CallNr::SETGROUPS, "setgroups", &[("groups", K::Data)], &[]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_number_order_and_are_found_both_ways() {
        for (index, spec) in CALLS.iter().enumerate() {
            assert_eq!(usize::from(spec.nr.0), index + 1, "{}", spec.name);
            assert_eq!(CallSpec::by_nr(spec.nr), Some(spec));
            assert_eq!(CallSpec::by_name(spec.name), Some(spec));
        }
        for (index, (field, name, _)) in OutField::TABLE.iter().enumerate() {
            assert_eq!(usize::from(field.0), index + 1, "{name}");
            assert_eq!(OutField::from_name(name), Some(*field));
        }
    }
}
