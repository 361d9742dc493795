//! Ctrl-C and its relatives: the first takes the mount away, the second ends the process.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::MountError;

/// Watches for signals until it is dropped.
///
/// ```
/// use fuserig::mount::SignalWatch;
/// let watch = SignalWatch::start(|_signal| {}).unwrap();
/// drop(watch);
/// ```
#[derive(Debug)]
pub struct SignalWatch {
    handle: Handle,
}

impl SignalWatch {
    /// Calls `first` with the number of the first SIGINT, SIGTERM or SIGHUP, on a thread of its
    /// own. The next one does what it does without a handler.
    ///
    /// # Errors
    /// When handlers or the thread cannot be installed.
    pub fn start(mut first: impl FnMut(i32) + Send + 'static) -> Result<SignalWatch, MountError> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(MountError::Thread)?;
        let handle = signals.handle();
        std::thread::Builder::new()
            .name("fuserig-signals".to_owned())
            .spawn(move || {
                let mut seen = false;
                for signal in signals.forever() {
                    if core::mem::replace(&mut seen, true) {
                        // Nothing is left to be done if even this fails.
                        let _ = signal_hook::low_level::emulate_default_handler(signal);
                    } else {
                        first(signal);
                    }
                }
            })
            .map_err(MountError::Thread)?;
        Ok(SignalWatch { handle })
    }
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        self.handle.close();
    }
}
