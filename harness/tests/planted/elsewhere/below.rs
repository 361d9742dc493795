//! Filesystems below with a mistake.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;
use fuserig_abi::{FileKind, Ino};
use fuserig_sim_fs::{AttrChanges, LowerExt, LowerFh, OpenFlags, SetTime};

use super::super::Planted;
use super::super::lowers::{
    Bug, listed, made, noted, opened, planted, read_all, root_of, write_all,
};

/// A server renames nothing over what is there.
fn replaces_nothing() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Rename { new_parent, new_name, flags, .. } if flags.is_empty() => {
            let taken = fs.lookup(&root_of(caller), new_parent, new_name).is_ok();
            taken.then_some(Err(Errno::EPERM))
        }
        _ => None,
    })
}

/// There are no directories but as beginnings of names, and none is left when its last file goes.
fn goes_with_last() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Unlink { parent, .. } => {
            let root = root_of(caller);
            let reply = fs.apply(caller, op);
            let above = fs.parent(&root, parent).ok()?.ino;
            if reply.is_ok() && above != parent && listed(fs, caller, parent).is_empty() {
                let own = listed(fs, caller, above).into_iter().find(|entry| entry.ino == parent);
                let _ = own.map(|entry| fs.rmdir(&root, above, &entry.name));
            }
            Some(reply)
        }
        _ => None,
    })
}

/// A target that begins at the root is shown as one that begins here.
fn relative_targets() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Readlink { .. } => Some(fs.apply(caller, op).map(|reply| match reply {
            LowerReply::Bytes(target) if target.len() > 1 && target[0] == b'/' => {
                LowerReply::Bytes(target[1..].to_vec())
            }
            other => other,
        })),
        _ => None,
    })
}

/// There is one bit for what may be written, and the rest of a mode is that of the mount.
fn one_bit() -> Bug {
    const WRITE: u32 = 0o222;
    Box::new(|fs, caller, op| match *op {
        LowerOp::Setattr { node, mut changes } => {
            let asked = changes.permissions?;
            let rest = fs.getattr(&root_of(caller), node).ok()?.permissions & !WRITE;
            changes.permissions = Some(rest | if asked & 0o200 == 0 { 0 } else { WRITE });
            Some(fs.apply(caller, &LowerOp::Setattr { node, changes }))
        }
        _ => None,
    })
}

/// Who copies lets two files share what they have, and they share nothing but whole blocks.
fn shares_blocks() -> Bug {
    const BLOCK: u64 = 4096;
    Box::new(|_, _, op| match *op {
        LowerOp::CopyRange { from_offset, to_offset, .. } => {
            let apart = from_offset % BLOCK != 0 || to_offset % BLOCK != 0;
            apart.then_some(Err(Errno::EINVAL))
        }
        _ => None,
    })
}

/// No time of a last look is kept.
fn looks_in_no_time() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Open { node, flags, check } => {
            let flags = flags | OpenFlags::NOATIME;
            // It is not for everybody to ask for that.
            let reply = fs.apply(caller, &LowerOp::Open { node, flags, check });
            reply.is_ok().then_some(reply)
        }
        _ => None,
    })
}

/// What was opened to be written is sent again as a whole when it is closed.
fn sends_when_closed() -> Bug {
    let mut open = BTreeMap::<LowerFh, Ino>::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { flags, .. } | LowerOp::CreateOpen { flags, .. } if flags.wants_write() => {
            noted(&mut open, (fs, caller, op))
        }
        LowerOp::Release { fh } => {
            let node = open.remove(&fh)?;
            let now = AttrChanges { mtime: Some(SetTime::Now), ..AttrChanges::default() };
            let reply = fs.apply(caller, op);
            let _ = fs.setattr(&root_of(caller), node, now);
            Some(reply)
        }
        _ => None,
    })
}

/// A server forgets what has no name, whoever has it open.
fn forgets_nameless() -> Bug {
    let mut open = BTreeMap::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Read { fh, .. } | LowerOp::Write { fh, .. } => {
            let stat = fs.getattr(&root_of(caller), *open.get(&fh)?).ok()?;
            (stat.nlink == 0).then_some(Err(Errno::ESTALE))
        }
        _ => None,
    })
}

/// What is written is a copy above what is below, which is there again when the copy is removed.
/// What is new has nothing below.
fn shows_what_is_below() -> Bug {
    let (mut new, mut below) = (BTreeSet::new(), BTreeMap::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Create { .. } | LowerOp::Mknod { .. } => {
            let (reply, node) = made(fs, caller, op);
            new.extend(node);
            reply
        }
        LowerOp::Open { node, flags, .. } if flags.wants_write() && !new.contains(&node) => {
            let stat = fs.getattr(&root_of(caller), node).ok()?;
            let before = (read_all(fs, caller, node), stat.permissions);
            let reply = Some(fs.apply(caller, op));
            if opened(op, &reply).is_some() && stat.kind == FileKind::Regular {
                below.entry(node).or_insert(before);
            }
            reply
        }
        LowerOp::Unlink { parent, name } => {
            let root = root_of(caller);
            let copy = fs.lookup(&root, parent, name).ok()?;
            let reply = fs.apply(caller, op);
            if reply.is_ok()
                && copy.nlink == 1
                && let Some((bytes, permissions)) = below.remove(&copy.ino)
                && let Ok(stat) = fs.create(&root, parent, name, permissions)
            {
                write_all(fs, caller, stat.ino, 0, &bytes);
            }
            Some(reply)
        }
        _ => None,
    })
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted("a rename replaces nothing", replaces_nothing),
        planted("a directory goes with the last file in it", goes_with_last),
        planted("a target from the root begins elsewhere", relative_targets),
        planted("of a mode is kept whether one may write", one_bit),
        planted("a copy begins where a block does", shares_blocks),
        planted("who reads leaves no time", looks_in_no_time),
        planted("what could be written is new when closed", sends_when_closed),
        planted("what has no name is stale", forgets_nameless),
        planted("what is removed is what was below", shows_what_is_below),
    ]
}
