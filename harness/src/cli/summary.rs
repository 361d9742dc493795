//! What a replay shows.

use std::collections::BTreeMap;

use fuserig_abi::{Abi, Op, Phase, Slot, code_label};

use super::args::{Against, EngineName, ReplayArgs};
use super::exit::Exit;
use super::maker::Findings;
use super::meter::{MemberCost, Meter};
use super::output::{Style, Terminal};
use super::replay::Played;
use crate::replay::{Divergence, ReplayReport};
use crate::report::Table;

/// Prints what came of one trace and says how the command ends.
pub(super) fn print(played: &Played<'_>, args: &ReplayArgs, terminal: &mut Terminal) -> Exit {
    let disagree = played.crossed.as_ref().is_some_and(Findings::differs);
    let exit = judged(&played.report, args.against, disagree);
    if terminal.json() {
        terminal.line(json(played, exit).to_string());
        return exit;
    }
    head(played, terminal);
    let verdicts = played.report.verdicts.iter().map(|(&key, &count)| (key, count));
    members(verdicts, played.setting.abi, terminal);
    counts(&played.report, terminal);
    if let Some(crossed) = &played.crossed {
        let style = if crossed.differs() { Style::Bad } else { Style::Good };
        terminal.line("");
        for line in crossed.lines() {
            terminal.line(format!("  {}", terminal.styled(style, &line)));
        }
    }
    differences(played, args, terminal);
    verdict(played, args, exit, terminal);
    exit
}

fn judged(report: &ReplayReport, against: Against, disagree: bool) -> Exit {
    let diverged = report.divergences_total > 0 && against == Against::Recorded;
    if report.stopped {
        Exit::Interrupted
    } else if diverged || disagree || report.crash.is_some() || report.traps_total > 0 {
        Exit::Finding
    } else {
        Exit::Agreed
    }
}

fn head(played: &Played<'_>, terminal: &mut Terminal) {
    let report = &played.report;
    let name = terminal.styled(Style::Bold, &played.path.display().to_string());
    let filter = if played.setting.has_filter() { &played.setting.filter[..] } else { "none" };
    terminal
        .line(format!("{name}: {} system calls became {} requests", report.calls, report.requests));
    let dim =
        format!("filter {filter}, ABI {}, kernel {}", played.setting.abi, played.setting.fidelity);
    terminal.line(format!("  {}", terminal.styled(Style::Dim, &dim)));
}

/// What each member that ran answered and, for a filter of instructions, what it costs.
pub(super) fn members_table(
    verdicts: impl Iterator<Item = ((u16, i64), u64)>,
    abi: Abi,
    meter: &Meter,
) -> Table {
    let rows = by_member(verdicts);
    let has_instructions = meter.members.values().any(|cost| cost.histogram.count() > 0);
    let mut table = match has_instructions {
        true => Table::new(
            "Cost and decisions by member",
            &["member", "calls", "insns/call", "90 %", "99 %", "most", "helpers/call", "answers"],
        ),
        false => Table::new("Decisions by member", &["member", "calls", "answers"]),
    };
    for (slot, codes) in rows {
        let calls: u64 = codes.values().sum();
        let mut cells = vec![member(slot), calls.to_string()];
        if has_instructions {
            cells.extend(meter.members.get(&slot).map_or_else(|| vec![String::new(); 5], cost));
        }
        cells.push(answers(abi, &codes));
        table.row(cells);
    }
    table
}

/// Instructions on average, what most and nearly all calls need at most, the most; helpers.
fn cost(cost: &MemberCost) -> Vec<String> {
    let calls = cost.calls.max(1);
    let tenths = cost.helpers.saturating_mul(10) / calls;
    vec![
        (cost.instructions / calls).to_string(),
        cost.histogram.at_most(90).to_string(),
        cost.histogram.at_most(99).to_string(),
        cost.histogram.largest().to_string(),
        format!("{}.{}", tenths / 10, tenths % 10),
    ]
}

/// Codes of one member, in the order of their numbers.
type Codes = BTreeMap<i64, u64>;

/// One row a member: how often it was called and what it answered.
fn members(verdicts: impl Iterator<Item = ((u16, i64), u64)>, abi: Abi, terminal: &mut Terminal) {
    let rows = by_member(verdicts);
    if rows.is_empty() {
        return;
    }
    terminal.line("");
    let title = format!("  {:<28} {:>8}  answers", "member", "calls");
    terminal.line(terminal.styled(Style::Bold, &title));
    for (slot, codes) in rows {
        let calls: u64 = codes.values().sum();
        let answers = answers(abi, &codes);
        terminal.line(format!("  {:<28} {calls:>8}  {answers}", member(slot)));
    }
}

/// The codes of each member.
fn by_member(verdicts: impl Iterator<Item = ((u16, i64), u64)>) -> BTreeMap<u16, Codes> {
    let mut rows: BTreeMap<u16, Codes> = BTreeMap::new();
    for ((slot, code), count) in verdicts {
        *rows.entry(slot).or_default().entry(code).or_default() += count;
    }
    rows
}

/// `continue x145, ENOENT x8`.
fn answers(abi: Abi, codes: &Codes) -> String {
    let answers: Vec<String> =
        codes.iter().rev().map(|(&code, n)| format!("{} x{n}", answer(abi, code))).collect();
    answers.join(", ")
}

fn member(slot: u16) -> String {
    let index = usize::from(slot);
    let slot = match Op::ALL.get(index / 2) {
        Some(&op) if index % 2 == 0 => Slot::Member(op, Phase::Pre),
        Some(&op) => Slot::Member(op, Phase::Post),
        None => Slot::Default,
    };
    slot.name().to_owned()
}

/// What the value that a member returned means to the version it was called by.
fn answer(abi: Abi, code: i64) -> String {
    match i32::try_from(code) {
        Ok(code @ 0..) => code_label(abi, code).to_lowercase(),
        Ok(code) => code_label(abi, code),
        Err(_) => format!("code {code}"),
    }
}

fn counts(report: &ReplayReport, terminal: &mut Terminal) {
    let mut lines = Vec::new();
    if !report.quirks.is_empty() {
        let hits: Vec<String> =
            report.quirks.iter().map(|(id, count)| format!("{id} x{count}")).collect();
        lines.push(format!("  quirks hit: {}", hits.join(", ")));
    }
    if report.printed > 0 {
        lines.push(format!("  lines printed by the filter: {}", report.printed));
    }
    if report.traps_total > 0 {
        lines.push(format!("  the filter was stopped {} times", report.traps_total));
        for trap in &report.traps {
            lines.extend(trap.lines().map(|line| format!("    {line}")));
        }
    }
    if report.unseen_bytes > 0 {
        lines.push(format!(
            "  {} bytes without a write in the log (mapped, foreign) are as reads saw them",
            report.unseen_bytes
        ));
    }
    if report.beyond > 0 {
        lines.push(format!(
            "  {} calls are taken over: on fifos, devices, or refused before any filesystem",
            report.beyond
        ));
    }
    let leaks = report.leaks;
    let leaked = leaks.handles + leaks.lower_files + leaks.pages + leaks.buffers;
    if leaked > 0 {
        lines.push(format!(
            "  leaked by the modelled kernel: {} handles, {} lower files, {} pages, {} buffers",
            leaks.handles, leaks.lower_files, leaks.pages, leaks.buffers
        ));
    }
    if !lines.is_empty() {
        terminal.line("");
        lines.iter().for_each(|line| terminal.line(line));
    }
}

fn differences(played: &Played<'_>, args: &ReplayArgs, terminal: &mut Terminal) {
    let report = &played.report;
    if report.divergences_total == 0 {
        return;
    }
    terminal.line("");
    let what = if played.setting.has_filter() { "with the filter" } else { "in the replay" };
    let title =
        format!("  {} of {} calls end differently {what}", report.calls_changed, report.calls);
    terminal.line(terminal.styled(Style::Bold, &title));
    let (follow, first): (Vec<_>, Vec<_>) =
        report.divergences.iter().partition(|divergence| follows(divergence));
    for divergence in first.iter().take(args.show) {
        difference(divergence, terminal);
    }
    let shown = first.len().min(args.show) as u64;
    let follow = follow.len() as u64;
    let more = report.divergences_total - shown - follow;
    if more > 0 {
        terminal.line(format!("  ... and {more} more differences (--show N shows more)"));
    }
    if follow > 0 {
        terminal.line(format!("  {follow} more calls use descriptors that were never opened"));
    }
}

/// Whether a difference only follows from an earlier one: its descriptor was never opened.
fn follows(divergence: &Divergence) -> bool {
    divergence.mismatch.what == "errno" && divergence.mismatch.replayed == "EBADF"
}

fn difference(divergence: &Divergence, terminal: &mut Terminal) {
    let place = match divergence.line {
        0 => format!("arrival {}", divergence.arrival),
        line => format!("line {line}"),
    };
    let call = shorten(call_alone(&divergence.call), 84);
    terminal.line(format!("  {} {call}", terminal.styled(Style::Dim, &format!("{place}:"))));
    let mismatch = &divergence.mismatch;
    let replayed = terminal.styled(Style::Bad, &shorten(&mismatch.replayed, 120));
    terminal.line(format!(
        "      {}: recorded {}, now {replayed}",
        mismatch.what,
        shorten(&mismatch.recorded, 120)
    ));
}

/// The call without its sequence numbers, times and client in front and its line behind.
pub(super) fn call_alone(text: &str) -> &str {
    let mut words = text.splitn(6, ' ');
    let call = match (words.next(), words.nth(4)) {
        (Some("call"), Some(call)) => call,
        _ => text,
    };
    let call = call.split_once(" line=").map_or(call, |(call, _)| call);
    call.split_once(" flags=").map_or(call, |(call, _)| call)
}

/// A long text with its middle left out.
fn shorten(text: &str, limit: usize) -> String {
    let count = text.chars().count();
    if count <= limit {
        return text.to_owned();
    }
    let half = limit / 2;
    let head: String = text.chars().take(half).collect();
    let tail: String = text.chars().skip(count - half).collect();
    format!("{head} ... {tail}")
}

fn verdict(played: &Played<'_>, args: &ReplayArgs, exit: Exit, terminal: &mut Terminal) {
    let report = &played.report;
    terminal.line("");
    if let (Some(summary), Some(output)) = (&played.written, &args.output) {
        terminal.line(format!(
            "  wrote {}: {} records, {} bytes",
            output.display(),
            summary.records(),
            summary.bytes
        ));
    }
    if let Some(id) = &played.stream_id {
        terminal.line(format!("  stream id {id}"));
    }
    let line = match (&report.crash, exit) {
        (Some(quirk), _) => {
            terminal.styled(Style::Bad, &format!("the modelled kernel crashed: {quirk}"))
        }
        (None, Exit::Interrupted) => {
            terminal.styled(Style::Bad, "interrupted; what was written so far is readable")
        }
        (None, Exit::Agreed) if report.divergences_total == 0 => {
            terminal.styled(Style::Good, "every call ended as recorded: 0 divergences")
        }
        (None, Exit::Agreed) => {
            format!("{} differences, judged by nobody", report.divergences_total)
        }
        (None, _) => {
            terminal.styled(Style::Bad, &format!("{} divergences", report.divergences_total))
        }
    };
    terminal.line(format!("  {line}"));
    if exit == Exit::Finding {
        let filter = &played.setting.filter;
        let quoted = if played.setting.has_filter() {
            format!(" --filter '{filter}'")
        } else {
            String::new()
        };
        let engine = match (args.engine.engine, args.engine.cross_check) {
            (EngineName::Interp, false) => String::new(),
            (name, false) => format!(" --engine {}", name.engine()),
            (name, true) => format!(" --engine {} --cross-check", name.engine()),
        };
        terminal.line(format!(
            "  fuserig replay {}{quoted}{engine} --abi {} --fidelity {}",
            played.path.display(),
            played.setting.abi,
            played.setting.fidelity
        ));
    }
}

fn json(played: &Played<'_>, exit: Exit) -> serde_json::Value {
    let report = &played.report;
    let abi = played.setting.abi;
    let verdicts: Vec<_> = report
        .verdicts
        .iter()
        .map(|(&(slot, code), &count)| {
            let answer = answer(abi, code);
            serde_json::json!({ "member": member(slot), "answer": answer, "count": count })
        })
        .collect();
    let divergences: Vec<_> = report
        .divergences
        .iter()
        .map(|d| {
            serde_json::json!({
                "arrival": d.arrival, "line": d.line, "call": d.call, "what": d.mismatch.what,
                "recorded": d.mismatch.recorded, "replayed": d.mismatch.replayed,
            })
        })
        .collect();
    serde_json::json!({
        "trace": played.path.display().to_string(),
        "filter": played.setting.filter,
        "abi": played.setting.abi.name(),
        "kernel": played.setting.fidelity.name(),
        "calls": report.calls,
        "requests": report.requests,
        "verdicts": verdicts,
        "quirks": report.quirks,
        "printed": report.printed,
        "traps_total": report.traps_total,
        "traps": report.traps,
        "unseen_bytes": report.unseen_bytes,
        "beyond": report.beyond,
        "calls_changed": report.calls_changed,
        "divergences_total": report.divergences_total,
        "divergences": divergences,
        "crash": report.crash,
        "cross_check": played.crossed.as_ref().map(Findings::json),
        "stopped": report.stopped,
        "stream_id": played.stream_id.map(|id| id.to_string()),
        "exit": exit.code(),
    })
}
