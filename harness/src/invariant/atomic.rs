//! Changes that overlap leave what some order of them leaves, one after the other.
//!
//! This asks less than [`linearizable`](super::linearizable), and so it holds of Linux: only of
//! calls that succeeded, which nothing about the way to a name can explain away, or that say of a
//! name that it is there or is not while they hold its directory; and only for the tree in the end.
//! What a reader would get wrong: the orders are those of the calls that overlap; everything else
//! comes in the order in which it came.

use fuserig_abi::Errno;
use fuserig_sim_fs::{OpenFlags, RenameFlags};

use super::linear::{in_order, result_in};
use super::trees::same_at_any_time;
use super::{End, Invariant};
use crate::sim::{Action, CallEntry};

/// Orders tried before a history is left alone.
const ORDERS_MAX: usize = 24;

/// See [`atomic_changes`].
///
/// ```
/// use fuserig::invariant::{Invariant, atomic_changes};
/// assert_eq!(atomic_changes().name(), "atomic_changes");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AtomicChanges;

/// Changes that overlap leave the tree that some order of them leaves.
pub fn atomic_changes() -> AtomicChanges {
    AtomicChanges
}

/// What can be said of a call that overlaps another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// It changes nothing, and nothing depends on when it came.
    Looks,
    /// It comes at once, before or after another.
    Whole,
    /// It is done in parts, or takes two ways through the tree.
    Pieces,
}

fn part(action: &Action) -> Part {
    match action {
        // Whoever opens or moves means what was there then.
        Action::Open { .. } | Action::Chdir { .. } => Part::Whole,
        Action::Copy { .. } | Action::Sendfile { .. } => Part::Pieces,
        // Where it leaves the file depends on what was there, and so does what comes next.
        Action::Read { offset: None, .. } | Action::Seek { whence: 2.., .. } => Part::Whole,
        // Its two walks may see different trees.
        Action::Rename { flags, .. } if flags & RenameFlags::EXCHANGE.bits() != 0 => Part::Pieces,
        // No name depends on when a file was closed, or a lock was taken.
        action if action.only_looks() => Part::Looks,
        _ => Part::Whole,
    }
}

/// The names of a path.
fn names(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|name| !name.is_empty())
}

/// Whether what one does may be about what the other names; of open files nobody knows.
fn are_related(one: &Action, other: &Action) -> bool {
    let last = |action: &Action| -> Vec<Vec<u8>> {
        let paths = action.named_paths().into_iter().flatten();
        paths.filter_map(|path| names(&path.0).next_back().map(<[u8]>::to_vec)).collect()
    };
    let (first, second) = (last(one), last(other));
    first.is_empty() || second.is_empty() || first.iter().any(|name| second.contains(name))
}

/// Whether one is about what may be on the other's way to its names.
fn touches_the_way(one: &Action, other: &Action) -> bool {
    let about = one.named_paths().map(|path| names(&path?.0).next_back());
    let mut ways = other.named_paths().into_iter().flatten();
    ways.any(|path| names(&path.0).rev().skip(1).any(|name| about.contains(&Some(name))))
}

/// Whether one moves what may be on the other's way to its names.
fn moves_the_way(one: &Action, other: &Action) -> bool {
    matches!(one, Action::Rename { .. }) && touches_the_way(one, other)
}

/// Whether one may change the rights by which the other gets where it goes.
///
/// Linux looks at the directories of a way, and at a file that is opened or cut to a length,
/// before it takes the lock under which it acts; at all others once it has it. Which file a name
/// is, or a descriptor, nobody knows here.
fn changes_its_rights(one: &Action, other: &Action) -> bool {
    let changed = match one {
        Action::Chmod { path, .. } | Action::Chown { path, .. } => Some(path),
        Action::Setxattr { path, name, .. } | Action::Removexattr { path, name }
            if name.0.starts_with(b"system.posix_acl_") =>
        {
            Some(path)
        }
        Action::Fchmod { .. } | Action::Fchown { .. } => None,
        _ => return false,
    };
    if matches!(other, Action::Open { .. } | Action::Truncate { .. }) {
        return true;
    }
    let Some(changed) = changed.map(|path| names(&path.0).next_back()) else { return false };
    let mut ways = other.named_paths().into_iter().flatten();
    ways.any(|path| names(&path.0).rev().skip(1).any(|name| Some(name) == changed))
}

/// Whether a call looks up a name and acts on it while it holds the directory: what it says of the
/// name was so at one moment.
fn acts_where_it_looks(action: &Action) -> bool {
    let creates = (OpenFlags::CREAT | OpenFlags::EXCL).bits();
    let acts = match action {
        Action::Open { flags, .. } => flags & creates == creates,
        Action::Mkdir { .. }
        | Action::Mknod { .. }
        | Action::Symlink { .. }
        | Action::Unlink { .. }
        | Action::Rmdir { .. }
        | Action::Rename { .. } => true,
        _ => false,
    };
    let is_plain = |name: &[u8]| name != b"." && name != b"..";
    let mut paths = action.named_paths().into_iter().flatten();
    acts && paths.all(|path| names(&path.0).all(is_plain))
}

/// Whether what came of two calls that overlap can be held against every order of them.
fn tell(pair: [(&Action, &CallEntry); 2]) -> bool {
    let succeeds = |(_, call): &(&Action, &CallEntry)| {
        call.result.as_ref().is_some_and(|result| result.value.is_ok())
    };
    let says = |(action, call): &(&Action, &CallEntry)| {
        let value = call.result.as_ref().map(|result| result.value);
        let of_a_name = [Errno::ENOENT, Errno::EEXIST].map(|errno| Some(Err(errno)));
        of_a_name.contains(&value) && acts_where_it_looks(action)
    };
    let [(one, _), (other, _)] = pair;
    let apart = touches_the_way(one, other) || touches_the_way(other, one);
    pair.iter().all(succeeds) || !apart && pair.iter().all(|each| succeeds(each) || says(each))
}

fn overlap(one: &CallEntry, other: &CallEntry) -> bool {
    let begins_before_end =
        |one: &CallEntry, other: &CallEntry| other.end.is_none_or(|end| one.begin < end);
    one.client != other.client && begins_before_end(one, other) && begins_before_end(other, one)
}

/// Orders of the calls of a run, as far as they overlap.
struct Orders<'a, 'e> {
    end: &'a End<'e>,
    /// Whether a call's place matters.
    matters: Vec<bool>,
    /// The calls of each client that have no place yet, the first last.
    left: Vec<Vec<usize>>,
    order: Vec<usize>,
    tried: usize,
}

impl Orders<'_, '_> {
    /// Whether an order leaves what was left; none when there are too many.
    fn any(&mut self) -> Option<bool> {
        let calls = &self.end.record.calls;
        let heads: Vec<usize> =
            self.left.iter().filter_map(|calls| calls.last().copied()).collect();
        if heads.is_empty() {
            self.tried += 1;
            return (self.tried <= ORDERS_MAX).then(|| self.leaves_the_same());
        }
        // Nobody comes before one that returned before it began.
        let comes_first = |head: usize| {
            heads.iter().all(|other| calls[*other].end.is_none_or(|end| end > calls[head].begin))
        };
        let mut next: Vec<usize> =
            heads.iter().copied().filter(|head| comes_first(*head)).collect();
        next.sort_by_key(|call| calls[*call].end);
        if let Some(free) = next.iter().copied().find(|call| !self.matters[*call]) {
            next = vec![free];
        }
        for call in next {
            let client = calls[call].client;
            self.left[client].pop();
            self.order.push(call);
            let found = self.any();
            self.order.pop();
            self.left[client].push(call);
            if found != Some(false) {
                return found;
            }
        }
        Some(false)
    }

    fn leaves_the_same(&self) -> bool {
        let record = self.end.record;
        let order = self.order.iter().copied();
        let Some(serial) = in_order(self.end, self.end.subject, order) else { return true };
        let ends_alike = |call: &CallEntry| {
            let other = result_in(&serial, call);
            call.result.as_ref().map(|result| result.value) == other.map(|other| other.value)
        };
        let judged = record.calls.iter().zip(&self.matters).filter(|(_, matters)| **matters);
        judged.map(|(call, _)| call).all(ends_alike)
            && same_at_any_time(&serial.lower, &record.lower)
    }
}

impl AtomicChanges {
    /// The calls whose place matters; none where nothing can be said of some, or of all.
    fn judged(end: &End<'_>) -> Option<Vec<bool>> {
        let calls = &end.record.calls;
        let action = |call: &CallEntry| &end.case.clients[call.client].actions[call.action];
        let mut matters = vec![false; calls.len()];
        let mut related = false;
        for (place, call) in calls.iter().enumerate() {
            // Calls come in the order in which they began.
            let later = calls.iter().enumerate().skip(place + 1);
            let at_once = later.take_while(|(_, other)| call.end.is_none_or(|e| other.begin < e));
            for (other_place, other) in at_once.filter(|(_, other)| overlap(call, other)) {
                let (one, other_one) = (action(call), action(other));
                if part(one) == Part::Looks || part(other_one) == Part::Looks {
                    continue;
                }
                let whole = [one, other_one].iter().all(|each| part(each) == Part::Whole);
                let parts =
                    |one, other| moves_the_way(one, other) || changes_its_rights(one, other);
                let apart = parts(one, other_one) || parts(other_one, one);
                if !whole || apart || !tell([(one, call), (other_one, other)]) {
                    return None;
                }
                related |= are_related(one, other_one);
                (matters[place], matters[other_place]) = (true, true);
            }
        }
        related.then_some(matters)
    }
}

impl Invariant for AtomicChanges {
    fn name(&self) -> &str {
        "atomic_changes"
    }

    fn end(&mut self, end: &End<'_>) -> Result<(), String> {
        let record = end.record;
        let is_plain = end.case.faults.is_empty() && record.power.is_none();
        let complete = record.calls.iter().all(|call| call.end.is_some());
        if !is_plain || !complete || !record.ending.is_finished() {
            return Ok(());
        }
        let Some(matters) = Self::judged(end) else { return Ok(()) };
        let mut left = vec![Vec::new(); end.case.clients.len()];
        for (place, call) in record.calls.iter().enumerate().rev() {
            left[call.client].push(place);
        }
        let mut orders = Orders { end, matters, left, order: Vec::new(), tried: 0 };
        match orders.any() {
            Some(false) => Err("no order of the calls that overlap leaves this tree".to_owned()),
            Some(true) | None => Ok(()),
        }
    }
}
