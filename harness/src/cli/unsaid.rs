//! What a filter was seen to do of whose promises nothing is known.
//!
//! Promises that many filters make are looked at one by one, beside the campaign: which held, and
//! what broke the others. It refuses to call that a finding: a filter that hides names is not
//! transparent, and is right. What a reader would get wrong: which of them the author means is for
//! `--require` to say; what is required is searched for with every run, and kept.

use fuserig_abi::Abi;

use super::exit::{Exit, Failure};
use super::judge::{fitting, subject};
use super::maker::Maker;
use crate::invariant::{self, Invariant};
use crate::sim::{Finding, Seed, Simulation, Subject};

/// Runs for each promise.
pub(super) const RUNS: u64 = 400;

/// A promise as `--require` has it, and how its simulation differs.
type Promise = (fn() -> Box<dyn Invariant>, fn(Simulation) -> Simulation);

const PROMISES: [Promise; 3] = [
    (|| Box::new(invariant::transparent()), |simulation| simulation),
    // What a call says when less was done than it asked for.
    (|| Box::new(invariant::no_data_lost()), |simulation| simulation.faults(16)),
    (|| Box::new(invariant::read_only()), |simulation| simulation),
];

/// One promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unsaid {
    /// As `--require` has it.
    pub(super) promise: String,
    /// The first call that breaks it, if any does.
    pub(super) broken: Option<String>,
}

impl Unsaid {
    /// As a value of JSON.
    pub(super) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "promise": self.promise, "broken": self.broken })
    }

    /// As a line of text.
    pub(super) fn line(&self) -> String {
        match &self.broken {
            None => format!("  {:<14}held", self.promise),
            Some(what) => format!("  {:<14}not so: {what}", self.promise),
        }
    }
}

/// What came of the look: what was seen of each promise, or something that no filter may do.
pub(super) type Seen = Result<Vec<Unsaid>, Box<Finding>>;

/// Looks at each promise, with the same seed, as long as it may go on.
///
/// # Errors
/// A filter that cannot be made, and a tree that is none.
pub(super) fn looked_at(
    (filter, abi): (&str, Abi),
    maker: &Maker,
    seed: u64,
    as_asked: impl Fn(Subject) -> Subject,
    goes_on: impl Fn() -> bool,
) -> Result<Seen, Failure> {
    let mut seen = Vec::new();
    for (invariant, vary) in PROMISES {
        if !goes_on() {
            break;
        }
        let fitting = fitting(filter, &[], abi, maker)?;
        let subject = as_asked(subject(filter, abi, maker.clone()).over(&fitting.tree));
        let simulation = vary(Simulation::new(Seed(seed)).runs(RUNS));
        let simulation = fitting.names.into_iter().fold(simulation, Simulation::name);
        let invariant = invariant();
        let promise = invariant.name().to_owned();
        let mut campaign = simulation.run(subject).check_all(vec![invariant]);
        let found = campaign.go(&mut |_| goes_on());
        match found.map_err(|error| Failure::new(Exit::Unreadable, error.to_string()))? {
            Ok(_) if !goes_on() => {}
            Ok(_) => seen.push(Unsaid { promise, broken: None }),
            // A crash, a hang or a trap breaks no promise alone.
            Err(finding) if finding.violation.invariant != promise => return Ok(Err(finding)),
            Err(finding) => {
                seen.push(Unsaid { promise, broken: Some(finding.violation.message.clone()) });
            }
        }
    }
    Ok(Ok(seen))
}
