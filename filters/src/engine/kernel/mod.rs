//! The kernel of this machine as a third opinion.
//!
//! A program of type `syscall` is loaded and run by BPF_PROG_TEST_RUN on bytes of the caller's, a
//! microsecond or two a run; no FUSE is needed, but bpf() and its privilege are. It refuses to run
//! filters as they stand: a stock kernel has no `fuse_ops`; pieces that only compute do run there.
//! What a reader would get wrong: the kernel answers 32 bits of r0, so a program has to leave what
//! matters in its bytes.
//!
//! This is the one module of the workspace with `unsafe`: four system calls in `bpf`.

mod bpf;
mod pieces;
mod program;
mod wrap;

pub(super) use pieces::runner;
pub use program::{KernelError, KernelProgram, availability};
pub use wrap::{Opinion, opinion};
