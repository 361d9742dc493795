//! How the scheduler of the host sees the thread that answers.
//!
//! The only unsafe code of the harness: no library that we have offers the call.

#![expect(unsafe_code, reason = "sched_setscheduler has no safe wrapper")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::thread::Pid;

/// How a thread shares its processor (man 7 sched).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// As every other thread.
    Other,
    /// Only when nobody else wants it. A processor that has only such threads counts as idle, so
    /// whoever was last on it and is woken comes back to it.
    Idle,
}

/// Finds out whether this process may leave [`Policy::Idle`] again, which not every user may; true
/// once that is known. It is tried on a thread that is given up, and nobody waits for it: on a busy
/// machine a thread with that policy is soon kept from leaving it.
pub(super) fn comes_back() -> Arc<AtomicBool> {
    let known = Arc::<AtomicBool>::default();
    let tells = Arc::clone(&known);
    let tries = move || tells.store(there_and_back(), Ordering::Relaxed);
    // Without a thread it stays unknown.
    let _ = std::thread::Builder::new().name("fuserig-policy".to_owned()).spawn(tries);
    known
}

/// Takes the policy on and leaves it again; whether that could be done.
pub(super) fn there_and_back() -> bool {
    set(Policy::Idle).and_then(|()| set(Policy::Other)).is_ok()
}

/// Changes the policy of the calling thread.
pub(super) fn set(policy: Policy) -> io::Result<()> {
    set_of(None, policy)
}

/// Changes the policy of a thread of this process, or of the calling one.
pub(super) fn set_of(thread: Option<Pid>, policy: Policy) -> io::Result<()> {
    let policy = match policy {
        Policy::Other => libc::SCHED_OTHER,
        Policy::Idle => libc::SCHED_IDLE,
    };
    let thread = thread.map_or(0, |thread| thread.as_raw_nonzero().get());
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: thread 0 is the caller; the kernel reads the parameters, which live until the call
    // returns, and keeps no address of them.
    match unsafe { libc::sched_setscheduler(thread, policy, &raw const parameters) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::Ordering;

    use super::{Pid, comes_back, there_and_back};

    /// On a thread of its own, which is given up.
    pub(in crate::mount) fn can_come_back() -> bool {
        let tried = std::thread::Builder::new().spawn(there_and_back).expect("a thread");
        tried.join().expect("it only asks")
    }

    /// The number of a thread's policy (man 5 proc_pid_stat, field 41).
    pub(in crate::mount) fn policy_of(thread: Pid) -> u32 {
        let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat"));
        let text = text.expect("a thread of this process");
        let (_, rest) = text.rsplit_once(") ").expect("a name in parentheses");
        rest.split(' ').nth(41 - 3).and_then(|field| field.parse().ok()).expect("a number")
    }

    #[test]
    fn who_may_come_back_is_told_so() {
        if !can_come_back() {
            return println!("skipped: this user may not come back");
        }
        let known = comes_back();
        while !known.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
    }
}
