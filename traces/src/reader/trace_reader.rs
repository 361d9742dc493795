//! The reader itself.

use std::io::Read;

use super::block::{Block, Columns};
use super::search::{is_start, parse_head};
use super::window::Window;
use super::{DamageKind, DamageReport, FooterInfo, ReadLimits, Records};
use crate::codec::{BLOCK_HEAD_LEN, BlockHead, CallValues, FOOTER_LEN, Footer, IndexEntry, Input};
use crate::compress::Decompressor;
use crate::format::{ALIGN, FLAG_SKIPPABLE, KIND_INDEX, SCHEMA, is_known_schema};
use crate::record::RecordKind;
use crate::{Codec, FormatVersion, Header, StreamId, TraceError};

/// Bytes of blocks with wrong checksums that are searched for blocks inside. A hostile file nests
/// heads that each claim a large body; beyond this, such a body is left out as a whole.
const SEARCH_BYTES_MAX: u64 = 256 << 20;

/// Reads a trace from anything that gives bytes.
///
/// ```
/// use fuserig_traces::record::{NoteRef, RecordKind};
/// use fuserig_traces::{Header, TraceReader, TraceWriter};
/// let mut writer = TraceWriter::create(Vec::new(), Header::default())?;
/// writer.append(NoteRef { text: "hello", ..NoteRef::default() })?;
/// let (_, file) = writer.finish()?;
///
/// let mut reader = TraceReader::open(&file[..])?;
/// while let Some(block) = reader.next_block()? {
///     assert_eq!(block.kind(), RecordKind::Note);
/// }
/// assert!(reader.damage().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TraceReader<R> {
    pub(super) window: Window<R>,
    pub(super) limits: ReadLimits,
    pub(super) version: FormatVersion,
    pub(super) header: Header,
    pub(super) decompressor: Decompressor,
    /// The current block before and after decompression.
    pub(super) raw: Vec<u8>,
    pub(super) columns: Columns,
    pub(super) damage: DamageReport,
    pub(super) footer: Option<FooterInfo>,
    pub(super) ended: bool,
    pub(super) searched: u64,
    pub(super) records: u64,
    pub(super) skipped_blocks: u64,
    pub(super) index: Vec<IndexEntry>,
    pub(super) seen: Vec<IndexEntry>,
    pub(super) keep_index: bool,
}

/// The block that was decoded last.
#[derive(Clone, Copy, Debug)]
struct Current {
    kind: RecordKind,
    offset: u64,
    count: usize,
    stored_len: u64,
}

impl<R: Read> TraceReader<R> {
    /// What the trace says about itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The version of the format that the file is in.
    pub fn version(&self) -> FormatVersion {
        self.version
    }

    /// What was left out so far.
    pub fn damage(&self) -> &DamageReport {
        &self.damage
    }

    /// What the footer says; `None` before the end, and in files that were not finished.
    pub fn footer(&self) -> Option<FooterInfo> {
        self.footer
    }

    /// Blocks of kinds that this build does not know and may skip.
    pub fn skipped_blocks(&self) -> u64 {
        self.skipped_blocks
    }

    /// Where the next block begins in the file.
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// Every record, copied, in file order.
    pub fn records(self) -> Records<R> {
        Records::new(self)
    }

    /// Keeps the blocks that were met and those of the index, for comparison.
    pub(crate) fn keep_index(&mut self) {
        self.keep_index = true;
    }

    /// Blocks that were met, and those that the index names.
    pub(crate) fn indexes(&self) -> (&[IndexEntry], &[IndexEntry]) {
        (&self.seen, &self.index)
    }

    /// The next block that can be read, or `None` at the end.
    ///
    /// # Errors
    /// When the input fails, a limit is met, or the file has blocks that must be understood and are
    /// not. Damage is no error.
    pub fn next_block(&mut self) -> Result<Option<Block<'_>>, TraceError> {
        let Some(current) = self.advance()? else { return Ok(None) };
        let values = if current.kind == RecordKind::Call {
            self.columns.calls.values(&self.raw)
        } else {
            CallValues::default()
        };
        Ok(Some(Block {
            kind: current.kind,
            offset: current.offset,
            count: current.count,
            stored_len: current.stored_len,
            raw: &self.raw,
            columns: &self.columns,
            values,
        }))
    }

    pub(super) fn fill(&mut self, want: usize) -> Result<bool, TraceError> {
        let offset = self.window.offset();
        self.window.fill(want).map_err(|source| TraceError::Io { offset, source })
    }

    fn advance(&mut self) -> Result<Option<Current>, TraceError> {
        while !self.ended {
            self.fill(BLOCK_HEAD_LEN)?;
            let bytes = self.window.bytes();
            if bytes.is_empty() {
                self.damage.add(self.window.offset(), 0, DamageKind::NoFooter);
                self.ended = true;
            } else if let Some(footer) = Footer::parse(bytes) {
                self.take_footer(&footer)?;
            } else if let Some(head) = parse_head(bytes) {
                if let Some(current) = self.take_block(&head)? {
                    return Ok(Some(current));
                }
            } else {
                let cut = bytes.len() < BLOCK_HEAD_LEN && is_start(bytes);
                self.resync(if cut { DamageKind::Cut } else { DamageKind::NotABlock })?;
            }
        }
        Ok(None)
    }

    /// Takes the block at hand; `None` when it holds no records or cannot be read.
    fn take_block(&mut self, head: &BlockHead) -> Result<Option<Current>, TraceError> {
        let offset = self.window.offset();
        let (stored_len, raw_len) = (head.stored_len as usize, head.raw_len as usize);
        if stored_len > self.limits.block_bytes || raw_len > self.limits.block_bytes {
            self.resync(DamageKind::TooLarge)?;
            return Ok(None);
        }
        if !self.fill(BLOCK_HEAD_LEN + stored_len)? {
            self.resync(DamageKind::Cut)?;
            return Ok(None);
        }
        let body = &self.window.bytes()[BLOCK_HEAD_LEN..][..stored_len];
        if crc32c::crc32c(body) != head.body_crc {
            // The body may be fine and only shorter than the head says, with blocks behind it.
            self.searched += u64::from(head.stored_len);
            if self.searched <= SEARCH_BYTES_MAX {
                self.resync(DamageKind::BodyChecksum)?;
            } else {
                self.skip_block(stored_len)?;
                let len = self.window.offset() - offset;
                self.damage.add(offset, len, DamageKind::BodyChecksum);
            }
            return Ok(None);
        }
        let kind = RecordKind::from_number(head.kind);
        let known = match kind {
            Some(kind) => is_known_schema(kind, head.schema),
            None => head.kind == KIND_INDEX && head.schema == SCHEMA,
        };
        if !known {
            if head.flags & FLAG_SKIPPABLE == 0 {
                let (kind, schema, found) = (head.kind, head.schema, self.version);
                return Err(TraceError::UnknownKind { offset, kind, schema, found });
            }
            self.skipped_blocks += 1;
            self.skip_block(stored_len)?;
            return Ok(None);
        }
        let decoded = self.decode(head, offset)?;
        self.skip_block(stored_len)?;
        let count = match decoded {
            Ok(count) => count,
            Err(why) => {
                let len = self.window.offset() - offset;
                self.damage.add(offset, len, DamageKind::Undecodable(why));
                return Ok(None);
            }
        };
        let Some(kind) = kind else {
            if self.keep_index {
                let columns = &self.columns.index;
                self.index.extend((0..count).map(|index| columns.get(index)));
            }
            return Ok(None);
        };
        self.count(head, offset)?;
        Ok(Some(Current { kind, offset, count, stored_len: u64::from(head.stored_len) }))
    }

    /// Counts a block's records against the limit, and remembers the block if asked to.
    fn count(&mut self, head: &BlockHead, offset: u64) -> Result<(), TraceError> {
        self.records = self.records.saturating_add(u64::from(head.count));
        if self.records > self.limits.records {
            let limit = self.limits.records;
            return Err(TraceError::Limit { offset, limit, what: "records" });
        }
        if self.keep_index {
            self.seen.push(IndexEntry {
                offset,
                kind: head.kind,
                count: head.count,
                first_seq: head.first_seq,
                last_seq: head.last_seq,
                first_time: head.first_time,
                last_time: head.last_time,
            });
        }
        Ok(())
    }

    /// Decompresses and decodes the block at hand. The inner error is damage.
    fn decode(
        &mut self,
        head: &BlockHead,
        offset: u64,
    ) -> Result<Result<usize, String>, TraceError> {
        let body = &self.window.bytes()[BLOCK_HEAD_LEN..][..head.stored_len as usize];
        match Codec::from_number(head.codec) {
            Some(Codec::None) => {
                if head.raw_len != head.stored_len {
                    return Ok(Err("two lengths of an uncompressed block differ".to_owned()));
                }
                self.raw.clear();
                self.raw.extend_from_slice(body);
            }
            Some(Codec::Zstd) => {
                let raw_len = head.raw_len as usize;
                if let Err(why) = self.decompressor.decompress(body, raw_len, &mut self.raw) {
                    return Ok(Err(format!("body {why}")));
                }
            }
            Some(Codec::Lz4) => {
                return Err(TraceError::UnknownCodec { offset, codec: Codec::Lz4.to_string() });
            }
            None => {
                let codec = format!("number {}", head.codec);
                return Err(TraceError::UnknownCodec { offset, codec });
            }
        }
        // Trailing bytes are fields of a newer minor version.
        let input = &mut Input::new(&self.raw);
        let columns = &mut self.columns;
        let count = match RecordKind::from_number(head.kind) {
            Some(RecordKind::Op) => columns.ops.take(input, head.schema),
            Some(RecordKind::Stage) => columns.stages.take(input),
            Some(RecordKind::Payload) => columns.payloads.take(input),
            Some(RecordKind::Tree) => columns.trees.take(input),
            Some(RecordKind::Note) => columns.notes.take(input),
            Some(RecordKind::Call) => columns.calls.take(input),
            None => columns.index.take(input),
        };
        Ok(match count {
            Ok(count) if count as u64 != u64::from(head.count) => {
                Err("head and body differ in the number of records".to_owned())
            }
            Ok(count) => Ok(count),
            Err(error) => Err(error.to_string()),
        })
    }

    /// Moves past the block at hand and the zeros after it.
    fn skip_block(&mut self, stored_len: usize) -> Result<(), TraceError> {
        let end = self.window.offset() + (BLOCK_HEAD_LEN + stored_len) as u64;
        // Padding counts from the block's own beginning: a block that was moved keeps its shape.
        let padding = (BLOCK_HEAD_LEN + stored_len).next_multiple_of(ALIGN as usize);
        self.fill(padding)?;
        let body = (end - self.window.offset()) as usize;
        self.window.consume(body);
        let zeros = self.window.bytes().iter().take(padding - body);
        let zeros = zeros.take_while(|&&byte| byte == 0).count();
        self.window.consume(zeros);
        Ok(())
    }

    fn take_footer(&mut self, footer: &Footer) -> Result<(), TraceError> {
        self.footer = Some(FooterInfo {
            stream_id: StreamId(footer.stream_id),
            operations: footer.operations,
            index_offset: footer.index_offset,
        });
        self.window.consume(FOOTER_LEN);
        let after = self.window.offset();
        while self.fill(1)? {
            let len = self.window.bytes().len();
            self.window.consume(len);
        }
        let len = self.window.offset() - after;
        if len > 0 {
            self.damage.add(after, len, DamageKind::AfterFooter);
        }
        self.ended = true;
        Ok(())
    }
}
