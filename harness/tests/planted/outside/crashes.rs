//! Filesystems below that get wrong what is durable when.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;
use fuserig_abi::{Caller, Ino};
use fuserig_sim_fs::{FallocateMode, LowerExt, LowerFh};

use super::super::Planted;
use super::super::crashes::planted;
use super::super::lowers::{Boxed, Bug, noted, root_of};

/// Whether an operation changes what is in an open file, and in which.
fn writes(op: &LowerOp<'_>) -> Option<LowerFh> {
    match *op {
        LowerOp::Write { fh, .. }
        | LowerOp::Fallocate { fh, .. }
        | LowerOp::CopyRange { to: fh, .. } => Some(fh),
        _ => None,
    }
}

/// A hole is made in the map of a file, and there is nothing to write for it.
fn holes_are_clean() -> Bug {
    let (mut open, mut clean) = (BTreeMap::new(), BTreeSet::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Fallocate { fh, mode, .. } if mode.contains(FallocateMode::PUNCH_HOLE) => {
            clean.insert(*open.get(&fh)?);
            None
        }
        LowerOp::Setattr { node, .. } => {
            clean.remove(&node);
            None
        }
        LowerOp::Fsync { fh, .. } => clean.contains(open.get(&fh)?).then_some(Ok(LowerReply::Done)),
        _ => {
            clean.remove(open.get(&writes(op)?)?);
            None
        }
    })
}

/// What is logged with something else is safe with all that it has, as it is thought, until it is
/// written again.
fn logged_is_synced(logs: fn(&mut Boxed, &Caller, &LowerOp<'_>) -> Option<Ino>) -> Bug {
    let (mut open, mut logged) = (BTreeMap::new(), BTreeSet::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Setattr { node, .. } => {
            logged.remove(&node);
            None
        }
        LowerOp::Fsync { fh, .. } => {
            logged.contains(open.get(&fh)?).then_some(Ok(LowerReply::Done))
        }
        _ => {
            logged.extend(logs(fs, caller, op));
            logged.remove(open.get(&writes(op)?)?);
            None
        }
    })
}

/// Attributes that are set are logged.
fn attributes_log_all() -> Bug {
    logged_is_synced(|_, _, op| match *op {
        LowerOp::SetXattr { node, .. } => Some(node),
        _ => None,
    })
}

/// That one of its names is removed is logged.
fn names_log_all() -> Bug {
    logged_is_synced(|fs, caller, op| {
        let LowerOp::Unlink { parent, name } = *op else { return None };
        let stat = fs.lookup(&root_of(caller), parent, name).ok()?;
        (stat.nlink > 1).then_some(stat.ino)
    })
}

/// Each handle syncs what was written with it, and nothing that was with another.
fn handles_sync_their_own() -> Bug {
    let (mut open, mut dirty) = (BTreeMap::new(), BTreeMap::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Fsync { fh, .. } => {
            let node: Ino = *open.get(&fh)?;
            let own = dirty.remove(&fh).is_some();
            let others = dirty.values().any(|other| *other == node);
            (!own && others).then_some(Ok(LowerReply::Done))
        }
        LowerOp::Release { fh } => {
            dirty.remove(&fh);
            None
        }
        _ => {
            let fh = writes(op)?;
            dirty.insert(fh, *open.get(&fh)?);
            None
        }
    })
}

/// What has the length that it had is as it was, although it was shorter in between.
fn lengths_are_all() -> Bug {
    let (mut open, mut cut) = (BTreeMap::new(), BTreeMap::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Setattr { node, changes } if changes.size.is_some() => {
            let before = fs.getattr(&root_of(caller), node).ok()?.size;
            cut.entry(node).or_insert(before);
            None
        }
        LowerOp::Fsync { fh, .. } => {
            let node = *open.get(&fh)?;
            let before = cut.remove(&node)?;
            let same = fs.getattr(&root_of(caller), node).ok()?.size == before;
            same.then_some(Ok(LowerReply::Done))
        }
        _ => {
            cut.remove(open.get(&writes(op)?)?);
            None
        }
    })
}

pub(super) fn all() -> Vec<Planted> {
    let ordered = Durability::Ordered;
    vec![
        planted("a hole is not synced", ordered, holes_are_clean),
        planted("what has new attributes is not synced", ordered, attributes_log_all),
        planted("who syncs syncs what he wrote", ordered, handles_sync_their_own),
        planted("what is as long as before is not synced", ordered, lengths_are_all),
        planted("what lost a name is not synced", ordered, names_log_all),
    ]
}
