//! Clients that fork, execute and exit, as shells and servers do.
//!
//! What a reader would get wrong: the child goes on in the client's place, so that what stands
//! between a fork and an exit is done by the child, and the rest by whoever forked it.

use fuserig_sim_fs::OpenFlags;

use super::Action;
use super::draw::Draw;
use super::recipe::{CLOSE, FSTAT, READ_WRITE, open};

impl Draw<'_> {
    /// A process more or less, or another program.
    pub(super) fn process(&mut self) -> Action {
        match self.rng.below(8) {
            0..=2 => Action::Fork,
            3..=5 => Action::Exit,
            6 => Action::Exec,
            _ => Action::SetCloexec { file: self.open_file(), on: self.rng.chance(3, 4) },
        }
    }

    /// A file is opened twice, locked perhaps, a child uses what it was left, and the parent goes
    /// on with what it has.
    pub(super) fn forking(&mut self) -> Vec<Action> {
        let (path, other) = (self.file(), self.file());
        let flags = READ_WRITE | OpenFlags::CREAT.bits();
        let mark = if self.rng.chance(1, 3) { OpenFlags::CLOEXEC.bits() } else { 0 };
        let mut actions = vec![open(&path, flags), open(&other, flags | mark)];
        if self.rng.chance(1, 2) {
            let file = self.rng.below(2) as u8;
            actions.push(self.lock(file));
        }
        for _ in 0..1 + self.rng.below(2) {
            actions.push(Action::Fork);
            for _ in 0..1 + self.rng.below(4) {
                let action = self.inherited_file();
                actions.push(action);
            }
        }
        actions.push(Action::Exit);
        let file = self.rng.below(2) as u8;
        let read = Action::Read { file, size: 5, offset: None };
        let lock = self.lock(file);
        actions.extend([read, lock, FSTAT, Action::Exit, CLOSE]);
        actions
    }

    /// What a child does with what was open when it was forked.
    fn inherited_file(&mut self) -> Action {
        let file = self.rng.below(2) as u8;
        match self.rng.below(8) {
            0 => Action::Write { file, size: 3, fill: b'f', offset: None },
            1 => Action::Read { file, size: 3, offset: None },
            2 => Action::Seek { file, offset: self.position(), whence: 0 },
            3 => Action::Close { file },
            4 => self.lock(file),
            5 => self.on_slots(file),
            6 => Action::Exec,
            _ => Action::SetCloexec { file, on: true },
        }
    }
}

/// What goes on in one process where the other left off, and what is left open.
pub(super) fn goes_on(action: &Action) -> Vec<Action> {
    match *action {
        Action::Fork => {
            let write = Action::Write { file: 0, size: 2, fill: b'p', offset: None };
            let next = Action::Read { file: 1, size: 3, offset: None };
            vec![write, next, Action::Exit, Action::Seek { file: 0, offset: 0, whence: 1 }]
        }
        Action::SetCloexec { file, .. } => vec![Action::Exec, Action::Fstat { file }],
        Action::Exec | Action::Exit => {
            vec![FSTAT, Action::Read { file: 0, size: 20_000, offset: Some(0) }]
        }
        // Who looked, or made something durable, has nothing to show.
        _ => Vec::new(),
    }
}
