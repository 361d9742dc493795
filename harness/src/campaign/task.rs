//! What a work does: a replay, or a simulation.

use serde::{Deserialize, Serialize};

/// What a work does. The two are told apart by their fields.
///
/// ```
/// use fuserig::campaign::{FuzzTask, Task};
/// let task = Task::Fuzz(FuzzTask { seed: 7, runs: 100, ..FuzzTask::default() });
/// assert_eq!(task.to_string(), "seed 7, 100 runs");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Task {
    /// A trace is replayed.
    Replay {
        /// Where the trace lies, as the plan's author spelled it.
        trace: String,
        /// Which records it must hold, so that a changed trace is noticed.
        stream_id: String,
    },
    /// Runs are drawn from a seed.
    Fuzz(FuzzTask),
}

impl core::fmt::Display for Task {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Task::Replay { trace, .. } => f.write_str(trace),
            Task::Fuzz(fuzz) => write!(f, "seed {}, {} runs", fuzz.seed, fuzz.runs),
        }
    }
}

/// A simulation with one seed, as `fuserig fuzz` takes it: the same arguments give the same runs.
///
/// ```
/// use fuserig::campaign::FuzzTask;
/// let task = FuzzTask { seed: 7, runs: 10, crashes: "prefix".into(), ..FuzzTask::default() };
/// let arguments = task.arguments();
/// assert!(arguments.starts_with("--seed 7 --runs 10 "), "{arguments}");
/// assert!(arguments.ends_with(" --crashes=prefix"), "{arguments}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FuzzTask {
    /// The seed from which everything is drawn.
    pub seed: u64,
    /// Runs.
    pub runs: u64,
    /// Simulated clients.
    pub clients: u16,
    /// Operations of one run, over all clients.
    pub operations: u32,
    /// Who moves when, by name.
    pub scheduler: String,
    /// Whether things fail below and around the filter.
    #[serde(default)]
    pub faults: bool,
    /// The policy of crashes, by name; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub crashes: String,
    /// Invariants that are required besides those that fit the filter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<String>,
}

impl Default for FuzzTask {
    /// What `fuserig fuzz` does when nothing else is said.
    fn default() -> FuzzTask {
        FuzzTask {
            seed: 1,
            runs: 1000,
            clients: 2,
            operations: 64,
            scheduler: "random".to_owned(),
            faults: false,
            crashes: String::new(),
            require: Vec::new(),
        }
    }
}

impl FuzzTask {
    /// The arguments of `fuserig fuzz` that do the same.
    pub fn arguments(&self) -> String {
        let FuzzTask { seed, runs, clients, operations, scheduler, .. } = self;
        let mut text = format!(
            "--seed {seed} --runs {runs} --clients {clients} --operations {operations} \
             --scheduler {scheduler}"
        );
        if self.faults {
            text.push_str(" --faults");
        }
        if !self.crashes.is_empty() {
            text.push_str(&format!(" --crashes={}", self.crashes));
        }
        for required in &self.require {
            text.push_str(&format!(" --require '{required}'"));
        }
        text
    }
}
