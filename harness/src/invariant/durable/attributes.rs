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
        | Action::Copy { .. } => true,
        Action::Open { flags, .. } => flags & OpenFlags::TRUNC.bits() != 0,
        _ => false,
    }
}

/// The promised attributes of each node.
#[derive(Clone, Debug, Default)]
pub(super) struct Promised {
    attributes: BTreeMap<Ino, Attributes>,
    modified: BTreeMap<Ino, Timespec>,
}

fn modified(fs: &MemFs, node: Ino) -> Option<Timespec> {
    Some(fs.stat(node)?.mtime)
}

impl Promised {
    pub(super) fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.modified.is_empty()
    }

    /// Those of these nodes are on disk as they are.
    pub(super) fn promise(&mut self, fs: &MemFs, nodes: impl IntoIterator<Item = Ino>) {
        let now = nodes.into_iter().filter_map(|node| Some((node, Attributes::of(fs, node)?)));
        self.attributes.extend(now);
    }

    /// The time at which this one was modified is on disk.
    pub(super) fn promise_time(&mut self, fs: &MemFs, node: Ino) {
        self.modified.extend(modified(fs, node).map(|time| (node, time)));
    }

    /// Takes back what is promised of nodes that a call has changed or removed; of all where
    /// another call may have changed them and back.
    pub(super) fn keep(&mut self, fs: &MemFs, action: &Action, alone: bool) {
        if !action.only_looks() {
            match alone {
                true => self.modified.retain(|node, was| modified(fs, *node) == Some(*was)),
                false => self.modified.clear(),
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
            && let Some(node) = self.lost_time(before, recovered)
        {
            return Some((node, "modification time"));
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

    fn lost_time(&self, before: &MemFs, recovered: &MemFs) -> Option<Ino> {
        let kept = |node, was| modified(before, node) == Some(was);
        let other = |node, was| modified(recovered, node).is_some_and(|is| is != was);
        let mut lost =
            self.modified.iter().filter(|(node, was)| kept(**node, **was) && other(**node, **was));
        lost.next().map(|(node, _)| *node)
    }
}
