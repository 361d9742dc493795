//! Bytes as text: quoted with escapes, or in hexadecimal.

use super::cursor::Cursor;
use super::error::Mistake;

/// Appends `"..."`: printable ASCII as it is, everything else escaped.
pub(super) fn put_quoted(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for &byte in bytes {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\r' => out.push_str("\\r"),
            0x20..=0x7e => out.push(char::from(byte)),
            _ => {
                out.push_str("\\x");
                put_hex(out, byte);
            }
        }
    }
    out.push('"');
}

/// Appends `b"..."`, or `x"..."` where escapes would be most of it.
pub(super) fn put_bytes(out: &mut String, bytes: &[u8]) {
    let printable = bytes.iter().filter(|byte| matches!(byte, 0x20..=0x7e | b'\n' | b'\t'));
    if printable.count() * 4 >= bytes.len() * 3 {
        out.push('b');
        put_quoted(out, bytes);
    } else {
        out.push_str("x\"");
        bytes.iter().for_each(|&byte| put_hex(out, byte));
        out.push('"');
    }
}

fn put_hex(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

impl Cursor<'_> {
    /// Whether bytes in one of the three forms are next.
    pub(super) fn at_literal(&self) -> bool {
        let rest = self.rest();
        rest.starts_with("\"") || rest.starts_with("b\"") || rest.starts_with("x\"")
    }

    /// Reads `"..."`, `b"..."` or `x"..."`.
    pub(super) fn literal(&mut self) -> Result<Vec<u8>, Mistake> {
        if self.eat("x\"") {
            return self.hex_tail();
        }
        let _ = self.eat("b");
        self.quoted()
    }

    /// Reads `"..."`.
    pub(super) fn quoted(&mut self) -> Result<Vec<u8>, Mistake> {
        self.expect("\"")?;
        let mut bytes = Vec::new();
        loop {
            let at = self.at();
            match self.next_byte() {
                None => return Err(self.mistake_at(at, "expected a closing quote")),
                Some(b'"') => return Ok(bytes),
                Some(b'\\') => bytes.push(self.escape(at)?),
                Some(byte) => bytes.push(byte),
            }
        }
    }

    fn escape(&mut self, at: usize) -> Result<u8, Mistake> {
        match self.next_byte() {
            Some(byte @ (b'"' | b'\\')) => Ok(byte),
            Some(b'n') => Ok(b'\n'),
            Some(b't') => Ok(b'\t'),
            Some(b'r') => Ok(b'\r'),
            Some(b'x') => {
                let high = self.next_byte().and_then(hex_digit);
                let low = self.next_byte().and_then(hex_digit);
                match (high, low) {
                    (Some(high), Some(low)) => Ok(high << 4 | low),
                    _ => Err(self.mistake_at(at, "expected two hexadecimal digits after \\x")),
                }
            }
            _ => Err(self.mistake_at(at, "expected one of \\\\ \\\" \\n \\t \\r \\xNN")),
        }
    }

    fn hex_tail(&mut self) -> Result<Vec<u8>, Mistake> {
        let mut bytes = Vec::new();
        while !self.eat("\"") {
            let at = self.at();
            let high = self.next_byte().and_then(hex_digit);
            let low = self.next_byte().and_then(hex_digit);
            let (Some(high), Some(low)) = (high, low) else {
                return Err(self.mistake_at(at, "expected pairs of hexadecimal digits, then \""));
            };
            bytes.push(high << 4 | low);
        }
        Ok(bytes)
    }
}
