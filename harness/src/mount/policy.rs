//! How the scheduler of the host sees the thread that answers.
//!
//! The only unsafe code of the harness: no library that we have offers the call.

#![expect(unsafe_code, reason = "sched_setscheduler has no safe wrapper")]

use std::io;

/// How a thread shares its processor (man 7 sched).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// As every other thread.
    Other,
    /// Only when nobody else wants it. A processor that has only such threads counts as idle, so
    /// whoever was last on it and is woken comes back to it.
    Idle,
}

/// Whether this process may leave [`Policy::Idle`] again, which not every user may. It is tried on
/// a thread that is given up.
pub(super) fn may_come_back() -> bool {
    let there_and_back = || set(Policy::Idle).and_then(|()| set(Policy::Other)).is_ok();
    let tried = std::thread::Builder::new().name("fuserig-policy".to_owned()).spawn(there_and_back);
    tried.ok().and_then(|thread| thread.join().ok()).unwrap_or(false)
}

/// Changes the policy of the calling thread.
pub(super) fn set(policy: Policy) -> io::Result<()> {
    let policy = match policy {
        Policy::Other => libc::SCHED_OTHER,
        Policy::Idle => libc::SCHED_IDLE,
    };
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: thread 0 is the caller; the kernel reads the parameters, which live until the call
    // returns, and keeps no address of them.
    match unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::may_come_back;

    #[test]
    fn who_may_do_everything_may_come_back() {
        if rustix::process::geteuid().is_root() {
            assert!(may_come_back());
        } else {
            println!("skipped: only root is sure to come back");
        }
    }
}
