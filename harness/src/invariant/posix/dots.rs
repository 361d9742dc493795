//! `.` and `..` are names of what is there, and nothing is made, moved or removed under them:
//! man 2 unlink, rmdir, rename, mkdir.
//!
//! What a reader would get wrong: the errors are Linux's, and each call has one of its own.

use fuserig_abi::{Errno, Uid};

use super::judged::Judged;
use super::nowhere::is_of_arguments;
use super::path::Dots;
use crate::sim::Action;

pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
    let Some(dots) = judged.dots.iter().flatten().next() else { return Ok(()) };
    if judged.was_broken {
        return Ok(());
    }
    let right = match (judged.action, dots) {
        (Action::Unlink { .. }, _) => Errno::EISDIR,
        (Action::Rmdir { .. }, Dots::One) => Errno::EINVAL,
        (Action::Rmdir { .. }, Dots::Two) => Errno::ENOTEMPTY,
        (Action::Rename { flags, .. }, _) if flags & 1 != 0 && judged.dots[0].is_none() => {
            Errno::EEXIST
        }
        (Action::Rename { .. }, _) => Errno::EBUSY,
        _ => Errno::EEXIST,
    };
    let Some(errno) = judged.errno() else {
        return Err("succeeds, and its name is that of a directory that is there".to_owned());
    };
    let may_lack_rights = errno == Errno::EACCES && judged.credentials.uid != Uid::ROOT;
    // What is removed has no arguments but its name.
    let removes = matches!(judged.action, Action::Unlink { .. } | Action::Rmdir { .. });
    let of_arguments = !removes && is_of_arguments(judged.action, errno);
    let is_right = errno == right || may_lack_rights || of_arguments;
    // Of two paths the other may be what is refused.
    match is_right || !judged.leads_everywhere() {
        true => Ok(()),
        false => Err(format!("fails with {errno}, and no name ends in dots: {right}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Check, right, wrong};
    use super::*;

    #[test]
    fn nothing_is_made_moved_or_removed_under_dots() {
        let tree = "/f 'x'\n/d/\n/d/e/";
        let check =
            |action: Action, value| Check { tree, ..Check::default() }.judge(action, value, |_| {});
        let unlink = |path: &str| Action::Unlink { path: path.into() };
        let rmdir = |path: &str| Action::Rmdir { path: path.into() };
        let mkdir = |path: &str| Action::Mkdir { path: path.into(), mode: 0o755 };
        let rename = |old: &str, new: &str, flags| Action::Rename {
            old: old.into(),
            new: new.into(),
            flags,
        };
        let link = |path: &str| Action::Link { source: "f".into(), path: path.into() };
        for (action, errno) in [
            (unlink("."), Errno::EISDIR),
            (unlink("d/../"), Errno::EISDIR),
            (rmdir("d/."), Errno::EINVAL),
            (rmdir("d/e/.."), Errno::ENOTEMPTY),
            (mkdir("d/./"), Errno::EEXIST),
            (link("d/.."), Errno::EEXIST),
            (rename("d/.", "x", 0), Errno::EBUSY),
            (rename("d/e", "d/..", 0), Errno::EBUSY),
            (rename("d/e", "d/.", 1), Errno::EEXIST),
        ] {
            right(check(action.clone(), Err(errno)));
            wrong(check(action.clone(), Ok(0)), "its name is that of a directory");
            wrong(check(action, Err(Errno::EIO)), "no name ends in dots");
        }
        wrong(check(rmdir("d/e/.."), Err(Errno::EINVAL)), "no name ends in dots: ENOTEMPTY");
        // Where the way to the dots leads nowhere, that is what is told.
        right(check(rmdir("m/.."), Err(Errno::ENOENT)));
        right(check(rename("m/x", "d/..", 0), Err(Errno::ENOENT)));
        wrong(check(rmdir("f/.."), Err(Errno::ENOTEMPTY)), "leads nowhere");
    }
}
