//! A report and a finding as plain text.

use super::{Finding, Outcome, Report};

/// The whole report: each finding as a paragraph, then the checks that did not pass, then totals.
///
/// ```
/// use fuserig::report::{Check, Report, human};
/// let mut report = Report::new("abi gate", "v3 to v4");
/// report.push(Check::new("load", "hide.o", Vec::new()));
/// assert_eq!(human(&report), "1 check: 1 passed, 0 failed, 0 skipped\n");
/// ```
pub fn human(report: &Report) -> String {
    let mut out = String::new();
    for check in &report.checks {
        for finding in &check.findings {
            out.push_str(&paragraph(finding));
            out.push('\n');
        }
    }
    for check in &report.checks {
        match (check.outcome(), &check.skipped) {
            (Outcome::Skipped, Some(reason)) => {
                out.push_str(&format!("skipped: {}: {}: {reason}\n", check.suite, check.name));
            }
            (Outcome::Failed, _) => {
                out.push_str(&format!("failed: {}: {}\n", check.suite, check.name));
            }
            (Outcome::Passed | Outcome::Skipped, _) => {}
        }
    }
    out.push_str(&report.totals());
    out.push('\n');
    match report.looked_at() {
        looked_at if looked_at.is_empty() => {}
        looked_at => out.push_str(&format!("{looked_at}\n")),
    }
    out
}

/// One finding in a few lines, the command that shows it again last.
pub(super) fn paragraph(finding: &Finding) -> String {
    let mut out = format!("{}: {} [{}]\n", status(finding), finding.title, finding.id);
    if let Some(place) = &finding.location {
        out.push_str(&format!("  at {place}\n"));
    }
    if let Some(step) = finding.step {
        out.push_str(&format!("  at step {step}\n"));
    }
    for line in finding.message.lines() {
        out.push_str(&format!("  {line}\n"));
    }
    if let Some(sides) = &finding.sides {
        let sides = [&sides.expected, &sides.actual];
        let width = sides.iter().map(|side| side.label.chars().count()).max().unwrap_or(0);
        for side in sides {
            out.push_str(&format!("  {:<width$}  {}\n", side.label, side.text));
        }
    }
    if let Some(case) = &finding.case {
        out.push_str(&format!("  smallest case ({}):\n", case.form));
        for line in case.text.lines() {
            out.push_str(&format!("    {line}\n"));
        }
    }
    if let Some(command) = &finding.reproduce {
        out.push_str(&format!("  reproduce: {command}\n"));
    }
    visible(&out)
}

/// The text with control characters spelled out: it may hold what a stranger's file says, and
/// goes to a terminal.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' => out.push(char),
            char if char.is_control() => out.extend(char.escape_default()),
            char => out.push(char),
        }
    }
    out
}

/// The severity, or that and why it does not count.
pub(super) fn status(finding: &Finding) -> String {
    match &finding.suppressed {
        None => finding.severity.name().to_owned(),
        Some(known) => {
            let until = known.until.as_ref().map(|day| format!(" until {day}")).unwrap_or_default();
            format!("{}, suppressed{until}: {}", finding.severity, known.reason)
        }
    }
}
