//! Calls that fail must have a reason: for each error, what the manual page of the call says of it.
//!
//! The reasons are asked of the tree before the call and of the arguments; an error for which none
//! holds is a wrong one. Who may do what is judged in `rights`, and from where nothing is known, as
//! where a path cannot be walked, nothing is said. What a reader would get wrong: this does not say
//! which of several errors comes first, so any that has a reason will do.

use fuserig_abi::{Caller, Errno, FileKind, Ino, Pid, S_ISGID, S_ISUID, Stat, StatFs, Uid};
use fuserig_sim_fs::{FallocateProfile, LockKind, LowerExt, MemFs, OpenFlags, Whence};

use super::acl::{self, Given};
use super::bytes::moves_wrongly;
use super::judged::{Judged, OpenFile};
use super::path::{PATH_MAX, Walked};
use super::rights::{EXEC, READ, WRITE, is_reachable, may};
use super::xattrs::{is_list, is_plain};
use crate::sim::{Action, Stamp, Text, lock_kind};

/// The longest name of an attribute, and its longest value.
const XATTR_NAME_MAX: usize = 255;
const XATTR_SIZE_MAX: usize = 65_536;
/// Fewer names than any filesystem lets a file have (`_POSIX_LINK_MAX` is 8, ext4 has 65000).
const LINKS_FEW: u32 = 1000;
/// What nobody comes near who does not try to leave the range of offsets.
pub(super) const FAR: i64 = 1 << 62;
const PAGE: u64 = 4096;
/// The flags that an `open` of Linux has.
const KNOWN: u32 = 0o37_777_777;

pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
    let Some(errno) = judged.errno() else { return Ok(()) };
    // What was broken once may stay so, and may say so of anything.
    if judged.was_broken || !judged.knows_paths() {
        return Ok(());
    }
    let mut reasons = Reasons { errno, found: false };
    let is_judged = match judged.file {
        Some(file) => on_file(judged, &mut reasons, file),
        None => on_paths(judged, &mut reasons),
    };
    match is_judged.is_none() || reasons.found {
        true => Ok(()),
        false => Err(format!("fails with {errno}, and there is no reason for it")),
    }
}

/// An error, and whether there is a reason for it.
struct Reasons {
    errno: Errno,
    found: bool,
}

impl Reasons {
    fn when(&mut self, errno: Errno, holds: bool) {
        self.found |= self.errno == errno && holds;
    }
}

fn kind(fs: &MemFs, node: Ino) -> Option<FileKind> {
    Some(fs.stat(node)?.kind)
}

fn is_empty(fs: &MemFs, directory: Ino) -> bool {
    fs.names_in(directory).next().is_none()
}

/// What is free before the call.
fn figures(judged: &Judged<'_>) -> Option<StatFs> {
    let mut tree = judged.before.clone();
    let caller = Caller::new(judged.credentials.clone(), Pid(1), judged.now);
    tree.statfs(&caller, fuserig_sim_fs::Lower::root(judged.before)).ok()
}

/// No room for so many bytes, or for one more node; what is asked for may begin in the middle of a
/// page.
pub(super) fn lacks_room(judged: &Judged<'_>, bytes: u64) -> bool {
    figures(judged).is_none_or(|free| free.bfree < bytes / PAGE + 2 || free.ffree < 2)
}

/// Whether a directory is another, or in it.
fn is_within(fs: &MemFs, directory: Ino, ancestor: Ino) -> bool {
    let mut pending = vec![ancestor];
    while let Some(at) = pending.pop() {
        if at == directory {
            return true;
        }
        let directories = fs.names_in(at).map(|(_, node)| node);
        pending.extend(directories.filter(|node| kind(fs, *node) == Some(FileKind::Directory)));
    }
    false
}

/// The calls on descriptors; none where nothing can be said.
fn on_file(judged: &Judged<'_>, reasons: &mut Reasons, file: OpenFile) -> Option<()> {
    let stat = judged.before.stat(file.node)?;
    if file.flags.contains(OpenFlags::PATH) {
        return None;
    }
    if let Action::List { space, .. } = judged.action {
        reasons.when(Errno::ENOTDIR, stat.kind != FileKind::Directory);
        reasons.when(Errno::ENOENT, stat.nlink == 0);
        let is_small = *space < longest_record(judged.before, file.node);
        reasons.when(Errno::EINVAL, is_small || file.positions.0.is_none_or(is_odd));
        return Some(());
    }
    let is_directory = stat.kind == FileKind::Directory;
    if !is_directory && stat.kind != FileKind::Regular {
        return None;
    }
    let (reads, writes) = (file.flags.wants_read(), file.flags.wants_write());
    match *judged.action {
        Action::Read { size, offset, .. } => {
            reasons.when(Errno::EBADF, !reads);
            reasons.when(Errno::EISDIR, is_directory);
            reasons.when(Errno::EINVAL, leaves_range(file, offset, size));
        }
        Action::Write { size, offset, .. } => {
            let size = u64::from(size);
            reasons.when(Errno::EBADF, !writes);
            reasons.when(Errno::EISDIR, is_directory);
            reasons.when(Errno::EINVAL, leaves_range(file, offset, size));
            reasons.when(Errno::EFBIG, stat.size > FAR as u64 || leaves_range(file, offset, size));
            reasons.when(Errno::ENOSPC, lacks_room(judged, size));
        }
        Action::Append { size, .. } => appending(judged, reasons, (file, &stat), size.into()),
        Action::Ftruncate { size, .. } => {
            reasons.when(Errno::EINVAL, size < 0 || !writes || is_directory);
            reasons.when(Errno::EFBIG, size > FAR);
            reasons.when(Errno::EPERM, takes_privileges(judged, &stat));
        }
        Action::Fallocate { mode, offset, length, .. } if !is_directory => {
            reasons.when(Errno::EBADF, !writes);
            allocation(judged, reasons, (stat.size, mode), (offset, length));
        }
        Action::Fallocate { .. } => return None,
        // Where in a directory one may go is the business of its filesystem.
        Action::Seek { .. } if is_directory => return None,
        Action::Seek { offset, whence, .. } => {
            let whence = Whence::from_raw(whence);
            let searches = matches!(whence, Some(Whence::Data | Whence::Hole));
            // The patches leave an error as the position, and go on from it.
            if !searches && file.positions.0.is_none_or(is_odd) {
                return None;
            }
            reasons.when(Errno::EOVERFLOW, !searches && offset > FAR);
            // Where else a position would be the wrong one is judged in `offsets`.
            reasons.when(Errno::EINVAL, !searches);
            let size = i64::try_from(stat.size).unwrap_or(i64::MAX);
            let is_hole = searches && whence == Some(Whence::Data);
            let inside = (0..size).contains(&offset);
            reasons.when(Errno::ENXIO, searches && (!inside || is_hole));
        }
        Action::Copy { length, from_at, to_at, .. } => {
            let source = judged.source?;
            let (from_at, to_at) = judged.copy_places(from_at, to_at)?;
            copy(judged, reasons, (source, file), length, (from_at, to_at))?;
        }
        _ => return on_others(judged, reasons, (file, &stat)),
    }
    Some(())
}

/// What is sent, locks, and calls on attributes; none where nothing can be said.
fn on_others(
    judged: &Judged<'_>,
    reasons: &mut Reasons,
    (file, stat): (OpenFile, &Stat),
) -> Option<()> {
    match *judged.action {
        Action::Sendfile { length, from_at, .. } => {
            super::sends::refusals(judged, (judged.source?, file), (from_at, length))?
                .into_iter()
                .for_each(|(errno, holds)| reasons.when(errno, holds));
        }
        Action::Flock { .. } | Action::Lock { .. } | Action::GetLock { .. } => {
            locking(judged, reasons, file.flags);
        }
        _ => attributes(judged, reasons, stat),
    }
    Some(())
}

/// man 2 getdents: bytes of the longest record that a listing may have (`struct linux_dirent64`).
fn longest_record(fs: &MemFs, directory: Ino) -> u64 {
    let dots = 2;
    let longest = fs.names_in(directory).map(|(name, _)| name.len()).max().unwrap_or(0).max(dots);
    (19 + longest as u64 + 1).next_multiple_of(8)
}

/// man 2 flock, man 2 fcntl. Who has what is judged in `locks`.
fn locking(judged: &Judged<'_>, reasons: &mut Reasons, flags: OpenFlags) {
    let action = judged.action;
    let asks = matches!(action, Action::GetLock { .. });
    reasons.when(Errno::EAGAIN, !asks && !action.waits());
    reasons.when(Errno::EINTR, judged.interrupted);
    reasons.when(Errno::EDEADLK, action.waits() && matches!(action, Action::Lock { .. }));
    match *action {
        Action::GetLock { kind, start, length, .. } => {
            let is_range = start >= 0 && start.saturating_add(length) >= 0;
            reasons.when(Errno::EINVAL, !is_range || lock_kind(kind) == LockKind::Unlock);
            reasons.when(Errno::EOVERFLOW, start.checked_add(length).is_none());
        }
        Action::Lock { kind, start, length, .. } => {
            let usable = match lock_kind(kind) {
                LockKind::Read => flags.wants_read(),
                LockKind::Write => flags.wants_write(),
                LockKind::Unlock => true,
            };
            reasons.when(Errno::EBADF, !usable);
            reasons.when(Errno::EINVAL, start < 0 || start.saturating_add(length) < 0);
            reasons.when(Errno::EOVERFLOW, start.checked_add(length).is_none());
        }
        _ => reasons.when(Errno::EBADF, flags.access_mode() == 3),
    }
}

/// Whether a directory has been put where no listing goes on.
fn is_odd(position: i64) -> bool {
    !(0..FAR).contains(&position)
}

/// Whether a read or a write begins before the file or ends beyond the range of offsets.
fn leaves_range(file: OpenFile, offset: Option<i64>, size: u64) -> bool {
    let Some(at) = offset.or(file.positions.0) else { return true };
    at < 0 || at.checked_add_unsigned(size).is_none()
}

/// Whether a user shortens or lengthens what has a setuid or a setgid bit and is somebody else's.
/// FUSE takes the bit away by a chmod of that user, which is for the owner alone.
fn takes_privileges(judged: &Judged<'_>, stat: &Stat) -> bool {
    let uid = judged.credentials.uid;
    uid != Uid::ROOT && uid != stat.uid && stat.permissions & (S_ISUID | S_ISGID) != 0
}

/// man 2 fallocate.
fn allocation(
    judged: &Judged<'_>,
    reasons: &mut Reasons,
    (size, mode): (u64, u32),
    (offset, length): (i64, i64),
) {
    let limited = judged.before.options().fallocate == FallocateProfile::Tmpfs;
    let known = match mode {
        0 | 1 | 3 => true,
        0x10 | 0x11 | 8 | 0x20 => !limited,
        _ => false,
    };
    reasons.when(Errno::EOPNOTSUPP, !known);
    let (Ok(from), Ok(length @ 1..)) = (u64::try_from(offset), u64::try_from(length)) else {
        reasons.when(Errno::EINVAL, true);
        return;
    };
    let end = from.saturating_add(length);
    reasons.when(Errno::EINVAL, moves_wrongly(mode, size, (from, length)));
    let longest = end.max(size.saturating_add(length));
    reasons.when(Errno::EFBIG, longest > FAR as u64);
    reasons.when(Errno::ENOSPC, lacks_room(judged, length));
}

/// man 2 `copy_file_range`: ranges of one file overlap where both have a byte, and a copy ends
/// where the source does.
fn copy(
    judged: &Judged<'_>,
    reasons: &mut Reasons,
    (source, target): (OpenFile, OpenFile),
    length: u64,
    (from_at, to_at): (i64, i64),
) -> Option<()> {
    let (from, to) = (judged.before.stat(source.node)?, judged.before.stat(target.node)?);
    if source.flags.contains(OpenFlags::PATH) {
        return None;
    }
    let kinds = [from.kind, to.kind];
    reasons.when(Errno::EISDIR, kinds.contains(&FileKind::Directory));
    let appends = target.flags.contains(OpenFlags::APPEND);
    let usable = source.flags.wants_read() && target.flags.wants_write() && !appends;
    reasons.when(Errno::EBADF, !usable);
    let left = i64::try_from(from.size).unwrap_or(i64::MAX).saturating_sub(from_at).max(0);
    let moved = i64::try_from(length).unwrap_or(i64::MAX).min(left);
    let overlap = source.node == target.node
        && from_at < to_at.saturating_add(moved)
        && to_at < from_at.saturating_add(moved);
    let negative = from_at < 0 || to_at < 0;
    let special = kinds.iter().any(|kind| *kind != FileKind::Regular);
    reasons.when(Errno::EINVAL, overlap || negative || special);
    let far = length > FAR as u64 || from_at > FAR || to_at > FAR;
    reasons.when(Errno::EOVERFLOW, far || negative);
    reasons.when(Errno::EFBIG, far);
    reasons.when(Errno::ENOSPC, lacks_room(judged, moved.unsigned_abs()));
    Some(())
}

/// The calls on paths; none where nothing can be said.
fn on_paths(judged: &Judged<'_>, reasons: &mut Reasons) -> Option<()> {
    let place = judged.paths[0].as_ref()?;
    reasons.when(Errno::EACCES, may_lack_rights(judged, place));
    reasons.when(Errno::ENOTDIR, place.is_no_directory);
    of_arguments(judged.action, reasons);
    match judged.action {
        Action::Open { flags, .. } => {
            opening(judged, reasons, place, OpenFlags::from_bits_retain(*flags))
        }
        Action::Mkdir { .. } | Action::Mknod { .. } | Action::Symlink { .. } => {
            making(judged, reasons, place)
        }
        Action::Link { .. } => linking(judged, reasons),
        Action::Unlink { .. } => removing(judged, reasons, place, FileKind::Regular),
        Action::Rmdir { .. } => removing(judged, reasons, place, FileKind::Directory),
        Action::Rename { flags, .. } => renaming(judged, reasons, *flags),
        _ => on_node(judged, reasons, place),
    }
}

/// What is refused for an argument before the path is looked at, wherever that leads.
fn of_arguments(action: &Action, reasons: &mut Reasons) {
    let is_long = |name: &Text| name.0.len() > XATTR_NAME_MAX;
    match action {
        Action::Truncate { size, .. } => reasons.when(Errno::EINVAL, *size < 0),
        Action::Readlink { space, .. } => reasons.when(Errno::EINVAL, *space == 0),
        Action::Setxattr { name, value, flags, .. } => {
            reasons.when(Errno::ERANGE, is_long(name));
            reasons.when(Errno::E2BIG, value.0.len() > XATTR_SIZE_MAX);
            reasons.when(Errno::EINVAL, flags & !3 != 0);
        }
        Action::Getxattr { name, .. } | Action::Removexattr { name, .. } => {
            reasons.when(Errno::ERANGE, is_long(name));
        }
        _ => {}
    }
}

/// Whether the caller may have no right to something that the call needs, where that is not judged
/// in `rights`. The super-user lacks none but to execute what nobody may, and to open what is
/// somebody else's in a sticky directory (`fs.protected_regular`).
fn may_lack_rights(judged: &Judged<'_>, place: &Walked) -> bool {
    let creates = |flags: u32| flags & OpenFlags::CREAT.bits() != 0;
    if judged.credentials.uid == Uid::ROOT {
        return match judged.action {
            Action::Access { mode, .. } => mode & EXEC != 0,
            Action::Open { flags, .. } => creates(*flags),
            _ => false,
        };
    }
    if !is_reachable(judged, place) {
        return true;
    }
    let lacks = |node: Option<Ino>, bits: u32| match node {
        Some(node) => may(judged, node, bits) != Some(true),
        None => false,
    };
    match judged.action {
        Action::Stat { .. }
        | Action::Statfs { .. }
        | Action::Readlink { .. }
        | Action::Listxattr { .. }
        | Action::Chmod { .. }
        | Action::Chown { .. } => false,
        Action::Chdir { .. } => lacks(place.node, EXEC),
        Action::Getxattr { .. } => lacks(place.node, READ),
        Action::Setxattr { .. } | Action::Removexattr { .. } => lacks(place.node, WRITE),
        Action::Link { .. } => judged.paths[1].as_ref().is_none_or(|new| {
            !is_reachable(judged, new) || lacks(Some(new.directory), WRITE | EXEC)
        }),
        _ => true,
    }
}

/// The calls on what a path leads to.
fn on_node(judged: &Judged<'_>, reasons: &mut Reasons, place: &Walked) -> Option<()> {
    let Some(node) = place.node else {
        reasons.when(Errno::ENOENT, true);
        return Some(());
    };
    let kind = kind(judged.before, node)?;
    match judged.action {
        Action::Truncate { size, .. } => {
            let special = !matches!(kind, FileKind::Regular | FileKind::Directory);
            reasons.when(Errno::EISDIR, kind == FileKind::Directory);
            reasons.when(Errno::EINVAL, special);
            reasons.when(Errno::EFBIG, *size > FAR);
            reasons.when(Errno::EPERM, takes_privileges(judged, &judged.before.stat(node)?));
        }
        Action::Chmod { .. }
        | Action::Touch { .. }
        | Action::Times { .. }
        | Action::Chown { .. } => attributes(judged, reasons, &judged.before.stat(node)?),
        Action::Readlink { .. } => reasons.when(Errno::EINVAL, kind != FileKind::Symlink),
        Action::Chdir { .. } => reasons.when(Errno::ENOTDIR, kind != FileKind::Directory),
        Action::Getxattr { .. }
        | Action::Listxattr { .. }
        | Action::Setxattr { .. }
        | Action::Removexattr { .. } => return on_attribute(judged, reasons, node, kind),
        // Stat, statfs and access have no reason of their own.
        _ => {}
    }
    Some(())
}

/// man 2 write, of what goes to the end.
fn appending(
    judged: &Judged<'_>,
    reasons: &mut Reasons,
    (file, stat): (OpenFile, &Stat),
    size: u64,
) {
    // Where the file stands is looked at first, although nothing is written there.
    let is_far = stat.size.saturating_add(size) > FAR as u64;
    let beyond = is_far || leaves_range(file, None, size);
    reasons.when(Errno::EBADF, !file.flags.wants_write());
    reasons.when(Errno::EISDIR, stat.kind == FileKind::Directory);
    reasons.when(Errno::EINVAL, beyond);
    reasons.when(Errno::EFBIG, beyond);
    reasons.when(Errno::ENOSPC, lacks_room(judged, size));
}

/// man 2 chmod, chown, utimensat. Who may is judged in `rights`.
fn attributes(judged: &Judged<'_>, reasons: &mut Reasons, stat: &Stat) {
    match judged.action {
        Action::Times { atime, mtime, .. } | Action::Futimens { atime, mtime, .. } => {
            let is_wild = |stamp: &Stamp| matches!(stamp, Stamp::At { nsec: 1_000_000_000.., .. });
            reasons.when(Errno::EPERM, true);
            reasons.when(Errno::EINVAL, is_wild(atime) || is_wild(mtime));
            reasons.when(Errno::EACCES, matches!(judged.action, Action::Futimens { .. }));
        }
        Action::Chown { uid, gid, .. } | Action::Fchown { uid, gid, .. } => {
            let is_root = judged.credentials.uid == Uid::ROOT;
            let keeps =
                [u32::MAX, stat.uid.0].contains(uid) && [u32::MAX, stat.gid.0].contains(gid);
            let owns = stat.uid == judged.credentials.uid;
            reasons.when(Errno::EPERM, !(is_root || keeps && owns));
        }
        Action::Chmod { .. } | Action::Touch { .. } | Action::Fchmod { .. } => {
            reasons.when(Errno::EPERM, true);
        }
        // There is nothing that others could be refused for.
        _ => {}
    }
}

/// man 7 xattr: attributes of users are for files and directories, trusted ones for the super-user.
fn on_attribute(
    judged: &Judged<'_>,
    reasons: &mut Reasons,
    node: Ino,
    kind: FileKind,
) -> Option<()> {
    let (name, flags, value) = match judged.action {
        Action::Getxattr { name, .. } | Action::Removexattr { name, .. } => (name, 0, None),
        Action::Setxattr { name, value, flags, .. } => (name, *flags, Some(value)),
        _ => {
            // What the names need is judged in `xattrs`.
            reasons.when(Errno::ERANGE, true);
            return Some(());
        }
    };
    let long = name.0.len() > XATTR_NAME_MAX;
    if is_list(&name.0) {
        return on_list(judged, reasons, (node, kind));
    }
    if !is_plain(&name.0) && !long {
        return None;
    }
    let is_there = judged.before.xattrs_of(node).contains_key(&name.0);
    let is_root = judged.credentials.uid == Uid::ROOT;
    let has_users = matches!(kind, FileKind::Regular | FileKind::Directory);
    let is_user = name.0.starts_with(b"user.");
    let refused = if is_user { !has_users } else { !is_root };
    // In a sticky directory only the owner sets attributes.
    let may_be_sticky = is_user && kind == FileKind::Directory && !is_root;
    let Some(value) = value else {
        reasons.when(Errno::ENODATA, !is_there || refused);
        match judged.action {
            Action::Removexattr { .. } => reasons.when(Errno::EPERM, refused || may_be_sticky),
            _ => reasons.when(Errno::ERANGE, is_there),
        }
        return Some(());
    };
    reasons.when(Errno::EPERM, refused || may_be_sticky);
    reasons.when(Errno::EEXIST, flags & 1 != 0 && is_there);
    reasons.when(Errno::ENODATA, flags & 2 != 0 && !is_there);
    reasons.when(Errno::ENOSPC, value.0.len() as u64 > PAGE || lacks_room(judged, 2 * PAGE));
    Some(())
}

/// man 5 acl: lists are for the owner to change, symlinks have none, and only directories have one
/// for what is made in them.
fn on_list(
    judged: &Judged<'_>,
    reasons: &mut Reasons,
    (node, kind): (Ino, FileKind),
) -> Option<()> {
    let stat = judged.before.stat(node)?;
    let owns = [Uid::ROOT, stat.uid].contains(&judged.credentials.uid);
    reasons.when(Errno::EOPNOTSUPP, kind == FileKind::Symlink);
    match judged.action {
        Action::Getxattr { name, .. } => {
            let is_there = acl::list_of(judged.before, node, &name.0).is_some();
            reasons.when(Errno::ENODATA, !is_there);
            reasons.when(Errno::ERANGE, is_there);
        }
        Action::Setxattr { name, value, .. } => {
            let given = acl::read(&value.0);
            let is_default = name.0 == acl::DEFAULT;
            if let Given::Wrong(errno) = given {
                reasons.when(errno, true);
            }
            reasons.when(Errno::EPERM, !owns || judged.mistaken.contains(&node));
            reasons.when(Errno::EACCES, is_default && kind != FileKind::Directory);
            reasons.when(Errno::ENOSPC, lacks_room(judged, 2 * PAGE));
        }
        _ => {
            reasons.when(Errno::EPERM, !owns || judged.mistaken.contains(&node));
            reasons.when(Errno::ENODATA, true);
        }
    }
    Some(())
}

/// man 2 open.
fn opening(
    judged: &Judged<'_>,
    reasons: &mut Reasons,
    place: &Walked,
    flags: OpenFlags,
) -> Option<()> {
    const UNUSUAL: OpenFlags = OpenFlags::PATH.union(OpenFlags::TMPFILE_ONLY);
    if flags.intersects(UNUSUAL) || flags.access_mode() == 3 {
        return None;
    }
    let creates = flags.contains(OpenFlags::CREAT);
    let both = creates && flags.contains(OpenFlags::DIRECTORY);
    let odd = flags.bits() & !KNOWN != 0 || flags.contains(OpenFlags::DIRECT);
    reasons.when(Errno::EINVAL, both || odd);
    let Some(node) = place.node else {
        reasons.when(Errno::ENOENT, !creates);
        reasons.when(Errno::ENOSPC, creates && lacks_room(judged, PAGE));
        return Some(());
    };
    let kind = kind(judged.before, node)?;
    if !matches!(kind, FileKind::Regular | FileKind::Directory | FileKind::Symlink) {
        return None;
    }
    let is_directory = kind == FileKind::Directory;
    let writes = flags.wants_write() || flags.contains(OpenFlags::TRUNC);
    reasons.when(Errno::EEXIST, flags.contains(OpenFlags::CREAT | OpenFlags::EXCL));
    reasons.when(Errno::EISDIR, is_directory && (writes || creates));
    reasons.when(Errno::ENOTDIR, flags.contains(OpenFlags::DIRECTORY) && !is_directory);
    reasons.when(Errno::ELOOP, kind == FileKind::Symlink);
    let noatime = flags.contains(OpenFlags::NOATIME) && judged.credentials.uid != Uid::ROOT;
    let takes =
        flags.contains(OpenFlags::TRUNC) && takes_privileges(judged, &judged.before.stat(node)?);
    reasons.when(Errno::EPERM, noatime || takes);
    Some(())
}

/// man 2 mkdir, mknod, symlink.
fn making(judged: &Judged<'_>, reasons: &mut Reasons, place: &Walked) -> Option<()> {
    reasons.when(Errno::EEXIST, place.node.is_some());
    reasons.when(Errno::ENOSPC, lacks_room(judged, 2 * PAGE));
    match judged.action {
        Action::Mkdir { .. } => {
            let links = judged.before.stat(place.directory)?.nlink;
            reasons.when(Errno::EMLINK, links >= LINKS_FEW);
        }
        Action::Symlink { target, .. } => {
            reasons.when(Errno::ENOENT, target.0.is_empty());
            reasons.when(Errno::ENAMETOOLONG, target.0.len() > PATH_MAX);
        }
        Action::Mknod { mode, device, .. } => {
            let given = mode & 0o170_000;
            let is_root = judged.credentials.uid == Uid::ROOT;
            let is_device = matches!(given, 0o060_000 | 0o020_000);
            let is_kind = matches!(given, 0 | 0o010_000 | 0o100_000 | 0o140_000) || is_device;
            // man 2 mknod: everybody may make a whiteout.
            let is_whiteout = given == 0o020_000 && *device == 0;
            let is_reserved = is_device && !is_whiteout && !is_root;
            reasons.when(Errno::EPERM, given == 0o040_000 || is_reserved);
            reasons.when(Errno::EINVAL, !is_kind);
        }
        _ => {}
    }
    Some(())
}

/// man 2 link. That a user may not link what is not theirs is Linux's own hardening.
fn linking(judged: &Judged<'_>, reasons: &mut Reasons) -> Option<()> {
    let [Some(source), Some(place)] = &judged.paths else { return None };
    reasons.when(Errno::EEXIST, place.node.is_some());
    reasons.when(Errno::ENOSPC, lacks_room(judged, PAGE));
    let Some(node) = source.node else {
        reasons.when(Errno::ENOENT, true);
        return Some(());
    };
    let stat = judged.before.stat(node)?;
    let uid = judged.credentials.uid;
    let owns = (uid == Uid::ROOT || uid == stat.uid) && !judged.mistaken.contains(&node);
    reasons.when(Errno::EPERM, stat.kind == FileKind::Directory || !owns);
    reasons.when(Errno::EMLINK, stat.nlink >= LINKS_FEW);
    Some(())
}

/// man 2 unlink, rmdir.
fn removing(
    judged: &Judged<'_>,
    reasons: &mut Reasons,
    place: &Walked,
    wanted: FileKind,
) -> Option<()> {
    let Some(node) = place.node else {
        reasons.when(Errno::ENOENT, true);
        return Some(());
    };
    let is_directory = kind(judged.before, node)? == FileKind::Directory;
    reasons.when(Errno::EPERM, judged.credentials.uid != Uid::ROOT);
    match wanted {
        FileKind::Directory => {
            reasons.when(Errno::ENOTDIR, !is_directory);
            reasons.when(Errno::ENOTEMPTY, !is_empty(judged.before, node));
        }
        _ => reasons.when(Errno::EISDIR, is_directory),
    }
    Some(())
}

/// man 2 rename.
fn renaming(judged: &Judged<'_>, reasons: &mut Reasons, flags: u32) -> Option<()> {
    let [Some(old), Some(new)] = &judged.paths else { return None };
    let (noreplace, exchange) = (flags & 1 != 0, flags & 2 != 0);
    reasons.when(Errno::EINVAL, flags & !7 != 0 || exchange && flags & 5 != 0);
    reasons.when(Errno::EEXIST, noreplace && new.node.is_some());
    reasons.when(Errno::ENOENT, old.node.is_none() || exchange && new.node.is_none());
    reasons.when(Errno::EPERM, judged.credentials.uid != Uid::ROOT);
    reasons.when(Errno::ENOSPC, lacks_room(judged, 2 * PAGE));
    let Some(moved) = old.node else { return Some(()) };
    let fs = judged.before;
    let is_directory = |node: Ino| kind(fs, node) == Some(FileKind::Directory);
    reasons.when(Errno::EINVAL, is_directory(moved) && is_within(fs, new.directory, moved));
    let links = fs.stat(new.directory)?.nlink.max(fs.stat(old.directory)?.nlink);
    reasons.when(Errno::EMLINK, links >= LINKS_FEW);
    let Some(target) = new.node else { return Some(()) };
    let above = is_directory(target) && is_within(fs, old.directory, target);
    reasons.when(Errno::EINVAL, exchange && above);
    reasons.when(Errno::ENOTEMPTY, !exchange && (above || !is_empty(fs, target)));
    reasons.when(Errno::EISDIR, !exchange && is_directory(target) && !is_directory(moved));
    reasons.when(Errno::ENOTDIR, !exchange && is_directory(moved) && !is_directory(target));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Check, right, wrong};
    use super::*;

    #[test]
    fn everybody_makes_whiteouts_and_nobody_else_devices() {
        let check = |mode, device| {
            let action = Action::Mknod { path: "t/n".into(), mode, device };
            Check { user: 1000, ..Check::default() }.judge(action, Err(Errno::EPERM), |_| {})
        };
        right(check(0o020_644, 0x103));
        right(check(0o060_644, 0));
        wrong(check(0o020_644, 0), "there is no reason for it");
    }
}
