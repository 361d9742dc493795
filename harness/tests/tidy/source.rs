//! One file as the rules see it: its text, and for Rust the same text with literals blanked.
//!
//! Rules about code read [`Source::code`], so that a banned word in a string or in a comment is
//! not a finding. What a reader would get wrong: `code` has the same lines and columns as `text`,
//! so positions found in one are positions in the other.

use super::mask::{Masked, mask};

/// A file of the tree. Its path is relative to the root and written with `/`.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: String,
    /// Empty for files that are not UTF-8 text or are too large to be written by hand.
    pub(super) text: String,
    /// The text with comments, strings and characters blanked; empty unless it is Rust.
    pub(super) code: String,
    /// Per line of a Rust file: does it begin inside a string literal?
    inside_string: Vec<bool>,
    /// Per line of a Rust file: is it below `#[cfg(test)]`?
    only_for_tests: Vec<bool>,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Source {
        let masked = if path.ends_with(".rs") { mask(text) } else { Masked::default() };
        let whole_file = is_test_path(path);
        let mut only_for_tests = test_lines(&masked.code);
        only_for_tests.iter_mut().for_each(|line| *line |= whole_file);
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            code: masked.code,
            inside_string: masked.inside_string,
            only_for_tests,
        }
    }

    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The last component of the path.
    pub(super) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Library or program code: below some `src/`, and not a file of tests.
    pub(super) fn is_product(&self) -> bool {
        self.is_rust() && self.path.contains("/src/") && !is_test_path(&self.path)
    }

    /// The lines of the text, counted from one.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    /// The lines of the code without literals and comments, counted from one.
    pub(super) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.code.lines())
    }

    /// As [`Source::code_lines`], without what is compiled for tests only.
    pub(super) fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code_lines().filter(|(line, _)| !self.is_test_line(*line))
    }

    pub(super) fn is_test_line(&self, line: usize) -> bool {
        self.only_for_tests.get(line - 1).copied().unwrap_or(false)
    }

    pub(super) fn begins_inside_string(&self, line: usize) -> bool {
        self.inside_string.get(line - 1).copied().unwrap_or(false)
    }
}

/// Files that are compiled for tests, benches and examples only.
fn is_test_path(path: &str) -> bool {
    let mut components = path.split('/').rev();
    let name = components.next().unwrap_or("");
    name == "tests.rs"
        || name.ends_with("_tests.rs")
        || components.any(|dir| {
            matches!(dir, "tests" | "benches" | "examples" | "fuzz_targets")
                || dir.ends_with("_tests")
        })
}

/// Marks every line from `#[cfg(test)]` to the end of the item below it.
fn test_lines(code: &str) -> Vec<bool> {
    let mut marks = vec![false; code.lines().count()];
    for (start, _) in code.match_indices("#[cfg(test)]") {
        let end = item_end(code, start);
        let first = line_of(code, start);
        let last = line_of(code, end);
        for mark in marks.iter_mut().take(last).skip(first - 1) {
            *mark = true;
        }
    }
    marks
}

/// The offset where the item that starts at `start` ends: its closing brace or its semicolon.
pub(super) fn item_end(code: &str, start: usize) -> usize {
    let mut braces = 0_usize;
    let mut brackets = 0_usize;
    for (offset, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            b'{' => braces += 1,
            b'}' if braces <= 1 => return offset,
            b'}' => braces -= 1,
            b';' if braces == 0 && brackets == 0 => return offset,
            _ => {}
        }
    }
    code.len()
}

/// The line, counted from one, of a byte offset.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// The identifiers of a line of code with their byte offsets.
pub(super) fn identifiers(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    let bytes = line.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() && !is_part(bytes[at]) {
            at += 1;
        }
        let start = at;
        while at < bytes.len() && is_part(bytes[at]) {
            at += 1;
        }
        (start < at).then(|| (start, &line[start..at]))
    })
}

#[test]
fn lines_below_cfg_test_are_not_product_lines() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
    let source = Source::new("x/src/y.rs", text);
    let product: Vec<usize> = source.product_lines().map(|(line, _)| line).collect();
    assert_eq!(product, [1, 6]);
}

#[test]
fn files_of_tests_are_known_by_their_path() {
    let is_product = |path: &str| Source::new(path, "").is_product();
    assert!(is_product("filters/abi/src/op.rs"));
    assert!(!is_product("filters/abi/src/op/tests.rs"));
    assert!(!is_product("filters/abi/src/buffer_tests/rows.rs"));
    assert!(!is_product("traces/benches/trace.rs"));
    assert!(!is_product("traces/src/notes.md"));
}

#[test]
fn identifiers_are_whole_words() {
    let found: Vec<_> = identifiers("a.b_c::d9(&e)").map(|(_, word)| word).collect();
    assert_eq!(found, ["a", "b_c", "d9", "e"]);
}

#[test]
fn an_item_ends_at_its_brace_or_semicolon_and_not_inside_an_array_type() {
    assert_eq!(item_end("mod a;", 0), 5);
    assert_eq!(item_end("fn a(x: [u8; 4]) { { } } fn b", 0), 23);
}
