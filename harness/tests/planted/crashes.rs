//! Filesystems and filters that get wrong what is durable when.

use fuserig::prelude::*;
use fuserig_abi::{Caller, Ino};
use fuserig_sim_fs::{LowerExt, OpenCheck, OpenFlags, RenameFlags};

use super::lowers::Boxed;
use super::lowers::{Bug, over_wrong};
use super::{Planted, general};

pub(super) fn planted(name: &'static str, durability: Durability, bug: fn() -> Bug) -> Planted {
    let judges = move || {
        let mut judges = general();
        judges.push(Box::new(invariant::durable(durability)));
        judges.push(Box::new(invariant::atomic_names()));
        judges
    };
    Planted {
        kind: "crash",
        name,
        wrong: over_wrong(bug),
        right: Subject::without_filter(Abi::V4),
        judges: Box::new(judges),
        crashes: Some(durability),
    }
}

fn sync_directory(fs: &mut Boxed, caller: &Caller, node: Ino) {
    let (flags, check) = (OpenFlags::DIRECTORY, OpenCheck::Granted);
    if let Ok(LowerReply::Opened(fh)) = fs.apply(caller, &LowerOp::Open { node, flags, check }) {
        let _ = fs.fsync(caller, fh, false);
        let _ = fs.release(caller, fh);
    }
}

/// The node that a plain rename replaces, and the one that it moves.
fn replaced(fs: &mut Boxed, caller: &Caller, op: &LowerOp<'_>) -> Option<(Ino, Ino)> {
    let LowerOp::Rename { parent, name, new_parent, new_name, flags } = *op else { return None };
    let moved = fs.lookup(caller, parent, name).ok()?.ino;
    let old = fs.lookup(caller, new_parent, new_name).ok()?.ino;
    (flags == RenameFlags::empty() && moved != old).then_some((old, moved))
}

fn syncs() -> Vec<Planted> {
    vec![
        planted("fsync does nothing", Durability::Ordered, || {
            Box::new(|_, _, op| matches!(op, LowerOp::Fsync { .. }).then_some(Ok(LowerReply::Done)))
        }),
        planted("fsync does every second time nothing", Durability::Ordered, || {
            let mut count = 0;
            Box::new(move |_, _, op| {
                count += u32::from(matches!(op, LowerOp::Fsync { .. }));
                let skips = matches!(op, LowerOp::Fsync { .. }) && count % 2 == 0;
                skips.then_some(Ok(LowerReply::Done))
            })
        }),
        planted("fsync forgets the data", Durability::Ordered, || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Fsync { .. } => {
                    let root = fs.root();
                    sync_directory(fs, caller, root);
                    Some(Ok(LowerReply::Done))
                }
                _ => None,
            })
        }),
        planted("fsync is fdatasync", Durability::Ordered, || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Fsync { fh, .. } => {
                    Some(fs.fsync(caller, fh, true).map(|()| LowerReply::Done))
                }
                _ => None,
            })
        }),
        planted("fdatasync does nothing", Durability::Loose, || {
            Box::new(|_, _, op| {
                matches!(op, LowerOp::Fsync { datasync: true, .. }).then_some(Ok(LowerReply::Done))
            })
        }),
        planted("fsync of a directory does nothing", Durability::Loose, || {
            let mut directories = Vec::new();
            Box::new(move |fs, caller, op| match *op {
                LowerOp::Open { node, .. } => {
                    let kind = fs.getattr(caller, node).ok()?.kind;
                    let reply = fs.apply(caller, op);
                    if let (Ok(LowerReply::Opened(fh)), fuserig_abi::FileKind::Directory) =
                        (&reply, kind)
                    {
                        directories.push(*fh);
                    }
                    Some(reply)
                }
                LowerOp::Fsync { fh, .. } => {
                    directories.contains(&fh).then_some(Ok(LowerReply::Done))
                }
                _ => None,
            })
        }),
    ]
}

fn renames() -> Vec<Planted> {
    vec![
        planted("rename first unlinks what it replaces", Durability::Ordered, || {
            Box::new(|fs, caller, op| {
                replaced(fs, caller, op)?;
                let LowerOp::Rename { new_parent, new_name, .. } = *op else { return None };
                let _ = fs.unlink(caller, new_parent, new_name);
                None
            })
        }),
        planted("rename is a link and an unlink", Durability::Loose, || {
            Box::new(|fs, caller, op| {
                let (_, moved) = replaced(fs, caller, op)?;
                let LowerOp::Rename { parent, name, new_parent, new_name, .. } = *op else {
                    return None;
                };
                let done = fs
                    .unlink(caller, new_parent, new_name)
                    .and_then(|()| fs.link(caller, moved, new_parent, new_name))
                    .and_then(|_| fs.unlink(caller, parent, name));
                Some(done.map(|()| LowerReply::Done))
            })
        }),
        planted("an exchange is two renames", Durability::Ordered, || {
            Box::new(|fs, caller, op| {
                let LowerOp::Rename { parent, name, new_parent, new_name, flags } = *op else {
                    return None;
                };
                if flags != RenameFlags::EXCHANGE {
                    return None;
                }
                fs.lookup(caller, parent, name).ok()?;
                fs.lookup(caller, new_parent, new_name).ok()?;
                let plain = RenameFlags::empty();
                let spare: &[u8] = b".spare";
                if fs.rename(caller, parent, name, parent, spare, plain).is_err() {
                    return None;
                }
                if fs.rename(caller, new_parent, new_name, parent, name, plain).is_err() {
                    let _ = fs.rename(caller, parent, spare, parent, name, plain);
                    return None;
                }
                let done = fs.rename(caller, parent, spare, new_parent, new_name, plain);
                Some(done.map(|()| LowerReply::Done))
            })
        }),
    ]
}

pub(super) fn all() -> Vec<Planted> {
    syncs().into_iter().chain(renames()).collect()
}
