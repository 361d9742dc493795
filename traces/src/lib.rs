//! Traces of FUSE operations and system calls: container, text form, importers.
//!
//! A trace is what happened, kept so that it can be replayed, compared and read by people. This
//! crate owns the records ([`record`]), the table of system calls ([`calls`]) and every form they
//! take outside memory. It refuses to run anything: it knows the vocabulary and neither
//! filesystems nor filters. A reader would get wrong that the types here are not the runtime
//! types of the other crates: conversion is by hand, so that each side can change alone.

pub mod anonymise;
pub mod calls;
mod codec;
mod compress;
mod error;
pub mod export;
mod format;
#[doc(hidden)]
pub mod fuzz;
mod header;
pub mod import;
pub mod ops;
mod reader;
pub mod record;
mod stream_id;
pub mod table;
pub mod text;
pub mod tools;
mod trace;
pub mod wire;
mod writer;

pub use error::{HeaderJsonError, TraceError, WriteError};
pub use format::{Codec, FormatVersion, MAX_RECORD_BYTES};
#[doc(hidden)]
pub use fuzz::fuzz_entry;
pub use header::{
    Anonymisation, CacheMode, Clock, ClockKind, Fidelity, FirstClient, Header, Init, LowerTraits,
    PayloadMode, Source, SourceKind, Timeouts, UnknownFields,
};
pub use reader::{
    Block, Damage, DamageKind, DamageReport, FooterInfo, ReadLimits, ReadOptions, Records,
    TraceReader,
};
pub use stream_id::StreamId;
pub use trace::Trace;
pub use writer::{Summary, TraceWriter, WriteOptions};
