//! Engines from outside.

mod filter;
mod made;
mod vectors;
