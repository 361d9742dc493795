//! Oddities of the modelled kernels, by id (SEMANTICS 8, KERNEL-OBSERVED 2).
//!
//! A [`Quirk`] is a name with a class and a sentence. Nothing here knows when it is hit. A reader
//! would get wrong that some ids of the tables were refuted on real kernels:
//! [`Quirk::is_refuted`] says which.

mod ids;
mod kinds;
mod observed;

pub use kinds::{Quirk, QuirkClass};
