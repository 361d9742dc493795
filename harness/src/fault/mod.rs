//! Faults: what goes wrong below and around a run, drawn before it begins.
//!
//! A fault belongs to one action of one client, so that it keeps its meaning when other actions
//! are left out. It refuses to be random while a run goes on: a plan is a value. What a reader
//! would get wrong: a fault whose operation never comes does not happen, which is no error.

mod daemon;
mod lower;
mod plan;

pub use daemon::{EchoDaemon, FaultyDaemon};
pub use lower::{Armed, FaultyLower};
pub use plan::{DaemonFault, Fault, FaultKind, FaultPlan};
pub(crate) use plan::{is_for, lower_ops};
