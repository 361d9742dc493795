//! Recorded numbers and ours: nodes, handles, and where a listing has got to.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_abi::NodeId;

use crate::serve::{Head, Incoming, Listed};

/// What is known of a directory that is being listed.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    /// Everything that ours lists, by name.
    pub(super) ours: BTreeMap<Vec<u8>, Listed>,
    /// The names that the recording listed so far.
    pub(super) seen: BTreeSet<Vec<u8>>,
    /// It began before the recording did, or a part of it was cut: it listed other names as well.
    pub(super) has_gaps: bool,
}

/// The numbers.
#[derive(Clone, Debug)]
pub(super) struct Map {
    nodes: BTreeMap<u64, u64>,
    /// By recorded node and handle, the oldest first. A daemon that hands out descriptors of its
    /// own closes one before it answers RELEASE, so that another thread may hand out the same
    /// number first.
    files: BTreeMap<(u64, u64), Vec<u64>>,
    /// By our handle.
    pub(super) listings: BTreeMap<u64, Listing>,
}

impl Map {
    pub(super) fn new() -> Map {
        let nodes = BTreeMap::from([(NodeId::ROOT.0, NodeId::ROOT.0)]);
        Map { nodes, files: BTreeMap::new(), listings: BTreeMap::new() }
    }

    /// Learns that the recorded node is ours of that number.
    pub(super) fn learn_node(&mut self, recorded: u64, ours: u64) {
        if recorded != 0 && ours != 0 {
            self.nodes.insert(recorded, ours);
        }
    }

    /// Learns that the recorded handle of a recorded node is ours of that number.
    pub(super) fn learn_file(&mut self, node: u64, recorded: u64, ours: u64) {
        self.files.entry((node, recorded)).or_default().push(ours);
    }

    /// Ours for a recorded node; one that was never handed out stays a stranger.
    pub(super) fn node(&self, recorded: u64) -> u64 {
        self.nodes.get(&recorded).copied().unwrap_or(u64::MAX)
    }

    /// Whether a recorded handle is known.
    pub(super) fn has_file(&self, node: u64, recorded: u64) -> bool {
        self.files.contains_key(&(node, recorded))
    }

    fn file(&self, node: u64, recorded: u64) -> u64 {
        let known = self.files.get(&(node, recorded)).and_then(|known| known.last());
        known.copied().unwrap_or(u64::MAX)
    }

    /// The handle that is released: of those with one number, the oldest.
    fn release(&mut self, node: u64, recorded: u64) -> u64 {
        let Some(known) = self.files.get_mut(&(node, recorded)) else { return u64::MAX };
        let oldest = known.remove(0);
        if known.is_empty() {
            self.files.remove(&(node, recorded));
        }
        oldest
    }

    /// A recorded request with our numbers.
    pub(super) fn translate(&mut self, head: &Head, incoming: &Incoming) -> (Head, Incoming) {
        let from = head.nodeid.0;
        let head = Head { nodeid: NodeId(self.node(head.nodeid.0)), ..*head };
        let mut incoming = incoming.clone();
        match &mut incoming {
            Incoming::BatchForget { nodes } => {
                for (node, _) in nodes {
                    *node = NodeId(self.node(node.0));
                }
            }
            Incoming::Rename { new_parent: node, .. } | Incoming::Link { node, .. } => {
                *node = NodeId(self.node(node.0));
            }
            Incoming::Getattr { flags, fh } if *flags & 1 != 0 => *fh = self.file(from, *fh),
            Incoming::Setattr { input } if input.valid & fuserig_abi::FATTR_FH != 0 => {
                input.fh = self.file(from, input.fh);
            }
            Incoming::Read { input }
            | Incoming::Readdir { input }
            | Incoming::Readdirplus { input } => input.fh = self.file(from, input.fh),
            Incoming::Write { input, .. } => input.fh = self.file(from, input.fh),
            Incoming::Release { input } | Incoming::Releasedir { input } => {
                input.fh = self.release(from, input.fh);
            }
            Incoming::Fsync { input } | Incoming::Fsyncdir { input } => {
                input.fh = self.file(from, input.fh);
            }
            Incoming::Getlk { lock } | Incoming::Setlk { lock } | Incoming::Setlkw { lock } => {
                lock.fh = self.file(from, lock.fh);
            }
            Incoming::Flush { input } => input.fh = self.file(from, input.fh),
            Incoming::Fallocate { input } => input.fh = self.file(from, input.fh),
            Incoming::Lseek { input } => input.fh = self.file(from, input.fh),
            Incoming::CopyFileRange { input } => {
                input.fh_in = self.file(from, input.fh_in);
                input.fh_out = self.file(input.nodeid_out, input.fh_out);
                input.nodeid_out = self.node(input.nodeid_out);
            }
            _ => {}
        }
        (head, incoming)
    }
}
