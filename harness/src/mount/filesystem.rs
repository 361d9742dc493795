//! fuser's `Filesystem`: every callback becomes a request on the way to the pipeline.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use fuser::{
    AccessFlags, BsdFileFlags, CopyFileRangeFlags, FileHandle, Filesystem, INodeNo, InitFlags,
    KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyLock, ReplyLseek, ReplyOpen,
    ReplyStatfs, ReplyWrite, ReplyXattr, Request, TimeOrNow, WriteFlags,
};
use fuserig_abi::{
    FATTR_ATIME, FATTR_ATIME_NOW, FATTR_CTIME, FATTR_FH, FATTR_GID, FATTR_KILL_SUIDGID, FATTR_MODE,
    FATTR_MTIME, FATTR_MTIME_NOW, FATTR_SIZE, FATTR_UID, FuseCopyFileRangeIn, FuseCreateIn,
    FuseFallocateIn, FuseFlushIn, FuseFsyncIn, FuseLseekIn, FuseMkdirIn, FuseMknodIn, FuseOpenIn,
    FuseReadIn, FuseReleaseIn, FuseSetattrIn, FuseWriteIn, Gid, NodeId, Pid, Timespec, Uid, Unique,
};

use super::convert;
use super::home::Home;
use super::job::{Job, ReplyTo};
use crate::serve::{Head, Incoming, LockRange};

/// What a session asks of the kernel in INIT.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) flags: InitFlags,
    pub(super) max_write: u32,
}

/// What came of INIT, for the header of a trace.
#[derive(Clone, Debug, Default)]
pub(super) struct Negotiated {
    pub(super) minor: Option<u32>,
    pub(super) flags: Vec<String>,
}

/// The filesystem that fuser sees.
#[derive(Debug)]
pub(super) struct Door {
    home: Home,
    /// The counter of the interval order, which the worker shares.
    sequence: Arc<AtomicU64>,
    wanted: Wanted,
    negotiated: Arc<Mutex<Negotiated>>,
}

impl Door {
    pub(super) fn new(
        home: Home,
        sequence: Arc<AtomicU64>,
        wanted: Wanted,
        negotiated: Arc<Mutex<Negotiated>>,
    ) -> Door {
        Door { home, sequence, wanted, negotiated }
    }

    fn pass(&self, request: &Request, ino: INodeNo, incoming: Incoming, reply: ReplyTo) {
        let head = Head {
            unique: Unique(request.unique().0),
            nodeid: NodeId(ino.0),
            uid: Uid(request.uid()),
            gid: Gid(request.gid()),
            pid: Pid(request.pid()),
        };
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        self.home.take(Job { head, incoming, reply, sequence });
    }
}

/// A lock as fuser hands it over.
struct Locked {
    fh: FileHandle,
    owner: LockOwner,
    start: u64,
    end: u64,
    kind: i32,
    pid: u32,
}

impl Door {
    /// fuser does not say whether a lock is one of `flock`. The kernel sends only those that INIT
    /// asked for, and this mount asks for one kind.
    fn lock(&self, lock: &Locked) -> LockRange {
        let flock = self.wanted.flags.contains(InitFlags::FUSE_FLOCK_LOCKS);
        LockRange {
            fh: lock.fh.0,
            owner: lock.owner.0,
            start: lock.start,
            end: lock.end,
            kind: u32::try_from(lock.kind).unwrap_or(u32::MAX),
            pid: lock.pid,
            flags: u32::from(flock),
        }
    }
}

fn bytes(name: &OsStr) -> Vec<u8> {
    name.as_bytes().to_vec()
}

fn owner(owner: Option<LockOwner>) -> u64 {
    owner.map_or(0, |owner| owner.0)
}

fn release(fh: FileHandle, flags: OpenFlags, lock_owner: u64, flush: bool) -> FuseReleaseIn {
    let release_flags = u32::from(flush);
    FuseReleaseIn { fh: fh.0, flags: flags.0 as u32, release_flags, lock_owner }
}

impl Filesystem for Door {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        let mut granted = Vec::new();
        for (name, flag) in self.wanted.flags.iter_names() {
            // What this kernel cannot do is left out; every part works without.
            if config.add_capabilities(flag).is_ok() {
                granted.push(name.to_owned());
            }
        }
        let _ = config.set_max_write(self.wanted.max_write);
        let _ = config.set_max_background(64);
        if self.wanted.flags.contains(InitFlags::FUSE_PASSTHROUGH) {
            // Files of an ordinary filesystem; one that is stacked itself is served as ever.
            let _ = config.set_max_stack_depth(1);
        }
        let negotiated = Negotiated { minor: Some(config.kernel_abi().1), flags: granted };
        *self.negotiated.lock().expect("nobody panics with this lock") = negotiated;
        Ok(())
    }

    fn lookup(&self, req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.pass(req, parent, Incoming::Lookup { name: bytes(name) }, ReplyTo::Entry(reply));
    }

    fn forget(&self, req: &Request, ino: INodeNo, nlookup: u64) {
        self.pass(req, ino, Incoming::Forget { nlookup }, ReplyTo::Nobody);
    }

    fn getattr(&self, req: &Request, ino: INodeNo, fh: Option<FileHandle>, reply: ReplyAttr) {
        let (flags, fh) = fh.map_or((0, 0), |fh| (1, fh.0));
        self.pass(req, ino, Incoming::Getattr { flags, fh }, ReplyTo::Attr(reply));
    }

    #[expect(clippy::disallowed_types, reason = "fuser's attributes carry it; no clock is read")]
    fn setattr(
        &self,
        req: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        ctime: Option<std::time::SystemTime>,
        fh: Option<FileHandle>,
        _crtime: Option<std::time::SystemTime>,
        _chgtime: Option<std::time::SystemTime>,
        _bkuptime: Option<std::time::SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut input = FuseSetattrIn::default();
        let mut set = |bit: u32, chosen: bool| input.valid |= if chosen { bit } else { 0 };
        set(FATTR_MODE, mode.is_some());
        set(FATTR_UID, uid.is_some());
        set(FATTR_GID, gid.is_some());
        set(FATTR_SIZE, size.is_some());
        set(FATTR_FH, fh.is_some());
        set(FATTR_ATIME, atime.is_some());
        set(FATTR_MTIME, mtime.is_some());
        set(FATTR_CTIME, ctime.is_some());
        set(FATTR_ATIME_NOW, matches!(atime, Some(TimeOrNow::Now)));
        set(FATTR_MTIME_NOW, matches!(mtime, Some(TimeOrNow::Now)));
        // fuser keeps this bit to itself. The kernel sets it for every new owner, which the server
        // leaves out for directories, and for a truncation by one who may not keep setuid bits:
        // a user, as far as a request tells.
        set(FATTR_KILL_SUIDGID, uid.is_some() || gid.is_some() || size.is_some() && req.uid() != 0);
        input.mode = mode.unwrap_or(0);
        (input.uid, input.gid) = (uid.unwrap_or(0), gid.unwrap_or(0));
        (input.size, input.fh) = (size.unwrap_or(0), fh.map_or(0, |fh| fh.0));
        let at = |time: Option<Timespec>| time.map_or((0, 0), |at| (at.sec as u64, at.nsec));
        (input.atime, input.atimensec) = at(atime.and_then(convert::time));
        (input.mtime, input.mtimensec) = at(mtime.and_then(convert::time));
        (input.ctime, input.ctimensec) = at(ctime.map(convert::change_time));
        self.pass(req, ino, Incoming::Setattr { input }, ReplyTo::Attr(reply));
    }

    fn readlink(&self, req: &Request, ino: INodeNo, reply: ReplyData) {
        self.pass(req, ino, Incoming::Readlink, ReplyTo::Data(reply));
    }

    fn mknod(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        rdev: u32,
        reply: ReplyEntry,
    ) {
        let input = FuseMknodIn { mode, rdev, umask, padding: 0 };
        let incoming = Incoming::Mknod { input, name: bytes(name) };
        self.pass(req, parent, incoming, ReplyTo::Entry(reply));
    }

    fn mkdir(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let incoming = Incoming::Mkdir { input: FuseMkdirIn { mode, umask }, name: bytes(name) };
        self.pass(req, parent, incoming, ReplyTo::Entry(reply));
    }

    fn unlink(&self, req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.pass(req, parent, Incoming::Unlink { name: bytes(name) }, ReplyTo::Empty(reply));
    }

    fn rmdir(&self, req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.pass(req, parent, Incoming::Rmdir { name: bytes(name) }, ReplyTo::Empty(reply));
    }

    fn symlink(
        &self,
        req: &Request,
        parent: INodeNo,
        link_name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let (name, target) = (bytes(link_name), bytes(target.as_os_str()));
        self.pass(req, parent, Incoming::Symlink { name, target }, ReplyTo::Entry(reply));
    }

    fn rename(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let incoming = Incoming::Rename {
            name: bytes(name),
            new_parent: NodeId(newparent.0),
            new_name: bytes(newname),
            flags: (!flags.is_empty()).then_some(flags.bits()),
        };
        self.pass(req, parent, incoming, ReplyTo::Empty(reply));
    }

    fn link(
        &self,
        req: &Request,
        ino: INodeNo,
        newparent: INodeNo,
        newname: &OsStr,
        reply: ReplyEntry,
    ) {
        let incoming = Incoming::Link { node: NodeId(ino.0), name: bytes(newname) };
        self.pass(req, newparent, incoming, ReplyTo::Entry(reply));
    }

    fn open(&self, req: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        let input = FuseOpenIn { flags: flags.0 as u32, open_flags: 0 };
        self.pass(req, ino, Incoming::Open { input }, ReplyTo::Open(reply));
    }

    fn read(
        &self,
        req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        size: u32,
        flags: OpenFlags,
        lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let (flags, lock_owner) = (flags.0 as u32, owner(lock_owner));
        let input = FuseReadIn { fh: fh.0, offset, size, flags, lock_owner, ..Default::default() };
        self.pass(req, ino, Incoming::Read { input }, ReplyTo::Data(reply));
    }

    fn write(
        &self,
        req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        data: &[u8],
        write_flags: WriteFlags,
        flags: OpenFlags,
        lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let input = FuseWriteIn {
            fh: fh.0,
            offset,
            size: u32::try_from(data.len()).expect("a request is below 4 GiB"),
            write_flags: write_flags.bits(),
            lock_owner: owner(lock_owner),
            flags: flags.0 as u32,
            padding: 0,
        };
        let incoming = Incoming::Write { input, data: data.to_vec() };
        self.pass(req, ino, incoming, ReplyTo::Write(reply));
    }

    fn flush(
        &self,
        req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        lock_owner: LockOwner,
        reply: ReplyEmpty,
    ) {
        let lock_owner = lock_owner.0;
        let input = FuseFlushIn { fh: fh.0, unused: 0, padding: 0, lock_owner };
        self.pass(req, ino, Incoming::Flush { input }, ReplyTo::Empty(reply));
    }

    fn release(
        &self,
        req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        flags: OpenFlags,
        lock_owner: Option<LockOwner>,
        flush: bool,
        reply: ReplyEmpty,
    ) {
        let input = release(fh, flags, owner(lock_owner), flush);
        self.pass(req, ino, Incoming::Release { input }, ReplyTo::Empty(reply));
    }

    fn fsync(
        &self,
        req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        datasync: bool,
        reply: ReplyEmpty,
    ) {
        let input = FuseFsyncIn { fh: fh.0, fsync_flags: u32::from(datasync), padding: 0 };
        self.pass(req, ino, Incoming::Fsync { input }, ReplyTo::Empty(reply));
    }

    fn opendir(&self, req: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        let input = FuseOpenIn { flags: flags.0 as u32, open_flags: 0 };
        self.pass(req, ino, Incoming::Opendir { input }, ReplyTo::Open(reply));
    }

    fn readdir(
        &self,
        req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        reply: ReplyDirectory,
    ) {
        let input = FuseReadIn { fh: fh.0, offset, ..FuseReadIn::default() };
        self.pass(req, ino, Incoming::Readdir { input }, ReplyTo::Directory(reply));
    }

    fn readdirplus(
        &self,
        req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        reply: ReplyDirectoryPlus,
    ) {
        let input = FuseReadIn { fh: fh.0, offset, ..FuseReadIn::default() };
        self.pass(req, ino, Incoming::Readdirplus { input }, ReplyTo::DirectoryPlus(reply));
    }

    fn releasedir(
        &self,
        req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        let input = release(fh, flags, 0, false);
        self.pass(req, ino, Incoming::Releasedir { input }, ReplyTo::Empty(reply));
    }

    fn fsyncdir(
        &self,
        req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        datasync: bool,
        reply: ReplyEmpty,
    ) {
        let input = FuseFsyncIn { fh: fh.0, fsync_flags: u32::from(datasync), padding: 0 };
        self.pass(req, ino, Incoming::Fsyncdir { input }, ReplyTo::Empty(reply));
    }

    fn statfs(&self, req: &Request, ino: INodeNo, reply: ReplyStatfs) {
        self.pass(req, ino, Incoming::Statfs, ReplyTo::Statfs(reply));
    }

    fn setxattr(
        &self,
        req: &Request,
        ino: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        _position: u32,
        reply: ReplyEmpty,
    ) {
        let (value, flags) = (value.to_vec(), flags as u32);
        let incoming = Incoming::Setxattr { name: bytes(name), value, flags };
        self.pass(req, ino, incoming, ReplyTo::Empty(reply));
    }

    fn getxattr(&self, req: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        let incoming = Incoming::Getxattr { name: bytes(name), size };
        self.pass(req, ino, incoming, ReplyTo::Xattr(reply));
    }

    fn listxattr(&self, req: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        self.pass(req, ino, Incoming::Listxattr { size }, ReplyTo::Xattr(reply));
    }

    fn removexattr(&self, req: &Request, ino: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.pass(req, ino, Incoming::Removexattr { name: bytes(name) }, ReplyTo::Empty(reply));
    }

    fn access(&self, req: &Request, ino: INodeNo, mask: AccessFlags, reply: ReplyEmpty) {
        let mask = mask.bits() as u32;
        self.pass(req, ino, Incoming::Access { mask }, ReplyTo::Empty(reply));
    }

    fn create(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let input = FuseCreateIn { flags: flags as u32, mode, umask, open_flags: 0 };
        let incoming = Incoming::Create { input, name: bytes(name) };
        self.pass(req, parent, incoming, ReplyTo::Create(reply));
    }

    fn getlk(
        &self,
        req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        owner: LockOwner,
        start: u64,
        end: u64,
        kind: i32,
        pid: u32,
        reply: ReplyLock,
    ) {
        let lock = self.lock(&Locked { fh, owner, start, end, kind, pid });
        self.pass(req, ino, Incoming::Getlk { lock }, ReplyTo::Lock(reply));
    }

    fn setlk(
        &self,
        req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        owner: LockOwner,
        start: u64,
        end: u64,
        kind: i32,
        pid: u32,
        sleep: bool,
        reply: ReplyEmpty,
    ) {
        let lock = self.lock(&Locked { fh, owner, start, end, kind, pid });
        let incoming = match sleep {
            true => Incoming::Setlkw { lock },
            false => Incoming::Setlk { lock },
        };
        self.pass(req, ino, incoming, ReplyTo::Empty(reply));
    }

    fn fallocate(
        &self,
        req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let input = FuseFallocateIn { fh: fh.0, offset, length, mode: mode as u32, padding: 0 };
        self.pass(req, ino, Incoming::Fallocate { input }, ReplyTo::Empty(reply));
    }

    fn lseek(
        &self,
        req: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        let (offset, whence) = (offset as u64, whence as u32);
        let input = FuseLseekIn { fh: fh.0, offset, whence, padding: 0 };
        self.pass(req, ino, Incoming::Lseek { input }, ReplyTo::Lseek(reply));
    }

    fn copy_file_range(
        &self,
        req: &Request,
        ino_in: INodeNo,
        fh_in: FileHandle,
        offset_in: u64,
        ino_out: INodeNo,
        fh_out: FileHandle,
        offset_out: u64,
        len: u64,
        flags: CopyFileRangeFlags,
        reply: ReplyWrite,
    ) {
        let input = FuseCopyFileRangeIn {
            fh_in: fh_in.0,
            off_in: offset_in,
            nodeid_out: ino_out.0,
            fh_out: fh_out.0,
            off_out: offset_out,
            len,
            flags: flags.bits(),
        };
        self.pass(req, ino_in, Incoming::CopyFileRange { input }, ReplyTo::Write(reply));
    }
}
