//! Requests about a node: attributes, extended attributes, link target, figures, permission.

use fuserig_abi::{
    AccessMask, Errno, FATTR_ATIME, FATTR_ATIME_NOW, FATTR_CTIME, FATTR_FH, FATTR_GID,
    FATTR_KILL_SUIDGID, FATTR_MODE, FATTR_MTIME, FATTR_MTIME_NOW, FATTR_SIZE, FATTR_UID, FuseAttr,
    FuseAttrOut, FuseGetxattrOut, FuseKstatfs, FuseSetattrIn, FuseStatfsOut, NodeId, Stat, StatFs,
    Timespec, XATTR_SIZE_MAX,
};

use super::incoming::{Head, Incoming};
use super::outgoing::Outgoing;
use super::server::{Server, checked};
use crate::kernel::DentryId;
use crate::pipeline::{AttrValid, Iattr, Operation, Outcome, Value};

impl Server {
    pub(super) fn about_a_node(
        &mut self,
        head: &Head,
        incoming: Incoming,
    ) -> Result<Outgoing, Errno> {
        let dentry = self.dentry_of(head.nodeid)?;
        match incoming {
            Incoming::Getattr { .. } => {
                let outcome = self.settle(head, Operation::Getattr { dentry, flags: 0 })?;
                let Value::Attr(stat) = outcome.value else { return Err(Errno::EIO) };
                Ok(self.attr_reply(head.nodeid, &stat))
            }
            Incoming::Setattr { input } => self.setattr(head, dentry, &input),
            Incoming::Readlink => {
                let outcome = self.settle(head, Operation::GetLink { dentry })?;
                Ok(Outgoing::Data(outcome.data))
            }
            Incoming::Statfs => {
                let outcome = self.settle(head, Operation::Statfs { dentry })?;
                let Value::StatFs(figures) = outcome.value else { return Err(Errno::EIO) };
                Ok(Outgoing::Statfs(FuseStatfsOut { st: fuse_statfs(&figures) }))
            }
            Incoming::Setxattr { name, value, flags } => {
                let member = self.attributes(dentry).is_ok_and(|stat| stat.gid == head.gid);
                let operation = Operation::Setxattr { dentry, name, value, flags };
                if member || head.uid == fuserig_abi::Uid::ROOT {
                    self.settle(head, operation)?;
                } else {
                    // An access list by who is not of the file's group takes setgid away. Further
                    // groups of the caller are not in a request, and count for nothing.
                    let caller = self.losing_caller(head);
                    checked(self.run(caller, 0, operation)?)?;
                }
                Ok(Outgoing::Done)
            }
            Incoming::Getxattr { name, size } => {
                // The kernel never asks for more, and memory is taken for what is asked.
                let size = size.min(XATTR_SIZE_MAX);
                let outcome = self.settle(head, Operation::Getxattr { dentry, name, size })?;
                Ok(sized(outcome, size))
            }
            Incoming::Listxattr { size } => {
                let size = size.min(XATTR_SIZE_MAX);
                let outcome = self.settle(head, Operation::Listxattr { dentry, size })?;
                Ok(sized(outcome, size))
            }
            Incoming::Removexattr { name } => {
                self.settle(head, Operation::Removexattr { dentry, name })?;
                Ok(Outgoing::Done)
            }
            Incoming::Access { mask } => {
                let inode = self.world.mount.inode_of(dentry);
                let mask = AccessMask::from_bits_retain(mask);
                self.settle(head, Operation::Access { inode, mask })?;
                Ok(Outgoing::Done)
            }
            _ => Err(Errno::ENOSYS),
        }
    }

    fn attr_reply(&self, nodeid: NodeId, stat: &Stat) -> Outgoing {
        let valid = self.config.attr_valid;
        Outgoing::Attr(FuseAttrOut {
            attr_valid: valid.sec as u64,
            attr_valid_nsec: valid.nsec,
            dummy: 0,
            attr: fuse_attr(nodeid, stat),
        })
    }

    fn setattr(
        &mut self,
        head: &Head,
        dentry: DentryId,
        input: &FuseSetattrIn,
    ) -> Result<Outgoing, Errno> {
        let mut attr = iattr(input);
        if input.valid & FATTR_FH != 0 {
            attr.file = self.handle_of(input.fh).ok();
            attr.valid.set(AttrValid::FILE, attr.file.is_some());
        }
        let operation = Operation::Setattr { dentry, attr };
        // The flag says that a bit goes, not which: a change of owner by root spares setgid of what
        // the group may not execute, a truncation by whom it concerns spares nothing.
        let loses = input.valid & FATTR_SIZE != 0 || head.uid != fuserig_abi::Uid::ROOT;
        if input.valid & FATTR_KILL_SUIDGID != 0 && loses {
            let caller = self.losing_caller(head);
            checked(self.run(caller, 0, operation)?)?;
        } else {
            self.settle(head, operation)?;
        }
        let stat = self.attributes(dentry)?;
        Ok(self.attr_reply(head.nodeid, &stat))
    }
}

/// `struct fuse_setattr_in` as the change it asks for.
fn iattr(input: &FuseSetattrIn) -> Iattr {
    let pairs = [
        (FATTR_MODE, AttrValid::MODE),
        (FATTR_UID, AttrValid::UID),
        (FATTR_GID, AttrValid::GID),
        (FATTR_SIZE, AttrValid::SIZE),
        (FATTR_ATIME, AttrValid::ATIME),
        (FATTR_MTIME, AttrValid::MTIME),
        (FATTR_CTIME, AttrValid::CTIME),
    ];
    let mut valid = AttrValid::empty();
    for (bit, attr) in pairs {
        valid.set(attr, input.valid & bit != 0);
    }
    let explicit = |now: u32, set: AttrValid| valid.contains(set) && input.valid & now == 0;
    let atime_set = explicit(FATTR_ATIME_NOW, AttrValid::ATIME);
    let mtime_set = explicit(FATTR_MTIME_NOW, AttrValid::MTIME);
    valid.set(AttrValid::ATIME_SET, atime_set);
    valid.set(AttrValid::MTIME_SET, mtime_set);
    let time = |sec: u64, nsec: u32| Timespec { sec: sec as i64, nsec };
    Iattr {
        valid,
        mode: input.mode,
        uid: input.uid,
        gid: input.gid,
        size: input.size,
        atime: time(input.atime, input.atimensec),
        mtime: time(input.mtime, input.mtimensec),
        ctime: time(input.ctime, input.ctimensec),
        file: None,
    }
}

/// Attributes as the protocol carries them; clients show the nodeid as the inode number.
pub(super) fn fuse_attr(nodeid: NodeId, stat: &Stat) -> FuseAttr {
    FuseAttr {
        ino: nodeid.0,
        size: stat.size,
        blocks: stat.blocks,
        atime: stat.atime.sec as u64,
        mtime: stat.mtime.sec as u64,
        ctime: stat.ctime.sec as u64,
        atimensec: stat.atime.nsec,
        mtimensec: stat.mtime.nsec,
        ctimensec: stat.ctime.nsec,
        mode: stat.mode(),
        nlink: stat.nlink,
        uid: stat.uid.0,
        gid: stat.gid.0,
        rdev: stat.rdev.encode(),
        blksize: stat.blksize,
        flags: 0,
    }
}

fn fuse_statfs(figures: &StatFs) -> FuseKstatfs {
    FuseKstatfs {
        blocks: figures.blocks,
        bfree: figures.bfree,
        bavail: figures.bavail,
        files: figures.files,
        ffree: figures.ffree,
        bsize: figures.bsize,
        namelen: figures.namelen,
        frsize: figures.frsize,
        ..FuseKstatfs::default()
    }
}

/// A length for a question about the length, else the bytes.
fn sized(outcome: Outcome, size: u32) -> Outgoing {
    match outcome.value {
        Value::Number(length) if size == 0 => {
            let size = u32::try_from(length).unwrap_or(u32::MAX);
            Outgoing::Length(FuseGetxattrOut { size, padding: 0 })
        }
        _ => Outgoing::Data(outcome.data),
    }
}
