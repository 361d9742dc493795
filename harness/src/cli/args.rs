//! The command line as types.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use fuserig_abi::{Abi, Fidelity};
#[cfg(feature = "fuser")]
use fuserig_filters::QuotaLimits;
use fuserig_filters::engine::Engine;
use fuserig_traces::PayloadMode;

use super::anonymise::AnonymiseArgs;
use super::args_import::ImportLine;
use super::campaign::CampaignCommand;
use super::export::ExportArgs;
use super::manual::{CompletionsArgs, ManArgs};

use super::abi::AbiCommand;
use super::fuzz_args::{CheckArgs, FuzzArgs};
#[cfg(feature = "fuser")]
use crate::mount::Locks;
use crate::report::ReportTarget;

/// A test rig for FUSE-BPF filters: real filters through the whole prefilter, lower operation,
/// postfilter pipeline in an ordinary process.
#[derive(Debug, Parser)]
#[command(
    name = "fuserig",
    version,
    about,
    max_term_width = 100,
    after_help = "Exit codes: 0 agreed, 1 finding, 2 usage, 3 input unreadable or output \
                  unwritable, 4 nothing ran, 5 capability missing, 70 bug of fuserig, \
                  130 interrupted"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What every command understands.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Common {
    /// How results are written: `human`, or `json` for machines, one object
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    #[arg(hide_possible_values = true, help_heading = "Output", display_order = 900)]
    pub(super) format: Format,
    /// Colours: `auto` (on a terminal without NO_COLOR), `always` or `never`
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    #[arg(hide_possible_values = true, help_heading = "Output", display_order = 901)]
    pub(super) color: Color,
    /// Seconds after which a long command says on the terminal how far it is; with 0 it says each
    /// step
    #[arg(long, global = true, default_value_t = 2, value_name = "SECONDS")]
    #[arg(hide_short_help = true, help_heading = "Output", display_order = 902)]
    pub(super) progress_after: u64,
}

/// Forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// For machines: one JSON object
    Json,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Replay traces through the pipeline and compare with what they recorded
    #[command(after_help = "Example: fuserig replay traces/corpus/shell.frt \
                            --filter 'hide:*.jpg' --against none")]
    Replay(ReplayArgs),
    /// Run scenarios: text files with a tree, filters, system calls and what must come of them
    #[command(after_help = "Example: fuserig run harness/scenarios/further/*.scn")]
    Run(RunArgs),
    /// Turn the log of another tool into a trace
    Import(ImportLine),
    /// Look at traces, compare and repair them
    #[command(subcommand)]
    Trace(TraceCommand),
    /// Play records of real fuse-bpf kernels and compare every result and filter call
    #[command(after_help = "Example: fuserig conform observations/v4/*.jsonl.zst --abi v4")]
    Conform(ConformArgs),
    /// Everything before shipping a filter: load, property tests, replay, members and quirks
    #[command(after_help = "Example: fuserig check 'hide:*.jpg' --corpus traces/corpus/shell.frt")]
    Check(CheckArgs),
    /// Simulate many clients over a filter, with schedules and faults, until something is found
    #[command(after_help = "Example: fuserig fuzz 'hide:*.jpg' --runs 1000 --faults")]
    Fuzz(FuzzArgs),
    /// Look at filters
    #[command(subcommand)]
    Filter(FilterCommand),
    /// Much work on many machines: plan it, run shards of it, join the results
    #[command(subcommand)]
    Campaign(CampaignCommand),
    /// What this machine can do, and what that enables
    #[command(after_help = "Example: fuserig doctor --format json")]
    Doctor,
    /// Print the completion script of a shell
    #[command(after_help = "Example: fuserig completions bash > \
                            ~/.local/share/bash-completion/completions/fuserig")]
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for every command
    #[command(after_help = "Examples:\n  fuserig man | man -l -\n  \
                            fuserig man -o /usr/local/share/man/man1")]
    Man(ManArgs),
    /// Look at ABI descriptions, and print headers and BTF from them
    #[command(subcommand)]
    Abi(AbiCommand),
    /// Judge the engines that run filters
    #[command(subcommand)]
    Engine(EngineCommand),
    #[cfg(feature = "fuser")]
    /// Serve a directory on a real mount until it is unmounted
    #[command(after_help = "Example: fuserig mount /mnt/rig --lower sim --filter 'hide:*.jpg'\n\
                            Ctrl-C, SIGTERM and `umount` end it.")]
    Mount(MountArgs),
    #[cfg(feature = "fuser")]
    /// Run a command in a mount and record every request and reply
    #[command(after_help = "Example: fuserig record -o build.frt --lower host:/srv/src -- make\n\
                            The command runs in the mount; its exit status is returned.\n\
                            Somebody else's daemon: fuserig record --attach-daemon --mount DIR \\\n\
                            \x20   -o daemon.frt -- ./passthrough_ll -f -o source=/srv {}")]
    Record(RecordArgs),
}

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// Traces to replay
    #[arg(required = true, value_name = "TRACE")]
    pub(super) traces: Vec<PathBuf>,
    /// Filter at the root of the mount: `NAME` or `NAME:PARAMETERS` (see `filter list`), a BPF
    /// object `FILE.o` or `FILE.o:NAME`, or `none`; default: the filter the trace was recorded with
    #[arg(long, value_name = "FILTER")]
    pub(super) filter: Option<String>,
    /// Filesystem below: `sim`, or `host:DIR` for a directory of this machine
    #[arg(long, default_value = "sim", value_name = "LOWER")]
    pub(super) lower: String,
    /// Tree that the simulated lower starts with, as tree text
    #[arg(long, value_name = "FILE")]
    pub(super) tree: Option<PathBuf>,
    /// ABI version of the modelled kernel; default: that of the trace, else v4
    #[arg(long, value_parser = parse_abi)]
    pub(super) abi: Option<Abi>,
    /// `faithful` makes the modelled kernel's mistakes, `intended` does not; default: as the
    /// trace was recorded, and `intended` for logs of programs on ordinary filesystems
    #[arg(long, value_parser = parse_fidelity)]
    pub(super) fidelity: Option<Fidelity>,
    /// What judges the replay: `recorded` makes each difference a finding, `none` only shows it
    #[arg(long, value_enum, default_value_t = Against::Recorded)]
    pub(super) against: Against,
    /// Write what happens as a new trace
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// How much of file data the new trace keeps: none, len, hash (length and digest) or full
    #[arg(long, value_parser = parse_payload, default_value = "hash")]
    pub(super) payload: PayloadMode,
    /// Write the final lower tree: path, type, mode, uid, gid, nlink, size, target
    #[arg(long, value_name = "FILE")]
    pub(super) tree_out: Option<PathBuf>,
    /// Write the SHA-256 of every final file
    #[arg(long, value_name = "FILE")]
    pub(super) sha256_out: Option<PathBuf>,
    /// Replace outputs that exist
    #[arg(long)]
    pub(super) force: bool,
    /// Differences to show
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(super) show: usize,
    /// Write the differences as a report: json, junit, sarif, github, markdown or html, and a file
    #[arg(long = "report", value_name = "FORM:FILE")]
    pub(super) reports: Vec<ReportTarget>,
    #[command(flatten)]
    pub(super) engine: EngineArgs,
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Scenario files
    #[arg(required = true, value_name = "SCENARIO")]
    pub(super) scenarios: Vec<PathBuf>,
    /// ABI version to model in place of those the file names
    #[arg(long, value_parser = parse_abi)]
    pub(super) abi: Option<Abi>,
    /// Show what each step caused, in the words of a scenario, ready to be put below the step
    #[arg(long, short)]
    pub(super) verbose: bool,
    /// Take the filters that this object has, by the names that the files write, from it instead
    /// of from those built in
    #[arg(long, value_name = "FILE.o")]
    pub(super) object: Option<PathBuf>,
    #[command(flatten)]
    pub(super) engine: EngineArgs,
}

/// Who judges a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Against {
    /// What the trace recorded
    Recorded,
    /// Nobody
    None,
}

/// What is mounted.
#[cfg(feature = "fuser")]
#[derive(Debug, Args)]
pub(super) struct ServedArgs {
    /// Filesystem below: `sim` in memory, or `host:DIR` for a directory of this machine
    #[arg(long, default_value = "sim", value_name = "LOWER")]
    pub(super) lower: String,
    /// Tree that the simulated lower starts with, as tree text
    #[arg(long, value_name = "FILE")]
    pub(super) tree: Option<PathBuf>,
    /// Room in the simulated lower: bytes, with K, M or G behind them for the powers of 1024, and
    /// nodes, the root included; default: 1G,1048576
    #[arg(long, value_parser = QuotaLimits::parse, value_name = "BYTES[,NODES]")]
    pub(super) size: Option<QuotaLimits>,
    /// Filter at the root of the mount: `NAME` or `NAME:PARAMETERS` (see `filter list`), a BPF
    /// object `FILE.o` or `FILE.o:NAME`, or `none`
    #[arg(long, default_value = "none", value_name = "FILTER")]
    pub(super) filter: String,
    /// ABI version of the modelled kernel
    #[arg(long, value_parser = parse_abi, default_value = "v4")]
    pub(super) abi: Abi,
    /// `faithful` makes the modelled kernel's mistakes, `intended` does not; default: `faithful`
    /// with a filter, `intended` without
    #[arg(long, value_parser = parse_fidelity)]
    pub(super) fidelity: Option<Fidelity>,
    /// Milliseconds for which names and attributes may be kept; default: 1000 without a filter,
    /// 0 with one, so that it sees every lookup
    #[arg(long, value_name = "MS")]
    pub(super) timeout: Option<u64>,
    /// Keep writes in the kernel and send them later, merged
    #[arg(long)]
    pub(super) writeback: bool,
    /// With a host directory and no filter: let the kernel read and write files by itself; no READ
    /// or WRITE is seen or recorded
    #[arg(long, conflicts_with = "writeback")]
    pub(super) passthrough: bool,
    /// Who keeps advisory locks: the kernel (`local`), or the filesystem below, where they are
    /// recorded: byte ranges (`posix`, simulated lower only) or `flock`
    #[arg(long, value_parser = parse_locks, default_value = "local", value_name = "KIND")]
    pub(super) locks: Locks,
    /// Mount read-only
    #[arg(long)]
    pub(super) read_only: bool,
    /// Let other users in; always so for root
    #[arg(long)]
    pub(super) allow_other: bool,
    /// Threads that receive requests; one answers them as well, several hand them to one that does
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) threads: usize,
}

#[cfg(feature = "fuser")]
#[derive(Debug, Args)]
pub(super) struct MountArgs {
    /// Where to mount: an existing directory
    pub(super) directory: PathBuf,
    #[command(flatten)]
    pub(super) served: ServedArgs,
    /// Record every request and reply in this trace
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// How much of file data the trace keeps: none, len, hash (length and digest) or full
    #[arg(long, value_parser = parse_payload, default_value = "hash")]
    pub(super) payload: PayloadMode,
    /// Replace the trace if it exists
    #[arg(long)]
    pub(super) force: bool,
}

#[cfg(feature = "fuser")]
#[derive(Debug, Args)]
pub(super) struct RecordArgs {
    #[command(flatten)]
    pub(super) served: ServedArgs,
    /// Where to mount; a fresh temporary directory if not given
    #[arg(long, value_name = "DIR")]
    pub(super) mount: Option<PathBuf>,
    /// The trace to write
    #[arg(short, long, value_name = "FILE", default_value = "record.frt")]
    pub(super) output: PathBuf,
    /// How much of file data the trace keeps: none, len, hash (length and digest) or full
    #[arg(long, value_parser = parse_payload, default_value = "full")]
    pub(super) payload: PayloadMode,
    /// Replace the trace if it exists
    #[arg(long)]
    pub(super) force: bool,
    /// CMD is a FUSE daemon of libfuse or fuser: mount at --mount, stand between the kernel and it,
    /// and record until it is unmounted; `{}` in CMD is the device that it serves in place of a
    /// mount point (without one, it becomes the last argument)
    #[arg(long, requires = "mount", conflicts_with_all = ["lower", "tree", "filter"])]
    pub(super) attach_daemon: bool,
    /// With --attach-daemon: let the kernel check permissions
    #[arg(long, requires = "attach_daemon")]
    pub(super) default_permissions: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(super) command: Vec<std::ffi::OsString>,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The log, plain or compressed with zstd
    pub(super) log: PathBuf,
    /// Directory whose calls are imported, as the log spells it
    #[arg(long, value_name = "DIR")]
    pub(super) root: String,
    /// The trace to write
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// Replace the output if it exists
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum TraceCommand {
    /// What is in a trace, and what cannot be in it
    #[command(after_help = "Example: fuserig trace info traces/corpus/shell.frt")]
    Info(OneTrace),
    /// One record a line, for reading
    #[command(after_help = "Example: fuserig trace show app.frt --skip 100 --take 20")]
    Show(ShowArgs),
    /// The lossless text twin; with --parse, from text back to a trace
    #[command(after_help = "Examples:\n  fuserig trace text app.frt > app.txt\n  \
                            fuserig trace text --parse app.txt -o edited.frt")]
    Text(TextArgs),
    /// The first difference between two traces, and the totals
    #[command(after_help = "Example: fuserig trace diff before.frt after.frt --ignore-times")]
    Diff(DiffArgs),
    /// Check every checksum, length and reference
    #[command(after_help = "Example: fuserig trace verify app.frt")]
    Verify(OneTrace),
    /// Save what can be saved into a new trace
    #[command(after_help = "Example: fuserig trace repair damaged.frt -o saved.frt")]
    Repair(RepairArgs),
    /// Replace names, users, times and data, prove that filters decide the same, then write
    #[command(
        after_help = "Example: fuserig trace anonymise app.frt -o shared.frt --key-file key \
                            --filter 'hide:*.jpg' --keep extension"
    )]
    Anonymise(AnonymiseArgs),
    /// Write the trace in the form of another tool
    #[command(after_help = "Examples:\n  \
                            fuserig trace export app.frt --to jsonl -o app.jsonl\n  \
                            fuserig trace export app.frt --to chrome -o app.json\n  \
                            fuserig trace export app.frt --to parquet -o corpus\n  \
                            fuserig trace export app.frt --to pcapng -o app.pcapng \
                            --dissector fuse.lua")]
    Export(ExportArgs),
}

#[derive(Debug, Args)]
pub(super) struct OneTrace {
    /// The trace
    pub(super) trace: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The trace
    pub(super) trace: PathBuf,
    /// Records to pass over
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(super) skip: u64,
    /// Records to show; all if not given
    #[arg(long, value_name = "N")]
    pub(super) take: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct TextArgs {
    /// The trace, or with --parse the text
    pub(super) input: PathBuf,
    /// Read text and write a trace
    #[arg(long, requires = "output")]
    pub(super) parse: bool,
    /// Where to write; standard output for text if not given
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Replace the output if it exists
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// One trace
    pub(super) left: PathBuf,
    /// The other
    pub(super) right: PathBuf,
    /// Do not compare times and durations
    #[arg(long)]
    pub(super) ignore_times: bool,
}

#[derive(Debug, Args)]
pub(super) struct RepairArgs {
    /// The damaged trace
    pub(super) trace: PathBuf,
    /// The trace to write
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// Replace the output if it exists
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Args)]
pub(super) struct ConformArgs {
    /// Record files (JSON lines, plain or compressed with zstd)
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// ABI version of the recorded kernel; default: `v3` when the file is in a folder of that
    /// name, else `v4`
    #[arg(long, value_parser = parse_abi)]
    pub(super) abi: Option<Abi>,
    /// Show passed cases too
    #[arg(long)]
    pub(super) all: bool,
}

#[derive(Debug, Args)]
pub(super) struct CoverageArgs {
    /// The object, `FILE.o`, or `FILE.o:NAME` where it holds several filters
    #[arg(value_name = "OBJECT")]
    pub(super) object: String,
    /// Traces to replay
    #[arg(required = true, value_name = "TRACE")]
    pub(super) traces: Vec<PathBuf>,
    /// ABI version of the modelled kernel; default: v4
    #[arg(long, value_parser = parse_abi)]
    pub(super) abi: Option<Abi>,
    /// Write the counts in lcov's format
    #[arg(long, value_name = "FILE")]
    pub(super) lcov: Option<PathBuf>,
    /// Replace the output if it exists
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum FilterCommand {
    /// The filters that are built in, or those of an object
    #[command(after_help = "Example: fuserig filter list filters/bpf/hide_names.o")]
    List(ListArgs),
    /// What an object contains: filters, programs, maps, kernel functions
    #[command(after_help = "Example: fuserig filter info filters/bpf/hide_names.o")]
    Info(ObjectArgs),
    /// The linked instructions of an object with their source lines
    #[command(after_help = "Example: fuserig filter disasm filters/bpf/deny_uid.o deny_open")]
    Disasm(DisasmArgs),
    /// What a kernel would refuse and what an author would trip over, with C lines and quirk ids
    #[command(after_help = "Example: fuserig filter vet filter.o --abi v4")]
    Vet(VetArgs),
    /// Which lines of a BPF filter run when traces are replayed through it
    #[command(after_help = "Example: fuserig filter coverage hide.bpf.o traces/corpus/shell.frt")]
    Coverage(CoverageArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// An object that clang made; the built-in filters if not given
    #[arg(value_name = "OBJECT")]
    pub(super) object: Option<PathBuf>,
    /// The ABI it is linked for: v3, v4, android or v3-grouped
    #[arg(long, default_value = "v4", value_name = "ABI")]
    pub(super) abi: String,
}

#[derive(Debug, Args)]
pub(super) struct ObjectArgs {
    /// An object that clang made
    #[arg(value_name = "OBJECT")]
    pub(super) object: PathBuf,
    /// The ABI it is linked for: v3, v4, android or v3-grouped
    #[arg(long, default_value = "v4", value_name = "ABI")]
    pub(super) abi: String,
}

#[derive(Debug, Args)]
pub(super) struct VetArgs {
    /// An object that clang made
    #[arg(value_name = "OBJECT")]
    pub(super) object: PathBuf,
    /// ABI version of the kernel
    #[arg(long, value_parser = parse_abi, default_value = "v4")]
    pub(super) abi: Abi,
    /// What could not be proven is a finding as well
    #[arg(long)]
    pub(super) strict: bool,
    /// Also ask the verifier of this machine's kernel, by wrappers of type syscall
    #[arg(long)]
    pub(super) kernel: bool,
}

#[derive(Debug, Args)]
pub(super) struct DisasmArgs {
    #[command(flatten)]
    pub(super) object: ObjectArgs,
    /// Only this program
    #[arg(value_name = "PROGRAM")]
    pub(super) program: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum EngineCommand {
    /// Run the conformance vectors of the field (bpf_conformance) on an engine
    #[command(after_help = "Example: fuserig engine vectors vectors/bpf_conformance")]
    Vectors(VectorsArgs),
}

#[derive(Debug, Args)]
pub(super) struct VectorsArgs {
    /// Folder with `tests/` and `negative/`, or any folder with `.data` files
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,
    /// The engine
    #[arg(long, value_enum, default_value_t = EngineName::Interp)]
    pub(super) engine: EngineName,
    /// Show passed and skipped vectors too
    #[arg(long)]
    pub(super) all: bool,
}

/// Engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum EngineName {
    /// The checked interpreter
    Interp,
    /// The interpreter of the crate rbpf, behind a legaliser
    Rbpf,
    /// The kernel of this machine, by bpf()
    Kernel,
}

impl EngineName {
    pub(super) fn engine(self) -> Engine {
        match self {
            EngineName::Interp => Engine::Interp,
            EngineName::Rbpf => Engine::Rbpf,
            EngineName::Kernel => Engine::Kernel,
        }
    }
}

/// What runs the programs of a BPF filter.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct EngineArgs {
    /// What runs a BPF filter: `interp`, or `rbpf` or `kernel` for what computes, with memory and
    /// functions of the interpreter
    #[arg(long, value_enum, default_value_t = EngineName::Interp, value_name = "ENGINE")]
    pub(super) engine: EngineName,
    /// Run every call of a BPF filter on the interpreter and beside it on `--engine` (default:
    /// rbpf), and report the first difference in results, memory, maps and what is printed
    #[arg(long)]
    pub(super) cross_check: bool,
}

pub(super) fn parse_abi(text: &str) -> Result<Abi, String> {
    Abi::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = Abi::ALL.iter().map(|abi| abi.name()).collect();
        format!("unknown ABI version {text}: one of {}", names.join(", "))
    })
}

pub(super) fn parse_fidelity(text: &str) -> Result<Fidelity, String> {
    Fidelity::from_name(text)
        .ok_or_else(|| format!("unknown fidelity {text}: faithful or intended"))
}

#[cfg(feature = "fuser")]
fn parse_locks(text: &str) -> Result<Locks, String> {
    match text {
        "local" => Ok(Locks::Local),
        "posix" => Ok(Locks::Posix),
        "flock" => Ok(Locks::Flock),
        _ => Err(format!("unknown keeper of locks {text}: local, posix or flock")),
    }
}

pub(super) fn parse_payload(text: &str) -> Result<PayloadMode, String> {
    PayloadMode::parse(text)
        .ok_or_else(|| format!("unknown payload mode {text}: none, len, hash or full"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }

    /// Commands without commands of their own, by their whole names.
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, String)>) {
        let path = format!("{path}{} ", command.get_name());
        let mut inner = command.get_subcommands().peekable();
        if inner.peek().is_none() {
            let help = command.get_after_help().map(ToString::to_string);
            found.push((path.trim_end().to_owned(), help.unwrap_or_default()));
        }
        inner.for_each(|command| leaves(command, &path, found));
    }

    #[test]
    fn every_command_shows_an_example_of_itself() {
        let mut found = Vec::new();
        leaves(&super::Arguments::command(), "", &mut found);
        assert!(found.len() >= 30, "{} commands", found.len());
        let silent: Vec<&String> = found
            .iter()
            .filter(|(path, help)| !help.contains("Example") || !help.contains(path.as_str()))
            .map(|(path, _)| path)
            .collect();
        assert!(silent.is_empty(), "no example in the help of {silent:?}");
    }
}
