//! Records as rows: one JSON object a record, and the same keys as columns.
//!
//! The door for every other tool: what JSONL and CSV hold is described in `harness/docs/table.md`,
//! and both directions are lossless for everything a trace can hold. The module turns one record
//! into one row and back; files are for [`crate::export`] and [`crate::import`]. It refuses to
//! guess: a key that a record of that type does not have, a field that its struct does not have,
//! or a number that does not fit is a mistake with its name. What a reader would get wrong: 64-bit
//! numbers are *strings*, because readers in other languages round them; numbers are accepted.

mod body;
mod call;
mod csv;
mod json;
mod keys;
mod mistake;
mod op;
mod row;
mod value;

pub use csv::{CsvTable, csv_cells, csv_line};
pub(crate) use csv::{goes_on, put_cell};
pub use keys::{Cell, KEYS};
pub use mistake::RowError;
#[cfg(feature = "parquet")]
pub(crate) use row::object as row_object;
pub use row::{Row, header_row, parse_row, row};
#[cfg(feature = "parquet")]
pub(crate) use value::Object as RowObject;
