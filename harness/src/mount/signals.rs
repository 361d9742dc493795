//! Ctrl-C and its relatives: the first takes the mount away, the second ends the process.

use std::sync::{Arc, Mutex};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::MountError;

/// What is done about the first signal.
type Answer = Box<dyn FnMut(i32) + Send>;

/// The first signal, and who answers it: whichever is there earlier waits for the other.
#[derive(Default)]
struct First {
    came: Option<i32>,
    answer: Option<Answer>,
}

impl core::fmt::Debug for First {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("First").field("came", &self.came).finish_non_exhaustive()
    }
}

/// Calls the answer when both are there.
fn meet(first: &Mutex<First>, change: impl FnOnce(&mut First)) {
    let met = {
        let mut first = first.lock().expect("nobody panics with this lock");
        change(&mut first);
        match (first.came, first.answer.is_some()) {
            (Some(signal), true) => first.answer.take().map(|answer| (answer, signal)),
            _ => None,
        }
    };
    if let Some((mut answer, signal)) = met {
        answer(signal);
    }
}

/// Watches for signals until it is dropped.
///
/// ```
/// use fuserig::mount::SignalWatch;
/// let watch = SignalWatch::begin().unwrap();
/// // What a signal has to take away is made here.
/// watch.answer(|_signal| {});
/// drop(watch);
/// ```
#[derive(Debug)]
pub struct SignalWatch {
    handle: Handle,
    first: Arc<Mutex<First>>,
}

impl SignalWatch {
    /// From here on the first SIGINT, SIGTERM or SIGHUP ends nothing by itself: it waits for
    /// [`SignalWatch::answer`]. The next one does what it does without a handler.
    ///
    /// # Errors
    /// When handlers or the thread cannot be installed.
    pub fn begin() -> Result<SignalWatch, MountError> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(MountError::Thread)?;
        let handle = signals.handle();
        let first = Arc::new(Mutex::new(First::default()));
        let shared = Arc::clone(&first);
        std::thread::Builder::new()
            .name("fuserig-signals".to_owned())
            .spawn(move || {
                let mut seen = false;
                for signal in signals.forever() {
                    if core::mem::replace(&mut seen, true) {
                        // Nothing is left to be done if even this fails.
                        let _ = signal_hook::low_level::emulate_default_handler(signal);
                    } else {
                        meet(&shared, |first| first.came = Some(signal));
                    }
                }
            })
            .map_err(MountError::Thread)?;
        Ok(SignalWatch { handle, first })
    }

    /// Calls `answer` with the number of the first signal, on a thread of its own, or at once when
    /// it came already.
    pub fn answer(&self, answer: impl FnMut(i32) + Send + 'static) {
        meet(&self.first, |first| first.answer = Some(Box::new(answer)));
    }
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        self.handle.close();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use signal_hook::consts::SIGHUP;

    use super::SignalWatch;

    #[test]
    fn a_signal_that_comes_before_its_answer_waits_for_it() {
        let watch = SignalWatch::begin().expect("handlers can be had");
        signal_hook::low_level::raise(SIGHUP).expect("this process takes it");
        let (tells, told) = channel();
        watch.answer(move |signal| tells.send(signal).expect("somebody listens"));
        let answered = told.recv_timeout(Duration::from_secs(60));
        assert_eq!(answered, Ok(SIGHUP), "nobody answered it in a minute");
    }
}
