//! Everything a test of a filter needs, in one import.
//!
//! ```
//! use fuserig::prelude::*;
//!
//! fn hide_dotfiles() -> FuseOps {
//!     FuseOps::new("hide_dotfiles")
//!         .lookup_prefilter(|_cx, name| match name.name() {
//!             [b'.', ..] => Verdict::Error(Errno::ENOENT),
//!             _ => Verdict::Continue,
//!         })
//!         .readdir_prefilter(|_cx, _in| Verdict::Postfilter)
//!         .readdir_postfilter(|cx, _in, out, entries| {
//!             if cx.error_in().is_none() {
//!                 let dropped = entries.retain(|entry| !entry.name.starts_with(b"."));
//!                 out.again = u32::from(dropped > 0 && entries.is_empty());
//!             }
//!             Verdict::Continue
//!         })
//! }
//!
//! Simulation::new(Seed(7)).clients(2).operations(200)
//!     .run(Subject::new(Abi::V4, hide_dotfiles).over("/notes.txt 'hi'\n/.secret 'no'"))
//!     .check(invariant::never_visible(".secret"))
//!     .or_report();
//! ```

pub use fuserig_abi::{Abi, Errno, Fidelity, Verdict};
pub use fuserig_filters::{
    Audit, Filter, FilterEnv, FuseOps, Patterns, QuotaLimits, builtin, hide, quota, readonly,
    redact,
};
pub use fuserig_sim_fs::{Durability, Lower, LowerOp, LowerReply, MemFs};

pub use crate::crash::{CrashSearch, Crashed};
pub use crate::fault::{Fault, FaultKind, FaultPlan};
pub use crate::invariant::{self, End, Invariant, Seen, Violation};
pub use crate::sim::{
    Action, Case, Crash, Finding, Program, Schedule, SchedulerKind, Seed, Simulation, Subject,
    Summary, Text,
};
