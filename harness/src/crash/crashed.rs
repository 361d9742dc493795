//! What invariants see of a disk after a loss of power.

use core::cell::OnceCell;

use fuserig_abi::{Credentials, FileKind, Pid};
use fuserig_sim_fs::{Durability, MemFs, OpenFlags};

use crate::kernel::{MountOptions, World, WorldConfig};
use crate::pipeline::NullSink;
use crate::sim::{Action, CallEntry, Case, SharedFs, Subject, Text};
use crate::vfs::{CallResult, Vfs, VfsConfig};

/// Bytes of a file that are read after a crash.
const READ_BYTES: u64 = 1 << 16;

/// A call made after the crash, through a fresh mount with a fresh filter.
///
/// ```
/// use fuserig::crash::Surveyed;
/// use fuserig::sim::Action;
/// use fuserig::vfs::CallResult;
/// let action = Action::Statfs { path: ".".into() };
/// let row = Surveyed { action, result: CallResult::value(0) };
/// assert_eq!(row.result.value, Ok(0));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// What was asked.
    pub action: Action,
    /// What came back.
    pub result: CallResult,
}

/// A disk after a loss of power.
///
/// ```
/// use fuserig::crash::Crashed;
/// fn lost_a_name(crashed: &Crashed<'_>) -> bool {
///     crashed.recovered.walk().count() < crashed.before.walk().count()
/// }
/// # let _ = lost_a_name;
/// ```
#[derive(Debug)]
pub struct Crashed<'a> {
    /// What was run.
    pub case: &'a Case,
    /// Against what.
    pub subject: &'a Subject,
    /// What the lower filesystem promises.
    pub durability: Durability,
    /// The lower tree at the start.
    pub initial: &'a MemFs,
    /// The lower tree as it was before the power went.
    pub before: &'a MemFs,
    /// What is found afterwards.
    pub recovered: &'a MemFs,
    /// Every call so far; those without an end were under way.
    pub calls: &'a [CallEntry],
    pub(super) survey: OnceCell<Vec<Surveyed>>,
}

impl Crashed<'_> {
    /// What a call of the run asked.
    pub fn action(&self, call: &CallEntry) -> &Action {
        &self.case.clients[call.client].actions[call.action]
    }

    /// The calls that returned, in the order in which they began.
    pub fn done(&self) -> impl Iterator<Item = (&Action, &CallResult)> {
        self.calls.iter().filter_map(|call| Some((self.action(call), call.result.as_ref()?)))
    }

    /// The contents of a file that is found afterwards, up to 64 KiB; none when the path leads to
    /// no file. The path is that of the lower filesystem, with a slash in front.
    pub fn contents(&self, path: &str) -> Option<Vec<u8>> {
        contents(self.recovered, path)
    }

    /// The same of the tree as clients saw it before the power went.
    pub fn contents_before(&self, path: &str) -> Option<Vec<u8>> {
        contents(self.before, path)
    }

    /// The same of the tree at the start.
    pub fn contents_at_start(&self, path: &str) -> Option<Vec<u8>> {
        contents(self.initial, path)
    }

    /// Looks at everything through a fresh mount: the attributes of every name that there is or
    /// was, the listing of every directory, the contents of every file. It is made once and only
    /// when somebody asks.
    ///
    /// # Panics
    /// When what is found cannot be mounted, which no journal brings about.
    pub fn survey(&self) -> &[Surveyed] {
        self.survey.get_or_init(|| self.survey_where(|_, _| true))
    }

    /// As [`Crashed::survey`], but looks only at the places that are wanted, by their path and by
    /// what it leads or led to. Most of the time of a search goes into surveys, so that one that
    /// looks at what matters makes it several times as fast.
    ///
    /// # Panics
    /// As [`Crashed::survey`].
    pub fn survey_where(&self, wanted: impl Fn(&Text, FileKind) -> bool) -> Vec<Surveyed> {
        let mut places = self.places();
        places.retain(|(path, kind)| wanted(path, *kind));
        self.look_at(places)
    }

    fn look_at(&self, places: Vec<(Text, FileKind)>) -> Vec<Surveyed> {
        let vfs = self.remount();
        let pid = Pid(1);
        vfs.add_client(pid, Credentials::root(), 0o022);
        let mut rows = Vec::new();
        for (path, kind) in places {
            let mut files = Vec::new();
            for action in questions(&path, kind) {
                let result = vfs.call(pid, &action.call(&files));
                if let (Action::Open { .. }, Ok(fd)) = (&action, result.value) {
                    files.extend(i32::try_from(fd).ok());
                }
                let absent = matches!(action, Action::Stat { .. }) && result.value.is_err();
                rows.push(Surveyed { action, result });
                if absent {
                    break;
                }
            }
        }
        rows
    }

    /// The mount after the crash: filter, daemon and kernel have forgotten everything.
    fn remount(&self) -> Vfs {
        let config = WorldConfig {
            abi: self.case.abi,
            fidelity: self.case.fidelity,
            options: MountOptions {
                allow_other: true,
                local_locks: true,
                no_daemon: !self.subject.has_daemon,
                ..MountOptions::default()
            },
            ..WorldConfig::default()
        };
        let shared = SharedFs::new(self.recovered.clone());
        let lower = (self.subject.lower)(Box::new(shared));
        let daemon = (self.subject.daemon)();
        let filter = (self.subject.filter)();
        let world = World::new(&config, lower, filter, daemon, Box::new(NullSink));
        Vfs::new(world.expect("a recovered filesystem has a root"), &VfsConfig::default())
    }

    /// Every path that there is or was, relative to the root, with what it leads or led to.
    fn places(&self) -> Vec<(Text, FileKind)> {
        let mut places: Vec<(Text, FileKind)> = [self.recovered, self.before]
            .into_iter()
            .flat_map(MemFs::walk)
            .map(|entry| {
                let path = if entry.path == b"/" { b"." } else { &entry.path[1..] };
                (Text(path.to_vec()), entry.stat.kind)
            })
            .collect();
        places.sort_by(|one, other| one.0.cmp(&other.0));
        places.dedup_by(|one, other| one.0 == other.0);
        places
    }
}

fn contents(fs: &MemFs, path: &str) -> Option<Vec<u8>> {
    let stat = fs.find(path.as_bytes())?;
    let mut bytes = vec![0; stat.size.min(READ_BYTES) as usize];
    let count = fs.peek(stat.ino, 0, &mut bytes).ok()?;
    bytes.truncate(count);
    Some(bytes)
}

/// What is asked of one place. What is not there answers the first question with an errno.
fn questions(path: &Text, kind: FileKind) -> Vec<Action> {
    let path = path.clone();
    let stat = Action::Stat { path: path.clone(), follow: false };
    match kind {
        FileKind::Directory => {
            let flags = OpenFlags::DIRECTORY.bits();
            let open = Action::Open { path, flags, mode: 0 };
            let close = Action::Close { file: 0 };
            vec![stat, open, Action::List { file: 0, space: 32768 }, close]
        }
        FileKind::Regular => {
            let open = Action::Open { path, flags: 0, mode: 0 };
            let read = Action::Read { file: 0, size: READ_BYTES, offset: Some(0) };
            vec![stat, open, read, Action::Close { file: 0 }]
        }
        FileKind::Symlink => vec![stat, Action::readlink(path)],
        _ => vec![stat],
    }
}
