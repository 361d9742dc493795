//! The VFS model: system calls of several clients become the requests the kernel would make.
//!
//! Clients have credentials, umask, working directory and descriptors. A path is walked component
//! by component with a lookup and a permission check each, symlinks are read, `O_CREAT` is lookup
//! then create_open, a close flushes and the last one releases; the sequence of requests is that
//! of the observed kernels (KERNEL-OBSERVED N20, `observations/baseline`). It refuses to decide
//! what a request means: every one goes through [`crate::pipeline::Run`].
//!
//! What a reader would get wrong: the first permission check of a walk carries 0x80 (RCU mode)
//! and later ones do not, because looking a name up leaves RCU mode.

mod advisory;
mod attr;
mod call;
mod daemon_locks;
mod errand;
mod exec;
mod fail;
mod file;
mod held;
mod ioctl;
mod locks;
mod names;
mod open;
mod perform;
mod poll;
mod process;
mod replies;
mod sendfile;
mod served;
mod state;
mod system;
mod task;
mod walk;

pub use crate::pipeline::PollWait;
pub use call::{At, Call, CallResult, NewTime, Output, PathAt, Program, Target};
pub use locks::{LockMode, Waiting};
pub use system::{Vfs, VfsConfig};
pub use task::{Point, Task};
