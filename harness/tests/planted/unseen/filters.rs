//! Filters in Rust with a mistake.

use std::collections::BTreeSet;

use fuserig::prelude::*;
use fuserig_abi::FATTR_MODE;

use super::super::more::filter;
use super::super::{Planted, general};
use super::super::{nothing, refused};

/// Nobody seeks behind sixty-four kilobytes. What failed is a negative number there.
fn near<const SIGNED: bool>() -> FuseOps {
    const FAR: u64 = 1 << 16;
    FuseOps::new("near").lseek_prefilter(|_, _| Verdict::Postfilter).lseek_postfilter(
        |_, _, out| {
            let failed = SIGNED && out.offset.cast_signed() < 0;
            refused(!failed && out.offset > FAR, Errno::EINVAL)
        },
    )
}

/// The name is in no listing, whatever it is, or only where it is a regular file.
fn unlisted<const ANY: bool>() -> FuseOps {
    const DT_REG: u32 = 8;
    FuseOps::new("unlisted").readdir_prefilter(|_, _| Verdict::Postfilter).readdir_postfilter(
        |cx, _, out, entries| {
            if cx.error_in().is_none() {
                let hidden = |kind| ANY || kind == DT_REG;
                let dropped =
                    entries.retain(|entry| entry.name != b".secret" || !hidden(entry.kind));
                out.again = u32::from(dropped > 0 && entries.is_empty());
            }
            Verdict::Continue
        },
    )
}

/// The attribute seems not to be there, also to those who ask for its length only.
fn no_attribute<const LENGTH: bool>() -> FuseOps {
    FuseOps::new("attribute").getxattr_prefilter(|_, arg, name| {
        let asked = LENGTH || arg.size > 0;
        refused(asked && name.name() == b"user.a", Errno::ENODATA)
    })
}

/// Copies go by pages at most.
fn copies<const AT_MOST: bool>() -> FuseOps {
    FuseOps::new("copies").copy_file_range_prefilter(|_, arg| {
        arg.len = if AT_MOST { arg.len.min(4096) } else { 4096 };
        Verdict::Continue
    })
}

/// Five names are made, however they are made.
fn five_names<const SYMLINKS: bool>() -> FuseOps<u64> {
    fn take(made: &mut u64) -> Verdict {
        if *made >= 5 {
            return Verdict::Error(Errno::EDQUOT);
        }
        *made += 1;
        Verdict::Postfilter
    }
    fn keep(made: &mut u64, failed: bool) -> Verdict {
        *made = made.saturating_sub(u64::from(failed));
        Verdict::Continue
    }
    let names = FuseOps::with_state("five", 0)
        .mkdir_prefilter(|cx, _, _| take(cx.state))
        .mkdir_postfilter(|cx, _, _| keep(cx.state, cx.error_in().is_some()))
        .mknod_prefilter(|cx, _, _| take(cx.state))
        .mknod_postfilter(|cx, _, _| keep(cx.state, cx.error_in().is_some()))
        .create_open_prefilter(|cx, _, _| take(cx.state))
        .create_open_postfilter(|cx, _, _, _, _| keep(cx.state, cx.error_in().is_some()))
        .link_prefilter(|cx, _, _| take(cx.state))
        .link_postfilter(|cx, _, _| keep(cx.state, cx.error_in().is_some()));
    match SYMLINKS {
        true => names
            .symlink_prefilter(|cx, _, _| take(cx.state))
            .symlink_postfilter(|cx, _, _| keep(cx.state, cx.error_in().is_some())),
        false => names,
    }
}

/// Ordinary users do not follow links; no manual page knows that a link is not to be read so.
fn no_links<const DENIED: bool>() -> FuseOps {
    FuseOps::new("links").get_link_prefilter(|cx, _| {
        let errno = if DENIED { Errno::EACCES } else { Errno::EPERM };
        refused(cx.uid().0 != 0, errno)
    })
}

/// The name is not removed. All its bytes end in a NUL, its name does not.
fn kept<const NAME: bool>() -> FuseOps {
    FuseOps::new("kept").unlink_prefilter(|_, name| {
        let text = if NAME { Some(name.name()) } else { name.bytes() };
        refused(text == Some(b".secret"), Errno::EPERM)
    })
}

/// Nothing becomes setuid or setgid: the bits are taken away, or the mode is said not to be set.
fn no_setid<const BITS: bool>() -> FuseOps {
    FuseOps::new("setid").setattr_prefilter(|_, attr| {
        match BITS {
            true => attr.mode &= !0o6000,
            false if attr.mode & 0o6000 != 0 => attr.valid &= !FATTR_MODE,
            false => {}
        }
        Verdict::Continue
    })
}

/// Looks at the names of attributes as one looks at what is to be written.
fn looks_to_write() -> FuseOps {
    FuseOps::new("looks").getxattr_prefilter(|_, _, name| {
        let size = u64::from(name.len()).saturating_sub(1);
        let mut text = [0; 5];
        let looked = name.get_rw(size, true).map(|view| view.read(0, &mut text));
        refused(looked.is_some() && text == *b"guard", Errno::EPERM)
    })
}

fn looks() -> FuseOps {
    FuseOps::new("looks").getxattr_prefilter(|_, _, name| {
        refused(name.bytes().is_some_and(|name| name.starts_with(b"guard")), Errno::EPERM)
    })
}

/// Shows the name as so many x, in every part of a listing or in its first.
fn redacts<const EVERY: bool>() -> FuseOps {
    FuseOps::new("redacts")
        .readdir_prefilter(|_, arg| match EVERY || arg.offset == 0 {
            true => Verdict::Postfilter,
            false => Verdict::Continue,
        })
        .readdir_postfilter(|cx, _, _, entries| {
            if cx.error_in().is_none() {
                entries.edit_names(|name| {
                    if *name == *b".secret" {
                        name.fill(b'x');
                    }
                });
            }
            Verdict::Continue
        })
}

/// Remembers what was not there, wherever that was.
fn remembers_absence() -> FuseOps<BTreeSet<Vec<u8>>> {
    FuseOps::with_state("absent", BTreeSet::new())
        .lookup_prefilter(|cx, name| match cx.state.contains(name.name()) {
            true => Verdict::Error(Errno::ENOENT),
            false => Verdict::Postfilter,
        })
        .lookup_postfilter(|cx, name, _, _| {
            if cx.error_in() == Some(Errno::ENOENT) {
                cx.state.insert(name.name().to_vec());
            }
            Verdict::Continue
        })
}

/// Whatever a removal fails with, it is said to be busy.
fn busy() -> FuseOps {
    FuseOps::new("busy")
        .rmdir_prefilter(|_, _| Verdict::Postfilter)
        .rmdir_postfilter(|cx, _| refused(cx.error_in().is_some(), Errno::EBUSY))
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        filter("a failed seek is taken for a far one", near::<false>, near::<true>),
        filter("a directory of that name is listed", unlisted::<false>, unlisted::<true>),
        filter("the length of an attribute is told", no_attribute::<false>, no_attribute::<true>),
        filter("a short copy is made longer", copies::<false>, copies::<true>),
        filter("a symbolic link takes no place", five_names::<false>, five_names::<true>),
        Planted {
            judges: Box::new(general),
            ..filter("an errno that no link is read with", no_links::<false>, no_links::<true>)
        },
        filter("a name is compared without its NUL", kept::<false>, kept::<true>),
        filter("an attribute that is left out becomes 0", no_setid::<false>, no_setid::<true>),
        filter("a name is asked for without its NUL", looks_to_write, looks),
        filter("the rest of a listing is not redacted", redacts::<false>, redacts::<true>),
        filter("what was not there is not there ever", remembers_absence, nothing),
        filter("an error takes the place of another", busy, nothing),
    ]
}
