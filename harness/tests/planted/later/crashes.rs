//! Filesystems below that think something durable which is not.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;
use fuserig_abi::{Caller, FileKind, Ino};
use fuserig_sim_fs::{LowerExt, LowerFh};

use super::super::Planted;
use super::super::crashes::planted;
use super::super::lowers::{Answer, Boxed, Bug, opened};

/// Files that are open, those of which something is to be synced, and those that were changed in
/// the one way that is forgotten.
#[derive(Default)]
struct Files {
    open: BTreeMap<LowerFh, Ino>,
    dirty: BTreeSet<Ino>,
    forgotten: BTreeSet<Ino>,
}

impl Files {
    /// Notes what every one of them has to know.
    fn note(&mut self, fs: &mut Boxed, caller: &Caller, op: &LowerOp<'_>) -> Answer {
        match *op {
            LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => {
                let reply = Some(fs.apply(caller, op));
                if let Some((fh, node)) = opened(op, &reply) {
                    self.open.insert(fh, node);
                }
                reply
            }
            LowerOp::Write { fh, .. }
            | LowerOp::Fallocate { fh, .. }
            | LowerOp::CopyRange { to: fh, .. } => {
                self.dirty.extend(self.open.get(&fh));
                None
            }
            LowerOp::Setattr { node, .. } => {
                self.dirty.insert(node);
                None
            }
            LowerOp::Fsync { fh, .. } => {
                let node = self.open.get(&fh)?;
                let forgets = !self.dirty.remove(node) && self.forgotten.contains(node);
                forgets.then_some(Ok(LowerReply::Done))
            }
            _ => None,
        }
    }
}

/// Who sets a length has nothing to sync.
fn lengths() -> Bug {
    let mut files = Files::default();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Setattr { node, changes } if changes.size.is_some() => {
            files.forgotten.insert(node);
            None
        }
        _ => files.note(fs, caller, op),
    })
}

/// Who copies has nothing to sync.
fn copies() -> Bug {
    let mut files = Files::default();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::CopyRange { to, .. } => {
            files.forgotten.extend(files.open.get(&to));
            None
        }
        _ => files.note(fs, caller, op),
    })
}

/// A write that moves no end has nothing to sync.
fn overwrites() -> Bug {
    let mut files = Files::default();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Write { fh, .. } => {
            let node = *files.open.get(&fh)?;
            let before = fs.getattr(caller, node).ok()?;
            let reply = fs.apply(caller, op);
            let moves = matches!(reply, Ok(LowerReply::Written { end, .. }) if end > before.size);
            let noted = if moves { &mut files.dirty } else { &mut files.forgotten };
            noted.insert(node);
            Some(reply)
        }
        _ => files.note(fs, caller, op),
    })
}

/// A directory that has as many names as when it was synced last is not synced.
fn counts_names() -> Bug {
    let (mut open, mut names) = (BTreeMap::new(), BTreeMap::<Ino, i64>::new());
    Box::new(move |fs, caller, op| {
        let (parent, more) = match *op {
            LowerOp::Open { node, .. } => {
                let directory = fs.getattr(caller, node).ok()?.kind == FileKind::Directory;
                let reply = Some(fs.apply(caller, op));
                open.extend(opened(op, &reply).filter(|_| directory));
                return reply;
            }
            LowerOp::Fsync { fh, .. } => {
                let same = names.insert(*open.get(&fh)?, 0).unwrap_or_default() == 0;
                return same.then_some(Ok(LowerReply::Done));
            }
            LowerOp::Create { parent, .. }
            | LowerOp::CreateOpen { parent, .. }
            | LowerOp::Mknod { parent, .. }
            | LowerOp::Mkdir { parent, .. }
            | LowerOp::Symlink { parent, .. }
            | LowerOp::Link { parent, .. } => (parent, 1),
            LowerOp::Unlink { parent, .. } | LowerOp::Rmdir { parent, .. } => (parent, -1),
            LowerOp::Rename { parent, new_parent, .. } if parent != new_parent => {
                *names.entry(new_parent).or_default() += 1;
                (parent, -1)
            }
            _ => return None,
        };
        let reply = fs.apply(caller, op);
        *names.entry(parent).or_default() += if reply.is_ok() { more } else { 0 };
        Some(reply)
    })
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted("a length that was set is not synced", Durability::Ordered, lengths),
        planted("what was copied is not synced", Durability::Ordered, copies),
        planted("what was overwritten is not synced", Durability::Ordered, overwrites),
        planted("as many names as before are not synced", Durability::Loose, counts_names),
    ]
}
