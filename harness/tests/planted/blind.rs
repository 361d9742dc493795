//! A fourth series, of kinds that the others do not have. It was committed before the search was
//! run on any of it, and is never changed afterwards, so that its rate says something about
//! mistakes that nobody has thought of.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;
use fuserig_abi::{FATTR_MTIME, FATTR_SIZE, FileKind, Ino, Opcode};
use fuserig_sim_fs::{FallocateMode, LowerExt, LowerFh, OpenFlags, RenameFlags};

use super::bpf::object;
use super::crashes;
use super::daemons::{answer, echo};
use super::races::AtMost;
use super::{Planted, bpf, daemons, general, lowers, more};
use super::{nothing, refused};

fn keeps_names() -> FuseOps {
    FuseOps::new("keeps_names").rename2_prefilter(|_, _, old, new| {
        let guarded = old.name() == b".secret" || new.name() == b".secret";
        refused(guarded, Errno::EPERM)
    })
}

fn short_values() -> FuseOps {
    FuseOps::new("short_values")
        .setxattr_prefilter(|_, arg, _, _| refused(arg.size > 8, Errno::E2BIG))
}

fn of_objects() -> Vec<Planted> {
    vec![
        bpf::planted(
            "the new name is compared at the length of the old",
            object!("rename_length"),
            keeps_names,
            || vec![Box::new(invariant::twins_agree(keeps_names))],
        ),
        bpf::planted(
            "a value as long as the limit is too long",
            object!("xattr_size"),
            short_values,
            || vec![Box::new(invariant::twins_agree(short_values))],
        ),
    ]
}

fn no_sizes() -> FuseOps {
    FuseOps::new("no_sizes")
        .setattr_prefilter(|_, attr| refused(attr.valid & FATTR_SIZE != 0, Errno::EPERM))
}

/// A truncation sets the time as well, but so does a touch.
fn no_sizes_by_time() -> FuseOps {
    FuseOps::new("no_sizes").setattr_prefilter(|_, attr| {
        refused(attr.valid & (FATTR_SIZE | FATTR_MTIME) != 0, Errno::EPERM)
    })
}

/// At most four directories at a time.
fn four_at_a_time<const EARLY: bool>() -> FuseOps<u64> {
    FuseOps::with_state("four", 4_u64)
        .mkdir_prefilter(|cx, _, _| {
            if *cx.state == 0 {
                return Verdict::Error(Errno::EDQUOT);
            }
            *cx.state -= 1;
            Verdict::Postfilter
        })
        .mkdir_postfilter(|cx, _, _| {
            *cx.state += u64::from(cx.error_in().is_some());
            Verdict::Continue
        })
        .rmdir_prefilter(|_, _| Verdict::Postfilter)
        .rmdir_postfilter(|cx, _| {
            // Early: whether or not it was removed.
            *cx.state += u64::from(EARLY || cx.error_in().is_none());
            Verdict::Continue
        })
}

/// The listing without the name, or up to it.
fn redacts<const ENDS: bool>() -> FuseOps {
    FuseOps::new("redacts").readdir_prefilter(|_, _| Verdict::Postfilter).readdir_postfilter(
        |cx, _, out, entries| {
            if cx.error_in().is_none() {
                let mut gone = false;
                let dropped = entries.retain(|entry| {
                    let hidden = entry.name == b".secret";
                    gone |= hidden;
                    !(hidden || ENDS && gone)
                });
                out.again = u32::from(dropped > 0 && entries.is_empty());
            }
            Verdict::Continue
        },
    )
}

/// Nothing is linked to what is hidden, or nothing that is called so.
fn no_links_to<const NAME: bool>() -> FuseOps {
    FuseOps::new("no_links_to").symlink_prefilter(|_, name, target| {
        let looks_at = if NAME { name.name() } else { target.name() };
        refused(looks_at == b".secret", Errno::EPERM)
    })
}

fn of_filters() -> Vec<Planted> {
    vec![
        more::filter("a touch is taken for a truncation", no_sizes_by_time, no_sizes),
        more::filter(
            "what was not removed is given back",
            four_at_a_time::<true>,
            four_at_a_time::<false>,
        ),
        more::filter("the listing ends at the hidden name", redacts::<true>, redacts::<false>),
        more::filter(
            "the name of a link is taken for its target",
            no_links_to::<true>,
            no_links_to::<false>,
        ),
    ]
}

fn of_names_below() -> Vec<Planted> {
    vec![
        lowers::planted("RENAME_NOREPLACE replaces", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Rename { parent, name, new_parent, new_name, flags } => {
                    let flags = flags - RenameFlags::NOREPLACE;
                    let op = LowerOp::Rename { parent, name, new_parent, new_name, flags };
                    Some(fs.apply(caller, &op))
                }
                _ => None,
            })
        }),
        lowers::planted("a directory with one file is removed with it", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Rmdir { parent, name } => {
                    let reply = fs.apply(caller, op);
                    if reply != Err(Errno::ENOTEMPTY) {
                        return Some(reply);
                    }
                    let node = fs.lookup(caller, parent, name).ok()?.ino;
                    let fh = fs.open(caller, node, OpenFlags::DIRECTORY).ok()?;
                    let listed = fs.read_dir(caller, fh, 0, 8);
                    let _ = fs.release(caller, fh);
                    let (mut entries, _) = listed.ok()?;
                    entries.retain(|entry| entry.name != b"." && entry.name != b"..");
                    if let [only] = &entries[..] {
                        let _ = fs.unlink(caller, node, &only.name);
                    }
                    Some(fs.apply(caller, op))
                }
                _ => None,
            })
        }),
        lowers::planted("removing one attribute removes all", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::RemoveXattr { node, .. } => {
                    let reply = fs.apply(caller, op);
                    if reply.is_ok() {
                        let names = fs.list_xattr(caller, node, 4096).unwrap_or_default();
                        for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
                            let _ = fs.remove_xattr(caller, node, name);
                        }
                    }
                    Some(reply)
                }
                _ => None,
            })
        }),
        lowers::planted("a listing that goes on repeats a name", || {
            let mut last: BTreeMap<LowerFh, u64> = BTreeMap::new();
            Box::new(move |fs, caller, op| match *op {
                LowerOp::ReadDir { fh, position, records_max } => {
                    let from = match last.get(&fh) {
                        Some(before) if position > 2 => *before,
                        _ => position,
                    };
                    let op = LowerOp::ReadDir { fh, position: from, records_max };
                    let reply = fs.apply(caller, &op);
                    if let Ok(LowerReply::Entries { entries, .. }) = &reply
                        && let Some(entry) = entries.last()
                    {
                        last.insert(fh, entry.position);
                    }
                    Some(reply)
                }
                _ => None,
            })
        }),
    ]
}

fn of_data_below() -> Vec<Planted> {
    vec![
        lowers::planted("holes take space", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Getattr { .. } => Some(fs.apply(caller, op).map(|reply| match reply {
                    LowerReply::Stat(mut stat) if stat.kind == FileKind::Regular => {
                        stat.blocks = stat.size.div_ceil(4096) * 8;
                        LowerReply::Stat(stat)
                    }
                    other => other,
                })),
                _ => None,
            })
        }),
        lowers::planted("a write across pages loses the first byte of the second", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Write { fh, offset, data } => {
                    let inside = usize::try_from(4096 - offset % 4096).unwrap_or(0);
                    if inside == 4096 || inside >= data.len() {
                        return None;
                    }
                    let mut data = data.to_vec();
                    data[inside] = 0;
                    Some(fs.apply(caller, &LowerOp::Write { fh, offset, data: &data }))
                }
                _ => None,
            })
        }),
        lowers::planted("preallocation takes the last byte", || {
            let mut open: BTreeMap<LowerFh, Ino> = BTreeMap::new();
            Box::new(move |fs, caller, op| match *op {
                LowerOp::Open { node, .. } => {
                    let reply = fs.apply(caller, op);
                    if let Ok(LowerReply::Opened(fh)) = &reply {
                        open.insert(*fh, node);
                    }
                    Some(reply)
                }
                LowerOp::Fallocate { fh, mode, offset, length } if mode.is_empty() => {
                    let size = fs.getattr(caller, *open.get(&fh)?).ok()?.size;
                    if size > 0 && offset < size && offset + length > size {
                        let _ = fs.write(caller, fh, size - 1, &[0]);
                    }
                    let mode = FallocateMode::empty();
                    Some(fs.apply(caller, &LowerOp::Fallocate { fh, mode, offset, length }))
                }
                _ => None,
            })
        }),
    ]
}

fn of_daemons() -> Vec<Planted> {
    vec![
        daemons::planted("sends the body of the request before", |count, request, device| {
            // Every fifth one, when a name of one byte was asked about.
            let body = echo(request);
            if !count.is_multiple_of(5) || body.is_empty() {
                return false;
            }
            let last = body.len() - 1;
            let mut old = body;
            old[last.min(8)] = b'a';
            answer(device, request, 0, old)
        }),
        daemons::planted("does not answer unlink of ordinary users", |_, request, _| {
            request.uid.0 != 0 && request.opcode.0 & 0xffff == Opcode::UNLINK.0
        }),
    ]
}

/// At most five files are ever made: each call adds one to what it saw when it began, or to what
/// there is.
fn five_files<const SEEN: bool>() -> FuseOps<(u64, BTreeMap<u32, u64>)> {
    FuseOps::with_state("five", (0_u64, BTreeMap::new()))
        .mknod_prefilter(|cx, _, _| {
            let pid = cx.pid().0;
            let (made, pending) = &mut *cx.state;
            let under_way = if SEEN { 0 } else { pending.len() as u64 };
            if *made + under_way >= 5 {
                return Verdict::Error(Errno::ENOSPC);
            }
            pending.insert(pid, *made);
            Verdict::Postfilter
        })
        .mknod_postfilter(|cx, _, _| {
            let (pid, worked) = (cx.pid().0, cx.error_in().is_none());
            let (made, pending) = &mut *cx.state;
            let seen = pending.remove(&pid).unwrap_or(*made);
            let from = if SEEN { seen } else { *made };
            *made = from + u64::from(worked);
            Verdict::Continue
        })
}

/// Users list one after the other.
fn one_user_lists() -> FuseOps<Option<u32>> {
    FuseOps::with_state("lists", None)
        .readdir_prefilter(|cx, _| {
            let uid = cx.uid().0;
            if cx.state.is_some_and(|other| other != uid) {
                return Verdict::Error(Errno::EAGAIN);
            }
            *cx.state = Some(uid);
            Verdict::Postfilter
        })
        .readdir_postfilter(|cx, _, _, _| {
            *cx.state = None;
            Verdict::Continue
        })
}

fn of_races() -> Vec<Planted> {
    let files = |limit| {
        let counts = |action: &Action| matches!(action, Action::Mknod { .. });
        Box::new(AtMost::of(counts, limit)) as Box<dyn Invariant>
    };
    let mut races = vec![
        Planted {
            judges: Box::new(move || general().into_iter().chain([files(5)]).collect()),
            wrong: Subject::new(Abi::V4, five_files::<true>),
            right: Subject::new(Abi::V4, five_files::<false>),
            ..more::filter("a count that was read too early", nothing, nothing)
        },
        more::filter("one listing at a time for two users", one_user_lists, nothing),
    ];
    races.iter_mut().for_each(|race| race.kind = "race");
    races
}

/// A directory is not synced when all that happened to it was of that kind.
fn forgetful(links: bool) -> lowers::Bug {
    let (mut open, mut dirty) = (BTreeMap::<LowerFh, Ino>::new(), BTreeSet::<Ino>::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { node, .. } => {
            let directory = fs.getattr(caller, node).ok()?.kind == FileKind::Directory;
            let reply = fs.apply(caller, op);
            if let (Ok(LowerReply::Opened(fh)), true) = (&reply, directory) {
                open.insert(*fh, node);
            }
            Some(reply)
        }
        LowerOp::Mknod { parent, .. }
        | LowerOp::Create { parent, .. }
        | LowerOp::CreateOpen { parent, .. }
        | LowerOp::Mkdir { parent, .. }
        | LowerOp::Symlink { parent, .. }
        | LowerOp::Unlink { parent, .. }
        | LowerOp::Rmdir { parent, .. } => {
            dirty.insert(parent);
            None
        }
        LowerOp::Link { parent, .. } if !links => {
            dirty.insert(parent);
            None
        }
        LowerOp::Rename { parent, new_parent, .. } if links => {
            dirty.extend([parent, new_parent]);
            None
        }
        LowerOp::Fsync { fh, .. } => {
            let clean = !dirty.remove(open.get(&fh)?);
            clean.then_some(Ok(LowerReply::Done))
        }
        _ => None,
    })
}

fn of_crashes() -> Vec<Planted> {
    vec![
        crashes::planted("a directory does not sync what moved there", Durability::Loose, || {
            forgetful(false)
        }),
        crashes::planted("a directory does not sync links", Durability::Loose, || forgetful(true)),
    ]
}

pub(super) fn all() -> Vec<Planted> {
    let series = [
        of_objects(),
        of_filters(),
        of_names_below(),
        of_data_below(),
        of_daemons(),
        of_races(),
        of_crashes(),
    ];
    series.into_iter().flatten().collect()
}
