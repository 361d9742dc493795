//! System calls of a program, executed by the kernel of this machine in a directory.

use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use fuserig::pipeline::DirRecord;
use fuserig::vfs::{At, Call, CallResult, NewTime, Output, PathAt, Target};
use fuserig_abi::{Device, Errno, FileKind, Gid, Ino, Pid, Stat, Timespec, Uid};
use fuserig_sim_fs::{Lock, LockKind};
use nix::fcntl::FcntlArg;
use nix::libc::flock;
use rustix::fs::{
    Access, AtFlags, CWD, FallocateFlags, FileType, FlockOperation, Mode, OFlags, RawDir,
    RenameFlags, SeekFrom, Timestamps, XattrFlags,
};
use rustix::io::{FdFlags, ReadWriteFlags};
use rustix::process::{Gid as HostGid, Uid as HostUid};
use rustix::thread::UnshareFlags;

/// A thread that lives in a directory: its root and working directory are its own.
///
/// Nobody owns a descriptor in the way of Rust, for one number is open in the table of every lane
/// that was forked meanwhile, and each closes its own.
pub(crate) struct Host {
    /// Where the thread came from.
    pub(crate) home: &'static OwnedFd,
    pub(crate) files: BTreeMap<(Pid, i32), &'static OwnedFd>,
    /// What each client makes nothing with, where it is not what it was at first.
    pub(crate) masks: BTreeMap<Pid, u32>,
}

/// What a client makes nothing with at first.
const MASK: u32 = 0o022;

type Tried<T = CallResult> = rustix::io::Result<T>;

fn number(value: usize) -> Tried {
    Ok(CallResult::value(i64::try_from(value).expect("a small number")))
}

fn done(result: Tried<()>) -> Tried {
    result.map(|()| CallResult::value(0))
}

fn bytes(data: Vec<u8>) -> Tried {
    let value = Ok(i64::try_from(data.len()).expect("a small number"));
    Ok(CallResult { value, output: Output::Bytes(data) })
}

/// A thread that was joined may still be on its way out of where it lived, and a mount that
/// somebody lives in is not unmounted.
impl Drop for Host {
    fn drop(&mut self) {
        let root = HostUid::ROOT;
        let back = rustix::thread::set_thread_res_uid(root, root, root)
            .and_then(|()| rustix::process::fchdir(self.home))
            .and_then(|()| rustix::process::chroot("."));
        assert!(std::thread::panicking() || back.is_ok(), "the thread comes home: {back:?}");
    }
}

impl Host {
    /// Moves the calling thread into the directory, for good.
    #[expect(deprecated, reason = "sharing no file table with this thread is all that it does")]
    pub(crate) fn enter(directory: &Path) -> Tried<Host> {
        let home = rustix::fs::openat(CWD, "/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        rustix::thread::unshare(UnshareFlags::FS)?;
        rustix::process::chroot(directory)?;
        rustix::process::chdir("/")?;
        Ok(Host { home: kept(home), files: BTreeMap::new(), masks: BTreeMap::new() })
    }

    /// Makes later calls those of a user and a group; the superuser can be had again.
    pub(crate) fn become_user(&self, uid: u32, gid: u32) -> Tried<()> {
        let (user, group) = (HostUid::from_raw(uid), HostGid::from_raw(gid));
        rustix::thread::set_thread_res_uid(HostUid::ROOT, HostUid::ROOT, HostUid::ROOT)?;
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_res_gid(group, group, HostGid::ROOT)?;
        rustix::thread::set_thread_res_uid(user, user, HostUid::ROOT)
    }

    /// Performs one call, or none when this thread has no way to.
    pub(crate) fn call(&mut self, pid: Pid, call: &Call) -> Option<CallResult> {
        // The thread is every client in turn.
        rustix::process::umask(Mode::from(self.masks.get(&pid).copied().unwrap_or(MASK)));
        let tried = match call {
            Call::Umask { mask } => {
                let was = self.masks.insert(pid, *mask & 0o777).unwrap_or(MASK);
                Ok(CallResult::value(i64::from(was)))
            }
            Call::SetIds { uid: Some(uid), gid: Some(gid) } => done(self.become_user(*uid, *gid)),
            Call::SetIds { uid: None, gid: None } => Ok(CallResult::value(0)),
            // The lane forks where it can be done.
            Call::Fork { .. } => Err(rustix::io::Errno::AGAIN),
            Call::SetCloexec { .. } | Call::Exec { .. } | Call::Exit => self.on_all(pid, call),
            Call::Close { .. }
            | Call::Open { .. }
            | Call::Dup { .. }
            | Call::CloseRange { .. }
            | Call::SetFlags { .. }
            | Call::Chdir { .. } => self.on_table(pid, call),
            Call::Read { .. }
            | Call::Write { .. }
            | Call::Append { .. }
            | Call::Seek { .. }
            | Call::Fallocate { .. }
            | Call::Fsync { .. }
            | Call::Getdents { .. }
            | Call::CopyFileRange { .. }
            | Call::Sendfile { .. }
            | Call::Truncate { target: Target::Fd(_), .. }
            | Call::Chmod { target: Target::Fd(_), .. }
            | Call::Chown { target: Target::Fd(_), .. }
            | Call::Utimens { target: Target::Fd(_), .. }
            | Call::Stat { target: Target::Fd(_), .. } => self.on_file(pid, call),
            Call::Flock { .. } | Call::SetLock { .. } | Call::GetLock { .. } => {
                self.on_lock(pid, call)
            }
            Call::Getxattr { .. }
            | Call::Listxattr { .. }
            | Call::Setxattr { .. }
            | Call::Removexattr { .. } => self.on_attribute(call)?,
            _ => self.on_name(call)?,
        };
        Some(tried.unwrap_or_else(|errno| CallResult::from(Errno(errno.raw_os_error()))))
    }

    fn fd(&self, pid: Pid, fd: i32) -> Tried<BorrowedFd<'_>> {
        self.files.get(&(pid, fd)).map(|file| file.as_fd()).ok_or(rustix::io::Errno::BADF)
    }

    fn on_table(&mut self, pid: Pid, call: &Call) -> Tried {
        match call {
            Call::Open { path, flags, mode, fd } => {
                let flags = OFlags::from_bits_retain(flags.bits());
                let opened = rustix::fs::openat(CWD, &path.path[..], flags, Mode::from(*mode))?;
                let free = || {
                    let taken = |fd: &i32| self.files.contains_key(&(pid, *fd));
                    (0..).find(|fd| !taken(fd)).expect("some descriptor is free")
                };
                let fd = fd.unwrap_or_else(free);
                self.files.insert((pid, fd), kept(opened));
                Ok(CallResult::value(i64::from(fd)))
            }
            Call::Dup { fd, to, .. } => {
                if *to == Some(*fd) {
                    self.fd(pid, *fd)?;
                    return Ok(CallResult::value(i64::from(*fd)));
                }
                let copy = rustix::io::dup(self.fd(pid, *fd)?)?;
                let to = to.expect("the model gave a number");
                if let Some(replaced) = self.files.insert((pid, to), kept(copy)) {
                    close(replaced)?;
                }
                Ok(CallResult::value(i64::from(to)))
            }
            Call::CloseRange { first, last, .. } if first > last => Err(rustix::io::Errno::INVAL),
            Call::CloseRange { first, last, .. } => {
                let range = *first..=*last;
                self.close_where(pid, |fd, _| Ok(range.contains(&(fd as u64))))
            }
            Call::Close { fd } => {
                let file = self.files.remove(&(pid, *fd)).ok_or(rustix::io::Errno::BADF)?;
                done(close(file))
            }
            Call::SetFlags { fd, flags } => {
                let flags = OFlags::from_bits_retain(flags.bits());
                done(rustix::fs::fcntl_setfl(self.fd(pid, *fd)?, flags))
            }
            Call::Chdir { target: Target::Path { path, .. } } => {
                done(rustix::process::chdir(&path.path[..]))
            }
            Call::Chdir { target: Target::Fd(fd) } => {
                done(rustix::process::fchdir(self.fd(pid, *fd)?))
            }
            other => unreachable!("{other:?} is about no table"),
        }
    }

    /// What `execve` and `exit_group` close, each in the order of the numbers. A thread cannot
    /// execute: it closes what the kernel has marked.
    fn on_all(&mut self, pid: Pid, call: &Call) -> Tried {
        match call {
            Call::SetCloexec { fd, on } => {
                let flags = if *on { FdFlags::CLOEXEC } else { FdFlags::empty() };
                done(rustix::io::fcntl_setfd(self.fd(pid, *fd)?, flags))
            }
            Call::Exec { program: None } => self.close_where(pid, |_, file| {
                Ok(rustix::io::fcntl_getfd(file)?.contains(FdFlags::CLOEXEC))
            }),
            Call::Exit => self.close_where(pid, |_, _| Ok(true)),
            other => unreachable!("{other:?} is about no table"),
        }
    }

    fn close_where(&mut self, pid: Pid, closes: impl Fn(i32, &OwnedFd) -> Tried<bool>) -> Tried {
        let mut closed = Vec::new();
        for ((who, fd), file) in &self.files {
            if *who == pid && closes(*fd, file)? {
                closed.push(*fd);
            }
        }
        for fd in closed {
            if let Some(file) = self.files.remove(&(pid, fd)) {
                close(file)?;
            }
        }
        Ok(CallResult::value(0))
    }

    fn on_file(&mut self, pid: Pid, call: &Call) -> Tried {
        match call {
            Call::Read { fd, size, offset } => {
                check(*offset)?;
                let mut data = vec![0; usize::try_from(*size).expect("a small read")];
                let fd = self.fd(pid, *fd)?;
                let read = match offset {
                    Some(offset) => rustix::io::pread(fd, &mut data[..], *offset as u64)?,
                    None => rustix::io::read(fd, &mut data[..])?,
                };
                data.truncate(read);
                bytes(data)
            }
            Call::Write { fd, data, offset } => {
                check(*offset)?;
                let fd = self.fd(pid, *fd)?;
                number(match offset {
                    Some(offset) => rustix::io::pwrite(fd, data, *offset as u64)?,
                    None => rustix::io::write(fd, data)?,
                })
            }
            Call::Append { fd, data, offset } => number(append(self.fd(pid, *fd)?, data, *offset)?),
            Call::Seek { fd, offset, whence } => {
                let to = match whence {
                    0 => SeekFrom::Start(*offset as u64),
                    1 => SeekFrom::Current(*offset),
                    2 => SeekFrom::End(*offset),
                    3 => SeekFrom::Data(*offset as u64),
                    4 => SeekFrom::Hole(*offset as u64),
                    _ => return Err(rustix::io::Errno::INVAL),
                };
                rustix::fs::seek(self.fd(pid, *fd)?, to).map(|at| CallResult::value(at as i64))
            }
            Call::Truncate { target: Target::Fd(fd), size } => {
                done(rustix::fs::ftruncate(self.fd(pid, *fd)?, *size as u64))
            }
            Call::Fallocate { fd, mode, offset, length } => {
                let (mode, fd) = (FallocateFlags::from_bits_retain(*mode), self.fd(pid, *fd)?);
                done(rustix::fs::fallocate(fd, mode, *offset as u64, *length as u64))
            }
            Call::Fsync { fd, datasync: true } => done(rustix::fs::fdatasync(self.fd(pid, *fd)?)),
            Call::Fsync { fd, datasync: false } => done(rustix::fs::fsync(self.fd(pid, *fd)?)),
            Call::Stat { target: Target::Fd(fd), .. } => {
                rustix::fs::fstat(self.fd(pid, *fd)?).map(|found| stat(&found))
            }
            Call::Chmod { target: Target::Fd(fd), mode } => {
                done(rustix::fs::fchmod(self.fd(pid, *fd)?, Mode::from(*mode)))
            }
            Call::Chown { target: Target::Fd(fd), uid, gid } => {
                let (uid, gid) = (uid.map(HostUid::from_raw), gid.map(HostGid::from_raw));
                done(rustix::fs::fchown(self.fd(pid, *fd)?, uid, gid))
            }
            Call::Utimens { target: Target::Fd(fd), atime, mtime } => {
                let times =
                    Timestamps { last_access: time(*atime), last_modification: time(*mtime) };
                done(rustix::fs::futimens(self.fd(pid, *fd)?, &times))
            }
            Call::Getdents { fd, space } => list(self.fd(pid, *fd)?, *space),
            Call::CopyFileRange { from, from_offset, to, to_offset, length, .. } => {
                let (from, to) = (self.fd(pid, *from)?, self.fd(pid, *to)?);
                let mut at = from_offset.map(|offset| offset as u64);
                let mut into = to_offset.map(|offset| offset as u64);
                let length = usize::try_from(*length).expect("a small copy");
                number(rustix::fs::copy_file_range(from, at.as_mut(), to, into.as_mut(), length)?)
            }
            Call::Sendfile { .. } => self.send(pid, call),
            other => unreachable!("{other:?} is about no file"),
        }
    }

    fn send(&self, pid: Pid, call: &Call) -> Tried {
        let Call::Sendfile { to, from, offset, length } = call else {
            unreachable!("{call:?} sends nothing")
        };
        let (to, from) = (self.fd(pid, *to)?, self.fd(pid, *from)?);
        let mut at = offset.map(|offset| offset as u64);
        let length = usize::try_from(*length).expect("a small copy");
        number(rustix::fs::sendfile(to, from, at.as_mut(), length)?)
    }

    /// None of them waits.
    fn on_lock(&self, pid: Pid, call: &Call) -> Tried {
        match call {
            Call::Flock { fd, kind } => {
                let operation = match kind {
                    LockKind::Read => FlockOperation::NonBlockingLockShared,
                    LockKind::Write => FlockOperation::NonBlockingLockExclusive,
                    LockKind::Unlock => FlockOperation::NonBlockingUnlock,
                };
                done(rustix::fs::flock(self.fd(pid, *fd)?, operation))
            }
            Call::SetLock { fd, lock, whence } => {
                let range = range(lock, *whence);
                done(fcntl(self.fd(pid, *fd)?, FcntlArg::F_SETLK(&range)))
            }
            Call::GetLock { fd, lock, whence } => {
                let mut range = range(lock, *whence);
                fcntl(self.fd(pid, *fd)?, FcntlArg::F_GETLK(&mut range))?;
                Ok(CallResult { value: Ok(0), output: Output::Lock(found(&range)) })
            }
            other => unreachable!("{other:?} is about no lock"),
        }
    }

    fn on_attribute(&self, call: &Call) -> Option<Tried> {
        let room = |size: &u64| vec![0; usize::try_from(*size).expect("a small buffer")];
        Some(match call {
            Call::Getxattr { target, name, size: 0 } => {
                rustix::fs::getxattr_query(path_of(target)?, &name[..]).and_then(number)
            }
            Call::Listxattr { target, size: 0 } => {
                rustix::fs::listxattr_query(path_of(target)?).and_then(number)
            }
            Call::Getxattr { target, name, size } => {
                let (path, mut data) = (path_of(target)?, room(size));
                match rustix::fs::getxattr(path, &name[..], &mut data[..]) {
                    Ok(length) => {
                        data.truncate(length);
                        bytes(data)
                    }
                    Err(errno) => Err(errno),
                }
            }
            Call::Listxattr { target, size } => {
                let (path, mut data) = (path_of(target)?, room(size));
                match rustix::fs::listxattr(path, &mut data[..]) {
                    Ok(length) => {
                        data.truncate(length);
                        bytes(data)
                    }
                    Err(errno) => Err(errno),
                }
            }
            Call::Setxattr { target, name, value, flags } => {
                let flags = XattrFlags::from_bits_retain(*flags);
                done(rustix::fs::setxattr(path_of(target)?, &name[..], value, flags))
            }
            Call::Removexattr { target, name } => {
                done(rustix::fs::removexattr(path_of(target)?, &name[..]))
            }
            other => unreachable!("{other:?} is about no attribute"),
        })
    }

    fn on_name(&self, call: &Call) -> Option<Tried> {
        Some(match call {
            Call::Mkdir { path, mode } => {
                done(rustix::fs::mkdirat(CWD, at(path)?, Mode::from(*mode)))
            }
            Call::Mknod { path, mode, rdev } => {
                let device = rustix::fs::makedev(rdev.major, rdev.minor);
                let (kind, mode) = (FileType::from_raw_mode(*mode), Mode::from(*mode & 0o7777));
                done(rustix::fs::mknodat(CWD, at(path)?, kind, mode, device))
            }
            Call::Symlink { target, path } => {
                done(rustix::fs::symlinkat(&target[..], CWD, at(path)?))
            }
            Call::Link { source: Target::Path { path: source, follow }, path } => {
                let flags = if *follow { AtFlags::SYMLINK_FOLLOW } else { AtFlags::empty() };
                done(rustix::fs::linkat(CWD, at(source)?, CWD, at(path)?, flags))
            }
            Call::Unlink { path } => done(rustix::fs::unlinkat(CWD, at(path)?, AtFlags::empty())),
            Call::Rmdir { path } => done(rustix::fs::unlinkat(CWD, at(path)?, AtFlags::REMOVEDIR)),
            Call::Rename { old, new, flags } => {
                let flags = RenameFlags::from_bits_retain(*flags);
                done(rustix::fs::renameat_with(CWD, at(old)?, CWD, at(new)?, flags))
            }
            Call::Readlink { target, size } => {
                let mut room = vec![0; usize::try_from(*size).expect("a small buffer")];
                match rustix::fs::readlinkat_raw(CWD, path_of(target)?, &mut room[..]) {
                    Ok(length) => {
                        room.truncate(length);
                        bytes(room)
                    }
                    Err(errno) => Err(errno),
                }
            }
            other => return self.on_inode(other),
        })
    }

    fn on_inode(&self, call: &Call) -> Option<Tried> {
        Some(match call {
            Call::Stat { target: Target::Path { path, follow }, .. } => {
                let flags = if *follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
                rustix::fs::statat(CWD, at(path)?, flags).map(|found| stat(&found))
            }
            Call::Truncate { target, size } => {
                let path = path_of(target)?;
                done(nix::unistd::truncate(path, *size).map_err(errno))
            }
            Call::Statfs { target } => done(rustix::fs::statfs(path_of(target)?).map(|_| ())),
            Call::Access { target, mode } => {
                let mode = Access::from_bits_retain(mode.bits() & 7);
                done(rustix::fs::accessat(CWD, path_of(target)?, mode, AtFlags::empty()))
            }
            Call::Chmod { target, mode } => {
                let mode = Mode::from(*mode);
                done(rustix::fs::chmodat(CWD, path_of(target)?, mode, AtFlags::empty()))
            }
            Call::Chown { target, uid, gid } => {
                let (uid, gid) = (uid.map(HostUid::from_raw), gid.map(HostGid::from_raw));
                done(rustix::fs::chownat(CWD, path_of(target)?, uid, gid, AtFlags::empty()))
            }
            Call::Utimens { target, atime, mtime } => {
                let times =
                    Timestamps { last_access: time(*atime), last_modification: time(*mtime) };
                done(rustix::fs::utimensat(CWD, path_of(target)?, &times, AtFlags::empty()))
            }
            _ => return None,
        })
    }
}

/// A number that is closed in each table by itself.
fn kept(file: OwnedFd) -> &'static OwnedFd {
    Box::leak(Box::new(file))
}

/// Closes it in the table of this thread.
fn close(file: &OwnedFd) -> Tried<()> {
    nix::unistd::close(file.as_raw_fd()).map_err(errno)
}

fn errno(errno: nix::errno::Errno) -> rustix::io::Errno {
    rustix::io::Errno::from_raw_os_error(errno as i32)
}

fn fcntl(fd: BorrowedFd<'_>, argument: FcntlArg<'_>) -> Tried<()> {
    nix::fcntl::fcntl(fd, argument).map(|_| ()).map_err(errno)
}

/// Kinds of locks by their numbers.
const KINDS: [LockKind; 3] = [LockKind::Read, LockKind::Write, LockKind::Unlock];

/// A range relative to `whence` with its length, as the VFS model takes it.
fn range(lock: &Lock, whence: u32) -> flock {
    let kind = KINDS.iter().position(|kind| *kind == lock.kind).expect("one of them");
    flock {
        l_type: kind as i16,
        l_whence: whence as i16,
        l_start: lock.start.cast_signed(),
        l_len: lock.end.cast_signed(),
        l_pid: 0,
    }
}

/// What F_GETLK found, with absolute bounds.
fn found(range: &flock) -> Lock {
    // Where nobody is in the way it is the range that was asked about, as it was given.
    let (start, end) = match (range.l_start, range.l_len) {
        (start, 0) => (start.cast_unsigned(), u64::MAX),
        (start, length @ 1..) => (start.cast_unsigned(), (start + (length - 1)).cast_unsigned()),
        (start, length) => ((start + length).cast_unsigned(), (start - 1).cast_unsigned()),
    };
    let owner = u64::from(range.l_pid.cast_unsigned());
    Lock { kind: KINDS[range.l_type as usize], owner, start, end }
}

/// A path from the working directory.
fn at(path: &PathAt) -> Option<&[u8]> {
    (path.at == At::Cwd).then_some(&path.path[..])
}

fn path_of(target: &Target) -> Option<&[u8]> {
    match target {
        Target::Path { path, .. } => at(path),
        Target::Fd(_) | Target::Cwd => None,
    }
}

fn time(time: NewTime) -> rustix::fs::Timespec {
    let (tv_sec, tv_nsec) = match time {
        NewTime::Now => (0, rustix::fs::UTIME_NOW),
        NewTime::Omit => (0, rustix::fs::UTIME_OMIT),
        NewTime::At(at) => (at.sec, i64::from(at.nsec)),
    };
    rustix::fs::Timespec { tv_sec, tv_nsec }
}

fn stat(found: &rustix::fs::Stat) -> CallResult {
    let time = |sec: i64, nsec: u64| Timespec { sec, nsec: nsec as u32 };
    let (major, minor) = (rustix::fs::major(found.st_rdev), rustix::fs::minor(found.st_rdev));
    let stat = Stat {
        ino: Ino(found.st_ino),
        kind: FileKind::from_mode(found.st_mode).expect("a type that Linux has"),
        permissions: found.st_mode & 0o7777,
        nlink: u32::try_from(found.st_nlink).expect("few links"),
        uid: Uid(found.st_uid),
        gid: Gid(found.st_gid),
        rdev: Device { major, minor },
        size: found.st_size as u64,
        blksize: found.st_blksize as u32,
        blocks: found.st_blocks as u64,
        atime: time(found.st_atime, found.st_atime_nsec),
        mtime: time(found.st_mtime, found.st_mtime_nsec),
        ctime: time(found.st_ctime, found.st_ctime_nsec),
        btime: Timespec::ZERO,
    };
    CallResult { value: Ok(0), output: Output::Stat(Box::new(stat)) }
}

/// An offset that no descriptor takes, also none that is closed.
fn check(offset: Option<i64>) -> Tried<()> {
    if offset.is_some_and(i64::is_negative) { Err(rustix::io::Errno::INVAL) } else { Ok(()) }
}

/// One `getdents64`.
fn list(fd: BorrowedFd<'_>, space: u64) -> Tried {
    let mut buffer = vec![MaybeUninit::uninit(); usize::try_from(space).expect("a small buffer")];
    let mut directory = RawDir::new(fd, &mut buffer);
    let mut records = Vec::new();
    while let Some(entry) = directory.next() {
        let entry = entry?;
        let kind = match entry.file_type() {
            FileType::Fifo => 1,
            FileType::CharacterDevice => 2,
            FileType::Directory => 4,
            FileType::BlockDevice => 6,
            FileType::RegularFile => 8,
            FileType::Symlink => 10,
            FileType::Socket => 12,
            FileType::Unknown => 0,
        };
        let name = entry.file_name().to_bytes().to_vec();
        let next = entry.next_entry_cookie() as i64;
        records.push(DirRecord { ino: entry.ino(), next, kind, name });
        if directory.is_buffer_empty() {
            break;
        }
    }
    let length: usize =
        records.iter().map(|record| (20 + record.name.len()).next_multiple_of(8)).sum();
    let value = Ok(i64::try_from(length).expect("a small number"));
    Ok(CallResult { value, output: Output::Records(records) })
}

/// `pwritev2` with `RWF_APPEND`.
fn append(fd: BorrowedFd<'_>, data: &[u8], offset: Option<i64>) -> rustix::io::Result<usize> {
    let at = offset.map_or(u64::MAX, |at| at as u64);
    rustix::io::pwritev2(fd, &[std::io::IoSlice::new(data)], at, ReadWriteFlags::APPEND)
}
