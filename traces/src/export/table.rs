//! JSONL and CSV.

use std::io::{Read, Write};

use super::ExportError;
use crate::TraceReader;
use crate::table::{KEYS, csv_line, header_row, row};

/// Writes a trace as JSONL: the header, then one object a record, in the order of the file.
/// Returns the number of records. Nothing is lost.
///
/// # Errors
/// When the trace cannot be read or the output not written.
pub fn write_jsonl<R: Read>(
    reader: &mut TraceReader<R>,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    writeln!(out, "{}", header_row(reader.header()))?;
    let mut count = 0;
    while let Some(block) = reader.next_block()? {
        for record in block.iter() {
            writeln!(out, "{}", row(&record))?;
            count += 1;
        }
    }
    out.flush()?;
    Ok(count)
}

/// Writes a trace as CSV: the names of the columns, the header, then one line a record, in the
/// order of the file. Returns the number of records. Nothing is lost.
///
/// # Errors
/// When the trace cannot be read or the output not written.
pub fn write_csv<R: Read>(
    reader: &mut TraceReader<R>,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    let names: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
    writeln!(out, "{}", names.join(","))?;
    let mut header = String::from("header");
    header.push_str(&",".repeat(KEYS.len() - 1));
    crate::table::put_cell(&mut header, &reader.header().to_json());
    writeln!(out, "{header}")?;
    let mut count = 0;
    while let Some(block) = reader.next_block()? {
        for record in block.iter() {
            writeln!(out, "{}", csv_line(&record))?;
            count += 1;
        }
    }
    out.flush()?;
    Ok(count)
}
