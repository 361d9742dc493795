//! Two filesystems in lockstep: the same operation to both, then their answers are compared.
//!
//! What is not compared, and why:
//! - Numbers of nodes and handles: each filesystem mints its own. They must correspond one to one.
//! - Times that a clock gave: the simulation's is the caller's, the host's is its own. A time in
//!   the first third of the epoch so far was set on purpose and must be equal.
//! - The access time of a symbolic link: `readlinkat` moves it and `vfs_get_link` does not.
//! - Whole-file locks of devices and fifos, which a host directory never opens (`EOPNOTSUPP`).
//! - What `SEEK_DATA` finds after space was allocated to a file more than once: tmpfs makes zeros
//!   of space that is allocated again, the simulation leaves it without data. In the final trees
//!   only pages that are not all zeros are compared.
//! - Capacity: only the constants of `StatFs` are compared.
//! - The position of the first record of a listing: the host cannot tell it and says where it was
//!   asked to start.

use std::collections::BTreeMap;

use fuserig_abi::{Errno, FileKind, Ino, Stat, StatFs};
use fuserig_sim_fs::{
    AttrChanges, DirEntry, FallocateMode, Lower, LowerExt, LowerFh, LowerReply, SetTime, Whence,
};

use crate::actions::{Action, Dir, File, Node, Step};
use crate::bind::{Both, Chosen, Side, caller, operation};
use crate::tree::{Host, comparable, tree};

/// The two filesystems and what is known of them.
#[derive(Debug)]
pub(crate) struct Pair<'fs> {
    left: &'fs mut dyn Lower,
    right: &'fs mut dyn Lower,
    nodes: Vec<(Both<Ino>, FileKind)>,
    /// Open files, each with its node on the left.
    files: Vec<(Both<LowerFh>, Ino)>,
    /// How often space was allocated to a node of the left.
    allocations: BTreeMap<Ino, u32>,
    /// Which number of the right belongs to which of the left, for all that were ever seen.
    numbers: BTreeMap<Ino, Ino>,
    host: Host,
    now: i64,
}

impl<'fs> Pair<'fs> {
    pub(crate) fn new(
        left: &'fs mut dyn Lower,
        right: &'fs mut dyn Lower,
        host: Host,
    ) -> Pair<'fs> {
        let root = Both { left: left.root(), right: right.root() };
        let numbers = BTreeMap::from([(root.left, root.right)]);
        let nodes = vec![(root, FileKind::Directory)];
        // A simulated root is as old as the epoch, and that looks as if somebody had set it.
        let touch = AttrChanges {
            atime: Some(SetTime::Now),
            mtime: Some(SetTime::Now),
            ..Default::default()
        };
        for (fs, node) in [(&mut *left, root.left), (&mut *right, root.right)] {
            fs.setattr(&caller(0, 1_700_000_000), node, touch).expect("root may touch the root");
        }
        Pair {
            left,
            right,
            nodes,
            files: Vec::new(),
            allocations: BTreeMap::new(),
            numbers,
            host,
            now: 1_700_000_000,
        }
    }

    /// Performs a step on both sides and compares.
    pub(crate) fn step(&mut self, step: &Step) -> Result<(), String> {
        self.now += 1;
        let caller = caller(step.who, self.now);
        let chosen = self.choose(&step.action);
        let left = operation(&step.action, &chosen, Side::Left);
        let right = operation(&step.action, &chosen, Side::Right);
        let left = self.left.apply(&caller, &left.op());
        let right = self.right.apply(&caller, &right.op());
        if self.excused(&step.action, chosen.file.left, &right) {
            return Ok(());
        }
        self.compare(&left, &right, chosen.node.left).map_err(|difference| {
            format!("{step:?}\n on {chosen:?}\n  left {left:?}\n right {right:?}\n {difference}")
        })?;
        if let (Action::Forget(_), Ok(_)) = (&step.action, &left)
            && chosen.node.left != self.nodes[0].0.left
        {
            self.nodes.retain(|(node, _)| *node != chosen.node);
        }
        if let (Action::Release(_), Ok(_)) = (&step.action, &left) {
            self.files.retain(|(file, _)| *file != chosen.file);
        }
        Ok(())
    }

    /// Whether the two may differ here, for a reason given at the top.
    fn excused(
        &mut self,
        action: &Action,
        file: LowerFh,
        right: &Result<LowerReply, Errno>,
    ) -> bool {
        let node = self.files.iter().find(|(both, _)| both.left == file).map(|(_, node)| *node);
        let allocations = self.allocations.entry(node.unwrap_or(Ino(0))).or_default();
        match action {
            Action::Flock(..) => *right == Err(Errno::EOPNOTSUPP),
            Action::Fallocate(_, mode, ..) => {
                let allocates = (*mode - FallocateMode::KEEP_SIZE).is_empty();
                *allocations += u32::from(allocates && right.is_ok());
                false
            }
            Action::Seek(_, _, Whence::Data | Whence::Hole, _) => *allocations > 1,
            _ => false,
        }
    }

    fn choose(&self, action: &Action) -> Chosen {
        let node = |index: u8| self.nodes[usize::from(index) % self.nodes.len()].0;
        let dir = |dir: Dir| match dir {
            Dir::Any(index) => node(index),
            Dir::Directory(index) => {
                let directories: Vec<_> =
                    self.nodes.iter().filter(|(_, kind)| *kind == FileKind::Directory).collect();
                directories[usize::from(index) % directories.len()].0
            }
        };
        let file = |File(index): File| match self.files.as_slice() {
            [] => Both { left: LowerFh(0), right: LowerFh(0) },
            files => files[usize::from(index) % files.len()].0,
        };
        let mut chosen =
            Chosen { node: node(0), other: node(0), file: file(File(0)), second: file(File(0)) };
        match *action {
            Action::Lookup(at, _)
            | Action::Create(at, ..)
            | Action::Mknod(at, ..)
            | Action::Mkdir(at, ..)
            | Action::Symlink(at, ..)
            | Action::Unlink(at, _)
            | Action::Rmdir(at, _)
            | Action::CreateOpen(at, ..)
            | Action::Tmpfile(at, ..) => chosen.node = dir(at),
            Action::Rename(from, _, to, ..) => (chosen.node, chosen.other) = (dir(from), dir(to)),
            Action::Link(Node(index), at, _) => {
                (chosen.node, chosen.other) = (node(index), dir(at));
            }
            Action::Parent(Node(index))
            | Action::Forget(Node(index))
            | Action::Getattr(Node(index))
            | Action::Setattr(Node(index), _)
            | Action::Access(Node(index), _)
            | Action::Readlink(Node(index))
            | Action::Open(Node(index), ..)
            | Action::Statfs(Node(index))
            | Action::GetXattr(Node(index), ..)
            | Action::ListXattr(Node(index), _)
            | Action::SetXattr(Node(index), ..)
            | Action::RemoveXattr(Node(index), _) => chosen.node = node(index),
            Action::Release(at)
            | Action::Flush(at)
            | Action::Fsync(at, _)
            | Action::Read(at, ..)
            | Action::Write(at, ..)
            | Action::Fallocate(at, ..)
            | Action::Seek(at, ..)
            | Action::ReadDir(at, ..)
            | Action::Flock(at, _) => chosen.file = file(at),
            Action::Copy(from, _, to, ..) => (chosen.file, chosen.second) = (file(from), file(to)),
        }
        chosen
    }

    fn compare(
        &mut self,
        left: &Result<LowerReply, Errno>,
        right: &Result<LowerReply, Errno>,
        node: Ino,
    ) -> Result<(), String> {
        let (left, right) = match (left, right) {
            (Ok(left), Ok(right)) => (left, right),
            (left, right) => return same("outcome", &left.as_ref().err(), &right.as_ref().err()),
        };
        match (left, right) {
            (LowerReply::Stat(left), LowerReply::Stat(right)) => self.compare_found(left, right),
            (LowerReply::Opened(left), LowerReply::Opened(right)) => {
                self.files.push((Both { left: *left, right: *right }, node));
                Ok(())
            }
            (LowerReply::Created(left, left_fh), LowerReply::Created(right, right_fh)) => {
                self.files.push((Both { left: *left_fh, right: *right_fh }, left.ino));
                self.compare_found(left, right)
            }
            (
                LowerReply::Entries { entries: left, end: left_end },
                LowerReply::Entries { entries: right, end: right_end },
            ) => {
                same("end", left_end, right_end)?;
                self.compare_entries(left, right)
            }
            (LowerReply::StatFs(left), LowerReply::StatFs(right)) => {
                let constants = |figures: &StatFs| (figures.bsize, figures.namelen, figures.frsize);
                same("figures", &constants(left), &constants(right))
            }
            (left, right) => same("reply", left, right),
        }
    }

    /// Attributes of a node that both sides handed out.
    fn compare_found(&mut self, left: &Stat, right: &Stat) -> Result<(), String> {
        self.compare_numbers(left.ino, right.ino)?;
        let both = Both { left: left.ino, right: right.ino };
        if !self.nodes.iter().any(|(node, _)| *node == both) {
            self.nodes.push((both, left.kind));
        }
        same("attributes", &comparable(left, self.host), &comparable(right, self.host))
    }

    fn compare_numbers(&mut self, left: Ino, right: Ino) -> Result<(), String> {
        let known = *self.numbers.entry(left).or_insert(right);
        same("node number", &known, &right)?;
        let partners = self.numbers.values().filter(|number| **number == right).count();
        same("nodes with this number on the left", &partners, &1)
    }

    fn compare_entries(&mut self, left: &[DirEntry], right: &[DirEntry]) -> Result<(), String> {
        let visible = |entries: &[DirEntry]| -> Vec<_> {
            let shown = |entry: &DirEntry| (entry.name.clone(), entry.kind);
            entries.iter().map(shown).collect()
        };
        same("records", &visible(left), &visible(right))?;
        for (left, right) in left.iter().zip(right).skip(1) {
            same("position", &left.position, &right.position)?;
        }
        left.iter()
            .zip(right)
            .try_for_each(|(left, right)| self.compare_numbers(left.ino, right.ino))
    }

    /// Walks both trees and compares everything that is in them.
    pub(crate) fn compare_trees(&mut self) -> Result<(), String> {
        let root = self.nodes[0].0;
        let trees =
            (tree(self.left, root.left, self.host), tree(self.right, root.right, self.host));
        for (left, right) in trees.0.iter().zip(&trees.1) {
            same("tree", left, right)?;
        }
        same("number of nodes in the tree", &trees.0.len(), &trees.1.len())
    }
}

fn same<T: PartialEq + core::fmt::Debug>(what: &str, left: &T, right: &T) -> Result<(), String> {
    if left == right { Ok(()) } else { Err(format!("{what}: left {left:?}, right {right:?}")) }
}
