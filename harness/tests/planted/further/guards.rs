//! Filters in Rust that refuse what they should not, or let through what they should refuse.

use std::collections::BTreeSet;

use fuserig::prelude::*;
use fuserig_abi::{FATTR_MODE, FATTR_SIZE};

use super::super::Planted;
use super::super::more::filter;
use super::super::refused;

/// Nobody overwrites the four bytes behind the first four, wherever the write begins.
fn four_bytes<const OVERLAP: bool>() -> FuseOps {
    FuseOps::new("four").write_iter_prefilter(|_, arg| {
        let end = arg.offset.saturating_add(u64::from(arg.size));
        let inside = match OVERLAP {
            true => arg.offset < 8 && end > 4,
            false => (4..8).contains(&arg.offset),
        };
        refused(inside, Errno::EPERM)
    })
}

/// Nothing is emptied. There is nothing in what is made.
fn keeps_contents<const NEW: bool>() -> FuseOps {
    const O_TRUNC: u32 = 0o1000;
    let keeps = FuseOps::new("keeps").setattr_prefilter(|_, attr| {
        refused(attr.valid & FATTR_SIZE != 0 && attr.size == 0, Errno::EPERM)
    });
    match NEW {
        true => {
            keeps.create_open_prefilter(|_, arg, _| refused(arg.flags & O_TRUNC != 0, Errno::EPERM))
        }
        false => keeps,
    }
}

/// Nothing is copied but what is in the first page.
fn first_page<const END: bool>() -> FuseOps {
    FuseOps::new("page").copy_file_range_prefilter(|_, arg| {
        let end = if END { arg.off_in.saturating_add(arg.len) } else { arg.len };
        refused(end > 4096, Errno::EPERM)
    })
}

/// Nothing is made writable for everybody, but what is sticky may be.
fn not_for_all<const STICKY: bool>() -> FuseOps {
    FuseOps::new("all").setattr_prefilter(|_, attr| {
        let sticky = STICKY && attr.mode & 0o1000 != 0;
        let writable = attr.valid & FATTR_MODE != 0 && attr.mode & 0o002 != 0;
        refused(writable && !sticky, Errno::EPERM)
    })
}

/// No directory is made that is writable for everybody: with what the umask leaves, or before.
fn none_for_all<const UMASK: bool>() -> FuseOps {
    FuseOps::new("none").mkdir_prefilter(|_, arg, _| {
        let left = if UMASK { arg.mode & !arg.umask } else { arg.mode };
        refused(left & 0o002 != 0, Errno::EPERM)
    })
}

/// Who fails twice in a row to remove a directory removes no more of them.
fn in_a_row<const ROW: bool>() -> FuseOps<u32> {
    FuseOps::with_state("row", 0)
        .rmdir_prefilter(|cx, _| match *cx.state {
            2.. => Verdict::Error(Errno::EACCES),
            _ => Verdict::Postfilter,
        })
        .rmdir_postfilter(|cx, _| {
            *cx.state = match cx.error_in() {
                Some(_) => *cx.state + 1,
                None if ROW => 0,
                None => *cx.state,
            };
            Verdict::Continue
        })
}

/// Two attributes have names of their own: those that were set, or as often as one was set.
fn two_attributes<const NAMES: bool>() -> FuseOps<Vec<Vec<u8>>> {
    FuseOps::with_state("attributes", Vec::new()).setxattr_prefilter(|cx, _, name, _| {
        let name = name.name().to_vec();
        if NAMES && cx.state.contains(&name) {
            return Verdict::Continue;
        }
        cx.state.push(name);
        refused(cx.state.len() > 2, Errno::EDQUOT)
    })
}

/// Only directories that were made since the mount are removed. They may be renamed before, and
/// two of them may change places.
fn removes_new<const FOLLOWED: bool>() -> FuseOps<BTreeSet<Vec<u8>>> {
    const EXCHANGE: u32 = 2;
    fn moved(made: &mut BTreeSet<Vec<u8>>, old: &[u8], new: &[u8], back: bool) {
        let (is_new, back) = (made.remove(old), made.remove(new) && back);
        made.extend(is_new.then(|| new.to_vec()));
        made.extend(back.then(|| old.to_vec()));
    }
    FuseOps::with_state("new", BTreeSet::new())
        .mkdir_prefilter(|_, _, _| Verdict::Postfilter)
        .mkdir_postfilter(|cx, _, name| {
            cx.state.extend(cx.error_in().is_none().then(|| name.name().to_vec()));
            Verdict::Continue
        })
        .rename_prefilter(|_, _, _, _| Verdict::Postfilter)
        .rename_postfilter(|cx, _, old, new| {
            if cx.error_in().is_none() {
                moved(cx.state, old.name(), new.name(), false);
            }
            Verdict::Continue
        })
        .rename2_prefilter(|_, _, _, _| Verdict::Postfilter)
        .rename2_postfilter(|cx, arg, old, new| {
            let back = FOLLOWED && arg.flags & EXCHANGE != 0;
            if cx.error_in().is_none() {
                moved(cx.state, old.name(), new.name(), back);
            }
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, name| refused(!cx.state.contains(name.name()), Errno::EPERM))
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        filter("a write that begins before passes", four_bytes::<false>, four_bytes::<true>),
        filter("to make a file is to empty it", keeps_contents::<true>, keeps_contents::<false>),
        filter("a copy is measured from its own start", first_page::<false>, first_page::<true>),
        filter("a sticky directory is open to all", not_for_all::<false>, not_for_all::<true>),
        filter("a mode is judged before its umask", none_for_all::<false>, none_for_all::<true>),
        filter("a success forgives no failure", in_a_row::<false>, in_a_row::<true>),
        filter(
            "an attribute that is set again is new",
            two_attributes::<false>,
            two_attributes::<true>,
        ),
        filter("an exchange leaves nothing behind", removes_new::<false>, removes_new::<true>),
    ]
}
