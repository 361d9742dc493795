//! The test itself: every rule over every file.

use std::path::Path;

use super::finding::Finding;
use super::source::Source;
use super::walk::read_tree;
use super::{
    corridor, fuzz, heads, layout, manifest, readme, rim, scripts, size, text, words, workplace,
};

type Rule = fn(&[Source]) -> Vec<Finding>;

/// Every rule under the name it is reported by.
const RULES: &[(&str, Rule)] = &[
    ("top-level", layout::top_level_is_fixed),
    ("snapshots", layout::snapshots_are_in_one_place),
    ("crate-direction", manifest::crates_point_one_way),
    ("workspace-lints", manifest::lints_are_the_workspaces),
    ("workspace-versions", manifest::versions_are_the_workspaces),
    ("workspace-unused", manifest::listed_versions_are_used),
    ("rim", rim::outside_things_stay_at_the_rim),
    ("rim-zstd", rim::zstd_is_in_one_module_per_crate),
    ("corridor", corridor::only_the_pipeline_calls_filters),
    ("file-length", size::files_are_short),
    ("function-length", size::functions_fit_a_screen),
    ("line-width", text::lines_are_narrow),
    ("ascii", text::text_is_ascii),
    ("whitespace", text::whitespace_is_clean),
    ("module-docs", heads::modules_begin_with_docs),
    ("re-exports", heads::heads_hold_no_items),
    ("banned-words", words::banned_words_are_absent),
    ("unsafe", words::unsafe_stays_at_home),
    ("workplace", workplace::no_workplace_is_named),
    ("package-source", workplace::packages_are_published_ones),
    ("scripts", scripts::scripts_are_strict),
    ("gates", scripts::every_gate_is_run),
    ("readme-commands", readme::commands_are_marked),
    ("fuzz-targets", fuzz::targets_have_corpus_and_test),
];

#[test]
fn tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let files = read_tree(&root).expect("the tree of the workspace can be read");
    assert!(files.len() > 20, "read only {} files: is this the workspace?", files.len());
    let report: Vec<String> = RULES
        .iter()
        .flat_map(|(name, rule)| {
            rule(&files).into_iter().map(move |finding| format!("{finding} [{name}]"))
        })
        .collect();
    assert!(report.is_empty(), "{} findings:\n{}", report.len(), report.join("\n"));
}

#[test]
fn every_rule_has_its_own_name() {
    let mut names: Vec<_> = RULES.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), RULES.len());
}
