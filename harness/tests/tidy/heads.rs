//! How files begin: modules with their docs, and `lib.rs` and `mod.rs` with nothing else.

use super::finding::Finding;
use super::source::{Source, identifiers};

/// Every Rust file begins with `//!`, after inner attributes at most.
pub(super) fn modules_begin_with_docs(files: &[Source]) -> Vec<Finding> {
    files
        .iter()
        .filter(|file| file.is_rust())
        .filter_map(|file| {
            let mut lines = file.lines();
            let first = lines.find(|(_, text)| !text.is_empty() && !text.starts_with("#!["))?;
            let message = "no `//!` on top; say what the module is for and what it refuses to do";
            (!first.1.starts_with("//!")).then(|| Finding::new(&file.path, first.0, message))
        })
        .collect()
}

/// What `lib.rs` and `mod.rs` may not hold: items with logic or data of their own.
const ITEMS: &[&str] =
    &["fn", "struct", "enum", "union", "trait", "impl", "static", "const", "type", "macro_rules"];

/// Words that may stand before the keyword of an item.
const MODIFIERS: &[&str] =
    &["pub", "crate", "super", "self", "in", "async", "unsafe", "extern", "default"];

/// `lib.rs` and `mod.rs` hold docs, module declarations and re-exports only. Excepted are tests,
/// whose shared helpers Cargo wants in `tests/common/mod.rs`.
pub(super) fn heads_hold_no_items(files: &[Source]) -> Vec<Finding> {
    let is_head =
        |file: &&Source| file.is_product() && matches!(file.file_name(), "lib.rs" | "mod.rs");
    files
        .iter()
        .filter(is_head)
        .filter_map(|file| {
            // One finding a file: the fix is to move them all.
            let mut items = file.code_lines().filter_map(|(line, code)| Some((line, item(code)?)));
            let (line, first) = items.next()?;
            let message = format!(
                "`{first}` and {} more items in {}; move them to a file with a name",
                items.count(),
                file.file_name()
            );
            Some(Finding::new(&file.path, line, message))
        })
        .collect()
}

/// The keyword of the item that a line of code declares.
fn item(code: &str) -> Option<&str> {
    let mut words = identifiers(code).map(|(_, word)| word);
    words.find(|word| !MODIFIERS.contains(word)).filter(|word| ITEMS.contains(word))
}

#[test]
fn a_module_without_docs_is_caught() {
    let found = |text: &str| modules_begin_with_docs(&[Source::new("a/src/b.rs", text)]).len();
    assert_eq!(found("//! For something.\n"), 0);
    assert_eq!(found("#![no_main]\n//! For something.\n"), 0);
    assert_eq!(found(""), 0);
    assert_eq!(found("use std::io;\n//! Late.\n"), 1);
    assert_eq!(found("// No doc.\n"), 1);
}

#[test]
fn an_item_in_a_head_is_caught_and_a_re_export_is_not() {
    let found = |path: &str, text: &str| heads_hold_no_items(&[Source::new(path, text)]).len();
    for item in ["fn a() {}", "pub(crate) struct A;", "pub const fn a() {}", "    impl A {}"] {
        assert_eq!(found("a/src/lib.rs", item), 1, "{item}");
        assert_eq!(found("a/src/x/mod.rs", item), 1, "{item}");
        assert_eq!(found("a/src/x.rs", item), 0, "{item}");
        assert_eq!(found("a/tests/common/mod.rs", item), 0, "{item}");
    }
    let good = "//! fn in docs\nmod a;\npub use a::{A, fn_of};\npub mod prelude {\n}\n";
    assert_eq!(found("a/src/lib.rs", good), 0);
}
