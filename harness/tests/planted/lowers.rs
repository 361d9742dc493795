//! Filesystems below that are wrong in one thing.

use core::fmt;
use std::collections::BTreeMap;

use fuserig::prelude::*;
use fuserig_abi::{Caller, Credentials, Ino, Stat};
use fuserig_sim_fs::{
    AttrChanges, DirEntry, FallocateMode, LowerExt, LowerFh, OpenCheck, OpenFlags, RenameFlags,
    XattrFlags,
};

use super::{Planted, general};

pub(super) type Boxed = Box<dyn Lower>;
pub(super) type Answer = Option<Result<LowerReply, Errno>>;
/// What it does instead of the right thing; none for what is right in it.
pub(super) type Bug = Box<dyn FnMut(&mut Boxed, &Caller, &LowerOp<'_>) -> Answer>;

/// Who may do everything, in the process of somebody.
pub(super) fn root_of(caller: &Caller) -> Caller {
    Caller { credentials: Credentials::root(), ..caller.clone() }
}

/// The open file that a reply is about, and its node.
pub(super) fn opened(op: &LowerOp<'_>, reply: &Answer) -> Option<(LowerFh, Ino)> {
    match (reply.as_ref()?, op) {
        (Ok(LowerReply::Opened(fh)), LowerOp::Open { node, .. }) => Some((*fh, *node)),
        (Ok(LowerReply::Created(stat, fh)), _) => Some((*fh, stat.ino)),
        _ => None,
    }
}

/// Does what opens a file, and notes which one it is.
pub(super) fn noted(
    open: &mut BTreeMap<LowerFh, Ino>,
    (fs, caller, op): (&mut Boxed, &Caller, &LowerOp<'_>),
) -> Answer {
    let reply = Some(fs.apply(caller, op));
    open.extend(opened(op, &reply));
    reply
}

/// Does what makes a file, and says which one it is.
pub(super) fn made(fs: &mut Boxed, caller: &Caller, op: &LowerOp<'_>) -> (Answer, Option<Ino>) {
    let reply = fs.apply(caller, op);
    let node = match &reply {
        Ok(LowerReply::Stat(stat)) => Some(stat.ino),
        _ => None,
    };
    (Some(reply), node)
}

/// What is in a directory, without its own names.
pub(super) fn listed(fs: &mut Boxed, caller: &Caller, node: Ino) -> Vec<DirEntry> {
    let (root, check) = (root_of(caller), OpenCheck::Granted);
    let flags = OpenFlags::DIRECTORY | OpenFlags::NOATIME;
    let open = LowerOp::Open { node, flags, check };
    let Ok(LowerReply::Opened(fh)) = fs.apply(&root, &open) else { return Vec::new() };
    let listed = fs.read_dir(&root, fh, 0, 1 << 12);
    let _ = fs.release(&root, fh);
    let mut entries = listed.map(|(entries, _)| entries).unwrap_or_default();
    entries.retain(|entry| entry.name != b"." && entry.name != b"..");
    entries
}

/// After each write something is as before, by what the file was and where the write ended.
pub(super) fn writes_leave(undo: fn(&Stat, u64) -> Option<AttrChanges>) -> Bug {
    let mut open = BTreeMap::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Write { fh, .. } => {
            let node = *open.get(&fh)?;
            let before = fs.getattr(caller, node).ok()?;
            let reply = fs.apply(caller, op);
            if let Ok(LowerReply::Written { end, .. }) = &reply
                && let Some(changes) = undo(&before, *end)
            {
                let _ = fs.setattr(&root_of(caller), node, changes);
            }
            Some(reply)
        }
        _ => None,
    })
}

pub(super) struct Wrong {
    inner: Boxed,
    bug: Bug,
}

impl fmt::Debug for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrong").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Lower for Wrong {
    fn root(&self) -> Ino {
        self.inner.root()
    }

    fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        match (self.bug)(&mut self.inner, caller, op) {
            Some(reply) => reply,
            None => self.inner.apply(caller, op),
        }
    }
}

/// A subject over a wrong filesystem.
pub(super) fn over_wrong(bug: fn() -> Bug) -> Subject {
    let wrap = move |inner| -> Boxed { Box::new(Wrong { inner, bug: bug() }) };
    Subject::without_filter(Abi::V4).lower(wrap)
}

pub(super) fn planted(name: &'static str, bug: fn() -> Bug) -> Planted {
    let wrong = over_wrong(bug);
    planted_below(name, Subject::without_filter(Abi::V4), wrong)
}

fn planted_below(name: &'static str, right: Subject, wrong: Subject) -> Planted {
    let right = right.over(super::TREE);
    let model = right.clone();
    let judges = move || {
        let mut judges = general();
        judges.push(Box::new(invariant::no_data_lost()));
        judges.push(Box::new(invariant::agrees_with(&model)));
        judges
    };
    Planted { kind: "lower", name, wrong, right, judges: Box::new(judges), crashes: None }
}

/// A filesystem that changes attributes on their way out.
fn stat_of(
    fs: &mut Boxed,
    caller: &Caller,
    op: &LowerOp<'_>,
    change: impl Fn(&mut Stat),
) -> Answer {
    let reply = match fs.apply(caller, op) {
        Ok(LowerReply::Stat(mut stat)) => {
            change(&mut stat);
            Ok(LowerReply::Stat(stat))
        }
        other => other,
    };
    Some(reply)
}

fn names() -> Vec<Planted> {
    vec![
        planted("nlink is wrong after a rename over a link", || {
            let mut extra: Vec<Ino> = Vec::new();
            Box::new(move |fs, caller, op| match *op {
                LowerOp::Rename { new_parent, new_name, .. } => {
                    let old = fs.lookup(caller, new_parent, new_name).ok();
                    extra.extend(old.filter(|stat| stat.nlink > 1).map(|stat| stat.ino));
                    None
                }
                LowerOp::Getattr { node } if extra.contains(&node) => {
                    stat_of(fs, caller, op, |stat| stat.nlink += 1)
                }
                _ => None,
            })
        }),
        planted("what is renamed is no longer executable", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Rename { new_parent, new_name, .. } => {
                    let reply = fs.apply(caller, op);
                    let moved = fs.lookup(caller, new_parent, new_name).ok();
                    let file = |stat: &Stat| stat.kind == fuserig_abi::FileKind::Regular;
                    if let (Ok(_), Some(stat)) = (&reply, moved.filter(file)) {
                        let permissions = Some(stat.permissions & !0o111);
                        let changes =
                            fuserig_sim_fs::AttrChanges { permissions, ..Default::default() };
                        let root = Caller { credentials: Credentials::root(), ..caller.clone() };
                        let _ = fs.setattr(&root, stat.ino, changes);
                    }
                    Some(reply)
                }
                _ => None,
            })
        }),
        planted("an exchange is a plain rename", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Rename { parent, name, new_parent, new_name, flags } => {
                    let flags = flags - RenameFlags::EXCHANGE;
                    let op = LowerOp::Rename { parent, name, new_parent, new_name, flags };
                    Some(fs.apply(caller, &op))
                }
                _ => None,
            })
        }),
    ]
}

fn attributes_of_names() -> Vec<Planted> {
    vec![
        planted("extended attributes are lost in a rename", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Rename { parent, name, .. } => {
                    let node = fs.lookup(caller, parent, name).ok()?.ino;
                    let root = Caller { credentials: Credentials::root(), ..caller.clone() };
                    let reply = fs.apply(caller, op);
                    if reply.is_ok() {
                        let _ = fs.remove_xattr(&root, node, b"user.a");
                    }
                    Some(reply)
                }
                _ => None,
            })
        }),
        planted("links are counted twice", || {
            Box::new(|fs, caller, op| match op {
                LowerOp::Link { .. } => stat_of(fs, caller, op, |stat| stat.nlink += 1),
                LowerOp::Getattr { .. } => stat_of(fs, caller, op, |stat| {
                    let file = stat.kind == fuserig_abi::FileKind::Regular;
                    stat.nlink += u32::from(file && stat.nlink > 1);
                }),
                _ => None,
            })
        }),
        planted("an unlinked file is empty at once", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Unlink { parent, name } => {
                    let node = fs.lookup(caller, parent, name).ok()?;
                    let reply = fs.apply(caller, op);
                    if reply.is_ok() && node.nlink == 1 {
                        let size = Some(0);
                        let changes = fuserig_sim_fs::AttrChanges { size, ..Default::default() };
                        let root = Caller { credentials: Credentials::root(), ..caller.clone() };
                        let _ = fs.setattr(&root, node.ino, changes);
                    }
                    Some(reply)
                }
                _ => None,
            })
        }),
    ]
}

fn new_names() -> Vec<Planted> {
    vec![
        planted("anybody may unlink", || {
            Box::new(|fs, caller, op| match *op {
                // The kernel asks for access first.
                LowerOp::Unlink { .. } | LowerOp::Access { .. } => {
                    let root = Caller { credentials: Credentials::root(), ..caller.clone() };
                    Some(fs.apply(&root, op))
                }
                _ => None,
            })
        }),
        planted("mkdir forgets what the group may do", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Mkdir { parent, name, mode } => {
                    let mode = mode & !0o050;
                    Some(fs.apply(caller, &LowerOp::Mkdir { parent, name, mode }))
                }
                _ => None,
            })
        }),
        planted("targets of links are cut at eight bytes", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Symlink { parent, name, target } => {
                    let target = &target[..target.len().min(8)];
                    Some(fs.apply(caller, &LowerOp::Symlink { parent, name, target }))
                }
                _ => None,
            })
        }),
    ]
}

pub(super) fn write_all(fs: &mut Boxed, caller: &Caller, node: Ino, offset: u64, data: &[u8]) {
    let root = Caller { credentials: Credentials::root(), ..caller.clone() };
    let open = LowerOp::Open { node, flags: OpenFlags::RDWR, check: OpenCheck::Granted };
    if let Ok(LowerReply::Opened(fh)) = fs.apply(&root, &open) {
        let _ = fs.write(&root, fh, offset, data);
        let _ = fs.release(&root, fh);
    }
}

pub(super) fn read_all(fs: &mut Boxed, caller: &Caller, node: Ino) -> Vec<u8> {
    let root = Caller { credentials: Credentials::root(), ..caller.clone() };
    let flags = OpenFlags::NOATIME;
    let open = LowerOp::Open { node, flags, check: OpenCheck::Granted };
    let Ok(LowerReply::Opened(fh)) = fs.apply(&root, &open) else { return Vec::new() };
    let bytes = fs.read(&root, fh, 0, 1 << 16).unwrap_or_default();
    let _ = fs.release(&root, fh);
    bytes
}

fn data() -> Vec<Planted> {
    vec![
        planted("a truncation does not zero what was behind", || {
            let mut kept: BTreeMap<Ino, (u64, Vec<u8>)> = BTreeMap::new();
            Box::new(move |fs, caller, op| {
                let LowerOp::Setattr { node, changes } = *op else { return None };
                let size = changes.size?;
                let bytes = read_all(fs, caller, node);
                let reply = fs.apply(caller, op);
                if reply.is_err() {
                    return Some(reply);
                }
                if (size as usize) < bytes.len() {
                    kept.insert(node, (size, bytes[size as usize..].to_vec()));
                } else if let Some((from, tail)) = kept.remove(&node) {
                    let room = size.saturating_sub(from).min(tail.len() as u64) as usize;
                    if room > 0 && bytes.len() as u64 <= from {
                        write_all(fs, caller, node, from, &tail[..room]);
                    }
                }
                Some(reply)
            })
        }),
        planted("a short write reports everything", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Write { fh, offset, data } if data.len() > 4096 => {
                    let len = data.len() as u64;
                    let op = LowerOp::Write { fh, offset, data: &data[..4096] };
                    let whole = |reply| match reply {
                        LowerReply::Written { count, end } => {
                            LowerReply::Written { count: len, end: end + len - count }
                        }
                        other => other,
                    };
                    Some(fs.apply(caller, &op).map(whole))
                }
                _ => None,
            })
        }),
    ]
}

fn sizes() -> Vec<Planted> {
    vec![
        planted("the size is that of the first look", || {
            let mut sizes: BTreeMap<Ino, u64> = BTreeMap::new();
            Box::new(move |fs, caller, op| match *op {
                LowerOp::Getattr { node } => {
                    let reply = fs.apply(caller, op);
                    Some(reply.map(|reply| match reply {
                        LowerReply::Stat(mut stat) => {
                            stat.size = *sizes.entry(node).or_insert(stat.size);
                            LowerReply::Stat(stat)
                        }
                        other => other,
                    }))
                }
                LowerOp::Setattr { .. } | LowerOp::Open { .. } => {
                    sizes.clear();
                    None
                }
                _ => None,
            })
        }),
        planted("O_APPEND is forgotten after the first write", || {
            let mut moved: BTreeMap<LowerFh, u64> = BTreeMap::new();
            Box::new(move |fs, caller, op| match *op {
                LowerOp::Open { node, flags, check } if flags.contains(OpenFlags::APPEND) => {
                    let flags = flags - OpenFlags::APPEND;
                    let reply = fs.apply(caller, &LowerOp::Open { node, flags, check });
                    if let Ok(LowerReply::Opened(fh)) = &reply {
                        let size = fs.getattr(caller, node).map_or(0, |stat| stat.size);
                        moved.insert(*fh, size);
                    }
                    Some(reply)
                }
                LowerOp::Write { fh, data, .. } => {
                    let offset = moved.remove(&fh)?;
                    Some(fs.apply(caller, &LowerOp::Write { fh, offset, data }))
                }
                _ => None,
            })
        }),
        planted("a file that is open for reading and writing is not emptied", || {
            let mut both: BTreeMap<LowerFh, Ino> = BTreeMap::new();
            Box::new(move |fs, caller, op| match *op {
                LowerOp::Open { node, flags, .. } => {
                    let reply = fs.apply(caller, op);
                    if let (Ok(LowerReply::Opened(fh)), 2) = (&reply, flags.access_mode()) {
                        both.insert(*fh, node);
                    }
                    Some(reply)
                }
                LowerOp::Release { fh } => {
                    both.remove(&fh);
                    None
                }
                LowerOp::Setattr { node, mut changes }
                    if changes.size == Some(0) && both.values().any(|open| *open == node) =>
                {
                    changes.size = None;
                    Some(fs.apply(caller, &LowerOp::Setattr { node, changes }))
                }
                _ => None,
            })
        }),
    ]
}

fn space() -> Vec<Planted> {
    vec![
        planted("FALLOC_FL_KEEP_SIZE does not keep it", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Fallocate { fh, mode, offset, length } => {
                    let alone = mode == FallocateMode::KEEP_SIZE;
                    let mode = if alone { FallocateMode::empty() } else { mode };
                    Some(fs.apply(caller, &LowerOp::Fallocate { fh, mode, offset, length }))
                }
                _ => None,
            })
        }),
        planted("a copy is a byte short", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::CopyRange { from, from_offset, to, to_offset, length, flags } => {
                    let length = length.saturating_sub(1);
                    let op = LowerOp::CopyRange { from, from_offset, to, to_offset, length, flags };
                    Some(fs.apply(caller, &op))
                }
                _ => None,
            })
        }),
        planted("a hole reads as 0xff", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Read { .. } => {
                    let hole =
                        |bytes: &[u8]| bytes.len() > 64 && bytes.iter().all(|byte| *byte == 0);
                    Some(fs.apply(caller, op).map(|reply| match reply {
                        LowerReply::Bytes(bytes) if hole(&bytes) => {
                            LowerReply::Bytes(vec![0xff; bytes.len()])
                        }
                        other => other,
                    }))
                }
                _ => None,
            })
        }),
    ]
}

fn rest() -> Vec<Planted> {
    vec![
        planted("a listing that goes on skips a name", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::ReadDir { position, .. } if position > 4 => {
                    Some(fs.apply(caller, op).map(|reply| match reply {
                        LowerReply::Entries { mut entries, end } => {
                            if entries.len() > 1 {
                                entries.remove(0);
                            }
                            LowerReply::Entries { entries, end }
                        }
                        other => other,
                    }))
                }
                _ => None,
            })
        }),
        planted("XATTR_CREATE replaces", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::SetXattr { node, name, value, flags } => {
                    let flags = flags - XattrFlags::CREATE;
                    Some(fs.apply(caller, &LowerOp::SetXattr { node, name, value, flags }))
                }
                _ => None,
            })
        }),
    ]
}

fn figures() -> Vec<Planted> {
    vec![
        planted("free space never shrinks", || {
            let mut first = None;
            Box::new(move |fs, caller, op| match *op {
                LowerOp::Statfs { .. } => {
                    let reply = fs.apply(caller, op);
                    Some(reply.map(|reply| match reply {
                        LowerReply::StatFs(figures) => {
                            LowerReply::StatFs(*first.get_or_insert(figures))
                        }
                        other => other,
                    }))
                }
                // Remembered from the first write on.
                LowerOp::Write { fh: _, .. } if first.is_none() => {
                    let node = fs.root();
                    first = fs.statfs(caller, node).ok();
                    None
                }
                _ => None,
            })
        }),
        planted("a truncation leaves the times alone", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Setattr { node, changes } => {
                    changes.size?;
                    let before = fs.getattr(caller, node).ok()?;
                    let reply = fs.apply(caller, op);
                    if reply.is_ok() {
                        let mtime = Some(fuserig_sim_fs::SetTime::At(before.mtime));
                        let back = fuserig_sim_fs::AttrChanges { mtime, ..Default::default() };
                        let root = Caller { credentials: Credentials::root(), ..caller.clone() };
                        let _ = fs.setattr(&root, node, back);
                    }
                    Some(reply)
                }
                _ => None,
            })
        }),
        planted("EACCES is ENOENT", || {
            Box::new(|fs, caller, op| {
                let denied = |errno| if errno == Errno::EACCES { Errno::ENOENT } else { errno };
                Some(fs.apply(caller, op).map_err(denied))
            })
        }),
    ]
}

pub(super) fn all() -> Vec<Planted> {
    let groups =
        [names(), attributes_of_names(), new_names(), data(), sizes(), space(), rest(), figures()];
    groups.into_iter().flatten().collect()
}
