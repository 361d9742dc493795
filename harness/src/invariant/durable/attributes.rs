//! What was synced of a node besides its bytes: owner, permissions, extended attributes, where a
//! symlink leads, and when it was modified.

use std::collections::BTreeMap;

use fuserig_abi::{Ino, Timespec};
use fuserig_sim_fs::{MemFs, OpenFlags};

use crate::sim::Action;

/// What a node is, as far as it can be changed and is neither bytes nor time.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attributes {
    permissions: u32,
    owner: (u32, u32),
    extended: BTreeMap<Vec<u8>, Vec<u8>>,
    target: Option<Vec<u8>>,
}

impl Attributes {
    fn of(fs: &MemFs, node: Ino) -> Option<Attributes> {
        let stat = fs.stat(node)?;
        Some(Attributes {
            permissions: stat.permissions,
            owner: (stat.uid.0, stat.gid.0),
            extended: fs.xattrs_of(node),
            target: fs.target(node).map(<[u8]>::to_vec),
        })
    }

    /// In which word they differ.
    fn differs(&self, other: &Attributes) -> Option<&'static str> {
        if self.permissions != other.permissions {
            return Some("permissions");
        }
        if self.owner != other.owner {
            return Some("owner");
        }
        if self.target != other.target {
            return Some("target");
        }
        (self.extended != other.extended).then_some("extended attributes")
    }
}

/// Whether an action may change attributes of what is there; a write takes the setuid bit away.
fn changes_attributes(action: &Action) -> bool {
    match action {
        Action::Chmod { .. }
        | Action::Chown { .. }
        | Action::Fchmod { .. }
        | Action::Fchown { .. }
        | Action::Setxattr { .. }
        | Action::Removexattr { .. }
        | Action::Write { .. }
        | Action::Append { .. }
        | Action::Truncate { .. }
        | Action::Ftruncate { .. }
        | Action::Fallocate { .. }
        | Action::Sendfile { .. }
        | Action::Copy { .. } => true,
        Action::Open { flags, .. } => flags & OpenFlags::TRUNC.bits() != 0,
        _ => false,
    }
}

/// The promised attributes of each node.
#[derive(Clone, Debug, Default)]
pub(super) struct Promised {
    attributes: BTreeMap<Ino, Attributes>,
    times: BTreeMap<Ino, Times>,
}

/// When a node was modified, and where names go with their nodes when anything about it changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    mtime: Timespec,
    ctime: Option<Timespec>,
}

impl Times {
    fn of(fs: &MemFs, node: Ino, with_ctime: bool) -> Option<Times> {
        let stat = fs.stat(node)?;
        Some(Times { mtime: stat.mtime, ctime: with_ctime.then_some(stat.ctime) })
    }

    /// Whether a node still has them.
    fn are_of(&self, fs: &MemFs, node: Ino) -> bool {
        Times::of(fs, node, self.ctime.is_some()).as_ref() == Some(self)
    }
}

impl Promised {
    pub(super) fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.times.is_empty()
    }

    /// Those of these nodes are on disk as they are.
    pub(super) fn promise(&mut self, fs: &MemFs, nodes: impl IntoIterator<Item = Ino>) {
        let now = nodes.into_iter().filter_map(|node| Some((node, Attributes::of(fs, node)?)));
        self.attributes.extend(now);
    }

    /// The time at which this one was modified is on disk, and with it when anything about it
    /// changed.
    pub(super) fn promise_times(&mut self, fs: &MemFs, node: Ino, with_ctime: bool) {
        self.times.extend(Times::of(fs, node, with_ctime).map(|times| (node, times)));
    }

    /// Takes back what is promised of nodes that a call has changed or removed; of all where
    /// another call may have changed them and back.
    pub(super) fn keep(&mut self, fs: &MemFs, action: &Action, alone: bool) {
        if !action.only_looks() {
            match alone {
                true => self.times.retain(|node, were| were.are_of(fs, *node)),
                false => self.times.clear(),
            }
        }
        if !changes_attributes(action) && !action.changes_names() {
            return;
        }
        let is_kept =
            |node: &Ino, was: &mut Attributes| Attributes::of(fs, *node).as_ref() == Some(was);
        match alone {
            true => self.attributes.retain(is_kept),
            false => self.attributes.clear(),
        }
    }

    /// What is lost, unless a call under way may have changed it.
    pub(super) fn lost<'a>(
        &self,
        before: &MemFs,
        recovered: &MemFs,
        under_way: impl Iterator<Item = &'a Action>,
    ) -> Option<(Ino, &'static str)> {
        let under_way: Vec<&Action> = under_way.collect();
        if under_way.iter().all(|action| action.only_looks())
            && let Some(lost) = self.lost_times(before, recovered)
        {
            return Some(lost);
        }
        if under_way.iter().any(|action| changes_attributes(action)) {
            return None;
        }
        let kept = self
            .attributes
            .iter()
            .filter(|(node, was)| Attributes::of(before, **node).as_ref() == Some(*was));
        let mut found = kept.filter_map(|(node, was)| {
            Some((*node, was.differs(&Attributes::of(recovered, *node)?)?))
        });
        found.next()
    }

    fn lost_times(&self, before: &MemFs, recovered: &MemFs) -> Option<(Ino, &'static str)> {
        let mut kept = self.times.iter().filter(|(node, were)| were.are_of(before, **node));
        kept.find_map(|(node, were)| {
            let found = Times::of(recovered, *node, were.ctime.is_some())?;
            let lost = if found.mtime != were.mtime { "modification time" } else { "change time" };
            (found != *were).then_some((*node, lost))
        })
    }
}
