//! JSONL and CSV with the schema of [`crate::table`], as records.

use core::fmt;
use core::ops::ControlFlow;
use std::collections::BTreeMap;
use std::io::BufRead;

use super::LogError;
use super::lines::Lines;
use super::log_error::excerpt;
use crate::Header;
use crate::record::Record;
use crate::table::{CsvTable, Row, RowError, goes_on, parse_row};

/// Mistakes that are kept with their text.
const KEPT_MAX: usize = 1_000;
/// Names of unknown keys that are kept.
const UNKNOWN_MAX: usize = 1_000;
const HINT: &str = "the schema stands in harness/docs/table.md";
/// Bytes of a row that goes over several lines.
const ROW_BYTES_MAX: usize = 80 << 20;

/// Which form a table has.
///
/// ```
/// use fuserig_traces::import::TableForm;
/// assert_ne!(TableForm::Jsonl, TableForm::Csv);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableForm {
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values whose first line names the columns.
    Csv,
}

/// What came of importing a table.
///
/// ```
/// use fuserig_traces::import::{import_table, TableForm};
/// let text = "{\"type\":\"op\",\"op\":\"GETATTR\",\"colour\":\"red\"}\n{\"type\":\"op\"}\n";
/// let mut keep = |_record| std::ops::ControlFlow::Continue(());
/// let report = import_table(text.as_bytes(), TableForm::Jsonl, &mut keep)?;
/// assert_eq!((report.records, report.unknown["colour"], report.mistakes_total), (1, 1, 1));
/// assert!(report.mistakes[0].starts_with("line 2: key `op`"));
/// # Ok::<(), fuserig_traces::import::LogError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableReport {
    /// Lines of the table.
    pub lines: u64,
    /// Records handed out.
    pub records: u64,
    /// Records that had no sequence number and were given the number of their row.
    pub numbered: u64,
    /// The header, when the table has one.
    pub header: Option<Header>,
    /// Keys that mean nothing, and how often they occur.
    pub unknown: BTreeMap<String, u64>,
    /// The first rows that are no records, by line.
    pub mistakes: Vec<String>,
    /// How many rows are no records.
    pub mistakes_total: u64,
}

impl TableReport {
    /// Whether every row is in the trace, whole.
    pub fn is_lossless(&self) -> bool {
        self.mistakes_total == 0 && self.unknown.is_empty()
    }
}

impl fmt::Display for TableReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 20;
        writeln!(out, "lines           {:>9}", self.lines)?;
        writeln!(out, "records         {:>9}", self.records)?;
        writeln!(out, "not understood  {:>9}", self.mistakes_total)?;
        if self.numbered > 0 {
            writeln!(out, "note: {} records without `seq_send` keep their order", self.numbered)?;
        }
        for (key, count) in self.unknown.iter().take(SHOWN_MAX) {
            writeln!(out, "left out: key `{key}`, {count} times")?;
        }
        let listed = self.mistakes.iter().take(SHOWN_MAX);
        listed.into_iter().try_for_each(|mistake| writeln!(out, "not understood: {mistake}"))
    }
}

/// Imports a table: hands out each record in the order of the rows.
///
/// # Errors
/// When the table cannot be read, is empty, or its first row is none. Later rows that are no
/// records are mistakes in the report.
pub fn import_table<R: BufRead>(
    input: R,
    form: TableForm,
    sink: &mut dyn FnMut(Record) -> ControlFlow<()>,
) -> Result<TableReport, LogError> {
    let mut lines = Lines::new(input);
    let mut report = TableReport::default();
    let mut columns: Option<CsvTable> = None;
    // A row in quotes may go over several lines.
    let mut begun: Option<(u64, String)> = None;
    let mut accepted = false;
    while let Some(line) = lines.next_line()? {
        report.lines = line.number;
        let Ok(text) = core::str::from_utf8(line.text) else {
            let what = RowError { key: String::new(), what: not_text(line.text).to_owned() };
            refuse(&mut report, accepted, line.number, line.text, &what)?;
            continue;
        };
        let within = begun.is_some();
        if text.trim().is_empty() && !within {
            continue;
        }
        let separator =
            columns.as_ref().map_or_else(|| CsvTable::separator_of(text), CsvTable::separator);
        let goes_on = form == TableForm::Csv && goes_on(text, separator, within);
        let (number, text) = match begun.take() {
            Some((number, mut before)) => {
                before.push('\n');
                before.push_str(text);
                (number, before)
            }
            None => (line.number, text.to_owned()),
        };
        if goes_on && text.len() < ROW_BYTES_MAX {
            begun = Some((number, text));
            continue;
        }
        let row = match (form, &columns) {
            (TableForm::Jsonl, _) => parse_row(&text),
            (TableForm::Csv, Some(columns)) => columns.parse_line(&text),
            (TableForm::Csv, None) => match CsvTable::from_first_line(&text) {
                Ok(table) => {
                    columns = Some(table);
                    accepted = true;
                    continue;
                }
                Err(error) => Err(error),
            },
        };
        match row {
            Ok(row) => {
                accepted = true;
                if take(row, number, &mut report, sink).is_break() {
                    return Err(LogError::Stopped { line: number });
                }
            }
            Err(error) => refuse(&mut report, accepted, number, text.as_bytes(), &error)?,
        }
    }
    if let Some((number, text)) = begun {
        let what = RowError { key: String::new(), what: "a quoted cell has no end".to_owned() };
        refuse(&mut report, accepted, number, text.as_bytes(), &what)?;
    }
    if report.lines == 0 {
        return Err(LogError::Empty { hint: HINT });
    }
    Ok(report)
}

/// What bytes are that are not UTF-8.
fn not_text(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "the table is UTF-16; save it as UTF-8",
        _ => "the line is not UTF-8",
    }
}

fn take(
    row: Row,
    number: u64,
    report: &mut TableReport,
    sink: &mut dyn FnMut(Record) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let (mut record, unknown) = match row {
        Row::Header(header) => {
            report.header.get_or_insert(*header);
            return ControlFlow::Continue(());
        }
        Row::Record(record, unknown) => (record, unknown),
    };
    for key in unknown {
        let is_new = !report.unknown.contains_key(&key);
        let key =
            if is_new && report.unknown.len() >= UNKNOWN_MAX { "(others)".into() } else { key };
        *report.unknown.entry(key).or_default() += 1;
    }
    let seq = match &mut record {
        Record::Op(op) => Some(&mut op.seq_send),
        Record::Call(call) => Some(&mut call.seq_send),
        Record::Stage(_) | Record::Payload(_) | Record::Tree(_) | Record::Note(_) => None,
    };
    if let Some(seq) = seq.filter(|seq| **seq == 0) {
        *seq = number;
        report.numbered += 1;
    }
    report.records += 1;
    sink(record)
}

/// A row that is no record: a mistake, or, while nothing was accepted, the end.
fn refuse(
    report: &mut TableReport,
    accepted: bool,
    line: u64,
    text: &[u8],
    error: &RowError,
) -> Result<(), LogError> {
    if !accepted {
        return Err(LogError::Foreign {
            line,
            what: "a row of a trace",
            column: 1,
            why: error.to_string(),
            text: excerpt(text),
            hint: HINT,
        });
    }
    report.mistakes_total += 1;
    if report.mistakes.len() < KEPT_MAX {
        report.mistakes.push(format!("line {line}: {error}"));
    }
    Ok(())
}

/// Imports whatever the bytes are, in both forms; every record must survive its row. Must not
/// panic.
#[doc(hidden)]
pub fn fuzz_entry_table(bytes: &[u8]) {
    for form in [TableForm::Jsonl, TableForm::Csv] {
        let mut keep = |record: Record| {
            let text = crate::table::row(&record.as_ref());
            let back = parse_row(&text);
            let same = back.as_ref().is_ok_and(|back| *back == Row::Record(record, Vec::new()));
            assert!(same, "the row lost something of {text}: {back:?}");
            ControlFlow::Continue(())
        };
        let _outcome = import_table(bytes, form, &mut keep);
    }
}
