//! Ctrl-C as a request to stop: what was done so far is kept, and the command ends with 130.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::replay::StopFlag;

/// A flag that Ctrl-C sets from here on.
pub(super) fn stop_flag() -> StopFlag {
    let stop: StopFlag = Arc::new(AtomicBool::new(false));
    // Without the handler Ctrl-C ends the process at once; nothing else depends on it.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&stop));
    stop
}
