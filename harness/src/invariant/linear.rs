//! A concurrent history has a serial explanation: some order of the calls, in which none moves
//! before one that returned earlier, gives every call the result that it had.
//!
//! The sequential model is the subject itself, one call at a time. What a reader would get wrong:
//! Linux does not promise this for calls that walk several directories, so it is for filters that
//! keep a state and for short programs; a history with too many orders is not judged.

use super::trees::same_at_any_time;
use super::{End, Invariant};
use crate::sim::{
    CallEntry, Candidate, Case, Compared, Detail, RunRecord, Scheduler, Subject, run_with,
};
use crate::vfs::CallResult;

/// Orders tried before a history is left alone.
const ORDERS_MAX: usize = 2000;

/// See [`linearizable`].
///
/// ```
/// use fuserig::invariant::{Invariant, linearizable};
/// assert_eq!(linearizable().name(), "linearizable");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Linearizable;

/// Concurrent calls behave as if they came one after the other.
pub fn linearizable() -> Linearizable {
    Linearizable
}

/// Lets whole calls run in a given order.
#[derive(Debug)]
struct InOrder {
    order: Vec<usize>,
    at: usize,
    started: bool,
}

impl Scheduler for InOrder {
    fn choose(&mut self, enabled: &[Candidate], going_on: usize, _: u64) -> usize {
        // The running call is over when its client stands before its next action.
        let wanted = self.order.get(self.at).copied();
        let place = enabled.iter().position(|candidate| Some(candidate.client) == wanted);
        let fresh = place.is_none_or(|place| enabled[place].step == 0);
        if fresh && self.started {
            self.at += 1;
            self.started = false;
            return self.choose(enabled, going_on, 0);
        }
        self.started = true;
        place.unwrap_or(going_on)
    }
}

impl Invariant for Linearizable {
    fn name(&self) -> &str {
        "linearizable"
    }

    fn end(&mut self, end: &End<'_>) -> Result<(), String> {
        match explained(end, end.subject, ORDERS_MAX) {
            Some(false) => Err("no serial order of the calls gives these results".to_owned()),
            Some(true) | None => Ok(()),
        }
    }
}

/// Whether `model`, one call at a time, explains what happened; none when nobody can tell.
pub(super) fn explained(end: &End<'_>, model: &Subject, most: usize) -> Option<bool> {
    let calls = &end.record.calls;
    let complete = calls.iter().all(|call| call.end.is_some());
    if !end.record.ending.is_finished() || !complete {
        return None;
    }
    let mut search = Search { end, model, left: most, order: Vec::with_capacity(calls.len()) };
    match search.explain() {
        Explained::Yes => Some(true),
        Explained::No(_) => Some(false),
        Explained::Unknown => None,
    }
}

/// Orders one after the other, each tried by a run.
struct Search<'a, 'e> {
    end: &'a End<'e>,
    model: &'a Subject,
    /// Orders that may still be tried.
    left: usize,
    order: Vec<usize>,
}

/// What is known of the orders that begin like the one that is tried.
enum Explained {
    Yes,
    /// None of those whose first so many calls are the same explains it.
    No(usize),
    Unknown,
}

impl Search<'_, '_> {
    /// Whether an order that begins with what is laid down explains the results.
    fn explain(&mut self) -> Explained {
        let calls = &self.end.record.calls;
        if self.order.len() == calls.len() {
            let Some(left) = self.left.checked_sub(1) else { return Explained::Unknown };
            self.left = left;
            return match disagrees(self.end, self.model, &self.order) {
                None => Explained::Yes,
                Some(place) => Explained::No(place + 1),
            };
        }
        let laid_down = self.order.len();
        for next in 0..calls.len() {
            if self.order.contains(&next) || self.comes_too_early(next) {
                continue;
            }
            self.order.push(next);
            let explained = self.explain();
            self.order.pop();
            match explained {
                Explained::No(same) if same > laid_down => {}
                other => return other,
            }
        }
        Explained::No(laid_down)
    }

    /// Nobody moves before one that returned before it began.
    fn comes_too_early(&self, next: usize) -> bool {
        let calls = &self.end.record.calls;
        (0..calls.len()).any(|other| {
            other != next
                && !self.order.contains(&other)
                && calls[other].end.is_some_and(|end| end <= calls[next].begin)
        })
    }
}

/// The same calls, one at a time, in the order of these places in the record.
pub(super) fn in_order(
    end: &End<'_>,
    subject: &Subject,
    order: impl Iterator<Item = usize>,
) -> Option<RunRecord> {
    let order = order.map(|call| end.record.calls[call].client).collect();
    let mut scheduler = InOrder { order, at: 0, started: false };
    let case = Case { crash: None, ..end.case.clone() };
    let start = &end.record.initial;
    let run = run_with(subject, &case, start, &mut scheduler, &mut [], Detail::Calls);
    run.ok().map(|(record, _)| record)
}

/// What the same call of the same client came to in another run.
pub(super) fn result_in<'r>(other: &'r RunRecord, call: &CallEntry) -> Option<&'r CallResult> {
    let same = |other: &&CallEntry| (other.client, other.action) == (call.client, call.action);
    other.calls.iter().find(same)?.result.as_ref()
}

/// The place in the order of the first call with another result, or behind the last one where
/// that is the tree; none when all is the same.
fn disagrees(end: &End<'_>, model: &Subject, order: &[usize]) -> Option<usize> {
    let calls = &end.record.calls;
    let Some(serial) = in_order(end, model, order.iter().copied()) else { return Some(0) };
    let served = end.subject.served || model.served;
    let compared = if served { Compared::Calls } else { Compared::State };
    let differs = |call: &CallEntry| {
        let both = call.result.as_ref().zip(result_in(&serial, call));
        !both.is_some_and(|(one, other)| compared.same_result(one, other))
    };
    let place = order.iter().position(|call| differs(&calls[*call]));
    // Each call moves the clock, so that another order has other times.
    let same_tree = || served || same_at_any_time(&serial.lower, &end.record.lower);
    place.or_else(|| (!same_tree()).then(|| order.len() - 1))
}
