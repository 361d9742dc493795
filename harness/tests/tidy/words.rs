//! Words that do not belong in a finished tree.

use super::finding::Finding;
use super::source::Source;

/// What has no place in code.
enum Word {
    /// A macro, by its name.
    Macro(&'static str),
    /// An attribute, of an item or of all that is around it.
    Attribute(&'static str),
    /// A type, as it is written.
    Type(&'static str),
}

/// What is looked for in code, and what to do instead.
const BANNED: &[(Word, &str)] = &[
    (Word::Macro("todo"), "write it, or return an error that says what is missing"),
    (Word::Macro("unimplemented"), "write it, or return an error that says what is missing"),
    (Word::Macro("dbg"), "emit an event or return the value"),
    (Word::Attribute("ignore"), "let the test print why it cannot run here and pass"),
    (Word::Attribute("should_panic"), "check the returned error, or what happens today"),
    (Word::Attribute("allow"), "write `#[expect(lint, reason = \"...\")]` on the smallest item"),
    (Word::Type("Box<dyn Error>"), "give the activity its own error type"),
    (Word::Type("Box<dyn std::error::Error>"), "give the activity its own error type"),
];

impl Word {
    /// How it stands in code.
    fn spellings(&self) -> Vec<String> {
        match self {
            Word::Macro(name) => vec![format!("{name}!(")],
            Word::Attribute(name) => vec![format!("#[{name}"), format!("#![{name}")],
            Word::Type(name) => vec![(*name).to_owned()],
        }
    }
}

/// What a test binary does not use of a shared helper differs from binary to binary, so that no
/// `expect` can hold in all of them.
fn is_shared_helper(path: &str) -> bool {
    path.contains("/tests/") && path.ends_with("/mod.rs")
}

/// No Rust code holds a banned word, and no example is marked as not to be compiled.
pub(super) fn banned_words_are_absent(files: &[Source]) -> Vec<Finding> {
    let spelled = |(word, fix): &'static (Word, &str)| {
        word.spellings().into_iter().map(move |spelling| (word, spelling, fix))
    };
    let banned: Vec<_> = BANNED.iter().flat_map(spelled).collect();
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let is_helper = is_shared_helper(&file.path);
        for (word, spelling, fix) in banned.iter().filter(|banned| file.code.contains(&banned.1)) {
            for (line, _) in file.code_lines().filter(|(_, code)| code.contains(spelling)) {
                // Errors may be boxed where no caller matches on them.
                let is_excepted = (file.is_test_line(line) && matches!(word, Word::Type(_)))
                    || (is_helper && spelling == "#![allow");
                if !is_excepted {
                    let message = format!("`{spelling}`; {fix}");
                    findings.push(Finding::new(&file.path, line, message));
                }
            }
        }
        for (line, text) in file.lines().filter(|(_, text)| skips_example(text)) {
            let message = format!("`{}`; an example that nobody compiles goes stale", text.trim());
            findings.push(Finding::new(&file.path, line, message));
        }
    }
    findings
}

/// Where `unsafe` may stand: the lints deny it, and this says which modules may expect it.
const UNSAFE_HOMES: &[&str] =
    &["filters/src/engine/kernel/", "filters/benches/engine.rs", "harness/src/mount/policy.rs"];

/// No Rust code outside those modules is unsafe.
pub(super) fn unsafe_stays_at_home(files: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_home = |file: &Source| UNSAFE_HOMES.iter().any(|home| file.path.starts_with(home));
    for file in files.iter().filter(|file| file.is_rust() && !is_home(file)) {
        let uses = |code: &str| code.contains("unsafe {") || code.contains("unsafe_code");
        for (line, _) in file.code_lines().filter(|(_, code)| uses(code)) {
            let message = "`unsafe` outside its modules; find a safe way, or a module for it";
            findings.push(Finding::new(&file.path, line, message.to_owned()));
        }
    }
    findings
}

#[test]
fn unsafety_is_caught_outside_its_home() {
    let source = |path: &str| [Source::new(path, "//! It.\nfn f() {\n    unsafe { g() }\n}\n")];
    assert_eq!(unsafe_stays_at_home(&source("filters/src/engine/run.rs")).len(), 1);
    assert_eq!(unsafe_stays_at_home(&source("filters/src/engine/kernel/bpf.rs")), []);
}

/// Is this the opening fence of a documentation example that is not compiled?
fn skips_example(text: &str) -> bool {
    let text = text.trim_start();
    let Some(doc) = text.strip_prefix("///").or_else(|| text.strip_prefix("//!")) else {
        return false;
    };
    let Some(tags) = doc.trim_start().strip_prefix("```") else { return false };
    tags.split([',', ' ']).any(|tag| tag == "ignore" || tag.starts_with("ignore-"))
}

#[test]
fn each_banned_word_is_caught_in_code_and_not_in_text() {
    let check = |text: &str, expected: usize| {
        let found = banned_words_are_absent(&[Source::new("a/src/b.rs", text)]);
        assert_eq!(found.len(), expected, "{text}");
    };
    for word in BANNED.iter().flat_map(|(word, _)| word.spellings()) {
        check(&format!("let x = y; {word}z"), 1);
        check(&format!("// {word}"), 0);
        check(&format!("let x = \"{word}\";"), 0);
    }
    let waiver = Source::new("a/tests/common/mod.rs", "#![allow(dead_code)]");
    assert_eq!(banned_words_are_absent(&[waiver]), []);
    check("#[cfg(test)]\nfn a() -> Result<(), Box<dyn Error>> { Ok(()) }", 0);
}

#[test]
fn an_example_that_is_not_compiled_is_caught() {
    let found = |text: &str| banned_words_are_absent(&[Source::new("a.rs", text)]).len();
    assert_eq!(found("/// ```ignore"), 1);
    assert_eq!(found("//! ```rust,ignore"), 1);
    assert_eq!(found("/// ```text"), 0);
    assert_eq!(found("/// people may ignore ```"), 0);
}
