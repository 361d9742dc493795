//! The rim: what is not deterministic, each in one module that exists for it.
//!
//! Nothing here takes part in a decision of a run. A reader would get wrong that a time limit is
//! one: it decides how many runs there are, and the report says how many there were.

mod clock;

pub use clock::Stopwatch;
pub(crate) use clock::now;
#[cfg(feature = "fuser")]
pub(crate) use clock::{pause, sleep_unless_woken};
