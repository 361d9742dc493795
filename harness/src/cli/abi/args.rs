//! The subcommands of `fuserig abi`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::report::ReportTarget;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AbiCommand {
    /// The ABI descriptions that are built in
    List,
    /// The callbacks of an ABI with their arguments, or one of its types
    #[command(after_help = "Example: fuserig abi show v4 fuse_open_in")]
    Show(ShowArgs),
    /// The C header that a filter includes in place of vmlinux.h
    #[command(after_help = "Example: fuserig abi header --abi v4 -o vmlinux.h\n         \
                            clang -target bpf -mcpu=v3 -g -O2 -I. -c filter.bpf.c")]
    Header(HeaderArgs),
    /// The BTF of an ABI, as a file for other tools
    Btf(BtfArgs),
    /// What changed between ABIs, who breaks, and who must upgrade first
    #[command(after_help = "Examples: fuserig abi diff v3 v4\n          \
                            fuserig abi diff old-vmlinux vmlinux --root tcp_congestion_ops\n\n\
                            An ABI is a built-in name, a file (canonical text, JSON, BTF, or an \
                            ELF file with BTF), or `vmlinux` for the running kernel.")]
    Diff(DiffArgs),
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
    /// Write the changes as a report: json, junit, sarif, github or markdown, and a file
    #[arg(long = "report", value_name = "FORM:FILE")]
    pub(super) reports: Vec<ReportTarget>,
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
