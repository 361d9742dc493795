//! What was synced of a node besides its bytes: owner, permissions, extended attributes, and where
//! a symlink leads.

use std::collections::BTreeMap;

use fuserig_abi::Ino;
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
pub(super) struct Promised(BTreeMap<Ino, Attributes>);

impl Promised {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those of these nodes are on disk as they are.
    pub(super) fn promise(&mut self, fs: &MemFs, nodes: impl IntoIterator<Item = Ino>) {
        let now = nodes.into_iter().filter_map(|node| Some((node, Attributes::of(fs, node)?)));
        self.0.extend(now);
    }

    /// Takes back what is promised of nodes that a call has changed or removed; of all where
    /// another call may have changed them and back.
    pub(super) fn keep(&mut self, fs: &MemFs, action: &Action, alone: bool) {
        if !changes_attributes(action) && !action.changes_names() {
            return;
        }
        match alone {
            true => self.0.retain(|node, was| Attributes::of(fs, *node).as_ref() == Some(was)),
            false => self.0.clear(),
        }
    }

    /// What is lost, unless a call under way may have changed it.
    pub(super) fn lost<'a>(
        &self,
        before: &MemFs,
        recovered: &MemFs,
        mut under_way: impl Iterator<Item = &'a Action>,
    ) -> Option<(Ino, &'static str)> {
        if under_way.any(changes_attributes) {
            return None;
        }
        let kept = self
            .0
            .iter()
            .filter(|(node, was)| Attributes::of(before, **node).as_ref() == Some(*was));
        let mut found = kept.filter_map(|(node, was)| {
            Some((*node, was.differs(&Attributes::of(recovered, *node)?)?))
        });
        found.next()
    }
}
