//! Names: mkdir, mknod, links, unlink, rename, readlink.
//!
//! What stood at a name that is made, moved or removed is no link that is known any more.

use super::super::args::device;
use super::super::error::Trouble;
use super::super::paths::{AT_SYMLINK_FOLLOW, Place, Spot};
use super::super::report::{LossKind, Note};
use super::super::session::{Draft, Outcome, Scene, Session};
use super::super::term::Term;
use super::Translate;
use super::data::with_output;
use crate::calls::{ArgKind, CallNr, OutField};
use crate::record::{CallFlags, Value};

pub(super) const TRANSLATORS: &[(&str, Translate)] = &[
    ("mkdir", |session, scene| mkdir(session, scene, None)),
    ("mkdirat", |session, scene| mkdir(session, scene, Some(0))),
    ("mknod", |session, scene| mknod(session, scene, None)),
    ("mknodat", |session, scene| mknod(session, scene, Some(0))),
    ("symlink", |session, scene| symlink(session, scene, None)),
    ("symlinkat", |session, scene| symlink(session, scene, Some(1))),
    ("link", |session, scene| link(session, scene, None)),
    ("linkat", |session, scene| link(session, scene, Some((0, 2)))),
    ("unlink", |session, scene| unlink(session, scene, None, 0)),
    ("rmdir", |session, scene| unlink(session, scene, None, AT_REMOVEDIR)),
    ("unlinkat", unlinkat),
    ("rename", |session, scene| rename(session, scene, None)),
    ("renameat", |session, scene| rename(session, scene, Some((0, 2)))),
    ("renameat2", |session, scene| rename(session, scene, Some((0, 2)))),
    ("readlink", |session, scene| readlink(session, scene, None)),
    ("readlinkat", |session, scene| readlink(session, scene, Some(0))),
];

const AT_REMOVEDIR: u64 = 0x200;

/// A place, or what to answer instead.
macro_rules! inside_or_return {
    ($spot:expr) => {
        match $spot {
            Spot::Inside(place) => place,
            Spot::Outside(_) => return Ok(Outcome::Outside),
        }
    };
}

pub(super) fn draft(nr: CallNr, args: Vec<Value>, scene: &Scene<'_>, places: &[&Place]) -> Draft {
    let rewritten = places.iter().any(|place| place.rewritten);
    Draft::new(nr, args).named_by(scene.call.name).mark_if(rewritten, CallFlags::NORMALISED)
}

/// Whatever was at the place is no link that is known.
fn replaced(session: &mut Session<'_>, scene: &Scene<'_>, place: &Place) {
    if scene.call.succeeded() {
        let path = session.root.outer(&place.full);
        session.links.forget(&path);
    }
}

fn mkdir(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    dir: Option<usize>,
) -> Result<Outcome, Trouble> {
    let path = dir.map_or(0, |dir| dir + 1);
    let place = inside_or_return!(session.spot(scene, dir, path, false)?);
    let mut args = place.values().to_vec();
    args.push(Value::UInt(scene.call.mode(path + 1)?));
    replaced(session, scene, &place);
    session.record(scene, draft(CallNr::MKDIRAT, args, scene, &[&place]))
}

fn mknod(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    dir: Option<usize>,
) -> Result<Outcome, Trouble> {
    let path = dir.map_or(0, |dir| dir + 1);
    let place = inside_or_return!(session.spot(scene, dir, path, false)?);
    let mut args = place.values().to_vec();
    args.push(Value::UInt(scene.call.mode(path + 1)?));
    // Only for devices does strace show the fourth argument.
    let number = match scene.call.args.get(path + 2) {
        None => 0,
        Some(arg) => device(&Term::parse(*arg)?)
            .ok_or_else(|| Trouble::new(arg.at, "expected a device number"))?,
    };
    args.push(Value::UInt(number));
    replaced(session, scene, &place);
    session.record(scene, draft(CallNr::MKNODAT, args, scene, &[&place]))
}

fn symlink(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    dir: Option<usize>,
) -> Result<Outcome, Trouble> {
    let path = dir.map_or(1, |dir| dir + 1);
    let place = inside_or_return!(session.spot(scene, dir, path, false)?);
    let Some(target) = scene.call.whole(0)? else { return Ok(Outcome::Quiet) };
    if scene.call.succeeded() {
        if target.first() == Some(&b'/') {
            session.report.note(Note::AbsoluteTarget);
        }
        let path = session.root.outer(&place.full);
        session.links.learn(path, &target);
    }
    let [dirfd, path] = place.values();
    let args = vec![Value::Bytes(target), dirfd, path];
    session.record(scene, draft(CallNr::SYMLINKAT, args, scene, &[&place]))
}

/// The two places of link and rename.
fn pair(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    dirs: Option<(usize, usize)>,
    follow: bool,
) -> Result<(Spot, Spot), Trouble> {
    let (old, new) = match dirs {
        Some((old, new)) => ((Some(old), old + 1), (Some(new), new + 1)),
        None => ((None, 0), (None, 1)),
    };
    let old = session.spot(scene, old.0, old.1, follow)?;
    Ok((old, session.spot(scene, new.0, new.1, false)?))
}

/// One side is outside. A failure (`EXDEV`, mostly) changed nothing.
fn across(session: &mut Session<'_>, scene: &Scene<'_>, place: &Place) -> Result<Outcome, Trouble> {
    if !scene.call.succeeded() {
        return Ok(Outcome::Quiet);
    }
    replaced(session, scene, place);
    let what = place.full.escape_ascii().to_string();
    session.lost(scene, LossKind::AcrossRoot, what)
}

fn link(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    dirs: Option<(usize, usize)>,
) -> Result<Outcome, Trouble> {
    // Without AT_SYMLINK_FOLLOW the old name may be a link itself.
    let flags = match dirs {
        Some(_) => scene.call.flags(4, ArgKind::AtFlags)?,
        None => 0,
    };
    let spots = pair(session, scene, dirs, flags & AT_SYMLINK_FOLLOW != 0)?;
    match spots {
        (Spot::Inside(old), Spot::Inside(new)) => {
            let mut args = old.values().to_vec();
            args.extend(new.values());
            args.push(old.at_flags(flags));
            replaced(session, scene, &new);
            session.record(scene, draft(CallNr::LINKAT, args, scene, &[&old, &new]))
        }
        (Spot::Outside(_), Spot::Outside(_)) => Ok(Outcome::Outside),
        (Spot::Inside(place), _) | (_, Spot::Inside(place)) => across(session, scene, &place),
    }
}

fn rename(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    dirs: Option<(usize, usize)>,
) -> Result<Outcome, Trouble> {
    const EXCHANGE: u64 = 2;
    let (old, new) = match pair(session, scene, dirs, false)? {
        (Spot::Inside(old), Spot::Inside(new)) => (old, new),
        (Spot::Outside(_), Spot::Outside(_)) => return Ok(Outcome::Outside),
        (Spot::Inside(place), _) | (_, Spot::Inside(place)) => {
            return across(session, scene, &place);
        }
    };
    let flags = match dirs {
        Some(_) => scene.call.flags_or_none(4, ArgKind::RenameFlags)?,
        None => 0,
    };
    if scene.call.succeeded() {
        let (from, to) = (session.root.outer(&old.full), session.root.outer(&new.full));
        if flags & EXCHANGE != 0 {
            session.links.exchange(&from, &to);
        } else {
            session.links.rename(&from, &to);
        }
    }
    let mut args = old.values().to_vec();
    args.extend(new.values());
    args.push(Value::UInt(flags));
    session.record(scene, draft(CallNr::RENAMEAT2, args, scene, &[&old, &new]))
}

fn unlinkat(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let place = inside_or_return!(session.spot(scene, Some(0), 1, false)?);
    let flags = scene.call.flags(2, ArgKind::AtFlags)?;
    remove(session, scene, &place, flags)
}

fn unlink(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    dir: Option<usize>,
    flags: u64,
) -> Result<Outcome, Trouble> {
    let place = inside_or_return!(session.spot(scene, dir, 0, false)?);
    remove(session, scene, &place, flags)
}

fn remove(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    place: &Place,
    flags: u64,
) -> Result<Outcome, Trouble> {
    replaced(session, scene, place);
    let mut args = place.values().to_vec();
    args.push(Value::UInt(flags));
    session.record(scene, draft(CallNr::UNLINKAT, args, scene, &[place]))
}

fn readlink(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    dir: Option<usize>,
) -> Result<Outcome, Trouble> {
    let path = dir.map_or(0, |dir| dir + 1);
    let place = inside_or_return!(session.spot(scene, dir, path, false)?);
    let mut args = place.values().to_vec();
    args.push(Value::UInt(scene.call.uint(path + 2)?));
    let mut draft = draft(CallNr::READLINKAT, args, scene, &[&place]);
    if scene.call.succeeded()
        && let Some(data) = scene.call.data(path + 1)?
    {
        if !data.cut && !place.path.is_empty() {
            let path = session.root.outer(&place.full);
            session.links.learn(path, &data.bytes);
        }
        draft = with_output(draft, OutField::TARGET, data, scene.call.ret.value);
    }
    session.record(scene, draft)
}
