//! A decoded block, lent by the reader.

use crate::codec::{
    CallValues, CallsColumns, IndexColumns, NotesColumns, OpsColumns, PayloadsColumns,
    StagesColumns, TreesColumns,
};
use crate::record::{OpRef, RecordKind, RecordRef};

/// The decoded columns of the current block; buffers are used again for the next one.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) ops: OpsColumns,
    pub(super) stages: StagesColumns,
    pub(super) payloads: PayloadsColumns,
    pub(super) trees: TreesColumns,
    pub(super) notes: NotesColumns,
    pub(super) calls: CallsColumns,
    pub(super) index: IndexColumns,
}

/// A block's records, which borrow from the reader.
///
/// ```
/// use fuserig_traces::record::{OpRef, RecordKind};
/// use fuserig_traces::{Header, TraceReader, TraceWriter};
/// let mut writer = TraceWriter::create(Vec::new(), Header::default())?;
/// writer.append(OpRef { opcode: 3, seq_send: 1, ..OpRef::default() })?;
/// let (_, file) = writer.finish()?;
/// let mut reader = TraceReader::open(&file[..])?;
/// let block = reader.next_block()?.expect("there is a block");
/// assert_eq!((block.kind(), block.len()), (RecordKind::Op, 1));
/// assert_eq!(block.ops().map(|op| op.opcode).sum::<u16>(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Block<'a> {
    pub(super) kind: RecordKind,
    pub(super) offset: u64,
    pub(super) count: usize,
    pub(super) stored_len: u64,
    pub(super) raw: &'a [u8],
    pub(super) columns: &'a Columns,
    /// Only for blocks of calls.
    pub(super) values: CallValues<'a>,
}

impl Block<'_> {
    /// What the records are.
    pub fn kind(&self) -> RecordKind {
        self.kind
    }

    /// Where the block begins in the file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many records it has.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of its body before compression.
    pub fn raw_len(&self) -> u64 {
        self.raw.len() as u64
    }

    /// Bytes of its body in the file.
    pub fn stored_len(&self) -> u64 {
        self.stored_len
    }

    /// The record at `index`.
    pub fn get(&self, index: usize) -> Option<RecordRef<'_>> {
        (index < self.count).then(|| match self.kind {
            RecordKind::Op => RecordRef::Op(self.columns.ops.get(self.raw, index)),
            RecordKind::Stage => RecordRef::Stage(self.columns.stages.get(index)),
            RecordKind::Payload => RecordRef::Payload(self.columns.payloads.get(self.raw, index)),
            RecordKind::Tree => RecordRef::Tree(self.columns.trees.get(self.raw, index)),
            RecordKind::Note => RecordRef::Note(self.columns.notes.get(self.raw, index)),
            RecordKind::Call => RecordRef::Call(self.columns.calls.get(&self.values, index)),
        })
    }

    /// All records, in order.
    pub fn iter(&self) -> impl Iterator<Item = RecordRef<'_>> {
        (0..self.count).filter_map(|index| self.get(index))
    }

    /// The operations; none if the block is of another kind. Faster than [`Block::iter`].
    pub fn ops(&self) -> impl Iterator<Item = OpRef<'_>> {
        let count = if self.kind == RecordKind::Op { self.count } else { 0 };
        (0..count).map(|index| self.columns.ops.get(self.raw, index))
    }
}
