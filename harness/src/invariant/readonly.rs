//! Read-only means that nothing below changes: no name, no byte, no attribute.
//!
//! Access times may move; a read-only mount of Linux without `noatime` moves them as well.

use fuserig_sim_fs::{Digest, MemFs};

use super::{Invariant, Seen};
use crate::crash::Crashed;

/// See [`read_only`].
///
/// ```
/// use fuserig::invariant::{Invariant, read_only};
/// assert_eq!(read_only().name(), "read_only");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOnly {
    digest: Option<Digest>,
}

/// The lower tree stays as it was.
///
/// ```
/// use fuserig::prelude::*;
/// Simulation::new(Seed(1)).operations(40)
///     .run(Subject::new(Abi::V4, readonly).over("/a 'x'"))
///     .check(invariant::read_only())
///     .or_report();
/// ```
pub fn read_only() -> ReadOnly {
    ReadOnly { digest: None }
}

impl Invariant for ReadOnly {
    fn name(&self) -> &str {
        "read_only"
    }

    fn begin(&mut self, initial: &MemFs) {
        self.digest = Some(initial.digest());
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let digest = seen.lower.digest();
        match self.digest.replace(digest) {
            Some(before) if before != digest => {
                Err(format!("`{}` changed the tree below", seen.action))
            }
            _ => Ok(()),
        }
    }

    fn crash(&self, crashed: &Crashed<'_>) -> Result<(), String> {
        if crashed.recovered.digest() == crashed.initial.digest() {
            return Ok(());
        }
        Err("after the crash the tree is not what it was at the start".to_owned())
    }
}
