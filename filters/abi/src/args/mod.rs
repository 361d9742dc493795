//! What a filter call sees: meta information and up to three arguments each way.
//!
//! [`CallArgs`] holds the arguments of one operation for its whole life. It knows no rule about
//! when they exist or who may change them; the pipeline does. A reader would get wrong that the
//! postfilter of getxattr and listxattr always gets both `value` and `out`, also when only one of
//! them is on the wire (SEMANTICS 4.3, getxattr).

mod arg;
mod call;
mod meta;
#[cfg(test)]
mod tests;

pub use arg::{Arg, StructArg};
pub use call::{CALL_ARGS_MAX, CallArgs};
pub use meta::MetaInfo;
