//! v3-grouped: five members, each for a family of operations and both phases (SEMANTICS 9.2).
//!
//! A filter of this ABI stands behind the same trait as any other, so that the pipeline calls it at
//! the same place: [`frame`] turns the arguments of an operation into the buffers of its member and
//! back. [`GroupedOps`] builds one from closures; [`present`] shows a filter of one ABI through the
//! other. What a reader would get wrong: a member that is set runs for every operation of its
//! family, whether the filter cares or not (GRP-2).

mod adapt;
mod call;
mod family;
mod frame;
mod ops;

pub use adapt::present;
pub use call::{GroupedCall, GroupedSlot};
pub use family::Family;
pub use ops::GroupedOps;

pub(crate) use frame::{close, open, row};
