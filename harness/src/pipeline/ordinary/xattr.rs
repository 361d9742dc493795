//! getxattr, listxattr, setxattr, removexattr.

use fuserig_abi::{
    Errno, FuseGetxattrIn, FuseGetxattrOut, NodeId, Opcode, PAGE_SIZE, XATTR_SIZE_MAX,
};
use fuserig_sim_fs::posix_acl_grants;

use super::Halt;
use super::exchange::{Ordinary, Served, body, number, parse, with_nul};
use crate::kernel::{DentryId, InodeId, KnownAcl, StatMask, Unknown};
use crate::pipeline::Outcome;
use crate::pipeline::device::Shape;

/// The name under which the kernel asks for an access list.
const ACCESS_LIST: &[u8] = b"system.posix_acl_access\0";

/// A daemon that does not know the request is not asked again.
fn forget_unknown(result: Served, memory: &mut bool) -> Served {
    if result == Err(Halt::Errno(Errno::ENOSYS)) {
        *memory = true;
        return Err(Errno::EOPNOTSUPP.into());
    }
    result
}

impl Ordinary<'_> {
    fn unknown(&mut self) -> &mut Unknown {
        &mut self.world.connection.unknown
    }

    /// `fuse_get_inode_acl` and the check that follows: none when no list decides.
    pub(crate) fn acl_grants(&mut self, inode: InodeId, wanted: u32) -> Served<Option<bool>> {
        let state = &self.world.mount.inodes[inode];
        let (gid, root) = (state.gid, state.nodeid == NodeId::ROOT);
        let acl = match &state.acl {
            KnownAcl::Unknown => self.ask_acl(inode)?,
            known => known.clone(),
        };
        // The root is there before INIT, so its list is never kept (`ACL_DONT_CACHE`).
        if !root {
            self.world.mount.inodes[inode].acl = acl.clone();
        }
        let KnownAcl::List(list) = &acl else { return Ok(None) };
        Ok(posix_acl_grants(list, &self.caller.credentials, gid, wanted)?)
    }

    fn ask_acl(&mut self, inode: InodeId) -> Served<KnownAcl> {
        if self.unknown().getxattr {
            return Ok(KnownAcl::None);
        }
        let nodeid = self.world.mount.inodes[inode].nodeid;
        let got = self.read_attribute(Opcode::GETXATTR, nodeid, ACCESS_LIST, PAGE_SIZE);
        match forget_unknown(got, &mut self.unknown().getxattr) {
            Ok(outcome) if outcome.data.is_empty() => Ok(KnownAcl::None),
            Ok(outcome) => Ok(KnownAcl::List(outcome.data.into())),
            Err(Halt::Errno(Errno::ENODATA | Errno::EOPNOTSUPP)) => Ok(KnownAcl::None),
            Err(halt) => Err(halt),
        }
    }

    /// A change of an attribute moves the time of the last change.
    fn note_change(&mut self, dentry: DentryId, name: &[u8], result: &Served) {
        if result.is_ok() {
            let inode = self.inode_of(dentry);
            let mut stale = StatMask::CTIME;
            if name.starts_with(b"system.posix_acl_") {
                self.world.mount.inodes[inode].acl = KnownAcl::Unknown;
                stale = StatMask::BASIC;
            }
            self.invalidate(inode, stale);
        }
    }

    /// The reading requests: bytes for a buffer, or their number without one.
    fn read_attribute(&mut self, opcode: Opcode, nodeid: NodeId, name: &[u8], size: u32) -> Served {
        let head = FuseGetxattrIn { size, padding: 0 };
        let body = body(&head, &[name]);
        if size == 0 {
            let shape = Shape::fixed(size_of::<FuseGetxattrOut>());
            let reply = self.ask(opcode, nodeid, body, shape)?;
            let length = parse::<FuseGetxattrOut>(&reply).size.min(XATTR_SIZE_MAX);
            return Ok(number(i64::from(length)));
        }
        let data = self.ask(opcode, nodeid, body, Shape::up_to(size as usize))?;
        Ok(Outcome { data: data.clone(), ..number(data.len() as i64) })
    }

    pub(super) fn getxattr(&mut self, dentry: DentryId, name: &[u8], size: u32) -> Served {
        if self.unknown().getxattr {
            return Err(Errno::EOPNOTSUPP.into());
        }
        let nodeid = self.node_of(dentry);
        let got = self.read_attribute(Opcode::GETXATTR, nodeid, &with_nul(name), size);
        forget_unknown(got, &mut self.unknown().getxattr)
    }

    pub(super) fn listxattr(&mut self, dentry: DentryId, size: u32) -> Served {
        if self.unknown().listxattr {
            return Err(Errno::EOPNOTSUPP.into());
        }
        let nodeid = self.node_of(dentry);
        let got = self.read_attribute(Opcode::LISTXATTR, nodeid, &[], size);
        let got = forget_unknown(got, &mut self.unknown().listxattr)?;
        let names = &got.data;
        let empty = names.split(|&byte| byte == 0).rev().skip(1).any(<[u8]>::is_empty);
        if !names.is_empty() && (names.last() != Some(&0) || empty) {
            return Err(Errno::EIO.into());
        }
        Ok(got)
    }

    /// The short form of the struct, which every daemon understands.
    pub(super) fn setxattr(
        &mut self,
        dentry: DentryId,
        name: &[u8],
        value: &[u8],
        flags: u32,
    ) -> Served {
        if self.unknown().setxattr {
            return Err(Errno::EOPNOTSUPP.into());
        }
        let mut body = (value.len() as u32).to_le_bytes().to_vec();
        body.extend(flags.to_le_bytes());
        body.extend(with_nul(name));
        body.extend(value);
        let nodeid = self.node_of(dentry);
        let set = self.tell(Opcode::SETXATTR, nodeid, body).map(|()| number(0));
        self.note_change(dentry, name, &set);
        forget_unknown(set, &mut self.unknown().setxattr)
    }

    pub(super) fn removexattr(&mut self, dentry: DentryId, name: &[u8]) -> Served {
        if self.unknown().removexattr {
            return Err(Errno::EOPNOTSUPP.into());
        }
        let nodeid = self.node_of(dentry);
        let removed = self.tell(Opcode::REMOVEXATTR, nodeid, with_nul(name)).map(|()| number(0));
        self.note_change(dentry, name, &removed);
        forget_unknown(removed, &mut self.unknown().removexattr)
    }
}
