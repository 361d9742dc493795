//! One user opens nothing, and is told so.
//!
//! What is judged is what `deny_uid:UID` promises: files, directories and what would be made are
//! opened by everybody else. What a reader would get wrong: what was open before somebody became
//! that user stays so, and devices and fifos are the kernel's to open.

use fuserig_abi::{FileKind, Uid};
use fuserig_sim_fs::OpenFlags;

use super::{Invariant, Seen};
use crate::sim::Action;

/// See [`keeps_out`].
///
/// ```
/// use fuserig::invariant::{Invariant, keeps_out};
/// assert_eq!(keeps_out(fuserig_abi::Uid(1000)).name(), "keeps_out");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct KeepsOut {
    uid: Uid,
}

/// The user opens no file and no directory, and creates none by opening it.
///
/// ```
/// use fuserig::prelude::*;
/// use fuserig_abi::Uid;
/// Simulation::new(Seed(7)).operations(50)
///     .run(Subject::new(Abi::V4, || fuserig_filters::deny_uid(Uid(1000))).over("/a 'x'"))
///     .check(invariant::keeps_out(Uid(1000)))
///     .or_report();
/// ```
pub fn keeps_out(uid: Uid) -> KeepsOut {
    KeepsOut { uid }
}

impl Invariant for KeepsOut {
    fn name(&self) -> &str {
        "keeps_out"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let (Action::Open { flags, .. }, Ok(fd)) = (seen.action, seen.result.value) else {
            return Ok(());
        };
        // By whom no request is made.
        let is_a_place = OpenFlags::from_bits_retain(*flags).contains(OpenFlags::PATH);
        if seen.user() != self.uid || is_a_place {
            return Ok(());
        }
        let node = i32::try_from(fd).ok().and_then(|fd| seen.vfs.lower_inode(seen.pid, fd));
        let kind = node.and_then(|node| seen.lower.stat(node)).map(|stat| stat.kind);
        match kind {
            Some(FileKind::Regular | FileKind::Directory) => {
                Err(format!("`{}` succeeded, by user {}", seen.action, self.uid.0))
            }
            _ => Ok(()),
        }
    }
}
