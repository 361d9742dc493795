//! Filters that are right for one call at a time, and wrong when calls of two clients overlap.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;
use fuserig_filters::Cx;

use super::super::Planted;
use super::super::more::filter;
use super::super::refused;

/// A name is not removed while it is in a rename: either of the two, or the old one.
fn locks_names<const BOTH: bool>() -> FuseOps<BTreeMap<u32, Vec<Vec<u8>>>> {
    FuseOps::with_state("names", BTreeMap::new())
        .rename_prefilter(|cx, _, old, new| {
            let both = [old.name().to_vec(), new.name().to_vec()];
            let locked = both.into_iter().take(if BOTH { 2 } else { 1 }).collect();
            let pid = cx.pid().0;
            cx.state.insert(pid, locked);
            Verdict::Postfilter
        })
        .rename_postfilter(|cx, _, _, _| {
            let pid = cx.pid().0;
            cx.state.remove(&pid);
            Verdict::Continue
        })
        .unlink_prefilter(|cx, name| {
            let locked = cx.state.values().flatten().any(|other| other == name.name());
            refused(locked, Errno::EBUSY)
        })
}

/// Whether removals wait, and how many are under way.
#[derive(Debug, Default)]
struct Freeze {
    frozen: bool,
    removals: u32,
}

/// Nothing is unlinked while there is a directory of that name, and none is made while something
/// is unlinked. Who makes one freezes at once, or when it is there.
fn freezes<const LATE: bool>() -> FuseOps<Freeze> {
    const MARK: &[u8] = b".secret";
    FuseOps::with_state("freezes", Freeze::default())
        .mkdir_prefilter(|cx, _, name| {
            if name.name() != MARK {
                return Verdict::Continue;
            }
            if cx.state.frozen || cx.state.removals > 0 {
                return Verdict::Error(Errno::EPERM);
            }
            cx.state.frozen = !LATE;
            Verdict::Postfilter
        })
        .mkdir_postfilter(|cx, _, _| {
            cx.state.frozen = cx.error_in().is_none();
            Verdict::Continue
        })
        .rmdir_prefilter(|_, name| match name.name() == MARK {
            true => Verdict::Postfilter,
            false => Verdict::Continue,
        })
        .rmdir_postfilter(|cx, _| {
            cx.state.frozen &= cx.error_in().is_some();
            Verdict::Continue
        })
        .unlink_prefilter(|cx, _| {
            if cx.state.frozen {
                return Verdict::Error(Errno::EBUSY);
            }
            cx.state.removals += 1;
            Verdict::Postfilter
        })
        .unlink_postfilter(|cx, _| {
            cx.state.removals -= 1;
            Verdict::Continue
        })
}

/// Places that are free, those on their way, and those in use.
type Places = (u64, u64, u64);

/// The figures say how many places there are, whoever has them: also those on their way, or not.
fn sums<const MOVING: bool>() -> FuseOps<Places> {
    FuseOps::with_state("sums", (1000_u64, 0_u64, 0_u64))
        .mkdir_prefilter(|cx, _, _| {
            let (free, moving, _) = &mut *cx.state;
            if *free == 0 {
                return Verdict::Error(Errno::EDQUOT);
            }
            *free -= 1;
            *moving += 1;
            Verdict::Postfilter
        })
        .mkdir_postfilter(|cx, _, _| {
            let failed = cx.error_in().is_some();
            let (free, moving, used) = &mut *cx.state;
            *moving -= 1;
            *if failed { free } else { used } += 1;
            Verdict::Continue
        })
        .statfs_prefilter(|_| Verdict::Postfilter)
        .statfs_postfilter(|cx, out| {
            let (free, moving, used) = *cx.state;
            out.st.files = free + used + if MOVING { moving } else { 0 };
            Verdict::Continue
        })
}

/// One sets the attribute at a time, whatever the file. It is held when it is set, or from when
/// somebody begins to.
fn holds<const LATE: bool>() -> FuseOps<bool> {
    fn is_lock(name: &[u8]) -> bool {
        name == b"user.a"
    }
    FuseOps::with_state("holds", false)
        .setxattr_prefilter(|cx, _, name, _| {
            if !is_lock(name.name()) {
                return Verdict::Continue;
            }
            if *cx.state {
                return Verdict::Error(Errno::EEXIST);
            }
            *cx.state = !LATE;
            Verdict::Postfilter
        })
        .setxattr_postfilter(|cx, _, name, _| {
            if is_lock(name.name()) {
                *cx.state = cx.error_in().is_none();
            }
            Verdict::Continue
        })
        .removexattr_prefilter(|cx, name| {
            *cx.state &= !is_lock(name.name());
            Verdict::Continue
        })
}

/// The figure that is kept, how often something changed, and how often it had when each process
/// began to ask.
#[derive(Debug, Default)]
struct Figures {
    kept: Option<u64>,
    changes: u64,
    asked: BTreeMap<u32, u64>,
}

fn change(cx: &mut Cx<'_, Figures>) -> Verdict {
    cx.state.changes += 1;
    cx.state.kept = None;
    Verdict::Continue
}

/// Figures are kept until a directory is made or removed. One is kept if nothing changed since it
/// was asked for, or whatever it says.
fn keeps_figures<const STALE: bool>() -> FuseOps<Figures> {
    FuseOps::with_state("figures", Figures::default())
        .statfs_prefilter(|cx| {
            let (pid, changes) = (cx.pid().0, cx.state.changes);
            cx.state.asked.insert(pid, changes);
            Verdict::Postfilter
        })
        .statfs_postfilter(|cx, out| {
            let asked = cx.state.asked.remove(&cx.pid().0);
            if cx.error_in().is_some() {
                return Verdict::Continue;
            }
            match cx.state.kept {
                Some(kept) => out.st.ffree = kept,
                None if STALE || asked == Some(cx.state.changes) => {
                    cx.state.kept = Some(out.st.ffree);
                }
                None => {}
            }
            Verdict::Continue
        })
        .mkdir_prefilter(|_, _, _| Verdict::Postfilter)
        .mkdir_postfilter(|cx, _, _| change(cx))
        .rmdir_prefilter(|_, _| Verdict::Postfilter)
        .rmdir_postfilter(|cx, _| change(cx))
}

/// One renames or removes directories at a time, and who does may go on: one user, or one process.
fn one_changes<const USER: bool>() -> FuseOps<Option<u32>> {
    fn enter<const USER: bool>(cx: &mut Cx<'_, Option<u32>>) -> Verdict {
        let own = if USER { cx.uid().0 } else { cx.pid().0 };
        if cx.state.is_some_and(|holder| holder != own) {
            return Verdict::Error(Errno::EBUSY);
        }
        *cx.state = Some(own);
        Verdict::Postfilter
    }
    FuseOps::with_state("one", None)
        .rename_prefilter(|cx, _, _, _| enter::<USER>(cx))
        .rename_postfilter(|cx, _, _, _| {
            *cx.state = None;
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, _| enter::<USER>(cx))
        .rmdir_postfilter(|cx, _| {
            *cx.state = None;
            Verdict::Continue
        })
}

/// The list, and what each process read of it when it began.
type List = (BTreeSet<Vec<u8>>, BTreeMap<u32, BTreeSet<Vec<u8>>>);

/// Only directories on the list are removed. Who makes one writes the whole list: what it read and
/// one more, or what is there and one more.
fn writes_list<const READ: bool>() -> FuseOps<List> {
    FuseOps::with_state("list", List::default())
        .mkdir_prefilter(|cx, _, _| {
            let (pid, list) = (cx.pid().0, cx.state.0.clone());
            cx.state.1.insert(pid, list);
            Verdict::Postfilter
        })
        .mkdir_postfilter(|cx, _, name| {
            let read = cx.state.1.remove(&cx.pid().0).filter(|_| READ);
            if cx.error_in().is_none() {
                let mut list = read.unwrap_or_else(|| cx.state.0.clone());
                list.insert(name.name().to_vec());
                cx.state.0 = list;
            }
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, name| refused(!cx.state.0.contains(name.name()), Errno::EPERM))
}

pub(super) fn all() -> Vec<Planted> {
    let mut races = vec![
        filter("of two names the old one is locked", locks_names::<false>, locks_names::<true>),
        filter("it freezes when the mark is there", freezes::<true>, freezes::<false>),
        filter("what is on its way is in no sum", sums::<false>, sums::<true>),
        filter("a lock is free until it is set", holds::<true>, holds::<false>),
        filter(
            "figures from before a change are kept",
            keeps_figures::<true>,
            keeps_figures::<false>,
        ),
        filter("a lock is that of a user", one_changes::<true>, one_changes::<false>),
        filter("who is done writes an old list", writes_list::<true>, writes_list::<false>),
    ];
    races.iter_mut().for_each(|race| race.kind = "race");
    races
}
