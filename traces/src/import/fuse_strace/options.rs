//! What the caller says about a log.

use crate::PayloadMode;

/// What the caller says about a log of a daemon.
///
/// ```
/// use fuserig_traces::import::FuseStraceOptions;
/// use fuserig_traces::PayloadMode;
/// let options = FuseStraceOptions::default();
/// assert_eq!((options.payload, options.connection), (PayloadMode::Full, 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FuseStraceOptions {
    /// How much of file data is kept.
    pub payload: PayloadMode,
    /// Which mount of the log, counted from 1 in the order of their INITs; most logs have one.
    pub connection: u32,
}

impl Default for FuseStraceOptions {
    fn default() -> FuseStraceOptions {
        FuseStraceOptions { payload: PayloadMode::Full, connection: 1 }
    }
}
