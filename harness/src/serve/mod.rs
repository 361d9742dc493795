//! FUSE requests of a real kernel, or of anything that speaks like one, served by the pipeline.
//!
//! A [`Server`] plays what lies below a FUSE client: the fuse-bpf kernel with its inodes, dentries
//! and handles, the filter, and the lower filesystem. Each request names nodes and handles by
//! number; it becomes one or a few [`crate::pipeline::Operation`]s on the inodes and dentries
//! behind those numbers, and their outcome becomes the reply. It works on nodes, never on paths.
//!
//! It is pure: no clock, no file, no thread. The doors give it bytes or typed requests and the
//! instant; a mount, a replay of recorded messages and a mock kernel all call [`Server::handle`].
//!
//! What a reader would get wrong: the client has checked permissions already, with groups and
//! capabilities that no FUSE header carries. So the lower filesystem is asked with the caller's
//! user and group, which own what is made, and with every capability of the server. A mount
//! without `default_permissions` must ask ACCESS itself.

mod attrs;
mod decode;
mod encode;
mod files;
mod front;
mod fuzz;
mod handles;
mod in_process;
mod incoming;
mod listing;
mod locks;
mod names;
mod nodes;
mod outgoing;
mod server;

pub use decode::DecodeError;
pub(crate) use front::Front;
#[doc(hidden)]
pub use fuzz::fuzz_entry;
pub use incoming::{Head, Incoming, LockRange};
pub use listing::Listed;
pub use outgoing::Outgoing;
pub use server::{Server, ServerConfig};
