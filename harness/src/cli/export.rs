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
    /// Where to write
    #[arg(short, long, value_name = "FILE")]
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
}

pub(super) fn export(args: &ExportArgs, terminal: &mut Terminal) -> Ended {
    if args.dissector.is_some() && args.to != Form::Pcapng {
        let message = "trace export: --dissector belongs to --to pcapng";
        return Err(Failure::new(Exit::Usage, message));
    }
    let failed = |error: ExportError| match error {
        ExportError::Read(error) => Failure::input(&args.trace, &error),
        ExportError::Write(error) => Failure::output(&args.output, &error),
    };
    let (count, damage, unit) = match args.to {
        Form::Jsonl | Form::Csv => {
            let mut reader = files::open_trace(&args.trace)?;
            let mut output = files::create(&args.output, args.force)?;
            let count = match args.to {
                Form::Jsonl => write_jsonl(&mut reader, &mut output),
                _ => write_csv(&mut reader, &mut output),
            };
            (count.map_err(failed)?, reader.damage().count(), "records")
        }
        Form::Chrome | Form::Pcapng => {
            let mut damage = 0;
            let trace = files::read_trace(&args.trace, &mut |note| {
                damage += 1;
                terminal.note(note);
            })?;
            let mut output = files::create(&args.output, args.force)?;
            let (count, unit) = match args.to {
                Form::Chrome => (write_chrome(&trace, &mut output), "slices"),
                _ => (write_pcapng(&trace, &mut output), "packets"),
            };
            output.flush().map_err(|error| Failure::output(&args.output, &error))?;
            (count.map_err(failed)?, damage, unit)
        }
    };
    if let Some(path) = &args.dissector {
        files::write_all(path, args.force, lua_dissector().as_bytes())?;
    }
    let path = args.output.display().to_string();
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
