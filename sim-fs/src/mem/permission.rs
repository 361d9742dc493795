//! Who may do what: mode bits, access control lists, capabilities, sticky and setgid rules.
//!
//! These are pure questions about one inode and one set of credentials. They follow
//! `generic_permission`, `may_create`, `may_delete` and `setattr_prepare` of Linux 6.12, without
//! user namespaces, read-only mounts, and the immutable and append-only flags.

use fuserig_abi::{AccessMask, Capabilities, Credentials, Errno, FileKind, Gid, S_ISGID, S_ISUID};

use super::inode::Inode;

const EXEC_ANY: u32 = 0o111;
const EXEC_GROUP: u32 = 0o010;

/// `generic_permission`. Only the read, write and execute bits of `mask` count.
pub(super) fn check_access(
    inode: &Inode,
    credentials: &Credentials,
    mask: AccessMask,
) -> Result<(), Errno> {
    let wanted = mask & (AccessMask::READ | AccessMask::WRITE | AccessMask::EXEC);
    if bits_grant(inode, credentials, wanted.bits()) {
        return Ok(());
    }
    let reads_only = if inode.is_directory() {
        !wanted.contains(AccessMask::WRITE)
    } else {
        wanted == AccessMask::READ
    };
    if reads_only && credentials.capable(Capabilities::DAC_READ_SEARCH) {
        return Ok(());
    }
    // Not even the super-user executes a file that nobody may execute.
    let executable = inode.is_directory() || inode.permissions & EXEC_ANY != 0;
    if (executable || !wanted.contains(AccessMask::EXEC))
        && credentials.capable(Capabilities::DAC_OVERRIDE)
    {
        return Ok(());
    }
    Err(Errno::EACCES)
}

fn bits_grant(inode: &Inode, credentials: &Credentials, wanted: u32) -> bool {
    if credentials.uid == inode.uid {
        return inode.permissions >> 6 & wanted == wanted;
    }
    // Linux asks the list only if the group bits grant anything at all; they are its mask.
    if inode.permissions & 0o070 != 0
        && let Some(acl) = inode.xattrs.as_ref().and_then(|xattrs| xattrs.acl_access.as_ref())
    {
        return acl.grants(credentials, inode.gid, wanted);
    }
    let shift = if credentials.in_group(inode.gid) { 3 } else { 0 };
    inode.permissions >> shift & wanted == wanted
}

/// Whether the caller counts as the owner (`inode_owner_or_capable`).
pub(super) fn owns(inode: &Inode, credentials: &Credentials) -> bool {
    credentials.uid == inode.uid || credentials.capable(Capabilities::FOWNER)
}

/// Whether the caller may give a file of group `gid` the setgid bit.
pub(super) fn may_set_setgid(credentials: &Credentials, gid: Gid) -> bool {
    credentials.in_group(gid) || credentials.capable(Capabilities::FSETID)
}

/// `may_create`, for a name that is not there.
pub(super) fn check_create(directory: &Inode, credentials: &Credentials) -> Result<(), Errno> {
    if directory.nlink == 0 {
        return Err(Errno::ENOENT);
    }
    check_access(directory, credentials, AccessMask::WRITE | AccessMask::EXEC)
}

/// What a deletion expects its victim to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Victim {
    Directory,
    NotDirectory,
}

impl Victim {
    pub(super) fn of(kind: FileKind) -> Victim {
        if kind == FileKind::Directory { Victim::Directory } else { Victim::NotDirectory }
    }
}

/// `may_delete`, for a name that is there.
pub(super) fn check_delete(
    directory: &Inode,
    victim: &Inode,
    credentials: &Credentials,
    expected: Victim,
) -> Result<(), Errno> {
    check_access(directory, credentials, AccessMask::WRITE | AccessMask::EXEC)?;
    let sticky = directory.permissions & fuserig_abi::S_ISVTX != 0;
    if sticky && credentials.uid != directory.uid && !owns(victim, credentials) {
        return Err(Errno::EPERM);
    }
    match (expected, Victim::of(victim.kind)) {
        (Victim::Directory, Victim::NotDirectory) => Err(Errno::ENOTDIR),
        (Victim::NotDirectory, Victim::Directory) => Err(Errno::EISDIR),
        (Victim::Directory, Victim::Directory) | (Victim::NotDirectory, Victim::NotDirectory) => {
            Ok(())
        }
    }
}

/// The permission bits after a write, truncation or chown took the privileges away that the
/// content or owner justified (`setattr_should_drop_suidgid`, but for the exception of callers
/// with `CAP_FSETID`, which only writes know).
pub(super) fn without_privileges(inode: &Inode, credentials: &Credentials) -> u32 {
    let mut permissions = inode.permissions & !S_ISUID;
    let executable = permissions & EXEC_GROUP != 0;
    if executable || !may_set_setgid(credentials, inode.gid) {
        permissions &= !S_ISGID;
    }
    permissions
}

/// The mode of a new file: the setgid bit of an executable is for members of the group only, when
/// the group comes from the directory (`mode_strip_sgid`).
pub(super) fn creation_mode(directory: &Inode, credentials: &Credentials, mode: u32) -> u32 {
    let executable_setgid = mode & (S_ISGID | EXEC_GROUP) == S_ISGID | EXEC_GROUP;
    let inherits_group = directory.permissions & S_ISGID != 0;
    if executable_setgid && inherits_group && !may_set_setgid(credentials, directory.gid) {
        mode & !S_ISGID
    } else {
        mode
    }
}
