//! The C header that lets one source build for two ABIs.
//!
//! It is printed from the two tables and their difference, so that nothing is written down twice.
//! A source defines plain functions with the signatures of the older ABI, lists them once by
//! member, and gets the programs and the struct of callbacks of the ABI whose header it was
//! compiled with. It refuses pairs of which one has no struct of callbacks. What a reader would get
//! wrong: the header makes sources build, not filters decide alike; `abi diff --behaviour` and
//! `abi gate` are about that.

mod c_text;
mod families;
mod lacking;
mod print;
mod programs;

#[cfg(test)]
mod tests;

pub use print::{ShimError, c_shim};
