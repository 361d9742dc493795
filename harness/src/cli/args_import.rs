//! The command line of `fuserig import`, as types.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use fuserig_traces::PayloadMode;

use super::args::{ImportArgs, parse_payload};

/// A form by name, or none: then the log itself says which.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  \
                  fuserig import daemon.strace.zst -o daemon.frt\n  \
                  fuserig import app.strace --root /srv/work -o app.frt\n  \
                  fuserig import jsonl edited.jsonl -o edited.frt"
)]
pub(super) struct ImportLine {
    #[command(subcommand)]
    pub(super) command: Option<ImportCommand>,
    /// A log of any of these forms; its beginning says which, and the command says what it took
    /// it for
    #[arg(required = true)]
    pub(super) log: Option<PathBuf>,
    /// Directory whose calls are imported, for the log of an application
    #[arg(long, value_name = "DIR")]
    pub(super) root: Option<String>,
    /// The trace to write
    #[arg(short, long, value_name = "FILE", required = true)]
    pub(super) output: Option<PathBuf>,
    /// Replace the output if it exists
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// A log of `strace -f -ttt -T -y -s 1048576`
    #[command(after_help = "Example: fuserig import strace app.strace.zst --root /srv/work \
                            -o app.frt")]
    Strace(ImportArgs),
    /// A log of `strace -P /dev/fuse -xx` of a daemon: its raw FUSE messages
    #[command(after_help = "Record: strace -f -e trace=read,write,readv,writev -P /dev/fuse -xx \
                            -s 16800000 -ttt -o daemon.strace DAEMON\n\
                            Example: fuserig import fuse-strace daemon.strace -o daemon.frt")]
    FuseStrace(ImportFuseArgs),
    /// One JSON object a line, in the schema of `trace export --to jsonl`
    #[command(after_help = "Example: fuserig import jsonl edited.jsonl -o edited.frt")]
    Jsonl(ImportTableArgs),
    /// Comma-separated values, in the schema of `trace export --to csv`
    #[command(after_help = "Example: fuserig import csv edited.csv -o edited.frt")]
    Csv(ImportTableArgs),
    /// The kernel's fuse_request_send and fuse_request_end, as ftrace, trace-cmd or perf print them
    #[command(after_help = "Record: echo 1 > /sys/kernel/tracing/events/fuse/enable; \
                            cat /sys/kernel/tracing/trace > fuse.trace\n\
                            Example: fuserig import tracepoints fuse.trace -o fuse.frt")]
    Tracepoints(ImportTracepointsArgs),
}

#[derive(Debug, Args)]
pub(super) struct ImportFuseArgs {
    /// The log, plain or compressed with zstd
    pub(super) log: PathBuf,
    /// Which mount of the log, in the order of their INITs
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) connection: u32,
    /// How much of file data the trace keeps: none, len, hash (length and digest) or full
    #[arg(long, value_parser = parse_payload, default_value = "full")]
    pub(super) payload: PayloadMode,
    /// The trace to write
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// Replace the output if it exists
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Args)]
pub(super) struct ImportTableArgs {
    /// The table, plain or compressed with zstd
    pub(super) log: PathBuf,
    /// The trace to write
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// Replace the output if it exists
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Args)]
pub(super) struct ImportTracepointsArgs {
    /// The log, plain or compressed with zstd
    pub(super) log: PathBuf,
    /// Which connection, by the number that the events have; the first if not given
    #[arg(long, value_name = "N")]
    pub(super) connection: Option<u64>,
    /// The trace to write
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// Replace the output if it exists
    #[arg(long)]
    pub(super) force: bool,
}
