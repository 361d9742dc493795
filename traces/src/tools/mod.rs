//! What `fuserig trace info|verify|repair|diff` do, without the printing.
//!
//! Each function reads traces forwards, a block at a time, and returns what it found as a value.
//! Nothing here decides whether a finding matters; the caller maps it to an exit code.

mod diff;
mod info;
mod repair;
mod statistics;
mod verify;

pub use diff::{DiffOptions, DiffReport, Divergence, KindTotals, diff, diff_with};
pub use info::{Info, OpCount};
pub use repair::{RepairError, RepairReport, repair};
pub use statistics::{Histogram, Statistics};
pub use verify::{Problem, VerifyReport, verify};
