//! The mock kernel: an unmodified fuser filesystem under test, without mount, privilege or
//! `/dev/fuse`.
//!
//! [`MockKernel`] puts the VFS model in front of somebody's [`fuser::Filesystem`]. System calls of
//! simulated clients become the requests that the kernel would send; the requests travel as FUSE
//! bytes over a pair of SOCK_SEQPACKET sockets to `fuser::Session::from_fd`, and the replies come
//! back the same way and are checked as the kernel checks them. A signal of a client follows its
//! request as INTERRUPT, and notifications change what the modelled kernel has cached. How to test
//! a filesystem with it is in `harness/docs/mock-kernel.md`.
//!
//! [`filesystem`] makes it the subject of a simulation, with its invariants and its shrinker.
//!
//! What a reader would get wrong: the filesystem runs on fuser's own threads, but the clients wait
//! for each reply, so a program of system calls gives the same requests every time, unless the
//! filesystem itself varies.
//!
#![doc = include_str!("../../docs/mock-kernel.md")]

mod error;
mod fuzz;
mod log;
mod mock;
mod session;
mod several;
mod simulated;
mod socket;

pub use error::MockError;
#[doc(hidden)]
pub use fuzz::fuzz_entry;
pub use log::{Exchanged, Notification};
pub use mock::{MockKernel, MockOptions};
pub use simulated::{Served, filesystem, filesystem_with};
