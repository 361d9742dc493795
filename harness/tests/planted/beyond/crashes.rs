//! Filesystems below that get wrong what is durable when.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;
use fuserig_abi::{Caller, FileKind, Ino};
use fuserig_sim_fs::{LowerExt, LowerFh, RenameFlags};

use super::super::Planted;
use super::super::crashes::planted;
use super::super::lowers::{Answer, Boxed, Bug, noted, root_of};

/// Files that are open, and those of which nothing is left to sync, as it is thought.
#[derive(Default)]
struct Clean {
    open: BTreeMap<LowerFh, Ino>,
    clean: BTreeSet<Ino>,
}

impl Clean {
    /// What every one of them does, besides thinking that something is clean.
    fn apply(&mut self, (fs, caller, op): (&mut Boxed, &Caller, &LowerOp<'_>)) -> Answer {
        match *op {
            LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => {
                noted(&mut self.open, (fs, caller, op))
            }
            LowerOp::Write { fh, .. }
            | LowerOp::Fallocate { fh, .. }
            | LowerOp::CopyRange { to: fh, .. } => {
                self.clean.remove(self.open.get(&fh)?);
                None
            }
            LowerOp::Setattr { node, .. } => {
                self.clean.remove(&node);
                None
            }
            LowerOp::Fsync { fh, .. } => {
                self.clean.contains(self.open.get(&fh)?).then_some(Ok(LowerReply::Done))
            }
            _ => None,
        }
    }
}

/// What was read is as it is on the disk.
fn read_is_clean() -> Bug {
    let mut files = Clean::default();
    Box::new(move |fs, caller, op| {
        if let LowerOp::Read { fh, .. } = *op {
            files.clean.extend(files.open.get(&fh).copied());
        }
        files.apply((fs, caller, op))
    })
}

/// What was closed has been written.
fn closed_is_clean() -> Bug {
    let mut files = Clean::default();
    Box::new(move |fs, caller, op| {
        if let LowerOp::Release { fh } = *op
            && let Some(node) = files.open.remove(&fh)
        {
            let stat = fs.getattr(&root_of(caller), node);
            let file = stat.is_ok_and(|stat| stat.kind == FileKind::Regular);
            files.clean.extend(file.then_some(node));
        }
        files.apply((fs, caller, op))
    })
}

/// Who syncs the data of a file that has become longer syncs nothing, as a length is no data.
fn grown() -> Bug {
    let (mut open, mut grown) = (BTreeMap::new(), BTreeSet::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Write { fh, .. } => {
            let (node, root) = (*open.get(&fh)?, root_of(caller));
            let before = fs.getattr(&root, node).ok()?.size;
            let reply = fs.apply(caller, op);
            let longer = fs.getattr(&root, node).is_ok_and(|stat| stat.size > before);
            grown.extend(longer.then_some(node));
            Some(reply)
        }
        LowerOp::Fsync { fh, datasync: true } => {
            grown.contains(open.get(&fh)?).then_some(Ok(LowerReply::Done))
        }
        LowerOp::Fsync { fh, .. } => {
            grown.remove(open.get(&fh)?);
            None
        }
        _ => None,
    })
}

/// A file that has one name more is as it was, and not synced for that.
fn linked() -> Bug {
    let mut files = Clean::default();
    Box::new(move |fs, caller, op| {
        if let LowerOp::Link { node, .. } = *op {
            files.clean.insert(node);
        }
        files.apply((fs, caller, op))
    })
}

/// What a rename replaces is moved aside first, and removed when the other has its name.
fn moves_aside() -> Bug {
    const ASIDE: &[u8] = b".old";
    Box::new(|fs, caller, op| match *op {
        LowerOp::Rename { parent, name, new_parent, new_name, flags } if flags.is_empty() => {
            let moved = fs.lookup(caller, parent, name).ok()?;
            let old = fs.lookup(caller, new_parent, new_name).ok()?;
            let plain = RenameFlags::empty();
            let free = fs.lookup(caller, new_parent, ASIDE) == Err(Errno::ENOENT);
            if moved.kind != old.kind || moved.ino == old.ino || !free {
                return None;
            }
            fs.rename(caller, new_parent, new_name, new_parent, ASIDE, plain).ok()?;
            let done = fs.apply(caller, op);
            let left = match done {
                Ok(_) if fs.unlink(caller, new_parent, ASIDE).is_ok() => true,
                Ok(_) => fs.rmdir(caller, new_parent, ASIDE).is_ok(),
                Err(_) => fs.rename(caller, new_parent, ASIDE, new_parent, new_name, plain).is_ok(),
            };
            left.then_some(done)
        }
        _ => None,
    })
}

pub(super) fn all() -> Vec<Planted> {
    let ordered = Durability::Ordered;
    vec![
        planted("what was read again is not synced", ordered, read_is_clean),
        planted("what was closed is not synced", ordered, closed_is_clean),
        planted("what grew is not there for fdatasync", ordered, grown),
        planted("a second name is not synced with its file", ordered, linked),
        planted("what is replaced is moved aside first", ordered, moves_aside),
    ]
}
