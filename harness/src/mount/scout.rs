//! Looks where a client is, on a thread that may wait for it.
//!
//! `/proc/PID/stat` of a process that executes a program cannot be read until the new program is
//! in place. Meanwhile the old one's files are closed, each with a FLUSH that waits for its answer.
//! So the thread that answers must not read it: the two would wait for each other for ever.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use fuserig_abi::Pid;

use super::aside::Aside;
use super::beside::contents;

/// What the two threads share.
#[derive(Debug, Default)]
struct Shared {
    /// Who is looked for; 0 when nobody is.
    wanted: AtomicU32,
    /// Who was found, above 32 bits, and on which processor; [`NOWHERE`] when that is not known.
    found: AtomicU64,
}

/// No number of a processor.
const NOWHERE: u32 = u32::MAX;

/// Looks for clients on a thread of its own. While it waits for one it looks for nobody else.
#[derive(Debug)]
pub(super) struct Scout {
    shared: Arc<Shared>,
    aside: Aside,
}

impl Scout {
    /// None where there is no thread for it.
    pub(super) fn start() -> Option<Scout> {
        let shared = Arc::<Shared>::default();
        let looks = Arc::clone(&shared);
        let aside = Aside::start("fuserig-scout", move || looks.look())?;
        Some(Scout { shared, aside })
    }

    /// Asks where a client is. Does not wait.
    pub(super) fn ask(&self, client: Pid) {
        if self.shared.wanted.swap(client.0, Ordering::Release) == 0 {
            self.aside.wake();
        }
    }

    /// What was found since this was asked last: who, and on which processor.
    pub(super) fn found(&self) -> Option<(Pid, Option<usize>)> {
        if self.shared.found.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let found = self.shared.found.swap(0, Ordering::Acquire);
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        let (client, place) = ((found >> 32) as u32, found as u32);
        Some((Pid(client), (place != NOWHERE).then_some(place as usize)))
    }
}

impl Shared {
    /// Looks for one client, or sleeps until somebody asks.
    fn look(&self) {
        let client = self.wanted.swap(0, Ordering::Acquire);
        if client == 0 {
            return std::thread::park();
        }
        let place = processor_of(Pid(client)).and_then(|place| u32::try_from(place).ok());
        let found = (u64::from(client) << 32) | u64::from(place.unwrap_or(NOWHERE));
        self.found.store(found, Ordering::Release);
    }
}

/// The processor that a thread is on or was on (man 5 proc_pid_stat, field 39). Waits while that
/// thread executes a program.
pub(super) fn processor_of(thread: Pid) -> Option<usize> {
    let text = contents(&File::open(format!("/proc/{thread}/stat")).ok()?)?;
    // The name in field 2 may have anything in it, also parentheses; field 3 comes after it.
    text.rsplit_once(") ")?.1.split(' ').nth(39 - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use fuserig_abi::Pid;
    use rustix::thread::gettid;

    use super::{Scout, processor_of};

    fn answer(scout: &Scout) -> (Pid, Option<usize>) {
        loop {
            match scout.found() {
                Some(found) => break found,
                None => std::thread::yield_now(),
            }
        }
    }

    #[test]
    fn who_is_there_is_found_and_who_is_not_is_nowhere() {
        let me = Pid(gettid().as_raw_nonzero().get().cast_unsigned());
        let scout = Scout::start().expect("a thread");
        assert_eq!(scout.found(), None);
        scout.ask(me);
        let (who, place) = answer(&scout);
        assert_eq!((who, place.is_some()), (me, processor_of(me).is_some()));
        assert_eq!(scout.found(), None, "it is told once");
        scout.ask(Pid(u32::MAX));
        assert_eq!(answer(&scout), (Pid(u32::MAX), None));
    }
}
