//! Filters in Rust that change what is seen, and do so in a wrong way.

use std::collections::BTreeSet;

use fuserig::prelude::*;

use super::super::Planted;
use super::super::more::filter;
use super::super::{nothing, refused};

const S_IFMT: u32 = 0o170_000;
const S_IFREG: u32 = 0o100_000;

/// Files are shown without their header of sixteen bytes. Directories and links have none.
fn no_header<const FILES: bool>() -> FuseOps {
    FuseOps::new("header").getattr_prefilter(|_, _| Verdict::Postfilter).getattr_postfilter(
        |_, _, out| {
            if !FILES || out.attr.mode & S_IFMT == S_IFREG {
                out.attr.size = out.attr.size.saturating_sub(16);
            }
            Verdict::Continue
        },
    )
}

/// Everything seems to be stored in full. Blocks have 512 bytes, whatever the filesystem has.
fn in_full<const BYTES: u64>() -> FuseOps {
    FuseOps::new("full").getattr_prefilter(|_, _| Verdict::Postfilter).getattr_postfilter(
        |_, _, out| {
            out.attr.blocks = out.attr.size.div_ceil(BYTES);
            Verdict::Continue
        },
    )
}

/// Capital letters are looked up as small ones: letters, or whatever lacks that bit.
fn small_letters<const LETTERS: bool>() -> FuseOps {
    FuseOps::new("small").lookup_prefilter(|_, name| {
        let small = |byte: &u8| if LETTERS { byte.to_ascii_lowercase() } else { byte | 0x20 };
        let text: Vec<u8> = name.name().iter().map(small).collect();
        if text != name.name() {
            name.replace_name(&text)?;
        }
        Ok::<_, Errno>(Verdict::Continue)
    })
}

/// Remembers which node lacks which attribute, until it is set. Most nodes have the number 0.
fn remembers_lack() -> FuseOps<BTreeSet<(u64, Vec<u8>)>> {
    FuseOps::with_state("lack", BTreeSet::new())
        .getxattr_prefilter(|cx, _, name| {
            let known = cx.state.contains(&(cx.nodeid().0, name.name().to_vec()));
            if known { Verdict::Error(Errno::ENODATA) } else { Verdict::Postfilter }
        })
        .getxattr_postfilter(|cx, arg, name, value, out| {
            let length = if arg.size == 0 { out.size } else { value.len() };
            if length.cast_signed() == Errno::ENODATA.negative() {
                let node = cx.nodeid().0;
                cx.state.insert((node, name.name().to_vec()));
            }
            Verdict::Continue
        })
        .setxattr_prefilter(|cx, _, name, _| {
            let node = cx.nodeid().0;
            cx.state.remove(&(node, name.name().to_vec()));
            Verdict::Continue
        })
}

/// Takes a name out of a list: where it is a name, or wherever it is.
fn without(list: &[u8], whole: bool) -> Vec<u8> {
    const NAME: &[u8] = b"user.a";
    if whole {
        let names = list.split_inclusive(|byte| *byte == 0);
        return names
            .filter(|name| name.strip_suffix(b"\0") != Some(NAME))
            .flatten()
            .copied()
            .collect();
    }
    match list.windows(NAME.len()).position(|window| window == NAME) {
        Some(at) => [&list[..at], list.get(at + NAME.len() + 1..).unwrap_or_default()].concat(),
        None => list.to_vec(),
    }
}

/// One attribute is not listed. A length that was asked for may count it.
fn lists_others<const WHOLE: bool>() -> FuseOps {
    FuseOps::new("others").listxattr_prefilter(|_, _| Verdict::Postfilter).listxattr_postfilter(
        |cx, arg, value, _| {
            let list = value.bytes().unwrap_or_default().to_vec();
            let left = without(&list, WHOLE);
            if cx.error_in().is_none() && arg.size > 0 && left.len() < list.len() {
                value.replace(&left)?;
            }
            Ok::<_, Errno>(Verdict::Continue)
        },
    )
}

/// Users look up nothing that not everybody reads, and are told when there is nothing.
fn readable<const BIT: u32, const ABSENT: bool>() -> FuseOps {
    FuseOps::new("readable").lookup_prefilter(|_, _| Verdict::Postfilter).lookup_postfilter(
        |cx, _, out, _| {
            let absent = ABSENT && cx.error_in().is_some();
            let hidden = out.attr.mode & BIT == 0;
            refused(!absent && hidden && cx.uid().0 != 0, Errno::EACCES)
        },
    )
}

/// There seems to be a megabyte of space at most. What the figures count is said in them.
fn megabyte<const SAID: bool>() -> FuseOps {
    FuseOps::new("space").statfs_prefilter(|_| Verdict::Postfilter).statfs_postfilter(|_, out| {
        let unit = if SAID { u64::from(out.st.bsize.max(1)) } else { 512 };
        out.st.bfree = out.st.bfree.min((1 << 20) / unit);
        out.st.bavail = out.st.bavail.min((1 << 20) / unit);
        Verdict::Continue
    })
}

/// Lists every name once. A name that did not fit is offered again.
fn lists_once() -> FuseOps<BTreeSet<Vec<u8>>> {
    FuseOps::with_state("once", BTreeSet::<Vec<u8>>::new())
        .readdir_prefilter(|cx, arg| {
            if arg.offset == 0 {
                cx.state.clear();
            }
            Verdict::Postfilter
        })
        .readdir_postfilter(|cx, _, out, entries| {
            if cx.error_in().is_none() {
                let dropped = entries.retain(|entry| cx.state.insert(entry.name.to_vec()));
                out.again = u32::from(dropped > 0 && entries.is_empty());
            }
            Verdict::Continue
        })
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        filter("a link has no header to take away", no_header::<false>, no_header::<true>),
        filter("blocks are as long as those of the disk", in_full::<4096>, in_full::<512>),
        filter("what is no letter is made small", small_letters::<false>, small_letters::<true>),
        filter("a name that begins alike is cut", lists_others::<false>, lists_others::<true>),
        filter("what one file lacks all lack", remembers_lack, nothing),
        filter(
            "what the group reads everybody reads",
            readable::<0o040, true>,
            readable::<0o004, true>,
        ),
        filter("what is not there cannot be read", readable::<4, false>, readable::<4, true>),
        filter("space is counted as files are", megabyte::<false>, megabyte::<true>),
        filter("what did not fit counts as listed", lists_once, nothing),
    ]
}
