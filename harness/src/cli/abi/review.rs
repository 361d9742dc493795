//! `abi review`: one filter under v3 and under v3-grouped.

use std::path::Path;

use fuserig_abi::Abi;
use fuserig_filters::Filter;
use fuserig_sim_fs::Lower;

use super::args::ReviewArgs;
use super::gate::tree_of;
use super::subject::{Subject, replayed};
use crate::cli::exit::{Ended, Exit, Failure};
use crate::cli::files;
use crate::cli::output::{Style, Terminal};
use crate::gate::{MemberCount, ReviewArm, ReviewRow, member_counts, review as compare};

pub(super) fn review(args: &ReviewArgs, terminal: &mut Terminal) -> Ended {
    let mut rows = Vec::new();
    for spec in &args.filters {
        let pair = Pair::read(spec)?;
        let mut sum = ReviewRow::default();
        for path in &args.traces {
            add(&mut sum, one(&pair, path, terminal)?);
        }
        rows.push((spec.clone(), sum));
    }
    let counts = member_counts();
    if terminal.json() {
        terminal.line(format!("{:#}", json(&rows, &counts)));
    } else {
        print(&rows, &counts, terminal);
    }
    let differing = rows.iter().any(|(_, row)| row.differing > 0);
    if rows.iter().all(|(_, row)| row.operations == 0) {
        return Ok(Exit::NothingRan);
    }
    Ok(if differing { Exit::Finding } else { Exit::Agreed })
}

/// What runs under v3, and what under v3-grouped.
struct Pair([Subject; 2]);

impl Pair {
    /// One filter, which is adapted, or two that were written to be the same, with a comma.
    fn read(spec: &str) -> Result<Pair, Failure> {
        let (v3, grouped) = spec.split_once(',').unwrap_or((spec, spec));
        let pair = Pair([Subject::read(v3)?, Subject::read(grouped)?]);
        for (abi, subject) in ARMS.into_iter().zip(&pair.0) {
            if let Err(error) = subject.filter(abi) {
                let message = format!("{} does not load on {abi}: {error}", subject.name());
                return Err(Failure::new(Exit::Unreadable, message));
            }
        }
        Ok(pair)
    }

    fn filter(&self, abi: Abi) -> Option<Box<dyn Filter>> {
        let arm = ARMS.iter().position(|arm| *arm == abi)?;
        self.0[arm].filter(abi).ok()
    }
}

const ARMS: [Abi; 2] = [Abi::V3, Abi::V3Grouped];

fn one(pair: &Pair, path: &Path, terminal: &Terminal) -> Result<ReviewRow, Failure> {
    let trace = files::read_trace(path, terminal, &mut |_| {})?;
    let tree = tree_of(&path.display().to_string(), &trace)?;
    let filter = |abi: Abi| pair.filter(abi);
    let lower = || -> Box<dyn Lower> { Box::new(tree.snapshot()) };
    let watch = replayed(terminal);
    let row =
        compare(&trace, &filter, &lower, &watch).map_err(|error| Failure::input(path, &error));
    terminal.progress_end();
    row
}

fn add(sum: &mut ReviewRow, row: ReviewRow) {
    let arm = |sum: &mut ReviewArm, arm: ReviewArm| {
        sum.programs = arm.programs;
        sum.calls += arm.calls;
        sum.instructions = match (sum.instructions, arm.instructions) {
            (None, one) => one,
            (Some(before), one) => Some(before + one.unwrap_or(0)),
        };
    };
    sum.operations += row.operations;
    sum.differing += row.differing;
    if sum.example.is_none() {
        sum.example = row.example;
    }
    arm(&mut sum.v3, row.v3);
    arm(&mut sum.grouped, row.grouped);
}

/// Hundredths of a cost for each operation.
pub(super) fn each(cost: u64, operations: u64) -> String {
    let hundredths = (cost * 100).checked_div(operations).unwrap_or(0);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn print(rows: &[(String, ReviewRow)], counts: &[MemberCount], terminal: &mut Terminal) {
    terminal
        .line("One member for each operation and phase (v3), or one for a family (v3-grouped)?");
    terminal.line("");
    let shown = |spec: &str| {
        let files = spec.split(',').map(|one| one.rsplit('/').next().unwrap_or(one));
        files.collect::<Vec<_>>().join(" | ")
    };
    let width = rows.iter().map(|(name, _)| shown(name).len()).max().unwrap_or(0).max(6);
    let heading = format!(
        "{:<width$} {:>10} {:>9}   {:>8}   {:>15}   {:>21}",
        "filter",
        "operations",
        "differing",
        "programs",
        "calls/operation",
        "instructions/operation"
    );
    terminal.line(terminal.styled(Style::Bold, &heading));
    for (name, row) in rows {
        let name = shown(name);
        let style = if row.differing == 0 { Style::Good } else { Style::Bad };
        let differing = terminal.styled(style, &format!("{:>9}", row.differing));
        let [v3, grouped] = [&row.v3, &row.grouped];
        let calls = |arm: &ReviewArm| each(arm.calls, row.operations);
        let instructions = |arm: &ReviewArm| match arm.instructions {
            Some(count) => each(count, row.operations),
            None => "-".to_owned(),
        };
        terminal.line(format!(
            "{name:<width$} {:>10} {differing}   {:>3} > {:>2}   {:>6} > {:>6}   {:>10} > {:>9}",
            row.operations,
            v3.programs,
            grouped.programs,
            calls(v3),
            calls(grouped),
            instructions(v3),
            instructions(grouped),
        ));
        for (side, text) in ["v3", "v3-grouped"].iter().zip(row.example.iter().flatten()) {
            terminal.line(format!("  {side:<10} {text}"));
        }
    }
    terminal.line("");
    terminal
        .line("Members of the struct (struct_ops took 64 before v3 26/37, and takes 128 since):");
    for count in counts {
        let verdict = match count.exceeds {
            true => terminal.styled(Style::Bad, "more than 64"),
            false => terminal.styled(Style::Good, "fits"),
        };
        terminal.line(format!(
            "  {:<11} struct {:<17} {:>2} callbacks and the name, {:>2} members: {verdict}",
            count.abi, count.structure, count.callbacks, count.members
        ));
    }
}

fn json(rows: &[(String, ReviewRow)], counts: &[MemberCount]) -> serde_json::Value {
    let arm = |arm: &ReviewArm| {
        serde_json::json!({
            "programs": arm.programs, "calls": arm.calls, "instructions": arm.instructions,
        })
    };
    let rows = rows.iter().map(|(name, row)| {
        serde_json::json!({
            "filter": name, "operations": row.operations, "differing": row.differing,
            "example": row.example, "v3": arm(&row.v3), "v3-grouped": arm(&row.grouped),
        })
    });
    let counts = counts.iter().map(|count| {
        serde_json::json!({
            "abi": count.abi, "struct": count.structure, "callbacks": count.callbacks,
            "members": count.members, "exceeds_64": count.exceeds,
        })
    });
    serde_json::json!({
        "filters": rows.collect::<Vec<_>>(), "structs": counts.collect::<Vec<_>>(),
    })
}
