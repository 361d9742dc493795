//! Record/replay testing and simulation harness for FUSE-BPF filters.
//!
//! A filter stands between a FUSE request and the lower filesystem: prefilter, lower operation,
//! postfilter. This crate owns the corridor they all go through ([`pipeline`]), the kernel state
//! around it ([`kernel`]), the system calls above it ([`vfs`]), daemons ([`daemon`]), and the
//! doors: simulation with faults and schedules ([`sim`]), replay of traces ([`replay`]) and of
//! FUSE messages ([`wire_replay`]), conformance with recorded kernels ([`conform`]), scenarios
//! ([`scenario`]), FUSE requests served as a mount serves them ([`serve`]), real mounts
//! ([`mount`]), other people's filesystems behind a mock kernel ([`door`]); the forms of what
//! they find ([`report`]), and the command line ([`cli`]). A test of a filter begins at
//! [`prelude`].
//!
//! Two features, both on by default, bring an outside crate each: `fuser` the doors to real mounts
//! and the mock kernel, `proptest` the strategies of [`strategy`]. A crate whose tests simulate
//! and replay needs neither: `default-features = false`.
//!
//! What a reader would get wrong: no door reimplements a stage. Whatever the origin of a request,
//! it becomes a [`pipeline::Operation`] and goes through [`pipeline::Run`].

pub mod anonymise;
pub mod campaign;
pub mod cli;
pub mod conform;
pub mod crash;
pub mod daemon;
#[cfg(feature = "fuser")]
pub mod door;
pub mod fault;
pub mod gate;
pub mod invariant;
pub mod kernel;
#[cfg(feature = "fuser")]
pub mod mount;
pub mod pipeline;
pub mod prelude;
pub mod replay;
pub mod report;
pub mod rim;
pub mod scenario;
pub mod serve;
pub mod shrink;
pub mod sim;
#[cfg(feature = "proptest")]
pub mod strategy;
pub mod vfs;
pub mod wire_replay;
