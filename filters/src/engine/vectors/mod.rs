//! Conformance vectors of the field and the assembler they are written for.
//!
//! [`assemble`] turns the text of bpf_conformance into instructions, [`Vector`] reads one of its
//! `.data` files, and [`run_vector`] judges one on an engine. Nothing here touches a file.
//! What a reader would get wrong: a file of the `negative` folder passes when something refuses it,
//! be it the assembler, the checks at load, a trap, or the comparison of the result.

mod assemble;
mod operand;
mod run;
mod vector;

pub use assemble::{AssembleError, assemble};
pub use run::{Judged, run_vector};
pub use vector::{Vector, VectorError};
