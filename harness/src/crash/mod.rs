//! Loss of power during a simulation: where it is tried, what is found afterwards, who judges it.
//!
//! At a step of a run the journal of the lower filesystem says which states are legal
//! ([`fuserig_sim_fs::Journal`]). Each is mounted afresh, with a filter that has forgotten
//! everything, and shown to the invariants as a [`Crashed`] disk. What a reader would get wrong:
//! the run itself goes on as if nothing had happened, so one run tries many crashes; only a
//! [`Crash`](crate::sim::Crash) that is part of a case ends it.
//!
//! [`bounded`](self::Workloads) enumerates every small program with a sync, as bounded crash
//! testing does (Mohan, Martinez, Ponnapalli, Raju and Chidambaram 2018).

mod bounded;
mod crashed;
mod loss;
mod search;

pub use bounded::{Bounded, Workloads};
pub use crashed::{Crashed, Surveyed};
pub(crate) use loss::Outage;
pub use loss::PowerLoss;
pub use search::CrashSearch;
