//! What is promised, taken back and looked for after a crash.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_abi::{FileKind, Ino};
use fuserig_sim_fs::{Durability, MemFs, OpenFlags};

use super::attributes::Promised;
use super::count::{Lengths, miscounted, misjudged_room};
use super::moments::Moments;
use crate::crash::Crashed;
use crate::invariant::data::contents;
use crate::invariant::{Invariant, Seen};
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
    /// Every name that there ever was.
    known: BTreeSet<Place>,
    /// Of those, what is promised to be away.
    absent: BTreeSet<Place>,
    attributes: Promised,
    lengths: Lengths,
    moments: Moments,
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
    Durable {
        durability,
        bytes: BTreeMap::new(),
        names: BTreeMap::new(),
        known: BTreeSet::new(),
        absent: BTreeSet::new(),
        attributes: Promised::default(),
        lengths: Lengths::default(),
        moments: Moments::default(),
    }
}

/// Every name of a tree.
pub(in crate::invariant) fn names(fs: &MemFs) -> BTreeMap<Place, Ino> {
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
            | Action::Append { .. }
            | Action::Truncate { .. }
            | Action::Ftruncate { .. }
            | Action::Fallocate { .. }
            | Action::Copy { .. }
            | Action::Sendfile { .. }
            | Action::Open { .. }
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
        if !datasync {
            self.described(seen, node);
        }
    }

    /// Promises what is not bytes: of this node and its names, and under every policy but `loose`,
    /// where metadata goes together, of all there is.
    fn described(&mut self, seen: &Seen<'_>, node: Ino) {
        let now = names(seen.lower);
        let all = self.durability != Durability::Loose;
        self.attributes.promise(seen.lower, [node]);
        self.attributes.promise_times(seen.lower, node, all);
        self.attributes.promise(seen.lower, now.values().copied().filter(|_| all));
        let promised = |place: &Place| all || place.0 == node;
        let gone = |place: &&Place| promised(place) && !now.contains_key(*place);
        self.absent.extend(self.known.iter().filter(gone).cloned());
        self.names.extend(now.into_iter().filter(|(place, _)| promised(place)));
    }

    /// What a write through a file that syncs each of them promises.
    fn written(&mut self, seen: &Seen<'_>, file: u8, offset: Option<i64>) -> Option<()> {
        let fd = seen.file(file)?;
        let flags = seen.vfs.open_flags(seen.pid, fd)?;
        if !flags.contains(OpenFlags::DSYNC) {
            return None;
        }
        let count = usize::try_from(seen.result.value.ok()?).ok()?;
        let node = seen.vfs.lower_inode(seen.pid, fd)?;
        if count > 0 && flags.contains(OpenFlags::SYNC_METADATA) {
            self.described(seen, node);
        }
        let now = contents(seen.lower, node, BYTES_MAX)?;
        let end = match offset {
            _ if flags.contains(OpenFlags::APPEND) => now.len(),
            Some(offset) => usize::try_from(offset).ok()?.checked_add(count)?,
            None => usize::try_from(seen.vfs.position(seen.pid, fd)?).ok()?,
        };
        let wrote = end.checked_sub(count)?..end;
        let written = now.get(wrote.clone())?;
        let promised = self.bytes.entry(node).or_default();
        if promised.len() < end {
            promised.resize(end, None);
        }
        for (place, byte) in promised[wrote].iter_mut().zip(written) {
            *place = Some(*byte);
        }
        Some(())
    }

    /// Takes back what is promised of names that a call has changed.
    fn keep_names(&mut self, seen: &Seen<'_>, alone: bool) {
        let now = names(seen.lower);
        if alone {
            self.names.retain(|place, node| now.get(place) == Some(node));
            self.absent.retain(|place| !now.contains_key(place));
        } else {
            self.names.clear();
            self.absent.clear();
        }
        self.known.extend(now.into_keys());
    }

    /// A name that was synced and is gone, or was removed and is back; the latter only where names
    /// stand: no call under way changes any.
    fn lost_name(
        &self,
        crashed: &Crashed<'_>,
        nodes: &BTreeMap<Ino, Vec<u8>>,
        names_stand: bool,
    ) -> Option<String> {
        let (before, found) = (names(crashed.before), names(crashed.recovered));
        let gone = |(place, node): &(&Place, &Ino)| {
            let kept = before.get(*place) == Some(*node) && nodes.contains_key(&place.0);
            kept && found.get(*place) != Some(*node)
        };
        if let Some(((_, name), _)) = self.names.iter().find(gone) {
            let name = name.escape_ascii();
            return Some(format!("the name {name} was synced and is gone after the crash"));
        }
        let back = |place: &&Place| !before.contains_key(*place) && found.contains_key(*place);
        let (_, name) = self.absent.iter().filter(|_| names_stand).find(back)?;
        let name = name.escape_ascii();
        Some(format!("{name} was removed and synced and is back after the crash"))
    }
}

impl Invariant for Durable {
    fn name(&self) -> &str {
        "durable"
    }

    fn begin(&mut self, initial: &MemFs) {
        *self = durable(self.durability);
        self.known.extend(names(initial).into_keys());
        self.lengths.note(initial);
        self.moments = Moments::begin(self.durability, initial);
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        self.moments.note(self.durability, seen);
        let alone = seen.was_alone();
        if !self.bytes.is_empty() && changes_bytes(seen.action) {
            match alone {
                true => keep_unchanged(&mut self.bytes, seen.lower, true),
                false => self.bytes.clear(),
            }
        }
        if changes_bytes(seen.action) {
            self.lengths.note(seen.lower);
            if !alone {
                self.lengths.forget();
            }
        }
        if seen.action.changes_names() {
            self.keep_names(seen, alone);
        }
        if !self.attributes.is_empty() {
            self.attributes.keep(seen.lower, seen.action, alone);
        }
        match *seen.action {
            Action::Fsync { file, datasync } if alone && seen.result.value.is_ok() => {
                self.synced(seen, file, datasync);
            }
            Action::Write { file, offset, .. } if alone => {
                self.written(seen, file, offset);
            }
            Action::Append { file, .. } | Action::Sendfile { to: file, .. } if alone => {
                self.written(seen, file, None);
            }
            Action::Copy { to, to_at, .. } if alone => {
                self.written(seen, to, Some(to_at).filter(|at| *at != Action::HERE));
            }
            _ => {}
        }
        Ok(())
    }

    fn crash(&self, crashed: &Crashed<'_>) -> Result<(), String> {
        if let Some(message) = miscounted(crashed.recovered) {
            return Err(message);
        }
        if let Some(message) = misjudged_room(crashed.initial, crashed.recovered) {
            return Err(message);
        }
        let overlap = crashed.calls.iter().filter(|call| call.end.is_none()).count() > 1;
        let Crashed { before, recovered, .. } = crashed;
        if let Some(message) = self.moments.missed(self.durability, before, recovered, overlap) {
            return Err(message);
        }
        let under_way = || {
            let calls = crashed.calls.iter().filter(|call| call.end.is_none());
            calls.map(|call| crashed.action(call))
        };
        let grown = self.lengths.beyond(crashed.recovered);
        if let Some(message) = grown.filter(|_| !under_way().any(changes_bytes)) {
            return Err(message);
        }
        let nothing = self.bytes.is_empty() && self.names.is_empty() && self.absent.is_empty();
        if nothing && self.attributes.is_empty() {
            return Ok(());
        }
        // What calls under way may write is not promised any more; others change no bytes.
        let mut promised = self.bytes.clone();
        if under_way().any(changes_bytes) {
            keep_unchanged(&mut promised, crashed.before, false);
        }
        let nodes: BTreeMap<Ino, Vec<u8>> =
            crashed.recovered.walk().map(|entry| (entry.stat.ino, entry.path)).collect();
        let names_stand = !under_way().any(Action::changes_names);
        if let Some(message) = self.lost_name(crashed, &nodes, names_stand) {
            return Err(message);
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
        if let Some((node, what)) =
            self.attributes.lost(crashed.before, crashed.recovered, under_way())
            && let Some(path) = nodes.get(&node)
        {
            let path = path.escape_ascii();
            return Err(format!("after the crash {path} has lost what was synced: its {what}"));
        }
        Ok(())
    }
}
