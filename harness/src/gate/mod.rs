//! The ABI gate: which filters still build, load, verify and decide the same.
//!
//! It turns changes of an ABI into findings, narrows them to the filters at hand, and judges them
//! by a policy. It refuses to call a run green in which nothing was looked at.

mod finding;

pub use finding::finding_of;
