//! `fuserig replay`.

use std::path::Path;

use fuserig_abi::{Abi, Fidelity};
use fuserig_filters::Filter;
use fuserig_sim_fs::{HostFs, Lower, MemFs};
use fuserig_traces::record::Record;
use fuserig_traces::{Header, SourceKind, StreamId, Summary, Trace, TraceWriter};

use super::abi::write_reports;
use super::args::ReplayArgs;
use super::exit::{Ended, Exit, Failure};
use super::maker::{FilterSpec, Findings, names_no_filter};
use super::meter::{Metered, SharedMeter};
use super::output::Terminal;
use super::progress::Advance;
use super::{files, interrupt, replay_report, summary, wire};
use crate::kernel::World;
use crate::replay::{
    ReplayError, ReplayOptions, ReplayReport, Replayer, StopFlag, TreeOutput, empty_lower,
    lower_options, tree_output,
};
use crate::report::Report;

/// How one trace is played: what the command line says, else what the trace says.
pub(super) struct Setting {
    pub(super) filter: String,
    pub(super) abi: Abi,
    pub(super) fidelity: Fidelity,
}

impl Setting {
    pub(super) fn of(args: &ReplayArgs, header: &Header) -> Setting {
        // A log of a program on an ordinary filesystem is judged by a kernel without fuse-bpf's
        // mistakes; what those would change is asked for with --fidelity faithful.
        let native = header.source.as_ref().is_some_and(|source| {
            matches!(
                source.kind,
                SourceKind::Strace | SourceKind::FuseStrace | SourceKind::Proxy | SourceKind::Mount
            )
        });
        let assumed = if native { Fidelity::Intended } else { Fidelity::Faithful };
        Setting {
            filter: args.filter.clone().unwrap_or_else(|| header.filter.clone()),
            abi: args.abi.or_else(|| Abi::from_name(&header.abi)).unwrap_or(Abi::V4),
            fidelity: args
                .fidelity
                .or_else(|| Fidelity::from_name(&header.kernel))
                .unwrap_or(assumed),
        }
    }

    /// Whether a filter stands in the pipeline.
    pub(super) fn has_filter(&self) -> bool {
        !names_no_filter(&self.filter)
    }
}

/// One trace that was played.
pub(super) struct Played<'a> {
    pub(super) path: &'a Path,
    pub(super) setting: Setting,
    pub(super) report: ReplayReport,
    pub(super) written: Option<Summary>,
    pub(super) stream_id: Option<StreamId>,
    /// What the members of the filter cost.
    pub(super) meter: SharedMeter,
    /// What a cross-check of two engines found.
    pub(super) crossed: Option<Findings>,
}

pub(super) fn replay(args: &ReplayArgs, terminal: &mut Terminal) -> Ended {
    let single = [&args.output, &args.tree_out, &args.sha256_out];
    if args.traces.len() > 1 && single.iter().any(|output| output.is_some()) {
        return Err(Failure::new(
            Exit::Usage,
            "replay: --output, --tree-out and --sha256-out belong to one trace; replay the traces \
             one by one",
        ));
    }
    let stop = interrupt::stop_flag();
    let mut exit = Exit::Agreed;
    let title: Vec<String> = args.traces.iter().map(|path| path.display().to_string()).collect();
    let mut report = Report::new("replay", title.join(", "));
    for path in &args.traces {
        let mut damaged = false;
        let trace = files::read_trace(path, terminal, &mut |note| {
            damaged = true;
            terminal.note(note);
        })?;
        exit = exit.worse(if damaged { Exit::Finding } else { Exit::Agreed });
        let plays = |record: &Record| matches!(record, Record::Op(_) | Record::Call(_));
        if damaged && !trace.records.iter().any(plays) {
            return Err(Failure::new(
                Exit::NothingRan,
                format!(
                    "{}: the damage left nothing to replay; take another copy, or record it again",
                    path.display()
                ),
            ));
        }
        if wire::holds_messages(&trace) {
            let lower = lower(args, path, &trace)?;
            let (served, world) = wire::play(args, path, &trace, lower, (terminal, &mut report))?;
            write_tree(args, world)?;
            exit = exit.worse(served);
            continue;
        }
        let played = play(args, path, &trace, &stop, terminal)?;
        exit = exit.worse(summary::print(&played, args, terminal));
        replay_report::add_calls(&mut report, &played, args);
        if played.report.stopped {
            exit = Exit::Interrupted;
            break;
        }
    }
    write_reports(&report, &args.reports, terminal)?;
    Ok(exit)
}

fn play<'a>(
    args: &ReplayArgs,
    path: &'a Path,
    trace: &Trace,
    stop: &StopFlag,
    terminal: &Terminal,
) -> Result<Played<'a>, Failure> {
    let setting = Setting::of(args, &trace.header);
    let (filter, crossed) = FilterSpec::read(&setting.filter)?.on(setting.abi, args.engine)?;
    let meter = SharedMeter::default();
    let filter = filter.map(|inner| Box::new(Metered::new(inner, &meter)) as Box<dyn Filter>);
    let options = ReplayOptions {
        abi: setting.abi,
        fidelity: setting.fidelity,
        filter,
        lower: lower(args, path, trace)?,
        payload: args.payload,
    };
    let make = if args.reports.is_empty() { Replayer::new } else { Replayer::watching };
    let mut replayer = make(&trace.header, options).map_err(|error| failed(path, error))?;
    let written = match &args.output {
        Some(output) => {
            let file = files::create(output, args.force)?;
            let header = header(&trace.header, &setting, args);
            let mut writer = TraceWriter::create(file, header)
                .map_err(|error| Failure::output(output, &error))?;
            run(&mut replayer, trace, Some(&mut writer), stop, terminal)
                .map_err(|error| failed_writing(path, output, error))?;
            let finished = writer.finish().map_err(|error| Failure::output(output, &error))?;
            Some(finished.0)
        }
        None => {
            let mut writer =
                TraceWriter::create(std::io::sink(), header(&trace.header, &setting, args))
                    .map_err(|error| Failure::output(path, &error))?;
            run(&mut replayer, trace, Some(&mut writer), stop, terminal)
                .map_err(|error| failed(path, error))?;
            let finished = writer.finish().map_err(|error| Failure::output(path, &error))?;
            Some(finished.0)
        }
    };
    let report = replayer.report().clone();
    write_tree(args, replayer.into_vfs().into_world())?;
    let stream_id = written.map(|summary| summary.stream_id);
    let written = written.filter(|_| args.output.is_some());
    Ok(Played { path, setting, report, written, stream_id, meter, crossed })
}

fn run<W: std::io::Write>(
    replayer: &mut Replayer,
    trace: &Trace,
    writer: Option<&mut TraceWriter<W>>,
    stop: &StopFlag,
    terminal: &Terminal,
) -> Result<(), ReplayError> {
    let result = replayer.run(trace, writer, stop, &mut |done, total| {
        let total = Some(total);
        terminal.advance(&Advance { what: "replayed", unit: "calls", done, total });
    });
    terminal.progress_end();
    result
}

fn failed(path: &Path, error: ReplayError) -> Failure {
    let exit = match error {
        ReplayError::NothingToReplay => Exit::NothingRan,
        ReplayError::Mount(_) | ReplayError::Write(_) => Exit::Unreadable,
    };
    Failure::new(exit, format!("{}: {error}", path.display()))
}

fn failed_writing(path: &Path, output: &Path, error: ReplayError) -> Failure {
    match error {
        ReplayError::Write(error) => Failure::output(output, &error),
        other => failed(path, other),
    }
}

/// The header of the trace that a replay writes: where it comes from, and how it was played.
fn header(source: &Header, setting: &Setting, args: &ReplayArgs) -> Header {
    Header {
        tool: "fuserig".to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        abi: setting.abi.name().to_owned(),
        filter: if setting.has_filter() { setting.filter.clone() } else { String::new() },
        kernel: setting.fidelity.name().to_owned(),
        payload: args.payload,
        ..source.clone()
    }
}

fn lower(args: &ReplayArgs, path: &Path, trace: &Trace) -> Result<Box<dyn Lower>, Failure> {
    if let Some(directory) = args.lower.strip_prefix("host:") {
        if args.tree.is_some() {
            return Err(Failure::new(Exit::Usage, "replay: --tree belongs to --lower sim"));
        }
        let directory = Path::new(directory);
        return match HostFs::open(directory) {
            Ok(host) => Ok(Box::new(host) as Box<dyn Lower>),
            Err(error) => Err(Failure::input(directory, &error)),
        };
    }
    if args.lower != "sim" {
        return Err(Failure::new(
            Exit::Usage,
            format!("replay: unknown lower {}: `sim` or `host:DIR`", args.lower),
        ));
    }
    sim_lower(args.tree.as_deref(), path, trace)
}

/// The filesystem in memory with the given tree, or the one the trace began with.
pub(super) fn sim_lower(
    tree: Option<&Path>,
    path: &Path,
    trace: &Trace,
) -> Result<Box<dyn Lower>, Failure> {
    let recorded = trace.records.iter().find_map(|record| match record {
        Record::Tree(tree) => Some(&tree.text),
        _ => None,
    });
    let (origin, bytes) = match (tree, recorded) {
        (Some(file), _) => (file, files::read_all(file)?),
        (None, Some(text)) => (path, text.clone()),
        (None, None) => return Ok(Box::new(empty_lower(&trace.header.lower))),
    };
    let text = String::from_utf8(bytes).map_err(|error| Failure::input(origin, &error))?;
    match MemFs::from_tree_with(lower_options(&trace.header.lower), &text) {
        Ok(fs) => Ok(Box::new(fs)),
        Err(error) => Err(Failure::at(origin, &text, (error.line, error.column), &error)),
    }
}

fn write_tree(args: &ReplayArgs, mut world: World) -> Result<(), Failure> {
    if args.tree_out.is_none() && args.sha256_out.is_none() {
        return Ok(());
    }
    let caller = world.kernel_caller();
    let TreeOutput { rows, digests } = tree_output(&mut *world.lower, &caller)
        .map_err(|errno| Failure::new(Exit::Unreadable, format!("final tree: {errno}")))?;
    for (path, text) in [(&args.tree_out, rows), (&args.sha256_out, digests)] {
        if let Some(path) = path {
            files::write_all(path, args.force, &text)?;
        }
    }
    Ok(())
}
