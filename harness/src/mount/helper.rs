//! The thread that works for the one that answers, as that one sees it.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use rustix::thread::{CpuSet, Pid, gettid, sched_setaffinity};

/// What the two threads tell each other.
#[derive(Debug, Default)]
pub(super) struct Helper {
    busy: AtomicBool,
    /// The thread's number; 0 until it is known.
    thread: AtomicI32,
}

impl Helper {
    /// The calling thread is the helper.
    pub(super) fn is_here(&self) {
        self.thread.store(gettid().as_raw_nonzero().get(), Ordering::Relaxed);
    }

    /// Whether it has something to do now.
    pub(super) fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::Relaxed);
    }

    /// Whether it has something to do at the moment.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    /// Keeps it to these processors. Where that fails, it takes longer and nothing else.
    pub(super) fn keep_to(&self, processors: &CpuSet) {
        if let Some(thread) = Pid::from_raw(self.thread.load(Ordering::Relaxed)) {
            let _ = sched_setaffinity(Some(thread), processors);
        }
    }
}
