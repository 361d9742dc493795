//! A report as one HTML file that needs nothing else: for people, light or dark, by mouse or keys.
//!
//! Text of strangers goes through [`escape`] and nowhere else, so a name in a trace cannot become
//! markup. What a reader would get wrong: without the script everything is still there and opens.

use core::fmt::Write as _;

use super::html_lanes::lanes;
use super::html_source::{excerpt, sources, tables};
use super::human::status;
use super::{Check, Finding, Outcome, Report, Severity, Source, Verdict};

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");

/// The whole file.
pub(super) fn write(report: &Report) -> String {
    let (class, verdict) = match report.verdict() {
        Verdict::Agreed => ("agreed", "agreed"),
        Verdict::Finding => ("finding", "finding"),
        Verdict::NothingRan => ("nothing-ran", "nothing ran"),
    };
    let (command, title) = (escape(&report.command), escape(&report.title));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>fuserig {command}: {verdict}</title>\n<style>\n{STYLE}</style>\n\
         <header>\n<h1>fuserig {command}<span class=\"badge {class}\">{verdict}</span></h1>\n\
         <p>{title}</p>\n<p class=\"dim\">{}",
        escape(&report.totals())
    );
    match report.looked_at() {
        looked_at if looked_at.is_empty() => out.push_str("</p>\n"),
        looked_at => line(&mut out, &format!("; looked at {}</p>", escape(&looked_at))),
    }
    out.push_str("</header>\n<main>\n");
    checks(&mut out, report);
    findings(&mut out, report);
    tables(&mut out, &report.tables);
    sources(&mut out, &report.sources);
    let version = env!("CARGO_PKG_VERSION");
    let _infallible = write!(
        out,
        "</main>\n<footer>fuserig {version}</footer>\n<script>\n{SCRIPT}</script>\n</html>\n"
    );
    out
}

pub(super) fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

/// Text between tags or in an attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(char),
            // Control characters mean nothing in HTML, and are shown.
            char if char.is_control() => out.extend(char.escape_default()),
            char => out.push(char),
        }
    }
    out
}

fn checks(out: &mut String, report: &Report) {
    if report.checks.is_empty() {
        return;
    }
    line(out, "<h2>Checks</h2>\n<div class=\"wide\"><table>");
    line(
        out,
        "<tr><th>outcome<th>suite<th>check<th class=\"n\">errors<th class=\"n\">warnings\
         <th class=\"n\">notes",
    );
    for check in &report.checks {
        let name = check.outcome().name();
        let _infallible = write!(
            out,
            "<tr><td class=\"{name}\">{name}<td>{}<td>{}",
            escape(&check.suite),
            escape(&check.name)
        );
        if let Some(reason) = &check.skipped {
            let _infallible = write!(out, "<br><span class=\"dim\">{}</span>", escape(reason));
        }
        for severity in [Severity::Error, Severity::Warning, Severity::Note] {
            let _infallible = write!(out, "<td class=\"n\">{}", count(check, severity));
        }
        out.push('\n');
    }
    line(out, "</table></div>");
}

fn count(check: &Check, severity: Severity) -> usize {
    check.findings.iter().filter(|finding| finding.severity == severity).count()
}

fn findings(out: &mut String, report: &Report) {
    let total = report.findings().count();
    line(out, &format!("<h2>Findings ({total})</h2>\n<div class=\"bar\">"));
    line(out, "<input id=\"search\" type=\"search\" placeholder=\"search\" aria-label=\"search\">");
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let found = report.findings().filter(|finding| finding.severity == severity).count();
        let name = severity.name();
        line(
            out,
            &format!(
                "<button class=\"{name}\" data-severity=\"{name}\" aria-pressed=\"true\">\
                 {name}s {found}</button>"
            ),
        );
    }
    line(
        out,
        "<button id=\"theme\">light or dark</button>\n<span id=\"shown\" class=\"dim\"></span>",
    );
    line(
        out,
        "</div>\n<p class=\"keys dim\"><kbd>j</kbd> <kbd>k</kbd> next and previous, \
         <kbd>Enter</kbd> opens, <kbd>a</kbd> opens all, <kbd>/</kbd> searches, <kbd>t</kbd> light \
         or dark</p>",
    );
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        for check in &report.checks {
            for one in check.findings.iter().filter(|one| one.severity == severity) {
                finding(out, check, one, &report.sources);
            }
        }
    }
}

fn finding(out: &mut String, check: &Check, finding: &Finding, sources: &[Source]) {
    let name = finding.severity.name();
    let open =
        if finding.is_failure() && check.outcome() == Outcome::Failed { " open" } else { "" };
    let state = match &finding.suppressed {
        Some(_) => format!(" <span class=\"dim\">({})</span>", escape(&status(finding))),
        None => String::new(),
    };
    line(
        out,
        &format!(
            "<details class=\"{name}\" data-severity=\"{name}\"{open}>\n<summary>{}{state} \
             <code>{}</code></summary>\n<div class=\"body\">",
            inline(&finding.title),
            escape(&finding.id)
        ),
    );
    if let Some(steps) = &finding.lanes {
        lanes(out, steps);
    }
    match finding.message.contains('\n') {
        true => block(out, &finding.message),
        false if finding.message.is_empty() => {}
        false => line(out, &format!("<p>{}</p>", inline(&finding.message))),
    }
    facts(out, check, finding);
    if let Some(place) = &finding.location {
        excerpt(out, place, sources);
    }
    if let Some(case) = &finding.case {
        line(out, &format!("<p class=\"dim\">smallest case ({})</p>", escape(&case.form)));
        block(out, &case.text);
    }
    if let Some(command) = &finding.reproduce {
        line(out, "<p class=\"dim\">see it again</p>");
        block(out, command);
    }
    line(out, "</div>\n</details>");
}

fn facts(out: &mut String, check: &Check, finding: &Finding) {
    let mut rows = vec![
        ("check".to_owned(), format!("{}: {}", check.suite, check.name)),
        ("class".to_owned(), finding.class.name().to_owned()),
    ];
    if let Some(place) = &finding.location {
        rows.push(("place".to_owned(), place.to_string()));
    }
    if let Some(step) = finding.step {
        rows.push(("first step".to_owned(), step.to_string()));
    }
    rows.extend(finding.facts.iter().cloned());
    line(out, "<dl>");
    for (name, value) in rows {
        line(out, &format!("<dt>{}<dd>{}", escape(&name), escape(&value)));
    }
    if let Some(sides) = &finding.sides {
        for side in [&sides.expected, &sides.actual] {
            let (label, text) = (escape(&side.label), escape(&side.text));
            line(out, &format!("<dt>{label}<dd><code>{text}</code>"));
        }
    }
    line(out, "</dl>");
}

fn block(out: &mut String, text: &str) {
    line(out, &format!("<pre>{}</pre>", escape(text.trim_end())));
}

/// Text in which words between backticks are code.
fn inline(text: &str) -> String {
    let mut out = String::new();
    for (at, part) in text.split('`').enumerate() {
        let part = escape(part);
        match at % 2 {
            0 => out.push_str(&part),
            _ => out.push_str(&format!("<code>{part}</code>")),
        }
    }
    out
}
