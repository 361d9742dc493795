//! Two subjects that must behave alike: with and without a filter, native and BPF, old and new.

use core::fmt;
use std::rc::Rc;

use fuserig_filters::Filter;

use super::trees::compare_trees;
use super::{End, Invariant};
use crate::sim::{CallEntry, Case, Compared, RunRecord, Subject, show_both};
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
        compare(end, twin, ("with the filter", "without it"), Compared::All)
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
    other: Rc<dyn Fn() -> Option<Box<dyn Filter>>>,
}

/// The filter and another one (its BPF twin, its next version) decide alike.
pub fn twins_agree<F: Filter + 'static>(other: impl Fn() -> F + 'static) -> TwinsAgree {
    let other = move || -> Option<Box<dyn Filter>> { Some(Box::new(other())) };
    TwinsAgree { words: "with its twin".to_owned(), other: Rc::new(other) }
}

impl TwinsAgree {
    /// As [`twins_agree`], with another filter that has a name, or none.
    pub(crate) fn with(
        name: &str,
        other: impl Fn() -> Option<Box<dyn Filter>> + 'static,
    ) -> TwinsAgree {
        TwinsAgree { words: format!("with {name}"), other: Rc::new(other) }
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
        compare(end, twin, ("with this filter", &self.words), Compared::Times)
    }
}

/// Whether each call began and returned at the same steps, so that every step came at the same
/// time.
fn went_alike(record: &RunRecord, twin: &RunRecord) -> bool {
    let steps = |call: &CallEntry| (call.client, call.action, call.begin, call.end);
    record.calls.iter().map(steps).eq(twin.calls.iter().map(steps))
}

/// The first call whose result differs, or where the trees do in the end, as a sentence.
pub(super) fn compare(
    end: &End<'_>,
    twin: &RunRecord,
    words: (&str, &str),
    compared: Compared,
) -> Result<(), String> {
    let alike = went_alike(end.record, twin);
    let compared = if alike { compared } else { Compared::State };
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
