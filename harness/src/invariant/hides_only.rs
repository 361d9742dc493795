//! A filter that hides some names hides no others.
//!
//! Looks at calls that say ENOENT of a path which is there below, every component with a name that
//! is not meant, and at listings from the start of a directory to its end while nothing changes.
//! Only root's calls tell of paths: a kernel that cannot look a name up says ENOENT as well
//! (LOOK-2), which nothing keeps root from. What a reader would get wrong: a symbolic link may lead
//! to what is hidden, so what is reached by following one is not judged.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_abi::{Errno, FileKind, NAME_MAX, Uid};
use fuserig_sim_fs::MemFs;

use super::descriptions::{Description, Descriptions};
use super::matching::Matching;
use super::seen::listings_may_end_early;
use super::{Invariant, Seen};
use crate::sim::{Action, Text};
use crate::vfs::Output;

/// See [`hides_only`].
///
/// ```
/// use fuserig::invariant::{Invariant, hides_only};
/// assert_eq!(hides_only(|name| name == b".secret").name(), "hides_only");
/// ```
#[derive(Clone, Debug)]
pub struct HidesOnly {
    matches: Matching,
    /// What is still to come in each listing that is under way.
    listings: BTreeMap<Description, BTreeSet<Vec<u8>>>,
    descriptions: Descriptions,
}

/// What has no such name in its path is there for whoever asks.
///
/// ```
/// use fuserig::prelude::*;
/// let subject = Subject::new(Abi::V4, || hide(Patterns::parse(".secret").expect("a name")));
/// Simulation::new(Seed(7)).operations(50)
///     .run(subject.over("/.secrets 'hi'\n/.secret 'no'"))
///     .check(invariant::hides_only(|name| name == b".secret"))
///     .or_report();
/// ```
pub fn hides_only(matches: impl Fn(&[u8]) -> bool + 'static) -> HidesOnly {
    HidesOnly {
        matches: Matching::new(matches),
        listings: BTreeMap::new(),
        descriptions: Descriptions::default(),
    }
}

/// The path that a call needs, and whether it follows a symbolic link at its end.
fn needed(action: &Action) -> Option<(&Text, bool)> {
    match action {
        Action::Stat { path, follow } => Some((path, *follow)),
        Action::Readlink { path, .. } => Some((path, false)),
        Action::Open { path, .. }
        | Action::Truncate { path, .. }
        | Action::Access { path, .. }
        | Action::Chmod { path, .. }
        | Action::Touch { path }
        | Action::Times { path, .. } => Some((path, true)),
        _ => None,
    }
}

/// The path of what a call makes, where nothing but its directory must be there.
fn made(action: &Action) -> Option<&Text> {
    match action {
        Action::Symlink { target, path } => (!target.0.is_empty()).then_some(path),
        Action::Mkdir { path, .. } | Action::Mknod { path, .. } => Some(path),
        _ => None,
    }
}

/// Whether a path is there, said without symbolic links; a slash at the end has one followed.
fn is_there(seen: &Seen<'_>, path: &Text, follows: bool) -> bool {
    let follows = follows || path.0.ends_with(b"/");
    let there = seen.lower.find(&path.0);
    there.is_some_and(|stat| !follows || stat.kind != FileKind::Symlink)
}

/// Whether the directory of a path is there, said without symbolic links.
fn has_directory(seen: &Seen<'_>, path: &Text) -> bool {
    let split = path.0.iter().rposition(|byte| *byte == b'/');
    let directory = split.map_or(&b"/"[..], |slash| &path.0[..slash.max(1)]);
    let last = split.map_or(0, |slash| slash + 1);
    let is_name = (1..=NAME_MAX as usize).contains(&(path.0.len() - last));
    let found = seen.lower.find(directory);
    is_name && found.is_some_and(|stat| stat.kind == FileKind::Directory)
}

impl HidesOnly {
    /// Names that a listing from the start has to give.
    fn listable(&self, fs: &MemFs, seen: &Seen<'_>, fd: i32) -> Option<BTreeSet<Vec<u8>>> {
        let directory = seen.vfs.lower_inode(seen.pid, fd)?;
        let is_directory = fs.stat(directory)?.kind == FileKind::Directory;
        let names = fs.names_in(directory).map(|(name, _)| name.to_vec());
        let others = names.filter(|name| self.matches.component(name).is_none());
        let dots = [b".".to_vec(), b"..".to_vec()];
        is_directory.then(|| others.chain(dots).collect())
    }

    /// Follows the listings, as long as nobody changes anything.
    fn list(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        if !seen.action.only_looks() || !seen.was_alone() || !seen.case.faults.is_empty() {
            self.listings.clear();
            return Ok(());
        }
        let file = match seen.action {
            Action::Open { .. } => 0,
            Action::List { file, .. } | Action::Seek { file, .. } => *file,
            _ => return Ok(()),
        };
        let Some(fd) = seen.file(file) else { return Ok(()) };
        let Some(key) = self.descriptions.of(seen.pid, fd) else { return Ok(()) };
        match (seen.action, &seen.result.output, seen.result.value) {
            (Action::Open { .. }, _, Ok(_)) => {
                let names = self.listable(seen.lower, seen, fd);
                names.map(|names| self.listings.insert(key, names));
            }
            (Action::List { .. }, Output::Records(records), Ok(_)) if !records.is_empty() => {
                if let Some(names) = self.listings.get_mut(&key) {
                    names.retain(|name| records.iter().all(|record| record.name != *name));
                }
            }
            (Action::List { .. }, _, Ok(_)) => {
                let may_end_early = listings_may_end_early(seen.case.abi, seen.case.fidelity);
                let missing = self.listings.remove(&key).and_then(|mut names| names.pop_first());
                if let Some(name) = missing.filter(|_| !may_end_early) {
                    let name = name.escape_ascii();
                    return Err(format!("`{}` ends without {name}", seen.action));
                }
            }
            _ => drop(self.listings.remove(&key)),
        }
        Ok(())
    }
}

impl Invariant for HidesOnly {
    fn name(&self) -> &str {
        "hides_only"
    }

    fn begin(&mut self, _: &MemFs) {
        self.listings.clear();
        self.descriptions = Descriptions::default();
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        self.descriptions.note(seen);
        self.list(seen)?;
        let program = &seen.case.clients[seen.client];
        let moves = || program.actions.iter().any(|action| matches!(action, Action::Chdir { .. }));
        let asked = seen.result.value == Err(Errno::ENOENT) && seen.user() == Uid::ROOT;
        let faulty = || !seen.case.faults.of(seen.client, seen.number).is_empty();
        let needs = needed(seen.action);
        let path = needs.map(|(path, _)| path).or_else(|| made(seen.action));
        let Some(path) = path.filter(|_| asked) else { return Ok(()) };
        let hidden = self.matches.component(&path.0).is_some();
        // The empty path is nowhere.
        if hidden || path.0.is_empty() || !seen.was_alone() || moves() || faulty() {
            return Ok(());
        }
        match needs {
            Some((_, follows)) if is_there(seen, path, follows) => {
                Err(format!("`{}` gives ENOENT, and it is there", seen.action))
            }
            None if has_directory(seen, path) => {
                Err(format!("`{}` gives ENOENT, and its directory is there", seen.action))
            }
            _ => Ok(()),
        }
    }
}
