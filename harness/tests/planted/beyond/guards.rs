//! Filters in Rust that refuse what they should not, or let through what they should refuse.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::prelude::*;
use fuserig_abi::{FATTR_ATIME, FATTR_CTIME, FATTR_MTIME, FATTR_SIZE};

use super::super::Planted;
use super::super::more::filter;
use super::super::refused;

/// No symbolic link leads to that directory, nor to anything in it.
fn none_below<const SLASH: bool>() -> FuseOps {
    const FORBIDDEN: &[u8] = b"/d";
    FuseOps::new("below").symlink_prefilter(|_, _, target| {
        let rest = target.name().strip_prefix(FORBIDDEN);
        let below = rest.is_some_and(|rest| !SLASH || rest.is_empty() || rest.starts_with(b"/"));
        refused(below, Errno::EPERM)
    })
}

/// No target has more than two parts. Two slashes are as good as one.
fn two_parts<const SLASHES: bool>() -> FuseOps {
    FuseOps::new("parts").symlink_prefilter(|_, _, target| {
        let target = target.name();
        let parts = match SLASHES {
            true => target.iter().filter(|byte| **byte == b'/').count() + 1,
            false => target.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).count(),
        };
        refused(parts > 2, Errno::EPERM)
    })
}

/// Nothing is taken out of a file: no hole is made, and no range is cut out.
fn takes_nothing<const HOLES: bool>() -> FuseOps {
    const PUNCH_HOLE: u32 = 0x02;
    const COLLAPSE_RANGE: u32 = 0x08;
    FuseOps::new("takes").file_fallocate_prefilter(|_, arg| {
        let mask = if HOLES { PUNCH_HOLE } else { PUNCH_HOLE | COLLAPSE_RANGE };
        refused(arg.mode & mask != 0, Errno::EPERM)
    })
}

/// No directory has a control character in its name. A byte may have a sign.
fn no_controls<const SIGNED: bool>() -> FuseOps {
    FuseOps::new("controls").mkdir_prefilter(|_, _, name| {
        let control = |byte: &u8| match SIGNED {
            true => byte.cast_signed() < 0x20,
            false => *byte < 0x20,
        };
        refused(name.name().iter().any(control), Errno::EINVAL)
    })
}

/// Nobody sets a time, but who sets a length may. That of the last change of attributes comes with
/// everything that is set.
fn no_times<const CHANGE: bool>() -> FuseOps {
    const TIMES: u32 = FATTR_ATIME | FATTR_MTIME;
    FuseOps::new("times").setattr_prefilter(|_, attr| {
        let mask = if CHANGE { TIMES | FATTR_CTIME } else { TIMES };
        refused(attr.valid & mask != 0 && attr.valid & FATTR_SIZE == 0, Errno::EPERM)
    })
}

/// Who looks three times for what is not there finds nothing more. Who makes a directory had to
/// look for it.
fn looks_in_vain<const MAKES: bool>() -> FuseOps<BTreeMap<u32, u32>> {
    FuseOps::with_state("vain", BTreeMap::<u32, u32>::new())
        .lookup_prefilter(|cx, _| {
            let looked = cx.state.get(&cx.uid().0).copied().unwrap_or_default();
            if looked >= 3 { Verdict::Error(Errno::EACCES) } else { Verdict::Postfilter }
        })
        .lookup_postfilter(|cx, _, _, _| {
            if cx.error_in() == Some(Errno::ENOENT) {
                *cx.state.entry(cx.uid().0).or_default() += 1;
            }
            Verdict::Continue
        })
        .mkdir_prefilter(|cx, _, _| {
            if let Some(looked) = cx.state.get_mut(&cx.uid().0).filter(|_| MAKES) {
                *looked = looked.saturating_sub(1);
            }
            Verdict::Continue
        })
}

/// Only directories that were made since the mount are removed. One that moves may keep its name.
fn moves_with_name<const FORGETS: bool>() -> FuseOps<BTreeSet<Vec<u8>>> {
    FuseOps::with_state("moves", BTreeSet::<Vec<u8>>::new())
        .mkdir_prefilter(|_, _, _| Verdict::Postfilter)
        .mkdir_postfilter(|cx, _, name| {
            let made = cx.error_in().is_none().then(|| name.name().to_vec());
            cx.state.extend(made);
            Verdict::Continue
        })
        .rename_prefilter(|_, _, _, _| Verdict::Postfilter)
        .rename_postfilter(|cx, _, old, new| {
            let (old, new) = (old.name(), new.name());
            match (cx.error_in(), cx.state.contains(old)) {
                (Some(_), _) => {}
                (None, true) => {
                    cx.state.insert(new.to_vec());
                    if FORGETS || old != new {
                        cx.state.remove(old);
                    }
                }
                (None, false) => {
                    cx.state.remove(new);
                }
            }
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, name| refused(!cx.state.contains(name.name()), Errno::EPERM))
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        filter("a path that begins alike is below", none_below::<false>, none_below::<true>),
        filter("two slashes lead down twice", two_parts::<true>, two_parts::<false>),
        filter(
            "a range may be cut out where no hole may be made",
            takes_nothing::<true>,
            takes_nothing::<false>,
        ),
        filter(
            "a byte above 127 is a control character",
            no_controls::<true>,
            no_controls::<false>,
        ),
        filter("the time of a change is one that is set", no_times::<true>, no_times::<false>),
        filter(
            "who makes something has looked for it in vain",
            looks_in_vain::<false>,
            looks_in_vain::<true>,
        ),
        filter(
            "what moves under its name is forgotten",
            moves_with_name::<true>,
            moves_with_name::<false>,
        ),
    ]
}
