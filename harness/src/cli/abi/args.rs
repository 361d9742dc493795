//! The subcommands of `fuserig abi`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// The ABI: v3, v4, android or v3-grouped
    #[arg(value_name = "ABI")]
    pub(super) abi: String,
    /// A struct, enumeration, member or kernel function
    #[arg(value_name = "NAME")]
    pub(super) name: Option<String>,
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
