//! Engines from outside.

mod android;
mod differential;
mod filter;
mod grouped;
mod made;
mod vectors;
