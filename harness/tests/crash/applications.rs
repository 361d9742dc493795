//! Programs that expect more of a filesystem than it promises, and their correct twins.

use fuserig::crash::{CrashSearch, Crashed};
use fuserig::prelude::*;

const TREE: &str = "/config 'old'";

fn create(path: &str) -> Action {
    Action::Open { path: path.into(), flags: 0o102, mode: 0o644 }
}

fn write() -> Action {
    Action::Write { file: 0, size: 3, fill: b'n', offset: None }
}

fn sync() -> Action {
    Action::Fsync { file: 0, datasync: false }
}

fn close() -> Action {
    Action::Close { file: 0 }
}

fn rename() -> Action {
    Action::Rename { old: "tmp".into(), new: "config".into(), flags: 0 }
}

fn sync_root() -> Vec<Action> {
    vec![Action::Open { path: ".".into(), flags: 0o200_000, mode: 0 }, sync(), close()]
}

/// A configuration file is the old one or the new one, whatever happens.
#[derive(Debug)]
struct OldOrNew;

impl Invariant for OldOrNew {
    fn name(&self) -> &str {
        "old_or_new"
    }

    fn crash(&self, crashed: &Crashed<'_>) -> Result<(), String> {
        let (old, new) = (crashed.contents_at_start("/config"), crashed.contents_before("/config"));
        let found = crashed.contents("/config");
        if found == old || found == new {
            return Ok(());
        }
        Err(format!("config holds {}", shown(found.as_deref())))
    }
}

fn shown(bytes: Option<&[u8]>) -> String {
    bytes.map_or("nothing at all".to_owned(), |bytes| format!("\"{}\"", bytes.escape_ascii()))
}

/// What a program said it had stored is there.
#[derive(Debug)]
struct Stored;

impl Invariant for Stored {
    fn name(&self) -> &str {
        "stored"
    }

    fn crash(&self, crashed: &Crashed<'_>) -> Result<(), String> {
        // The last call has returned: from here on the program tells others that it is done.
        let done = crashed.done().count() == crashed.case.clients[0].actions.len();
        match crashed.contents("/tmp") {
            Some(bytes) if bytes == b"nnn" => Ok(()),
            _ if !done => Ok(()),
            other => Err(format!("it was stored and is {}", shown(other.as_deref()))),
        }
    }
}

/// Whether the program loses what it relies on in some legal state after a crash at some step.
fn is_wrong(
    actions: Vec<Action>,
    durability: Durability,
    invariant: impl Invariant + 'static,
) -> Option<Box<Finding>> {
    let clients = vec![Program::of(0, actions)];
    let case = Case { tree: TREE.to_owned(), clients, ..Case::default() };
    let subject = Subject::without_filter(Abi::V4).over(TREE);
    let subject = subject.crashing(CrashSearch::every(durability));
    Simulation::of_case(case).run(subject).check(invariant).result().err()
}

fn replace(synced: bool) -> Vec<Action> {
    let mut actions = vec![create("tmp"), write()];
    actions.extend(synced.then(sync));
    actions.extend([close(), rename()]);
    actions
}

#[test]
fn a_rename_without_a_sync_may_leave_neither_old_nor_new() {
    let wrong = |synced, durability| is_wrong(replace(synced), durability, OldOrNew).is_some();
    assert!(wrong(false, Durability::Ordered));
    assert!(wrong(false, Durability::Loose));
    assert!(!wrong(false, Durability::Prefix), "data comes before the rename there");
    assert!(!wrong(false, Durability::Sync));
    for durability in Durability::ALL {
        assert!(!wrong(true, durability), "{durability}");
    }
}

#[test]
fn a_new_file_needs_a_sync_of_its_directory_where_nothing_more_is_promised() {
    let stored = |with_directory: bool| {
        let mut actions = vec![create("tmp"), write(), sync(), close()];
        if with_directory {
            actions.extend(sync_root());
        }
        actions
    };
    let wrong = |with, durability| is_wrong(stored(with), durability, Stored).is_some();
    assert!(wrong(false, Durability::Loose));
    assert!(!wrong(false, Durability::Ordered), "journals write the name along");
    assert!(!wrong(true, Durability::Loose));
}

#[test]
fn the_report_says_what_is_lost_and_the_case_shows_it_again() {
    let finding = is_wrong(replace(false), Durability::Ordered, OldOrNew).expect("it is wrong");
    let text = finding.to_string();
    let (report, _) = text.split_once("\nreplay").expect("the command comes last");
    insta::assert_snapshot!(report, @r#"
    violation   old_or_new: config holds ""
    with        the filter on v4 (faithful)
    found       seed 0, run 0; 4 operations shrunk to 3

    step  client 1
       0  open a rw,create 644
            = 0
      16  write #0 1 x 0x6e
            = 1
      20  rename a config
            (power lost)

    crash     power lost after step 38 (ordered); one of 5 legal states
    lost      1 of 3 changes that were not durable:
                data at 0, 1 bytes, of /config

    order       one client; no ordering matters
    minimal     it passes without any one operation (3), fault or crash (1), line or argument (5); 36 runs
    "#);
    let case = Case::from_json(&finding.case.to_json()).expect("it was just written");
    let subject = Subject::without_filter(Abi::V4).over(TREE);
    let again = Simulation::of_case(case).run(subject).check(OldOrNew).result().unwrap_err();
    assert_eq!(again.violation, finding.violation);
    assert_eq!(again.record.digest, finding.record.digest);
}
