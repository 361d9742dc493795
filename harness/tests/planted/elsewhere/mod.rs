//! A twelfth series: mistakes as other systems have had them. Union and network filesystems, object
//! stores, the filesystems of phones, locks and journals are where they come from, and none is
//! one that the series before have. Whoever wrote it did not read what the search draws and hunted
//! nothing, and it was committed before the search was run on it. That each is wrong, and its twin
//! right, is shown by a program for it in `elsewhere_shown.rs`, which is a test.

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
