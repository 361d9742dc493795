//! The suite tested: how many planted mistakes and mutants the search finds, and how often it
//! raises a false alarm. Prints figures for BENCHMARKS.md; it measures no time but its own.
//!
//! `cargo bench -p fuserig --bench planted --` and any of `kill`, `held-out`, `blind`, `fresh`,
//! `unseen`, `later`, `unknown`, `further`, `beyond`, `outside`, `elsewhere`, `alarms`, `mutants`
//! and `bounded`; without a word, all. Hunts are as `fuzz` does them with seed 1; with `unguided`
//! besides, as a test of a user's crate does them, with `seed=3` besides, with another seed, and
//! with `name=words` only those whose names have these words in them.

#[path = "../tests/planted/mod.rs"]
mod suite;

use fuserig::crash::Workloads;
use fuserig::prelude::*;
use suite::{SERIES, every, line, mutants};

/// Operations on correct twins, over all of them.
const ALARM_OPERATIONS: u64 = 1_000_000;
/// One mutant in so many is tried.
const MUTANTS_ONE_IN: usize = 11;

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let unguided = wanted.iter().any(|word| word == "unguided");
    let seed = wanted.iter().find_map(|word| word.strip_prefix("seed="));
    let seed = seed.map_or(1, |number| number.parse().expect("the seed is a number"));
    let named = wanted.iter().find_map(|word| word.strip_prefix("name=")).unwrap_or_default();
    let all_wanted = wanted.iter().all(|word| word == "unguided" || word.contains('='));
    let wants = |word: &str| all_wanted || wanted.iter().any(|other| other == word);
    for (word, series, planted) in SERIES {
        let mut planted = if wants(word) { planted() } else { Vec::new() };
        planted.retain(|mistake| mistake.name.contains(named));
        if !planted.is_empty() {
            let found = planted.iter().filter(|mistake| {
                let found = match unguided {
                    true => mistake.hunt_unguided(seed, 20_000),
                    false => mistake.hunt(seed, 20_000),
                };
                println!("{}", line(mistake, found.as_deref()));
                found.is_some()
            });
            println!("{series}: killed {} of {}", found.count(), planted.len());
        }
    }
    if wants("alarms") {
        alarms();
    }
    if wants("mutants") {
        let mutants = mutants::of_library(MUTANTS_ONE_IN);
        let mut fates = std::collections::BTreeMap::new();
        for mutant in &mutants {
            let fate = mutant.hunt(20_000);
            if fate == mutants::Fate::Survived {
                println!("SURVIVED  {mutant}");
            }
            *fates.entry(fate).or_insert(0) += 1;
        }
        println!("mutants: {} of the library, one in {MUTANTS_ONE_IN}: {fates:?}", mutants.len());
    }
    if wants("bounded") {
        for durability in Durability::ALL {
            for workloads in [Workloads::of_one(), Workloads::of_two()] {
                let subject = Subject::without_filter(Abi::V4);
                let bounded = workloads.run(&subject, durability).expect("a good tree");
                let (states, violations) = (bounded.states, bounded.violations.len());
                let extent = if bounded.complete { "complete" } else { "sampled" };
                println!(
                    "bounded {durability}: {} workloads, {states} crash states ({extent}), \
                     {violations} violations",
                    bounded.workloads
                );
            }
        }
    }
}

/// Searches the correct twins of all series, where nothing should be found.
#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn alarms() {
    let planted: Vec<_> = every().collect();
    let (mut operations, mut alarms, mut seed) = (0, 0, 1000);
    while operations < ALARM_OPERATIONS {
        for mistake in &planted {
            match mistake.false_alarm(seed, 6400) {
                Ok(done) => operations += done,
                Err(finding) => {
                    alarms += 1;
                    operations += (finding.run + 1) * 64;
                    println!("ALARM in the twin of {}: {finding}", mistake.name);
                }
            }
        }
        seed += 1;
    }
    println!("correct twins: {alarms} false alarms in {operations} operations");
}
