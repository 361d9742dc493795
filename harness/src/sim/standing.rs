//! Who a client is and what it makes nothing with, which both may change on the way; and the
//! attributes of open files, whatever has become of their names.
//!
//! What a reader would get wrong: whoever becomes somebody else keeps its open files and its
//! groups, as `setfsuid` has it, and may become the super-user again.

use super::argument::{file_mode, mask, new_owner, owner, stamp};
use super::draw::Draw;
use super::recipe::{CLOSE, FSTAT, READ_WRITE, mknod, open, stat};
use super::{Action, Stamp};

impl Draw<'_> {
    /// Another mask, or another user.
    pub(super) fn standing(&mut self) -> Action {
        match self.config.users && self.rng.chance(1, 2) {
            true => {
                let user = self.stranger();
                let uid = if self.rng.chance(1, 2) { 0 } else { user };
                let gid = if self.rng.chance(3, 4) { uid } else { owner(self.rng) };
                Action::Become { uid, gid }
            }
            false => Action::Umask { mask: mask(self.rng) },
        }
    }

    /// Another mode, owner or time of an open file.
    pub(super) fn attributes_of(&mut self, file: u8) -> Action {
        match self.rng.below(4) {
            0 => {
                let (uid, gid) = new_owner(self.rng);
                Action::Fchown { file, uid, gid }
            }
            1 if self.rng.chance(1, 2) => {
                Action::Futimens { file, atime: Stamp::Now, mtime: Stamp::Now }
            }
            1 => Action::Futimens { file, atime: stamp(self.rng), mtime: stamp(self.rng) },
            _ => Action::Fchmod { file, mode: file_mode(self.rng) },
        }
    }

    /// Something of each kind is made under a mask, and looked at.
    pub(super) fn masked(&mut self) -> Vec<Action> {
        let mut actions = vec![Action::Umask { mask: mask(self.rng) }];
        for _ in 0..1 + self.rng.below(3) {
            let (path, mode) = (self.fresh(), file_mode(self.rng));
            actions.push(match self.rng.below(3) {
                0 => Action::Mkdir { path: path.clone(), mode },
                1 => {
                    let kind = *self.rng.pick(&[0o100_000, 0o100_000, 0o010_000, 0o140_000]);
                    mknod(&path, kind | mode)
                }
                _ => {
                    let flags = fuserig_sim_fs::OpenFlags::CREAT.bits() | READ_WRITE;
                    Action::Open { path: path.clone(), flags, mode }
                }
            });
            actions.push(stat(&path));
        }
        actions.push(Action::Umask { mask: 0o022 });
        actions
    }

    /// A client makes something as the super-user, and tries what another may do with it; what it
    /// opened before stays open.
    pub(super) fn in_turn(&mut self) -> Vec<Action> {
        let uid = self.stranger();
        let gid = if self.rng.chance(3, 4) { uid } else { owner(self.rng) };
        let trial = self.trial((uid, gid));
        let mut actions = vec![Action::Become { uid: 0, gid: 0 }];
        actions.extend(trial.made);
        let opened = self.rng.chance(1, 3).then(|| open(&self.file(), READ_WRITE));
        let uses = opened.is_some();
        actions.extend(opened);
        actions.push(Action::Become { uid, gid });
        actions.extend(trial.tried);
        if uses {
            let attributes = self.attributes_of(0);
            actions.extend([self.use_of_opened(), attributes, FSTAT, CLOSE]);
        }
        actions.push(Action::Become { uid: 0, gid: 0 });
        actions
    }
}
