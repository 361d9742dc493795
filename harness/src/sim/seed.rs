//! One number from which every choice of a run descends.
//!
//! A seed is forked by purpose, so that a new knob in one place moves no decision in another. It
//! refuses floating point: chances are ratios of integers. What a reader would get wrong: a fork
//! depends on the seed and the purpose alone, never on what was drawn before.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Where the choices of a run come from.
///
/// ```
/// use fuserig::sim::Seed;
/// let seed = Seed(7);
/// assert_eq!(seed.fork("faults"), Seed(7).fork("faults"));
/// assert_ne!(seed.fork("faults"), seed.fork("schedule"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed for one purpose.
    #[must_use]
    pub fn fork(self, purpose: &str) -> Seed {
        let mut mixer = Mixer::new(self.0);
        mixer.bytes(purpose.as_bytes());
        Seed(mixer.finish())
    }

    /// The seed of one of many runs.
    #[must_use]
    pub fn number(self, run: u64) -> Seed {
        let mut mixer = Mixer::new(self.0);
        mixer.word(run);
        Seed(mixer.finish())
    }

    /// A stream of choices.
    pub fn rng(self) -> Rng {
        Rng { state: self.0 }
    }
}

impl core::fmt::Display for Seed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A stream of choices (splitmix64, Steele, Lea and Flood 2014).
///
/// ```
/// use fuserig::sim::Seed;
/// let mut rng = Seed(1).rng();
/// assert!(rng.below(6) < 6);
/// assert!(rng.chance(1, 1) && !rng.chance(0, 1));
/// ```
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.state)
    }

    /// A number from 0 up to but not including `bound`; 0 when the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias of a remainder is below 2^-32 for the bounds that occur here.
        self.word().checked_rem(bound).unwrap_or(0)
    }

    /// An index below `bound`.
    pub fn index(&mut self, bound: usize) -> usize {
        self.below(bound as u64) as usize
    }

    /// True in `favourable` of `possible` cases.
    pub fn chance(&mut self, favourable: u64, possible: u64) -> bool {
        self.below(possible) < favourable
    }

    /// One of the items.
    ///
    /// # Panics
    /// When there are none: the caller knows its tables.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }
}

fn scramble(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// A digest of what happened, one word after the other. It guards against accidents, not against
/// an adversary.
///
/// ```
/// use fuserig::sim::Mixer;
/// let mut one = Mixer::new(0);
/// one.bytes(b"ab");
/// let mut other = Mixer::new(0);
/// other.bytes(b"ba");
/// assert_ne!(one.finish(), other.finish());
/// ```
#[derive(Clone, Debug)]
pub struct Mixer(u64);

impl Mixer {
    /// A digest that begins with a number.
    pub fn new(start: u64) -> Mixer {
        Mixer(scramble(start ^ 0x6675_7365_7269_6721))
    }

    /// Adds a word.
    pub fn word(&mut self, word: u64) {
        self.0 = scramble(self.0.rotate_left(23) ^ word.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }

    /// Adds bytes and their number.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            // Shifts, for a copy of one to seven bytes is a call.
            let word = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            self.word(word);
        }
    }

    /// Adds data: as [`Mixer::bytes`], which is one multiplication after the other, but quick where
    /// there are many.
    pub fn data(&mut self, data: &[u8]) {
        self.word(data.len() as u64);
        self.word(xxh3_64(data));
    }

    /// The digest of what was added so far.
    pub fn finish(&self) -> u64 {
        scramble(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Seed;

    #[test]
    fn a_seed_means_the_same_everywhere() {
        let mut rng = Seed(7).fork("pin").rng();
        let drawn: Vec<u64> = (0..3).map(|_| rng.below(1000)).collect();
        let mut again = Seed(7).fork("pin").rng();
        assert_eq!(drawn, (0..3).map(|_| again.below(1000)).collect::<Vec<_>>());
        assert_ne!(Seed(7).number(0), Seed(7).number(1));
    }
}
