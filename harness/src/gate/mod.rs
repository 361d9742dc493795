//! The ABI gate: which filters still build, load, verify and decide the same.
//!
//! It turns changes of an ABI into findings, narrows them to the filters at hand, and judges them
//! by a policy. It refuses to call a run green in which nothing was looked at.
//!
//! What a reader would get wrong: an expired suppression does not hide its finding any more, and
//! one that names nothing is reported.

mod behaviour;
mod cost;
mod date;
mod finding;
mod load;
mod load_rules;
mod policy;
mod registration;
mod review;
mod run;
mod shrink;

pub use behaviour::{BehaviourDiff, BehaviourError, BehaviourGroup, behaviour, behaviour_findings};
pub use cost::{CostArm, CostDiff, MemberCost, cost};
pub use date::Date;
pub use finding::finding_of;
pub use load::{LOAD_IDS, LOAD_RULES, Libbpf, LoadStep, Refusal, load_findings, refusals};
pub use policy::{
    Counted, Policy, PolicyError, PolicyLoader, PolicySuppression, RungName, Strictness,
};
pub use review::{MemberCount, ReviewArm, ReviewRow, member_counts, review};
pub use run::{GateInput, NOTHING_RAN, gate, ran};
