//! Words of a step: splitting a line, escapes, numbers, and bytes made readable again.

use core::fmt::Write as _;

/// The longest that `\{a*N}` may grow: enough for every limit a case probes.
const REPEAT_MAX: usize = 1 << 24;

/// Splits a line at blanks outside quotes. Quotes and escapes stay in.
pub(super) fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    let mut escaped = false;
    for letter in line.chars() {
        if letter == ' ' && !quoted {
            if !word.is_empty() {
                words.push(core::mem::take(&mut word));
            }
            continue;
        }
        quoted ^= letter == '\'' && !escaped;
        escaped = letter == '\\' && !escaped;
        word.push(letter);
    }
    if quoted {
        return Err("quote without an end".to_owned());
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

/// The bytes a word stands for.
pub(super) fn bytes(word: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        match letter {
            '\'' => {}
            '\\' => rest = escape(rest, &mut bytes)?,
            _ => bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(bytes)
}

/// One escape after its backslash; returns what follows it.
fn escape<'a>(rest: &'a str, bytes: &mut Vec<u8>) -> Result<&'a str, String> {
    let bad = || {
        format!(
            "unknown escape \\{rest} (use \\n, \\\\, \\', \\xNN, \\{{a*300}} or \\a{{u=6,g=4,o=4}})"
        )
    };
    if let Some(after) = rest.strip_prefix('x') {
        let digits = after.get(..2).ok_or_else(bad)?;
        bytes.push(u8::from_str_radix(digits, 16).or(Err(bad()))?);
        return Ok(&after[2..]);
    }
    if let Some(after) = rest.strip_prefix("a{") {
        let (inside, after) = after.split_once('}').ok_or_else(bad)?;
        bytes.extend(acl(inside)?);
        return Ok(after);
    }
    if let Some(after) = rest.strip_prefix('{') {
        let (inside, after) = after.split_once('}').ok_or_else(bad)?;
        let (text, count) = inside.split_once('*').ok_or_else(bad)?;
        let count: usize = count.parse().or(Err(bad()))?;
        let text = self::bytes(text)?;
        if count.saturating_mul(text.len()) > REPEAT_MAX {
            return Err(format!("repeat of {count} is too long (at most {REPEAT_MAX} bytes)"));
        }
        bytes.extend(text.repeat(count));
        return Ok(after);
    }
    let letter = rest.chars().next().ok_or_else(bad)?;
    bytes.push(match letter {
        'n' => b'\n',
        '\\' => b'\\',
        '\'' => b'\'',
        _ => return Err(bad()),
    });
    Ok(&rest[letter.len_utf8()..])
}

/// An access control list in the kernel's form (linux/posix_acl_xattr.h), from entries such as
/// `u=6`, `u:1001=4`, `g=0`, `g:2000=4`, `m=7` and `o=0`, in the order given.
fn acl(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for entry in text.split(',').filter(|entry| !entry.is_empty()) {
        let bad = || format!("`{entry}` is no entry of a list (use u=6, u:1001=4, g=0, m=7, o=0)");
        let (who, permissions) = entry.split_once('=').ok_or_else(bad)?;
        let (class, id) = match who.split_once(':') {
            Some((class, id)) => (class, Some(narrow(id)?)),
            None => (who, None),
        };
        let tag: u16 = match (class, id) {
            ("u", None) => 0x01,
            ("u", Some(_)) => 0x02,
            ("g", None) => 0x04,
            ("g", Some(_)) => 0x08,
            ("m", None) => 0x10,
            ("o", None) => 0x20,
            _ => return Err(bad()),
        };
        bytes.extend(tag.to_le_bytes());
        bytes.extend(permissions.parse::<u16>().or(Err(bad()))?.to_le_bytes());
        bytes.extend(id.unwrap_or(u32::MAX).to_le_bytes());
    }
    Ok(bytes)
}

/// A number: decimal, `0x`, `max`, or with a suffix.
pub(super) fn number(word: &str) -> Result<u64, String> {
    let bad = || format!("`{word}` is no number (use 12, 0x1f, 4K, 1M or max)");
    if word == "max" {
        return Ok(i64::MAX.cast_unsigned());
    }
    if let Some(digits) = word.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).or(Err(bad()));
    }
    let (digits, unit) = match word.strip_suffix('K') {
        Some(digits) => (digits, 1 << 10),
        None => match word.strip_suffix('M') {
            Some(digits) => (digits, 1 << 20),
            None => (word, 1),
        },
    };
    let value: u64 = digits.parse().or(Err(bad()))?;
    value.checked_mul(unit).ok_or_else(bad)
}

/// A number that may be negative.
pub(super) fn signed(word: &str) -> Result<i64, String> {
    let bad = || format!("`{word}` is no offset (use 12, -12 or max)");
    match word.strip_prefix('-') {
        Some(digits) => i64::try_from(number(digits)?).map(|value| -value).or(Err(bad())),
        None => i64::try_from(number(word)?).or(Err(bad())),
    }
}

/// A number that fits 32 bits.
pub(super) fn narrow(word: &str) -> Result<u32, String> {
    u32::try_from(number(word)?).or(Err(format!("`{word}` does not fit 32 bits")))
}

/// Permission bits, always octal.
pub(super) fn mode(word: &str) -> Result<u32, String> {
    u32::from_str_radix(word, 8).or(Err(format!("`{word}` is no mode (use octal, as 0644)")))
}

/// Bytes as a word that [`bytes`] reads back, long runs folded.
pub(super) fn quote(bytes: &[u8]) -> String {
    let mut text = String::from("'");
    for run in bytes.chunk_by(|left, right| left == right) {
        let mut one = String::new();
        match run[0] {
            b'\n' => one.push_str("\\n"),
            b'\\' => one.push_str("\\\\"),
            b'\'' => one.push_str("\\'"),
            byte @ 0x20..0x7f => one.push(char::from(byte)),
            byte => write!(one, "\\x{byte:02x}").expect("a string takes everything"),
        }
        if run.len() > 8 {
            write!(text, "\\{{{one}*{}}}", run.len()).expect("a string takes everything");
        } else {
            text.push_str(&one.repeat(run.len()));
        }
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::{bytes, number, quote, signed, split};

    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        assert_eq!(split(line).expect("well formed"), expected, "{line}");
    }

    #[test]
    fn lines_split_at_blanks_outside_quotes() {
        check("  read h 0  10 ", &["read", "h", "0", "10"]);
        check("write h 0 'a b\\' c' -> ok", &["write", "h", "0", "'a b\\' c'", "->", "ok"]);
        assert!(split("'open").is_err());
    }

    #[test]
    fn escapes_stand_for_bytes_and_come_back() {
        for (word, expected) in [
            ("abc", &b"abc"[..]),
            ("'a b'", b"a b"),
            ("\\x2e\\x00", b".\0"),
            ("\\{ab*3}c", b"abababc"),
            ("\\{\\x00*2}", b"\0\0"),
            ("a\\n\\\\\\'", b"a\n\\'"),
            ("\\a{}", b"\x02\0\0\0"),
            ("\\a{u:5=6}", b"\x02\0\0\0\x02\0\x06\0\x05\0\0\0"),
        ] {
            let value = bytes(word).expect("well formed");
            assert_eq!(value, expected, "{word}");
            assert_eq!(bytes(&quote(&value)).expect("ours"), value, "{word}");
        }
        assert_eq!(quote(&[0; 300]), "'\\{\\x00*300}'");
        for word in [
            "\\",
            "\\q",
            "\\x1",
            "\\{a}",
            "\\{a*b}",
            "\\{a*99999999}",
            "\\{a*1",
            "\\a{u}",
            "\\a{x=1}",
            "\\a{u=7",
        ] {
            assert!(bytes(word).is_err(), "{word}");
        }
    }

    #[test]
    fn numbers_have_suffixes_and_limits() {
        assert_eq!(number("4K"), Ok(4096));
        assert_eq!(number("0x10"), Ok(16));
        assert_eq!(number("max"), Ok(i64::MAX as u64));
        assert_eq!(signed("-1"), Ok(-1));
        for word in ["", "x", "99999999999999999999", "-1", "20000000000000M"] {
            assert!(number(word).is_err(), "{word}");
        }
    }
}
