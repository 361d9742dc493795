//! Filters in C with a mistake; the objects and their sources are in `tests/data/planted`.

use fuserig::prelude::*;
use fuserig_filters::engine::{BpfFilter, Limits};

use super::{Judges, Planted, general};

/// A filter from an object.
pub(crate) fn load(object: &'static [u8]) -> impl Fn() -> Option<Box<dyn Filter>> {
    let load = |object| BpfFilter::load(object, None, Abi::V4, Limits::default());
    move || Some(Box::new(load(object).expect("a committed object")))
}

pub(super) fn planted<F: Filter + 'static>(
    name: &'static str,
    object: &'static [u8],
    right: fn() -> F,
    more: fn() -> Judges,
) -> Planted {
    let judges = move || {
        let mut judges = general();
        judges.extend(more());
        judges
    };
    Planted {
        kind: "filter",
        name,
        wrong: Subject::boxed(Abi::V4, load(object)),
        right: Subject::new(Abi::V4, right),
        judges: Box::new(judges),
        crashes: None,
    }
}

macro_rules! object {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/planted/", $name, ".o"))
    };
}
pub(super) use object;

fn no(refused: bool, errno: Errno) -> Verdict {
    if refused { Verdict::Error(errno) } else { Verdict::Continue }
}

fn hide_from_lookups() -> FuseOps {
    FuseOps::new("hide").lookup_prefilter(|_, name| no(name.name() == b".secret", Errno::ENOENT))
}

/// Files end at 4096 bytes.
fn limit() -> FuseOps<u64> {
    fuserig_filters::write_limit(4096)
}

fn guard() -> FuseOps {
    fn hidden(name: Option<&[u8]>) -> bool {
        name == Some(b"user.a\0")
    }
    FuseOps::new("guard")
        .setxattr_prefilter(|_, _, name, _| no(hidden(name.bytes()), Errno::EPERM))
        .removexattr_prefilter(|_, name| no(hidden(name.bytes()), Errno::EPERM))
        .getxattr_prefilter(|_, _, name| no(hidden(name.bytes()), Errno::ENODATA))
}

fn keeps() -> FuseOps {
    FuseOps::new("keeps").unlink_prefilter(|_, _| Errno::EPERM).rmdir_prefilter(|_, _| Errno::EPERM)
}

fn setid() -> FuseOps {
    fuserig_filters::strip_setid()
}

/// No file is longer than so many bytes, unless it was at the start.
#[derive(Debug)]
pub(super) struct Short(pub(super) u64);

impl Invariant for Short {
    fn name(&self) -> &str {
        "short"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let file = |kind| kind == fuserig_abi::FileKind::Regular;
        let long =
            seen.lower.walk().find(|entry| file(entry.stat.kind) && entry.stat.size > self.0);
        long.map_or(Ok(()), |entry| Err(format!("{} is too long", entry.path.escape_ascii())))
    }
}

/// Nothing is setuid or setgid.
#[derive(Debug)]
struct Harmless;

impl Invariant for Harmless {
    fn name(&self) -> &str {
        "harmless"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        match seen.lower.walk().find(|entry| entry.stat.permissions & 0o4000 != 0) {
            Some(entry) => Err(format!("{} is setuid", entry.path.escape_ascii())),
            None => Ok(()),
        }
    }
}

pub(super) fn all() -> Vec<Planted> {
    vec![
        planted(
            "takes short names for the hidden one",
            object!("hide_short"),
            hide_from_lookups,
            || vec![Box::new(invariant::twins_agree(hide_from_lookups))],
        ),
        planted("read-only but for O_TRUNC", object!("ro_trunc"), readonly, || {
            vec![Box::new(invariant::read_only())]
        }),
        planted("chmod may set setuid", object!("setid_chmod"), setid, || vec![Box::new(Harmless)]),
        planted("a write may cross the limit", object!("limit_append"), limit, || {
            vec![Box::new(Short(4096))]
        }),
        planted("a quota taken after the fact", object!("quota_race"), super::races::quota, || {
            vec![Box::new(super::races::AtMost::new(3))]
        }),
        planted("a guarded attribute may be removed", object!("guard_remove"), guard, || {
            vec![Box::new(invariant::twins_agree(guard))]
        }),
        planted("an errno without its sign", object!("deny_sign"), keeps, || {
            vec![Box::new(invariant::twins_agree(keeps))]
        }),
    ]
}
