//! Filters in C with a mistake; the objects and their sources are in `tests/data/planted`.

use fuserig::prelude::*;
use fuserig_abi::S_IFMT;

use super::super::bpf::{object, planted};
use super::super::refused;
use super::super::{Judges, Planted};

/// Nobody makes a file by opening it.
fn none_made() -> FuseOps {
    FuseOps::new("made").create_open_prefilter(|_, _, _| Errno::EPERM)
}

/// Two directories may be made; tries count.
fn two_tries() -> FuseOps<u64> {
    FuseOps::with_state("tries", 0_u64).mkdir_prefilter(|cx, _, _| {
        *cx.state += 1;
        refused(*cx.state > 2, Errno::EDQUOT)
    })
}

/// No sockets are made by mknod, and no files or pipes that run.
fn no_sockets() -> FuseOps {
    const S_IFREG: u32 = 0o100_000;
    const S_IFIFO: u32 = 0o010_000;
    const S_IFSOCK: u32 = 0o140_000;
    FuseOps::new("sockets").mknod_prefilter(|_, node, _| {
        if [S_IFREG, S_IFIFO].contains(&(node.mode & S_IFMT)) {
            node.mode &= !0o111;
        }
        refused(node.mode & S_IFMT == S_IFSOCK, Errno::EPERM)
    })
}

/// Neither of two names is unlinked.
fn keeps_two() -> FuseOps {
    FuseOps::new("two").unlink_prefilter(|_, name| {
        refused([&b"notes.txt"[..], b".secret"].contains(&name.name()), Errno::EPERM)
    })
}

fn twin<F: Filter + 'static>(right: fn() -> F) -> Judges {
    vec![Box::new(invariant::twins_agree(right))]
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted(
            "a file that is made is looked for in open",
            object!("open_creates"),
            none_made,
            || twin(none_made),
        ),
        planted(
            "the count before is taken for the one after",
            object!("count_before"),
            two_tries,
            || twin(two_tries),
        ),
        planted("a case falls into the next", object!("case_falls"), no_sockets, || {
            twin(no_sockets)
        }),
        planted("a search ends at another length", object!("search_ends"), keeps_two, || {
            twin(keeps_two)
        }),
    ]
}
