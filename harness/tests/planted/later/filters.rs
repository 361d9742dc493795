//! Filters in Rust that change what is seen or asked for, and do so in a wrong way.

use std::collections::BTreeSet;

use fuserig::prelude::*;

use super::super::Planted;
use super::super::more::filter;
use super::super::refused;

/// Lists nothing that begins with a dot; the directory itself and its parent do as well.
fn no_dots<const THEMSELVES: bool>() -> FuseOps {
    FuseOps::new("dots").readdir_prefilter(|_, _| Verdict::Postfilter).readdir_postfilter(
        |cx, _, out, entries| {
            if cx.error_in().is_none() {
                let itself = |name: &[u8]| !THEMSELVES && (name == b"." || name == b"..");
                let dropped =
                    entries.retain(|entry| itself(entry.name) || !entry.name.starts_with(b"."));
                out.again = u32::from(dropped > 0 && entries.is_empty());
            }
            Verdict::Continue
        },
    )
}

/// Asks for more when nothing is left to show, because it was dropped or because there is nothing.
fn asks_again<const ALWAYS: bool>() -> FuseOps {
    FuseOps::new("again").readdir_prefilter(|_, _| Verdict::Postfilter).readdir_postfilter(
        |cx, _, out, entries| {
            if cx.error_in().is_none() {
                let dropped = entries.retain(|entry| entry.name != b".secret");
                out.again = u32::from((ALWAYS || dropped > 0) && entries.is_empty());
            }
            Verdict::Continue
        },
    )
}

/// Shows another value of an attribute, and its length to those who ask for that.
fn shows_value<const LENGTH: bool>() -> FuseOps {
    const SHOWN: &[u8] = b"hidden";
    FuseOps::new("value")
        .getxattr_prefilter(|_, _, name| match name.name() == b"user.a" {
            true => Verdict::Postfilter,
            false => Verdict::Continue,
        })
        .getxattr_postfilter(|_, arg, _, value, out| {
            // Whether there is such an attribute, the length says; it is a negative errno else.
            match arg.size {
                0 if LENGTH && out.size.cast_signed() >= 0 => out.size = SHOWN.len() as u32,
                0 => {}
                size if (size as usize) < SHOWN.len() => return Err(Errno::ERANGE),
                _ if value.len().cast_signed() >= 0 => value.replace(SHOWN)?,
                _ => {}
            }
            Ok(Verdict::Continue)
        })
}

/// Shows nothing as writable: without the bits for that, or as the other bits alone.
fn shows_mode<const ALONE: bool>() -> FuseOps {
    FuseOps::new("mode").getattr_prefilter(|_, _| Verdict::Postfilter).getattr_postfilter(
        |_, _, out| {
            out.attr.mode &= if ALONE { 0o7555 } else { !0o222 };
            Verdict::Continue
        },
    )
}

/// Only directories that were made since the mount are removed. They may be renamed before.
fn removes_new<const FOLLOWS: bool>() -> FuseOps<BTreeSet<Vec<u8>>> {
    FuseOps::with_state("new", BTreeSet::<Vec<u8>>::new())
        .mkdir_prefilter(|_, _, _| Verdict::Postfilter)
        .mkdir_postfilter(|cx, _, name| {
            if cx.error_in().is_none() {
                cx.state.insert(name.name().to_vec());
            }
            Verdict::Continue
        })
        .rename_prefilter(|_, _, _, _| Verdict::Postfilter)
        .rename_postfilter(|cx, _, old, new| {
            if FOLLOWS && cx.error_in().is_none() && cx.state.contains(old.name()) {
                cx.state.insert(new.name().to_vec());
            }
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, name| refused(!cx.state.contains(name.name()), Errno::EPERM))
}

/// Users read so many bytes: those that they got, or those that they asked for.
fn reads<const ASKED: bool>() -> FuseOps<u64> {
    const AT_MOST: u64 = 1 << 16;
    FuseOps::with_state("reads", 0)
        .read_iter_prefilter(|cx, arg| {
            if *cx.state >= AT_MOST {
                return Verdict::Error(Errno::EAGAIN);
            }
            *cx.state += if ASKED { u64::from(arg.size) } else { 0 };
            Verdict::Postfilter
        })
        .read_iter_postfilter(|cx, _, out| {
            if !ASKED && cx.error_in().is_none() {
                *cx.state += out.ret;
            }
            Verdict::Continue
        })
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        filter("the two dots are hidden with the rest", no_dots::<true>, no_dots::<false>),
        filter("the end of a listing is asked for again", asks_again::<true>, asks_again::<false>),
        filter("another value has the old length", shows_value::<false>, shows_value::<true>),
        filter("a mode is shown without its type", shows_mode::<true>, shows_mode::<false>),
        filter("what was renamed is not known again", removes_new::<false>, removes_new::<true>),
        filter("what was asked for counts as read", reads::<true>, reads::<false>),
    ]
}
