//! The differences of a replay as checks of a report.

use super::args::{Against, ReplayArgs};
use super::replay::Played;
use super::summary::members_table;
use crate::replay::Divergence;
use crate::report::{Check, Finding, FindingClass, LaneStep, Lanes, Report, Severity, Side, Sides};
use crate::wire_replay::WireReport;

/// Differences of one trace that become findings; the check's name says how many there are.
const FINDINGS_MAX: usize = 200;

/// Adds a replay of system calls.
pub(super) fn add_calls(report: &mut Report, played: &Played<'_>, args: &ReplayArgs) {
    let of = &played.report;
    let place = played.path.display().to_string();
    let (calls, changed) = (of.calls, of.calls_changed);
    let name = format!("{place}: {calls} calls, {changed} with another result");
    let command = command(played);
    let kept = of.divergences.iter().take(FINDINGS_MAX);
    let mut findings: Vec<Finding> =
        kept.map(|divergence| finding(divergence, severity(args)).reproduce(&command)).collect();
    if let Some(id) = &of.crash {
        let text = "the modelled kernel crashed during the replay";
        let crash = Finding::new(FindingClass::Crash, id, &place, text);
        findings.push(crash.reproduce(&command));
    }
    for trap in &of.traps {
        let first = trap.lines().next().unwrap_or_default();
        findings.push(Finding::new(FindingClass::Trap, "no_trap", &place, first).message(trap));
    }
    report.push(Check::new("replay", name, findings));
    report.count("calls", of.calls);
    report.count("requests", of.requests);
    let verdicts = of.verdicts.iter().map(|(&key, &count)| (key, count));
    report.table(members_table(verdicts, played.setting.abi, &played.meter.borrow()));
    report.sources.extend(played.meter.borrow().sources());
}

/// Adds a replay of FUSE messages.
pub(super) fn add_messages(report: &mut Report, place: &str, of: &WireReport, args: &ReplayArgs) {
    let name = format!("{place}: {} replies equal, {} differences", of.equal, of.diverged);
    let findings = of.divergences.iter().take(FINDINGS_MAX).map(|found| {
        let subject = format!("request {} {}", found.sequence, found.field);
        let title = format!("{} answers with another {}", found.opcode, found.field);
        Finding::new(FindingClass::Divergence, "reply", subject, title)
            .severity(severity(args))
            .between(("recorded", &found.recorded), ("replayed", &found.ours))
    });
    let findings = findings.collect();
    match of.is_empty() {
        true => report.push(Check::skipped("replay", name, "there are no requests to serve")),
        false => report.push(Check::new("replay", name, findings)),
    }
    report.count("requests", of.served);
}

/// A difference that nobody judges is a note.
fn severity(args: &ReplayArgs) -> Severity {
    match args.against {
        Against::Recorded => Severity::Error,
        Against::None => Severity::Note,
    }
}

fn command(played: &Played<'_>) -> String {
    let setting = &played.setting;
    let filter = match setting.has_filter() {
        true => format!(" --filter '{}'", setting.filter),
        false => String::new(),
    };
    format!(
        "fuserig replay {}{filter} --abi {} --fidelity {}",
        played.path.display(),
        setting.abi,
        setting.fidelity
    )
}

fn finding(divergence: &Divergence, severity: Severity) -> Finding {
    let Divergence { arrival, line, call, mismatch, stages, filter_calls } = divergence;
    let place = match line {
        0 => format!("arrival {arrival} {}", mismatch.what),
        line => format!("line {line} {}", mismatch.what),
    };
    let rule = match mismatch.what.as_str() {
        what @ ("request" | "stage" | "arrival") => what,
        _ => "result",
    };
    let title = format!("`{}` differs in {}", short(call), mismatch.what);
    let mut finding = Finding::new(FindingClass::Divergence, rule, place, title).severity(severity);
    finding.sides = Some(Sides {
        expected: Side { label: "recorded".into(), text: mismatch.recorded.clone() },
        actual: Side { label: "replayed".into(), text: mismatch.replayed.clone() },
    });
    let step = LaneStep {
        call: short(call),
        stages: stages.clone(),
        filter_calls: filter_calls.clone(),
        result: Some(mismatch.replayed.clone()),
        blamed: true,
        ..LaneStep::default()
    };
    let number = |word: &str| word.strip_prefix('c')?.parse::<u32>().ok();
    let client = call.split(' ').find_map(number).unwrap_or(0);
    let names = vec![format!("client {client}")];
    finding.step(*arrival).message(call).lanes(Lanes { names, steps: vec![step] })
}

/// The call alone, as far as a title has room.
fn short(call: &str) -> String {
    const LENGTH_MAX: usize = 90;
    let alone = super::summary::call_alone(call);
    match alone.chars().count() > LENGTH_MAX {
        true => format!("{}...", alone.chars().take(LENGTH_MAX).collect::<String>()),
        false => alone.to_owned(),
    }
}
