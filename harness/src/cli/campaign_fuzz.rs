//! Simulations in campaigns: a work is a seed, and does what `fuserig fuzz` does with it.

use core::ops::Range;

use clap::{Args, value_parser};
use fuserig_abi::{Abi, Fidelity};
use fuserig_sim_fs::Durability;

use super::exit::{Exit, Failure};
use super::judge::{REQUIRE_HELP, fitting, subject};
use super::maker::FilterSpec;
use crate::campaign::{FuzzTask, Work, WorkResult};
use crate::sim::{Corpus, SchedulerKind, Seed, Simulation};

/// Most seeds of one plan, so that a slip of the finger does not fill a disk.
const SEEDS_MAX: u64 = 10_000_000;

/// Arguments of `campaign plan` about simulations.
#[derive(Debug, Args)]
pub(super) struct SeedArgs {
    /// Seeds to simulate, as FIRST..END without END; each is a work
    #[arg(long, value_name = "FIRST..END", value_parser = parse_seeds)]
    seeds: Option<Range<u64>>,
    /// Runs of each seed
    #[arg(long, default_value_t = 1000, value_name = "N", requires = "seeds")]
    #[arg(value_parser = value_parser!(u64).range(1..))]
    runs: u64,
    /// Simulated clients
    #[arg(long, default_value_t = 2, value_name = "N", requires = "seeds")]
    #[arg(value_parser = value_parser!(u16).range(1..=16))]
    clients: u16,
    /// Operations of one run, over all clients
    #[arg(long, default_value_t = 64, value_name = "N", requires = "seeds")]
    #[arg(value_parser = value_parser!(u32).range(1..=100_000))]
    operations: u32,
    /// Who moves when: `serial`, `random`, `uniform` or `pct[:DEPTH]`
    #[arg(long, default_value = "random", requires = "seeds")]
    #[arg(value_parser = super::fuzz_args::parse_scheduler)]
    scheduler: SchedulerKind,
    /// Let things fail below and around the filter, about once in 16 operations
    #[arg(long, requires = "seeds")]
    faults: bool,
    /// Lose power now and then; POLICY is what survives: `sync`, `prefix`, `ordered` (the
    /// default) or `loose`
    #[arg(long, value_name = "POLICY", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "ordered", requires = "seeds")]
    #[arg(value_parser = super::fuzz_args::parse_durability)]
    crashes: Option<Durability>,
    #[arg(long, value_name = "INVARIANT", help = REQUIRE_HELP, requires = "seeds")]
    require: Vec<String>,
    /// Whether the modelled kernel of simulations makes its mistakes
    #[arg(long, default_value = "faithful", requires = "seeds")]
    #[arg(value_parser = super::args::parse_fidelity)]
    fidelity: Fidelity,
}

impl SeedArgs {
    /// The works of a filter on an ABI: one for each seed.
    pub(super) fn works(&self, filter: &str, abi: Abi) -> Result<Vec<Work>, Failure> {
        let Some(seeds) = self.seeds.clone() else { return Ok(Vec::new()) };
        if self.scheduler == SchedulerKind::Exhaustive {
            let message = "campaign plan: exhaustive has no seeds to split; use `fuserig fuzz`";
            return Err(Failure::new(Exit::Usage, message));
        }
        // A name that no shard could use is said now.
        fitting(filter, &self.require, abi, &FilterSpec::read(filter)?.maker_or_fail(abi)?)?;
        let task = |seed| FuzzTask {
            seed,
            runs: self.runs,
            clients: self.clients,
            operations: self.operations,
            scheduler: self.scheduler.to_string(),
            faults: self.faults,
            crashes: self.crashes.map(|policy| policy.to_string()).unwrap_or_default(),
            require: self.require.clone(),
        };
        let fidelity = self.fidelity.name();
        Ok(seeds.map(|seed| Work::fuzz(task(seed), filter, abi.name(), fidelity)).collect())
    }
}

fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let wrong = || format!("expected FIRST..END, such as 0..100, not {text}");
    let (first, end) = text.split_once("..").ok_or_else(wrong)?;
    let number = |text: &str| text.parse::<u64>().map_err(|_error| wrong());
    let (first, end) = (number(first)?, number(end)?);
    match end.checked_sub(first) {
        None | Some(0) => Err(format!("{text} holds no seed: END is not among them")),
        Some(count) if count > SEEDS_MAX => Err(format!("more than {SEEDS_MAX} seeds")),
        Some(_) => Ok(first..end),
    }
}

/// Does a work: the same simulation as `fuserig fuzz` with the arguments of the task.
pub(super) fn perform(
    work: &Work,
    task: &FuzzTask,
    spec: &FilterSpec,
    tick: &mut dyn FnMut(),
) -> Result<WorkResult, Failure> {
    let unknown = |what: &str, name: &str| {
        let message = format!("unknown {what} {name}; was the plan made by another version?");
        Failure::new(Exit::Unreadable, message)
    };
    let abi = Abi::from_name(&work.abi).ok_or_else(|| unknown("ABI", &work.abi))?;
    let fidelity =
        Fidelity::from_name(&work.fidelity).ok_or_else(|| unknown("fidelity", &work.fidelity))?;
    let scheduler = SchedulerKind::parse(&task.scheduler)
        .ok_or_else(|| unknown("scheduler", &task.scheduler))?;
    let maker = spec.maker_or_fail(abi)?;
    let mut fitting = fitting(&work.filter, &task.require, abi, &maker)?;
    let mut simulation = Simulation::new(Seed(task.seed))
        .clients(usize::from(task.clients))
        .operations(task.operations as usize)
        .runs(task.runs)
        .scheduler(scheduler)
        .guided(Corpus::of(Vec::new()));
    simulation.required.clone_from(&task.require);
    if task.faults {
        simulation = simulation.faults(16);
    }
    if !task.crashes.is_empty() {
        let policy =
            Durability::parse(&task.crashes).ok_or_else(|| unknown("policy", &task.crashes))?;
        fitting.expect_crashes(policy);
        simulation = simulation.crashes(policy);
    }
    let subject = subject(&work.filter, abi, maker).over(&fitting.tree).fidelity(fidelity);
    let simulation = fitting.names.into_iter().fold(simulation, Simulation::name);
    let mut campaign = simulation.run(subject).check_all(fitting.invariants);
    let outcome = campaign
        .go(&mut |_| {
            tick();
            true
        })
        .map_err(|error| Failure::new(Exit::Unreadable, error.to_string()))?;
    Ok(WorkResult::of_simulation(work, &outcome))
}

#[cfg(test)]
mod tests {
    use super::parse_seeds;

    #[test]
    fn seeds_are_a_range_with_something_in_it() {
        assert_eq!(parse_seeds("0..100"), Ok(0..100));
        assert_eq!(
            parse_seeds("18446744073709551614..18446744073709551615").map(|r| r.end - r.start),
            Ok(1)
        );
        for wrong in ["", "7", "1..", "..2", "5..5", "9..3", "a..b", "0..10000001", "0..=9"] {
            assert!(parse_seeds(wrong).is_err(), "{wrong}");
        }
    }
}
