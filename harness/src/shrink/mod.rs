//! Shrinking: the smallest case that still fails in the same way.
//!
//! Five axes: operations, clients, schedule (fewest forced switches), faults, and bytes with the
//! names and the tree. Each axis is reduced in turn until none gives way any more; then every
//! single reduction is tried once more, and each must make the failure go away. It refuses to
//! accept a different failure: the same invariant must be violated. What a reader would get
//! wrong: minimal means that no single part can be left out, not that no smaller case exists.

mod names;
mod simpler;
mod tree;
mod work;

pub(crate) use simpler::with_path;
pub use work::Minimality;
#[cfg(feature = "proptest")]
pub(crate) use work::reductions;
pub(crate) use work::shrink;
