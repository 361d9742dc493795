//! Helpers and kernel functions: what a program can call outside itself.
//!
//! One table ([`functions`]) has a row each: the name, the number of a helper, which kernels let a
//! filter call it, and what runs it. What is not supported is refused when a program is loaded,
//! with the feature by name. What a reader would get wrong: the numbers they answer are the
//! kernel's, negative errno in two's complement, and a wrong argument that no verifier lets pass is
//! a trap and not an errno.

mod dynptr;
mod environ;
mod format;
mod loops;
mod map;
mod print;
mod ring;
mod strings;
mod table;
mod task;
#[cfg(test)]
mod tests;
mod unsupported;

pub(super) use loops::CALLBACK_BASE;
pub(super) use map::map_handle;
pub use table::{Availability, FunctionInfo, functions};
pub(super) use table::{Function, Refusal, helper, kfunc, poison};
