//! Calls, short enough that a course can be read as a list of them.

use fuserig_abi::{XATTR_POSIX_ACL_ACCESS as ACCESS, XATTR_POSIX_ACL_DEFAULT as DEFAULT};
use fuserig_sim_fs::OpenFlags;

use crate::sim::{Action, Program, Stamp, Text};

pub(super) const CREAT: u32 = OpenFlags::CREAT.bits();
pub(super) const EXCL: u32 = OpenFlags::EXCL.bits();
pub(super) const TRUNC: u32 = OpenFlags::TRUNC.bits();
pub(super) const APPEND: u32 = OpenFlags::APPEND.bits();
pub(super) const DIRECTORY: u32 = OpenFlags::DIRECTORY.bits();
pub(super) const NOFOLLOW: u32 = OpenFlags::NOFOLLOW.bits();
pub(super) const NOATIME: u32 = OpenFlags::NOATIME.bits();
pub(super) const CLOEXEC: u32 = OpenFlags::CLOEXEC.bits();
pub(super) const RDONLY: u32 = 0;
pub(super) const WRONLY: u32 = OpenFlags::WRONLY.bits();
pub(super) const RDWR: u32 = OpenFlags::RDWR.bits();

/// `SEEK_*`.
pub(super) const SET: u32 = 0;
pub(super) const CUR: u32 = 1;
pub(super) const END: u32 = 2;
pub(super) const DATA: u32 = 3;
pub(super) const HOLE: u32 = 4;

/// Kinds of locks.
pub(super) const SHARED: u32 = 0;
pub(super) const EXCLUSIVE: u32 = 1;
pub(super) const NONE: u32 = 2;

/// `RENAME_*`.
pub(super) const NOREPLACE: u32 = 1;
pub(super) const EXCHANGE: u32 = 2;

/// What a program may do whoever runs it.
const CAPABILITY: &str = "security.capability";

/// An id that says to leave what there is.
pub(super) const LEAVE: u32 = u32::MAX;

/// Who has more groups than one.
pub(super) fn member(uid: u32, gid: u32, groups: &[u32]) -> Program {
    Program { gid: Some(gid), groups: groups.to_vec(), ..Program::of(uid, Vec::new()) }
}

pub(super) fn root() -> Program {
    Program::of(0, Vec::new())
}

pub(super) fn open(path: &str, flags: u32) -> Action {
    open_with(path, flags, 0o666)
}

pub(super) fn open_with(path: &str, flags: u32, mode: u32) -> Action {
    Action::Open { path: path.into(), flags, mode }
}

/// For reading and writing; made if it is not there.
pub(super) fn create(path: &str) -> Action {
    open(path, CREAT | RDWR)
}

pub(super) fn close(file: u8) -> Action {
    Action::Close { file }
}

pub(super) fn read(size: u64) -> Action {
    Action::Read { file: 0, size, offset: None }
}

pub(super) fn pread(size: u64, offset: i64) -> Action {
    Action::Read { file: 0, size, offset: Some(offset) }
}

pub(super) fn write(size: u32) -> Action {
    Action::Write { file: 0, size, fill: b'w', offset: None }
}

pub(super) fn pwrite(size: u32, offset: i64) -> Action {
    Action::Write { file: 0, size, fill: b'p', offset: Some(offset) }
}

pub(super) fn append(size: u32) -> Action {
    Action::Append { file: 0, size, fill: b'a' }
}

pub(super) fn seek(offset: i64, whence: u32) -> Action {
    Action::Seek { file: 0, offset, whence }
}

pub(super) fn truncate(path: &str, size: i64) -> Action {
    Action::Truncate { path: path.into(), size }
}

pub(super) fn ftruncate(size: i64) -> Action {
    Action::Ftruncate { file: 0, size }
}

pub(super) fn fallocate(mode: u32, offset: i64, length: i64) -> Action {
    Action::Fallocate { file: 0, mode, offset, length }
}

/// From the file opened last but one to the last.
pub(super) fn copy(from_at: i64, to_at: i64, length: u64) -> Action {
    Action::Copy { from: 1, to: 0, length, from_at, to_at }
}

/// Within the file opened last.
pub(super) fn copy_within(from_at: i64, to_at: i64, length: u64) -> Action {
    Action::Copy { from: 0, to: 0, length, from_at, to_at }
}

/// From the file opened last but one to where the last stands.
pub(super) fn send(from_at: i64, length: u64) -> Action {
    Action::Sendfile { from: 1, to: 0, length, from_at }
}

pub(super) fn stat(path: &str) -> Action {
    Action::Stat { path: path.into(), follow: true }
}

pub(super) fn lstat(path: &str) -> Action {
    Action::Stat { path: path.into(), follow: false }
}

pub(super) const FSTAT: Action = Action::Fstat { file: 0 };

pub(super) fn statfs(path: &str) -> Action {
    Action::Statfs { path: path.into() }
}

pub(super) fn access(path: &str, mode: u32) -> Action {
    Action::Access { path: path.into(), mode }
}

pub(super) fn mkdir(path: &str, mode: u32) -> Action {
    Action::Mkdir { path: path.into(), mode }
}

pub(super) fn mknod(path: &str, mode: u32, device: u32) -> Action {
    Action::Mknod { path: path.into(), mode, device }
}

pub(super) fn symlink(target: &str, path: &str) -> Action {
    Action::Symlink { target: target.into(), path: path.into() }
}

pub(super) fn readlink(path: &str) -> Action {
    Action::readlink(path)
}

/// With room for so many bytes.
pub(super) fn readlink_into(path: &str, space: u32) -> Action {
    Action::Readlink { path: path.into(), space }
}

pub(super) fn dup(file: u8) -> Action {
    Action::Dup { file }
}

pub(super) fn dup2(file: u8, onto: u8) -> Action {
    Action::Dup2 { file, onto }
}

pub(super) fn close_range(first: u8, last: u8) -> Action {
    Action::CloseRange { first, last }
}

/// Of the file opened last.
pub(super) fn set_flags(flags: u32) -> Action {
    Action::SetFlags { file: 0, flags }
}

/// Of the file opened last but one.
pub(super) fn read_other(size: u64) -> Action {
    Action::Read { file: 1, size, offset: None }
}

/// To the file opened last but one.
pub(super) fn write_other(size: u32) -> Action {
    Action::Write { file: 1, size, fill: b'o', offset: None }
}

pub(super) fn link(source: &str, path: &str) -> Action {
    Action::Link { source: source.into(), path: path.into() }
}

pub(super) fn unlink(path: &str) -> Action {
    Action::Unlink { path: path.into() }
}

pub(super) fn rmdir(path: &str) -> Action {
    Action::Rmdir { path: path.into() }
}

pub(super) fn rename(old: &str, new: &str) -> Action {
    rename2(old, new, 0)
}

pub(super) fn rename2(old: &str, new: &str, flags: u32) -> Action {
    Action::Rename { old: old.into(), new: new.into(), flags }
}

pub(super) fn chmod(path: &str, mode: u32) -> Action {
    Action::Chmod { path: path.into(), mode }
}

pub(super) fn chown(path: &str, uid: u32, gid: u32) -> Action {
    Action::Chown { path: path.into(), uid, gid }
}

pub(super) fn touch(path: &str) -> Action {
    Action::Touch { path: path.into() }
}

/// The first second and the second one; none is left as it is.
pub(super) fn times(path: &str, atime: Option<i64>, mtime: Option<i64>) -> Action {
    let stamp = |sec: Option<i64>| sec.map_or(Stamp::Omit, |sec| Stamp::At { sec, nsec: 7 });
    Action::Times { path: path.into(), atime: stamp(atime), mtime: stamp(mtime) }
}

pub(super) fn list(space: u64) -> Action {
    Action::List { file: 0, space }
}

pub(super) fn chdir(path: &str) -> Action {
    Action::Chdir { path: path.into() }
}

pub(super) fn flock(file: u8, kind: u32) -> Action {
    Action::Flock { file, kind, waits: false }
}

pub(super) fn lock(kind: u32, start: i64, length: i64) -> Action {
    Action::Lock { file: 0, kind, start, length, waits: false }
}

/// The same lock, which is waited for.
pub(super) fn waiting(mut lock: Action) -> Action {
    if let Action::Flock { waits, .. } | Action::Lock { waits, .. } = &mut lock {
        *waits = true;
    }
    lock
}

pub(super) fn umask(mask: u32) -> Action {
    Action::Umask { mask }
}

pub(super) fn becomes(uid: u32, gid: u32) -> Action {
    Action::Become { uid, gid }
}

/// `flags` are 1, which creates, and 2, which replaces.
pub(super) fn setxattr(path: &str, name: &str, length: usize, flags: u32) -> Action {
    let value = Text(vec![b'v'; length]);
    Action::Setxattr { path: path.into(), name: name.into(), value, flags }
}

/// A file may do something whoever runs it: `struct vfs_cap_data` of the second revision,
/// effective, with the right to listen on low ports.
pub(super) fn set_capability(path: &str) -> Action {
    let mut value = vec![1, 0, 0, 2, 0, 4];
    value.resize(20, 0);
    let name = Text::from(CAPABILITY);
    Action::Setxattr { path: path.into(), name, value: Text(value), flags: 0 }
}

pub(super) fn get_capability(path: &str) -> Action {
    getxattr(path, CAPABILITY, 30)
}

pub(super) fn getxattr(path: &str, name: &str, size: u64) -> Action {
    Action::Getxattr { path: path.into(), name: name.into(), size }
}

pub(super) fn listxattr(path: &str, size: u64) -> Action {
    Action::Listxattr { path: path.into(), size }
}

pub(super) fn removexattr(path: &str, name: &str) -> Action {
    Action::Removexattr { path: path.into(), name: name.into() }
}

/// The list of a file: tags, rights and ids.
pub(super) fn set_list(path: &str, entries: &[(u16, u16, u32)]) -> Action {
    let (name, value) = (Text::from(ACCESS), list_of(entries));
    Action::Setxattr { path: path.into(), name, value, flags: 0 }
}

/// The list that a directory gives to what is made in it.
pub(super) fn set_default(path: &str, entries: &[(u16, u16, u32)]) -> Action {
    let (name, value) = (Text::from(DEFAULT), list_of(entries));
    Action::Setxattr { path: path.into(), name, value, flags: 0 }
}

fn list_of(entries: &[(u16, u16, u32)]) -> Text {
    let mut value = vec![2, 0, 0, 0];
    for (tag, rights, id) in entries {
        value.extend(tag.to_le_bytes());
        value.extend(rights.to_le_bytes());
        value.extend(id.to_le_bytes());
    }
    Text(value)
}

/// Both lists are read.
pub(super) fn get_lists(path: &str) -> [Action; 2] {
    [ACCESS, DEFAULT].map(|name| Action::Getxattr {
        path: path.into(),
        name: Text::from(name),
        size: 200,
    })
}

/// The list that a directory gives is taken away.
pub(super) fn remove_default(path: &str) -> Action {
    Action::Removexattr { path: path.into(), name: Text::from(DEFAULT) }
}

/// The list of a file is taken away.
pub(super) fn remove_list(path: &str) -> Action {
    Action::Removexattr { path: path.into(), name: Text::from(ACCESS) }
}
