//! Bytes that are mostly text: names, paths and contents as they stand in a stored case.
//!
//! A name may hold any byte but NUL and slash, and JSON holds text only, so bytes outside
//! printable ASCII are written as `\xNN`. What a reader would get wrong: a backslash is escaped
//! too, so that every text has exactly one meaning.

use core::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that print as escaped ASCII.
///
/// ```
/// use fuserig::sim::Text;
/// let name = Text::from("caf\u{e9}");
/// assert_eq!(name.to_string(), "caf\\xc3\\xa9");
/// assert_eq!(Text::parse("caf\\xc3\\xa9"), Some(name));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text(pub Vec<u8>);

impl Text {
    /// The bytes that a text stands for; none when an escape is not `\xNN` or `\\`.
    pub fn parse(text: &str) -> Option<Text> {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let Some((&first, tail)) = rest.split_first() {
            rest = tail;
            if first != b'\\' {
                bytes.push(first);
                continue;
            }
            match rest {
                [b'\\', tail @ ..] => {
                    bytes.push(b'\\');
                    rest = tail;
                }
                [b'x', high, low, tail @ ..] => {
                    let digit = |byte: u8| char::from(byte).to_digit(16);
                    bytes.push((digit(*high)? * 16 + digit(*low)?) as u8);
                    rest = tail;
                }
                _ => return None,
            }
        }
        Some(Text(bytes))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text(text.as_bytes().to_vec())
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Text {
        Text(bytes.to_vec())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in &self.0 {
            match byte {
                b'\\' => f.write_str("\\\\")?,
                b' '..=b'~' => write!(f, "{}", char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        let text = String::deserialize(deserializer)?;
        Text::parse(&text).ok_or_else(|| D::Error::custom("an escape that is not \\xNN or \\\\"))
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn every_byte_survives() {
        let all = Text((0..=255).collect());
        assert_eq!(Text::parse(&all.to_string()), Some(all));
        assert_eq!(Text::parse("\\y"), None);
        assert_eq!(Text::parse("\\xg0"), None);
    }
}
