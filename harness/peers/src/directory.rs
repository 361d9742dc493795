//! A directory of files without contents: its changes, the model, and the filesystem in memory.

use std::collections::BTreeSet;

use fuserig::sim::{Action, Text};
use fuserig_abi::{Caller, Credentials, Errno, FileKind, Pid, Timespec};
use fuserig_sim_fs::{Lower, LowerExt, MemFs, MemFsOptions, RenameFlags};
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};

/// How many names there are.
const NAMES: u8 = 8;
/// The mode of a new file.
const FILE: u32 = 0o644;

/// A change of the directory. Whether it succeeds depends on what there is.
///
/// ```
/// use fuserig_peers::Change;
/// assert_eq!(Change::Remove(3).to_action().to_string(), "unlink f3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A file is made.
    Make(u8),
    /// A file is removed.
    Remove(u8),
    /// A file gets another name, whose file goes.
    Rename(u8, u8),
}

fn name(number: u8) -> String {
    format!("f{}", number % NAMES)
}

impl Change {
    /// The system call that makes the change.
    pub fn to_action(self) -> Action {
        let path = |number| Text::from(name(number).as_str());
        match self {
            Change::Make(at) => {
                let mode = FileKind::Regular.type_bits() | FILE;
                Action::Mknod { path: path(at), mode, device: 0 }
            }
            Change::Remove(at) => Action::Unlink { path: path(at) },
            Change::Rename(old, new) => Action::Rename { old: path(old), new: path(new), flags: 0 },
        }
    }

    /// What the change comes to, and what is there afterwards.
    pub fn apply_to(self, names: &mut BTreeSet<u8>) -> Result<(), Errno> {
        match self {
            Change::Make(at) if names.insert(at % NAMES) => Ok(()),
            Change::Make(_) => Err(Errno::EEXIST),
            Change::Remove(at) if names.remove(&(at % NAMES)) => Ok(()),
            Change::Rename(old, new) if names.contains(&(old % NAMES)) => {
                names.remove(&(old % NAMES));
                names.insert(new % NAMES);
                Ok(())
            }
            Change::Remove(_) | Change::Rename(..) => Err(Errno::ENOENT),
        }
    }
}

/// The directory as proptest-state-machine generates changes of it.
///
/// ```
/// use fuserig_peers::{Change, Model};
/// use proptest_state_machine::ReferenceStateMachine;
/// let after = Model::apply(Default::default(), &Change::Make(1));
/// assert!(after.names.contains(&1));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The numbers of the names that there are.
    pub names: BTreeSet<u8>,
    /// What the last change came to.
    pub last: Option<Errno>,
}

impl ReferenceStateMachine for Model {
    type State = Model;
    type Transition = Change;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model::default()).boxed()
    }

    fn transitions(_: &Model) -> BoxedStrategy<Change> {
        let number = || any::<u8>().prop_map(|number| number % NAMES);
        prop_oneof![
            number().prop_map(Change::Make),
            number().prop_map(Change::Remove),
            (number(), number()).prop_map(|(old, new)| Change::Rename(old, new)),
        ]
        .boxed()
    }

    fn apply(mut state: Model, change: &Change) -> Model {
        state.last = change.apply_to(&mut state.names).err();
        state
    }
}

/// The filesystem in memory under proptest-state-machine.
///
/// ```
/// use fuserig_peers::{Change, InMemory, Model};
/// use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
/// let after = Model::apply(Model::default(), &Change::Make(1));
/// let fs = InMemory::apply(InMemory::init_test(&Model::default()), &after, Change::Make(1));
/// InMemory::check_invariants(&fs, &after);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct InMemory;

impl StateMachineTest for InMemory {
    type SystemUnderTest = MemFs;
    type Reference = Model;

    fn init_test(_: &Model) -> MemFs {
        MemFs::new(MemFsOptions::default())
    }

    fn apply(mut fs: MemFs, model: &Model, change: Change) -> MemFs {
        let root = fs.root();
        let caller = Caller::new(Credentials::root(), Pid(1), Timespec::ZERO);
        let answer = match change {
            Change::Make(at) => {
                let made = fs.create(&caller, root, name(at).as_bytes(), FILE);
                made.and_then(|stat| fs.forget(&caller, stat.ino))
            }
            Change::Remove(at) => fs.unlink(&caller, root, name(at).as_bytes()),
            Change::Rename(old, new) => {
                let (old, new) = (name(old), name(new));
                let flags = RenameFlags::empty();
                fs.rename(&caller, root, old.as_bytes(), root, new.as_bytes(), flags)
            }
        };
        assert_eq!(answer.err(), model.last, "{change:?}");
        fs
    }

    fn check_invariants(fs: &MemFs, model: &Model) {
        for number in 0..NAMES {
            let path = format!("/{}", name(number));
            let found = fs.find(path.as_bytes()).is_some();
            assert_eq!(found, model.names.contains(&number), "{path}");
        }
    }
}
