//! Filters that are right for one call at a time, and wrong when calls of two clients overlap.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;

use super::super::Planted;
use super::super::more::filter;
use super::super::{nothing, refused};

/// Nothing is removed whose name is in a rename that is under way. Two of them may have one name.
fn busy_names<const COUNTS: bool>() -> FuseOps<BTreeMap<Vec<u8>, u64>> {
    FuseOps::with_state("names", BTreeMap::<Vec<u8>, u64>::new())
        .rename_prefilter(|cx, _, old, new| {
            for name in [old.name(), new.name()] {
                *cx.state.entry(name.to_vec()).or_default() += 1;
            }
            Verdict::Postfilter
        })
        .rename_postfilter(|cx, _, old, new| {
            for name in [old.name(), new.name()] {
                let left = cx.state.remove(name).unwrap_or_default().saturating_sub(1);
                if COUNTS && left > 0 {
                    cx.state.insert(name.to_vec(), left);
                }
            }
            Verdict::Continue
        })
        .unlink_prefilter(|cx, name| refused(cx.state.contains_key(name.name()), Errno::EBUSY))
}

/// Users remove no directory: who is a user, the call says, or whether the super-user is at work.
fn at_work<const NOTED: bool>() -> FuseOps<bool> {
    FuseOps::with_state("work", false)
        .rename_prefilter(|cx, _, _, _| {
            *cx.state = cx.uid().0 == 0;
            Verdict::Postfilter
        })
        .rename_postfilter(|cx, _, _, _| {
            *cx.state = false;
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, _| {
            let work = NOTED && *cx.state;
            refused(cx.uid().0 != 0 && !work, Errno::EPERM)
        })
}

/// How many directories may be made, once somebody has begun to find out.
#[derive(Debug, Default)]
struct Limit {
    begun: bool,
    left: u64,
}

/// The limit, which is far away, is found out with the first directory.
fn finds_out() -> FuseOps<Limit> {
    FuseOps::with_state("limit", Limit::default())
        .mkdir_prefilter(|cx, _, _| match (cx.state.begun, cx.state.left) {
            (true, 0) => Verdict::Error(Errno::EDQUOT),
            _ => {
                cx.state.begun = true;
                Verdict::Postfilter
            }
        })
        .mkdir_postfilter(|cx, _, _| {
            cx.state.left = u64::MAX;
            Verdict::Continue
        })
}

/// Users do not read the attribute: by the user of the call, or by who asked for it last.
fn reads_of<const ASKED: bool>() -> FuseOps<BTreeMap<Vec<u8>, u32>> {
    FuseOps::with_state("reads", BTreeMap::new())
        .getxattr_prefilter(|cx, _, name| {
            let uid = cx.uid().0;
            cx.state.insert(name.name().to_vec(), uid);
            Verdict::Postfilter
        })
        .getxattr_postfilter(|cx, _, name, _, _| {
            let asked = cx.state.get(name.name()).copied().filter(|_| ASKED);
            let uid = asked.unwrap_or(cx.uid().0);
            refused(uid != 0 && name.name() == b"user.a", Errno::ENODATA)
        })
}

/// Names of directories that are being made, and of those that were made.
type Made = (BTreeSet<Vec<u8>>, BTreeSet<Vec<u8>>);

/// Only directories that were made since the mount are removed, or those that are being made.
fn removes_made<const UNDER_WAY: bool>() -> FuseOps<Made> {
    FuseOps::with_state("made", Made::default())
        .mkdir_prefilter(|cx, _, name| {
            cx.state.0.insert(name.name().to_vec());
            Verdict::Postfilter
        })
        .mkdir_postfilter(|cx, _, name| {
            let failed = cx.error_in().is_some();
            let begun = cx.state.0.take(name.name());
            cx.state.1.extend(begun.filter(|_| !failed));
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, name| {
            let under_way = UNDER_WAY && cx.state.0.contains(name.name());
            refused(!under_way && !cx.state.1.contains(name.name()), Errno::EPERM)
        })
}

/// Removals since the last rename, how many renames there were, and at which each process began.
#[derive(Debug, Default)]
struct Removals {
    done: i64,
    renames: u64,
    begun: BTreeMap<u32, u64>,
}

/// One directory is removed between two renames. What fails is given back, unless there was a
/// rename since.
fn one_removed<const SINCE: bool>() -> FuseOps<Removals> {
    FuseOps::with_state("removals", Removals::default())
        .rename_prefilter(|cx, _, _, _| {
            cx.state.done = 0;
            cx.state.renames += 1;
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, _| {
            let (pid, renames) = (cx.pid().0, cx.state.renames);
            if cx.state.done >= 1 {
                return Verdict::Error(Errno::EPERM);
            }
            cx.state.done += 1;
            cx.state.begun.insert(pid, renames);
            Verdict::Postfilter
        })
        .rmdir_postfilter(|cx, _| {
            let begun = cx.state.begun.remove(&cx.pid().0);
            let same = !SINCE || begun == Some(cx.state.renames);
            cx.state.done -= i64::from(cx.error_in().is_some() && same);
            Verdict::Continue
        })
}

pub(super) fn all() -> Vec<Planted> {
    let mut races = vec![
        filter("a name that two use is free after one", busy_names::<false>, busy_names::<true>),
        filter("one works with the rights of another", at_work::<true>, at_work::<false>),
        filter("who comes while it begins is refused", finds_out, nothing),
        filter("who asks for the same is the same", reads_of::<true>, reads_of::<false>),
        filter("what is being made counts as made", removes_made::<true>, removes_made::<false>),
        filter("it is given back after a new start", one_removed::<false>, one_removed::<true>),
    ];
    races.iter_mut().for_each(|race| race.kind = "race");
    races
}
