//! The header: who recorded what, how, and what therefore cannot be in the trace.
//!
//! JSON, so that `head -c 2000` shows it. The header says how to read the records; it refuses to
//! be part of what makes two traces equal (see `StreamId`). A reader would get wrong that unknown
//! fields are only kept at the top level; inside the smaller objects they are ignored.

mod fields;
mod limits;
mod parts;

pub use fields::{Header, UnknownFields};
pub use parts::{
    Anonymisation, CacheMode, Clock, ClockKind, Fidelity, FirstClient, Init, LowerTraits,
    PayloadMode, Source, SourceKind, Timeouts,
};
