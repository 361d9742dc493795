//! Filters in Rust that change what is seen or stored, or only look on, and do so in a wrong way.

use fuserig::prelude::*;
use fuserig_abi::{FATTR_GID, FATTR_UID};

use super::super::Planted;
use super::super::more::{filter, judged};
use super::super::{nothing, refused};

fn hides() -> FuseOps<Patterns> {
    hide(Patterns::parse(".secret").expect("a name"))
}

/// Nobody finds the name where it is. Where it is not, it can be made.
fn hides_what_is_there() -> FuseOps {
    FuseOps::new("hides")
        .lookup_prefilter(|_, _| Verdict::Postfilter)
        .lookup_postfilter(|cx, name, _, _| {
            refused(cx.error_in().is_none() && name.name() == b".secret", Errno::ENOENT)
        })
        .readdir_prefilter(|_, _| Verdict::Postfilter)
        .readdir_postfilter(|cx, _, out, entries| {
            if cx.error_in().is_none() {
                let dropped = entries.retain(|entry| entry.name != b".secret");
                out.again = u32::from(dropped > 0 && entries.is_empty());
            }
            Verdict::Continue
        })
}

/// Counts what is looked up, and hands on what came of it.
fn counts_lookups() -> FuseOps<u64> {
    FuseOps::with_state("counts", 0_u64)
        .lookup_prefilter(|_, _| Verdict::Postfilter)
        .lookup_postfilter(|cx, _, _, _| {
            *cx.state += 1;
            cx.error_in().map_or(Verdict::Continue, Verdict::Error)
        })
}

/// Nobody reads the bytes that tell where something was: those from the eighth to the fifteenth. A
/// read is of them when it shares one with them, or when it begins or ends in them.
fn redacts_bytes<const ENDS: bool>() -> FuseOps {
    const PRIVATE: core::ops::Range<u64> = 8..16;
    FuseOps::new("bytes").read_iter_prefilter(|_, read| {
        let (first, end) = (read.offset, read.offset.saturating_add(read.size.into()));
        let shares = match ENDS {
            true => PRIVATE.contains(&first) || PRIVATE.contains(&end.saturating_sub(1)),
            false => first < PRIVATE.end && end > PRIVATE.start,
        };
        refused(shares, Errno::EIO)
    })
}

/// Users and groups are stored a thousand lower than they are seen.
fn shifts<const GROUPS: bool>() -> FuseOps {
    const SHIFT: u32 = 1000;
    FuseOps::new("shifts")
        .setattr_prefilter(|_, attr| {
            if attr.valid & FATTR_UID != 0 {
                attr.uid = attr.uid.checked_sub(SHIFT).ok_or(Errno::EINVAL)?;
            }
            if GROUPS && attr.valid & FATTR_GID != 0 {
                attr.gid = attr.gid.checked_sub(SHIFT).ok_or(Errno::EINVAL)?;
            }
            Ok::<_, Errno>(Verdict::Continue)
        })
        .getattr_prefilter(|_, _| Verdict::Postfilter)
        .getattr_postfilter(|cx, _, out| {
            if cx.error_in().is_none() {
                out.attr.uid = out.attr.uid.wrapping_add(SHIFT);
                out.attr.gid = out.attr.gid.wrapping_add(SHIFT);
            }
            Verdict::Continue
        })
}

/// What a value begins with that is stored in another way.
const MARK: &[u8] = b"e1:";

fn coded(value: &[u8]) -> Vec<u8> {
    value.iter().map(|byte| byte ^ 0x55).collect()
}

/// Values of attributes are encoded behind a mark. What was there before has none.
fn encodes<const MARKED: bool>() -> FuseOps {
    FuseOps::new("encodes")
        .setxattr_prefilter(|_, arg, _, value| {
            let plain = value.bytes().unwrap_or_default().to_vec();
            if !plain.is_empty() {
                let stored = [MARK, &coded(&plain)].concat();
                value.replace(&stored)?;
                arg.size = stored.len() as u32;
            }
            Ok::<_, Errno>(Verdict::Continue)
        })
        .getxattr_prefilter(|_, _, _| Verdict::Postfilter)
        .getxattr_postfilter(|cx, arg, _, value, _| {
            if cx.error_in().is_some() || arg.size == 0 {
                return Ok::<_, Errno>(Verdict::Continue);
            }
            let stored = value.bytes().unwrap_or_default().to_vec();
            let rest = match MARKED {
                true => stored.strip_prefix(MARK),
                false => Some(stored.get(MARK.len()..).ok_or(Errno::EIO)?),
            };
            if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
                value.replace(&coded(rest))?;
            }
            Ok(Verdict::Continue)
        })
}

/// Nothing is made for others: not by an open, not as a directory, not as a node.
fn keeps_others_out<const NODES: bool>() -> FuseOps {
    const OTHERS: u32 = 0o007;
    let made = FuseOps::new("others")
        .create_open_prefilter(|_, create, _| {
            create.mode &= !OTHERS;
            Verdict::Continue
        })
        .mkdir_prefilter(|_, directory, _| {
            directory.mode &= !OTHERS;
            Verdict::Continue
        });
    match NODES {
        true => made.mknod_prefilter(|_, node, _| {
            node.mode &= !OTHERS;
            Verdict::Continue
        }),
        false => made,
    }
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        judged("what is hidden may be made and is gone", hides_what_is_there, hides, || {
            vec![Box::new(invariant::never_visible(".secret"))]
        }),
        judged("who only counts hands on what was not found", counts_lookups, nothing, || {
            vec![Box::new(invariant::transparent())]
        }),
        filter("who reads all around it reads it", redacts_bytes::<true>, redacts_bytes::<false>),
        filter("groups are shifted one way only", shifts::<false>, shifts::<true>),
        filter("what was stored before is decoded, too", encodes::<false>, encodes::<true>),
        filter("a node is made for everybody", keeps_others_out::<false>, keeps_others_out::<true>),
    ]
}
