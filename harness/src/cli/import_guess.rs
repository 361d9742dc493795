//! `fuserig import FILE`: which form a log has, by its beginning.

use std::io::{BufReader, Read as _};
use std::ops::ControlFlow;
use std::path::Path;

use fuserig_traces::PayloadMode;
use fuserig_traces::import::{
    FuseStraceOptions, ProblemKind, TableForm, import_fuse_strace, import_table,
    import_tracepoints, open_log,
};

use super::args::ImportArgs;
use super::args_import::{
    ImportCommand, ImportFuseArgs, ImportLine, ImportTableArgs, ImportTracepointsArgs,
};
use super::exit::{Exit, Failure};
use super::output::Terminal;

/// How much of a log is looked at.
const LOOK_BYTES: u64 = 1 << 20;

/// The command that the line means, guessed from the log; the guess is said.
pub(super) fn guess(line: &ImportLine, terminal: &Terminal) -> Result<ImportCommand, Failure> {
    let (Some(log), Some(output)) = (line.log.clone(), line.output.clone()) else {
        return Err(Failure::new(Exit::Usage, "import: a log and --output are needed"));
    };
    let beginning = beginning(&log)?;
    let force = line.force;
    let table = || ImportTableArgs { log: log.clone(), output: output.clone(), force };
    let (command, why) = if beginning.starts_with(b"\x89FRT") {
        let message = format!("{}: is a trace already", log.display());
        return Err(Failure::new(Exit::Usage, message));
    } else if reads(&beginning, TableForm::Jsonl) {
        (ImportCommand::Jsonl(table()), "jsonl: its first line is a row of a trace")
    } else if reads(&beginning, TableForm::Csv) {
        (ImportCommand::Csv(table()), "csv: its first line names the columns of a trace")
    } else if has_tracepoints(&beginning) {
        let args = ImportTracepointsArgs {
            log: log.clone(),
            connection: None,
            output: output.clone(),
            force,
        };
        (ImportCommand::Tracepoints(args), "tracepoints: it has fuse_request_send")
    } else if has_messages(&beginning) {
        let args = ImportFuseArgs {
            log: log.clone(),
            connection: 1,
            payload: PayloadMode::Full,
            output: output.clone(),
            force,
        };
        (ImportCommand::FuseStrace(args), "fuse-strace: its reads bring FUSE messages")
    } else if is_strace(&beginning) {
        let Some(root) = line.root.clone() else {
            let message = format!(
                "{}: looks like the strace log of an application; say which directory to \
                 import with --root DIR",
                log.display()
            );
            return Err(Failure::new(Exit::Usage, message));
        };
        let args = ImportArgs { log: log.clone(), root, output: output.clone(), force };
        (ImportCommand::Strace(args), "strace: it has the system calls of an application")
    } else {
        let message = format!(
            "{}: has none of the forms that import reads: strace, fuse-strace, jsonl, csv, \
             tracepoints",
            log.display()
        );
        return Err(Failure::new(Exit::Unreadable, message));
    };
    terminal.note(format!("{}: taken for {why}", log.display()));
    Ok(command)
}

fn beginning(log: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    open_log(log)
        .and_then(|file| BufReader::new(file).take(LOOK_BYTES).read_to_end(&mut bytes))
        .map_err(|error| Failure::input(log, &error))?;
    // Only whole lines, unless there is but one.
    let end = bytes.iter().rposition(|byte| *byte == b'\n');
    if let Some(end) = end.filter(|_| bytes.len() as u64 == LOOK_BYTES) {
        bytes.truncate(end + 1);
    }
    Ok(bytes)
}

fn reads(bytes: &[u8], form: TableForm) -> bool {
    let mut stop = |_record| ControlFlow::Break(());
    match import_table(bytes, form, &mut stop) {
        Ok(report) => report.header.is_some() || report.records > 0,
        Err(error) => matches!(error, fuserig_traces::import::LogError::Stopped { .. }),
    }
}

fn has_tracepoints(bytes: &[u8]) -> bool {
    let mut drop = |_record| ControlFlow::Continue(());
    import_tracepoints(bytes, None, &mut drop).is_ok_and(|report| report.requests > 0)
}

fn has_messages(bytes: &[u8]) -> bool {
    let mut drop = |_record| ControlFlow::Continue(());
    import_fuse_strace(bytes, &FuseStraceOptions::default(), &mut drop).is_ok_and(|report| {
        // Heads that strace cut are still those of messages.
        let cut = report.problem_counts.contains_key(&ProblemKind::Cut);
        report.requests > 0 || report.elsewhere > 0 || cut
    })
}

/// A log of strace without FUSE messages: every line has a head of strace.
fn is_strace(bytes: &[u8]) -> bool {
    let mut drop = |_record| ControlFlow::Continue(());
    import_fuse_strace(bytes, &FuseStraceOptions::default(), &mut drop).is_ok()
}
