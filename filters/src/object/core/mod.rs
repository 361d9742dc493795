//! CO-RE: relocations by type, resolved against the ABI's types.
//!
//! The rules are those that libbpf documents and does: candidates have the same essential name
//! (without `___suffix`) and kind, fields are matched by name through anonymous members, and all
//! candidates that match must agree.

mod compat;
mod matches;
mod patch;
mod relocate;
mod spec;
mod value;

#[cfg(test)]
mod tests;

pub(super) use compat::{essential_name, types_are_compatible};
pub(super) use relocate::relocate;
