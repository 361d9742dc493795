//! What a replay takes for granted of the state before its recording, and what rests on it.
//!
//! A node from before is believed to be as the first reply about it says. Until a reply with its
//! attributes came out equal, a difference that concerns it says nothing about the filter or the
//! daemon, and is counted as not judged. From then on it is judged like any other.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_abi::{FuseOpenIn, NodeId, Timespec};
use fuserig_sim_fs::LowerExt;

use super::compare::Difference;
use super::exchange::Exchange;
use super::infer::Unseen;
use super::player::{WireReplayer, recorded};
use super::uses::{FileUse, file_uses, nodes_used};
use crate::serve::{Head, Incoming, Outgoing};

/// Nodes and files whose state is a guess, by their recorded numbers.
#[derive(Debug, Default)]
pub(super) struct Assumed {
    nodes: BTreeSet<u64>,
    files: BTreeSet<(u64, u64)>,
    /// Doubts that begin at a later exchange.
    later: BTreeMap<u64, Vec<u64>>,
    links_from: Option<u64>,
    holder: Option<Vec<u8>>,
}

impl Assumed {
    /// The directory of files without a known name, if the node is the root, which holds it.
    pub(super) fn holder_in(&self, node: NodeId) -> Option<&[u8]> {
        self.holder.as_deref().filter(|_| node == NodeId::ROOT)
    }

    /// A reply as it is without that directory, which is a link of the root.
    pub(super) fn without_holder(&self, node: NodeId, reply: Outgoing) -> Outgoing {
        if self.holder.is_none() {
            return reply;
        }
        match reply {
            Outgoing::Attr(mut out) if node == NodeId::ROOT => {
                out.attr.nlink = out.attr.nlink.saturating_sub(1);
                Outgoing::Attr(out)
            }
            Outgoing::Entry(mut out) if out.nodeid == NodeId::ROOT.0 => {
                out.attr.nlink = out.attr.nlink.saturating_sub(1);
                Outgoing::Entry(out)
            }
            other => other,
        }
    }

    /// Doubts that begin with this exchange.
    fn reach(&mut self, sequence: u64) {
        if let Some(nodes) = self.later.remove(&sequence) {
            self.nodes.extend(nodes);
        }
    }

    /// The reply came out equal: what it describes is known from now on.
    pub(super) fn confirm(&mut self, exchange: &Exchange) {
        if self.nodes.is_empty() {
            return;
        }
        match reply_of(exchange) {
            Some(Outgoing::Attr(_)) => drop(self.nodes.remove(&exchange.head.nodeid.0)),
            Some(Outgoing::Entry(entry)) => drop(self.nodes.remove(&entry.nodeid)),
            Some(Outgoing::Create(entry, _)) => drop(self.nodes.remove(&entry.nodeid)),
            _ => {}
        }
    }

    /// Whether a difference rests on what is assumed. What the reply hands out does, too, then.
    pub(super) fn excuses(&mut self, exchange: &Exchange, found: &[Difference]) -> bool {
        let links = self.links_from.is_some_and(|from| from <= exchange.sequence);
        if links && found.iter().all(|(field, _, _)| field == "nlink") {
            return true;
        }
        if self.nodes.is_empty() && self.files.is_empty() {
            return false;
        }
        let node = exchange.head.nodeid.0;
        let Some(incoming) = exchange.incoming() else { return false };
        let reply = reply_of(exchange);
        let handed = match &reply {
            Some(Outgoing::Entry(entry) | Outgoing::Create(entry, _)) => Some(entry.nodeid),
            _ => None,
        };
        let mut nodes = nodes_used(node, &incoming).into_iter().map(|(node, _)| node).chain(handed);
        let uses = file_uses(node, &incoming);
        let rests = nodes.any(|node| self.nodes.contains(&node))
            || uses.iter().any(|used| self.files.contains(&(used.node, used.fh)));
        if rests {
            self.nodes.extend(handed.filter(|node| *node != 0));
            match reply {
                Some(Outgoing::Create(entry, out)) => {
                    self.files.insert((entry.nodeid, out.fh));
                }
                Some(Outgoing::Open(out)) => {
                    self.files.insert((node, out.fh));
                }
                _ => {}
            }
        }
        rests
    }
}

fn reply_of(exchange: &Exchange) -> Option<Outgoing> {
    recorded(&exchange.incoming()?, exchange.reply.as_ref()?)
}

impl WireReplayer {
    /// Prepares what was there before the recording began, as [`Unseen`] has it: the names of nodes
    /// are looked up, files are opened, and those that had no name any more lose theirs. From here
    /// on a difference that rests on it is not judged.
    pub fn assume(&mut self, unseen: &Unseen, now: Timespec) {
        // A start that was recorded, or given, has none: every name is there.
        let holder = unseen.holder().filter(|holder| self.is_below(holder));
        self.assumed.holder = holder.map(<[u8]>::to_vec);
        self.assumed.links_from = unseen.links_from;
        for (sequence, node) in &unseen.doubts {
            self.assumed.later.entry(*sequence).or_default().push(*node);
        }
        for node in &unseen.nodes {
            if let Some(ours) = self.walk(&node.path, now) {
                self.map.learn_node(node.node, ours);
            }
            if node.assumed {
                self.assumed.nodes.insert(node.node);
            }
        }
        for used in &unseen.files {
            self.open_unseen(used, now);
        }
        for node in unseen.nodes.iter().filter(|node| node.gone) {
            let Some((name, path)) = node.path.split_last() else { continue };
            let Some(parent) = self.walk(path, now) else { continue };
            let head = Head { nodeid: NodeId(parent), ..Head::default() };
            let _gone = self.server.handle(&head, Incoming::Unlink { name: name.clone() }, now);
        }
    }

    /// Whether the lower filesystem has that name at its root, whatever a filter says.
    fn is_below(&mut self, name: &[u8]) -> bool {
        let world = self.server.world_mut();
        let (kernel, root) = (world.kernel_caller(), world.lower.root());
        world.lower.lookup(&kernel, root, name).is_ok()
    }

    /// Our node at the end of a path.
    fn walk(&mut self, path: &[Vec<u8>], now: Timespec) -> Option<u64> {
        let mut at = NodeId::ROOT;
        for name in path {
            let head = Head { nodeid: at, ..Head::default() };
            let lookup = Incoming::Lookup { name: name.clone() };
            match self.server.handle(&head, lookup, now) {
                Outgoing::Entry(entry) if entry.nodeid != 0 => at = NodeId(entry.nodeid),
                _ => return None,
            }
        }
        Some(at.0)
    }

    /// Opens a file that the recording has open. It is the daemon's business by which name and in
    /// whose name it was opened.
    fn open_unseen(&mut self, used: &FileUse, now: Timespec) {
        let head = Head { nodeid: NodeId(self.map.node(used.node)), ..Head::default() };
        let input = FuseOpenIn { flags: used.open_flags(), open_flags: 0 };
        let open = match used.directory {
            true => Incoming::Opendir { input },
            false => Incoming::Open { input },
        };
        if let Outgoing::Open(out) = self.server.handle(&head, open, now) {
            self.map.learn_file(used.node, used.fh, out.fh);
        }
        self.assumed.files.insert((used.node, used.fh));
    }

    /// Before a request is served: doubts that begin with it, and files that it uses although
    /// nobody opened them. A daemon that refuses OPEN with `ENOSYS` has every file open.
    pub(super) fn prepare(&mut self, exchange: &Exchange, incoming: &Incoming) {
        self.assumed.reach(exchange.sequence);
        for used in file_uses(exchange.head.nodeid.0, incoming) {
            if !self.map.has_file(used.node, used.fh) {
                self.open_unseen(&used, exchange.now);
            }
        }
    }

    /// Numbers that the beginning of a cut reply hands out.
    pub(super) fn learn_cut(&mut self, exchange: &Exchange, ours: &Outgoing) {
        let Some(reply) = exchange.reply.as_ref().filter(|reply| reply.error == 0) else { return };
        let Some(number) = reply.body.first_chunk::<8>() else { return };
        let number = u64::from_le_bytes(*number);
        match ours {
            Outgoing::Entry(entry) | Outgoing::Create(entry, _) => {
                self.map.learn_node(number, entry.nodeid);
            }
            Outgoing::Open(out) => self.map.learn_file(exchange.head.nodeid.0, number, out.fh),
            _ => {}
        }
    }
}
