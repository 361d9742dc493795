//! What a trace consists of: one type for each kind of record, stable on disk.
//!
//! Runtime types of the other crates are converted to these by hand, so that each side can change
//! alone. This module refuses to know files, blocks and bytes on disk (`codec` does), and it does
//! not judge what it carries: every number is legal in every field. A reader would get wrong that
//! a number without a name here (a call, a stage kind, an out field of a newer version) is kept
//! as it is and survives reading and writing.
//!
//! Each kind has an owned form (`OpRecord`) and a form that borrows from a decoded block
//! (`OpRef`), which the reader hands out without allocating.

mod any;
mod call;
mod digest;
mod note;
mod op;
mod payload;
mod stage;
mod value;

pub use any::{Record, RecordKind, RecordRef};
pub use call::{CallFlags, CallRecord, CallRef};
pub use digest::PayloadDigest;
pub(crate) use digest::fingerprint;
pub use note::{NoteKind, NoteRecord, NoteRef, TreeRecord, TreeRef};
pub use op::{OpFlags, OpRecord, OpRef};
pub use payload::{Payload, PayloadId, PayloadRecord, PayloadRecordRef, PayloadRef};
pub use stage::{StageKind, StageRecord, StageRef};
pub use value::{Outs, Value, ValueRef, Values};
