//! A program that replaces a file: with a sync it survives every crash, without one it does not.

use fuserig::prelude::*;

/// The file is the old one or the new one, never something in between.
#[derive(Debug)]
struct OldOrNew;

impl Invariant for OldOrNew {
    fn name(&self) -> &str {
        "old_or_new"
    }

    fn crash(&self, crashed: &Crashed<'_>) -> Result<(), String> {
        let found = crashed.contents("/config");
        let legal = [crashed.contents_at_start("/config"), crashed.contents_before("/config")];
        if legal.contains(&found) { Ok(()) } else { Err("neither the old nor the new".to_owned()) }
    }
}

fn replace(sync: bool) -> Result<Summary, Box<Finding>> {
    let mut actions = vec![
        Action::Open { path: "tmp".into(), flags: 0o102, mode: 0o644 },
        Action::Write { file: 0, size: 3, fill: b'n', offset: None },
    ];
    actions.extend(sync.then_some(Action::Fsync { file: 0, datasync: false }));
    actions.push(Action::Rename { old: "tmp".into(), new: "config".into(), flags: 0 });
    let tree = "/config 'old'".to_owned();
    let case = Case { tree, clients: vec![Program::of(0, actions)], ..Case::default() };
    // Every step, every legal state.
    let subject = Subject::without_filter(Abi::V4).over(&case.tree);
    let subject = subject.crashing(CrashSearch::every(Durability::Ordered));
    Simulation::of_case(case).run(subject).check(OldOrNew).result()
}

fn main() {
    assert!(replace(true).is_ok());
    let finding = replace(false).expect_err("the data may be lost behind the new name");
    assert!(finding.to_string().contains("power lost"), "{finding}");
}
