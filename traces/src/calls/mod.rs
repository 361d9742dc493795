//! The table of system calls: one row a call, with the kinds of its arguments and its outputs.
//!
//! The text form, the importer and the harness all read this table, so a call is described once.
//! It refuses to be a list of what Linux has: variants with the same meaning are one row (`stat`,
//! `lstat` and `newfstatat` are [`CallNr::STAT`]; `readv` is [`CallNr::READ`]), written with the
//! most general arguments. A reader would get wrong that numbers here are ours, part of the trace
//! format, and not those of any architecture: a row keeps its number for ever.
//!
//! Conventions of the rows:
//! - a descriptor in place of a path is `AT_EMPTY_PATH` with an empty path, as Linux spells it;
//! - flag values are those of x86-64, wherever the trace was made (`O_DIRECTORY` differs on ARM);
//! - an owner of -1 leaves that owner alone (POSIX chown);
//! - in a trace that was imported with a root, a path that begins with `/` begins at that root.

pub mod flags;
mod nr;
mod out;
mod spec;
mod table;

pub use nr::CallNr;
pub use out::OutField;
pub use spec::{ArgKind, CallSpec, Shape};
pub use table::CALLS;
