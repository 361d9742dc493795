//! What can be wrong with a table.

/// Why a description is no table of a version. `at` names the record, for example
/// `ops[3] open_postfilter`.
///
/// ```
/// use fuserig_abi::{AbiTable, TableError};
/// let error = AbiTable::parse("{").unwrap_err();
/// assert!(matches!(error, TableError::Syntax { line: 1, .. }));
/// ```
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// No JSON, an unknown key, or a key that is missing.
    #[error("read table: line {line}, column {column}: {source}")]
    Syntax {
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1.
        column: usize,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// The schema is not the one this build reads.
    #[error("read table: unknown schema `{found}` (this build reads `fuse-bpf-abi/1`)")]
    Schema {
        /// The schema of the text.
        found: String,
    },
    /// The version has no pipeline of its own.
    #[error("read table: `{found}` is no version with a pipeline (use v3 or v4)")]
    Version {
        /// The name of the version.
        found: String,
    },
    /// Two records that must differ do not.
    #[error("read table: {at}: {what} `{value}` occurs twice")]
    Duplicate {
        /// The second record.
        at: String,
        /// What must be unique.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// A word that names nothing.
    #[error("read table: {at}: unknown {what} `{value}`")]
    Unknown {
        /// The record.
        at: String,
        /// What it should have named.
        what: &'static str,
        /// The word.
        value: String,
    },
    /// A number or list that contradicts another.
    #[error("read table: {at}: {what} is {found}, expected {expected}")]
    Mismatch {
        /// The record.
        at: String,
        /// What was compared.
        what: &'static str,
        /// What the record says.
        found: String,
        /// What follows from the rest of the table.
        expected: String,
    },
    /// A record that must exist does not.
    #[error("read table: {what} `{name}` is missing")]
    Missing {
        /// What kind of record.
        what: &'static str,
        /// Its name.
        name: String,
    },
}
