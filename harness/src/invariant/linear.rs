//! A concurrent history has a serial explanation: some order of the calls, in which none moves
//! before one that returned earlier, gives every call the result that it had.
//!
//! The sequential model is the subject itself, one call at a time. What a reader would get wrong:
//! Linux does not promise this for calls that walk several directories, so it is for filters that
//! keep a state and for short programs; a history with too many orders is not judged.

use super::trees::same_at_any_time;
use super::{End, Invariant};
use crate::sim::{Candidate, Case, Scheduler, same_result};

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
        let calls = &end.record.calls;
        let complete = calls.iter().all(|call| call.end.is_some());
        if !end.record.ending.is_finished() || !complete {
            return Ok(());
        }
        let mut tried = 0;
        let mut order = Vec::with_capacity(calls.len());
        match explain(end, &mut order, &mut tried) {
            Some(true) | None => Ok(()),
            Some(false) => Err(format!("none of {tried} serial orders gives these results")),
        }
    }
}

/// Whether some order explains the results; none when there are too many to try.
fn explain(end: &End<'_>, order: &mut Vec<usize>, tried: &mut usize) -> Option<bool> {
    let calls = &end.record.calls;
    if order.len() == calls.len() {
        *tried += 1;
        return if *tried > ORDERS_MAX { None } else { Some(agrees(end, order)) };
    }
    for next in 0..calls.len() {
        // Nobody moves before one that returned before it began.
        let early = |other: usize| {
            !order.contains(&other) && calls[other].end.is_some_and(|end| end <= calls[next].begin)
        };
        if order.contains(&next) || (0..calls.len()).any(|other| other != next && early(other)) {
            continue;
        }
        order.push(next);
        let explained = explain(end, order, tried)?;
        order.pop();
        if explained {
            return Some(true);
        }
    }
    Some(false)
}

fn agrees(end: &End<'_>, order: &[usize]) -> bool {
    let calls = &end.record.calls;
    let clients = order.iter().map(|call| calls[*call].client).collect();
    let mut scheduler = InOrder { order: clients, at: 0, started: false };
    let case = Case { crash: None, ..end.case.clone() };
    let start = &end.record.initial;
    let detail = crate::sim::Detail::Calls;
    let run = crate::sim::run_with(end.subject, &case, start, &mut scheduler, &mut [], detail);
    let Ok((serial, _)) = run else { return false };
    let result_of = |client, action| {
        let same = |call: &&crate::sim::CallEntry| (call.client, call.action) == (client, action);
        serial.calls.iter().find(same).and_then(|call| call.result.as_ref())
    };
    // Each call moves the clock, so that another order has other times.
    same_at_any_time(&serial.lower, &end.record.lower)
        && calls.iter().all(|call| {
            let other = result_of(call.client, call.action);
            call.result.as_ref().zip(other).is_some_and(|(one, other)| same_result(one, other))
        })
}
