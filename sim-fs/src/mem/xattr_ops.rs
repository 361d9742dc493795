//! Extended attributes: namespaces, their permissions, and the limits.

use std::sync::Arc;

use fuserig_abi::{
    AccessMask, Caller, Capabilities, Credentials, Errno, FileKind, Ino, S_ISGID, S_ISVTX,
};

use super::{
    acl::Acl,
    fs::MemFs,
    inode::Inode,
    permission::{check_access, may_set_setgid, owns},
    xattrs::{ACL_ACCESS, ACL_DEFAULT, CAPABILITY},
};
use crate::{LowerReply, XattrFlags};

/// `XATTR_NAME_MAX` and `XATTR_SIZE_MAX` of linux/limits.h.
const NAME_LEN_MAX: usize = 255;
const VALUE_LEN_MAX: usize = 65_536;

/// What an attribute name asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Namespace {
    User,
    Trusted,
    Security,
    AclAccess,
    AclDefault,
    /// No such namespace on this filesystem.
    Unknown,
}

fn namespace(name: &[u8]) -> Result<Namespace, Errno> {
    if name.is_empty() || name.len() > NAME_LEN_MAX {
        return Err(Errno::ERANGE);
    }
    if name == ACL_ACCESS {
        return Ok(Namespace::AclAccess);
    }
    if name == ACL_DEFAULT {
        return Ok(Namespace::AclDefault);
    }
    let prefixes = [
        (b"user.".as_slice(), Namespace::User),
        (b"trusted.", Namespace::Trusted),
        (b"security.", Namespace::Security),
    ];
    let found = prefixes.into_iter().find(|(prefix, _)| name.starts_with(prefix));
    Ok(found.map_or(Namespace::Unknown, |(_, namespace)| namespace))
}

/// `xattr_permission`: `mask` is `READ` or `WRITE`.
fn check_permission(
    inode: &Inode,
    credentials: &Credentials,
    name: &[u8],
    namespace: Namespace,
    mask: AccessMask,
) -> Result<(), Errno> {
    let writes = mask == AccessMask::WRITE;
    let denied = Err(if writes { Errno::EPERM } else { Errno::ENODATA });
    match namespace {
        Namespace::Security | Namespace::AclAccess | Namespace::AclDefault => return Ok(()),
        Namespace::Unknown if name.starts_with(b"system.") => return Ok(()),
        Namespace::Trusted if !credentials.capable(Capabilities::SYS_ADMIN) => return denied,
        Namespace::Trusted => return Ok(()),
        Namespace::User => match inode.kind {
            FileKind::Regular => {}
            FileKind::Directory => {
                let sticky = inode.permissions & S_ISVTX != 0;
                if writes && sticky && !owns(inode, credentials) {
                    return denied;
                }
            }
            _ => return denied,
        },
        Namespace::Unknown => {}
    }
    check_access(inode, credentials, mask)
}

/// Whether the name may be stored: there is a handler for it, and something behind the prefix.
fn check_handler(name: &[u8], namespace: Namespace) -> Result<(), Errno> {
    match namespace {
        Namespace::Unknown => Err(Errno::EOPNOTSUPP),
        _ if name.ends_with(b".") && name.iter().filter(|byte| **byte == b'.').count() == 1 => {
            Err(Errno::EINVAL)
        }
        _ => Ok(()),
    }
}

/// What `cap_inode_setxattr` and its sibling for removal ask for `security.*`.
fn check_security(
    credentials: &Credentials,
    name: &[u8],
    namespace: Namespace,
) -> Result<(), Errno> {
    let needed = match namespace {
        Namespace::Security if name == CAPABILITY => Capabilities::SETFCAP,
        Namespace::Security => Capabilities::SYS_ADMIN,
        _ => return Ok(()),
    };
    if credentials.capable(needed) { Ok(()) } else { Err(Errno::EPERM) }
}

impl MemFs {
    pub(super) fn getxattr_op(
        &self,
        caller: &Caller,
        node: Ino,
        name: &[u8],
        size_max: usize,
    ) -> Result<LowerReply, Errno> {
        let inode = self.inode(node)?;
        let namespace = namespace(name)?;
        check_permission(inode, &caller.credentials, name, namespace, AccessMask::READ)?;
        check_handler(name, namespace)?;
        let is_acl = matches!(namespace, Namespace::AclAccess | Namespace::AclDefault);
        if is_acl && inode.kind == FileKind::Symlink {
            return Err(Errno::EOPNOTSUPP);
        }
        let value = inode.xattrs.as_ref().and_then(|xattrs| xattrs.get(name));
        sized(value.ok_or(Errno::ENODATA)?, size_max)
    }

    pub(super) fn listxattr_op(
        &self,
        caller: &Caller,
        node: Ino,
        size_max: usize,
    ) -> Result<LowerReply, Errno> {
        let inode = self.inode(node)?;
        let shows_trusted = caller.credentials.capable(Capabilities::SYS_ADMIN);
        let mut list = Vec::new();
        for name in inode.xattrs.iter().flat_map(|xattrs| xattrs.names()) {
            if shows_trusted || !name.starts_with(b"trusted.") {
                list.extend_from_slice(name);
                list.push(0);
            }
        }
        sized(list, size_max)
    }

    pub(super) fn setxattr_op(
        &mut self,
        caller: &Caller,
        node: Ino,
        name: &[u8],
        value: &[u8],
        flags: XattrFlags,
    ) -> Result<LowerReply, Errno> {
        let inode = self.inode(node)?;
        if !(XattrFlags::CREATE | XattrFlags::REPLACE).contains(flags) {
            return Err(Errno::EINVAL);
        }
        let namespace = namespace(name)?;
        if value.len() > VALUE_LEN_MAX {
            return Err(Errno::E2BIG);
        }
        let credentials = &caller.credentials;
        match namespace {
            Namespace::AclAccess => return self.set_acl_access(caller, node, Acl::decode(value)?),
            Namespace::AclDefault => {
                return self.set_acl_default(caller, node, Acl::decode(value)?);
            }
            _ => {}
        }
        if name == CAPABILITY {
            check_capability(value)?;
        }
        check_permission(inode, credentials, name, namespace, AccessMask::WRITE)?;
        check_security(credentials, name, namespace)?;
        check_handler(name, namespace)?;
        let xattrs = inode.xattrs.as_ref();
        let present = xattrs.is_some_and(|xattrs| xattrs.values.contains_key(name));
        if present && flags.contains(XattrFlags::CREATE) {
            return Err(Errno::EEXIST);
        }
        if !present && flags.contains(XattrFlags::REPLACE) {
            return Err(Errno::ENODATA);
        }
        self.update(node, |inode| {
            inode.change_xattrs(|xattrs| {
                xattrs.values.insert(name.into(), Arc::from(value));
            });
            inode.ctime = caller.now;
        });
        Ok(LowerReply::Done)
    }

    pub(super) fn removexattr_op(
        &mut self,
        caller: &Caller,
        node: Ino,
        name: &[u8],
    ) -> Result<LowerReply, Errno> {
        let inode = self.inode(node)?;
        let namespace = namespace(name)?;
        match namespace {
            Namespace::AclAccess => return self.set_acl_access(caller, node, None),
            Namespace::AclDefault => return self.set_acl_default(caller, node, None),
            _ => {}
        }
        check_permission(inode, &caller.credentials, name, namespace, AccessMask::WRITE)?;
        check_security(&caller.credentials, name, namespace)?;
        check_handler(name, namespace)?;
        let xattrs = inode.xattrs.as_ref();
        if !xattrs.is_some_and(|xattrs| xattrs.values.contains_key(name)) {
            return Err(Errno::ENODATA);
        }
        self.update(node, |inode| {
            inode.change_xattrs(|xattrs| {
                xattrs.values.remove(name);
            });
            inode.ctime = caller.now;
        });
        Ok(LowerReply::Done)
    }

    fn set_acl_access(
        &mut self,
        caller: &Caller,
        node: Ino,
        acl: Option<Acl>,
    ) -> Result<LowerReply, Errno> {
        let inode = self.inode(node)?;
        check_acl(inode, &caller.credentials)?;
        acl.as_ref().map_or(Ok(()), Acl::check)?;
        let keeps_setgid = may_set_setgid(&caller.credentials, inode.gid);
        self.update(node, |inode| {
            let mut stored = acl;
            if let Some((shown, shows_all)) = stored.as_ref().map(Acl::mode) {
                inode.permissions = inode.permissions & !0o777 | shown;
                // What the mode bits say completely needs no list.
                if shows_all {
                    stored = None;
                }
            }
            // Also when a list is removed, and even if there is none (`posix_acl_update_mode`).
            if !keeps_setgid {
                inode.permissions &= !S_ISGID;
            }
            inode.change_xattrs(|xattrs| xattrs.acl_access = stored);
            inode.ctime = caller.now;
        });
        Ok(LowerReply::Done)
    }

    fn set_acl_default(
        &mut self,
        caller: &Caller,
        node: Ino,
        acl: Option<Acl>,
    ) -> Result<LowerReply, Errno> {
        let inode = self.inode(node)?;
        if inode.kind == FileKind::Symlink {
            return Err(Errno::EOPNOTSUPP);
        }
        if !inode.is_directory() {
            return if acl.is_some() { Err(Errno::EACCES) } else { Ok(LowerReply::Done) };
        }
        check_acl(inode, &caller.credentials)?;
        acl.as_ref().map_or(Ok(()), Acl::check)?;
        self.update(node, |inode| {
            inode.change_xattrs(|xattrs| xattrs.acl_default = acl);
            inode.ctime = caller.now;
        });
        Ok(LowerReply::Done)
    }
}

/// What `set_posix_acl` asks before it changes a list.
fn check_acl(inode: &Inode, credentials: &Credentials) -> Result<(), Errno> {
    if inode.kind == FileKind::Symlink {
        return Err(Errno::EOPNOTSUPP);
    }
    if owns(inode, credentials) { Ok(()) } else { Err(Errno::EPERM) }
}

/// `cap_convert_nscap` wants revision 2 with 20 bytes or revision 3 with 24 (linux/capability.h).
fn check_capability(value: &[u8]) -> Result<(), Errno> {
    let revision = value.first_chunk::<4>().map(|word| u32::from_le_bytes(*word) >> 24);
    match (revision, value.len()) {
        (Some(2), 20) | (Some(3), 24) => Ok(()),
        _ => Err(Errno::EINVAL),
    }
}

/// A value, or its length when the caller only asks for that.
fn sized(value: Vec<u8>, size_max: usize) -> Result<LowerReply, Errno> {
    match size_max {
        0 => Ok(LowerReply::Count(value.len() as u64)),
        _ if value.len() > size_max => Err(Errno::ERANGE),
        _ => Ok(LowerReply::Bytes(value)),
    }
}
