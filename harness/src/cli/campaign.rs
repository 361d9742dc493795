//! `fuserig campaign`: plan, run, merge. The one place that asks a batch system for its numbers.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use fuserig_abi::{Abi, Fidelity};
use fuserig_sim_fs::{Lower, MemFs, MemFsOptions};
use fuserig_traces::record::Record;
use fuserig_traces::tools::Info;
use fuserig_traces::{Header, PayloadMode, SourceKind, Trace};

use super::campaign_fuzz::{self, SeedArgs};
use super::exit::{Ended, Exit, Failure};
use super::files;
use super::maker::FilterSpec;
use super::output::{Style, Terminal};
use super::progress::Advance;
use crate::campaign::{Merged, Plan, Shard, Task, Work, WorkResult};
use crate::replay::{ReplayOptions, Replayer, StopFlag};

#[derive(Debug, Subcommand)]
pub(super) enum CampaignCommand {
    /// Write the list of work: every trace and every seed under every filter and ABI
    #[command(after_help = "Examples:\n  \
                            fuserig campaign plan traces/corpus/*.frt --filter none \
                            --filter 'hide:*.jpg' --abi v3 --abi v4 -o plan.json\n  \
                            fuserig campaign plan --seeds 0..500 --runs 1000 --faults \
                            --filter 'hide:*.jpg' -o fuzz.json")]
    Plan(PlanArgs),
    /// Do the works of a shard that have no result yet
    #[command(
        after_help = "Examples:\n  fuserig campaign run plan.json --results out --shard 0/8\n  \
                            fuserig campaign run plan.json --results out --shards 8   (in an array \
                            job: Slurm, Kubernetes, AWS Batch, Grid Engine, PBS)\n\n\
                            Results are one file a work, written whole or not at all, so that a \
                            shard that was killed goes on where it was. Exit code 1 says that \
                            there are findings, 3 or 5 that the environment failed: retry the \
                            latter."
    )]
    Run(RunArgs),
    /// Join results, of directories or of earlier merges
    #[command(after_help = "Example: fuserig campaign merge out --plan plan.json -o all.json")]
    Merge(MergeArgs),
}

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// Traces of system calls, to replay
    #[arg(required_unless_present = "seeds", value_name = "TRACE")]
    traces: Vec<PathBuf>,
    /// Filters, each as `NAME`, `NAME:PARAMETERS`, `FILE.o` or `FILE.o:NAME`; `none` for none
    #[arg(long, value_name = "FILTER", default_value = "none")]
    filter: Vec<String>,
    /// ABI versions of the modelled kernel
    #[arg(long, value_name = "ABI", default_value = "v4", value_parser = super::args::parse_abi)]
    abi: Vec<Abi>,
    #[command(flatten)]
    fuzz: SeedArgs,
    /// The plan to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replace the plan if it exists
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The plan
    plan: PathBuf,
    /// Directory of results, made when it is missing
    #[arg(long, value_name = "DIR")]
    results: PathBuf,
    /// Which part, as INDEX/COUNT, counted from 0
    #[arg(long, value_name = "I/N", conflicts_with = "shards")]
    shard: Option<Shard>,
    /// How many parts there are; the index comes from the batch system's environment
    #[arg(long, value_name = "N")]
    shards: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct MergeArgs {
    /// Directories of results, or files of earlier merges
    #[arg(required = true, value_name = "RESULTS")]
    results: Vec<PathBuf>,
    /// The plan, to see which works have no result
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Write all results into one file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the output if it exists
    #[arg(long)]
    force: bool,
}

pub(super) fn campaign(command: &CampaignCommand, terminal: &mut Terminal) -> Ended {
    match command {
        CampaignCommand::Plan(args) => plan(args, terminal),
        CampaignCommand::Run(args) => run(args, terminal),
        CampaignCommand::Merge(args) => merge(args, terminal),
    }
}

fn plan(args: &PlanArgs, terminal: &mut Terminal) -> Ended {
    // A filter that cannot be made would fail in every shard.
    let specs = args.filter.iter().map(|spec| Ok((spec, FilterSpec::read(spec)?)));
    let specs = specs.collect::<Result<Vec<_>, Failure>>()?;
    for (_, spec) in &specs {
        args.abi.iter().try_for_each(|abi| spec.maker_or_fail(*abi).map(|_| ()))?;
    }
    let with_object = |work: Work, spec: &FilterSpec| match spec.bytes() {
        Some(bytes) => work.with_object(bytes),
        None => work,
    };
    let mut works = Vec::new();
    for (name, spec) in &specs {
        for abi in &args.abi {
            let tasks = args.fuzz.works(name, *abi)?;
            works.extend(tasks.into_iter().map(|work| with_object(work, spec)));
        }
    }
    for path in &args.traces {
        let info = Info::of(files::open_watched(path, "planning", terminal)?)
            .map_err(|error| Failure::input(path, &error))?;
        let trace = path.display().to_string();
        let stream_id = info.stream_id.to_string();
        let fidelity = fidelity(&info.header);
        for (name, spec) in &specs {
            for abi in &args.abi {
                let work = Work::replay(&trace, &stream_id, name, abi.name(), fidelity.name());
                works.push(with_object(work, spec));
            }
        }
    }
    terminal.progress_end();
    let plan = Plan::new(works);
    files::write_all(&args.output, args.force, plan.to_json().as_bytes())?;
    terminal.line(format!("planned {} works in {}", plan.works().len(), args.output.display()));
    Ok(Exit::Agreed)
}

/// As for `replay`: logs of programs on ordinary filesystems meet a kernel without mistakes.
fn fidelity(header: &Header) -> Fidelity {
    let native = header.source.as_ref().is_some_and(|source| source.kind == SourceKind::Strace);
    let assumed = if native { Fidelity::Intended } else { Fidelity::Faithful };
    Fidelity::from_name(&header.kernel).unwrap_or(assumed)
}

fn read_plan(path: &Path) -> Result<Plan, Failure> {
    let bytes = files::read_all(path)?;
    Plan::from_json(&String::from_utf8_lossy(&bytes)).map_err(|error| Failure::input(path, &error))
}

fn run(args: &RunArgs, terminal: &mut Terminal) -> Ended {
    let plan = read_plan(&args.plan)?;
    let shard = shard(args)?;
    fs::create_dir_all(&args.results).map_err(|error| Failure::output(&args.results, &error))?;
    let mine: Vec<&Work> = plan.works().iter().filter(|work| shard.has(work)).collect();
    let (mut done, mut kept, mut findings, mut failed) = (0_usize, 0_usize, 0_usize, 0_usize);
    for (at, work) in mine.iter().enumerate() {
        let (what, unit, total) = ("did", "works", Some(mine.len() as u64));
        let advance = Advance { what, unit, done: at as u64, total };
        // A single work may take long, and the first one shows nothing before it ends.
        let mut tick = || terminal.advance(&advance);
        tick();
        let path = args.results.join(format!("{}.json", work.id));
        let result = match read_result(&path) {
            Some(result) => {
                kept += 1;
                result
            }
            None => match perform(work, terminal, &mut tick) {
                Ok(result) => {
                    write_whole(&path, &result)?;
                    done += 1;
                    result
                }
                Err(failure) => {
                    failed += 1;
                    terminal.note(format!("work {}: {}", work.id, failure.message));
                    continue;
                }
            },
        };
        findings += usize::from(result.is_finding());
    }
    terminal.progress_end();
    let summary = serde_json::json!({
        "shard": shard.to_string(), "works": mine.len(), "done": done, "kept": kept,
        "findings": findings, "failed": failed,
    });
    if terminal.json() {
        terminal.line(summary.to_string());
    } else {
        terminal.line(format!(
            "shard {shard}: {} works, {done} done, {kept} kept, {findings} findings, \
             {failed} failed",
            mine.len()
        ));
    }
    Ok(match (failed, findings) {
        (1.., _) => Exit::Unreadable,
        (0, 1..) => Exit::Finding,
        (0, 0) => Exit::Agreed,
    })
}

/// A result that is there and whole; anything else is done again.
fn read_result(path: &Path) -> Option<WorkResult> {
    let text = fs::read_to_string(path).ok()?;
    let result = WorkResult::from_json(&text).ok()?;
    let name = path.file_stem()?.to_str()?;
    (result.work.id == name).then_some(result)
}

/// Written under another name and renamed, so that nobody ever sees a part of it. Two workers that
/// do the same work write the same bytes.
fn write_whole(path: &Path, result: &WorkResult) -> Result<(), Failure> {
    let unfinished = path.with_extension(format!("{}.part", std::process::id()));
    let written = fs::write(&unfinished, result.to_json())
        .and_then(|()| fs::File::open(&unfinished)?.sync_all())
        .and_then(|()| fs::rename(&unfinished, path));
    written.map_err(|error| Failure::output(path, &error))
}

fn perform(
    work: &Work,
    terminal: &Terminal,
    tick: &mut dyn FnMut(),
) -> Result<WorkResult, Failure> {
    let spec = FilterSpec::read(&work.filter)?;
    if spec.bytes().is_some_and(|bytes| !work.is_object(bytes)) {
        let message = format!("{}: is not the object of the plan; plan again", work.filter);
        return Err(Failure::new(Exit::Unreadable, message));
    }
    match &work.task {
        Task::Replay { trace, stream_id } => {
            replay(work, &spec, (Path::new(trace), stream_id), (terminal, tick))
        }
        Task::Fuzz(task) => campaign_fuzz::perform(work, task, &spec, tick),
    }
}

fn replay(
    work: &Work,
    spec: &FilterSpec,
    (path, stream_id): (&Path, &str),
    (terminal, tick): (&Terminal, &mut dyn FnMut()),
) -> Result<WorkResult, Failure> {
    let trace = files::read_trace(path, terminal, &mut |note| terminal.note(note))?;
    let unreadable =
        |why: String| Failure::new(Exit::Unreadable, format!("{}: {why}", path.display()));
    if trace.stream_id().to_string() != stream_id {
        return Err(unreadable(format!("is not the trace of the plan, {stream_id}")));
    }
    let abi =
        Abi::from_name(&work.abi).ok_or_else(|| unreadable(format!("unknown ABI {}", work.abi)))?;
    let fidelity = Fidelity::from_name(&work.fidelity);
    let options = ReplayOptions {
        abi,
        fidelity: fidelity.ok_or_else(|| unreadable("unknown fidelity".to_owned()))?,
        filter: spec.maker_or_fail(abi)?.make(),
        lower: lower(&trace).map_err(&unreadable)?,
        payload: PayloadMode::None,
    };
    let mut replayer =
        Replayer::new(&trace.header, options).map_err(|error| unreadable(error.to_string()))?;
    let stop = StopFlag::default();
    replayer
        .run::<std::io::Sink>(&trace, None, &stop, &mut |_, _| tick())
        .map_err(|error| unreadable(error.to_string()))?;
    Ok(WorkResult::of(work, replayer.report()))
}

/// The filesystem in memory with the tree that the trace begins with.
fn lower(trace: &Trace) -> Result<Box<dyn Lower>, String> {
    let tree = trace.records.iter().find_map(|record| match record {
        Record::Tree(tree) => Some(&tree.text),
        _ => None,
    });
    let Some(text) = tree else { return Ok(Box::new(MemFs::new(MemFsOptions::default()))) };
    let text = core::str::from_utf8(text).map_err(|error| error.to_string())?;
    let filesystem = MemFs::from_tree(text).map_err(|error| error.to_string())?;
    Ok(Box::new(filesystem))
}

/// Variables of batch systems: the index, what the first index is, and how many there are.
const BATCH: &[(&str, First, Option<&str>)] = &[
    ("SLURM_ARRAY_TASK_ID", First::Named("SLURM_ARRAY_TASK_MIN"), Some("SLURM_ARRAY_TASK_COUNT")),
    ("JOB_COMPLETION_INDEX", First::Zero, None),
    ("AWS_BATCH_JOB_ARRAY_INDEX", First::Zero, Some("AWS_BATCH_JOB_ARRAY_SIZE")),
    ("BATCH_TASK_INDEX", First::Zero, Some("BATCH_TASK_COUNT")),
    ("SGE_TASK_ID", First::Named("SGE_TASK_FIRST"), None),
    ("PBS_ARRAY_INDEX", First::Zero, None),
];

/// What a batch system counts from.
#[derive(Clone, Copy)]
enum First {
    Zero,
    Named(&'static str),
}

fn shard(args: &RunArgs) -> Result<Shard, Failure> {
    if let Some(shard) = args.shard {
        return Ok(shard);
    }
    let usage = |message: String| Failure::new(Exit::Usage, format!("campaign run: {message}"));
    let found = BATCH.iter().find_map(|row| Some((row, number(row.0)?)));
    let Some(((name, first, count), id)) = found else {
        return match args.shards {
            None | Some(1) => Ok(Shard::WHOLE),
            Some(_) => Err(usage("--shards needs a batch system, or say --shard I/N".to_owned())),
        };
    };
    let first = match first {
        First::Zero => 0,
        First::Named(name) => number(name).unwrap_or(0),
    };
    let count = args.shards.or_else(|| count.and_then(number));
    let count =
        count.ok_or_else(|| usage(format!("{name} is set: say how many with --shards N")))?;
    Shard::new(id.saturating_sub(first), count).map_err(|error| usage(error.to_string()))
}

#[expect(clippy::disallowed_methods, reason = "batch systems say the index in the environment")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.trim().parse().ok()
}

fn merge(args: &MergeArgs, terminal: &mut Terminal) -> Ended {
    let mut merged = Merged::default();
    for path in &args.results {
        if path.is_dir() {
            merge_directory(path, &mut merged, terminal)?;
        } else {
            let bytes = files::read_all(path)?;
            let other = Merged::from_json(&String::from_utf8_lossy(&bytes))
                .map_err(|error| Failure::input(path, &error))?;
            merged.union(other);
        }
    }
    terminal.progress_end();
    if merged.is_empty() {
        return Err(Failure::new(Exit::NothingRan, "campaign merge: there are no results"));
    }
    let missing = match &args.plan {
        Some(path) => {
            let plan = read_plan(path)?;
            merged.missing(&plan).into_iter().map(str::to_owned).collect()
        }
        None => Vec::new(),
    };
    if let Some(path) = &args.output {
        files::write_all(path, args.force, merged.to_json().as_bytes())?;
    }
    Ok(print(&merged, &missing, terminal))
}

fn merge_directory(
    directory: &Path,
    merged: &mut Merged,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::input(directory, &error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    let total = Some(paths.len() as u64);
    for (done, path) in (0..).zip(paths) {
        terminal.advance(&Advance { what: "merged", unit: "results", done, total });
        let bytes = files::read_all(&path)?;
        let result = WorkResult::from_json(&String::from_utf8_lossy(&bytes))
            .map_err(|error| Failure::input(&path, &error))?;
        merged.add(result);
    }
    Ok(())
}

/// Findings of replays one by one; of simulations each invariant once, with the first seed.
fn print_findings(findings: &[&WorkResult], terminal: &mut Terminal) {
    let head = terminal.styled(Style::Bad, "finding");
    let mut seeds: BTreeMap<(&str, &str, &str), Vec<&WorkResult>> = BTreeMap::new();
    for result in findings {
        let Work { task, filter, abi, .. } = &result.work;
        if let Some(found) = &result.found {
            seeds.entry((filter, abi, &found.invariant)).or_default().push(result);
            continue;
        }
        terminal.line(format!(
            "{head} {task} under {filter} on {abi}: {} differences in {} calls",
            result.differences_total, result.calls_changed
        ));
        for trap in &result.traps {
            let first = trap.lines().next().unwrap_or_default();
            terminal.line(format!("  trap {first}"));
        }
    }
    for ((filter, abi, invariant), results) in seeds {
        let Some((first, found)) = results
            .iter()
            .filter_map(|result| Some((result, result.found.as_ref()?)))
            .min_by_key(|(_, found)| found.case.len())
        else {
            continue;
        };
        let class = &found.class;
        let count = results.len();
        terminal.line(format!(
            "{head} {class} of {invariant} under {filter} on {abi}: {count} seeds; the shortest:"
        ));
        terminal.line(format!("  {}", found.message));
        terminal.line(format!("  again: {}", first.work.command()));
    }
}

fn print(merged: &Merged, missing: &[String], terminal: &mut Terminal) -> Exit {
    let findings: Vec<&WorkResult> = merged.iter().filter(|result| result.is_finding()).collect();
    let contradictions: Vec<&str> = merged.contradictions().collect();
    let calls: u64 = merged.iter().map(|result| result.calls).sum();
    if terminal.json() {
        let value = serde_json::json!({
            "works": merged.len(), "calls": calls.to_string(),
            "findings": findings.iter().map(|result| &result.work.id).collect::<Vec<_>>(),
            "contradictions": contradictions, "missing": missing,
        });
        terminal.line(value.to_string());
    } else {
        let runs: u64 = merged.iter().map(|result| result.runs).sum();
        let simulated = if runs > 0 { format!(", {runs} simulated runs") } else { String::new() };
        terminal.line(format!("{} works, {calls} system calls{simulated}", merged.len()));
        print_findings(&findings, terminal);
        for id in &contradictions {
            terminal.line(format!("{} {id}", terminal.styled(Style::Bad, "two results differ")));
        }
        for id in missing {
            terminal.line(format!("{} {id}", terminal.styled(Style::Bad, "no result")));
        }
        terminal.line(format!(
            "{} findings, {} contradictions, {} missing",
            findings.len(),
            contradictions.len(),
            missing.len()
        ));
    }
    if !missing.is_empty() {
        // Incomplete is the environment's failure: what is missing has to run again.
        Exit::Unreadable
    } else if findings.is_empty() && contradictions.is_empty() {
        Exit::Agreed
    } else {
        Exit::Finding
    }
}
