//! Blanks comments and literals of Rust source, keeping every line and column where it was.
//!
//! This is no parser: it knows just enough of the lexical grammar to tell code from what only
//! looks like code. Unfinished literals blank the rest of the file; rustc reports those.

/// Source with literals and comments replaced by spaces.
#[derive(Debug, Default)]
pub(super) struct Masked {
    pub(super) code: String,
    /// Per line: does it begin inside a string literal?
    pub(super) inside_string: Vec<bool>,
}

/// Blanks everything that is not code. Bytes outside ASCII become spaces too.
pub(super) fn mask(text: &str) -> Masked {
    let bytes = text.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    let mut inside_string = vec![false];
    let mut at = 0;
    while at < bytes.len() {
        let (end, kind) = token(bytes, at);
        if kind == Kind::Code {
            code.extend_from_slice(&bytes[at..end]);
            inside_string.extend(bytes[at..end].contains(&b'\n').then_some(false));
        } else {
            // Whole lines at a time: the test is to be quick without optimisation too.
            for (index, line) in bytes[at..end].split(|byte| *byte == b'\n').enumerate() {
                if index > 0 {
                    code.push(b'\n');
                    inside_string.push(kind == Kind::Text);
                }
                code.resize(code.len() + line.len(), b' ');
            }
        }
        at = end;
    }
    let code = String::from_utf8(code).expect("what is outside ASCII has been blanked");
    Masked { code, inside_string }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Text,
    /// A byte outside ASCII that is in no literal.
    Strange,
}

/// The end of the token that starts at `at`, and what it is.
fn token(bytes: &[u8], at: usize) -> (usize, Kind) {
    match bytes[at] {
        b'/' if bytes.get(at + 1) == Some(&b'/') => (line_end(bytes, at), Kind::Comment),
        b'/' if bytes.get(at + 1) == Some(&b'*') => (block_end(bytes, at), Kind::Comment),
        b'"' => (string_end(bytes, at + 1), Kind::Text),
        b'\'' => match character_end(bytes, at) {
            Some(end) => (end, Kind::Text),
            None => (at + 1, Kind::Code),
        },
        b' ' => (at + bytes[at..].iter().take_while(|byte| **byte == b' ').count(), Kind::Code),
        byte if is_word(byte) => word(bytes, at),
        byte if !byte.is_ascii() => (at + 1, Kind::Strange),
        _ => (at + 1, Kind::Code),
    }
}

/// An identifier, a number, or the prefix of a raw string together with that string.
fn word(bytes: &[u8], at: usize) -> (usize, Kind) {
    let end = at + bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
    let is_raw = matches!(&bytes[at..end], b"r" | b"br" | b"cr");
    let hashes = bytes[end..].iter().take_while(|byte| **byte == b'#').count();
    if is_raw && bytes.get(end + hashes) == Some(&b'"') {
        return (raw_end(bytes, end + hashes + 1, hashes), Kind::Text);
    }
    (end, Kind::Code)
}

fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|byte| **byte != b'\n').count()
}

fn block_end(bytes: &[u8], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = at;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'/', Some(b'*')) => (depth, at) = (depth + 1, at + 2),
            (b'*', Some(b'/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut at = at;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn raw_end(bytes: &[u8], at: usize, hashes: usize) -> usize {
    let closes = |end: usize| bytes[end..].iter().take(hashes).filter(|b| **b == b'#').count();
    (at..bytes.len())
        .find(|&quote| bytes[quote] == b'"' && closes(quote + 1) == hashes)
        .map_or(bytes.len(), |quote| quote + 1 + hashes)
}

/// The end of a character literal, or nothing for a lifetime or a label.
fn character_end(bytes: &[u8], at: usize) -> Option<usize> {
    let first = *bytes.get(at + 1)?;
    let body = match first {
        b'\\' => at + 3,
        byte if byte.is_ascii() => at + 2,
        _ => at + 1,
    };
    // An escape such as \u{10FFFF} and a character outside ASCII are at most ten bytes long.
    let reach = if first == b'\\' || !first.is_ascii() { 10 } else { 1 };
    let close = bytes.iter().skip(body).take(reach).position(|byte| *byte == b'\'')?;
    Some(body + close + 1)
}

#[test]
fn only_code_is_left() {
    let check = |text: &str, expected: &str| assert_eq!(mask(text).code, expected, "{text}");
    check("a // b", "a     ");
    check("a /* b /* c */ */ d", "a                 d");
    check("f(\"x\\\"{\") }", "f(      ) }");
    check("r#\"a\"b\"# c", "         c");
    check("br\"{\" c", "      c");
    check("b\"{\" c", "b    c");
    check("r#fn x", "r#fn x");
    check("'{' 'a: '\\'' '\\u{7b}'", "    'a:              ");
    check("b'\\\\' {", "b     {");
    check("\"one\ntwo\" 3", "    \n     3");
}

#[test]
fn lines_that_begin_inside_a_string_are_known() {
    assert_eq!(mask("a \"b\nc\" // \"\nd").inside_string, [false, true, false]);
}
