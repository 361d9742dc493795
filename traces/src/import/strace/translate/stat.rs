//! stat and relatives, statfs, access, getdents: questions about files.
//!
//! strace abbreviates structures unless `-v` is given, so an output that is not there means only
//! that the log does not say.

use super::super::args::{device, encode_device, mode_bits, signed};
use super::super::error::Trouble;
use super::super::paths::{AT_SYMLINK_NOFOLLOW, Spot};
use super::super::session::{Descriptor, Draft, Outcome, Scene, Session};
use super::super::syntax::entries;
use super::super::term::Term;
use super::Translate;
use crate::calls::{ArgKind, CallNr, OutField};
use crate::record::{CallFlags, Value};

pub(super) const TRANSLATORS: &[(&str, Translate)] = &[
    ("stat", |session, scene| by_name(session, scene, 0)),
    ("stat64", |session, scene| by_name(session, scene, 0)),
    ("oldstat", |session, scene| by_name(session, scene, 0)),
    ("lstat", |session, scene| by_name(session, scene, AT_SYMLINK_NOFOLLOW)),
    ("lstat64", |session, scene| by_name(session, scene, AT_SYMLINK_NOFOLLOW)),
    ("newfstatat", fstatat),
    ("fstatat64", fstatat),
    ("fstat", fstat),
    ("fstat64", fstat),
    ("statx", statx),
    ("statfs", |session, scene| statfs(session, scene, 1)),
    ("statfs64", |session, scene| statfs(session, scene, 2)),
    ("fstatfs", |session, scene| fstatfs(session, scene, 1)),
    ("fstatfs64", |session, scene| fstatfs(session, scene, 2)),
    ("access", access),
    ("faccessat", faccessat),
    ("faccessat2", faccessat),
    ("getdents64", getdents),
    ("getdents", getdents),
];

fn by_name(session: &mut Session<'_>, scene: &Scene<'_>, flags: u64) -> Result<Outcome, Trouble> {
    let follow = flags & AT_SYMLINK_NOFOLLOW == 0;
    let Spot::Inside(place) = session.spot(scene, None, 0, follow)? else {
        return Ok(Outcome::Outside);
    };
    let [dirfd, path] = place.values();
    let draft = Draft::new(CallNr::STAT, [dirfd, path, place.at_flags(flags)])
        .named_by(scene.call.name)
        .mark_if(place.rewritten, CallFlags::NORMALISED);
    let draft = with_stat(draft, scene, 1)?;
    session.learn_root(&place.full, &draft);
    session.record(scene, draft)
}

fn fstatat(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let follow = !has_nofollow(scene, 3);
    let Spot::Inside(place) = session.spot(scene, Some(0), 1, follow)? else {
        return Ok(Outcome::Outside);
    };
    let flags = scene.call.flags(3, ArgKind::AtFlags)?;
    let [dirfd, path] = place.values();
    let draft = Draft::new(CallNr::STAT, [dirfd, path, place.at_flags(flags)])
        .mark_if(place.rewritten, CallFlags::NORMALISED);
    let draft = with_stat(draft, scene, 2)?;
    session.learn_root(&place.full, &draft);
    session.record(scene, draft)
}

/// Whether the flags at `index` say not to follow, before it is known whether they matter.
fn has_nofollow(scene: &Scene<'_>, index: usize) -> bool {
    let needle = b"AT_SYMLINK_NOFOLLOW";
    scene.call.arg(index).is_ok_and(|arg| super::super::cursor::find(arg.text, needle).is_some())
}

fn fstat(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let fd = match session.descriptor(scene, 0)? {
        Descriptor::Inside(fd) => fd,
        Descriptor::Outside => return Ok(Outcome::Outside),
        Descriptor::Stranger => return Ok(Outcome::Lost),
    };
    let draft = Draft::new(CallNr::FSTAT, [Value::Int(fd)]).named_by(scene.call.name);
    let draft = with_stat(draft, scene, 1)?;
    let full = session.full_of(scene.pid, fd);
    session.learn_root(&full, &draft);
    session.record(scene, draft)
}

fn statx(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let follow = !has_nofollow(scene, 2);
    // Linux 6.11 takes NULL for the path of a descriptor.
    let Spot::Inside(place) = session.spot(scene, Some(0), 1, follow)? else {
        return Ok(Outcome::Outside);
    };
    let flags = scene.call.flags(2, ArgKind::AtFlags)?;
    let mask = scene.call.flags(3, ArgKind::StatxMask)?;
    let [dirfd, path] = place.values();
    let args = [dirfd, path, place.at_flags(flags), Value::UInt(mask)];
    let mut draft = Draft::new(CallNr::STATX, args).mark_if(place.rewritten, CallFlags::NORMALISED);
    if scene.call.succeeded() {
        draft = statx_fields(draft, &Term::parse(scene.call.arg(4)?)?);
    }
    session.learn_root(&place.full, &draft);
    session.record(scene, draft)
}

/// What kind of value a field of a structure has.
#[derive(Clone, Copy)]
enum Kind {
    Unsigned,
    Signed,
    Mode,
    Device,
}

/// Fields of `struct stat`, in the order of the table.
const STAT_FIELDS: &[(&str, OutField, Kind)] = &[
    ("st_mode", OutField::MODE, Kind::Mode),
    ("st_nlink", OutField::NLINK, Kind::Unsigned),
    ("st_uid", OutField::UID, Kind::Signed),
    ("st_gid", OutField::GID, Kind::Signed),
    ("st_size", OutField::SIZE, Kind::Unsigned),
    ("st_blocks", OutField::BLOCKS, Kind::Unsigned),
    ("st_blksize", OutField::BLKSIZE, Kind::Unsigned),
    ("st_ino", OutField::INO, Kind::Unsigned),
    ("st_dev", OutField::DEV, Kind::Device),
    ("st_rdev", OutField::RDEV, Kind::Device),
    ("st_atime", OutField::ATIME_SEC, Kind::Signed),
    ("st_atime_nsec", OutField::ATIME_NSEC, Kind::Signed),
    ("st_mtime", OutField::MTIME_SEC, Kind::Signed),
    ("st_mtime_nsec", OutField::MTIME_NSEC, Kind::Signed),
    ("st_ctime", OutField::CTIME_SEC, Kind::Signed),
    ("st_ctime_nsec", OutField::CTIME_NSEC, Kind::Signed),
];

const STATX_FIELDS: &[(&str, OutField, Kind)] = &[
    ("stx_attributes", OutField::ATTRIBUTES, Kind::Unsigned),
    ("stx_attributes_mask", OutField::ATTRIBUTES_MASK, Kind::Unsigned),
    ("stx_mode", OutField::MODE, Kind::Mode),
    ("stx_nlink", OutField::NLINK, Kind::Unsigned),
    ("stx_uid", OutField::UID, Kind::Signed),
    ("stx_gid", OutField::GID, Kind::Signed),
    ("stx_size", OutField::SIZE, Kind::Unsigned),
    ("stx_blocks", OutField::BLOCKS, Kind::Unsigned),
    ("stx_blksize", OutField::BLKSIZE, Kind::Unsigned),
    ("stx_ino", OutField::INO, Kind::Unsigned),
];

const STATX_TIMES: &[(&str, OutField, OutField)] = &[
    ("stx_btime", OutField::BTIME_SEC, OutField::BTIME_NSEC),
    ("stx_atime", OutField::ATIME_SEC, OutField::ATIME_NSEC),
    ("stx_mtime", OutField::MTIME_SEC, OutField::MTIME_NSEC),
    ("stx_ctime", OutField::CTIME_SEC, OutField::CTIME_NSEC),
];

const STATFS_FIELDS: &[(&str, OutField, Kind)] = &[
    ("f_bsize", OutField::F_BSIZE, Kind::Unsigned),
    ("f_blocks", OutField::F_BLOCKS, Kind::Unsigned),
    ("f_bfree", OutField::F_BFREE, Kind::Unsigned),
    ("f_bavail", OutField::F_BAVAIL, Kind::Unsigned),
    ("f_files", OutField::F_FILES, Kind::Unsigned),
    ("f_ffree", OutField::F_FFREE, Kind::Unsigned),
    ("f_namelen", OutField::F_NAMELEN, Kind::Unsigned),
    ("f_frsize", OutField::F_FRSIZE, Kind::Unsigned),
];

/// Filesystems by the names of strace (linux/magic.h); others are left out.
const FILESYSTEMS: &[(&[u8], u64)] = &[
    (b"TMPFS_MAGIC", 0x0102_1994),
    (b"EXT2_SUPER_MAGIC", 0xef53),
    (b"EXT4_SUPER_MAGIC", 0xef53),
    (b"FUSE_SUPER_MAGIC", 0x6573_5546),
    (b"XFS_SUPER_MAGIC", 0x5846_5342),
    (b"BTRFS_SUPER_MAGIC", 0x9123_683e),
    (b"OVERLAYFS_SUPER_MAGIC", 0x794c_7630),
    (b"NFS_SUPER_MAGIC", 0x6969),
    (b"RAMFS_MAGIC", 0x8584_58f6),
    (b"PROC_SUPER_MAGIC", 0x9fa0),
    (b"F2FS_SUPER_MAGIC", 0xf2f5_2010),
];

/// Mount flags by the names of strace (linux/statfs.h).
const MOUNT_FLAGS: &[(&[u8], u64)] = &[
    (b"ST_RDONLY", 0x1),
    (b"ST_NOSUID", 0x2),
    (b"ST_NODEV", 0x4),
    (b"ST_NOEXEC", 0x8),
    (b"ST_SYNCHRONOUS", 0x10),
    (b"ST_VALID", 0x20),
    (b"ST_MANDLOCK", 0x40),
    (b"ST_NOATIME", 0x400),
    (b"ST_NODIRATIME", 0x800),
    (b"ST_RELATIME", 0x1000),
    (b"ST_NOSYMFOLLOW", 0x2000),
];

fn with_stat(draft: Draft, scene: &Scene<'_>, index: usize) -> Result<Draft, Trouble> {
    if !scene.call.succeeded() {
        return Ok(draft);
    }
    Ok(fields(draft, &Term::parse(scene.call.arg(index)?)?, STAT_FIELDS))
}

fn fields(mut draft: Draft, term: &Term<'_>, table: &[(&str, OutField, Kind)]) -> Draft {
    for (name, field, kind) in table {
        let Some(value) = term.field(name) else { continue };
        let value = match kind {
            Kind::Mode => mode_bits(value).map(Value::UInt),
            Kind::Device => device(value).map(Value::UInt),
            Kind::Signed => value.int().and_then(signed).map(Value::Int),
            Kind::Unsigned => {
                value.int().and_then(|number| u64::try_from(number).ok()).map(Value::UInt)
            }
        };
        if let Some(value) = value {
            draft = draft.out(*field, value);
        }
    }
    draft
}

fn statx_fields(draft: Draft, term: &Term<'_>) -> Draft {
    let mut draft = draft;
    if let Some(mask) = term.field("stx_mask").and_then(statx_mask) {
        draft = draft.out(OutField::MASK, Value::UInt(mask));
    }
    draft = fields(draft, term, STATX_FIELDS);
    for (name, field) in [("stx_dev", OutField::DEV), ("stx_rdev", OutField::RDEV)] {
        let part = |suffix: &str| {
            let number = term.field(&format!("{name}_{suffix}")).and_then(Term::int)?;
            u32::try_from(number).ok()
        };
        if let (Some(major), Some(minor)) = (part("major"), part("minor")) {
            draft = draft.out(field, Value::UInt(encode_device(major, minor)));
        }
    }
    for (name, seconds, nanoseconds) in STATX_TIMES {
        let Some(time) = term.field(name) else { continue };
        let part = |part: &str| time.field(part).and_then(Term::int).and_then(signed);
        if let (Some(sec), Some(nsec)) = (part("tv_sec"), part("tv_nsec")) {
            draft = draft.out(*seconds, Value::Int(sec)).out(*nanoseconds, Value::Int(nsec));
        }
    }
    draft
}

fn statx_mask(term: &Term<'_>) -> Option<u64> {
    match term {
        Term::Int(number) => u64::try_from(*number).ok(),
        Term::Name(name, None) => {
            ArgKind::StatxMask.flags()?.parse(core::str::from_utf8(name).ok()?)
        }
        Term::Or(parts) => parts.iter().try_fold(0, |all, part| Some(all | statx_mask(part)?)),
        _ => None,
    }
}

fn named_bits(term: &Term<'_>, table: &[(&[u8], u64)]) -> Option<u64> {
    match term {
        Term::Int(number) => u64::try_from(*number).ok(),
        Term::Name(name, None) => {
            table.iter().find(|(known, _)| known == name).map(|(_, bits)| *bits)
        }
        Term::Or(parts) => {
            parts.iter().try_fold(0, |all, part| Some(all | named_bits(part, table)?))
        }
        _ => None,
    }
}

fn with_statfs(draft: Draft, scene: &Scene<'_>, index: usize) -> Result<Draft, Trouble> {
    if !scene.call.succeeded() {
        return Ok(draft);
    }
    let term = Term::parse(scene.call.arg(index)?)?;
    let mut draft = fields(draft, &term, STATFS_FIELDS);
    for (name, field, table) in
        [("f_type", OutField::F_TYPE, FILESYSTEMS), ("f_flags", OutField::F_FLAGS, MOUNT_FLAGS)]
    {
        if let Some(bits) = term.field(name).and_then(|term| named_bits(term, table)) {
            draft = draft.out(field, Value::UInt(bits));
        }
    }
    Ok(draft)
}

fn statfs(session: &mut Session<'_>, scene: &Scene<'_>, at: usize) -> Result<Outcome, Trouble> {
    let Spot::Inside(place) = session.spot(scene, None, 0, true)? else {
        return Ok(Outcome::Outside);
    };
    let draft = Draft::new(CallNr::STATFS, [place.lone_path()])
        .named_by(scene.call.name)
        .mark_if(place.rewritten, CallFlags::NORMALISED);
    let draft = with_statfs(draft, scene, at)?;
    session.record(scene, draft)
}

fn fstatfs(session: &mut Session<'_>, scene: &Scene<'_>, at: usize) -> Result<Outcome, Trouble> {
    let fd = match session.descriptor(scene, 0)? {
        Descriptor::Inside(fd) => fd,
        Descriptor::Outside => return Ok(Outcome::Outside),
        Descriptor::Stranger => return Ok(Outcome::Lost),
    };
    let draft = Draft::new(CallNr::FSTATFS, [Value::Int(fd)]).named_by(scene.call.name);
    let draft = with_statfs(draft, scene, at)?;
    session.record(scene, draft)
}

fn access(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    check_access(session, scene, None)
}

fn faccessat(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    check_access(session, scene, Some(0))
}

fn check_access(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    dir: Option<usize>,
) -> Result<Outcome, Trouble> {
    let path = dir.map_or(0, |dir| dir + 1);
    let follow = dir.is_none() || !has_nofollow(scene, 3);
    let Spot::Inside(place) = session.spot(scene, dir, path, follow)? else {
        return Ok(Outcome::Outside);
    };
    let mode = scene.call.flags(path + 1, ArgKind::AccessMode)?;
    let flags = scene.call.flags_or_none(path + 2, ArgKind::AtFlags)?;
    let [dirfd, path] = place.values();
    let args = [dirfd, path, Value::UInt(mode), place.at_flags(flags)];
    let draft = Draft::new(CallNr::ACCESS, args)
        .named_by(scene.call.name)
        .mark_if(place.rewritten, CallFlags::NORMALISED);
    session.record(scene, draft)
}

fn getdents(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let fd = match session.descriptor(scene, 0)? {
        Descriptor::Inside(fd) => fd,
        Descriptor::Outside => return Ok(Outcome::Outside),
        Descriptor::Stranger => return Ok(Outcome::Lost),
    };
    let args = [Value::Int(fd), Value::UInt(scene.call.uint(2)?)];
    let mut draft = Draft::new(CallNr::GETDENTS64, args).named_by(scene.call.name);
    let arg = scene.call.arg(1)?;
    if let Some(count) = entries(arg.text) {
        draft = draft.out(OutField::COUNT, Value::UInt(count));
    } else if arg.text.first() == Some(&b'[') {
        let Term::Array { items, cut } = Term::parse(arg)? else {
            return Err(Trouble::new(arg.at, "expected a list of entries"));
        };
        draft = draft.mark_if(cut, CallFlags::TRUNCATED);
        if !cut {
            draft = draft.out(OutField::COUNT, Value::UInt(items.len() as u64));
        }
        for item in &items {
            draft = with_entry(draft, item);
        }
    }
    session.record(scene, draft)
}

/// The kinds of directory entries (man 3 readdir).
const ENTRY_TYPES: &[(&[u8], u64)] = &[
    (b"DT_UNKNOWN", 0),
    (b"DT_FIFO", 1),
    (b"DT_CHR", 2),
    (b"DT_DIR", 4),
    (b"DT_BLK", 6),
    (b"DT_REG", 8),
    (b"DT_LNK", 10),
    (b"DT_SOCK", 12),
    (b"DT_WHT", 14),
];

fn with_entry(draft: Draft, entry: &Term<'_>) -> Draft {
    let Some(Term::Str { bytes, .. }) = entry.field("d_name") else { return draft };
    let mut draft = draft.out(OutField::NAME, Value::Bytes(bytes.clone()));
    let kind = entry.field("d_type").and_then(|term| named_bits(term, ENTRY_TYPES));
    if let Some(kind) = kind.and_then(|kind| i64::try_from(kind).ok()) {
        draft = draft.out(OutField::TYPE, Value::Int(kind));
    }
    if let Some(offset) = entry.field("d_off").and_then(Term::int).and_then(signed) {
        draft = draft.out(OutField::COOKIE, Value::Int(offset));
    }
    let ino = entry.field("d_ino").and_then(Term::int);
    if let Some(ino) = ino.and_then(|ino| u64::try_from(ino).ok()) {
        draft = draft.out(OutField::INO, Value::UInt(ino));
    }
    draft
}
