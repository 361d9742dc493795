//! The numbers a client knows: which inode and which names stand behind a nodeid.
//!
//! One nodeid for each inode, however many names it has. It is the number of the lower inode, so
//! that listings, attributes and nodes agree on it; an inode that shares its lower inode with
//! another one (LOOK-1) gets a number of its own. A node lives from its first entry in a reply
//! until the client has given every lookup back; a number can come back after that, which a
//! client allows, so the generation of every node is that of the server.

use std::collections::BTreeMap;

use fuserig_abi::{Errno, NodeId};

use crate::kernel::{DentryId, InodeId, Mount};

/// A node the client holds.
#[derive(Debug)]
struct Node {
    inode: InodeId,
    /// The names it was found by, newest last; each is held, and so is the inode through them.
    names: Vec<DentryId>,
    /// Lookups the client owes.
    lookups: u64,
}

/// Every node the client holds.
#[derive(Debug)]
pub(super) struct Nodes {
    table: BTreeMap<NodeId, Node>,
    numbers: BTreeMap<InodeId, NodeId>,
    next_extra: u64,
    /// Lookups that were given back and had never been made.
    overdrawn: u64,
}

/// Where numbers begin that are not those of a lower inode.
const EXTRA: u64 = 1 << 62;

impl Nodes {
    /// The root and nothing else.
    pub(super) fn new(mount: &mut Mount) -> Nodes {
        let (root, inode) = (mount.root, mount.inode_of(mount.root));
        mount.hold(root);
        let node = Node { inode, names: vec![root], lookups: 1 };
        Nodes {
            table: BTreeMap::from([(NodeId::ROOT, node)]),
            numbers: BTreeMap::from([(inode, NodeId::ROOT)]),
            next_extra: EXTRA,
            overdrawn: 0,
        }
    }

    /// How many nodes the client holds, the root included.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Lookups that the client gave back and had never made.
    pub(super) fn overdrawn(&self) -> u64 {
        self.overdrawn
    }

    /// A name of the node; `ESTALE` for a number that was never handed out or was given back.
    pub(super) fn dentry(&self, nodeid: NodeId) -> Result<DentryId, Errno> {
        let node = self.table.get(&nodeid).ok_or(Errno::ESTALE)?;
        Ok(*node.names.last().expect("a node keeps one name at least"))
    }

    /// The number the client knows an inode by, if it does.
    pub(super) fn number_of(&self, inode: InodeId) -> Option<NodeId> {
        self.numbers.get(&inode).copied()
    }

    /// Counts a lookup of the positive dentry and takes over the caller's reference on it.
    pub(super) fn admit(&mut self, mount: &mut Mount, dentry: DentryId) -> NodeId {
        let inode = mount.inode_of(dentry);
        let nodeid = match self.numbers.get(&inode) {
            Some(nodeid) => *nodeid,
            None => self.number(mount, inode),
        };
        let fresh = || Node { inode, names: Vec::with_capacity(1), lookups: 0 };
        let node = self.table.entry(nodeid).or_insert_with(fresh);
        node.lookups += 1;
        if node.names.contains(&dentry) {
            mount.put(dentry);
        } else {
            node.names.push(dentry);
        }
        prune(mount, node);
        nodeid
    }

    fn number(&mut self, mount: &Mount, inode: InodeId) -> NodeId {
        let own = mount.inodes[inode].backing.map_or(NodeId(0), |ino| NodeId(ino.0));
        let usable = own.0 != 0 && own.0 < EXTRA && !self.table.contains_key(&own);
        let nodeid = if usable {
            own
        } else {
            self.next_extra += 1;
            NodeId(self.next_extra - 1)
        };
        self.numbers.insert(inode, nodeid);
        nodeid
    }

    /// Lets go of names that are gone, after an unlink or a rename.
    pub(super) fn names_changed(&mut self, mount: &mut Mount, inode: InodeId) {
        if let Some(nodeid) = self.numbers.get(&inode)
            && let Some(node) = self.table.get_mut(nodeid)
        {
            prune(mount, node);
        }
    }

    /// Takes lookups back; the last one ends the node. More than were handed out end it as well.
    pub(super) fn forget(&mut self, mount: &mut Mount, nodeid: NodeId, lookups: u64) {
        let Some(node) = self.table.get_mut(&nodeid) else {
            self.overdrawn = self.overdrawn.saturating_add(lookups);
            return;
        };
        self.overdrawn = self.overdrawn.saturating_add(lookups.saturating_sub(node.lookups));
        node.lookups = node.lookups.saturating_sub(lookups);
        if node.lookups > 0 || nodeid == NodeId::ROOT {
            return;
        }
        let node = self.table.remove(&nodeid).expect("it was just there");
        self.numbers.remove(&node.inode);
        for dentry in node.names {
            mount.put(dentry);
        }
    }
}

/// Keeps the names that can still be found, or the newest one when none can.
fn prune(mount: &mut Mount, node: &mut Node) {
    if node.names.len() < 2 {
        return;
    }
    let newest = *node.names.last().expect("two names at least");
    let keep_newest = !node.names.iter().any(|&name| mount.dentries[name].hashed);
    node.names.retain(|&name| {
        let stays = mount.dentries[name].hashed || (keep_newest && name == newest);
        if !stays {
            mount.put(name);
        }
        stays
    });
}
