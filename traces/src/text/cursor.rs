//! A place in a line, and the words and numbers found there.

use fuserig_abi::Errno;

use super::error::Mistake;

/// Reads a line from left to right.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a str) -> Cursor<'a> {
        Cursor { line, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'a str {
        // Escapes are ASCII and everything else is taken whole, but a literal may stop inside a
        // character of a text that is wrong anyway.
        self.line.get(self.at..).unwrap_or("")
    }

    pub(super) fn mistake(&self, what: impl Into<String>) -> Mistake {
        self.mistake_at(self.at, what)
    }

    pub(super) fn mistake_at(&self, at: usize, what: impl Into<String>) -> Mistake {
        Mistake { at, what: what.into() }
    }

    /// The next byte, whatever it is.
    pub(super) fn next_byte(&mut self) -> Option<u8> {
        let byte = self.line.as_bytes().get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    /// Moves past `text` if it is next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let here = self.rest().starts_with(text);
        if here {
            self.at += text.len();
        }
        here
    }

    pub(super) fn expect(&mut self, text: &str) -> Result<(), Mistake> {
        if self.eat(text) { Ok(()) } else { Err(self.mistake(format!("expected {text:?}"))) }
    }

    /// Nothing may follow.
    pub(super) fn end(&self) -> Result<(), Mistake> {
        if self.rest().is_empty() && self.at >= self.line.len() {
            Ok(())
        } else {
            Err(self.mistake("expected the end of the line"))
        }
    }

    /// Everything up to one of `stops` or the end.
    pub(super) fn until(&mut self, stops: &[char]) -> &'a str {
        let rest = self.rest();
        let word = &rest[..rest.find(stops).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    /// Everything up to a space or the end.
    pub(super) fn word(&mut self) -> &'a str {
        self.until(&[' '])
    }

    /// A word that `read` understands; if it does not, the mistake is at the word's beginning.
    pub(super) fn parsed<T>(
        &mut self,
        stops: &[char],
        what: &str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, Mistake> {
        let at = self.at;
        let word = self.until(stops);
        read(word).ok_or_else(|| self.mistake_at(at, format!("expected {what}")))
    }

    /// A number that fits `T`, up to one of `stops`.
    pub(super) fn number<T: TryFrom<u64>>(
        &mut self,
        stops: &[char],
        what: &str,
    ) -> Result<T, Mistake> {
        self.parsed(stops, what, |word| T::try_from(unsigned(word)?).ok())
    }

    /// A result: a number, or the name of an errno for its negative.
    pub(super) fn result(&mut self) -> Result<i64, Mistake> {
        self.parsed(&[' '], "a number or the name of an errno", |word| {
            signed(word).or_else(|| {
                let errno = Errno::from_name(word)?;
                i64::from(errno.0).checked_neg()
            })
        })
    }
}

/// Decimal, `0x` hexadecimal, or octal with a leading zero.
pub(super) fn unsigned(word: &str) -> Option<u64> {
    let (digits, radix) = match word.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None if word.len() > 1 && word.starts_with('0') => (&word[1..], 8),
        None => (word, 10),
    };
    // A sign is not a digit, whatever the standard library thinks.
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// Decimal with an optional minus.
pub(super) fn signed(word: &str) -> Option<i64> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    word.parse().ok()
}

/// Appends a result, as [`Cursor::result`] reads it.
pub(super) fn put_result(out: &mut String, result: i64) {
    let name = i32::try_from(result).ok().and_then(|result| result.checked_neg());
    match name.filter(|&errno| errno > 0).and_then(|errno| Errno(errno).name()) {
        Some(name) => out.push_str(name),
        None => out.push_str(&result.to_string()),
    }
}
