//! The same clients over another subject see the same and leave the same tree.
//!
//! It is for what a user puts below or beside a filter: a lower filesystem of one's own against the
//! one in memory, a daemon against one that does nothing. What a reader would get wrong: the
//! other subject is taken to be right, so a difference is blamed on the one under test.

use super::trees::compare_trees;
use super::twin::compare;
use super::{End, Invariant};
use crate::sim::{Case, Subject};

/// See [`agrees_with`].
///
/// ```
/// use fuserig::prelude::*;
/// let right = Subject::without_filter(Abi::V4);
/// assert_eq!(invariant::agrees_with(&right).name(), "agrees_with");
/// ```
#[derive(Clone, Debug)]
pub struct AgreesWith {
    right: Subject,
}

/// Every call gives what it gives over `right`, and the tree below is the same in the end.
///
/// ```
/// use fuserig::prelude::*;
/// let right = Subject::without_filter(Abi::V4).over("/a 'x'");
/// Simulation::new(Seed(1)).operations(40)
///     .run(right.clone().lower(|lower| lower))
///     .check(invariant::agrees_with(&right))
///     .or_report();
/// ```
pub fn agrees_with(right: &Subject) -> AgreesWith {
    AgreesWith { right: right.clone() }
}

impl Invariant for AgreesWith {
    fn name(&self) -> &str {
        "agrees_with"
    }

    fn twin(&self, _subject: &Subject, case: &Case) -> Option<(Subject, Case)> {
        Some((self.right.clone().over(&case.tree), case.clone()))
    }

    fn end(&mut self, end: &End<'_>) -> Result<(), String> {
        let Some(twin) = end.twin else { return Ok(()) };
        compare(end, twin, ("here", "over the other"))?;
        compare_trees(&end.record.lower, &twin.lower, ("here", "over the other"))
    }
}
