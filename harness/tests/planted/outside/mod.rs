//! An eleventh series: mistakes that are known of stacked filesystems, of FUSE daemons and of
//! journals, as those who review them remember them, and of kinds that the series before do not
//! have. Whoever wrote it did not read what the search draws and hunted nothing, and it was
//! committed before the search was run on it. That each is wrong, and its twin right, is shown by
//! a program for it in `outside_shown.rs`, which is a test.

mod below;
mod between;
mod crashes;
mod daemons;
mod filters;
mod objects;
mod policies;

use fuserig::prelude::*;

use super::{Judges, Planted, general};

/// A filter with its right twin, and what its author holds true of it.
fn judged<F: Filter + 'static, G: Filter + 'static>(
    name: &'static str,
    wrong: fn() -> F,
    right: fn() -> G,
    more: fn() -> Judges,
) -> Planted {
    let judges = move || general().into_iter().chain(more()).collect();
    Planted {
        kind: "filter",
        name,
        wrong: Subject::new(Abi::V4, wrong),
        right: Subject::new(Abi::V4, right),
        judges: Box::new(judges),
        crashes: None,
    }
}

fn refused(is: bool, errno: Errno) -> Verdict {
    if is { Verdict::Error(errno) } else { Verdict::Continue }
}

pub(super) fn all() -> Vec<Planted> {
    let series = [
        objects::all(),
        filters::all(),
        policies::all(),
        below::all(),
        daemons::all(),
        between::all(),
        crashes::all(),
    ];
    series.into_iter().flatten().collect()
}
