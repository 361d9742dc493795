//! The name a filter is registered under.
//!
//! This module checks spelling. It does not know which names are taken; whoever keeps the
//! registered filters does (REG-1). A reader would get wrong the length: the member of 15 bytes
//! needs its NUL, so 14 characters fit while a mount option may name 15 (REG-4).

use core::fmt;

/// Most characters of a name; the kernel's field has one more byte for the NUL (REG-4).
const NAME_LEN_MAX: usize = 14;

/// A name that the kernels would register: 1 to 14 letters, digits, `_` and `.`.
/// Source: SEMANTICS 6.3.
///
/// ```
/// use fuserig_filters::{FilterName, RegisterError};
/// assert_eq!(FilterName::parse("hide.v2").expect("allowed").as_str(), "hide.v2");
/// let error = FilterName::parse("no-dash").unwrap_err();
/// assert_eq!(error, RegisterError::Character { position: 2, byte: b'-' });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilterName(String);

impl FilterName {
    /// Checks a name.
    ///
    /// # Errors
    /// What is wrong with it and where.
    pub fn parse(name: &str) -> Result<FilterName, RegisterError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
        if name.is_empty() {
            return Err(RegisterError::Empty);
        }
        if let Some(position) = name.bytes().position(|byte| !allowed(byte)) {
            return Err(RegisterError::Character { position, byte: name.as_bytes()[position] });
        }
        if name.len() > NAME_LEN_MAX {
            return Err(RegisterError::TooLong { len: name.len() });
        }
        Ok(FilterName(name.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FilterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why no kernel registers a filter under a name; all of them are EINVAL there (SEMANTICS 6.3).
///
/// ```
/// use fuserig_filters::{FilterName, RegisterError};
/// assert_eq!(FilterName::parse(""), Err(RegisterError::Empty));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// Nothing there.
    #[error("filter name: empty; give it 1 to 14 letters, digits, `_` or `.`")]
    Empty,
    /// No room for the NUL.
    #[error("filter name: {len} characters; the kernels hold 14 (REG-4)")]
    TooLong {
        /// Length in bytes.
        len: usize,
    },
    /// A byte that object names may not contain.
    #[error("filter name: {byte:#04x} at byte {position}; use letters, digits, `_` and `.`")]
    Character {
        /// Distance from the start in bytes.
        position: usize,
        /// The byte.
        byte: u8,
    },
}

#[cfg(test)]
mod tests {
    use super::{FilterName, RegisterError};

    fn check(name: &str, expected: Result<(), RegisterError>) {
        assert_eq!(FilterName::parse(name).map(|_| ()), expected, "{name:?}");
    }

    #[test]
    fn names_follow_the_rules_of_object_names() {
        let character = |position, byte| Err(RegisterError::Character { position, byte });
        check("a", Ok(()));
        check("Az09_.", Ok(()));
        check("abcdefghijklmn", Ok(()));
        check("abcdefghijklmno", Err(RegisterError::TooLong { len: 15 }));
        check("", Err(RegisterError::Empty));
        check("a b", character(1, b' '));
        check("a\0", character(1, 0));
        check("trace/ops", character(5, b'/'));
        check("\u{e9}", character(0, 0xc3));
    }
}
