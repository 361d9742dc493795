//! What is wrong with a text twin.

use std::io;

/// Why a text twin cannot be read.
///
/// ```
/// use fuserig_traces::text::{self, TextError};
/// let error = text::parse("# frt 1.0 {}\nop 1-2 +1ms soon\n").expect_err("soon is no duration");
/// assert!(matches!(error, TextError::Syntax { line: 2, column: 13, .. }));
/// let message = "read text trace, line 2 column 13: expected a duration such as 1.5ms";
/// assert_eq!(error.to_string(), message);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// The input itself failed.
    #[error("read text trace, line {line}")]
    Io {
        /// The line, counted from 1.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The text is not what the line's first word asks for.
    #[error("read text trace, line {line} column {column}: {what}")]
    Syntax {
        /// The line, counted from 1.
        line: u64,
        /// The byte in the line, counted from 1.
        column: usize,
        /// What is wrong, or what was expected.
        what: String,
    },
}

/// A mistake in one line; the reader of the whole text adds the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// The byte in the line, counted from 0.
    pub(super) at: usize,
    pub(super) what: String,
}

impl Mistake {
    pub(super) fn in_line(self, line: u64) -> TextError {
        TextError::Syntax { line, column: self.at + 1, what: self.what }
    }
}
