//! A report as workflow commands, which GitHub shows as annotations beside the code.

use super::human::paragraph;
use super::{Finding, Report, Severity, Verdict};

/// One command a line.
pub(super) fn write(report: &Report) -> String {
    let mut out = String::new();
    for finding in report.findings() {
        out.push_str(&command(finding));
        out.push('\n');
    }
    let totals = match report.looked_at() {
        looked_at if looked_at.is_empty() => report.totals(),
        looked_at => format!("{} ({looked_at})", report.totals()),
    };
    let title = property(&format!("fuserig {}", report.command));
    let level = match report.verdict() {
        Verdict::Agreed => "notice",
        Verdict::Finding | Verdict::NothingRan => "error",
    };
    out.push_str(&format!("::{level} title={title}::{}\n", data(&totals)));
    out
}

fn command(finding: &Finding) -> String {
    let level = match (finding.severity, &finding.suppressed) {
        (Severity::Note, _) | (_, Some(_)) => "notice",
        (Severity::Warning, None) => "warning",
        (Severity::Error, None) => "error",
    };
    let mut properties = Vec::new();
    if let Some(place) = &finding.location {
        properties.push(format!("file={}", property(&place.file)));
        properties.extend(place.line.map(|line| format!("line={line}")));
        properties.extend(place.column.map(|column| format!("col={column}")));
    }
    properties.push(format!("title={}", property(&finding.id)));
    format!("::{level} {}::{}", properties.join(","), data(&paragraph(finding)))
}

/// The text of a command: one line, whatever it says.
fn data(text: &str) -> String {
    text.trim_end().replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property: as the text, and without the characters that end one.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
