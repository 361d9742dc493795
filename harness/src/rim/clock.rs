//! The only clock: how long something takes, for progress and for limits that a user sets.

#![expect(clippy::disallowed_types, reason = "this module is where the wall clock is read")]

use std::time::{Duration, Instant};

/// Measures time since it was started.
///
/// ```
/// use fuserig::rim::Stopwatch;
/// let watch = Stopwatch::start();
/// assert!(watch.elapsed() < std::time::Duration::from_secs(3600));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    started: Instant,
}

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Stopwatch {
        Stopwatch { started: Instant::now() }
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}
