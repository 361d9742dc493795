//! `fuse_buffer`: a variable-sized argument and the rules for making it writable.
//!
//! [`FuseBuffer::get_writeable`] is the decision table of SEMANTICS 5.2, row by row. It refuses to
//! improve on the kernel: a failed call through the kfunc stores NULL (BUF-2), a copy never changes
//! the size (BUF-1), size 0 hands out the original (BUF-15). What a reader would get wrong: the
//! daemon path uses the same table but does not store NULL. `meant` is what the intended fidelity
//! does in its place.

mod flags;
mod grouped;
mod initial;
mod meant;
mod row;
mod writeable;

#[cfg(test)]
mod tests;

pub use flags::BufferFlags;
pub use row::{Row, Writeable};
pub use writeable::FuseBuffer;
