//! Variations of programs that reached something new.
//!
//! A variation inserts drawn actions, leaves some out, repeats a range, takes the end of another
//! program, or changes one argument: a path, an open file, a size, an offset, flags, an attribute.
//! Names come from those a filter is about, from a dictionary of nasty ones, and from the program
//! itself. It refuses to judge. What a reader would get wrong: every variation is legal, because
//! actions are total.

use fuserig_sim_fs::{MemFs, OpenFlags};

use super::argument::{self, SIZES, USERS, nasty_name, owner};
use super::draw::Draw;
use super::{Action, Program, Rng, Text, WorkloadConfig};
use crate::shrink::with_path;

/// What variations are made with.
#[derive(Debug)]
pub(super) struct Mutator<'a> {
    pub(super) config: &'a WorkloadConfig,
    pub(super) tree: &'a MemFs,
    pub(super) rng: &'a mut Rng,
}

impl Mutator<'_> {
    /// A variation of `programs`; `other` lends its end now and then.
    pub(super) fn vary(&mut self, programs: &[Program], other: &[Program]) -> Vec<Program> {
        let mut programs = programs.to_vec();
        for _ in 0..=self.rng.below(4) {
            let client = self.rng.index(programs.len());
            // A first client without rights gets nowhere most of the time.
            let one_in = if client == 0 { 256 } else { 32 };
            if self.config.users && self.rng.chance(1, one_in) {
                programs[client].uid = *self.rng.pick(&USERS);
                programs[client].gid = self.rng.chance(1, 4).then(|| owner(self.rng));
                programs[client].groups = match self.rng.chance(1, 4) {
                    true => vec![owner(self.rng)],
                    false => Vec::new(),
                };
            }
            let lent = other.get(client).map_or(&[][..], |program| &program.actions);
            let mut actions = core::mem::take(&mut programs[client].actions);
            self.vary_actions(&mut actions, lent);
            programs[client].actions = actions;
        }
        let most = self.config.operations.max(1);
        while programs.iter().map(|program| program.actions.len()).sum::<usize>() > most {
            let longest = programs.iter_mut().max_by_key(|program| program.actions.len());
            let actions = &mut longest.expect("there are clients").actions;
            actions.remove(self.rng.index(actions.len()));
        }
        programs
    }

    fn vary_actions(&mut self, actions: &mut Vec<Action>, lent: &[Action]) {
        let at = self.rng.index(actions.len() + 1);
        match self.rng.below(16) {
            // Fresh actions, most often behind what is known to lead somewhere.
            0..=5 => {
                let at = if self.rng.chance(1, 2) { actions.len() } else { at };
                let fresh = self.fresh();
                actions.splice(at..at, fresh);
            }
            6 => {
                let end = (at + 1 + self.rng.index(4)).min(actions.len());
                actions.drain(at.min(end)..end);
            }
            7 => {
                let end = (at + 1 + self.rng.index(4)).min(actions.len());
                let again = actions[at.min(end)..end].to_vec();
                let to = self.rng.index(actions.len() + 1);
                actions.splice(to..to, again);
            }
            8 if !lent.is_empty() => {
                actions.truncate(at);
                let from = self.rng.index(lent.len());
                actions.extend_from_slice(&lent[from..]);
            }
            9 if actions.len() > 1 => {
                let (one, other) = (self.rng.index(actions.len()), self.rng.index(actions.len()));
                actions.swap(one, other);
            }
            10 => actions.truncate(at),
            _ if !actions.is_empty() => {
                let at = self.rng.index(actions.len());
                actions[at] = self.vary_action(&actions[at]);
            }
            _ => actions.extend(self.fresh()),
        }
    }

    fn fresh(&mut self) -> Vec<Action> {
        if self.rng.chance(1, 2) {
            return Draw::new(self.config, self.rng, self.tree).recipe(self.config.syncs);
        }
        let operations = 1 + self.rng.index(8);
        let config = WorkloadConfig { clients: 1, operations, ..self.config.clone() };
        let drawn = config.draw(self.rng, self.tree);
        drawn.into_iter().flat_map(|program| program.actions).collect()
    }

    fn vary_action(&mut self, action: &Action) -> Action {
        let places = action.paths().len();
        if places > 0 && self.rng.chance(1, 2) {
            let place = self.rng.index(places);
            let to = self.path(action.paths()[place]);
            return with_path(action, place, to);
        }
        let mut action = action.clone();
        self.vary_numbers(&mut action);
        action
    }

    /// Another path: a name of interest, a nasty one, or the same below another directory.
    fn path(&mut self, old: &Text) -> Text {
        let name = match self.rng.below(8) {
            0..=2 if !self.config.names.is_empty() => self.rng.pick(&self.config.names).0.clone(),
            3 if !self.config.words.is_empty() => self.rng.pick(&self.config.words).0.clone(),
            4 => nasty_name(self.rng),
            _ => b"a".to_vec(),
        };
        let slash = old.0.iter().rposition(|byte| *byte == b'/');
        match (slash, self.rng.below(3)) {
            (Some(slash), 0 | 1) => Text([&old.0[..=slash], &name[..]].concat()),
            (None, 2) => Text([&old.0[..], b"/", &name[..]].concat()),
            _ => Text(name),
        }
    }

    /// A size of the dictionary, or a neighbour of the old one.
    fn size(&mut self, old: u64) -> u64 {
        match self.rng.below(4) {
            0 => old.saturating_add(1),
            1 => old.saturating_sub(1),
            2 if !self.config.numbers.is_empty() => {
                (*self.rng.pick(&self.config.numbers)).min(1 << 17)
            }
            _ => *self.rng.pick(&SIZES),
        }
    }

    fn offset(&mut self, old: Option<i64>) -> Option<i64> {
        match (self.rng.below(4), old) {
            (0, _) => None,
            (1, Some(old)) => Some(old.saturating_add(self.rng.below(3) as i64 - 1)),
            _ => Some(argument::offset(self.rng)),
        }
    }

    fn vary_numbers(&mut self, action: &mut Action) {
        let other_file = self.rng.below(4) as u8;
        match action {
            Action::Open { flags, .. } => {
                let bits = [
                    OpenFlags::CREAT,
                    OpenFlags::EXCL,
                    OpenFlags::TRUNC,
                    OpenFlags::APPEND,
                    OpenFlags::DIRECTORY,
                    OpenFlags::NOFOLLOW,
                    OpenFlags::CLOEXEC,
                ];
                match self.rng.below(3) {
                    0 => *flags = *flags & !3 | self.rng.below(3) as u32,
                    _ => *flags ^= self.rng.pick(&bits).bits(),
                }
            }
            Action::Read { file, size, offset } => match self.rng.below(3) {
                0 => *file = other_file,
                1 => *size = self.size(*size),
                _ => *offset = self.offset(*offset),
            },
            Action::Write { file, size, fill, offset } => match self.rng.below(4) {
                0 => *file = other_file,
                1 => *size = self.size(u64::from(*size)) as u32,
                2 => *fill = self.rng.below(256) as u8,
                _ => *offset = self.offset(*offset),
            },
            Action::Append { file, size, fill } => match self.rng.below(3) {
                0 => *file = other_file,
                1 => *size = self.size(u64::from(*size)) as u32,
                _ => *fill = self.rng.below(256) as u8,
            },
            Action::Seek { file, offset, whence } => match self.rng.below(3) {
                0 => *file = other_file,
                1 => *whence = self.rng.below(6) as u32,
                _ => *offset = argument::offset(self.rng),
            },
            Action::Truncate { size, .. } | Action::Ftruncate { size, .. } => {
                *size = self.size(*size as u64) as i64;
            }
            Action::Fallocate { mode, offset, length, .. } => match self.rng.below(3) {
                0 => *mode = *self.rng.pick(&[0, 1, 3, 8, 0x10, 0x20]),
                1 => *offset = self.size(*offset as u64) as i64,
                _ => *length = self.size(*length as u64) as i64,
            },
            Action::Copy { from, to, length, from_at, to_at } => match self.rng.below(5) {
                0 => *from = other_file,
                1 => *to = other_file,
                2 => *from_at = argument::offset(self.rng),
                3 => *to_at = argument::offset(self.rng),
                _ => *length = self.size(*length),
            },
            Action::List { file, space } => match self.rng.below(2) {
                0 => *file = other_file,
                _ => *space = *self.rng.pick(&[4096, 32768, 100, 24, 0]),
            },
            Action::Close { file } | Action::Fstat { file } | Action::Fsync { file, .. } => {
                *file = other_file;
            }
            Action::Flock { file, .. }
            | Action::Lock { file, .. }
            | Action::GetLock { file, .. } => {
                let file = if self.rng.chance(1, 2) { *file } else { other_file };
                *action = self.lock(file);
            }
            other => self.vary_named(other),
        }
    }

    fn vary_named(&mut self, action: &mut Action) {
        match action {
            Action::Rename { flags, .. } => *flags = self.rng.below(6) as u32,
            Action::Sendfile { from, to, length, from_at } => match self.rng.below(4) {
                0 => *from = self.rng.below(4) as u8,
                1 => *to = self.rng.below(4) as u8,
                2 => *from_at = argument::offset(self.rng),
                _ => *length = self.size(*length),
            },
            Action::Access { mode, .. } => *mode = self.rng.below(8) as u32,
            Action::Mkdir { mode, .. }
            | Action::Chmod { mode, .. }
            | Action::Fchmod { mode, .. } => {
                *mode = self.rng.below(0o10_000) as u32;
            }
            Action::Mknod { mode, device, .. } => {
                *mode = *self.rng.pick(&[0o010_644, 0o100_644, 0o140_644, 0o060_644]);
                *device = argument::device(self.rng);
            }
            Action::Umask { mask } => *mask = argument::mask(self.rng),
            Action::Dup { file } => *file = self.rng.below(4) as u8,
            Action::SetCloexec { file, on } => match self.rng.below(2) {
                0 => *file = self.rng.below(4) as u8,
                _ => *on = !*on,
            },
            Action::Dup2 { file: one, onto: other }
            | Action::CloseRange { first: one, last: other } => {
                let changed = if self.rng.chance(1, 2) { one } else { other };
                *changed = self.rng.below(4) as u8;
            }
            Action::SetFlags { file, flags } => match self.rng.below(2) {
                0 => *file = self.rng.below(4) as u8,
                _ => *flags ^= self.rng.pick(&[OpenFlags::APPEND, OpenFlags::NONBLOCK]).bits(),
            },
            Action::Chown { uid, gid, .. }
            | Action::Fchown { uid, gid, .. }
            | Action::Become { uid, gid } => {
                *uid = owner(self.rng);
                *gid = owner(self.rng);
            }
            Action::Times { atime, mtime, .. } | Action::Futimens { atime, mtime, .. } => {
                match self.rng.below(2) {
                    0 => *atime = argument::stamp(self.rng),
                    _ => *mtime = argument::stamp(self.rng),
                }
            }
            Action::Getxattr { name, size, .. } => match self.rng.below(2) {
                0 => *name = argument::attribute(self.rng),
                _ => *size = self.size(*size),
            },
            Action::Listxattr { size, .. } => *size = self.size(*size),
            Action::Readlink { space, .. } => *space = *self.rng.pick(&[4096, 0, 1, 2, 255]),
            Action::Setxattr { name, value, flags, .. } => match self.rng.below(3) {
                0 => *name = argument::attribute(self.rng),
                1 => *value = Text(vec![b'v'; self.rng.index(20)]),
                _ => *flags = self.rng.below(3) as u32,
            },
            Action::Removexattr { name, .. } => *name = argument::attribute(self.rng),
            _ => {}
        }
    }
}
