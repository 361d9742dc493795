//! Why a mount did not come to be, or ended badly.

use std::io;
use std::path::PathBuf;

/// Why mounting or serving failed.
///
/// ```
/// use fuserig::mount::MountError;
/// let error = MountError::Panicked;
/// assert!(error.to_string().contains("bug"));
/// ```
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The mount point cannot be mounted on.
    #[error("mount at {}: {source} ({hint})", path.display())]
    Mount {
        /// Where.
        path: PathBuf,
        /// What the kernel or fusermount3 said.
        source: io::Error,
        /// What may help.
        hint: &'static str,
    },
    /// The world below cannot be made.
    #[error("open the lower filesystem: {0}")]
    Lower(String),
    /// A thread cannot be started.
    #[error("start a thread: {0}")]
    Thread(io::Error),
    /// The command to record cannot be run.
    #[error("run the command: {0}")]
    Command(io::Error),
    /// The session ended with an error.
    #[error("serve the mount: {0}")]
    Session(io::Error),
    /// The pipeline panicked. The mount was taken away.
    #[error("serve the mount: the pipeline panicked, which is a bug of fuserig")]
    Panicked,
    /// The trace cannot be written.
    #[error("write the trace: {0}")]
    Trace(#[from] fuserig_traces::WriteError),
}
