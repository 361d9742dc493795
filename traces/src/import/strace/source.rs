//! Lines of a log, numbered, with a bounded look ahead.
//!
//! A line is handed out only when it is read whole, and never allocated beyond [`LINE_MAX`]. The
//! look ahead exists for one question (which process did this fork return?) and keeps what it has
//! read for later.

use std::collections::VecDeque;
use std::io::{BufRead, Read as _};

use super::error::ImportError;

/// Longest line, in bytes: a write of 16 MiB with every byte escaped as `\ooo`.
pub(super) const LINE_MAX: u64 = 64 << 20;

/// How much the look ahead may keep. A fork returns within a few lines of its child's first;
/// behind a `vfork` stand all lines until the child's `execve`.
const AHEAD_LINES_MAX: usize = 100_000;
const AHEAD_BYTES_MAX: usize = 64 << 20;

/// One line without its newline.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) text: Vec<u8>,
}

/// Reads lines and can peek.
pub(super) struct Source<R> {
    input: R,
    read: u64,
    ahead: VecDeque<Line>,
    ahead_bytes: usize,
}

impl<R: BufRead> Source<R> {
    pub(super) fn new(input: R) -> Source<R> {
        Source { input, read: 0, ahead: VecDeque::new(), ahead_bytes: 0 }
    }

    /// The next line, or `None` at the end.
    pub(super) fn next_line(&mut self) -> Result<Option<Line>, ImportError> {
        if let Some(line) = self.ahead.pop_front() {
            self.ahead_bytes -= line.text.len();
            return Ok(Some(line));
        }
        self.read_line()
    }

    /// The first answer that `find` gives for a coming line. Those lines are still handed out by
    /// [`Source::next_line`] afterwards.
    pub(super) fn look_ahead<T>(
        &mut self,
        mut find: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, ImportError> {
        if let Some(found) = self.ahead.iter().find_map(|line| find(&line.text)) {
            return Ok(Some(found));
        }
        while self.ahead.len() < AHEAD_LINES_MAX && self.ahead_bytes < AHEAD_BYTES_MAX {
            let Some(line) = self.read_line()? else { return Ok(None) };
            let found = find(&line.text);
            self.ahead_bytes += line.text.len();
            self.ahead.push_back(line);
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn read_line(&mut self) -> Result<Option<Line>, ImportError> {
        let mut text = Vec::new();
        let number = self.read + 1;
        (&mut self.input)
            .take(LINE_MAX + 1)
            .read_until(b'\n', &mut text)
            .map_err(|source| ImportError::Io { line: self.read, source })?;
        if text.is_empty() {
            return Ok(None);
        }
        if text.last() == Some(&b'\n') {
            text.pop();
        } else if text.len() as u64 > LINE_MAX {
            let what = "the bytes of one line";
            return Err(ImportError::Limit { line: number, what, limit: LINE_MAX });
        }
        if text.last() == Some(&b'\r') {
            text.pop();
        }
        self.read = number;
        Ok(Some(Line { number, text }))
    }
}

#[cfg(test)]
mod tests {
    use super::{ImportError, LINE_MAX, Source};

    #[test]
    fn looking_ahead_loses_no_line_and_keeps_the_numbers() {
        let mut source = Source::new(&b"a\nb\r\nc\nd"[..]);
        assert_eq!(source.next_line().unwrap().unwrap().text, b"a");
        let found = source.look_ahead(|text| (text == b"c").then_some(7)).unwrap();
        assert_eq!(found, Some(7));
        assert_eq!(source.look_ahead(|text| (text == b"x").then_some(7)).unwrap(), None);
        let mut rest = Vec::new();
        while let Some(line) = source.next_line().unwrap() {
            rest.push((line.number, line.text));
        }
        assert_eq!(rest, [(2, b"b".to_vec()), (3, b"c".to_vec()), (4, b"d".to_vec())]);
    }

    #[test]
    fn a_line_without_end_is_refused_at_the_limit() {
        struct Endless;
        impl std::io::Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                buffer.fill(b'x');
                Ok(buffer.len())
            }
        }
        let mut source = Source::new(std::io::BufReader::with_capacity(1 << 20, Endless));
        let error = source.next_line().unwrap_err();
        assert!(matches!(error, ImportError::Limit { line: 1, limit: LINE_MAX, .. }), "{error}");
    }
}
