//! What came of one work.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CampaignError, Work, plan};
use crate::replay::ReplayReport;
use crate::sim::{Coverage, Finding, Summary};

/// Differences that a result keeps with their text.
const DIFFERENCES_MAX: usize = 5;

/// What a simulation found, shrunk.
///
/// ```
/// use fuserig::campaign::Found;
/// let found = Found { invariant: "read_only".into(), ..Found::default() };
/// assert_eq!(found.run, 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Found {
    /// A name for files: the invariant and a digest of the minimal case.
    pub id: String,
    /// What kind of thing was found: `violation`, `crash` and so on.
    pub class: String,
    /// The invariant that does not hold.
    pub invariant: String,
    /// What does not hold, as people read it.
    pub message: String,
    /// Which of the runs found it, counted from 0.
    pub run: u64,
    /// The minimal case, as `fuserig fuzz --case` reads it.
    pub case: String,
}

/// What came of one work. Holds nothing that varies from run to run.
///
/// ```
/// use fuserig::campaign::{Work, WorkResult};
/// use fuserig::replay::ReplayReport;
/// let work = Work::replay("a.frt", "41727b1fa2309ff8735fe84c0cd82d95", "none", "v4", "intended");
/// let result = WorkResult::of(&work, &ReplayReport::default());
/// assert!(!result.is_finding());
/// assert_eq!(WorkResult::from_json(&result.to_json())?, result);
/// # Ok::<(), fuserig::campaign::CampaignError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WorkResult {
    /// The work.
    pub work: Work,
    /// System calls issued; of a simulation, operations.
    pub calls: u64,
    /// Requests that entered the pipeline.
    pub requests: u64,
    /// Calls whose result differed from the record.
    pub calls_changed: u64,
    /// Differences.
    pub differences_total: u64,
    /// The first of them, as text.
    pub differences: Vec<String>,
    /// What members of the filter returned: `slot:code`, and how often.
    pub verdicts: BTreeMap<String, u64>,
    /// Quirks that were hit.
    pub quirks: BTreeMap<String, u64>,
    /// The crash that ended it.
    pub crash: Option<String>,
    /// The first different traps of the filter, as people read them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traps: Vec<String>,
    /// Runs of a simulation.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub runs: u64,
    /// Digest of everything that a simulation did, in hexadecimal; empty when it found something,
    /// and for replays.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// What a simulation found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl WorkResult {
    /// The result of a replay.
    pub fn of(work: &Work, report: &ReplayReport) -> WorkResult {
        let differences = report.divergences.iter().take(DIFFERENCES_MAX).map(|difference| {
            let mismatch = &difference.mismatch;
            format!(
                "{}: {} was {}, is {}",
                difference.call, mismatch.what, mismatch.recorded, mismatch.replayed
            )
        });
        WorkResult {
            work: work.clone(),
            calls: report.calls,
            requests: report.requests,
            calls_changed: report.calls_changed,
            differences_total: report.divergences_total,
            differences: differences.collect(),
            verdicts: verdicts(report.verdicts.iter()),
            quirks: report.quirks.clone(),
            crash: report.crash.clone(),
            traps: report.traps.clone(),
            runs: 0,
            digest: String::new(),
            found: None,
        }
    }

    /// The result of a simulation: what it covered, or what it found.
    pub fn of_simulation(work: &Work, outcome: &Result<Summary, Box<Finding>>) -> WorkResult {
        let mut result = WorkResult::of(work, &ReplayReport::default());
        match outcome {
            Ok(summary) => {
                result.cover(&summary.coverage);
                result.calls = summary.operations;
                result.runs = summary.runs;
                result.digest = format!("{:016x}", summary.digest);
            }
            Err(finding) => {
                result.cover(&finding.record.coverage);
                result.runs = finding.run + 1;
                result.found = Some(Found {
                    id: finding.id(),
                    class: finding.class.to_string(),
                    invariant: finding.violation.invariant.to_string(),
                    message: finding.violation.message.clone(),
                    run: finding.run,
                    case: finding.case.to_json_line(),
                });
            }
        }
        result
    }

    fn cover(&mut self, coverage: &Coverage) {
        self.requests = coverage.requests;
        self.verdicts = verdicts(coverage.verdicts.iter());
        let quirks = coverage.quirks.iter();
        self.quirks = quirks.map(|(id, count)| ((*id).to_owned(), *count)).collect();
    }

    /// Whether somebody should look: a difference from the record, a crash, a trap, or what a
    /// simulation found.
    pub fn is_finding(&self) -> bool {
        let replayed = self.differences_total > 0 || self.crash.is_some();
        replayed || !self.traps.is_empty() || self.found.is_some()
    }

    /// The JSON form, on one line.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers are JSON") + "\n"
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// When it is no result, or one of another work.
    pub fn from_json(json: &str) -> Result<WorkResult, CampaignError> {
        let result: WorkResult = serde_json::from_str(json)?;
        plan::check(&result.work)?;
        Ok(result)
    }
}

fn verdicts<'a, C: core::fmt::Display + 'a>(
    counts: impl Iterator<Item = (&'a (u16, C), &'a u64)>,
) -> BTreeMap<String, u64> {
    counts.map(|((slot, code), count)| (format!("{slot}:{code}"), *count)).collect()
}
