//! Files stay short enough to be read, functions short enough to fit a screen.

use super::finding::Finding;
use super::source::{Source, identifiers, item_end, line_of};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;

/// Tables that a program wrote or that are data by nature, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Functions that would be worse in two, as `(path, function, reason)`.
const LONG_FUNCTIONS: &[(&str, &str, &str)] = &[(
    "filters/src/engine/interp/run.rs",
    "function",
    "one match over the instruction set, a line an instruction; a call in it would halve its speed",
)];

/// No Rust file is longer than the limit.
pub(super) fn files_are_short(files: &[Source]) -> Vec<Finding> {
    let is_excepted = |file: &Source| LONG_FILES.iter().any(|(path, _)| *path == file.path);
    files
        .iter()
        .filter(|file| file.is_rust() && !is_excepted(file))
        .filter_map(|file| {
            let lines = file.text.lines().count();
            let message = format!("{lines} lines of {FILE_LINES_MAX}; split it by subject");
            (lines > FILE_LINES_MAX).then(|| Finding::new(&file.path, lines, message))
        })
        .collect()
}

/// No function is longer than the limit, its braces included.
pub(super) fn functions_fit_a_screen(files: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        for function in functions(&file.code) {
            let lines = function.last_line - function.first_line + 1;
            let is_excepted = LONG_FUNCTIONS
                .iter()
                .any(|(path, name, _)| (*path, *name) == (&*file.path, function.name));
            if lines > FUNCTION_LINES_MAX && !is_excepted {
                let message = format!(
                    "`{}` has {lines} lines of {FUNCTION_LINES_MAX}; give its parts names",
                    function.name
                );
                findings.push(Finding::new(&file.path, function.first_line, message));
            }
        }
    }
    findings
}

struct Function<'a> {
    name: &'a str,
    first_line: usize,
    last_line: usize,
}

/// Every named function of blanked code, nested ones as well.
fn functions(code: &str) -> Vec<Function<'_>> {
    let mut found = Vec::new();
    let mut offset = 0;
    for (line, text) in (1..).zip(code.split_inclusive('\n')) {
        // Most lines do not even hold the letters, which is quick to find out.
        let searched = if text.contains("fn") { text } else { "" };
        for (at, _) in identifiers(searched).filter(|(_, word)| *word == "fn") {
            // `fn(u8) -> u8` is a type: what follows the keyword is no name.
            let rest = &text[at + "fn".len()..];
            let has_name = rest.trim_start().starts_with(|c: char| c == '_' || c.is_alphabetic());
            if let Some((_, name)) = identifiers(rest).next()
                && has_name
            {
                let start = offset + at;
                let end = item_end(code, start);
                let last_line = line + line_of(&code[start..end], end - start) - 1;
                found.push(Function { name, first_line: line, last_line });
            }
        }
        offset += text.len();
    }
    found
}

#[test]
fn a_file_over_the_limit_is_caught() {
    let file = |lines: usize| [Source::new("a/src/b.rs", &"//\n".repeat(lines))];
    assert_eq!(files_are_short(&file(FILE_LINES_MAX)), []);
    assert_eq!(files_are_short(&file(FILE_LINES_MAX + 1)).len(), 1);
}

#[test]
fn a_function_over_the_limit_is_caught() {
    let function = |lines: usize| {
        let body = "    f(\"{\", '{');\n".repeat(lines - 2);
        [Source::new(
            "a/src/b.rs",
            &format!("type F = fn(u8);\nfn long() {{\n{body}}}\nfn g() {{}}\n"),
        )]
    };
    assert_eq!(functions_fit_a_screen(&function(FUNCTION_LINES_MAX)), []);
    let found = functions_fit_a_screen(&function(FUNCTION_LINES_MAX + 1));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].line, 2);
    assert!(found[0].message.contains("`long` has 71 lines"));
}

#[test]
fn declarations_without_a_body_and_nested_functions_are_measured() {
    let code = "trait T {\n    fn a(x: [u8; 2]);\n    fn b() {\n        fn c() {}\n    }\n}\n";
    let seen: Vec<_> =
        functions(code).iter().map(|f| (f.name, f.first_line, f.last_line)).collect();
    assert_eq!(seen, [("a", 2, 2), ("b", 3, 5), ("c", 4, 4)]);
}
