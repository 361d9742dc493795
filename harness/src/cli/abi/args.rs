//! The subcommands of `fuserig abi`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::gate::Date;
use crate::report::ReportTarget;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AbiCommand {
    /// The ABI descriptions that are built in
    #[command(after_help = "Example: fuserig abi list --format json")]
    List,
    /// The callbacks of an ABI with their arguments, or one of its types
    #[command(after_help = "Example: fuserig abi show v4 fuse_open_in")]
    Show(ShowArgs),
    /// The C header that a filter includes in place of vmlinux.h
    #[command(after_help = "Example: fuserig abi header --abi v4 -o vmlinux.h\n         \
                            clang -target bpf -mcpu=v3 -g -O2 -I. -c filter.bpf.c")]
    Header(HeaderArgs),
    /// The BTF of an ABI, as a file for other tools
    #[command(after_help = "Example: fuserig abi btf --abi v4 -o v4.btf")]
    Btf(BtfArgs),
    /// The C header that lets one source build for two ABIs
    #[command(after_help = "Example: fuserig abi shim --from v3 --to v4 -o shim.h")]
    Shim(ShimArgs),
    /// What changed between ABIs, who breaks, and who must upgrade first
    #[command(after_help = "Examples:\n  fuserig abi diff v3 v4\n  \
                            fuserig abi diff old-vmlinux vmlinux --root tcp_congestion_ops\n  \
                            fuserig abi diff v3 v4 --filter filters/bpf/deny_uid.o \\\n    \
                            --trace traces/corpus/shell.frt\n\n\
                            An ABI is a built-in name, a file (canonical text, JSON, BTF, an ELF \
                            file with BTF, or with clang a C header), or `vmlinux` for the \
                            running kernel.")]
    Diff(DiffArgs),
    /// Whether an object loads: every member against every rule of libbpf and the kernel
    #[command(after_help = "Example: fuserig abi check hide.bpf.o --abi v3 --abi vmlinux")]
    Check(CheckArgs),
    /// For CI: do filters made for one ABI load, verify and decide the same on others?
    #[command(
        after_help = "Examples: fuserig abi gate --baseline v3 --on v4 --filter 'hide:*.jpg' \
                            --trace git.frt\n          \
                            fuserig abi gate --policy abi-policy.json --report sarif:abi.sarif\n\n\
                            Exit codes: 0 agreed, 1 finding, 2 usage, 3 unreadable, 4 nothing ran"
    )]
    Gate(GateArgs),
    /// Does one member for a family of operations decide as one for each, and what does it cost?
    #[command(
        after_help = "Example: fuserig abi review --trace traces/corpus/shell.frt \\\n         \
                            --filter filters/bpf/hide_names.o,filters/bpf/hide_names.grouped.o\
                            \n\nA filter runs under v3 and under v3-grouped, adapted to the one it \
                            is not made for; two with a comma are one filter written for each."
    )]
    Review(ReviewArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReviewArgs {
    /// A filter: a built-in name, an object of either ABI, or an object of v3 and one of
    /// v3-grouped with a comma
    #[arg(long = "filter", required = true, value_name = "FILTER")]
    pub(super) filters: Vec<String>,
    /// A trace to replay under both ABIs
    #[arg(long = "trace", required = true, value_name = "TRACE")]
    pub(super) traces: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// The ABI: v3, v4, android or v3-grouped
    #[arg(value_name = "ABI")]
    pub(super) abi: String,
    /// A struct, enumeration, member or kernel function
    #[arg(value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Print the canonical text of the description (with --format json: as JSON); the ABI may then
    /// be a file or `vmlinux`, and NAME a type in it
    #[arg(long)]
    pub(super) text: bool,
    /// With --text: pointers and embedded structs to follow from NAME
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) depth: u32,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArgs {
    /// ABIs, the oldest first
    #[arg(required = true, num_args = 2.., value_name = "ABI")]
    pub(super) abis: Vec<String>,
    /// Types and functions to compare; default: what the descriptions that are not BTF name
    #[arg(long = "root", value_name = "NAME")]
    pub(super) roots: Vec<String>,
    /// Pointers and embedded structs to follow from the roots in BTF
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) depth: u32,
    /// One line a change
    #[arg(long)]
    pub(super) brief: bool,
    /// Count what this filter costs on both: calls and instructions of each member, and members
    /// that are not needed any more; needs --trace
    #[arg(long = "filter", value_name = "FILTER")]
    pub(super) filters: Vec<String>,
    /// A trace to count in
    #[arg(long = "trace", value_name = "TRACE")]
    pub(super) traces: Vec<PathBuf>,
    /// Write the changes as a report: json, junit, sarif, github, markdown or html, and a file
    #[arg(long = "report", value_name = "FORM:FILE")]
    pub(super) reports: Vec<ReportTarget>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct GateArgs {
    /// The policy, a JSON file; without it, --baseline and --on are needed
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    /// The ABI that filters are made for
    #[arg(long, value_name = "ABI", required_unless_present = "policy")]
    pub(super) baseline: Option<String>,
    /// An ABI that they must also run on
    #[arg(long = "on", value_name = "ABI", required_unless_present = "policy")]
    pub(super) versions: Vec<String>,
    /// A filter: a built-in name, or an object
    #[arg(long = "filter", value_name = "FILTER")]
    pub(super) filters: Vec<String>,
    /// A trace to replay under both ABIs
    #[arg(long = "trace", value_name = "TRACE")]
    pub(super) traces: Vec<PathBuf>,
    /// Go on without filters, or without traces; otherwise none of either is a failure
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(super) allow_none: Vec<NoneOf>,
    /// The day that suppressions are judged by, YYYY-MM-DD; default: today
    #[arg(long, value_name = "DAY", value_parser = parse_day)]
    pub(super) date: Option<Date>,
    /// Write a report: json, junit, sarif, github, markdown or html, and a file
    #[arg(long = "report", value_name = "FORM:FILE")]
    pub(super) reports: Vec<ReportTarget>,
}

/// Of what a gate may have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum NoneOf {
    /// Every change counts for everybody
    Filters,
    /// Nothing is replayed
    Traces,
}

fn parse_day(text: &str) -> Result<Date, String> {
    Date::try_from(text.to_owned())
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArgs {
    /// The object
    #[arg(value_name = "OBJECT")]
    pub(super) object: PathBuf,
    /// The ABI it is loaded on; all built-in ones if not given
    #[arg(long = "abi", value_name = "ABI")]
    pub(super) abis: Vec<String>,
    /// The rules of libbpf: from 1.4 on, or before
    #[arg(long, value_enum, default_value_t = LibbpfAge::Since14)]
    pub(super) libbpf: LibbpfAge,
    /// Write a report: json, junit, sarif, github, markdown or html, and a file
    #[arg(long = "report", value_name = "FORM:FILE")]
    pub(super) reports: Vec<ReportTarget>,
}

/// Which libbpf loads the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum LibbpfAge {
    /// 1.4 and later: an unknown member may be there when it is unset
    #[value(name = "1.4")]
    Since14,
    /// Before 1.4: every member must be known
    #[value(name = "1.0")]
    Before14,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct HeaderArgs {
    /// The ABI: v3, v4, android or v3-grouped
    #[arg(long, default_value = "v4", value_name = "ABI")]
    pub(super) abi: String,
    /// Where to write; standard output if not given
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Replace the output if it exists
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShimArgs {
    /// The ABI that sources are written for: v3 or v4
    #[arg(long, value_name = "ABI")]
    pub(super) from: String,
    /// The ABI that they shall build for as well: v3, v4 or v3-grouped
    #[arg(long, value_name = "ABI")]
    pub(super) to: String,
    /// Where to write; standard output if not given
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Replace the output if it exists
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BtfArgs {
    /// The ABI: v3, v4, android or v3-grouped
    #[arg(long, default_value = "v4", value_name = "ABI")]
    pub(super) abi: String,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// Replace the output if it exists
    #[arg(long)]
    pub(super) force: bool,
}
