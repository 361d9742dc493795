//! The rules that a table of a pipeline satisfies. Each has a test with a damaged table.
//!
//! The first record that breaks a rule is the error; nothing is repaired or guessed. The order
//! matters: later rules index with what earlier ones checked.

mod android;
mod buffers;
mod check;
mod families;
mod operations;
mod slots;
mod structs;
mod whole;

pub(super) use android::{android_operations, android_slots};
pub(super) use families::families;
pub(super) use operations::operations;
pub(super) use slots::slots;
pub(super) use structs::structs;
pub(super) use whole::{head, rest};
