//! Paths that lead nowhere: man 7 `path_resolution`.
//!
//! A name that is not there on the way, something on the way that is no directory, too many
//! symlinks, and names and paths that are too long each have their error, and whoever may not
//! search that far is told so and no more. What a reader would get wrong: a call with two paths may
//! look at either first.

use fuserig_abi::{Errno, Fidelity, Uid};
use fuserig_sim_fs::OpenFlags;

use super::judged::Judged;
use super::path::{Blocked, PATH_MAX};
use super::rights::{EXEC, all, may};
use crate::sim::{Action, Stamp};

pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
    let blocked = || judged.blocked.iter().flatten();
    // What was broken once may stay so, and may say so of anything.
    if judged.was_broken || asks_nothing(judged.action) {
        return Ok(());
    }
    let Some(first) = blocked().next() else { return Ok(()) };
    let named = judged.action.named_paths().iter().flatten().count();
    let told = judged.paths.iter().flatten().count() + blocked().count();
    match judged.errno() {
        None => Err(format!("succeeds, and its path leads nowhere ({})", first.errno)),
        Some(_) if told < named => Ok(()),
        Some(errno) if is_of_arguments(judged.action, errno) => Ok(()),
        Some(errno) if blocked().any(|blocked| explains(judged, blocked, errno)) => Ok(()),
        // The path that leads somewhere may be refused before the other is looked at.
        Some(Errno::ENOENT | Errno::EACCES) if blocked().count() < named => Ok(()),
        Some(Errno::ENOTDIR) if blocked().count() < named && has_slash(judged.action) => Ok(()),
        Some(errno) => {
            let right =
                if may_search(judged, first) == Some(false) { Errno::EACCES } else { first.errno };
            Err(format!("fails with {errno}, and its path leads nowhere for {right}"))
        }
    }
}

/// Whether a path of the call has a slash behind it, where only a directory may be.
fn has_slash(action: &Action) -> bool {
    action.named_paths().into_iter().flatten().any(|path| path.0.ends_with(b"/"))
}

/// Whether a call with these arguments is not even asked for its path.
fn asks_nothing(action: &Action) -> bool {
    matches!(action, Action::Times { atime: Stamp::Omit, mtime: Stamp::Omit, .. })
}

/// Whether an error may be about the arguments, which are looked at before the path is.
pub(super) fn is_of_arguments(action: &Action, errno: Errno) -> bool {
    let of_target = match action {
        Action::Symlink { target, .. } if target.0.is_empty() => errno == Errno::ENOENT,
        Action::Symlink { target, .. } if target.0.len() > PATH_MAX => errno == Errno::ENAMETOOLONG,
        // man 2 open: what has a slash behind it is no file that could be made.
        Action::Open { flags, path, .. } if path.0.ends_with(b"/") => {
            flags & OpenFlags::CREAT.bits() != 0 && errno == Errno::EISDIR
        }
        _ => false,
    };
    of_target || [Errno::EINVAL, Errno::EPERM, Errno::ERANGE, Errno::E2BIG].contains(&errno)
}

fn explains(judged: &Judged<'_>, blocked: &Blocked, errno: Errno) -> bool {
    // The kernel of the patches does not hand on why a lookup below failed (LOOK-2).
    let is_hidden = judged.fidelity == Fidelity::Faithful && blocked.errno == Errno::ENAMETOOLONG;
    if is_hidden && errno == Errno::ENOENT {
        return true;
    }
    match may_search(judged, blocked) {
        Some(true) if blocked.followed => [blocked.errno, Errno::EACCES].contains(&errno),
        Some(true) => errno == blocked.errno,
        Some(false) => errno == Errno::EACCES,
        None => [blocked.errno, Errno::EACCES].contains(&errno),
    }
}

/// Whether the caller may search every directory before that place; none where that is not known.
fn may_search(judged: &Judged<'_>, blocked: &Blocked) -> Option<bool> {
    if judged.credentials.uid == Uid::ROOT {
        return Some(true);
    }
    all(blocked.searched.iter().map(|directory| match judged.mistaken.contains(directory) {
        true => None,
        false => may(judged, *directory, EXEC),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Check, right, wrong};
    use super::*;
    use crate::sim::Text;

    fn look(user: u32, path: &str, value: Result<i64, Errno>) -> Result<(), String> {
        let tree = "/f 'x'\n/d/ mode=0755\n/d/x 'x'\n/p/ mode=0700\n/p/x 'x'\n/l -> l\n/up -> d";
        let action = Action::Stat { path: Text::from(path), follow: true };
        Check { tree, user, ..Check::default() }.judge(action, value, |_| {})
    }

    #[test]
    fn each_reason_has_its_error() {
        let long = format!("d/{}", "n".repeat(256));
        let far = "d/".repeat(2048);
        for (path, errno) in [
            ("m/x", Errno::ENOENT),
            ("", Errno::ENOENT),
            ("f/x", Errno::ENOTDIR),
            ("up/x/x", Errno::ENOTDIR),
            ("l", Errno::ELOOP),
            ("l/x", Errno::ELOOP),
            (&*long, Errno::ENAMETOOLONG),
            (&*far, Errno::ENAMETOOLONG),
        ] {
            right(look(0, path, Err(errno)));
            wrong(look(0, path, Ok(0)), "leads nowhere");
            for other in [Errno::ENOENT, Errno::ENOTDIR, Errno::ELOOP, Errno::EACCES, Errno::EIO] {
                let follows = path.starts_with('l') || path.starts_with("up");
                if other != errno && !(follows && other == Errno::EACCES) {
                    wrong(look(0, path, Err(other)), "leads nowhere for");
                }
            }
        }
    }

    #[test]
    fn who_may_not_search_is_told_nothing_else() {
        right(look(1000, "p/m/x", Err(Errno::EACCES)));
        wrong(look(1000, "p/m/x", Err(Errno::ENOENT)), "leads nowhere for EACCES");
        right(look(0, "p/m/x", Err(Errno::ENOENT)));
        wrong(look(1000, "d/m/x", Err(Errno::EACCES)), "leads nowhere for ENOENT");
    }

    #[test]
    fn forty_symlinks_are_followed_and_no_more() {
        let mut tree = String::from("/f 'x'\n/l0 -> f\n");
        for number in 1..=40 {
            tree.push_str(&format!("/l{number} -> l{}\n", number - 1));
        }
        let tree: &'static str = tree.leak();
        let look = |path: &str, value| {
            let action = Action::Stat { path: Text::from(path), follow: true };
            Check { tree, ..Check::default() }.judge(action, value, |_| {})
        };
        wrong(look("l39", Err(Errno::ELOOP)), "no reason for it");
        right(look("l40", Err(Errno::ELOOP)));
        wrong(look("l40", Ok(0)), "leads nowhere (ELOOP)");
    }

    #[test]
    fn either_of_two_paths_may_be_looked_at_first() {
        let rename = |errno| {
            let (old, new) = (Text::from("m/x"), Text::from("f/x"));
            let action = Action::Rename { old, new, flags: 0 };
            Check::default().judge(action, Err(errno), |_| {})
        };
        right(rename(Errno::ENOENT));
        right(rename(Errno::ENOTDIR));
        wrong(rename(Errno::EXDEV), "leads nowhere for ENOENT");
    }
}
