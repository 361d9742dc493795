//! Engines: what runs the instructions of a linked program.
//!
//! The checked interpreter ([`Code`], [`Machine`]) is the reference: every access is judged, every
//! run is bounded, and the same program sees the same addresses in every run. It refuses to guess:
//! what is not legal is an error at load or a [`Trap`] with its place in the C source. What a
//! reader would get wrong: pointers that a program sees are virtual, a region in the high half and
//! an offset in the low half, and no host address ever reaches a program.

mod android;
mod cross;
#[cfg(test)]
mod cross_tests;
mod filter;
mod fuzz;
mod helpers;
mod interp;
pub mod kernel;
mod maps;
pub mod random;
pub mod rbpf;
mod second;
pub mod vectors;

pub use cross::{CrossCheck, Crossed, Difference};
pub use filter::{BpfFilter, FilterError};
#[doc(hidden)]
pub use fuzz::fuzz_entry;
pub use helpers::{Availability, FunctionInfo, functions};
pub use interp::{
    Code, Context, DecodeError, DecodeProblem, Limits, LineCount, Machine, Mode, Trap, TrapKind,
    lcov,
};
pub use maps::{MapError, Maps};
pub use second::{Engine, EngineRefusal};
