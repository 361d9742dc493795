//! One corridor: only the pipeline calls a filter.
//!
//! `Filter::call` wants a `FilterEnv`, and whoever is not a filter itself must make one first.
//! So the rule looks for the making: it has one spelling, whereas `call` is a common word.
//! Harness code outside the pipeline makes none; a door that wants a decision runs the pipeline.
//! Filters that wrap filters pass on what they were given and are none of this rule's business.

use super::finding::Finding;
use super::source::Source;

const HARNESS: &str = "harness/src/";
const PIPELINE: &str = "harness/src/pipeline/";

/// The associated functions of `FilterEnv`, which are its constructors.
const MAKING: &str = "FilterEnv::";
const ENTRIES: &[&str] = &[MAKING, "Filter::call"];

/// No harness code but the pipeline meets a filter.
pub(super) fn only_the_pipeline_calls_filters(files: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut pipeline_calls = false;
    for file in files.iter().filter(|file| file.is_product() && file.path.starts_with(HARNESS)) {
        for (line, code) in file.product_lines() {
            let Some(entry) = ENTRIES.iter().find(|entry| code.contains(**entry)) else { continue };
            if file.path.starts_with(PIPELINE) {
                pipeline_calls = true;
                continue;
            }
            let message =
                format!("`{entry}` outside {PIPELINE}: a stage is reimplemented; run the pipeline");
            findings.push(Finding::new(&file.path, line, message));
        }
    }
    if !pipeline_calls {
        let message = format!(
            "no `{MAKING}`: filters are called in a way this rule does not know; teach it in \
             harness/tests/tidy/corridor.rs"
        );
        findings.push(Finding::new(PIPELINE, 0, message));
    }
    findings
}

#[test]
fn a_filter_called_outside_the_pipeline_is_caught() {
    let pipeline = "let mut env = FilterEnv::new(caller);";
    let found = |path: &str, code: &str| {
        let files =
            [Source::new("harness/src/pipeline/dispatch.rs", pipeline), Source::new(path, code)];
        only_the_pipeline_calls_filters(&files)
    };
    for code in ["let env = FilterEnv::new(&caller);", "Filter::call(&mut f, slot)"] {
        assert_eq!(found("harness/src/door/replay.rs", code).len(), 1, "{code}");
        assert_eq!(found("harness/src/pipeline/run.rs", code), []);
        assert_eq!(found("harness/src/vfs/tests.rs", code), []);
        assert_eq!(found("filters/src/chain.rs", code), []);
    }
    assert_eq!(found("harness/src/vfs/a.rs", "// FilterEnv::new(x)"), []);
    assert_eq!(found("harness/src/conform/filter.rs", "fn call(env: &mut FilterEnv<'_>)"), []);
}

#[test]
fn a_pipeline_that_calls_filters_in_an_unknown_way_is_caught() {
    let files = [Source::new("harness/src/pipeline/dispatch.rs", "Env::make(caller)")];
    assert_eq!(only_the_pipeline_calls_filters(&files).len(), 1);
}
