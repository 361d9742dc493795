//! The same clients over another subject see the same and leave the same tree.
//!
//! It is for what a user puts below or beside a filter: a lower filesystem of one's own against
//! the one in memory, a daemon against one that does nothing, or a whole filesystem that a daemon
//! has. What a reader would get wrong: the other subject is taken to be right, so a difference is
//! blamed on the one under test. Times are compared where the two went step by step alike; a lower
//! filesystem with a clock of its own has [`AgreesWith::at_any_time`].

use super::twin::judge_beside;
use super::{End, Invariant};
use crate::sim::{Case, Compared, Subject};

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
    compared: Compared,
}

/// Every call gives what it gives over `right`, and the tree below is the same in the end, with
/// its times.
///
/// Where a daemon has the whole filesystem ([`Subject::served_by`]), on either side, there is no
/// tree to compare, and a filesystem may choose some things for itself: what calls return is
/// compared, but for inode numbers, times, blocks, the links and the size of directories and the
/// order of a listing.
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
    AgreesWith { right: right.clone(), compared: Compared::Times }
}

impl AgreesWith {
    /// Whatever the times of files are, for what has a clock of its own.
    ///
    /// ```
    /// use fuserig::prelude::*;
    /// let right = Subject::without_filter(Abi::V4).over("/a 'x'");
    /// let agrees = invariant::agrees_with(&right).at_any_time();
    /// Simulation::new(Seed(1)).operations(40).run(right.clone()).check(agrees).or_report();
    /// ```
    #[must_use]
    pub fn at_any_time(self) -> AgreesWith {
        AgreesWith { compared: Compared::State, ..self }
    }
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
        let right = self.right.clone().over(&end.case.tree);
        let served = end.subject.served || right.served;
        let compared = if served { Compared::Calls } else { self.compared };
        judge_beside(end, twin, &right, ("here", "over the other"), compared)
    }
}
