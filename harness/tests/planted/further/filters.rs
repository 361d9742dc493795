//! Filters in Rust that change what is seen, and do so in a wrong way.

use std::collections::BTreeSet;

use fuserig::prelude::*;

use super::super::Planted;
use super::super::more::filter;
use super::super::{nothing, refused};

const S_IFMT: u32 = 0o170_000;
const S_IFDIR: u32 = 0o040_000;

/// Directories seem to have one link, as nobody counts what is in them.
fn one_link<const FILES: bool>() -> FuseOps {
    FuseOps::new("link").getattr_prefilter(|_, _| Verdict::Postfilter).getattr_postfilter(
        |_, _, out| {
            if FILES || out.attr.mode & S_IFMT == S_IFDIR {
                out.attr.nlink = 1;
            }
            Verdict::Continue
        },
    )
}

/// The time of the last change has whole seconds.
fn whole_seconds() -> FuseOps {
    FuseOps::new("seconds").getattr_prefilter(|_, _| Verdict::Postfilter).getattr_postfilter(
        |_, _, out| {
            out.attr.ctimensec = 0;
            Verdict::Continue
        },
    )
}

/// Files end sixteen bytes before their end, where a checksum begins: for who seeks from there.
fn checksum<const ANY: bool>() -> FuseOps {
    const SEEK_END: u32 = 2;
    FuseOps::new("checksum").lseek_prefilter(|_, _| Verdict::Postfilter).lseek_postfilter(
        |_, arg, out| {
            let failed = out.offset.cast_signed() < 0;
            if !failed && (ANY || arg.whence == SEEK_END) {
                out.offset = out.offset.saturating_sub(16);
            }
            Verdict::Continue
        },
    )
}

/// Names have 143 bytes at most, as there must be room to encrypt them, and the figures say so.
fn encrypts<const SAID: bool>() -> FuseOps {
    const NAME_MAX: u32 = 143;
    let encrypts = FuseOps::new("encrypts").mkdir_prefilter(|_, _, name| {
        refused(name.name().len() > NAME_MAX as usize, Errno::ENAMETOOLONG)
    });
    match SAID {
        true => encrypts.statfs_prefilter(|_| Verdict::Postfilter).statfs_postfilter(|_, out| {
            out.st.namelen = out.st.namelen.min(NAME_MAX);
            Verdict::Continue
        }),
        false => encrypts,
    }
}

/// Lists an attribute that is not stored. Who asks for the length has to make room for it.
fn lists_one_more<const COUNTED: bool>() -> FuseOps {
    const NAME: &[u8] = b"user.view\0";
    FuseOps::new("view").listxattr_prefilter(|_, _| Verdict::Postfilter).listxattr_postfilter(
        |cx, arg, value, out| {
            let list = value.bytes().unwrap_or_default();
            let more = [list, NAME].concat();
            match (cx.error_in(), arg.size as usize) {
                (Some(_), _) => {}
                (None, 0) if COUNTED => out.size += NAME.len() as u32,
                (None, 0) => {}
                (None, size) if size < more.len() => return Err(Errno::ERANGE),
                (None, _) => value.replace(&more)?,
            }
            Ok::<_, Errno>(Verdict::Continue)
        },
    )
}

/// The name is not listed: the name itself, or the file that has it, whatever else it is called.
fn unlisted<const FILE: bool>() -> FuseOps<BTreeSet<u64>> {
    FuseOps::with_state("unlisted", BTreeSet::new())
        .readdir_prefilter(|_, _| Verdict::Postfilter)
        .readdir_postfilter(|cx, _, out, entries| {
            if cx.error_in().is_none() {
                let hidden = entries.entries().filter(|entry| entry.name == b".secret");
                cx.state.extend(hidden.map(|entry| entry.ino));
                let dropped = entries.retain(|entry| {
                    let same = FILE && cx.state.contains(&entry.ino);
                    !same && entry.name != b".secret"
                });
                out.again = u32::from(dropped > 0 && entries.is_empty());
            }
            Verdict::Continue
        })
}

/// Everything seems to be of who looks, or of who looked first.
fn own<const FIRST: bool>() -> FuseOps<Option<u32>> {
    FuseOps::with_state("own", None)
        .getattr_prefilter(|_, _| Verdict::Postfilter)
        .getattr_postfilter(|cx, _, out| {
            let uid = cx.uid().0;
            let first = *cx.state.get_or_insert(uid);
            out.attr.uid = if FIRST { first } else { uid };
            Verdict::Continue
        })
}

/// Who reads nothing has failed; but there is nothing at the end.
fn reads_something() -> FuseOps {
    FuseOps::new("something")
        .read_iter_prefilter(|_, _| Verdict::Postfilter)
        .read_iter_postfilter(|_, arg, out| refused(arg.size > 0 && out.ret == 0, Errno::EIO))
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        filter("what has two names seems to have one", one_link::<true>, one_link::<false>),
        filter("every seek is one from the end", checksum::<true>, checksum::<false>),
        filter("the figures promise longer names", encrypts::<false>, encrypts::<true>),
        filter(
            "a name that is added is not counted",
            lists_one_more::<false>,
            lists_one_more::<true>,
        ),
        filter("another name of the hidden is hidden", unlisted::<true>, unlisted::<false>),
        filter("who looks first owns it for all", own::<true>, own::<false>),
        filter("the end of a file is a failure", reads_something, nothing),
        filter("times have no parts of a second", whole_seconds, nothing),
    ]
}
