//! A fuser filesystem that writes down how it is called, with every argument.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    AccessFlags, BackgroundSession, BsdFileFlags, CopyFileRangeFlags, Errno, FileAttr, FileHandle,
    FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags, IoctlFlags, KernelConfig,
    LockOwner, OpenFlags, PollEvents, PollFlags, PollNotifier, RenameFlags, ReplyAttr, ReplyBmap,
    ReplyCreate, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyIoctl,
    ReplyLock, ReplyLseek, ReplyOpen, ReplyPoll, ReplyStatfs, ReplyWrite, ReplyXattr, Request,
    SessionACL, TimeOrNow, WriteFlags,
};

/// One call of a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Called {
    /// The method.
    pub(crate) method: &'static str,
    /// Its arguments, but for the request.
    pub(crate) arguments: String,
    /// Process, user and group of the request; nothing where there is none.
    pub(crate) caller: Option<(u32, u32, u32)>,
}

/// A file, directory or symlink.
#[derive(Clone, Copy, Debug)]
struct Node {
    kind: FileType,
    perm: u16,
    size: u64,
}

/// What the filesystem holds, and how it was called.
#[derive(Debug)]
pub(crate) struct Held {
    names: BTreeMap<(u64, Vec<u8>), u64>,
    nodes: BTreeMap<u64, Node>,
    next: u64,
    owners: Vec<u64>,
    called: Vec<Called>,
}

/// Where the calls can be seen while the filesystem is served.
pub(crate) type Calls = Arc<Mutex<Held>>;

/// Takes out the calls since the last look.
pub(crate) fn taken(calls: &Calls) -> Vec<Called> {
    core::mem::take(&mut calls.lock().expect("nobody panics with it").called)
}

/// A directory with files `f` (node 2, which passes the page cache) and `g` (5, cached), a
/// directory `d` (3) and a symlink `l` (4). What is made is numbered from 10. Open files and
/// directories have the handle 100 times their node. Every answer is valid for longer than a test.
pub(crate) struct Recorder {
    pub(crate) held: Calls,
    wanted: InitFlags,
    /// What it says to locks and ioctls; nothing when it has them.
    refusal: Option<Errno>,
    /// What GETLK finds: start, end, type. F_UNLCK: nobody stands in the way.
    in_the_way: (u64, u64, i32),
    /// Whether every file has `security.capability`, and keeps it whoever takes it away.
    capable: bool,
}

/// Longer than any test.
const VALID: Duration = Duration::from_secs(100_000);
const PAST_CACHE: u64 = 2;

impl Recorder {
    /// A new one, which asks INIT for these capabilities.
    pub(crate) fn new(wanted: InitFlags) -> Recorder {
        let (file, directory) = (FileType::RegularFile, FileType::Directory);
        let nodes = [
            (1, Node { kind: directory, perm: 0o777, size: 0 }),
            (PAST_CACHE, Node { kind: file, perm: 0o666, size: 11 }),
            (3, Node { kind: directory, perm: 0o777, size: 0 }),
            (4, Node { kind: FileType::Symlink, perm: 0o777, size: 1 }),
            (5, Node { kind: file, perm: 0o666, size: 6000 }),
        ];
        let names = [("f", PAST_CACHE), ("d", 3), ("l", 4), ("g", 5)];
        let names = names.map(|(name, ino)| ((1, name.as_bytes().to_vec()), ino));
        let held = Held {
            names: BTreeMap::from(names),
            nodes: BTreeMap::from(nodes),
            next: 10,
            owners: Vec::new(),
            called: Vec::new(),
        };
        Recorder {
            held: Arc::new(Mutex::new(held)),
            wanted,
            refusal: None,
            in_the_way: (0, 0, 2),
            capable: false,
        }
    }

    /// Mounts it on this machine, for whom the access says, until the session ends.
    pub(crate) fn mount(self, access: SessionACL) -> (tempfile::TempDir, BackgroundSession) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut config = fuser::Config::default();
        (config.n_threads, config.acl) = (Some(1), access);
        let session = fuser::spawn_mount(self, directory.path(), &config).expect("it mounts");
        (directory, session)
    }

    /// The same, but that it answers every lock and ioctl with an error.
    pub(crate) fn refusing(self, refusal: Option<Errno>) -> Recorder {
        Recorder { refusal, ..self }
    }

    /// The same, but that GETLK finds a lock of this process: start, end and type.
    pub(crate) fn locked(self, in_the_way: (u64, u64, i32)) -> Recorder {
        Recorder { in_the_way, ..self }
    }

    /// The same, but that every file has `security.capability`.
    pub(crate) fn capable(self, capable: bool) -> Recorder {
        Recorder { capable, ..self }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().expect("nobody panics with it")
    }

    fn note(&self, request: &Request, method: &'static str, arguments: String) {
        let caller = Some((request.pid(), request.uid(), request.gid()));
        self.held().called.push(Called { method, arguments, caller });
    }

    /// An owner of locks by the order of its first appearance: the kernel scrambles a pointer.
    fn owner(&self, owner: LockOwner) -> String {
        let mut held = self.held();
        let known = held.owners.iter().position(|&known| known == owner.0);
        let place = known.unwrap_or_else(|| {
            held.owners.push(owner.0);
            held.owners.len() - 1
        });
        format!("owner {}", place + 1)
    }

    fn owner_if_any(&self, owner: Option<LockOwner>) -> String {
        owner.map_or("no owner".to_owned(), |owner| self.owner(owner))
    }

    fn attr(&self, ino: u64) -> Option<FileAttr> {
        let held = self.held();
        let node = *held.nodes.get(&ino)?;
        Some(FileAttr {
            ino: INodeNo(ino),
            size: node.size,
            blocks: 0,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind: node.kind,
            perm: node.perm,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        })
    }

    fn made(&self, parent: INodeNo, name: &OsStr, mode: u32, kind: FileType) -> FileAttr {
        let mut held = self.held();
        let ino = held.next;
        held.next += 1;
        held.names.insert((parent.0, name.as_encoded_bytes().to_vec()), ino);
        held.nodes.insert(ino, Node { kind, perm: (mode & 0o7777) as u16, size: 0 });
        drop(held);
        self.attr(ino).expect("it was just made")
    }

    fn entry(&self, attr: Option<FileAttr>, reply: ReplyEntry) {
        match attr {
            Some(attr) => reply.entry(&VALID, &attr, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn remove(&self, parent: INodeNo, name: &OsStr) -> Option<u64> {
        self.held().names.remove(&(parent.0, name.as_encoded_bytes().to_vec()))
    }

    fn grow(&self, ino: INodeNo, end: u64) {
        if let Some(node) = self.held().nodes.get_mut(&ino.0) {
            node.size = node.size.max(end);
        }
    }
}

fn handle(ino: INodeNo) -> FileHandle {
    FileHandle(ino.0 * 100)
}

fn time(time: Option<TimeOrNow>) -> String {
    match time {
        None => "-".to_owned(),
        Some(TimeOrNow::Now) => "now".to_owned(),
        Some(TimeOrNow::SpecificTime(time)) => since(time),
    }
}

#[expect(clippy::disallowed_types, reason = "fuser's type; no clock is read")]
fn since(time: std::time::SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).expect("no test is about times before 1970");
    format!("{}.{:09}", since.as_secs(), since.subsec_nanos())
}

fn number<T: core::fmt::Display>(value: Option<T>) -> String {
    value.map_or("-".to_owned(), |value| value.to_string())
}

fn shown(name: &OsStr) -> String {
    format!("'{}'", name.as_encoded_bytes().escape_ascii())
}

impl Filesystem for Recorder {
    fn init(&mut self, request: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        self.note(request, "init", config.kernel_abi().to_string());
        config.add_capabilities(self.wanted).expect("the kernel offers them");
        Ok(())
    }

    fn destroy(&mut self) {
        let (arguments, caller) = (String::new(), None);
        self.held().called.push(Called { method: "destroy", arguments, caller });
    }

    fn lookup(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.note(request, "lookup", format!("{} {}", parent.0, shown(name)));
        let key = (parent.0, name.as_encoded_bytes().to_vec());
        let ino = self.held().names.get(&key).copied();
        self.entry(ino.and_then(|ino| self.attr(ino)), reply);
    }

    fn forget(&self, request: &Request, ino: INodeNo, nlookup: u64) {
        self.note(request, "forget", format!("{} {nlookup}", ino.0));
    }

    fn getattr(&self, request: &Request, ino: INodeNo, fh: Option<FileHandle>, reply: ReplyAttr) {
        self.note(request, "getattr", format!("{} fh {}", ino.0, number(fh.map(|fh| fh.0))));
        match self.attr(ino.0) {
            Some(attr) => reply.attr(&VALID, &attr),
            None => reply.error(Errno::ENOENT),
        }
    }

    #[expect(clippy::disallowed_types, reason = "fuser's signature; no clock is read")]
    fn setattr(
        &self,
        request: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        ctime: Option<std::time::SystemTime>,
        fh: Option<FileHandle>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let arguments = format!(
            "{} mode {} uid {} gid {} size {} atime {} mtime {} ctime {} fh {}",
            ino.0,
            mode.map_or("-".to_owned(), |mode| format!("{mode:o}")),
            number(uid),
            number(gid),
            number(size),
            time(atime),
            time(mtime),
            ctime.map_or("-".to_owned(), since),
            number(fh.map(|fh| fh.0)),
        );
        self.note(request, "setattr", arguments);
        if let Some(node) = self.held().nodes.get_mut(&ino.0) {
            node.perm = mode.map_or(node.perm, |mode| (mode & 0o7777) as u16);
            node.size = size.unwrap_or(node.size);
        }
        match self.attr(ino.0) {
            Some(attr) => reply.attr(&VALID, &attr),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn readlink(&self, request: &Request, ino: INodeNo, reply: ReplyData) {
        self.note(request, "readlink", ino.0.to_string());
        reply.data(b"f");
    }

    fn mknod(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        rdev: u32,
        reply: ReplyEntry,
    ) {
        let name_shown = shown(name);
        let arguments = format!("{} {name_shown} {mode:o} umask {umask:o} {rdev:x}", parent.0);
        self.note(request, "mknod", arguments);
        let kind = match mode & 0o170_000 {
            0o010_000 => FileType::NamedPipe,
            0o020_000 => FileType::CharDevice,
            0o060_000 => FileType::BlockDevice,
            0o140_000 => FileType::Socket,
            _ => FileType::RegularFile,
        };
        self.entry(Some(self.made(parent, name, mode, kind)), reply);
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let arguments = format!("{} {} {mode:o} umask {umask:o}", parent.0, shown(name));
        self.note(request, "mkdir", arguments);
        self.entry(Some(self.made(parent, name, mode, FileType::Directory)), reply);
    }

    fn unlink(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.note(request, "unlink", format!("{} {}", parent.0, shown(name)));
        self.remove(parent, name);
        reply.ok();
    }

    fn rmdir(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.note(request, "rmdir", format!("{} {}", parent.0, shown(name)));
        self.remove(parent, name);
        reply.ok();
    }

    fn symlink(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let target = shown(target.as_os_str());
        self.note(request, "symlink", format!("{} {} to {target}", parent.0, shown(name)));
        self.entry(Some(self.made(parent, name, 0o777, FileType::Symlink)), reply);
    }

    fn rename(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let (old, new) = (shown(name), shown(newname));
        let flags_shown = flags.bits();
        let arguments = format!("{} {old} to {} {new} flags {flags_shown}", parent.0, newparent.0);
        self.note(request, "rename", arguments);
        let (moved, replaced) = (self.remove(parent, name), self.remove(newparent, newname));
        let mut held = self.held();
        if let Some(ino) = moved {
            held.names.insert((newparent.0, newname.as_encoded_bytes().to_vec()), ino);
        }
        if let (Some(ino), true) = (replaced, flags.contains(RenameFlags::RENAME_EXCHANGE)) {
            held.names.insert((parent.0, name.as_encoded_bytes().to_vec()), ino);
        }
        reply.ok();
    }

    fn link(
        &self,
        request: &Request,
        ino: INodeNo,
        newparent: INodeNo,
        newname: &OsStr,
        reply: ReplyEntry,
    ) {
        self.note(request, "link", format!("{} as {} {}", ino.0, newparent.0, shown(newname)));
        let name = newname.as_encoded_bytes().to_vec();
        self.held().names.insert((newparent.0, name), ino.0);
        self.entry(self.attr(ino.0), reply);
    }

    fn open(&self, request: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        self.note(request, "open", format!("{} flags {:o}", ino.0, flags.0));
        let past = ino.0 == PAST_CACHE;
        let how = if past { FopenFlags::FOPEN_DIRECT_IO } else { FopenFlags::empty() };
        reply.opened(handle(ino), how);
    }

    fn read(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        size: u32,
        flags: OpenFlags,
        lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let (flags, owner) = (flags.0, self.owner_if_any(lock_owner));
        let arguments = format!("{} fh {} {size} at {offset} flags {flags:o} {owner}", ino.0, fh.0);
        self.note(request, "read", arguments);
        let length = self.attr(ino.0).map_or(0, |attr| attr.size);
        let count = length.saturating_sub(offset).min(u64::from(size));
        reply.data(&vec![b'r'; count as usize]);
    }

    fn write(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        data: &[u8],
        write_flags: WriteFlags,
        flags: OpenFlags,
        lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let (flags, how, owner) = (flags.0, write_flags.bits(), self.owner_if_any(lock_owner));
        let data_shown = data.escape_ascii();
        let arguments = format!(
            "{} fh {} '{data_shown}' at {offset} how {how} flags {flags:o} {owner}",
            ino.0, fh.0
        );
        self.note(request, "write", arguments);
        self.grow(ino, offset + data.len() as u64);
        reply.written(data.len() as u32);
    }

    fn flush(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        lock_owner: LockOwner,
        reply: ReplyEmpty,
    ) {
        let owner = self.owner(lock_owner);
        self.note(request, "flush", format!("{} fh {} {owner}", ino.0, fh.0));
        reply.ok();
    }

    fn release(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        flags: OpenFlags,
        lock_owner: Option<LockOwner>,
        flush: bool,
        reply: ReplyEmpty,
    ) {
        let (flags, owner) = (flags.0, self.owner_if_any(lock_owner));
        let arguments = format!("{} fh {} flags {flags:o} {owner} flush {flush}", ino.0, fh.0);
        self.note(request, "release", arguments);
        reply.ok();
    }

    fn fsync(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        datasync: bool,
        reply: ReplyEmpty,
    ) {
        self.note(request, "fsync", format!("{} fh {} datasync {datasync}", ino.0, fh.0));
        reply.ok();
    }

    fn opendir(&self, request: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        self.note(request, "opendir", format!("{} flags {:o}", ino.0, flags.0));
        reply.opened(handle(ino), FopenFlags::empty());
    }

    fn readdir(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        self.note(request, "readdir", format!("{} fh {} from {offset}", ino.0, fh.0));
        if offset == 0 {
            let _ = reply.add(INodeNo(PAST_CACHE), 7, FileType::RegularFile, "f");
        }
        reply.ok();
    }

    fn readdirplus(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        self.note(request, "readdirplus", format!("{} fh {} from {offset}", ino.0, fh.0));
        if let (0, Some(attr)) = (offset, self.attr(PAST_CACHE)) {
            let _ = reply.add(INodeNo(PAST_CACHE), 7, "f", &VALID, &attr, Generation(0));
        }
        reply.ok();
    }

    fn releasedir(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.note(request, "releasedir", format!("{} fh {} flags {:o}", ino.0, fh.0, flags.0));
        reply.ok();
    }

    fn fsyncdir(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        datasync: bool,
        reply: ReplyEmpty,
    ) {
        self.note(request, "fsyncdir", format!("{} fh {} datasync {datasync}", ino.0, fh.0));
        reply.ok();
    }

    fn statfs(&self, request: &Request, ino: INodeNo, reply: ReplyStatfs) {
        self.note(request, "statfs", ino.0.to_string());
        reply.statfs(100, 50, 40, 30, 20, 4096, 255, 4096);
    }

    fn setxattr(
        &self,
        request: &Request,
        ino: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        position: u32,
        reply: ReplyEmpty,
    ) {
        let (name, value) = (shown(name), value.escape_ascii());
        let arguments = format!("{} {name} '{value}' flags {flags} at {position}", ino.0);
        self.note(request, "setxattr", arguments);
        reply.ok();
    }

    fn getxattr(
        &self,
        request: &Request,
        ino: INodeNo,
        name: &OsStr,
        size: u32,
        reply: ReplyXattr,
    ) {
        self.note(request, "getxattr", format!("{} {} room {size}", ino.0, shown(name)));
        if name == "security.capability" && !self.capable {
            return reply.error(Errno::ENODATA);
        }
        if size == 0 { reply.size(5) } else { reply.data(b"value") }
    }

    fn listxattr(&self, request: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        self.note(request, "listxattr", format!("{} room {size}", ino.0));
        if size == 0 { reply.size(7) } else { reply.data(b"user.x\0") }
    }

    fn removexattr(&self, request: &Request, ino: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.note(request, "removexattr", format!("{} {}", ino.0, shown(name)));
        reply.ok();
    }

    fn access(&self, request: &Request, ino: INodeNo, mask: AccessFlags, reply: ReplyEmpty) {
        self.note(request, "access", format!("{} mask {}", ino.0, mask.bits()));
        reply.ok();
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let name_shown = shown(name);
        let arguments =
            format!("{} {name_shown} {mode:o} umask {umask:o} flags {flags:o}", parent.0);
        self.note(request, "create", arguments);
        let attr = self.made(parent, name, mode, FileType::RegularFile);
        reply.created(&VALID, &attr, Generation(0), handle(attr.ino), FopenFlags::empty());
    }

    fn getlk(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        lock_owner: LockOwner,
        start: u64,
        end: u64,
        typ: i32,
        pid: u32,
        reply: ReplyLock,
    ) {
        let owner = self.owner(lock_owner);
        let arguments = format!("{} fh {} {start}-{end} type {typ} pid {pid} {owner}", ino.0, fh.0);
        self.note(request, "getlk", arguments);
        match self.refusal {
            Some(errno) => reply.error(errno),
            None => {
                let (start, end, typ) = self.in_the_way;
                reply.locked(start, end, typ, std::process::id());
            }
        }
    }

    fn setlk(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        lock_owner: LockOwner,
        start: u64,
        end: u64,
        typ: i32,
        pid: u32,
        sleep: bool,
        reply: ReplyEmpty,
    ) {
        let (lock, owner) = (format!("{start}-{end} type {typ}"), self.owner(lock_owner));
        // The kernel of this machine names this process, whichever thread asks.
        let own = pid == std::process::id() || pid == request.pid();
        let whose = if own { "own".to_owned() } else { pid.to_string() };
        let arguments = format!("{} fh {} {lock} pid {whose} {owner} sleep {sleep}", ino.0, fh.0);
        self.note(request, "setlk", arguments);
        match self.refusal {
            Some(errno) => reply.error(errno),
            None => reply.ok(),
        }
    }

    fn bmap(&self, request: &Request, ino: INodeNo, blocksize: u32, idx: u64, reply: ReplyBmap) {
        self.note(request, "bmap", format!("{} {idx} of {blocksize}", ino.0));
        reply.bmap(idx);
    }

    fn ioctl(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        flags: IoctlFlags,
        cmd: u32,
        in_data: &[u8],
        out_size: u32,
        reply: ReplyIoctl,
    ) {
        let hex: String = in_data.iter().map(|byte| format!("{byte:02x}")).collect();
        let zeros = !in_data.is_empty() && in_data.iter().all(|&byte| byte == 0);
        let data = if zeros { format!("0 * {}", in_data.len()) } else { hex };
        let flags = flags.bits();
        let what = format!("{cmd:x} flags {flags} '{data}' room {out_size}");
        self.note(request, "ioctl", format!("{} fh {} {what}", ino.0, fh.0));
        match self.refusal {
            Some(errno) => reply.error(errno),
            None => reply.ioctl(0, &vec![0; out_size as usize]),
        }
    }

    fn poll(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        _: PollNotifier,
        events: PollEvents,
        flags: PollFlags,
        reply: ReplyPoll,
    ) {
        let (events, flags) = (events.bits(), flags.bits());
        self.note(request, "poll", format!("{} fh {} events {events:x} how {flags}", ino.0, fh.0));
        reply.poll(PollEvents::POLLIN);
    }

    fn fallocate(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let arguments = format!("{} fh {} {length} at {offset} mode {mode}", ino.0, fh.0);
        self.note(request, "fallocate", arguments);
        if mode & 1 == 0 {
            self.grow(ino, offset + length);
        }
        reply.ok();
    }

    fn lseek(
        &self,
        request: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        self.note(request, "lseek", format!("{} fh {} {offset} whence {whence}", ino.0, fh.0));
        reply.offset(offset);
    }

    fn copy_file_range(
        &self,
        request: &Request,
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
        let from = format!("{} fh {} at {offset_in}", ino_in.0, fh_in.0);
        let to = format!("{} fh {} at {offset_out}", ino_out.0, fh_out.0);
        let how = flags.bits();
        self.note(request, "copy_file_range", format!("{len} of {from} to {to} flags {how}"));
        self.grow(ino_out, offset_out + len);
        reply.written(len as u32);
    }
}
