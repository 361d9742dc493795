//! Clients that fork, execute programs and exit.

use fuserig::prelude::*;
use fuserig::sim::RunRecord;
use fuserig_sim_fs::OpenFlags;
use fuserig_traces::TraceReader;
use fuserig_traces::calls::CallNr;
use fuserig_traces::record::Record;

const CUR: u32 = 1;
const EXCLUSIVE: u32 = 1;

fn open(path: &str) -> Action {
    marked(path, OpenFlags::empty())
}

fn marked(path: &str, flags: OpenFlags) -> Action {
    Action::Open { path: path.into(), flags: 2 | flags.bits(), mode: 0 }
}

fn read(size: u64) -> Action {
    Action::Read { file: 0, size, offset: None }
}

fn stands(file: u8) -> Action {
    Action::Seek { file, offset: 0, whence: CUR }
}

fn lock(start: i64) -> Action {
    Action::Lock { file: 0, kind: EXCLUSIVE, start, length: 1, waits: false }
}

/// What one client does, and what came of each of its calls.
fn alone(actions: &[Action]) -> RunRecord {
    let clients = vec![Program::of(0, actions.to_vec())];
    let tree = "/a 'abcdef'\n/b 'ghi'".to_owned();
    let case = Case { clients, tree, ..Case::default() };
    let subject = Subject::without_filter(Abi::V4);
    let judged = Simulation::of_case(case.clone()).run(subject.clone());
    judged.check(invariant::posix()).or_report();
    fuserig::sim::run(&subject, &case).expect("the tree is well-formed")
}

fn values(record: &RunRecord) -> Vec<Result<i64, Errno>> {
    let values = record.calls.iter().map(|call| call.result.as_ref().expect("it returned").value);
    values.collect()
}

#[test]
fn a_file_stands_in_the_same_place_for_parent_and_child() {
    let close = Action::Close { file: 0 };
    let actions = [open("a"), Action::Fork, read(2), close, Action::Exit, stands(0), read(9)];
    let record = alone(&actions);
    assert_eq!(values(&record), [Ok(0), Ok(1001), Ok(2), Ok(0), Ok(0), Ok(2), Ok(4)]);
    let balance = record.balance.expect("it came to its end");
    assert_eq!((balance.handles, balance.dentries, balance.inodes), (0, 0, 0));
}

#[test]
fn children_that_are_left_exit_in_the_end() {
    let record = alone(&[open("a"), Action::Fork, open("b"), Action::Fork, Action::Fork]);
    assert_eq!(values(&record), [Ok(0), Ok(1001), Ok(1), Ok(2001), Ok(3001)]);
    assert_eq!(record.balance.expect("it came to its end").handles, 0);
}

#[test]
fn one_fork_too_many_is_refused_and_one_exit_too_many_does_nothing() {
    let mut actions = vec![Action::Exit, open("a")];
    actions.extend(vec![Action::Fork; 4]);
    actions.extend(vec![Action::Exit; 4]);
    actions.push(stands(0));
    let values = values(&alone(&actions));
    assert_eq!(values[5], Err(Errno::EAGAIN));
    assert!(values.iter().enumerate().all(|(at, value)| at == 5 || value.is_ok()), "{values:?}");
}

#[test]
fn a_case_is_legal_without_any_of_its_actions() {
    let actions = [open("a"), lock(0), Action::Fork, lock(1), read(1), Action::Exit, lock(2)];
    for left_out in 0..actions.len() {
        let mut fewer = actions.to_vec();
        fewer.remove(left_out);
        assert!(alone(&fewer).balance.is_some(), "without {}", actions[left_out]);
    }
}

#[test]
fn who_has_what_lock_is_a_matter_of_the_process() {
    let refused = Err(Errno::EAGAIN);
    let close = Action::Close { file: 0 };
    let actions =
        [open("a"), lock(0), Action::Fork, lock(0), lock(1), close, Action::Exit, lock(1)];
    let values = values(&alone(&actions));
    assert_eq!(values[3..], [refused, Ok(0), Ok(0), Ok(0), Ok(0)]);
    // The parent has kept its own.
    let asks = [open("a"), lock(0), Action::Fork, open("a"), Action::Exit, Action::Fork, lock(0)];
    assert_eq!(values_of_last(&asks), refused);
}

fn values_of_last(actions: &[Action]) -> Result<i64, Errno> {
    values(&alone(actions))[actions.len() - 1]
}

#[test]
fn what_is_marked_closes_when_a_program_is_executed() {
    let fstat = Action::Fstat { file: 0 };
    let record = alone(&[open("a"), marked("b", OpenFlags::CLOEXEC), Action::Exec, read(6), fstat]);
    assert_eq!(values(&record)[3], Ok(6), "the other is the newest now");
    let on = Action::SetCloexec { file: 0, on: true };
    assert_eq!(values_of_last(&[open("a"), on.clone(), Action::Exec, read(1)]), Err(Errno::EBADF));
    let off = Action::SetCloexec { file: 0, on: false };
    assert_eq!(values_of_last(&[open("a"), on, off, Action::Exec, read(1)]), Ok(1));
}

/// Nobody is a child that exits.
#[derive(Debug)]
struct NoChild;

impl Invariant for NoChild {
    fn name(&self) -> &str {
        "no_child"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        match seen.action {
            Action::Exit if seen.caller != seen.pid => Err(format!("{} exits", seen.caller)),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_finding_shrinks_to_its_fork_and_tells_of_the_child_in_its_trace() {
    let actions = vec![open("a"), Action::Fork, Action::Exec, open("b"), Action::Exit, stands(0)];
    let clients = vec![Program::of(0, actions)];
    let case = Case { clients, tree: "/a\n/b".to_owned(), ..Case::default() };
    let run = Simulation::of_case(case).run(Subject::without_filter(Abi::V4));
    let found = run.check(NoChild).result().expect_err("a child exits");
    assert_eq!(found.case.clients[0].actions, [Action::Fork, Action::Exit]);
    let trace = found.to_trace().expect("there are calls");
    let reader = TraceReader::open(&trace[..]).expect("just written");
    let calls = reader.records().filter_map(|record| match record.expect("just written") {
        Record::Call(call) => Some((call.nr, call.client)),
        _ => None,
    });
    assert_eq!(calls.collect::<Vec<_>>(), [(CallNr::FORK, 1), (CallNr::EXIT, 1001)]);
}

/// A child that exits, and is killed while it does.
const KILLED_AT_EXIT: &str = r#"{"filter":"none","abi":"v4","fidelity":"faithful","tree":"",
    "clients":[{"uid":0,"actions":["fork","exit",{"open":{"path":"a","flags":64,"mode":0}}]}],
    "schedule":[],"faults":[{"client":0,"action":1,"kind":"killed"}]}"#;

#[test]
fn whoever_is_killed_while_it_exits_is_gone() {
    let case = Case::from_json(KILLED_AT_EXIT).expect("well-formed");
    let campaign = Simulation::of_case(case).run(Subject::without_filter(Abi::V4));
    let summary = campaign.check(invariant::balance()).or_report();
    assert_eq!((summary.operations, summary.faults), (2, 1), "the parent does nothing more");
}
