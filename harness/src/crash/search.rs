//! At which steps power is lost, and how many of the legal states are looked at.

use fuserig_sim_fs::{CrashState, Durability, Journal};

use crate::sim::Seed;

/// States tried at one step before the rest is sampled, when everything is to be tried.
const STATES_EVERY: usize = 256;
/// States tried at one step of a campaign, whose runs are many.
const STATES_SOME: usize = 12;
/// One step in so many is tried in a campaign.
const ONE_IN: u64 = 4;

/// Where to look for crashes.
///
/// ```
/// use fuserig::crash::CrashSearch;
/// use fuserig_sim_fs::Durability;
/// let every = CrashSearch::every(Durability::Ordered);
/// assert_eq!(every.one_in, 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashSearch {
    /// What the lower filesystem promises.
    pub durability: Durability,
    /// Of the steps after which other states are legal than before, one in so many is tried.
    pub one_in: u64,
    /// States that are tried at one step; where there are more, some are drawn.
    pub states_max: usize,
    /// From which it is drawn.
    pub seed: Seed,
    /// Whether a call that has only begun is a reason to look as well. The same states are legal
    /// then, so only an invariant that counts the calls under way can tell.
    pub begun: bool,
}

impl CrashSearch {
    /// Every step, and every state where there are no more than 256.
    pub fn every(durability: Durability) -> CrashSearch {
        let seed = Seed(0);
        CrashSearch { durability, one_in: 1, states_max: STATES_EVERY, seed, begun: false }
    }

    /// One step in four, and twelve states: for runs of which there are many.
    pub fn some(durability: Durability, seed: Seed) -> CrashSearch {
        CrashSearch { durability, one_in: ONE_IN, states_max: STATES_SOME, seed, begun: false }
    }

    /// Whether power is lost here.
    pub(crate) fn wants(&self, step: u64) -> bool {
        self.one_in < 2 || self.seed.fork("step").number(step).rng().chance(1, self.one_in)
    }

    /// The states to try, those first that lose least; says whether these are all.
    pub(crate) fn states(&self, journal: &Journal, step: u64) -> (Vec<CrashState>, bool) {
        let (mut states, complete) = journal.states(self.states_max);
        if !complete {
            let mut rng = self.seed.fork("state").number(step).rng();
            states = journal.some_states(self.states_max, &mut |bound| rng.below(bound));
        }
        states.sort_by_key(|state| (state.lost().len(), state.lost_count()));
        (states, complete)
    }
}
