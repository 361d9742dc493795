//! Arguments of `fuserig fuzz` and `fuserig check`.

use std::path::PathBuf;

use clap::{Args, value_parser};
use fuserig_abi::{Abi, Fidelity};

use fuserig_sim_fs::Durability;

use super::judge::REQUIRE_HELP;
use crate::report::ReportTarget;
use crate::sim::SchedulerKind;

#[derive(Debug, Args)]
pub(super) struct FuzzArgs {
    /// The filter: `NAME` or `NAME:PARAMETERS` (see `filter list`), a BPF object `FILE.o` or
    /// `FILE.o:NAME`, or `none`
    pub(super) filter: String,
    /// Runs; default: 3000, or as many as `--time` allows; 20 programs with `exhaustive`
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub(super) runs: Option<u64>,
    /// Seconds after which no further run begins
    #[arg(long, value_name = "SECONDS")]
    pub(super) time: Option<u64>,
    /// Seed from which everything is drawn
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) seed: u64,
    /// Simulated clients
    #[arg(long, default_value_t = 2, value_name = "N")]
    #[arg(value_parser = value_parser!(u16).range(1..=16))]
    pub(super) clients: u16,
    /// Operations of one run, over all clients; default: 64, or 4 with `exhaustive`
    #[arg(long, value_name = "N")]
    #[arg(value_parser = value_parser!(u32).range(1..=100_000))]
    pub(super) operations: Option<u32>,
    /// Most schedules of one program that `exhaustive` runs
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    #[arg(value_parser = value_parser!(u64).range(1..))]
    pub(super) executions: u64,
    /// Who moves when: `serial`, `random`, `uniform`, `pct[:DEPTH]` or `exhaustive`
    #[arg(long, default_value = "random", value_parser = parse_scheduler)]
    pub(super) scheduler: SchedulerKind,
    /// Let things fail below and around the filter, about once in 16 operations; where nothing
    /// special is asked for, one run in 16 is so without it
    #[arg(long)]
    pub(super) faults: bool,
    /// Lose power now and then and judge what is found; POLICY is what survives: `sync`, `prefix`,
    /// `ordered` (the default) or `loose`; of `none` one run in eight is so without it
    #[arg(long, value_name = "POLICY", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "ordered", value_parser = parse_durability)]
    pub(super) crashes: Option<Durability>,
    /// The filter as `fuserig mount` has it: behind an ordinary kernel, which keeps names,
    /// attributes and pages and sends FUSE requests to the server of a mount; of `none` one run in
    /// eight is so without it
    #[arg(long)]
    pub(super) mounted: bool,
    /// ABI version of the modelled kernel
    #[arg(long, default_value = "v4", value_parser = super::args::parse_abi)]
    pub(super) abi: Abi,
    /// `faithful` makes the modelled kernel's mistakes, `intended` does not
    #[arg(long, default_value = "faithful", value_parser = super::args::parse_fidelity)]
    pub(super) fidelity: Fidelity,
    /// Lower tree at the start, as tree text; default: a small one that fits the filter
    #[arg(long, value_name = "FILE")]
    pub(super) tree: Option<PathBuf>,
    #[arg(long, value_name = "INVARIANT", help = REQUIRE_HELP)]
    pub(super) require: Vec<String>,
    /// Draw every program anew instead of varying those that reached something new
    #[arg(long)]
    pub(super) unguided: bool,
    /// Directory of programs to begin with; afterwards it holds the fewest that reach everything
    #[arg(long, value_name = "DIR", conflicts_with_all = ["unguided", "case"])]
    pub(super) corpus: Option<PathBuf>,
    /// Write the report: json, junit, sarif, github, markdown or html, and a file
    #[arg(long = "report", value_name = "FORM:FILE")]
    pub(super) reports: Vec<ReportTarget>,
    /// Run this stored case and nothing else
    #[arg(long, value_name = "FILE", conflicts_with_all = ["runs", "time", "tree"])]
    pub(super) case: Option<PathBuf>,
    /// Directory for what is found: the case, a scenario, a test in Rust; `none` writes nothing
    #[arg(long, default_value = "fuserig-findings", value_name = "DIR")]
    pub(super) output: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The filter: `NAME` or `NAME:PARAMETERS` (see `filter list`), a BPF object `FILE.o` or
    /// `FILE.o:NAME`, or `none`
    pub(super) filter: String,
    /// ABI version of the modelled kernel
    #[arg(long, default_value = "v4", value_parser = super::args::parse_abi)]
    pub(super) abi: Abi,
    /// Seed from which everything is drawn
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) seed: u64,
    /// Runs of each property test
    #[arg(long, default_value_t = 200, value_name = "N")]
    #[arg(value_parser = value_parser!(u64).range(1..))]
    pub(super) runs: u64,
    #[arg(long, value_name = "INVARIANT", help = REQUIRE_HELP)]
    pub(super) require: Vec<String>,
    /// Write the report: json, junit, sarif, github, markdown or html, and a file
    #[arg(long = "report", value_name = "FORM:FILE")]
    pub(super) reports: Vec<ReportTarget>,
    /// Traces to replay with the filter
    #[arg(long, value_name = "TRACE")]
    pub(super) corpus: Vec<PathBuf>,
    /// Directory for what is found; `none` writes nothing
    #[arg(long, default_value = "fuserig-findings", value_name = "DIR")]
    pub(super) output: PathBuf,
}

pub(super) fn parse_durability(text: &str) -> Result<Durability, String> {
    Durability::parse(text)
        .ok_or_else(|| format!("unknown policy {text}: sync, prefix, ordered, loose"))
}

pub(super) fn parse_scheduler(text: &str) -> Result<SchedulerKind, String> {
    SchedulerKind::parse(text).ok_or_else(|| {
        format!("unknown scheduler {text}: serial, random, uniform, pct:1 to pct:16, exhaustive")
    })
}
