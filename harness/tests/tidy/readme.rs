//! The README's two commands are what CI runs, so they are marked where CI looks for them.

use super::finding::Finding;
use super::source::Source;

const README: &str = "README.md";

/// The marks in order: the first block does the main job, the second runs the tests.
const MARKS: &[&str] = &["<!-- main-command -->", "<!-- test-command -->"];

/// Languages that make a fenced block a block of commands.
const SHELLS: &[&str] = &["```sh", "```bash", "```shell", "```console"];

/// The README has exactly two blocks of commands, each opened right below its mark.
pub(super) fn commands_are_marked(files: &[Source]) -> Vec<Finding> {
    // That it exists is the business of the top-level rule.
    let Some(readme) = files.iter().find(|file| file.path == README) else { return Vec::new() };
    let lines: Vec<&str> = readme.text.lines().map(str::trim_end).collect();
    let fences: Vec<usize> =
        (0..lines.len()).filter(|line| SHELLS.contains(&lines[*line])).collect();
    let mut findings = Vec::new();
    if fences.len() != MARKS.len() {
        let message = format!(
            "{} fenced blocks of commands; keep two, one for the main job and one for the tests",
            fences.len()
        );
        findings.push(Finding::new(README, 0, message));
    }
    for (fence, mark) in fences.iter().zip(MARKS) {
        let above = lines[..*fence].iter().rev().find(|line| !line.is_empty());
        if above.map(|line| line.trim()) != Some(mark) {
            let message = format!("no `{mark}` above this block; CI finds the command by it");
            findings.push(Finding::new(README, fence + 1, message));
        }
    }
    findings
}

#[test]
fn unmarked_missing_and_extra_commands_are_caught() {
    let found = |text: &str| commands_are_marked(&[Source::new(README, text)]).len();
    let good = "# x\n<!-- main-command -->\n\n```sh\na\n```\n```rust\n```\n\
        <!-- test-command -->\n```sh\nb\n```\n";
    assert_eq!(found(good), 0);
    assert_eq!(found(&good.replace("<!-- test-command -->", "")), 1);
    assert_eq!(found(&good.replace("main-command", "other")), 1);
    assert_eq!(found(&format!("{good}```sh\nc\n```\n")), 1);
    assert_eq!(found("# x\n"), 1);
}
