//! Making a trace safe to give away: names, users, times and data are replaced under a key.
//!
//! Every record is rewritten field by field from the tables of the format ([`crate::calls`],
//! [`crate::ops`]); a field that no table knows ends the work with an error, so that nothing is
//! copied because nobody thought of it. It refuses to judge whether the result still means the
//! same: the caller replays both traces and compares the decisions. What a reader would get wrong:
//! the same key gives the same names to every trace, but where two names meet at one pseudonym the
//! later one takes another, so that names short enough to collide may differ between traces.

mod calls;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod ids;
mod mapper;
mod names;
mod policy;
mod report;
mod whole;
mod wire;

pub use error::AnonymiseError;
pub use mapper::Mapper;
pub use policy::{KEY_BYTES_MIN, Lengths, Policy};
pub use report::AnonymiseReport;
pub use whole::{TreeText, anonymise};
