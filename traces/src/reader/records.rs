//! All records of a trace, one by one, copied.

use std::collections::VecDeque;
use std::io::Read;

use super::TraceReader;
use crate::TraceError;
use crate::record::Record;

/// Iterates over a trace's records in file order. For speed, use [`TraceReader::next_block`].
///
/// ```
/// use fuserig_traces::record::NoteRef;
/// use fuserig_traces::{Header, TraceReader, TraceWriter};
/// let mut writer = TraceWriter::create(Vec::new(), Header::default())?;
/// writer.append(NoteRef { text: "hello", ..NoteRef::default() })?;
/// let (_, file) = writer.finish()?;
/// let mut records = TraceReader::open(&file[..])?.records();
/// assert_eq!(records.by_ref().count(), 1);
/// assert!(records.reader().damage().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Records<R> {
    reader: TraceReader<R>,
    block: VecDeque<Record>,
    failed: bool,
}

impl<R: Read> Records<R> {
    pub(super) fn new(reader: TraceReader<R>) -> Records<R> {
        Records { reader, block: VecDeque::new(), failed: false }
    }

    /// The reader: what it skipped, and what the footer says, after the last record.
    pub fn reader(&self) -> &TraceReader<R> {
        &self.reader
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = Result<Record, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.block.is_empty() && !self.failed {
            match self.reader.next_block() {
                Ok(Some(block)) => {
                    self.block.extend(block.iter().map(|record| record.to_owned()));
                }
                Ok(None) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
        self.block.pop_front().map(Ok)
    }
}
