//! A report as Markdown, for the summary of a CI job or a comment on a change.

use super::human::status;
use super::{Finding, Outcome, Report, Severity, Verdict};

/// The whole summary.
pub(super) fn write(report: &Report) -> String {
    let verdict = match report.verdict() {
        Verdict::Agreed => "agreed",
        Verdict::Finding => "**finding**",
        Verdict::NothingRan => "**nothing ran**",
    };
    let mut out = format!("## fuserig {}: {verdict}\n\n", report.command);
    out.push_str(&format!("{}\n\n{}", inline(&report.title), report.totals()));
    match report.looked_at() {
        looked_at if looked_at.is_empty() => out.push('\n'),
        looked_at => out.push_str(&format!("  \nlooked at {looked_at}\n")),
    }
    checks(&mut out, report);
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let found: Vec<&Finding> =
            report.findings().filter(|finding| finding.severity == severity).collect();
        if !found.is_empty() {
            let heading = match severity {
                Severity::Error => "Errors",
                Severity::Warning => "Warnings",
                Severity::Note => "Notes",
            };
            out.push_str(&format!("\n### {heading} ({})\n\n", found.len()));
            for finding in found {
                item(&mut out, finding);
            }
        }
    }
    out
}

fn checks(out: &mut String, report: &Report) {
    if report.checks.is_empty() {
        return;
    }
    out.push_str("\n| check | outcome | errors | warnings | notes |\n|---|---|---:|---:|---:|\n");
    for check in &report.checks {
        let count = |severity| {
            let counted = check.findings.iter().filter(|finding| finding.severity == severity);
            counted.count()
        };
        let outcome = match (check.outcome(), &check.skipped) {
            (Outcome::Failed, _) => "**failed**".to_owned(),
            (Outcome::Skipped, Some(reason)) => format!("skipped: {}", cell(reason)),
            (outcome, _) => outcome.name().to_owned(),
        };
        out.push_str(&format!(
            "| {}: {} | {outcome} | {} | {} | {} |\n",
            cell(&check.suite),
            cell(&check.name),
            count(Severity::Error),
            count(Severity::Warning),
            count(Severity::Note)
        ));
    }
}

fn item(out: &mut String, finding: &Finding) {
    let id = code(&finding.id);
    let state = match &finding.suppressed {
        Some(_) => format!(" ({})", inline(&status(finding))),
        None => String::new(),
    };
    out.push_str(&format!("- {id}{state}: {}\n", inline(&finding.title)));
    if !finding.message.is_empty() {
        out.push_str(&format!("  {}\n", inline(&finding.message)));
    }
    if let Some(sides) = &finding.sides {
        for side in [&sides.expected, &sides.actual] {
            out.push_str(&format!("  - {}: {}\n", inline(&side.label), code(&side.text)));
        }
    }
    if let Some(case) = &finding.case {
        block(out, &case.text);
    }
    if let Some(command) = &finding.reproduce {
        block(out, command);
    }
}

/// A fenced block that no line of the text can end.
fn block(out: &mut String, text: &str) {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    out.push_str(&format!("\n  {fence}text\n"));
    for line in text.trim_end().lines() {
        out.push_str(&format!("  {line}\n"));
    }
    out.push_str(&format!("  {fence}\n\n"));
}

/// A code span that no backtick of the text can end.
fn code(text: &str) -> String {
    let text = text.replace('\n', " ");
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for char in text.chars() {
        run = if char == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Text in which nothing but code spans is markup.
fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_code = false;
    for char in text.trim().replace('\n', " ").chars() {
        match char {
            '`' => is_code = !is_code,
            '\\' | '*' | '_' | '<' | '[' | '#' if !is_code => out.push('\\'),
            _ => {}
        }
        out.push(char);
    }
    out
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    inline(text).replace('|', "\\|")
}
