//! Who waits for which advisory lock, and what ends a wait: man 2 flock, man 2 fcntl.
//!
//! A wait ends when nobody is in the way any more, by a signal, or because those who wait for
//! ranges would wait for each other in a ring; whoever waits while nobody has what is waited for
//! was forgotten. It says nothing of files about which `locks` says nothing. What a reader would
//! get wrong: of several that are in the way the kernel looks at one, so that a ring may go
//! unnoticed where somebody waits for two; and of `flock` no ring is looked for.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_abi::{Errno, Ino, Pid};

use super::locks::{Held, Locks, Range, Whole, bounds};
use crate::invariant::{Seen, Waiter};
use crate::sim::{Action, lock_kind};

/// What somebody waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    node: Ino,
    want: Want,
}

#[derive(Clone, Copy, Debug)]
enum Want {
    Range(Range),
    Whole(Whole),
}

/// Whether the daemon keeps locks, and knows best who waits for whom.
pub(super) fn is_kept_by_daemon(seen: &Seen<'_>) -> bool {
    let connection = &seen.vfs.world().connection;
    connection.posix_locks || connection.flock_locks
}

/// Whether a call that waits for a lock may end as it did. `refused` is whether somebody is in the
/// way.
pub(super) fn ends_rightly(seen: &Seen<'_>, refused: bool) -> Result<(), String> {
    if !seen.action.waits() {
        return Ok(());
    }
    let wrong = match seen.result.value {
        Err(Errno::EAGAIN | Errno::EACCES) => "is refused what it is to wait for",
        Err(Errno::EINTR) if !seen.interrupted => "is ended by a signal that did not come",
        Err(Errno::EINTR) if !refused => "waits on, although nobody has what it waits for",
        Err(Errno::EDEADLK) if matches!(seen.action, Action::Flock { .. }) => {
            "is refused for a ring that nobody looks for"
        }
        _ => return Ok(()),
    };
    Err(wrong.to_owned())
}

impl Wanted {
    /// Whether somebody is in the way.
    fn is_refused(&self, held: &Held) -> bool {
        match &self.want {
            Want::Range(range) => held.in_its_way(range).next().is_some(),
            Want::Whole(whole) => held.has_whole_against(whole),
        }
    }
}

impl Locks {
    /// What a client waits for; none where that is not known.
    fn wanted(&self, waiter: &Waiter<'_>) -> Option<Wanted> {
        let (node, by) = *self.opened.get(&(waiter.pid, waiter.fd))?;
        let want = match *waiter.action {
            Action::Flock { kind, .. } => Want::Whole(Whole { by, kind: lock_kind(kind) }),
            Action::Lock { kind, start, length, .. } => {
                let (start, end) = bounds(start, length)?;
                Want::Range(Range { pid: waiter.pid, kind: lock_kind(kind), start, end })
            }
            _ => return None,
        };
        Some(Wanted { node, want })
    }

    /// Takes note of those that began to wait since the last call returned, each of whom had
    /// somebody in the way and closed no ring then.
    pub(super) fn note_waiters(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let now: BTreeMap<Pid, Option<Wanted>> =
            seen.waiters.iter().map(|waiter| (waiter.pid, self.wanted(waiter))).collect();
        let mut before = core::mem::replace(&mut self.waiting, now);
        let own = before.remove(&seen.pid).or_else(|| self.own_wait(seen));
        // Whoever returns now waited as long as those that began meanwhile.
        self.waiting.extend(own.map(|wanted| (seen.pid, wanted)));
        let has_begun = |waiter: &&Waiter<'_>| !before.contains_key(&waiter.pid);
        let begun: Vec<&Waiter<'_>> = seen.waiters.iter().filter(has_begun).collect();
        // Whoever gives something back to wait does so at some time among these.
        for waiter in &begun {
            let Some(wanted) = self.waiting[&waiter.pid] else { continue };
            let free = |held: &Held| !held.unknown && !wanted.is_refused(held);
            if self.held.get(&wanted.node).is_none_or(free) {
                return Err(told(waiter, "waits for what nobody has"));
            }
            if self.is_in_ring(waiter.pid) {
                return Err(told(waiter, "waits for whoever waits for it"));
            }
        }
        self.waiting.remove(&seen.pid);
        for waiter in begun {
            if let Some(Wanted { node, want: Want::Whole(whole) }) = self.waiting[&waiter.pid]
                && let Some(held) = self.held.get_mut(&node)
            {
                held.give_back_other(&whole);
            }
        }
        Ok(())
    }

    /// What the call waited for that just returned, if a signal ended it.
    fn own_wait(&self, seen: &Seen<'_>) -> Option<Option<Wanted>> {
        let file = seen.action.lock_of().filter(|_| seen.interrupted && seen.action.waits())?;
        let fd = seen.file(file).unwrap_or(-1);
        Some(self.wanted(&Waiter { pid: seen.pid, fd, action: seen.action }))
    }

    /// Nobody waits on whose lock nobody has any more, once the call is over that gave it back.
    pub(super) fn is_forgotten(&self, seen: &Seen<'_>) -> Result<(), String> {
        for waiter in seen.waiters {
            let Some(Some(wanted)) = self.waiting.get(&waiter.pid) else { continue };
            let free = |held: &Held| !held.unknown && !wanted.is_refused(held);
            if self.held.get(&wanted.node).is_none_or(free) && seen.vfs.is_blocked(waiter.pid) {
                return Err(told(waiter, "waits on for what nobody has any more"));
            }
        }
        Ok(())
    }

    /// Those that are in the way of a range; none where that is not known, or where there is
    /// nobody to tell of.
    fn owners(&self, wanted: Option<Wanted>) -> Option<BTreeSet<Pid>> {
        let Wanted { node, want: Want::Range(range) } = wanted? else {
            return Some(BTreeSet::new());
        };
        let held = self.held.get(&node)?;
        (!held.unknown).then(|| held.in_its_way(&range).collect())
    }

    /// Whether whoever waits has one in its way, who waits for one, and so on, back to itself.
    fn is_in_ring(&self, pid: Pid) -> bool {
        let mut at = pid;
        for _ in 0..self.waiting.len() {
            let Some(wanted) = self.waiting.get(&at) else { return false };
            let owners = self.owners(*wanted).unwrap_or_default();
            match (owners.len(), owners.first()) {
                (1, Some(next)) => at = *next,
                _ => return false,
            }
            if at == pid {
                return true;
            }
        }
        false
    }

    /// man 2 fcntl, `EDEADLK`: somebody who is in the way waits for the caller, over others or not.
    pub(super) fn is_deadlock(&self, seen: &Seen<'_>) -> Result<(), String> {
        let (Err(Errno::EDEADLK), Some(file)) = (seen.result.value, seen.action.lock_of()) else {
            return Ok(());
        };
        if is_kept_by_daemon(seen) {
            return Ok(());
        }
        let fd = seen.file(file).unwrap_or(-1);
        let own = self.wanted(&Waiter { pid: seen.pid, fd, action: seen.action });
        let mut pending = vec![own];
        let mut known = BTreeSet::new();
        while let Some(wanted) = pending.pop() {
            let Some(owners) = self.owners(wanted) else { return Ok(()) };
            if owners.contains(&seen.pid) {
                return Ok(());
            }
            for owner in owners.into_iter().filter(|owner| known.insert(*owner)) {
                pending.extend(self.waiting.get(&owner).copied());
            }
        }
        Err("is refused as a deadlock, and nobody waits for it".to_owned())
    }
}

/// What is wrong with a wait that goes on while another call returns.
fn told(waiter: &Waiter<'_>, wrong: &str) -> String {
    format!("returns, and meanwhile `{}` of process {} {wrong}", waiter.action, waiter.pid)
}

#[cfg(test)]
mod tests {
    use fuserig_sim_fs::LockKind::{Read, Write};

    use super::*;

    fn range(pid: u32, start: u64) -> Range {
        Range { pid: Pid(pid), kind: Write, start, end: start }
    }

    /// Processes that have a byte each and wait for another.
    fn locks(rows: &[(u32, u64, u64)]) -> Locks {
        let mut locks = Locks::default();
        for (pid, has, waits_for) in rows {
            let held = locks.held.entry(Ino(5)).or_default();
            assert_eq!(held.lock_range(range(*pid, *has), Ok(0)), Ok(()));
            let wanted = Wanted { node: Ino(5), want: Want::Range(range(*pid, *waits_for)) };
            locks.waiting.insert(Pid(*pid), Some(wanted));
        }
        locks
    }

    #[test]
    fn a_ring_is_told_from_a_chain() {
        let in_ring = |rows: &[(u32, u64, u64)], pid| locks(rows).is_in_ring(Pid(pid));
        assert!(in_ring(&[(1, 0, 1), (2, 1, 0)], 1));
        assert!(in_ring(&[(1, 0, 1), (2, 1, 2), (3, 2, 0)], 3));
        assert!(!in_ring(&[(1, 0, 1), (2, 1, 2), (3, 2, 9)], 1), "nobody has that");
        assert!(!in_ring(&[(1, 0, 1), (2, 1, 2), (3, 2, 1)], 1), "it is in no ring itself");
        assert!(in_ring(&[(1, 0, 1), (2, 1, 2), (3, 2, 1)], 2));
    }

    #[test]
    fn where_two_are_in_the_way_a_ring_may_go_unnoticed() {
        let mut locks = locks(&[(1, 0, 1), (2, 1, 0)]);
        let held = locks.held.entry(Ino(5)).or_default();
        for pid in [2, 3] {
            let range = Range { kind: Read, ..range(pid, 1) };
            assert_eq!(held.lock_range(range, Ok(0)), Ok(()));
        }
        assert!(!locks.is_in_ring(Pid(1)));
        locks.held.entry(Ino(5)).or_default().unknown = true;
        assert_eq!(locks.owners(locks.waiting[&Pid(1)]), None);
    }
}
