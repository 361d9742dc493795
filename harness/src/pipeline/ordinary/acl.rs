//! Access control lists of the ordinary path: what the kernel asks a daemon for, and what it looks
//! at itself before it does (`do_set_acl`, `vfs_set_acl`, `fuse_set_acl` of Linux 6.18).
//!
//! What a reader would get wrong: a list is no attribute like others. A buffer of any size asks for
//! a page, a value without entries becomes a removal, and what is no list, or is not the caller's
//! to set, is refused before any request.

use fuserig_abi::{
    Capabilities, Errno, FileKind, NodeId, Opcode, PAGE_SIZE, XATTR_POSIX_ACL_ACCESS,
    XATTR_POSIX_ACL_DEFAULT,
};
use fuserig_sim_fs::{posix_acl_check, posix_acl_grants, posix_acl_has_entries};

use super::Halt;
use super::exchange::{Ordinary, Served, number, with_nul};
use super::xattr::forget_unknown;
use crate::kernel::{DentryId, InodeId, KnownAcl};
use crate::pipeline::Outcome;

/// Whether an attribute is an access control list.
pub(super) fn is_list(name: &[u8]) -> bool {
    name == XATTR_POSIX_ACL_ACCESS || name == XATTR_POSIX_ACL_DEFAULT
}

impl Ordinary<'_> {
    /// `fuse_get_inode_acl` and the check that follows: none when no list decides.
    pub(crate) async fn acl_grants(&mut self, inode: InodeId, wanted: u32) -> Served<Option<bool>> {
        let gid = self.world.mount.inodes[inode].gid;
        let acl = match self.list_of(inode, XATTR_POSIX_ACL_ACCESS).await {
            Err(Halt::Errno(Errno::EOPNOTSUPP)) => KnownAcl::None,
            other => other?,
        };
        let KnownAcl::List(list) = &acl else { return Ok(None) };
        Ok(posix_acl_grants(list, &self.caller.credentials, gid, wanted)?)
    }

    /// `__get_acl`: what is kept, or else what the daemon says.
    async fn list_of(&mut self, inode: InodeId, name: &[u8]) -> Served<KnownAcl> {
        // The root is there before INIT, so its lists are never kept (`ACL_DONT_CACHE`).
        let root = self.world.mount.inodes[inode].nodeid == NodeId::ROOT;
        let keeps = self.world.connection.posix_acl && !root;
        if !keeps {
            return self.ask_list(inode, name).await;
        }
        let asked = KnownAcl::Asked(self.caller.pid);
        let kept = self.kept_list(inode, name);
        match kept {
            KnownAcl::None | KnownAcl::List(_) => return Ok(kept.clone()),
            KnownAcl::Unknown => *kept = asked.clone(),
            KnownAcl::Asked(_) => {}
        }
        let acl = self.ask_list(inode, name).await;
        let kept = self.kept_list(inode, name);
        if *kept == asked {
            *kept = acl.as_ref().map_or(KnownAcl::Unknown, Clone::clone);
        }
        acl
    }

    fn kept_list(&mut self, inode: InodeId, name: &[u8]) -> &mut KnownAcl {
        let state = &mut self.world.mount.inodes[inode];
        if name == XATTR_POSIX_ACL_DEFAULT { &mut state.default_acl } else { &mut state.acl }
    }

    /// `fuse_get_acl`, which has room for a page.
    async fn ask_list(&mut self, inode: InodeId, name: &[u8]) -> Served<KnownAcl> {
        if self.unknown().getxattr {
            return Err(Errno::EOPNOTSUPP.into());
        }
        let nodeid = self.world.mount.inodes[inode].nodeid;
        let got = self.read_attribute(Opcode::GETXATTR, nodeid, &with_nul(name), PAGE_SIZE).await;
        match forget_unknown(got, &mut self.unknown().getxattr) {
            Ok(outcome) if outcome.data.is_empty() => Ok(KnownAcl::None),
            Ok(outcome) => Ok(KnownAcl::List(outcome.data.into())),
            Err(Halt::Errno(Errno::ENODATA)) => Ok(KnownAcl::None),
            Err(Halt::Errno(Errno::ERANGE)) => Err(Errno::E2BIG.into()),
            Err(halt) => Err(halt),
        }
    }

    /// `posix_acl_getxattr`: the list is had whole, and then there is room for it or not.
    pub(super) async fn get_list(&mut self, dentry: DentryId, name: &[u8], size: u32) -> Served {
        let inode = self.inode_of(dentry);
        let KnownAcl::List(list) = self.list_of(inode, name).await? else {
            return Err(Errno::ENODATA.into());
        };
        let length = number(list.len() as i64);
        match size as usize {
            0 => Ok(length),
            room if room < list.len() => Err(Errno::ERANGE.into()),
            _ => Ok(Outcome { data: list.to_vec(), ..length }),
        }
    }

    /// Sets a list, or takes it away where the value has no entries.
    pub(super) async fn set_list(&mut self, dentry: DentryId, name: &[u8], value: &[u8]) -> Served {
        let has_entries = posix_acl_has_entries(value)?;
        let inode = &self.world.mount.inodes[self.inode_of(dentry)];
        let who = &self.caller.credentials;
        let owns = who.uid == inode.uid || who.capable(Capabilities::FOWNER);
        match inode.kind {
            FileKind::Symlink => return Err(Errno::EOPNOTSUPP.into()),
            FileKind::Directory => {}
            // What is no directory has no default list to lose.
            _ if name == XATTR_POSIX_ACL_DEFAULT && !has_entries => return Ok(number(0)),
            _ if name == XATTR_POSIX_ACL_DEFAULT => return Err(Errno::EACCES.into()),
            _ => {}
        }
        if !owns {
            return Err(Errno::EPERM.into());
        }
        posix_acl_check(value)?;
        match has_entries {
            true => self.send_setxattr(dentry, name, value, 0).await,
            false => self.send_removexattr(dentry, name).await,
        }
    }
}
