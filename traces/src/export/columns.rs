//! Parquet: the rows of a trace as typed columns.
//!
//! The columns are the keys of [`crate::table`], so that a question asked of JSONL is the same
//! question here; bodies stay JSON. It refuses to read Parquet back: JSONL and CSV are for that.
//! What a reader would get wrong: 64-bit numbers are numbers here, since Parquet keeps them.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use serde_json::Value;

use super::ExportError;
use crate::TraceReader;
use crate::table::{Cell, KEYS, row_object};

/// Rows of a group: what one reader thread takes at a time, and what is held in memory.
const GROUP_ROWS: usize = 1 << 16;

/// Writes a trace as one Parquet file: a row for the header and one for each record, in the order
/// of the file. Returns the number of records. Columns are those of [`crate::table::KEYS`], with
/// numbers as numbers, an absent value as NULL, and JSON where the value may be an object.
///
/// ```
/// use fuserig_traces::export::write_parquet;
/// use fuserig_traces::{Header, TraceReader, TraceWriter};
/// let (_, file) = TraceWriter::create(Vec::new(), Header::default())?.finish()?;
/// let mut parquet = Vec::new();
/// assert_eq!(write_parquet(&mut TraceReader::open(&file[..])?, &mut parquet)?, 0);
/// assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the trace cannot be read or the output not written.
pub fn write_parquet<R: std::io::Read, W: Write + Send>(
    reader: &mut TraceReader<R>,
    out: W,
) -> Result<u64, ExportError> {
    let schema = parse_message_type(&schema()).map_err(write_error)?;
    // The lowest level that still halves what dictionaries leave; higher ones cost more than disk.
    let level = ZstdLevel::try_new(3).map_err(write_error)?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let mut file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))
        .map_err(write_error)?;
    let mut group = Group::new();
    let mut header = crate::table::RowObject::new();
    header.insert("type".to_owned(), "header".into());
    header.insert("header".to_owned(), Value::String(reader.header().to_json()));
    group.push(&header);
    let mut count = 0;
    while let Some(block) = reader.next_block()? {
        for record in block.iter() {
            group.push(&row_object(&record));
            count += 1;
            if group.rows == GROUP_ROWS {
                group.write(&mut file)?;
            }
        }
    }
    group.write(&mut file)?;
    file.finish().map_err(write_error)?;
    file.inner_mut().flush()?;
    Ok(count)
}

fn write_error(error: ParquetError) -> ExportError {
    ExportError::Write(std::io::Error::other(error))
}

/// How a column holds its values.
#[derive(Clone, Copy)]
enum Kind {
    /// A number of at most 32 bits, by its annotation.
    Narrow(&'static str),
    /// A number of 64 bits, by its annotation.
    Wide(&'static str),
    /// Text.
    Text,
    /// JSON, as text.
    Json,
}

fn kind(key: &str, cell: Cell) -> Kind {
    match (cell, key) {
        (Cell::Json, _) => Kind::Json,
        (_, "pid" | "uid" | "gid") => Kind::Narrow("INTEGER(32,false)"),
        (_, "slot") => Kind::Narrow("INTEGER(16,false)"),
        (_, "step") => Kind::Narrow("INTEGER(8,false)"),
        (_, "errno") => Kind::Narrow("INTEGER(32,true)"),
        (_, "result") => Kind::Wide("INTEGER(64,true)"),
        (_, "type" | "op" | "call" | "flags" | "stage" | "note" | "id") => Kind::Text,
        _ => Kind::Wide("INTEGER(64,false)"),
    }
}

fn schema() -> String {
    let columns = KEYS.iter().map(|(key, cell)| match kind(key, *cell) {
        Kind::Narrow(form) => format!("optional int32 {key} ({form});"),
        Kind::Wide(form) => format!("optional int64 {key} ({form});"),
        Kind::Text => format!("optional binary {key} (STRING);"),
        Kind::Json => format!("optional binary {key} (JSON);"),
    });
    format!("message trace {{ {} }}", columns.collect::<String>())
}

/// The present values of one column of a group, and a level a row: 1 where there is a value.
enum Values {
    Narrow(Vec<i32>),
    Wide(Vec<i64>),
    Bytes(Vec<ByteArray>, Kind),
}

struct Group {
    rows: usize,
    columns: Vec<(&'static str, Values, Vec<i16>)>,
}

impl Group {
    fn new() -> Group {
        let columns = KEYS.iter().map(|(key, cell)| {
            let values = match kind(key, *cell) {
                Kind::Narrow(_) => Values::Narrow(Vec::new()),
                Kind::Wide(_) => Values::Wide(Vec::new()),
                kind @ (Kind::Text | Kind::Json) => Values::Bytes(Vec::new(), kind),
            };
            (*key, values, Vec::new())
        });
        Group { rows: 0, columns: columns.collect() }
    }

    fn push(&mut self, row: &crate::table::RowObject) {
        self.rows += 1;
        for (key, values, levels) in &mut self.columns {
            let there = row.get(*key).is_some_and(|value| values.push(key, value));
            levels.push(i16::from(there));
        }
    }

    /// Writes the rows as a group of their own and begins the next.
    fn write<W: Write + Send>(
        &mut self,
        file: &mut SerializedFileWriter<W>,
    ) -> Result<(), ExportError> {
        let group = core::mem::replace(self, Group::new());
        if group.rows == 0 {
            return Ok(());
        }
        let mut out = file.next_row_group().map_err(write_error)?;
        for (_, values, levels) in &group.columns {
            let column = out.next_column().map_err(write_error)?;
            let column = column.expect("the schema has a column for each key");
            values.write(column, levels).map_err(write_error)?;
        }
        out.close().map_err(write_error)?;
        Ok(())
    }
}

impl Values {
    /// Adds a value; false for a null.
    fn push(&mut self, key: &str, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null) => return false,
            (Values::Narrow(values), value) => values.push(word(key, value) as i32),
            (Values::Wide(values), value) => values.push(word(key, value)),
            // A header comes as its JSON text, which is not to be quoted again.
            (Values::Bytes(values, _), Value::String(text)) if key == "header" => {
                values.push(ByteArray::from(text.as_str()));
            }
            (Values::Bytes(values, Kind::Text), Value::String(text)) => {
                values.push(ByteArray::from(text.as_str()));
            }
            (Values::Bytes(values, _), value) => {
                values.push(ByteArray::from(value.to_string().as_str()));
            }
        }
        true
    }

    fn write(
        &self,
        mut column: SerializedColumnWriter<'_>,
        levels: &[i16],
    ) -> Result<(), ParquetError> {
        match self {
            Values::Narrow(values) => {
                column.typed::<Int32Type>().write_batch(values, Some(levels), None)?;
            }
            Values::Wide(values) => {
                column.typed::<Int64Type>().write_batch(values, Some(levels), None)?;
            }
            Values::Bytes(values, _) => {
                column.typed::<ByteArrayType>().write_batch(values, Some(levels), None)?;
            }
        }
        column.close()
    }
}

/// The bits of a number, whatever its sign; rows hold nothing else in the columns of numbers.
fn word(key: &str, value: &Value) -> i64 {
    let unsigned = |text: &str| text.parse::<u64>().ok().map(u64::cast_signed);
    let bits = match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_u64().map(u64::cast_signed)),
        Value::String(text) => text.parse().ok().or_else(|| unsigned(text)),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    bits.unwrap_or_else(|| panic!("{key} is a number in every row, not {value}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::{Field, Row};

    use super::{GROUP_ROWS, write_parquet};
    use crate::record::{NoteRecord, OpRecord, Record};
    use crate::{Header, TraceReader, TraceWriter};

    /// The export of some records, opened.
    fn exported(records: &[Record]) -> SerializedFileReader<std::fs::File> {
        let mut writer = TraceWriter::create(Vec::new(), Header::default()).expect("in memory");
        for record in records {
            writer.append(record.as_ref()).expect("in memory");
        }
        let (_, frt) = writer.finish().expect("in memory");
        let mut out = Vec::new();
        let mut reader = TraceReader::open(&frt[..]).expect("it was just written");
        let count = write_parquet(&mut reader, &mut out).expect("in memory");
        assert_eq!(count, records.len() as u64);
        let mut file = tempfile::tempfile().expect("a directory for temporary files");
        file.write_all(&out).expect("the directory is writable");
        SerializedFileReader::new(file).expect("it is Parquet")
    }

    #[test]
    fn extremes_come_back_from_the_columns() {
        let op = OpRecord {
            opcode: 1,
            seq_send: u64::MAX,
            pid: u32::MAX,
            nodeid: 1 << 63,
            result: -2,
            request: b"a\xff\0".to_vec(),
            ..OpRecord::default()
        };
        let note = NoteRecord { text: "a \"b\"".into(), ..NoteRecord::default() };
        let file = exported(&[op.into(), note.into()]);
        let rows = file.get_row_iter(None).expect("it has rows");
        let rows: Vec<Row> = rows.map(|row| row.expect("it is a row")).collect();
        let cell = |row: usize, name: &str| {
            let mut cells = rows[row].get_column_iter();
            match cells.find(|(key, _)| *key == name) {
                Some((_, Field::Str(text))) => text.clone(),
                other => other.map(|(_, field)| field.to_string()).unwrap_or_default(),
            }
        };
        assert_eq!(rows.len(), 3, "the header is a row");
        assert_eq!(cell(0, "type"), "header");
        assert_eq!(cell(1, "seq_send"), u64::MAX.to_string());
        assert_eq!(cell(1, "pid"), u32::MAX.to_string());
        assert_eq!(cell(1, "nodeid"), (1_u64 << 63).to_string());
        assert_eq!(cell(1, "result"), "-2");
        assert_eq!(cell(1, "slot"), "null");
        assert_eq!(cell(1, "request"), r#"{"names":[{"hex":"61ff"}]}"#);
        assert_eq!(cell(2, "detail"), r#""a \"b\"""#);
    }

    #[test]
    fn more_rows_than_a_group_are_all_there() {
        let records: Vec<Record> = (0..GROUP_ROWS as u64 + 5)
            .map(|seq| OpRecord { opcode: 3, seq_send: seq + 1, ..OpRecord::default() }.into())
            .collect();
        let file = exported(&records);
        assert_eq!(file.num_row_groups(), 2);
        assert_eq!(file.metadata().file_metadata().num_rows(), GROUP_ROWS as i64 + 6);
    }
}
