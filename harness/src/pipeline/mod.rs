//! The corridor: prefilter, lower operation, postfilter, as an explicit state machine.
//!
//! [`Run`] takes one [`Operation`] through the steps P0 to P14 of SEMANTICS section 2, and gives
//! way where another client can make a difference, so that a scheduler can interleave operations.
//! It is the only place where a request meets a filter. What an operation fills in, asks of the
//! lower filesystem and finalizes is one row of `ops`; which arguments exist comes from the op
//! table of the ABI. It refuses to walk paths, to keep descriptors and to invent requests: that is
//! [`crate::vfs`].
//!
//! What a reader would get wrong: `error` of a finished run may be positive. A read returns its
//! byte count as the pipeline's error value (SEMANTICS 2.4).

mod conversation;
mod daemon;
mod device;
mod dispatch;
mod entries;
mod event;
mod operation;
mod ops;
mod ordinary;
mod run;
mod seen;
mod step;
mod under_way;

pub(crate) use conversation::initialize;
pub use daemon::{DAEMON, Daemon, NoDaemon};
pub use device::{Device, Route};
pub(crate) use dispatch::call_test_hook;
pub use event::{Event, NullSink, Sink, What};
pub use operation::{AttrValid, Iattr, Operation};
pub use ops::DirRecord;
pub use ordinary::PollWait;
pub(crate) use ordinary::{AskedLock, Halt, Lender, Ordinary, Validity, Want};
pub use run::{Outcome, Progress, Run, Value};
pub(crate) use seen::{SeeingSink, SeenCalls};
pub use step::{Step, Stop};
pub use under_way::Patience;
pub(crate) use under_way::wait_for_one;
