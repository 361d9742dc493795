//! What can be wrong with the text of an ABI description.

use core::fmt;

/// A text that is no ABI description, with the place.
///
/// ```
/// use fuserig_abi::spec::AbiSpec;
/// let error = AbiSpec::parse("abi x\nstruct s size many align 4\n").expect_err("no number");
/// assert_eq!((error.line, error.column), (2, 15));
/// assert!(error.to_string().contains("expected a number"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// The line, counted from 1.
    pub line: u32,
    /// The column in bytes, counted from 1.
    pub column: u32,
    /// What is wrong, and the fix where one is known.
    pub message: String,
}

impl SpecError {
    pub(super) fn new(line: u32, column: u32, message: impl Into<String>) -> SpecError {
        SpecError { line, column, message: message.into() }
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "abi text, line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for SpecError {}
