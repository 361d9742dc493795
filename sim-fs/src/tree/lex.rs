//! Cutting a line into words, and the escapes, in both directions.

use super::error::TreeProblem;

/// The rest of a line that is being read. Columns count bytes from 1.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    line: &'a [u8],
    at: usize,
}

/// A problem and its column; the line is added by whoever knows it.
pub(super) type Spot = (usize, TreeProblem);

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a str) -> Cursor<'a> {
        Cursor { line: line.as_bytes(), at: 0 }
    }

    pub(super) fn column(&self) -> usize {
        self.at + 1
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    pub(super) fn skip_spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes `expected` if the line goes on with it.
    pub(super) fn take(&mut self, expected: u8) -> bool {
        let taken = self.peek() == Some(expected);
        self.at += usize::from(taken);
        taken
    }

    /// The next word without decoding it, up to a space or the end.
    pub(super) fn word(&mut self) -> &'a str {
        let rest = &self.line[self.at..];
        let len = rest.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
        let word = &rest[..len.unwrap_or(rest.len())];
        self.at += word.len();
        // Spaces are ASCII, so a cut at one never splits a character.
        str::from_utf8(word).expect("the line is text and was cut at a space")
    }

    /// Decodes escapes up to a space, the end, or `stop`, which stays.
    pub(super) fn bare(&mut self, stop: Option<u8>) -> Result<Vec<u8>, Spot> {
        let mut bytes = Vec::new();
        while let Some(byte) = self.peek()
            && !matches!(byte, b' ' | b'\t' | b'\r')
            && Some(byte) != stop
        {
            bytes.push(self.one()?);
        }
        Ok(bytes)
    }

    /// Decodes a quoted string. The cursor is behind the opening quote.
    pub(super) fn quoted(&mut self) -> Result<Vec<u8>, Spot> {
        let start = self.column() - 1;
        let mut bytes = Vec::new();
        loop {
            match self.peek() {
                None => return Err((start, TreeProblem::OpenQuote)),
                Some(b'\'') => break,
                Some(_) => bytes.push(self.one()?),
            }
        }
        self.at += 1;
        Ok(bytes)
    }

    /// One byte, which may be written as an escape.
    fn one(&mut self) -> Result<u8, Spot> {
        let rest = &self.line[self.at..];
        let (byte, len) = match *rest {
            [b'\\', b'x', high, low, ..] => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => (high << 4 | low, 4),
                _ => return Err((self.column(), TreeProblem::BadEscape)),
            },
            [b'\\', b'n', ..] => (b'\n', 2),
            [b'\\', plain @ (b'\\' | b'\''), ..] => (plain, 2),
            [b'\\', ..] | [] => return Err((self.column(), TreeProblem::BadEscape)),
            [byte, ..] => (byte, 1),
        };
        self.at += len;
        Ok(byte)
    }
}

fn digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}

/// Writes bytes in ASCII with as few escapes as possible. `special` are further bytes that need
/// one.
pub(super) fn escape(bytes: &[u8], special: &[u8], out: &mut String) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    for byte in bytes {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\\' => out.push_str("\\\\"),
            b'\'' => out.push_str("\\'"),
            b' '..=b'~' if !special.contains(byte) => out.push(*byte as char),
            _ => {
                out.push_str("\\x");
                out.push(DIGITS[usize::from(byte >> 4)]);
                out.push(DIGITS[usize::from(byte & 15)]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Cursor, escape};

    proptest! {
        #[test]
        fn every_byte_string_survives_quoting(
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut text = String::new();
            escape(&bytes, b"", &mut text);
            text.push('\'');
            prop_assert!(text.is_ascii());
            prop_assert_eq!(Cursor::new(&text).quoted(), Ok(bytes.clone()));
            let mut word = String::new();
            escape(&bytes, b" =", &mut word);
            prop_assert_eq!(Cursor::new(&word).bare(Some(b'=')), Ok(bytes));
        }

        #[test]
        fn no_line_makes_the_reader_panic(line in "[ -~]{0,30}") {
            let mut cursor = Cursor::new(&line);
            let _ = cursor.quoted();
            let _ = Cursor::new(&line).bare(None);
        }
    }
}
