//! Filters that are right for one client at a time.

use std::cell::RefCell;
use std::rc::Rc;

use fuserig::prelude::*;

use super::{Judges, Planted, general};

/// At most so many directories, or links, are ever made.
#[derive(Debug)]
pub(crate) struct AtMost {
    counts: fn(&Action) -> bool,
    limit: usize,
    made: usize,
}

impl AtMost {
    pub(crate) fn new(limit: usize) -> AtMost {
        AtMost::of(|action| matches!(action, Action::Mkdir { .. }), limit)
    }

    pub(crate) fn links(limit: usize) -> Box<dyn Invariant> {
        Box::new(AtMost::of(|action| matches!(action, Action::Link { .. }), limit))
    }

    pub(crate) fn of(counts: fn(&Action) -> bool, limit: usize) -> AtMost {
        AtMost { counts, limit, made: 0 }
    }
}

impl Invariant for AtMost {
    fn name(&self) -> &str {
        "at_most"
    }

    fn begin(&mut self, _: &MemFs) {
        self.made = 0;
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        self.made += usize::from((self.counts)(seen.action) && seen.result.value.is_ok());
        if self.made > self.limit {
            return Err(format!("{} were made", self.made));
        }
        Ok(())
    }
}

/// Takes from the quota when it looks at it, and gives back what failed.
pub(crate) fn quota() -> FuseOps<u64> {
    FuseOps::with_state("quota", 3_u64)
        .mkdir_prefilter(|cx, _, _| {
            if *cx.state == 0 {
                return Verdict::Error(Errno::EDQUOT);
            }
            *cx.state -= 1;
            Verdict::Postfilter
        })
        .mkdir_postfilter(|cx, _, _| {
            if cx.error_in().is_some() {
                *cx.state += 1;
            }
            Verdict::Continue
        })
}

/// Looks at the quota, and takes from it when the directory is there.
fn late_quota() -> FuseOps<u64> {
    FuseOps::with_state("quota", 3_u64)
        .mkdir_prefilter(|cx, _, _| {
            if *cx.state == 0 { Verdict::Error(Errno::EDQUOT) } else { Verdict::Postfilter }
        })
        .mkdir_postfilter(|cx, _, _| {
            if cx.error_in().is_none() {
                *cx.state -= u64::from(*cx.state > 0);
            }
            Verdict::Continue
        })
}

fn hidden(is: bool) -> Verdict {
    if is { Verdict::Error(Errno::ENOENT) } else { Verdict::Continue }
}

/// Hides in the postfilter, by the arguments of the call itself.
fn hide_late() -> FuseOps {
    FuseOps::new("hide").lookup_prefilter(|_, name| hidden(name.name() == b".secret"))
}

/// Remembers in the prefilter what the postfilter needs, for whoever comes next.
fn hide_by_memory() -> FuseOps<bool> {
    FuseOps::with_state("hide", false)
        .lookup_prefilter(|cx, name| {
            *cx.state = name.name() == b".secret";
            Verdict::Postfilter
        })
        .lookup_postfilter(|cx, _, _, _| match *cx.state && cx.error_in().is_none() {
            true => Verdict::Error(Errno::ENOENT),
            false => Verdict::Continue,
        })
}

/// What one user opens for writing, another may not: by the user of the call.
fn writers_right() -> FuseOps {
    FuseOps::new("writers").open_prefilter(|cx, open| {
        match open.flags & 3 != 0 && cx.uid().0 != 0 {
            true => Verdict::Error(Errno::EACCES),
            false => Verdict::Continue,
        }
    })
}

/// The same by the user who was seen last, in a member that is called before.
fn writers_wrong() -> FuseOps<u32> {
    FuseOps::with_state("writers", 0)
        .lookup_prefilter(|cx, _| {
            *cx.state = cx.uid().0;
            Verdict::Continue
        })
        .open_prefilter(|cx, open| match open.flags & 3 != 0 && *cx.state != 0 {
            true => Verdict::Error(Errno::EACCES),
            false => Verdict::Continue,
        })
}

/// Counts who lists, and passes; two listings at once confuse the count that decides.
fn listing_right() -> FuseOps {
    FuseOps::new("listing").readdir_prefilter(|_, _| Verdict::Postfilter).readdir_postfilter(
        |cx, _, out, entries| {
            if cx.error_in().is_none() {
                let dropped = entries.retain(|entry| entry.name != b".secret");
                out.again = u32::from(dropped > 0 && entries.is_empty());
            }
            Verdict::Continue
        },
    )
}

fn listing_wrong() -> FuseOps<u32> {
    FuseOps::with_state("listing", 0)
        .readdir_prefilter(|cx, _| {
            *cx.state += 1;
            Verdict::Postfilter
        })
        .readdir_postfilter(|cx, _, out, entries| {
            // It trusts that a second one is the same listing going on.
            let alone = *cx.state == 1;
            *cx.state -= 1;
            if alone && cx.error_in().is_none() {
                let dropped = entries.retain(|entry| entry.name != b".secret");
                out.again = u32::from(dropped > 0 && entries.is_empty());
            }
            Verdict::Continue
        })
}

/// What makes the wrong filter, and the right one.
type Pair<F, G> = (fn() -> F, fn() -> G);

fn planted<F: Filter + 'static, G: Filter + 'static>(
    name: &'static str,
    (wrong, right): Pair<F, G>,
    more: fn() -> Judges,
) -> Planted {
    let judges = move || general().into_iter().chain(more()).collect();
    Planted {
        kind: "race",
        name,
        wrong: Subject::new(Abi::V4, wrong),
        right: Subject::new(Abi::V4, right),
        judges: Box::new(judges),
        crashes: None,
    }
}

pub(super) fn all() -> Vec<Planted> {
    let shared = Rc::new(RefCell::new(0_u32));
    // State outside the filter is what a run that is done twice notices.
    let outside = move || {
        let shared = Rc::clone(&shared);
        FuseOps::new("outside").mkdir_prefilter(move |_, _, _| {
            *shared.borrow_mut() += 1;
            if shared.borrow().is_multiple_of(9) {
                Verdict::Error(Errno::EIO)
            } else {
                Verdict::Continue
            }
        })
    };
    let global = Planted {
        kind: "race",
        name: "a counter outside the filter",
        wrong: Subject::new(Abi::V4, outside),
        right: Subject::without_filter(Abi::V4),
        judges: Box::new(general),
        crashes: None,
    };
    vec![
        planted("a quota looked at and taken apart", (late_quota, quota), || {
            vec![Box::new(AtMost::new(3))]
        }),
        planted("one memory for all lookups", (hide_by_memory, hide_late), || {
            vec![Box::new(invariant::twins_agree(hide_late))]
        }),
        planted("the user of an earlier call", (writers_wrong, writers_right), || {
            vec![Box::new(invariant::twins_agree(writers_right))]
        }),
        planted("two listings taken for one", (listing_wrong, listing_right), || {
            vec![Box::new(invariant::twins_agree(listing_right))]
        }),
        global,
    ]
}
