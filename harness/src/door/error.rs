//! Why a mock kernel does not come up.

use std::io;

use fuserig_abi::Errno;

/// Why a filesystem under test cannot be served.
///
/// ```
/// use fuserig::door::MockError;
/// let error = MockError::Refused;
/// assert!(error.to_string().contains("INIT"));
/// ```
#[derive(Debug, thiserror::Error)]
pub enum MockError {
    /// No pair of sockets, or a thread, can be had.
    #[error("set up the mock kernel: {0}")]
    Setup(io::Error),
    /// The filesystem answered INIT with an error, or not at all.
    #[error("begin the session: INIT was not answered with success (does `init` return an error?)")]
    Refused,
    /// The world cannot be made.
    #[error("set up the mock kernel: {0}")]
    World(Errno),
    /// The session ended with an error.
    #[error("serve the filesystem: {0}")]
    Session(io::Error),
    /// The filesystem panicked on one of its threads.
    #[error("serve the filesystem: it panicked; the message is on standard error")]
    Panicked,
}
