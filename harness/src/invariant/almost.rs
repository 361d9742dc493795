//! Filters that are transparent but for one thing: what they refuse, or how they show names.

use core::fmt;
use std::borrow::Cow;
use std::rc::Rc;

use fuserig_abi::Errno;

use super::matching::Matching;
use super::trees::compare_trees;
use super::twin::{both_in_order, compare_calls, went_alike};
use super::{End, Invariant};
use crate::sim::{Action, Case, Compared, RunRecord, Subject};
use crate::vfs::{CallResult, Output};

/// What a run is compared with, in a message.
const WORDS: (&str, &str) = ("with the filter", "without it");

/// The run and its twin, or both one call at a time: behind an ordinary mount a filter decides what
/// the kernel keeps, and so how many steps a call takes and where it meets another.
fn beside<'e>(end: &End<'e>, twin: &'e RunRecord) -> Option<[Cow<'e, RunRecord>; 2]> {
    if !end.case.mounted || went_alike(end.record, twin) {
        return Some([end.record, twin].map(Cow::Borrowed));
    }
    let (record, twin) = both_in_order(end, &end.subject.unfiltered())?;
    Some([record, twin].map(Cow::Owned))
}

/// Says whether an action that fails with that errno is refused as it is meant to be.
type Means = dyn Fn(&Action, Errno) -> bool;

/// See [`refuses_only`].
///
/// ```
/// use fuserig::prelude::Errno;
/// use fuserig::invariant::{Invariant, refuses_only};
/// assert_eq!(refuses_only(|_, errno| errno == Errno::EDQUOT).name(), "refuses_only");
/// ```
#[derive(Clone)]
pub struct RefusesOnly {
    means: Rc<Means>,
}

/// Before the filter refuses a call as it is meant to, every call ends as it would without it. What
/// comes after is not judged, for the trees may differ.
///
/// ```
/// use fuserig::prelude::*;
/// let limits = QuotaLimits { bytes: 4096, files: Some(3) };
/// Simulation::new(Seed(7)).operations(50)
///     .run(Subject::new(Abi::V4, move || quota(limits)))
///     .check(invariant::refuses_only(|action, errno| {
///         errno == Errno::EDQUOT || matches!(action, Action::Copy { .. })
///     }))
///     .or_report();
/// ```
pub fn refuses_only(means: impl Fn(&Action, Errno) -> bool + 'static) -> RefusesOnly {
    RefusesOnly { means: Rc::new(means) }
}

/// Whether it is a write that ends before its end: an ordinary kernel writes in pieces, of which
/// the filter may refuse the second, and every kernel sends what a pipe holds, or a read gives, at
/// once.
fn is_short(action: &Action, count: i64, mounted: bool) -> bool {
    match action {
        Action::Write { size, .. } | Action::Append { size, .. } => {
            mounted && count < i64::from(*size)
        }
        Action::Sendfile { length, .. } => count.unsigned_abs() < *length,
        _ => false,
    }
}

impl fmt::Debug for RefusesOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusesOnly").finish_non_exhaustive()
    }
}

impl Invariant for RefusesOnly {
    fn name(&self) -> &str {
        "refuses_only"
    }

    fn twin(&self, subject: &Subject, case: &Case) -> Option<(Subject, Case)> {
        Some((subject.unfiltered(), case.clone()))
    }

    fn end(&mut self, end: &End<'_>) -> Result<(), String> {
        let Some([record, twin]) = end.twin.and_then(|twin| beside(end, twin)) else {
            return Ok(());
        };
        let end = &End { record: &record, ..*end };
        let refused = end.record.calls.iter().filter(|call| {
            let action = &end.case.clients[call.client].actions[call.action];
            match call.result.as_ref().map(|result| result.value) {
                Some(Ok(count)) => is_short(action, count, end.case.mounted),
                Some(Err(errno)) => (self.means)(action, errno),
                // Nobody was told what became of it.
                None => true,
            }
        });
        let first = refused.map(|call| call.begin).min().unwrap_or(u64::MAX);
        compare_calls(end, &twin, WORDS, |call, one, other| {
            let is_before = call.end.is_some_and(|end| end <= first);
            !is_before || Compared::State.same_result(one, other)
        })
    }
}

/// See [`redacts_only`].
///
/// ```
/// use fuserig::invariant::{Invariant, redacts_only};
/// assert_eq!(redacts_only(|name| name == b".secret").name(), "redacts_only");
/// ```
#[derive(Clone, Debug)]
pub struct RedactsOnly {
    matches: Matching,
}

/// Every call ends as it would without the filter, but that listings show an `x` for each byte of
/// the names that match.
///
/// ```
/// use fuserig::prelude::*;
/// let subject = Subject::new(Abi::V4, || redact(Patterns::parse(".secret").expect("a name")));
/// Simulation::new(Seed(7)).operations(50)
///     .run(subject.over("/notes.txt 'hi'\n/.secret 'no'"))
///     .check(invariant::redacts_only(|name| name == b".secret"))
///     .or_report();
/// ```
pub fn redacts_only(matches: impl Fn(&[u8]) -> bool + 'static) -> RedactsOnly {
    RedactsOnly { matches: Matching::new(matches) }
}

impl RedactsOnly {
    /// What a client should see of a result.
    fn redacted(&self, result: &CallResult) -> CallResult {
        let mut result = result.clone();
        if let Output::Records(records) = &mut result.output {
            for record in records.iter_mut().filter(|record| self.matches.is(&record.name)) {
                record.name.fill(b'x');
            }
        }
        result
    }
}

impl Invariant for RedactsOnly {
    fn name(&self) -> &str {
        "redacts_only"
    }

    fn twin(&self, subject: &Subject, case: &Case) -> Option<(Subject, Case)> {
        Some((subject.unfiltered(), case.clone()))
    }

    fn end(&mut self, end: &End<'_>) -> Result<(), String> {
        let Some([record, twin]) = end.twin.and_then(|twin| beside(end, twin)) else {
            return Ok(());
        };
        let end = &End { record: &record, ..*end };
        compare_calls(end, &twin, WORDS, |_, one, other| {
            Compared::State.same_result(one, &self.redacted(other))
        })?;
        compare_trees(&end.record.lower, &twin.lower, WORDS, Compared::State)
    }
}
