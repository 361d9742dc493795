//! The structs and constants of FUSE and fuse-bpf under their kernel names (SEMANTICS 3).
//!
//! This module lays bytes out and does nothing else: it checks no value and follows no length.
//! What a reader would get wrong: one Rust struct serves both versions, so `fuse_open_out` has
//! `backing_id` where v3 says `padding`, and the kernel's `fuse_buffer` is [`RawFuseBuffer`]
//! because [`crate::FuseBuffer`] is the live object with the rules.

#[expect(missing_debug_implementations, reason = "hidden marker types of the zerocopy derives")]
mod android;
#[expect(missing_debug_implementations, reason = "hidden marker types of the zerocopy derives")]
mod attr;
mod constants;
#[expect(missing_debug_implementations, reason = "hidden marker types of the zerocopy derives")]
mod dir;
#[expect(missing_debug_implementations, reason = "hidden marker types of the zerocopy derives")]
mod file;
#[expect(missing_debug_implementations, reason = "hidden marker types of the zerocopy derives")]
mod header;
mod layout;
#[expect(missing_debug_implementations, reason = "hidden marker types of the zerocopy derives")]
mod name;
#[cfg(test)]
mod tests;

pub use android::*;
pub use attr::*;
pub use constants::*;
pub use dir::*;
pub use file::*;
pub use header::*;
pub use layout::{FieldLayout, StructLayout, WireStruct};
pub use name::*;
