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
//!
//! What a reader would get wrong: no door reimplements a stage. Whatever the origin of a request,
//! it becomes a [`pipeline::Operation`] and goes through [`pipeline::Run`].

pub mod cli;
pub mod conform;
pub mod daemon;
pub mod gate;
pub mod kernel;
pub mod pipeline;
pub mod replay;
pub mod report;
pub mod scenario;
pub mod vfs;
