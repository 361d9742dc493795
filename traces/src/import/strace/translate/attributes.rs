//! Attributes: chmod, chown, utimes, by path and by descriptor.

use super::super::args::signed;
use super::super::error::Trouble;
use super::super::paths::{AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, Place, Spot};
use super::super::session::{Descriptor, Outcome, Scene, Session};
use super::super::term::Term;
use super::Translate;
use super::names::draft;
use crate::calls::{ArgKind, CallNr};
use crate::record::Value;

pub(super) const TRANSLATORS: &[(&str, Translate)] = &[
    ("chmod", |session, scene| chmod(session, scene, None)),
    ("fchmodat", |session, scene| chmod(session, scene, Some(0))),
    ("fchmodat2", |session, scene| chmod(session, scene, Some(0))),
    ("fchmod", fchmod),
    ("chown", |session, scene| chown(session, scene, None, 0)),
    ("chown32", |session, scene| chown(session, scene, None, 0)),
    ("lchown", |session, scene| chown(session, scene, None, AT_SYMLINK_NOFOLLOW)),
    ("lchown32", |session, scene| chown(session, scene, None, AT_SYMLINK_NOFOLLOW)),
    ("fchownat", fchownat),
    ("fchown", fchown),
    ("fchown32", fchown),
    ("utimensat", |session, scene| utimes(session, scene, Some(0), Clock::Nano)),
    ("utimensat_time64", |session, scene| utimes(session, scene, Some(0), Clock::Nano)),
    ("futimesat", |session, scene| utimes(session, scene, Some(0), Clock::Micro)),
    ("utimes", |session, scene| utimes(session, scene, None, Clock::Micro)),
    ("utime", |session, scene| utimes(session, scene, None, Clock::Whole)),
];

/// A place, or what to answer instead.
macro_rules! inside_or_return {
    ($spot:expr) => {
        match $spot {
            Spot::Inside(place) => place,
            Spot::Outside(_) => return Ok(Outcome::Outside),
        }
    };
}

fn chmod(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    dir: Option<usize>,
) -> Result<Outcome, Trouble> {
    let path = dir.map_or(0, |dir| dir + 1);
    let flags = scene.call.flags_or_none(path + 2, ArgKind::AtFlags)?;
    let follow = flags & AT_SYMLINK_NOFOLLOW == 0;
    let place = inside_or_return!(session.spot(scene, dir, path, follow)?);
    let mut args = place.values().to_vec();
    args.extend([Value::UInt(scene.call.mode(path + 1)?), place.at_flags(flags)]);
    session.attributes_change(&place.full);
    session.record(scene, draft(CallNr::FCHMODAT, args, scene, &[&place]))
}

/// A descriptor, or what to answer instead.
macro_rules! descriptor_or_return {
    ($descriptor:expr) => {
        match $descriptor {
            Descriptor::Inside(fd) => fd,
            Descriptor::Outside => return Ok(Outcome::Outside),
            Descriptor::Stranger => return Ok(Outcome::Lost),
        }
    };
}

fn fchmod(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let fd = descriptor_or_return!(session.descriptor(scene, 0)?);
    let args = vec![Value::Int(fd), Value::UInt(scene.call.mode(1)?)];
    let full = session.full_of(scene.pid, fd);
    session.attributes_change(&full);
    session.record(scene, draft(CallNr::FCHMOD, args, scene, &[]))
}

fn fchownat(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let flags = scene.call.flags(4, ArgKind::AtFlags)?;
    chown(session, scene, Some(0), flags)
}

fn chown(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    dir: Option<usize>,
    flags: u64,
) -> Result<Outcome, Trouble> {
    let path = dir.map_or(0, |dir| dir + 1);
    let follow = flags & AT_SYMLINK_NOFOLLOW == 0;
    let place = inside_or_return!(session.spot(scene, dir, path, follow)?);
    let mut args = place.values().to_vec();
    args.extend([
        Value::Int(scene.call.id(path + 1)?),
        Value::Int(scene.call.id(path + 2)?),
        place.at_flags(flags),
    ]);
    session.attributes_change(&place.full);
    session.record(scene, draft(CallNr::FCHOWNAT, args, scene, &[&place]))
}

fn fchown(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let fd = descriptor_or_return!(session.descriptor(scene, 0)?);
    let args = vec![Value::Int(fd), Value::Int(scene.call.id(1)?), Value::Int(scene.call.id(2)?)];
    let full = session.full_of(scene.pid, fd);
    session.attributes_change(&full);
    session.record(scene, draft(CallNr::FCHOWN, args, scene, &[]))
}

/// How a call writes times.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clock {
    /// `[{tv_sec=1, tv_nsec=0}, UTIME_OMIT]`.
    Nano,
    /// `[{tv_sec=1, tv_usec=0}, ...]`.
    Micro,
    /// `{actime=1, modtime=2}`.
    Whole,
}

const UTIME_NOW: i64 = 0x3fff_ffff;
const UTIME_OMIT: i64 = 0x3fff_fffe;

fn utimes(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    dir: Option<usize>,
    clock: Clock,
) -> Result<Outcome, Trouble> {
    let path = dir.map_or(0, |dir| dir + 1);
    let mut flags = scene.call.flags_or_none(path + 2, ArgKind::AtFlags)?;
    let place = match scene.call.whole(path)? {
        // futimens: the file is the descriptor itself.
        None if dir.is_some() => {
            if scene.call.arg(path)?.text != b"NULL" {
                return Ok(Outcome::Outside);
            }
            let fd = descriptor_or_return!(session.descriptor(scene, 0)?);
            flags |= AT_EMPTY_PATH;
            Place {
                dirfd: fd,
                path: Vec::new(),
                full: Vec::new(),
                rewritten: true,
                is_descriptor: false,
            }
        }
        _ => {
            let follow = flags & AT_SYMLINK_NOFOLLOW == 0;
            inside_or_return!(session.spot(scene, dir, path, follow)?)
        }
    };
    debug_assert!(place.dirfd >= 0 || place.dirfd == AT_FDCWD, "a place has a directory");
    let mut args = place.values().to_vec();
    for (seconds, nanoseconds) in times(scene, path + 1, clock)? {
        args.extend([Value::Int(seconds), Value::Int(nanoseconds)]);
    }
    args.push(place.at_flags(flags));
    session.record(scene, draft(CallNr::UTIMENSAT, args, scene, &[&place]))
}

fn times(scene: &Scene<'_>, index: usize, clock: Clock) -> Result<[(i64, i64); 2], Trouble> {
    let arg = scene.call.arg(index)?;
    let wrong = || Trouble::new(arg.at, "expected two times or `NULL`");
    match (Term::parse(arg)?, clock) {
        (Term::Name(b"NULL", _), _) => Ok([(0, UTIME_NOW); 2]),
        (Term::Struct(fields), Clock::Whole) => {
            let term = Term::Struct(fields);
            let part = |name: &str| term.field(name).and_then(Term::int).and_then(signed);
            let (access, change) = (part("actime"), part("modtime"));
            Ok([(access.ok_or_else(wrong)?, 0), (change.ok_or_else(wrong)?, 0)])
        }
        (Term::Array { items, .. }, Clock::Nano | Clock::Micro) => {
            let [access, change] = &items[..] else { return Err(wrong()) };
            let time = |term: &Term<'_>| time(term, clock).ok_or_else(wrong);
            Ok([time(access)?, time(change)?])
        }
        // An address: the call failed before it read the times.
        (Term::Int(_), _) => Err(Trouble::new(arg.at, "the times are not in the log")),
        _ => Err(wrong()),
    }
}

fn time(term: &Term<'_>, clock: Clock) -> Option<(i64, i64)> {
    if let Term::Name(name, None) = term {
        return match *name {
            b"UTIME_NOW" => Some((0, UTIME_NOW)),
            b"UTIME_OMIT" => Some((0, UTIME_OMIT)),
            _ => None,
        };
    }
    let seconds = signed(term.field("tv_sec")?.int()?)?;
    if clock == Clock::Micro {
        let micros = signed(term.field("tv_usec")?.int()?)?;
        return Some((seconds, micros.checked_mul(1000)?));
    }
    let nanos = match term.field("tv_nsec")? {
        Term::Name(b"UTIME_NOW", None) => UTIME_NOW,
        Term::Name(b"UTIME_OMIT", None) => UTIME_OMIT,
        term => signed(term.int()?)?,
    };
    Some((seconds, nanos))
}
