//! `fuserig replay` of a trace that holds FUSE messages rather than system calls.

use std::path::Path;

use fuserig_abi::Timespec;
use fuserig_sim_fs::Lower;
use fuserig_traces::record::{Record, RecordKind};
use fuserig_traces::{Header, PayloadMode, SourceKind, Trace};

use super::args::{Against, ReplayArgs};
use super::exit::{Exit, Failure};
use super::maker::FilterSpec;
use super::output::{Style, Terminal};
use super::progress::Advance;
use super::replay::Setting;
use super::replay_report;
use crate::kernel::{World, WorldConfig};
use crate::pipeline::{NoDaemon, NullSink};
use crate::report::Report;
use crate::serve::{Server, ServerConfig};
use crate::wire_replay::{
    Judgement, Unseen, WireReplayer, WireReport, exchanges_of, is_partial, observe, observed_lower,
};

/// Whether a trace holds messages that a FUSE client sent to a daemon.
pub(super) fn holds_messages(trace: &Trace) -> bool {
    let from_client =
        trace.header.source.as_ref().is_some_and(|source| source.kind.sees_kernel_requests());
    from_client && trace.records.iter().any(|record| matches!(record, Record::Op(_)))
}

/// Plays the messages; the world is handed back for its tree.
pub(super) fn play(
    args: &ReplayArgs,
    path: &Path,
    trace: &Trace,
    mut lower: Box<dyn Lower>,
    (terminal, into): (&mut Terminal, &mut Report),
) -> Result<(Exit, World), Failure> {
    let setting = Setting::of(args, &trace.header);
    let bug = |errno| Failure::new(Exit::Unreadable, format!("{}: mount: {errno}", path.display()));
    let config =
        WorldConfig { abi: setting.abi, fidelity: setting.fidelity, ..WorldConfig::default() };
    let (filter, crossed) = FilterSpec::read(&setting.filter)?.on(setting.abi, args.engine)?;
    let mut start = None;
    let says_tree = trace.records.iter().any(|record| matches!(record, Record::Tree(_)));
    let observer = observe(trace);
    if args.tree.is_none() && args.lower == "sim" && !says_tree {
        lower = Box::new(observed_lower(trace, &observer).map_err(bug)?);
        start = Some(observer.known());
    }
    let world =
        World::new(&config, lower, filter, Box::new(NoDaemon), Box::new(NullSink)).map_err(bug)?;
    let server = Server::new(world, server_config(&trace.header));
    let judgement = judgement(args, &trace.header);
    let mut replayer = WireReplayer::new(server, judgement, args.show);
    let unseen = observer.unseen();
    if judgement == Judgement::Mapped {
        replayer.assume_start(trace, &observer);
    }
    let is_message = |record: &&Record| record.kind() == RecordKind::Op;
    let total = Some(trace.records.iter().filter(is_message).count() as u64);
    for (done, exchange) in (0..).zip(exchanges_of(trace)) {
        terminal.advance(&Advance { what: "replayed", unit: "requests", done, total });
        replayer.play(&exchange);
    }
    terminal.progress_end();
    let place = path.display().to_string();
    replay_report::add_messages(into, &place, replayer.report(), args);
    let unseen = is_partial(trace).then_some(unseen);
    let told = Told { path, judgement, start, unseen, header: &trace.header };
    let mut exit = print(&told, &setting, replayer.report(), args, terminal);
    if let Some(crossed) = crossed {
        if !terminal.json() {
            crossed.lines().iter().for_each(|line| terminal.line(format!("  {line}")));
        }
        exit = exit.worse(if crossed.differs() { Exit::Finding } else { Exit::Agreed });
    }
    Ok((exit, replayer.into_server().into_world()))
}

/// What this tool recorded over the simulated lower repeats byte for byte.
fn judgement(args: &ReplayArgs, header: &Header) -> Judgement {
    let own = header.source.as_ref().is_some_and(|source| {
        source.kind == SourceKind::Mount && source.what.starts_with("lower sim")
    });
    if own && args.lower == "sim" && args.filter.is_none() {
        Judgement::Exact
    } else {
        Judgement::Mapped
    }
}

/// The choices of the recorded server that its replies show.
fn server_config(header: &Header) -> ServerConfig {
    let config = ServerConfig::default();
    let timeouts = header.timeouts.unwrap_or_default();
    let valid = |nanos: Option<u64>, or: Timespec| nanos.map_or(or, Timespec::from_nanos);
    ServerConfig {
        entry_valid: valid(timeouts.entry_ns, config.entry_valid),
        attr_valid: valid(timeouts.attr_ns, config.attr_valid),
        ..config
    }
}

/// What the first lines of a report say.
struct Told<'a> {
    path: &'a Path,
    judgement: Judgement,
    /// How many files the tree of the start has, when it was inferred.
    start: Option<usize>,
    /// What was used from before, when the trace has not everything.
    unseen: Option<Unseen>,
    header: &'a Header,
}

impl Told<'_> {
    /// What a trace that begins within a session leaves to assumptions.
    fn assumptions(&self) -> Vec<String> {
        let Some(unseen) = &self.unseen else { return Vec::new() };
        let mut lines = Vec::new();
        if let Some(init) = self.header.init.as_ref().filter(|init| init.is_assumed()) {
            lines.push(format!("INIT not seen, assumed from messages: {}", init.flags.join(" ")));
        } else if self.header.init.is_none() {
            lines.push("INIT not seen, no flag assumed".to_owned());
        }
        let (nodes, files) = (unseen.nodes(), unseen.files());
        lines.push(format!("used from before: {nodes} nodes, {files} open files"));
        // A start that was recorded, or given, has every name.
        if let (Some(holder), Some(_)) = (unseen.holder(), self.start) {
            let (count, holder) = (unseen.nameless(), holder.escape_ascii());
            lines.push(format!("names of {count} of them are unknown: /{holder}/node-NUMBER"));
        }
        lines
    }
}

fn print(
    told: &Told<'_>,
    setting: &Setting,
    report: &WireReport,
    args: &ReplayArgs,
    terminal: &mut Terminal,
) -> Exit {
    let Told { path, judgement, start, .. } = *told;
    let exit = match (report.is_empty(), report.diverged, args.against) {
        (true, _, _) => Exit::NothingRan,
        (_, 1.., Against::Recorded) => Exit::Finding,
        _ => Exit::Agreed,
    };
    if terminal.json() {
        terminal.line(json(told, report, exit).to_string());
        return exit;
    }
    let name = terminal.styled(Style::Bold, &path.display().to_string());
    terminal.line(format!("{name}: {} FUSE requests served again", report.served));
    let filter = if setting.has_filter() { &setting.filter[..] } else { "none" };
    let judged = match (judgement, told.header.payload) {
        (Judgement::Exact, PayloadMode::Full) => "every byte compared",
        (Judgement::Exact, _) => "every byte compared but those of files, which it does not hold",
        (Judgement::Mapped, _) => "numbers mapped, times left out",
    };
    let dim =
        format!("filter {filter}, ABI {}, kernel {}, {judged}", setting.abi, setting.fidelity);
    terminal.line(format!("  {}", terminal.styled(Style::Dim, &dim)));
    if let Some(known) = start {
        let text = format!("start inferred from the replies: {known} files, the root included");
        terminal.line(format!("  {}", terminal.styled(Style::Dim, &text)));
    }
    for line in told.assumptions() {
        terminal.line(format!("  {}", terminal.styled(Style::Dim, &line)));
    }
    for (reason, count) in &report.uncompared {
        terminal.line(format!("  {count:>8} not compared: {reason}"));
    }
    for divergence in &report.divergences {
        terminal.line(format!("  {divergence}"));
    }
    let equal = report.equal;
    let verdict = match report.diverged {
        0 => terminal.styled(Style::Good, &format!("{equal} replies equal, 0 divergences")),
        diverged => {
            let text = format!("{equal} replies equal, {diverged} divergences");
            terminal.styled(Style::Bad, &text)
        }
    };
    terminal.line(format!("  {verdict}"));
    exit
}

fn json(told: &Told<'_>, report: &WireReport, exit: Exit) -> serde_json::Value {
    let divergences: Vec<_> = report
        .divergences
        .iter()
        .map(|found| {
            serde_json::json!({
                "sequence": found.sequence.to_string(),
                "operation": found.opcode.to_string(),
                "field": found.field,
                "recorded": found.recorded,
                "ours": found.ours,
            })
        })
        .collect();
    serde_json::json!({
        "trace": told.path.display().to_string(),
        "assumed": told.assumptions(),
        "requests": report.served,
        "equal": report.equal,
        "divergences_total": report.diverged,
        "not_compared": report.uncompared,
        "divergences": divergences,
        "exit": exit.code(),
    })
}
