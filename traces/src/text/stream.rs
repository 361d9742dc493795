//! Whole texts, line by line.

use std::io::{self, BufRead, Read, Write};

use super::error::{Mistake, TextError};
use super::parse::record as parse_record;
use super::print::{header_line, put_record};
use crate::record::Record;
use crate::{FormatVersion, Header, MAX_RECORD_BYTES, Trace, TraceError, TraceReader};

/// Longest line: the largest record, every byte as four characters, and its numbers.
const LINE_BYTES_MAX: u64 = 4 * MAX_RECORD_BYTES as u64 + (8 << 20);

/// Reads a whole text twin.
///
/// # Errors
/// At the first line that is wrong, with its number and column.
///
/// ```
/// use fuserig_traces::text;
/// let twin = "# frt 1.0 {\"abi\":\"v4\"}\n\n# by hand\nst 17 P3 result -> ENOENT\n";
/// let trace = text::parse(twin)?;
/// assert_eq!((trace.header.abi.as_str(), trace.records.len()), ("v4", 1));
/// # Ok::<(), fuserig_traces::text::TextError>(())
/// ```
pub fn parse(text: &str) -> Result<Trace, TextError> {
    let mut reader = TextReader::open(text.as_bytes())?;
    let mut trace = Trace { header: reader.header().clone(), records: Vec::new() };
    while let Some(record) = reader.next().transpose()? {
        trace.records.push(record);
    }
    Ok(trace)
}

/// Reads one record from a line, with or without its end. The inverse of `record_line`.
///
/// # Errors
/// When the line is no record, with the column; the line counts as the first.
///
/// ```
/// use fuserig_traces::text;
/// let line = r#"note 0 story 0 "hello""#;
/// let record = text::parse_line(line)?;
/// assert_eq!(text::record_line(&record.as_ref()), line);
/// # Ok::<(), fuserig_traces::text::TextError>(())
/// ```
pub fn parse_line(line: &str) -> Result<Record, TextError> {
    parse_record(line.strip_suffix('\n').unwrap_or(line)).map_err(|mistake| mistake.in_line(1))
}

/// Writes the text twin of a trace in file order, a block at a time: kinds are not merged by
/// sequence number. Damage becomes comments at the end.
///
/// # Errors
/// When the trace cannot be read ([`io::ErrorKind::InvalidData`], with a [`TraceError`] inside) or
/// the output fails.
///
/// ```
/// use fuserig_traces::{text, Header, TraceReader, TraceWriter};
/// let (_, file) = TraceWriter::create(Vec::new(), Header::default())?.finish()?;
/// let mut twin = Vec::new();
/// text::write_text(&mut TraceReader::open(&file[..])?, &mut twin)?;
/// assert!(twin.starts_with(b"# frt 1.1 {"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_text<R: Read>(reader: &mut TraceReader<R>, mut output: impl Write) -> io::Result<()> {
    let mut lines = header_line(reader.header());
    lines.push('\n');
    output.write_all(lines.as_bytes())?;
    let invalid = |error: TraceError| io::Error::new(io::ErrorKind::InvalidData, error);
    while let Some(block) = reader.next_block().map_err(invalid)? {
        lines.clear();
        for record in block.iter() {
            put_record(&mut lines, &record);
            lines.push('\n');
        }
        output.write_all(lines.as_bytes())?;
    }
    for damage in reader.damage().listed() {
        writeln!(output, "# damage: {damage}")?;
    }
    output.flush()
}

/// Reads a text twin line by line.
///
/// ```
/// use fuserig_traces::text::TextReader;
/// let mut reader = TextReader::open(&b"# frt 1.0 {}\nnote 0 story 0 \"hello\"\n"[..])?;
/// assert!(reader.next().is_some_and(|record| record.is_ok()));
/// assert!(reader.next().is_none());
/// # Ok::<(), fuserig_traces::text::TextError>(())
/// ```
#[derive(Debug)]
pub struct TextReader<B> {
    input: B,
    header: Header,
    line: u64,
    bytes: Vec<u8>,
    failed: bool,
}

impl<B: BufRead> TextReader<B> {
    /// Reads the first line.
    ///
    /// # Errors
    /// When it is not a header that this build knows.
    pub fn open(input: B) -> Result<TextReader<B>, TextError> {
        let (header, bytes) = (Header::default(), Vec::new());
        let mut reader = TextReader { input, header, line: 0, bytes, failed: false };
        let missing = Mistake { at: 0, what: "expected a first line # frt 1.0 {...}".into() };
        match reader.next_line()? {
            Some(line) => {
                let header = header_of(line).map_err(|mistake| mistake.in_line(1))?;
                reader.header = header;
                Ok(reader)
            }
            None => Err(missing.in_line(1)),
        }
    }

    /// What the trace says about itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next line without its end, or `None` after the last.
    fn next_line(&mut self) -> Result<Option<&str>, TextError> {
        self.line += 1;
        let line = self.line;
        let at = |at, what: &str| Mistake { at, what: what.into() }.in_line(line);
        self.bytes.clear();
        let mut limited = self.input.by_ref().take(LINE_BYTES_MAX);
        limited
            .read_until(b'\n', &mut self.bytes)
            .map_err(|source| TextError::Io { line, source })?;
        if self.bytes.is_empty() {
            return Ok(None);
        }
        if self.bytes.last() == Some(&b'\n') {
            self.bytes.pop();
            // What an editor of another system made of the line's end; in values it is an escape.
            if self.bytes.last() == Some(&b'\r') {
                self.bytes.pop();
            }
        } else if self.bytes.len() as u64 == LINE_BYTES_MAX {
            return Err(at(0, "the line is longer than any record"));
        }
        match core::str::from_utf8(&self.bytes) {
            Ok(line) => Ok(Some(line)),
            Err(error) => Err(at(error.valid_up_to(), "expected text in UTF-8")),
        }
    }
}

impl<B: BufRead> Iterator for TextReader<B> {
    type Item = Result<Record, TextError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.failed {
            let number = self.line + 1;
            let record = match self.next_line() {
                Ok(None) => return None,
                Ok(Some(line)) if line.trim().is_empty() || line.starts_with('#') => continue,
                Ok(Some(line)) => parse_record(line).map_err(|mistake| mistake.in_line(number)),
                Err(error) => Err(error),
            };
            self.failed = record.is_err();
            return Some(record);
        }
        None
    }
}

/// Reads `# frt 1.0 {json}`.
fn header_of(line: &str) -> Result<Header, Mistake> {
    let mistake = |at, what: String| Mistake { at, what };
    let hint = || mistake(0, "expected a first line # frt 1.0 {...}".into());
    let rest = line.strip_prefix("# frt ").ok_or_else(hint)?;
    let (version, json) = rest.split_once(' ').ok_or_else(hint)?;
    let (major, minor) = version.split_once('.').ok_or_else(hint)?;
    let (Ok(major), Ok(minor)) = (major.parse(), minor.parse()) else { return Err(hint()) };
    let found = FormatVersion { major, minor };
    if !found.readable() {
        let reads = FormatVersion::CURRENT.major;
        let what = format!("unknown format version {found} (this build reads {reads}.x)");
        return Err(mistake("# frt ".len(), what));
    }
    Header::from_json(json).map_err(|error| {
        let at = line.len() - json.len() + error.line_column().1.saturating_sub(1);
        mistake(at, format!("header: {error}"))
    })
}
