//! Filters of the library with one instruction changed.
//!
//! A mutant that no search tells from its original is put to a battery of every action on every
//! kind of file; one that passes this as well is called equivalent, as far as the battery tells.

use core::fmt;
use std::rc::Rc;

use fuserig::prelude::*;
use fuserig_filters::engine::{BpfFilter, Limits};
use fuserig_filters::object::load;
use fuserig_filters::program::{Insn, Linked};

use super::{TREE, general};

const NOTHING: Insn = Insn { code: 0x05, dst: 0, src: 0, off: 0, imm: 0 };

/// Objects of the library whose decisions clients can see.
const LIBRARY: &[(&str, &[u8])] = &[
    ("hide_names", include_bytes!("../../../filters/bpf/hide_names.o")),
    ("read_only", include_bytes!("../../../filters/bpf/read_only.o")),
    ("redact_list", include_bytes!("../../../filters/bpf/redact_list.o")),
    ("strip_setid", include_bytes!("../../../filters/bpf/strip_setid.o")),
    ("uid_quota", include_bytes!("../../../filters/bpf/uid_quota.o")),
    ("xattr_guard", include_bytes!("../../../filters/bpf/xattr_guard.o")),
    ("alias_lookup", include_bytes!("../../../filters/bpf/alias_lookup.o")),
];

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// It does not load.
    Stillborn,
    /// A client saw a difference.
    Killed,
    /// Every action of the battery gives what it gives with the original.
    Equivalent,
    /// The battery tells it from the original, the search did not.
    Survived,
}

/// One changed instruction of one program.
#[derive(Clone, Debug)]
pub(crate) struct Mutant {
    filter: &'static str,
    program: String,
    place: usize,
    how: &'static str,
    original: Rc<Linked>,
    changed: Rc<Linked>,
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}[{}]: {}", self.filter, self.program, self.place, self.how)
    }
}

/// Every mutation of an instruction.
fn mutations(insn: Insn) -> Vec<(&'static str, Insn)> {
    let class = insn.code & 7;
    let mut list = Vec::new();
    if class == 5 || class == 6 {
        let operation = insn.code & 0xf0;
        let opposite = match operation {
            0x10 => Some(0x50),
            0x50 => Some(0x10),
            0x20 => Some(0xb0),
            0xb0 => Some(0x20),
            0x30 => Some(0xa0),
            0xa0 => Some(0x30),
            0x60 => Some(0xd0),
            0xd0 => Some(0x60),
            0x70 => Some(0xc0),
            0xc0 => Some(0x70),
            _ => None,
        };
        if let Some(operation) = opposite {
            let code = insn.code & 0x0f | operation;
            list.push(("the branch is turned round", Insn { code, ..insn }));
            if insn.code & 8 == 0 {
                let imm = insn.imm.wrapping_add(1);
                list.push(("the bound is one more", Insn { imm, ..insn }));
            }
        }
        if operation == 0x80 && class == 5 {
            let result = Insn { code: 0xb7, dst: 0, src: 0, off: 0, imm: 1 };
            list.push(("the call is left out and gives 1", result));
        }
    }
    if class == 4 || class == 7 {
        list.push(("it is left out", NOTHING));
        if insn.code & 8 == 0 && insn.code & 0xf0 != 0xd0 {
            let imm = insn.imm.wrapping_add(1);
            list.push(("the number is one more", Insn { imm, ..insn }));
        }
    }
    if matches!(class, 2 | 3) {
        list.push(("the store is left out", NOTHING));
    }
    list
}

/// One in so many mutants of the library.
pub(crate) fn of_library(one_in: usize) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    let mut count = 0;
    for (filter, object) in LIBRARY {
        let original = Rc::new(load(object, Abi::V4).expect("a committed object"));
        for (number, program) in original.programs.iter().enumerate() {
            for (place, insn) in program.insns.iter().enumerate() {
                // The second half of a lddw is no instruction.
                if place > 0 && program.insns[place - 1].code == 0x18 {
                    continue;
                }
                for (how, changed) in mutations(*insn) {
                    count += 1;
                    if count % one_in != 0 {
                        continue;
                    }
                    let mut linked = Linked::clone(&original);
                    linked.programs[number].insns[place] = changed;
                    mutants.push(Mutant {
                        filter,
                        program: program.name.clone(),
                        place,
                        how,
                        original: Rc::clone(&original),
                        changed: Rc::new(linked),
                    });
                }
            }
        }
    }
    mutants
}

fn filter(linked: &Linked) -> Option<BpfFilter> {
    BpfFilter::new(linked, None, Abi::V4, Limits::default()).ok()
}

impl Mutant {
    /// What a search with default settings and so many operations makes of it.
    pub(crate) fn hunt(&self, operations: u64) -> Fate {
        if filter(&self.changed).is_none() {
            return Fate::Stillborn;
        }
        let simulation = Simulation::new(Seed(1)).runs(u64::MAX).operations_max(operations);
        let names = [".secret", "b.key", "current", "v1"];
        let simulation = names.iter().fold(simulation, |simulation, name| simulation.name(*name));
        let campaign = simulation.run(self.subject()).check_all(general()).check(self.twin());
        if campaign.result().is_err() {
            return Fate::Killed;
        }
        match self.differs_in_battery() {
            true => Fate::Survived,
            false => Fate::Equivalent,
        }
    }

    fn subject(&self) -> Subject {
        let changed = Rc::clone(&self.changed);
        let make = move || filter(&changed).map(|filter| Box::new(filter) as Box<dyn Filter>);
        Subject::boxed(Abi::V4, make).over(&format!("{TREE}\n/b.key 'k'\n/v1 'one'"))
    }

    fn twin(&self) -> impl Invariant + use<> {
        let original = Rc::clone(&self.original);
        invariant::twins_agree(move || filter(&original).expect("the original loads"))
    }

    /// Every action of the battery alone, each after the others of its file.
    fn differs_in_battery(&self) -> bool {
        let subject = self.subject();
        battery().into_iter().any(|actions| {
            let clients = vec![Program::of(0, actions)];
            let case = Case { tree: subject.tree().to_owned(), clients, ..Case::default() };
            Simulation::of_case(case).run(subject.clone()).check(self.twin()).result().is_err()
        })
    }
}

/// What is done to every path, with every flag and size that a filter of the library looks at.
fn battery() -> Vec<Vec<Action>> {
    let paths =
        ["a", "b", ".secret", ".", "..x", ".x", "b.key", "current", "v1", "d", "d/.secret", "link"];
    let mut all = Vec::new();
    for path in paths {
        let at = || fuserig::sim::Text::from(path);
        for flags in 0..3_u32 {
            for more in [0, 0o100, 0o300, 0o1000, 0o2000, 0o200_000] {
                let open = Action::Open { path: at(), flags: flags | more, mode: 0o6644 };
                let write = Action::Write { file: 0, size: 5, fill: b'm', offset: Some(0) };
                let read = Action::Read { file: 0, size: 9, offset: Some(0) };
                let list = Action::List { file: 0, space: 4096 };
                all.push(vec![open, write, read, list]);
            }
        }
        for mode in [0o600, 0o4755, 0o2755] {
            all.push(vec![Action::Chmod { path: at(), mode }]);
            all.push(vec![Action::Mkdir { path: at(), mode }]);
            all.push(vec![Action::Mknod { path: at(), mode: 0o10_000 | mode, device: 0 }]);
        }
        for name in ["user.a", "user.guard.a", "user.guard", "trusted.t"] {
            let name = || fuserig::sim::Text::from(name);
            let value = fuserig::sim::Text::from("v");
            all.push(vec![
                Action::Setxattr { path: at(), name: name(), value, flags: 0 },
                Action::Getxattr { path: at(), name: name(), size: 10 },
                Action::Removexattr { path: at(), name: name() },
            ]);
        }
        for other in paths {
            let to = || fuserig::sim::Text::from(other);
            for flags in [0, 1, 2] {
                all.push(vec![Action::Rename { old: at(), new: to(), flags }]);
            }
            all.push(vec![Action::Link { source: at(), path: to() }]);
        }
        all.push(vec![Action::Symlink { target: "x".into(), path: at() }]);
        for mode in 0..8 {
            all.push(vec![Action::Access { path: at(), mode }]);
        }
        all.push(vec![Action::Unlink { path: at() }]);
        all.push(vec![Action::Rmdir { path: at() }]);
        all.push(vec![Action::Truncate { path: at(), size: 1 }]);
        all.push(vec![Action::Touch { path: at() }]);
    }
    all
}
