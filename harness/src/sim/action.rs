//! What a simulated client does, as a value that can be stored.
//!
//! Actions are total: each is legal in every state and may earn an errno. Open files are named by
//! how recently they were opened, so that leaving an earlier action out never makes a later one
//! meaningless. What a reader would get wrong: file 0 is the newest, not the first.

use core::fmt;

use fuserig_abi::{AccessMask, Device, Pid};
use fuserig_sim_fs::OpenFlags;
use serde::{Deserialize, Serialize};

use super::generate::Kind;
use super::lock_calls::is_false;
use super::{Stamp, Text};
use crate::vfs::{Call, NewTime, PathAt, Target};

/// One system call with symbolic arguments.
///
/// ```
/// use fuserig::sim::Action;
/// let made = Action::Mkdir { path: "d".into(), mode: 0o755 };
/// assert_eq!(made.to_string(), "mkdir d 755");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields are named after the arguments of the system calls")]
pub enum Action {
    /// `openat`; `flags` are Linux's `O_*`.
    Open { path: Text, flags: u32, mode: u32 },
    /// `close`.
    Close { file: u8 },
    /// `read`, or `pread` with an offset.
    Read { file: u8, size: u64, offset: Option<i64> },
    /// `write`, or `pwrite` with an offset: `size` bytes of value `fill`.
    Write { file: u8, size: u32, fill: u8, offset: Option<i64> },
    /// `pwritev2` with `RWF_APPEND` and no offset: `size` bytes of value `fill` at the end.
    Append { file: u8, size: u32, fill: u8 },
    /// `lseek`.
    Seek { file: u8, offset: i64, whence: u32 },
    /// `truncate`.
    Truncate { path: Text, size: i64 },
    /// `ftruncate`.
    Ftruncate { file: u8, size: i64 },
    /// `fallocate`.
    Fallocate { file: u8, mode: u32, offset: i64, length: i64 },
    /// `fsync`, or `fdatasync`.
    Fsync { file: u8, datasync: bool },
    /// `stat`, or `lstat`.
    Stat { path: Text, follow: bool },
    /// `fstat`.
    Fstat { file: u8 },
    /// `statfs`.
    Statfs { path: Text },
    /// `access`.
    Access { path: Text, mode: u32 },
    /// `mkdir`.
    Mkdir { path: Text, mode: u32 },
    /// `mknod`; the type is in `mode`.
    Mknod {
        /// What is made.
        path: Text,
        /// Type and permissions.
        mode: u32,
        /// The device, as FUSE carries it ([`Device::encode`]).
        #[serde(default, skip_serializing_if = "is_no_device")]
        device: u32,
    },
    /// `symlink`.
    Symlink { target: Text, path: Text },
    /// `link`, without following a symlink.
    Link { source: Text, path: Text },
    /// `unlink`.
    Unlink { path: Text },
    /// `rmdir`.
    Rmdir { path: Text },
    /// `renameat2`.
    Rename { old: Text, new: Text, flags: u32 },
    /// `readlink`.
    Readlink {
        /// The symlink.
        path: Text,
        /// Bytes of room for its target.
        #[serde(default = "room_for_target", skip_serializing_if = "is_room_for_target")]
        space: u32,
    },
    /// `chmod`.
    Chmod { path: Text, mode: u32 },
    /// `chown`; `u32::MAX`, which is -1, leaves what there is.
    Chown { path: Text, uid: u32, gid: u32 },
    /// `utimensat` with both times now.
    Touch { path: Text },
    /// `utimensat` with other times.
    Times { path: Text, atime: Stamp, mtime: Stamp },
    /// `getdents64` on an open directory.
    List { file: u8, space: u64 },
    /// `getxattr`.
    Getxattr { path: Text, name: Text, size: u64 },
    /// `listxattr`.
    Listxattr { path: Text, size: u64 },
    /// `setxattr`.
    Setxattr { path: Text, name: Text, value: Text, flags: u32 },
    /// `removexattr`.
    Removexattr { path: Text, name: Text },
    /// `copy_file_range` between positions of two files.
    Copy {
        /// The file that is read.
        from: u8,
        /// The file that is written.
        to: u8,
        /// Bytes.
        length: u64,
        /// Where reading begins; [`Action::HERE`] is where the file stands, and moves it on.
        #[serde(default, skip_serializing_if = "is_start")]
        from_at: i64,
        /// Where writing begins, in the same way.
        #[serde(default, skip_serializing_if = "is_start")]
        to_at: i64,
    },
    /// `sendfile` between two files, to where the target stands; [`Action::HERE`] as the place is
    /// where the source stands, and moves it on.
    Sendfile { from: u8, to: u8, length: u64, from_at: i64 },
    /// `chdir`.
    Chdir { path: Text },
    /// `flock`.
    Flock {
        /// What is locked.
        file: u8,
        /// As in `struct flock`: 0 shared, 1 exclusive, 2 none.
        kind: u32,
        /// Whether it waits while somebody is in the way; who gives back never has to.
        #[serde(default, skip_serializing_if = "is_false")]
        waits: bool,
    },
    /// `fcntl(F_SETLK)` from the start of the file, and `F_SETLKW` where it waits; the kinds are
    /// those of [`Action::Flock`].
    Lock {
        /// What is locked.
        file: u8,
        /// Shared, exclusive or none.
        kind: u32,
        /// The first byte.
        start: i64,
        /// Bytes; 0 is up to any end, and negative ones are before the start.
        length: i64,
        /// As of [`Action::Flock`].
        #[serde(default, skip_serializing_if = "is_false")]
        waits: bool,
    },
    /// `fcntl(F_GETLK)`: who is in the way of a lock, as [`Action::Lock`] would take it.
    GetLock { file: u8, kind: u32, start: i64, length: i64 },
    /// `fchmod`.
    Fchmod { file: u8, mode: u32 },
    /// `fchown`; the ids are those of [`Action::Chown`].
    Fchown { file: u8, uid: u32, gid: u32 },
    /// `futimens`.
    Futimens { file: u8, atime: Stamp, mtime: Stamp },
    /// `umask`.
    Umask { mask: u32 },
    /// `setfsuid` and `setfsgid`, as a server calls them that works for many users.
    Become { uid: u32, gid: u32 },
    /// `dup`: the new descriptor is the newest open file.
    Dup { file: u8 },
    /// `dup2`: the descriptor of `onto` means what that of `file` means, and what it meant is
    /// closed by it.
    Dup2 { file: u8, onto: u8 },
    /// `close_range` from one descriptor to another, and of what is between.
    CloseRange { first: u8, last: u8 },
    /// `fcntl(F_SETFL)`; `flags` are Linux's `O_*`.
    SetFlags { file: u8, flags: u32 },
    /// `fcntl(F_SETFD)`: whether the descriptor closes when a program is executed.
    SetCloexec { file: u8, on: bool },
    /// `fork`: the child goes on in the client's place, and the parent waits for it to exit. Who
    /// is the child, [`Processes`](super::Processes) say; `EAGAIN` where there are enough.
    Fork,
    /// `execve` of a program from outside the mount: what is marked for it closes.
    Exec,
    /// `exit_group`, of a child: its parent goes on where it stood. Whoever nobody waits for stays,
    /// so that a program is as legal without the fork before it.
    Exit,
}

/// Whether it is the device 0:0, which the stored form leaves out.
fn is_no_device(device: &u32) -> bool {
    *device == 0
}

/// The room that programs have for a target.
fn room_for_target() -> u32 {
    4096
}

/// Whether it is the usual room for a target, which the stored form leaves out.
fn is_room_for_target(space: &u32) -> bool {
    *space == room_for_target()
}

/// Whether a copy begins at the start, which the stored form leaves out.
fn is_start(offset: &i64) -> bool {
    *offset == 0
}

/// The descriptor of an open file; -1, which is no descriptor, when nothing is open.
pub(super) fn descriptor(files: &[i32], file: u8) -> i32 {
    if files.is_empty() {
        return -1;
    }
    files[files.len() - 1 - usize::from(file) % files.len()]
}

/// An owner; -1 leaves it.
fn id(id: u32) -> Option<u32> {
    (id != u32::MAX).then_some(id)
}

fn path(text: &Text) -> PathAt {
    PathAt::cwd(&text.0)
}

impl Action {
    /// No offset of a copy, as traces write it: it begins where the file stands.
    pub const HERE: i64 = -1;

    /// `readlink` with as much room as a path may need.
    ///
    /// ```
    /// assert_eq!(fuserig::sim::Action::readlink("l").to_string(), "readlink l");
    /// ```
    pub fn readlink(path: impl Into<Text>) -> Action {
        Action::Readlink { path: path.into(), space: room_for_target() }
    }

    /// Whether its result, when it succeeds, is a descriptor of the client from then on.
    pub fn opens(&self) -> bool {
        matches!(self, Action::Open { .. } | Action::Dup { .. })
    }

    /// The system call, for a client with these open files, the newest last. A fork names no child
    /// yet, and every exit is one: [`Processes::call`](super::Processes::call) knows better.
    pub fn call(&self, files: &[i32]) -> Call {
        let fd = |file: &u8| descriptor(files, *file);
        match self {
            Action::Open { path: at, flags, mode } => Call::Open {
                path: path(at),
                flags: OpenFlags::from_bits_retain(*flags),
                mode: *mode,
                fd: None,
            },
            Action::Close { file } => Call::Close { fd: fd(file) },
            Action::Read { file, size, offset } => {
                Call::Read { fd: fd(file), size: *size, offset: *offset }
            }
            Action::Write { file, size, fill, offset } => {
                let data = vec![*fill; *size as usize];
                Call::Write { fd: fd(file), data, offset: *offset }
            }
            Action::Append { file, size, fill } => {
                let data = vec![*fill; *size as usize];
                Call::Append { fd: fd(file), data, offset: None }
            }
            Action::Seek { file, offset, whence } => {
                Call::Seek { fd: fd(file), offset: *offset, whence: *whence }
            }
            Action::Ftruncate { file, size } => {
                Call::Truncate { target: Target::Fd(fd(file)), size: *size }
            }
            Action::Fallocate { file, mode, offset, length } => {
                Call::Fallocate { fd: fd(file), mode: *mode, offset: *offset, length: *length }
            }
            Action::Fsync { file, datasync } => Call::Fsync { fd: fd(file), datasync: *datasync },
            Action::Fstat { file } => Call::Stat { target: Target::Fd(fd(file)), flags: 0 },
            Action::List { file, space } => Call::Getdents { fd: fd(file), space: *space },
            Action::Copy { from, to, length, from_at, to_at } => Call::CopyFileRange {
                from: fd(from),
                from_offset: (*from_at != Action::HERE).then_some(*from_at),
                to: fd(to),
                to_offset: (*to_at != Action::HERE).then_some(*to_at),
                length: *length,
                flags: 0,
            },
            Action::Sendfile { from, to, length, from_at } => Call::Sendfile {
                to: fd(to),
                from: fd(from),
                offset: (*from_at != Action::HERE).then_some(*from_at),
                length: *length,
            },
            Action::Flock { .. } | Action::Lock { .. } | Action::GetLock { .. } => {
                self.call_on_lock(files)
            }
            Action::Fchmod { file, mode } => {
                Call::Chmod { target: Target::Fd(fd(file)), mode: *mode }
            }
            Action::Fchown { file, uid, gid } => {
                Call::Chown { target: Target::Fd(fd(file)), uid: id(*uid), gid: id(*gid) }
            }
            Action::Futimens { file, atime, mtime } => {
                let (atime, mtime) = ((*atime).into(), (*mtime).into());
                Call::Utimens { target: Target::Fd(fd(file)), atime, mtime }
            }
            Action::Umask { mask } => Call::Umask { mask: *mask },
            Action::Become { uid, gid } => Call::SetIds { uid: Some(*uid), gid: Some(*gid) },
            Action::SetFlags { .. } => self.call_on_slots(files),
            slots if matches!(Kind::of(slots), Kind::Slot | Kind::Process) => {
                slots.call_on_slots(files)
            }
            named => named.call_by_name(),
        }
    }

    /// The calls that name a path.
    fn call_by_name(&self) -> Call {
        let follow = |at: &Text| Target::follow(&at.0);
        match self {
            Action::Truncate { path, size } => Call::Truncate { target: follow(path), size: *size },
            Action::Stat { path, follow } => {
                let target =
                    if *follow { Target::follow(&path.0) } else { Target::nofollow(&path.0) };
                Call::Stat { target, flags: 0 }
            }
            Action::Statfs { path } => Call::Statfs { target: follow(path) },
            Action::Access { path, mode } => {
                let mode = AccessMask::from_bits_truncate(*mode & 7);
                Call::Access { target: follow(path), mode }
            }
            Action::Mkdir { path: at, mode } => Call::Mkdir { path: path(at), mode: *mode },
            Action::Mknod { path: at, mode, device } => {
                Call::Mknod { path: path(at), mode: *mode, rdev: Device::decode(*device) }
            }
            Action::Symlink { target, path: at } => {
                Call::Symlink { target: target.0.clone(), path: path(at) }
            }
            Action::Link { source, path: at } => {
                Call::Link { source: Target::nofollow(&source.0), path: path(at) }
            }
            Action::Unlink { path: at } => Call::Unlink { path: path(at) },
            Action::Rmdir { path: at } => Call::Rmdir { path: path(at) },
            Action::Rename { old, new, flags } => {
                Call::Rename { old: path(old), new: path(new), flags: *flags }
            }
            Action::Readlink { path, space } => {
                Call::Readlink { target: Target::nofollow(&path.0), size: u64::from(*space) }
            }
            Action::Chmod { path, mode } => Call::Chmod { target: follow(path), mode: *mode },
            Action::Chown { path, uid, gid } => {
                Call::Chown { target: follow(path), uid: id(*uid), gid: id(*gid) }
            }
            Action::Touch { path } => {
                Call::Utimens { target: follow(path), atime: NewTime::Now, mtime: NewTime::Now }
            }
            Action::Times { path, atime, mtime } => Call::Utimens {
                target: follow(path),
                atime: (*atime).into(),
                mtime: (*mtime).into(),
            },
            Action::Chdir { path } => Call::Chdir { target: follow(path) },
            attribute => attribute.call_on_attribute(),
        }
    }

    /// The calls that give a descriptor another meaning, or none, and those on all of them.
    fn call_on_slots(&self, files: &[i32]) -> Call {
        let fd = |file: &u8| descriptor(files, *file);
        match self {
            Action::Dup { file } => Call::Dup { fd: fd(file), to: None, cloexec: false },
            Action::SetFlags { file, flags } => {
                Call::SetFlags { fd: fd(file), flags: OpenFlags::from_bits_retain(*flags) }
            }
            Action::Dup2 { file, onto } => {
                Call::Dup { fd: fd(file), to: Some(fd(onto)), cloexec: false }
            }
            Action::CloseRange { first, last } => {
                let number = |file| u64::from(fd(file).cast_unsigned());
                Call::CloseRange { first: number(first), last: number(last), flags: 0 }
            }
            Action::SetCloexec { file, on } => Call::SetCloexec { fd: fd(file), on: *on },
            Action::Fork => Call::Fork { child: Pid(0), share_files: false, share_fs: false },
            Action::Exec => Call::Exec { program: None },
            Action::Exit => Call::Exit,
            other => unreachable!("{other} is about no descriptors"),
        }
    }

    /// The calls on extended attributes.
    fn call_on_attribute(&self) -> Call {
        let target = |at: &Text| Target::follow(&at.0);
        match self {
            Action::Getxattr { path, name, size } => {
                Call::Getxattr { target: target(path), name: name.0.clone(), size: *size }
            }
            Action::Listxattr { path, size } => {
                Call::Listxattr { target: target(path), size: *size }
            }
            Action::Setxattr { path, name, value, flags } => Call::Setxattr {
                target: target(path),
                name: name.0.clone(),
                value: value.0.clone(),
                flags: *flags,
            },
            Action::Removexattr { path, name } => {
                Call::Removexattr { target: target(path), name: name.0.clone() }
            }
            other => unreachable!("{other} names no attribute"),
        }
    }

    /// The paths it names.
    pub fn paths(&self) -> Vec<&Text> {
        self.named_paths().into_iter().flatten().collect()
    }

    /// As [`Action::paths`], for who asks after each call.
    pub(crate) fn named_paths(&self) -> [Option<&Text>; 2] {
        match self {
            Action::Open { path, .. }
            | Action::Truncate { path, .. }
            | Action::Stat { path, .. }
            | Action::Statfs { path }
            | Action::Access { path, .. }
            | Action::Mkdir { path, .. }
            | Action::Mknod { path, .. }
            | Action::Unlink { path }
            | Action::Rmdir { path }
            | Action::Readlink { path, .. }
            | Action::Chmod { path, .. }
            | Action::Chown { path, .. }
            | Action::Touch { path }
            | Action::Times { path, .. }
            | Action::Getxattr { path, .. }
            | Action::Listxattr { path, .. }
            | Action::Setxattr { path, .. }
            | Action::Removexattr { path, .. }
            | Action::Symlink { path, .. }
            | Action::Chdir { path } => [Some(path), None],
            Action::Link { source, path } => [Some(source), Some(path)],
            Action::Rename { old, new, .. } => [Some(old), Some(new)],
            Action::Close { .. }
            | Action::Read { .. }
            | Action::Write { .. }
            | Action::Append { .. }
            | Action::Seek { .. }
            | Action::Ftruncate { .. }
            | Action::Fallocate { .. }
            | Action::Fsync { .. }
            | Action::Fstat { .. }
            | Action::List { .. }
            | Action::Flock { .. }
            | Action::Lock { .. }
            | Action::GetLock { .. }
            | Action::Fchmod { .. }
            | Action::Fchown { .. }
            | Action::Futimens { .. }
            | Action::Umask { .. }
            | Action::Become { .. }
            | Action::Dup { .. }
            | Action::Dup2 { .. }
            | Action::CloseRange { .. }
            | Action::SetFlags { .. }
            | Action::SetCloexec { .. }
            | Action::Fork
            | Action::Exec
            | Action::Exit
            | Action::Sendfile { .. }
            | Action::Copy { .. } => [None, None],
        }
    }
}

impl Action {
    /// Whether it changes nothing below and makes nothing durable, whatever comes of it.
    pub(crate) fn only_looks(&self) -> bool {
        match self {
            Action::Open { flags, .. } => flags & (OpenFlags::CREAT | OpenFlags::TRUNC).bits() == 0,
            Action::Close { .. }
            | Action::Read { .. }
            | Action::Seek { .. }
            | Action::Stat { .. }
            | Action::Fstat { .. }
            | Action::Statfs { .. }
            | Action::Access { .. }
            | Action::Readlink { .. }
            | Action::List { .. }
            | Action::Getxattr { .. }
            | Action::Listxattr { .. }
            | Action::Flock { .. }
            | Action::Lock { .. }
            | Action::GetLock { .. }
            | Action::Umask { .. }
            | Action::Become { .. }
            | Action::Dup { .. }
            | Action::Dup2 { .. }
            | Action::CloseRange { .. }
            | Action::SetFlags { .. }
            | Action::SetCloexec { .. }
            | Action::Fork
            | Action::Exec
            | Action::Exit
            | Action::Chdir { .. } => true,
            Action::Write { .. }
            | Action::Append { .. }
            | Action::Truncate { .. }
            | Action::Ftruncate { .. }
            | Action::Fallocate { .. }
            | Action::Fsync { .. }
            | Action::Mkdir { .. }
            | Action::Mknod { .. }
            | Action::Symlink { .. }
            | Action::Link { .. }
            | Action::Unlink { .. }
            | Action::Rmdir { .. }
            | Action::Rename { .. }
            | Action::Chmod { .. }
            | Action::Chown { .. }
            | Action::Touch { .. }
            | Action::Times { .. }
            | Action::Fchmod { .. }
            | Action::Fchown { .. }
            | Action::Futimens { .. }
            | Action::Setxattr { .. }
            | Action::Removexattr { .. }
            | Action::Sendfile { .. }
            | Action::Copy { .. } => false,
        }
    }

    /// Whether its result is how many bytes it wrote.
    pub(crate) fn writes(&self) -> bool {
        matches!(
            self,
            Action::Write { .. }
                | Action::Append { .. }
                | Action::Copy { .. }
                | Action::Sendfile { .. }
        )
    }

    /// Whether it may make, remove or move a name.
    pub(crate) fn changes_names(&self) -> bool {
        match self {
            Action::Open { flags, .. } => flags & OpenFlags::CREAT.bits() != 0,
            Action::Mkdir { .. }
            | Action::Mknod { .. }
            | Action::Symlink { .. }
            | Action::Link { .. }
            | Action::Unlink { .. }
            | Action::Rmdir { .. }
            | Action::Rename { .. } => true,
            _ => false,
        }
    }
}

struct At<'a>(&'a Option<i64>);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |offset| write!(f, " at {offset}"))
    }
}

fn open_flags(flags: u32) -> String {
    let mut words = vec![["r", "w", "rw", "-"][(flags & 3) as usize].to_owned()];
    let named = [
        (OpenFlags::CREAT, "create"),
        (OpenFlags::EXCL, "excl"),
        (OpenFlags::TRUNC, "trunc"),
        (OpenFlags::APPEND, "append"),
        (OpenFlags::DIRECTORY, "dir"),
        (OpenFlags::NOFOLLOW, "nofollow"),
        (OpenFlags::CLOEXEC, "cloexec"),
    ];
    let mut rest = flags & !3;
    for (flag, name) in named {
        if flags & flag.bits() != 0 {
            words.push(name.to_owned());
            rest &= !flag.bits();
        }
    }
    if rest != 0 {
        words.push(format!("{rest:#o}"));
    }
    words.join(",")
}

/// A path as a report shows it: quoted when it is empty or has a space.
fn shown(text: &Text) -> String {
    let plain = text.to_string();
    if plain.len() > 48 {
        return format!("{}...({} bytes)", &plain[..24], text.0.len());
    }
    if plain.is_empty() || plain.contains(' ') { format!("'{plain}'") } else { plain }
}

/// The number of a device, where it has one.
fn of_device(encoded: u32) -> String {
    match encoded {
        0 => String::new(),
        _ => format!(" {}", Device::decode(encoded)),
    }
}

/// Where a copy begins in one of its files.
fn copy_place(at: i64) -> String {
    match at {
        Action::HERE => "where it stands".to_owned(),
        at => format!("at {at}"),
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Open { path, flags, mode } => {
                write!(f, "open {} {}", shown(path), open_flags(*flags))?;
                let creates = flags & OpenFlags::CREAT.bits() != 0;
                if creates { write!(f, " {mode:o}") } else { Ok(()) }
            }
            Action::Close { file } => write!(f, "close #{file}"),
            Action::Read { file, size, offset } => write!(f, "read #{file} {size}{}", At(offset)),
            Action::Write { file, size, fill, offset } => {
                write!(f, "write #{file} {size} x {fill:#04x}{}", At(offset))
            }
            Action::Append { file, size, fill } => write!(f, "append #{file} {size} x {fill:#04x}"),
            Action::Seek { file, offset, whence } => write!(f, "seek #{file} {offset} {whence}"),
            Action::Ftruncate { file, size } => write!(f, "ftruncate #{file} {size}"),
            Action::Fallocate { file, mode, offset, length } => {
                write!(f, "fallocate #{file} {mode:#x} {offset}+{length}")
            }
            Action::Fsync { file, datasync: true } => write!(f, "fdatasync #{file}"),
            Action::Fsync { file, datasync: false } => write!(f, "fsync #{file}"),
            Action::Fstat { file } => write!(f, "fstat #{file}"),
            Action::List { file, space } => write!(f, "getdents #{file} {space}"),
            Action::Copy { from, to, length, from_at: 0, to_at: 0 } => {
                write!(f, "copy #{from} to #{to} {length}")
            }
            Action::Copy { from, to, length, from_at, to_at } => {
                let (from_at, to_at) = (copy_place(*from_at), copy_place(*to_at));
                write!(f, "copy #{from} {from_at} to #{to} {to_at} {length}")
            }
            Action::Truncate { path, size } => write!(f, "truncate {} {size}", shown(path)),
            Action::Stat { path, follow: true } => write!(f, "stat {}", shown(path)),
            Action::Stat { path, follow: false } => write!(f, "lstat {}", shown(path)),
            Action::Statfs { path } => write!(f, "statfs {}", shown(path)),
            Action::Access { path, mode } => write!(f, "access {} {mode}", shown(path)),
            Action::Mkdir { path, mode } => write!(f, "mkdir {} {mode:o}", shown(path)),
            Action::Mknod { path, mode, device } => {
                write!(f, "mknod {} {mode:o}{}", shown(path), of_device(*device))
            }
            Action::Symlink { target, path } => {
                write!(f, "symlink {} -> {}", shown(path), shown(target))
            }
            Action::Link { source, path } => write!(f, "link {} {}", shown(source), shown(path)),
            Action::Unlink { path } => write!(f, "unlink {}", shown(path)),
            Action::Rmdir { path } => write!(f, "rmdir {}", shown(path)),
            Action::Rename { old, new, flags: 0 } => {
                write!(f, "rename {} {}", shown(old), shown(new))
            }
            Action::Rename { old, new, flags } => {
                write!(f, "rename {} {} flags={flags}", shown(old), shown(new))
            }
            Action::Readlink { path, space } if is_room_for_target(space) => {
                write!(f, "readlink {}", shown(path))
            }
            Action::Readlink { path, space } => write!(f, "readlink {} {space}", shown(path)),
            Action::Dup { file } => write!(f, "dup #{file}"),
            Action::Dup2 { file, onto } => write!(f, "dup2 #{file} onto #{onto}"),
            Action::CloseRange { first, last } => write!(f, "close_range #{first} to #{last}"),
            Action::SetFlags { file, flags } => write!(f, "setfl #{file} {}", open_flags(*flags)),
            Action::Chdir { path } => write!(f, "chdir {}", shown(path)),
            Action::Flock { .. } | Action::Lock { .. } | Action::GetLock { .. } => self.fmt_lock(f),
            attribute => attribute.fmt_attribute(f),
        }
    }
}

impl Action {
    /// The calls on attributes, and those that say who a client is.
    fn fmt_attribute(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Chmod { path, mode } => write!(f, "chmod {} {mode:o}", shown(path)),
            Action::Chown { path, uid, gid } => {
                write!(f, "chown {} {}:{}", shown(path), uid.cast_signed(), gid.cast_signed())
            }
            Action::Sendfile { from, to, length, from_at } => {
                write!(f, "sendfile #{from} {} to #{to} {length}", copy_place(*from_at))
            }
            Action::Touch { path } => write!(f, "touch {}", shown(path)),
            Action::Times { path, atime, mtime } => {
                write!(f, "times {} {atime} {mtime}", shown(path))
            }
            Action::Fchmod { file, mode } => write!(f, "fchmod #{file} {mode:o}"),
            Action::Fchown { file, uid, gid } => {
                write!(f, "fchown #{file} {}:{}", uid.cast_signed(), gid.cast_signed())
            }
            Action::Futimens { file, atime, mtime } => {
                write!(f, "futimens #{file} {atime} {mtime}")
            }
            Action::Umask { mask } => write!(f, "umask {mask:03o}"),
            Action::Become { uid, gid } => write!(f, "become {uid}:{gid}"),
            Action::SetCloexec { file, on } => {
                write!(f, "cloexec #{file} {}", if *on { "on" } else { "off" })
            }
            Action::Fork => f.write_str("fork"),
            Action::Exec => f.write_str("exec"),
            Action::Exit => f.write_str("exit"),
            Action::Getxattr { path, name, size } => {
                write!(f, "getxattr {} {} {size}", shown(path), shown(name))
            }
            Action::Listxattr { path, size } => write!(f, "listxattr {} {size}", shown(path)),
            Action::Setxattr { path, name, value, flags } => {
                let (path, name, length) = (shown(path), shown(name), value.0.len());
                write!(f, "setxattr {path} {name} {length} bytes flags={flags}")
            }
            Action::Removexattr { path, name } => {
                write!(f, "removexattr {} {}", shown(path), shown(name))
            }
            other => unreachable!("{other:?} names no attribute"),
        }
    }
}
