//! Filesystems below with a mistake.

use std::collections::BTreeMap;

use fuserig::prelude::*;
use fuserig_abi::{AccessMask, Caller, FileKind, Ino, Stat, Uid};
use fuserig_sim_fs::{
    AttrChanges, FallocateMode, LowerExt, LowerFh, OpenFlags, RenameFlags, SetTime, Whence,
};

use super::super::Planted;
use super::super::lowers::{Answer, Boxed, Bug, noted, planted, root_of};

/// Lets operations on open files be answered otherwise, with the file that is open.
fn on_files(wrong: fn(&mut Boxed, &Caller, &LowerOp<'_>, Ino) -> Answer) -> Bug {
    let mut open = BTreeMap::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Fallocate { fh, .. } | LowerOp::CopyRange { to: fh, .. } => {
            wrong(fs, caller, op, *open.get(&fh)?)
        }
        _ => None,
    })
}

/// After an operation that succeeds something of a file is as it was before.
fn leaves(
    (fs, caller, op): (&mut Boxed, &Caller, &LowerOp<'_>),
    node: Ino,
    undo: fn(&Stat) -> AttrChanges,
) -> Answer {
    let root = root_of(caller);
    let before = fs.getattr(&root, node).ok()?;
    let reply = fs.apply(caller, op);
    if reply.is_ok() {
        let _ = fs.setattr(&root, node, undo(&before));
    }
    Some(reply)
}

/// A sticky directory lets only the owner of a file remove it, and forgets that of the directory.
fn sticky_owner() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Unlink { parent, name } => {
            let (root, uid) = (root_of(caller), caller.credentials.uid);
            let directory = fs.getattr(&root, parent).ok()?;
            let other = fs.lookup(&root, parent, name).ok()?.uid != uid;
            let refused = directory.permissions & 0o1000 != 0 && other && uid != Uid(0);
            refused.then_some(Err(Errno::EPERM))
        }
        _ => None,
    })
}

/// How many names a file has is counted again when one comes, and not when one goes.
fn keeps_count() -> Bug {
    let mut kept = BTreeMap::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Getattr { node } => Some(fs.getattr(caller, node).map(|mut stat| {
            if stat.kind == FileKind::Regular {
                stat.nlink = *kept.entry(node).or_insert(stat.nlink);
            }
            LowerReply::Stat(stat)
        })),
        LowerOp::Link { node, .. } | LowerOp::Setattr { node, .. } => {
            kept.remove(&node);
            None
        }
        _ => None,
    })
}

/// Directories that are open, and names that are listed as what they were.
#[derive(Default)]
struct Types {
    open: BTreeMap<LowerFh, Ino>,
    old: BTreeMap<(Ino, Vec<u8>), FileKind>,
}

impl Types {
    fn exchange(&mut self, (fs, caller): (&mut Boxed, &Caller), op: &LowerOp<'_>) -> Answer {
        let LowerOp::Rename { parent, name, new_parent, new_name, .. } = *op else { return None };
        let root = root_of(caller);
        let kinds = [(parent, name), (new_parent, new_name)].map(|(parent, name)| {
            let kind = fs.lookup(&root, parent, name).ok()?.kind;
            Some(((parent, name.to_vec()), kind))
        });
        let reply = fs.apply(caller, op);
        for (place, kind) in kinds.into_iter().flatten().filter(|_| reply.is_ok()) {
            self.old.entry(place).or_insert(kind);
        }
        Some(reply)
    }

    fn list(&self, fh: LowerFh, mut reply: LowerReply) -> LowerReply {
        if let (LowerReply::Entries { entries, .. }, Some(parent)) =
            (&mut reply, self.open.get(&fh))
        {
            for entry in entries {
                let old = self.old.get(&(*parent, entry.name.clone()));
                entry.kind = old.copied().unwrap_or(entry.kind);
            }
        }
        reply
    }
}

/// What was exchanged is listed as what was there before.
fn keeps_types() -> Bug {
    let mut types = Types::default();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } => noted(&mut types.open, (fs, caller, op)),
        LowerOp::Rename { flags: RenameFlags::EXCHANGE, .. } => types.exchange((fs, caller), op),
        LowerOp::Rename { parent, name, new_parent, new_name, .. } => {
            types.old.remove(&(parent, name.to_vec()));
            types.old.remove(&(new_parent, new_name.to_vec()));
            None
        }
        LowerOp::Unlink { parent, name } | LowerOp::Rmdir { parent, name } => {
            types.old.remove(&(parent, name.to_vec()));
            None
        }
        LowerOp::ReadDir { fh, .. } => {
            Some(fs.apply(caller, op).map(|reply| types.list(fh, reply)))
        }
        _ => None,
    })
}

/// What the super-user makes belongs to nobody.
fn squashes() -> Bug {
    const NOBODY: Uid = Uid(65_534);
    Box::new(|fs, caller, op| match *op {
        LowerOp::Create { .. }
        | LowerOp::CreateOpen { .. }
        | LowerOp::Mknod { .. }
        | LowerOp::Mkdir { .. }
        | LowerOp::Symlink { .. }
            if caller.credentials.uid == Uid(0) =>
        {
            let reply = fs.apply(caller, op);
            if let Ok(LowerReply::Stat(stat) | LowerReply::Created(stat, _)) = &reply {
                let changes = AttrChanges { uid: Some(NOBODY), ..AttrChanges::default() };
                let _ = fs.setattr(caller, stat.ino, changes);
            }
            Some(reply)
        }
        _ => None,
    })
}

/// A file is not copied into itself, wherever.
fn copies_between() -> Bug {
    let mut open = BTreeMap::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::CopyRange { from, to, .. } => {
            let same = open.get(&from)? == open.get(&to)?;
            same.then_some(Err(Errno::EINVAL))
        }
        _ => None,
    })
}

/// What is copied leaves the time of the last change.
fn copies_in_no_time() -> Bug {
    on_files(|fs, caller, op, node| match *op {
        LowerOp::CopyRange { .. } => leaves((fs, caller, op), node, |before| AttrChanges {
            mtime: Some(SetTime::At(before.mtime)),
            ..AttrChanges::default()
        }),
        _ => None,
    })
}

/// What may run as its owner still may when others have changed its space.
fn space_keeps_setuid() -> Bug {
    on_files(|fs, caller, op, node| match *op {
        LowerOp::Fallocate { .. } => leaves((fs, caller, op), node, |before| AttrChanges {
            permissions: Some(before.permissions),
            ..AttrChanges::default()
        }),
        _ => None,
    })
}

/// At the end there is a hole, as there is before it.
fn hole_at_end() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Seek { fh, offset, whence: Whence::Hole, .. } => match fs.apply(caller, op) {
            Err(Errno::ENXIO) => {
                let end = fs.seek(caller, fh, 0, Whence::End, 0).ok()?;
                let there = u64::try_from(offset) == Ok(end);
                there.then_some(Ok(LowerReply::Position(end)))
            }
            other => Some(other),
        },
        _ => None,
    })
}

/// The file that a target leads to from a directory, without going up.
fn target_of(fs: &mut Boxed, root: &Caller, from: Ino, link: Ino) -> Option<Ino> {
    let target = fs.readlink(root, link).ok()?;
    let mut node = fs.getattr(root, from).ok()?;
    for name in target.split(|byte| *byte == b'/') {
        node = fs.lookup(root, node.ino, name).ok()?;
    }
    (node.kind == FileKind::Regular).then_some(node.ino)
}

/// Who links to a symbolic link links to what it leads to.
fn links_follow() -> Bug {
    let mut found = BTreeMap::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Lookup { parent, .. } => {
            let reply = fs.apply(caller, op);
            if let Ok(LowerReply::Stat(stat)) = &reply {
                found.insert(stat.ino, parent);
            }
            Some(reply)
        }
        LowerOp::Link { node: link, parent, name } => {
            let node = target_of(fs, &root_of(caller), *found.get(&link)?, link)?;
            Some(fs.apply(caller, &LowerOp::Link { node, parent, name }))
        }
        _ => None,
    })
}

/// What is reserved behind the end takes no space.
fn counts_to_end() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Getattr { node } => Some(fs.getattr(caller, node).map(|mut stat| {
            if stat.kind == FileKind::Regular {
                stat.blocks = stat.blocks.min(stat.size.div_ceil(4096) * 8);
            }
            LowerReply::Stat(stat)
        })),
        _ => None,
    })
}

/// The super-user may do everything, and also run what nobody may.
fn root_runs() -> Bug {
    Box::new(|_, caller, op| match *op {
        LowerOp::Access { mask, .. } => {
            let root = caller.credentials.uid == Uid(0) && mask.contains(AccessMask::EXEC);
            root.then_some(Ok(LowerReply::Done))
        }
        _ => None,
    })
}

/// A directory is renamed where it is, and not moved to another.
fn directories_stay() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Rename { parent, name, new_parent, .. } if parent != new_parent => {
            let kind = fs.lookup(&root_of(caller), parent, name).ok()?.kind;
            (kind == FileKind::Directory).then_some(Err(Errno::EXDEV))
        }
        _ => None,
    })
}

/// A range that is inserted behind the end makes the file longer.
fn inserts_behind() -> Bug {
    on_files(|fs, caller, op, node| match *op {
        LowerOp::Fallocate { mode: FallocateMode::INSERT_RANGE, offset, length, .. } => {
            let root = root_of(caller);
            let behind = offset >= fs.getattr(&root, node).ok()?.size;
            let whole = offset % 4096 == 0 && length % 4096 == 0;
            let size = offset.checked_add(length).filter(|_| behind && whole && length > 0)?;
            let changes = AttrChanges { size: Some(size), ..AttrChanges::default() };
            Some(fs.setattr(&root, node, changes).map(|_| LowerReply::Done))
        }
        _ => None,
    })
}

/// While somebody has a file open to append, everybody who writes it appends.
fn all_append() -> Bug {
    let (mut open, mut append) = (BTreeMap::new(), BTreeMap::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { flags, .. } | LowerOp::CreateOpen { flags, .. } => {
            let to = if flags.contains(OpenFlags::APPEND) { &mut append } else { &mut open };
            noted(to, (fs, caller, op))
        }
        LowerOp::Release { fh } => {
            append.remove(&fh);
            None
        }
        LowerOp::Write { fh, data, .. } => {
            let node = *open.get(&fh)?;
            let offset = fs.getattr(caller, node).ok()?.size;
            let appended = append.values().any(|other| *other == node);
            appended.then(|| fs.apply(caller, &LowerOp::Write { fh, offset, data }))
        }
        _ => None,
    })
}

/// Who sets the time of the last look sets none.
fn looks_in_no_time() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Setattr { node, changes } => {
            let changes = AttrChanges { atime: None, ..changes };
            Some(fs.apply(caller, &LowerOp::Setattr { node, changes }))
        }
        _ => None,
    })
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted("a sticky directory keeps its owner out", sticky_owner),
        planted("a name that goes is still counted", keeps_count),
        planted("an exchange leaves the types listed", keeps_types),
        planted("what the super-user makes is nobody's", squashes),
        planted("a file is not copied into itself", copies_between),
        planted("a copy changes no time", copies_in_no_time),
        planted("setuid survives a change of space", space_keeps_setuid),
        planted("at the end there is a hole", hole_at_end),
        planted("a hard link is one to the target", links_follow),
        planted("space behind the end is not counted", counts_to_end),
        planted("the super-user runs anything", root_runs),
        planted("a directory stays where it is", directories_stay),
        planted("a range is inserted behind the end", inserts_behind),
        planted("who appends makes all append", all_append),
        planted("a touch is no look", looks_in_no_time),
    ]
}
