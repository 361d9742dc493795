//! What can be wrong with a scenario file.

use thiserror::Error;

/// A mistake in a scenario, with its place and what to write instead.
///
/// ```
/// use fuserig::scenario::Scenario;
/// let error = Scenario::parse("abi v9\n").unwrap_err();
/// assert_eq!((error.line, error.column), (1, 5));
/// assert_eq!(error.to_string(), "line 1, column 5: no ABI is called `v9`; write v3 or v4");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {what}")]
pub struct ScenarioError {
    /// The line, from 1.
    pub line: usize,
    /// The byte in the line, from 1.
    pub column: usize,
    /// What is wrong, and what is expected there.
    pub what: String,
}
