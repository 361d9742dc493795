//! How a trace is read.

use crate::StreamId;

/// The most that a reader takes from a file it does not trust.
///
/// ```
/// use fuserig_traces::ReadLimits;
/// let limits = ReadLimits { records: 1000, ..ReadLimits::default() };
/// assert!(limits.block_bytes > 1 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Largest block, compressed or not. Larger ones are listed as damage.
    pub block_bytes: usize,
    /// Most records in the file; more are an error.
    pub records: u64,
}

impl Default for ReadLimits {
    fn default() -> ReadLimits {
        // One record of the largest size on top of an almost full block, with its columns.
        ReadLimits { block_bytes: crate::MAX_RECORD_BYTES + (1 << 20), records: u64::MAX }
    }
}

/// How a trace is read.
///
/// ```
/// use fuserig_traces::{ReadOptions, TraceReader};
/// let options = ReadOptions { without_header: true, ..ReadOptions::default() };
/// let mut reader = TraceReader::open_with(&b"no trace at all"[..], options)?;
/// assert!(reader.next_block()?.is_none());
/// assert_eq!(reader.damage().listed().len(), 3);
/// # Ok::<(), fuserig_traces::TraceError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The most to take.
    pub limits: ReadLimits,
    /// Whether to go on without a header when it cannot be read, as `trace repair` does.
    pub without_header: bool,
}

/// What a footer says.
///
/// ```
/// use fuserig_traces::{Header, TraceReader, TraceWriter};
/// let writer = TraceWriter::create(Vec::new(), Header::default())?;
/// let (summary, file) = writer.finish()?;
/// let mut reader = TraceReader::open(&file[..])?;
/// while reader.next_block()?.is_some() {}
/// let footer = reader.footer().expect("the trace was finished");
/// assert_eq!(footer.stream_id, summary.stream_id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FooterInfo {
    /// Identity of the records.
    pub stream_id: StreamId,
    /// FUSE operations and system calls.
    pub operations: u64,
    /// Where the index begins in the file.
    pub index_offset: u64,
}
