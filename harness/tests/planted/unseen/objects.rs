//! Filters in C with a mistake; the objects and their sources are in `tests/data/planted`.

use fuserig::prelude::*;
use fuserig_abi::{FATTR_SIZE, Opcode};
use fuserig_filters::BufferMut;

use super::super::bpf::{Short, object, planted};
use super::super::more::{give_back, three_open};
use super::super::refused;
use super::super::{Judges, Planted};

const O_ACCMODE: u32 = 3;

/// What is made is for its owner alone.
fn private() -> FuseOps {
    FuseOps::new("private")
        .create_open_prefilter(|_, arg, _| {
            arg.mode &= !0o077;
            Verdict::Continue
        })
        .mknod_prefilter(|_, arg, _| {
            arg.mode &= !0o077;
            Verdict::Continue
        })
        .mkdir_prefilter(|_, arg, _| {
            arg.mode &= !0o077;
            Verdict::Continue
        })
}

fn without_user_attributes(value: &mut BufferMut<'_>) -> Result<Verdict, Errno> {
    let list = value.bytes().unwrap_or_default();
    let names = list.split_inclusive(|byte| *byte == 0);
    let kept: Vec<&[u8]> = names.filter(|name| !name.starts_with(b"user.")).collect();
    let (kept, len) = (kept.concat(), list.len());
    if kept.len() < len {
        value.replace(&kept)?;
    }
    Ok(Verdict::Continue)
}

/// Lists no attribute of users. A length that was asked for may count them.
fn lists_others() -> FuseOps {
    FuseOps::new("lists").listxattr_prefilter(|_, _| Verdict::Postfilter).listxattr_postfilter(
        |cx, arg, value, _| match cx.error_in().is_some() || arg.size == 0 {
            true => Ok(Verdict::Continue),
            false => without_user_attributes(value),
        },
    )
}

/// A picture is called one for ever.
fn pictures() -> FuseOps {
    const EXCHANGE: u32 = 2;
    fn loses(old: &[u8], new: &[u8]) -> bool {
        old.ends_with(b".jpg") && !new.ends_with(b".jpg")
    }
    FuseOps::new("pictures")
        .rename_prefilter(|_, _, old, new| refused(loses(old.name(), new.name()), Errno::EPERM))
        .rename2_prefilter(|_, arg, old, new| {
            let back = arg.flags & EXCHANGE != 0 && loses(new.name(), old.name());
            refused(back || loses(old.name(), new.name()), Errno::EPERM)
        })
}

/// Three files are open at a time, and as many directories as one likes.
fn open_places() -> FuseOps<u64> {
    three_open().releasedir_prefilter(|cx, _| {
        let file = cx.opcode().0 & 0xffff == Opcode::RELEASE.0;
        give_back(file, cx.state)
    })
}

/// Preallocation changes no byte of a file.
fn keeps_bytes() -> FuseOps {
    const CHANGES: u32 = 0x02 | 0x08 | 0x10 | 0x20;
    FuseOps::new("keeps")
        .file_fallocate_prefilter(|_, arg| refused(arg.mode & CHANGES != 0, Errno::EPERM))
}

/// Only the super-user opens files for writing, or makes them by opening.
fn one_makes() -> FuseOps {
    FuseOps::new("makes")
        .open_prefilter(|cx, arg| {
            refused(cx.uid().0 != 0 && arg.flags & O_ACCMODE != 0, Errno::EACCES)
        })
        .create_open_prefilter(|cx, _, _| refused(cx.uid().0 != 0, Errno::EACCES))
}

/// Files end at 4096 bytes. Nobody tells a filter where an append lands, how much there is to copy,
/// or how long a file is into which a range is inserted: those are refused.
fn page_at_most() -> FuseOps {
    const O_APPEND: u32 = 0o2000;
    const INSERT_RANGE: u32 = 0x20;
    fn verdict(offset: u64, length: u64) -> Verdict {
        refused(offset.saturating_add(length) > 4096, Errno::EFBIG)
    }
    FuseOps::new("page")
        .open_prefilter(|_, arg| refused(arg.flags & O_APPEND != 0, Errno::EPERM))
        .create_open_prefilter(|_, arg, _| refused(arg.flags & O_APPEND != 0, Errno::EPERM))
        .write_iter_prefilter(|_, arg| verdict(arg.offset, arg.size.into()))
        .copy_file_range_prefilter(|_, _| Errno::EINVAL)
        .file_fallocate_prefilter(|_, arg| match arg.mode & INSERT_RANGE {
            0 => verdict(arg.offset, arg.length),
            _ => Verdict::Error(Errno::EOPNOTSUPP),
        })
        .setattr_prefilter(|_, attr| {
            verdict(if attr.valid & FATTR_SIZE != 0 { attr.size } else { 0 }, 0)
        })
}

/// Whoever looks the one up finds the other.
fn alias() -> FuseOps {
    FuseOps::new("alias").lookup_prefilter(|_, name| {
        if name.name() == b".secret" {
            name.replace_name(b"notes.txt")?;
        }
        Ok::<_, Errno>(Verdict::Continue)
    })
}

fn redacts() -> FuseOps<Patterns> {
    redact(Patterns::parse(".secret").expect("a name"))
}

/// Shows half of the space.
fn half() -> FuseOps {
    FuseOps::new("half").statfs_prefilter(|_| Verdict::Postfilter).statfs_postfilter(|_, out| {
        out.st.blocks /= 2;
        out.st.bfree /= 2;
        out.st.bavail /= 2;
        Verdict::Continue
    })
}

fn twin<F: Filter + 'static>(right: fn() -> F) -> Judges {
    vec![Box::new(invariant::twins_agree(right))]
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted("nobody applies the umask of a create", object!("private_umask"), private, || {
            twin(private)
        }),
        planted(
            "the name behind a hidden one is listed",
            object!("list_next"),
            lists_others,
            || twin(lists_others),
        ),
        planted("an exchange is judged from one side", object!("swap_ending"), pictures, || {
            twin(pictures)
        }),
        planted("a directory gives back a place", object!("open_places"), open_places, || {
            twin(open_places)
        }),
        planted("to zero a range is no change", object!("zero_range"), keeps_bytes, || {
            twin(keeps_bytes)
        }),
        planted("to make and read is not to write", object!("create_to_read"), one_makes, || {
            twin(one_makes)
        }),
        planted("a copy passes a limit", object!("limit_copy"), page_at_most, || {
            vec![Box::new(Short(4096))]
        }),
        planted("a longer name keeps the old length", object!("alias_longer"), alias, || {
            twin(alias)
        }),
        planted("a record without padding gets some", object!("redact_whole"), redacts, || {
            twin(redacts)
        }),
        planted("users have all of the space", object!("statfs_half"), half, || twin(half)),
    ]
}
