//! Formats of the print helpers, by the kernel's rules (`bpf_bprintf_prepare`).
//!
//! Only printable ASCII and white space; the conversions d, i, u, x, X with l and ll, c, s, the
//! kernel's pointers, and %%. One conversion too many, or another one, and the whole call is
//! EINVAL.

/// A part of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// As it stands.
    Text(&'a [u8]),
    /// A value.
    Value(Spec),
}

/// A conversion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spec {
    width: usize,
    is_left: bool,
    is_zero: bool,
    has_plus: bool,
    has_space: bool,
    is_long: bool,
    conversion: u8,
}

/// Widest field: a line is shorter.
const WIDTH_MAX: usize = 1024;

/// The parts of a format with at most `values` conversions, or nothing where the kernel refuses.
pub(super) fn parse(format: &[u8], values: usize) -> Option<Vec<Piece<'_>>> {
    let is_fine = |byte: &u8| (b' '..=b'~').contains(byte) || (9..=13).contains(byte);
    if !format.iter().all(is_fine) {
        return None;
    }
    let mut pieces = Vec::new();
    let mut used = 0;
    let mut rest = format;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        if at > 0 {
            pieces.push(Piece::Text(&rest[..at]));
        }
        if rest.get(at + 1) == Some(&b'%') {
            pieces.push(Piece::Text(b"%"));
            rest = &rest[at + 2..];
            continue;
        }
        if used == values {
            return None;
        }
        used += 1;
        let (spec, after) = conversion(&rest[at + 1..])?;
        pieces.push(Piece::Value(spec));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Some(pieces)
}

fn conversion(text: &[u8]) -> Option<(Spec, &[u8])> {
    let mut spec = Spec::default();
    let mut at = 0;
    while let Some(flag) = text.get(at).filter(|byte| b"0+- ".contains(byte)) {
        match flag {
            b'0' => spec.is_zero = true,
            b'+' => spec.has_plus = true,
            b'-' => spec.is_left = true,
            _ => spec.has_space = true,
        }
        at += 1;
    }
    while let Some(digit) = text.get(at).filter(|byte| byte.is_ascii_digit()) {
        spec.width = (spec.width * 10 + usize::from(digit - b'0')).min(WIDTH_MAX);
        at += 1;
    }
    if text.get(at) == Some(&b'p') {
        return pointer(spec, text, at + 1);
    }
    if matches!(text.get(at), Some(b's' | b'c')) {
        spec.conversion = text[at];
        return Some((spec, &text[at + 1..]));
    }
    for _ in 0..2 {
        if text.get(at) == Some(&b'l') {
            spec.is_long = true;
            at += 1;
        }
    }
    match text.get(at) {
        Some(conversion @ (b'd' | b'i' | b'u' | b'x' | b'X')) => {
            spec.conversion = *conversion;
            Some((spec, &text[at + 1..]))
        }
        _ => None,
    }
}

/// `%p` and what may follow it: nothing, a blank or a sign, or K, x, s, S, B; `%pks` and `%pus`
/// are strings.
fn pointer(mut spec: Spec, text: &[u8], at: usize) -> Option<(Spec, &[u8])> {
    spec.is_long = true;
    spec.conversion = b'p';
    match (text.get(at), text.get(at + 1)) {
        (Some(b'k' | b'u'), Some(b's')) => {
            spec.conversion = b's';
            Some((spec, &text[at + 2..]))
        }
        (Some(b'K' | b'x' | b's' | b'S' | b'B'), _) => Some((spec, &text[at + 1..])),
        (None, _) => Some((spec, &[])),
        (Some(byte), _) if byte.is_ascii_whitespace() || byte.is_ascii_punctuation() => {
            Some((spec, &text[at..]))
        }
        _ => None,
    }
}

impl Spec {
    pub(super) fn is_string(self) -> bool {
        self.conversion == b's'
    }

    /// Writes a string in its field.
    pub(super) fn write_text(self, text: &[u8], line: &mut Vec<u8>) {
        self.pad(b"", text, false, line);
    }

    /// Writes a number in its field.
    pub(super) fn write(self, value: u64, line: &mut Vec<u8>) {
        let unsigned = if self.is_long { value } else { u64::from(value as u32) };
        let signed = if self.is_long { value as i64 } else { i64::from(value as i32) };
        match self.conversion {
            b'c' => self.pad(b"", &[value as u8], false, line),
            b'p' => self.pad(b"", format!("{unsigned:016x}").as_bytes(), false, line),
            b'u' => self.pad(b"", unsigned.to_string().as_bytes(), self.is_zero, line),
            b'x' => self.pad(b"", format!("{unsigned:x}").as_bytes(), self.is_zero, line),
            b'X' => self.pad(b"", format!("{unsigned:X}").as_bytes(), self.is_zero, line),
            _ => {
                let sign: &[u8] = match signed {
                    ..0 => b"-",
                    _ if self.has_plus => b"+",
                    _ if self.has_space => b" ",
                    _ => b"",
                };
                let digits = signed.unsigned_abs().to_string();
                self.pad(sign, digits.as_bytes(), self.is_zero, line);
            }
        }
    }

    fn pad(self, sign: &[u8], text: &[u8], is_zero: bool, line: &mut Vec<u8>) {
        let fill = self.width.saturating_sub(sign.len() + text.len());
        let is_zero = is_zero && !self.is_left;
        if !self.is_left && !is_zero {
            line.resize(line.len() + fill, b' ');
        }
        line.extend_from_slice(sign);
        if is_zero {
            line.resize(line.len() + fill, b'0');
        }
        line.extend_from_slice(text);
        if self.is_left {
            line.resize(line.len() + fill, b' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, parse};

    fn print(format: &str, values: &[u64]) -> Option<String> {
        let mut line = Vec::new();
        let mut values = values.iter();
        for piece in parse(format.as_bytes(), values.len())? {
            match piece {
                Piece::Text(text) => line.extend_from_slice(text),
                Piece::Value(spec) => spec.write(*values.next()?, &mut line),
            }
        }
        String::from_utf8(line).ok()
    }

    #[test]
    fn numbers_print_as_in_the_kernel() {
        for (format, value, expected) in [
            ("%d", u64::MAX, "-1"),
            ("%u", u64::MAX, "4294967295"),
            ("%lld", u64::MAX, "-1"),
            ("%lu", u64::MAX, "18446744073709551615"),
            ("%x|", 255, "ff|"),
            ("%08x", 255, "000000ff"),
            ("%-5d|", 42, "42   |"),
            ("%+d", 3, "+3"),
            ("%5d", 42, "   42"),
            ("%05d", (-42_i64) as u64, "-0042"),
            ("%c", 65, "A"),
            ("%p", 0x1234, "0000000000001234"),
            ("%px.", 0x1234, "0000000000001234."),
            ("100%%: %i", 7, "100%: 7"),
        ] {
            assert_eq!(print(format, &[value]).as_deref(), Some(expected), "{format}");
        }
    }

    #[test]
    fn what_the_kernel_refuses_is_refused() {
        for format in ["%f", "%ld %d", "%", "%lx%", "%hd", "a\u{e9}", "\u{1}", "%pZ", "%lc"] {
            assert_eq!(parse(format.as_bytes(), 1), None, "{format}");
        }
        assert!(parse(b"no values\n", 0).is_some());
    }
}
