//! Testing an unmodified fuser filesystem with the mock kernel.
//!
//! `NoteFs` is a small filesystem as somebody might write it: one flat directory of notes in
//! memory. It has a mistake: a note that is cut short and grows again shows what was cut off. The
//! test below knows nothing of that. It runs random programs of system calls on NoteFs and, as the
//! oracle, on fuserig's own filesystem in memory, compares every result, and when one differs it
//! takes calls away from the program as long as the difference stays.
//!
//! Run it with `cargo run --example mock_kernel`; it needs no privilege.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    OpenFlags as FuserOpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use fuserig::door::{MockKernel, MockOptions};
use fuserig::kernel::{MountOptions, World, WorldConfig};
use fuserig::pipeline::{NoDaemon, NullSink};
use fuserig::vfs::{Call, CallResult, PathAt, Target, Vfs, VfsConfig};
use fuserig_abi::{Credentials, Fidelity, Pid};
use fuserig_sim_fs::{MemFs, MemFsOptions, OpenFlags};

/// A note: its bytes and how many of them count.
#[derive(Debug, Default)]
struct Note {
    bytes: Vec<u8>,
    length: usize,
    mode: u16,
}

#[derive(Debug, Default)]
struct Notes {
    names: BTreeMap<Vec<u8>, u64>,
    notes: BTreeMap<u64, Note>,
    next: u64,
}

/// The filesystem under test.
#[derive(Debug)]
pub(crate) struct NoteFs {
    notes: Mutex<Notes>,
    /// Whether growing clears what was cut off: the mistake is that it does not.
    clears: bool,
}

const VALID: Duration = Duration::ZERO;

impl NoteFs {
    /// An empty one, right or wrong.
    pub(crate) fn new(clears: bool) -> NoteFs {
        let notes = Notes { next: 2, ..Notes::default() };
        NoteFs { notes: Mutex::new(notes), clears }
    }

    fn locked(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().expect("nobody panics with this lock")
    }

    fn attr(notes: &Notes, ino: u64) -> Option<FileAttr> {
        let (kind, perm, size) = if ino == 1 {
            (FileType::Directory, 0o755, 0)
        } else {
            let note = notes.notes.get(&ino)?;
            (FileType::RegularFile, note.mode, note.length as u64)
        };
        let time = UNIX_EPOCH;
        Some(FileAttr {
            ino: INodeNo(ino),
            size,
            blocks: 0,
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
}

impl Filesystem for NoteFs {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let notes = self.locked();
        let ino = notes.names.get(name.as_encoded_bytes());
        match ino.and_then(|&ino| NoteFs::attr(&notes, ino)) {
            Some(attr) => reply.entry(&VALID, &attr, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match NoteFs::attr(&self.locked(), ino.0) {
            Some(attr) => reply.attr(&VALID, &attr),
            None => reply.error(Errno::ENOENT),
        }
    }

    #[expect(clippy::disallowed_types, reason = "fuser's signature; no clock is read")]
    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
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
        let mut notes = self.locked();
        if let Some(note) = notes.notes.get_mut(&ino.0) {
            if let Some(mode) = mode {
                note.mode = (mode & 0o7777) as u16;
            }
            if let Some(size) = size {
                if self.clears {
                    note.bytes.truncate(size as usize);
                }
                if note.bytes.len() < size as usize {
                    note.bytes.resize(size as usize, 0);
                }
                note.length = size as usize;
            }
        }
        match NoteFs::attr(&notes, ino.0) {
            Some(attr) => reply.attr(&VALID, &attr),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn create(
        &self,
        _: &Request,
        _: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let mut notes = self.locked();
        let ino = notes.next;
        notes.next += 1;
        notes.names.insert(name.as_encoded_bytes().to_vec(), ino);
        notes.notes.insert(ino, Note { mode: (mode & 0o7777) as u16, ..Note::default() });
        let attr = NoteFs::attr(&notes, ino).expect("it was just made");
        reply.created(&VALID, &attr, Generation(0), FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn open(&self, _: &Request, _: INodeNo, _: FuserOpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: FuserOpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let notes = self.locked();
        let Some(note) = notes.notes.get(&ino.0) else { return reply.error(Errno::ENOENT) };
        let from = (offset as usize).min(note.length);
        let to = (from + size as usize).min(note.length);
        reply.data(&note.bytes[from..to]);
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: FuserOpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut notes = self.locked();
        let Some(note) = notes.notes.get_mut(&ino.0) else { return reply.error(Errno::ENOENT) };
        let (from, to) = (offset as usize, offset as usize + data.len());
        if note.bytes.len() < to {
            note.bytes.resize(to, 0);
        }
        note.bytes[from..to].copy_from_slice(data);
        note.length = note.length.max(to);
        reply.written(data.len() as u32);
    }

    fn unlink(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        match self.locked().names.remove(name.as_encoded_bytes()) {
            Some(_) => reply.ok(),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn rename(
        &self,
        _: &Request,
        _: INodeNo,
        name: &OsStr,
        _: INodeNo,
        newname: &OsStr,
        _: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let mut notes = self.locked();
        match notes.names.remove(name.as_encoded_bytes()) {
            Some(ino) => {
                notes.names.insert(newname.as_encoded_bytes().to_vec(), ino);
                reply.ok();
            }
            None => reply.error(Errno::ENOENT),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn access(&self, _: &Request, _: INodeNo, _: fuser::AccessFlags, reply: ReplyEmpty) {
        reply.ok();
    }
}

const CLIENT: Pid = Pid(7);

/// A program that a seed stands for.
pub(crate) fn program(seed: u64) -> Vec<Call> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let path = |number: u64| PathAt::cwd(format!("/{}", (b'a' + number as u8) as char));
    (0..40)
        .map(|_| {
            let (first, second) = (path(draw(3)), path(draw(3)));
            match draw(8) {
                0 | 1 => Call::Open {
                    path: first,
                    flags: OpenFlags::RDWR | OpenFlags::CREAT,
                    mode: 0o644,
                    fd: None,
                },
                2 | 3 => {
                    let data = vec![b'A' + draw(26) as u8; 1 + draw(12) as usize];
                    Call::Write { fd: draw(3) as i32, data, offset: Some(draw(16) as i64) }
                }
                4 => Call::Truncate { target: Target::follow(&first.path), size: draw(24) as i64 },
                5 => Call::Unlink { path: first },
                6 => Call::Rename { old: first, new: second, flags: 0 },
                _ => Call::Read { fd: draw(3) as i32, size: 32, offset: Some(0) },
            }
        })
        .collect()
}

/// The oracle: the same VFS model over fuserig's own filesystem.
fn oracle() -> Vfs {
    let options = MountOptions { allow_other: true, ..MountOptions::default() };
    let config = WorldConfig { fidelity: Fidelity::Intended, options, ..Default::default() };
    let lower = Box::new(MemFs::new(MemFsOptions::default()));
    let world = World::new(&config, lower, None, Box::new(NoDaemon), Box::new(NullSink));
    let vfs = Vfs::new(world.expect("the root answers"), &VfsConfig::default());
    vfs.add_client(CLIENT, Credentials::root(), 0o022);
    vfs
}

/// The first call whose results differ, with both.
pub(crate) fn first_difference(
    calls: &[Call],
    filesystem: NoteFs,
    options: &MockOptions,
) -> Option<(usize, CallResult, CallResult)> {
    let kernel = MockKernel::start(filesystem, options).expect("starts");
    kernel.add_client(CLIENT, Credentials::root(), 0o022);
    let oracle = oracle();
    calls.iter().enumerate().find_map(|(index, call)| {
        let (found, expected) = (kernel.call(CLIENT, call), oracle.call(CLIENT, call));
        (found != expected).then_some((index, found, expected))
    })
}

/// Takes calls away as long as the rest still differs.
pub(crate) fn shrink(mut calls: Vec<Call>, clears: bool) -> Vec<Call> {
    let options = MockOptions::default();
    let mut index = 0;
    while index < calls.len() {
        let mut fewer = calls.clone();
        fewer.remove(index);
        if first_difference(&fewer, NoteFs::new(clears), &options).is_some() {
            calls = fewer;
        } else {
            index += 1;
        }
    }
    calls
}

fn main() {
    let options = MockOptions::default();
    let differs = |calls: &[Call]| first_difference(calls, NoteFs::new(false), &options);
    for seed in 1..=200 {
        let calls = program(seed);
        if let Some((index, _, _)) = differs(&calls) {
            let smallest = shrink(calls[..=index].to_vec(), false);
            let (_, found, expected) = differs(&smallest).expect("it was kept");
            say(&format!("seed {seed}: {} calls show a difference", smallest.len()));
            for call in &smallest {
                say(&format!("  {call:?}"));
            }
            say(&format!("  NoteFs: {found:?}\n  right:  {expected:?}"));
            return;
        }
    }
    say("no difference found");
}

#[expect(clippy::print_stdout, reason = "an example shows what it found")]
fn say(text: &str) {
    println!("{text}");
}
