//! getxattr, listxattr, setxattr, removexattr.

use fuserig_abi::{Errno, FuseGetxattrIn, FuseGetxattrOut, NodeId, Opcode, XATTR_SIZE_MAX};

use super::Halt;
use super::acl::is_list;
use super::exchange::{Ordinary, Served, body, number, parse, with_nul};
use crate::kernel::{DentryId, StatMask, Unknown};
use crate::pipeline::Outcome;
use crate::pipeline::device::Shape;

/// A daemon that does not know the request is not asked again.
pub(super) fn forget_unknown(result: Served, memory: &mut bool) -> Served {
    if result == Err(Halt::Errno(Errno::ENOSYS)) {
        *memory = true;
        return Err(Errno::EOPNOTSUPP.into());
    }
    result
}

impl Ordinary<'_> {
    pub(super) fn unknown(&mut self) -> &mut Unknown {
        &mut self.world.connection.unknown
    }

    /// A change of an attribute moves the time of the last change.
    fn note_change(&mut self, dentry: DentryId, name: &[u8], result: &Served) {
        if result.is_ok() {
            let inode = self.inode_of(dentry);
            let mut stale = StatMask::CTIME;
            if name.starts_with(b"system.posix_acl_") {
                self.world.mount.inodes[inode].forget_acls();
                stale = StatMask::BASIC;
            }
            self.invalidate(inode, stale);
        }
    }

    /// The reading requests: bytes for a buffer, or their number without one.
    pub(super) async fn read_attribute(
        &mut self,
        opcode: Opcode,
        nodeid: NodeId,
        name: &[u8],
        size: u32,
    ) -> Served {
        let head = FuseGetxattrIn { size, padding: 0 };
        let body = body(&head, &[name]);
        if size == 0 {
            let shape = Shape::fixed(size_of::<FuseGetxattrOut>());
            let reply = self.ask(opcode, nodeid, body, shape).await?;
            let length = parse::<FuseGetxattrOut>(&reply).size.min(XATTR_SIZE_MAX);
            return Ok(number(i64::from(length)));
        }
        let data = self.ask(opcode, nodeid, body, Shape::up_to(size as usize)).await?;
        Ok(Outcome { data: data.clone(), ..number(data.len() as i64) })
    }

    pub(super) async fn getxattr(&mut self, dentry: DentryId, name: &[u8], size: u32) -> Served {
        if self.unknown().getxattr {
            return Err(Errno::EOPNOTSUPP.into());
        }
        if is_list(name) {
            return self.get_list(dentry, name, size).await;
        }
        let nodeid = self.node_of(dentry);
        let got = self.read_attribute(Opcode::GETXATTR, nodeid, &with_nul(name), size).await;
        forget_unknown(got, &mut self.unknown().getxattr)
    }

    pub(super) async fn listxattr(&mut self, dentry: DentryId, size: u32) -> Served {
        if self.unknown().listxattr {
            return Err(Errno::EOPNOTSUPP.into());
        }
        let nodeid = self.node_of(dentry);
        let got = self.read_attribute(Opcode::LISTXATTR, nodeid, &[], size).await;
        let got = forget_unknown(got, &mut self.unknown().listxattr)?;
        let names = &got.data;
        let empty = names.split(|&byte| byte == 0).rev().skip(1).any(<[u8]>::is_empty);
        if !names.is_empty() && (names.last() != Some(&0) || empty) {
            return Err(Errno::EIO.into());
        }
        Ok(got)
    }

    pub(super) async fn setxattr(
        &mut self,
        dentry: DentryId,
        name: &[u8],
        value: &[u8],
        flags: u32,
    ) -> Served {
        if is_list(name) {
            return self.set_list(dentry, name, value).await;
        }
        self.send_setxattr(dentry, name, value, flags).await
    }

    /// The short form of the struct, which every daemon understands.
    pub(super) async fn send_setxattr(
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
        let set = self.tell(Opcode::SETXATTR, nodeid, body).await.map(|()| number(0));
        self.note_change(dentry, name, &set);
        forget_unknown(set, &mut self.unknown().setxattr)
    }

    pub(super) async fn removexattr(&mut self, dentry: DentryId, name: &[u8]) -> Served {
        if is_list(name) {
            return self.set_list(dentry, name, &[]).await;
        }
        self.send_removexattr(dentry, name).await
    }

    pub(super) async fn send_removexattr(&mut self, dentry: DentryId, name: &[u8]) -> Served {
        if self.unknown().removexattr {
            return Err(Errno::EOPNOTSUPP.into());
        }
        let nodeid = self.node_of(dentry);
        let removed =
            self.tell(Opcode::REMOVEXATTR, nodeid, with_nul(name)).await.map(|()| number(0));
        self.note_change(dentry, name, &removed);
        forget_unknown(removed, &mut self.unknown().removexattr)
    }
}
