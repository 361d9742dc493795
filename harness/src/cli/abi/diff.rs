//! `abi diff`, and `abi show --text`.

use std::path::Path;

use fuserig_abi::diff::{AbiDiff, Chain, Change, Direction, Impact, Loader, RULES, Rungs};
use fuserig_abi::spec::AbiSpec;

use super::args::{DiffArgs, ShowArgs};
use super::{cost, source};
use crate::cli::exit::{Ended, Exit, Failure};
use crate::cli::files;
use crate::cli::output::{Style, Terminal};
use crate::gate::finding_of;
use crate::report::{Check, Report, ReportTarget};

/// The canonical text of any description.
pub(super) fn text(args: &ShowArgs, terminal: &mut Terminal) -> Ended {
    let roots: Vec<String> = args.name.iter().cloned().collect();
    let specs = source::specs(std::slice::from_ref(&args.abi), &roots, args.depth, terminal)?;
    for spec in &specs {
        let text = if terminal.json() { spec.to_json() } else { spec.to_text() };
        terminal.text(&text);
    }
    Ok(Exit::Agreed)
}

pub(super) fn diff(args: &DiffArgs, terminal: &mut Terminal) -> Ended {
    let specs = source::specs(&args.abis, &args.roots, args.depth, terminal)?;
    let diffs: Vec<AbiDiff> =
        specs.windows(2).map(|pair| AbiDiff::between(&pair[0], &pair[1])).collect();
    let costs = cost::costs(args, &specs, terminal)?;
    let chain = (specs.len() > 2).then(|| Chain::of(&specs));
    if terminal.json() {
        let value = serde_json::json!({
            "rules": RULES.len(),
            "diffs": diffs.iter().map(diff_json).collect::<Vec<_>>(),
            "chain": chain.as_ref().map(chain_json),
            "costs": cost::json(&costs),
        });
        terminal.line(format!("{value:#}"));
    } else {
        for diff in &diffs {
            print(diff, args.brief, terminal);
        }
        if let Some(chain) = &chain {
            terminal.text(&chain.to_string());
        }
        cost::print(&costs, terminal);
    }
    write_reports(&report(&specs, &diffs), &args.reports, terminal)?;
    let broken = diffs.iter().any(|diff| {
        let rungs = |direction| diff.rungs(direction, Loader::ByName);
        !rungs(Direction::Forward).is_empty() || !rungs(Direction::Backward).is_empty()
    });
    Ok(if broken { Exit::Finding } else { Exit::Agreed })
}

fn print(diff: &AbiDiff, brief: bool, terminal: &mut Terminal) {
    let text = diff.to_string();
    let totals = text.rfind("\n\n").map_or(text.as_str(), |at| &text[at + 2..]);
    if brief {
        let heading = format!("{:<24} {:<24} id", "old filter, new ABI", "new filter, old ABI");
        terminal.line(terminal.styled(Style::Dim, &heading));
    }
    for change in &diff.changes {
        let worst = (change.forward.any() | change.backward.any()).worst();
        let style = if worst.is_some() { Style::Bad } else { Style::Dim };
        if brief {
            let (old, new) = (change.forward.by_name, change.backward.by_name);
            let id = terminal.styled(style, &change.id());
            terminal.line(format!("{old:<24} {new:<24} {id}"));
            continue;
        }
        let text = change.to_string();
        let (id, rest) = text.split_once('\n').unwrap_or((&text, ""));
        terminal.line(terminal.styled(style, id));
        terminal.line(rest);
    }
    terminal.text(totals);
}

/// Writes a report in every form that was asked for.
pub(in crate::cli) fn write_reports(
    report: &Report,
    targets: &[ReportTarget],
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    for target in targets {
        let text = report.write(target.form);
        match target.file.as_str() {
            "-" => terminal.text(&text),
            // A report is made anew in every run.
            file => files::write_all(Path::new(file), true, text.as_bytes())?,
        }
    }
    Ok(())
}

fn report(specs: &[AbiSpec], diffs: &[AbiDiff]) -> Report {
    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    let mut report = Report::new("abi diff", names.join(" to "));
    report.count("rules", RULES.len() as u64);
    report.count("pairs", diffs.len() as u64);
    for diff in diffs {
        let findings = diff.changes.iter().map(|change| finding_of(change, diff)).collect();
        report.push(Check::new("abi diff", format!("{} -> {}", diff.old, diff.new), findings));
    }
    report
}

fn rungs_json(rungs: Rungs) -> serde_json::Value {
    rungs.list().map(|rung| rung.name()).collect()
}

fn impact_json(impact: &Impact) -> serde_json::Value {
    serde_json::json!({
        "by_name": rungs_json(impact.by_name), "by_offset": rungs_json(impact.by_offset),
        "who": impact.who,
    })
}

fn change_json(change: &Change) -> serde_json::Value {
    serde_json::json!({
        "id": change.id(), "rule": change.rule, "subject": change.subject, "title": change.title,
        "old": change.old, "new": change.new,
        "forward": impact_json(&change.forward), "backward": impact_json(&change.backward),
        "upgrade_first": change.first().name(),
    })
}

fn diff_json(diff: &AbiDiff) -> serde_json::Value {
    serde_json::json!({
        "old": diff.old, "new": diff.new, "upgrade_first": diff.first().name(),
        "not_compared": diff.not_compared,
        "changes": diff.changes.iter().map(change_json).collect::<Vec<_>>(),
    })
}

fn chain_json(chain: &Chain) -> serde_json::Value {
    let count = chain.names.len();
    let table = |loader: Loader| -> Vec<Vec<serde_json::Value>> {
        let row = |filter: usize| {
            let cell = |kernel: usize| rungs_json(chain.filter_on_kernel(filter, kernel, loader));
            (0..count).map(cell).collect()
        };
        (0..count).map(row).collect()
    };
    serde_json::json!({
        "names": chain.names, "filter_row_on_kernel_column": {
            "by_name": table(Loader::ByName), "by_offset": table(Loader::ByOffset),
        },
    })
}
