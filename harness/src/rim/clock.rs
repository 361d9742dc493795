//! The only clock: how long something takes, for progress and for limits that a user sets, and
//! what time it is, for doors that live in real time.

#![expect(clippy::disallowed_types, reason = "this module is where the wall clock is read")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fuserig_abi::Timespec;

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

/// Does nothing for a while: for a thread that serves the real world and would rather look now and
/// then than be woken for each thing.
#[cfg(feature = "fuser")]
#[expect(clippy::disallowed_methods, reason = "this module is where real time passes")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// As [`pause`], but ended by whoever wakes the thread.
#[cfg(feature = "fuser")]
#[expect(clippy::disallowed_methods, reason = "this module is where real time passes")]
pub(crate) fn sleep_unless_woken(time: Duration) {
    std::thread::park_timeout(time);
}

/// What time it is. A run takes its instants from its door; this is where a door of the real world
/// has them from.
pub(crate) fn now() -> Timespec {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 is wrong whatever one does with it.
    let since = since.unwrap_or_default();
    let sec = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    Timespec { sec, nsec: since.subsec_nanos() }
}
