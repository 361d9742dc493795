//! Sets of effects that may survive together.

use super::effect::Effect;

/// One legal state: which of the pending effects are lost. Minted by [`super::Journal`], and
/// meaningful for the journal it came from as long as nothing happens there.
///
/// ```
/// use fuserig_sim_fs::{Durability, DurableFs, MemFs};
/// let fs = DurableFs::new(MemFs::from_tree("/a 'x'").expect("well-formed"), Durability::Ordered);
/// let state = fs.journal().state(&[]);
/// assert!(state.lost().is_empty(), "nothing is pending, so nothing is lost");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CrashState {
    /// By number among the pending effects.
    pub(super) survives: Vec<bool>,
    /// The lost ones that need none of the other lost ones.
    pub(super) causes: Vec<u32>,
}

impl CrashState {
    /// The lost effects from which the others follow, by their number among the pending ones: as
    /// few numbers as say it all.
    pub fn lost(&self) -> &[u32] {
        &self.causes
    }

    /// How many effects are lost, with those that follow.
    pub fn lost_count(&self) -> usize {
        self.survives.iter().filter(|survives| !**survives).count()
    }
}

/// The pending effects with what each of them needs of the others.
#[derive(Debug)]
pub(super) struct Pending {
    /// For each pending effect its place among all effects.
    pub(super) places: Vec<usize>,
    /// For each pending effect the pending effects that it needs.
    needs: Vec<Vec<usize>>,
}

impl Pending {
    pub(super) fn of(effects: &[Effect], first: u64) -> Pending {
        let mut places = Vec::new();
        let mut number = vec![None; effects.len()];
        let mut needs = Vec::new();
        for (place, effect) in effects.iter().enumerate().filter(|(_, effect)| !effect.durable) {
            number[place] = Some(places.len());
            places.push(place);
            let of = |after: &u64| number[after.checked_sub(first)? as usize];
            needs.push(effect.after.iter().filter_map(of).collect());
        }
        Pending { places, needs }
    }

    /// The state without these and whatever needs them.
    pub(super) fn without(&self, lost: impl Fn(usize) -> bool) -> CrashState {
        let mut survives: Vec<bool> = Vec::with_capacity(self.places.len());
        let mut causes = Vec::new();
        for (number, needs) in self.needs.iter().enumerate() {
            let bereft = needs.iter().any(|need| !survives[*need]);
            let gone = bereft || lost(number);
            if gone && !bereft {
                causes.push(number as u32);
            }
            survives.push(!gone);
        }
        CrashState { survives, causes }
    }

    /// Every legal state, the one with the least first, until `limit` is passed; says whether
    /// these are all.
    pub(super) fn all(&self, limit: usize) -> (Vec<CrashState>, bool) {
        let mut states = Vec::new();
        let count = self.places.len();
        // Each effect in turn is lost or, where what it needs is there, kept; lost comes first.
        let mut kept = vec![false; count];
        loop {
            if states.len() == limit {
                return (states, false);
            }
            states.push(self.without(|number| !kept[number]));
            let possible = |number: usize, kept: &[bool]| {
                !kept[number] && self.needs[number].iter().all(|need| kept[*need])
            };
            let Some(next) = (0..count).rev().find(|number| possible(*number, &kept)) else {
                return (states, true);
            };
            kept[next] = true;
            kept[next + 1..].fill(false);
        }
    }
}
