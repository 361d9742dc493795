//! Filesystems below that get wrong what is durable when.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;
use fuserig_abi::{Caller, FileKind, Ino};
use fuserig_sim_fs::{AttrChanges, LowerExt, OpenFlags};

use super::super::Planted;
use super::super::crashes::planted;
use super::super::lowers::{Boxed, Bug, made, noted, opened, read_all, root_of, write_all};

/// Writes a file anew, unless it is long.
fn anew(fs: &mut Boxed, caller: &Caller, node: Ino) {
    let root = root_of(caller);
    let bytes = read_all(fs, caller, node);
    if !bytes.is_empty() && bytes.len() < 1 << 16 {
        let changes = AttrChanges { size: Some(0), ..AttrChanges::default() };
        let _ = fs.setattr(&root, node, changes);
        write_all(fs, caller, node, 0, &bytes);
    }
}

/// Who writes something writes the whole file anew.
fn writes_anew() -> Bug {
    let mut open = BTreeMap::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Write { fh, .. } => {
            let node = *open.get(&fh)?;
            let reply = fs.apply(caller, op);
            if reply.is_ok() {
                anew(fs, caller, node);
            }
            Some(reply)
        }
        _ => None,
    })
}

/// Who makes a file shorter writes anew what is left.
fn shortens_anew() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Setattr { node, changes } => {
            let size = changes.size?;
            let old = fs.getattr(&root_of(caller), node).ok()?.size;
            let reply = fs.apply(caller, op);
            if reply.is_ok() && size < old {
                anew(fs, caller, node);
            }
            Some(reply)
        }
        _ => None,
    })
}

/// A new file is one for fsync, and nothing is done for it before.
fn new_files() -> Bug {
    let (mut open, mut new) = (BTreeMap::new(), BTreeSet::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Create { .. } | LowerOp::Mknod { .. } => {
            let (reply, node) = made(fs, caller, op);
            new.extend(node);
            reply
        }
        LowerOp::Fsync { fh, datasync } => {
            let node = open.get(&fh)?;
            let waits = datasync && new.contains(node);
            new.retain(|other| waits || other != node);
            waits.then_some(Ok(LowerReply::Done))
        }
        _ => None,
    })
}

/// The names that an operation adds or takes away.
fn places(op: &LowerOp<'_>) -> Vec<(Ino, Vec<u8>)> {
    match *op {
        LowerOp::Create { parent, name, .. }
        | LowerOp::CreateOpen { parent, name, .. }
        | LowerOp::Mknod { parent, name, .. }
        | LowerOp::Mkdir { parent, name, .. }
        | LowerOp::Symlink { parent, name, .. }
        | LowerOp::Link { parent, name, .. }
        | LowerOp::Unlink { parent, name }
        | LowerOp::Rmdir { parent, name } => vec![(parent, name.to_vec())],
        LowerOp::Rename { parent, name, new_parent, new_name, .. } => {
            vec![(parent, name.to_vec()), (new_parent, new_name.to_vec())]
        }
        _ => Vec::new(),
    }
}

/// A name that was removed and made again is the same as before.
fn made_again() -> Bug {
    let mut open = BTreeMap::new();
    let mut changed = BTreeMap::<Ino, BTreeSet<Vec<u8>>>::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { node, .. } => {
            let directory = fs.getattr(caller, node).ok()?.kind == FileKind::Directory;
            let reply = Some(fs.apply(caller, op));
            open.extend(opened(op, &reply).filter(|_| directory));
            reply
        }
        LowerOp::Fsync { fh, .. } => {
            let names = changed.remove(open.get(&fh)?).unwrap_or_default();
            names.is_empty().then_some(Ok(LowerReply::Done))
        }
        _ => {
            let places = places(op);
            let reply = fs.apply(caller, op);
            for (parent, name) in places.into_iter().filter(|_| reply.is_ok()) {
                let names = changed.entry(parent).or_default();
                if !names.remove(&name) {
                    names.insert(name);
                }
            }
            Some(reply)
        }
    })
}

/// Who has the name that another file had is thought to be that, which was synced.
fn heirs() -> Bug {
    let (mut open, mut left, mut heirs) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Rename { parent, name, .. } => {
            left.insert((parent, name.to_vec()));
            None
        }
        LowerOp::Create { parent, name, .. } => {
            let (reply, node) = made(fs, caller, op);
            heirs.extend(node.filter(|_| left.contains(&(parent, name.to_vec()))));
            reply
        }
        LowerOp::Fsync { fh, .. } => heirs.contains(open.get(&fh)?).then_some(Ok(LowerReply::Done)),
        _ => None,
    })
}

/// A directory that only lost names has nothing to sync.
fn lost_names() -> Bug {
    let (mut open, mut gained) = (BTreeMap::new(), BTreeSet::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Fsync { fh, .. } => {
            let node = open.get(&fh)?;
            let directory = fs.getattr(caller, *node).ok()?.kind == FileKind::Directory;
            (directory && !gained.remove(node)).then_some(Ok(LowerReply::Done))
        }
        LowerOp::Unlink { .. } | LowerOp::Rmdir { .. } => None,
        _ => {
            gained.extend(places(op).into_iter().map(|(parent, _)| parent));
            None
        }
    })
}

/// What is written at once is written when there is time.
fn writes_later() -> Bug {
    let at_once = OpenFlags::DSYNC | OpenFlags::SYNC_METADATA;
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { node, flags, check } if flags.intersects(at_once) => {
            let flags = flags.difference(at_once);
            Some(fs.apply(caller, &LowerOp::Open { node, flags, check }))
        }
        _ => None,
    })
}

/// What moves has its new name before it loses the old one.
fn moves_in_two() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Rename { parent, name, new_parent, new_name, flags } if flags.is_empty() => {
            let root = root_of(caller);
            let node = fs.lookup(&root, parent, name).ok()?;
            let free = fs.lookup(&root, new_parent, new_name).is_err();
            let link = LowerOp::Link { node: node.ino, parent: new_parent, name: new_name };
            if node.kind != FileKind::Regular || !free || fs.apply(caller, &link).is_err() {
                return None;
            }
            Some(fs.apply(caller, &LowerOp::Unlink { parent, name }))
        }
        _ => None,
    })
}

pub(super) fn all() -> Vec<Planted> {
    let (ordered, loose) = (Durability::Ordered, Durability::Loose);
    vec![
        planted("who writes a byte writes the file anew", ordered, writes_anew),
        planted("who shortens a file writes it anew", ordered, shortens_anew),
        planted("a new file is not there for fdatasync", ordered, new_files),
        planted("what is made again is not synced", loose, made_again),
        planted("who has an old name is not synced", ordered, heirs),
        planted("a directory that lost a name is not synced", loose, lost_names),
        planted("what is written at once is written later", ordered, writes_later),
        planted("a move is a new name and a removal", loose, moves_in_two),
    ]
}
