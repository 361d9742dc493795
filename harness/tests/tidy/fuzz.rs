//! A fuzz target without seeds starts blind, and one without a stable test is never run in CI.

use super::finding::Finding;
use super::source::Source;

const TARGETS: &str = "harness/fuzz/fuzz_targets/";
const STABLE_TEST: &str = "harness/tests/fuzz_corpus.rs";

/// Every target has a binary in the manifest, a corpus, and a row in the stable test.
pub(super) fn targets_have_corpus_and_test(files: &[Source]) -> Vec<Finding> {
    let text_of = |path: &str| {
        files.iter().find(|file| file.path == path).map_or("", |file| file.text.as_str())
    };
    let stable_test = text_of(STABLE_TEST);
    let manifest = text_of("harness/fuzz/Cargo.toml");
    let mut findings = Vec::new();
    for file in files {
        let target = file.path.strip_prefix(TARGETS).and_then(|name| name.strip_suffix(".rs"));
        let Some(target) = target else { continue };
        let corpus = format!("harness/fuzz/corpus/{target}/");
        let quoted = format!("\"{target}\"");
        let checks = [
            (files.iter().any(|file| file.path.starts_with(&corpus)), &corpus[..], "add seeds"),
            (stable_test.contains(&quoted), STABLE_TEST, "add a row to its table"),
            (manifest.contains(&quoted), "harness/fuzz/Cargo.toml", "add a [[bin]]"),
        ];
        for (_, place, fix) in checks.iter().filter(|(holds, ..)| !holds) {
            let message = format!("target `{target}` is not in {place}; {fix}");
            findings.push(Finding::new(&file.path, 0, message));
        }
    }
    findings
}

#[test]
fn a_target_without_corpus_test_or_binary_is_caught() {
    let all = [
        ("harness/fuzz/fuzz_targets/a.rs", ""),
        ("harness/fuzz/corpus/a/seed", ""),
        (STABLE_TEST, "(\"a\", f)"),
        ("harness/fuzz/Cargo.toml", "name = \"a\""),
    ];
    let without = |skipped: usize| -> usize {
        let kept = (0..all.len()).filter(|index| *index != skipped);
        let files: Vec<_> = kept.map(|index| Source::new(all[index].0, all[index].1)).collect();
        targets_have_corpus_and_test(&files).len()
    };
    assert_eq!(without(usize::MAX), 0);
    for (skipped, (path, _)) in all.iter().enumerate().skip(1) {
        assert_eq!(without(skipped), 1, "{path}");
    }
}
