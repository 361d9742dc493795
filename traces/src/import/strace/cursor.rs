//! A cursor over the bytes of one line, and the escapes of quoted text.
//!
//! strace writes text as C does: `\n`, `\"`, one to three octal digits, `\xNN` under `-x`. What a
//! reader would get wrong: an annotation `<...>` uses the same escapes without quotes, and inside
//! it `>` is written `\76`.

use super::super::words::unescape;
use super::error::Trouble;

/// A position in a byte string.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8]) -> Cursor<'a> {
        Cursor { text, at: 0 }
    }

    /// A cursor that begins within the text.
    pub(super) fn at_offset(text: &'a [u8], at: usize) -> Cursor<'a> {
        Cursor { text, at }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn bump(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Steps over `expected` if it comes next.
    pub(super) fn eat(&mut self, expected: &[u8]) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.at += expected.len();
        }
        found
    }

    pub(super) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|byte| !wanted(*byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    pub(super) fn skip_spaces(&mut self) {
        self.take_while(|byte| byte == b' ' || byte == b'\t');
    }

    /// Steps over blanks and `/* comments */`.
    pub(super) fn skip_blank(&mut self) {
        loop {
            self.skip_spaces();
            if !self.rest().starts_with(b"/*") {
                return;
            }
            match find(&self.rest()[2..], b"*/") {
                Some(length) => self.at += length + 4,
                None => self.at = self.text.len(),
            }
        }
    }

    pub(super) fn trouble(&self, why: impl Into<String>) -> Trouble {
        Trouble::new(self.at, why)
    }

    /// Steps over `"..."` with escapes, without decoding it.
    pub(super) fn skip_string(&mut self) -> Result<(), Trouble> {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.bump() {
            match byte {
                b'"' => return Ok(()),
                b'\\' => self.at += 1,
                _ => {}
            }
        }
        self.at = self.text.len();
        Err(Trouble::new(start, "the string has no end"))
    }

    /// Reads `"..."`; the cursor stands on the opening quote.
    pub(super) fn string(&mut self) -> Result<Vec<u8>, Trouble> {
        let start = self.at;
        self.skip_string()?;
        unescape(&self.text[start + 1..self.at - 1])
            .map_err(|(at, why)| Trouble::new(start + 1 + at, why))
    }

    /// Reads `<...>`; the cursor stands on `<`. Returns the text between the brackets.
    ///
    /// A path ends at the first `>` of its level (`-yy` nests a device in it); what is no path,
    /// such as `socket:[1->2]`, ends at `]>`.
    pub(super) fn angle(&mut self) -> Result<&'a [u8], Trouble> {
        let start = self.at;
        let inner = &self.rest()[1..];
        let length = match inner.first() {
            Some(b'/') => path_end(inner),
            _ => match (find(inner, b"]>"), inner.iter().position(|byte| *byte == b'>')) {
                (Some(bracket), Some(angle)) if inner[..angle].contains(&b'[') => Some(bracket + 1),
                (_, angle) => angle,
            },
        };
        let Some(length) = length else {
            return Err(Trouble::new(start, "the annotation `<` has no `>`"));
        };
        self.at = start + length + 2;
        Ok(&inner[..length])
    }
}

fn path_end(inner: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, byte) in inner.iter().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' if depth == 0 => return Some(index),
            b'>' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Where `needle` first occurs.
pub(super) fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    fn annotation(text: &str) -> (&[u8], &[u8]) {
        let mut cursor = Cursor::new(text.as_bytes());
        let inner = cursor.angle().unwrap();
        (inner, cursor.rest())
    }

    #[test]
    fn an_annotation_ends_where_strace_ends_it() {
        assert_eq!(annotation("</a,b (c)>, 1"), (&b"/a,b (c)"[..], &b", 1"[..]));
        assert_eq!(annotation("</dev/pts/1<char 136:1>>)").0, b"/dev/pts/1<char 136:1>");
        assert_eq!(annotation("<pipe:[12]>, x[3]>").0, b"pipe:[12]");
        assert_eq!(annotation("<TCP:[1.2.3.4:5->6.7.8.9:0]>,").0, b"TCP:[1.2.3.4:5->6.7.8.9:0]");
        assert_eq!(annotation("<anon_inode:mount>, [1]>").0, b"anon_inode:mount");
        assert!(Cursor::new(b"</a").angle().is_err());
    }
}
