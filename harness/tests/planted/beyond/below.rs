//! Filesystems below with a mistake.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;
use fuserig_abi::{AccessMask, Caller, FileKind, Ino, Stat, Uid};
use fuserig_sim_fs::{AttrChanges, FallocateMode, LowerExt, LowerFh, OpenFlags};

use super::super::Planted;
use super::super::lowers::{Answer, Boxed, Bug, listed, noted, planted, root_of};

/// Changes attributes that are asked for.
fn shows(
    (fs, caller, node): (&mut Boxed, &Caller, Ino),
    change: impl FnOnce(&mut Boxed, &mut Stat),
) -> Answer {
    let reply = fs.getattr(caller, node).map(|mut stat| {
        change(fs, &mut stat);
        LowerReply::Stat(stat)
    });
    Some(reply)
}

/// A second name is no change of the file, although it is counted there.
fn links_in_no_time() -> Bug {
    let mut shown = BTreeMap::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Link { node, .. } => {
            let before = fs.getattr(&root_of(caller), node).ok()?.ctime;
            let reply = fs.apply(caller, op);
            if let Ok(LowerReply::Stat(stat)) = &reply {
                let earlier = shown.get(&node).filter(|(after, _)| *after == before);
                let before = earlier.map_or(before, |(_, before)| *before);
                shown.insert(node, (stat.ctime, before));
            }
            Some(reply)
        }
        LowerOp::Getattr { node } => {
            let (after, before) = *shown.get(&node)?;
            shows((fs, caller, node), |_, stat| {
                stat.ctime = if stat.ctime == after { before } else { stat.ctime };
            })
        }
        _ => None,
    })
}

/// A directory with something in it cannot be removed, as it exists.
fn full_exists() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Rmdir { .. } => Some(fs.apply(caller, op).map_err(|errno| match errno {
            Errno::ENOTEMPTY => Errno::EEXIST,
            other => other,
        })),
        _ => None,
    })
}

/// A symbolic link has the mode that the umask leaves of it.
fn modes_of_links() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Getattr { node } => shows((fs, caller, node), |_, stat| {
            if stat.kind == FileKind::Symlink {
                stat.permissions = 0o755;
            }
        }),
        _ => None,
    })
}

/// A range that reaches to the end, or behind it, is cut off there.
fn cuts_off() -> Bug {
    let mut open = BTreeMap::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Fallocate { fh, mode: FallocateMode::COLLAPSE_RANGE, offset, length } => {
            let (node, root) = (*open.get(&fh)?, root_of(caller));
            let size = fs.getattr(&root, node).ok()?.size;
            let whole = offset % 4096 == 0 && length % 4096 == 0 && length > 0;
            let end = offset.checked_add(length)?;
            if !whole || offset >= size || end < size {
                return None;
            }
            let changes = AttrChanges { size: Some(offset), ..AttrChanges::default() };
            Some(fs.setattr(&root, node, changes).map(|_| LowerReply::Done))
        }
        _ => None,
    })
}

/// What has no such attribute is not there.
fn lacks_are_absences() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::GetXattr { .. } | LowerOp::RemoveXattr { .. } => {
            Some(fs.apply(caller, op).map_err(|errno| match errno {
                Errno::ENODATA => Errno::ENOENT,
                other => other,
            }))
        }
        _ => None,
    })
}

/// The name that an attribute of the trusted has among those of users.
fn of_users(caller: &Caller, name: &[u8]) -> Option<Vec<u8>> {
    let rest = name.strip_prefix(b"trusted.")?;
    (caller.credentials.uid == Uid(0)).then(|| [b"user.", rest].concat())
}

/// Attributes are kept by what is behind the first dot of their name.
fn one_namespace() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::SetXattr { node, name, value, flags } => {
            let name = &of_users(caller, name)?;
            Some(fs.apply(caller, &LowerOp::SetXattr { node, name, value, flags }))
        }
        LowerOp::GetXattr { node, name, size_max } => {
            let name = &of_users(caller, name)?;
            Some(fs.apply(caller, &LowerOp::GetXattr { node, name, size_max }))
        }
        LowerOp::RemoveXattr { node, name } => {
            let name = &of_users(caller, name)?;
            Some(fs.apply(caller, &LowerOp::RemoveXattr { node, name }))
        }
        _ => None,
    })
}

/// What another was renamed over still counts the name that it lost.
fn counts_replaced() -> Bug {
    let mut replaced = BTreeSet::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Rename { new_parent, new_name, flags, .. } if flags.is_empty() => {
            let old = fs.lookup(&root_of(caller), new_parent, new_name).ok()?.ino;
            let reply = fs.apply(caller, op);
            replaced.extend(reply.is_ok().then_some(old));
            Some(reply)
        }
        LowerOp::Getattr { node } if replaced.contains(&node) => {
            shows((fs, caller, node), |_, stat| stat.nlink = stat.nlink.max(1))
        }
        _ => None,
    })
}

/// Only owners touch a file, also when others may write it.
fn owners_touch() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Setattr { node, changes } if changes.size.is_none() => {
            let uid = caller.credentials.uid;
            let other = uid != Uid(0) && uid != fs.getattr(&root_of(caller), node).ok()?.uid;
            let times = changes.atime.is_some() && changes.mtime.is_some();
            (times && other).then_some(Err(Errno::EPERM))
        }
        _ => None,
    })
}

/// Everything in a directory counts as a link to it, and not directories alone.
fn counts_files() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Getattr { node } => shows((fs, caller, node), |fs, stat| {
            if stat.kind == FileKind::Directory && stat.nlink > 0 {
                stat.nlink = 2 + listed(fs, caller, node).len() as u32;
            }
        }),
        _ => None,
    })
}

/// Users walk only through what they may list.
fn lists_to_walk() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Lookup { parent, .. } if caller.credentials.uid != Uid(0) => {
            let hidden = fs.access(caller, parent, AccessMask::READ).is_err();
            hidden.then_some(Err(Errno::EACCES))
        }
        _ => None,
    })
}

/// Writes that wait until their file is closed, or until that file is used otherwise.
#[derive(Default)]
struct Late {
    open: BTreeSet<LowerFh>,
    writes: BTreeMap<LowerFh, Vec<(u64, Vec<u8>)>>,
}

impl Late {
    fn settle(&mut self, fs: &mut Boxed, caller: &Caller, fh: LowerFh) {
        for (offset, data) in self.writes.remove(&fh).unwrap_or_default() {
            let _ = fs.write(caller, fh, offset, &data);
        }
    }

    fn write(&mut self, fh: LowerFh, offset: u64, data: &[u8]) -> Answer {
        const NEAR: u64 = 1 << 20;
        let waits = self.open.contains(&fh) && offset < NEAR && !data.is_empty();
        let count = data.len() as u64;
        waits.then(|| {
            self.writes.entry(fh).or_default().push((offset, data.to_vec()));
            Ok(LowerReply::Written { count, end: offset + count })
        })
    }
}

/// What is written is there for others when the file is closed.
fn writes_at_close() -> Bug {
    let mut late = Late::default();
    let at_once = OpenFlags::APPEND | OpenFlags::DSYNC | OpenFlags::DIRECT;
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { flags, .. } if flags.wants_write() && !flags.intersects(at_once) => {
            let reply = fs.apply(caller, op);
            if let Ok(LowerReply::Opened(fh)) = &reply {
                late.open.insert(*fh);
            }
            Some(reply)
        }
        LowerOp::Write { fh, offset, data } => {
            let waits = late.write(fh, offset, data);
            if waits.is_none() {
                late.settle(fs, caller, fh);
            }
            waits
        }
        LowerOp::CopyRange { from, to, .. } => {
            late.settle(fs, caller, from);
            late.settle(fs, caller, to);
            None
        }
        LowerOp::Read { fh, .. }
        | LowerOp::Seek { fh, .. }
        | LowerOp::Fallocate { fh, .. }
        | LowerOp::Fsync { fh, .. }
        | LowerOp::Flush { fh, .. }
        | LowerOp::Release { fh } => {
            late.settle(fs, caller, fh);
            None
        }
        LowerOp::Setattr { .. } => {
            let waiting: Vec<LowerFh> = late.writes.keys().copied().collect();
            waiting.into_iter().for_each(|fh| late.settle(fs, caller, fh));
            None
        }
        _ => None,
    })
}

/// A target has no slash at its end.
fn no_last_slash() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Symlink { parent, name, target } => {
            let target = target.strip_suffix(b"/").filter(|target| !target.is_empty())?;
            Some(fs.apply(caller, &LowerOp::Symlink { parent, name, target }))
        }
        _ => None,
    })
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted("a new name leaves the time of a file", links_in_no_time),
        planted("what is full is said to be there", full_exists),
        planted("a link has a mode of its own", modes_of_links),
        planted("a range is cut off at the end", cuts_off),
        planted("what has no such attribute is not there", lacks_are_absences),
        planted("attributes are kept without their namespace", one_namespace),
        planted("what was replaced still has its name", counts_replaced),
        planted("only owners touch", owners_touch),
        planted("a file counts as a link to its directory", counts_files),
        planted("who may not list may not walk", lists_to_walk),
        planted("what is written is there when it is closed", writes_at_close),
        planted("a slash at the end of a target is dropped", no_last_slash),
    ]
}
