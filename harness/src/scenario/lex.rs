//! Words, numbers and quoted bytes of one line, with their columns.

use fuserig_abi::{Abi, Errno, android_code, code_label};

use super::ScenarioError;

/// Most bytes that a repetition may make: the largest value of an attribute, and 16 pages.
const REPEATED_MAX: usize = fuserig_abi::XATTR_SIZE_MAX as usize;

/// One line, read from left to right.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    text: &'a str,
    at: usize,
    number: usize,
}

impl<'a> Line<'a> {
    /// A line and its number, from 1. A comment is cut off outside of quotes.
    pub(super) fn new(text: &'a str, number: usize) -> Line<'a> {
        let text = text.trim_end();
        let mut line = Line { text: &text[..comment_start(text)], at: 0, number };
        line.text = line.text.trim_end();
        line.skip_spaces();
        line
    }

    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Whether the line begins with white space.
    pub(super) fn indented(&self) -> bool {
        self.text.starts_with([' ', '\t'])
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    pub(super) fn at_end(&self) -> bool {
        self.rest().is_empty()
    }

    /// The whole line without its comment.
    pub(super) fn whole(&self) -> &'a str {
        self.text
    }

    /// The same place in another text of this line.
    pub(super) fn on<'b>(&self, text: &'b str) -> Line<'b> {
        Line { text, at: self.at, number: self.number }
    }

    /// The byte that is next, counted from 1.
    pub(super) fn column(&self) -> usize {
        self.at + 1
    }

    pub(super) fn error(&self, what: impl Into<String>) -> ScenarioError {
        self.error_at(self.column(), what)
    }

    pub(super) fn error_at(&self, column: usize, what: impl Into<String>) -> ScenarioError {
        ScenarioError { line: self.number, column, what: what.into() }
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Moves past `text` and the spaces behind it if it is next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let here = self.rest().starts_with(text);
        if here {
            self.at += text.len();
            self.skip_spaces();
        }
        here
    }

    /// Moves past a whole word if it is next.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let after = self.rest().strip_prefix(word);
        let whole = after.is_some_and(|after| after.is_empty() || after.starts_with(' '));
        whole && self.eat(word)
    }

    /// Everything up to a space; empty at the end.
    pub(super) fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let word = &rest[..rest.find([' ', '\t']).unwrap_or(rest.len())];
        self.at += word.len();
        self.skip_spaces();
        word
    }

    /// Letters, digits, `_`, `.` and `-` up to anything else.
    pub(super) fn name(&mut self) -> &'a str {
        let rest = self.rest();
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let name = &rest[..rest.find(|c| !part(c)).unwrap_or(rest.len())];
        self.at += name.len();
        name
    }

    /// A number in decimal, octal with a leading 0, or hexadecimal with 0x; a sign wraps.
    pub(super) fn integer(&mut self) -> Result<u64, ScenarioError> {
        let column = self.column();
        let word = self.name();
        self.skip_spaces();
        number(word).ok_or_else(|| self.error_at(column, format!("`{word}` is no number")))
    }

    /// `"..."` with `\\`, `\"`, `\n`, `\t`, `\0`, `\xNN`, or `x"0a0b"`; `*512` behind it repeats
    /// it.
    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, ScenarioError> {
        let mut bytes = if self.rest().starts_with("x\"") { self.hex()? } else { self.quoted()? };
        if self.rest().starts_with('*') {
            self.at += 1;
            let column = self.column();
            let times = usize::try_from(self.integer()?).ok();
            let fits =
                |times: &usize| bytes.len().checked_mul(*times).is_some_and(|n| n <= REPEATED_MAX);
            let Some(times) = times.filter(fits) else {
                let what = format!("more than {REPEATED_MAX} bytes; repeat less often");
                return Err(self.error_at(column, what));
            };
            bytes = bytes.repeat(times);
        }
        self.skip_spaces();
        Ok(bytes)
    }

    pub(super) fn at_bytes(&self) -> bool {
        self.rest().starts_with('"') || self.rest().starts_with("x\"")
    }

    fn next_byte(&mut self) -> Option<u8> {
        let byte = self.text.as_bytes().get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn quoted(&mut self) -> Result<Vec<u8>, ScenarioError> {
        let start = self.column();
        if self.next_byte() != Some(b'"') {
            return Err(self.error_at(start, "expected bytes in double quotes"));
        }
        let mut bytes = Vec::new();
        loop {
            let column = self.column();
            match self.next_byte() {
                None => return Err(self.error_at(start, "the quote does not end on its line")),
                Some(b'"') => return Ok(bytes),
                Some(b'\\') => bytes.push(self.escape(column)?),
                Some(byte) => bytes.push(byte),
            }
        }
    }

    fn escape(&mut self, column: usize) -> Result<u8, ScenarioError> {
        let unknown = "unknown escape; use \\\\, \\\", \\n, \\t, \\0 or \\xNN";
        Ok(match self.next_byte() {
            Some(byte @ (b'"' | b'\\')) => byte,
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'0') => 0,
            Some(b'x') => match (self.hex_digit(), self.hex_digit()) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(self.error_at(column, unknown)),
            },
            _ => return Err(self.error_at(column, unknown)),
        })
    }

    fn hex_digit(&mut self) -> Option<u8> {
        let digit = char::from(self.next_byte()?).to_digit(16)?;
        u8::try_from(digit).ok()
    }

    fn hex(&mut self) -> Result<Vec<u8>, ScenarioError> {
        self.at += 2;
        let mut bytes = Vec::new();
        while !self.rest().starts_with('"') {
            let column = self.column();
            let (Some(high), Some(low)) = (self.hex_digit(), self.hex_digit()) else {
                return Err(self.error_at(column, "expected pairs of hexadecimal digits, then \""));
            };
            bytes.push(high << 4 | low);
        }
        self.at += 1;
        Ok(bytes)
    }

    /// Nothing may follow.
    pub(super) fn end(&self) -> Result<(), ScenarioError> {
        if self.at_end() {
            return Ok(());
        }
        Err(self.error(format!("unexpected `{}`", self.rest())))
    }
}

/// A number as C reads it; a sign wraps, as for a code or an unsigned field.
pub(super) fn number(word: &str) -> Option<u64> {
    let (negative, digits) = match word.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, word),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = if let Some(hex) = digits.strip_prefix("0x") {
        u64::from_str_radix(hex, 16).ok()?
    } else if digits.len() > 1 && digits.starts_with('0') {
        u64::from_str_radix(&digits[1..], 8).ok()?
    } else {
        digits.parse().ok()?
    };
    Some(if negative { value.wrapping_neg() } else { value })
}

/// A verdict by name, a number, or an errno that means its negative value.
pub(super) fn code(word: &str) -> Option<i32> {
    const NAMES: [&str; 6] =
        ["CONTINUE", "USER", "USER_PREFILTER", "POSTFILTER", "USER_POSTFILTER", "CALL_DEFAULT"];
    if let Some(code) = NAMES.iter().position(|name| *name == word) {
        return i32::try_from(code).ok();
    }
    if let Some(bits) = android_code(word) {
        return i32::try_from(bits).ok();
    }
    let errno = word.strip_prefix('-').unwrap_or(word);
    if let Some(errno) = Errno::from_name(errno) {
        return Some(errno.negative());
    }
    number(word).map(|number| number as i32)
}

/// How a code is shown: as the ABI calls it where a scenario can be written so, else the number.
pub(super) fn show_code(abi: Abi, shown: i32) -> String {
    let label = code_label(abi, shown);
    if code(&label) == Some(shown) { label } else { shown.to_string() }
}

/// Where a comment begins: a `#` at the start or behind a space, outside of quotes.
fn comment_start(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut quote = None;
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], quote) {
            (b'\\', Some(_)) => at += 1,
            (byte, Some(open)) if byte == open => quote = None,
            (b'"' | b'\'', None) => quote = Some(bytes[at]),
            (b'#', None) if at == 0 || bytes[at - 1].is_ascii_whitespace() => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use fuserig_abi::Abi;

    use super::{Line, code, number, show_code};

    #[test]
    fn numbers_and_codes_are_read_as_people_write_them() {
        for (word, expected) in [("12", 12), ("0x1f", 31), ("0755", 0o755), ("-1", u64::MAX)] {
            assert_eq!(number(word), Some(expected), "{word}");
        }
        for word in ["", "--1", "nine", "0x", "08"] {
            assert_eq!(number(word), None, "{word}");
        }
        for (word, expected) in [("POSTFILTER", 3), ("ENOENT", -2), ("-ENOENT", -2), ("9", 9)] {
            assert_eq!(code(word), Some(expected), "{word}");
        }
        for abi in [Abi::V3, Abi::V4, Abi::Android] {
            for code in [0, 1, 2, 3, 4, 5, -2, -4096, 9, 10] {
                assert_eq!(super::code(&show_code(abi, code)), Some(code), "{abi}");
            }
        }
    }

    #[test]
    fn a_comment_ends_the_line_outside_of_quotes() {
        let mut line = Line::new("  print \"a # b\" # c", 4);
        assert!(line.indented());
        assert_eq!(line.word(), "print");
        assert_eq!(line.bytes().expect("quoted"), b"a # b");
        assert!(line.end().is_ok());
    }

    #[test]
    fn bytes_have_escapes_and_mistakes_have_columns() {
        let read = |text: &str| Line::new(text, 2).bytes();
        assert_eq!(read(r#""a\x00\n\"""#).expect("good"), b"a\0\n\"");
        assert_eq!(read("x\"0aff\"").expect("good"), [10, 255]);
        assert_eq!(read("\"ab\"*3 x").expect("good"), b"ababab");
        assert_eq!(read("\"a\"*65536").map(|bytes| bytes.len()).expect("good"), 65536);
        let bad = [("\"a", 1), (r#""a\q""#, 3), ("x\"0g\"", 3), ("a", 1)];
        let wrong_times = [("\"a\"*", 5), ("\"a\"*b", 5), ("\"a\"*65537", 5), ("\"ab\"*-1", 6)];
        for (text, column) in bad.into_iter().chain(wrong_times) {
            let error = read(text).expect_err(text);
            assert_eq!((error.line, error.column), (2, column), "{text}: {error}");
        }
    }
}
