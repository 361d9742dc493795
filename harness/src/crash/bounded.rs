//! Every small workload: one or two operations, each followed by a sync or none, the last by one.
//!
//! Bugs in crash consistency need few operations on few files (the hypothesis of bounded crash
//! testing); so all workloads up to a bound are run, each with a crash at every step and in every
//! legal state. What a reader would get wrong: the bound is in the workloads, not in the states.

use fuserig_sim_fs::{Durability, MemFs};

use super::CrashSearch;
use crate::invariant::{Invariant, Violation, atomic_names, durable};
use crate::sim::{Action, Case, Detail, Playback, Program, SetupError, Subject, Text, judge};

/// Two directories and three files, of which one has an attribute.
const TREE: &str = "/foo 'foofoo'\n/A/\n/A/foo 'Afoo' xattr.user.a='v'\n/B/";

const CREATE: u32 = 0o302;
const READ_WRITE: u32 = 2;

/// An operation, and the path that a sync after it is about.
#[derive(Clone, Debug)]
struct Step {
    actions: Vec<Action>,
    file: &'static str,
}

/// What makes it durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sync {
    Nothing,
    File,
    Data,
    Parent,
}

/// A family of workloads.
///
/// ```
/// use fuserig::crash::Workloads;
/// assert_eq!(Workloads::of_one().count(), 108);
/// assert_eq!(Workloads::of_two().count(), 15_552);
/// ```
#[derive(Clone, Debug)]
pub struct Workloads {
    cases: Vec<Case>,
}

/// What running a family has shown.
///
/// ```
/// use fuserig::prelude::*;
/// use fuserig::crash::Workloads;
/// let subject = Subject::without_filter(Abi::V4);
/// let one = Workloads::of_one().run(&subject, Durability::Ordered).expect("a good tree");
/// assert!(one.violations.is_empty() && one.complete);
/// assert!(one.states > one.workloads);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Bounded {
    /// Workloads that were run.
    pub workloads: u64,
    /// Crash states that were mounted and judged.
    pub states: u64,
    /// Whether every legal state of every step was among them.
    pub complete: bool,
    /// Workloads with a crash that an invariant does not survive.
    pub violations: Vec<(Case, Violation)>,
}

impl Workloads {
    /// Every workload of one operation.
    pub fn of_one() -> Workloads {
        let last = ended();
        Workloads { cases: last.iter().map(|last| case(&[last])).collect() }
    }

    /// Every workload of two operations.
    pub fn of_two() -> Workloads {
        let last = ended();
        let first: Vec<Vec<Action>> = steps()
            .iter()
            .flat_map(|step| {
                [Sync::Nothing, Sync::File, Sync::Data, Sync::Parent].map(|sync| with(step, sync))
            })
            .collect();
        let pair = |first: &Vec<Action>| {
            let first = first.clone();
            last.iter().map(move |last| case(&[&first, last])).collect::<Vec<Case>>()
        };
        Workloads { cases: first.iter().flat_map(pair).collect() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.cases.len()
    }

    /// The workloads.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// Runs all of them with a crash at every step, in every legal state, and judges by
    /// [`durable`] and [`atomic_names`].
    ///
    /// # Errors
    /// The lower filesystem of the subject cannot be mounted on.
    pub fn run(&self, subject: &Subject, durability: Durability) -> Result<Bounded, SetupError> {
        let search = CrashSearch::every(durability);
        let subject = subject.clone().over(TREE).crashing(search);
        let start = MemFs::from_tree(TREE)?;
        let mut invariants: Vec<Box<dyn Invariant>> =
            vec![Box::new(durable(durability)), Box::new(atomic_names())];
        let mut bounded = Bounded { complete: true, ..Bounded::default() };
        for case in &self.cases {
            let mut schedule = Playback::new(&case.schedule);
            let detail = Detail::Calls;
            let (record, violation) =
                judge(&subject, case, &start, &mut schedule, &mut invariants, detail)?;
            bounded.workloads += 1;
            bounded.states += record.crash_states;
            bounded.complete &= record.crashes_complete;
            if let Some(violation) = violation {
                let crash = record.power.map(|power| power.crash);
                bounded.violations.push((Case { crash, ..case.clone() }, violation));
            }
        }
        Ok(bounded)
    }
}

/// Every operation with every sync behind it that is one.
fn ended() -> Vec<Vec<Action>> {
    let syncs = [Sync::File, Sync::Data, Sync::Parent];
    steps().iter().flat_map(|step| syncs.map(|sync| with(step, sync))).collect()
}

fn case(parts: &[&Vec<Action>]) -> Case {
    let actions = parts.iter().flat_map(|part| part.iter().cloned()).collect();
    let clients = vec![Program::of(0, actions)];
    Case { tree: TREE.to_owned(), clients, ..Case::default() }
}

fn with(step: &Step, sync: Sync) -> Vec<Action> {
    let mut actions = step.actions.clone();
    let path = match sync {
        Sync::Nothing => return actions,
        Sync::File | Sync::Data => step.file,
        Sync::Parent => step.file.rsplit_once('/').map_or(".", |(parent, _)| parent),
    };
    let datasync = sync == Sync::Data;
    actions.push(Action::Open { path: path.into(), flags: 0, mode: 0 });
    actions.push(Action::Fsync { file: 0, datasync });
    actions.push(Action::Close { file: 0 });
    actions
}

fn on_file(path: &'static str, action: Action) -> Step {
    let open = Action::Open { path: path.into(), flags: READ_WRITE, mode: 0 };
    Step { actions: vec![open, action, Action::Close { file: 0 }], file: path }
}

fn on_name(file: &'static str, action: Action) -> Step {
    Step { actions: vec![action], file }
}

/// The operations, as many as make a difference on these files.
fn steps() -> Vec<Step> {
    let mut steps = Vec::new();
    for path in ["bar", "A/bar", "B/bar"] {
        let open = Action::Open { path: path.into(), flags: CREATE, mode: 0o644 };
        steps.push(Step { actions: vec![open, Action::Close { file: 0 }], file: path });
    }
    for path in ["C", "A/C"] {
        steps.push(on_name(path, Action::Mkdir { path: path.into(), mode: 0o755 }));
    }
    for path in ["foo", "A/foo"] {
        // Over what is there, and across the end into a second page.
        for (size, offset) in [(3, 1), (4, 4094)] {
            let write = Action::Write { file: 0, size, fill: b'W', offset: Some(offset) };
            steps.push(on_file(path, write));
        }
        steps.push(on_name(path, Action::Truncate { path: path.into(), size: 2 }));
    }
    for mode in [0, 1, 3, 0x10] {
        let fallocate = Action::Fallocate { file: 0, mode, offset: 2, length: 5000 };
        steps.push(on_file("foo", fallocate));
    }
    for (source, path) in [("foo", "bar"), ("foo", "A/bar"), ("A/foo", "B/bar"), ("A/foo", "bar")] {
        steps.push(on_name(path, Action::Link { source: source.into(), path: path.into() }));
    }
    for path in ["bar", "A/bar"] {
        let target = Text::from("foo");
        let symlink = Action::Symlink { target, path: path.into() };
        steps.push(Step { actions: vec![symlink], file: path });
    }
    for path in ["foo", "A/foo", "bar"] {
        steps.push(on_name(path, Action::Unlink { path: path.into() }));
    }
    for path in ["B", "C"] {
        steps.push(on_name(path, Action::Rmdir { path: path.into() }));
    }
    steps.extend(renames());
    let (path, name) = (Text::from("foo"), Text::from("user.a"));
    let value = Text::from("new");
    let set = Action::Setxattr { path: path.clone(), name: name.clone(), value, flags: 0 };
    steps.push(on_name("foo", set));
    steps.push(on_name("A/foo", Action::Removexattr { path: "A/foo".into(), name }));
    steps.push(on_name("foo", Action::Chmod { path, mode: 0o600 }));
    steps
}

fn renames() -> Vec<Step> {
    let pairs = [
        ("foo", "bar", 0),
        ("foo", "A/foo", 0),
        ("A/foo", "B/bar", 0),
        ("bar", "foo", 0),
        ("A", "C", 0),
        ("B", "A/B", 0),
        ("foo", "A/foo", 2),
    ];
    let rename = |(old, new, flags): (&'static str, &'static str, u32)| {
        on_name(new, Action::Rename { old: old.into(), new: new.into(), flags })
    };
    pairs.map(rename).into()
}
