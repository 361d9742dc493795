//! `fuserig import jsonl|csv|tracepoints`.

use std::ops::ControlFlow;
use std::path::Path;

use fuserig_traces::import::{
    TableForm, TableReport, TracepointReport, import_table, import_tracepoints,
};
use fuserig_traces::{Clock, ClockKind, Fidelity, Header, PayloadMode, Source, SourceKind};

use super::args_import::{ImportTableArgs, ImportTracepointsArgs};
use super::exit::{Ended, Exit, Failure};
use super::files;
use super::import_write::{Sink, print, write};
use super::output::Terminal;

pub(super) fn table(args: &ImportTableArgs, form: TableForm, terminal: &mut Terminal) -> Ended {
    let pass = |sink: Sink<'_>| -> Result<TableReport, Failure> {
        let log = files::open_log(&args.log, "importing", terminal)?;
        import_table(log, form, sink).map_err(|error| Failure::input(&args.log, &error))
    };
    let survey = pass(&mut |_| ControlFlow::Continue(()))?;
    if survey.records == 0 {
        return Err(nothing(&args.log, "has no records"));
    }
    let header = survey.header.clone().unwrap_or_else(|| plain_header(&args.log));
    let (summary, report) = write(&args.output, args.force, header, &pass)?;
    let facts = serde_json::json!({
        "lines": report.lines,
        "records": report.records,
        "not_understood": report.mistakes,
        "not_understood_total": report.mistakes_total,
        "unknown_keys": report.unknown,
    });
    print(&args.output, &report, facts, &summary, terminal);
    Ok(if report.is_lossless() { Exit::Agreed } else { Exit::Finding })
}

pub(super) fn tracepoints(args: &ImportTracepointsArgs, terminal: &mut Terminal) -> Ended {
    let pass = |sink: Sink<'_>| -> Result<TracepointReport, Failure> {
        let log = files::open_log(&args.log, "importing", terminal)?;
        import_tracepoints(log, args.connection, sink)
            .map_err(|error| Failure::input(&args.log, &error))
    };
    let header = Header {
        clock: Some(Clock { kind: ClockKind::Unknown, base_ns: None }),
        payload: PayloadMode::Len,
        source: Some(Source {
            kind: SourceKind::Tracepoints,
            fidelity: Fidelity { exact_order: true, ..Fidelity::default() },
            ..plain_source(&args.log)
        }),
        ..plain_header(&args.log)
    };
    let (summary, report) = write(&args.output, args.force, header, &pass)?;
    if report.requests == 0 {
        return Err(nothing(&args.log, "has no request of that connection"));
    }
    let facts = serde_json::json!({
        "lines": report.lines,
        "requests": report.requests,
        "ends": report.ends,
        "in_flight": report.in_flight,
        "ends_alone": report.ends_alone,
        "lost": report.lost,
        "gaps": report.gaps,
        "not_understood": report.problems,
        "not_understood_total": report.problems_total,
    });
    print(&args.output, &report, facts, &summary, terminal);
    Ok(if report.is_lossless() { Exit::Agreed } else { Exit::Finding })
}

fn nothing(log: &Path, why: &str) -> Failure {
    Failure::new(Exit::NothingRan, format!("{}: {why}", log.display()))
}

fn plain_source(log: &Path) -> Source {
    let what = log.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Source { kind: SourceKind::Table, what, ..Source::default() }
}

fn plain_header(log: &Path) -> Header {
    Header {
        tool: "fuserig".to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        payload: PayloadMode::Full,
        source: Some(plain_source(log)),
        ..Header::default()
    }
}
