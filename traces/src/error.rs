//! What can be wrong with a trace that is read, and with writing one.

use std::io;

use crate::FormatVersion;

/// Why a trace cannot be read. Damage inside the file is not an error: see [`crate::Damage`].
///
/// ```
/// use fuserig_traces::{TraceError, TraceReader};
/// let error = TraceReader::open(&b"#!/bin/sh\n"[..]).err().expect("a script is no trace");
/// assert!(matches!(error, TraceError::NotATrace { .. }));
/// assert_eq!(error.to_string(), "open trace: byte 0 is not the beginning of an .frt file");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The input itself failed.
    #[error("read trace at byte {offset}")]
    Io {
        /// Where in the file.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The magic is missing.
    #[error("open trace: byte {offset} is not the beginning of an .frt file")]
    NotATrace {
        /// The first byte that is wrong.
        offset: u64,
    },
    /// The magic was changed by a transfer in text mode.
    #[error("open trace: byte {offset} was changed by a transfer in text mode; transfer as binary")]
    TextMode {
        /// The first byte that is wrong.
        offset: u64,
    },
    /// A version of the future.
    #[error(
        "open trace: unknown format version {found} (this build reads {}.x)",
        FormatVersion::CURRENT.major
    )]
    UnknownVersion {
        /// The version in the file.
        found: FormatVersion,
    },
    /// The header is cut, too long, or does not match its checksum.
    #[error("open trace: header at byte {offset} {why}; `trace repair` saves the blocks")]
    HeaderDamaged {
        /// Where the header begins.
        offset: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The header is whole, but not the JSON that it should be.
    #[error("open trace: header at byte {offset} is not a trace header")]
    HeaderJson {
        /// Where the header begins.
        offset: u64,
        /// What the JSON reader said.
        source: HeaderJsonError,
    },
    /// A kind of block that must be understood and is not.
    #[error(
        "read trace at byte {offset}: unknown critical block kind {kind} schema {schema} in format \
         {found} (this build reads {})",
        FormatVersion::CURRENT
    )]
    UnknownKind {
        /// Where the block begins.
        offset: u64,
        /// Its kind.
        kind: u16,
        /// Its schema.
        schema: u16,
        /// The version in the file.
        found: FormatVersion,
    },
    /// A codec that this build does not read.
    #[error("read trace at byte {offset}: block codec {codec} is not built in (none and zstd are)")]
    UnknownCodec {
        /// Where the block begins.
        offset: u64,
        /// Its codec, by name if it has one.
        codec: String,
    },
    /// More than the caller's limits allow.
    #[error("read trace at byte {offset}: more than {limit} {what}; raise the limit to read it")]
    Limit {
        /// Where reading stopped.
        offset: u64,
        /// The limit.
        limit: u64,
        /// Of what.
        what: &'static str,
    },
}

/// What is wrong with the JSON of a header. Wraps the JSON reader's own error.
///
/// ```
/// use fuserig_traces::Header;
/// let error = Header::from_json("{\"tool\": 7}").expect_err("a tool is a string");
/// assert_eq!(error.line_column(), (1, 10));
/// ```
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct HeaderJsonError(#[from] serde_json::Error);

impl HeaderJsonError {
    /// Line and column of the mistake, counted from 1.
    pub fn line_column(&self) -> (usize, usize) {
        (self.0.line(), self.0.column())
    }
}

/// Why a trace cannot be written. What was written before stays readable.
///
/// ```
/// use fuserig_traces::record::{NoteRef, RecordRef};
/// use fuserig_traces::{Header, TraceWriter, WriteError};
/// let mut room = [0; 20];
/// let error = TraceWriter::create(&mut room[..], Header::default()).err().expect("20 bytes");
/// assert!(matches!(error, WriteError::Io { .. }));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The output failed; the blocks before `offset` are whole.
    #[error("write trace at byte {offset}; blocks before it are whole, `trace repair` closes them")]
    Io {
        /// Where the failed write began.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// An earlier write failed, so the file cannot go on.
    #[error("write trace: an earlier write at byte {offset} failed")]
    Failed {
        /// Where the failed write began.
        offset: u64,
    },
    /// One record is larger than a trace may hold.
    #[error("write trace: a {kind} record of {bytes} bytes is above the limit of {limit}")]
    RecordTooLarge {
        /// Its kind.
        kind: crate::record::RecordKind,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The header as JSON is larger than a trace may hold.
    #[error("write trace: a header of {bytes} bytes is above the limit of {limit}")]
    HeaderTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: u32,
    },
}
