//! What a child has of its parent, and what is left when it exits or executes a program: man 2
//! fork, man 2 execve, man 2 _exit.
//!
//! A child begins as what its parent is, with the same open file descriptions behind the same
//! numbers; whatever it does then, the parent is and has what it was and had. What a reader would
//! get wrong: which numbers are open is judged in `slots`, and who has which lock in `locks`; a
//! position is one for all that share the description, so that it is where the last of them left
//! it.

use std::collections::BTreeMap;

use fuserig_abi::{Credentials, Errno, Ino, Pid};

use super::judged::Memory;
use crate::invariant::Seen;
use crate::invariant::descriptions::Description;
use crate::sim::{Action, WAITING_MAX};

/// Who somebody is, what it makes files with, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Standing {
    credentials: Credentials,
    mask: u32,
    directory: Option<Ino>,
}

impl Standing {
    fn of(seen: &Seen<'_>, pid: Pid) -> Standing {
        let (credentials, mask) = seen.vfs.standing(pid);
        Standing { credentials, mask, directory: seen.vfs.working_directory(pid) }
    }
}

/// Those that wait for a child, and what open file descriptions mean.
#[derive(Clone, Debug, Default)]
pub(super) struct Processes {
    /// By the child: who waits for it, and what that one was when it forked.
    waiting: BTreeMap<Pid, (Pid, Standing)>,
    nodes: BTreeMap<Description, Ino>,
}

impl Processes {
    /// Asks what can be said of a call, and remembers what came of it.
    pub(super) fn judge(&mut self, seen: &Seen<'_>, memory: &Memory) -> Result<(), String> {
        match seen.action {
            Action::Open { .. } => {
                self.note(seen, memory);
                Ok(())
            }
            Action::Fork => {
                self.forked(seen)?;
                self.means_the_same(seen, memory)
            }
            Action::Exit => {
                self.exited(seen)?;
                self.means_the_same(seen, memory)
            }
            Action::Exec => self.means_the_same(seen, memory),
            _ => Ok(()),
        }
    }

    fn note(&mut self, seen: &Seen<'_>, memory: &Memory) {
        if let Ok(fd) = seen.result.value
            && let Ok(fd) = i32::try_from(fd)
            && let Some(description) = memory.descriptions.of(seen.pid, fd)
            && let Some(node) = seen.vfs.lower_inode(seen.pid, fd)
        {
            self.nodes.insert(description, node);
        }
    }

    /// How many wait, each for the next, for a process.
    fn waits_for(&self, pid: Pid) -> usize {
        let parent = |pid: &Pid| self.waiting.get(pid).map(|(parent, _)| *parent);
        core::iter::successors(parent(&pid), parent).count()
    }

    fn forked(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let (parent, child) = (seen.caller, seen.pid);
        match seen.result.value {
            Err(Errno::EAGAIN) if self.waits_for(parent) >= WAITING_MAX => return Ok(()),
            Err(errno) => return Err(format!("fails with {errno}, and there is no reason for it")),
            Ok(pid) if pid != i64::from(child.0) => {
                return Err(format!("gives {pid} instead of {child}"));
            }
            Ok(_) => {}
        }
        let was = Standing::of(seen, parent);
        if Standing::of(seen, child) != was {
            return Err("makes a child that is not what its parent is".to_owned());
        }
        let same = |fd: &i32| {
            let view = |pid| {
                let (node, flags) = (seen.vfs.lower_inode(pid, *fd), seen.vfs.open_flags(pid, *fd));
                (node, flags, seen.vfs.position(pid, *fd))
            };
            seen.vfs.is_open(parent, *fd) && view(parent) == view(child)
        };
        if let Some(fd) = seen.files.iter().find(|fd| !same(fd)) {
            return Err(format!("leaves the descriptor {fd} not the same for both"));
        }
        self.waiting.insert(child, (parent, was));
        Ok(())
    }

    fn exited(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        // Whoever nobody waits for stays.
        if seen.caller == seen.pid {
            return Ok(());
        }
        if seen.vfs.has_client(seen.caller) {
            return Err("leaves the process there that has exited".to_owned());
        }
        match self.waiting.remove(&seen.caller) {
            Some((_, was)) if was != Standing::of(seen, seen.pid) => {
                Err("leaves a parent that is not what it was".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Each descriptor that is left means the file that was opened, where that was left.
    fn means_the_same(&self, seen: &Seen<'_>, memory: &Memory) -> Result<(), String> {
        for fd in seen.files {
            let Some(description) = memory.descriptions.of(seen.pid, *fd) else { continue };
            let node = self.nodes.get(&description);
            if node.is_some() && seen.vfs.lower_inode(seen.pid, *fd).as_ref() != node {
                return Err(format!("leaves the descriptor {fd}, which means another file now"));
            }
            let stood = memory.positions.get(&description).copied();
            match stood.zip(seen.vfs.position(seen.pid, *fd)) {
                Some((was, is)) if was != is => {
                    return Err(format!("leaves the descriptor {fd} at {is} instead of {was}"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_wait_are_counted_up_to_the_first() {
        let standing = Standing { credentials: Credentials::root(), mask: 0, directory: None };
        let mut processes = Processes::default();
        for (child, parent) in [(1001, 1), (2001, 1001), (1002, 2)] {
            processes.waiting.insert(Pid(child), (Pid(parent), standing.clone()));
        }
        let counts = [1, 1001, 2001, 1002].map(|pid| processes.waits_for(Pid(pid)));
        assert_eq!(counts, [0, 1, 2, 1]);
    }
}
