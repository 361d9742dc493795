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

use fuserig_abi::{
    AccessMask, Caller, Capabilities, Credentials, Device, Errno, FileKind, Gid, Ino, Pid, Stat,
    StatFs, Timespec, Uid,
};
use fuserig_sim_fs::{
    AttrChanges, DirEntry, FallocateMode, Lower, LowerExt, LowerFh, LowerOp, LowerReply, OpenCheck,
    OpenFlags, SetTime, Whence,
};

use crate::actions::{Action, Changes, Dir, File, Name, Node, Step};

/// Times before this were set on purpose.
const SET_ON_PURPOSE: i64 = 1_000_000_000;

/// A node or an open file, as each side calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Both<T> {
    left: T,
    right: T,
}

/// Which filesystem the host has, and so how much can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// The one that is simulated.
    Tmpfs,
    /// Another one: sizes of directories, space in use and times set by reading are its own.
    Other,
}

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

/// Attributes without what cannot be equal.
fn comparable(stat: &Stat, host: Host) -> Stat {
    let on_purpose = |time: Timespec| {
        if time.sec < SET_ON_PURPOSE { time } else { Timespec::from_secs(SET_ON_PURPOSE) }
    };
    let atime = match stat.kind {
        FileKind::Symlink => Timespec::ZERO,
        _ => on_purpose(stat.atime),
    };
    let mtime = on_purpose(stat.mtime);
    let same =
        Stat { ino: Ino(0), atime, mtime, ctime: Timespec::ZERO, btime: Timespec::ZERO, ..*stat };
    match (host, stat.kind) {
        (Host::Tmpfs, _) => same,
        (Host::Other, FileKind::Directory) => Stat { size: 0, blocks: 0, blksize: 0, ..same },
        (Host::Other, _) => Stat { blocks: 0, blksize: 0, ..same },
    }
}

fn caller(who: u8, now: i64) -> Caller {
    let user = |id: u32, groups: &[Gid], capabilities| Credentials {
        groups: groups.into(),
        capabilities,
        ..Credentials::user(Uid(id), Gid(id))
    };
    let some = Capabilities::FOWNER | Capabilities::DAC_READ_SEARCH | Capabilities::CHOWN;
    let credentials = match who {
        0 => Credentials::root(),
        1 => user(1001, &[Gid(2000), Gid(1002)], Capabilities::empty()),
        2 => user(1002, &[], Capabilities::empty()),
        3 => user(1003, &[], some),
        _ => user(1001, &[], Capabilities::FSETID | Capabilities::DAC_OVERRIDE),
    };
    Caller::new(credentials, Pid(1), Timespec::from_secs(now))
}

/// What an action turned out to be about.
#[derive(Clone, Copy, Debug)]
struct Chosen {
    node: Both<Ino>,
    other: Both<Ino>,
    file: Both<LowerFh>,
    second: Both<LowerFh>,
}

#[derive(Clone, Copy, Debug)]
enum Side {
    Left,
    Right,
}

impl Side {
    fn of<T: Copy>(self, both: Both<T>) -> T {
        match self {
            Side::Left => both.left,
            Side::Right => both.right,
        }
    }
}

/// An operation that owns the data it writes.
struct Bound<'a> {
    op: LowerOp<'a>,
    data: Vec<u8>,
}

impl Bound<'_> {
    fn op(&self) -> LowerOp<'_> {
        match self.op {
            LowerOp::Write { fh, offset, .. } => LowerOp::Write { fh, offset, data: &self.data },
            ref other => other.clone(),
        }
    }
}

fn operation<'a>(action: &'a Action, chosen: &Chosen, side: Side) -> Bound<'a> {
    let data = match *action {
        // Not one byte over and over, so that a shifted page shows.
        Action::Write(_, _, length, fill) => {
            let mut data = vec![0; length];
            for (index, chunk) in data.chunks_mut(512).enumerate() {
                chunk.fill(fill ^ index as u8);
            }
            data
        }
        _ => Vec::new(),
    };
    let node = side.of(chosen.node);
    let fh = side.of(chosen.file);
    let op = match *action {
        Action::Read(..)
        | Action::Write(..)
        | Action::Fallocate(..)
        | Action::Seek(..)
        | Action::Copy(..)
        | Action::ReadDir(..)
        | Action::Release(_)
        | Action::Flush(_)
        | Action::Fsync(..)
        | Action::Flock(..) => on_file(action, fh, side.of(chosen.second)),
        _ => on_node(action, node, side.of(chosen.other)),
    };
    Bound { op, data }
}

fn on_file(action: &Action, fh: LowerFh, second: LowerFh) -> LowerOp<'_> {
    match *action {
        Action::Release(_) => LowerOp::Release { fh },
        Action::Flush(_) => LowerOp::Flush { fh, owner: 1 },
        Action::Fsync(_, datasync) => LowerOp::Fsync { fh, datasync },
        Action::Read(_, offset, size) => LowerOp::Read { fh, offset, size },
        Action::Write(_, offset, ..) => LowerOp::Write { fh, offset, data: &[] },
        Action::Fallocate(_, mode, offset, length) => {
            LowerOp::Fallocate { fh, mode, offset, length }
        }
        Action::Seek(_, offset, whence, position) => LowerOp::Seek { fh, offset, whence, position },
        Action::Copy(_, from_offset, _, to_offset, length, flags) => {
            LowerOp::CopyRange { from: fh, from_offset, to: second, to_offset, length, flags }
        }
        Action::ReadDir(_, position, records_max) => LowerOp::ReadDir { fh, position, records_max },
        Action::Flock(_, kind) => LowerOp::Flock { fh, kind, owner: fh.0 },
        _ => unreachable!("the caller sends only actions on files"),
    }
}

fn on_node(action: &Action, node: Ino, other: Ino) -> LowerOp<'_> {
    match *action {
        Action::Lookup(_, Name(name)) => LowerOp::Lookup { parent: node, name },
        Action::Parent(_) => LowerOp::Parent { node },
        Action::Forget(_) => LowerOp::Forget { node },
        Action::Getattr(_) => LowerOp::Getattr { node },
        Action::Setattr(_, ref changes) => LowerOp::Setattr { node, changes: bind(changes) },
        Action::Access(_, mask) => {
            LowerOp::Access { node, mask: AccessMask::from_bits_retain(mask) }
        }
        Action::Create(_, Name(name), mode) => LowerOp::Create { parent: node, name, mode },
        Action::Mknod(_, Name(name), mode, (major, minor)) => {
            LowerOp::Mknod { parent: node, name, mode, rdev: Device { major, minor } }
        }
        Action::Mkdir(_, Name(name), mode) => LowerOp::Mkdir { parent: node, name, mode },
        Action::Symlink(_, Name(name), Name(target)) => {
            LowerOp::Symlink { parent: node, name, target }
        }
        Action::Link(_, _, Name(name)) => LowerOp::Link { node, parent: other, name },
        Action::Unlink(_, Name(name)) => LowerOp::Unlink { parent: node, name },
        Action::Rmdir(_, Name(name)) => LowerOp::Rmdir { parent: node, name },
        Action::Rename(_, Name(name), _, Name(new_name), flags) => {
            LowerOp::Rename { parent: node, name, new_parent: other, new_name, flags }
        }
        Action::Readlink(_) => LowerOp::Readlink { node },
        Action::Open(_, flags, granted) => {
            let check = if granted { OpenCheck::Granted } else { OpenCheck::Permission };
            LowerOp::Open { node, flags, check }
        }
        Action::CreateOpen(_, Name(name), mode, flags) => {
            LowerOp::CreateOpen { parent: node, name, mode, flags }
        }
        Action::Tmpfile(_, mode, flags) => LowerOp::Tmpfile { parent: node, mode, flags },
        Action::Statfs(_) => LowerOp::Statfs { node },
        Action::GetXattr(_, Name(name), size_max) => LowerOp::GetXattr { node, name, size_max },
        Action::ListXattr(_, size_max) => LowerOp::ListXattr { node, size_max },
        Action::SetXattr(_, Name(name), ref value, flags) => {
            LowerOp::SetXattr { node, name, value, flags }
        }
        Action::RemoveXattr(_, Name(name)) => LowerOp::RemoveXattr { node, name },
        _ => unreachable!("the caller sends only actions on nodes"),
    }
}

fn bind(changes: &Changes) -> AttrChanges {
    AttrChanges {
        permissions: changes.mode,
        uid: changes.uid.map(Uid),
        gid: changes.gid.map(Gid),
        size: changes.size,
        atime: changes.atime,
        mtime: changes.mtime,
        ctime: None,
        kill_suid_sgid: changes.kill,
    }
}

/// Everything in a tree, one line a node, in order of path.
fn tree(fs: &mut dyn Lower, root: Ino, host: Host) -> Vec<String> {
    let caller = caller(0, 1_700_000_000);
    let mut lines = Vec::new();
    let mut todo = vec![(String::new(), root)];
    while let Some((path, node)) = todo.pop() {
        let stat = fs.getattr(&caller, node);
        let stat = stat.unwrap_or_else(|error| panic!("{path} was just found: {error}"));
        let mut line = format!("{path} {:?} xattrs {}", comparable(&stat, host), xattrs(fs, node));
        match stat.kind {
            FileKind::Directory => {
                let fh = fs.open(&caller, node, OpenFlags::NOATIME).expect("root may list");
                let (entries, _) = fs.read_dir(&caller, fh, 0, 1000).expect("root may list");
                fs.release(&caller, fh).expect("just opened");
                for entry in &entries {
                    if !matches!(entry.name.as_slice(), b"." | b"..") {
                        let child = fs.lookup(&caller, node, &entry.name).expect("just listed");
                        todo.push((format!("{path}/{}", entry.name.escape_ascii()), child.ino));
                    }
                }
                let mut names: Vec<_> =
                    entries.iter().map(|entry| entry.name.escape_ascii().to_string()).collect();
                if host == Host::Other {
                    names.sort();
                }
                line += &format!(" names {names:?}");
            }
            FileKind::Regular => line += &format!(" data {:?}", contents(fs, node)),
            FileKind::Symlink => {
                let target = fs.readlink(&caller, node).expect("root may read links");
                line += &format!(" -> {}", target.escape_ascii());
            }
            _ => {}
        }
        lines.push(line);
    }
    lines.sort();
    lines
}

fn xattrs(fs: &mut dyn Lower, node: Ino) -> String {
    let caller = caller(0, 1_700_000_000);
    let names = fs.list_xattr(&caller, node, 65536).expect("root may list attributes");
    let mut text = String::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let value = fs.get_xattr(&caller, node, name, 65536).expect("just listed");
        text += &format!("{}={} ", name.escape_ascii(), digest(&value));
    }
    text
}

/// The pages that are not all zeros, with a digest of each.
fn contents(fs: &mut dyn Lower, node: Ino) -> Vec<(u64, u64)> {
    let caller = caller(0, 1_700_000_000);
    let fh = fs.open(&caller, node, OpenFlags::NOATIME).expect("root may read");
    let mut pages = Vec::new();
    let mut at = 0;
    while let Ok(first) = fs.seek(&caller, fh, at, Whence::Data, 0) {
        let last = fs.seek(&caller, fh, first.cast_signed(), Whence::Hole, 0).expect("has an end");
        let length = u32::try_from(last - first).expect("no test writes that much");
        let data = fs.read(&caller, fh, first, length).expect("root may read");
        assert_eq!(data.len(), length as usize, "data must be readable to the next hole");
        let filled = data.chunks(4096).zip((first / 4096)..);
        let filled = filled.filter(|(page, _)| page.iter().any(|byte| *byte != 0));
        pages.extend(filled.map(|(page, index)| (index, digest(page))));
        at = last.cast_signed();
    }
    fs.release(&caller, fh).expect("just opened");
    pages
}

/// Enough to tell two contents apart in a message.
fn digest(data: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(data)
}
