//! A cursor over one line of the canonical form.

use super::SpecError;
use super::escape::{ANONYMOUS, is_plain, unescape};

/// One line and where the cursor is.
#[derive(Clone, Debug)]
pub(super) struct Scanner<'a> {
    line: &'a str,
    number: u32,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(line: &'a str, number: u32) -> Scanner<'a> {
        Scanner { line, number, at: 0 }
    }

    /// An error at the cursor.
    pub(super) fn error(&self, message: impl Into<String>) -> SpecError {
        let rest = &self.line[self.at..];
        let blanks = rest.len() - rest.trim_start_matches(' ').len();
        let column = u32::try_from(self.at + blanks + 1).unwrap_or(u32::MAX);
        SpecError::new(self.number, column, message)
    }

    /// What is left, without blanks in front.
    pub(super) fn rest(&mut self) -> &'a str {
        let rest = &self.line[self.at..];
        let trimmed = rest.trim_start_matches(' ');
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    pub(super) fn at_end(&mut self) -> bool {
        self.rest().is_empty()
    }

    /// The next character, not taken.
    pub(super) fn peek(&mut self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes a text if it is next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    /// Takes a word of letters if it is next and ends there.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let Some(behind) = self.rest().strip_prefix(word) else { return false };
        let ends = !behind.starts_with(|char| is_plain(char) || char == '\\');
        if ends {
            self.at += word.len();
        }
        ends
    }

    pub(super) fn expect(&mut self, text: &str) -> Result<(), SpecError> {
        if self.take(text) { Ok(()) } else { Err(self.error(format!("expected `{text}`"))) }
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Result<(), SpecError> {
        if self.take_word(word) { Ok(()) } else { Err(self.error(format!("expected `{word}`"))) }
    }

    pub(super) fn expect_end(&mut self) -> Result<(), SpecError> {
        match self.rest() {
            "" => Ok(()),
            rest => Err(self.error(format!("unexpected `{}`", rest.escape_default()))),
        }
    }

    /// Whether a name is next.
    pub(super) fn at_name(&mut self) -> bool {
        self.peek().is_some_and(|char| is_plain(char) || char == '\\' || char == '?')
    }

    /// Whether the brackets of an array are next, and not those of an attribute.
    pub(super) fn at_array(&mut self) -> bool {
        let mut chars = self.rest().chars();
        chars.next() == Some('[') && chars.next().is_some_and(|c| c.is_ascii_digit() || c == ']')
    }

    /// A name; an anonymous one is empty.
    pub(super) fn name(&mut self) -> Result<String, SpecError> {
        if self.take(ANONYMOUS) {
            return Ok(String::new());
        }
        let rest = self.rest();
        let end = rest.find(|char| !is_plain(char) && char != '\\').unwrap_or(rest.len());
        if end == 0 {
            return Err(self.error("expected a name"));
        }
        let name = unescape(&rest[..end]).map_err(|message| self.error(message))?;
        self.at += end;
        Ok(name)
    }

    /// A number, decimal or with `0x`.
    pub(super) fn number(&mut self) -> Result<i128, SpecError> {
        let rest = self.rest();
        let end = rest
            .find(|char: char| !char.is_ascii_alphanumeric() && char != '-')
            .unwrap_or(rest.len());
        let digits = &rest[..end];
        let parsed = match digits.strip_prefix("0x") {
            Some(hex) => i128::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        };
        let number = parsed.ok_or_else(|| self.error("expected a number"))?;
        self.at += end;
        Ok(number)
    }

    /// A number that fits a type.
    pub(super) fn fitting<T: TryFrom<i128>>(&mut self) -> Result<T, SpecError> {
        let before = self.clone();
        let number = self.number()?;
        T::try_from(number).map_err(|_large| before.error(format!("{number} does not fit here")))
    }

    /// All that is left as free text.
    pub(super) fn line_text(&mut self) -> Result<String, SpecError> {
        let text = unescape(self.rest()).map_err(|message| self.error(message))?;
        self.at = self.line.len();
        Ok(text)
    }

    /// Free text up to a closing bracket.
    pub(super) fn bracket_text(&mut self) -> Result<String, SpecError> {
        let rest = self.rest();
        let Some(end) = rest.find(']') else { return Err(self.error("expected `]`")) };
        let text = unescape(&rest[..end]).map_err(|message| self.error(message))?;
        self.at += end + 1;
        Ok(text)
    }
}
