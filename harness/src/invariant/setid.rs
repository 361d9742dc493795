//! Nothing becomes setuid or setgid.
//!
//! It looks at the tree below after each call that may change a mode. What has the bits from the
//! start may keep them. What a reader would get wrong: what is made in a setgid directory is of its
//! group, and a directory there has the bit as well, which nobody asked a filter for.

use std::collections::BTreeMap;

use fuserig_abi::{Ino, S_ISGID, S_ISUID};
use fuserig_sim_fs::{MemFs, OpenFlags};

use super::{Invariant, Seen};
use crate::sim::Action;

/// See [`never_setid`].
///
/// ```
/// use fuserig::invariant::{Invariant, never_setid};
/// assert_eq!(never_setid().name(), "never_setid");
/// ```
#[derive(Clone, Debug, Default)]
pub struct NeverSetid {
    /// The bits that there were at the start.
    had: BTreeMap<Ino, u32>,
}

/// No call leaves a file setuid or setgid that was not so from the start.
///
/// ```
/// use fuserig::prelude::*;
/// Simulation::new(Seed(7)).operations(50)
///     .run(Subject::new(Abi::V4, fuserig_filters::strip_setid).over("/a 'x'"))
///     .check(invariant::never_setid())
///     .or_report();
/// ```
pub fn never_setid() -> NeverSetid {
    NeverSetid::default()
}

fn bits(fs: &MemFs) -> impl Iterator<Item = (Ino, u32, Vec<u8>)> {
    fs.walk().filter_map(|entry| {
        let bits = entry.stat.permissions & (S_ISUID | S_ISGID);
        (bits != 0).then(|| (entry.stat.ino, bits, entry.path.to_vec()))
    })
}

/// Whether a call may change a mode.
fn changes_mode(action: &Action) -> bool {
    match action {
        Action::Open { flags, .. } => flags & OpenFlags::CREAT.bits() != 0,
        Action::Mknod { .. }
        | Action::Mkdir { .. }
        | Action::Chmod { .. }
        | Action::Fchmod { .. }
        | Action::Setxattr { .. } => true,
        _ => false,
    }
}

impl Invariant for NeverSetid {
    fn name(&self) -> &str {
        "never_setid"
    }

    fn begin(&mut self, initial: &MemFs) {
        self.had = bits(initial).map(|(node, bits, _)| (node, bits)).collect();
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        if !changes_mode(seen.action) {
            return Ok(());
        }
        let is_new = |(node, bits, _): &(Ino, u32, Vec<u8>)| {
            bits & !self.had.get(node).copied().unwrap_or(0) != 0
        };
        match bits(seen.lower).find(is_new) {
            Some((_, bits, path)) => {
                let what = if bits & S_ISUID != 0 { "setuid" } else { "setgid" };
                let path = path.escape_ascii();
                Err(format!("`{}` returned, and {path} is {what}", seen.action))
            }
            None => Ok(()),
        }
    }
}
