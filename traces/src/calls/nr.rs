//! Numbers of the system calls.

use core::fmt;

use super::CallSpec;

macro_rules! call_numbers {
    ($($constant:ident = $number:literal: $doc:literal;)*) => {
        impl CallNr {
            $(
                #[doc = $doc]
                pub const $constant: CallNr = CallNr($number);
            )*
        }
    };
}

/// Number of a system call in our own table: part of the format. Numbers without a row here are
/// kept.
///
/// ```
/// use fuserig_traces::calls::CallNr;
/// assert_eq!(CallNr::OPENAT.to_string(), "openat");
/// assert_eq!(CallNr(9000).to_string(), "call#9000");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallNr(pub u16);

call_numbers! {
    OPENAT = 1: "openat(2), open, creat; the result is the descriptor.";
    OPENAT2 = 2: "openat2(2).";
    CLOSE = 3: "close(2).";
    READ = 4: "read(2), readv.";
    PREAD64 = 5: "pread(2), preadv, preadv2.";
    WRITE = 6: "write(2), writev.";
    PWRITE64 = 7: "pwrite(2), pwritev, pwritev2.";
    LSEEK = 8: "lseek(2); the result is the position.";
    TRUNCATE = 9: "truncate(2).";
    FTRUNCATE = 10: "ftruncate(2).";
    FALLOCATE = 11: "fallocate(2).";
    FSYNC = 12: "fsync(2).";
    FDATASYNC = 13: "fdatasync(2).";
    SYNCFS = 14: "syncfs(2).";
    SYNC = 15: "sync(2).";
    STAT = 16: "newfstatat, stat(2), lstat.";
    FSTAT = 17: "fstat(2).";
    STATX = 18: "statx(2).";
    STATFS = 19: "statfs(2).";
    FSTATFS = 20: "fstatfs(2).";
    ACCESS = 21: "faccessat2, access(2), faccessat.";
    MKDIRAT = 22: "mkdirat(2), mkdir.";
    MKNODAT = 23: "mknodat(2), mknod.";
    SYMLINKAT = 24: "symlinkat(2), symlink.";
    LINKAT = 25: "linkat(2), link.";
    UNLINKAT = 26: "unlinkat(2), unlink, rmdir.";
    RENAMEAT2 = 27: "renameat2(2), rename, renameat.";
    READLINKAT = 28: "readlinkat(2), readlink.";
    FCHMODAT = 29: "fchmodat2, fchmodat(2), chmod.";
    FCHMOD = 30: "fchmod(2).";
    FCHOWNAT = 31: "fchownat(2), chown, lchown.";
    FCHOWN = 32: "fchown(2).";
    UTIMENSAT = 33: "utimensat(2), futimens, utimes, utime; no times given is UTIME_NOW twice.";
    GETDENTS64 = 34: "getdents64(2); the result is in bytes.";
    GETXATTRAT = 35: "getxattr(2), lgetxattr, fgetxattr.";
    SETXATTRAT = 36: "setxattr(2), lsetxattr, fsetxattr.";
    LISTXATTRAT = 37: "listxattr(2), llistxattr, flistxattr.";
    REMOVEXATTRAT = 38: "removexattr(2), lremovexattr, fremovexattr.";
    COPY_FILE_RANGE = 39: "copy_file_range(2); an offset of -1 means the descriptor's own.";
    SENDFILE = 40: "sendfile(2); an offset of -1 means the descriptor's own.";
    FLOCK = 41: "flock(2).";
    FCNTL_LOCK = 42: "record locks of fcntl(2).";
    FCNTL_SETFL = 43: "fcntl(2) with F_SETFL.";
    DUP = 44: "dup2(2), dup; a dup without a wish has -1 as its second argument.";
    FCNTL_DUPFD = 45: "fcntl(2) with F_DUPFD and F_DUPFD_CLOEXEC.";
    SET_CLOEXEC = 46: "fcntl(2) with F_SETFD.";
    CHDIR = 47: "chdir(2).";
    FCHDIR = 48: "fchdir(2).";
    GETCWD = 49: "getcwd(2).";
    UMASK = 50: "umask(2).";
    SET_CREDENTIALS = 51: "setfsuid(2) and relatives: who the client is from now on.";
    FORK = 52: "fork(2), vfork, clone, clone3: a new client.";
    EXEC = 53: "execve(2): descriptors marked close-on-exec close.";
    EXIT = 54: "exit_group(2), or death: every descriptor closes.";
    MMAP = 55: "mmap(2) of a file.";
    MUNMAP = 56: "munmap(2).";
    MSYNC = 57: "msync(2).";
    IOCTL = 58: "ioctl(2).";
    FADVISE64 = 59: "posix_fadvise(2).";
    READAHEAD = 60: "readahead(2).";
    SYNC_FILE_RANGE = 61: "sync_file_range(2).";
    CHROOT = 62: "chroot(2).";
    CLOSE_RANGE = 63: "close_range(2).";
    SETGROUPS = 64: "setgroups(2): the supplementary groups, 32 bits each, little-endian.";
}

impl CallNr {
    /// The row of the table, or `None` for a number of a newer version.
    pub fn spec(self) -> Option<&'static CallSpec> {
        CallSpec::by_nr(self)
    }
}

impl fmt::Display for CallNr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.spec() {
            Some(spec) => out.write_str(spec.name),
            None => write!(out, "call#{}", self.0),
        }
    }
}
