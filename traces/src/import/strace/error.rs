//! Why an import stops, and why one call of a log could not be read.

use std::io;

/// Why a log could not be imported at all. A call that is not understood does not stop the
/// import; it is listed in the [`super::ImportReport`].
///
/// ```
/// use fuserig_traces::import::{ImportError, StraceOptions, import_strace};
/// let mut keep = |_call| std::ops::ControlFlow::Continue(());
/// let options = StraceOptions::new("/srv/work");
/// let error = import_strace(&b"hello\n"[..], &options, &mut keep).unwrap_err();
/// assert!(matches!(error, ImportError::NotStrace { line: 1, .. }));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The log could not be read.
    #[error("read the log after line {line}: {source}")]
    Io {
        /// The last line that was read whole.
        line: u64,
        /// What the reader said.
        source: io::Error,
    },
    /// The log is empty.
    #[error("the log has no lines: record with `{RECORD_WITH}`")]
    Empty,
    /// The first line is not one that strace writes.
    #[error(
        "line {line} is not an strace line: column {column}: {why}: `{text}`; \
         record with `{RECORD_WITH}`"
    )]
    NotStrace {
        /// The line, from 1.
        line: u64,
        /// The column, in bytes from 1.
        column: usize,
        /// What was expected there.
        why: &'static str,
        /// The beginning of the line.
        text: String,
    },
    /// A line, the unfinished calls or the descriptors are more than the importer keeps.
    #[error("line {line}: {what} exceed the limit of {limit}")]
    Limit {
        /// The line, from 1.
        line: u64,
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
    },
    /// `--root` is not an absolute path without `..`.
    #[error(
        "root `{0}` is not an absolute path without `.` and `..`: give the path as the log has it"
    )]
    Root(String),
    /// The sink asked to stop; it knows why.
    #[error("stopped at line {line} by the receiver of the calls")]
    Stopped {
        /// The line, from 1.
        line: u64,
    },
}

/// The command line that the errors recommend.
const RECORD_WITH: &str = "strace -f -ttt -T -y -s 1048576 -o FILE CMD";

/// Why one line or one argument could not be read: where in the text, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// Offset in the text that was being read.
    pub(super) at: usize,
    /// A fragment that continues "not understood:".
    pub(super) why: String,
}

impl Trouble {
    pub(super) fn new(at: usize, why: impl Into<String>) -> Trouble {
        Trouble { at, why: why.into() }
    }
}

/// The beginning of a line, fit for a message.
pub(super) fn excerpt(text: &[u8]) -> String {
    const LENGTH_MAX: usize = 120;
    let head = &text[..text.len().min(LENGTH_MAX)];
    let mut shown: String = head.escape_ascii().to_string();
    if text.len() > LENGTH_MAX {
        shown.push_str("...");
    }
    shown
}
