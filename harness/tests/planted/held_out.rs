//! A third series, of kinds that the first two do not have. It was written before anybody knew
//! whether the search finds them, and its rate is told apart.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;
use fuserig_abi::{Caller, FileKind, Ino, Opcode};
use fuserig_sim_fs::{FallocateMode, LowerExt, LowerFh};

use super::bpf::object;
use super::daemons::{answer, echo};
use super::lowers::Boxed;
use super::{Planted, bpf, crashes, daemons, lowers, more};
use super::{nothing, refused};

/// So many directories for everybody together, or for each user.
fn directories<const MADE_MAX: u64, const EACH: bool>() -> FuseOps<BTreeMap<u32, u64>> {
    fn key(each: bool, uid: u32) -> u32 {
        if each { uid } else { 0 }
    }
    FuseOps::with_state("directories", BTreeMap::new())
        .mkdir_prefilter(|cx, _, _| {
            let key = key(EACH, cx.uid().0);
            let made = cx.state.entry(key).or_insert(0_u64);
            if *made >= MADE_MAX {
                return Verdict::Error(Errno::EDQUOT);
            }
            *made += 1;
            Verdict::Postfilter
        })
        .mkdir_postfilter(|cx, _, _| {
            let key = key(EACH, cx.uid().0);
            if cx.error_in().is_some() {
                *cx.state.entry(key).or_insert(1) -= 1;
            }
            Verdict::Continue
        })
}

fn redacts() -> FuseOps<Patterns> {
    redact(Patterns::parse(".secret").expect("a name"))
}

fn of_objects() -> Vec<Planted> {
    vec![
        bpf::planted(
            "two users share a counter",
            object!("quota_shared"),
            directories::<4, true>,
            || vec![Box::new(invariant::twins_agree(directories::<4, true>))],
        ),
        bpf::planted(
            "what failed is not given back",
            object!("quota_failed"),
            directories::<6, false>,
            || vec![Box::new(invariant::twins_agree(directories::<6, false>))],
        ),
        bpf::planted("the last record is not looked at", object!("hide_last"), redacts, || {
            vec![Box::new(invariant::twins_agree(redacts))]
        }),
    ]
}

fn writers() -> FuseOps {
    FuseOps::new("writers")
        .open_prefilter(|cx, open| refused(cx.uid().0 != 0 && open.flags & 3 != 0, Errno::EACCES))
}

/// Write-only opens slip through.
fn writers_by_bit() -> FuseOps {
    FuseOps::new("writers")
        .open_prefilter(|cx, open| refused(cx.uid().0 != 0 && open.flags & 2 != 0, Errno::EACCES))
}

fn no_files() -> FuseOps {
    FuseOps::new("no_files")
        .mknod_prefilter(|_, arg, _| refused(arg.mode & 0o170_000 == 0o100_000, Errno::EPERM))
}

/// The type is a number and not a set of bits: a socket is refused as well.
fn no_files_by_bit() -> FuseOps {
    FuseOps::new("no_files")
        .mknod_prefilter(|_, arg, _| refused(arg.mode & 0o100_000 != 0, Errno::EPERM))
}

/// Remembers attributes and forgets them only when they are set.
fn stale_attributes() -> FuseOps<BTreeMap<u64, u64>> {
    FuseOps::with_state("stale", BTreeMap::new())
        .getattr_prefilter(|_, _| Verdict::Postfilter)
        .getattr_postfilter(|cx, _, out| {
            let node = cx.nodeid().0;
            if cx.error_in().is_none() {
                out.attr.size = *cx.state.entry(node).or_insert(out.attr.size);
            }
            Verdict::Continue
        })
        .setattr_prefilter(|cx, _| {
            let node = cx.nodeid().0;
            cx.state.remove(&node);
            Verdict::Continue
        })
        .open_prefilter(|cx, _| {
            let node = cx.nodeid().0;
            cx.state.remove(&node);
            Verdict::Continue
        })
}

/// Refuses what is above a megabyte by the offset alone, signed.
fn far_writes() -> FuseOps {
    FuseOps::new("far")
        .write_iter_prefilter(|_, arg| refused(arg.offset as i64 > 65_000, Errno::EFBIG))
}

fn far_writes_by_end() -> FuseOps {
    FuseOps::new("far").write_iter_prefilter(|_, arg| {
        let end = arg.offset.saturating_add(u64::from(arg.size));
        refused(end > 65_000, Errno::EFBIG)
    })
}

fn of_filters() -> Vec<Planted> {
    vec![
        more::filter("writing alone is not a bit of both", writers_by_bit, writers),
        more::filter("a socket is taken for a file", no_files_by_bit, no_files),
        more::filter("attributes are remembered too long", stale_attributes, nothing),
        more::filter("the end of a write is not looked at", far_writes, far_writes_by_end),
    ]
}

fn of_names_below() -> Vec<Planted> {
    vec![
        lowers::planted("a directory that moved is still counted where it was", || {
            let mut extra: BTreeMap<Ino, u32> = BTreeMap::new();
            Box::new(move |fs, caller, op| match *op {
                LowerOp::Rename { parent, name, new_parent, .. } if parent != new_parent => {
                    let kind = fs.lookup(caller, parent, name).ok()?.kind;
                    let reply = fs.apply(caller, op);
                    if reply.is_ok() && kind == FileKind::Directory {
                        *extra.entry(parent).or_insert(0) += 1;
                    }
                    Some(reply)
                }
                LowerOp::Getattr { node } => {
                    let more = *extra.get(&node)?;
                    Some(fs.getattr(caller, node).map(|mut stat| {
                        stat.nlink += more;
                        LowerReply::Stat(stat)
                    }))
                }
                _ => None,
            })
        }),
        lowers::planted("a listing skips a name when another was removed meanwhile", || {
            let mut removed = 0_u32;
            let mut opened: BTreeMap<LowerFh, u32> = BTreeMap::new();
            Box::new(move |fs, caller, op| match *op {
                LowerOp::Unlink { .. } | LowerOp::Rmdir { .. } => {
                    removed += 1;
                    None
                }
                LowerOp::Open { .. } => {
                    let reply = fs.apply(caller, op);
                    if let Ok(LowerReply::Opened(fh)) = &reply {
                        opened.insert(*fh, removed);
                    }
                    Some(reply)
                }
                LowerOp::ReadDir { fh, position, .. } => {
                    let behind = opened.get(&fh).is_some_and(|then| *then < removed);
                    Some(fs.apply(caller, op).map(|reply| match reply {
                        LowerReply::Entries { mut entries, end } if behind && position > 0 => {
                            entries.drain(..1.min(entries.len()));
                            LowerReply::Entries { entries, end }
                        }
                        other => other,
                    }))
                }
                _ => None,
            })
        }),
        lowers::planted("the last attribute is not listed", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::ListXattr { .. } => Some(fs.apply(caller, op).map(|reply| match reply {
                    LowerReply::Bytes(mut bytes) => {
                        bytes.pop();
                        let end = bytes.iter().rposition(|byte| *byte == 0);
                        if let Some(end) = end {
                            bytes.truncate(end);
                        }
                        bytes.push(0);
                        LowerReply::Bytes(bytes)
                    }
                    other => other,
                })),
                _ => None,
            })
        }),
    ]
}

fn of_data_below() -> Vec<Planted> {
    vec![
        lowers::planted("the gap before a write is not zero", || {
            let mut open: BTreeMap<LowerFh, Ino> = BTreeMap::new();
            Box::new(move |fs, caller, op| match *op {
                LowerOp::Open { node, .. } => {
                    let reply = fs.apply(caller, op);
                    if let Ok(LowerReply::Opened(fh)) = &reply {
                        open.insert(*fh, node);
                    }
                    Some(reply)
                }
                LowerOp::Write { fh, offset, .. } => {
                    let size = fs.getattr(caller, *open.get(&fh)?).ok()?.size;
                    let gap = offset.checked_sub(size).filter(|gap| (1..9000).contains(gap))?;
                    let _ = fs.write(caller, fh, size, &vec![b'X'; gap as usize]);
                    None
                }
                _ => None,
            })
        }),
        lowers::planted("a collapsed range is only zeroed", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::Fallocate { fh, mode, offset, length }
                    if mode == FallocateMode::COLLAPSE_RANGE =>
                {
                    // The refusals are right.
                    let mut copy = fs.apply(caller, op);
                    if copy.is_ok() {
                        let mode = FallocateMode::INSERT_RANGE;
                        copy = fs.apply(caller, &LowerOp::Fallocate { fh, mode, offset, length });
                    }
                    Some(copy)
                }
                _ => None,
            })
        }),
        lowers::planted("a copy begins at the beginning", || {
            Box::new(|fs, caller, op| match *op {
                LowerOp::CopyRange { from, to, to_offset, length, flags, .. } => {
                    let from_offset = 0;
                    let op = LowerOp::CopyRange { from, from_offset, to, to_offset, length, flags };
                    Some(fs.apply(caller, &op))
                }
                _ => None,
            })
        }),
    ]
}

fn of_daemons() -> Vec<Planted> {
    let planted = daemons::planted;
    vec![
        planted("refuses who is not the super-user", |_, request, device| {
            request.uid.0 != 0 && answer(device, request, Errno::EACCES.negative(), Vec::new())
        }),
        planted("refuses names above a hundred bytes", |_, request, device| {
            let long = request.body.len() > 110;
            long && answer(device, request, Errno::ENAMETOOLONG.negative(), Vec::new())
        }),
        planted("has had enough after forty requests", |count, request, device| {
            *count > 40 && answer(device, request, Errno::ENOTCONN.negative(), Vec::new())
        }),
        planted("sets the sticky bit of directories", |_, request, device| {
            let mut body = echo(request);
            let mkdir = request.opcode.0 & 0xffff == Opcode::MKDIR.0;
            if let (true, Some(byte)) = (mkdir, body.get_mut(1)) {
                *byte |= 0o1000_u32.to_le_bytes()[1];
            }
            answer(device, request, 0, body)
        }),
    ]
}

/// Hides from those who are not the super-user, by who opened a directory last.
fn lists_by_opener() -> FuseOps<u32> {
    FuseOps::with_state("lists", 0)
        .opendir_prefilter(|cx, _| {
            *cx.state = cx.uid().0;
            Verdict::Continue
        })
        .readdir_prefilter(|_, _| Verdict::Postfilter)
        .readdir_postfilter(|cx, _, out, entries| {
            if *cx.state != 0 && cx.error_in().is_none() {
                let dropped = entries.retain(|entry| entry.name != b".secret");
                out.again = u32::from(dropped > 0 && entries.is_empty());
            }
            Verdict::Continue
        })
}

fn lists_by_caller() -> FuseOps {
    FuseOps::new("lists").readdir_prefilter(|_, _| Verdict::Postfilter).readdir_postfilter(
        |cx, _, out, entries| {
            if cx.uid().0 != 0 && cx.error_in().is_none() {
                let dropped = entries.retain(|entry| entry.name != b".secret");
                out.again = u32::from(dropped > 0 && entries.is_empty());
            }
            Verdict::Continue
        },
    )
}

/// While something is renamed, nothing is unlinked.
fn renaming() -> FuseOps<bool> {
    FuseOps::with_state("renaming", false)
        .rename_prefilter(|cx, _, _, _| {
            *cx.state = true;
            Verdict::Postfilter
        })
        .rename_postfilter(|cx, _, _, _| {
            *cx.state = false;
            Verdict::Continue
        })
        .create_open_prefilter(|cx, _, _| refused(*cx.state, Errno::EBUSY))
        .open_prefilter(|cx, _| refused(*cx.state, Errno::EBUSY))
}

fn of_races() -> Vec<Planted> {
    let mut races = vec![
        more::filter("who lists is who opened last", lists_by_opener, lists_by_caller),
        more::filter("an open during a rename is refused", renaming, nothing),
    ];
    races.iter_mut().for_each(|race| race.kind = "race");
    races
}

/// The file behind a handle, as far as it was opened here.
#[derive(Default)]
struct Handles(BTreeMap<LowerFh, Ino>);

impl Handles {
    fn note(&mut self, fs: &mut Boxed, caller: &Caller, op: &LowerOp<'_>) -> lowers::Answer {
        let reply = fs.apply(caller, op);
        match (&reply, op) {
            (Ok(LowerReply::Opened(fh)), LowerOp::Open { node, .. }) => {
                self.0.insert(*fh, *node);
            }
            (Ok(LowerReply::Created(stat, fh)), _) => {
                self.0.insert(*fh, stat.ino);
            }
            _ => {}
        }
        Some(reply)
    }
}

fn of_crashes() -> Vec<Planted> {
    let planted = crashes::planted;
    vec![
        planted("fsync of a file with two names does nothing", Durability::Ordered, || {
            let mut open = Handles::default();
            Box::new(move |fs, caller, op| match *op {
                LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => open.note(fs, caller, op),
                LowerOp::Fsync { fh, .. } => {
                    let stat = fs.getattr(caller, *open.0.get(&fh)?).ok()?;
                    let linked = stat.kind == FileKind::Regular && stat.nlink > 1;
                    linked.then_some(Ok(LowerReply::Done))
                }
                _ => None,
            })
        }),
        planted("fsync of what was renamed does nothing", Durability::Ordered, || {
            let (mut open, mut moved) = (Handles::default(), BTreeSet::new());
            Box::new(move |fs, caller, op| match *op {
                LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => open.note(fs, caller, op),
                LowerOp::Rename { parent, name, .. } => {
                    moved.insert(fs.lookup(caller, parent, name).ok()?.ino);
                    None
                }
                LowerOp::Fsync { fh, .. } => {
                    moved.contains(open.0.get(&fh)?).then_some(Ok(LowerReply::Done))
                }
                _ => None,
            })
        }),
        planted("fsync of what was not written does nothing", Durability::Loose, || {
            let (mut open, mut dirty) = (Handles::default(), BTreeSet::new());
            Box::new(move |fs, caller, op| match *op {
                LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => open.note(fs, caller, op),
                LowerOp::Write { fh, .. } => {
                    dirty.insert(*open.0.get(&fh)?);
                    None
                }
                // A truncation is forgotten.
                LowerOp::Fsync { fh, .. } => {
                    let clean = !dirty.remove(open.0.get(&fh)?);
                    clean.then_some(Ok(LowerReply::Done))
                }
                _ => None,
            })
        }),
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
