//! A report as one JSON object, schema `fuserig-report/1`.

use serde_json::{Map, Value, json};

use super::{Argument, Check, FilterCall, Finding, LaneStep, Report, Source, Table, Verdict};

/// The object on several lines.
pub(super) fn write(report: &Report) -> String {
    let counts: Map<String, Value> =
        report.counts.iter().map(|count| (count.what.clone(), count.number.into())).collect();
    let verdict = match report.verdict() {
        Verdict::Agreed => "agreed",
        Verdict::Finding => "finding",
        Verdict::NothingRan => "nothing-ran",
    };
    let mut value = json!({
        "schema": "fuserig-report/1",
        "tool": { "name": "fuserig", "version": env!("CARGO_PKG_VERSION") },
        "command": report.command,
        "title": report.title,
        "verdict": verdict,
        "counts": counts,
        "extent": report.extent.map(|extent| extent.to_string()),
        "checks": report.checks.iter().map(check).collect::<Vec<_>>(),
    });
    if !report.tables.is_empty() {
        value["tables"] = report.tables.iter().map(table).collect();
    }
    if !report.sources.is_empty() {
        value["sources"] = report.sources.iter().map(source).collect();
    }
    format!("{value:#}\n")
}

fn table(table: &Table) -> Value {
    json!({ "name": table.name, "columns": table.columns, "rows": table.rows })
}

fn source(source: &Source) -> Value {
    let lines = source.lines.iter().map(|line| {
        json!({
            "line": line.line, "text": line.text, "count": line.count,
            "ways_gone": line.ways[0], "ways": line.ways[1],
        })
    });
    json!({ "file": source.file, "lines": lines.collect::<Vec<_>>() })
}

fn check(check: &Check) -> Value {
    json!({
        "suite": check.suite,
        "name": check.name,
        "outcome": check.outcome().name(),
        "reason": check.skipped,
        "findings": check.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

/// One finding as a JSON object; what is not known is left out.
pub(super) fn finding(finding: &Finding) -> Value {
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| {
        object.insert(key.to_owned(), value);
    };
    put("id", finding.id.clone().into());
    put("rule", finding.rule.clone().into());
    put("subject", finding.subject.clone().into());
    put("class", finding.class.name().into());
    put("severity", finding.severity.name().into());
    put("title", finding.title.clone().into());
    if !finding.message.is_empty() {
        put("message", finding.message.clone().into());
    }
    if let Some(place) = &finding.location {
        let place = json!({ "file": place.file, "line": place.line, "column": place.column });
        put("location", place);
    }
    if let Some(step) = finding.step {
        put("step", step.into());
    }
    if let Some(sides) = &finding.sides {
        let side = |side: &super::Side| json!({ "label": side.label, "text": side.text });
        put("expected", side(&sides.expected));
        put("actual", side(&sides.actual));
    }
    if let Some(case) = &finding.case {
        put("case", json!({ "form": case.form, "text": case.text }));
    }
    if let Some(lanes) = &finding.lanes {
        let steps: Vec<Value> = lanes.steps.iter().map(lane_step).collect();
        put("lanes", json!({ "names": lanes.names, "steps": steps }));
    }
    if let Some(command) = &finding.reproduce {
        put("reproduce", command.clone().into());
    }
    if !finding.facts.is_empty() {
        let facts: Map<String, Value> = finding
            .facts
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect();
        put("facts", facts.into());
    }
    if let Some(known) = &finding.suppressed {
        put("suppressed", json!({ "reason": known.reason, "until": known.until }));
    }
    Value::Object(object)
}

fn lane_step(step: &LaneStep) -> Value {
    let mut value = json!({
        "lane": step.lane, "call": step.call, "goes_on": step.goes_on, "stages": step.stages,
        "result": step.result, "blamed": step.blamed,
    });
    if !step.filter_calls.is_empty() {
        value["filter_calls"] = step.filter_calls.iter().map(filter_call).collect();
    }
    value
}

fn filter_call(call: &FilterCall) -> Value {
    let side = |[value, buffer]: &[String; 2]| match buffer.is_empty() {
        true => json!({ "value": value }),
        false => json!({ "value": value, "buffer": buffer }),
    };
    let argument = |argument: &Argument| {
        let Argument { name, before, after } = argument;
        json!({ "name": name, "before": side(before), "after": side(after) })
    };
    json!({
        "member": call.member, "answer": call.answer,
        "arguments": call.arguments.iter().map(argument).collect::<Vec<_>>(),
    })
}
