//! The keys of rows, which are the columns of a table.

/// How a cell of a table holds the value of its key.
///
/// ```
/// use fuserig_traces::table::{Cell, KEYS};
/// let request = KEYS.iter().find(|(key, _)| *key == "request").map(|(_, cell)| *cell);
/// assert_eq!(request, Some(Cell::Json));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// The text or number itself; an empty cell is an absent value.
    Plain,
    /// JSON, because the value may be an object, or bytes.
    Json,
}

/// Every key of a row, in the order of the columns. Which records have which keys stands in
/// `harness/docs/table.md`, whose table a test compares with this one.
pub const KEYS: &[(&str, Cell)] = &[
    ("type", Cell::Plain),
    ("seq_send", Cell::Plain),
    ("seq_reply", Cell::Plain),
    ("time_ns", Cell::Plain),
    ("duration_ns", Cell::Plain),
    ("pid", Cell::Plain),
    ("uid", Cell::Plain),
    ("gid", Cell::Plain),
    ("unique", Cell::Plain),
    ("op", Cell::Plain),
    ("call", Cell::Plain),
    ("nodeid", Cell::Plain),
    ("flags", Cell::Plain),
    ("result", Cell::Plain),
    ("errno", Cell::Plain),
    ("step", Cell::Plain),
    ("stage", Cell::Plain),
    ("slot", Cell::Plain),
    ("note", Cell::Plain),
    ("count", Cell::Plain),
    ("label", Cell::Json),
    ("id", Cell::Plain),
    ("line", Cell::Plain),
    ("request", Cell::Json),
    ("reply", Cell::Json),
    ("data", Cell::Json),
    ("args", Cell::Json),
    ("out", Cell::Json),
    ("detail", Cell::Json),
    ("header", Cell::Json),
];
