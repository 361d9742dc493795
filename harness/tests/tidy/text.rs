//! Text that every terminal and every diff shows alike: ASCII, narrow, no stray blanks.

use super::finding::Finding;
use super::source::Source;

const COLUMNS_MAX: usize = 100;

/// The kinds of file that people write here. Fixtures and data keep the bytes they came with.
const WRITTEN: &[&str] = &[".rs", ".md", ".toml", ".sh"];

fn written(files: &[Source]) -> impl Iterator<Item = &Source> {
    files.iter().filter(|file| {
        file.path == ".ci/run" || WRITTEN.iter().any(|kind| file.path.ends_with(kind))
    })
}

/// No line is wider than the limit. Excepted are rows of Markdown tables, which cannot be
/// wrapped, lines that begin inside a string of Rust (a fixture's text), a lone address, and in
/// tests what stands in quotes: a line of a log is a case as it is.
pub(super) fn lines_are_narrow(files: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in written(files) {
        for (line, text) in file.lines() {
            if text.len() <= COLUMNS_MAX {
                continue;
            }
            let columns = text.chars().count();
            let is_row = file.path.ends_with(".md") && text.starts_with('|');
            let is_address = !text.trim().contains(' ') && text.contains("://");
            let is_fixture = file.begins_inside_string(line) || is_quoted_case(file, line, text);
            // What was run while a log was recorded stays as it was run.
            let is_recorded = file.path.starts_with("traces/tests/strace/");
            let is_excepted = is_row || is_address || is_fixture || is_recorded;
            if columns > COLUMNS_MAX && !is_excepted {
                let message = format!("{columns} columns of {COLUMNS_MAX}; wrap the line");
                findings.push(Finding::new(&file.path, line, message));
            }
        }
    }
    findings
}

/// Is the line part of a test, and narrow but for what it quotes?
fn is_quoted_case(file: &Source, line: usize, text: &str) -> bool {
    let code = file.code.lines().nth(line - 1).unwrap_or("");
    let bare: usize = code.split_whitespace().map(|word| word.len() + 1).sum();
    file.is_test_line(line) && text.contains('"') && bare <= COLUMNS_MAX
}

/// No character outside ASCII.
pub(super) fn text_is_ascii(files: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in written(files).filter(|file| !file.text.is_ascii()) {
        for (line, text) in file.lines() {
            if let Some(strange) = text.chars().find(|c| !c.is_ascii()) {
                let code = u32::from(strange);
                let message = format!("U+{code:04X} is not ASCII; spell it out or escape it");
                findings.push(Finding::new(&file.path, line, message));
            }
        }
    }
    findings
}

/// No tab, no blank at the end of a line, and a newline at the end of the file.
pub(super) fn whitespace_is_clean(files: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in written(files) {
        for (line, text) in file.lines().filter(|(line, _)| !file.begins_inside_string(*line)) {
            if text.contains('\t') {
                findings.push(Finding::new(&file.path, line, "a tab; indent with spaces"));
            }
            if text.ends_with([' ', '\r']) {
                findings.push(Finding::new(&file.path, line, "a blank ends the line; remove it"));
            }
        }
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            let line = file.text.lines().count();
            findings.push(Finding::new(&file.path, line, "the last line has no end; add one"));
        }
    }
    findings
}

#[test]
fn a_wide_line_is_caught_and_the_exceptions_are_not() {
    let check = |path: &str, text: &str, expected: usize| {
        assert_eq!(lines_are_narrow(&[Source::new(path, text)]).len(), expected, "{path}");
    };
    let wide = "word ".repeat(21);
    check("a.md", &wide, 1);
    check("a.sh", &wide, 1);
    check(".ci/run", &wide, 1);
    check("a.strace", &wide, 0);
    check("a.md", &format!("| {wide}"), 0);
    check("a.md", &format!("https://example.org/{}", "x".repeat(100)), 0);
    check("a.rs", &format!("const A: &str = \"\n{wide}\n\";"), 0);
    check("a.rs", &format!("const A: &str = \"{wide}\";"), 1);
    let case = format!("    check(\"{wide}\", 1);");
    check("a/src/b.rs", &case, 1);
    check("a/tests/b.rs", &case, 0);
    check("a/tests/b.rs", &format!("// {wide}"), 1);
    check("a/tests/b.rs", &format!("f(\"\", {})", "x".repeat(100)), 1);
    check("a.rs", &"x".repeat(100), 0);
    check("a.rs", &"x".repeat(101), 1);
}

#[test]
fn a_character_outside_ascii_is_caught() {
    let found = text_is_ascii(&[Source::new("a.md", "plain\nna\u{ef}ve\n")]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].to_string(), "a.md:2: U+00EF is not ASCII; spell it out or escape it");
}

#[test]
fn stray_whitespace_is_caught() {
    let check = |text: &str, expected: usize| {
        assert_eq!(whitespace_is_clean(&[Source::new("a.rs", text)]).len(), expected, "{text:?}");
    };
    check("a\n", 0);
    check("", 0);
    check("a \n", 1);
    check("\ta\n", 1);
    check("a\r\nb\n", 0);
    check("a", 1);
}
