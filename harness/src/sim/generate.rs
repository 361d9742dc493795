//! What workloads are made from: total actions, swarm configuration, guided by a small model.
//!
//! Each run draws which kinds of action it has and how often (swarm testing, Groce et al. 2012),
//! and so which names, users and sizes; some runs are about one or two kinds only. Now and then all
//! clients do the same thing at once, and what was changed is looked at. What a reader would get
//! wrong: the model is a guess (`draw.rs`). A path that it believes in may be gone, and the action
//! is legal all the same.

use std::collections::BTreeSet;

use fuserig_abi::Op;
use fuserig_filters::Mentions;
use fuserig_sim_fs::{MemFs, OpenFlags};

use super::draw::Draw;
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
    /// Words that the filter under test mentions; they are used as names and as attributes, alone
    /// and as beginnings and ends, less often than `names`.
    pub words: Vec<Text>,
    /// Numbers that the filter under test mentions; they and their neighbours are used as sizes
    /// and offsets in bytes, and as users.
    pub numbers: Vec<u64>,
    /// Operations that the filter under test has members for; what calls them comes more often.
    pub ops: Vec<Op>,
    /// Whether clients may be ordinary users.
    pub users: bool,
    /// Whether power may be lost, so that what was changed is often synced.
    pub syncs: bool,
    /// Whether somebody may wait for an advisory lock, where there is somebody to give it back.
    pub waits: bool,
}

impl Default for WorkloadConfig {
    fn default() -> WorkloadConfig {
        WorkloadConfig {
            clients: 2,
            operations: 64,
            names: Vec::new(),
            words: Vec::new(),
            numbers: Vec::new(),
            ops: Vec::new(),
            users: true,
            syncs: false,
            waits: true,
        }
    }
}

/// Actions that are drawn for each that a workload is to have: few kinds are one action in a
/// hundred, and a run that has none of what is wanted must end.
const DRAWS_MAX: usize = 100;

/// Kinds of action and how often each comes when all are switched on.
pub(super) const KINDS: &[(Kind, u64)] = &[
    (Kind::Open, 12),
    (Kind::Create, 9),
    (Kind::OpenDir, 4),
    (Kind::Close, 6),
    (Kind::Read, 5),
    (Kind::Write, 10),
    (Kind::Seek, 3),
    (Kind::Truncate, 5),
    (Kind::Fallocate, 4),
    (Kind::Fsync, 3),
    (Kind::Stat, 6),
    (Kind::Access, 4),
    (Kind::Mkdir, 9),
    (Kind::Mknod, 4),
    (Kind::Symlink, 5),
    (Kind::Link, 7),
    (Kind::Unlink, 7),
    (Kind::Rmdir, 6),
    (Kind::Rename, 12),
    (Kind::Readlink, 2),
    (Kind::Attributes, 8),
    (Kind::List, 5),
    (Kind::Xattr, 8),
    (Kind::Copy, 5),
    (Kind::Chdir, 1),
    (Kind::Lock, 1),
    (Kind::Slot, 2),
    (Kind::Process, 1),
    (Kind::Standing, 1),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
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
    Lock,
    Slot,
    Process,
    Standing,
}

impl Kind {
    /// The kind of an action.
    pub(super) fn of(action: &Action) -> Kind {
        const CREATES: u32 = OpenFlags::CREAT.bits();
        const OF_DIRECTORIES: u32 = OpenFlags::DIRECTORY.bits();
        match action {
            Action::Open { flags, .. } if flags & CREATES != 0 => Kind::Create,
            Action::Open { flags, .. } if flags & OF_DIRECTORIES != 0 => Kind::OpenDir,
            Action::Open { .. } => Kind::Open,
            Action::Close { .. } => Kind::Close,
            Action::SetFlags { .. } => Kind::Open,
            Action::Dup { .. } | Action::Dup2 { .. } | Action::CloseRange { .. } => Kind::Slot,
            Action::Read { .. } => Kind::Read,
            Action::Write { .. } | Action::Append { .. } => Kind::Write,
            Action::Seek { .. } => Kind::Seek,
            Action::Truncate { .. } | Action::Ftruncate { .. } => Kind::Truncate,
            Action::Fallocate { .. } => Kind::Fallocate,
            Action::Fsync { .. } => Kind::Fsync,
            Action::Stat { .. } | Action::Fstat { .. } | Action::Statfs { .. } => Kind::Stat,
            Action::Access { .. } => Kind::Access,
            Action::Mkdir { .. } => Kind::Mkdir,
            Action::Mknod { .. } => Kind::Mknod,
            Action::Symlink { .. } => Kind::Symlink,
            Action::Link { .. } => Kind::Link,
            Action::Unlink { .. } => Kind::Unlink,
            Action::Rmdir { .. } => Kind::Rmdir,
            Action::Rename { .. } => Kind::Rename,
            Action::Readlink { .. } => Kind::Readlink,
            Action::Chmod { .. }
            | Action::Chown { .. }
            | Action::Touch { .. }
            | Action::Times { .. }
            | Action::Fchmod { .. }
            | Action::Fchown { .. }
            | Action::Futimens { .. } => Kind::Attributes,
            Action::List { .. } => Kind::List,
            Action::Getxattr { .. }
            | Action::Listxattr { .. }
            | Action::Setxattr { .. }
            | Action::Removexattr { .. } => Kind::Xattr,
            Action::Copy { .. } | Action::Sendfile { .. } => Kind::Copy,
            Action::Chdir { .. } => Kind::Chdir,
            Action::Flock { .. } | Action::Lock { .. } | Action::GetLock { .. } => Kind::Lock,
            Action::SetCloexec { .. } | Action::Fork | Action::Exec | Action::Exit => Kind::Process,
            Action::Umask { .. } | Action::Become { .. } => Kind::Standing,
        }
    }
}

/// What calls an operation.
fn kinds_of(op: Op) -> &'static [Kind] {
    match op {
        Op::Open => &[Kind::Open],
        Op::Opendir => &[Kind::OpenDir],
        Op::CreateOpen => &[Kind::Create],
        Op::Release | Op::Releasedir | Op::Flush => &[Kind::Close],
        Op::Lseek => &[Kind::Seek],
        Op::CopyFileRange => &[Kind::Copy],
        Op::Fsync | Op::DirFsync => &[Kind::Fsync],
        Op::Getxattr | Op::Listxattr | Op::Setxattr | Op::Removexattr => &[Kind::Xattr],
        Op::ReadIter => &[Kind::Read],
        Op::WriteIter => &[Kind::Write],
        Op::FileFallocate => &[Kind::Fallocate],
        Op::Lookup | Op::Getattr | Op::Statfs => &[Kind::Stat],
        Op::Mknod => &[Kind::Mknod],
        Op::Mkdir => &[Kind::Mkdir],
        Op::Rmdir => &[Kind::Rmdir],
        Op::Rename | Op::Rename2 => &[Kind::Rename],
        Op::Unlink => &[Kind::Unlink],
        Op::Link => &[Kind::Link],
        Op::Setattr => &[Kind::Truncate, Kind::Attributes],
        Op::GetLink => &[Kind::Readlink],
        Op::Symlink => &[Kind::Symlink],
        Op::Readdir => &[Kind::List],
        Op::Access => &[Kind::Access],
    }
}

impl WorkloadConfig {
    /// What calls the members of the filter under test, each once.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        let kinds = self.ops.iter().flat_map(|op| kinds_of(*op)).copied();
        kinds.collect::<BTreeSet<Kind>>().into_iter().collect()
    }

    /// With what a filter mentions, unless words or numbers are given already.
    #[must_use]
    pub fn mentioning(mut self, mentions: Mentions) -> WorkloadConfig {
        if self.words.is_empty() && self.numbers.is_empty() {
            self.words = mentions.words.into_iter().map(Text).collect();
            self.numbers = mentions.numbers;
        }
        self
    }

    /// Programs for every client. `tree` says what exists at the start.
    pub fn draw(&self, rng: &mut Rng, tree: &MemFs) -> Vec<Program> {
        self.draw_only(rng, tree, |_| true)
    }

    /// As [`WorkloadConfig::draw`], of actions that `keep` says yes to; a workload that hardly has
    /// any is shorter.
    pub(super) fn draw_only(
        &self,
        rng: &mut Rng,
        tree: &MemFs,
        keep: fn(&Action) -> bool,
    ) -> Vec<Program> {
        let mut draw = Draw::new(self, rng, tree);
        let clients = self.clients.max(1);
        let mut programs: Vec<Program> =
            (0..clients).map(|client| Program::of(draw.user(client), Vec::new())).collect();
        draw.regroup(&mut programs);
        let (mut kept, mut left) = (0, self.operations.saturating_mul(DRAWS_MAX));
        while kept < self.operations && left > 0 {
            let (client, action) = draw.next(clients);
            left -= 1;
            if keep(&action) {
                programs[client].actions.push(action);
                kept += 1;
            }
        }
        programs
    }
}
