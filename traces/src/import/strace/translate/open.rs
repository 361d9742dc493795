//! open, openat, openat2, creat, close.
//!
//! The annotation of a returned descriptor is the truth about which file was opened: it overrules
//! what the path looks like, in both directions.

use super::super::error::Trouble;
use super::super::paths::{Place, Spot};
use super::super::report::{LossKind, Note};
use super::super::root::{join, parent};
use super::super::session::{Descriptor, Draft, Outcome, Scene, Session};
use super::super::syntax::Annotation;
use super::super::term::Term;
use super::Translate;
use crate::calls::{ArgKind, CallNr, OutField};
use crate::record::Value;

pub(super) const TRANSLATORS: &[(&str, Translate)] = &[
    ("open", open),
    ("openat", openat),
    ("openat2", openat2),
    ("creat", creat),
    ("close", close),
    ("close_range", close_range),
];

const O_ACCMODE_WRITE: u64 = 0o1;
const O_CREAT: u64 = 0o100;
const O_EXCL: u64 = 0o200;
const O_TRUNC: u64 = 0o1000;
const O_NOFOLLOW: u64 = 0o400_000;
const O_CLOEXEC: u64 = 0o2_000_000;
const O_TMPFILE: u64 = 0o20_200_000;

/// What all four calls say.
struct How {
    dir: Option<usize>,
    path: usize,
    flags: u64,
    mode: u64,
    resolve: Option<u64>,
}

fn open(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    plain(session, scene, None)
}

fn openat(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    plain(session, scene, Some(0))
}

fn plain(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    dir: Option<usize>,
) -> Result<Outcome, Trouble> {
    let path = dir.map_or(0, |dir| dir + 1);
    if is_elsewhere(session, scene, dir, path) {
        return outside(session, scene);
    }
    let call = scene.call;
    let flags = call.flags(path + 1, ArgKind::OpenFlags)?;
    let mode = if call.args.len() > path + 2 { call.mode(path + 2)? } else { 0 };
    any(session, scene, How { dir, path, flags, mode, resolve: None })
}

fn openat2(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    if is_elsewhere(session, scene, Some(0), 1) {
        return outside(session, scene);
    }
    let arg = scene.call.arg(2)?;
    // The structure holds names, so its fields are cut out as text and read as flags.
    let term = Term::parse(arg)?;
    let number = |name: &str, kind| match term.field(name) {
        Some(field) => bits(field, kind)
            .ok_or_else(|| Trouble::new(arg.at, format!("the field `{name}` is not known here"))),
        None => Ok(0),
    };
    let flags = number("flags", ArgKind::OpenFlags)?;
    let resolve = number("resolve", ArgKind::ResolveFlags)?;
    let mode = term.field("mode").and_then(super::super::args::mode_bits).unwrap_or(0);
    any(session, scene, How { dir: Some(0), path: 1, flags, mode, resolve: Some(resolve) })
}

fn bits(term: &Term<'_>, kind: ArgKind) -> Option<u64> {
    match term {
        Term::Int(number) => u64::try_from(*number).ok(),
        Term::Name(name, None) => kind.flags()?.parse(core::str::from_utf8(name).ok()?),
        Term::Or(parts) => parts.iter().try_fold(0, |all, part| Some(all | bits(part, kind)?)),
        _ => None,
    }
}

fn creat(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    if is_elsewhere(session, scene, None, 0) {
        return outside(session, scene);
    }
    let flags = O_CREAT | O_TRUNC | O_ACCMODE_WRITE;
    let mode = scene.call.mode(1)?;
    any(session, scene, How { dir: None, path: 0, flags, mode, resolve: None })
}

/// Most opens of a log are elsewhere: an absolute path, and a result that is elsewhere, too. Their
/// flags need not be known.
fn is_elsewhere(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    dir: Option<usize>,
    path: usize,
) -> bool {
    match &scene.call.ret.annotation {
        Some(annotation) => !session.is_inside(annotation),
        None => {
            // `notes` must be counted once, so the spot is asked for on a copy of the counters.
            let notes = session.report.notes.clone();
            let spot = session.spot(scene, dir, path, true);
            session.report.notes = notes;
            matches!(spot, Ok(Spot::Outside(_)))
        }
    }
}

/// The call does not concern the root, but the number it returned must not be one of ours.
fn outside(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    if let (true, Some(fd)) = (scene.call.succeeded(), scene.call.ret.value) {
        session.closed_unseen(scene, fd);
        session.tasks.remove(scene.pid, fd);
    }
    Ok(Outcome::Outside)
}

fn any(session: &mut Session<'_>, scene: &Scene<'_>, how: How) -> Result<Outcome, Trouble> {
    let is_exclusive = how.flags & (O_CREAT | O_EXCL) == O_CREAT | O_EXCL;
    let follow = how.flags & O_NOFOLLOW == 0 && !is_exclusive;
    learn_start(session, scene, &how);
    let spot = match session.spot(scene, how.dir, how.path, follow) {
        // What the path could not say, the annotation can.
        Err(_) if scene.call.ret.annotation.is_some() => Spot::Outside(None),
        other => other?,
    };
    let Some(fd) = scene.call.ret.value.filter(|_| scene.call.succeeded()) else {
        return match spot {
            Spot::Inside(place) => record(session, scene, &how, place),
            Spot::Outside(_) => Ok(Outcome::Outside),
        };
    };
    let annotation = scene.call.ret.annotation.clone();
    let inside = match &annotation {
        Some(found) => session.is_inside(found),
        None => matches!(spot, Spot::Inside(_)),
    };
    let place = match (spot, inside) {
        (Spot::Inside(_), false) => {
            session.report.note(Note::LeadsOut);
            return outside(session, scene);
        }
        (Spot::Outside(_), false) => return outside(session, scene),
        (Spot::Inside(place), true) if !place.is_descriptor => place,
        (Spot::Inside(_) | Spot::Outside(_), true) => {
            match rewritten(session, annotation.as_ref(), how.flags) {
                Some(place) => place,
                None => {
                    session.tasks.remove(scene.pid, fd);
                    let what = "a file without a name was opened through another path";
                    return session.lost(scene, LossKind::NoRecord, what);
                }
            }
        }
    };
    let path = match annotation {
        Some(found) => found.text,
        None => session.root.outer(&place.full),
    };
    if how.flags & O_CREAT != 0 && is_exclusive {
        session.links.forget(&path);
    }
    session.closed_unseen(scene, fd);
    let outcome = record(session, scene, &how, place)?;
    session.opened(scene.pid, fd, path, how.flags & O_CLOEXEC != 0);
    Ok(outcome)
}

/// The place that an annotation names, for a path that does not lead there as text.
fn rewritten(
    session: &mut Session<'_>,
    annotation: Option<&Annotation>,
    flags: u64,
) -> Option<Place> {
    let found = annotation?;
    let path = found.path()?;
    // A file of O_TMPFILE is annotated with a number; the call named its directory.
    let path = if flags & O_TMPFILE == O_TMPFILE {
        parent(path)
    } else if found.deleted {
        return None;
    } else {
        path
    };
    let full = session.root.strip(path)?;
    session.report.note(Note::PathRewritten);
    Some(Place::at_root(full))
}

/// Learns where the task started from a relative path and where it led, for logs whose AT_FDCWD
/// has no annotation (strace before 6.0).
fn learn_start(session: &mut Session<'_>, scene: &Scene<'_>, how: &How) {
    if session.tasks.cwd(scene.pid).is_some() {
        return;
    }
    let is_from_cwd =
        how.dir.is_none_or(|dir| scene.call.arg(dir).is_ok_and(|arg| arg.text == b"AT_FDCWD"));
    let (Ok(Some(path)), Some(found)) = (scene.call.whole(how.path), &scene.call.ret.annotation)
    else {
        return;
    };
    if !is_from_cwd || path.first() == Some(&b'/') || found.deleted || path.contains(&b'\0') {
        return;
    }
    let Some(tail) = join(Some(b"/"), &path) else { return };
    let Some(base) = found.text.strip_suffix(&tail[..]) else { return };
    let base = if base.is_empty() { b"/" } else { base };
    if !path.windows(2).any(|pair| pair == b"..") {
        let base = base.to_vec();
        session.learn_cwd(scene.pid, scene.line, scene.time_ns, &base);
    }
}

fn record(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    how: &How,
    place: Place,
) -> Result<Outcome, Trouble> {
    let [dirfd, path] = place.values();
    // A descriptor cannot be opened again by an empty path; its name from the root on can.
    let [dirfd, path] =
        if place.is_descriptor { Place::at_root(place.full).values() } else { [dirfd, path] };
    let mut args = vec![dirfd, path, Value::UInt(how.flags), Value::UInt(how.mode)];
    let mut nr = CallNr::OPENAT;
    if let Some(resolve) = how.resolve {
        nr = CallNr::OPENAT2;
        args.push(Value::UInt(resolve));
    }
    let mut draft = Draft::new(nr, args).named_by(scene.call.name);
    let annotated = scene.call.ret.annotation.as_ref().and_then(Annotation::path);
    if let Some(full) = annotated.and_then(|path| session.root.strip(path)) {
        draft = draft.out(OutField::PATH, Value::Bytes(full));
    }
    if place.rewritten {
        draft = draft.mark(crate::record::CallFlags::NORMALISED);
    }
    session.record(scene, draft)
}

fn close(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    if let Some(closing) = scene.closing {
        return session.record(scene, Draft::new(CallNr::CLOSE, [Value::Int(closing.fd)]));
    }
    match session.descriptor(scene, 0)? {
        Descriptor::Outside => Ok(Outcome::Outside),
        Descriptor::Stranger => Ok(Outcome::Lost),
        Descriptor::Inside(fd) => {
            let outcome = session.record(scene, Draft::new(CallNr::CLOSE, [Value::Int(fd)]))?;
            // Linux frees the number whatever close returns (man 2 close).
            session.tasks.remove(scene.pid, fd);
            Ok(outcome)
        }
    }
}

fn close_range(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    const UNSHARE: u64 = 2;
    const CLOEXEC: u64 = 4;
    let (first, last) = (scene.call.int(0)?, scene.call.int(1)?);
    let arg = scene.call.arg(2)?;
    let flags = arg.text.split(|byte| *byte == b'|').try_fold(0, |flags, part| {
        Ok(flags
            | match part {
                b"CLOSE_RANGE_UNSHARE" => UNSHARE,
                b"CLOSE_RANGE_CLOEXEC" => CLOEXEC,
                b"0" => 0,
                _ => return Err(Trouble::new(arg.at, "a flag is not known here")),
            })
    })?;
    let fds = session.tasks.range(scene.pid, first, last);
    if fds.is_empty() || !scene.call.succeeded() {
        return Ok(Outcome::Outside);
    }
    if flags & UNSHARE != 0 {
        let files = super::super::process::Share { files: true, place: false };
        session.tasks.unshare(scene.pid, files);
    }
    for fd in fds {
        if flags & CLOEXEC != 0 {
            if let Some(open) = session.tasks.open(scene.pid, fd) {
                open.cloexec = true;
            }
        } else {
            session.tasks.remove(scene.pid, fd);
        }
    }
    let args = [Value::Int(first), Value::Int(last), Value::UInt(flags)];
    session.record(scene, Draft::new(CallNr::CLOSE_RANGE, args))
}
