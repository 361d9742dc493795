//! Changing attributes as `notify_change` does.
//!
//! The kernel checks the whole change before it makes any of it. System calls change one thing
//! each, so a change of several is made in an order in which the refusals come early, and undone
//! when one comes late. What `notify_change` does not ask permission for (opening for a change of
//! length, a time that comes along with it, clearing setuid) is done as this process.

use fuserig_abi::{
    Caller, Capabilities, Errno, FileKind, Gid, Ino, S_IALLUGO, S_ISGID, S_ISUID, Stat, Timespec,
    Uid,
};
use rustix::fs::{AtFlags, Mode, OFlags, Timestamps, UTIME_NOW, UTIME_OMIT};

use super::HostFs;
use super::handle::{checked_offset, errno, mode_bits};
use super::identity::{As, host_gid, host_uid};
use crate::{AttrChanges, SetTime};

/// `S_IXGRP`: without it setgid has no meaning for execution, and survives a write.
const GROUP_EXECUTE: u32 = 0o010;

impl HostFs {
    pub(super) fn change(
        &mut self,
        caller: &Caller,
        node: Ino,
        changes: &AttrChanges,
    ) -> Result<Stat, Errno> {
        let before = self.nodes.stat(node)?;
        host_time(changes.atime)?;
        host_time(changes.mtime)?;
        match (changes.size, before.kind) {
            (None, _) | (Some(_), FileKind::Regular) => {}
            (Some(_), FileKind::Directory) => return Err(Errno::EISDIR),
            (Some(_), _) => return Err(Errno::EINVAL),
        }
        if let Err(error) = self.change_in_order(caller, &before, changes) {
            self.undo(&before, changes);
            return Err(error);
        }
        self.nodes.stat(node)
    }

    fn change_in_order(
        &self,
        caller: &Caller,
        before: &Stat,
        changes: &AttrChanges,
    ) -> Result<(), Errno> {
        let node = before.ino;
        // Everything is checked against the owner before the change, so the owner changes last of
        // what is checked. Touching comes first, because it alone is refused with EACCES.
        let touch = (changes.atime, changes.mtime) == (Some(SetTime::Now), Some(SetTime::Now));
        if touch {
            let who = if changes.size.is_some() { As::Ourselves } else { As::Caller(caller) };
            self.change_times(who, node, changes.atime, changes.mtime)?;
        }
        check_values(before, changes)?;
        if let Some(permissions) = changes.permissions {
            self.change_mode(As::Caller(caller), node, permissions)?;
        }
        if !touch && (changes.atime.is_some() || changes.mtime.is_some()) {
            // Times that come along with a length were let through with it, unless chosen.
            let chosen = |time| matches!(time, Some(SetTime::At(_)));
            let along = changes.size.is_some() && !chosen(changes.atime) && !chosen(changes.mtime);
            let who = if along { As::Ourselves } else { As::Caller(caller) };
            self.change_times(who, node, changes.atime, changes.mtime)?;
        }
        if changes.uid.is_some() || changes.gid.is_some() {
            self.change_owner(As::Caller(caller), node, changes)?;
        }
        if let Some(size) = changes.size {
            // A change of owner has cleared what a change of length would, and judged by the group
            // before the change.
            let owned = changes.uid.is_some() || changes.gid.is_some();
            let who = if owned { As::Ourselves } else { As::Caller(caller) };
            self.change_size(who, node, size)?;
            // That moved the modification time, which a length that stays must not, and what was
            // asked for has the last word.
            let unmoved = (size == before.size).then_some(SetTime::At(before.mtime));
            let mtime = changes.mtime.or(unmoved);
            self.change_times(As::Ourselves, node, changes.atime, mtime)?;
        }
        let now = self.nodes.stat(node)?;
        let wanted = wanted_permissions(before, &now, caller, changes);
        if wanted != now.permissions {
            self.change_mode(As::Ourselves, node, wanted)?;
        }
        Ok(())
    }

    fn change_owner(&self, who: As<'_>, node: Ino, changes: &AttrChanges) -> Result<(), Errno> {
        let uid = changes.uid.map(host_uid).transpose()?;
        let gid = changes.gid.map(host_gid).transpose()?;
        let fd = self.nodes.fd(node)?;
        self.identity
            .run(who, || rustix::fs::chownat(fd, "", uid, gid, AtFlags::EMPTY_PATH).map_err(errno))
    }

    fn change_mode(&self, who: As<'_>, node: Ino, permissions: u32) -> Result<(), Errno> {
        let name = self.proc_name(node)?;
        self.identity.run(who, || {
            let mode = mode_bits(permissions);
            rustix::fs::chmodat(&self.proc, name, mode, AtFlags::empty()).map_err(errno)
        })
    }

    fn change_times(
        &self,
        who: As<'_>,
        node: Ino,
        atime: Option<SetTime>,
        mtime: Option<SetTime>,
    ) -> Result<(), Errno> {
        let times =
            Timestamps { last_access: host_time(atime)?, last_modification: host_time(mtime)? };
        let fd = self.nodes.fd(node)?;
        self.identity
            .run(who, || rustix::fs::utimensat(fd, "", &times, AtFlags::EMPTY_PATH).map_err(errno))
    }

    /// Without `CAP_FSETID`, `who` clears setuid and setgid by this, as by a write.
    pub(super) fn change_size(&self, who: As<'_>, node: Ino, size: u64) -> Result<(), Errno> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let name = self.proc_name(node)?;
        let file = rustix::fs::openat(&self.proc, name, flags, Mode::empty()).map_err(errno)?;
        self.identity.run(who, || rustix::fs::ftruncate(file, size).map_err(errno))
    }

    /// Puts back what a refused change may have changed. A failure here cannot be reported beside
    /// the refusal, and only means that somebody else changed the file meanwhile.
    fn undo(&self, before: &Stat, changes: &AttrChanges) {
        let owner =
            AttrChanges { uid: Some(before.uid), gid: Some(before.gid), ..AttrChanges::default() };
        let Ok(now) = self.nodes.stat(before.ino) else { return };
        if (now.uid, now.gid) != (before.uid, before.gid) {
            let _gone = self.change_owner(As::Ourselves, before.ino, &owner);
        }
        if now.permissions != before.permissions {
            let _gone = self.change_mode(As::Ourselves, before.ino, before.permissions);
        }
        if changes.atime.is_some() || changes.mtime.is_some() {
            let (atime, mtime) = (SetTime::At(before.atime), SetTime::At(before.mtime));
            let _gone = self.change_times(As::Ourselves, before.ino, Some(atime), Some(mtime));
        }
    }
}

/// What `notify_change` says of values that no system call would pass on.
fn check_values(before: &Stat, changes: &AttrChanges) -> Result<(), Errno> {
    if changes.permissions.is_some() && before.kind == FileKind::Symlink {
        return Err(Errno::EOPNOTSUPP);
    }
    if changes.uid == Some(Uid(u32::MAX)) || changes.gid == Some(Gid(u32::MAX)) {
        return Err(Errno::EOVERFLOW);
    }
    changes.size.map_or(Ok(0), checked_offset).map(drop)
}

/// The permission bits that must result: a mode that was asked for wins over what a change of
/// owner or length has cleared meanwhile.
fn wanted_permissions(before: &Stat, now: &Stat, caller: &Caller, changes: &AttrChanges) -> u32 {
    let may_keep_setgid = |gid: Gid| {
        caller.credentials.in_group(gid) || caller.credentials.capable(Capabilities::FSETID)
    };
    if let Some(permissions) = changes.permissions {
        let lost = if may_keep_setgid(now.gid) { 0 } else { S_ISGID };
        return permissions & S_IALLUGO & !lost;
    }
    if !changes.kill_suid_sgid || now.kind == FileKind::Directory {
        return now.permissions;
    }
    let spares_setgid = may_keep_setgid(before.gid) && now.permissions & GROUP_EXECUTE == 0;
    now.permissions & !S_ISUID & if spares_setgid { !0 } else { !S_ISGID }
}

fn host_time(time: Option<SetTime>) -> Result<rustix::fs::Timespec, Errno> {
    let (tv_sec, tv_nsec) = match time {
        None => (0, UTIME_OMIT),
        Some(SetTime::Now) => (0, UTIME_NOW),
        // The special values above are not below a billion, so none can be smuggled in.
        Some(SetTime::At(Timespec { sec, nsec })) if nsec < 1_000_000_000 => (sec, nsec.into()),
        Some(SetTime::At(_)) => return Err(Errno::EINVAL),
    };
    Ok(rustix::fs::Timespec { tv_sec, tv_nsec })
}
