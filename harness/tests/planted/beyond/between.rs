//! Filters that are right for one call at a time, and wrong when calls of two clients overlap.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;

use super::super::Planted;
use super::super::more::filter;
use super::super::refused;

/// Directories that were begun, and those that are done.
type Numbers = (u64, u64, BTreeMap<u32, u64>);

/// Nothing is removed while directories are being made. Each has a number; done are as many as
/// were done, or all up to the number of who was done last.
fn up_to_number<const NUMBER: bool>() -> FuseOps<Numbers> {
    FuseOps::with_state("number", Numbers::default())
        .mkdir_prefilter(|cx, _, _| {
            let pid = cx.pid().0;
            cx.state.0 += 1;
            cx.state.2.insert(pid, cx.state.0);
            Verdict::Postfilter
        })
        .mkdir_postfilter(|cx, _, _| {
            let number = cx.state.2.remove(&cx.pid().0).unwrap_or_default();
            cx.state.1 = if NUMBER { number } else { cx.state.1 + 1 };
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, _| refused(cx.state.0 != cx.state.1, Errno::EBUSY))
}

/// There are three directories besides those of the start. Who removes one gives its place back
/// when it is gone, or takes it again when it is not.
fn gives_place<const BEFORE: bool>() -> FuseOps<i64> {
    FuseOps::with_state("place", 0_i64)
        .mkdir_prefilter(|cx, _, _| {
            if *cx.state >= 3 {
                return Verdict::Error(Errno::EDQUOT);
            }
            *cx.state += 1;
            Verdict::Postfilter
        })
        .mkdir_postfilter(|cx, _, _| {
            *cx.state -= i64::from(cx.error_in().is_some());
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, _| {
            *cx.state -= i64::from(BEFORE);
            Verdict::Postfilter
        })
        .rmdir_postfilter(|cx, _| {
            let failed = cx.error_in().is_some();
            *cx.state += match BEFORE {
                true => i64::from(failed),
                false => -i64::from(!failed),
            };
            Verdict::Continue
        })
}

/// Names by the process that is making them, and those that were made.
type Made = (BTreeMap<u32, Vec<u8>>, BTreeSet<Vec<u8>>);

/// Only directories that were made since the mount are removed. Who is done notes his own, or all
/// that wait.
fn notes_made<const ALL: bool>() -> FuseOps<Made> {
    FuseOps::with_state("notes", Made::default())
        .mkdir_prefilter(|cx, _, name| {
            let pid = cx.pid().0;
            cx.state.0.insert(pid, name.name().to_vec());
            Verdict::Postfilter
        })
        .mkdir_postfilter(|cx, _, _| {
            let (pid, failed) = (cx.pid().0, cx.error_in().is_some());
            let own = cx.state.0.remove(&pid).filter(|_| !failed);
            cx.state.1.extend(own);
            if ALL && !failed {
                let waiting = core::mem::take(&mut cx.state.0);
                cx.state.1.extend(waiting.into_values());
            }
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, name| refused(!cx.state.1.contains(name.name()), Errno::EPERM))
}

/// What was removed is not made again. Who fails takes back his own name, or the last.
fn not_again<const LAST: bool>() -> FuseOps<Vec<Vec<u8>>> {
    FuseOps::with_state("again", Vec::<Vec<u8>>::new())
        .rmdir_prefilter(|cx, name| {
            cx.state.push(name.name().to_vec());
            Verdict::Postfilter
        })
        .rmdir_postfilter(|cx, name| {
            let own = cx.state.iter().rposition(|other| other == name.name());
            let last = cx.state.len().checked_sub(1);
            let taken = if LAST { last } else { own };
            if let Some(place) = taken.filter(|_| cx.error_in().is_some()) {
                cx.state.remove(place);
            }
            Verdict::Continue
        })
        .mkdir_prefilter(|cx, _, name| {
            let removed = cx.state.iter().any(|other| other == name.name());
            refused(removed, Errno::EPERM)
        })
}

/// Whoever writes, it is sixteen bytes at most, and what was begun may be finished. A write is
/// charged as long as it is, or as the one that began last.
fn charges<const LAST: bool>() -> FuseOps<(u64, u64)> {
    FuseOps::with_state("charges", (0_u64, 0_u64))
        .write_iter_prefilter(|cx, arg| {
            if cx.state.0 >= 16 {
                return Verdict::Error(Errno::EDQUOT);
            }
            cx.state.1 = u64::from(arg.size);
            Verdict::Postfilter
        })
        .write_iter_postfilter(|cx, arg, _| {
            let length = if LAST { cx.state.1 } else { u64::from(arg.size) };
            cx.state.0 += if cx.error_in().is_none() { length } else { 0 };
            Verdict::Continue
        })
}

/// Of the directories that were made one is left. It is counted off before it is removed, or when
/// it is.
fn leaves_one<const AFTER: bool>() -> FuseOps<i64> {
    FuseOps::with_state("one", 0_i64)
        .mkdir_prefilter(|_, _, _| Verdict::Postfilter)
        .mkdir_postfilter(|cx, _, _| {
            *cx.state += i64::from(cx.error_in().is_none());
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, _| {
            if *cx.state <= 1 {
                return Verdict::Error(Errno::EPERM);
            }
            *cx.state -= i64::from(!AFTER);
            Verdict::Postfilter
        })
        .rmdir_postfilter(|cx, _| {
            let failed = cx.error_in().is_some();
            *cx.state += match AFTER {
                true => -i64::from(!failed),
                false => i64::from(failed),
            };
            Verdict::Continue
        })
}

pub(super) fn all() -> Vec<Planted> {
    let mut races = vec![
        filter(
            "who is done late sets the number back",
            up_to_number::<true>,
            up_to_number::<false>,
        ),
        filter(
            "a place is given back before it is free",
            gives_place::<true>,
            gives_place::<false>,
        ),
        filter("who is done notes all that wait", notes_made::<true>, notes_made::<false>),
        filter("who fails takes back what came last", not_again::<true>, not_again::<false>),
        filter("a write is charged as the last that began", charges::<true>, charges::<false>),
        filter("the last two are removed at once", leaves_one::<true>, leaves_one::<false>),
    ];
    races.iter_mut().for_each(|race| race.kind = "race");
    races
}
