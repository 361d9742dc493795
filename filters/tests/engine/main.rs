//! Engines from outside.

mod differential;
mod filter;
mod made;
mod vectors;
