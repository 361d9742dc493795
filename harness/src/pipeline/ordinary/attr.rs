//! getattr, setattr, statfs, access.

use fuserig_abi::{
    AccessMask, Capabilities, Errno, FATTR_FH, FATTR_KILL_SUIDGID, FATTR_LOCKOWNER,
    FATTR_MTIME_NOW, FileKind, FuseAccessIn, FuseAttrOut, FuseGetattrIn, FuseSetattrIn,
    FuseStatfsOut, Gid, NodeId, Opcode, S_ISGID, Stat, StatFs, Uid,
};

use super::exchange::{Ordinary, Served, body, done, invalid, number, parse, stat_of};
use crate::kernel::{DentryId, HandleId, InodeId, StatMask};
use crate::pipeline::device::Shape;
use crate::pipeline::ops::to_fattr;
use crate::pipeline::{AttrValid, Iattr, Value};

/// `FUSE_GETATTR_FH`: the request names an open file.
const GETATTR_FH: u32 = 1;

impl Ordinary<'_> {
    /// `fuse_update_get_attr`: from what the daemon said before, as long as that is valid.
    pub(super) async fn getattr(&mut self, dentry: DentryId) -> Served {
        let inode = self.inode_of(dentry);
        let told = self.update(inode, StatMask::BASIC, None).await?;
        let stat = told.or(self.world.mount.inodes[inode].described);
        Ok(done(stat.map_or(Value::Number(0), |stat| Value::Attr(Box::new(stat)))))
    }

    /// `fuse_update_attributes`: asks for attributes that are not known any more, through the
    /// open file when there is one. What the daemon said, if it was asked.
    pub(crate) async fn update(
        &mut self,
        inode: InodeId,
        mask: StatMask,
        file: Option<HandleId>,
    ) -> Served<Option<Stat>> {
        if self.world.mount.inodes[inode].is_fresh(mask, self.world.now) {
            return Ok(None);
        }
        self.refresh(inode, file).await.map(Some)
    }

    /// `fuse_do_getattr`: what the daemon says, whether the inode has changed since or not. Only a
    /// regular file is asked about through its handle.
    pub(crate) async fn refresh(&mut self, inode: InodeId, file: Option<HandleId>) -> Served<Stat> {
        self.world.mount.inodes[inode].forget_acls();
        let state = &self.world.mount.inodes[inode];
        let (nodeid, regular) = (state.nodeid, state.kind == FileKind::Regular);
        let file = file.filter(|_| regular).map(|file| self.world.mount.handles[file].fh.0);
        let asked = FuseGetattrIn {
            getattr_flags: file.map_or(0, |_| GETATTR_FH),
            fh: file.unwrap_or(0),
            ..FuseGetattrIn::default()
        };
        let body = body(&asked, &[]);
        let shape = Shape::fixed(size_of::<FuseAttrOut>());
        let reply = self.ask(Opcode::GETATTR, nodeid, body, shape).await?;
        self.describe(inode, &parse(&reply), self.asked_at)
    }

    /// Takes over attributes that were asked for at that version; ones that make no sense end the
    /// inode (GATTR-2).
    fn describe(&mut self, inode: InodeId, out: &FuseAttrOut, asked_at: u64) -> Served<Stat> {
        let until = self.until(out.attr_valid, out.attr_valid_nsec);
        let state = &mut self.world.mount.inodes[inode];
        if invalid(&out.attr) || FileKind::from_mode(out.attr.mode) != Some(state.kind) {
            state.bad = true;
            return Err(Errno::EIO.into());
        }
        let stat = stat_of(&out.attr);
        self.world.mount.describe(inode, &stat, until, asked_at);
        Ok(stat)
    }

    /// Takes over the attributes of a change that this kernel asked for: contents that it has
    /// cached are still those of the file.
    fn describe_own_change(&mut self, inode: InodeId, out: &FuseAttrOut) -> Served<()> {
        let pages = core::mem::take(&mut self.world.mount.inodes[inode].pages);
        let size = self.world.mount.inodes[inode].size;
        self.describe(inode, out, u64::MAX)?;
        if out.attr.size == size {
            self.world.mount.inodes[inode].pages = pages;
        }
        Ok(())
    }

    /// Some attributes have to be asked for again.
    pub(super) fn invalidate(&mut self, inode: InodeId, mask: StatMask) {
        self.world.mount.inodes[inode].stale |= mask;
    }

    /// `fuse_dir_changed`: a name in the directory of this dentry came, went or moved.
    pub(super) fn directory_changed(&mut self, dentry: DentryId) {
        let parent = self.world.mount.dentries[dentry].parent;
        let parent = self.inode_of(parent);
        self.invalidate(parent, StatMask::BASIC);
    }

    /// `fuse_do_setattr`. The times of the caller are not trusted, so "now" is said in a bit.
    pub(super) async fn setattr(&mut self, dentry: DentryId, attr: &Iattr) -> Served {
        let opened = attr.valid.contains(AttrValid::OPEN);
        if opened && self.world.connection.atomic_o_trunc {
            return Ok(number(0));
        }
        let inode = self.inode_of(dentry);
        self.check_change(inode, attr)?;
        let attr = &Iattr { mode: self.mode_that_may_be_set(inode, attr), ..*attr };
        let mut local = AttrValid::CTIME;
        // `update_mtime`: the daemon knows what a truncation does to the times of its file.
        let of_file = attr.valid.intersects(AttrValid::OPEN | AttrValid::FILE);
        if attr.valid.contains(AttrValid::SIZE) && of_file {
            local.set(AttrValid::MTIME, !attr.valid.contains(AttrValid::MTIME_SET));
        }
        let attr = Iattr { valid: attr.valid.difference(local), ..*attr };
        let mut fattr = to_fattr(&attr);
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
        fattr.valid |= self.killed_privileges(inode, &attr);
        let nodeid = self.world.mount.inodes[inode].nodeid;
        let shape = Shape::fixed(size_of::<FuseAttrOut>());
        let body = body::<FuseSetattrIn>(&fattr, &[]);
        let reply = self.ask(Opcode::SETATTR, nodeid, body, shape).await?;
        self.describe_own_change(inode, &parse(&reply))?;
        self.world.mount.inodes[inode].forget_acls();
        let directory = self.world.mount.inodes[inode].kind == FileKind::Directory;
        if directory && attr.valid.contains(AttrValid::MODE) {
            // Whether the name may be walked through has to be found out again.
            let keeps = !self.world.mount.options.delete_stale;
            let entry = &mut self.world.mount.dentries[dentry];
            (entry.cached, entry.valid_until) = (keeps, fuserig_abi::Timespec::ZERO);
        }
        Ok(number(0))
    }

    /// `setattr_prepare`, where the mount checks permissions itself.
    fn check_change(&self, inode: InodeId, attr: &Iattr) -> Served<()> {
        let options = self.world.mount.options;
        if !options.default_permissions || attr.valid.contains(AttrValid::FORCE) {
            return Ok(());
        }
        let (node, credentials) = (&self.world.mount.inodes[inode], &self.caller.credentials);
        let owns = credentials.uid == node.uid;
        let gives = credentials.capable(Capabilities::CHOWN);
        let sets = AttrValid::MODE | AttrValid::TIMES_SET;
        let (uid, gid) = (Uid(attr.uid), Gid(attr.gid));
        let keeps_user = owns && uid == node.uid;
        let joins_group = owns && (gid == node.gid || credentials.in_group(gid));
        let refused = attr.valid.contains(AttrValid::UID) && !keeps_user && !gives
            || attr.valid.contains(AttrValid::GID) && !joins_group && !gives
            || attr.valid.intersects(sets) && !owns && !credentials.capable(Capabilities::FOWNER);
        if refused { Err(Errno::EPERM.into()) } else { Ok(()) }
    }

    /// `setattr_prepare`, where the mount checks permissions itself: who is not in the group of a
    /// node gives it no setgid bit (seen on 6.18).
    fn mode_that_may_be_set(&self, inode: InodeId, attr: &Iattr) -> u32 {
        let checks = self.world.mount.options.default_permissions;
        let is_free = !checks || attr.valid.contains(AttrValid::FORCE);
        let given = attr.valid.contains(AttrValid::GID);
        let gid = if given { Gid(attr.gid) } else { self.world.mount.inodes[inode].gid };
        let credentials = &self.caller.credentials;
        if is_free || credentials.in_group(gid) || credentials.capable(Capabilities::FSETID) {
            return attr.mode;
        }
        attr.mode & !S_ISGID
    }

    /// With `FUSE_HANDLE_KILLPRIV_V2` the daemon is told when setuid bits have to go: always when
    /// the owner changes, and at a truncation by one who may not keep them.
    fn killed_privileges(&self, inode: InodeId, attr: &Iattr) -> u32 {
        let owner = AttrValid::UID | AttrValid::GID;
        let directory = self.world.mount.inodes[inode].kind == FileKind::Directory;
        let chown = attr.valid.intersects(owner) && !directory;
        let truncates = attr.valid.contains(AttrValid::SIZE) && !self.keeps_privileges();
        let told = self.world.connection.handle_killpriv_v2 && (chown || truncates);
        if told { FATTR_KILL_SUIDGID } else { 0 }
    }

    /// Whether the caller's changes leave setuid bits alone.
    pub(super) fn keeps_privileges(&self) -> bool {
        self.caller.credentials.capable(Capabilities::FSETID)
    }

    /// A number that stands for the caller as owner of locks. The kernel scrambles a pointer;
    /// the pid is as good and the same in every run.
    pub(super) fn lock_owner(&self) -> u64 {
        u64::from(self.caller.pid.0)
    }

    pub(super) async fn statfs(&mut self, dentry: DentryId) -> Served {
        let nodeid = self.node_of(dentry);
        let shape = Shape::fixed(size_of::<FuseStatfsOut>());
        let reply = self.ask(Opcode::STATFS, nodeid, Vec::new(), shape).await?;
        let st = parse::<FuseStatfsOut>(&reply).st;
        Ok(done(Value::StatFs(Box::new(StatFs {
            blocks: st.blocks,
            bfree: st.bfree,
            bavail: st.bavail,
            files: st.files,
            ffree: st.ffree,
            bsize: st.bsize,
            namelen: st.namelen,
            frsize: st.frsize,
        }))))
    }

    /// `fuse_access`: only reading, writing and executing are asked for.
    pub(super) async fn access(&mut self, inode: InodeId, mask: AccessMask) -> Served {
        if self.world.connection.unknown.access {
            return Ok(number(0));
        }
        let asked = AccessMask::READ | AccessMask::WRITE | AccessMask::EXEC;
        let head = FuseAccessIn { mask: mask.intersection(asked).bits(), padding: 0 };
        let nodeid: NodeId = self.world.mount.inodes[inode].nodeid;
        match self.tell(Opcode::ACCESS, nodeid, body(&head, &[])).await {
            Err(super::Halt::Errno(Errno::ENOSYS)) => {
                self.world.connection.unknown.access = true;
                Ok(number(0))
            }
            other => other.map(|()| number(0)),
        }
    }
}
