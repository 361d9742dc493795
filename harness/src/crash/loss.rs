//! One loss of power: what was lost, and what the invariants say of it.

use core::cell::OnceCell;
use std::collections::BTreeMap;

use fuserig_abi::Ino;
use fuserig_sim_fs::{CrashState, Journal, MemFs};

use super::{CrashSearch, Crashed};
use crate::invariant::{Invariant, Violation};
use crate::sim::{CallEntry, Case, Crash, Subject};

/// A loss of power that happened in a run.
///
/// ```
/// use fuserig::prelude::*;
/// // Created, and gone with the power: the oldest state has lost the one change there was.
/// let create = Action::Open { path: "new".into(), flags: 0o102, mode: 0o644 };
/// let case = Case {
///     clients: vec![Program::of(0, vec![create])],
///     crash: Some(Crash { step: 100, durability: Durability::Ordered, lost: vec![0] }),
///     ..Case::default()
/// };
/// let record = fuserig::sim::run(&Subject::without_filter(Abi::V4), &case).expect("no tree");
/// assert_eq!(record.ending, fuserig::sim::Ending::PowerLost);
/// assert_eq!(record.power.expect("it was lost").lost.len(), 1);
/// assert_eq!(record.lower.walk().count(), 1, "the root is left");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PowerLoss {
    /// When, under which policy, and what is lost.
    pub crash: Crash,
    /// How many changes might have been lost at that step.
    pub pending: usize,
    /// How many legal states were tried at that step, this one included.
    pub states: usize,
    /// Whether these are all that are legal there.
    pub complete: bool,
    /// Every change that is lost, in words.
    pub lost: Vec<String>,
}

/// What a search at one step has shown.
pub(crate) struct Look {
    /// States that were judged.
    pub(crate) states: u64,
    /// Whether these were all legal ones, or would have been without the finding.
    pub(crate) complete: bool,
    pub(crate) found: Option<(Found, Violation)>,
}

/// A loss of power with the tree that is found afterwards.
pub(crate) type Found = (PowerLoss, MemFs);

/// A moment of a run at which power may be lost.
pub(crate) struct Outage<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) case: &'a Case,
    pub(crate) initial: &'a MemFs,
    /// The tree as clients see it.
    pub(crate) before: &'a MemFs,
    pub(crate) journal: &'a Journal,
    pub(crate) calls: &'a [CallEntry],
    pub(crate) step: u64,
}

impl Outage<'_> {
    /// Looks at legal states until an invariant does not hold.
    pub(crate) fn search(&self, search: &CrashSearch, invariants: &[Box<dyn Invariant>]) -> Look {
        let (states, complete) = search.states(self.journal, self.step);
        let mut look = Look { states: 0, complete, found: None };
        for state in &states {
            look.states += 1;
            let recovered = self.journal.recover(state);
            if let Some(violation) = self.judge(&recovered, invariants) {
                let loss = self.loss(state, &recovered, (states.len(), complete));
                look.found = Some(((loss, recovered), violation));
                break;
            }
        }
        look
    }

    /// The state that a case asks for.
    pub(crate) fn exactly(
        &self,
        crash: &Crash,
        invariants: &[Box<dyn Invariant>],
    ) -> (Found, Option<Violation>) {
        let state = self.journal.state(&crash.lost);
        let recovered = self.journal.recover(&state);
        let violation = self.judge(&recovered, invariants);
        let (states, complete) =
            CrashSearch::every(crash.durability).states(self.journal, self.step);
        let loss = self.loss(&state, &recovered, (states.len(), complete));
        ((loss, recovered), violation)
    }

    fn loss(&self, state: &CrashState, recovered: &MemFs, states: (usize, bool)) -> PowerLoss {
        let lost = state.lost().to_vec();
        let crash = Crash { step: self.step, durability: self.journal.durability(), lost };
        let names = called(&[self.initial, self.before, recovered]);
        let name = |ino| names.get(&ino).cloned().unwrap_or_else(|| format!("node {ino}"));
        PowerLoss {
            crash,
            pending: self.journal.pending(),
            states: states.0,
            complete: states.1,
            lost: self.journal.describe_lost(state, &name),
        }
    }

    fn judge(&self, recovered: &MemFs, invariants: &[Box<dyn Invariant>]) -> Option<Violation> {
        let crashed = Crashed {
            case: self.case,
            subject: self.subject,
            durability: self.journal.durability(),
            initial: self.initial,
            before: self.before,
            recovered,
            calls: self.calls,
            survey: OnceCell::new(),
        };
        invariants.iter().find_map(|invariant| {
            let message = invariant.crash(&crashed).err()?;
            Some(Violation { invariant: invariant.name().to_owned(), message, at: None })
        })
    }
}

/// A path for every node that has one in any of the trees; the last tree that has one names it.
fn called(trees: &[&MemFs]) -> BTreeMap<Ino, String> {
    let entries = trees.iter().rev().flat_map(|tree| tree.walk());
    let mut names = BTreeMap::new();
    for entry in entries {
        let path = entry.path.escape_ascii().to_string();
        names.entry(entry.stat.ino).or_insert(path);
    }
    names
}
