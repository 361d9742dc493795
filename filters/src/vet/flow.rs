//! The walk over a main function until nothing new is learnt.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_abi::SlotRow;

use super::finding::{VetClass, VetFinding};
use super::state::{Numbers, State, Value, union};
use crate::program::{Insn, Linked, Program};

/// Most steps of one walk; real filters need some thousands.
const STEPS_MAX: usize = 200_000;

/// What the walk over one member found.
pub(super) struct Walked {
    /// The numbers it may return; none when that is not known.
    pub(super) answers: Numbers,
    /// Findings by instruction, so that each is reported once.
    pub(super) findings: Vec<VetFinding>,
}

/// One member being walked.
pub(super) struct Walk<'a> {
    pub(super) linked: &'a Linked,
    pub(super) program: &'a Program,
    pub(super) row: &'a SlotRow,
    pub(super) filter: &'a str,
    pub(super) abi: fuserig_abi::Abi,
    pub(super) found: BTreeSet<VetFinding>,
    pub(super) answers: Option<Numbers>,
}

impl Walk<'_> {
    /// Walks until nothing changes.
    pub(super) fn run(mut self) -> Walked {
        let end = self.program.functions.first().map_or(0, |main| main.len as usize);
        let end = end.min(self.program.insns.len());
        let mut states: BTreeMap<usize, State> = BTreeMap::from([(0, State::start())]);
        let mut waiting = BTreeSet::from([0]);
        for _ in 0..STEPS_MAX {
            let Some(at) = waiting.pop_first() else { break };
            let Some(state) = states.get(&at).cloned() else { continue };
            for (next, state) in self.step(at, state) {
                if next >= end {
                    continue;
                }
                let joined = match states.get(&next) {
                    Some(before) => before.join(&state),
                    None => state,
                };
                if states.get(&next) != Some(&joined) {
                    states.insert(next, joined);
                    waiting.insert(next);
                }
            }
        }
        let finished = waiting.is_empty();
        if !finished {
            let text = format!("the check gave up after {STEPS_MAX} steps");
            self.find(0, VetClass::Unproven, None, text);
        }
        let answers = self.answers.filter(|_| finished).flatten();
        Walked { answers, findings: self.found.into_iter().collect() }
    }

    pub(super) fn insn(&self, at: usize) -> Option<Insn> {
        self.program.insns.get(at).copied()
    }

    /// Notes what a return may answer.
    pub(super) fn answer(&mut self, value: &Value) {
        let numbers = match value {
            // A member answers 32 bits.
            Value::Number(Some(set)) => {
                Some(set.iter().map(|number| *number as i32 as i64).collect())
            }
            _ => None,
        };
        self.answers = Some(match self.answers.take() {
            Some(before) => union(&before, &numbers),
            None => numbers,
        });
    }
}
