//! Filesystems below that get wrong what is durable when.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;
use fuserig_abi::{AccessMask, Device, FileKind, Ino};
use fuserig_sim_fs::{AttrChanges, FallocateMode, LowerExt, RenameFlags};

use super::super::Planted;
use super::super::crashes::planted;
use super::super::lowers::{Bug, made, noted, root_of};

/// What is written to space that was reserved takes none and moves no end, so that there is nothing
/// to do for who syncs the data, as long as he has not synced all.
fn fills_reserved() -> Bug {
    let (mut open, mut reserved) = (BTreeMap::new(), BTreeSet::<Ino>::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Fallocate { fh, mode, .. } if FallocateMode::KEEP_SIZE.contains(mode) => {
            reserved.insert(*open.get(&fh)?);
            None
        }
        LowerOp::Fsync { fh, datasync: true } => {
            reserved.contains(open.get(&fh)?).then_some(Ok(LowerReply::Done))
        }
        LowerOp::Fsync { fh, .. } => {
            reserved.remove(open.get(&fh)?);
            None
        }
        LowerOp::Setattr { node, .. } => {
            reserved.remove(&node);
            None
        }
        _ => None,
    })
}

/// A directory is logged with the one that it is in, and what is in a new one with it: not by who
/// syncs a file there.
fn logs_directories() -> Bug {
    let (mut open, mut directories) = (BTreeMap::new(), BTreeSet::new());
    let mut files = BTreeSet::<Ino>::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Mkdir { .. } => {
            let (reply, node) = made(fs, caller, op);
            directories.extend(node);
            reply
        }
        LowerOp::Create { parent, .. } => {
            let (reply, node) = made(fs, caller, op);
            files.extend(node.filter(|_| directories.contains(&parent)));
            reply
        }
        LowerOp::Fsync { fh, .. } => files.contains(open.get(&fh)?).then_some(Ok(LowerReply::Done)),
        _ => None,
    })
}

/// What is removed is covered by a mark that hides what may be below, and the mark is removed when
/// nothing is.
fn covers_first() -> Bug {
    const MARK: &[u8] = b".mark";
    const S_IFCHR: u32 = 0o020_000;
    Box::new(|fs, caller, op| match *op {
        LowerOp::Unlink { parent, name } => {
            let root = root_of(caller);
            fs.access(caller, parent, AccessMask::WRITE | AccessMask::EXEC).ok()?;
            fs.mknod(&root, parent, MARK, S_IFCHR, Device::default()).ok()?;
            let _ = fs.rename(&root, parent, MARK, parent, name, RenameFlags::empty());
            None
        }
        _ => None,
    })
}

/// What loses its last name is emptied before.
fn empties_first() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Unlink { parent, name } => {
            let root = root_of(caller);
            let stat = fs.lookup(&root, parent, name).ok()?;
            if stat.kind == FileKind::Regular && stat.nlink == 1 {
                let changes = AttrChanges { size: Some(0), ..AttrChanges::default() };
                let _ = fs.setattr(&root, stat.ino, changes);
            }
            None
        }
        _ => None,
    })
}

/// What is short is kept beside the attributes of a file. When it grows out of there, it is thought
/// to be synced with them.
fn outgrows() -> Bug {
    const SHORT: u64 = 60;
    let (mut open, mut outgrown) = (BTreeMap::new(), BTreeSet::<Ino>::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Write { fh, .. } => {
            let (root, node) = (root_of(caller), *open.get(&fh)?);
            let before = fs.getattr(&root, node).ok()?.size;
            let reply = fs.apply(caller, op);
            let after = fs.getattr(&root, node).map_or(before, |stat| stat.size);
            if before <= SHORT && after > SHORT {
                outgrown.insert(node);
            }
            Some(reply)
        }
        LowerOp::Fsync { fh, .. } => {
            outgrown.remove(open.get(&fh)?).then_some(Ok(LowerReply::Done))
        }
        _ => None,
    })
}

pub(super) fn all() -> Vec<Planted> {
    let ordered = Durability::Ordered;
    vec![
        planted("what fills reserved space is not synced", ordered, fills_reserved),
        planted("what is in a new directory is not synced", ordered, logs_directories),
        planted("what is removed is covered first", ordered, covers_first),
        planted("what is removed is emptied first", ordered, empties_first),
        planted("what outgrows its inode is not synced", ordered, outgrows),
    ]
}
