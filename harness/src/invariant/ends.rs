//! Files end somewhere.
//!
//! It looks at the tree below after each call that may make a file longer. What is longer from the
//! start may stay so, and get no longer. What a reader would get wrong: where a write with
//! `RWF_APPEND` lands no filter is told (`pwritev2`), so that what one makes longer is let pass.

use std::collections::BTreeMap;

use fuserig_abi::{FileKind, Ino};
use fuserig_sim_fs::MemFs;

use super::{Invariant, Seen};
use crate::sim::Action;

/// See [`ends_at`].
///
/// ```
/// use fuserig::invariant::{Invariant, ends_at};
/// assert_eq!(ends_at(4096).name(), "ends_at");
/// ```
#[derive(Clone, Debug)]
pub struct EndsAt {
    limit: u64,
    /// How long those may be that were longer at the start, or became so by what is let pass.
    had: BTreeMap<Ino, u64>,
}

/// No file gets longer than so many bytes.
///
/// ```
/// use fuserig::prelude::*;
/// Simulation::new(Seed(7)).operations(50)
///     .run(Subject::new(Abi::V4, || fuserig_filters::write_limit(100)).over("/a 'x'"))
///     .check(invariant::ends_at(100))
///     .or_report();
/// ```
pub fn ends_at(limit: u64) -> EndsAt {
    EndsAt { limit, had: BTreeMap::new() }
}

/// Whether a call may make a file longer.
fn may_grow(action: &Action) -> bool {
    match action {
        Action::Truncate { .. } | Action::Ftruncate { .. } | Action::Fallocate { .. } => true,
        other => other.writes(),
    }
}

impl EndsAt {
    /// What is longer may stay so.
    fn let_pass(&mut self, fs: &MemFs) {
        let files = fs.walk().filter(|entry| entry.stat.kind == FileKind::Regular);
        let longer = files.filter(|entry| entry.stat.size > self.limit);
        self.had = longer.map(|entry| (entry.stat.ino, entry.stat.size)).collect();
    }
}

impl Invariant for EndsAt {
    fn name(&self) -> &str {
        "ends_at"
    }

    fn begin(&mut self, initial: &MemFs) {
        self.let_pass(initial);
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        if !may_grow(seen.action) {
            return Ok(());
        }
        if seen.overlapping().any(|action| matches!(action, Action::Append { .. })) {
            self.let_pass(seen.lower);
            return Ok(());
        }
        let limit = |node: &Ino| self.had.get(node).copied().unwrap_or(self.limit);
        let mut files = seen.lower.walk().filter(|entry| entry.stat.kind == FileKind::Regular);
        match files.find(|entry| entry.stat.size > limit(&entry.stat.ino)) {
            Some(entry) => {
                let (path, size) = (entry.path.escape_ascii(), entry.stat.size);
                let limit = limit(&entry.stat.ino);
                Err(format!("`{}` returned, and {path} has {size} bytes of {limit}", seen.action))
            }
            None => Ok(()),
        }
    }
}
