//! Filling blocks, and putting full ones into the output.

use std::io::Write;

use crate::codec::{
    BlockHead, CallsBuilder, Extent, IndexEntry, MAX_BLOCK_RECORDS, NotesBuilder, OpsBuilder,
    PayloadsBuilder, Scratch, StagesBuilder, TreesBuilder,
};
use crate::compress::Compressor;
use crate::format::{ALIGN, BLOCK_SYNC, FLAG_SKIPPABLE, KIND_INDEX, SCHEMA};
use crate::record::{RecordKind, RecordRef};
use crate::{Codec, WriteError};

/// One unfinished block of each kind.
#[derive(Debug)]
pub(super) struct Blocks {
    ops: OpsBuilder,
    stages: StagesBuilder,
    payloads: PayloadsBuilder,
    trees: TreesBuilder,
    notes: NotesBuilder,
    calls: CallsBuilder,
    block_bytes: usize,
    raw: Vec<u8>,
    pub(super) scratch: Scratch,
}

impl Blocks {
    pub(super) fn new(block_bytes: usize) -> Blocks {
        Blocks {
            ops: OpsBuilder::new(),
            stages: StagesBuilder::new(),
            payloads: PayloadsBuilder::default(),
            trees: TreesBuilder::default(),
            notes: NotesBuilder::default(),
            calls: CallsBuilder::default(),
            block_bytes,
            raw: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    pub(super) fn push<W: Write>(
        &mut self,
        record: &RecordRef<'_>,
        sink: &mut BlockSink<W>,
    ) -> Result<(), WriteError> {
        match record {
            RecordRef::Op(op) => self.ops.push(op),
            RecordRef::Stage(stage) => self.stages.push(stage),
            RecordRef::Payload(payload) => self.payloads.push(payload),
            RecordRef::Tree(tree) => self.trees.push(tree),
            RecordRef::Note(note) => self.notes.push(note),
            RecordRef::Call(call) => self.calls.push(call),
        }
        let kind = record.kind();
        let extent = self.extent(kind);
        if extent.bytes >= self.block_bytes || extent.count >= MAX_BLOCK_RECORDS {
            self.flush_kind(kind, sink)?;
        }
        Ok(())
    }

    /// Writes all unfinished blocks that have records.
    pub(super) fn flush<W: Write>(&mut self, sink: &mut BlockSink<W>) -> Result<(), WriteError> {
        RecordKind::ALL.into_iter().try_for_each(|kind| self.flush_kind(kind, sink))
    }

    fn extent(&self, kind: RecordKind) -> Extent {
        match kind {
            RecordKind::Op => self.ops.extent,
            RecordKind::Stage => self.stages.extent,
            RecordKind::Payload => self.payloads.extent,
            RecordKind::Tree => self.trees.extent,
            RecordKind::Note => self.notes.extent,
            RecordKind::Call => self.calls.extent,
        }
    }

    fn flush_kind<W: Write>(
        &mut self,
        kind: RecordKind,
        sink: &mut BlockSink<W>,
    ) -> Result<(), WriteError> {
        let extent = self.extent(kind);
        if extent.count == 0 {
            return Ok(());
        }
        let schema = if kind == RecordKind::Op { self.ops.schema() } else { SCHEMA };
        self.raw.clear();
        let (raw, scratch) = (&mut self.raw, &mut self.scratch);
        match kind {
            RecordKind::Op => self.ops.finish(raw, scratch),
            RecordKind::Stage => self.stages.finish(raw, scratch),
            RecordKind::Payload => self.payloads.finish(raw, scratch),
            RecordKind::Tree => self.trees.finish(raw, scratch),
            RecordKind::Note => self.notes.finish(raw, scratch),
            RecordKind::Call => self.calls.finish(raw, scratch),
        }
        // A trace without its notes is still the same trace; without anything else it is not.
        let flags = if kind == RecordKind::Note { FLAG_SKIPPABLE } else { 0 };
        sink.write_block((kind.number(), schema), flags, extent, raw)
    }
}

/// The output, where it stands, and the index so far.
#[derive(Debug)]
pub(super) struct BlockSink<W: Write> {
    output: W,
    offset: u64,
    /// Where a write failed. Bytes after it are unknown, so nothing more is written.
    failed: Option<u64>,
    compressor: Option<Compressor>,
    stored: Vec<u8>,
    block: Vec<u8>,
    index: Vec<IndexEntry>,
}

impl<W: Write> BlockSink<W> {
    pub(super) fn new(output: W, compressor: Option<Compressor>) -> BlockSink<W> {
        BlockSink {
            output,
            offset: 0,
            failed: None,
            compressor,
            stored: Vec::new(),
            block: Vec::new(),
            index: Vec::new(),
        }
    }

    pub(super) fn check(&self) -> Result<(), WriteError> {
        match self.failed {
            Some(offset) => Err(WriteError::Failed { offset }),
            None => Ok(()),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.check()?;
        if let Err(source) = self.output.write_all(bytes) {
            self.failed = Some(self.offset);
            return Err(WriteError::Io { offset: self.offset, source });
        }
        self.offset += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<(), WriteError> {
        self.check()?;
        let offset = self.offset;
        self.output.flush().map_err(|source| WriteError::Io { offset, source })
    }

    pub(super) fn into_output(self) -> (W, u64) {
        (self.output, self.offset)
    }

    /// Writes a block in one go, so that a full disk cuts at most this one.
    fn write_block(
        &mut self,
        (kind, schema): (u16, u16),
        flags: u8,
        extent: Extent,
        raw: &[u8],
    ) -> Result<(), WriteError> {
        self.check()?;
        let offset = self.offset;
        let mut codec = Codec::None;
        if let Some(compressor) = &mut self.compressor {
            compressor
                .compress(raw, &mut self.stored)
                .map_err(|source| WriteError::Io { offset, source })?;
            if self.stored.len() < raw.len() {
                codec = Codec::Zstd;
            }
        }
        let stored = if codec == Codec::Zstd { &self.stored[..] } else { raw };
        let len = |bytes: &[u8]| {
            u32::try_from(bytes.len()).expect("a block is little more than its largest record")
        };
        self.block.clear();
        BlockHead {
            sync: BLOCK_SYNC,
            kind,
            codec: codec.number(),
            flags,
            schema,
            raw_len: len(raw),
            stored_len: len(stored),
            count: extent.count as u32,
            body_crc: crc32c::crc32c(stored),
            first_seq: extent.first_seq,
            last_seq: extent.last_seq,
            first_time: extent.first_time,
            last_time: extent.last_time,
            ..BlockHead::default()
        }
        .put(&mut self.block);
        self.block.extend_from_slice(stored);
        self.block.resize(self.block.len().next_multiple_of(ALIGN as usize), 0);
        let block = core::mem::take(&mut self.block);
        let written = self.write(&block);
        self.block = block;
        written?;
        if kind != KIND_INDEX {
            self.index.push(IndexEntry {
                offset,
                kind,
                count: extent.count as u32,
                first_seq: extent.first_seq,
                last_seq: extent.last_seq,
                first_time: extent.first_time,
                last_time: extent.last_time,
            });
        }
        Ok(())
    }

    /// Writes the index; returns the number of blocks in it and where it begins.
    pub(super) fn write_index(&mut self, scratch: &mut Scratch) -> Result<(u64, u64), WriteError> {
        let start = self.offset;
        let index = core::mem::take(&mut self.index);
        for entries in index.chunks(MAX_BLOCK_RECORDS) {
            let mut raw = Vec::new();
            IndexEntry::put_all(entries, &mut raw, scratch);
            let extent = Extent { count: entries.len(), ..Extent::default() };
            self.write_block((KIND_INDEX, SCHEMA), FLAG_SKIPPABLE, extent, &raw)?;
        }
        Ok((index.len() as u64, start))
    }
}
