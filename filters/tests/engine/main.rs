//! Engines from outside.

mod differential;
mod filter;
mod grouped;
mod made;
mod vectors;
