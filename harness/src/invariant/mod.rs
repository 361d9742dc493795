//! Invariants: what must hold of every run, each a short file.
//!
//! An [`Invariant`] looks at each call when it returns and at the run when it is over, and says
//! what is wrong in a sentence. It refuses to change anything. Some compare with a *twin*, the
//! same case on another subject. What a reader would get wrong: an invariant is used for many
//! runs, one after the other; what it remembers it must forget in [`Invariant::begin`].

mod agree;
mod almost;
mod appended;
mod atomic;
mod balance;
mod cost;
mod data;
mod descriptions;
mod durable;
mod ends;
mod errno;
mod guards;
mod hidden;
mod hides_only;
mod interference;
mod keeps_out;
mod leak;
mod linear;
mod listed;
mod matching;
mod posix;
mod quota;
mod readonly;
mod seen;
mod setid;
mod table;
mod tells;
mod trees;
mod twin;
mod whole;

pub use agree::{AgreesWith, agrees_with};
pub use almost::{RedactsOnly, RefusesOnly, redacts_only, refuses_only};
pub use atomic::{AtomicChanges, atomic_changes};
pub use balance::{BalanceKept, balance};
pub use cost::{CostBound, cost_bound};
pub use data::{NoDataLost, no_data_lost};
pub use durable::{Durable, durable};
pub use ends::{EndsAt, ends_at};
pub use errno::{ErrnoEnvelope, errno_envelope};
pub use guards::{Guards, guards};
pub use hidden::{NeverVisible, never_visible, never_visible_where};
pub use hides_only::{HidesOnly, hides_only};
pub use interference::{NoInterference, no_interference};
pub use keeps_out::{KeepsOut, keeps_out};
pub use leak::{NoLeak, no_leak};
pub use linear::{Linearizable, linearizable};
pub use listed::{NeverListed, never_listed};
pub use posix::{Posix, posix};
pub use quota::{WithinQuota, creates_at_most, within_quota};
pub use readonly::{ReadOnly, read_only};
pub use seen::{End, Invariant, Seen, Violation, Waiter};
pub use setid::{NeverSetid, never_setid};
pub use table::KNOWN;
pub use tells::{TellsErrors, tells_errors};
pub use twin::{Transparent, TwinsAgree, transparent, twins_agree};
pub use whole::{AtomicNames, atomic_names};
