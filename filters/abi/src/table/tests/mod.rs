//! The built-in tables are valid, say what the rest of the crate says, and every validation rule
//! can fail.

mod built_in;
mod damaged;
