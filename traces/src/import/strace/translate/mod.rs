//! From a call of Linux to a record of the table: one file a family, one list of names.
//!
//! Each translator first finds out whether the call concerns the root and reads the other
//! arguments only then, so that calls elsewhere need not be understood. What a reader would get
//! wrong: a failed call is recorded like any other (its error is what a replay must give), but a
//! call over the border of the root is recorded only in parts the trace can say.

mod attributes;
mod copies;
mod data;
mod descriptors;
mod names;
mod open;
mod other;
mod process;
mod stat;
mod table;
mod xattr;

pub(super) use other::{concerns_root, other};
pub(super) use process::{EXITS, FORKS, shares};
use table::Translate;
pub(super) use table::translator;
