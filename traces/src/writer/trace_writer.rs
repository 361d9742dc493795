//! The writer itself.

use std::collections::BTreeSet;
use std::io::Write;

use super::blocks::{BlockSink, Blocks};
use crate::codec::{FOOTER_SYNC, Footer, Prelude};
use crate::compress::Compressor;
use crate::format::{ALIGN, HEADER_LEN_MAX, MAGIC, MAX_RECORD_BYTES, OPS_SCHEMA_DIGESTS, SCHEMA};
use crate::record::{PayloadId, PayloadRecordRef, PayloadRef, RecordKind, RecordRef};
use crate::stream_id::StreamHasher;
use crate::{FormatVersion, Header, PayloadMode, StreamId, WriteError};

/// How a trace is laid out in its file. None of it changes the stream id.
///
/// ```
/// use fuserig_traces::WriteOptions;
/// let options = WriteOptions { zstd_level: None, ..WriteOptions::default() };
/// assert_eq!(options.block_bytes, 192 << 10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteOptions {
    /// zstd level, or `None` to store blocks as they are.
    pub zstd_level: Option<i32>,
    /// About how many bytes a block holds before compression. Larger blocks compress better;
    /// smaller ones lose less when they are damaged.
    pub block_bytes: usize,
    /// Data up to this length go into their operation, longer ones into PAYLOAD records.
    pub inline_bytes: usize,
}

/// An id and the head of a record take about 24 bytes, so that inlining below this is no loss.
const INLINE_BYTES: usize = 64;

impl WriteOptions {
    /// For a trace of what goes on meanwhile, which should have the processor and its caches: the
    /// smallest blocks that the format recommends, packed quickly. The file is a tenth larger than
    /// by default, and what is lost with the machine is less.
    ///
    /// ```
    /// use fuserig_traces::WriteOptions;
    /// assert!(WriteOptions::LIVE.block_bytes < WriteOptions::default().block_bytes);
    /// ```
    pub const LIVE: WriteOptions =
        WriteOptions { zstd_level: Some(1), block_bytes: 64 << 10, inline_bytes: INLINE_BYTES };
}

impl Default for WriteOptions {
    fn default() -> WriteOptions {
        // 192 KiB is in the middle of the 64 to 256 KiB that the format recommends.
        WriteOptions { zstd_level: Some(3), block_bytes: 192 << 10, inline_bytes: INLINE_BYTES }
    }
}

/// What a finished trace contains.
///
/// ```
/// use fuserig_traces::{Header, TraceWriter};
/// let writer = TraceWriter::create(Vec::new(), Header::default()).expect("memory takes it");
/// let (summary, file) = writer.finish().expect("memory takes it");
/// assert_eq!(summary.records(), 0);
/// assert_eq!(summary.bytes, file.len() as u64);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Identity of the records.
    pub stream_id: StreamId,
    /// Records of each kind, in the order of [`RecordKind::ALL`].
    pub counts: [u64; RecordKind::ALL.len()],
    /// Blocks, without the index.
    pub blocks: u64,
    /// Size of the file.
    pub bytes: u64,
}

impl Summary {
    /// Records of one kind.
    pub fn count(&self, kind: RecordKind) -> u64 {
        self.counts[kind.index()]
    }

    /// Records of all kinds.
    pub fn records(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// FUSE operations and system calls.
    pub fn operations(&self) -> u64 {
        self.count(RecordKind::Op) + self.count(RecordKind::Call)
    }
}

/// Writes a trace to anything that takes bytes.
///
/// ```
/// use fuserig_traces::record::OpRef;
/// use fuserig_traces::{Header, Trace, TraceWriter};
/// let mut writer = TraceWriter::create(Vec::new(), Header::default())?;
/// writer.append(OpRef { opcode: 3, seq_send: 1, seq_reply: 2, ..OpRef::default() })?;
/// let (summary, file) = writer.finish()?;
/// let back = Trace::read(&file[..]).expect("what was written is readable");
/// assert_eq!(back.stream_id(), summary.stream_id);
/// # Ok::<(), fuserig_traces::WriteError>(())
/// ```
#[derive(Debug)]
pub struct TraceWriter<W: Write> {
    sink: BlockSink<W>,
    blocks: Blocks,
    hasher: StreamHasher,
    payload: PayloadMode,
    inline_bytes: usize,
    stored: BTreeSet<PayloadId>,
}

impl<W: Write> TraceWriter<W> {
    /// Starts a trace with the default layout.
    ///
    /// # Errors
    /// When the output fails or the header is too long.
    pub fn create(output: W, header: Header) -> Result<TraceWriter<W>, WriteError> {
        TraceWriter::create_with(output, header, WriteOptions::default())
    }

    /// Starts a trace.
    ///
    /// # Errors
    /// When the output fails or the header is too long.
    pub fn create_with(
        output: W,
        mut header: Header,
        options: WriteOptions,
    ) -> Result<TraceWriter<W>, WriteError> {
        let newest = |kind| if kind == RecordKind::Op { OPS_SCHEMA_DIGESTS } else { SCHEMA };
        let schemas = RecordKind::ALL.map(|kind| (kind.name().to_owned(), newest(kind)));
        header.schemas = schemas.into_iter().collect();
        let json = header.to_json();
        let header_len = u32::try_from(json.len())
            .ok()
            .filter(|&len| len <= HEADER_LEN_MAX)
            .ok_or(WriteError::HeaderTooLarge { bytes: json.len(), limit: HEADER_LEN_MAX })?;
        let FormatVersion { major, minor } = FormatVersion::CURRENT;
        let mut start = Vec::new();
        Prelude { magic: MAGIC, major, minor, header_len }.put(&mut start);
        start.extend_from_slice(json.as_bytes());
        let crc = crc32c::crc32c(&start);
        start.extend_from_slice(&crc.to_le_bytes());
        start.resize(start.len().next_multiple_of(ALIGN as usize), 0);
        let compressor = options.zstd_level.map(Compressor::new).transpose();
        let compressor = compressor.map_err(|source| WriteError::Io { offset: 0, source })?;
        let mut sink = BlockSink::new(output, compressor);
        sink.write(&start)?;
        Ok(TraceWriter {
            sink,
            blocks: Blocks::new(options.block_bytes),
            hasher: StreamHasher::new(),
            payload: header.payload,
            inline_bytes: options.inline_bytes,
            stored: BTreeSet::new(),
        })
    }

    /// Appends a record.
    ///
    /// # Errors
    /// When a full block cannot be written, or the record is above [`MAX_RECORD_BYTES`].
    pub fn append<'a>(&mut self, record: impl Into<RecordRef<'a>>) -> Result<(), WriteError> {
        let record = record.into();
        self.sink.check()?;
        let bytes = record_bytes(&record);
        if bytes > MAX_RECORD_BYTES {
            let kind = record.kind();
            return Err(WriteError::RecordTooLarge { kind, bytes, limit: MAX_RECORD_BYTES });
        }
        self.hasher.add(&record);
        self.blocks.push(&record, &mut self.sink)
    }

    /// The form in which the header's payload mode keeps `data`. Stores the bytes, once, if the
    /// mode asks for them and they are too long to be inlined.
    ///
    /// # Errors
    /// As for [`TraceWriter::append`].
    pub fn payload<'a>(&mut self, data: &'a [u8]) -> Result<PayloadRef<'a>, WriteError> {
        if let Some(summary) = self.payload.summary(data) {
            return Ok(summary);
        }
        if data.len() <= self.inline_bytes {
            return Ok(PayloadRef::Inline(data));
        }
        let id = PayloadId::of(data);
        if self.stored.insert(id) {
            self.append(PayloadRecordRef { id, bytes: data })?;
        }
        Ok(PayloadRef::Ref { len: data.len() as u64, id })
    }

    /// Writes what has been collected, so that nothing appended so far is lost if the process dies.
    /// Makes smaller blocks; the stream id does not change.
    ///
    /// # Errors
    /// When the output fails.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        self.blocks.flush(&mut self.sink)?;
        self.sink.flush()
    }

    /// Writes the rest, the index and the footer.
    ///
    /// # Errors
    /// When the output fails; what was written before stays readable.
    pub fn finish(mut self) -> Result<(Summary, W), WriteError> {
        self.blocks.flush(&mut self.sink)?;
        let (blocks, index_offset) = self.sink.write_index(&mut self.blocks.scratch)?;
        let mut summary = Summary {
            stream_id: self.hasher.finish(),
            counts: self.hasher.counts(),
            blocks,
            bytes: 0,
        };
        let mut footer = Vec::new();
        Footer {
            sync: FOOTER_SYNC,
            crc: 0,
            index_offset,
            operations: summary.operations(),
            stream_id: summary.stream_id.0,
        }
        .put(&mut footer);
        self.sink.write(&footer)?;
        self.sink.flush()?;
        let (output, bytes) = self.sink.into_output();
        summary.bytes = bytes;
        Ok((summary, output))
    }
}

/// Bytes that a record carries.
fn record_bytes(record: &RecordRef<'_>) -> usize {
    match record {
        RecordRef::Op(op) => {
            let inline = match op.payload {
                PayloadRef::Inline(bytes) => bytes.len(),
                PayloadRef::None
                | PayloadRef::Len(_)
                | PayloadRef::Ref { .. }
                | PayloadRef::Digest { .. } => 0,
            };
            op.request.len() + op.reply.len() + inline
        }
        RecordRef::Stage(stage) => stage.detail.len(),
        RecordRef::Payload(payload) => payload.bytes.len(),
        RecordRef::Tree(tree) => tree.label.len() + tree.text.len(),
        RecordRef::Note(note) => note.text.len(),
        RecordRef::Call(call) => {
            let values = call.args.iter().chain(call.out.iter().map(|(_, value)| value));
            values.map(|value| 8 + value.as_bytes().map_or(0, <[u8]>::len)).sum()
        }
    }
}
