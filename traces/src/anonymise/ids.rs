//! Users, groups and clients: numbers for numbers.

use std::collections::{BTreeMap, BTreeSet};

/// The first number that stands for a user or group.
const FIRST: u32 = 10_000;
/// What nobody owns is owned by this one on most systems.
const NOBODY: u32 = 65_534;

/// Users and groups, which share their numbers so that a user's private group stays hers.
#[derive(Debug)]
pub(super) struct Ids {
    key: [u8; 32],
    kept: BTreeSet<u32>,
    keep_all: bool,
    found: BTreeMap<u32, u32>,
}

impl Ids {
    pub(super) fn new(key: [u8; 32], kept: BTreeSet<u32>, keep_all: bool) -> Ids {
        Ids { key, kept, keep_all, found: BTreeMap::new() }
    }

    /// How many were replaced.
    pub(super) fn replaced(&self) -> usize {
        self.found.len()
    }

    /// Root may do everything, -1 means nobody is meant.
    fn stays(&self, id: u32) -> bool {
        self.keep_all || matches!(id, 0 | NOBODY | u32::MAX) || self.kept.contains(&id)
    }

    pub(super) fn collect(&mut self, id: u32) {
        if !self.stays(id) {
            self.found.insert(id, 0);
        }
    }

    /// Numbers them in an order that only the key knows.
    pub(super) fn seal(&mut self) {
        let rank = |id: &u32| *blake3::keyed_hash(&self.key, &id.to_le_bytes()).as_bytes();
        let mut ids: Vec<u32> = self.found.keys().copied().collect();
        ids.sort_by_key(rank);
        let taken = self.kept.clone();
        let free = (FIRST..NOBODY).chain(NOBODY + 1..u32::MAX).filter(|id| !taken.contains(id));
        self.found = ids.into_iter().zip(free).collect();
    }

    pub(super) fn replace(&self, id: u32) -> u32 {
        self.found.get(&id).copied().unwrap_or(id)
    }
}

/// Clients by the order in which they appear; 0 stays 0.
#[derive(Debug, Default)]
pub(super) struct Clients(BTreeMap<u32, u32>);

impl Clients {
    pub(super) fn replace(&mut self, client: u32) -> u32 {
        let next = self.0.len() as u32 + 1;
        if client == 0 { 0 } else { *self.0.entry(client).or_insert(next) }
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_super_user_stays_and_others_become_neighbours() {
        let mut ids = Ids::new([1; 32], [1000].into(), false);
        [0, 1000, 1001, 42, NOBODY, u32::MAX].into_iter().for_each(|id| ids.collect(id));
        ids.seal();
        let made = [0, 1000, 1001, 42, NOBODY, u32::MAX].map(|id| ids.replace(id));
        assert_eq!([made[0], made[1], made[4], made[5]], [0, 1000, NOBODY, u32::MAX]);
        assert_eq!(BTreeSet::from([made[2], made[3]]), BTreeSet::from([FIRST, FIRST + 1]));
        assert_eq!(ids.replaced(), 2);
    }
}
