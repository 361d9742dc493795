//! Why a host directory cannot serve as a lower. Only opening it can fail this way; everything
//! later is an errno of the simulated world.

use std::io;

/// What stands in the way of [`HostFs::open`](crate::HostFs::open).
///
/// ```
/// use fuserig_sim_fs::{HostError, HostFs};
/// let error = HostFs::open("/proc/self/exe").expect_err("a file is no directory");
/// assert!(matches!(error, HostError::Root { .. }));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The directory cannot be opened.
    #[error("open the root of a host lower: {source} (give an existing directory)")]
    Root {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// Without procfs a node descriptor cannot be turned into a path where Linux needs one.
    #[error("open /proc/self/fd: {source} (mount procfs)")]
    Proc {
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The kernel does not tell who we are or does not describe the root.
    #[error("ask the kernel for {what}: {source}")]
    Query {
        /// What was asked for.
        what: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}
