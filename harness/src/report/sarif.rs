//! A report as SARIF 2.1.0, the form that code scanning services read.
//!
//! A suppressed finding is a result with a suppression, as the standard wants it; its fingerprint
//! is the finding's id, so that a service recognises it in the next run.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::human::paragraph;
use super::{Finding, Report, Severity, Verdict};

/// The whole log.
pub(super) fn write(report: &Report) -> String {
    let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in report.findings() {
        rules.insert(&finding.rule, 0);
    }
    for (index, number) in rules.values_mut().enumerate() {
        *number = index;
    }
    let described: Vec<Value> = rules.keys().map(|rule| json!({ "id": rule })).collect();
    let results: Vec<Value> =
        report.findings().map(|finding| result(finding, rules[&*finding.rule])).collect();
    let value = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "fuserig",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": described,
            } },
            "invocations": [{
                "executionSuccessful": report.verdict() != Verdict::NothingRan,
            }],
            "automationDetails": { "id": format!("fuserig/{}", report.command.replace(' ', "-")) },
            "properties": { "title": report.title, "lookedAt": report.looked_at() },
            "results": results,
        }],
    });
    format!("{value:#}\n")
}

fn result(finding: &Finding, rule_index: usize) -> Value {
    let level = match finding.severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| {
        object.insert(key.to_owned(), value);
    };
    put("ruleId", finding.rule.clone().into());
    put("ruleIndex", rule_index.into());
    put("level", level.into());
    put("message", json!({ "text": paragraph(finding) }));
    put("partialFingerprints", json!({ "fuserig/1": finding.id }));
    let logical = json!([{ "fullyQualifiedName": finding.subject }]);
    let mut location = json!({ "logicalLocations": logical });
    if let Some(place) = &finding.location {
        let mut physical = json!({ "artifactLocation": { "uri": place.file } });
        if let Some(line) = place.line {
            physical["region"] = match place.column {
                Some(column) => json!({ "startLine": line, "startColumn": column }),
                None => json!({ "startLine": line }),
            };
        }
        location["physicalLocation"] = physical;
    }
    put("locations", json!([location]));
    if let Some(known) = &finding.suppressed {
        let until = known.until.as_ref().map(|day| format!(" (until {day})")).unwrap_or_default();
        let justification = format!("{}{until}", known.reason);
        put("suppressions", json!([{ "kind": "external", "justification": justification }]));
    }
    put("properties", super::json::finding(finding));
    Value::Object(object)
}
