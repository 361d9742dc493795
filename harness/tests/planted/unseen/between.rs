//! What goes wrong between two calls of different clients, or between a call and a loss of power.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;
use fuserig_abi::{FATTR_SIZE, FileKind, Opcode};
use fuserig_sim_fs::{LowerExt, RenameFlags};

use super::super::lowers::{Bug, noted, opened};
use super::super::more::filter;
use super::super::races::AtMost;
use super::super::{Planted, crashes::planted, general};
use super::super::{nothing, refused};

fn failed<S>(cx: &fuserig_filters::Cx<'_, S>) -> u64 {
    u64::from(cx.error_in().is_some())
}

/// Three links of either kind. Who makes a hard link adds to what it saw when it began, or to what
/// there is.
fn three_links<const SEEN: bool>() -> FuseOps<(u64, BTreeMap<u32, u64>)> {
    fn take(made: &mut u64) -> Verdict {
        if *made >= 3 {
            return Verdict::Error(Errno::EDQUOT);
        }
        *made += 1;
        Verdict::Postfilter
    }
    FuseOps::with_state("three", (0, BTreeMap::new()))
        .symlink_prefilter(|cx, _, _| take(&mut cx.state.0))
        .symlink_postfilter(|cx, _, _| {
            cx.state.0 = cx.state.0.saturating_sub(failed(cx));
            Verdict::Continue
        })
        .link_prefilter(|cx, _, _| {
            let pid = cx.pid().0;
            let verdict = take(&mut cx.state.0);
            cx.state.1.insert(pid, cx.state.0);
            verdict
        })
        .link_postfilter(|cx, _, _| {
            let seen = cx.state.1.remove(&cx.pid().0);
            let made = seen.filter(|_| SEEN).unwrap_or(cx.state.0);
            cx.state.0 = made.saturating_sub(failed(cx));
            Verdict::Continue
        })
}

/// Three things are made, and places are reserved for those that are on the way.
#[derive(Debug, Default)]
struct Places {
    made: u64,
    reserved: u64,
}

impl Places {
    fn reserve(&mut self) -> Verdict {
        if self.made + self.reserved >= 3 {
            return Verdict::Error(Errno::EDQUOT);
        }
        self.reserved += 1;
        Verdict::Postfilter
    }

    /// Gives back its own place, or all.
    fn done(&mut self, failed: u64, all: bool) -> Verdict {
        self.reserved = if all { 0 } else { self.reserved - 1 };
        self.made += 1 - failed;
        Verdict::Continue
    }
}

fn reserves<const ALL: bool>() -> FuseOps<Places> {
    FuseOps::with_state("reserves", Places::default())
        .mkdir_prefilter(|cx, _, _| cx.state.reserve())
        .mkdir_postfilter(|cx, _, _| {
            let failed = failed(cx);
            cx.state.done(failed, ALL)
        })
        .mknod_prefilter(|cx, _, _| cx.state.reserve())
        .mknod_postfilter(|cx, _, _| {
            let failed = failed(cx);
            cx.state.done(failed, ALL)
        })
}

/// Nothing is removed while a file is open. It counts as open from when somebody begins to open
/// it, or from when it was opened.
fn none_open<const BEGINS: bool>() -> FuseOps<u64> {
    fn begin(opened: &mut u64, begins: bool) -> Verdict {
        *opened += u64::from(begins);
        Verdict::Postfilter
    }
    fn done(opened: &mut u64, failed: u64, begins: bool) -> Verdict {
        *opened = if begins { opened.saturating_sub(failed) } else { *opened + 1 - failed };
        Verdict::Continue
    }
    FuseOps::with_state("open", 0)
        .open_prefilter(|cx, _| begin(cx.state, BEGINS))
        .open_postfilter(|cx, _, _| {
            let failed = failed(cx);
            done(cx.state, failed, BEGINS)
        })
        .create_open_prefilter(|cx, _, _| begin(cx.state, BEGINS))
        .create_open_postfilter(|cx, _, _, _, _| {
            let failed = failed(cx);
            done(cx.state, failed, BEGINS)
        })
        .releasedir_prefilter(|cx, _| {
            let file = cx.opcode().0 & 0xffff == Opcode::RELEASE.0;
            *cx.state = cx.state.saturating_sub(u64::from(file));
            Verdict::Continue
        })
        .unlink_prefilter(|cx, _| refused(*cx.state > 0, Errno::EBUSY))
}

/// A directory that was made while something was removed is said to have failed.
fn one_at_last() -> FuseOps<(u64, BTreeMap<u32, u64>)> {
    FuseOps::with_state("last", (0_u64, BTreeMap::new()))
        .unlink_prefilter(|cx, _| {
            cx.state.0 += 1;
            Verdict::Continue
        })
        .mkdir_prefilter(|cx, _, _| {
            let (pid, removed) = (cx.pid().0, cx.state.0);
            cx.state.1.insert(pid, removed);
            Verdict::Postfilter
        })
        .mkdir_postfilter(|cx, _, _| {
            let pid = cx.pid().0;
            let seen = cx.state.1.remove(&pid);
            let other = seen.is_some_and(|seen| seen != cx.state.0);
            refused(other && cx.error_in().is_none(), Errno::EIO)
        })
}

/// While somebody changes a length, files are shown with it.
fn new_length() -> FuseOps<Option<u64>> {
    const S_IFMT: u32 = 0o170_000;
    const S_IFREG: u32 = 0o100_000;
    FuseOps::with_state("length", None)
        .setattr_prefilter(|cx, attr| {
            if attr.valid & FATTR_SIZE != 0 {
                *cx.state = Some(attr.size);
            }
            Verdict::Postfilter
        })
        .setattr_postfilter(|cx, _, _| {
            *cx.state = None;
            Verdict::Continue
        })
        .getattr_prefilter(|_, _| Verdict::Postfilter)
        .getattr_postfilter(|cx, _, out| {
            if let (Some(size), S_IFREG) = (*cx.state, out.attr.mode & S_IFMT) {
                out.attr.size = size;
            }
            Verdict::Continue
        })
}

fn races() -> Vec<Planted> {
    fn links(action: &Action) -> bool {
        matches!(action, Action::Link { .. } | Action::Symlink { .. })
    }
    fn made(action: &Action) -> bool {
        matches!(action, Action::Mkdir { .. } | Action::Mknod { .. })
    }
    let counted = |counts: fn(&Action) -> bool, race| Planted {
        judges: Box::new(move || {
            let three: Box<dyn Invariant> = Box::new(AtMost::of(counts, 3));
            general().into_iter().chain([three]).collect()
        }),
        ..race
    };
    let forgotten =
        filter("a link forgets the other kind", three_links::<true>, three_links::<false>);
    let all = filter("who is done gives back all places", reserves::<true>, reserves::<false>);
    let mut races = vec![
        counted(links, forgotten),
        counted(made, all),
        filter("an open on its way is not counted", none_open::<false>, none_open::<true>),
        filter("what was made is said to have failed", one_at_last, nothing),
        filter("a length is shown before it is so", new_length, nothing),
    ];
    races.iter_mut().for_each(|race| race.kind = "race");
    races
}

/// A handle to read with syncs nothing of a file.
fn only_writers_sync() -> Bug {
    let mut readers = BTreeSet::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { node, flags, .. } if !flags.wants_write() => {
            let kind = fs.getattr(caller, node).ok()?.kind;
            let reply = Some(fs.apply(caller, op));
            let file = opened(op, &reply).filter(|_| kind == FileKind::Regular);
            readers.extend(file.map(|(fh, _)| fh));
            reply
        }
        LowerOp::Fsync { fh, .. } => readers.contains(&fh).then_some(Ok(LowerReply::Done)),
        _ => None,
    })
}

/// One flag for all files says whether anything has changed since somebody synced.
fn one_flag() -> Bug {
    let mut dirty = false;
    Box::new(move |_, _, op| match *op {
        LowerOp::Fsync { .. } if !dirty => Some(Ok(LowerReply::Done)),
        LowerOp::Fsync { .. } => {
            dirty = false;
            None
        }
        LowerOp::Lookup { .. }
        | LowerOp::Parent { .. }
        | LowerOp::Forget { .. }
        | LowerOp::Getattr { .. }
        | LowerOp::Access { .. }
        | LowerOp::Open { .. }
        | LowerOp::Release { .. }
        | LowerOp::Flush { .. }
        | LowerOp::Read { .. }
        | LowerOp::ReadDir { .. } => None,
        _ => {
            dirty = true;
            None
        }
    })
}

/// A directory that was made since the start is not synced.
fn new_directories() -> Bug {
    let (mut new, mut open) = (BTreeSet::new(), BTreeMap::new());
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Mkdir { .. } => {
            let reply = fs.apply(caller, op);
            if let Ok(LowerReply::Stat(stat)) = &reply {
                new.insert(stat.ino);
            }
            Some(reply)
        }
        LowerOp::Open { .. } => noted(&mut open, (fs, caller, op)),
        LowerOp::Fsync { fh, .. } => new.contains(open.get(&fh)?).then_some(Ok(LowerReply::Done)),
        _ => None,
    })
}

/// A symbolic link is made under a spare name, and moved to its own.
fn spare_link() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Symlink { parent, name, target } => {
            const SPARE: &[u8] = b".new";
            if fs.lookup(caller, parent, name) != Err(Errno::ENOENT) {
                return None;
            }
            let made = fs.symlink(caller, parent, SPARE, target).ok()?;
            let moved = fs.rename(caller, parent, SPARE, parent, name, RenameFlags::empty());
            if moved.is_err() {
                let _ = fs.unlink(caller, parent, SPARE);
            }
            Some(moved.map(|()| LowerReply::Stat(made)))
        }
        _ => None,
    })
}

fn crashes() -> Vec<Planted> {
    vec![
        planted("a handle to read with syncs nothing", Durability::Ordered, only_writers_sync),
        planted("one flag for all that is to be synced", Durability::Loose, one_flag),
        planted("a new directory is not synced", Durability::Loose, new_directories),
        planted("a link has a spare name first", Durability::Ordered, spare_link),
    ]
}

pub(super) fn all() -> Vec<Planted> {
    races().into_iter().chain(crashes()).collect()
}
