//! The list of work.

use fuserig_traces::record::PayloadId;
use serde::{Deserialize, Serialize};

use super::{FuzzTask, Task};

/// The version of plans and results that this build writes and reads.
const VERSION: u32 = 1;

/// One piece of work: a task under a filter on a modelled kernel.
///
/// ```
/// use fuserig::campaign::{FuzzTask, Work};
/// let work = Work::replay("a.frt", "41727b1fa2309ff8735fe84c0cd82d95", "none", "v4", "intended");
/// assert_eq!(work.id.len(), 32);
/// assert_eq!(work.id, work.computed_id());
/// let fuzz = Work::fuzz(FuzzTask::default(), "hide:*.jpg", "v4", "faithful");
/// let again = "fuserig fuzz 'hide:*.jpg' --abi v4 --fidelity faithful --seed 1 ";
/// assert!(fuzz.command().starts_with(again), "{}", fuzz.command());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Work {
    /// Hash of everything else here; the name of the result.
    pub id: String,
    /// What is done.
    #[serde(flatten)]
    pub task: Task,
    /// The filter, as its specification on the command line; `none` for none.
    pub filter: String,
    /// Hash of the object that the filter comes from, so that a changed one is noticed; empty for
    /// filters that are built in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// The modelled ABI version, by name.
    pub abi: String,
    /// Whether the modelled kernel makes its mistakes, by name.
    pub fidelity: String,
}

impl Work {
    /// The replay of a trace.
    pub fn replay(trace: &str, stream_id: &str, filter: &str, abi: &str, fidelity: &str) -> Work {
        let (trace, stream_id) = (trace.to_owned(), stream_id.to_owned());
        Work::new(Task::Replay { trace, stream_id }, filter, abi, fidelity)
    }

    /// A simulation.
    pub fn fuzz(task: FuzzTask, filter: &str, abi: &str, fidelity: &str) -> Work {
        Work::new(Task::Fuzz(task), filter, abi, fidelity)
    }

    fn new(task: Task, filter: &str, abi: &str, fidelity: &str) -> Work {
        let mut work = Work {
            id: String::new(),
            task,
            filter: filter.to_owned(),
            object: String::new(),
            abi: abi.to_owned(),
            fidelity: fidelity.to_owned(),
        };
        work.id = work.computed_id();
        work
    }

    /// The same, with a filter that comes from an object with these bytes.
    #[must_use]
    pub fn with_object(mut self, bytes: &[u8]) -> Work {
        self.object = PayloadId::of(bytes).to_string();
        self.id = self.computed_id();
        self
    }

    /// Whether these are the bytes of the object that the work was planned with.
    pub fn is_object(&self, bytes: &[u8]) -> bool {
        self.object == PayloadId::of(bytes).to_string()
    }

    /// The id that follows from the rest. The place of the trace is no part of it: the same records
    /// elsewhere are the same work.
    pub fn computed_id(&self) -> String {
        let (kind, task) = match &self.task {
            Task::Replay { stream_id, .. } => ("replay", stream_id.clone()),
            Task::Fuzz(fuzz) => ("fuzz", fuzz.arguments()),
        };
        let mut parts = vec![kind, &task, &self.filter, &self.abi, &self.fidelity];
        if !self.object.is_empty() {
            parts.push(&self.object);
        }
        // Lengths keep parts apart, so that no two works have the same text.
        let text: String = parts.iter().map(|part| format!("{}:{part}\n", part.len())).collect();
        PayloadId::of(text.as_bytes()).to_string()
    }

    /// The command that does the work alone.
    pub fn command(&self) -> String {
        let Work { filter, abi, fidelity, .. } = self;
        match &self.task {
            Task::Replay { trace, .. } => format!(
                "fuserig replay {trace} --filter '{filter}' --abi {abi} --fidelity {fidelity}"
            ),
            Task::Fuzz(fuzz) => format!(
                "fuserig fuzz '{filter}' --abi {abi} --fidelity {fidelity} {}",
                fuzz.arguments()
            ),
        }
    }
}

/// Why a plan or results cannot be used.
///
/// ```
/// use fuserig::campaign::Plan;
/// let error = Plan::from_json(r#"{"campaign":9,"works":[]}"#).unwrap_err();
/// assert_eq!(error.to_string(), "unknown version 9 of campaigns (this build reads 1)");
/// ```
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// It is no JSON of a campaign.
    #[error("no campaign: {0}")]
    Json(#[from] serde_json::Error),
    /// A version of the future.
    #[error("unknown version {0} of campaigns (this build reads {VERSION})")]
    Version(u32),
    /// A work whose id is not the hash of it: somebody edited it.
    #[error("work {id} says what hashes to {computed}: a plan is made, not edited")]
    Edited {
        /// The id that it has.
        id: String,
        /// The id that it should have.
        computed: String,
    },
}

/// An immutable list of work, each once, in the order of ids.
///
/// ```
/// use fuserig::campaign::{Plan, Work};
/// let work = Work::replay("a.frt", "41727b1fa2309ff8735fe84c0cd82d95", "none", "v4", "intended");
/// let plan = Plan::new([work.clone(), work]);
/// assert_eq!(plan.works().len(), 1);
/// assert_eq!(Plan::from_json(&plan.to_json())?, plan);
/// # Ok::<(), fuserig::campaign::CampaignError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    campaign: u32,
    works: Vec<Work>,
}

impl Plan {
    /// A plan of these works.
    pub fn new(works: impl IntoIterator<Item = Work>) -> Plan {
        let mut works: Vec<Work> = works.into_iter().collect();
        works.sort();
        works.dedup_by(|one, other| one.id == other.id);
        Plan { campaign: VERSION, works }
    }

    /// The works.
    pub fn works(&self) -> &[Work] {
        &self.works
    }

    /// The JSON form.
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("strings and numbers are JSON");
        json + "\n"
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// When it is no plan, of another version, or was edited.
    pub fn from_json(json: &str) -> Result<Plan, CampaignError> {
        let plan: Plan = serde_json::from_str(json)?;
        if plan.campaign != VERSION {
            return Err(CampaignError::Version(plan.campaign));
        }
        for work in &plan.works {
            check(work)?;
        }
        Ok(Plan::new(plan.works))
    }
}

/// Whether the id of a work is that of what it says.
pub(super) fn check(work: &Work) -> Result<(), CampaignError> {
    let computed = work.computed_id();
    if computed == work.id {
        return Ok(());
    }
    Err(CampaignError::Edited { id: work.id.clone(), computed })
}
