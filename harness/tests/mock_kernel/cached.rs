//! A fuser filesystem that lets the kernel cache everything, and what notifications do to that.

use std::ffi::OsStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    KernelConfig, LockOwner, OpenFlags as FuserFlags, PollEvents, PollFlags, PollNotifier,
    ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry,
    ReplyOpen, ReplyPoll, ReplyWrite, Request, WriteFlags,
};
use fuserig::door::{MockKernel, MockOptions};
use fuserig::vfs::{Call, CallResult, Output, PathAt, PollWait, Target};
use fuserig_abi::{Credentials, Errno as Error, Opcode};
use fuserig_sim_fs::OpenFlags;

use super::CLIENT;

/// What others may change behind the filesystem's back.
#[derive(Debug, Default)]
pub(crate) struct Below {
    pub(crate) contents: Vec<u8>,
    pub(crate) ready: bool,
    pub(crate) pollers: Vec<PollNotifier>,
    /// What INIT offered and did not.
    pub(crate) refused: Option<InitFlags>,
}

/// A directory with a file `f` (node 2), a directory `d` (node 3) and a symlink `l` (node 4).
pub(crate) struct CachedFs {
    pub(crate) below: Arc<Mutex<Below>>,
    pub(crate) wanted: InitFlags,
    pub(crate) max_write: u32,
}

impl CachedFs {
    pub(crate) fn new(contents: &[u8]) -> CachedFs {
        let below = Below { contents: contents.to_vec(), ..Below::default() };
        let below = Arc::new(Mutex::new(below));
        CachedFs { below, wanted: InitFlags::empty(), max_write: 1 << 20 }
    }

    fn attr(&self, ino: u64) -> FileAttr {
        let size = self.below.lock().expect("nobody panics with it").contents.len() as u64;
        let (kind, perm) = match ino {
            1 | 3 => (FileType::Directory, 0o777),
            4 => (FileType::Symlink, 0o777),
            _ => (FileType::RegularFile, 0o666),
        };
        FileAttr {
            ino: INodeNo(ino),
            size,
            blocks: 0,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind,
            perm,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

/// Longer than any test.
const VALID: Duration = Duration::from_secs(100_000);

impl Filesystem for CachedFs {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        let asked = config.add_capabilities(self.wanted);
        self.below.lock().expect("nobody panics with it").refused = asked.err();
        let _ = config.set_max_write(self.max_write);
        Ok(())
    }

    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match name.as_encoded_bytes() {
            b"f" => reply.entry(&VALID, &self.attr(2), Generation(0)),
            b"d" => reply.entry(&VALID, &self.attr(3), Generation(0)),
            b"l" => reply.entry(&VALID, &self.attr(4), Generation(0)),
            _ => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&VALID, &self.attr(ino.0));
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
        _: Option<fuser::TimeOrNow>,
        _: Option<fuser::TimeOrNow>,
        _: Option<std::time::SystemTime>,
        _: Option<FileHandle>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        if let Some(size) = size {
            let mut below = self.below.lock().expect("nobody panics with it");
            below.contents.resize(size as usize, 0);
        }
        reply.attr(&VALID, &self.attr(ino.0));
    }

    fn readlink(&self, _: &Request, _: INodeNo, reply: ReplyData) {
        reply.data(b"f");
    }

    fn mkdir(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        reply.entry(&VALID, &self.attr(3), Generation(0));
    }

    fn open(&self, _: &Request, _: INodeNo, _: FuserFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(9), FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn create(
        &self,
        _: &Request,
        _: INodeNo,
        _: &OsStr,
        _: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        reply.error(Errno::EPERM);
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: FuserFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let below = self.below.lock().expect("nobody panics with it");
        let bytes = below.contents.iter().skip(offset as usize).take(size as usize);
        reply.data(&bytes.copied().collect::<Vec<u8>>());
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: FuserFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut below = self.below.lock().expect("nobody panics with it");
        let end = offset as usize + data.len();
        let length = below.contents.len().max(end);
        below.contents.resize(length, 0);
        below.contents[offset as usize..end].copy_from_slice(data);
        reply.written(data.len() as u32);
    }

    fn readdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: u64, reply: ReplyDirectory) {
        reply.ok();
    }

    fn readdirplus(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _: u64,
        reply: ReplyDirectoryPlus,
    ) {
        reply.ok();
    }

    fn access(&self, _: &Request, _: INodeNo, _: fuser::AccessFlags, reply: ReplyEmpty) {
        reply.ok();
    }

    fn poll(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        notifier: PollNotifier,
        _: PollEvents,
        flags: PollFlags,
        reply: ReplyPoll,
    ) {
        let mut below = self.below.lock().expect("nobody panics with it");
        if flags.contains(PollFlags::FUSE_POLL_SCHEDULE_NOTIFY) {
            below.pollers.push(notifier);
        }
        reply.poll(if below.ready { PollEvents::POLLIN } else { PollEvents::empty() });
    }
}

/// The kernel in front of the filesystem, and what lies below that.
pub(crate) fn start(filesystem: CachedFs) -> (MockKernel, Arc<Mutex<Below>>) {
    let below = Arc::clone(&filesystem.below);
    let kernel = MockKernel::start(filesystem, &MockOptions::default()).expect("starts");
    kernel.add_client(CLIENT, Credentials::root(), 0o022);
    (kernel, below)
}

pub(crate) fn open(kernel: &MockKernel, flags: OpenFlags) -> i32 {
    let path = PathAt::cwd("/f");
    let opened = kernel.call(CLIENT, &Call::Open { path, flags, mode: 0, fd: None });
    opened.value.expect("it opens") as i32
}

fn stat(path: &str) -> Call {
    Call::Stat { target: Target::follow(path), flags: 0 }
}

fn size(result: &CallResult) -> u64 {
    let Output::Stat(stat) = &result.output else { panic!("{result:?}") };
    stat.size
}

fn read(fd: i32) -> Call {
    Call::Read { fd, size: 100, offset: Some(0) }
}

/// The requests since the last look, without FORGET, OPEN and the like.
pub(crate) fn asked(kernel: &MockKernel) -> Vec<Opcode> {
    kernel.exchanged().iter().map(|exchanged| exchanged.request.opcode).collect()
}

#[test]
fn attributes_and_contents_are_asked_for_again_once_they_were_invalidated() {
    let (kernel, below) = start(CachedFs::new(b"old"));
    let notifier = kernel.notifier().expect("it was started here");
    let fd = open(&kernel, OpenFlags::empty());
    kernel.call(CLIENT, &read(fd));
    // The time of the access has to be asked for after a READ.
    kernel.call(CLIENT, &stat("/f"));
    asked(&kernel);
    below.lock().expect("nobody panics").contents = b"newer".to_vec();
    // Nobody told the kernel: this is what a filesystem that forgets to notify shows.
    assert_eq!(kernel.call(CLIENT, &read(fd)).output, Output::Bytes(b"old".to_vec()));
    assert_eq!(size(&kernel.call(CLIENT, &stat("/f"))), 3);
    assert_eq!(asked(&kernel), []);

    notifier.inval_inode(INodeNo(2), -1, 0).expect("somebody listens");
    assert_eq!(size(&kernel.call(CLIENT, &stat("/f"))), 5);
    assert_eq!(asked(&kernel), [Opcode::GETATTR], "attributes only");

    below.lock().expect("nobody panics").contents = b"newest"[..5].to_vec();
    kernel.call(CLIENT, &read(fd));
    asked(&kernel);
    below.lock().expect("nobody panics").contents = b"other".to_vec();
    notifier.inval_inode(INodeNo(2), 0, 0).expect("somebody listens");
    assert_eq!(kernel.call(CLIENT, &read(fd)).output, Output::Bytes(b"other".to_vec()));
    let opcodes = asked(&kernel);
    assert!(opcodes.contains(&Opcode::READ), "{opcodes:?}");
    let said: Vec<_> = kernel.notified().iter().map(|note| (note.code, note.taken)).collect();
    assert_eq!(said, [(2, Ok(())), (2, Ok(()))]);
    kernel.end().expect("a clean end");
}

#[test]
fn a_name_is_looked_up_again_once_it_was_invalidated_or_deleted() {
    let (kernel, _) = start(CachedFs::new(b"x"));
    let notifier = kernel.notifier().expect("it was started here");
    kernel.call(CLIENT, &stat("/f"));
    asked(&kernel);
    kernel.call(CLIENT, &stat("/f"));
    assert_eq!(asked(&kernel), [], "it is cached");

    notifier.inval_entry(INodeNo(1), OsStr::new("f")).expect("somebody listens");
    kernel.call(CLIENT, &stat("/f"));
    let opcodes = asked(&kernel);
    // Nobody used the name, so its node is forgotten, too.
    assert_eq!(opcodes[0], Opcode::FORGET, "{opcodes:?}");
    assert!(opcodes.contains(&Opcode::LOOKUP), "{opcodes:?}");

    let fd = open(&kernel, OpenFlags::empty());
    asked(&kernel);
    notifier.delete(INodeNo(1), INodeNo(2), OsStr::new("f")).expect("somebody listens");
    let of_file = Call::Stat { target: Target::Fd(fd), flags: 0 };
    let Output::Stat(found) = kernel.call(CLIENT, &of_file).output else { panic!("no stat") };
    assert_eq!((found.nlink, asked(&kernel)), (0, Vec::new()), "who has it open keeps it");
    kernel.call(CLIENT, &stat("/f"));
    assert!(asked(&kernel).contains(&Opcode::LOOKUP));
    kernel.end().expect("a clean end");
}

#[test]
fn what_the_filesystem_stores_is_read_without_asking() {
    let (kernel, _) = start(CachedFs::new(b"below"));
    let notifier = kernel.notifier().expect("it was started here");
    let fd = open(&kernel, OpenFlags::empty());
    notifier.store(INodeNo(2), 0, b"above").expect("somebody listens");
    asked(&kernel);
    assert_eq!(kernel.call(CLIENT, &read(fd)).output, Output::Bytes(b"above".to_vec()));
    let opcodes = asked(&kernel);
    assert!(!opcodes.contains(&Opcode::READ), "{opcodes:?}");
    kernel.end().expect("a clean end");
}

#[test]
fn a_notification_about_what_is_not_cached_is_refused_and_harms_nobody() {
    let (kernel, _) = start(CachedFs::new(b"x"));
    let notifier = kernel.notifier().expect("it was started here");
    kernel.call(CLIENT, &stat("/f"));
    notifier.inval_inode(INodeNo(77), 0, 0).expect("somebody listens");
    notifier.inval_entry(INodeNo(1), OsStr::new("nobody")).expect("somebody listens");
    notifier.inval_entry(INodeNo(2), OsStr::new("f")).expect("somebody listens");
    notifier.delete(INodeNo(1), INodeNo(3), OsStr::new("f")).expect("somebody listens");
    let said: Vec<_> = kernel.notified().iter().map(|note| note.taken).collect();
    let absent = Err(Error::ENOENT);
    assert_eq!(said, [absent, absent, Err(Error::ENOTDIR), absent]);
    assert_eq!(kernel.call(CLIENT, &stat("/f")).value, Ok(0));
    kernel.end().expect("a clean end");
}

#[test]
fn who_polls_is_woken_by_the_filesystem() {
    const IN: u32 = 1;
    let (kernel, below) = start(CachedFs::new(b"x"));
    let fd = open(&kernel, OpenFlags::empty());
    assert_eq!(kernel.poll(CLIENT, fd, IN, PollWait::Never), Ok(0));
    assert_eq!(kernel.poll(CLIENT, fd, IN, PollWait::ForWakeup), Ok(0));
    assert_eq!(kernel.woken(CLIENT, fd), Some(0));
    let mut pollers = {
        let mut below = below.lock().expect("nobody panics");
        below.ready = true;
        core::mem::take(&mut below.pollers)
    };
    assert_eq!(pollers.len(), 1, "only who waits leaves a handle");
    pollers.remove(0).notify().expect("somebody listens");
    assert_eq!(kernel.woken(CLIENT, fd), Some(1));
    assert_eq!(kernel.poll(CLIENT, fd, IN, PollWait::Never), Ok(IN));
    kernel.end().expect("a clean end");
}
