//! Extended attributes that nobody can read, set or remove.
//!
//! The calls that name one must fail, and below they are what they were at the start. What a
//! reader would get wrong: a file that is removed takes its attributes along, and their names may
//! be listed.

use std::collections::BTreeMap;

use fuserig_abi::Ino;
use fuserig_sim_fs::MemFs;

use super::{Invariant, Seen};
use crate::sim::Action;

/// Names and values.
type Attributes = BTreeMap<Vec<u8>, Vec<u8>>;

/// See [`guards`].
///
/// ```
/// use fuserig::invariant::{Invariant, guards};
/// assert_eq!(guards("user.guard.").name(), "guards");
/// ```
#[derive(Clone, Debug)]
pub struct Guards {
    prefix: Vec<u8>,
    had: BTreeMap<Ino, Attributes>,
}

/// Attributes whose names begin so cannot be read, set or removed.
///
/// ```
/// use fuserig::prelude::*;
/// let subject = Subject::new(Abi::V4, fuserig_filters::xattr_guard);
/// Simulation::new(Seed(7)).operations(50)
///     .run(subject.over("/a 'x' xattr.user.guard.k='v'"))
///     .check(invariant::guards("user.guard."))
///     .or_report();
/// ```
pub fn guards(prefix: &str) -> Guards {
    Guards { prefix: prefix.as_bytes().to_vec(), had: BTreeMap::new() }
}

impl Guards {
    fn of(&self, fs: &MemFs, node: Ino) -> Attributes {
        let mut attributes = fs.xattrs_of(node);
        attributes.retain(|name, _| name.starts_with(&self.prefix));
        attributes
    }
}

impl Invariant for Guards {
    fn name(&self) -> &str {
        "guards"
    }

    fn begin(&mut self, initial: &MemFs) {
        let nodes = initial.walk().map(|entry| entry.stat.ino);
        self.had = nodes.map(|node| (node, self.of(initial, node))).collect();
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let (Action::Getxattr { name, .. }
        | Action::Setxattr { name, .. }
        | Action::Removexattr { name, .. }) = seen.action
        else {
            return Ok(());
        };
        if name.0.starts_with(&self.prefix) && seen.result.value.is_ok() {
            return Err(format!("`{}` succeeded", seen.action));
        }
        let none = Attributes::new();
        let changed = seen.lower.walk().find(|entry| {
            let node = entry.stat.ino;
            self.of(seen.lower, node) != *self.had.get(&node).unwrap_or(&none)
        });
        match changed {
            Some(entry) => {
                let path = entry.path.escape_ascii();
                Err(format!("`{}` returned, and changed what {path} guards", seen.action))
            }
            None => Ok(()),
        }
    }
}
