//! What came of one work.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CampaignError, Work, plan};
use crate::replay::ReplayReport;

/// Differences that a result keeps with their text.
const DIFFERENCES_MAX: usize = 5;

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
    /// System calls issued.
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
            verdicts: report
                .verdicts
                .iter()
                .map(|((slot, code), count)| (format!("{slot}:{code}"), *count))
                .collect(),
            quirks: report.quirks.clone(),
            crash: report.crash.clone(),
            traps: report.traps.clone(),
        }
    }

    /// Whether somebody should look: a difference from the record, a crash, or a trap.
    pub fn is_finding(&self) -> bool {
        self.differences_total > 0 || self.crash.is_some() || !self.traps.is_empty()
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
