//! `fuserig import`.

use std::ops::ControlFlow;

use fuserig_traces::import::{ImportReport, StraceOptions, TableForm, import_strace};
use fuserig_traces::record::CallRecord;
use fuserig_traces::{
    Clock, ClockKind, Fidelity, FirstClient, Header, PayloadMode, Source, SourceKind,
};

use super::args::ImportArgs;
use super::args_import::{ImportCommand, ImportLine};
use super::exit::{Ended, Exit, Failure};
use super::import_write::{Sink, print, write};
use super::output::Terminal;
use super::{files, import_fuse, import_guess, import_table};

pub(super) fn import(line: &ImportLine, terminal: &mut Terminal) -> Ended {
    match &line.command {
        Some(command) => run(command, terminal),
        None => run(&import_guess::guess(line, terminal)?, terminal),
    }
}

fn run(command: &ImportCommand, terminal: &mut Terminal) -> Ended {
    match command {
        ImportCommand::Strace(args) => strace(args, terminal),
        ImportCommand::FuseStrace(args) => import_fuse::fuse_strace(args, terminal),
        ImportCommand::Jsonl(args) => import_table::table(args, TableForm::Jsonl, terminal),
        ImportCommand::Csv(args) => import_table::table(args, TableForm::Csv, terminal),
        ImportCommand::Tracepoints(args) => import_table::tracepoints(args, terminal),
    }
}

/// Reads the log twice: the first pass finds what the header must say.
fn strace(args: &ImportArgs, terminal: &mut Terminal) -> Ended {
    let survey = pass(args, ("looking at", terminal), &mut |_| ControlFlow::Continue(()))?;
    if !survey.root_seen || survey.recorded == 0 {
        return Err(Failure::new(
            Exit::NothingRan,
            format!(
                "{}: no call concerns {}; check --root against the paths in the log{}",
                args.log.display(),
                args.root,
                working_directories(&survey)
            ),
        ));
    }
    let all = |sink: Sink<'_>| {
        pass(args, ("importing", terminal), &mut |call: CallRecord| sink(call.into()))
    };
    let (summary, report) = write(&args.output, args.force, header(args, &survey), &all)?;
    let facts = serde_json::json!({
        "lines": report.lines,
        "calls": report.calls,
        "inside": report.inside,
        "recorded": report.recorded,
        "outside": report.outside.values().sum::<u64>(),
        "not_understood": report.not_understood_total,
        "losses": report.losses_total,
    });
    print(&args.output, &report, facts, &summary, terminal);
    if !terminal.json() {
        terminal.note(format!("replay it with: fuserig replay {}", args.output.display()));
    }
    Ok(if report.is_lossless() { Exit::Agreed } else { Exit::Finding })
}

fn pass(
    args: &ImportArgs,
    (what, terminal): (&str, &Terminal),
    sink: &mut dyn FnMut(CallRecord) -> ControlFlow<()>,
) -> Result<ImportReport, Failure> {
    let log = files::open_log(&args.log, what, terminal)?;
    import_strace(log, &StraceOptions::new(&args.root), sink)
        .map_err(|error| Failure::input(&args.log, &error))
}

fn header(args: &ImportArgs, survey: &ImportReport) -> Header {
    let plain = FirstClient::default();
    let kind = if survey.first_ns.is_some() { ClockKind::Realtime } else { ClockKind::Unknown };
    Header {
        tool: "fuserig".to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        clock: Some(Clock { kind, base_ns: survey.first_ns }),
        payload: PayloadMode::Full,
        first_client: Some(FirstClient {
            uid: survey.uid_initial.unwrap_or(plain.uid),
            gid: survey.gid_initial.unwrap_or(plain.gid),
            umask: survey.umask_initial.unwrap_or(plain.umask),
        }),
        lower: survey.lower,
        source: Some(Source {
            kind: SourceKind::Strace,
            what: args.log.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            root: args.root.clone(),
            fidelity: Fidelity {
                replies: true,
                data: survey.losses_total == 0,
                credentials: false,
                exact_order: false,
            },
        }),
        ..Header::default()
    }
}

/// A hint for a root that never occurs.
fn working_directories(survey: &ImportReport) -> String {
    match survey.outside.values().sum::<u64>() {
        0 => String::new(),
        outside => format!(" ({outside} calls concern other places)"),
    }
}
