//! Filters in C with a mistake; the objects and their sources are in `tests/data/planted`.

use fuserig::prelude::*;

use super::super::bpf::{object, planted};
use super::super::refused;
use super::super::{Judges, Planted};

/// Users remove files, and no directories.
fn no_directories() -> FuseOps {
    FuseOps::new("directories").rmdir_prefilter(|cx, _| refused(cx.uid().0 != 0, Errno::EPERM))
}

/// Attributes whose names begin so are neither set nor removed.
fn beginnings() -> FuseOps {
    fn verdict(name: &[u8]) -> Verdict {
        refused(name.starts_with(b"user.a"), Errno::EPERM)
    }
    FuseOps::new("beginnings")
        .setxattr_prefilter(|_, _, name, _| verdict(name.name()))
        .removexattr_prefilter(|_, name| verdict(name.name()))
}

fn redacts() -> FuseOps<Patterns> {
    redact(Patterns::parse(".secret").expect("a name"))
}

/// Attributes are made, and what there is does not change.
fn only_new() -> FuseOps {
    const CREATE: u32 = 1;
    FuseOps::new("new")
        .setxattr_prefilter(|_, arg, _, _| refused(arg.flags & CREATE == 0, Errno::EPERM))
}

/// Whatever its mode, owner and group seem to have all rights.
fn all_rights() -> FuseOps {
    const S_IFMT: u32 = 0o170_000;
    const S_IFDIR: u32 = 0o040_000;
    FuseOps::new("rights").getattr_prefilter(|_, _| Verdict::Postfilter).getattr_postfilter(
        |_, _, out| {
            let kind = out.attr.mode & S_IFMT;
            out.attr.mode = kind | if kind == S_IFDIR { 0o770 } else { 0o660 };
            Verdict::Continue
        },
    )
}

fn twin<F: Filter + 'static>(right: fn() -> F) -> Judges {
    vec![Box::new(invariant::twins_agree(right))]
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted(
            "an opcode is compared with its phase",
            object!("opcode_phase"),
            no_directories,
            || twin(no_directories),
        ),
        planted("a beginning is compared with its NUL", object!("guard_nul"), beginnings, || {
            twin(beginnings)
        }),
        planted("the loop ends before the listing", object!("loop_short"), redacts, || {
            twin(redacts)
        }),
        planted("flags are looked for in newer ones", object!("xattr_newer"), only_new, || {
            twin(only_new)
        }),
        planted("a directory is read and not searched", object!("mode_media"), all_rights, || {
            twin(all_rights)
        }),
    ]
}
