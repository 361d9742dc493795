//! The texts that are built in, and how a text is read.

use super::Description;
use crate::TableError;

/// The built-in tables: name and text.
///
/// ```
/// use fuserig_abi::description::{BUILT_IN, Description};
/// for (name, text) in BUILT_IN {
///     assert_eq!(Description::parse(text)?.abi, name);
/// }
/// # Ok::<(), fuserig_abi::TableError>(())
/// ```
pub const BUILT_IN: [(&str, &str); 4] = [
    ("v3", include_str!("../../tables/v3.json")),
    ("v4", include_str!("../../tables/v4.json")),
    ("android", include_str!("../../tables/android.json")),
    ("v3-grouped", include_str!("../../tables/v3-grouped.json")),
];

/// The text of a built-in table.
pub fn built_in(name: &str) -> Option<&'static str> {
    BUILT_IN.into_iter().find(|(built_in, _)| *built_in == name).map(|(_, text)| text)
}

impl Description {
    /// Reads a table.
    ///
    /// # Errors
    /// Text that is no JSON, has a key that the schema does not know, or lacks one; the error has
    /// line and column.
    pub fn parse(text: &str) -> Result<Description, TableError> {
        serde_json::from_str(text).map_err(|source| TableError::Syntax {
            line: source.line(),
            column: source.column(),
            source,
        })
    }
}
