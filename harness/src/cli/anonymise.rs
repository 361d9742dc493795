//! `fuserig trace anonymise`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use fuserig_traces::anonymise::{Lengths, Policy};

use super::exit::{Ended, Exit, Failure};
use super::output::{Style, Terminal};
use super::progress::Advance;
use super::{files, filter};
use crate::anonymise::{AnonymiseFailure, Anonymised, Proving, anonymise_proven};

#[derive(Debug, Args)]
pub(super) struct AnonymiseArgs {
    /// The trace
    pub(super) trace: PathBuf,
    /// The trace to write
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// File with the key, at least 16 bytes; `head -c 32 /dev/urandom > KEY` makes one
    #[arg(long, value_name = "FILE")]
    pub(super) key_file: PathBuf,
    /// Filter that must decide the same on both traces, besides the one that was recorded with
    #[arg(long, value_name = "FILTER")]
    pub(super) filter: Vec<String>,
    /// What is kept of the lengths of names; `exact` is what replays to the recorded results
    #[arg(long, value_enum, default_value_t = LengthsName::Exact)]
    pub(super) lengths: LengthsName,
    /// What is kept besides
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    pub(super) keep: Vec<Keep>,
    /// Name that stays as it is
    #[arg(long, value_name = "NAME")]
    pub(super) keep_name: Vec<String>,
    /// User or group that stays as it is
    #[arg(long, value_name = "N")]
    pub(super) keep_id: Vec<u32>,
    /// Write the trace although some messages rest on what was before a recording that began within
    /// a session, or were cut in it, so that for these nothing is proven
    #[arg(long)]
    pub(super) partial_proof: bool,
    /// Replace the output if it exists
    #[arg(long)]
    pub(super) force: bool,
}

/// What is kept of lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LengthsName {
    /// The same length
    Exact,
    /// 8, 16, 32, 64, 128 or 255
    Class,
    /// Nothing
    Hidden,
}

/// What may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Keep {
    /// Extensions of names
    Extension,
    /// A dot at the beginning of names
    Dot,
    /// Users and groups
    Ids,
    /// Dates
    Times,
}

pub(super) fn anonymise(args: &AnonymiseArgs, terminal: &mut Terminal) -> Ended {
    let key = files::read_all(&args.key_file)?;
    let trace = files::read_trace(&args.trace, terminal, &mut |note| terminal.note(note))?;
    let mut make =
        |spec: &str, abi| filter::resolve(spec, abi).map_err(|failure: Failure| failure.message);
    let mut watch = |done: u64, total: u64| {
        let total = Some(total);
        terminal.advance(&Advance { what: "proving: replayed", unit: "arrivals", done, total });
    };
    let policy = policy(args);
    let proving = Proving { filters: args.filter.clone(), partial: args.partial_proof };
    let made = anonymise_proven(&trace, &key, &policy, &proving, &mut make, &mut watch)
        .map_err(|failure| refused(args, &failure))?;
    terminal.progress_end();
    let mut bytes = Vec::new();
    let summary =
        made.trace.write(&mut bytes).map_err(|error| Failure::output(&args.output, &error))?;
    // Written only now: everything above could still have said no.
    files::write_all(&args.output, args.force, &bytes)?;
    if terminal.json() {
        terminal.line(json(args, &made).to_string());
        return Ok(Exit::Agreed);
    }
    let path = terminal.styled(Style::Bold, &args.output.display().to_string());
    terminal.line(format!("wrote {path}: {} records", summary.records()));
    terminal.text(&made.report.to_string());
    terminal.line(terminal.styled(Style::Good, "proven: both traces go the same way"));
    for proof in &made.proofs {
        terminal.line(format!("  {proof}"));
    }
    if made.unproven > 0 {
        let text = format!(
            "not proven: {} arrivals, which rest on what was before the recording or were cut",
            made.unproven
        );
        terminal.line(terminal.styled(Style::Bad, &text));
    }
    Ok(Exit::Agreed)
}

fn policy(args: &AnonymiseArgs) -> Policy {
    let keeps = |what: Keep| args.keep.contains(&what);
    Policy {
        lengths: match args.lengths {
            LengthsName::Exact => Lengths::Exact,
            LengthsName::Class => Lengths::Class,
            LengthsName::Hidden => Lengths::Hidden,
        },
        extensions: keeps(Keep::Extension),
        dots: keeps(Keep::Dot),
        ids: keeps(Keep::Ids),
        times: keeps(Keep::Times),
        names: args.keep_name.iter().map(|name| name.clone().into_bytes()).collect(),
        kept_ids: args.keep_id.iter().copied().collect(),
    }
}

/// Why there is no output, and what kind of ending that is.
fn refused(args: &AnonymiseArgs, failure: &AnonymiseFailure) -> Failure {
    let exit = match failure {
        AnonymiseFailure::Input(_) | AnonymiseFailure::Replay { .. } => Exit::Unreadable,
        AnonymiseFailure::Filter { .. } => Exit::Usage,
        AnonymiseFailure::NothingToReplay => Exit::NothingRan,
        AnonymiseFailure::Decides(_) | AnonymiseFailure::Unproven { .. } => Exit::Finding,
    };
    let (trace, output) = (args.trace.display(), args.output.display());
    Failure::new(exit, format!("{trace}: {failure}\nfuserig: {output} was not written"))
}

fn json(args: &AnonymiseArgs, made: &Anonymised) -> serde_json::Value {
    let report = &made.report;
    let proofs: Vec<_> = made
        .proofs
        .iter()
        .map(|proof| {
            serde_json::json!({
                "filter": proof.filter, "arrivals": proof.arrivals, "decisions": proof.decisions,
            })
        })
        .collect();
    serde_json::json!({
        "output": args.output.display().to_string(),
        "names": report.names, "ids": report.ids, "clients": report.clients,
        "data_bytes": report.data_bytes, "left_out": report.derived + report.notes,
        "header_fields_left_out": report.header_fields,
        "linkable": report.linkable().collect::<Vec<_>>(),
        "proofs": proofs,
        "unproven": made.unproven,
    })
}
