//! Why a row is no record.

/// Why a row is no record: which key, and what was expected there.
///
/// ```
/// use fuserig_traces::table::parse_row;
/// let error = parse_row(r#"{"type":"op"}"#).unwrap_err();
/// assert_eq!(error.to_string(), "key `op`: an operation needs its name or number");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{what}", self.place())]
pub struct RowError {
    /// The key, empty when the row as a whole is meant.
    pub key: String,
    /// What is wrong.
    pub what: String,
}

impl RowError {
    pub(super) fn new(key: &str, what: impl Into<String>) -> RowError {
        RowError { key: key.to_owned(), what: what.into() }
    }

    fn place(&self) -> String {
        if self.key.is_empty() { String::new() } else { format!("key `{}`: ", self.key) }
    }
}

/// A value in a message, cut to what fits.
pub(super) fn shown(value: &serde_json::Value) -> String {
    const LENGTH_MAX: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(LENGTH_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
