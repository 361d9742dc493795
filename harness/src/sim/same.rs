//! Meetings in which everybody changes the same thing: its name, or its attributes.
//!
//! What a reader would get wrong: most of it succeeds, because only of calls that do can it be
//! said what they leave together (`invariant::atomic_changes`).

use std::collections::VecDeque;

use fuserig_sim_fs::OpenFlags;

use super::argument::{file_mode, owner, stamp};
use super::draw::Draw;
use super::limits::Hold;
use super::meet::Meeting;
use super::recipe::{CLOSE, READ_WRITE, mknod, open, write};
use super::{Action, Program, Text};

/// Modes of which a change of owner or of contents takes something away.
const MODES: [u32; 5] = [0o4755, 0o6755, 0o2711, 0o4777, 0o644];

impl Draw<'_> {
    /// Everybody changes one thing, once or twice each.
    pub(super) fn same(&mut self, programs: &mut [Program]) -> Meeting {
        let path = match self.rng.chance(1, 2) {
            true => Text(self.unused_name()),
            false => {
                let name = self.unused_name();
                Text([&self.directory().0[..], b"/", &name[..]].concat())
            }
        };
        let is_name = self.rng.chance(1, 2);
        let maker = self.rng.index(programs.len());
        let before = match is_name && self.rng.chance(1, 3) {
            true => Vec::new(),
            false => vec![mknod(&path, 0o100_000 | *self.rng.pick(&MODES))],
        };
        programs[maker].actions.extend(before);
        let mut together = Vec::with_capacity(programs.len());
        for program in &mut *programs {
            let times = 1 + self.rng.index(2);
            let mut actions = Vec::new();
            for _ in 0..times {
                let action = match is_name {
                    true => {
                        let (before, action) = self.change_of_name(&path);
                        program.actions.extend(before);
                        action
                    }
                    false => self.change_of_attributes(&path),
                };
                actions.push(action);
            }
            together.push(actions);
        }
        if !is_name {
            // What is written to was opened by everybody before.
            programs.iter_mut().for_each(|each| each.actions.push(open(&path, READ_WRITE)));
        }
        let starts = programs.iter().map(|program| program.actions.len()).collect();
        for (program, actions) in programs.iter_mut().zip(together) {
            program.actions.extend(actions);
        }
        let ends = programs.iter().map(|program| program.actions.len()).collect();
        let (first, hold) = (self.rng.index(programs.len()), Hold::draw(self.rng));
        Meeting { starts, ends, first, hold, turns: VecDeque::new() }
    }

    /// The name comes to be, moves, goes or is used, and what must be there for it.
    fn change_of_name(&mut self, path: &Text) -> (Vec<Action>, Action) {
        let path = path.clone();
        let other = Text([&self.directory().0[..], b"/", &self.unused_name()[..]].concat());
        let make_other = vec![open(&other, OpenFlags::CREAT.bits() | READ_WRITE), write(3), CLOSE];
        match self.rng.below(21) {
            0..=3 => {
                let flags = *self.rng.pick(&[0, 0, 1, 1]);
                (make_other, Action::Rename { old: other, new: path, flags })
            }
            4 | 5 => {
                let flags =
                    *self.rng.pick(&[0, 0, OpenFlags::EXCL.bits(), OpenFlags::TRUNC.bits()]);
                let flags = flags | OpenFlags::CREAT.bits() | READ_WRITE;
                (Vec::new(), Action::Open { path, flags, mode: file_mode(self.rng) })
            }
            6 => (Vec::new(), Action::Mkdir { path, mode: 0o755 }),
            7 => (Vec::new(), mknod(&path, 0o100_644)),
            8 => (Vec::new(), Action::Symlink { target: other, path }),
            9 => (make_other, Action::Link { source: other, path }),
            10..=12 => (Vec::new(), Action::Rename { old: path, new: other, flags: 0 }),
            13 => (Vec::new(), Action::Link { source: path, path: other }),
            14..=16 => (Vec::new(), Action::Unlink { path }),
            _ => (Vec::new(), self.use_of_name(path)),
        }
    }

    /// Something that changes no name, and meets whatever has it when it gets there.
    fn use_of_name(&mut self, path: Text) -> Action {
        match self.rng.below(6) {
            0 | 1 => open(&path, READ_WRITE),
            2 => Action::Truncate { path, size: 1 },
            3 => Action::Chmod { path, mode: 0o640 },
            4 => Action::Access { path, mode: 4 },
            _ => Action::Stat { path, follow: true },
        }
    }

    /// Mode, owner, times, contents or an attribute of the file, which is open.
    fn change_of_attributes(&mut self, path: &Text) -> Action {
        let path = path.clone();
        match self.rng.below(8) {
            0 | 1 => Action::Chmod { path, mode: *self.rng.pick(&[0o600, 0o4755, 0o777, 0o6711]) },
            2 | 3 => Action::Chown { path, uid: owner(self.rng), gid: owner(self.rng) },
            4 => Action::Times { path, atime: stamp(self.rng), mtime: stamp(self.rng) },
            5 => Action::Truncate { path, size: self.rng.below(9) as i64 },
            6 => write(1 + self.rng.below(8) as u32),
            _ => {
                let name = Text::from(*self.rng.pick(&["user.a", "user.b"]));
                let value = Text(vec![b'w'; self.rng.index(4)]);
                Action::Setxattr { path, name, value, flags: self.rng.below(3) as u32 }
            }
        }
    }
}
