//! What is on disk: nodes by number, and the names in each directory.
//!
//! It knows neither handles nor references nor link counts: what a node is called is counted when
//! the disk is mounted, and what has no name then is gone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use fuserig_abi::Ino;

use super::change::Change;
use crate::mem::contents::Contents;
use crate::mem::digest::{ROOT_PLACE, place_of};
use crate::mem::directory::Directory;
use crate::mem::inode::{Body, Inode};
use crate::mem::space::{Range, repeat_fallocate};
use crate::mem::{MemFs, MemFsOptions};

#[derive(Clone, Debug)]
struct Node {
    inode: Inode,
    names: BTreeMap<Box<[u8]>, Ino>,
}

#[derive(Clone, Debug)]
pub(super) struct Disk {
    options: MemFsOptions,
    nodes: BTreeMap<Ino, Node>,
}

/// What the names that lead to a node add up to.
#[derive(Clone, Copy, Default)]
struct Names {
    count: u32,
    subdirectories: u32,
    place: u128,
    parent: Ino,
}

impl Disk {
    /// Everything of a filesystem, as after a clean unmount.
    pub(super) fn of(fs: &MemFs) -> Disk {
        let node = |(number, inode): (u64, &Arc<Inode>)| {
            let entries = inode.directory().into_iter().flat_map(Directory::entries);
            let names = entries.map(|entry| (entry.name.clone(), entry.ino)).collect();
            (Ino(number), Node { inode: Inode::clone(inode), names })
        };
        Disk { options: fs.options, nodes: fs.inodes.iter().map(node).collect() }
    }

    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Node { ino, inode } => {
                let node = Node { inode: Inode::clone(inode), names: BTreeMap::new() };
                self.nodes.insert(*ino, node);
            }
            Change::Entry { place, to } => {
                let names = &mut self.node(place.directory).names;
                match to {
                    Some(ino) => names.insert(place.name.clone(), *ino),
                    None => names.remove(&place.name),
                };
            }
            Change::Attributes { ino, inode: new } => {
                let inode = &mut self.node(*ino).inode;
                (inode.permissions, inode.uid, inode.gid) = (new.permissions, new.uid, new.gid);
                inode.xattrs.clone_from(&new.xattrs);
                (inode.atime, inode.mtime, inode.ctime) = (new.atime, new.mtime, new.ctime);
            }
            Change::Times { ino, mtime, ctime } => {
                let inode = &mut self.node(*ino).inode;
                (inode.mtime, inode.ctime) = (*mtime, *ctime);
            }
            Change::Cut { ino, size } => {
                let inode = &mut self.node(*ino).inode;
                if *size <= inode.size {
                    inode.contents_mut().truncate(*size);
                }
                inode.size = *size;
            }
            Change::Space { ino, mode, offset, length } => {
                let range = Range { offset: *offset, length: *length };
                repeat_fallocate(&mut self.node(*ino).inode, *mode, range);
            }
            Change::Bytes { ino, offset, bytes } => {
                let inode = &mut self.node(*ino).inode;
                inode.contents_mut().write(*offset, bytes);
                inode.size = inode.size.max(offset + bytes.len() as u64);
            }
        }
    }

    fn node(&mut self, ino: Ino) -> &mut Node {
        self.nodes.get_mut(&ino).expect("an effect survives only with the node it is about")
    }

    /// The filesystem that is found when the disk is mounted.
    pub(super) fn mount(&self) -> MemFs {
        let names = self.names();
        let next = self.nodes.keys().next_back().map_or(self.options.root_ino.0, |ino| ino.0) + 1;
        let mut fs = MemFs::without_nodes(self.options, next);
        for (ino, found) in &names {
            let node = &self.nodes[ino];
            let mut inode = node.inode.clone();
            (inode.opens, inode.referenced, inode.linkable) = (0, false, false);
            inode.place = found.place;
            if inode.is_directory() {
                inode.nlink = 2 + found.subdirectories;
                let mut directory = Directory::new(found.parent);
                for (name, child) in node.names.iter().filter(|(_, to)| names.contains_key(to)) {
                    directory.add(name, *child, self.nodes[child].inode.kind);
                }
                inode.body = Body::Directory(Arc::new(directory));
            } else {
                inode.nlink = found.count;
                fs.inodes_used += u64::from(found.count - 1);
            }
            fs.file_inode(*ino, inode);
        }
        fs
    }

    /// What every node that can be reached is called.
    fn names(&self) -> BTreeMap<Ino, Names> {
        let root = self.options.root_ino;
        let first = Names { count: 1, subdirectories: 0, place: ROOT_PLACE, parent: root };
        let mut found = BTreeMap::from([(root, first)]);
        let mut pending = VecDeque::from([root]);
        while let Some(directory) = pending.pop_front() {
            let place = found[&directory].place;
            for (name, ino) in &self.nodes[&directory].names {
                let is_directory = self.nodes[ino].inode.is_directory();
                let names = found.entry(*ino).or_default();
                assert!(names.count == 0 || !is_directory, "a directory has one name");
                names.count += 1;
                names.place = names.place.wrapping_add(place_of(place, name));
                names.parent = directory;
                if is_directory {
                    pending.push_back(*ino);
                    found.entry(directory).or_default().subdirectories += 1;
                }
            }
        }
        found
    }
}

/// The inode as it is on disk when it has just been made: without contents and names.
pub(super) fn bare(inode: &Inode) -> Box<Inode> {
    let mut bare = inode.clone();
    match &mut bare.body {
        Body::Regular(contents) => {
            *contents = Contents::default();
            bare.size = 0;
        }
        Body::Directory(directory) => *directory = Arc::new(Directory::new(directory.parent)),
        Body::Symlink(_) | Body::Special => {}
    }
    Box::new(bare)
}
