//! Filesystems below that get wrong what is durable when.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;
use fuserig_abi::{Caller, FileKind, Ino};
use fuserig_sim_fs::{LowerExt, LowerFh, RenameFlags};

use super::super::Planted;
use super::super::crashes::planted;
use super::super::lowers::{Answer, Boxed, Bug, opened};

/// Opens something, and notes what it is when it is of that kind.
fn open_of(
    open: &mut BTreeMap<LowerFh, Ino>,
    kind: FileKind,
    (fs, caller, op): (&mut Boxed, &Caller, &LowerOp<'_>),
) -> Answer {
    let reply = Some(fs.apply(caller, op));
    let noted = opened(op, &reply);
    open.extend(noted.filter(|(_, node)| fs.getattr(caller, *node).is_ok_and(|s| s.kind == kind)));
    reply
}

/// The directories whose names an operation changes.
fn parents(op: &LowerOp<'_>) -> Vec<Ino> {
    match *op {
        LowerOp::Create { parent, .. }
        | LowerOp::CreateOpen { parent, .. }
        | LowerOp::Mknod { parent, .. }
        | LowerOp::Mkdir { parent, .. }
        | LowerOp::Symlink { parent, .. }
        | LowerOp::Link { parent, .. }
        | LowerOp::Unlink { parent, .. }
        | LowerOp::Rmdir { parent, .. } => vec![parent],
        LowerOp::Rename { parent, new_parent, .. } => vec![parent, new_parent],
        _ => Vec::new(),
    }
}

/// Who has synced the data has nothing more to sync, until something changes.
fn data_is_all() -> Bug {
    let (mut open, mut synced) = (BTreeMap::new(), BTreeSet::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => {
            open_of(&mut open, FileKind::Regular, (fs, caller, op))
        }
        LowerOp::Write { fh, .. }
        | LowerOp::Fallocate { fh, .. }
        | LowerOp::CopyRange { to: fh, .. } => {
            synced.remove(open.get(&fh)?);
            None
        }
        LowerOp::Setattr { node, .. } => {
            synced.remove(&node);
            None
        }
        LowerOp::Fsync { fh, datasync: true } => {
            synced.insert(*open.get(&fh)?);
            None
        }
        LowerOp::Fsync { fh, .. } => {
            synced.contains(open.get(&fh)?).then_some(Ok(LowerReply::Done))
        }
        _ => None,
    })
}

/// A directory syncs what came since it was opened.
fn since_open() -> Bug {
    let (mut open, mut dirty) = (BTreeMap::new(), BTreeSet::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } => open_of(&mut open, FileKind::Directory, (fs, caller, op)),
        LowerOp::Fsync { fh, .. } => {
            let clean = open.contains_key(&fh) && !dirty.remove(&fh);
            clean.then_some(Ok(LowerReply::Done))
        }
        _ => {
            let parents = parents(op);
            let changed = open.iter().filter(|(_, node)| parents.contains(node));
            dirty.extend(changed.map(|(fh, _)| *fh));
            None
        }
    })
}

/// What is exchanged leaves a directory as it is.
fn exchanges() -> Bug {
    let (mut open, mut dirty) = (BTreeMap::new(), BTreeSet::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } => open_of(&mut open, FileKind::Directory, (fs, caller, op)),
        LowerOp::Fsync { fh, .. } => {
            let clean = !dirty.remove(open.get(&fh)?);
            clean.then_some(Ok(LowerReply::Done))
        }
        LowerOp::Rename { flags: RenameFlags::EXCHANGE, .. } => None,
        _ => {
            dirty.extend(parents(op));
            None
        }
    })
}

/// A file that only grew has nothing to sync.
fn grown() -> Bug {
    let (mut open, mut grown) = (BTreeMap::new(), BTreeMap::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => {
            open_of(&mut open, FileKind::Regular, (fs, caller, op))
        }
        LowerOp::Write { fh, offset, .. } => {
            let node = *open.get(&fh)?;
            let behind = fs.getattr(caller, node).is_ok_and(|stat| offset >= stat.size);
            *grown.entry(node).or_insert(true) &= behind;
            None
        }
        LowerOp::Fallocate { fh, .. } | LowerOp::CopyRange { to: fh, .. } => {
            grown.insert(*open.get(&fh)?, false);
            None
        }
        LowerOp::Setattr { node, .. } => {
            grown.insert(node, false);
            None
        }
        LowerOp::Fsync { fh, .. } => {
            let grown = grown.remove(open.get(&fh)?);
            (grown == Some(true)).then_some(Ok(LowerReply::Done))
        }
        _ => None,
    })
}

/// What is removed goes through a trash beside it.
fn trash() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Unlink { parent, name } => {
            const TRASH: &[u8] = b".trash";
            let moved = fs.rename(caller, parent, name, parent, TRASH, RenameFlags::NOREPLACE);
            moved.ok()?;
            Some(fs.unlink(caller, parent, TRASH).map(|()| LowerReply::Done))
        }
        _ => None,
    })
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted("who has synced the data has synced all", Durability::Ordered, data_is_all),
        planted("a directory syncs what came since the open", Durability::Loose, since_open),
        planted("what was exchanged is not synced", Durability::Loose, exchanges),
        planted("what only grew is not synced", Durability::Ordered, grown),
        planted("what is removed goes through the trash", Durability::Ordered, trash),
    ]
}
