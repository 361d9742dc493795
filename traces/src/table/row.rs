//! A record as a row, and back.

use serde_json::Value;

use super::value::Object;
use super::{RowError, call, json, op};
use crate::Header;
use crate::record::{Record, RecordRef};

/// What a row says.
///
/// ```
/// use fuserig_traces::table::{parse_row, Row};
/// let row = parse_row(r#"{"type":"op","op":"GETATTR","nodeid":"1","when":"noon"}"#)?;
/// let Row::Record(record, unknown) = row else { panic!("an operation is a record") };
/// assert_eq!((record.kind().name(), unknown), ("op", vec!["when".to_owned()]));
/// # Ok::<(), fuserig_traces::table::RowError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// The header of a trace.
    Header(Box<Header>),
    /// A record, and the keys of the row that mean nothing.
    Record(Record, Vec<String>),
}

/// A record as the JSON text of its row, on one line.
///
/// ```
/// use fuserig_traces::record::{NoteKind, NoteRef, RecordRef};
/// use fuserig_traces::table::{parse_row, row, Row};
/// let note = NoteRef { kind: NoteKind::STORY, text: "seed 7", ..NoteRef::default() };
/// let text = row(&RecordRef::Note(note));
/// let expected =
///     r#"{"type":"note","seq_send":"0","note":"story","count":"0","detail":"seed 7"}"#;
/// assert_eq!(text, expected);
/// assert_eq!(parse_row(&text)?, Row::Record(note.to_owned().into(), Vec::new()));
/// # Ok::<(), fuserig_traces::table::RowError>(())
/// ```
pub fn row(record: &RecordRef<'_>) -> String {
    ordered(&object(record))
}

/// A header as the JSON text of its row, on one line.
///
/// ```
/// use fuserig_traces::{table, Header};
/// let header = Header { abi: "v4".into(), ..Header::default() };
/// assert_eq!(table::header_row(&header), r#"{"type":"header","header":{"abi":"v4"}}"#);
/// ```
pub fn header_row(header: &Header) -> String {
    format!("{{\"type\":\"header\",\"header\":{}}}", header.to_json())
}

/// Reads the JSON text of a row.
///
/// # Errors
/// When it is no JSON object, or not one of a record.
pub fn parse_row(text: &str) -> Result<Row, RowError> {
    match json::parse(text) {
        Ok(Value::Object(object)) => read(object),
        Ok(Value::Array(_)) => {
            let what = "expected a JSON object; of a list, `jq -c .[]` makes one a line";
            Err(RowError::new("", what))
        }
        Ok(_) => Err(RowError::new("", "expected a JSON object")),
        Err(what) => Err(RowError::new("", what)),
    }
}

/// A record as an object: what the lines of JSONL and CSV and the columns of Parquet come from.
pub(crate) fn object(record: &RecordRef<'_>) -> Object {
    let mut row = Object::new();
    row.insert("type".to_owned(), record.kind().name().into());
    match record {
        RecordRef::Op(record) => op::op(record, &mut row),
        RecordRef::Stage(record) => op::stage(record, &mut row),
        RecordRef::Payload(record) => op::payload(record, &mut row),
        RecordRef::Tree(record) => op::tree(record, &mut row),
        RecordRef::Note(record) => op::note(record, &mut row),
        RecordRef::Call(record) => call::call(record, &mut row),
    }
    row
}

/// JSON text with the keys in the order of the columns and without those that are null.
fn ordered(row: &Object) -> String {
    let mut text = String::from("{");
    let known = super::KEYS.iter().filter_map(|(key, _)| Some((key, row.get(*key)?)));
    for (key, value) in known.filter(|(_, value)| !value.is_null()) {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&format!("\"{key}\":{value}"));
    }
    text.push('}');
    text
}

pub(super) fn read(mut row: Object) -> Result<Row, RowError> {
    let kind = match row.remove("type") {
        Some(Value::String(kind)) => kind,
        Some(_) | None => return Err(RowError::new("type", "a row needs its type")),
    };
    let record = match kind.as_str() {
        "header" => {
            let header = row.remove("header").unwrap_or(Value::Null).to_string();
            let header = Header::from_json(&header)
                .map_err(|error| RowError::new("header", error.to_string()))?;
            return Ok(Row::Header(Box::new(header)));
        }
        "op" => Record::from(op::read_op(&mut row)?),
        "stage" => Record::from(op::read_stage(&mut row)?),
        "payload" => Record::from(op::read_payload_record(&mut row)?),
        "tree" => Record::from(op::read_tree(&mut row)?),
        "note" => Record::from(op::read_note(&mut row)?),
        "call" => Record::from(call::read_call(&mut row)?),
        other => {
            let what =
                format!("no record is a {other:?}: header, op, stage, payload, tree, note or call");
            return Err(RowError::new("type", what));
        }
    };
    row.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
    Ok(Row::Record(record, row.keys().cloned().collect()))
}
