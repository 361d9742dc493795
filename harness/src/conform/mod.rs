//! Conformance with recorded kernels: the same mount, filter and system calls, compared with what
//! a real fuse-bpf kernel did.
//!
//! A record file holds cases; each is a mount over a small lower tree, a filter made of rules, a
//! list of system calls, and what came of them: results, data, and every filter call with its
//! visible arguments. The rig plays the case and lists each difference. It refuses to guess at
//! what it cannot model: such a case is skipped with the reason.
//!
//! What a reader would get wrong: inode numbers, times, block counts and filesystem figures are
//! those of the day of the recording and are compared by shape, not by value.

mod compare;
mod daemon;
mod driver;
mod filter;
mod lost;
mod lower;
mod others;
mod record;
mod report;
mod rule;
mod script;
mod suite;
mod wire;

pub use record::{RecordError, fuzz_entry};
pub use report::{CaseReport, Verdict};
pub use script::{Played, Script};
pub use suite::{ConformOptions, LowerChoice, conform_text, conform_watched};
