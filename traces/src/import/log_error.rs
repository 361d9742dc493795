//! Why a log could not be imported at all.

use std::io;

/// Why a log could not be imported at all. A line that is not understood does not stop an import;
/// it is listed in the report.
///
/// ```
/// use fuserig_traces::import::{import_fuse_strace, FuseStraceOptions, LogError};
/// let mut keep = |_record| std::ops::ControlFlow::Continue(());
/// let options = FuseStraceOptions::default();
/// let error = import_fuse_strace(&b"Dear diary,\n"[..], &options, &mut keep).unwrap_err();
/// assert!(matches!(error, LogError::Foreign { line: 1, .. }));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The log could not be read.
    #[error("read the log after line {line}: {source}")]
    Io {
        /// The last line that was read whole.
        line: u64,
        /// What the reader said.
        source: io::Error,
    },
    /// The log has no lines.
    #[error("the log has no lines: {hint}")]
    Empty {
        /// How to get one.
        hint: &'static str,
    },
    /// The first lines are not of this kind of log.
    #[error("line {line} is not {what}: column {column}: {why}: `{text}`; {hint}")]
    Foreign {
        /// The line, from 1.
        line: u64,
        /// What it should have been.
        what: &'static str,
        /// The column, in bytes from 1.
        column: usize,
        /// What was expected there.
        why: String,
        /// The beginning of the line.
        text: String,
        /// How to get one.
        hint: &'static str,
    },
    /// More than the importer keeps.
    #[error("line {line}: {what} exceed the limit of {limit}")]
    Limit {
        /// The line, from 1.
        line: u64,
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
    },
    /// The sink asked to stop; it knows why.
    #[error("stopped at line {line} by the receiver of the records")]
    Stopped {
        /// The line, from 1.
        line: u64,
    },
}

/// The beginning of a line, fit for a message.
pub(super) fn excerpt(text: &[u8]) -> String {
    const LENGTH_MAX: usize = 120;
    let head = &text[..text.len().min(LENGTH_MAX)];
    let mut shown = head.escape_ascii().to_string();
    if text.len() > LENGTH_MAX {
        shown.push_str("...");
    }
    shown
}
