//! Traces that may be given away, proven before anything is written.
//!
//! [`anonymise_proven`] replaces names, users, times and data of a trace (the rules are in
//! `fuserig_traces::anonymise`) and then replays both traces: without a filter, with the filter the
//! trace was recorded with, and with every filter that is named. When one of them decides anything
//! differently the result is an error and there is no trace. It refuses to guess what a filter
//! looks at: the error names the first call that went another way, and the user keeps more.
//!
//! A recording of messages that began within a session shows its requests and not the state they
//! met. What its replies say of that state is assumed, as in a replay; where a reply shows that the
//! assumption is wrong there is no proof, so there is no trace either, unless [`Proving::partial`]
//! accepts it, and then the header of the trace says for how many arrivals.

mod decisions;
mod proven;
mod tree;

pub use decisions::Decision;
pub use proven::{
    AnonymiseFailure, Anonymised, Difference, MakeFilter, Proof, Proving, anonymise_proven,
};
