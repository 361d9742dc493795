//! Engines from outside.

mod android;
mod differential;
mod filter;
mod grouped;
mod groups;
mod made;
mod vectors;
