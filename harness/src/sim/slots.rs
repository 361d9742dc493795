//! Descriptors that are given, given again and closed, several at once.
//!
//! What a reader would get wrong: the numbers that a client has open are a list, the newest last,
//! and who has one replaced keeps its place in it.

use std::collections::BTreeSet;

use fuserig_abi::Errno;
use fuserig_sim_fs::OpenFlags;

use super::Action;
use super::action::descriptor;
use super::draw::Draw;

impl Action {
    /// Whether it gives files back.
    pub(crate) fn closes(&self) -> bool {
        matches!(
            self,
            Action::Close { .. }
                | Action::Dup2 { .. }
                | Action::CloseRange { .. }
                | Action::Exec
                | Action::Exit
        )
    }

    /// What a client has open after a call, the newest last.
    pub(super) fn note_slots(&self, files: &mut Vec<i32>, value: Result<i64, Errno>) {
        match (self, value.ok().and_then(|value| i32::try_from(value).ok())) {
            (action, Some(fd)) if action.opens() => files.push(fd),
            // The descriptor is gone whatever close returned.
            (Action::Close { file }, _) => {
                let fd = descriptor(files, *file);
                files.retain(|open| *open != fd);
            }
            (Action::CloseRange { first, last }, Some(_)) => {
                let (first, last) = (descriptor(files, *first), descriptor(files, *last));
                files.retain(|fd| !(first..=last).contains(fd));
            }
            _ => {}
        }
    }
}

impl Action {
    /// Which descriptors close when a program is executed, after a call of whoever had these open:
    /// those that were opened so, or were told to, and no duplicate.
    pub(super) fn note_marks(
        &self,
        files: &[i32],
        marked: &mut BTreeSet<i32>,
        value: Result<i64, Errno>,
    ) {
        let Some(fd) = value.ok().and_then(|value| i32::try_from(value).ok()) else { return };
        match *self {
            Action::Open { flags, .. } if flags & OpenFlags::CLOEXEC.bits() != 0 => {
                marked.insert(fd);
            }
            Action::Open { .. } | Action::Dup { .. } => {
                marked.remove(&fd);
            }
            Action::Dup2 { file, onto } if descriptor(files, file) != descriptor(files, onto) => {
                marked.remove(&fd);
            }
            Action::SetCloexec { file, on: true } => {
                marked.insert(descriptor(files, file));
            }
            Action::SetCloexec { file, on: false } => {
                marked.remove(&descriptor(files, file));
            }
            _ => {}
        }
    }
}

impl Draw<'_> {
    /// A descriptor more, another meaning for one, or some fewer.
    pub(super) fn on_slots(&mut self, file: u8) -> Action {
        let other = self.rng.below(3) as u8;
        match self.rng.below(8) {
            0..=1 => Action::Dup { file },
            2 => Action::CloseRange { first: other, last: file },
            _ => Action::Dup2 { file, onto: other },
        }
    }
}
