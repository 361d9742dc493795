//! A slash behind a name says that it is a directory: POSIX 4.16, man 7 `path_resolution`.
//!
//! mkdir, and rmdir and rename of a directory, may have one. Nothing else that is made, removed or
//! moved may. What a reader would get wrong: which error a rename fails with is not judged, for
//! much else may be said of its two names first.

use fuserig_abi::{Errno, FileKind, Uid};

use super::judged::Judged;
use super::nowhere::is_of_arguments;
use crate::sim::Action;

pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
    let Some(place) = judged.slashed.iter().flatten().next() else { return Ok(()) };
    if judged.was_broken {
        return Ok(());
    }
    let Some(errno) = judged.errno() else {
        return Err("succeeds, and a slash stands behind what is no directory".to_owned());
    };
    let kind = place.node.and_then(|node| judged.before.stat(node)).map(|stat| stat.kind);
    let right = match (judged.action, kind) {
        (Action::Open { .. }, _) => Errno::EISDIR,
        (Action::Unlink { .. }, None) => Errno::ENOENT,
        (Action::Unlink { .. }, Some(FileKind::Directory)) => Errno::EISDIR,
        (Action::Unlink { .. } | Action::Rmdir { .. }, _) => Errno::ENOTDIR,
        // What is to be linked is looked for first.
        (Action::Link { .. }, _)
            if judged.paths[0].as_ref().is_none_or(|old| old.node.is_none()) =>
        {
            return Ok(());
        }
        (Action::Mknod { .. } | Action::Symlink { .. } | Action::Link { .. }, None) => {
            Errno::ENOENT
        }
        (Action::Mknod { .. } | Action::Symlink { .. } | Action::Link { .. }, Some(_)) => {
            Errno::EEXIST
        }
        _ => return Ok(()),
    };
    let may_lack_rights = errno == Errno::EACCES && judged.credentials.uid != Uid::ROOT;
    match errno == right || may_lack_rights || is_of_arguments(judged.action, errno) {
        true => Ok(()),
        false => Err(format!("fails with {errno}, and the slash behind its name is {right}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Check, right, wrong};
    use super::*;

    fn check(action: Action, value: Result<i64, Errno>) -> Result<(), String> {
        let tree = "/f 'x'\n/d/\n/l -> d";
        Check { tree, ..Check::default() }.judge(action, value, |_| {})
    }

    #[test]
    fn what_is_no_directory_has_no_slash() {
        let open = |path: &str| Action::Open { path: path.into(), flags: 0o100, mode: 0o644 };
        let unlink = |path: &str| Action::Unlink { path: path.into() };
        let rmdir = |path: &str| Action::Rmdir { path: path.into() };
        let mknod = |path: &str| Action::Mknod { path: path.into(), mode: 0o100_644, device: 0 };
        let link = |path: &str| Action::Link { source: "f".into(), path: path.into() };
        for (action, errno) in [
            (open("n/"), Errno::EISDIR),
            (open("f/"), Errno::EISDIR),
            (unlink("n//"), Errno::ENOENT),
            (unlink("f/"), Errno::ENOTDIR),
            (unlink("d/"), Errno::EISDIR),
            (rmdir("f/"), Errno::ENOTDIR),
            (rmdir("l/"), Errno::ENOTDIR),
            (mknod("n/"), Errno::ENOENT),
            (mknod("f/"), Errno::EEXIST),
            (link("n/"), Errno::ENOENT),
            (link("d/"), Errno::EEXIST),
        ] {
            right(check(action.clone(), Err(errno)));
            wrong(check(action.clone(), Ok(0)), "a slash stands behind what is no directory");
            wrong(check(action, Err(Errno::EIO)), "fails with EIO, and the slash behind its name");
        }
    }

    #[test]
    fn what_is_moved_is_a_directory_or_has_no_slash() {
        let rename = |old: &str, new: &str, flags| {
            let (old, new) = (old.into(), new.into());
            check(Action::Rename { old, new, flags }, Ok(0))
        };
        for (old, new, flags) in
            [("f/", "g", 0), ("f", "g/", 0), ("l/", "k", 0), ("d", "f/", 2), ("f/", "d", 2)]
        {
            wrong(rename(old, new, flags), "a slash stands behind what is no directory");
        }
        // It is said to have been moved, and nothing was.
        wrong(rename("d/", "e/", 0), "");
        right(check(Action::Mkdir { path: "d/".into(), mode: 0o755 }, Err(Errno::EEXIST)));
        wrong(check(Action::Mkdir { path: "d/".into(), mode: 0o755 }, Ok(0)), "");
    }
}
