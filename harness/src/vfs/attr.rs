//! Calls on attributes: stat, chmod, chown, truncate, times, access, extended attributes.

use fuserig_abi::{
    AccessMask, Capabilities, Errno, FileKind, Pid, S_IALLUGO, S_ISGID, S_ISUID, S_ISVTX, Timespec,
};

use super::call::{CallResult, NewTime, Output, Target};
use super::fail::Fail;
use super::state::FileKindOpen;
use super::system::Vfs;
use crate::kernel::{DentryId, HandleId, InodeId};
use crate::pipeline::{AttrValid, Iattr, Operation, Ordinary, Outcome, Value};

/// `AT_GETATTR_NOSEC`, which the kernel's own stat sets (observations README).
const GETATTR_NOSEC: u32 = 0x8000_0000;
const CAPABILITY: &[u8] = b"security.capability";
const XATTR_NAME_MAX: usize = 255;
const XATTR_SIZE_MAX: u64 = 65536;

impl Vfs {
    pub(super) async fn stat(
        &self,
        pid: Pid,
        target: &Target,
        flags: u32,
    ) -> Result<CallResult, Fail> {
        let dentry = self.resolve(pid, target).await?;
        let attr = self.getattr(pid, dentry, flags | GETATTR_NOSEC).await;
        self.put(dentry);
        let outcome = attr?;
        match outcome.value {
            Value::Attr(stat) => Ok(CallResult { value: Ok(0), output: Output::Stat(stat) }),
            _ => Ok(CallResult::value(0)),
        }
    }

    /// A getattr of the VFS. A code outside the errno range is a success to libc (N3).
    pub(super) async fn getattr(
        &self,
        pid: Pid,
        dentry: DentryId,
        flags: u32,
    ) -> Result<Outcome, Fail> {
        self.check_entry(pid)?;
        let inode = self.inode_of(dentry);
        if self.state().world.mount.inodes[inode].bad {
            return Err(Errno::EIO.into());
        }
        let outcome = self.operate(pid, Operation::Getattr { dentry, flags }).await?;
        wild_or_error(outcome)
    }

    /// Without allow_other only the mount's owner may enter.
    pub(super) fn check_entry(&self, pid: Pid) -> Result<(), Fail> {
        let state = self.state();
        let options = state.world.mount.options;
        if !options.allow_other && state.client(pid).credentials.uid != options.user_id {
            return Err(Errno::EACCES.into());
        }
        Ok(())
    }

    pub(super) async fn statfs(&self, pid: Pid, target: &Target) -> Result<CallResult, Fail> {
        let dentry = self.resolve(pid, target).await?;
        let outcome = self.operate(pid, Operation::Statfs { dentry }).await;
        self.put(dentry);
        let outcome = wild_or_error(outcome?)?;
        match outcome.value {
            Value::StatFs(figures) => {
                Ok(CallResult { value: Ok(0), output: Output::StatFs(figures) })
            }
            value => finish(outcome.error, &value),
        }
    }

    pub(super) async fn access(
        &self,
        pid: Pid,
        target: &Target,
        mode: AccessMask,
    ) -> Result<CallResult, Fail> {
        // Reading, writing and executing are all that can be asked for.
        if mode.bits() & !7 != 0 {
            return Err(Errno::EINVAL.into());
        }
        let dentry = self.resolve(pid, target).await?;
        let inode = self.inode_of(dentry);
        let allowed = self.permission(pid, inode, mode | AccessMask::ACCESS).await;
        self.put(dentry);
        allowed.map(|()| CallResult::value(0))
    }

    pub(super) async fn readlink(
        &self,
        pid: Pid,
        target: &Target,
        size: u64,
    ) -> Result<CallResult, Fail> {
        if size == 0 {
            return Err(Errno::EINVAL.into());
        }
        let dentry = self.resolve(pid, target).await?;
        let link = if self.kind_of(dentry) == FileKind::Symlink {
            self.read_link(pid, dentry).await
        } else {
            Err(Errno::EINVAL.into())
        };
        self.put(dentry);
        let mut link = link?;
        link.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        let length = i64::try_from(link.len()).unwrap_or(i64::MAX);
        Ok(CallResult { value: Ok(length), output: Output::Bytes(link) })
    }

    async fn setattr(
        &self,
        pid: Pid,
        dentry: DentryId,
        mut attr: Iattr,
    ) -> Result<CallResult, Fail> {
        self.check_entry(pid)?;
        let inode = self.inode_of(dentry);
        let _lock = self.lock_exclusive(pid, inode).await;
        let kill = AttrValid::KILL_SUID | AttrValid::KILL_SGID;
        let killed = attr.valid.intersects(kill);
        if killed {
            attr.valid.remove(kill | AttrValid::MODE);
        }
        if killed && self.clears_setid() {
            // FUSE refreshes the mode before it decides what to clear, whatever it knows; a lower
            // file is asked through the filter.
            if self.has_lower(inode) {
                self.getattr(pid, dentry, 0).await?;
            } else {
                let file = attr.file.filter(|_| attr.valid.contains(AttrValid::FILE));
                let refresh = async |path: &mut Ordinary<'_>| path.refresh(inode, file).await;
                self.on_ordinary_path(pid, 0, refresh).await?;
            }
            let mode = self.state().world.mount.inodes[inode].mode();
            attr.mode = mode;
            if mode & S_ISUID != 0 {
                attr.valid.insert(AttrValid::MODE);
                attr.mode &= !S_ISUID;
            }
            if mode & (S_ISGID | 0o010) == S_ISGID | 0o010 {
                attr.valid.insert(AttrValid::MODE);
                attr.mode &= !S_ISGID;
            }
        }
        if attr.valid.contains(AttrValid::KILL_PRIV) {
            attr.valid.remove(AttrValid::KILL_PRIV);
            self.kill_capability(pid, dentry).await?;
        }
        let outcome = self.operate(pid, Operation::Setattr { dentry, attr }).await?;
        let outcome = wild_or_error(outcome)?;
        finish(outcome.error, &outcome.value)
    }

    /// Whether the kernel clears setuid bits of files, because the daemon does not.
    fn clears_setid(&self) -> bool {
        let state = self.state();
        let connection = &state.world.connection;
        !connection.handle_killpriv && !connection.handle_killpriv_v2
    }

    fn has_lower(&self, inode: InodeId) -> bool {
        self.state().world.mount.inodes[inode].backing.is_some()
    }

    pub(super) async fn chmod(
        &self,
        pid: Pid,
        target: &Target,
        mode: u32,
    ) -> Result<CallResult, Fail> {
        let dentry = self.resolve(pid, target).await?;
        let now = self.now();
        let type_bits = self.kind_of(dentry).type_bits();
        let attr = Iattr {
            valid: AttrValid::MODE | AttrValid::CTIME,
            mode: type_bits | (mode & S_IALLUGO),
            ctime: now,
            ..Iattr::default()
        };
        let changed = self.setattr(pid, dentry, attr).await;
        self.put(dentry);
        changed
    }

    pub(super) async fn chown(
        &self,
        pid: Pid,
        target: &Target,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> Result<CallResult, Fail> {
        let dentry = self.resolve(pid, target).await?;
        let changed = self.chown_dentry(pid, dentry, uid, gid).await;
        self.put(dentry);
        changed
    }

    async fn chown_dentry(
        &self,
        pid: Pid,
        dentry: DentryId,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> Result<CallResult, Fail> {
        let mut attr = Iattr {
            valid: AttrValid::CTIME,
            uid: uid.unwrap_or(0),
            gid: gid.unwrap_or(0),
            ctime: self.now(),
            ..Iattr::default()
        };
        attr.valid.set(AttrValid::UID, uid.is_some());
        attr.valid.set(AttrValid::GID, gid.is_some());
        if !self.is_directory(dentry) {
            attr.valid.insert(AttrValid::KILL_SUID | AttrValid::KILL_SGID);
            let capable = self.has_capability(pid, dentry).await;
            attr.valid.set(AttrValid::KILL_PRIV, capable);
        }
        self.setattr(pid, dentry, attr).await
    }

    /// Privileges that a change takes away are asked for by the kernel itself (N20), and an error
    /// means that there are none. A lower file loses its capabilities by the change below.
    async fn has_capability(&self, pid: Pid, dentry: DentryId) -> bool {
        let name = CAPABILITY.to_vec();
        let got = self.operate(pid, Operation::Getxattr { dentry, name, size: 0 }).await;
        let found = got.is_ok_and(|got| matches!((got.error, got.value), (0, Value::Number(1..))));
        found && !self.has_lower(self.inode_of(dentry))
    }

    /// `notify_change` looks again for what whoever changes contents has found.
    async fn look_again(&self, pid: Pid, dentry: DentryId, attr: &mut Iattr) {
        if attr.valid.contains(AttrValid::KILL_PRIV) {
            let capable = self.has_capability(pid, dentry).await;
            attr.valid.set(AttrValid::KILL_PRIV, capable);
        }
    }

    /// `cap_inode_killpriv`. A filesystem without extended attributes has no capabilities.
    async fn kill_capability(&self, pid: Pid, dentry: DentryId) -> Result<(), Fail> {
        let name = CAPABILITY.to_vec();
        match self.operate(pid, Operation::Removexattr { dentry, name }).await {
            Err(Fail::Errno(Errno::EOPNOTSUPP)) => Ok(()),
            other => wild_or_error(other?).map(|_| ()),
        }
    }

    pub(super) async fn truncate(
        &self,
        pid: Pid,
        target: &Target,
        size: i64,
    ) -> Result<CallResult, Fail> {
        let size = u64::try_from(size).ok().ok_or(Errno::EINVAL)?;
        if let Target::Fd(fd) = target {
            let (dentry, handle) = self.truncate_handle(pid, *fd)?;
            let valid = AttrValid::MTIME | AttrValid::CTIME | AttrValid::FILE;
            return self.do_truncate(pid, dentry, size, valid, Some(handle)).await;
        }
        let dentry = self.resolve(pid, target).await?;
        let truncated = self.truncate_dentry(pid, dentry, size).await;
        self.put(dentry);
        truncated
    }

    fn truncate_handle(&self, pid: Pid, fd: i32) -> Result<(DentryId, HandleId), Fail> {
        let state = self.state();
        if matches!(state.file(pid, fd)?.kind, FileKindOpen::Special) {
            return Err(Errno::EINVAL.into());
        }
        let (handle, file) = state.handle(pid, fd)?;
        let inode = state.world.mount.handles[handle].inode;
        let regular = state.world.mount.inodes[inode].kind == FileKind::Regular;
        if !regular || !file.flags.wants_write() {
            return Err(Errno::EINVAL.into());
        }
        Ok((file.dentry, handle))
    }

    async fn truncate_dentry(
        &self,
        pid: Pid,
        dentry: DentryId,
        size: u64,
    ) -> Result<CallResult, Fail> {
        match self.kind_of(dentry) {
            FileKind::Directory => return Err(Errno::EISDIR.into()),
            FileKind::Regular => {}
            _ => return Err(Errno::EINVAL.into()),
        }
        let inode = self.inode_of(dentry);
        self.permission(pid, inode, AccessMask::WRITE).await?;
        self.do_truncate(pid, dentry, size, AttrValid::empty(), None).await
    }

    pub(super) async fn do_truncate(
        &self,
        pid: Pid,
        dentry: DentryId,
        size: u64,
        valid: AttrValid,
        file: Option<HandleId>,
    ) -> Result<CallResult, Fail> {
        let now = self.now();
        let mut attr = Iattr {
            valid: valid | AttrValid::SIZE,
            size,
            mtime: now,
            ctime: now,
            file,
            ..Iattr::default()
        };
        if self.may_have_privileges(dentry) {
            if self.drops_setid(pid, dentry) {
                attr.valid.insert(AttrValid::KILL_SUID | AttrValid::KILL_SGID);
                attr.valid.insert(AttrValid::FORCE);
            }
            if self.has_capability(pid, dentry).await {
                attr.valid.insert(AttrValid::KILL_PRIV | AttrValid::FORCE);
            }
            self.look_again(pid, dentry, &mut attr).await;
        }
        self.setattr(pid, dentry, attr).await
    }

    fn may_have_privileges(&self, dentry: DentryId) -> bool {
        let inode = self.inode_of(dentry);
        !self.state().world.mount.inodes[inode].no_security
    }

    /// `file_remove_privs` before the ordinary path changes contents (N20).
    pub(super) async fn remove_privileges(&self, pid: Pid, handle: HandleId) -> Result<(), Fail> {
        let dentry = self.state().world.mount.handles[handle].dentry;
        if !self.may_have_privileges(dentry) {
            return Ok(());
        }
        let mut valid = AttrValid::empty();
        valid.set(AttrValid::KILL_PRIV, self.has_capability(pid, dentry).await);
        if self.drops_setid(pid, dentry) {
            valid.insert(AttrValid::KILL_SUID | AttrValid::KILL_SGID);
        }
        if !valid.is_empty() {
            valid.insert(AttrValid::FORCE);
            let mut attr = Iattr { valid, ..Iattr::default() };
            self.look_again(pid, dentry, &mut attr).await;
            self.setattr(pid, dentry, attr).await?;
        }
        // `inode_has_no_xattr`: with SB_NOSEC nobody asks again until the attributes are read.
        let mut state = self.state();
        let known = state.world.connection.handle_killpriv_v2;
        let inode = state.world.mount.inode_of(dentry);
        let inode = &mut state.world.mount.inodes[inode];
        let set = inode.permissions & (S_ISUID | S_ISGID) != 0;
        if known && !set && inode.backing.is_none() {
            inode.no_security = true;
        }
        Ok(())
    }

    /// `setattr_should_drop_suidgid`: a change of contents by one without CAP_FSETID. Where the
    /// group may not execute, setgid stays for its members.
    fn drops_setid(&self, pid: Pid, dentry: DentryId) -> bool {
        let state = self.state();
        let inode = &state.world.mount.inodes[state.world.mount.inode_of(dentry)];
        let credentials = &state.client(pid).credentials;
        let executes = inode.permissions & 0o010 != 0;
        let set_group = inode.permissions & S_ISGID != 0;
        let drops_group = set_group && (executes || !credentials.in_group(inode.gid));
        let set = inode.permissions & S_ISUID != 0 || drops_group;
        set && !credentials.capable(Capabilities::FSETID)
    }

    pub(super) async fn utimens(
        &self,
        pid: Pid,
        target: &Target,
        atime: NewTime,
        mtime: NewTime,
    ) -> Result<CallResult, Fail> {
        if atime == NewTime::Omit && mtime == NewTime::Omit {
            return Ok(CallResult::value(0));
        }
        let dentry = self.resolve(pid, target).await?;
        let changed = self.utimens_dentry(pid, dentry, atime, mtime).await;
        self.put(dentry);
        changed
    }

    async fn utimens_dentry(
        &self,
        pid: Pid,
        dentry: DentryId,
        atime: NewTime,
        mtime: NewTime,
    ) -> Result<CallResult, Fail> {
        // `nsec_valid`.
        let is_wild = |time| matches!(time, NewTime::At(at) if at.nsec >= 1_000_000_000);
        if is_wild(atime) || is_wild(mtime) {
            return Err(Errno::EINVAL.into());
        }
        let now = self.now();
        let mut attr = Iattr { valid: AttrValid::CTIME, ctime: now, ..Iattr::default() };
        let mut apply = |time: NewTime, bit: AttrValid, set: AttrValid| -> Timespec {
            match time {
                NewTime::Omit => Timespec::ZERO,
                NewTime::Now => {
                    attr.valid.insert(bit);
                    now
                }
                NewTime::At(instant) => {
                    attr.valid.insert(bit | set);
                    instant
                }
            }
        };
        let atime_value = apply(atime, AttrValid::ATIME, AttrValid::ATIME_SET);
        let mtime_value = apply(mtime, AttrValid::MTIME, AttrValid::MTIME_SET);
        (attr.atime, attr.mtime) = (atime_value, mtime_value);
        match (atime, mtime) {
            (NewTime::Now, NewTime::Now) => self.may_touch(pid, dentry).await?,
            _ => attr.valid.insert(AttrValid::TIMES_SET),
        }
        self.setattr(pid, dentry, attr).await
    }

    /// Touching needs ownership or write permission.
    async fn may_touch(&self, pid: Pid, dentry: DentryId) -> Result<(), Fail> {
        let inode = self.inode_of(dentry);
        let owner = {
            let state = self.state();
            let credentials = &state.client(pid).credentials;
            credentials.uid == state.world.mount.inodes[inode].uid
                || credentials.capable(Capabilities::FOWNER)
        };
        if owner { Ok(()) } else { self.permission(pid, inode, AccessMask::WRITE).await }
    }

    /// `xattr_permission`: the namespace decides who may, then the inode.
    async fn xattr_permission(
        &self,
        pid: Pid,
        dentry: DentryId,
        name: &[u8],
        mask: AccessMask,
    ) -> Result<(), Fail> {
        let write = mask.contains(AccessMask::WRITE);
        if name.starts_with(b"security.") || name.starts_with(b"system.") {
            // `cap_inode_setxattr` and `cap_convert_nscap` look at the rest of the first family.
            let needed = match name {
                CAPABILITY => Capabilities::SETFCAP,
                _ => Capabilities::SYS_ADMIN,
            };
            let state = self.state();
            let capable = state.client(pid).credentials.capable(needed);
            let security = name.starts_with(b"security.");
            return if write && security && !capable { Err(Errno::EPERM.into()) } else { Ok(()) };
        }
        let refused = if write { Errno::EPERM } else { Errno::ENODATA };
        if name.starts_with(b"trusted.") {
            let admin = self.state().client(pid).credentials.capable(Capabilities::SYS_ADMIN);
            return if admin { Ok(()) } else { Err(refused.into()) };
        }
        let inode = self.inode_of(dentry);
        if name.starts_with(b"user.") {
            let state = self.state();
            let node = &state.world.mount.inodes[inode];
            if !matches!(node.kind, FileKind::Regular | FileKind::Directory) {
                return Err(refused.into());
            }
            let credentials = &state.client(pid).credentials;
            let owner = credentials.uid == node.uid || credentials.capable(Capabilities::FOWNER);
            let sticky = node.kind == FileKind::Directory && node.permissions & S_ISVTX != 0;
            if sticky && write && !owner {
                return Err(Errno::EPERM.into());
            }
        }
        self.permission(pid, inode, mask).await
    }

    fn check_xattr_name(name: &[u8]) -> Result<(), Fail> {
        if name.is_empty() || name.len() > XATTR_NAME_MAX {
            Err(Errno::ERANGE.into())
        } else {
            Ok(())
        }
    }

    pub(super) async fn getxattr(
        &self,
        pid: Pid,
        target: &Target,
        name: &[u8],
        size: u64,
    ) -> Result<CallResult, Fail> {
        Vfs::check_xattr_name(name)?;
        let dentry = self.resolve(pid, target).await?;
        let got = self.getxattr_dentry(pid, dentry, name, size).await;
        self.put(dentry);
        got
    }

    async fn getxattr_dentry(
        &self,
        pid: Pid,
        dentry: DentryId,
        name: &[u8],
        size: u64,
    ) -> Result<CallResult, Fail> {
        self.xattr_permission(pid, dentry, name, AccessMask::READ).await?;
        let size = size.min(XATTR_SIZE_MAX) as u32;
        let operation = Operation::Getxattr { dentry, name: name.to_vec(), size };
        let outcome = wild_or_error(self.operate(pid, operation).await?)?;
        bytes_result(outcome)
    }

    pub(super) async fn listxattr(
        &self,
        pid: Pid,
        target: &Target,
        size: u64,
    ) -> Result<CallResult, Fail> {
        let dentry = self.resolve(pid, target).await?;
        let size = size.min(XATTR_SIZE_MAX) as u32;
        let outcome = self.operate(pid, Operation::Listxattr { dentry, size }).await;
        self.put(dentry);
        bytes_result(wild_or_error(outcome?)?)
    }

    pub(super) async fn setxattr(
        &self,
        pid: Pid,
        target: &Target,
        name: &[u8],
        value: &[u8],
        flags: u32,
    ) -> Result<CallResult, Fail> {
        if flags & !3 != 0 {
            return Err(Errno::EINVAL.into());
        }
        Vfs::check_xattr_name(name)?;
        if value.len() as u64 > XATTR_SIZE_MAX {
            return Err(Errno::E2BIG.into());
        }
        let dentry = self.resolve(pid, target).await?;
        let set = self.setxattr_dentry(pid, dentry, name, value, flags).await;
        self.put(dentry);
        set
    }

    async fn setxattr_dentry(
        &self,
        pid: Pid,
        dentry: DentryId,
        name: &[u8],
        value: &[u8],
        flags: u32,
    ) -> Result<CallResult, Fail> {
        self.xattr_permission(pid, dentry, name, AccessMask::WRITE).await?;
        let inode = self.inode_of(dentry);
        let _lock = self.lock_exclusive(pid, inode).await;
        let (name, value) = (name.to_vec(), value.to_vec());
        let operation = Operation::Setxattr { dentry, name, value, flags };
        let outcome = wild_or_error(self.operate(pid, operation).await?)?;
        finish(outcome.error, &outcome.value)
    }

    pub(super) async fn removexattr(
        &self,
        pid: Pid,
        target: &Target,
        name: &[u8],
    ) -> Result<CallResult, Fail> {
        Vfs::check_xattr_name(name)?;
        let dentry = self.resolve(pid, target).await?;
        let removed = match self.xattr_permission(pid, dentry, name, AccessMask::WRITE).await {
            Ok(()) => {
                let inode = self.inode_of(dentry);
                let _lock = self.lock_exclusive(pid, inode).await;
                let operation = Operation::Removexattr { dentry, name: name.to_vec() };
                self.operate(pid, operation).await
            }
            Err(errno) => Err(errno),
        };
        self.put(dentry);
        let outcome = wild_or_error(removed?)?;
        finish(outcome.error, &outcome.value)
    }
}

/// An outcome as libc sees it: codes from -4095 to -1 are errors, wilder ones are not (N3).
fn wild_or_error(outcome: Outcome) -> Result<Outcome, Fail> {
    let code = match (&outcome.value, outcome.error) {
        (Value::Number(number), 0) => *number,
        (_, error) => error,
    };
    if (-4095..0).contains(&code) { Err(Fail::of(code)) } else { Ok(outcome) }
}

fn finish(error: i64, value: &Value) -> Result<CallResult, Fail> {
    match value {
        _ if error != 0 => Ok(CallResult::value(error)),
        Value::Number(number) => Ok(CallResult::value(*number)),
        _ => Ok(CallResult::value(0)),
    }
}

fn bytes_result(outcome: Outcome) -> Result<CallResult, Fail> {
    let mut result = finish(outcome.error, &outcome.value)?;
    result.output = Output::Bytes(outcome.data);
    Ok(result)
}
