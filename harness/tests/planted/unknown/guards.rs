//! Filters in Rust that refuse what they should not, or let through what they should refuse.

use std::collections::BTreeMap;

use fuserig::prelude::*;
use fuserig_abi::{FATTR_GID, FATTR_MODE, FATTR_UID};

use super::super::Planted;
use super::super::more::filter;
use super::super::refused;

const S_IFMT: u32 = 0o170_000;

/// Only who made a directory removes it, besides the super-user. Who makes it anew is that.
fn makers<const FIRST: bool>() -> FuseOps<BTreeMap<Vec<u8>, u32>> {
    FuseOps::with_state("makers", BTreeMap::<Vec<u8>, u32>::new())
        .mkdir_prefilter(|_, _, _| Verdict::Postfilter)
        .mkdir_postfilter(|cx, _, name| {
            let (uid, name) = (cx.uid().0, name.name().to_vec());
            if cx.error_in().is_none() {
                let maker = cx.state.entry(name).or_insert(uid);
                *maker = if FIRST { *maker } else { uid };
            }
            Verdict::Continue
        })
        .rmdir_prefilter(|cx, name| {
            let (uid, maker) = (cx.uid().0, cx.state.get(name.name()));
            refused(uid != 0 && maker.is_some_and(|maker| *maker != uid), Errno::EPERM)
        })
}

/// No holes: nobody seeks for them. The end is nothing of the kind.
fn no_holes<const FIRST: u32>() -> FuseOps {
    FuseOps::new("holes").lseek_prefilter(|_, arg| refused(arg.whence >= FIRST, Errno::EINVAL))
}

/// No devices, of either kind.
fn no_devices<const BLOCKS: bool>() -> FuseOps {
    const S_IFCHR: u32 = 0o020_000;
    const S_IFBLK: u32 = 0o060_000;
    FuseOps::new("devices").mknod_prefilter(|_, arg, _| {
        let kind = arg.mode & S_IFMT;
        refused(kind == S_IFCHR || BLOCKS && kind == S_IFBLK, Errno::EPERM)
    })
}

/// Nobody changes a mode. A change of the owner changes it as well, where it was setuid.
fn no_modes<const ALONE: bool>() -> FuseOps {
    FuseOps::new("modes").setattr_prefilter(|_, attr| {
        let chown = ALONE && attr.valid & (FATTR_UID | FATTR_GID) != 0;
        refused(attr.valid & FATTR_MODE != 0 && !chown, Errno::EPERM)
    })
}

/// No file becomes executable. For a directory these bits mean something else.
fn not_executable<const FILES: bool>() -> FuseOps {
    const S_IFREG: u32 = 0o100_000;
    FuseOps::new("executable").setattr_prefilter(|_, attr| {
        if !FILES || attr.mode & S_IFMT == S_IFREG {
            attr.mode &= !0o111;
        }
        Verdict::Continue
    })
}

/// A new directory is for its owner and its group at most.
fn for_group<const AT_MOST: bool>() -> FuseOps {
    FuseOps::new("group").mkdir_prefilter(|_, arg, _| {
        arg.mode = if AT_MOST { arg.mode & 0o770 } else { 0o770 };
        Verdict::Continue
    })
}

/// Nothing is ever called so.
fn never_called<const LINKS: bool>() -> FuseOps {
    fn verdict(name: &[u8]) -> Verdict {
        refused(name == b".secret", Errno::EPERM)
    }
    let called = FuseOps::new("called")
        .create_open_prefilter(|_, _, name| verdict(name.name()))
        .mknod_prefilter(|_, _, name| verdict(name.name()))
        .mkdir_prefilter(|_, _, name| verdict(name.name()))
        .symlink_prefilter(|_, name, _| verdict(name.name()))
        .rename_prefilter(|_, _, _, new| verdict(new.name()))
        .rename2_prefilter(|_, _, old, new| match verdict(old.name()) {
            Verdict::Continue => verdict(new.name()),
            refused => refused,
        });
    match LINKS {
        true => called.link_prefilter(|_, _, name| verdict(name.name())),
        false => called,
    }
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        filter("a name keeps its first maker", makers::<true>, makers::<false>),
        filter("the end is taken for a hole", no_holes::<2>, no_holes::<3>),
        filter("only one kind of device is refused", no_devices::<false>, no_devices::<true>),
        filter("a new owner is a new mode", no_modes::<false>, no_modes::<true>),
        filter(
            "a directory is walked as a program is run",
            not_executable::<false>,
            not_executable::<true>,
        ),
        filter("a mask takes the place of a mode", for_group::<false>, for_group::<true>),
        filter("a hard link may be called anything", never_called::<false>, never_called::<true>),
    ]
}
