//! What the replies of a session say about the files of its start.

use std::collections::BTreeMap;

use fuserig_abi::{
    Errno, FATTR_SIZE, FileKind, FuseAttr, FuseEntryOut, NodeId, S_IFMT, XATTR_SIZE_MAX,
};

use super::file::File;
use super::unseen::Strange;
use crate::serve::{Incoming, Listed, Outgoing};
use crate::wire_replay::Exchange;
use crate::wire_replay::player::recorded;
use crate::wire_replay::uses::{is_about_hidden, is_hidden_name};

/// A file's place in the list of all.
pub(super) type Id = usize;
/// `XATTR_REPLACE`: what succeeds with it had a value before.
const XATTR_REPLACE: u32 = 2;
/// The root.
pub(super) const ROOT: Id = 0;

/// Watches a session in the order of its effects, and gives the tree of its start.
///
/// ```
/// use fuserig::wire_replay::Observer;
/// use fuserig_sim_fs::MemFsOptions;
/// let tree = Observer::default().build(MemFsOptions::default()).expect("an empty tree");
/// assert!(!tree.to_tree().contains("/a"));
/// ```
#[derive(Clone, Debug)]
pub struct Observer {
    pub(super) files: Vec<File>,
    /// Names at the start.
    pub(super) start: BTreeMap<(Id, Vec<u8>), Id>,
    /// Names as they are now; none for one that is known to be absent.
    pub(super) now: BTreeMap<(Id, Vec<u8>), Option<Id>>,
    /// Nodes of the recorded daemon, and the lookups that the kernel holds.
    pub(super) nodes: BTreeMap<u64, (Id, u64)>,
    /// Files with several names, by the inode number that the daemon shows.
    links: BTreeMap<u64, Id>,
    /// Whether messages before those that are seen are missing.
    partial: bool,
    /// What the session used without having been given it.
    pub(super) strange: Strange,
}

impl Default for Observer {
    fn default() -> Observer {
        let root = File::new(Some(FileKind::Directory), false);
        let nodes = BTreeMap::from([(NodeId::ROOT.0, (ROOT, 1))]);
        Observer {
            files: vec![root],
            start: BTreeMap::new(),
            now: BTreeMap::new(),
            nodes,
            links: BTreeMap::new(),
            partial: false,
            strange: Strange::default(),
        }
    }
}

impl Observer {
    /// An observer of a session that began before its recording, or of which something was lost:
    /// nodes and open files that nobody was given are taken for known before.
    pub fn of_a_part() -> Observer {
        Observer { partial: true, ..Observer::default() }
    }

    pub(super) fn is_partial(&self) -> bool {
        self.partial
    }

    /// Takes one exchange. What is no message of the protocol says nothing.
    pub fn see(&mut self, exchange: &Exchange) {
        let Some(incoming) = exchange.incoming() else { return };
        match &incoming {
            Incoming::Forget { nlookup } => return self.forget(exchange.head.nodeid.0, *nlookup),
            Incoming::BatchForget { nodes } => {
                return nodes.iter().for_each(|(node, nlookup)| self.forget(node.0, *nlookup));
            }
            _ => {}
        }
        let Some(reply) = exchange.reply.as_ref().filter(|_| !is_about_hidden(&incoming)) else {
            return;
        };
        self.strange.sequence = exchange.sequence;
        let node = exchange.head.nodeid.0;
        self.admit(node, &incoming);
        if exchange.cut {
            return self.see_cut(node, &incoming, reply);
        }
        let Some(outgoing) = recorded(&incoming, reply) else { return };
        let Some(id) = self.id(node) else { return };
        self.open_files(node, id, &incoming, &outgoing);
        match (&incoming, &outgoing) {
            (Incoming::Lookup { name }, Outgoing::Error(_)) => self.absent(id, name),
            (Incoming::Rmdir { name }, Outgoing::Error(Errno::ENOTEMPTY)) => self.crowded(id, name),
            (Incoming::Getxattr { name, .. }, Outgoing::Error(_)) => {
                self.files[id].settle_xattr(name);
            }
            (_, Outgoing::Error(_)) => {}
            (Incoming::Lookup { name }, Outgoing::Entry(entry)) => self.found(id, name, entry),
            (Incoming::Getattr { .. }, Outgoing::Attr(out)) => self.described(id, &out.attr),
            (Incoming::Readlink, Outgoing::Data(target)) => {
                self.files[id].target.get_or_insert_with(|| target.clone());
            }
            (Incoming::Read { input }, Outgoing::Data(bytes)) if reply.data_known => {
                self.files[id].read(input.offset, bytes);
            }
            (
                Incoming::Readdir { input } | Incoming::Readdirplus { input },
                Outgoing::Records(records),
            ) => {
                let whole = self.strange.lists(node, input);
                self.listed(id, records, whole);
            }
            (Incoming::Getxattr { .. } | Incoming::Listxattr { .. }, _) => {
                self.attribute(id, &incoming, &outgoing);
            }
            _ => self.changed(id, &incoming, &outgoing),
        }
    }

    pub(super) fn id(&self, node: u64) -> Option<Id> {
        self.nodes.get(&node).map(|(id, _)| *id)
    }

    fn forget(&mut self, node: u64, nlookup: u64) {
        if node == NodeId::ROOT.0 {
            return;
        }
        // The number may come back for another file.
        if let Some((_, held)) = self.nodes.get_mut(&node) {
            *held = held.saturating_sub(nlookup);
            if *held == 0 {
                self.nodes.remove(&node);
            }
        }
    }

    fn absent(&mut self, parent: Id, name: &[u8]) {
        self.now.entry((parent, name.to_vec())).or_insert(None);
    }

    /// A name that the daemon found: known by now, or there from the start.
    pub(super) fn found(&mut self, parent: Id, name: &[u8], entry: &FuseEntryOut) {
        if entry.nodeid == 0 {
            return self.absent(parent, name);
        }
        let key = (parent, name.to_vec());
        let known = self.now.get(&key).copied().flatten();
        let by_node = self.id(entry.nodeid).map(|id| self.one_of(id, entry));
        let id = match (by_node, known) {
            (Some(id), Some(known)) if id != known => self.same(known, id),
            (Some(id), _) => id,
            (None, known) => match (known, self.twin(&entry.attr)) {
                (Some(known), Some(twin)) if !self.is_met(known) => self.same(known, twin),
                (Some(known), _) => known,
                (None, Some(twin)) => twin,
                (None, None) => self.add(FileKind::from_mode(entry.attr.mode), false),
            },
        };
        if entry.attr.nlink > 1 && is_regular(&entry.attr) && !self.files[id].made {
            self.links.insert(entry.attr.ino, id);
        }
        // Below what was made in the session nothing was there at its start.
        if !self.now.contains_key(&key) && !self.files[parent].made && !self.files[id].made {
            self.starts(key.clone(), id);
        }
        self.names_now(key, Some(id));
        self.hold(entry.nodeid, id);
        self.described(id, &entry.attr);
    }

    /// The file of which a new node is another name: libfuse gives each path a node of its own, and
    /// the inode number of the file below. Two directories never are one.
    pub(super) fn twin(&self, attr: &FuseAttr) -> Option<Id> {
        self.links.get(&attr.ino).copied().filter(|_| is_regular(attr))
    }

    /// Whether a file is more than a name.
    fn is_met(&self, id: Id) -> bool {
        self.files[id].identified || self.files[id].made
    }

    /// A name leads to a node that was met another way: what is known of the name is known of the
    /// node's file. A name with a file of its own was changed behind the daemon's back.
    fn same(&mut self, named: Id, id: Id) -> Id {
        if self.is_met(named) || self.files[id].made {
            return id;
        }
        if let Some(key) = self.files[named].start_key.take() {
            self.files[named].names_at_start -= 1;
            self.starts(key, id);
        }
        let kind = self.files[named].kind;
        let file = &mut self.files[id];
        file.kind = file.kind.or(kind);
        id
    }

    pub(super) fn add(&mut self, kind: Option<FileKind>, made: bool) -> Id {
        self.files.push(File::new(kind, made));
        self.files.len() - 1
    }

    pub(super) fn hold(&mut self, node: u64, id: Id) {
        self.files[id].identified = true;
        let held =
            self.nodes.get(&node).filter(|(known, _)| *known == id).map_or(0, |entry| entry.1);
        self.nodes.insert(node, (id, held + 1));
    }

    /// Attributes; the first are those of the start.
    fn described(&mut self, id: Id, attr: &FuseAttr) {
        if self.files[id].attr.is_some() {
            return;
        }
        let mut attr = *attr;
        attr.size = self.files[id].length_at_start(attr.size);
        let kind = FileKind::from_mode(attr.mode & S_IFMT);
        let links = u64::from(attr.nlink);
        let unseen = if kind == Some(FileKind::Directory) {
            let below = self.names(id, &self.now, |observer, child| {
                child.is_some_and(|child| observer.files[child].kind == kind)
            });
            (links.saturating_sub(2).saturating_sub(below), self.started_below(id))
        } else {
            let file = &self.files[id];
            (links.saturating_sub(file.names_now.max(1)), file.names_at_start)
        };
        let file = &mut self.files[id];
        (file.attr, file.kind, file.unseen) = (Some(attr), kind.or(file.kind), Some(unseen));
    }

    pub(super) fn names<T: Copy>(
        &self,
        parent: Id,
        names: &BTreeMap<(Id, Vec<u8>), T>,
        counts: impl Fn(&Observer, T) -> bool,
    ) -> u64 {
        let below = names.range((parent, Vec::new())..(parent + 1, Vec::new()));
        below.filter(|(_, child)| counts(self, **child)).count() as u64
    }

    /// Subdirectories of the start that are known.
    pub(super) fn started_below(&self, parent: Id) -> u64 {
        self.names(parent, &self.start, |observer, child| {
            observer.files[child].kind == Some(FileKind::Directory)
        })
    }

    /// Names of the start that are known in a directory.
    pub(super) fn started_within(&self, parent: Id) -> u64 {
        self.names(parent, &self.start, |_, _| true)
    }

    /// The name was there at the start.
    pub(super) fn starts(&mut self, key: (Id, Vec<u8>), id: Id) {
        self.files[id].names_at_start += 1;
        self.files[id].start_key.get_or_insert_with(|| key.clone());
        self.start.insert(key, id);
    }

    /// The name names this now, or nothing.
    pub(super) fn names_now(&mut self, key: (Id, Vec<u8>), named: Option<Id>) {
        if let Some(id) = named {
            self.files[id].names_now += 1;
        }
        if let Some(before) = self.now.insert(key, named).flatten() {
            self.files[before].names_now -= 1;
        }
    }

    /// Files that were there at the start and are known, the root included.
    pub fn known(&self) -> usize {
        self.files.iter().filter(|file| !file.made).count()
    }

    /// A piece of a listing. An empty one is the end of it, and if its beginning was seen,
    /// everything was.
    fn listed(&mut self, parent: Id, records: &[Listed], whole: bool) {
        if records.is_empty() && whole {
            self.files[parent].listed = true;
        }
        let is_own = |record: &&Listed| !record.is_dot() && !is_hidden_name(&record.name);
        for record in records.iter().filter(is_own) {
            if let Some(entry) = record.entry.as_ref().filter(|entry| entry.nodeid != 0) {
                self.found(parent, &record.name, entry);
                continue;
            }
            let key = (parent, record.name.clone());
            if self.now.contains_key(&key) || self.files[parent].made {
                continue;
            }
            let id = self.add(FileKind::from_dirent_type(record.kind), false);
            self.starts(key.clone(), id);
            self.names_now(key, Some(id));
        }
    }

    fn attribute(&mut self, id: Id, incoming: &Incoming, outgoing: &Outgoing) {
        let file = &mut self.files[id];
        match (incoming, outgoing) {
            (Incoming::Getxattr { name, .. }, Outgoing::Data(value)) => file.xattr(name, value),
            (Incoming::Getxattr { name, .. }, Outgoing::Length(out)) => {
                file.xattr_named(name);
                if let Some(value) = file.xattrs.get_mut(name).filter(|value| value.is_empty()) {
                    value.resize(out.size.min(XATTR_SIZE_MAX) as usize, 0);
                }
            }
            (Incoming::Listxattr { .. }, Outgoing::Data(list)) => {
                let names = list.split(|&byte| byte == 0).filter(|name| !name.is_empty());
                names.for_each(|name| file.xattr_named(name));
            }
            _ => {}
        }
    }

    /// A change that succeeded.
    fn changed(&mut self, id: Id, incoming: &Incoming, outgoing: &Outgoing) {
        match (incoming, outgoing) {
            (Incoming::Link { node, name }, Outgoing::Entry(entry)) => {
                let linked = self.id(node.0).or_else(|| self.id(entry.nodeid));
                if let Some(linked) = linked {
                    self.names_now((id, name.clone()), Some(linked));
                    self.hold(entry.nodeid, linked);
                }
            }
            (
                Incoming::Mknod { name, .. }
                | Incoming::Mkdir { name, .. }
                | Incoming::Symlink { name, .. },
                Outgoing::Entry(entry),
            )
            | (Incoming::Create { name, .. }, Outgoing::Create(entry, _)) => {
                self.created(id, name, entry);
            }
            (Incoming::Unlink { name }, _) => {
                self.existed(id, name, None);
                self.names_now((id, name.clone()), None);
            }
            (Incoming::Rmdir { name }, _) => {
                self.existed(id, name, Some(FileKind::Directory));
                self.names_now((id, name.clone()), None);
            }
            (Incoming::Rename { name, new_parent, new_name, flags }, _) => {
                if let Some(to) = self.id(new_parent.0) {
                    self.existed(id, name, None);
                    self.doubt_rename((id, name), (to, new_name));
                    let exchange = flags.is_some_and(|flags| flags & 2 != 0);
                    self.renamed((id, name.clone()), (to, new_name.clone()), exchange);
                }
            }
            (Incoming::Setxattr { name, .. } | Incoming::Removexattr { name }, _) => {
                let creates = matches!(
                    incoming,
                    Incoming::Setxattr { flags, .. } if flags & XATTR_REPLACE == 0
                );
                if !creates {
                    self.files[id].xattr_named(name);
                }
                self.files[id].settle_xattr(name);
            }
            (Incoming::Setattr { .. }, Outgoing::Attr(out)) => {
                self.contents_changed(id, incoming);
                if !self.files[id].made {
                    self.described(id, &out.attr);
                }
            }
            _ => self.contents_changed(id, incoming),
        }
    }

    fn created(&mut self, parent: Id, name: &[u8], entry: &FuseEntryOut) {
        let key = (parent, name.to_vec());
        // CREATE opens what is there, too.
        if !self.now.contains_key(&key) && self.id(entry.nodeid).is_some() {
            return self.found(parent, name, entry);
        }
        let known = self.now.get(&key).copied().flatten();
        let id = match known.filter(|known| self.id(entry.nodeid) == Some(*known)) {
            Some(known) => known,
            None => self.add(FileKind::from_mode(entry.attr.mode), true),
        };
        self.names_now(key, Some(id));
        self.hold(entry.nodeid, id);
    }

    fn renamed(&mut self, old: (Id, Vec<u8>), new: (Id, Vec<u8>), exchange: bool) {
        let moved = self.now.get(&old).copied().flatten();
        let replaced = self.now.get(&new).copied().flatten();
        self.names_now(new, moved);
        self.names_now(old, if exchange { replaced } else { None });
    }

    pub(super) fn contents_changed(&mut self, id: Id, incoming: &Incoming) {
        let file = &mut self.files[id];
        match incoming {
            Incoming::Write { input, .. } => {
                let end = input.offset.saturating_add(u64::from(input.size));
                file.change(input.offset, end);
            }
            Incoming::Setattr { input } if input.valid & FATTR_SIZE != 0 => {
                file.change(input.size, u64::MAX);
            }
            Incoming::Open { input } if input.flags & 0o1000 != 0 => file.change(0, u64::MAX),
            Incoming::Fallocate { input } => file.change(input.offset, u64::MAX),
            Incoming::CopyFileRange { input } => {
                let end = input.off_out.saturating_add(input.len);
                if let Some(to) = self.id(input.nodeid_out) {
                    self.files[to].change(input.off_out, end);
                }
            }
            _ => {}
        }
    }
}

fn is_regular(attr: &FuseAttr) -> bool {
    attr.ino != 0 && FileKind::from_mode(attr.mode) == Some(FileKind::Regular)
}
