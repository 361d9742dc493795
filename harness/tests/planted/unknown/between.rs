//! Filters that are right for one call at a time, and wrong when calls of two clients overlap.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;
use fuserig_filters::Cx;

use super::super::Planted;
use super::super::more::filter;
use super::super::{nothing, refused};

/// Nothing is removed while directories are being made: as many as began, or until one is done.
fn none_is_made<const COUNTS: bool>() -> FuseOps<u64> {
    FuseOps::with_state("made", 0)
        .mkdir_prefilter(|cx, _, _| {
            *cx.state = if COUNTS { *cx.state + 1 } else { 1 };
            Verdict::Postfilter
        })
        .mkdir_postfilter(|cx, _, _| {
            *cx.state = if COUNTS { *cx.state - 1 } else { 0 };
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, _| refused(*cx.state > 0, Errno::EBUSY))
}

/// What is being made, by the number of the directory, and the names of what was made.
type Made = (BTreeMap<u64, Vec<u8>>, BTreeSet<Vec<u8>>);

/// Only directories that were made since the mount are removed. In one directory one is made at a
/// time, but most directories have the number 0.
fn one_in_each<const NUMBER: bool>() -> FuseOps<Made> {
    FuseOps::with_state("each", Made::default())
        .mkdir_prefilter(|cx, _, name| {
            let node = cx.nodeid().0;
            cx.state.0.insert(node, name.name().to_vec());
            Verdict::Postfilter
        })
        .mkdir_postfilter(|cx, _, name| {
            let (node, failed) = (cx.nodeid().0, cx.error_in().is_some());
            let begun = cx.state.0.remove(&node);
            let made = if NUMBER { begun } else { Some(name.name().to_vec()) };
            cx.state.1.extend(made.filter(|_| !failed));
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, name| refused(!cx.state.1.contains(name.name()), Errno::EPERM))
}

/// Lengths of files, kept until something changes.
#[derive(Debug, Default)]
struct Lengths {
    kept: BTreeMap<u64, u64>,
    /// Changes that have begun, and those of them that are not over.
    begun: u64,
    under_way: u64,
    /// How many had begun when a process asked.
    asked: BTreeMap<u32, u64>,
}

impl Lengths {
    fn begin(&mut self) -> Verdict {
        self.kept.clear();
        self.begun += 1;
        self.under_way += 1;
        Verdict::Postfilter
    }

    fn end(&mut self) -> Verdict {
        self.under_way -= 1;
        Verdict::Continue
    }
}

/// Keeps lengths. None is kept while something changes, or one is until the next change begins.
fn keeps_lengths<const UNTIL: bool>() -> FuseOps<Lengths> {
    const S_IFMT: u32 = 0o170_000;
    const S_IFREG: u32 = 0o100_000;
    FuseOps::with_state("lengths", Lengths::default())
        .write_iter_prefilter(|cx, _| cx.state.begin())
        .write_iter_postfilter(|cx, _, _| cx.state.end())
        .setattr_prefilter(|cx, _| cx.state.begin())
        .setattr_postfilter(|cx, _, _| cx.state.end())
        .file_fallocate_prefilter(|cx, _| cx.state.begin())
        .file_fallocate_postfilter(|cx, _| cx.state.end())
        .copy_file_range_prefilter(|cx, _| cx.state.begin())
        .copy_file_range_postfilter(|cx, _, _| cx.state.end())
        .getattr_prefilter(|cx, _| {
            let (pid, begun) = (cx.pid().0, cx.state.begun);
            cx.state.asked.insert(pid, begun);
            Verdict::Postfilter
        })
        .getattr_postfilter(|cx, _, out| {
            let asked = cx.state.asked.remove(&cx.pid().0);
            let quiet = cx.state.under_way == 0 && asked == Some(cx.state.begun);
            if (UNTIL || quiet) && out.attr.mode & S_IFMT == S_IFREG {
                out.attr.size = *cx.state.kept.entry(out.attr.ino).or_insert(out.attr.size);
            }
            Verdict::Continue
        })
}

/// Numbers of opens: the last one, those that processes wait with, and those that are open.
#[derive(Debug, Default)]
struct Opens {
    last: u64,
    waiting: BTreeMap<u32, u64>,
    open: BTreeSet<u64>,
}

impl Opens {
    fn begin(cx: &mut Cx<'_, Opens>) -> Verdict {
        cx.state.last += 1;
        cx.state.waiting.insert(cx.pid().0, cx.state.last);
        Verdict::Postfilter
    }

    /// Notes the number of an open, unless it failed.
    fn end(cx: &mut Cx<'_, Opens>, takes_last: bool) -> u64 {
        let own = cx.state.waiting.remove(&cx.pid().0).unwrap_or_default();
        let number = if takes_last { cx.state.last } else { own };
        if cx.error_in().is_none() {
            cx.state.open.insert(number);
        }
        number
    }
}

/// Nothing is unlinked while a file is open. Each open has a number.
fn numbers<const LAST: bool>() -> FuseOps<Opens> {
    FuseOps::with_state("numbers", Opens::default())
        .open_prefilter(|cx, _| Opens::begin(cx))
        .open_postfilter(|cx, _, out| {
            out.fh = Opens::end(cx, LAST);
            Verdict::Continue
        })
        .create_open_prefilter(|cx, _, _| Opens::begin(cx))
        .create_open_postfilter(|cx, _, _, _, out| {
            out.fh = Opens::end(cx, LAST);
            Verdict::Continue
        })
        .releasedir_prefilter(|cx, arg| {
            cx.state.open.remove(&arg.fh);
            Verdict::Continue
        })
        .unlink_prefilter(|cx, _| refused(!cx.state.open.is_empty(), Errno::EBUSY))
}

/// A file that is half made is not there, nor is any other of its name.
fn half_made() -> FuseOps<BTreeSet<Vec<u8>>> {
    FuseOps::with_state("half", BTreeSet::<Vec<u8>>::new())
        .create_open_prefilter(|cx, _, name| {
            cx.state.insert(name.name().to_vec());
            Verdict::Postfilter
        })
        .create_open_postfilter(|cx, _, name, _, _| {
            cx.state.remove(name.name());
            Verdict::Continue
        })
        .lookup_prefilter(|cx, name| refused(cx.state.contains(name.name()), Errno::ENOENT))
}

pub(super) fn all() -> Vec<Planted> {
    let mut races = vec![
        filter("who is done first is the last", none_is_made::<false>, none_is_made::<true>),
        filter("two directories have one number", one_in_each::<true>, one_in_each::<false>),
        filter("what is kept is dropped too early", keeps_lengths::<true>, keeps_lengths::<false>),
        filter("two opens have one number", numbers::<true>, numbers::<false>),
        filter("what is half made is nowhere", half_made, nothing),
    ];
    races.iter_mut().for_each(|race| race.kind = "race");
    races
}
