//! Every schedule of a program, judged.
//!
//! The search tries one schedule of each class whose members nobody can tell apart (`explore.rs`)
//! and lets the invariants judge each. It stops at a limit and says so. What a reader would get
//! wrong: the clock stands still meanwhile, in the twins as well, so that two orders of steps that
//! do not meet end in the same state.

use fuserig_sim_fs::MemFs;

use super::explore::Search;
use super::simulation::judge_record;
use super::{Campaign, Case, Explorer, Mixer, Playback, RunRecord, SetupError, Summary};
use crate::invariant::Violation;

impl Summary {
    /// Adds a run.
    pub(super) fn add(&mut self, record: &RunRecord) {
        self.operations += record.calls.len() as u64;
        self.steps += record.steps;
        self.faults += record.faults_fired;
        self.crashes += record.crash_states;
        self.coverage.merge(&record.coverage);
        self.runs_within += u64::from(self.bound.is_some_and(|bound| record.steps <= bound.steps));
    }
}

impl Campaign {
    /// Runs every schedule of a case, or as many as the simulation allows.
    pub(super) fn every_schedule(
        &mut self,
        case: Case,
        start: &MemFs,
        summary: &mut Summary,
    ) -> Result<Option<(Case, Violation)>, SetupError> {
        let mut explorer = Explorer::new(Search::Reduced, 0);
        let mut mixer = Mixer::new(summary.digest);
        summary.runs += 1;
        summary.schedules.get_or_insert_default().programs += 1;
        let mut executions = 0;
        loop {
            for invariant in &mut self.invariants {
                invariant.begin(start);
            }
            let (subject, invariants) = (&self.subject, &mut self.invariants);
            let found = explorer.execute(subject, &case, start, invariants)?;
            let record = found.record;
            let violation = match found.violation {
                Some(violation) => Some(violation),
                None => judge_record(subject, &case, start, &record, invariants, Playback::still)?,
            };
            summary.add(&record);
            mixer.word(record.digest);
            let schedules = summary.schedules.get_or_insert_default();
            schedules.executions += 1;
            executions += 1;
            let case = Case { schedule: record.schedule.clone(), ..case.clone() };
            let violation = match violation {
                None if executions == 1 => {
                    schedules.interleavings =
                        schedules.interleavings.saturating_add(explorer.interleavings());
                    self.again(&case, start, &record, Playback::still)?
                }
                violation => violation,
            };
            if let Some(violation) = violation {
                return Ok(Some((case, violation)));
            }
            let more = explorer.advance();
            if !more || executions >= self.simulation.executions_max {
                summary.schedules.get_or_insert_default().complete += u64::from(!more);
                summary.digest = mixer.finish();
                return Ok(None);
            }
        }
    }
}
