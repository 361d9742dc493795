//! What of a filesystem can be compared: attributes without what is its own, and whole trees.

use fuserig_abi::{FileKind, Ino, Stat, Timespec};
use fuserig_sim_fs::{Lower, LowerExt, OpenFlags, Whence};

use crate::bind::caller;

/// Times before this were set on purpose.
const SET_ON_PURPOSE: i64 = 1_000_000_000;

/// Which filesystem the host has, and so how much can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// The one that is simulated.
    Tmpfs,
    /// Another one: sizes of directories, space in use and times set by reading are its own.
    Other,
}

/// Attributes without what cannot be equal.
pub(crate) fn comparable(stat: &Stat, host: Host) -> Stat {
    let on_purpose = |time: Timespec| {
        if time.sec < SET_ON_PURPOSE { time } else { Timespec::from_secs(SET_ON_PURPOSE) }
    };
    let atime = match stat.kind {
        FileKind::Symlink => Timespec::ZERO,
        _ => on_purpose(stat.atime),
    };
    let mtime = on_purpose(stat.mtime);
    let same =
        Stat { ino: Ino(0), atime, mtime, ctime: Timespec::ZERO, btime: Timespec::ZERO, ..*stat };
    match (host, stat.kind) {
        (Host::Tmpfs, _) => same,
        (Host::Other, FileKind::Directory) => Stat { size: 0, blocks: 0, blksize: 0, ..same },
        (Host::Other, _) => Stat { blocks: 0, blksize: 0, ..same },
    }
}

/// Everything in a tree, one line a node, in order of path.
pub(crate) fn tree(fs: &mut dyn Lower, root: Ino, host: Host) -> Vec<String> {
    let caller = caller(0, 1_700_000_000);
    let mut lines = Vec::new();
    let mut todo = vec![(String::new(), root)];
    while let Some((path, node)) = todo.pop() {
        let stat = fs.getattr(&caller, node);
        let stat = stat.unwrap_or_else(|error| panic!("{path} was just found: {error}"));
        let mut line = format!("{path} {:?} xattrs {}", comparable(&stat, host), xattrs(fs, node));
        match stat.kind {
            FileKind::Directory => {
                let fh = fs.open(&caller, node, OpenFlags::NOATIME).expect("root may list");
                let (entries, _) = fs.read_dir(&caller, fh, 0, 1000).expect("root may list");
                fs.release(&caller, fh).expect("just opened");
                for entry in &entries {
                    if !matches!(entry.name.as_slice(), b"." | b"..") {
                        let child = fs.lookup(&caller, node, &entry.name).expect("just listed");
                        todo.push((format!("{path}/{}", entry.name.escape_ascii()), child.ino));
                    }
                }
                let mut names: Vec<_> =
                    entries.iter().map(|entry| entry.name.escape_ascii().to_string()).collect();
                if host == Host::Other {
                    names.sort();
                }
                line += &format!(" names {names:?}");
            }
            FileKind::Regular => line += &format!(" data {:?}", contents(fs, node)),
            FileKind::Symlink => {
                let target = fs.readlink(&caller, node).expect("root may read links");
                line += &format!(" -> {}", target.escape_ascii());
            }
            _ => {}
        }
        lines.push(line);
    }
    lines.sort();
    lines
}

fn xattrs(fs: &mut dyn Lower, node: Ino) -> String {
    let caller = caller(0, 1_700_000_000);
    let names = fs.list_xattr(&caller, node, 65536).expect("root may list attributes");
    let mut text = String::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let value = fs.get_xattr(&caller, node, name, 65536).expect("just listed");
        text += &format!("{}={} ", name.escape_ascii(), digest(&value));
    }
    text
}

/// The pages that are not all zeros, with a digest of each.
fn contents(fs: &mut dyn Lower, node: Ino) -> Vec<(u64, u64)> {
    let caller = caller(0, 1_700_000_000);
    let fh = fs.open(&caller, node, OpenFlags::NOATIME).expect("root may read");
    let mut pages = Vec::new();
    let mut at = 0;
    while let Ok(first) = fs.seek(&caller, fh, at, Whence::Data, 0) {
        let last = fs.seek(&caller, fh, first.cast_signed(), Whence::Hole, 0).expect("has an end");
        let length = u32::try_from(last - first).expect("no test writes that much");
        let data = fs.read(&caller, fh, first, length).expect("root may read");
        assert_eq!(data.len(), length as usize, "data must be readable to the next hole");
        let filled = data.chunks(4096).zip((first / 4096)..);
        let filled = filled.filter(|(page, _)| page.iter().any(|byte| *byte != 0));
        pages.extend(filled.map(|(page, index)| (index, digest(page))));
        at = last.cast_signed();
    }
    fs.release(&caller, fh).expect("just opened");
    pages
}

/// Enough to tell two contents apart in a message.
fn digest(data: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(data)
}
