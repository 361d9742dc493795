//! A whole trace in memory.

use std::io::{Read, Write};

use crate::record::{Record, RecordKind};
use crate::{
    DamageReport, Header, StreamId, Summary, TraceError, TraceReader, TraceWriter, WriteError,
    WriteOptions,
};

/// A trace that fits into memory: for tests, small corpora and conversions. Large ones go through
/// [`TraceReader`] and [`TraceWriter`].
///
/// ```
/// use fuserig_traces::record::{OpRecord, StageRecord};
/// use fuserig_traces::{Header, Trace};
/// let stage = StageRecord { op_seq: 1, ..StageRecord::default() };
/// let op = OpRecord { seq_send: 1, ..OpRecord::default() };
/// let mut trace = Trace { header: Header::default(), records: vec![stage.into(), op.into()] };
/// let mut file = Vec::new();
/// let summary = trace.write(&mut file)?;
/// assert_eq!(summary.stream_id, trace.stream_id());
/// trace.sort();
/// assert_eq!(trace.records[0].as_ref().kind().name(), "op");
/// # Ok::<(), fuserig_traces::WriteError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// What the trace says about itself.
    pub header: Header,
    /// The records.
    pub records: Vec<Record>,
}

impl Trace {
    /// Reads a trace, leaving out what is damaged.
    ///
    /// # Errors
    /// As for [`TraceReader::next_block`].
    pub fn read<R: Read>(input: R) -> Result<Trace, TraceError> {
        Ok(Trace::read_damaged(input)?.0)
    }

    /// Reads a trace, and says what was left out.
    ///
    /// # Errors
    /// As for [`TraceReader::next_block`].
    pub fn read_damaged<R: Read>(input: R) -> Result<(Trace, DamageReport), TraceError> {
        let mut reader = TraceReader::open(input)?;
        let mut trace = Trace { header: reader.header().clone(), records: Vec::new() };
        while let Some(block) = reader.next_block()? {
            trace.records.extend(block.iter().map(|record| record.to_owned()));
        }
        Ok((trace, reader.damage().clone()))
    }

    /// Writes the trace with the default layout.
    ///
    /// # Errors
    /// As for [`TraceWriter::append`].
    pub fn write<W: Write>(&self, output: W) -> Result<Summary, WriteError> {
        self.write_with(output, WriteOptions::default())
    }

    /// Writes the trace.
    ///
    /// # Errors
    /// As for [`TraceWriter::append`].
    pub fn write_with<W: Write>(
        &self,
        output: W,
        options: WriteOptions,
    ) -> Result<Summary, WriteError> {
        let mut writer = TraceWriter::create_with(output, self.header.clone(), options)?;
        for record in &self.records {
            writer.append(record.as_ref())?;
        }
        Ok(writer.finish()?.0)
    }

    /// Identity of the records.
    pub fn stream_id(&self) -> StreamId {
        StreamId::of(self.records.iter().map(Record::as_ref))
    }

    /// Puts the kinds into one order: what belongs to the whole trace first, then by sequence
    /// number, an operation before its stages. The order within a kind, and so the stream id,
    /// stays as it is, even where sequence numbers go back.
    pub fn sort(&mut self) {
        let mut queues = RecordKind::ALL.map(|_| Vec::new());
        for record in self.records.drain(..).rev() {
            queues[record.kind().index()].push(record);
        }
        // Among equals: trees, payloads and notes before what may refer to them, and operations
        // before their stages.
        const RANK: [RecordKind; 6] = [
            RecordKind::Tree,
            RecordKind::Payload,
            RecordKind::Note,
            RecordKind::Op,
            RecordKind::Stage,
            RecordKind::Call,
        ];
        let first = |queues: &[Vec<Record>; 6]| {
            let heads = RANK.iter().filter_map(|kind| {
                let record = queues[kind.index()].last()?;
                Some((record.as_ref().seq(), kind.index()))
            });
            heads.min_by_key(|(seq, _)| *seq).map(|(_, index)| index)
        };
        while let Some(index) = first(&queues) {
            self.records.extend(queues[index].pop());
        }
    }
}
