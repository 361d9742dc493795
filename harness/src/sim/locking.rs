//! Advisory locks: a file that is opened more than once, and locked in ways that get in each
//! other's way.
//!
//! What a reader would get wrong: who waits for a lock that nobody gives back does nothing more
//! until the run ends its wait, so that most locks are not waited for, and none by who is alone.

use fuserig_sim_fs::{LockKind, OpenFlags};

use super::argument::offset;
use super::draw::Draw;
use super::mutate::Mutator;
use super::recipe::{CLOSE, READ_WRITE, open};
use super::{Action, Rng, Text, WorkloadConfig, lock_kind};

/// Flags of who makes the file that is locked.
const CREATE: u32 = READ_WRITE | OpenFlags::CREAT.bits();

/// Places at which locked ranges begin, and how long they are, so that they touch and overlap.
const STARTS: [i64; 10] = [0, 0, 0, 1, 4, 5, 6, 9, 10, 4096];
const LENGTHS: [i64; 10] = [0, 0, 1, 1, 4, 5, 5, 10, 100, -4];

/// In one of how many a lock is waited for: anywhere, and where clients take turns with a file, of
/// whom another most often gives back soon.
const WAITS_ONE_IN: (u64, u64) = (8, 3);

/// Shared, exclusive, none.
const KINDS: [u32; 5] = [0, 0, 1, 1, 2];

/// A lock of an open file: of all of it, or of a range.
fn lock(rng: &mut Rng, file: u8) -> Action {
    match rng.chance(1, 2) {
        true => lock_all(rng, file),
        false => lock_range(rng, file),
    }
}

/// `flock`.
fn lock_all(rng: &mut Rng, file: u8) -> Action {
    Action::Flock { file, kind: *rng.pick(&KINDS), waits: false }
}

/// `fcntl`, now and then to ask who is in the way.
fn lock_range(rng: &mut Rng, file: u8) -> Action {
    let kind = *rng.pick(&KINDS);
    let start = if rng.chance(1, 12) { offset(rng) } else { *rng.pick(&STARTS) };
    let length = *rng.pick(&LENGTHS);
    match rng.chance(1, 6) {
        true => Action::GetLock { file, kind, start, length },
        false => Action::Lock { file, kind, start, length, waits: false },
    }
}

/// The same lock, which is waited for in one of so many, where the workload has that.
fn or_waits(rng: &mut Rng, config: &WorkloadConfig, one_in: u64, mut lock: Action) -> Action {
    if config.waits
        && config.clients > 1
        && let Action::Flock { kind, waits, .. } | Action::Lock { kind, waits, .. } = &mut lock
    {
        *waits = lock_kind(*kind) != LockKind::Unlock && rng.chance(1, one_in);
    }
    lock
}

impl Draw<'_> {
    /// A lock of an open file.
    pub(super) fn lock(&mut self, file: u8) -> Action {
        let lock = lock(self.rng, file);
        or_waits(self.rng, self.config, WAITS_ONE_IN.0, lock)
    }

    /// A file is opened, again perhaps, locked in some ways, and closed.
    pub(super) fn locking(&mut self) -> Vec<Action> {
        let path = self.file();
        let mut actions = vec![open(&path, READ_WRITE)];
        let mut opened = 1;
        for _ in 0..3 + self.rng.below(6) {
            match self.rng.below(8) {
                0 if opened < 3 => {
                    actions.push(open(&path, self.rng.below(3) as u32));
                    opened += 1;
                }
                1 if opened > 1 => {
                    actions.push(Action::Close { file: self.rng.below(opened) as u8 });
                    opened -= 1;
                }
                _ => {
                    let file = self.rng.below(opened) as u8;
                    actions.push(self.lock(file));
                }
            }
        }
        actions.extend((0..opened).map(|_| CLOSE));
        actions
    }

    /// Every client opens one file, and they lock it by turns, until some close it.
    pub(super) fn contend(&mut self, clients: usize) -> Vec<(usize, Action)> {
        let path = self.unused_name();
        let made = Action::Open { path: Text(path.clone()), flags: CREATE, mode: 0o666 };
        let mut turns = vec![(0, made)];
        let again = open(&Text(path), READ_WRITE);
        turns.extend((1..clients).map(|client| (client, again.clone())));
        // The two kinds do not see each other.
        let lock = *self.rng.pick(&[lock, lock_all, lock_range]);
        for _ in 0..12 + self.rng.below(20) {
            let client = self.rng.index(clients);
            let file = self.rng.below(2) as u8;
            let action = match self.rng.below(12) {
                0 | 1 => again.clone(),
                2 | 3 => Action::Close { file },
                _ => {
                    let lock = lock(self.rng, file);
                    or_waits(self.rng, self.config, WAITS_ONE_IN.1, lock)
                }
            };
            turns.push((client, action));
        }
        turns
    }
}

impl Mutator<'_> {
    /// Another lock of an open file.
    pub(super) fn lock(&mut self, file: u8) -> Action {
        let lock = lock(self.rng, file);
        or_waits(self.rng, self.config, WAITS_ONE_IN.0, lock)
    }
}
