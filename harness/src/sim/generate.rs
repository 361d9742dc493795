//! Workloads from a seed: total actions, swarm configuration, guided by a small model.
//!
//! Each run draws which kinds of action it has and how often (swarm testing, Groce et al. 2012),
//! keeps in mind which paths probably exist, and now and then uses a name or a size that is nasty.
//! What a reader would get wrong: the model is a guess. A path that it believes in may be gone,
//! and the action is legal all the same.

use std::collections::BTreeSet;

use fuserig_sim_fs::{MemFs, OpenFlags};

use super::{Action, Program, Rng, Text};

/// What workloads are made from.
///
/// ```
/// use fuserig::sim::{Seed, WorkloadConfig};
/// use fuserig_sim_fs::MemFs;
/// let fs = MemFs::from_tree("/notes.txt 'hi'").expect("well-formed");
/// let config = WorkloadConfig { clients: 2, operations: 20, ..WorkloadConfig::default() };
/// let programs = config.draw(&mut Seed(1).rng(), &fs);
/// assert_eq!(programs.iter().map(|program| program.actions.len()).sum::<usize>(), 20);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadConfig {
    /// How many clients.
    pub clients: usize,
    /// How many actions they have together.
    pub operations: usize,
    /// Names worth using often, such as those a filter is about.
    pub names: Vec<Text>,
    /// Whether clients other than the first may be ordinary users.
    pub users: bool,
}

impl Default for WorkloadConfig {
    fn default() -> WorkloadConfig {
        WorkloadConfig { clients: 2, operations: 64, names: Vec::new(), users: true }
    }
}

/// Kinds of action and how often each comes when all are switched on.
const KINDS: &[(Kind, u64)] = &[
    (Kind::Open, 14),
    (Kind::Create, 10),
    (Kind::OpenDir, 6),
    (Kind::Close, 8),
    (Kind::Read, 8),
    (Kind::Write, 10),
    (Kind::Seek, 2),
    (Kind::Truncate, 4),
    (Kind::Fallocate, 2),
    (Kind::Fsync, 3),
    (Kind::Stat, 8),
    (Kind::Access, 3),
    (Kind::Mkdir, 5),
    (Kind::Mknod, 2),
    (Kind::Symlink, 3),
    (Kind::Link, 3),
    (Kind::Unlink, 5),
    (Kind::Rmdir, 3),
    (Kind::Rename, 6),
    (Kind::Readlink, 2),
    (Kind::Attributes, 4),
    (Kind::List, 8),
    (Kind::Xattr, 5),
    (Kind::Copy, 2),
    (Kind::Chdir, 1),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Open,
    Create,
    OpenDir,
    Close,
    Read,
    Write,
    Seek,
    Truncate,
    Fallocate,
    Fsync,
    Stat,
    Access,
    Mkdir,
    Mknod,
    Symlink,
    Link,
    Unlink,
    Rmdir,
    Rename,
    Readlink,
    Attributes,
    List,
    Xattr,
    Copy,
    Chdir,
}

const PLAIN_NAMES: [&str; 6] = ["a", "b", "c", "d", "notes.txt", "x.jpg"];
pub(super) const ATTRIBUTES: [&str; 4] = ["user.a", "user.b", "trusted.t", "security.s"];
pub(super) const SIZES: [u64; 12] = [0, 1, 2, 7, 10, 100, 511, 512, 4095, 4096, 4097, 9000];
pub(super) const OFFSETS: [i64; 9] = [0, 0, 1, 5, 4095, 4096, 8192, -1, i64::MAX];

impl WorkloadConfig {
    /// Programs for every client. `tree` says what exists at the start.
    pub fn draw(&self, rng: &mut Rng, tree: &MemFs) -> Vec<Program> {
        let mut draw = Draw::new(self, rng, tree);
        let clients = self.clients.max(1);
        let mut programs: Vec<Program> = (0..clients)
            .map(|client| Program {
                uid: if self.users && client > 0 && draw.rng.chance(1, 4) { 1000 } else { 0 },
                actions: Vec::new(),
            })
            .collect();
        for _ in 0..self.operations {
            let client = draw.rng.index(clients);
            let action = draw.action();
            programs[client].actions.push(action);
        }
        programs
    }
}

/// A name of the dictionary of those that programs get wrong, below 9.
pub(super) fn nasty_name(number: u64) -> Vec<u8> {
    match number {
        0 => vec![b'n'; 255],
        1 => vec![b'n'; 256],
        2 => b".".to_vec(),
        3 => b"..".to_vec(),
        4 => b"a b".to_vec(),
        5 => b"\xff\xfe".to_vec(),
        6 => b"new\nline".to_vec(),
        7 => b"a/".to_vec(),
        _ => Vec::new(),
    }
}

struct Draw<'a> {
    config: &'a WorkloadConfig,
    rng: &'a mut Rng,
    weights: Vec<(Kind, u64)>,
    total: u64,
    directories: BTreeSet<Vec<u8>>,
    files: BTreeSet<Vec<u8>>,
}

impl<'a> Draw<'a> {
    fn new(config: &'a WorkloadConfig, rng: &'a mut Rng, tree: &MemFs) -> Draw<'a> {
        let mut weights = Vec::new();
        for &(kind, weight) in KINDS {
            // Each kind is left out of one run in four, and its weight varies eightfold.
            if rng.chance(3, 4) {
                weights.push((kind, weight * (1 << rng.below(4))));
            }
        }
        if weights.len() < 4 {
            weights = KINDS.to_vec();
        }
        let total = weights.iter().map(|(_, weight)| weight).sum();
        let (mut directories, mut files) = (BTreeSet::new(), BTreeSet::new());
        for entry in tree.walk().skip(1) {
            let path = entry.path[1..].to_vec();
            if entry.stat.kind == fuserig_abi::FileKind::Directory {
                directories.insert(path);
            } else {
                files.insert(path);
            }
        }
        Draw { config, rng, weights, total, directories, files }
    }

    fn name(&mut self) -> Vec<u8> {
        if !self.config.names.is_empty() && self.rng.chance(2, 5) {
            return self.rng.pick(&self.config.names).0.clone();
        }
        if self.rng.chance(1, 32) {
            return nasty_name(self.rng.below(9));
        }
        self.rng.pick(&PLAIN_NAMES).as_bytes().to_vec()
    }

    /// A path that need not exist.
    fn place(&mut self) -> Text {
        let name = self.name();
        let directories: Vec<&Vec<u8>> = self.directories.iter().collect();
        if directories.is_empty() || self.rng.chance(1, 2) {
            return Text(name);
        }
        let directory = (*self.rng.pick(&directories)).clone();
        Text([&directory[..], b"/", &name[..]].concat())
    }

    /// A path that probably exists.
    fn known(&mut self, from: &BTreeSet<Vec<u8>>) -> Option<Text> {
        let index = self.rng.index(from.len());
        from.iter().nth(index).map(|path| Text(path.clone()))
    }

    fn file(&mut self) -> Text {
        if self.rng.chance(1, 5) {
            return self.place();
        }
        let files = core::mem::take(&mut self.files);
        let known = self.known(&files);
        self.files = files;
        known.unwrap_or_else(|| self.place())
    }

    fn directory(&mut self) -> Text {
        if self.directories.is_empty() || self.rng.chance(1, 3) {
            return Text::from(".");
        }
        let directories = core::mem::take(&mut self.directories);
        let known = self.known(&directories);
        self.directories = directories;
        known.unwrap_or_else(|| self.place())
    }

    fn any(&mut self) -> Text {
        if self.rng.chance(1, 4) { self.directory() } else { self.file() }
    }

    fn open_file(&mut self) -> u8 {
        // The newest most of the time.
        if self.rng.chance(1, 2) { 0 } else { self.rng.below(3) as u8 }
    }

    fn size(&mut self) -> u64 {
        *self.rng.pick(&SIZES)
    }

    fn offset(&mut self) -> Option<i64> {
        self.rng.chance(1, 3).then(|| *self.rng.pick(&OFFSETS))
    }

    fn action(&mut self) -> Action {
        let mut at = self.rng.below(self.total);
        let found = self.weights.iter().find(|(_, weight)| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        });
        let kind = found.map_or(Kind::Stat, |(kind, _)| *kind);
        match kind {
            Kind::Open
            | Kind::Create
            | Kind::OpenDir
            | Kind::Close
            | Kind::Read
            | Kind::Write
            | Kind::Seek
            | Kind::Truncate
            | Kind::Fallocate
            | Kind::Fsync
            | Kind::List
            | Kind::Copy => self.on_file(kind),
            _ => self.on_name(kind),
        }
    }

    fn on_file(&mut self, kind: Kind) -> Action {
        match kind {
            Kind::Open => {
                let access = self.rng.below(3) as u32;
                let extra = [0, 0, 0, OpenFlags::TRUNC.bits(), OpenFlags::APPEND.bits()];
                let flags = access | self.rng.pick(&extra);
                Action::Open { path: self.file(), flags, mode: 0 }
            }
            Kind::Create => {
                let path = self.place();
                self.files.insert(path.0.clone());
                let extra = [0, 0, OpenFlags::EXCL.bits(), OpenFlags::TRUNC.bits()];
                let flags = OpenFlags::CREAT.bits() | 2 | self.rng.pick(&extra);
                Action::Open { path, flags, mode: *self.rng.pick(&[0o644, 0o600, 0o666]) }
            }
            Kind::OpenDir => {
                let flags = OpenFlags::DIRECTORY.bits();
                Action::Open { path: self.directory(), flags, mode: 0 }
            }
            Kind::Close => Action::Close { file: self.open_file() },
            Kind::Read => {
                let size = self.size();
                Action::Read { file: self.open_file(), size, offset: self.offset() }
            }
            Kind::Write => {
                let size = self.size() as u32;
                let fill = b'a' + self.rng.below(26) as u8;
                Action::Write { file: self.open_file(), size, fill, offset: self.offset() }
            }
            Kind::Seek => Action::Seek {
                file: self.open_file(),
                offset: *self.rng.pick(&OFFSETS),
                whence: self.rng.below(5) as u32,
            },
            Kind::Truncate => {
                let size = self.size() as i64;
                if self.rng.chance(1, 2) {
                    Action::Truncate { path: self.file(), size }
                } else {
                    Action::Ftruncate { file: self.open_file(), size }
                }
            }
            Kind::Fallocate => {
                let mode = *self.rng.pick(&[0, 1, 3, 0x10]);
                let (offset, length) = (self.size() as i64, self.size() as i64);
                Action::Fallocate { file: self.open_file(), mode, offset, length }
            }
            Kind::Fsync => {
                Action::Fsync { file: self.open_file(), datasync: self.rng.chance(1, 4) }
            }
            Kind::List => {
                let space = *self.rng.pick(&[4096, 4096, 32768, 100, 24]);
                Action::List { file: self.open_file(), space }
            }
            _ => {
                let (from, to) = (self.open_file(), self.open_file());
                Action::Copy { from, to, length: self.size() }
            }
        }
    }

    fn on_name(&mut self, kind: Kind) -> Action {
        match kind {
            Kind::Access => Action::Access { path: self.any(), mode: self.rng.below(8) as u32 },
            Kind::Mkdir => {
                let path = self.place();
                self.directories.insert(path.0.clone());
                Action::Mkdir { path, mode: *self.rng.pick(&[0o755, 0o700, 0o777]) }
            }
            Kind::Mknod => {
                let path = self.place();
                let mode = *self.rng.pick(&[0o010_644, 0o100_644, 0o140_644]);
                Action::Mknod { path, mode }
            }
            Kind::Symlink => {
                let (target, path) = (self.any(), self.place());
                self.files.insert(path.0.clone());
                Action::Symlink { target, path }
            }
            Kind::Link => {
                let (source, path) = (self.file(), self.place());
                self.files.insert(path.0.clone());
                Action::Link { source, path }
            }
            Kind::Unlink => Action::Unlink { path: self.file() },
            Kind::Rmdir => Action::Rmdir { path: self.directory() },
            Kind::Rename => {
                let old = self.any();
                let new = if self.rng.chance(1, 2) { self.place() } else { self.any() };
                let flags = *self.rng.pick(&[0, 0, 0, 1, 2]);
                self.files.insert(new.0.clone());
                Action::Rename { old, new, flags }
            }
            Kind::Readlink => Action::Readlink { path: self.file() },
            Kind::Attributes => self.on_attributes(),
            Kind::Xattr => self.on_xattr(),
            Kind::Chdir => Action::Chdir { path: self.directory() },
            _ => match self.rng.below(8) {
                0 => Action::Statfs { path: self.any() },
                1 | 2 => Action::Fstat { file: self.open_file() },
                rest => Action::Stat { path: self.any(), follow: rest % 2 == 0 },
            },
        }
    }

    fn on_attributes(&mut self) -> Action {
        let path = self.any();
        match self.rng.below(3) {
            0 => Action::Chmod { path, mode: *self.rng.pick(&[0o644, 0o600, 0o755, 0o4755, 0]) },
            1 => Action::Chown { path, uid: self.rng.below(2) as u32 * 1000, gid: 0 },
            _ => Action::Touch { path },
        }
    }

    fn on_xattr(&mut self) -> Action {
        let path = self.any();
        let name = Text::from(*self.rng.pick(&ATTRIBUTES));
        match self.rng.below(5) {
            0 => Action::Listxattr { path, size: *self.rng.pick(&[0, 4096, 3]) },
            1 => Action::Getxattr { path, name, size: *self.rng.pick(&[0, 100, 3]) },
            2 => Action::Removexattr { path, name },
            _ => {
                let value = Text(vec![b'v'; self.rng.index(20)]);
                Action::Setxattr { path, name, value, flags: *self.rng.pick(&[0, 0, 1, 2]) }
            }
        }
    }
}
