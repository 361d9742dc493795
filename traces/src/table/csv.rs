//! Rows as lines of comma-separated values (RFC 4180).

use serde_json::Value;

use super::value::Object;
use super::{Cell, KEYS, Row, RowError, json, row};
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
        let separator = CsvTable::separator_of(line);
        let columns: Vec<String> = cells(line, separator)
            .map_err(|what| RowError::new("", what))?
            .into_iter()
            .map(|name| name.trim().to_owned())
            .collect();
        if !columns.iter().any(|name| name == "type") {
            return Err(RowError::new("", "the first line names no column `type`"));
        }
        let twice = |(at, name): &(usize, &String)| columns[..*at].contains(name);
        if let Some((_, name)) = columns.iter().enumerate().find(twice) {
            return Err(RowError::new(name, "the first line names the column twice"));
        }
        Ok(CsvTable { columns, separator })
    }

    /// Whether a line, or several joined, is whole: no cell in quotes goes on behind its end.
    pub fn is_whole(line: &str) -> bool {
        !goes_on(line, CsvTable::separator_of(line), false)
    }

    /// What stands between the cells of a table with that first line: a comma, or where it has none
    /// a tab or a semicolon.
    pub(crate) fn separator_of(line: &str) -> char {
        let mut others = ['\t', ';'].into_iter().filter(|other| line.contains(*other));
        others.next().filter(|_| !line.contains(',')).unwrap_or(',')
    }

    pub(crate) fn separator(&self) -> char {
        self.separator
    }

    /// Reads a line.
    ///
    /// # Errors
    /// When it has more cells than columns, or is no record.
    pub fn parse_line(&self, line: &str) -> Result<Row, RowError> {
        let cells = cells(line, self.separator).map_err(|what| RowError::new("", what))?;
        if cells.len() != self.columns.len() {
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
                Some(Cell::Json) => json::parse(&cell).map_err(|what| RowError::new(name, what))?,
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
    cells(line, separator).ok()
}

/// The cells of a line, or why it has none. What RFC 4180 does not have is no cell: a quote in a
/// cell without quotes would be lost, and nobody would know.
fn cells(line: &str, separator: char) -> Result<Vec<String>, &'static str> {
    let mut cells = vec![String::new()];
    let mut place = Place::Start;
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        let cell = cells.last_mut().expect("there is one from the start");
        match (place, char) {
            (Place::Quoted, '"') if chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            (Place::Quoted, '"') => place = Place::Closed,
            (Place::Quoted, _) => cell.push(char),
            (_, _) if char == separator => {
                cells.push(String::new());
                place = Place::Start;
            }
            (Place::Start, '"') => place = Place::Quoted,
            (Place::Closed, _) => return Err("there is text behind the quote that ends a cell"),
            (Place::Plain, '"') => {
                return Err("a quote in a cell without quotes; write \"a \"\"quoted\"\" cell\"");
            }
            (Place::Start | Place::Plain, _) => {
                cell.push(char);
                place = Place::Plain;
            }
        }
    }
    if place == Place::Quoted { Err("a quoted cell has no end") } else { Ok(cells) }
}

/// Whether a cell in quotes goes on behind the end of a line, which began within one or not.
pub(crate) fn goes_on(line: &str, separator: char, within: bool) -> bool {
    let (mut quoted, mut at_start) = (within, !within);
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => drop(chars.next()),
            '"' if quoted => quoted = false,
            '"' if at_start => quoted = true,
            _ => {}
        }
        at_start = !quoted && char == separator;
    }
    quoted
}

/// Where in a cell a letter stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Plain,
    Quoted,
    Closed,
}
