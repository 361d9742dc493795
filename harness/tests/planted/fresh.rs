//! A fifth series, again of kinds that those before it do not have, and again committed before the
//! search was run on any of it.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;
use fuserig_abi::{Caller, FATTR_MODE, FATTR_SIZE, FileKind, Ino, Opcode, Stat};
use fuserig_sim_fs::{AttrChanges, FallocateMode, LowerExt, LowerFh, OpenFlags, SetTime, Whence};

use super::bpf::object;
use super::daemons::{answer, echo};
use super::lowers::{Boxed, Bug, root_of};
use super::{Planted, bpf, crashes, daemons, lowers, more};
use super::{nothing, refused};

fn keeps_secret() -> FuseOps {
    FuseOps::new("keeps")
        .unlink_prefilter(|_, name| refused(name.name() == b".secret", Errno::EPERM))
        .rmdir_prefilter(|_, name| refused(name.name() == b".secret", Errno::EPERM))
}

fn megabyte() -> FuseOps {
    FuseOps::new("megabyte").setattr_prefilter(|_, attr| {
        refused(attr.valid & FATTR_SIZE != 0 && attr.size > 1 << 20, Errno::EFBIG)
    })
}

fn neither() -> FuseOps {
    FuseOps::new("neither")
        .setxattr_prefilter(|_, arg, _, _| refused(arg.flags & 3 != 0, Errno::EPERM))
}

fn of_objects() -> Vec<Planted> {
    vec![
        bpf::planted("the last letter is not compared", object!("hide_six"), keeps_secret, || {
            vec![Box::new(invariant::twins_agree(keeps_secret))]
        }),
        bpf::planted("a length has 32 bits", object!("limit_narrow"), megabyte, || {
            vec![Box::new(invariant::twins_agree(megabyte))]
        }),
        bpf::planted("a set of flags is a number", object!("xattr_or"), neither, || {
            vec![Box::new(invariant::twins_agree(neither))]
        }),
    ]
}

/// No pictures are removed; without the dot, what only ends so is one.
fn pictures<const DOT: bool>() -> FuseOps {
    FuseOps::new("pictures").unlink_prefilter(|_, name| {
        let end: &[u8] = if DOT { b".jpg" } else { b"jpg" };
        refused(name.name().ends_with(end), Errno::EPERM)
    })
}

/// The name in any case, or as it is.
fn any_case<const ANY: bool>() -> FuseOps {
    FuseOps::new("case").mkdir_prefilter(|_, _, name| {
        let same = if ANY {
            name.name().eq_ignore_ascii_case(b".secret")
        } else {
            name.name() == b".secret"
        };
        refused(same, Errno::EPERM)
    })
}

/// Nobody makes files shorter by their length, but to nothing.
fn lengths<const TO_NOTHING: bool>() -> FuseOps {
    FuseOps::new("lengths").setattr_prefilter(|_, attr| {
        let sized = attr.valid & FATTR_SIZE != 0;
        refused(sized && (attr.size > 0 || !TO_NOTHING), Errno::EPERM)
    })
}

/// Nothing moves out of its directory.
fn stays<const OLD_API: bool>() -> FuseOps {
    let stays = FuseOps::new("stays")
        .rename2_prefilter(|cx, arg, _, _| refused(arg.newdir != cx.nodeid().0, Errno::EXDEV));
    match OLD_API {
        true => stays
            .rename_prefilter(|cx, arg, _, _| refused(arg.newdir != cx.nodeid().0, Errno::EXDEV)),
        false => stays,
    }
}

/// Who is not the super-user writes nothing; a mask is a set.
fn asks_write<const SET: bool>() -> FuseOps {
    FuseOps::new("asks").access_prefilter(|cx, access| {
        let write = if SET { access.mask & 2 != 0 } else { access.mask == 2 };
        refused(cx.uid().0 != 0 && write, Errno::EACCES)
    })
}

/// No file ends behind 4096, however it grows.
fn page_at_most<const FALLOCATE: bool>() -> FuseOps {
    let page = FuseOps::new("page")
        .write_iter_prefilter(|_, arg| {
            refused(arg.offset.saturating_add(u64::from(arg.size)) > 4096, Errno::EFBIG)
        })
        .setattr_prefilter(|_, attr| {
            refused(attr.valid & FATTR_SIZE != 0 && attr.size > 4096, Errno::EFBIG)
        });
    match FALLOCATE {
        true => page.file_fallocate_prefilter(|_, arg| {
            refused(arg.offset.saturating_add(arg.length) > 4096, Errno::EFBIG)
        }),
        false => page,
    }
}

/// Three removals at a time; one that fails never gives its place back.
fn three_removals() -> FuseOps<u32> {
    FuseOps::with_state("removals", 3)
        .unlink_prefilter(|cx, _| {
            if *cx.state == 0 {
                return Verdict::Error(Errno::EBUSY);
            }
            *cx.state -= 1;
            Verdict::Postfilter
        })
        .unlink_postfilter(|cx, _| {
            *cx.state += u32::from(cx.error_in().is_none());
            Verdict::Continue
        })
}

/// What a chmod asks for is remembered and shown, for every node the same.
fn shows_mode() -> FuseOps<Option<u32>> {
    FuseOps::with_state("mode", None)
        .setattr_prefilter(|cx, attr| {
            if attr.valid & FATTR_MODE != 0 {
                *cx.state = Some(attr.mode);
            }
            Verdict::Continue
        })
        .getattr_prefilter(|_, _| Verdict::Postfilter)
        .getattr_postfilter(|cx, _, out| {
            if let (Some(mode), true) = (*cx.state, cx.error_in().is_none()) {
                out.attr.mode = out.attr.mode & !0o777 | mode & 0o777;
            }
            Verdict::Continue
        })
}

fn of_filters() -> Vec<Planted> {
    vec![
        more::filter("an end is compared without its dot", pictures::<false>, pictures::<true>),
        more::filter("a name is guarded in any case", any_case::<true>, any_case::<false>),
        more::filter("a length of nothing slips through", lengths::<true>, lengths::<false>),
        more::filter("only renames with flags are looked at", stays::<false>, stays::<true>),
        more::filter("a mask is compared as a number", asks_write::<false>, asks_write::<true>),
        more::filter("preallocation passes a limit", page_at_most::<false>, page_at_most::<true>),
        more::filter("places of what failed are lost", three_removals, nothing),
        more::filter("one mode is shown for all", shows_mode, nothing),
    ]
}

fn stat_of(fs: &mut Boxed, caller: &Caller, parent: Ino, name: &[u8]) -> Option<Stat> {
    fs.lookup(&root_of(caller), parent, name).ok()
}

fn of_names_below() -> Vec<Planted> {
    vec![
        lowers::planted("a target of sixty bytes is cut", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Symlink { parent, name, target } if target.len() >= 60 => {
                    let target = &target[..59];
                    Some(fs.apply(caller, &LowerOp::Symlink { parent, name, target }))
                }
                _ => None,
            })
        }),
        lowers::planted("a rename onto another name of the file removes the old one", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Rename { parent, name, new_parent, new_name, flags }
                    if flags.is_empty() =>
                {
                    let old = stat_of(fs, caller, parent, name)?;
                    let new = stat_of(fs, caller, new_parent, new_name)?;
                    let same = old.ino == new.ino && (parent, name) != (new_parent, new_name);
                    let reply = fs.apply(caller, op);
                    if same && reply.is_ok() {
                        let _ = fs.unlink(caller, parent, name);
                    }
                    Some(reply)
                }
                _ => None,
            })
        }),
        lowers::planted("a directory keeps its time when a link comes", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Link { parent, .. } => {
                    let before = fs.getattr(caller, parent).ok()?;
                    let reply = fs.apply(caller, op);
                    if reply.is_ok() {
                        let mtime = Some(SetTime::At(before.mtime));
                        let back = AttrChanges { mtime, ..Default::default() };
                        let _ = fs.setattr(&root_of(caller), parent, back);
                    }
                    Some(reply)
                }
                _ => None,
            })
        }),
    ]
}

fn of_attributes_below() -> Vec<Planted> {
    vec![
        lowers::planted("setuid survives a change of owner", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Setattr { node, changes } if changes.uid.is_some() => {
                    let before = fs.getattr(caller, node).ok()?;
                    let reply = fs.apply(caller, op);
                    if reply.is_ok() && before.permissions & 0o4000 != 0 {
                        let permissions = Some(before.permissions);
                        let back = AttrChanges { permissions, ..Default::default() };
                        let _ = fs.setattr(&root_of(caller), node, back);
                    }
                    Some(reply)
                }
                _ => None,
            })
        }),
        lowers::planted("an empty value is none", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::GetXattr { .. } => match fs.apply(caller, op) {
                    Ok(LowerReply::Bytes(bytes)) if bytes.is_empty() => Some(Err(Errno::ENODATA)),
                    Ok(LowerReply::Count(0)) => Some(Err(Errno::ENODATA)),
                    other => Some(other),
                },
                _ => None,
            })
        }),
        lowers::planted("a name of 255 bytes is too long", || {
            Box::new(|_, _, op| match *op {
                LowerOp::Mkdir { name, .. } | LowerOp::Symlink { name, .. } => {
                    (name.len() >= 255).then_some(Err(Errno::ENAMETOOLONG))
                }
                _ => None,
            })
        }),
    ]
}

fn opens(fs: &mut Boxed, caller: &Caller, op: &LowerOp<'_>) -> (lowers::Answer, Option<LowerFh>) {
    let reply = fs.apply(caller, op);
    let fh = match &reply {
        Ok(LowerReply::Opened(fh) | LowerReply::Created(_, fh)) => Some(*fh),
        _ => None,
    };
    (Some(reply), fh)
}

fn of_data_below() -> Vec<Planted> {
    vec![
        lowers::planted("a length of whole pages loses its last byte", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Setattr { node, mut changes } => {
                    let size = changes.size.filter(|size| *size > 0 && size % 4096 == 0)?;
                    changes.size = Some(size - 1);
                    Some(fs.apply(caller, &LowerOp::Setattr { node, changes }))
                }
                _ => None,
            })
        }),
        lowers::planted("two who append overwrite each other", || {
            // Each remembers the end that it has seen.
            let mut ends: BTreeMap<LowerFh, u64> = BTreeMap::new();
            Box::new(move |fs, caller, op| match *op {
                LowerOp::Open { node, flags, check } if flags.contains(OpenFlags::APPEND) => {
                    let flags = flags - OpenFlags::APPEND;
                    let size = fs.getattr(caller, node).map_or(0, |stat| stat.size);
                    let (reply, fh) = opens(fs, caller, &LowerOp::Open { node, flags, check });
                    ends.extend(fh.map(|fh| (fh, size)));
                    reply
                }
                LowerOp::Write { fh, data, .. } => {
                    let offset = *ends.get(&fh)?;
                    let reply = fs.apply(caller, &LowerOp::Write { fh, offset, data });
                    if let Ok(LowerReply::Written { end, .. }) = &reply {
                        ends.insert(fh, *end);
                    }
                    Some(reply)
                }
                _ => None,
            })
        }),
        lowers::planted("SEEK_DATA ends before the last page", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Seek { offset, whence: Whence::Data, .. } if offset >= 4096 => {
                    let reply = fs.apply(caller, op);
                    Some(reply.and(Err(Errno::ENXIO)))
                }
                _ => None,
            })
        }),
        lowers::planted("a file made longer keeps its blocks in a hole punched behind", || {
            // A punched hole that reaches beyond the end makes the file longer.
            Box::new(|fs, caller, op| match *op {
                LowerOp::Fallocate { fh, mode, offset, length }
                    if mode.contains(FallocateMode::PUNCH_HOLE) =>
                {
                    let reply = fs.apply(caller, op);
                    if reply.is_ok() {
                        let mode = FallocateMode::empty();
                        let more = LowerOp::Fallocate { fh, mode, offset, length };
                        let _ = fs.apply(caller, &more);
                    }
                    Some(reply)
                }
                _ => None,
            })
        }),
    ]
}

fn of_daemons() -> Vec<Planted> {
    vec![
        daemons::planted("refuses what begins with a dot", |_, request, device| {
            let named = echo(request);
            let name = match request.opcode.0 & 0xffff == Opcode::MKDIR.0 {
                true => named.get(8..),
                false => Some(&named[..]),
            };
            name.is_some_and(|name| name.first() == Some(&b'.'))
                && answer(device, request, Errno::EEXIST.negative(), Vec::new())
        }),
        daemons::planted("takes any mode for 0755", |_, request, device| {
            let mut body = echo(request);
            let mkdir = request.opcode.0 & 0xffff == Opcode::MKDIR.0;
            if let (true, Some(mode)) = (mkdir, body.get_mut(..4)) {
                mode.copy_from_slice(&0o755_u32.to_le_bytes());
            }
            answer(device, request, 0, body)
        }),
    ]
}

/// One writes at a time: looked at when asked, and noted when done.
fn one_unlinks<const TAKES: bool>() -> FuseOps<u32> {
    FuseOps::with_state("one", 0)
        .unlink_prefilter(|cx, _| {
            if *cx.state >= 2 {
                return Verdict::Error(Errno::EPERM);
            }
            *cx.state += u32::from(TAKES);
            Verdict::Postfilter
        })
        .unlink_postfilter(|cx, _| {
            let failed = cx.error_in().is_some();
            *cx.state = match (TAKES, failed) {
                (true, true) => *cx.state - 1,
                (false, false) => *cx.state + 1,
                _ => *cx.state,
            };
            Verdict::Continue
        })
}

/// A rename that is under way is noted by its new directory, one for all.
fn where_to() -> FuseOps<u64> {
    FuseOps::with_state("to", 0)
        .rename2_prefilter(|cx, arg, _, _| {
            *cx.state = arg.newdir;
            Verdict::Postfilter
        })
        .rename2_postfilter(|cx, arg, _, _| {
            let other = *cx.state != arg.newdir;
            refused(other && cx.error_in().is_none(), Errno::EBUSY)
        })
        .rename_prefilter(|cx, arg, _, _| {
            *cx.state = arg.newdir;
            Verdict::Postfilter
        })
        .rename_postfilter(|cx, arg, _, _| {
            let other = *cx.state != arg.newdir;
            refused(other && cx.error_in().is_none(), Errno::EBUSY)
        })
}

fn of_races() -> Vec<Planted> {
    let mut races = vec![
        more::filter(
            "two removals, and a third at once",
            one_unlinks::<false>,
            one_unlinks::<true>,
        ),
        more::filter("one place for all renames", where_to, nothing),
    ];
    races.iter_mut().for_each(|race| race.kind = "race");
    races
}

/// Syncs only what this very handle wrote.
fn by_handle() -> Bug {
    let (mut files, mut dirty) = (BTreeSet::<LowerFh>::new(), BTreeSet::<LowerFh>::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { node, .. } => {
            let file = fs.getattr(caller, node).ok()?.kind == FileKind::Regular;
            let (reply, fh) = opens(fs, caller, op);
            files.extend(fh.filter(|_| file));
            reply
        }
        LowerOp::CreateOpen { .. } => {
            let (reply, fh) = opens(fs, caller, op);
            files.extend(fh);
            reply
        }
        LowerOp::Write { fh, .. } | LowerOp::Fallocate { fh, .. } => {
            dirty.insert(fh);
            None
        }
        LowerOp::Fsync { fh, .. } => {
            let clean = files.contains(&fh) && !dirty.remove(&fh);
            clean.then_some(Ok(LowerReply::Done))
        }
        _ => None,
    })
}

/// What a rename replaces is emptied before.
fn emptied_first() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Rename { parent, name, new_parent, new_name, flags } if flags.is_empty() => {
            let moved = stat_of(fs, caller, parent, name)?;
            let old = stat_of(fs, caller, new_parent, new_name)?;
            let files = [&moved, &old].iter().all(|stat| stat.kind == FileKind::Regular);
            if files && moved.ino != old.ino && old.nlink == 1 {
                let changes = AttrChanges { size: Some(0), ..Default::default() };
                let _ = fs.setattr(&root_of(caller), old.ino, changes);
            }
            None
        }
        _ => None,
    })
}

/// A preallocation is nothing to sync.
fn preallocated() -> Bug {
    let mut clean = BTreeSet::<LowerFh>::new();
    Box::new(move |_, _, op| match *op {
        LowerOp::Fallocate { fh, .. } => {
            clean.insert(fh);
            None
        }
        LowerOp::Write { fh, .. } => {
            clean.remove(&fh);
            None
        }
        LowerOp::Fsync { fh, .. } => clean.contains(&fh).then_some(Ok(LowerReply::Done)),
        _ => None,
    })
}

fn of_crashes() -> Vec<Planted> {
    vec![
        crashes::planted("a handle syncs only what it wrote", Durability::Ordered, by_handle),
        crashes::planted("what is replaced is emptied first", Durability::Ordered, emptied_first),
        crashes::planted("a preallocation is not synced", Durability::Ordered, preallocated),
    ]
}

pub(super) fn all() -> Vec<Planted> {
    let series = [
        of_objects(),
        of_filters(),
        of_names_below(),
        of_attributes_below(),
        of_data_below(),
        of_daemons(),
        of_races(),
        of_crashes(),
    ];
    series.into_iter().flatten().collect()
}
