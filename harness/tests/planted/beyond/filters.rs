//! Filters in Rust that change what is seen or asked for, and do so in a wrong way.

use fuserig::prelude::*;

use super::super::Planted;
use super::super::more::filter;

/// What is of the super-user seems to be of nobody, and what is of his group of nobody's.
fn squashes<const EACH: bool>() -> FuseOps {
    const NOBODY: u32 = 65_534;
    FuseOps::new("squashes").getattr_prefilter(|_, _| Verdict::Postfilter).getattr_postfilter(
        |_, _, out| {
            let user = out.attr.uid == 0;
            let group = if EACH { out.attr.gid == 0 } else { user };
            if user {
                out.attr.uid = NOBODY;
            }
            if group {
                out.attr.gid = NOBODY;
            }
            Verdict::Continue
        },
    )
}

/// Lists one attribute under another name, which is shorter. The list is as long as what is in it.
fn lists_shorter<const SHORTER: bool>() -> FuseOps {
    const OLD: &[u8] = b"user.a";
    const NEW: &[u8] = b"u.a";
    FuseOps::new("shorter").listxattr_prefilter(|_, _| Verdict::Postfilter).listxattr_postfilter(
        |cx, arg, value, _| {
            let list = value.bytes().unwrap_or_default().to_vec();
            if cx.error_in().is_none() && arg.size > 0 {
                let names = list.split_inclusive(|byte| *byte == 0);
                let shown = names.flat_map(|name| match name.strip_prefix(OLD) {
                    Some(b"\0") => [NEW, b"\0"].concat(),
                    _ => name.to_vec(),
                });
                let mut shown: Vec<u8> = shown.collect();
                if !SHORTER {
                    shown.resize(list.len(), 0);
                }
                if shown != list {
                    value.replace(&shown)?;
                }
            }
            Ok::<_, Errno>(Verdict::Continue)
        },
    )
}

/// Dots at the end of a name are not looked up: all of them, or the last.
fn no_last_dots<const ALL: bool>() -> FuseOps {
    FuseOps::new("dots").lookup_prefilter(|_, name| {
        let whole = name.name().to_vec();
        let dots = whole.iter().rev().take_while(|byte| **byte == b'.').count();
        let dropped = if ALL { dots } else { dots.min(1) };
        if dropped > 0 && dots < whole.len() {
            name.replace_name(&whole[..whole.len() - dropped])?;
        }
        Ok::<_, Errno>(Verdict::Continue)
    })
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        filter("a group is mapped where the user is", squashes::<false>, squashes::<true>),
        filter("a shorter list has its old length", lists_shorter::<false>, lists_shorter::<true>),
        filter("of the dots at the end one goes", no_last_dots::<false>, no_last_dots::<true>),
    ]
}
