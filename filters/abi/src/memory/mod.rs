//! The memory that the buffers of one operation point at.
//!
//! An [`Arena`] knows every allocation of one operation exactly: its length, whether it was freed,
//! and whether the kernel meant it to be constant. It refuses to guess: reading freed memory, past
//! the end, or through NULL is a [`MemoryFault`], never bytes. Writing to borrowed memory is not
//! refused, because the modelled kernels do not refuse it (BUF-15, N12); it is remembered.
//!
//! What a reader would get wrong: freed memory is not reused within an operation, and a
//! [`MemoryId`] dies with [`Arena::reset`].

mod access;
mod arena;
mod fault;
mod kind;
#[cfg(test)]
mod tests;

pub use arena::Arena;
pub use fault::{FaultKind, MemoryFault};
pub use kind::{AllocFailures, BufferEvent, MemoryId, MemoryKind};
