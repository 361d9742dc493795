//! What an ordinary mount does otherwise than its manual pages say, because the protocol carries no
//! more or the kernel in front asks for no more.
//!
//! Each row is one such thing, as narrow as it can be told, with its reason. What a reader would
//! get wrong: a row excuses a call that was found wrong; it does not say that the call is right.

use fuserig_abi::{Errno, Fidelity, FileKind, S_ISGID, S_ISUID, Stat, Uid};

use super::judged::Judged;
use super::path::Blocked;
use crate::sim::Action;
use crate::vfs::Output;

/// `FALLOC_FL_KEEP_SIZE`, `FALLOC_FL_PUNCH_HOLE` and `FALLOC_FL_ZERO_RANGE`.
const CARRIED: u32 = 0x13;

/// Whether it is one of those things.
type Row = fn(&Judged<'_>) -> bool;

const ROWS: [Row; 6] = [
    // fs/fuse/file.c, fuse_file_fallocate: what moves the bytes behind the range is refused.
    |judged| match judged.action {
        Action::Fallocate { mode, .. } => {
            mode & !CARRIED != 0 && judged.errno() == Some(Errno::EOPNOTSUPP)
        }
        _ => false,
    },
    // A request has no capabilities, so that the server lists `trusted.` names for everybody;
    // their values the kernel refuses (man 7 xattr).
    |judged| {
        matches!(judged.action, Action::Listxattr { .. })
            && judged.credentials.uid != Uid::ROOT
            && judged.node().is_some_and(|node| {
                judged.before.xattrs_of(node).keys().any(|name| name.starts_with(b"trusted."))
            })
    },
    // A request has one group of its caller's: who is of a file's group by another one is a
    // stranger to the server, whose changes take setgid away from it.
    |judged| {
        let Some((was, is)) = judged.target().and_then(|node| judged.stats(node)) else {
            return false;
        };
        let who = &judged.credentials;
        // A list has a mode of its own.
        let lists = matches!(judged.action, Action::Setxattr { .. });
        let others = |stat: Stat| stat.permissions & !(S_ISUID | S_ISGID);
        was.permissions & S_ISGID != 0
            && is.permissions & S_ISGID == 0
            && (lists || others(was) == others(is))
            && who.uid != Uid::ROOT
            && who.gid != was.gid
            && who.in_group(was.gid)
    },
    // The kernel of the patches tells of a name that is too long that it is not there (LOOK-2), and
    // the one in front goes by that: it asks first who may make one.
    |judged| {
        let too_long = |blocked: &Blocked| blocked.errno == Errno::ENAMETOOLONG;
        judged.fidelity == Fidelity::Faithful
            && judged.errno() == Some(Errno::EACCES)
            && judged.blocked.iter().flatten().any(too_long)
    },
    // fuser and fusermount3 mount with `nodev` (man 8 mount), which a whiteout meets as well.
    |judged| {
        let is_device =
            |stat: Stat| matches!(stat.kind, FileKind::CharDevice | FileKind::BlockDevice);
        matches!(judged.action, Action::Open { .. })
            && judged.errno() == Some(Errno::EACCES)
            && judged.node().and_then(|node| judged.before.stat(node)).is_some_and(is_device)
    },
    // fs/fuse/dir.c, fuse_dir_changed and fuse_update_ctime: a change inside a directory and one of
    // a name or an attribute say that what was told is old, and not that replies under way are. So
    // one that is older than the change is believed for as long as it was said to hold. A list of
    // rights is such an attribute, and changes the mode. Time stands still where every order is
    // tried.
    |judged| {
        let Output::Stat(shown) = &judged.result.output else { return false };
        let Some(is) = judged.target().and_then(|node| judged.after.stat(node)) else {
            return false;
        };
        let mode = |stat: &Stat| (!judged.rights_were_set).then_some(stat.permissions);
        let named = |stat: &Stat| (stat.kind, stat.rdev, mode(stat), stat.uid, stat.gid);
        let held = |stat: &Stat| (stat.nlink, stat.size, stat.mtime);
        judged.overlapped
            && shown.ctime <= is.ctime
            && named(shown) == named(&is)
            && (is.kind == FileKind::Directory || held(shown) == held(&is))
    },
];

/// Whether a call that was found wrong is excused. Where something was made to fail, the kernel in
/// front keeps what it was told before, or what a short reply made it believe.
pub(super) fn excuses(judged: &Judged<'_>) -> bool {
    judged.mounted && (judged.was_broken || ROWS.iter().any(|row| row(judged)))
}
