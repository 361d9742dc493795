//! Filesystems below with a mistake.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;
use fuserig_abi::{Caller, FileKind, Ino};
use fuserig_sim_fs::{
    AttrChanges, FallocateMode, LowerExt, LowerFh, OpenFlags, RenameFlags, SetTime, Whence,
};

use super::super::Planted;
use super::super::lowers::{Answer, Boxed, Bug, noted, planted, read_all, root_of, write_all};

/// Who moves a name away leaves the time of its directory alone.
fn leaves_no_time() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Rename { parent, new_parent, .. } if parent != new_parent => {
            let root = root_of(caller);
            let before = fs.getattr(&root, parent).ok()?;
            let reply = fs.apply(caller, op);
            if reply.is_ok() {
                let mtime = Some(SetTime::At(before.mtime));
                let _ = fs.setattr(&root, parent, AttrChanges { mtime, ..AttrChanges::default() });
            }
            Some(reply)
        }
        _ => None,
    })
}

/// Directories whose links are counted wrong, and by how much.
type Miscount = Vec<(Ino, i32)>;

/// What an operation that succeeds makes of the counts of links.
fn miscounts(wrong: fn(&mut Boxed, &Caller, &LowerOp<'_>) -> Option<Miscount>) -> Bug {
    let mut extra = BTreeMap::<Ino, i32>::new();
    Box::new(move |fs, caller, op| {
        if let LowerOp::Getattr { node } = *op {
            let more = *extra.get(&node)?;
            let stat = fs.getattr(caller, node);
            return Some(stat.map(|mut stat| {
                stat.nlink = stat.nlink.saturating_add_signed(more);
                LowerReply::Stat(stat)
            }));
        }
        let miscount = wrong(fs, caller, op)?;
        let reply = fs.apply(caller, op);
        for (node, more) in miscount.into_iter().filter(|_| reply.is_ok()) {
            *extra.entry(node).or_default() += more;
        }
        Some(reply)
    })
}

/// A directory that was removed is still counted.
fn counts_removed() -> Bug {
    miscounts(|_, _, op| match *op {
        LowerOp::Rmdir { parent, .. } => Some(vec![(parent, 1)]),
        _ => None,
    })
}

/// What is exchanged is thought to be of one kind.
fn counts_exchanged() -> Bug {
    miscounts(|fs, caller, op| match *op {
        LowerOp::Rename { parent, name, new_parent, new_name, flags }
            if flags == RenameFlags::EXCHANGE && parent != new_parent =>
        {
            let root = root_of(caller);
            let mut directory = |parent, name| {
                let kind = fs.lookup(&root, parent, name).ok()?.kind;
                Some(i32::from(kind == FileKind::Directory))
            };
            let gone = directory(parent, name)? - directory(new_parent, new_name)?;
            Some(vec![(parent, gone), (new_parent, -gone)])
        }
        _ => None,
    })
}

/// Who sets the length that there is changes nothing, also no time.
fn same_length() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Setattr { node, changes } => {
            let stat = fs.getattr(&root_of(caller), node).ok()?;
            (changes.size == Some(stat.size)).then_some(Ok(LowerReply::Stat(stat)))
        }
        _ => None,
    })
}

/// A read goes on to where the next hole begins.
fn reads_to_hole() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Read { fh, offset, .. } => {
            let hole = fs.seek(caller, fh, offset.cast_signed(), Whence::Hole, 0).ok()?;
            let before = usize::try_from(hole.checked_sub(offset)?).ok()?;
            Some(fs.apply(caller, op).map(|reply| match reply {
                LowerReply::Bytes(mut bytes) if before > 0 => {
                    bytes.truncate(before);
                    LowerReply::Bytes(bytes)
                }
                other => other,
            }))
        }
        _ => None,
    })
}

/// The range that is inserted holds what was there.
fn inserts_old() -> Bug {
    let mut open = BTreeMap::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Fallocate { fh, mode, offset, length } if mode == FallocateMode::INSERT_RANGE => {
            let node = *open.get(&fh)?;
            let bytes = read_all(fs, caller, node);
            let reply = fs.apply(caller, op);
            let old = bytes.get(usize::try_from(offset).ok()?..).unwrap_or_default();
            let length = usize::try_from(length).map_or(old.len(), |length| length.min(old.len()));
            if reply.is_ok() && length > 0 {
                write_all(fs, caller, node, offset, &old[..length]);
            }
            Some(reply)
        }
        _ => None,
    })
}

/// A hole begins where its page does.
fn whole_holes() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Fallocate { fh, mode, offset, length }
            if mode.contains(FallocateMode::PUNCH_HOLE) =>
        {
            let more = offset % 4096;
            let (offset, length) = (offset - more, length.saturating_add(more));
            Some(fs.apply(caller, &LowerOp::Fallocate { fh, mode, offset, length }))
        }
        _ => None,
    })
}

/// The name that a directory has for one in another case.
fn in_other_case(fs: &mut Boxed, caller: &Caller, parent: Ino, name: &[u8]) -> Option<Vec<u8>> {
    let root = root_of(caller);
    let fh = fs.open(&root, parent, OpenFlags::DIRECTORY | OpenFlags::NOATIME).ok()?;
    let listed = fs.read_dir(&root, fh, 0, 4096);
    let _ = fs.release(&root, fh);
    let mut names = listed.ok()?.0.into_iter().map(|entry| entry.name);
    names.find(|other| other.eq_ignore_ascii_case(name))
}

/// Names that differ in their case are one.
fn any_case() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Lookup { parent, name } => match fs.apply(caller, op) {
            Err(Errno::ENOENT) => {
                let name = in_other_case(fs, caller, parent, name)?;
                Some(fs.lookup(caller, parent, &name).map(LowerReply::Stat))
            }
            other => Some(other),
        },
        _ => None,
    })
}

/// What has data is copied, and holes are passed over.
fn copies_data() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::CopyRange { from, from_offset, to, to_offset, length, .. } => {
            let (mut at, end) = (from_offset, from_offset + length);
            while let Ok(data) = fs.seek(caller, from, at.cast_signed(), Whence::Data, 0) {
                at = fs.seek(caller, from, data.cast_signed(), Whence::Hole, 0).ok()?.min(end);
                let Some(length) = at.checked_sub(data).filter(|length| *length > 0) else { break };
                let to_offset = to_offset + (data - from_offset);
                if let Err(errno) = fs.copy_range(caller, from, data, to, to_offset, length) {
                    return Some(Err(errno));
                }
            }
            Some(Ok(LowerReply::Count(length)))
        }
        _ => None,
    })
}

/// Files that are open, and those that were removed meanwhile, with where they are now.
#[derive(Default)]
struct Hidden {
    open: BTreeMap<LowerFh, Ino>,
    places: BTreeMap<Ino, (Ino, Vec<u8>)>,
}

impl Hidden {
    fn unlink(&mut self, fs: &mut Boxed, caller: &Caller, parent: Ino, name: &[u8]) -> Answer {
        let stat = fs.lookup(&root_of(caller), parent, name).ok()?;
        if stat.nlink > 1 || !self.open.values().any(|node| *node == stat.ino) {
            return None;
        }
        let spare = format!(".fuse_hidden{:08x}", stat.ino.0).into_bytes();
        let moved = fs.rename(caller, parent, name, parent, &spare, RenameFlags::empty());
        if moved.is_ok() {
            self.places.insert(stat.ino, (parent, spare));
        }
        Some(moved.map(|()| LowerReply::Done))
    }

    fn release(&mut self, fs: &mut Boxed, caller: &Caller, fh: LowerFh) -> Answer {
        let node = self.open.remove(&fh)?;
        if self.open.values().any(|other| *other == node) {
            return None;
        }
        let (parent, spare) = self.places.remove(&node)?;
        let released = fs.release(caller, fh);
        let _ = fs.unlink(&root_of(caller), parent, &spare);
        Some(released.map(|()| LowerReply::Done))
    }
}

/// What is removed while it is open has another name until it is closed.
fn hides_open() -> Bug {
    let mut hidden = Hidden::default();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => {
            noted(&mut hidden.open, (fs, caller, op))
        }
        LowerOp::Unlink { parent, name } => hidden.unlink(fs, caller, parent, name),
        LowerOp::Release { fh } => hidden.release(fs, caller, fh),
        _ => None,
    })
}

/// A hard link is a file of its own, with the same contents.
fn copies_links() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Link { node, parent, name } => {
            let stat = fs.getattr(&root_of(caller), node).ok()?;
            if stat.kind != FileKind::Regular {
                return None;
            }
            let bytes = read_all(fs, caller, node);
            let made = fs.create(caller, parent, name, stat.permissions);
            if let Ok(made) = &made {
                write_all(fs, caller, made.ino, 0, &bytes);
            }
            Some(made.map(LowerReply::Stat))
        }
        _ => None,
    })
}

/// Owners set the bit of a group that they are not in.
fn any_setgid() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Setattr { node, changes } => {
            let asked = changes.permissions.filter(|permissions| permissions & 0o2000 != 0)?;
            let reply = fs.apply(caller, op);
            if reply.is_ok() {
                let permissions = Some(asked);
                let changes = AttrChanges { permissions, ..AttrChanges::default() };
                let _ = fs.setattr(&root_of(caller), node, changes);
            }
            Some(reply)
        }
        _ => None,
    })
}

/// An open file is read once, and again when it was written here or when its attributes change.
fn reads_once() -> Bug {
    let (mut open, mut kept) = (BTreeMap::new(), BTreeMap::<LowerFh, Vec<u8>>::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Read { fh, offset, size } => {
            let node = *open.get(&fh)?;
            let bytes = kept.entry(fh).or_insert_with(|| read_all(fs, caller, node));
            let from = usize::try_from(offset).ok()?.min(bytes.len());
            let to = from.saturating_add(size as usize).min(bytes.len());
            // Long files are not kept.
            (bytes.len() < 1 << 16).then(|| Ok(LowerReply::Bytes(bytes[from..to].to_vec())))
        }
        LowerOp::Write { fh, .. }
        | LowerOp::Fallocate { fh, .. }
        | LowerOp::CopyRange { to: fh, .. } => {
            kept.remove(&fh);
            None
        }
        LowerOp::Setattr { .. } => {
            kept.clear();
            None
        }
        _ => None,
    })
}

/// In which directory nodes were found, and those whose path is not what it was then.
#[derive(Default)]
struct Paths {
    parents: BTreeMap<Ino, Ino>,
    lost: BTreeSet<Ino>,
}

impl Paths {
    fn found(&mut self, node: Ino, parent: Ino) {
        self.parents.insert(node, parent);
        self.lost.remove(&node);
    }

    fn moved(&mut self, directory: Ino) {
        let parent = |node: &Ino| self.parents.get(node).copied();
        // What is old here may go round in circles.
        let above = |node: Ino| core::iter::successors(Some(node), parent).skip(1).take(64);
        let below = self.parents.keys().filter(|node| above(**node).any(|node| node == directory));
        self.lost.extend(below);
    }
}

/// What is in use below a directory that is moved has the path that it had.
fn loses_paths() -> Bug {
    let mut paths = Paths::default();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Lookup { parent, .. }
        | LowerOp::Create { parent, .. }
        | LowerOp::CreateOpen { parent, .. }
        | LowerOp::Mkdir { parent, .. } => {
            let reply = fs.apply(caller, op);
            if let Ok(LowerReply::Stat(stat) | LowerReply::Created(stat, _)) = &reply {
                paths.found(stat.ino, parent);
            }
            Some(reply)
        }
        LowerOp::Rename { parent, name, .. } => {
            let moved = fs.lookup(&root_of(caller), parent, name).ok()?;
            let reply = fs.apply(caller, op);
            if reply.is_ok() {
                paths.moved(moved.ino);
            }
            Some(reply)
        }
        LowerOp::Getattr { node } => paths.lost.contains(&node).then_some(Err(Errno::ENOENT)),
        _ => None,
    })
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted("what moves away leaves the time alone", leaves_no_time),
        planted("a removed directory is still counted", counts_removed),
        planted("an exchange counts no directories", counts_exchanged),
        planted("to set the same length changes no time", same_length),
        planted("a read ends where a hole begins", reads_to_hole),
        planted("an inserted range holds what was there", inserts_old),
        planted("a hole begins where its page does", whole_holes),
        planted("names that differ in case are one", any_case),
        planted("a copy passes over holes", copies_data),
        planted("an open file is hidden and not removed", hides_open),
        planted("a hard link is a copy", copies_links),
        planted("who is not in the group sets its bit", any_setgid),
        planted("an open file stays as it was read", reads_once),
        planted("open files do not move with directories", loses_paths),
    ]
}
