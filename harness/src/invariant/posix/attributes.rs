//! Modes and owners: of what is made, and after chmod and chown.

use fuserig_abi::{FileKind, Gid, S_IALLUGO, S_ISGID, S_ISUID, S_ISVTX, Stat, Uid};

use super::acl;
use super::judged::Judged;
use crate::sim::Action;

/// The members of the group may execute it.
const EXEC_GROUP: u32 = 0o010;

pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
    if !judged.succeeded() {
        return Ok(());
    }
    match judged.action {
        Action::Chmod { mode, .. } | Action::Fchmod { mode, .. } => chmod(judged, *mode),
        Action::Chown { uid, gid, .. } | Action::Fchown { uid, gid, .. } => {
            chown(judged, *uid, *gid)
        }
        Action::Open { mode, .. } | Action::Mkdir { mode, .. } | Action::Mknod { mode, .. } => {
            made(judged, *mode)
        }
        Action::Symlink { .. } => made(judged, 0o777),
        action if action.writes() && judged.count() == Some(0) => Ok(()),
        Action::Fallocate { .. } | Action::Truncate { .. } | Action::Ftruncate { .. } => {
            written(judged)
        }
        action if action.writes() => written(judged),
        _ => Ok(()),
    }
}

/// POSIX open, mkdir, mknod: the mode without the umask; the owner is the caller; the group is the
/// caller's, or the directory's when that has the setgid bit (man 7 inode).
fn made(judged: &Judged<'_>, asked: u32) -> Result<(), String> {
    let Some((place, Some(node))) = judged.made() else { return Ok(()) };
    let (Some(directory), Some(stat)) =
        (judged.before.stat(place.directory), judged.after.stat(node))
    else {
        return Ok(());
    };
    let inherits = directory.permissions & S_ISGID != 0;
    let group = if inherits { directory.gid } else { judged.credentials.gid };
    if (stat.uid, stat.gid) != (judged.credentials.uid, group) {
        return Err(format!("makes a file of {}:{}", stat.uid.0, stat.gid.0));
    }
    let asked = match judged.action {
        // man 2 mkdir: Linux honours the sticky bit besides, and hands setgid on.
        Action::Mkdir { .. } => asked & (0o777 | S_ISVTX),
        _ => asked & S_IALLUGO,
    };
    let expected = match judged.action {
        Action::Symlink { .. } => 0o777,
        _ => acl::inherited_mode(judged, place.directory, asked).unwrap_or(asked & !judged.umask),
    };
    acl::inherited(judged, place.directory, (node, &stat), asked)?;
    // man 7 inode: the size of a symbolic link is the length of its target.
    if let Action::Symlink { target, .. } = judged.action
        && stat.size != target.0.len() as u64
    {
        return Err(format!("makes a link of {} bytes to {} of them", stat.size, target.0.len()));
    }
    let directory = matches!(judged.action, Action::Mkdir { .. });
    let setgid = if inherits && directory { S_ISGID } else { 0 };
    // In a setgid directory the bit of a file may be refused to strangers (man 7 inode).
    let free = if inherits && !directory { S_ISGID } else { 0 };
    // Since Linux 6.0 it is, of what their group may execute.
    let who = &judged.credentials;
    let stranger = who.uid != Uid::ROOT && !who.in_group(group);
    let program = S_ISGID | EXEC_GROUP;
    if free != 0 && stranger && asked & program == program && stat.permissions & S_ISGID != 0 {
        return Err(format!("gives a stranger a program of mode {:o}", stat.permissions));
    }
    match (stat.permissions ^ (expected | setgid)) & !free {
        0 => Ok(()),
        _ => {
            let expected = expected | setgid;
            Err(format!("makes a file of mode {:o} instead of {expected:o}", stat.permissions))
        }
    }
}

/// What a change of attributes must leave alone.
fn same_but(was: &Stat, is: &Stat, mode: bool, owner: bool) -> bool {
    (mode || was.permissions == is.permissions)
        && (owner || (was.uid, was.gid) == (is.uid, is.gid))
        && (was.size, was.kind, was.nlink, was.mtime) == (is.size, is.kind, is.nlink, is.mtime)
}

/// POSIX chmod: the mode is the one that was asked for; setgid is for members of the group.
fn chmod(judged: &Judged<'_>, mode: u32) -> Result<(), String> {
    let Some(node) = judged.target() else { return Ok(()) };
    let Some((was, is)) = judged.stats(node) else { return Ok(()) };
    let keeps = judged.credentials.uid == Uid::ROOT || judged.credentials.in_group(was.gid);
    let expected = mode & S_IALLUGO & if keeps { !0 } else { !S_ISGID };
    if is.permissions != expected {
        return Err(format!("leaves the mode {:o} instead of {expected:o}", is.permissions));
    }
    if !same_but(&was, &is, true, false) {
        return Err("changes more than the mode".to_owned());
    }
    acl::changed_mode(judged, node, mode)
}

/// man 7 inode: who changes the bytes of a program, and is not the super-user, takes its setuid
/// bit away, and the setgid bit where the group may execute it or is not one's own (Linux since
/// 6.2); of the mode nothing else goes.
fn written(judged: &Judged<'_>) -> Result<(), String> {
    let Some((was, is)) = judged.regular().and_then(|node| judged.stats(node)) else {
        return Ok(());
    };
    let is_root = judged.credentials.uid == Uid::ROOT;
    let is_program = was.permissions & EXEC_GROUP != 0;
    let keeps = !is_program && judged.credentials.in_group(was.gid);
    let setgid = if keeps { 0 } else { S_ISGID };
    let must_go = if is_root { 0 } else { was.permissions & (S_ISUID | setgid) };
    let may_go = if is_root { 0 } else { S_ISUID | setgid };
    let gone = was.permissions ^ is.permissions;
    let kept = is.permissions & must_go;
    match (kept, gone & !may_go == 0 && is.permissions & gone == 0) {
        (0, true) => Ok(()),
        (0, false) => Err(format!("changes the mode to {:o}", is.permissions)),
        _ => Err(format!("leaves the mode {:o} to what was changed", is.permissions)),
    }
}

/// POSIX chown: the owner and the group are the ones asked for, and -1 leaves them. Of the mode no
/// more than setuid and setgid may go.
fn chown(judged: &Judged<'_>, uid: u32, gid: u32) -> Result<(), String> {
    let Some(node) = judged.target() else { return Ok(()) };
    let Some((was, is)) = judged.stats(node) else { return Ok(()) };
    let owner = if uid == u32::MAX { was.uid } else { Uid(uid) };
    let group = if gid == u32::MAX { was.gid } else { Gid(gid) };
    if (is.uid, is.gid) != (owner, group) {
        let (uid, gid) = (owner.0, group.0);
        return Err(format!("leaves {}:{} instead of {uid}:{gid}", is.uid.0, is.gid.0));
    }
    let gone = was.permissions ^ is.permissions;
    let may_go = match was.kind {
        FileKind::Directory => 0,
        _ => S_ISUID | S_ISGID,
    };
    let only_gone = gone & !may_go == 0 && is.permissions & gone == 0;
    // man 2 chown: whoever gives a program away, its setuid bit goes.
    let asks = (uid, gid) != (u32::MAX, u32::MAX);
    // What the group may not execute keeps a setgid bit, which is no danger; since Linux 6.2 where
    // the caller is of the group, or the super-user.
    let who = &judged.credentials;
    let no_program = was.kind == FileKind::Regular && was.permissions & EXEC_GROUP == 0;
    if gone & S_ISGID != 0 && no_program && (who.uid == Uid::ROOT || who.in_group(was.gid)) {
        return Err(format!("takes setgid from the mode {:o}", was.permissions));
    }
    if asks && is.kind == FileKind::Regular && is.permissions & S_ISUID != 0 {
        return Err(format!("leaves the mode {:o} to a new owner", is.permissions));
    }
    match only_gone && same_but(&was, &is, true, true) {
        true => Ok(()),
        false => Err("changes more than the owner".to_owned()),
    }
}
