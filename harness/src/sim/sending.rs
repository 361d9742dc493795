//! Files that are sent into others, as servers do.
//!
//! What a reader would get wrong: `sendfile` writes to where the target stands and to nowhere else,
//! so that what was written or sent before decides where it goes.

use super::Action;
use super::draw::Draw;

/// Lengths up to more than a pipe holds.
const LENGTHS: [u64; 6] = [1, 100, 3000, 4096, 20_000, 70_000];

impl Draw<'_> {
    /// A file is sent into another that is open, or into itself.
    pub(super) fn send(&mut self, from: u8) -> Action {
        let (to, length, from_at) = (self.open_file(), self.size(), self.place_of_copy());
        Action::Sendfile { from, to, length, from_at }
    }

    /// The file opened last but one is sent in pieces to the last.
    pub(super) fn sending(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.rng.chance(1, 2) {
            actions.push(Action::Seek { file: 0, offset: self.position(), whence: 0 });
        }
        for _ in 0..1 + self.rng.below(3) {
            let from_at = match self.rng.chance(2, 3) {
                true => Action::HERE,
                false => *self.rng.pick(&[0, 1, 1500, 4096, 6000]),
            };
            let length = *self.rng.pick(&LENGTHS);
            actions.push(Action::Sendfile { from: 1, to: 0, length, from_at });
        }
        actions.push(Action::Seek { file: self.rng.below(2) as u8, offset: 0, whence: 1 });
        actions
    }
}
