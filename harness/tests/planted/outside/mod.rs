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

use super::Planted;

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
