//! Rules about the gates: shell that stops at the first failure, and no gate that nobody runs.

use super::finding::Finding;
use super::source::Source;

const RUNNER: &str = ".ci/run";

/// Batch templates speak the shell of their batch system.
const TEMPLATES: &str = "ci/templates/";

/// Every script of ours is strict bash and says on top how it is used.
pub(super) fn scripts_are_strict(files: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_gate = |path: &str| path.starts_with("ci/") && path.ends_with(".sh");
    let is_ours = |file: &&Source| {
        file.path == RUNNER || (is_gate(&file.path) && !file.path.starts_with(TEMPLATES))
    };
    for file in files.iter().filter(is_ours) {
        let wanted = [
            ("#!/usr/bin/env bash", "begin with it"),
            ("# usage: ", "say how the script is run and what it needs"),
            ("set -euo pipefail", "a failure in the middle must not pass"),
        ];
        for (text, fix) in wanted {
            if !file.text.lines().any(|line| line.starts_with(text)) {
                findings.push(Finding::new(&file.path, 1, format!("no `{text}`; {fix}")));
            }
        }
    }
    findings
}

/// Every `ci/NAME.sh` is a word in the list of gates of `.ci/run`, and every word is a script.
pub(super) fn every_gate_is_run(files: &[Source]) -> Vec<Finding> {
    let Some(runner) = files.iter().find(|file| file.path == RUNNER) else {
        return vec![Finding::new(RUNNER, 0, "missing; it runs the tests and every gate")];
    };
    let listed = gates(&runner.text);
    let scripts: Vec<&str> = files
        .iter()
        .filter_map(|file| file.path.strip_prefix("ci/")?.strip_suffix(".sh"))
        .filter(|name| !name.contains('/'))
        .collect();
    let unrun = scripts.iter().filter(|name| !listed.contains(name)).map(|name| {
        let message = format!("no gate of {RUNNER}; add `{name}` to its list");
        Finding::new(&format!("ci/{name}.sh"), 0, message)
    });
    let absent = listed.iter().filter(|name| !scripts.contains(name)).map(|name| {
        Finding::new(RUNNER, 0, format!("gate `{name}` has no script; write ci/{name}.sh"))
    });
    unrun.chain(absent).collect()
}

/// The words between `gates=(` and the closing parenthesis.
fn gates(runner: &str) -> Vec<&str> {
    let list = runner.split_once("\ngates=(").and_then(|(_, rest)| rest.split_once(')'));
    list.map(|(words, _)| words.split_whitespace().collect()).unwrap_or_default()
}

#[test]
fn a_lax_script_is_caught() {
    let good = "#!/usr/bin/env bash\n# usage: ci/a.sh\nset -euo pipefail\n";
    assert_eq!(scripts_are_strict(&[Source::new("ci/a.sh", good)]), []);
    for line in good.lines() {
        let planted = good.replace(line, "");
        assert_eq!(scripts_are_strict(&[Source::new("ci/a.sh", &planted)]).len(), 1, "{line}");
        assert_eq!(scripts_are_strict(&[Source::new(RUNNER, &planted)]).len(), 1, "{line}");
    }
}

#[test]
fn a_gate_that_is_not_run_and_a_gate_without_script_are_caught() {
    let script = |path: &str| Source::new(path, "");
    let runner = |text: &str| Source::new(RUNNER, text);
    let check = |runner_text: &str, expected: usize| {
        let files = [runner(runner_text), script("ci/fmt.sh"), script("ci/lib/common.sh")];
        assert_eq!(every_gate_is_run(&files).len(), expected, "{runner_text}");
    };
    check("#!\ngates=(\n    fmt\n)\n", 0);
    check("#!\ngates=()\n", 1);
    check("#!\ngates=(fmt doc)\n", 1);
    check("", 1);
    assert_eq!(every_gate_is_run(&[]).len(), 1);
}
