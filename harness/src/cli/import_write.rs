//! What every import does with what it reads: a new trace, and a report.

use std::fmt::Display;
use std::ops::ControlFlow;
use std::path::Path;

use fuserig_traces::record::Record;
use fuserig_traces::{Header, Summary, TraceWriter, WriteError};

use super::exit::Failure;
use super::files;
use super::output::{Style, Terminal};

/// Takes the records of an import; what it returns may stop the import.
pub(super) type Sink<'a> = &'a mut dyn FnMut(Record) -> ControlFlow<()>;

/// Imports into a new trace.
pub(super) fn write<Report>(
    path: &Path,
    force: bool,
    header: Header,
    pass: &dyn Fn(Sink<'_>) -> Result<Report, Failure>,
) -> Result<(Summary, Report), Failure> {
    let failed = |error: WriteError| Failure::output(path, &error);
    let output = files::create(path, force)?;
    let mut writer = TraceWriter::create(output, header).map_err(failed)?;
    let mut problem: Option<WriteError> = None;
    let outcome = pass(&mut |record: Record| match writer.append(record.as_ref()) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            problem = Some(error);
            ControlFlow::Break(())
        }
    });
    if let Some(error) = problem {
        return Err(failed(error));
    }
    let report = outcome?;
    let (summary, _) = writer.finish().map_err(failed)?;
    Ok((summary, report))
}

/// Says what came of an import.
pub(super) fn print(
    path: &Path,
    report: &dyn Display,
    facts: serde_json::Value,
    summary: &Summary,
    terminal: &mut Terminal,
) {
    terminal.progress_end();
    if terminal.json() {
        let mut facts = facts;
        facts["trace"] = path.display().to_string().into();
        facts["stream_id"] = summary.stream_id.to_string().into();
        terminal.line(facts.to_string());
        return;
    }
    terminal.line(report.to_string().trim_end());
    let written = terminal.styled(Style::Bold, &path.display().to_string());
    terminal
        .line(format!("wrote {written}: {} bytes, stream id {}", summary.bytes, summary.stream_id));
}
