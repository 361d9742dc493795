//! Record/replay testing and simulation harness for FUSE-BPF filters.
//!
//! A filter stands between a FUSE request and the lower filesystem: prefilter, lower operation,
//! postfilter. This crate owns the corridor they all go through ([`pipeline`]), the kernel state
//! around it ([`kernel`]), the system calls above it ([`vfs`]), and the doors: replay of traces
//! ([`replay`]), conformance with recorded kernels ([`conform`]), the forms of what they find
//! ([`report`]), and the command line ([`cli`]).
//! around it ([`kernel`]), the system calls above it ([`vfs`]), daemons ([`daemon`]), and the
//! doors: replay of traces ([`replay`]), conformance with recorded kernels ([`conform`]), and the
//! command line ([`cli`]).
//! ([`replay`]), conformance with recorded kernels ([`conform`]), scenarios
//! ([`scenario`]), the forms of what they find ([`report`]), and the command line ([`cli`]).
//! ([`replay`]), simulation with faults and schedules ([`sim`]), conformance with recorded kernels
//! ([`conform`]), and the command line ([`cli`]). A test of a filter begins at [`prelude`].
//!
//! What a reader would get wrong: no door reimplements a stage. Whatever the origin of a request,
//! it becomes a [`pipeline::Operation`] and goes through [`pipeline::Run`].

pub mod cli;
pub mod conform;
pub mod daemon;
pub mod fault;
pub mod gate;
pub mod invariant;
pub mod kernel;
pub mod pipeline;
pub mod prelude;
pub mod replay;
pub mod report;
pub mod rim;
pub mod scenario;
pub mod shrink;
pub mod sim;
pub mod vfs;
