//! Two subjects that must behave alike: with and without a filter, native and BPF, old and new.

use core::fmt;
use std::rc::Rc;

use fuserig_filters::Filter;

use super::linear::{explained, in_order};
use super::trees::compare_trees;
use super::{End, Invariant};
use crate::sim::{
    CallEntry, Case, Compared, Detail, Playback, RunRecord, StepRow, Subject, run_with, show_both,
};
use crate::vfs::CallResult;

/// See [`transparent`].
///
/// ```
/// use fuserig::invariant::{Invariant, transparent};
/// assert_eq!(transparent().name(), "transparent");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Transparent;

/// A filter that claims to pass everything through changes no result and no file.
///
/// ```
/// use fuserig::prelude::*;
/// Simulation::new(Seed(1)).operations(40)
///     .run(Subject::new(Abi::V4, Audit::new).over("/a 'x'"))
///     .check(invariant::transparent())
///     .or_report();
/// ```
pub fn transparent() -> Transparent {
    Transparent
}

impl Invariant for Transparent {
    fn name(&self) -> &str {
        "transparent"
    }

    fn twin(&self, subject: &Subject, case: &Case) -> Option<(Subject, Case)> {
        Some((subject.unfiltered(), case.clone()))
    }

    fn end(&mut self, end: &End<'_>) -> Result<(), String> {
        let Some(twin) = end.twin else { return Ok(()) };
        let other = end.subject.unfiltered();
        judge_beside(end, twin, &other, ("with the filter", "without it"), Compared::All)
    }
}

/// See [`twins_agree`].
///
/// ```
/// use fuserig::invariant::{Invariant, twins_agree};
/// assert_eq!(twins_agree(fuserig_filters::readonly).name(), "twins_agree");
/// ```
#[derive(Clone)]
pub struct TwinsAgree {
    /// What the other is called in a message.
    words: String,
    /// Whether both ask the daemon alike often, and tell readers the same.
    asks: bool,
    other: Rc<dyn Fn() -> Option<Box<dyn Filter>>>,
}

/// The filter and another one (its BPF twin, its next version) decide alike.
pub fn twins_agree<F: Filter + 'static>(other: impl Fn() -> F + 'static) -> TwinsAgree {
    let other = move || -> Option<Box<dyn Filter>> { Some(Box::new(other())) };
    TwinsAgree { words: "with its twin".to_owned(), asks: false, other: Rc::new(other) }
}

impl TwinsAgree {
    /// As [`twins_agree`], with another filter that has a name, or none.
    pub(crate) fn with(
        name: &str,
        other: impl Fn() -> Option<Box<dyn Filter>> + 'static,
    ) -> TwinsAgree {
        TwinsAgree { words: format!("with {name}"), asks: false, other: Rc::new(other) }
    }

    /// Besides, the two ask the daemon as often as each other and give the same records to readers:
    /// for filters whose business that is.
    #[must_use]
    pub fn and_ask_alike(self) -> TwinsAgree {
        TwinsAgree { asks: true, ..self }
    }
}

impl fmt::Debug for TwinsAgree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwinsAgree").finish_non_exhaustive()
    }
}

impl Invariant for TwinsAgree {
    fn name(&self) -> &str {
        "twins_agree"
    }

    fn twin(&self, subject: &Subject, case: &Case) -> Option<(Subject, Case)> {
        let other = Rc::clone(&self.other);
        Some((subject.with_filter(move || other()), case.clone()))
    }

    fn end(&mut self, end: &End<'_>) -> Result<(), String> {
        let Some(twin) = end.twin else { return Ok(()) };
        let make = Rc::clone(&self.other);
        let other = end.subject.with_filter(move || make());
        let words = ("with this filter", &self.words[..]);
        judge_beside(end, twin, &other, words, Compared::Times)?;
        if !self.asks {
            return Ok(());
        }
        // Who asks takes steps for it.
        if went_alike(end.record, twin) {
            return compare_records(end.record, twin, words);
        }
        let Some((one, other)) = both_in_order(end, &other) else { return Ok(()) };
        if one.asked == other.asked {
            return compare_records(&one, &other, words);
        }
        let (this, that) = words;
        Err(format!("the daemon is asked {} times {this}, and {} {that}", one.asked, other.asked))
    }
}

/// The first record for readers that is not the same, as a sentence.
fn compare_records(
    one: &RunRecord,
    other: &RunRecord,
    (this, that): (&str, &str),
) -> Result<(), String> {
    let (one, other) = (&one.records, &other.records);
    let alike = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let shown = |record: Option<&Vec<u8>>| match record {
        Some(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        None => "missing".to_owned(),
    };
    if alike == one.len().max(other.len()) {
        return Ok(());
    }
    let (number, one, other) = (alike + 1, shown(one.get(alike)), shown(other.get(alike)));
    Err(format!("record {number} for the reader is {one} {this}, and {other} {that}"))
}

/// Whether each call began and returned at the same steps, so that every step came at the same
/// time.
pub(super) fn went_alike(record: &RunRecord, twin: &RunRecord) -> bool {
    let steps = |call: &CallEntry| (call.client, call.action, call.begin, call.end);
    record.calls.iter().map(steps).eq(twin.calls.iter().map(steps))
}

/// Whether the two went step by step alike until a call did other steps whose result differs as
/// well: it was decided otherwise, and did not come to a decision at another time.
fn decided_otherwise(end: &End<'_>, other: &Subject, compared: Compared) -> bool {
    let by_step = |subject: &Subject| {
        let (start, mut playback) = (&end.record.initial, Playback::new(&end.record.schedule));
        let detail = Detail::Steps;
        run_with(subject, end.case, start, &mut playback, &mut [], detail).ok().map(|run| run.0)
    };
    let (Some(one), Some(other)) = (by_step(end.subject), by_step(other)) else { return true };
    let result = |record: &RunRecord, row: &StepRow| {
        let same = |call: &&CallEntry| (call.client, call.action) == (row.client, row.action);
        record.calls.iter().find(same).and_then(|call| call.result.clone())
    };
    let result_differs = |row: &StepRow| match (result(&one, row), result(&other, row)) {
        (Some(one), Some(other)) => !compared.same_result(&one, &other),
        (one, other) => one.is_some() != other.is_some(),
    };
    let first = one.rows.iter().zip(&other.rows).find(|(one, other)| one != other);
    first.is_none_or(|(one, other)| result_differs(one) || result_differs(other))
}

/// Orders in which a twin may explain what happened before it is left alone.
const ORDERS_MAX: usize = 256;

/// The same calls one at a time, in the order in which they began, with this subject and another.
pub(super) fn both_in_order(end: &End<'_>, other: &Subject) -> Option<(RunRecord, RunRecord)> {
    let order = || 0..end.record.calls.len();
    Some((in_order(end, end.subject, order())?, in_order(end, other, order())?))
}

/// What differs from the twin's run, but for what comes of another number of steps alone: where
/// calls overlap, they meet elsewhere then. What remains is what was decided otherwise while all
/// went alike, what differs one call at a time, and what no order of the twin's calls explains.
pub(super) fn judge_beside(
    end: &End<'_>,
    twin: &RunRecord,
    other: &Subject,
    words: (&str, &str),
    compared: Compared,
) -> Result<(), String> {
    let said = compare(end, twin, words, compared);
    // Another filesystem has other steps from the start.
    let is_due_to_steps = || {
        compared == Compared::Calls
            || !went_alike(end.record, twin) && !decided_otherwise(end, other, compared)
    };
    if said.is_ok() || !is_due_to_steps() {
        return said;
    }
    let Some((one, serial)) = both_in_order(end, other) else { return said };
    let alone = End { record: &one, twin: None, ..*end };
    compare_results(&alone, &serial, words, compared)?;
    compare_trees(&one.lower, &serial.lower, words, compared)?;
    match explained(end, other, ORDERS_MAX) {
        Some(false) => said,
        Some(true) | None => Ok(()),
    }
}

/// The first call whose result differs, or where the trees do in the end, as a sentence.
fn compare(
    end: &End<'_>,
    twin: &RunRecord,
    words: (&str, &str),
    compared: Compared,
) -> Result<(), String> {
    let alike = went_alike(end.record, twin);
    let compared = if alike { compared } else { compared.min(Compared::State) };
    compare_results(end, twin, words, compared)?;
    compare_trees(&end.record.lower, &twin.lower, words, compared)
}

/// The first call whose result differs, as a sentence.
pub(super) fn compare_results(
    end: &End<'_>,
    twin: &RunRecord,
    words: (&str, &str),
    compared: Compared,
) -> Result<(), String> {
    compare_calls(end, twin, words, |_, one, other| compared.same_result(one, other))
}

/// The first call whose result is not the same, as a sentence.
pub(super) fn compare_calls(
    end: &End<'_>,
    twin: &RunRecord,
    (this, that): (&str, &str),
    same: impl Fn(&CallEntry, &CallResult, &CallResult) -> bool,
) -> Result<(), String> {
    if end.record.ending != twin.ending {
        return Err(format!(
            "{this} the run ends {:?}, {that} {:?}",
            end.record.ending, twin.ending
        ));
    }
    // A client's calls begin in the order of its actions.
    let mut others: Vec<Vec<&CallEntry>> = vec![Vec::new(); end.case.clients.len()];
    for call in &twin.calls {
        others[call.client].push(call);
    }
    for call in &end.record.calls {
        let other = others[call.client].get(call.action);
        let (Some(one), Some(other)) =
            (call.result.as_ref(), other.and_then(|other| other.result.as_ref()))
        else {
            continue;
        };
        if !same(call, one, other) {
            let action = &end.case.clients[call.client].actions[call.action];
            let (one, other) = show_both(one, other);
            return Err(format!("`{action}` gives {one} {this}, and {other} {that}"));
        }
    }
    Ok(())
}
