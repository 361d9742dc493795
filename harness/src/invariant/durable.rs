//! What was synced survives a loss of power: the bytes, and the names where they are promised.
//!
//! It watches the calls of clients and the tree below, and knows nothing of the journal. After a
//! successful `fsync` every byte of the file is promised until something changes it; under all
//! policies but `loose` every name that exists is promised as well, under `loose` the `fsync` of a
//! directory promises its names. What a reader would get wrong: a promise is given up as soon as
//! anything happened that might have touched it; calls that overlap others promise nothing.

use std::collections::BTreeMap;

use fuserig_abi::{FileKind, Ino};
use fuserig_sim_fs::{Durability, MemFs};

use super::data::contents;
use super::{Invariant, Seen};
use crate::crash::Crashed;
use crate::sim::Action;

/// Bytes of a file that are remembered; what is longer is not promised.
const BYTES_MAX: usize = 1 << 16;

/// A name in a directory.
type Place = (Ino, Vec<u8>);

/// See [`durable`].
///
/// ```
/// use fuserig::invariant::{Invariant, durable};
/// assert_eq!(durable(Default::default()).name(), "durable");
/// ```
#[derive(Clone, Debug)]
pub struct Durable {
    durability: Durability,
    /// The promised bytes of each file; none where a byte may have changed since.
    bytes: BTreeMap<Ino, Vec<Option<u8>>>,
    names: BTreeMap<Place, Ino>,
}

/// What was synced is there after a crash and intact, as far as the policy promises it.
///
/// ```
/// use fuserig::prelude::*;
/// Simulation::new(Seed(1)).operations(40).crashes(Durability::Ordered)
///     .run(Subject::without_filter(Abi::V4).over("/a 'x'"))
///     .check(invariant::durable(Durability::Ordered))
///     .or_report();
/// ```
pub fn durable(durability: Durability) -> Durable {
    Durable { durability, bytes: BTreeMap::new(), names: BTreeMap::new() }
}

/// Every name of a tree.
pub(super) fn names(fs: &MemFs) -> BTreeMap<Place, Ino> {
    let paths: BTreeMap<Vec<u8>, Ino> =
        fs.walk().map(|entry| (entry.path, entry.stat.ino)).collect();
    let place = |(path, ino): (&Vec<u8>, &Ino)| {
        let slash = path.iter().rposition(|byte| *byte == b'/')?;
        let (parent, name) = (&path[..slash.max(1)], &path[slash + 1..]);
        (!name.is_empty()).then(|| ((paths[parent], name.to_vec()), *ino))
    };
    paths.iter().filter_map(place).collect()
}

/// Whether an action may change bytes.
fn changes_bytes(action: &Action) -> bool {
    matches!(
        action,
        Action::Write { .. }
            | Action::Truncate { .. }
            | Action::Ftruncate { .. }
            | Action::Fallocate { .. }
            | Action::Copy { .. }
            | Action::Open { .. }
    )
}

/// Whether an action may change names.
pub(super) fn changes_names(action: &Action) -> bool {
    matches!(
        action,
        Action::Open { .. }
            | Action::Mkdir { .. }
            | Action::Mknod { .. }
            | Action::Symlink { .. }
            | Action::Link { .. }
            | Action::Unlink { .. }
            | Action::Rmdir { .. }
            | Action::Rename { .. }
    )
}

/// Takes back the promise of every byte that is not what it was. What is gone was not changed, if
/// so it is said: a name that was removed or replaced may lead to it again after a crash, and then
/// to all of it.
fn keep_unchanged(promised: &mut BTreeMap<Ino, Vec<Option<u8>>>, fs: &MemFs, gone_is_kept: bool) {
    promised.retain(|node, bytes| {
        let Some(now) = contents(fs, *node, BYTES_MAX) else {
            return gone_is_kept && fs.peek(*node, 0, &mut []).is_err();
        };
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = byte.filter(|byte| now.get(at) == Some(byte));
        }
        true
    });
}

impl Durable {
    fn synced(&mut self, seen: &Seen<'_>, file: u8, datasync: bool) {
        let Some(node) = seen.file(file).and_then(|fd| seen.vfs.lower_inode(seen.pid, fd)) else {
            return;
        };
        if let Some(bytes) = contents(seen.lower, node, BYTES_MAX) {
            self.bytes.insert(node, bytes.into_iter().map(Some).collect());
        }
        if datasync {
            return;
        }
        let now = names(seen.lower);
        match self.durability {
            Durability::Loose => {
                self.names.extend(now.into_iter().filter(|((parent, _), _)| *parent == node));
            }
            Durability::Sync | Durability::Prefix | Durability::Ordered => self.names = now,
        }
    }
}

impl Invariant for Durable {
    fn name(&self) -> &str {
        "durable"
    }

    fn begin(&mut self, _initial: &MemFs) {
        self.bytes.clear();
        self.names.clear();
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let alone = seen.was_alone();
        if !self.bytes.is_empty() && changes_bytes(seen.action) {
            match alone {
                true => keep_unchanged(&mut self.bytes, seen.lower, true),
                false => self.bytes.clear(),
            }
        }
        if !self.names.is_empty() && changes_names(seen.action) {
            if alone {
                let now = names(seen.lower);
                self.names.retain(|place, node| now.get(place) == Some(node));
            } else {
                self.names.clear();
            }
        }
        if let (Action::Fsync { file, datasync }, Ok(_), true) =
            (seen.action, seen.result.value, alone)
        {
            self.synced(seen, *file, *datasync);
        }
        Ok(())
    }

    fn crash(&self, crashed: &Crashed<'_>) -> Result<(), String> {
        if self.bytes.is_empty() && self.names.is_empty() {
            return Ok(());
        }
        // What calls under way have changed is not promised any more.
        let mut promised = self.bytes.clone();
        let mut under_way = crashed.calls.iter().filter(|call| call.end.is_none());
        let none_writes = under_way.all(|call| !changes_bytes(crashed.action(call)));
        keep_unchanged(&mut promised, crashed.before, none_writes);
        let before = names(crashed.before);
        let found = names(crashed.recovered);
        let nodes: BTreeMap<Ino, Vec<u8>> =
            crashed.recovered.walk().map(|entry| (entry.stat.ino, entry.path)).collect();
        for (place, node) in &self.names {
            let (parent, name) = place;
            let kept = before.get(place) == Some(node) && nodes.contains_key(parent);
            if kept && found.get(place) != Some(node) {
                let name = name.escape_ascii();
                return Err(format!("the name {name} was synced and is gone after the crash"));
            }
        }
        for (node, bytes) in &promised {
            let Some(path) = nodes.get(node) else { continue };
            let entry = crashed.recovered.walk().find(|entry| entry.stat.ino == *node);
            if entry.is_none_or(|entry| entry.stat.kind != FileKind::Regular) {
                continue;
            }
            let now = contents(crashed.recovered, *node, BYTES_MAX).unwrap_or_default();
            let wrong = bytes
                .iter()
                .enumerate()
                .find(|(at, byte)| byte.is_some_and(|byte| now.get(*at) != Some(&byte)));
            if let Some((at, _)) = wrong {
                let path = path.escape_ascii();
                return Err(format!("byte {at} of {path} was synced and is lost after the crash"));
            }
        }
        Ok(())
    }
}
