//! Takes a thread back from a policy under which a busy machine lets it wait for long.
//!
//! [`super::beside`] follows nobody while others want to run. When they begin to while it follows
//! somebody, its thread gets what they leave, and may be in the middle of a request. It cannot see
//! that itself, so another looks now and then whether it gets on. A thread that has nothing to do
//! is taken back as well: then nobody has to look.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use rustix::thread::{CpuSet, Pid, gettid, sched_setaffinity};

use super::aside::Aside;
use super::policy::{self, Policy};
use crate::rim;

/// How long a thread may be without getting on. It is looked so rarely because whoever looks
/// disturbs: when it goes to sleep again, its processor looks for work.
const LONG: Duration = Duration::from_millis(100);
/// After so many looks at a thread that has nothing to do it is taken back.
const LOOKS: u32 = 5;

/// Why a thread was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It wanted to run and could not.
    Stuck,
    /// It had nothing to do.
    Unused,
}

/// What the two threads share.
#[derive(Debug)]
struct Shared {
    /// The thread that is watched, and where it may run.
    ward: Pid,
    allowed: CpuSet,
    /// Whether it has the policy.
    watched: AtomicBool,
    /// Changes whenever it gets on.
    beat: AtomicU32,
    /// Whether it was taken back, and whether because it was stuck.
    taken: AtomicBool,
    stuck: AtomicBool,
}

/// Watches the thread that made it.
#[derive(Debug)]
pub(super) struct Guard {
    shared: Arc<Shared>,
    aside: Aside,
}

impl Guard {
    /// Over the calling thread, which may run on `allowed`; none without procfs, or where there is
    /// no thread for it.
    pub(super) fn over_this_thread(allowed: CpuSet) -> Option<Guard> {
        let ward = gettid();
        let stat = File::open(format!("/proc/self/task/{ward}/stat")).ok()?;
        let shared = Arc::new(Shared {
            ward,
            allowed,
            watched: AtomicBool::new(false),
            beat: AtomicU32::new(0),
            taken: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
        });
        let (watches, mut unused) = (Arc::clone(&shared), 0);
        let round = move || unused = watches.watch(&stat, unused);
        let aside = Aside::start("fuserig-guard", round)?;
        Some(Guard { shared, aside })
    }

    /// The thread has the policy from now on, or has it no longer.
    pub(super) fn watch(&self, watched: bool) {
        self.shared.watched.store(watched, Ordering::Release);
        if watched {
            self.aside.wake();
        }
    }

    /// The thread gets on.
    pub(super) fn beat(&self) {
        self.shared.beat.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the thread was taken back since this was asked last, and why.
    pub(super) fn took_it_back(&self) -> Option<Taken> {
        let taken = self.shared.taken.load(Ordering::Relaxed)
            && self.shared.taken.swap(false, Ordering::Acquire);
        let stuck = taken && self.shared.stuck.load(Ordering::Relaxed);
        taken.then_some(if stuck { Taken::Stuck } else { Taken::Unused })
    }
}

impl Shared {
    /// Waits and looks once, after so many looks at a thread that had nothing to do; how many those
    /// are now.
    fn watch(&self, stat: &File, unused: u32) -> u32 {
        if !self.watched.load(Ordering::Acquire) {
            std::thread::park();
            return 0;
        }
        let before = self.beat.load(Ordering::Relaxed);
        rim::sleep_unless_woken(LONG);
        let stands = self.beat.load(Ordering::Relaxed) == before;
        let stuck = stands && wants_to_run(stat);
        let unused = if stands { unused + 1 } else { 0 };
        if stuck || unused >= LOOKS {
            self.take_back(stuck);
        }
        unused
    }

    fn take_back(&self, stuck: bool) {
        if self.watched.swap(false, Ordering::AcqRel) {
            // It is a thread of this process, which may do so.
            let _ = policy::set_of(Some(self.ward), Policy::Other);
            let _ = sched_setaffinity(Some(self.ward), &self.allowed);
            self.stuck.store(stuck, Ordering::Relaxed);
            self.taken.store(true, Ordering::Release);
        }
    }
}

/// Whether a thread runs or wants to (man 5 proc_pid_stat, field 3).
fn wants_to_run(stat: &File) -> bool {
    let mut bytes = [0; 512];
    let Ok(length) = stat.read_at(&mut bytes, 0) else { return false };
    let text = String::from_utf8_lossy(&bytes[..length]);
    text.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('R'))
}

#[cfg(test)]
mod tests {
    use rustix::thread::{gettid, sched_getaffinity};

    use super::super::policy::tests::{can_come_back, policy_of};
    use super::super::policy::{self, Policy};
    use super::{Guard, Taken};

    /// On a thread of its own: what it does to itself is no test's.
    fn alone(work: impl FnOnce() + Send + 'static) {
        let thread = std::thread::Builder::new().spawn(work).expect("a thread");
        thread.join().expect("it ends");
    }

    /// Has the policy until it is taken back, and does something meanwhile.
    fn until_taken_back(work: impl Fn()) -> Taken {
        let allowed = sched_getaffinity(None).expect("of this thread");
        let guard = Guard::over_this_thread(allowed).expect("a thread");
        policy::set(Policy::Idle).expect("everybody may");
        guard.watch(true);
        let taken = loop {
            match guard.took_it_back() {
                Some(taken) => break taken,
                None => work(),
            }
        };
        assert_eq!(policy_of(gettid()), 0, "SCHED_OTHER");
        assert_eq!(sched_getaffinity(None).expect("of this thread"), allowed);
        taken
    }

    #[test]
    fn a_thread_that_does_not_get_on_is_taken_back() {
        if !can_come_back() {
            return println!("skipped: this user may not come back");
        }
        alone(|| assert_eq!(until_taken_back(std::hint::spin_loop), Taken::Stuck));
    }

    #[test]
    fn a_thread_that_has_nothing_to_do_is_taken_back() {
        if !can_come_back() {
            return println!("skipped: this user may not come back");
        }
        // On a busy machine it may want to run just when it is looked.
        let sleeps = || crate::rim::pause(20 * super::LONG);
        alone(move || println!("{:?}", until_taken_back(sleeps)));
    }
}
