//! What leads where after a call that makes, moves or removes names, and which of them must fail.

use fuserig_abi::{Device, Errno, FileKind, Ino, Stat};
use fuserig_sim_fs::{OpenFlags, RenameFlags};

use super::judged::Judged;
use super::path::Walked;
use super::rights::is_reachable;
use crate::sim::Action;

pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
    match judged.action {
        Action::Open { flags, .. } => opened(judged, OpenFlags::from_bits_retain(*flags)),
        Action::Mkdir { .. } | Action::Mknod { .. } | Action::Symlink { .. } => {
            taken(judged, judged.paths[0].as_ref())?;
            made(judged)
        }
        Action::Link { .. } => {
            taken(judged, judged.paths[1].as_ref())?;
            linked(judged)
        }
        Action::Unlink { .. } | Action::Rmdir { .. } => removed(judged),
        Action::Rename { flags, .. } => renamed(judged, RenameFlags::from_bits_retain(*flags)),
        _ => Ok(()),
    }
}

fn is_directory(judged: &Judged<'_>, node: Ino) -> bool {
    judged.before.stat(node).is_some_and(|stat| stat.kind == FileKind::Directory)
}

fn leads(judged: &Judged<'_>, place: &Walked) -> Option<Ino> {
    judged.after.leads_to(place.directory, &place.name)
}

/// POSIX open: without `O_CREAT` the file was there, with `O_EXCL` it was not, and then it is.
fn opened(judged: &Judged<'_>, flags: OpenFlags) -> Result<(), String> {
    let Some(place) = &judged.paths[0] else { return Ok(()) };
    if flags.contains(OpenFlags::TMPFILE_ONLY) {
        return Ok(());
    }
    let creates = flags.contains(OpenFlags::CREAT) && !flags.contains(OpenFlags::PATH);
    let exclusive = creates && flags.contains(OpenFlags::EXCL);
    match (place.node, judged.result.value) {
        (None, Ok(_)) if !creates => Err("opens what is not there".to_owned()),
        (Some(_), Ok(_)) if exclusive => Err("makes what is there".to_owned()),
        (Some(_), Err(Errno::ENOENT)) => Err("does not find what is there".to_owned()),
        (Some(node), Ok(_)) if leads(judged, place) != Some(node) => {
            Err("changes where the name leads".to_owned())
        }
        (None, Ok(_)) => made(judged),
        _ => Ok(()),
    }
}

/// POSIX mkdir, mknod, symlink, link: a name that exists is not made, and that is EEXIST.
fn taken(judged: &Judged<'_>, place: Option<&Walked>) -> Result<(), String> {
    let Some(place) = place else { return Ok(()) };
    match (place.node, judged.result.value) {
        (Some(_), Ok(_)) => Err("makes a name that is there".to_owned()),
        (None, Err(Errno::EEXIST)) => Err("finds a name that is not there".to_owned()),
        (Some(_), Err(errno))
            if errno != Errno::EEXIST
                && !matches!(judged.action, Action::Link { .. })
                && !is_about_the_argument(errno, judged.action)
                && !is_of_the_machine(errno)
                && is_reachable(judged, place) =>
        {
            Err(format!("fails with {errno}, and the name is there: EEXIST"))
        }
        _ => Ok(()),
    }
}

/// Whether an error says that something is broken, which may be so since an earlier call.
fn is_of_the_machine(errno: Errno) -> bool {
    matches!(errno, Errno::EIO | Errno::ENOMEM | Errno::ESTALE | Errno::EINTR | Errno::ENOTCONN)
}

/// Whether an error is about what was to be made, whatever is there.
fn is_about_the_argument(errno: Errno, action: &Action) -> bool {
    match action {
        // man 2 symlink: ENOENT if the target is the empty string.
        Action::Symlink { target, .. } if target.0.is_empty() => errno == Errno::ENOENT,
        _ => matches!(errno, Errno::EPERM | Errno::EINVAL | Errno::ENAMETOOLONG),
    }
}

/// What was made is there, of the right kind, and empty.
fn made(judged: &Judged<'_>) -> Result<(), String> {
    let Some((_, node)) = judged.made() else { return Ok(()) };
    let Some(node) = node else { return Err("makes nothing".to_owned()) };
    let Some(stat) = judged.after.stat(node) else { return Ok(()) };
    let kind = match judged.action {
        Action::Open { .. } => FileKind::Regular,
        Action::Mkdir { .. } => FileKind::Directory,
        Action::Symlink { target, .. } => {
            if judged.after.target(node) != Some(&target.0) {
                return Err("makes a symlink to something else".to_owned());
            }
            FileKind::Symlink
        }
        _ => stat.kind,
    };
    if judged.before.stat(node).is_some() {
        return Err("gives a new name to what was there".to_owned());
    }
    if stat.kind != kind {
        return Err(format!("makes a {:?}", stat.kind));
    }
    if let Action::Mknod { device, .. } = judged.action
        && matches!(stat.kind, FileKind::CharDevice | FileKind::BlockDevice)
        && stat.rdev != Device::decode(*device)
    {
        return Err(format!("makes the device {}", stat.rdev));
    }
    if stat.kind == FileKind::Regular && stat.size != 0
        || judged.after.names_in(node).next().is_some()
    {
        return Err("makes something that is not empty".to_owned());
    }
    Ok(())
}

/// POSIX link: both names lead to the same.
fn linked(judged: &Judged<'_>) -> Result<(), String> {
    let ([Some(source), Some(place)], true) = (&judged.paths, judged.succeeded()) else {
        return Ok(());
    };
    match source.node {
        None => Err("links what is not there".to_owned()),
        Some(node) if is_directory(judged, node) => Err("links a directory".to_owned()),
        Some(node) if leads(judged, place) != Some(node) => {
            Err("leads to something else by the new name".to_owned())
        }
        Some(node) if leads(judged, source) != Some(node) => Err("moves the name".to_owned()),
        Some(_) => Ok(()),
    }
}

/// POSIX unlink and rmdir: the name is gone; a directory that is removed was an empty one.
fn removed(judged: &Judged<'_>) -> Result<(), String> {
    let Some(place) = &judged.paths[0] else { return Ok(()) };
    let wants_directory = matches!(judged.action, Action::Rmdir { .. });
    let Some(node) = place.node else {
        return match judged.result.value {
            Ok(_) => Err("removes what is not there".to_owned()),
            Err(_) => Ok(()),
        };
    };
    let directory = is_directory(judged, node);
    let full = directory && judged.before.names_in(node).next().is_some();
    match judged.result.value {
        Ok(_) if directory != wants_directory => Err("removes what is of another kind".to_owned()),
        Ok(_) if full => Err("removes a directory that is not empty".to_owned()),
        Ok(_) if leads(judged, place).is_some() => Err("leaves the name".to_owned()),
        Err(Errno::ENOENT) => Err("does not find what is there".to_owned()),
        Err(Errno::ENOTEMPTY | Errno::EEXIST) if !full => {
            Err("calls a directory not empty that is empty".to_owned())
        }
        _ => Ok(()),
    }
}

/// POSIX rename and man 2 renameat2: what each name leads to, and what may be replaced.
fn renamed(judged: &Judged<'_>, flags: RenameFlags) -> Result<(), String> {
    let [Some(old), Some(new)] = &judged.paths else { return Ok(()) };
    let Some(node) = old.node else {
        return match judged.result.value {
            Ok(_) => Err("moves what is not there".to_owned()),
            Err(_) => Ok(()),
        };
    };
    match judged.result.value {
        Ok(_) => moved(judged, flags, (old, new), node),
        Err(errno) => refused(judged, flags, (old, new), errno),
    }
}

fn moved(
    judged: &Judged<'_>,
    flags: RenameFlags,
    (old, new): (&Walked, &Walked),
    node: Ino,
) -> Result<(), String> {
    let exchanges = flags.contains(RenameFlags::EXCHANGE);
    if new.node.is_some() && flags.contains(RenameFlags::NOREPLACE) {
        return Err("replaces what it must not".to_owned());
    }
    if exchanges && new.node.is_none() {
        return Err("exchanges with what is not there".to_owned());
    }
    if leads(judged, new) != Some(node) {
        return Err("leads to something else by the new name".to_owned());
    }
    if new.node == Some(node) {
        // POSIX rename: two names of one file are left as they are.
        return match leads(judged, old) {
            Some(is) if is == node => Ok(()),
            _ => Err("removes one of two names of a file".to_owned()),
        };
    }
    parents(judged, [(new, Some(node)), (old, new.node.filter(|_| exchanges))])?;
    let is = leads(judged, old);
    if exchanges {
        return if is == new.node { Ok(()) } else { Err("does not exchange".to_owned()) };
    }
    match (is, flags.contains(RenameFlags::WHITEOUT)) {
        (Some(_), false) => return Err("leaves the old name".to_owned()),
        (is, true) if !is.is_some_and(|is| is_whiteout(judged, is)) => {
            return Err("leaves no whiteout".to_owned());
        }
        _ => {}
    }
    if let Some(target) = new.node {
        if is_directory(judged, target) != is_directory(judged, node) {
            return Err("replaces what is of another kind".to_owned());
        }
        if judged.before.names_in(target).next().is_some() {
            return Err("replaces a directory that is not empty".to_owned());
        }
    }
    Ok(())
}

/// A directory that has moved leads to where it is now.
fn parents(judged: &Judged<'_>, moved: [(&Walked, Option<Ino>); 2]) -> Result<(), String> {
    for (place, node) in moved {
        let parent = node.and_then(|node| judged.after.parent_of(node));
        if parent.is_some_and(|parent| parent != place.directory) {
            return Err("leaves a directory whose `..` is elsewhere".to_owned());
        }
    }
    Ok(())
}

/// man 2 rename: a whiteout is a character device 0:0, and it is a new one.
fn is_whiteout(judged: &Judged<'_>, node: Ino) -> bool {
    let is_device = |stat: &Stat| {
        let number = (stat.rdev.major, stat.rdev.minor);
        stat.kind == FileKind::CharDevice && number == (0, 0) && stat.permissions == 0
    };
    judged.after.stat(node).as_ref().is_some_and(is_device) && judged.before.stat(node).is_none()
}

fn refused(
    judged: &Judged<'_>,
    flags: RenameFlags,
    (old, new): (&Walked, &Walked),
    errno: Errno,
) -> Result<(), String> {
    let exclusive = flags == RenameFlags::NOREPLACE;
    match (errno, new.node) {
        (Errno::EEXIST, None) => Err("finds a name that is not there".to_owned()),
        (Errno::ENOENT, Some(_)) => Err("does not find what is there".to_owned()),
        (Errno::ENOENT, None) if flags.is_empty() => Err("does not find what is there".to_owned()),
        (Errno::ENOTEMPTY, target)
            if target.is_none_or(|target| judged.before.names_in(target).next().is_none()) =>
        {
            Err("calls a directory not empty that is empty".to_owned())
        }
        (errno, Some(_))
            if exclusive
                && errno != Errno::EEXIST
                && !is_of_the_machine(errno)
                && is_reachable(judged, old)
                && is_reachable(judged, new) =>
        {
            Err(format!("fails with {errno}, and the new name is there: EEXIST"))
        }
        _ => Ok(()),
    }
}
