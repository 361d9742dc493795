//! Which times a call marks: POSIX, "shall mark for update", of every call.
//!
//! A time that is marked is the time of the call. Access times are marked as the mount was told to
//! keep them: what a call looks at besides is not asked about.

use fuserig_abi::{FileKind, Ino, Timespec};
use fuserig_sim_fs::{AtimePolicy, FallocateMode, OpenFlags, RenameFlags};

use super::acl::DEFAULT;
use super::judged::Judged;
use super::path::Walked;
use crate::sim::{Action, Stamp};

pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
    if !judged.succeeded() {
        return Ok(());
    }
    match judged.action {
        Action::Chown { uid: u32::MAX, gid: u32::MAX, .. }
        | Action::Fchown { uid: u32::MAX, gid: u32::MAX, .. } => Ok(()),
        // Only a directory has a default list, which others lose without a change.
        Action::Setxattr { name, .. } | Action::Removexattr { name, .. }
            if name.0 == DEFAULT && !is_directory(judged) =>
        {
            Ok(())
        }
        Action::Chmod { .. }
        | Action::Chown { .. }
        | Action::Fchmod { .. }
        | Action::Fchown { .. }
        | Action::Setxattr { .. }
        | Action::Removexattr { .. } => status(judged, judged.target()),
        Action::Touch { .. } => {
            status(judged, judged.node())?;
            contents(judged, judged.node())
        }
        Action::Times { atime, mtime, .. } | Action::Futimens { atime, mtime, .. } => {
            given(judged, *atime, *mtime)
        }
        Action::Open { .. }
        | Action::Mkdir { .. }
        | Action::Mknod { .. }
        | Action::Symlink { .. }
        | Action::Link { .. } => {
            named(judged)?;
            truncated(judged)
        }
        Action::Unlink { .. } | Action::Rmdir { .. } => {
            status(judged, judged.node())?;
            both(judged, judged.paths[0].as_ref().map(|place| place.directory))
        }
        Action::Rename { flags, .. } => renamed(judged, *flags),
        Action::Fallocate { mode, .. } => spaced(judged, *mode),
        action if action.writes() && judged.count() == Some(0) => Ok(()),
        action if action.writes() => both(judged, judged.regular()),
        Action::Truncate { .. } | Action::Ftruncate { .. } => truncated(judged),
        Action::Read { .. } | Action::List { .. } => accessed(judged),
        _ => Ok(()),
    }
}

/// man 2 open: what is read with `O_NOATIME` keeps its access time; else it may be that of the
/// call. man 8 mount, relatime: it is, if it was not later than the other two. What is listed on
/// from where it was left may be there already.
fn accessed(judged: &Judged<'_>) -> Result<(), String> {
    let Some(file) = judged.file else { return Ok(()) };
    let Some((was, is)) = judged.stats(file.node) else { return Ok(()) };
    let may_move = !file.flags.contains(OpenFlags::NOATIME);
    let is_read = judged.count() != Some(0) && file.positions.0 == Some(0);
    let options = judged.before.options();
    let policy =
        if was.kind == FileKind::Directory { options.directory_atime } else { options.atime };
    let is_old = was.atime <= was.mtime || was.atime <= was.ctime;
    // Behind an ordinary mount what the kernel keeps is read without anybody below.
    let may_be_kept = judged.mounted && matches!(judged.action, Action::Read { .. });
    let must_move =
        may_move && is_read && is_old && policy == AtimePolicy::Relatime && !may_be_kept;
    let moved = is.atime == judged.now;
    match may_move && moved || is.atime == was.atime && !must_move {
        true => Ok(()),
        false if must_move => Err(format!("does not move the atime of node {}", is.ino.0)),
        false => Err(format!("moves the atime of node {}", is.ino.0)),
    }
}

fn is_directory(judged: &Judged<'_>) -> bool {
    let stat = judged.node().and_then(|node| judged.before.stat(node));
    stat.is_some_and(|stat| stat.kind == FileKind::Directory)
}

/// The status of a node changed in this call.
fn status(judged: &Judged<'_>, node: Option<Ino>) -> Result<(), String> {
    let Some(stat) = node.and_then(|node| judged.after.stat(node)) else { return Ok(()) };
    match stat.ctime == judged.now {
        true => Ok(()),
        false => Err(format!("does not move the ctime of node {}", stat.ino.0)),
    }
}

/// The contents of a node changed in this call.
fn contents(judged: &Judged<'_>, node: Option<Ino>) -> Result<(), String> {
    let Some(stat) = node.and_then(|node| judged.after.stat(node)) else { return Ok(()) };
    match stat.mtime == judged.now {
        true => Ok(()),
        false => Err(format!("does not move the mtime of node {}", stat.ino.0)),
    }
}

fn both(judged: &Judged<'_>, node: Option<Ino>) -> Result<(), String> {
    status(judged, node)?;
    contents(judged, node)
}

/// man 2 utimensat: each time is the one that is given, that of the call, or what it was.
fn given(judged: &Judged<'_>, atime: Stamp, mtime: Stamp) -> Result<(), String> {
    let Some((was, is)) = judged.target().and_then(|node| judged.stats(node)) else {
        return Ok(());
    };
    let expected = |stamp: Stamp, was: Timespec| match stamp {
        Stamp::Now => judged.now,
        Stamp::Omit => was,
        Stamp::At { sec, nsec } => Timespec { sec, nsec },
    };
    let times = [("atime", atime, was.atime, is.atime), ("mtime", mtime, was.mtime, is.mtime)];
    for (word, stamp, was, is) in times {
        let must = expected(stamp, was);
        if is != must {
            return Err(format!("leaves the {word} at {is} instead of {must}"));
        }
    }
    let asks_nothing = (atime, mtime) == (Stamp::Omit, Stamp::Omit);
    match asks_nothing {
        true if is.ctime != was.ctime => Err("moves the ctime, and changes nothing".to_owned()),
        true => Ok(()),
        false => status(judged, Some(is.ino)),
    }
}

/// A new name: the directory, and what has it.
fn named(judged: &Judged<'_>) -> Result<(), String> {
    let Some((place, node)) = judged.made() else { return Ok(()) };
    both(judged, Some(place.directory))?;
    status(judged, node)?;
    match judged.action {
        Action::Link { .. } => Ok(()),
        _ => contents(judged, node),
    }
}

/// POSIX truncate: marks both when the length changes.
fn truncated(judged: &Judged<'_>) -> Result<(), String> {
    let node = match judged.action {
        Action::Open { flags, .. } if flags & OpenFlags::PATH.bits() != 0 => None,
        _ => judged.regular(),
    };
    let Some((was, is)) = node.and_then(|node| judged.stats(node)) else { return Ok(()) };
    if was.size == is.size { Ok(()) } else { both(judged, node) }
}

/// man 2 fallocate: what takes bytes away, moves them or makes a file longer changes its contents.
fn spaced(judged: &Judged<'_>, mode: u32) -> Result<(), String> {
    let Some((was, is)) = judged.regular().and_then(|node| judged.stats(node)) else {
        return Ok(());
    };
    let takes = mode & !FallocateMode::KEEP_SIZE.bits() != 0;
    if takes || was.size != is.size { both(judged, Some(is.ino)) } else { Ok(()) }
}

/// POSIX rename marks both directories; Linux marks what is renamed as well.
fn renamed(judged: &Judged<'_>, flags: u32) -> Result<(), String> {
    let [Some(old), Some(new)] = &judged.paths else { return Ok(()) };
    if old.node == new.node {
        return Ok(());
    }
    let exchanges = flags & RenameFlags::EXCHANGE.bits() != 0;
    let judge_name = |place: &Walked| {
        status(judged, place.node)?;
        both(judged, Some(place.directory))
    };
    judge_name(old)?;
    match exchanges || new.node.is_some() {
        true => judge_name(new),
        false => both(judged, Some(new.directory)),
    }
}
