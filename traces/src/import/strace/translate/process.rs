//! Directories, umask, users, execve, chroot: the state that a process carries.
//!
//! `fork` and `exit` are not here: they are events of two lines and of no call, and the importer
//! itself knows when they happen.

use super::super::error::Trouble;
use super::super::paths::{AT_FDCWD, Spot};
use super::super::process::Share;
use super::super::report::{LossKind, Note};
use super::super::root::Located;
use super::super::session::{Descriptor, Draft, Outcome, Scene, Session};
use super::super::syntax::{Annotation, Call};
use super::super::term::Term;
use super::Translate;
use crate::calls::flags::CLONE;
use crate::calls::{CallNr, OutField};
use crate::record::{CallFlags, Value};
use fuserig_abi::FileKind;

pub(super) const TRANSLATORS: &[(&str, Translate)] = &[
    ("chdir", chdir),
    ("fchdir", fchdir),
    ("getcwd", getcwd),
    ("umask", umask),
    ("execve", |session, scene| exec(session, scene, None)),
    ("execveat", |session, scene| exec(session, scene, Some(0))),
    ("chroot", chroot),
    ("unshare", unshare),
    ("getuid", outside),
    ("getgid", outside),
    ("geteuid", |session, scene| learn(session, scene, Who::Uid)),
    ("geteuid32", |session, scene| learn(session, scene, Who::Uid)),
    ("getegid", |session, scene| learn(session, scene, Who::Gid)),
    ("getegid32", |session, scene| learn(session, scene, Who::Gid)),
    ("setuid", |session, scene| become_id(session, scene, Who::Uid, 0)),
    ("setuid32", |session, scene| become_id(session, scene, Who::Uid, 0)),
    ("setgid", |session, scene| become_id(session, scene, Who::Gid, 0)),
    ("setgid32", |session, scene| become_id(session, scene, Who::Gid, 0)),
    ("setreuid", |session, scene| become_id(session, scene, Who::Uid, 1)),
    ("setregid", |session, scene| become_id(session, scene, Who::Gid, 1)),
    ("setresuid", |session, scene| become_id(session, scene, Who::Uid, 1)),
    ("setresgid", |session, scene| become_id(session, scene, Who::Gid, 1)),
    ("setfsuid", |session, scene| become_id(session, scene, Who::Uid, 0)),
    ("setfsgid", |session, scene| become_id(session, scene, Who::Gid, 0)),
    ("setgroups", setgroups),
    ("setgroups32", setgroups),
    ("capset", capabilities),
    ("bind", bind),
];

/// The calls that make a task.
pub(in super::super) const FORKS: &[&str] = &["fork", "vfork", "clone", "clone2", "clone3"];

/// The calls that end one.
pub(in super::super) const EXITS: &[&str] = &["exit", "exit_group"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Uid,
    Gid,
}

/// What the new task of a fork shares: for the tables here, and as bits of the trace.
pub(in super::super) fn shares(call: &Call<'_>) -> (Share, u64) {
    let mut bits = 0;
    if call.name == "vfork" {
        bits = CLONE.parse("CLONE_VM").unwrap_or(0);
    }
    for arg in &call.args {
        // `flags=CLONE_VM|...` of clone, `{flags=CLONE_VM|..., ...}` of clone3.
        let Some(start) = super::super::cursor::find(arg.text, b"flags=") else { continue };
        let names = &arg.text[start + b"flags=".len()..];
        let end = names.iter().position(|byte| b",} )".contains(byte)).unwrap_or(names.len());
        for name in names[..end].split(|byte| *byte == b'|') {
            let known = core::str::from_utf8(name).ok().filter(|name| name.starts_with("CLONE_"));
            bits |= known.and_then(|name| CLONE.parse(name)).unwrap_or(0);
        }
        break;
    }
    let has = |name: &str| CLONE.parse(name).is_some_and(|bit| bits & bit != 0);
    (Share { files: has("CLONE_FILES"), place: has("CLONE_FS") }, bits)
}

fn outside(_session: &mut Session<'_>, _scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    Ok(Outcome::Outside)
}

fn chdir(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let spot = match session.spot(scene, None, 0, true) {
        Ok(spot) => spot,
        Err(_) if scene.call.succeeded() => {
            // Relative to nobody knows where: the next annotation will tell.
            session.tasks.set_cwd(scene.pid, None);
            return Ok(Outcome::Outside);
        }
        Err(trouble) => return Err(trouble),
    };
    match spot {
        Spot::Outside(path) => {
            if scene.call.succeeded() {
                session.tasks.set_cwd(scene.pid, path);
                session.tasks.traced_cwd(scene.pid).moved(None);
            }
            Ok(Outcome::Outside)
        }
        Spot::Inside(place) => {
            let args = [place.lone_path()];
            let draft =
                Draft::new(CallNr::CHDIR, args).mark_if(place.rewritten, CallFlags::NORMALISED);
            let outcome = session.record(scene, draft)?;
            if scene.call.succeeded() {
                let path = session.root.outer(&place.full);
                session.tasks.set_cwd(scene.pid, Some(path));
                session.tasks.traced_cwd(scene.pid).moved(Some(place.full));
            }
            Ok(outcome)
        }
    }
}

fn fchdir(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let annotation = match Term::parse(scene.call.arg(0)?)? {
        Term::Fd(_, annotation) => Some(annotation),
        _ => None,
    };
    let annotated = annotation.as_ref().and_then(Annotation::path).map(<[u8]>::to_vec);
    match session.descriptor(scene, 0)? {
        Descriptor::Inside(fd) => {
            let known = session.tasks.open(scene.pid, fd).map(|open| open.path.clone());
            let draft = Draft::new(CallNr::FCHDIR, [Value::Int(fd)]);
            let outcome = session.record(scene, draft)?;
            if scene.call.succeeded() {
                let path = annotated.or(known);
                let full = path.as_deref().and_then(|path| session.root.strip(path));
                session.tasks.set_cwd(scene.pid, path);
                session.tasks.traced_cwd(scene.pid).moved(full);
            }
            Ok(outcome)
        }
        Descriptor::Outside => {
            if scene.call.succeeded() {
                session.tasks.set_cwd(scene.pid, annotated);
                session.tasks.traced_cwd(scene.pid).moved(None);
            }
            Ok(Outcome::Outside)
        }
        Descriptor::Stranger => {
            // The trace lacks the descriptor but can go there by name.
            let Some(path) = annotated.filter(|_| scene.call.succeeded()) else {
                return Ok(Outcome::Lost);
            };
            let Some(full) = session.root.strip(&path) else { return Ok(Outcome::Lost) };
            let draft =
                Draft::new(CallNr::CHDIR, [Value::Bytes(full.clone())]).mark(CallFlags::NORMALISED);
            session.tasks.set_cwd(scene.pid, Some(path));
            session.tasks.traced_cwd(scene.pid).moved(Some(full));
            session.record(scene, draft)
        }
    }
}

fn getcwd(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let mut draft = Draft::new(CallNr::GETCWD, [Value::UInt(scene.call.uint(1)?)]);
    if scene.call.succeeded() {
        let Some(data) = scene.call.data(0)? else { return Ok(Outcome::Outside) };
        // A directory that was removed, or that is not below the process's root, is no path.
        if data.cut || data.bytes.first() != Some(&b'/') {
            return Ok(Outcome::Outside);
        }
        session.learn_cwd(scene.pid, scene.line, scene.time_ns, &data.bytes);
        let Some(full) = session.root.strip(&data.bytes) else { return Ok(Outcome::Outside) };
        // The result counts the path and its NUL; the trace has the path from the root on.
        draft.result = i64::try_from(full.len()).ok().map(|length| length + 1);
        draft = draft.mark(CallFlags::NORMALISED).out(OutField::PATH, Value::Bytes(full));
        return session.record(scene, draft);
    }
    let cwd = session.tasks.cwd(scene.pid).map(<[u8]>::to_vec);
    match cwd.is_some_and(|cwd| session.root.contains(&cwd)) {
        true => session.record(scene, draft),
        false => Ok(Outcome::Outside),
    }
}

fn umask(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let mask = scene.call.mode(0)?;
    let old = scene.call.ret.value.and_then(|old| u64::try_from(old).ok());
    let initial = old.and_then(|old| u32::try_from(old).ok());
    session.report.umask_initial = session.report.umask_initial.or(initial);
    let mut draft = Draft::new(CallNr::UMASK, [Value::UInt(mask)]);
    if let Some(old) = old {
        draft = draft.out(OutField::MASK_OLD, Value::UInt(old));
    }
    session.record(scene, draft).map(|_recorded| Outcome::State)
}

fn exec(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    dir: Option<usize>,
) -> Result<Outcome, Trouble> {
    let path = dir.map_or(0, |dir| dir + 1);
    let place = match session.spot(scene, dir, path, true) {
        Ok(Spot::Inside(place)) => Some(place),
        Ok(Spot::Outside(_)) => None,
        // The first line of a log: the directory is not known yet, the program is.
        Err(_) if scene.call.succeeded() => None,
        Err(trouble) => return Err(trouble),
    };
    let rewritten = place.as_ref().is_some_and(|place| place.rewritten);
    let outcome = match place {
        None if !scene.call.succeeded() => return Ok(Outcome::Outside),
        // A program elsewhere: what matters is that descriptors close.
        None => session
            .record(scene, Draft::new(CallNr::EXEC, [Value::Bytes(Vec::new())]))
            .map(|_recorded| Outcome::State)?,
        Some(place) => session.record(
            scene,
            Draft::new(CallNr::EXEC, [place.lone_path()]).mark_if(rewritten, CallFlags::NORMALISED),
        )?,
    };
    if scene.call.succeeded() {
        session.tasks.exec(scene.pid);
    }
    Ok(outcome)
}

fn chroot(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    if !scene.call.succeeded() {
        return Ok(Outcome::Outside);
    }
    session.lost(scene, LossKind::Namespace, "paths of the process mean other files from here on")
}

fn unshare(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    if scene.call.succeeded() {
        let text = scene.call.arg(0)?.text;
        let has = |name: &[u8]| text.split(|byte| *byte == b'|').any(|part| part == name);
        let share = Share { files: has(b"CLONE_FILES"), place: has(b"CLONE_FS") };
        session.tasks.unshare(scene.pid, share);
    }
    Ok(Outcome::Outside)
}

fn learn(session: &mut Session<'_>, scene: &Scene<'_>, who: Who) -> Result<Outcome, Trouble> {
    if let Some(id) = scene.call.ret.value {
        match who {
            Who::Uid => session.learn_identity(scene, Some(id), None),
            Who::Gid => session.learn_identity(scene, None, Some(id)),
        }
    }
    Ok(Outcome::Outside)
}

/// The effective id, which is that of file access, becomes the argument at `index`.
fn become_id(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    who: Who,
    index: usize,
) -> Result<Outcome, Trouble> {
    let id = scene.call.id(index)?;
    if !scene.call.succeeded() || id == -1 {
        return Ok(Outcome::Outside);
    }
    let identity = session.tasks.identity(scene.pid);
    let args = match who {
        Who::Uid => {
            identity.uid = Some(id);
            [id, -1]
        }
        Who::Gid => {
            identity.gid = Some(id);
            [-1, id]
        }
    };
    let mut draft =
        Draft::new(CallNr::SET_CREDENTIALS, args.map(Value::Int)).mark(CallFlags::NORMALISED);
    // setfsuid returns the user before.
    draft.result = Some(0);
    session.record(scene, draft).map(|_recorded| Outcome::State)
}

fn setgroups(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    if !scene.call.succeeded() {
        return Ok(Outcome::Outside);
    }
    let arg = scene.call.arg(1)?;
    let wrong = || Trouble::new(arg.at, "expected a list of groups");
    let groups = match Term::parse(arg)? {
        Term::Array { items, cut: false } => items,
        Term::Name(b"NULL", _) => Vec::new(),
        // An address for an empty list.
        Term::Int(_) if scene.call.int(0)? == 0 => Vec::new(),
        _ => return Err(wrong()),
    };
    let mut bytes = Vec::new();
    for group in &groups {
        let group = group.int().and_then(|group| u32::try_from(group).ok()).ok_or_else(wrong)?;
        bytes.extend_from_slice(&group.to_le_bytes());
    }
    let draft = Draft::new(CallNr::SETGROUPS, [Value::Bytes(bytes)]).named_by(scene.call.name);
    session.record(scene, draft).map(|_recorded| Outcome::State)
}

/// The trace has the capabilities that go with the user.
fn capabilities(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    if scene.call.succeeded() {
        session.report.note(Note::Capabilities);
    }
    Ok(Outcome::Outside)
}

/// bind(2) of a Unix socket makes a file, as mknod(2) would. What fails makes none, and has other
/// error numbers than mknod.
fn bind(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    // An abstract address, which strace writes with an `@`, is no file.
    let Ok(address) = Term::parse(scene.call.arg(1)?) else { return Ok(Outcome::Outside) };
    let Some(Term::Str { bytes, .. }) = address.field("sun_path") else {
        return Ok(Outcome::Outside);
    };
    let mode = u64::from(FileKind::Socket.type_bits() | 0o777);
    let base = session.tasks.cwd(scene.pid).map(<[u8]>::to_vec);
    let Located::Inside { full, written } = session.root.locate(base.as_deref(), bytes) else {
        return Ok(Outcome::Outside);
    };
    session.report.root_seen = true;
    if !scene.call.succeeded() {
        return Ok(Outcome::Quiet);
    }
    let path = session.root.outer(&full);
    session.links.forget(&path);
    let args = [Value::Int(AT_FDCWD), Value::Bytes(written), Value::UInt(mode), Value::UInt(0)];
    session.record(scene, Draft::new(CallNr::MKNODAT, args).mark(CallFlags::NORMALISED))
}
