//! Daemons ready to be used: one that follows a list of policies, and the INIT reply.
//!
//! A daemon of one's own implements [`crate::pipeline::Daemon`]. Nothing here knows what the
//! kernel side does with an answer.

mod init;
mod policy;

pub use init::init_reply;
pub use policy::{Action, Heard, PolicyDaemon};
