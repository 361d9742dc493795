//! getattr, setattr, statfs, access.

use fuserig_abi::{
    AccessMask, Errno, FileKind, FuseAccessIn, FuseAttrOut, FuseGetattrIn, FuseSetattrIn,
    FuseStatfsOut, NodeId, Opcode, StatFs,
};

use super::exchange::{Ordinary, Served, body, done, invalid, number, parse, stat_of};
use crate::kernel::{DentryId, InodeId};
use crate::pipeline::device::Shape;
use crate::pipeline::ops::{FATTR_FH, FATTR_LOCKOWNER, FATTR_MTIME_NOW, to_fattr};
use crate::pipeline::{AttrValid, Iattr, Value};

impl Ordinary<'_> {
    /// `fuse_update_get_attr`: from what the daemon said before, as long as that is valid.
    pub(super) fn getattr(&mut self, dentry: DentryId) -> Served {
        let inode = self.inode_of(dentry);
        let state = &self.world.mount.inodes[inode];
        if let Some(stat) = state.described
            && state.described_until > self.world.now
        {
            return Ok(done(Value::Attr(stat)));
        }
        self.refresh(inode)?;
        let stat = self.world.mount.inodes[inode].described;
        Ok(done(stat.map_or(Value::Number(0), Value::Attr)))
    }

    fn refresh(&mut self, inode: InodeId) -> Served<()> {
        let nodeid = self.world.mount.inodes[inode].nodeid;
        let body = body(&FuseGetattrIn::default(), &[]);
        let shape = Shape::fixed(size_of::<FuseAttrOut>());
        let reply = self.ask(Opcode::GETATTR, nodeid, body, shape)?;
        self.describe(inode, &parse(&reply))
    }

    /// Takes over attributes; ones that make no sense end the inode (GATTR-2).
    fn describe(&mut self, inode: InodeId, out: &FuseAttrOut) -> Served<()> {
        let until = self.until(out.attr_valid, out.attr_valid_nsec);
        let state = &mut self.world.mount.inodes[inode];
        if invalid(&out.attr) || FileKind::from_mode(out.attr.mode) != Some(state.kind) {
            state.bad = true;
            return Err(Errno::EIO.into());
        }
        state.describe(&stat_of(&out.attr), until);
        Ok(())
    }

    /// `fuse_do_setattr`. The times of the caller are not trusted, so "now" is said in a bit.
    pub(super) fn setattr(&mut self, dentry: DentryId, attr: &Iattr) -> Served {
        let opened = attr.valid.contains(AttrValid::OPEN);
        if opened && self.world.connection.atomic_o_trunc {
            return Ok(number(0));
        }
        let inode = self.inode_of(dentry);
        let local = AttrValid::CTIME;
        let mut fattr = to_fattr(&Iattr { valid: attr.valid.difference(local), ..*attr });
        (fattr.ctime, fattr.ctimensec) = (0, 0);
        let (mtime, set) = (AttrValid::MTIME, AttrValid::MTIME_SET);
        if attr.valid.contains(mtime) && !attr.valid.contains(set) {
            fattr.valid |= FATTR_MTIME_NOW;
        }
        if attr.valid.contains(AttrValid::SIZE) {
            fattr.valid |= FATTR_LOCKOWNER;
            fattr.lock_owner = self.lock_owner();
        }
        if let (Some(handle), false) = (attr.file, opened)
            && attr.valid.contains(AttrValid::FILE)
        {
            fattr.valid |= FATTR_FH;
            fattr.fh = self.world.mount.handles[handle].fh.0;
        }
        let nodeid = self.world.mount.inodes[inode].nodeid;
        let shape = Shape::fixed(size_of::<FuseAttrOut>());
        let body = body::<FuseSetattrIn>(&fattr, &[]);
        let reply = self.ask(Opcode::SETATTR, nodeid, body, shape)?;
        self.describe(inode, &parse(&reply))?;
        Ok(number(0))
    }

    /// A number that stands for the caller as owner of locks. The kernel scrambles a pointer;
    /// the pid is as good and the same in every run.
    pub(super) fn lock_owner(&self) -> u64 {
        u64::from(self.caller.pid.0)
    }

    pub(super) fn statfs(&mut self, dentry: DentryId) -> Served {
        let nodeid = self.node_of(dentry);
        let shape = Shape::fixed(size_of::<FuseStatfsOut>());
        let reply = self.ask(Opcode::STATFS, nodeid, Vec::new(), shape)?;
        let st = parse::<FuseStatfsOut>(&reply).st;
        Ok(done(Value::StatFs(StatFs {
            blocks: st.blocks,
            bfree: st.bfree,
            bavail: st.bavail,
            files: st.files,
            ffree: st.ffree,
            bsize: st.bsize,
            namelen: st.namelen,
            frsize: st.frsize,
        })))
    }

    /// `fuse_access`: only reading, writing and executing are asked for.
    pub(super) fn access(&mut self, inode: InodeId, mask: AccessMask) -> Served {
        if self.world.connection.unknown.access {
            return Ok(number(0));
        }
        let asked = AccessMask::READ | AccessMask::WRITE | AccessMask::EXEC;
        let head = FuseAccessIn { mask: mask.intersection(asked).bits(), padding: 0 };
        let nodeid: NodeId = self.world.mount.inodes[inode].nodeid;
        match self.tell(Opcode::ACCESS, nodeid, body(&head, &[])) {
            Err(super::Halt::Errno(Errno::ENOSYS)) => {
                self.world.connection.unknown.access = true;
                Ok(number(0))
            }
            other => other.map(|()| number(0)),
        }
    }
}
