//! Filters in Rust that refuse what they should not, or let through what they should refuse.

use fuserig::prelude::*;
use fuserig_abi::{FATTR_ATIME, FATTR_ATIME_NOW, FATTR_MTIME, FATTR_MTIME_NOW, FATTR_UID, Opcode};

use super::super::Planted;
use super::super::more::filter;
use super::super::refused;

/// Nobody opens for writing. To append alone is not to write.
fn no_writers<const APPENDS: bool>() -> FuseOps {
    const O_ACCMODE: u32 = 3;
    const O_APPEND: u32 = 0o2000;
    FuseOps::new("writers").open_prefilter(|_, arg| {
        let mask = if APPENDS { O_ACCMODE | O_APPEND } else { O_ACCMODE };
        refused(arg.flags & mask != 0, Errno::EACCES)
    })
}

/// Nobody gives a file to others, or takes one.
fn no_gifts<const ANY: bool>() -> FuseOps {
    FuseOps::new("gifts").setattr_prefilter(|cx, attr| {
        let given = ANY || attr.valid & FATTR_UID != 0;
        refused(given && attr.uid != cx.uid().0, Errno::EPERM)
    })
}

/// No time is set but the present one. That it is, this kernel says of the last access alone.
fn no_other_times<const CHANGE: bool>() -> FuseOps {
    FuseOps::new("times").setattr_prefilter(|_, attr| {
        let (set, now) = match CHANGE {
            true => (FATTR_MTIME, FATTR_MTIME_NOW),
            false => (FATTR_ATIME, FATTR_ATIME_NOW),
        };
        refused(attr.valid & set != 0 && attr.valid & now == 0, Errno::EPERM)
    })
}

/// New names have at most 143 bytes, as there must be room to encrypt them.
fn short_names<const NUL: bool>() -> FuseOps {
    fn verdict(name: &fuserig_filters::Buffer<'_>, nul: bool) -> Verdict {
        let length = if nul { name.len() as usize } else { name.name().len() };
        refused(length > 143, Errno::ENAMETOOLONG)
    }
    FuseOps::new("short")
        .create_open_prefilter(|_, _, name| verdict(name, NUL))
        .mkdir_prefilter(|_, _, name| verdict(name, NUL))
        .symlink_prefilter(|_, name, _| verdict(name, NUL))
}

/// No link leads upwards: no part of its target is two dots, or they are nowhere in it.
fn no_way_up<const ANYWHERE: bool>() -> FuseOps {
    FuseOps::new("up").symlink_prefilter(|_, _, target| {
        let target = target.name();
        let up = match ANYWHERE {
            true => target.windows(2).any(|two| two == b".."),
            false => target.split(|byte| *byte == b'/').any(|part| part == b".."),
        };
        refused(up, Errno::EPERM)
    })
}

/// Users are told that they may execute nothing. Who walks a directory asks as well.
fn nothing_runs<const WALKS: bool>() -> FuseOps {
    const MAY_EXEC: u32 = 1;
    const MAY_ACCESS: u32 = 0x10;
    FuseOps::new("runs").access_prefilter(|cx, arg| {
        let asks = WALKS || arg.mask & MAY_ACCESS != 0;
        refused(asks && arg.mask & MAY_EXEC != 0 && cx.uid().0 != 0, Errno::EACCES)
    })
}

/// Nobody seeks before the start. An offset from elsewhere may be negative.
fn no_seek_before<const ANY: bool>() -> FuseOps {
    const SEEK_SET: u32 = 0;
    FuseOps::new("before").lseek_prefilter(|_, arg| {
        let from_start = ANY || arg.whence == SEEK_SET;
        refused(from_start && arg.offset.cast_signed() < 0, Errno::EINVAL)
    })
}

/// Preallocation makes no file longer than a page.
fn short_files<const ANY: bool>() -> FuseOps {
    const KEEP_SIZE: u32 = 1;
    FuseOps::new("short").file_fallocate_prefilter(|_, arg| {
        let grows = ANY || arg.mode & KEEP_SIZE == 0;
        refused(grows && arg.offset.saturating_add(arg.length) > 4096, Errno::EFBIG)
    })
}

/// Users open no directory, whether they say that it is one or not.
fn no_directories<const SAID: bool>() -> FuseOps {
    const O_DIRECTORY: u32 = 0o200_000;
    FuseOps::new("directories").opendir_prefilter(|cx, arg| {
        let said = !SAID || arg.flags & O_DIRECTORY != 0;
        refused(said && cx.uid().0 != 0, Errno::EACCES)
    })
}

/// Whatever has no member of its own is refused, unless it is on the list.
fn listed<const FLUSH: bool>() -> FuseOps {
    const LISTED: [Opcode; 12] = [
        Opcode::LOOKUP,
        Opcode::GETATTR,
        Opcode::ACCESS,
        Opcode::READLINK,
        Opcode::OPEN,
        Opcode::READ,
        Opcode::RELEASE,
        Opcode::OPENDIR,
        Opcode::READDIR,
        Opcode::RELEASEDIR,
        Opcode::LSEEK,
        Opcode::STATFS,
    ];
    FuseOps::new("listed").default_filter(|cx| {
        let opcode = Opcode(cx.opcode().0 & 0xffff);
        let listed = LISTED.contains(&opcode) || FLUSH && opcode == Opcode::FLUSH;
        refused(!listed, Errno::EPERM)
    })
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        filter("to read and append is to write", no_writers::<true>, no_writers::<false>),
        filter("an owner that is not set is looked at", no_gifts::<true>, no_gifts::<false>),
        filter(
            "now is looked for at the other time",
            no_other_times::<true>,
            no_other_times::<false>,
        ),
        filter("a NUL is counted as a letter", short_names::<true>, short_names::<false>),
        filter("two dots in a name lead upwards", no_way_up::<true>, no_way_up::<false>),
        filter("who may run nothing may not walk", nothing_runs::<true>, nothing_runs::<false>),
        filter("a seek back is before the start", no_seek_before::<true>, no_seek_before::<false>),
        filter("space behind the end is growth", short_files::<true>, short_files::<false>),
        filter(
            "a directory is opened as a file is",
            no_directories::<true>,
            no_directories::<false>,
        ),
        filter("by default nothing is flushed", listed::<false>, listed::<true>),
    ]
}
