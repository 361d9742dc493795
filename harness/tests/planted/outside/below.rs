//! Filesystems below with a mistake.

use std::collections::BTreeMap;

use fuserig::prelude::*;
use fuserig_abi::{AccessMask, Caller, FileKind, Ino, Uid};
use fuserig_sim_fs::{AttrChanges, LowerExt, LowerFh, OpenCheck, OpenFlags, SetTime};

use super::super::Planted;
use super::super::lowers::{Answer, Boxed, Bug, noted, planted, root_of};

/// A mode is kept with the contents, which are written anew for it.
fn modes_are_contents() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Setattr { node, changes } if changes.permissions.is_some() => {
            let reply = fs.apply(caller, op);
            if reply.is_ok() && changes.mtime.is_none() {
                let mtime = Some(SetTime::Now);
                let now = AttrChanges { mtime, ..AttrChanges::default() };
                let _ = fs.setattr(&root_of(caller), node, now);
            }
            Some(reply)
        }
        _ => None,
    })
}

/// Who sets a mode sets all that is kept with it, and attributes of users are not sent again.
fn modes_replace_attributes() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Setattr { node, changes } if changes.permissions.is_some() => {
            let (reply, root) = (fs.apply(caller, op), root_of(caller));
            if reply.is_ok() {
                let list = fs.list_xattr(&root, node, 1 << 16).unwrap_or_default();
                for name in list.split(|byte| *byte == 0).filter(|name| name.starts_with(b"user."))
                {
                    let _ = fs.remove_xattr(&root, node, name);
                }
            }
            Some(reply)
        }
        _ => None,
    })
}

/// A file that lies in another directory may lie on another disk.
fn other_disks() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Rename { parent, name, new_parent, .. } if parent != new_parent => {
            let moved = fs.lookup(&root_of(caller), parent, name).ok()?;
            (moved.kind == FileKind::Regular).then_some(Err(Errno::EXDEV))
        }
        _ => None,
    })
}

/// Writes zeros to a part of a file.
fn fill(fs: &mut Boxed, caller: &Caller, node: Ino, (from, to): (u64, u64)) {
    let (root, check) = (root_of(caller), OpenCheck::Granted);
    let open = LowerOp::Open { node, flags: OpenFlags::WRONLY, check };
    if let Ok(LowerReply::Opened(fh)) = fs.apply(&root, &open) {
        let _ = fs.write(&root, fh, from, &vec![0; (to - from) as usize]);
        let _ = fs.release(&root, fh);
    }
}

/// A file has no holes: who makes one longer writes zeros to it.
fn fills_up() -> Bug {
    const FAR: u64 = 1 << 17;
    Box::new(|fs, caller, op| match *op {
        LowerOp::Setattr { node, changes: AttrChanges { size: Some(size), .. } } => {
            let before = fs.getattr(&root_of(caller), node).ok()?.size;
            let reply = fs.apply(caller, op);
            if reply.is_ok() && size > before && size - before < FAR {
                fill(fs, caller, node, (before, size));
            }
            Some(reply)
        }
        _ => None,
    })
}

/// A listing goes on behind as many names as it has given, and not where it was.
fn counts_the_listed() -> Bug {
    let mut given: BTreeMap<LowerFh, Vec<u64>> = BTreeMap::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::ReadDir { fh, position, records_max } => {
            let given = given.entry(fh).or_default();
            let (all, last) = match fs.read_dir(caller, fh, 0, 1 << 16) {
                Ok(listed) => listed,
                Err(errno) => return Some(Err(errno)),
            };
            let at = match position {
                0 => 0,
                _ => given.iter().position(|other| *other == position)?,
            };
            let mut entries = all.get(at..).unwrap_or_default().to_vec();
            let end = entries.get(records_max).map_or(last, |entry| entry.position);
            entries.truncate(records_max);
            given.truncate(at);
            given.extend(entries.iter().map(|entry| entry.position).chain([end]));
            Some(Ok(LowerReply::Entries { entries, end }))
        }
        LowerOp::Release { fh } => {
            given.remove(&fh);
            None
        }
        _ => None,
    })
}

/// Whether somebody may not write a file as it is now.
fn barred(fs: &mut Boxed, caller: &Caller, node: Ino) -> Answer {
    let user = caller.credentials.uid != Uid(0);
    let refused = user && fs.access(caller, node, AccessMask::WRITE).is_err();
    refused.then_some(Err(Errno::EACCES))
}

/// A server has no open files: each write is judged by the mode that the file has.
fn judges_writes() -> Bug {
    let mut open = BTreeMap::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Write { fh, .. } => barred(fs, caller, *open.get(&fh)?),
        _ => None,
    })
}

/// The length of an open file is set by its path.
fn judges_lengths() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Setattr { node, changes } if changes.size.is_some() => barred(fs, caller, node),
        _ => None,
    })
}

/// What is renamed has not changed, as it is its directory that has.
fn renames_in_no_time() -> Bug {
    let mut shown = BTreeMap::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Rename { parent, name, flags, .. } if flags.is_empty() => {
            let root = root_of(caller);
            let before = fs.lookup(&root, parent, name).ok()?;
            let reply = fs.apply(caller, op);
            if reply.is_ok() {
                let after = fs.getattr(&root, before.ino).ok()?.ctime;
                let earlier = shown.get(&before.ino).filter(|(after, _)| *after == before.ctime);
                let time = earlier.map_or(before.ctime, |(_, time)| *time);
                shown.insert(before.ino, (after, time));
            }
            Some(reply)
        }
        LowerOp::Getattr { node } => {
            let (after, time) = *shown.get(&node)?;
            let reply = fs.getattr(caller, node).map(|mut stat| {
                stat.ctime = if stat.ctime == after { time } else { stat.ctime };
                LowerReply::Stat(stat)
            });
            Some(reply)
        }
        _ => None,
    })
}

/// What is in use has a lock, and is not removed.
fn locks_the_open() -> Bug {
    let mut open = BTreeMap::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Release { fh } => {
            open.remove(&fh);
            None
        }
        LowerOp::Unlink { parent, name } => {
            let node = fs.lookup(&root_of(caller), parent, name).ok()?.ino;
            let used = open.values().any(|other| *other == node);
            used.then_some(Err(Errno::EBUSY))
        }
        _ => None,
    })
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted("a mode is written with the contents", modes_are_contents),
        planted("a mode takes the place of all attributes", modes_replace_attributes),
        planted("a file stays on its disk", other_disks),
        planted("what a file grows by is written", fills_up),
        planted("a listing goes on by counting", counts_the_listed),
        planted("a file made to be read is not written", judges_writes),
        planted("the length of an open file goes by its mode", judges_lengths),
        planted("what is renamed has not changed", renames_in_no_time),
        planted("what is open is not removed", locks_the_open),
    ]
}
