//! Which descriptors mean the same open file description: man 2 open, man 2 dup.
//!
//! What it knows comes from the calls that returned, and from nothing that serves them. What a
//! reader would get wrong: a closed descriptor is known until its number is given again, so that
//! who asks of one must know that it is open.

use std::collections::BTreeMap;

use fuserig_abi::Pid;

use super::Seen;
use crate::sim::Action;

/// An open file description, by how many were opened before it: no two of a run are the same.
pub(super) type Description = u64;

/// The open file descriptions behind the descriptors of everybody.
#[derive(Clone, Debug, Default)]
pub(super) struct Descriptions {
    behind: BTreeMap<(Pid, i32), Description>,
    opened: Description,
}

impl Descriptions {
    /// A call returned.
    pub(super) fn note(&mut self, seen: &Seen<'_>) {
        if let (Action::Fork, Ok(_)) = (seen.action, seen.result.value) {
            self.inherit(seen);
        }
        let number = seen.result.value.ok().and_then(|number| i32::try_from(number).ok());
        let Some(fd) = number else { return };
        let same = match seen.action {
            Action::Open { .. } => None,
            Action::Dup { file } | Action::Dup2 { file, .. } => {
                seen.file(*file).and_then(|old| self.of(seen.pid, old))
            }
            _ => return,
        };
        let description = same.unwrap_or(self.opened);
        self.opened += u64::from(same.is_none());
        self.behind.insert((seen.pid, fd), description);
    }

    /// man 2 fork: the child's descriptors mean what its parent's mean.
    fn inherit(&mut self, seen: &Seen<'_>) {
        for fd in seen.files {
            if let Some(description) = self.of(seen.caller, *fd) {
                self.behind.insert((seen.pid, *fd), description);
            }
        }
    }

    /// What an open descriptor means.
    pub(super) fn of(&self, pid: Pid, fd: i32) -> Option<Description> {
        self.behind.get(&(pid, fd)).copied()
    }
}
