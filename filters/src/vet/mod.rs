//! The static check of a linked filter: what a kernel would refuse, and what an author of a filter
//! would trip over in an ABI version.
//!
//! A forward dataflow over the main function of each member knows the context argument, the
//! arguments behind it with their types, the stack, map values, slices of dynptrs and small sets of
//! numbers. It refuses to guess: what it cannot follow it leaves to the checks at run time. What a
//! reader would get wrong: it is no verifier. Subprograms are not followed into, and a filter
//! without findings may still be refused by a kernel. [`unproven`] tells what was not followed.

mod answers;
mod finding;
mod flow;
mod lint;
mod memory;
mod state;
mod step;

pub use finding::{VetClass, VetFinding};
pub use lint::{unproven, vet};
