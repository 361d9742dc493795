//! Why an export stops.

use std::io;

use crate::TraceError;

/// Why an export stops.
///
/// ```
/// use fuserig_traces::export::{write_jsonl, ExportError};
/// use fuserig_traces::{Header, TraceReader, TraceWriter};
/// let (_, file) = TraceWriter::create(Vec::new(), Header::default())?.finish()?;
/// let mut room = [0; 4];
/// let error = write_jsonl(&mut TraceReader::open(&file[..])?, &mut &mut room[..]).unwrap_err();
/// assert!(matches!(error, ExportError::Write(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The trace cannot be read on.
    #[error(transparent)]
    Read(#[from] TraceError),
    /// The output cannot be written.
    #[error("write the export: {0}")]
    Write(#[from] io::Error),
}
