//! `fuserig trace export`.

use std::io::Write;

use clap::{Args, ValueEnum};
use fuserig_traces::export::{
    ExportError, lua_dissector, write_chrome, write_csv, write_jsonl, write_pcapng,
};
use std::path::PathBuf;

use super::exit::{Ended, Exit, Failure};
use super::files;
use super::output::Terminal;

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The trace
    pub(super) trace: PathBuf,
    /// The form to write
    #[arg(long, value_enum, value_name = "FORM")]
    pub(super) to: Form,
    /// Where to write; for Parquet the directory of the data set, in which the trace becomes
    /// `trace=ID/part.parquet`
    #[arg(short, long, value_name = "PATH")]
    pub(super) output: PathBuf,
    /// Write the Lua dissector for Wireshark as well
    #[arg(long, value_name = "FILE")]
    pub(super) dissector: Option<PathBuf>,
    /// Replace outputs that exist
    #[arg(long)]
    pub(super) force: bool,
}

/// Forms of exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// One JSON object a record; lossless
    Jsonl,
    /// One line a record; lossless
    Csv,
    /// Chrome trace JSON, for Perfetto
    Chrome,
    /// Packets, for Wireshark
    Pcapng,
    /// Typed columns, for DuckDB, Polars and Spark (in builds with the feature `parquet`)
    Parquet,
}

pub(super) fn export(args: &ExportArgs, terminal: &mut Terminal) -> Ended {
    if args.dissector.is_some() && args.to != Form::Pcapng {
        let message = "trace export: --dissector belongs to --to pcapng";
        return Err(Failure::new(Exit::Usage, message));
    }
    let written = match args.to {
        Form::Jsonl | Form::Csv => rows(args, terminal)?,
        Form::Chrome | Form::Pcapng => whole(args, terminal)?,
        Form::Parquet => columns(args, terminal)?,
    };
    terminal.progress_end();
    if let Some(path) = &args.dissector {
        files::write_all(path, args.force, lua_dissector().as_bytes())?;
    }
    let Written { path, count, unit, damage } = written;
    let path = path.display().to_string();
    if terminal.json() {
        let value = serde_json::json!({ "output": path, unit: count, "damaged_parts": damage });
        terminal.line(value.to_string());
    } else {
        terminal.line(format!("wrote {path}: {count} {unit}"));
    }
    if count == 0 {
        let message = format!("{}: has nothing that this form holds", args.trace.display());
        return Err(Failure::new(Exit::NothingRan, message));
    }
    Ok(if damage == 0 { Exit::Agreed } else { Exit::Finding })
}

/// What an export wrote.
struct Written {
    path: PathBuf,
    count: u64,
    unit: &'static str,
    damage: u64,
}

impl ExportArgs {
    fn failed(&self, error: ExportError) -> Failure {
        match error {
            ExportError::Read(error) => Failure::input(&self.trace, &error),
            ExportError::Write(error) => Failure::output(&self.output, &error),
        }
    }
}

/// Forms that are written while the trace is read.
fn rows(args: &ExportArgs, terminal: &Terminal) -> Result<Written, Failure> {
    let mut reader = files::open_trace(&args.trace, "exporting", terminal)?;
    let mut output = files::create(&args.output, args.force)?;
    let count = match args.to {
        Form::Csv => write_csv(&mut reader, &mut output),
        _ => write_jsonl(&mut reader, &mut output),
    };
    let count = count.map_err(|error| args.failed(error))?;
    let damage = reader.damage().count();
    Ok(Written { path: args.output.clone(), count, unit: "records", damage })
}

/// Forms that need to see the whole trace first.
fn whole(args: &ExportArgs, terminal: &Terminal) -> Result<Written, Failure> {
    let mut damage = 0;
    let trace = files::read_trace(&args.trace, terminal, &mut |note| {
        damage += 1;
        terminal.note(note);
    })?;
    let output = files::create(&args.output, args.force)?;
    let mut output = files::WatchedOutput::new(output, "exported", terminal);
    let (count, unit) = match args.to {
        Form::Pcapng => (write_pcapng(&trace, &mut output), "packets"),
        _ => (write_chrome(&trace, &mut output), "slices"),
    };
    output.flush().map_err(|error| Failure::output(&args.output, &error))?;
    let count = count.map_err(|error| args.failed(error))?;
    Ok(Written { path: args.output.clone(), count, unit, damage })
}

/// Parquet: one file in a directory that names the trace, as readers of data sets expect it.
#[cfg(feature = "parquet")]
fn columns(args: &ExportArgs, terminal: &Terminal) -> Result<Written, Failure> {
    let info =
        fuserig_traces::tools::Info::of(files::open_watched(&args.trace, "reading", terminal)?)
            .map_err(|error| Failure::input(&args.trace, &error))?;
    let mut reader = files::open_trace(&args.trace, "exporting", terminal)?;
    let directory = args.output.join(format!("trace={}", info.stream_id));
    files::create_directory(&directory)?;
    let path = directory.join("part.parquet");
    let output = files::create(&path, args.force)?;
    let count = fuserig_traces::export::write_parquet(&mut reader, output)
        .map_err(|error| args.failed(error))?;
    Ok(Written { path, count, unit: "records", damage: reader.damage().count() })
}

#[cfg(not(feature = "parquet"))]
fn columns(_: &ExportArgs, _: &Terminal) -> Result<Written, Failure> {
    let message = "trace export: this build has no Parquet; build fuserig with `--features \
                   parquet`, or use --to jsonl, which DuckDB and Polars read as well";
    Err(Failure::new(Exit::Missing, message))
}
