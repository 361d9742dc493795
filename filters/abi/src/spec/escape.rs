//! Names and free text on one line of the canonical form.

use core::fmt;

/// How an anonymous type is spelled.
pub(super) const ANONYMOUS: &str = "?";

/// Whether a character stands for itself in a name.
pub(super) fn is_plain(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '$' | '/' | '-' | '<' | '>')
}

/// A name; what is no plain character is spelled `\xNN` byte by byte.
pub(super) struct Name<'a>(pub(super) &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(ANONYMOUS);
        }
        for char in self.0.chars() {
            if is_plain(char) {
                write!(f, "{char}")?;
            } else {
                let mut bytes = [0; 4];
                for byte in char.encode_utf8(&mut bytes).bytes() {
                    write!(f, "\\x{byte:02x}")?;
                }
            }
        }
        Ok(())
    }
}

/// Free text on one line: backslashes and line ends are spelled out, so are blanks at the ends.
pub(super) struct Line<'a>(pub(super) &'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.0.chars().count().saturating_sub(1);
        for (index, char) in self.0.chars().enumerate() {
            match char {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                ' ' if index == 0 || index == last => f.write_str("\\x20")?,
                char if char.is_control() || (!char.is_ascii() && char.is_whitespace()) => {
                    let mut bytes = [0; 4];
                    for byte in char.encode_utf8(&mut bytes).bytes() {
                        write!(f, "\\x{byte:02x}")?;
                    }
                }
                char => write!(f, "{char}")?,
            }
        }
        Ok(())
    }
}

/// The text behind the escapes, or what is wrong with it.
pub(super) fn unescape(text: &str) -> Result<String, &'static str> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'\\') => out.push(b'\\'),
            Some(b'n') => out.push(b'\n'),
            Some(b'x') => {
                let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else {
                    return Err("`\\x` needs two hexadecimal digits");
                };
                // Two hexadecimal digits are at most 255.
                out.push((high * 16 + low) as u8);
            }
            _ => return Err("a backslash is followed by `\\`, `n` or `x` and two digits"),
        }
    }
    String::from_utf8(out).map_err(|_invalid| "the escapes do not make valid UTF-8")
}
