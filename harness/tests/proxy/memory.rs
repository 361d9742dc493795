//! A filesystem in memory as somebody might write it with fuser, served behind the proxy: a
//! greeting that is always there, files and directories of the users, and one file whose reads
//! wait.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

/// What the greeting says.
pub(crate) const GREETING: &str = "Good morning.\n";
/// What the waiting file holds.
pub(crate) const AWAITED: &str = "at last\n";
/// The largest write that it takes.
pub(crate) const MAX_WRITE: u32 = 1 << 20;

/// How often a waiting read looks whether it may go on, before it fails. Nobody waits as long.
const LOOKS: u64 = 50_000_000;
const GREETING_NODE: u64 = 2;
const AWAITED_NODE: u64 = 3;
const VALID: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Node {
    Directory,
    File(Vec<u8>),
}

#[derive(Debug)]
struct Tree {
    names: BTreeMap<(u64, Vec<u8>), u64>,
    nodes: BTreeMap<u64, Node>,
}

/// The filesystem.
#[derive(Debug)]
pub(crate) struct MemoryFs {
    tree: Mutex<Tree>,
    /// A read of the waiting file makes `waits` here, and goes on once there is `go`.
    beside: PathBuf,
}

impl MemoryFs {
    /// One with nothing but the two files.
    pub(crate) fn new(beside: PathBuf) -> MemoryFs {
        let names = [("greeting", GREETING_NODE), ("awaited", AWAITED_NODE)];
        let names = names.map(|(name, node)| ((1, name.as_bytes().to_vec()), node));
        let file = |text: &str| Node::File(text.as_bytes().to_vec());
        let nodes =
            [(1, Node::Directory), (GREETING_NODE, file(GREETING)), (AWAITED_NODE, file(AWAITED))];
        let tree = Tree { names: BTreeMap::from(names), nodes: BTreeMap::from(nodes) };
        MemoryFs { tree: Mutex::new(tree), beside }
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().expect("nobody panics with it")
    }

    /// Whether it was told to go on.
    fn wait(&self) -> bool {
        if std::fs::write(self.beside.join("waits"), "").is_err() {
            return false;
        }
        (0..LOOKS).any(|_| {
            std::thread::yield_now();
            self.beside.join("go").exists()
        })
    }
}

fn key(parent: INodeNo, name: &OsStr) -> (u64, Vec<u8>) {
    (parent.0, name.as_encoded_bytes().to_vec())
}

impl Tree {
    fn attr(&self, ino: u64) -> Option<FileAttr> {
        let (kind, perm, size) = match self.nodes.get(&ino)? {
            Node::Directory => (FileType::Directory, 0o755, 0),
            Node::File(bytes) => (FileType::RegularFile, 0o644, bytes.len() as u64),
        };
        let time = UNIX_EPOCH;
        Some(FileAttr {
            ino: INodeNo(ino),
            size,
            blocks: size.div_ceil(512),
            atime: time,
            mtime: time,
            ctime: time,
            crtime: time,
            kind,
            perm,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        })
    }

    fn make(&mut self, parent: INodeNo, name: &OsStr, node: Node) -> FileAttr {
        let ino = self.nodes.last_key_value().map_or(1, |(last, _)| last + 1);
        self.names.insert(key(parent, name), ino);
        self.nodes.insert(ino, node);
        self.attr(ino).expect("it was just made")
    }
}

impl Filesystem for MemoryFs {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        // What it gets is what the kernel offers at most.
        let _ = config.set_max_write(MAX_WRITE);
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let tree = self.tree();
        match tree.names.get(&key(parent, name)).and_then(|&ino| tree.attr(ino)) {
            Some(attr) => reply.entry(&VALID, &attr, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.tree().attr(ino.0) {
            Some(attr) => reply.attr(&VALID, &attr),
            None => reply.error(Errno::ENOENT),
        }
    }

    #[expect(clippy::disallowed_types, reason = "fuser's signature; no clock is read")]
    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<std::time::SystemTime>,
        _: Option<FileHandle>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut tree = self.tree();
        if let (Some(Node::File(bytes)), Some(size)) = (tree.nodes.get_mut(&ino.0), size) {
            bytes.resize(size as usize, 0);
        }
        match tree.attr(ino.0) {
            Some(attr) => reply.attr(&VALID, &attr),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        let attr = self.tree().make(parent, name, Node::Directory);
        reply.entry(&VALID, &attr, Generation(0));
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        _: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let attr = self.tree().make(parent, name, Node::File(Vec::new()));
        reply.created(&VALID, &attr, Generation(0), FileHandle(0), FopenFlags::empty());
    }

    fn open(&self, _: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        if ino.0 == GREETING_NODE && flags.acc_mode() != fuser::OpenAccMode::O_RDONLY {
            return reply.error(Errno::EACCES);
        }
        // Without a cache the kernel waits for one read, which a signal can reach.
        let past = ino.0 == AWAITED_NODE;
        let how = if past { FopenFlags::FOPEN_DIRECT_IO } else { FopenFlags::empty() };
        reply.opened(FileHandle(0), how);
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        if ino.0 == AWAITED_NODE && !self.wait() {
            return reply.error(Errno::ETIMEDOUT);
        }
        let tree = self.tree();
        let Some(Node::File(bytes)) = tree.nodes.get(&ino.0) else {
            return reply.error(Errno::EISDIR);
        };
        let from = bytes.len().min(offset as usize);
        let to = bytes.len().min(from + size as usize);
        reply.data(&bytes[from..to]);
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut tree = self.tree();
        let Some(Node::File(bytes)) = tree.nodes.get_mut(&ino.0) else {
            return reply.error(Errno::EISDIR);
        };
        let (from, to) = (offset as usize, offset as usize + data.len());
        let length = bytes.len().max(to);
        bytes.resize(length, 0);
        bytes[from..to].copy_from_slice(data);
        reply.written(data.len() as u32);
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let tree = self.tree();
        let own = tree.names.iter().filter(|((parent, _), _)| *parent == ino.0);
        for (place, ((_, name), child)) in own.enumerate().skip(offset as usize) {
            let kind = tree.attr(*child).map_or(FileType::RegularFile, |attr| attr.kind);
            let name = String::from_utf8_lossy(name).into_owned();
            if reply.add(INodeNo(*child), place as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        match self.tree().names.remove(&key(parent, name)) {
            Some(_) => reply.ok(),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        _: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let mut tree = self.tree();
        match tree.names.remove(&key(parent, name)) {
            Some(ino) => {
                tree.names.insert(key(newparent, newname), ino);
                reply.ok();
            }
            None => reply.error(Errno::ENOENT),
        }
    }
}
