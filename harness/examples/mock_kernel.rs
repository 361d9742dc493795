//! Testing an unmodified fuser filesystem with the simulation.
//!
//! `NoteFs` is a small filesystem as somebody might write it: one flat directory of notes in
//! memory. It has a mistake: a note that is cut short and grows again shows what was cut off. The
//! test at the end knows nothing of that. It draws programs of what NoteFs has, runs them on NoteFs
//! and on fuserig's own filesystem in memory, and shrinks what gives another result.
//!
//! Run it with `cargo run --example mock_kernel`; it needs no privilege. It fails when the mistake
//! is not found, or when something is found without it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    OpenFlags as FuserOpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use fuserig::door;
use fuserig::prelude::{Abi, Action, Finding, Seed, Simulation, Subject, Summary, Text, invariant};
use fuserig_sim_fs::OpenFlags;

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
        if name.len() > 255 {
            return reply.error(Errno::ENAMETOOLONG);
        }
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

/// Sizes and places of a note; NoteFs keeps every byte up to the last in memory.
const LENGTH_MAX: u64 = 1 << 16;

/// What NoteFs has: notes with plain names in one directory, opened, read, written and cut, removed
/// and renamed. It has no links, no directories and no modes of `rename`.
pub(crate) fn is_implemented(action: &Action) -> bool {
    let plain = |path: &Text| !path.0.is_empty() && path.0.iter().all(u8::is_ascii_alphanumeric);
    let fits = |place: i64| place < LENGTH_MAX as i64;
    let known = OpenFlags::RDWR | OpenFlags::WRONLY | OpenFlags::APPEND;
    let known = known | OpenFlags::CREAT | OpenFlags::EXCL | OpenFlags::TRUNC;
    match action {
        Action::Open { path, flags, .. } => plain(path) && flags & !known.bits() == 0,
        Action::Read { size, offset, .. } => *size < LENGTH_MAX && offset.is_none_or(fits),
        Action::Write { offset, .. } => offset.is_none_or(fits),
        Action::Truncate { path, size } => plain(path) && fits(*size),
        Action::Ftruncate { size, .. } => fits(*size),
        Action::Unlink { path } | Action::Stat { path, .. } => plain(path),
        Action::Rename { old, new, flags } => plain(old) && plain(new) && *flags == 0,
        Action::Close { .. } => true,
        _ => false,
    }
}

/// The test: programs of one seed on NoteFs, judged beside the filesystem in memory.
pub(crate) fn simulate(seed: Seed, clears: bool) -> Result<Summary, Box<Finding>> {
    let model = Subject::without_filter(Abi::V4);
    Simulation::new(seed)
        .as_root()
        .operations(40)
        .runs(128)
        .only(is_implemented)
        .run(door::filesystem(move || NoteFs::new(clears)))
        .check(invariant::errno_envelope())
        .check(invariant::balance())
        .check(invariant::agrees_with(&model))
        .result()
}

fn main() -> ExitCode {
    match (simulate(Seed(1), true), simulate(Seed(1), false)) {
        (Ok(summary), Err(finding)) => {
            say(&format!("the right NoteFs: {} operations, no finding", summary.operations));
            say(&format!("the wrong NoteFs:\n{finding}"));
            ExitCode::SUCCESS
        }
        (Err(finding), _) => {
            say(&format!("something is found in the right NoteFs:\n{finding}"));
            ExitCode::FAILURE
        }
        (Ok(_), Ok(_)) => {
            say("the mistake is not found");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "an example shows what it found")]
fn say(text: &str) {
    println!("{text}");
}
