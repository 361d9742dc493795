//! What a recording uses without having seen where it comes from: nodes, open files and names from
//! before its beginning, or from messages that were lost.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_abi::{FileKind, FuseEntryOut, FuseReadIn, NodeId};

use super::observer::{Id, Observer, ROOT};
use crate::serve::{Incoming, Outgoing};
use crate::wire_replay::exchange::Replied;
use crate::wire_replay::uses::{FileUse, file_uses, nodes_used};

/// The directory of files whose names nobody said.
const HOLDER: &[u8] = b"unknown-names";

/// The name of a file whose name nobody said.
pub(super) fn placeholder(node: u64) -> Vec<u8> {
    format!("node-{node}").into_bytes()
}

/// What is collected on the way.
#[derive(Clone, Debug, Default)]
pub(super) struct Strange {
    /// The exchange that is being looked at.
    pub(super) sequence: u64,
    nodes: Vec<(u64, Id)>,
    /// Handles that were given out and not given back.
    given: BTreeMap<(u64, u64), u64>,
    files: BTreeMap<(u64, u64), (Id, FileUse)>,
    /// Handles whose listing was seen from its beginning.
    listing: BTreeSet<(u64, u64)>,
    /// Names that were taken away before anybody looked them up, and when.
    removed: Vec<(u64, Id)>,
    doubts: Vec<(u64, u64)>,
    links_from: Option<u64>,
}

impl Strange {
    /// Whether the listing that a request continues was seen from its beginning.
    pub(super) fn lists(&mut self, node: u64, input: &FuseReadIn) -> bool {
        let key = (node, input.fh);
        if input.offset == 0 {
            self.listing.insert(key);
        }
        self.listing.contains(&key)
    }
}

/// What has to be there before the first request of a recording that began within a session.
///
/// ```
/// use fuserig::wire_replay::Observer;
/// let unseen = Observer::of_a_part().unseen();
/// assert_eq!((unseen.nodes(), unseen.nameless(), unseen.files()), (0, 0, 0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unseen {
    pub(in crate::wire_replay) nodes: Vec<UnseenNode>,
    pub(in crate::wire_replay) files: Vec<FileUse>,
    /// From which exchange on a node may be otherwise than the replies so far say.
    pub(in crate::wire_replay) doubts: Vec<(u64, u64)>,
    /// From which exchange on a file may have lost a name that nobody knows to be its own.
    pub(in crate::wire_replay) links_from: Option<u64>,
    holder: Option<Vec<u8>>,
}

/// A node from before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::wire_replay) struct UnseenNode {
    /// Its recorded number.
    pub(in crate::wire_replay) node: u64,
    /// The names that lead to it from the root.
    pub(in crate::wire_replay) path: Vec<Vec<u8>>,
    /// It has no name any more.
    pub(in crate::wire_replay) gone: bool,
    /// Nobody said how it was before it was used.
    pub(in crate::wire_replay) assumed: bool,
}

impl Unseen {
    /// How many nodes were used that nobody was given.
    pub fn nodes(&self) -> usize {
        self.nodes.iter().filter(|node| node.assumed).count()
    }

    /// How many of them have a name that nobody said.
    pub fn nameless(&self) -> usize {
        let holder = self.holder.as_ref();
        let stands_there = |node: &&UnseenNode| node.path.len() == 2 && node.path.first() == holder;
        self.nodes.iter().filter(stands_there).count()
    }

    /// How many open files were used that nobody was given.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// The directory at the root in which files without a known name stand, if there are any.
    pub fn holder(&self) -> Option<&[u8]> {
        self.holder.as_deref()
    }
}

impl Observer {
    /// Nodes that a request names and nobody was given.
    pub(super) fn admit(&mut self, node: u64, incoming: &Incoming) {
        if self.is_partial() {
            for (node, kind) in nodes_used(node, incoming) {
                self.stranger(node, kind);
            }
        }
    }

    fn stranger(&mut self, node: u64, kind: Option<FileKind>) {
        match self.id(node) {
            Some(id) => {
                let file = &mut self.files[id];
                file.kind = file.kind.or(kind);
            }
            None if node == 0 => {}
            None => {
                let id = self.add(kind, false);
                self.files[id].identified = true;
                self.nodes.insert(node, (id, 0));
                self.strange.nodes.push((node, id));
            }
        }
    }

    /// A node from before whose attributes show that it is a file that another node has led to: it
    /// becomes that file.
    pub(super) fn one_of(&mut self, id: Id, entry: &FuseEntryOut) -> Id {
        let is_blank = self.files[id].attr.is_none() && self.files[id].names_at_start == 0;
        let Some(twin) = self.twin(&entry.attr).filter(|twin| is_blank && *twin != id) else {
            return id;
        };
        let blank = core::mem::take(&mut self.files[id]);
        self.files[twin].absorb(blank);
        let held = self.nodes.get(&entry.nodeid).map_or(0, |(_, held)| *held);
        self.nodes.insert(entry.nodeid, (twin, held));
        let nodes = self.strange.nodes.iter_mut().map(|(_, known)| known);
        let files = self.strange.files.values_mut().map(|(known, _)| known);
        nodes.chain(files).filter(|known| **known == id).for_each(|known| *known = twin);
        twin
    }

    /// Open files that are given out, used and given back.
    pub(super) fn open_files(
        &mut self,
        node: u64,
        id: Id,
        incoming: &Incoming,
        outgoing: &Outgoing,
    ) {
        let given = match outgoing {
            Outgoing::Open(out) => Some((node, out.fh)),
            Outgoing::Create(entry, out) => Some((entry.nodeid, out.fh)),
            _ => None,
        };
        if let Some(key) = given {
            *self.strange.given.entry(key).or_default() += 1;
            return;
        }
        for used in file_uses(node, incoming) {
            let key = (used.node, used.fh);
            if let Some(count) = self.strange.given.get_mut(&key) {
                if used.closes {
                    *count -= 1;
                    if *count == 0 {
                        self.strange.given.remove(&key);
                    }
                }
                continue;
            }
            if !self.is_partial() || matches!(outgoing, Outgoing::Error(_)) {
                continue;
            }
            let id = self.id(used.node).unwrap_or(id);
            let known = self.strange.files.entry(key).or_insert((id, used));
            known.1.merge(&used);
            if !used.closes {
                continue;
            }
            // The number may be given out again from here on.
            self.strange.listing.remove(&key);
        }
    }

    /// A name that a change found although nobody looked it up: it was there from the start.
    pub(super) fn existed(&mut self, parent: Id, name: &[u8], kind: Option<FileKind>) {
        let key = (parent, name.to_vec());
        if !self.is_partial() || self.now.contains_key(&key) || self.files[parent].made {
            return;
        }
        let id = self.add(kind, false);
        self.starts(key.clone(), id);
        self.names_now(key, Some(id));
        self.strange.removed.push((self.strange.sequence, id));
    }

    /// A directory that could not be removed.
    pub(super) fn crowded(&mut self, parent: Id, name: &[u8]) {
        self.existed(parent, name, Some(FileKind::Directory));
        let Some(child) = self.now.get(&(parent, name.to_vec())).copied().flatten() else { return };
        let within = self.names(child, &self.now, |_, named| named.is_some());
        if within == 0 && !self.files[child].made {
            self.files[child].crowded = true;
        }
    }

    /// A rename of something that nobody has seen changes links of directories in a way that
    /// nobody knows.
    pub(super) fn doubt_rename(&mut self, old: (Id, &[u8]), new: (Id, &[u8])) {
        let moved = self.now.get(&(old.0, old.1.to_vec())).copied().flatten();
        let moved_kind = moved.and_then(|moved| self.files[moved].kind);
        let target_known = self.now.contains_key(&(new.0, new.1.to_vec()));
        if !self.is_partial() || (moved_kind.is_some() && target_known) {
            return;
        }
        let sequence = self.strange.sequence;
        let both = self.nodes.iter().filter(|(_, (id, _))| [old.0, new.0].contains(id));
        let doubts: Vec<_> = both.map(|(node, _)| (sequence, *node)).collect();
        self.strange.doubts.extend(doubts);
        if !target_known {
            self.strange.links_from.get_or_insert(sequence);
        }
    }

    /// A reply of which the recording has the beginning: the node of a name, and no more.
    pub(super) fn see_cut(&mut self, node: u64, incoming: &Incoming, reply: &Replied) {
        let Some(id) = self.id(node) else { return };
        let number = |at: usize| {
            let bytes = reply.body.get(at..)?.first_chunk::<8>()?;
            Some(u64::from_le_bytes(*bytes)).filter(|number| *number != 0)
        };
        let (name, made) = match incoming {
            Incoming::Lookup { name } => (name, false),
            Incoming::Mknod { name, .. }
            | Incoming::Mkdir { name, .. }
            | Incoming::Symlink { name, .. }
            | Incoming::Create { name, .. } => (name, true),
            Incoming::Read { input } => return self.files[id].read(input.offset, &reply.body),
            Incoming::Readdir { input } | Incoming::Readdirplus { input } => {
                self.strange.listing.remove(&(node, input.fh));
                return;
            }
            _ => return self.contents_changed(id, incoming),
        };
        let Some(child) = number(0).filter(|_| reply.error == 0) else { return };
        let key = (id, name.clone());
        let known = self.now.get(&key).copied().flatten();
        let named = match self.id(child).or(known) {
            Some(named) => named,
            None => self.add(None, made),
        };
        if !made && !self.now.contains_key(&key) && !self.files[id].made {
            self.starts(key.clone(), named);
        }
        self.names_now(key, Some(named));
        self.hold(child, named);
        self.strange.doubts.push((self.strange.sequence, child));
        if let Incoming::Mkdir { .. } = incoming {
            self.files[named].kind = Some(FileKind::Directory);
        }
    }

    /// Files whose names nobody said, by their numbers.
    pub(super) fn nameless(&self) -> Vec<(u64, Id)> {
        let mut numbers = BTreeSet::new();
        let nodes = self.strange.nodes.iter().copied();
        nodes
            .filter(|(node, id)| self.files[*id].names_at_start == 0 && numbers.insert(*node))
            .collect()
    }

    /// The name of the directory that they stand in, which nothing else at the root has; none when
    /// every name is known.
    pub(super) fn holder(&self) -> Option<Vec<u8>> {
        if self.nameless().is_empty() && !self.has_links_elsewhere() {
            return None;
        }
        let mut name = HOLDER.to_vec();
        let taken = |name: &Vec<u8>| {
            let key = (ROOT, name.clone());
            self.now.contains_key(&key) || self.start.contains_key(&key)
        };
        while taken(&name) {
            name.push(b'+');
        }
        Some(name)
    }

    /// What has to be prepared before the first request.
    pub fn unseen(&self) -> Unseen {
        let names: BTreeMap<Id, &(Id, Vec<u8>)> =
            self.start.iter().rev().map(|(key, id)| (*id, key)).collect();
        let nameless = self.nameless();
        let roots: BTreeMap<Id, u64> = nameless.iter().map(|(node, id)| (*id, *node)).collect();
        let holder = self.holder();
        let path = |id: Id| {
            let (mut at, mut path) = (id, Vec::new());
            while at != ROOT {
                // A loop of names is none that a filesystem can have.
                if path.len() > self.files.len() {
                    return None;
                }
                if let Some(node) = roots.get(&at) {
                    path.push(placeholder(*node));
                    path.push(holder.clone()?);
                    break;
                }
                let (parent, name) = names.get(&at)?;
                path.push(name.clone());
                at = *parent;
            }
            path.reverse();
            Some(path)
        };
        let files: Vec<(Id, FileUse)> = self.strange.files.values().copied().collect();
        let files: Vec<_> = files.into_iter().filter(|(id, _)| !self.files[*id].made).collect();
        let assumed = self.strange.nodes.iter().map(|(node, id)| (*node, *id, true));
        let opened = files.iter().map(|(id, used)| (used.node, *id, false));
        let mut met = BTreeSet::from([NodeId::ROOT.0]);
        let mut nodes = Vec::new();
        for (node, id, assumed) in assumed.chain(opened) {
            let Some(path) = path(id).filter(|_| met.insert(node)) else { continue };
            let gone = self.files[id].attr.is_some_and(|attr| attr.nlink == 0);
            nodes.push(UnseenNode { node, path, gone, assumed });
        }
        let unknown = |id: &Id| !self.files[*id].identified && self.files[*id].kind.is_none();
        let removed = self.strange.removed.iter().filter(|(_, id)| unknown(id));
        let removed = removed.map(|(sequence, _)| *sequence).min();
        let links_from = self.strange.links_from.into_iter().chain(removed).min();
        let files = files.into_iter().map(|(_, used)| used).collect();
        let doubts = self.strange.doubts.clone();
        Unseen { nodes, files, doubts, links_from, holder }
    }
}
