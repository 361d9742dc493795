//! One model for two tools: a directory of files without contents.
//!
//! The benchmark `peers` runs the same changes through proptest-state-machine, which applies them
//! to the filesystem in memory, and through fuserig's simulation, which has the system calls, the
//! pipeline and the scheduler between.

mod directory;

pub use directory::{Change, InMemory, Model};
