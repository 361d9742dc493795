//! Who has which advisory lock: man 2 flock, man 2 fcntl.
//!
//! It remembers every lock that was had, and says which of those that are asked for may be had
//! beside it. A file with locks that were asked for while others were given back is nobody's
//! business from then on. Who waits for whom is in `waits`. What a reader would get wrong: locks of
//! ranges belong to a process, all of whose are gone when it closes the file by any descriptor; one
//! of the whole file belongs to the open file description that took it, is gone when the last of
//! its descriptors is closed, in whatever process, and is gone first when its kind changes.

use std::collections::BTreeMap;

use fuserig_abi::{Errno, Ino, Pid};
use fuserig_sim_fs::{Lock, LockKind};

use super::waits::{self, Wanted};
use crate::invariant::Seen;
use crate::invariant::descriptions::{Description, Descriptions};
use crate::sim::{Action, CallEntry, lock_kind};
use crate::vfs::Output;

/// A range that a process has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) pid: Pid,
    pub(super) kind: LockKind,
    pub(super) start: u64,
    /// The last byte.
    pub(super) end: u64,
}

/// The whole file, which an open file description has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    pub(super) by: Description,
    pub(super) kind: LockKind,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    ranges: Vec<Range>,
    whole: Vec<Whole>,
    /// Whether the order in which things happened is not known.
    pub(super) unknown: bool,
}

/// The locks of every file.
#[derive(Clone, Debug, Default)]
pub(super) struct Locks {
    pub(super) opened: BTreeMap<(Pid, i32), (Ino, Description)>,
    pub(super) held: BTreeMap<Ino, Held>,
    /// Those that waited when the last call returned, and for what where that is known.
    pub(super) waiting: BTreeMap<Pid, Option<Wanted>>,
}

/// Whether two may not be had at the same time.
fn excludes(one: LockKind, other: LockKind) -> bool {
    one == LockKind::Write || other == LockKind::Write
}

impl Held {
    /// Whether somebody else has what the range cannot be had beside.
    fn has_range_against(&self, wanted: &Range) -> bool {
        self.in_its_way(wanted).next().is_some()
    }

    /// Who has what the range cannot be had beside, once for each range.
    pub(super) fn in_its_way(&self, wanted: &Range) -> impl Iterator<Item = Pid> {
        let wanted = *wanted;
        let ranges = self.ranges.iter().filter(move |range| {
            let meets = range.start <= wanted.end && wanted.start <= range.end;
            range.pid != wanted.pid && meets && excludes(range.kind, wanted.kind)
        });
        ranges.filter(move |_| wanted.kind != LockKind::Unlock).map(|range| range.pid)
    }

    /// What the process had of the range is replaced.
    fn set_range(&mut self, new: Range) {
        let mut kept = Vec::with_capacity(self.ranges.len() + 2);
        for old in self.ranges.drain(..) {
            if old.pid != new.pid || old.end < new.start || new.end < old.start {
                kept.push(old);
                continue;
            }
            if old.start < new.start {
                kept.push(Range { end: new.start - 1, ..old });
            }
            if new.end < old.end {
                kept.push(Range { start: new.end + 1, ..old });
            }
        }
        if new.kind != LockKind::Unlock {
            kept.push(new);
        }
        self.ranges = kept;
    }

    pub(super) fn lock_range(
        &mut self,
        new: Range,
        result: Result<i64, Errno>,
    ) -> Result<(), String> {
        let refused = new.kind != LockKind::Unlock && self.has_range_against(&new);
        match result {
            Ok(_) if refused => Err("has what somebody else has".to_owned()),
            Ok(_) => {
                self.set_range(new);
                Ok(())
            }
            Err(Errno::EAGAIN | Errno::EACCES) if !refused => Err(NOBODY.to_owned()),
            Err(_) => Ok(()),
        }
    }

    /// A range that somebody has, as far as it goes on without a gap.
    fn joined(&self, range: &Range) -> Range {
        let mut all = *range;
        let touches = |other: &&Range, all: &Range| {
            is_alike(other, all)
                && other.start <= all.end.saturating_add(1)
                && all.start <= other.end.saturating_add(1)
                && (other.start < all.start || all.end < other.end)
        };
        while let Some(more) = self.ranges.iter().find(|other| touches(other, &all)) {
            all = Range { start: all.start.min(more.start), end: all.end.max(more.end), ..all };
        }
        all
    }

    /// man 2 fcntl, `F_GETLK`: one of the locks that are in the way, or that none is.
    fn in_the_way(&self, wanted: &Range, told: &Lock) -> Result<(), String> {
        if told.kind == LockKind::Unlock {
            return match self.has_range_against(wanted) {
                true => Err("finds nobody, and somebody is in the way".to_owned()),
                false => Ok(()),
            };
        }
        let meets = |range: &&Range| {
            let one = Held { ranges: vec![**range], ..Held::default() };
            one.has_range_against(wanted)
        };
        // Beyond the largest offset there is nothing.
        let end = told.end.min(i64::MAX.unsigned_abs());
        let is_told = |range: &Range| {
            let all = self.joined(range);
            let is_owner = u64::from(all.pid.0) == told.owner;
            is_owner && (all.kind, all.start, all.end) == (told.kind, told.start, end)
        };
        match self.ranges.iter().filter(meets).any(is_told) {
            true => Ok(()),
            false => Err("tells of a lock that nobody has in its way".to_owned()),
        }
    }

    /// Whether another open file has what the whole cannot be had beside.
    pub(super) fn has_whole_against(&self, wanted: &Whole) -> bool {
        let against = |held: &Whole| held.by != wanted.by && excludes(held.kind, wanted.kind);
        wanted.kind != LockKind::Unlock && self.whole.iter().any(against)
    }

    /// man 2 flock: what is had of another kind is given back before a wait begins.
    pub(super) fn give_back_other(&mut self, wanted: &Whole) {
        self.whole.retain(|held| held.by != wanted.by || held.kind == wanted.kind);
    }

    fn lock_whole(&mut self, new: Whole, result: Result<i64, Errno>) -> Result<(), String> {
        let is_same = |held: &Whole| held.by == new.by && held.kind == new.kind;
        let refused = self.has_whole_against(&new);
        match result {
            Ok(_) if refused => return Err("has what somebody else has".to_owned()),
            Err(Errno::EAGAIN) if !refused => return Err(NOBODY.to_owned()),
            Err(errno) if !matches!(errno, Errno::EAGAIN | Errno::EINTR) => return Ok(()),
            _ if self.whole.iter().any(is_same) => return Ok(()),
            _ => self.whole.retain(|held| held.by != new.by),
        }
        if result.is_ok() && new.kind != LockKind::Unlock {
            self.whole.push(new);
        }
        Ok(())
    }
}

/// Whether a range belongs where the other does, and is of its kind.
fn is_alike(one: &Range, other: &Range) -> bool {
    one.pid == other.pid && one.kind == other.kind
}

const NOBODY: &str = "cannot have what nobody has";

/// The first and the last byte of a range as `fcntl` counts them; none where there is no such.
pub(super) fn bounds(start: i64, length: i64) -> Option<(u64, u64)> {
    let (first, last) = match length {
        0 => (start, i64::MAX),
        1.. => (start, start.checked_add(length - 1)?),
        _ => (start.checked_add(length)?, start.checked_sub(1)?),
    };
    Some((u64::try_from(first).ok()?, u64::try_from(last).ok()?))
}

impl Locks {
    /// Asks what can be said of a call, and remembers what came of it.
    pub(super) fn judge(
        &mut self,
        seen: &Seen<'_>,
        descriptions: &Descriptions,
    ) -> Result<(), String> {
        self.note_waiters(seen)?;
        self.note(seen, descriptions)?;
        self.is_forgotten(seen)
    }

    fn note(&mut self, seen: &Seen<'_>, descriptions: &Descriptions) -> Result<(), String> {
        match *seen.action {
            Action::Open { .. } | Action::Dup { .. } => {
                let fd = seen.result.value.ok().and_then(|fd| i32::try_from(fd).ok());
                if let Some(fd) = fd
                    && let Some(node) = seen.vfs.lower_inode(seen.pid, fd)
                    && let Some(description) = descriptions.of(seen.pid, fd)
                {
                    self.opened.insert((seen.pid, fd), (node, description));
                }
                Ok(())
            }
            Action::Dup2 { .. } => {
                self.replaced(seen, descriptions);
                Ok(())
            }
            Action::Close { .. } | Action::CloseRange { .. } | Action::Exec => {
                self.closed(seen);
                Ok(())
            }
            Action::Fork | Action::Exit if seen.caller == seen.pid => Ok(()),
            Action::Fork => {
                self.inherited(seen);
                Ok(())
            }
            Action::Exit => {
                self.exited(seen);
                Ok(())
            }
            Action::Flock { file, kind, .. } => self.asked(seen, file, |held, by| {
                let whole = Whole { by, kind: lock_kind(kind) };
                waits::ends_rightly(seen, held.has_whole_against(&whole))?;
                held.lock_whole(whole, seen.result.value)
            }),
            Action::Lock { file, kind, start, length, .. } => {
                self.is_deadlock(seen)?;
                self.asked(seen, file, |held, _| match (bounds(start, length), seen.result.value) {
                    (None, Ok(_)) => Err("locks what is no range".to_owned()),
                    (None, Err(_)) => Ok(()),
                    (Some((start, end)), result) => {
                        let range = Range { pid: seen.pid, kind: lock_kind(kind), start, end };
                        waits::ends_rightly(seen, held.has_range_against(&range))?;
                        held.lock_range(range, result)
                    }
                })
            }
            Action::GetLock { file, kind, start, length } => {
                self.asked(seen, file, |held, _| {
                    match (bounds(start, length), &seen.result.output) {
                        (Some((start, end)), Output::Lock(told)) => {
                            let range = Range { pid: seen.pid, kind: lock_kind(kind), start, end };
                            held.in_the_way(&range, told)
                        }
                        _ => Ok(()),
                    }
                })
            }
            _ => Ok(()),
        }
    }

    fn asked(
        &mut self,
        seen: &Seen<'_>,
        file: u8,
        judge: impl FnOnce(&mut Held, Description) -> Result<(), String>,
    ) -> Result<(), String> {
        let Some(fd) = seen.file(file) else { return Ok(()) };
        let Some((node, by)) = self.opened.get(&(seen.pid, fd)) else { return Ok(()) };
        let held = self.held.entry(*node).or_default();
        held.unknown |= is_disturbed(seen);
        if held.unknown { Ok(()) } else { judge(held, *by) }
    }

    /// The descriptors that are gone now.
    fn closed(&mut self, seen: &Seen<'_>) {
        let own = (seen.pid, 0)..=(seen.pid, i32::MAX);
        let fds = self.opened.range(own).map(|((_, fd), _)| *fd);
        let gone = |fd: &i32| seen.vfs.open_flags(seen.pid, *fd).is_none();
        for fd in fds.filter(gone).collect::<Vec<i32>>() {
            self.give_back((seen.pid, fd), is_disturbed(seen));
        }
    }

    /// man 2 fork: the child has what its parent has open, and none of its ranges.
    fn inherited(&mut self, seen: &Seen<'_>) {
        let own = (seen.caller, 0)..=(seen.caller, i32::MAX);
        let copies = self.opened.range(own).map(|((_, fd), was)| ((seen.pid, *fd), *was));
        let copies: Vec<_> = copies.collect();
        self.opened.extend(copies);
    }

    /// man 2 _exit: every descriptor is closed.
    fn exited(&mut self, seen: &Seen<'_>) {
        let own = (seen.caller, 0)..=(seen.caller, i32::MAX);
        let fds: Vec<i32> = self.opened.range(own).map(|((_, fd), _)| *fd).collect();
        let is_disturbed = is_disturbed(seen);
        fds.into_iter().for_each(|fd| self.give_back((seen.caller, fd), is_disturbed));
    }

    /// man 2 dup: what a descriptor meant is closed when it gets another meaning.
    fn replaced(&mut self, seen: &Seen<'_>, descriptions: &Descriptions) {
        let Action::Dup2 { file, onto } = *seen.action else { return };
        let (Some(from), Some(to)) = (seen.file(file), seen.file(onto)) else { return };
        if from == to || seen.result.value.is_err() {
            return;
        }
        let known = seen.vfs.lower_inode(seen.pid, to).zip(descriptions.of(seen.pid, to));
        let was = match known {
            Some(new) => self.opened.insert((seen.pid, to), new),
            None => self.opened.remove(&(seen.pid, to)),
        };
        if let Some(was) = was {
            self.let_go(seen.pid, was, is_disturbed(seen));
        }
    }

    /// What goes with a descriptor that is closed.
    fn give_back(&mut self, (pid, fd): (Pid, i32), is_disturbed: bool) {
        let Some(was) = self.opened.remove(&(pid, fd)) else { return };
        self.let_go(pid, was, is_disturbed);
    }

    /// What a process gives back with one descriptor of an open file.
    fn let_go(&mut self, pid: Pid, (node, by): (Ino, Description), is_disturbed: bool) {
        let is_last = self.opened.values().all(|(_, other)| *other != by);
        let Some(held) = self.held.get_mut(&node) else { return };
        held.unknown |= is_disturbed;
        held.ranges.retain(|range| range.pid != pid);
        held.whole.retain(|whole| whole.by != by || !is_last);
    }
}

/// Whether the order of a call and of another that is about locks is not known. The kernel gives a
/// lock in the last step of the call that asks for it, however long that waited; whoever closes
/// files gives theirs back at some time in the middle; and where a daemon keeps locks, any other
/// that was under way may have come before or after.
fn is_disturbed(seen: &Seen<'_>) -> bool {
    let daemon_keeps = waits::is_kept_by_daemon(seen);
    let asks = |action: &Action| {
        matches!(action, Action::Flock { .. } | Action::Lock { .. } | Action::GetLock { .. })
    };
    let disturbs = |call: &CallEntry| {
        let action = &seen.case.clients[call.client].actions[call.action];
        let is_own = (call.client, call.action) == (seen.client, seen.number);
        let is_about = match (seen.action.closes(), call.end) {
            _ if daemon_keeps => action.closes() || asks(action),
            (true, Some(_)) => action.closes() || asks(action),
            (true, None) => action.closes(),
            (false, end) => end.is_none() && action.closes(),
        };
        !is_own && is_about && call.end.is_none_or(|end| end > seen.begin)
    };
    seen.calls.iter().any(disturbs)
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{Errno, Ino, Pid};
    use fuserig_sim_fs::Lock;
    use fuserig_sim_fs::LockKind::{Read, Unlock, Write};

    use super::{Held, Locks, Range, Whole, bounds};

    #[test]
    fn the_whole_file_goes_with_the_last_duplicate_and_ranges_with_the_first() {
        let mut locks = Locks::default();
        let (pid, other, node) = (Pid(1), Pid(2), Ino(5));
        locks.opened.insert((pid, 3), (node, 7));
        locks.opened.insert((pid, 4), (node, 7));
        let held = locks.held.entry(node).or_default();
        assert_eq!(held.lock_whole(Whole { by: 7, kind: Write }, Ok(0)), Ok(()));
        assert_eq!(held.lock_whole(Whole { by: 7, kind: Read }, Ok(0)), Ok(()), "one's own");
        let range = |pid| Range { pid, kind: Write, start: 0, end: 9 };
        assert_eq!(held.lock_range(range(pid), Ok(0)), Ok(()));
        locks.give_back((pid, 3), false);
        let held = locks.held.entry(node).or_default();
        assert_eq!(held.lock_range(range(other), Ok(0)), Ok(()), "the range has gone");
        let ask = Whole { by: 8, kind: Write };
        assert_eq!(held.lock_whole(ask, Ok(0)), Err("has what somebody else has".to_owned()));
        locks.give_back((pid, 4), false);
        let held = locks.held.entry(node).or_default();
        assert_eq!(held.lock_whole(ask, Ok(0)), Ok(()), "and now the lock has");
    }

    #[test]
    fn ranges_exclude_those_of_others_as_far_as_they_reach() {
        let mut held = Held::default();
        let mut ask = |pid, kind, start, end, result| {
            held.lock_range(Range { pid: Pid(pid), kind, start, end }, result)
        };
        let again = Err(Errno::EAGAIN);
        assert_eq!(ask(1, Write, 0, 9, Ok(0)), Ok(()));
        assert_eq!(ask(1, Unlock, 3, 5, Ok(0)), Ok(()));
        assert_eq!(ask(2, Read, 3, 5, Ok(0)), Ok(()));
        assert_eq!(ask(2, Read, 5, 6, again), Ok(()));
        assert_eq!(ask(2, Read, 6, 6, again), Ok(()));
        assert_eq!(ask(2, Write, 10, 11, Ok(0)), Ok(()));
        assert_eq!(ask(1, Read, 3, 5, Ok(0)), Ok(()), "both read");
        let taken = "has what somebody else has";
        assert_eq!(ask(2, Read, 0, 0, Ok(0)), Err(taken.to_owned()));
        assert_eq!(ask(1, Write, 5, 5, Ok(0)), Err(taken.to_owned()));
        assert_eq!(ask(1, Read, 12, 20, again), Err("cannot have what nobody has".to_owned()));
    }

    #[test]
    fn who_is_in_the_way_is_told_with_all_of_its_range() {
        let mut held = Held::default();
        let range = |pid, kind, start, end| Range { pid: Pid(pid), kind, start, end };
        for (start, end) in [(5, 9), (10, 12), (20, 29)] {
            assert_eq!(held.lock_range(range(1, Write, start, end), Ok(0)), Ok(()));
        }
        let told = |kind, owner, start, end| Lock { kind, owner, start, end };
        let ask = |pid, kind, end, told| held.in_the_way(&range(pid, kind, 0, end), &told);
        assert_eq!(ask(2, Read, 6, told(Write, 1, 5, 12)), Ok(()));
        assert_eq!(ask(2, Read, 4, told(Unlock, 2, 0, 4)), Ok(()));
        assert_eq!(ask(1, Write, 40, told(Unlock, 1, 0, 40)), Ok(()), "nobody is in one's own");
        let another = Err("tells of a lock that nobody has in its way".to_owned());
        assert_eq!(ask(2, Read, 6, told(Write, 1, 5, 9)), another);
        assert_eq!(ask(2, Read, 6, told(Write, 3, 5, 12)), another);
        assert_eq!(ask(2, Read, 6, told(Read, 1, 5, 12)), another);
        assert_eq!(ask(2, Read, 6, told(Write, 1, 20, 29)), another);
        let nobody = Err("finds nobody, and somebody is in the way".to_owned());
        assert_eq!(ask(2, Read, 6, told(Unlock, 2, 0, 6)), nobody);
    }

    #[test]
    fn who_changes_the_kind_of_a_lock_gives_it_back_first() {
        let mut held = Held::default();
        let mut ask = |by, kind, result| held.lock_whole(Whole { by, kind }, result);
        let again = Err(Errno::EAGAIN);
        assert_eq!(ask(1, Read, Ok(0)), Ok(()));
        assert_eq!(ask(2, Read, Ok(0)), Ok(()));
        assert_eq!(ask(1, Write, again), Ok(()), "and has none now");
        assert_eq!(ask(2, Write, Ok(0)), Ok(()));
        assert_eq!(ask(3, Read, Ok(0)), Err("has what somebody else has".to_owned()));
        assert_eq!(ask(4, Read, again), Ok(()), "another that was opened is somebody else");
        assert_eq!(ask(2, Unlock, Ok(0)), Ok(()));
        assert_eq!(ask(3, Write, again), Err("cannot have what nobody has".to_owned()));
    }

    #[test]
    fn a_range_is_counted_as_fcntl_does() {
        let end = i64::MAX.unsigned_abs();
        assert_eq!(bounds(5, 0), Some((5, end)));
        assert_eq!(bounds(5, 2), Some((5, 6)));
        assert_eq!(bounds(5, -2), Some((3, 4)));
        assert_eq!(bounds(1, -2), None);
        assert_eq!(bounds(-1, 2), None);
        assert_eq!(bounds(i64::MAX, 2), None);
    }
}
