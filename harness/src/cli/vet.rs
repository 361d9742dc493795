//! `fuserig filter vet`.

use std::collections::BTreeMap;

use fuserig_abi::Abi;
use fuserig_filters::object::{LoadProblem, load};
use fuserig_filters::program::StructOpsMap;
use fuserig_filters::vet::{VetClass, VetFinding, vet as check};

use super::adapt;
use super::args::VetArgs;
use super::exit::{Ended, Exit, Failure};
use super::files;
use super::maker::FilterSpec;
use super::output::{Style, Terminal};
use crate::report::{Check, Finding, FindingClass, Location, Severity};

/// The static check of an object as a row of `check`; none for filters that are no objects.
pub(super) fn static_check(spec: &FilterSpec, abi: Abi) -> Option<Check> {
    let FilterSpec::Object { name, bytes, .. } = spec else { return None };
    let own = adapt::own_abi(bytes, abi).unwrap_or(abi);
    let Ok(linked) = load(bytes, own) else {
        return Some(Check::skipped("static check", "none", "the object cannot be linked"));
    };
    if linked.struct_ops.is_empty() {
        return Some(Check::skipped("static check", "none", "the object has no filter"));
    }
    let chosen = name.as_deref().and_then(|wanted| {
        let named = |map: &&StructOpsMap| map.symbol == wanted || map.name == wanted;
        linked.struct_ops.iter().find(named).map(|map| map.name.clone())
    });
    let concerns =
        |finding: &&VetFinding| chosen.as_ref().is_none_or(|name| *name == finding.filter);
    let findings: Vec<Finding> =
        check(&linked, own).iter().filter(concerns).map(report_entry).collect();
    let errors = findings.iter().filter(|finding| finding.is_failure()).count();
    let warnings = findings.len() - errors;
    let name = format!("{errors} errors, {warnings} warnings");
    Some(Check::new("static check", name, findings))
}

/// What a kernel refuses or crashes on is an error; the rest is worth a look.
fn report_entry(finding: &VetFinding) -> Finding {
    let severity = match finding.class {
        VetClass::Refused | VetClass::Crash => Severity::Error,
        VetClass::Wrong | VetClass::Ignored | VetClass::Never => Severity::Warning,
    };
    let rule = finding.class.name().replace(' ', "-");
    let subject = format!("{}.{}", finding.filter, finding.member);
    let class = FindingClass::Violation;
    let mut entry = Finding::new(class, rule, subject, &finding.text).severity(severity);
    entry = entry.message(finding.to_string());
    if let Some(quirk) = finding.quirk {
        entry = entry.fact("quirk", quirk.to_string());
    }
    if let Some((file, line, _)) = &finding.line {
        entry = entry.at(Location::line(file, *line));
    }
    entry
}

/// Loads an object and checks its filters.
pub(super) fn vet(args: &VetArgs, terminal: &mut Terminal) -> Ended {
    let bytes = files::read_all(&args.object)?;
    let linked = match load(&bytes, args.abi) {
        Ok(linked) => linked,
        // A good object that a kernel would not register is a finding, not unreadable input.
        Err(error) if matches!(error.problem(), LoadProblem::StructOps { .. }) => {
            if terminal.json() {
                let value = serde_json::json!({ "refused": error.to_string(), "findings": [] });
                terminal.line(value.to_string());
            } else {
                let word = terminal.styled(Style::Bad, "refused");
                terminal.line(format!("{word}  {error}"));
            }
            return Ok(Exit::Finding);
        }
        Err(error) => return Err(Failure::input(&args.object, &error)),
    };
    if linked.struct_ops.is_empty() {
        terminal.note("nothing to check: the object has no variable in .struct_ops");
        return Ok(Exit::NothingRan);
    }
    let findings = check(&linked, args.abi);
    let members: usize = linked.struct_ops.iter().map(|filter| filter.members.len()).sum();
    if terminal.json() {
        let rows: Vec<_> = findings.iter().map(row).collect();
        let value = serde_json::json!({
            "abi": args.abi.name(), "members": members, "findings": rows,
        });
        terminal.line(value.to_string());
    } else {
        print(&findings, members, terminal);
    }
    Ok(if findings.is_empty() { Exit::Agreed } else { Exit::Finding })
}

fn row(finding: &VetFinding) -> serde_json::Value {
    let line = finding.line.as_ref();
    serde_json::json!({
        "filter": finding.filter, "member": finding.member, "class": finding.class.name(),
        "quirk": finding.quirk.map(|quirk| quirk.to_string()), "text": finding.text,
        "file": line.map(|line| &line.0), "line": line.map(|line| line.1),
        "source": line.map(|line| &line.2),
    })
}

/// One finding a line, grouped by member, with the line of C below it.
fn print(findings: &[VetFinding], members: usize, terminal: &mut Terminal) {
    let mut said = String::new();
    let mut totals: BTreeMap<VetClass, usize> = BTreeMap::new();
    for finding in findings {
        *totals.entry(finding.class).or_default() += 1;
        let head = format!("{}.{}", finding.filter, finding.member);
        if head != said {
            terminal.line(terminal.styled(Style::Bold, &head));
            said = head;
        }
        let style = match finding.class {
            VetClass::Refused | VetClass::Crash => Style::Bad,
            VetClass::Wrong | VetClass::Ignored | VetClass::Never => Style::Bold,
        };
        let class = terminal.styled(style, &format!("{:<10}", finding.class.name()));
        let quirk = finding.quirk.map_or(String::new(), |quirk| format!(" [{quirk}]"));
        terminal.line(format!("  {class} {}{quirk}", finding.text));
        if let Some((file, line, text)) = &finding.line {
            let place = format!("             {file}:{line}: {text}");
            terminal.line(terminal.styled(Style::Dim, place.trim_end()));
        }
    }
    let words: Vec<String> =
        totals.iter().map(|(class, count)| format!("{count} {}", class.name())).collect();
    let members = if members == 1 { "1 member".to_owned() } else { format!("{members} members") };
    match findings.len() {
        0 => {
            let line = format!("no findings in {members}");
            terminal.line(terminal.styled(Style::Good, &line));
        }
        1 => terminal.line(format!("1 finding in {members}: {}", words.join(", "))),
        count => terminal.line(format!("{count} findings in {members}: {}", words.join(", "))),
    }
}
