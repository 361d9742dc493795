//! Filters in Rust that change what is seen or asked for, and do so in a wrong way.

use fuserig::prelude::*;

use super::super::Planted;
use super::super::more::filter;
use super::super::refused;

/// One attribute is not listed, nor read by who knows its name. A length that was asked for may
/// count it.
fn hides_attribute<const READ: bool>() -> FuseOps {
    const HIDDEN: &[u8] = b"user.a";
    let unlisted = FuseOps::new("attribute")
        .listxattr_prefilter(|_, _| Verdict::Postfilter)
        .listxattr_postfilter(|cx, arg, value, _| {
            let list = value.bytes().unwrap_or_default();
            let names = list.split_inclusive(|byte| *byte == 0);
            let others = names.filter(|name| name.strip_suffix(b"\0") != Some(HIDDEN));
            let left: Vec<u8> = others.flatten().copied().collect();
            if cx.error_in().is_none() && arg.size > 0 && left.len() < list.len() {
                value.replace(&left)?;
            }
            Ok::<_, Errno>(Verdict::Continue)
        });
    match READ {
        true => unlisted,
        false => {
            unlisted.getxattr_prefilter(|_, _, name| refused(name.name() == HIDDEN, Errno::ENODATA))
        }
    }
}

/// Files end sixteen bytes before their end, where a checksum begins: for who looks at them, and
/// for who seeks from there.
fn ends_before<const SOUGHT: bool>() -> FuseOps {
    const CHECKSUM: u64 = 16;
    const SEEK_END: u32 = 2;
    let shown = FuseOps::new("before")
        .getattr_prefilter(|_, _| Verdict::Postfilter)
        .getattr_postfilter(|_, _, out| {
            out.attr.size = out.attr.size.saturating_sub(CHECKSUM);
            Verdict::Continue
        });
    match SOUGHT {
        true => {
            shown.lseek_prefilter(|_, _| Verdict::Postfilter).lseek_postfilter(|_, arg, out| {
                let failed = out.offset.cast_signed() < 0;
                if !failed && arg.whence == SEEK_END {
                    out.offset = out.offset.saturating_sub(CHECKSUM);
                }
                Verdict::Continue
            })
        }
        false => shown,
    }
}

/// There are two users in here. Others are shown as nobody, or as what a map gives for who is not
/// on it, which is 0.
fn maps_users<const LACKING: u32>() -> FuseOps {
    const MAP: [(u32, u32); 2] = [(0, 0), (1000, 1000)];
    FuseOps::new("maps").getattr_prefilter(|_, _| Verdict::Postfilter).getattr_postfilter(
        |_, _, out| {
            let known = MAP.iter().find(|(below, _)| *below == out.attr.uid);
            out.attr.uid = known.map_or(LACKING, |(_, shown)| *shown);
            Verdict::Continue
        },
    )
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        filter("what is not listed can be read", hides_attribute::<true>, hides_attribute::<false>),
        filter("the end is elsewhere for who seeks", ends_before::<false>, ends_before::<true>),
        filter("who is on no map is the super-user", maps_users::<0>, maps_users::<65_534>),
    ]
}
