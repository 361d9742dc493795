//! The union of results.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CampaignError, Plan, WorkResult};

/// Results by id. Merging is associative and commutative, and merging twice changes nothing.
///
/// ```
/// use fuserig::campaign::{Merged, Work, WorkResult};
/// use fuserig::replay::ReplayReport;
/// let work = Work::replay("a.frt", "41727b1fa2309ff8735fe84c0cd82d95", "none", "v4", "intended");
/// let result = WorkResult::of(&work, &ReplayReport::default());
/// let mut merged = Merged::default();
/// merged.add(result.clone());
/// merged.add(result.clone());
/// assert_eq!((merged.len(), merged.contradictions().count()), (1, 0));
/// merged.add(WorkResult { calls: 7, ..result });
/// assert_eq!(merged.contradictions().count(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// All different results of an id; more than one is a contradiction.
    results: BTreeMap<String, std::collections::BTreeSet<WorkResult>>,
}

#[derive(Serialize, Deserialize)]
struct Form {
    campaign_results: u32,
    results: Vec<WorkResult>,
}

const VERSION: u32 = 1;

impl Merged {
    /// Adds a result.
    pub fn add(&mut self, result: WorkResult) {
        self.results.entry(result.work.id.clone()).or_default().insert(result);
    }

    /// Adds all results of another union.
    pub fn union(&mut self, other: Merged) {
        other.results.into_values().flatten().for_each(|result| self.add(result));
    }

    /// How many works have a result.
    pub fn len(&self) -> usize {
        self.results.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.results.is_empty()
    }

    /// Whether a work has a result.
    pub fn has(&self, id: &str) -> bool {
        self.results.contains_key(id)
    }

    /// Every result, in the order of ids.
    pub fn iter(&self) -> impl Iterator<Item = &WorkResult> {
        self.results.values().flatten()
    }

    /// Ids with results that differ: the work is not deterministic, or tools of different versions
    /// did it.
    pub fn contradictions(&self) -> impl Iterator<Item = &str> {
        let several = self.results.iter().filter(|(_, results)| results.len() > 1);
        several.map(|(id, _)| id.as_str())
    }

    /// Works of a plan without a result.
    pub fn missing<'a>(&self, plan: &'a Plan) -> Vec<&'a str> {
        let ids = plan.works().iter().map(|work| work.id.as_str());
        ids.filter(|id| !self.has(id)).collect()
    }

    /// The JSON form: one result a line.
    pub fn to_json(&self) -> String {
        let lines: Vec<String> =
            self.iter().map(|result| result.to_json().trim_end().to_owned()).collect();
        format!("{{\"campaign_results\":{VERSION},\"results\":[\n{}\n]}}\n", lines.join(",\n"))
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// When it is none, or of another version.
    pub fn from_json(json: &str) -> Result<Merged, CampaignError> {
        let form: Form = serde_json::from_str(json)?;
        if form.campaign_results != VERSION {
            return Err(CampaignError::Version(form.campaign_results));
        }
        let mut merged = Merged::default();
        for result in form.results {
            super::plan::check(&result.work)?;
            merged.add(result);
        }
        Ok(merged)
    }
}

#[cfg(test)]
mod tests {
    use super::Merged;
    use crate::campaign::{Plan, Shard, Work, WorkResult};
    use crate::replay::ReplayReport;

    fn works(count: u64) -> Vec<Work> {
        let id = "41727b1fa2309ff8735fe84c0cd82d95";
        (0..count)
            .map(|n| Work::replay("a.frt", id, &format!("quota:{n}"), "v4", "intended"))
            .collect()
    }

    #[test]
    fn shards_cover_every_work_once_and_their_union_is_the_whole() {
        let plan = Plan::new(works(200));
        let result = |work: &Work| WorkResult::of(work, &ReplayReport::default());
        let mut whole = Merged::default();
        plan.works().iter().for_each(|work| whole.add(result(work)));
        let mut parts: Vec<Merged> = Vec::new();
        for index in 0..7 {
            let shard = Shard::new(index, 7).expect("a part");
            let mut part = Merged::default();
            plan.works().iter().filter(|work| shard.has(work)).for_each(|w| part.add(result(w)));
            assert!(part.len() > 10, "hashes spread: {}", part.len());
            parts.push(part);
        }
        assert_eq!(parts.iter().map(Merged::len).sum::<usize>(), 200);
        // Any order, any grouping, and again.
        let mut union = Merged::default();
        for part in parts.iter().rev().chain(&parts[..2]) {
            union.union(Merged::from_json(&part.to_json()).expect("what was written is readable"));
        }
        assert_eq!(union.to_json(), whole.to_json());
        assert!(union.missing(&plan).is_empty());
        assert_eq!(parts[0].missing(&plan).len(), 200 - parts[0].len());
    }

    #[test]
    fn a_plan_or_result_that_was_edited_is_refused() {
        let plan = Plan::new(works(1)).to_json().replace("quota:0", "quota:1");
        assert!(Plan::from_json(&plan).unwrap_err().to_string().contains("not edited"));
        let result = WorkResult::of(&works(1)[0], &ReplayReport::default()).to_json();
        let edited = result.replace("quota:0", "quota:1");
        assert!(WorkResult::from_json(&edited).is_err());
        assert!(WorkResult::from_json(&result[..result.len() / 2]).is_err());
    }
}
