//! Lines of a log, numbered, each read whole and none above a limit.

use std::io::{BufRead, Read as _};

use super::LogError;

/// Longest line, in bytes: a message of 16 MiB with every byte as `\xNN`, and room.
pub(super) const LINE_MAX: u64 = 80 << 20;

/// Reads lines.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    /// The last line that was read, from 1.
    number: u64,
    text: Vec<u8>,
}

/// A line without its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogLine<'a> {
    pub(super) number: u64,
    pub(super) text: &'a [u8],
    /// Whether the line ended with a newline; the last one of a log that was cut does not.
    pub(super) whole: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Lines<R> {
        Lines { input, number: 0, text: Vec::new() }
    }

    /// The next line, or `None` at the end.
    pub(super) fn next_line(&mut self) -> Result<Option<LogLine<'_>>, LogError> {
        self.text.clear();
        (&mut self.input)
            .take(LINE_MAX + 1)
            .read_until(b'\n', &mut self.text)
            .map_err(|source| LogError::Io { line: self.number, source })?;
        if self.text.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let whole = self.text.last() == Some(&b'\n');
        if whole {
            self.text.pop();
        } else if self.text.len() as u64 > LINE_MAX {
            let what = "the bytes of one line";
            return Err(LogError::Limit { line: self.number, what, limit: LINE_MAX });
        }
        if self.text.last() == Some(&b'\r') {
            self.text.pop();
        }
        // The mark that some editors put in front of UTF-8 is no part of the first line.
        let mark = if self.number == 1 { "\u{feff}".as_bytes() } else { b"" };
        let text = self.text.strip_prefix(mark).unwrap_or(&self.text);
        Ok(Some(LogLine { number: self.number, text, whole }))
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn lines_are_numbered_and_a_cut_one_is_known() {
        let mut lines = Lines::new("\u{feff}a\r\n\nb".as_bytes());
        let mut seen = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            seen.push((line.number, line.text.to_vec(), line.whole));
        }
        let expected = [(1, b"a".to_vec(), true), (2, Vec::new(), true), (3, b"b".to_vec(), false)];
        assert_eq!(seen, expected);
    }
}
