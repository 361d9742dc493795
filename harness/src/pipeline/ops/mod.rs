//! One row an operation: what it fills in, what it asks of the lower filesystem, what it
//! finalizes (SEMANTICS 4.3).
//!
//! The rows decide nothing about stages; [`super::Run`] does. They use the ORIGINAL arguments or
//! the filtered ones exactly where the modelled versions do.

mod android;
mod attr;
mod io;
mod lookup;
mod name;
mod open;
mod readdir;
mod row;
mod xattr;

pub(super) use android::aliased_finalize;
pub(in crate::pipeline) use attr::to_fattr;
pub use readdir::DirRecord;
pub(super) use row::row;
