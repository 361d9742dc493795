//! Rows as lines of comma-separated values (RFC 4180).

use serde_json::Value;

use super::value::Object;
use super::{Cell, KEYS, Row, RowError, row};
use crate::record::RecordRef;

/// The columns of a table that is read: names of its first line.
///
/// ```
/// use fuserig_traces::table::{CsvTable, Row};
/// let table = CsvTable::from_first_line("type,op,nodeid,request")?;
/// let line = r#"op,LOOKUP,1,"{""names"":[""a""]}""#;
/// let Row::Record(record, _) = table.parse_line(line)? else { panic!("no record") };
/// assert_eq!(record.kind().name(), "op");
/// # Ok::<(), fuserig_traces::table::RowError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvTable {
    columns: Vec<String>,
    separator: char,
}

impl CsvTable {
    /// Reads the names of the columns. A first line with tabs and no comma separates by tabs.
    ///
    /// # Errors
    /// When there is no column `type`.
    pub fn from_first_line(line: &str) -> Result<CsvTable, RowError> {
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        let separator = if line.contains('\t') && !line.contains(',') { '\t' } else { ',' };
        let columns: Vec<String> = csv_cells(line, separator)
            .ok_or_else(|| RowError::new("", "a quoted cell has no end"))?
            .into_iter()
            .map(|name| name.trim().to_owned())
            .collect();
        if !columns.iter().any(|name| name == "type") {
            return Err(RowError::new("", "the first line names no column `type`"));
        }
        Ok(CsvTable { columns, separator })
    }

    /// Whether a line, or several joined, is whole: every quote is closed.
    pub fn is_whole(line: &str) -> bool {
        line.bytes().filter(|byte| *byte == b'"').count().is_multiple_of(2)
    }

    /// Reads a line.
    ///
    /// # Errors
    /// When it has more cells than columns, or is no record.
    pub fn parse_line(&self, line: &str) -> Result<Row, RowError> {
        let cells = csv_cells(line, self.separator)
            .ok_or_else(|| RowError::new("", "a quoted cell has no end"))?;
        if cells.len() > self.columns.len() {
            let what = format!("{} cells for {} columns", cells.len(), self.columns.len());
            return Err(RowError::new("", what));
        }
        let mut object = Object::new();
        for (name, cell) in self.columns.iter().zip(cells) {
            if cell.is_empty() {
                continue;
            }
            let form = KEYS.iter().find(|(key, _)| key == name).map(|(_, form)| *form);
            let value = match form {
                Some(Cell::Json) => serde_json::from_str(&cell)
                    .map_err(|error| RowError::new(name, format!("no JSON: {error}")))?,
                Some(Cell::Plain) | None => Value::String(cell),
            };
            object.insert(name.clone(), value);
        }
        row::read(object)
    }
}

/// A record as a line, without its end.
///
/// ```
/// use fuserig_traces::record::{NoteRef, RecordRef};
/// use fuserig_traces::table::csv_line;
/// let line = csv_line(&RecordRef::Note(NoteRef { text: "a,b", ..NoteRef::default() }));
/// assert!(line.starts_with("note,0,"));
/// assert!(line.ends_with("\"\"\"a,b\"\"\","));
/// ```
pub fn csv_line(record: &RecordRef<'_>) -> String {
    let object = row::object(record);
    let mut line = String::new();
    for (index, (key, form)) in KEYS.iter().enumerate() {
        if index > 0 {
            line.push(',');
        }
        match (object.get(*key), form) {
            (None | Some(Value::Null), _) => {}
            (Some(Value::String(text)), Cell::Plain) => put_cell(&mut line, text),
            (Some(value), _) => put_cell(&mut line, &value.to_string()),
        }
    }
    line
}

pub(crate) fn put_cell(line: &mut String, text: &str) {
    if !text.contains([',', '"', '\n', '\r']) {
        line.push_str(text);
        return;
    }
    line.push('"');
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}

/// The cells of a line; `None` when a quote is not closed.
///
/// ```
/// use fuserig_traces::table::csv_cells;
/// let cells = csv_cells(r#"a,"b,""c""",,d"#, ',').expect("quotes are closed");
/// assert_eq!(cells, ["a", "b,\"c\"", "", "d"]);
/// assert_eq!(csv_cells("\"a", ','), None);
/// ```
pub fn csv_cells(line: &str, separator: char) -> Option<Vec<String>> {
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            _ if char == separator && !quoted => cells.push(core::mem::take(&mut cell)),
            _ => cell.push(char),
        }
    }
    cells.push(cell);
    (!quoted).then_some(cells)
}
