//! Who may do what: man 7 `path_resolution`, man 2 access, and the sticky bit of man 2 unlink.
//!
//! A success that nobody may have is found as well as the refusal of what is allowed.

use fuserig_abi::{Errno, FileKind, Gid, Ino, S_ISGID, S_ISUID, S_ISVTX, Stat, Uid};
use fuserig_sim_fs::OpenFlags;

use super::acl;
use super::judged::{Judged, OpenFile};
use super::path::Walked;
use super::xattrs::is_list;
use crate::sim::{Action, Stamp};

pub(super) const READ: u32 = 4;
pub(super) const WRITE: u32 = 2;
pub(super) const EXEC: u32 = 1;

pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
    if let Some(file) = judged.file {
        return on_file(judged, file);
    }
    let Some(place) = &judged.paths[0] else { return Ok(()) };
    // Who asks for nothing is not even asked for the path.
    let asks_nothing =
        matches!(judged.action, Action::Times { atime: Stamp::Omit, mtime: Stamp::Omit, .. });
    if asks_nothing {
        return Ok(());
    }
    if judged.succeeded() && searches(judged, place) == Some(false) {
        return Err("passes a directory that it may not search".to_owned());
    }
    match judged.action {
        Action::Unlink { .. } => removal(judged, place, false),
        Action::Rmdir { .. } => removal(judged, place, true),
        Action::Rename { .. } => renaming(judged),
        Action::Chmod { .. } => ownership(judged, &Reached::by(judged, place)),
        Action::Chown { uid, gid, .. } => {
            new_owner(judged, &Reached::by(judged, place), (*uid, *gid))
        }
        Action::Setxattr { name, .. } if is_list(&name.0) => listing_rights(judged, place),
        Action::Touch { .. } => times(judged, &Reached::by(judged, place), true),
        Action::Times { atime, mtime, .. } => {
            let are_now = (*atime, *mtime) == (Stamp::Now, Stamp::Now);
            times(judged, &Reached::by(judged, place), are_now)
        }
        Action::Access { mode, .. } => access(judged, place, *mode & 7),
        Action::Truncate { .. } => access(judged, place, WRITE),
        Action::Chdir { .. } => access(judged, place, EXEC),
        Action::Open { flags, .. } => open(judged, place, OpenFlags::from_bits_retain(*flags)),
        Action::Mkdir { .. } | Action::Mknod { .. } | Action::Symlink { .. } => {
            making(judged, place)
        }
        Action::Link { .. } => linking(judged, place),
        _ => Ok(()),
    }
}

/// What has an open file has been reached, whoever may search what.
fn on_file(judged: &Judged<'_>, file: OpenFile) -> Result<(), String> {
    let stat = judged.before.stat(file.node);
    if file.flags.contains(OpenFlags::PATH) {
        return Ok(());
    }
    let reached = Reached { stat, searched: Some(true) };
    match judged.action {
        Action::Fchmod { .. } => ownership(judged, &reached),
        Action::Fchown { uid, gid, .. } => new_owner(judged, &reached, (*uid, *gid)),
        Action::Futimens { atime: Stamp::Omit, mtime: Stamp::Omit, .. } => Ok(()),
        Action::Futimens { atime, mtime, .. } => {
            times(judged, &reached, (*atime, *mtime) == (Stamp::Now, Stamp::Now))
        }
        _ => Ok(()),
    }
}

/// What a call is about, and whether its caller may search the way to it.
struct Reached {
    stat: Option<Stat>,
    searched: Option<bool>,
}

impl Reached {
    fn by(judged: &Judged<'_>, place: &Walked) -> Reached {
        let stat = place.node.and_then(|node| judged.before.stat(node));
        Reached { stat, searched: searches(judged, place) }
    }
}

fn is_root(judged: &Judged<'_>) -> bool {
    judged.credentials.uid == Uid::ROOT
}

/// Whether the mode or the list of a node grants these bits. Linux does not look at a list whose
/// mask grants nothing, so that nothing is said then.
pub(super) fn may(judged: &Judged<'_>, node: Ino, bits: u32) -> Option<bool> {
    let stat = judged.before.stat(node)?;
    if is_root(judged) {
        let executable = stat.kind == FileKind::Directory || stat.permissions & 0o111 != 0;
        return Some(bits & EXEC == 0 || executable);
    }
    let list = match judged.credentials.uid == stat.uid {
        true => None,
        false => acl::list_of(judged.before, node, acl::ACCESS),
    };
    if let Some(list) = list {
        let looked_at = stat.permissions & 0o070 != 0;
        return looked_at.then(|| list.grants(&judged.credentials, stat.gid, bits));
    }
    let class = match &judged.credentials {
        who if who.uid == stat.uid => 6,
        who if who.in_group(stat.gid) => 3,
        _ => 0,
    };
    Some(stat.permissions >> class & bits == bits)
}

/// Whether every one of some answers is yes: none when one is unknown and none is no.
pub(super) fn all(answers: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(true);
    for answer in answers {
        match answer {
            Some(false) => return Some(false),
            None => known = None,
            Some(true) => {}
        }
    }
    known
}

/// Whether the caller may search every directory on the way.
fn searches(judged: &Judged<'_>, place: &Walked) -> Option<bool> {
    all(place.searched.iter().map(|directory| may(judged, *directory, EXEC)))
}

pub(super) fn is_reachable(judged: &Judged<'_>, place: &Walked) -> bool {
    searches(judged, place) == Some(true)
}

/// What a refusal or a success says when the caller may, or may not.
fn verdict(judged: &Judged<'_>, allowed: Option<bool>, refusals: &[Errno]) -> Result<(), String> {
    match (judged.result.value, allowed) {
        (Ok(_), Some(false)) => Err("succeeds, and the caller may not".to_owned()),
        (Err(errno), Some(true)) if refusals.contains(&errno) => {
            Err(format!("fails with {errno}, and the caller may"))
        }
        _ => Ok(()),
    }
}

/// man 2 unlink, rmdir: write permission on the directory; in a sticky one the owner of the
/// directory, the owner of the file and the super-user may.
fn may_remove(judged: &Judged<'_>, place: &Walked, victim: &Stat) -> Option<bool> {
    let directory = judged.before.stat(place.directory)?;
    let uid = judged.credentials.uid;
    let sticky = directory.permissions & S_ISVTX != 0;
    let mistaken = [place.directory, victim.ino].iter().any(|node| judged.mistaken.contains(node));
    let owns = is_root(judged) || uid == directory.uid || uid == victim.uid;
    all([
        searches(judged, place),
        may(judged, place.directory, WRITE | EXEC),
        if mistaken { None } else { Some(!sticky || owns) },
    ])
}

fn removal(judged: &Judged<'_>, place: &Walked, directory: bool) -> Result<(), String> {
    let Some(victim) = place.node.and_then(|node| judged.before.stat(node)) else {
        return Ok(());
    };
    let allowed = may_remove(judged, place, &victim);
    let fits = (victim.kind == FileKind::Directory) == directory;
    let refusals: &[Errno] = if fits { &[Errno::EPERM, Errno::EACCES] } else { &[] };
    verdict(judged, allowed, refusals)
}

/// Both directories change, and what is replaced is removed.
fn renaming(judged: &Judged<'_>) -> Result<(), String> {
    let [Some(old), Some(new)] = &judged.paths else { return Ok(()) };
    let Some(moved) = old.node.and_then(|node| judged.before.stat(node)) else { return Ok(()) };
    let replaced = new.node.and_then(|node| judged.before.stat(node));
    if old.node == new.node {
        return Ok(());
    }
    let target = match &replaced {
        Some(victim) => may_remove(judged, new, victim),
        None => all([searches(judged, new), may(judged, new.directory, WRITE | EXEC)]),
    };
    let allowed = all([may_remove(judged, old, &moved), target]);
    // A directory that moves is written itself, for its `..`.
    let is_directory = |stat: &Stat| stat.kind == FileKind::Directory;
    let plain = !is_directory(&moved) && !replaced.as_ref().is_some_and(is_directory);
    let refusals: &[Errno] = if plain { &[Errno::EPERM, Errno::EACCES] } else { &[] };
    let whiteout = matches!(judged.action, Action::Rename { flags, .. } if flags & 4 != 0);
    verdict(judged, allowed, if whiteout { &[] } else { refusals })
}

/// man 2 chmod: for the owner and the super-user.
fn ownership(judged: &Judged<'_>, reached: &Reached) -> Result<(), String> {
    let Some(stat) = &reached.stat else { return Ok(()) };
    let owns = is_root(judged) || judged.credentials.uid == stat.uid;
    let allowed = all([reached.searched, Some(owns)]);
    verdict(judged, allowed, &[Errno::EPERM, Errno::EACCES])
}

/// man 5 acl: a list is for the owner and the super-user to set. What is no directory has no
/// default list to lose, which everybody may.
fn listing_rights(judged: &Judged<'_>, place: &Walked) -> Result<(), String> {
    let reached = Reached::by(judged, place);
    match &reached.stat {
        Some(stat) if stat.kind != FileKind::Directory && sets_default(judged) => Ok(()),
        _ => ownership(judged, &reached),
    }
}

fn sets_default(judged: &Judged<'_>) -> bool {
    matches!(judged.action, Action::Setxattr { name, .. } if name.0 == acl::DEFAULT)
}

/// man 2 chown: the super-user gives files away; the owner gives them to a group it is in.
fn new_owner(judged: &Judged<'_>, reached: &Reached, (uid, gid): (u32, u32)) -> Result<(), String> {
    // Who asks for nothing is not even asked for the path.
    if (uid, gid) == (u32::MAX, u32::MAX) {
        return Ok(());
    }
    let Some(stat) = &reached.stat else { return Ok(()) };
    let owns = judged.credentials.uid == stat.uid && [u32::MAX, stat.uid.0].contains(&uid);
    let joins = [u32::MAX, stat.gid.0].contains(&gid) || judged.credentials.in_group(Gid(gid));
    let may = is_root(judged) || owns && joins;
    let known = is_root(judged) || !judged.mistaken.contains(&stat.ino);
    let allowed = all([reached.searched, known.then_some(may)]);
    verdict(judged, allowed, &[Errno::EPERM, Errno::EACCES])
}

/// man 2 utimensat: for the owner and the super-user, and to the time of the call for whoever may
/// write.
fn times(judged: &Judged<'_>, reached: &Reached, are_now: bool) -> Result<(), String> {
    let Some(stat) = &reached.stat else { return Ok(()) };
    let allowed = match is_root(judged) || judged.credentials.uid == stat.uid {
        true => (!judged.mistaken.contains(&stat.ino)).then_some(true),
        false if are_now => may(judged, stat.ino, WRITE),
        false => Some(false),
    };
    let allowed = all([reached.searched, allowed]);
    verdict(judged, allowed, &[Errno::EPERM, Errno::EACCES])
}

/// man 2 access, man 2 truncate.
fn access(judged: &Judged<'_>, place: &Walked, bits: u32) -> Result<(), String> {
    let Some(node) = place.node else { return Ok(()) };
    let allowed = all([searches(judged, place), may(judged, node, bits)]);
    verdict(judged, allowed, &[Errno::EACCES])
}

/// man 2 open.
fn open(judged: &Judged<'_>, place: &Walked, flags: OpenFlags) -> Result<(), String> {
    if flags.contains(OpenFlags::PATH) || flags.contains(OpenFlags::TMPFILE_ONLY) {
        return Ok(());
    }
    let Some(node) = place.node else {
        return match flags.contains(OpenFlags::CREAT) {
            true => making(judged, place),
            false => Ok(()),
        };
    };
    let wanted = [
        (READ, flags.wants_read()),
        (WRITE, flags.wants_write() || flags.contains(OpenFlags::TRUNC)),
    ];
    let bits = wanted.iter().filter(|(_, wants)| *wants).map(|(bit, _)| bit).sum();
    let allowed = all([searches(judged, place), may(judged, node, bits)]);
    // fs.protected_regular refuses more of those that create in sticky directories.
    let hardened = flags.contains(OpenFlags::CREAT) || flags.access_mode() == 3;
    verdict(judged, allowed, if hardened { &[] } else { &[Errno::EACCES] })
}

/// man 2 mkdir: write permission on the directory for a name that is not there.
fn making(judged: &Judged<'_>, place: &Walked) -> Result<(), String> {
    if place.node.is_some() {
        return Ok(());
    }
    let allowed = all([searches(judged, place), may(judged, place.directory, WRITE | EXEC)]);
    verdict(judged, allowed, &[Errno::EACCES])
}

/// man 2 link: write permission on the directory, as for any name that is made. man 5
/// `proc_sys_fs`, `protected_hardlinks`: a file of somebody else is a regular one that the caller
/// may read and write, and gives nobody rights when it is executed.
fn linking(judged: &Judged<'_>, source: &Walked) -> Result<(), String> {
    let Some(place) = &judged.paths[1] else { return Ok(()) };
    if place.node.is_none() {
        let searched = [source, place].map(|path| searches(judged, path));
        let allowed = [may(judged, place.directory, WRITE | EXEC)].into_iter().chain(searched);
        verdict(judged, all(allowed), &[Errno::EACCES])?;
    }
    let Some(node) = source.node.filter(|_| judged.succeeded()) else { return Ok(()) };
    let Some(stat) = judged.before.stat(node) else { return Ok(()) };
    let is_own = is_root(judged) || judged.credentials.uid == stat.uid;
    if is_own || judged.mistaken.contains(&node) {
        return Ok(());
    }
    let of_group = S_ISGID | 0o010;
    let is_safe = stat.kind == FileKind::Regular
        && stat.permissions & S_ISUID == 0
        && stat.permissions & of_group != of_group;
    match is_safe && may(judged, node, READ | WRITE) != Some(false) {
        true => Ok(()),
        false => Err("links a file of somebody else that it may not write, or execute".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use fuserig_sim_fs::LowerExt as _;

    use super::super::tests::{Check, NOW, at, node, right, wrong};
    use super::*;

    #[test]
    fn who_links_a_file_of_somebody_else_may_write_it() {
        let tree = "/f mode=0644 'x'\n/w mode=0666 'x'\n/u mode=04666 'x'\n/d/ mode=0777\n/c/";
        let link = |user, source: &'static str, path: &'static str, value| {
            let action = Action::Link { source: source.into(), path: path.into() };
            Check { tree, user, ..Check::default() }.judge(action, value, |fs| {
                if value.is_ok() {
                    let (from, (directory, name)) = (node(fs, source), path.split_at(1));
                    fs.link(&at(NOW), from, node(fs, directory), &name.as_bytes()[1..])
                        .expect("room");
                }
            })
        };
        right(link(1000, "w", "d/n", Ok(0)));
        right(link(0, "u", "d/n", Ok(0)));
        wrong(link(1000, "f", "d/n", Ok(0)), "that it may not write, or execute");
        wrong(link(1000, "u", "d/n", Ok(0)), "that it may not write, or execute");
        wrong(link(1000, "w", "c/n", Ok(0)), "and the caller may not");
        wrong(link(1000, "w", "d/n", Err(Errno::EACCES)), "and the caller may");
        right(link(1000, "f", "d/n", Err(Errno::EPERM)));
    }
}
