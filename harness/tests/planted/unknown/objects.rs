//! Filters in C with a mistake; the objects and their sources are in `tests/data/planted`.

use std::collections::BTreeMap;

use fuserig::prelude::*;

use super::super::bpf::{object, planted};
use super::super::refused;
use super::super::{Judges, Planted};

/// A directory that is not empty is said to be busy.
fn busy() -> FuseOps {
    FuseOps::new("busy")
        .rmdir_prefilter(|_, _| Verdict::Postfilter)
        .rmdir_postfilter(|cx, _| refused(cx.error_in() == Some(Errno::ENOTEMPTY), Errno::EBUSY))
}

/// Every user may make two directories; tries count.
fn two_tries() -> FuseOps<BTreeMap<u32, u64>> {
    FuseOps::with_state("tries", BTreeMap::new()).mkdir_prefilter(|cx, _, _| {
        let uid = cx.uid().0;
        let tries = cx.state.entry(uid).or_insert(0_u64);
        let many = *tries >= 2;
        *tries += u64::from(!many);
        refused(many, Errno::EDQUOT)
    })
}

/// Nobody punches holes.
fn no_holes() -> FuseOps {
    const PUNCH_HOLE: u32 = 0x02;
    FuseOps::new("holes")
        .file_fallocate_prefilter(|_, arg| refused(arg.mode & PUNCH_HOLE != 0, Errno::EPERM))
}

/// A new directory is for its owner alone.
fn private() -> FuseOps {
    FuseOps::new("private").mkdir_prefilter(|_, arg, _| {
        arg.mode &= !0o077;
        Verdict::Continue
    })
}

fn twin<F: Filter + 'static>(right: fn() -> F) -> Judges {
    vec![Box::new(invariant::twins_agree(right))]
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted("an error is looked for without its sign", object!("busy_sign"), busy, || {
            twin(busy)
        }),
        planted(
            "a count that is there is not replaced",
            object!("tries_noexist"),
            two_tries,
            || twin(two_tries),
        ),
        planted("counters end where users begin", object!("tries_array"), two_tries, || {
            twin(two_tries)
        }),
        planted("a hole is looked for by itself", object!("hole_alone"), no_holes, || {
            twin(no_holes)
        }),
        planted("a mode is a decimal number", object!("mode_decimal"), private, || twin(private)),
    ]
}
