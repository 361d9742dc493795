//! Words that every log of strace has: numbers, times, and text with the escapes of C.

/// Why text cannot be read: where, counted from its first byte, and what was expected.
pub(super) type Misread = (usize, &'static str);

/// Digits as a number; `None` when there are none or too many.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// `seconds.fraction` as nanoseconds; the fraction may have any length up to nine digits.
pub(super) fn seconds(text: &[u8]) -> Option<u64> {
    const NANOS: u64 = 1_000_000_000;
    let point = text.iter().position(|byte| *byte == b'.').unwrap_or(text.len());
    let whole = decimal(&text[..point])?;
    let digits = text.get(point + 1..).unwrap_or_default();
    if digits.len() > 9 {
        return None;
    }
    let mut fraction = if digits.is_empty() { 0 } else { decimal(digits)? };
    for _ in digits.len()..9 {
        fraction *= 10;
    }
    whole.checked_mul(NANOS)?.checked_add(fraction)
}

/// Decodes the escapes of C.
pub(super) fn unescape(text: &[u8]) -> Result<Vec<u8>, Misread> {
    // With `-xx` every byte takes four.
    let mut bytes = Vec::with_capacity(text.len() / 4 + 1);
    let mut index = 0;
    while let Some(&byte) = text.get(index) {
        index += 1;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let Some(&kind) = text.get(index) else {
            return Err((index - 1, "the text ends in a lone backslash"));
        };
        index += 1;
        let decoded = match kind {
            b'x' => number(text, &mut index, 2, 16)?,
            b'0'..=b'7' => {
                index -= 1;
                number(text, &mut index, 3, 8)?
            }
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'v' => 0x0b,
            b'f' => 0x0c,
            b'a' => 0x07,
            b'b' => 0x08,
            b'e' => 0x1b,
            b'\\' | b'"' | b'\'' => kind,
            _ => return Err((index - 2, "the escape is not one that strace writes")),
        };
        bytes.push(decoded);
    }
    Ok(bytes)
}

fn number(text: &[u8], index: &mut usize, digits_max: usize, radix: u32) -> Result<u8, Misread> {
    let start = *index;
    let mut value = 0_u32;
    while *index < start + digits_max {
        let Some(digit) = text.get(*index).and_then(|byte| char::from(*byte).to_digit(radix))
        else {
            break;
        };
        value = value * radix + digit;
        *index += 1;
    }
    if *index == start {
        return Err((start, "the escape has no digits"));
    }
    u8::try_from(value).map_err(|_too_large| (start, "the escape is above 255"))
}

#[cfg(test)]
mod tests {
    use super::{seconds, unescape};

    fn check(text: &str, expected: &[u8]) {
        assert_eq!(unescape(text.as_bytes()).unwrap(), expected, "{text}");
    }

    #[test]
    fn escapes_are_those_of_c() {
        check("plain", b"plain");
        check(r#"\n\t\r\v\f\"\\"#, b"\n\t\r\x0b\x0c\"\\");
        check(r"\0\08\18\1778", b"\0\x008\x018\x7f8");
        check(r"\377\xff\x0a", b"\xff\xff\n");
        check(r"a\76b", b"a>b");
    }

    #[test]
    fn a_bad_escape_is_refused_with_its_place() {
        for (text, at) in [(r"ab\q", 2), (r"a\", 1), (r"\x", 2), (r"\777", 1)] {
            assert_eq!(unescape(text.as_bytes()).unwrap_err().0, at, "{text}");
        }
    }

    #[test]
    fn times_have_up_to_nine_digits_behind_the_point() {
        assert_eq!(seconds(b"1.5"), Some(1_500_000_000));
        assert_eq!(seconds(b"0.000009"), Some(9_000));
        assert_eq!(seconds(b"7"), Some(7_000_000_000));
        assert_eq!(seconds(b"1.0000000001"), None);
        assert_eq!(seconds(b"99999999999999999999"), None);
    }
}
