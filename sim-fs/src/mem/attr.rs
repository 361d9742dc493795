//! Changing attributes: `notify_change` and its rules.

use fuserig_abi::{
    AccessMask, Caller, Capabilities, Credentials, Errno, FileKind, Gid, Ino, S_IALLUGO, S_ISGID,
    Uid,
};

use super::{
    fs::MemFs,
    inode::Inode,
    permission::{check_access, may_set_setgid, owns, without_privileges},
    xattrs::CAPABILITY,
};
use crate::{AttrChanges, LowerReply, SetTime};

/// The longest file (`MAX_LFS_FILESIZE` of a 64-bit kernel).
pub(super) const SIZE_MAX: u64 = i64::MAX as u64;

impl MemFs {
    pub(super) fn setattr_op(
        &mut self,
        caller: &Caller,
        node: Ino,
        changes: &AttrChanges,
    ) -> Result<LowerReply, Errno> {
        let inode = self.inode(node)?;
        check_changes(inode, &caller.credentials, changes)?;
        let permissions = new_permissions(inode, &caller.credentials, changes);
        // Whoever may not keep setuid does not keep file capabilities either.
        let drops_capability = !inode.is_directory()
            && (changes.uid.is_some() || changes.gid.is_some() || changes.size.is_some());
        let asks_nothing =
            AttrChanges { kill_suid_sgid: false, ..*changes } == AttrChanges::default();
        if asks_nothing && permissions == inode.permissions {
            return Ok(LowerReply::Stat(inode.stat(node)));
        }
        self.update(node, |inode| {
            if let Some(size) = changes.size {
                set_size(inode, size, caller);
            }
            inode.uid = changes.uid.unwrap_or(inode.uid);
            inode.gid = changes.gid.unwrap_or(inode.gid);
            if changes.permissions.is_some() {
                chmod_acl(inode, permissions);
            }
            inode.permissions = permissions;
            let time = |change: SetTime| match change {
                SetTime::Now => caller.now,
                SetTime::At(time) => time,
            };
            inode.atime = changes.atime.map_or(inode.atime, time);
            inode.mtime = changes.mtime.map_or(inode.mtime, time);
            inode.ctime = caller.now;
            if drops_capability {
                drop_capability(inode);
            }
        });
        Ok(LowerReply::Stat(self.inode(node)?.stat(node)))
    }
}

/// What the system calls, `notify_change` and `setattr_prepare` check, in the order in which a
/// call meets them.
fn check_changes(
    inode: &Inode,
    credentials: &Credentials,
    changes: &AttrChanges,
) -> Result<(), Errno> {
    let explicit = |change| match change {
        Some(SetTime::At(time)) => Some(time),
        Some(SetTime::Now) | None => None,
    };
    let times = [explicit(changes.atime), explicit(changes.mtime)];
    if times.into_iter().flatten().any(|time| time.nsec >= 1_000_000_000) {
        return Err(Errno::EINVAL);
    }
    match (changes.size, inode.kind) {
        (None, _) | (Some(_), FileKind::Regular) => {}
        (Some(_), FileKind::Directory) => return Err(Errno::EISDIR),
        (Some(_), _) => return Err(Errno::EINVAL),
    }
    let owner = owns(inode, credentials);
    // Setting both times to now is for whoever may write (man 2 utimensat).
    let touch = (changes.atime, changes.mtime) == (Some(SetTime::Now), Some(SetTime::Now));
    if touch && !owner && changes.size.is_none() {
        check_access(inode, credentials, AccessMask::WRITE)?;
    }
    if changes.permissions.is_some() && inode.kind == FileKind::Symlink {
        return Err(Errno::EOPNOTSUPP);
    }
    if changes.uid == Some(Uid(u32::MAX)) || changes.gid == Some(Gid(u32::MAX)) {
        return Err(Errno::EOVERFLOW);
    }
    if changes.size.is_some_and(|size| size > SIZE_MAX) {
        return Err(Errno::EINVAL);
    }
    // Any other choice of times is for the owner. Times that come along with a length were
    // checked with it, unless they are chosen.
    let chosen = times.into_iter().flatten().next().is_some();
    let timed = changes.atime.is_some() || changes.mtime.is_some();
    let times_are_owners = timed && !touch && changes.size.is_none() || chosen;
    if (changes.permissions.is_some() || times_are_owners) && !owner {
        return Err(Errno::EPERM);
    }
    check_owner(inode, credentials, changes)
}

/// Files are given away by privilege; the owner may choose among its own groups.
fn check_owner(
    inode: &Inode,
    credentials: &Credentials,
    changes: &AttrChanges,
) -> Result<(), Errno> {
    let may_chown = credentials.capable(Capabilities::CHOWN);
    let is_owner = credentials.uid == inode.uid;
    if let Some(uid) = changes.uid
        && !(may_chown || is_owner && uid == inode.uid)
    {
        return Err(Errno::EPERM);
    }
    if let Some(gid) = changes.gid
        && !(may_chown || is_owner && (gid == inode.gid || credentials.in_group(gid)))
    {
        return Err(Errno::EPERM);
    }
    Ok(())
}

/// The permission bits that result. A mode given with them wins over what chown and truncation
/// would clear.
fn new_permissions(inode: &Inode, credentials: &Credentials, changes: &AttrChanges) -> u32 {
    if let Some(permissions) = changes.permissions {
        let permissions = permissions & S_IALLUGO;
        let gid = changes.gid.unwrap_or(inode.gid);
        let keeps_setgid = may_set_setgid(credentials, gid);
        return if keeps_setgid { permissions } else { permissions & !S_ISGID };
    }
    if inode.is_directory() {
        return inode.permissions;
    }
    let chown = changes.uid.is_some() || changes.gid.is_some();
    let truncation = changes.size.is_some() && !credentials.capable(Capabilities::FSETID);
    if chown || truncation || changes.kill_suid_sgid {
        without_privileges(inode, credentials)
    } else {
        inode.permissions
    }
}

fn set_size(inode: &mut Inode, size: u64, caller: &Caller) {
    if size != inode.size {
        inode.mtime = caller.now;
    }
    // Even at the same length, space behind it is given back.
    if size <= inode.size {
        inode.contents_mut().truncate(size);
    }
    inode.size = size;
}

fn chmod_acl(inode: &mut Inode, permissions: u32) {
    let list = inode.xattrs.as_ref().and_then(|xattrs| xattrs.acl_access.as_ref());
    if let Some(list) = list {
        let list = list.with_mode(permissions);
        inode.change_xattrs(|xattrs| xattrs.acl_access = Some(list));
    }
}

/// A write, truncation or chown takes file capabilities away, whoever does it.
pub(super) fn drop_capability(inode: &mut Inode) {
    if inode.xattrs.as_ref().is_some_and(|xattrs| xattrs.values.contains_key(CAPABILITY)) {
        inode.change_xattrs(|xattrs| {
            xattrs.values.remove(CAPABILITY);
        });
    }
}
