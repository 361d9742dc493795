//! Programs that reached something, each the first to reach it.
//!
//! After each run what it reached is compared with what all runs before it reached: members and
//! the codes they returned, how often (by powers of two), which code followed which, quirks,
//! results from below and results of calls, and for BPF filters every instruction and both
//! directions of every jump. A program that reached something new is kept, and later ones are
//! variations of it. What a reader would get wrong: nothing here depends on time or the order of
//! files; the same seed and the same kept programs give the same runs.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_sim_fs::MemFs;

use super::mutate::Mutator;
use super::{Action, Mixer, Program, Rng, RunRecord, WorkloadConfig};

/// Most programs that are kept; more would only slow the choice down.
const ENTRIES_MAX: usize = 4096;
/// In so many of so many runs the program is drawn although others are kept: what no coverage tells
/// apart, such as what the filesystem below gets wrong, is found by programs that differ.
const FRESH: (u64, u64) = (3, 5);
/// The same where no filter decides anything, which is most of what coverage sees.
const FRESH_WITHOUT_FILTER: (u64, u64) = (9, 10);

/// A program and what it reached.
#[derive(Clone, Debug)]
struct Entry {
    programs: Vec<Program>,
    reached: BTreeSet<u64>,
    /// What of that the filter did.
    decisions: BTreeSet<u64>,
    /// How many of its variations were run.
    varied: u64,
}

/// Programs worth varying.
///
/// ```
/// use fuserig::prelude::*;
/// use fuserig::sim::Corpus;
/// let subject = Subject::new(Abi::V4, readonly).over("/notes.txt 'hi'");
/// let mut campaign = Simulation::new(Seed(1)).runs(20).guided(Corpus::default()).run(subject);
/// let summary = campaign.run_guided();
/// assert!(summary.is_ok() && !campaign.corpus().is_empty());
/// assert!(campaign.corpus().minimised().len() <= campaign.corpus().len());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Corpus {
    entries: Vec<Entry>,
    reached: BTreeSet<u64>,
    /// In how many runs the filter did each thing that it did.
    times: BTreeMap<u64, u64>,
    /// Programs that are yet to be run as they are.
    waiting: Vec<Vec<Program>>,
}

impl Corpus {
    /// A corpus that begins with these programs; each is run once as it is.
    pub fn of(mut programs: Vec<Vec<Program>>) -> Corpus {
        programs.retain(|clients| !clients.is_empty());
        programs.reverse();
        Corpus { waiting: programs, ..Corpus::default() }
    }

    /// A corpus of nothing.
    pub(super) const fn empty() -> Corpus {
        Corpus {
            entries: Vec::new(),
            reached: BTreeSet::new(),
            times: BTreeMap::new(),
            waiting: Vec::new(),
        }
    }

    /// How many programs are kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many different things they reached together.
    pub fn reached(&self) -> usize {
        self.reached.len()
    }

    /// A smallest set of programs that reach everything, as far as taking the one that adds most,
    /// and of those the shortest, finds it; and those that were not run yet.
    pub fn minimised(&self) -> Vec<&[Program]> {
        let mut left: BTreeSet<u64> = self.reached.clone();
        let mut kept = Vec::new();
        while !left.is_empty() {
            let adds = |entry: &Entry| entry.reached.intersection(&left).count();
            let best = self
                .entries
                .iter()
                .max_by_key(|entry| (adds(entry), core::cmp::Reverse(length(&entry.programs))));
            let Some(best) = best.filter(|best| adds(best) > 0) else { break };
            left = left.difference(&best.reached).copied().collect();
            kept.push(&best.programs[..]);
        }
        kept.extend(self.waiting.iter().rev().map(Vec::as_slice));
        kept
    }

    /// Whether programs are yet to be run as they are.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The programs of the next run.
    pub(super) fn draw(
        &mut self,
        config: &WorkloadConfig,
        rng: &mut Rng,
        tree: &MemFs,
    ) -> Vec<Program> {
        if let Some(programs) = self.waiting.pop() {
            return programs;
        }
        let fresh = if self.times.is_empty() { FRESH_WITHOUT_FILTER } else { FRESH };
        if self.entries.is_empty() || rng.chance(fresh.0, fresh.1) {
            // Short ones as well, which leave room for what is to come.
            let operations = match rng.chance(1, 4) {
                true => 1 + rng.index(config.operations.max(1)),
                false => config.operations,
            };
            return WorkloadConfig { operations, ..config.clone() }.draw(rng, tree);
        }
        let chosen = self.choose(rng);
        self.entries[chosen].varied += 1;
        let other = rng.index(self.entries.len());
        let (programs, other) = (&self.entries[chosen].programs, &self.entries[other].programs);
        Mutator { config, tree, rng }.vary(programs, other)
    }

    /// Half of the time the program in which the filter did what it does most rarely, so that
    /// what is hard to reach is where the search goes on; else the newer of two that was varied
    /// less.
    fn choose(&self, rng: &mut Rng) -> usize {
        let newest = self.entries.len() - 1;
        let rarest = |entry: &Entry| {
            entry.decisions.iter().filter_map(|decision| self.times.get(decision)).min().copied()
        };
        if rng.chance(1, 2) {
            let rare = self.entries.iter().enumerate().filter_map(|(index, entry)| {
                Some((rarest(entry)?, entry.varied, length(&entry.programs), index))
            });
            if let Some((.., index)) = rare.min() {
                return index;
            }
        }
        let candidates = [newest - rng.index(self.entries.len().min(8)), rng.index(newest + 1)];
        let least = candidates.into_iter().min_by_key(|index| self.entries[*index].varied);
        least.unwrap_or(newest)
    }

    /// Keeps the programs of a run that reached something new.
    pub(super) fn learn(&mut self, programs: &[Program], record: &RunRecord) {
        let decisions = decisions(record);
        for decision in &decisions {
            *self.times.entry(*decision).or_default() += 1;
        }
        let reached = features(programs, record);
        if reached.is_subset(&self.reached) || self.entries.len() >= ENTRIES_MAX {
            return;
        }
        self.reached.extend(&reached);
        self.entries.push(Entry { programs: programs.to_vec(), reached, decisions, varied: 0 });
    }
}

/// What the filter did: the codes of its members, and for BPF the places in its code.
fn decisions(record: &RunRecord) -> BTreeSet<u64> {
    let coverage = &record.coverage;
    let verdicts = coverage.verdicts.keys().map(|(slot, code)| {
        let mut mixer = Mixer::new(8);
        mixer.word(u64::from(*slot));
        mixer.word(u64::from(*code as u32));
        mixer.finish()
    });
    verdicts.chain(coverage.points.iter().copied()).collect()
}

fn length(programs: &[Program]) -> usize {
    programs.iter().map(|program| program.actions.len()).sum()
}

/// Everything that a run reached, as numbers.
fn features(programs: &[Program], record: &RunRecord) -> BTreeSet<u64> {
    let mut features = BTreeSet::new();
    let mut add = |kind: u64, words: &[u64]| {
        let mut mixer = Mixer::new(kind);
        words.iter().for_each(|word| mixer.word(*word));
        features.insert(mixer.finish());
    };
    let coverage = &record.coverage;
    for ((slot, code), count) in &coverage.verdicts {
        let verdict = u64::from(*slot) << 32 | u64::from(*code as u32);
        add(1, &[verdict, u64::from(count.ilog2()).min(4)]);
    }
    for (before, after) in &coverage.pairs {
        add(2, &[*before, *after]);
    }
    for quirk in coverage.quirks.keys() {
        let mut mixer = Mixer::new(0);
        mixer.bytes(quirk.as_bytes());
        add(3, &[mixer.finish()]);
    }
    for (op, code) in &coverage.lower {
        add(4, &[u64::from(*op), *code as u64]);
    }
    for point in &coverage.points {
        add(5, &[*point]);
    }
    for call in &record.calls {
        let action = programs.get(call.client).and_then(|program| program.actions.get(call.action));
        let errno = call.result.as_ref().and_then(|result| result.value.err());
        let errno = errno.map_or(0, |errno| errno.0 as u64);
        add(6, &[action.map_or(0, kind), errno]);
    }
    features
}

/// The number of the system call.
pub(super) fn kind(action: &Action) -> u64 {
    let word = action.to_string();
    let mut mixer = Mixer::new(7);
    mixer.bytes(word.split(' ').next().unwrap_or_default().as_bytes());
    mixer.finish()
}
