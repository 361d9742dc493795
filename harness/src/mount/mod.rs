//! The mount door: a [`Server`](crate::serve::Server) behind fuser on a real mount point.
//!
//! One thread owns the pipeline and replies, so that a run has one thread here as everywhere. It
//! is the thread that receives requests, or, where several receive, one to which they hand what
//! they received. What it records it gives to another thread through a bounded queue. This is the
//! only home of `fuser` besides the mock kernel, and its types stay inside.
//!
//! [`Proxy`] needs no pipeline: it stands between a kernel and somebody else's daemon.
//!
//! What a reader would get wrong: fuser puts the inode number of the attributes into the nodeid of
//! an entry, which is why the server numbers nodes as inodes.

mod aside;
mod atime;
mod backing;
mod batch;
mod beside;
mod child;
mod convert;
mod eager;
mod error;
mod filesystem;
mod guard;
mod helper;
mod home;
mod job;
mod place;
mod policy;
mod proxy;
mod record;
mod scout;
mod session;
mod signals;
mod snapshot;
mod tape;
mod worker;

pub use child::{Running, Surroundings, forward};
pub use error::MountError;
pub use proxy::{Proxy, ProxyOptions, ProxySummary};
pub use record::{Recorded, RecordingOptions};
pub use session::{Cache, Locks, MountOptions, Mounted, Summary, missing};
pub use signals::SignalWatch;
pub use snapshot::{SnapshotLimit, snapshot};
