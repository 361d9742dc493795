//! The second half of `abi diff`: what filters cost on both ABIs.

use std::path::Path;

use fuserig_abi::Abi;
use fuserig_abi::spec::AbiSpec;
use fuserig_filters::Filter;
use fuserig_sim_fs::Lower;

use super::args::DiffArgs;
use super::gate::tree_of;
use super::review::each;
use super::subject::{Subject, replayed};
use crate::cli::exit::{Exit, Failure};
use crate::cli::files;
use crate::cli::output::{Style, Terminal};
use crate::gate::{CostArm, CostDiff, cost};

/// One filter between two neighbours of the list of ABIs.
pub(super) struct CostRow {
    filter: String,
    abis: [Abi; 2],
    diff: CostDiff,
}

/// The costs of every filter between every two neighbours, over all traces.
pub(super) fn costs(
    args: &DiffArgs,
    specs: &[AbiSpec],
    terminal: &Terminal,
) -> Result<Vec<CostRow>, Failure> {
    if args.filters.is_empty() != args.traces.is_empty() {
        let message = "costs need both --filter and --trace";
        return Err(Failure::new(Exit::Usage, message));
    }
    let mut rows = Vec::new();
    for name in &args.filters {
        let subject = Subject::read(name)?;
        for pair in specs.windows(2) {
            let abis = [pipeline(&pair[0].name)?, pipeline(&pair[1].name)?];
            let mut diff = CostDiff::default();
            for path in &args.traces {
                let one = one(&subject, path, abis, terminal)?;
                for (sum, arm) in diff.arms.iter_mut().zip(&one.arms) {
                    sum.add(arm);
                }
            }
            rows.push(CostRow { filter: name.clone(), abis, diff });
        }
    }
    Ok(rows)
}

fn pipeline(name: &str) -> Result<Abi, Failure> {
    Abi::from_name(name).ok_or_else(|| {
        let message = format!("{name}: costs are counted on the built-in ABIs only");
        Failure::new(Exit::Usage, message)
    })
}

fn one(
    subject: &Subject,
    path: &Path,
    abis: [Abi; 2],
    terminal: &Terminal,
) -> Result<CostDiff, Failure> {
    for abi in abis {
        if let Err(error) = subject.filter(abi) {
            let message = format!("{} does not load on {abi}: {error}", subject.name());
            return Err(Failure::new(Exit::Unreadable, message));
        }
    }
    let trace = files::read_trace(path, terminal, &mut |_| {})?;
    let tree = tree_of(&path.display().to_string(), &trace)?;
    let filter = |abi: Abi| -> Option<Box<dyn Filter>> { subject.filter(abi).ok() };
    let lower = || -> Box<dyn Lower> { Box::new(tree.snapshot()) };
    let diff = cost(&trace, &filter, &lower, abis, &replayed(terminal))
        .map_err(|error| Failure::input(path, &error));
    terminal.progress_end();
    diff
}

fn per_operation(count: Option<u64>, arm: &CostArm) -> String {
    count.map_or("-".to_owned(), |count| each(count, arm.operations))
}

/// One table a filter: the whole, then every member that ran.
pub(super) fn print(rows: &[CostRow], terminal: &mut Terminal) {
    for row in rows {
        let [old, new] = &row.diff.arms;
        terminal.line("");
        let heading = format!(
            "{}: {} and {} operations under {} and {}",
            row.filter, old.operations, new.operations, row.abis[0], row.abis[1]
        );
        terminal.line(terminal.styled(Style::Bold, &heading));
        let heading = format!(
            "  {:<26} {:>19}   {:>19}   decides",
            "member", "calls/operation", "insns/operation"
        );
        terminal.line(terminal.styled(Style::Dim, &heading));
        let line = |name: &str, calls: [String; 2], insns: [String; 2], decides: &str| {
            let text = format!(
                "  {name:<26} {:>8} > {:>8}   {:>8} > {:>8}   {decides}",
                calls[0], calls[1], insns[0], insns[1]
            );
            text.trim_end().to_owned()
        };
        let arms = [old, new];
        let whole = line(
            &format!("all, {} > {} programs", old.programs, new.programs),
            arms.map(|arm| per_operation(Some(arm.calls()), arm)),
            arms.map(|arm| per_operation(arm.instructions(), arm)),
            "",
        );
        terminal.line(whole);
        for slot in row.diff.slots() {
            let member = |arm: &CostArm| arm.members.get(&slot).copied();
            let word = |arm: &CostArm| match member(arm) {
                None => "-",
                Some(member) if member.decides => "yes",
                Some(_) => "no",
            };
            let decides = format!("{} > {}", word(old), word(new));
            terminal.line(line(
                slot.name(),
                arms.map(|arm| per_operation(member(arm).map(|member| member.calls), arm)),
                arms.map(|arm| per_operation(member(arm).and_then(|one| one.instructions), arm)),
                &decides,
            ));
        }
        summary(row, terminal);
    }
}

fn summary(row: &CostRow, terminal: &mut Terminal) {
    let names = |slots: Vec<fuserig_abi::Slot>| {
        let names: Vec<&str> = slots.iter().map(|slot| slot.name()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let [old, new] = row.abis;
    terminal.line(format!("  needed on {old} and not on {new}: {}", names(row.diff.unnecessary())));
    terminal.line(format!("  decide nothing on either: {}", names(row.diff.idle())));
}

/// The same for machines.
pub(super) fn json(rows: &[CostRow]) -> serde_json::Value {
    let arm = |abi: Abi, arm: &CostArm| {
        let members = arm.members.iter().map(|(slot, member)| {
            serde_json::json!({
                "member": slot.name(), "calls": member.calls,
                "instructions": member.instructions, "decides": member.decides,
            })
        });
        serde_json::json!({
            "abi": abi.name(), "operations": arm.operations, "programs": arm.programs,
            "calls": arm.calls(), "instructions": arm.instructions(),
            "members": members.collect::<Vec<_>>(),
        })
    };
    let names = |slots: Vec<fuserig_abi::Slot>| -> Vec<&str> {
        slots.into_iter().map(fuserig_abi::Slot::name).collect()
    };
    let rows = rows.iter().map(|row| {
        let [old, new] = &row.diff.arms;
        serde_json::json!({
            "filter": row.filter,
            "old": arm(row.abis[0], old), "new": arm(row.abis[1], new),
            "unnecessary": names(row.diff.unnecessary()), "idle": names(row.diff.idle()),
        })
    });
    rows.collect()
}
