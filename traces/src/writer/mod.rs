//! Writing a trace, record by record.
//!
//! The writer collects records of each kind until a block is full, and writes whole blocks only.
//! It never seeks and never rewrites, so whatever stops it leaves a file whose blocks can be read.
//! A reader would get wrong that the order *between* kinds is not kept: it is the sequence
//! numbers' business. Order within a kind is kept.

mod blocks;
mod trace_writer;

pub use trace_writer::{Summary, TraceWriter, WriteOptions};
