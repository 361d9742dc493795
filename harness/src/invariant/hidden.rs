//! A hidden name is never seen: not listed, not reached, not told by an errno, not by any other
//! name that leads to the same file.
//!
//! What a reader would get wrong: link counts, sizes of directories and ENOTEMPTY may still tell
//! that something is there; [`super::no_interference`] is the invariant that forbids that too.

use std::collections::BTreeSet;

use fuserig_abi::{Errno, FileKind, Ino, Uid};
use fuserig_sim_fs::MemFs;

use super::matching::Matching;
use super::{Invariant, Seen};
use crate::crash::Crashed;
use crate::sim::{Action, Stamp, Text};
use crate::vfs::{CallResult, Output};

/// See [`never_visible`].
///
/// ```
/// use fuserig::invariant::{Invariant, never_visible};
/// assert_eq!(never_visible(".secret").name(), "never_visible");
/// ```
#[derive(Clone, Debug)]
pub struct NeverVisible {
    matches: Matching,
    /// Lower inodes that only hidden names lead to.
    inodes: BTreeSet<Ino>,
}

/// No client ever sees a file of that name.
///
/// ```
/// use fuserig::prelude::*;
/// let subject = Subject::new(Abi::V4, || hide(Patterns::parse(".secret").expect("a name")));
/// Simulation::new(Seed(7)).clients(2).operations(50)
///     .run(subject.over("/notes.txt 'hi'\n/.secret 'no'"))
///     .check(invariant::never_visible(".secret"))
///     .or_report();
/// ```
pub fn never_visible(name: &str) -> NeverVisible {
    let name = name.as_bytes().to_vec();
    never_visible_where(move |other| *other == *name)
}

/// No client ever sees a file whose name is one of those.
pub fn never_visible_where(matches: impl Fn(&[u8]) -> bool + 'static) -> NeverVisible {
    NeverVisible { matches: Matching::new(matches), inodes: BTreeSet::new() }
}

impl NeverVisible {
    /// Whether the path ends in a hidden name and in no slash.
    fn ends_hidden(&self, path: &Text) -> bool {
        let last = path.0.rsplit(|byte| *byte == b'/').next();
        last.is_some_and(|name| !name.is_empty() && self.matches.is(name))
    }

    /// A call that names a hidden file must not succeed.
    fn named(&self, action: &Action, result: &CallResult) -> Result<(), String> {
        if result.value.is_err() || leaves_both(action) {
            return Ok(());
        }
        let named = action.named_paths().into_iter().flatten();
        match named.into_iter().find_map(|path| self.matches.component(&path.0)) {
            Some(name) => Err(format!("a call that names {} succeeded", name.escape_ascii())),
            None => Ok(()),
        }
    }

    fn reached(&self, seen: &Seen<'_>) -> Result<(), String> {
        self.named(seen.action, seen.result)?;
        if seen.result.value.is_err() {
            return Ok(());
        }
        let inode = match (&seen.result.output, seen.action, seen.files.last()) {
            (Output::Stat(stat), _, _) => Some(stat.ino),
            (_, Action::Open { .. }, Some(fd)) => seen.vfs.lower_inode(seen.pid, *fd),
            _ => None,
        };
        match inode.filter(|inode| self.inodes.contains(inode)) {
            Some(inode) => Err(format!("the hidden file (inode {inode}) was reached")),
            None => Ok(()),
        }
    }

    /// An errno that nobody gets for a name that does not exist.
    fn told(&self, seen: &Seen<'_>) -> Result<(), String> {
        let telling = [Errno::EEXIST, Errno::EISDIR, Errno::ENOTEMPTY];
        let Err(errno) = seen.result.value else { return Ok(()) };
        // Whoever may do anything is refused nothing that does not exist.
        let is_root = seen.user() == Uid::ROOT;
        let refused = is_root && [Errno::EACCES, Errno::EPERM].contains(&errno);
        if !telling.contains(&errno) && !refused {
            return Ok(());
        }
        // An ordinary kernel knows that the name is not there, and asks nobody when a directory is
        // to have it.
        let of_directory = seen.case.mounted && errno == Errno::EPERM;
        let named = match seen.action {
            Action::Link { .. } if of_directory => None,
            Action::Rename { new, .. } => Some(new),
            Action::Link { path, .. } => Some(path),
            other => other.named_paths()[0],
        };
        if named.is_some_and(|path| self.ends_hidden(path)) {
            return Err(format!("{errno} tells that a hidden name exists"));
        }
        Ok(())
    }
}

/// man 2 utimensat: with two times that are omitted the file is not looked for.
fn leaves_both(action: &Action) -> bool {
    matches!(action, Action::Times { atime: Stamp::Omit, mtime: Stamp::Omit, .. })
}

impl Invariant for NeverVisible {
    fn name(&self) -> &str {
        "never_visible"
    }

    fn begin(&mut self, initial: &MemFs) {
        let hidden = initial.walk().filter(|entry| {
            let alone = entry.stat.nlink == 1 || entry.stat.kind == FileKind::Directory;
            alone && self.matches.component(&entry.path).is_some()
        });
        self.inodes = hidden.map(|entry| entry.stat.ino).collect();
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        self.matches.is_in_none_of(&seen.result.output)?;
        self.reached(seen)?;
        self.told(seen)
    }

    fn crash(&self, crashed: &Crashed<'_>) -> Result<(), String> {
        // Other files than hidden ones tell nothing.
        let tells = |path: &Text, kind| {
            kind == FileKind::Directory || self.matches.component(&path.0).is_some()
        };
        crashed.survey_where(tells).iter().try_for_each(|row| {
            let seen = self.matches.is_in_none_of(&row.result.output);
            let seen = seen.and_then(|()| self.named(&row.action, &row.result));
            seen.map_err(|message| format!("after the crash {message}"))
        })
    }
}
