//! A report as JUnit XML: a suite a group, a test case a check, a failure with all its findings.
//!
//! There is no schema that everybody follows; this is the subset that CI systems read alike. Times
//! are left out: the same run gives the same bytes.

use std::fmt::Write as _;

use super::human::paragraph;
use super::{Check, Finding, Outcome, Report, Verdict};

/// The whole document.
pub(super) fn write(report: &Report) -> String {
    let mut suites: Vec<(&str, Vec<&Check>)> = Vec::new();
    for check in &report.checks {
        match suites.iter_mut().find(|(name, _)| *name == check.suite) {
            Some((_, checks)) => checks.push(check),
            None => suites.push((&check.suite, vec![check])),
        }
    }
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let all: Vec<&Check> = report.checks.iter().collect();
    let name = escape(&format!("fuserig {}", report.command));
    // A run without a check must not look green to a reader that counts failures.
    let errors = usize::from(report.verdict() == Verdict::NothingRan);
    push(&mut out, format_args!("<testsuites name=\"{name}\" {}>\n", numbers(&all, errors)));
    for (suite, checks) in suites {
        let name = escape(suite);
        push(&mut out, format_args!("  <testsuite name=\"{name}\" {}>\n", numbers(&checks, 0)));
        for check in checks {
            case(&mut out, check);
        }
        out.push_str("  </testsuite>\n");
    }
    if errors > 0 {
        out.push_str("  <testsuite name=\"nothing ran\" tests=\"1\" failures=\"0\" errors=\"1\" ");
        out.push_str("skipped=\"0\">\n    <testcase classname=\"fuserig\" name=\"nothing ran\">");
        out.push_str("<error message=\"no check ran\"/></testcase>\n  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn numbers(checks: &[&Check], errors: usize) -> String {
    let count = |outcome| checks.iter().filter(|check| check.outcome() == outcome).count();
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{errors}\" skipped=\"{}\"",
        checks.len() + errors,
        count(Outcome::Failed),
        count(Outcome::Skipped)
    )
}

fn case(out: &mut String, check: &Check) {
    let (suite, name) = (escape(&check.suite), escape(&check.name));
    push(out, format_args!("    <testcase classname=\"{suite}\" name=\"{name}\""));
    if let Some(reason) = &check.skipped {
        let reason = escape(reason);
        push(out, format_args!(">\n      <skipped message=\"{reason}\"/>\n    </testcase>\n"));
        return;
    }
    if check.findings.is_empty() {
        out.push_str("/>\n");
        return;
    }
    out.push_str(">\n");
    let (failing, other): (Vec<&Finding>, Vec<&Finding>) =
        check.findings.iter().partition(|finding| finding.is_failure());
    if let Some(first) = failing.first() {
        let text: Vec<String> = failing.iter().map(|finding| paragraph(finding)).collect();
        push(
            out,
            format_args!(
                "      <failure type=\"{}\" message=\"{}\">{}</failure>\n",
                first.class,
                escape(&first.title),
                escape(&text.join("\n"))
            ),
        );
    }
    if !other.is_empty() {
        let text: Vec<String> = other.iter().map(|finding| paragraph(finding)).collect();
        let text = escape(&text.join("\n"));
        push(out, format_args!("      <system-out>{text}</system-out>\n"));
    }
    out.push_str("    </testcase>\n");
}

/// Text inside an element or an attribute. What XML 1.0 cannot hold is spelled out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                push(&mut out, format_args!("{}", char.escape_unicode()));
            }
            other => out.push(other),
        }
    }
    out
}

fn push(out: &mut String, text: core::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a string takes every text");
}
