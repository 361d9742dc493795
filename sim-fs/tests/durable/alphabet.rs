//! Steps of small programs, and how the filesystem under test performs them.

use std::collections::BTreeSet;

use fuserig_abi::{Caller, Credentials, Errno, FileKind, Ino, Pid, Timespec};
use fuserig_sim_fs::{
    AttrChanges, Durability, DurableFs, LowerExt, LowerFh, MemFs, OpenFlags, RenameFlags,
};

/// Where programs begin: an old file of two pages, a directory with a file, an empty directory.
pub(super) const START: &str = "/a ''\n/d/\n/d/x 'x'\n/e/";

/// One step. Paths are as in tree text, with the slash in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Create(&'static str),
    Mkdir(&'static str),
    /// Two bytes at an offset.
    Write(&'static str, u64),
    Truncate(&'static str, u64),
    Chmod(&'static str),
    Link(&'static str, &'static str),
    Rename(&'static str, &'static str),
    Exchange(&'static str, &'static str),
    Unlink(&'static str),
    Rmdir(&'static str),
    Fsync(&'static str),
    Fdatasync(&'static str),
}

pub(super) fn alphabet() -> Vec<Step> {
    vec![
        Step::Create("/b"),
        Step::Mkdir("/d/n"),
        Step::Write("/a", 0),
        Step::Write("/a", 4095),
        Step::Write("/b", 0),
        Step::Truncate("/a", 1),
        Step::Chmod("/a"),
        Step::Link("/a", "/d/l"),
        Step::Rename("/b", "/a"),
        Step::Rename("/a", "/d/x"),
        Step::Rename("/e", "/d/e"),
        Step::Exchange("/a", "/d/x"),
        Step::Unlink("/d/x"),
        Step::Rmdir("/e"),
        Step::Rmdir("/d"),
        Step::Fsync("/a"),
        Step::Fdatasync("/a"),
        Step::Fsync("/b"),
        Step::Fsync("/d"),
        Step::Fsync("/"),
    ]
}

/// The bytes that a step with this number writes.
pub(super) fn filling(number: usize) -> [u8; 2] {
    [b'A' + number as u8; 2]
}

/// A tree as lines: path, kind, permissions, length, and what is not zero of the contents.
pub(super) type Trees = BTreeSet<Vec<String>>;

pub(super) fn tree_lines(fs: &MemFs) -> Vec<String> {
    let line = |entry: fuserig_sim_fs::WalkEntry| {
        let stat = entry.stat;
        let path = String::from_utf8(entry.path).expect("ASCII names");
        if stat.kind == FileKind::Directory {
            return format!("{path} dir nlink={}", stat.nlink);
        }
        let mut bytes = vec![0; stat.size as usize];
        fs.peek(stat.ino, 0, &mut bytes).expect("a file");
        let (mode, nlink, size) = (stat.permissions, stat.nlink, stat.size);
        format!("{path} {mode:o} nlink={nlink} {size} {}", shown(&bytes))
    };
    fs.walk().map(line).collect()
}

pub(super) fn shown(bytes: &[u8]) -> String {
    let some = bytes.iter().enumerate().filter(|(_, byte)| **byte != 0);
    some.map(|(at, byte)| format!("{at}:{}", char::from(*byte))).collect::<Vec<_>>().join(" ")
}

pub(super) fn trees_of(fs: &MemFs) -> Vec<String> {
    tree_lines(fs)
}

/// Performs a program; says which steps succeeded.
pub(super) fn drive(program: &[Step], durability: Durability) -> (DurableFs, Vec<bool>) {
    let mut fs = DurableFs::new(MemFs::from_tree(START).expect("well-formed"), durability);
    let done = program.iter().enumerate();
    let done = done.map(|(number, step)| perform(&mut fs, number, *step).is_ok()).collect();
    (fs, done)
}

fn caller(number: usize) -> Caller {
    Caller::new(Credentials::root(), Pid(1), Timespec::from_secs(number as i64 + 1))
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').expect("a slash in front")
}

fn walk(fs: &mut DurableFs, path: &str) -> Result<Ino, Errno> {
    let mut node = Ino(1);
    for name in path.split('/').filter(|name| !name.is_empty()) {
        node = fs.lookup(&caller(0), node, name.as_bytes())?.ino;
    }
    Ok(node)
}

fn with_file<T>(
    fs: &mut DurableFs,
    path: &str,
    flags: OpenFlags,
    act: impl FnOnce(&mut DurableFs, LowerFh) -> Result<T, Errno>,
) -> Result<(), Errno> {
    let node = walk(fs, path)?;
    let fh = fs.open(&caller(0), node, flags)?;
    act(fs, fh)?;
    fs.release(&caller(0), fh)
}

fn perform(fs: &mut DurableFs, number: usize, step: Step) -> Result<(), Errno> {
    let by = caller(number);
    let at = |fs: &mut DurableFs, path: &'static str| {
        let (directory, name) = split(path);
        Ok::<_, Errno>((walk(fs, directory)?, name.as_bytes()))
    };
    match step {
        Step::Create(path) => {
            let (parent, name) = at(fs, path)?;
            fs.create(&by, parent, name, 0o644).map(drop)
        }
        Step::Mkdir(path) => {
            let (parent, name) = at(fs, path)?;
            fs.mkdir(&by, parent, name, 0o755).map(drop)
        }
        Step::Write(path, offset) => with_file(fs, path, OpenFlags::RDWR, |fs, fh| {
            fs.write(&by, fh, offset, &filling(number))
        }),
        Step::Truncate(path, size) => {
            let node = walk(fs, path)?;
            let changes = AttrChanges { size: Some(size), ..AttrChanges::default() };
            fs.setattr(&by, node, changes).map(drop)
        }
        Step::Chmod(path) => {
            let node = walk(fs, path)?;
            let changes = AttrChanges { permissions: Some(0o600), ..AttrChanges::default() };
            fs.setattr(&by, node, changes).map(drop)
        }
        Step::Link(path, new) => {
            let node = walk(fs, path)?;
            let (parent, name) = at(fs, new)?;
            fs.link(&by, node, parent, name).map(drop)
        }
        Step::Rename(old, new) | Step::Exchange(old, new) => {
            let ((from, name), (to, new_name)) = (at(fs, old)?, at(fs, new)?);
            let exchange = matches!(step, Step::Exchange(..));
            let flags = if exchange { RenameFlags::EXCHANGE } else { RenameFlags::empty() };
            fs.rename(&by, from, name, to, new_name, flags)
        }
        Step::Unlink(path) => {
            let (parent, name) = at(fs, path)?;
            fs.unlink(&by, parent, name)
        }
        Step::Rmdir(path) => {
            let (parent, name) = at(fs, path)?;
            fs.rmdir(&by, parent, name)
        }
        Step::Fsync(path) | Step::Fdatasync(path) => {
            let datasync = matches!(step, Step::Fdatasync(_));
            with_file(fs, path, OpenFlags::empty(), |fs, fh| fs.fsync(&by, fh, datasync))
        }
    }
}
