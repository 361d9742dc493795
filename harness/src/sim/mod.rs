//! Simulation: many clients, every interleaving worth trying, faults, crashes.
//!
//! [`Simulation`] draws cases from one [`Seed`], runs them against a [`Subject`], lets invariants
//! judge, shrinks what fails and reports a [`Finding`]. A [`Case`] is a value: programs, schedule,
//! faults and tree, so that a finding outlives the generators. It refuses to know what a request
//! means: every call goes through [`crate::vfs`] and so through the one pipeline.
//!
//! What a reader would get wrong: nothing is random while a run goes on, except through the
//! scheduler, whose choices are recorded as a [`Schedule`].

mod action;
mod argument;
mod case;
mod caught;
mod corpus;
mod corridor;
mod coverage;
mod crowd;
mod draw;
mod drill;
mod every;
mod explore;
mod finding;
mod fitting;
mod footprint;
mod forking;
mod generate;
mod habits;
mod history;
mod limits;
mod lock_calls;
mod locking;
mod look;
mod meet;
mod mutate;
mod power;
mod processes;
mod recipe;
mod recorded;
mod relay;
mod report;
mod rights;
mod runner;
mod same;
mod schedule;
mod schedulers;
mod seed;
mod sending;
mod shared;
mod simulation;
mod slots;
mod stage;
mod stamp;
mod standing;
mod stored;
mod subject;
mod text;
mod turns;
mod xattr;

pub use action::Action;
pub use case::{Case, CaseError, Crash, Program};
pub use corpus::Corpus;
pub use coverage::Coverage;
pub(crate) use explore::Explorer;
pub use explore::{Explored, Search, explore, explore_after};
pub use finding::{Class, Finding, Schedules, Summary};
pub use fitting::Fitting;
pub(crate) use footprint::name_hash;
pub use generate::WorkloadConfig;
pub use history::{
    Balance, CallEntry, Ending, RunRecord, StepRow, same_result, show_both, show_result,
};
pub(crate) use history::{Compared, show_difference};
pub(crate) use lock_calls::lock_kind;
pub use processes::Processes;
pub(crate) use processes::WAITING_MAX;
pub(crate) use runner::{Detail, run_with};
pub use runner::{STEPS_MAX, SetupError, run};
pub use schedule::{Candidate, Playback, Schedule, Scheduler, Switch};
pub use schedulers::{Bound, Pct, RandomWalk, SchedulerKind, Serial};
pub use seed::{Mixer, Rng, Seed};
pub use shared::SharedFs;
pub(crate) use simulation::judge;
pub use simulation::{Campaign, Simulation};
pub use stamp::Stamp;
pub use subject::Subject;
pub use text::Text;
pub(crate) use xattr::acl_tag;
