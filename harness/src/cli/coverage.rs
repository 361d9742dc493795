//! `fuserig filter coverage`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fuserig_abi::{Abi, CallArgs, Fidelity, Slot};
use fuserig_filters::engine::{BpfFilter, LineCount, lcov};
use fuserig_filters::{Filter, FilterEnv};
use fuserig_sim_fs::{MemFs, MemFsOptions};
use fuserig_traces::record::Record;
use fuserig_traces::{PayloadMode, Trace};

use super::args::CoverageArgs;
use super::exit::{Ended, Exit, Failure};
use super::output::{Style, Terminal};
use super::progress::Advance;
use super::{files, filter};
use crate::replay::{ReplayOptions, Replayer};

/// The filter of a replay that can be looked at afterwards.
#[derive(Debug)]
struct Shared {
    name: String,
    filter: Rc<RefCell<BpfFilter>>,
}

impl Filter for Shared {
    fn name(&self) -> &str {
        &self.name
    }

    fn has(&self, slot: Slot) -> bool {
        self.filter.borrow().has(slot)
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32 {
        self.filter.borrow_mut().call(slot, args, env)
    }
}

pub(super) fn coverage(args: &CoverageArgs, terminal: &mut Terminal) -> Ended {
    let abi = args.abi.unwrap_or(Abi::V4);
    let loaded = filter::object(&args.object, abi)?;
    let name = loaded.name().to_owned();
    let shared = Rc::new(RefCell::new(loaded));
    let mut traps = 0;
    for path in &args.traces {
        let trace = files::read_trace(path, terminal, &mut |note| terminal.note(note))?;
        let filter = Shared { name: name.clone(), filter: Rc::clone(&shared) };
        traps += replay(path, &trace, filter, abi, terminal)?;
        terminal.progress_end();
    }
    let lines: Vec<LineCount> =
        shared.borrow().coverage().into_iter().flat_map(|(_, lines)| lines).collect();
    if let Some(output) = &args.lcov {
        files::write_all(output, args.force, lcov(&lines).as_bytes())?;
    }
    let merged = merge(&lines);
    show(&merged, terminal);
    if traps > 0 {
        terminal.note(format!("the filter was stopped {traps} times; fuserig replay shows why"));
    }
    Ok(if merged.is_empty() { Exit::NothingRan } else { Exit::Agreed })
}

/// Replays one trace and says how often the filter was stopped.
fn replay(
    path: &Path,
    trace: &Trace,
    filter: Shared,
    abi: Abi,
    terminal: &Terminal,
) -> Result<u64, Failure> {
    let recorded = trace.records.iter().find_map(|record| match record {
        Record::Tree(tree) => Some(String::from_utf8_lossy(&tree.text).into_owned()),
        _ => None,
    });
    let lower = match recorded {
        Some(text) => MemFs::from_tree(&text).map_err(|error| Failure::input(path, &error))?,
        None => MemFs::new(MemFsOptions::default()),
    };
    let options = ReplayOptions {
        abi,
        fidelity: Fidelity::Faithful,
        filter: Some(Box::new(filter)),
        lower: Box::new(lower),
        payload: PayloadMode::None,
    };
    let failed = |error| Failure::new(Exit::Unreadable, format!("{}: {error}", path.display()));
    let mut replayer = Replayer::new(&trace.header, options).map_err(failed)?;
    let stop = Arc::new(AtomicBool::new(false));
    let none: Option<&mut fuserig_traces::TraceWriter<std::io::Sink>> = None;
    let mut watch = |done: u64, total: u64| {
        let total = Some(total);
        terminal.advance(&Advance { what: "replayed", unit: "calls", done, total });
    };
    replayer.run(trace, none, &stop, &mut watch).map_err(failed)?;
    Ok(replayer.report().traps_total)
}

/// Lines by file and number; programs that share a line are added up.
fn merge(lines: &[LineCount]) -> BTreeMap<(String, u32), LineCount> {
    let mut merged: BTreeMap<(String, u32), LineCount> = BTreeMap::new();
    for line in lines {
        let known = merged.entry((line.file.clone(), line.line)).or_insert_with(|| LineCount {
            count: 0,
            branches: Vec::new(),
            ..line.clone()
        });
        known.count += line.count;
        known.branches.extend_from_slice(&line.branches);
    }
    merged
}

/// A line of the source a line: count, branches taken of those there are, number, text.
fn show(lines: &BTreeMap<(String, u32), LineCount>, terminal: &mut Terminal) {
    let hit = lines.values().filter(|line| line.count > 0).count();
    let ways: Vec<u64> =
        lines.values().flat_map(|line| line.branches.iter().flatten()).copied().collect();
    let gone = ways.iter().filter(|count| **count > 0).count();
    if terminal.json() {
        let rows: Vec<_> = lines
            .values()
            .map(|line| {
                serde_json::json!({
                    "file": line.file, "line": line.line, "count": line.count,
                    "branches": line.branches,
                })
            })
            .collect();
        let value = serde_json::json!({
            "lines": rows, "lines_hit": hit, "lines_total": lines.len(),
            "ways_gone": gone, "ways_total": ways.len(),
        });
        terminal.line(value.to_string());
        return;
    }
    let mut file = "";
    for line in lines.values() {
        if line.file != file {
            file = &line.file;
            terminal.line(terminal.styled(Style::Bold, file));
        }
        let taken = line.branches.iter().flatten().filter(|count| **count > 0).count();
        let branches = match line.branches.len() * 2 {
            0 => String::new(),
            total => format!("{taken}/{total}"),
        };
        let count = if line.count == 0 { "never".to_owned() } else { line.count.to_string() };
        let text = format!("{count:>9} {branches:>6} {:>5}  {}", line.line, line.text);
        let is_whole = line.count > 0 && taken == line.branches.len() * 2;
        let text = text.trim_end();
        terminal.line(if is_whole { text.to_owned() } else { terminal.styled(Style::Bad, text) });
    }
    let total = lines.len();
    terminal.line(format!("{hit} of {total} lines ran, {gone} of {} ways gone", ways.len()));
}
