//! Replay: the arrivals of a trace through the VFS model and the pipeline, judged by what the
//! trace recorded.
//!
//! Arrivals are the system calls of a trace. Each is issued again by its client; its result is
//! compared with the recorded one, and when the trace was itself written by a replay, so is every
//! request and every stage. What happens is written as a new trace. It refuses to guess: a call
//! that cannot be issued is a divergence with the reason, not a gap.
//!
//! A call that waited for a lock waits here while others make theirs (`waits`). Any other call is
//! made whole at its start, in the order of starts.
//!
//! What a reader would get wrong: figures of a filesystem that no program can rely on (inode
//! numbers, block counts, `statfs`, times, `st_size` of directories) are not compared. Bytes that
//! no log can show (stores through a mapping, data of a fifo) are taken from the reads that saw
//! them; the report counts them.

mod compare;
mod convert;
mod lower;
mod recorder;
mod replayer;
mod tree;
mod unseen;
mod waits;

pub use compare::Mismatch;
pub(crate) use compare::{JUDGED_OUTPUTS, mismatches as result_mismatches, outputs_of};
pub use convert::ConvertError;
pub(crate) use convert::{RWF_APPEND, issue_call};
pub use lower::{empty_lower, lower_options};
pub use replayer::{
    Divergence, Judge, ReplayError, ReplayOptions, ReplayReport, Replayer, StopFlag,
};
pub(crate) use tree::comparable_tree;
pub use tree::{TreeOutput, tree_output};
