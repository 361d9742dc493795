//! `fuserig import fuse-strace`.

use std::ops::ControlFlow;

use fuserig_traces::import::{
    FuseStraceOptions, FuseStraceReport, LogError, ProblemKind, import_fuse_strace,
};
use fuserig_traces::record::Record;
use fuserig_traces::{Clock, ClockKind, Fidelity, Header, PayloadMode, Source, SourceKind};

use super::args_import::ImportFuseArgs;
use super::exit::{Ended, Exit, Failure};
use super::files;
use super::import_write::{Sink, print, write};
use super::output::Terminal;

/// Reads the log twice: the first pass finds what the header must say.
pub(super) fn fuse_strace(args: &ImportFuseArgs, terminal: &mut Terminal) -> Ended {
    let survey = pass(args, ("looking at", terminal), &mut |_| ControlFlow::Continue(()))?;
    if survey.requests == 0 {
        return Err(Failure::new(Exit::NothingRan, nothing(args, &survey)));
    }
    let all = |sink: Sink<'_>| pass(args, ("importing", terminal), sink);
    let (summary, report) = write(&args.output, args.force, header(args, &survey), &all)?;
    let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    let facts = serde_json::json!({
        "lines": report.lines,
        "requests": report.requests,
        "replies": report.replies,
        "from_before": report.earlier,
        "has_init": report.survey.has_init(),
        "notifications": report.notifications,
        "in_flight": report.in_flight,
        "records": report.records,
        "connections": report.connections,
        "problems_total": report.problems_total(),
        "problems": problems,
    });
    print(&args.output, &report, facts, &summary, terminal);
    Ok(if report.is_lossless() { Exit::Agreed } else { Exit::Finding })
}

fn pass(
    args: &ImportFuseArgs,
    (what, terminal): (&str, &Terminal),
    sink: &mut dyn FnMut(Record) -> ControlFlow<()>,
) -> Result<FuseStraceReport, Failure> {
    let log = files::open_log(&args.log, what, terminal)?;
    let options = FuseStraceOptions { payload: args.payload, connection: args.connection };
    import_fuse_strace(log, &options, sink)
        .map_err(|error: LogError| Failure::input(&args.log, &error))
}

/// Why a log gave nothing, as far as it can be seen.
fn nothing(args: &ImportFuseArgs, survey: &FuseStraceReport) -> String {
    let why = if survey.problem_counts.contains_key(&ProblemKind::Cut) {
        "strace cut every message before the end of its head; record the daemon with \
         `-xx -s 16800000`"
            .to_owned()
    } else if survey.elsewhere > 0 {
        format!("the log has {} mounts; choose one with --connection", survey.connections)
    } else if survey.other > 0 {
        "no read brought a FUSE message; is it the log of a program instead of a daemon? \
         `fuserig import strace` reads those"
            .to_owned()
    } else {
        "no read brought a FUSE message; trace the daemon from its start with -f".to_owned()
    };
    let first = survey.problems.first().map(|problem| format!(" ({problem})")).unwrap_or_default();
    format!("{}: {why}{first}", args.log.display())
}

fn header(args: &ImportFuseArgs, survey: &FuseStraceReport) -> Header {
    let kind = if survey.first_ns.is_some() { ClockKind::Realtime } else { ClockKind::Unknown };
    let mut header = Header {
        tool: "fuserig".to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        clock: Some(Clock { kind, base_ns: survey.first_ns }),
        payload: args.payload,
        source: Some(Source {
            kind: SourceKind::FuseStrace,
            what: args.log.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            root: String::new(),
            fidelity: Fidelity {
                replies: true,
                data: args.payload == PayloadMode::Full && survey.is_lossless(),
                credentials: true,
                exact_order: true,
            },
        }),
        ..Header::default()
    };
    survey.survey.fill(&mut header);
    header
}
