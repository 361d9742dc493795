//! Clients that wait for advisory locks: who ends their waits, and what a scenario has of them.

use fuserig::fault::{Fault, FaultKind, FaultPlan};
use fuserig::prelude::*;
use fuserig::sim::{RunRecord, Search, Switch, explore_after};

const SHARED: u32 = 0;
const EXCLUSIVE: u32 = 1;
const NONE: u32 = 2;

fn open() -> Action {
    Action::Open { path: "f".into(), flags: 2, mode: 0 }
}

fn close() -> Action {
    Action::Close { file: 0 }
}

fn whole(kind: u32, waits: bool) -> Action {
    Action::Flock { file: 0, kind, waits }
}

fn range(kind: u32, start: i64, waits: bool) -> Action {
    Action::Lock { file: 0, kind, start, length: 1, waits }
}

fn case(programs: &[&[Action]]) -> Case {
    let clients = programs.iter().map(|actions| Program::of(0, actions.to_vec())).collect();
    Case { clients, tree: "/f 'x'".to_owned(), ..Case::default() }
}

/// Before an action another client goes on.
fn switch(client: usize, action: usize, to: usize) -> Switch {
    Switch { client, action, step: 0, to }
}

/// What comes of a case, which `posix` has nothing to say to.
#[track_caller]
fn run(case: &Case) -> RunRecord {
    let subject = Subject::without_filter(Abi::V4);
    let judged = Simulation::of_case(case.clone()).run(subject.clone());
    judged.check(invariant::posix()).check(invariant::errno_envelope()).or_report();
    let record = fuserig::sim::run(&subject, case).expect("the tree is well-formed");
    assert!(record.ending.is_finished(), "{:?}", record.ending);
    record
}

/// What one client's calls returned.
fn values(record: &RunRecord, client: usize) -> Vec<Result<i64, Errno>> {
    let own = record.calls.iter().filter(|call| call.client == client);
    own.map(|call| call.result.as_ref().expect("it returned").value).collect()
}

#[test]
fn a_wait_that_nobody_ends_is_ended_by_the_run() {
    for lock in [whole(EXCLUSIVE, true), range(EXCLUSIVE, 0, true)] {
        let record = run(&case(&[
            &[open(), whole(SHARED, false), range(SHARED, 0, false)],
            &[open(), lock.clone(), close()],
            &[open(), lock, close()],
        ]));
        for client in [1, 2] {
            assert_eq!(values(&record, client), [Ok(0), Err(Errno::EINTR), Ok(0)]);
        }
    }
}

#[test]
fn whoever_waits_has_the_lock_when_it_is_given_back() {
    let mut case = case(&[
        &[open(), range(EXCLUSIVE, 0, false), range(EXCLUSIVE, 5, false), close()],
        &[open(), range(SHARED, 0, true), range(SHARED, 5, false)],
    ]);
    case.schedule.switches = vec![switch(0, 2, 1)];
    let record = run(&case);
    assert_eq!(values(&record, 1), [Ok(0), Ok(0), Ok(0)]);
    let waited = &record.calls[3];
    assert!((waited.client, waited.action) == (1, 1) && waited.end > record.calls[4].end);
}

#[test]
fn who_closes_a_ring_is_refused_and_the_others_go_on() {
    let mut case = case(&[
        &[open(), range(EXCLUSIVE, 0, false), range(EXCLUSIVE, 1, true), close()],
        &[open(), range(EXCLUSIVE, 1, false), range(SHARED, 0, true), close()],
    ]);
    case.schedule.switches = vec![switch(0, 2, 1), switch(1, 2, 0)];
    let record = run(&case);
    assert_eq!(values(&record, 0), [Ok(0), Ok(0), Ok(0), Ok(0)]);
    assert_eq!(values(&record, 1), [Ok(0), Ok(0), Err(Errno::EDEADLK), Ok(0)]);
    // Of whole files nobody looks for rings.
    let mut case = self::case(&[
        &[open(), open(), whole(EXCLUSIVE, false), Action::Flock { file: 1, kind: 1, waits: true }],
        &[open()],
    ]);
    case.schedule.switches = vec![];
    assert_eq!(values(&run(&case), 0)[3], Err(Errno::EINTR));
}

#[test]
fn a_signal_ends_a_wait_and_so_does_who_kills() {
    let holder = [open(), whole(EXCLUSIVE, false), open(), close(), close()];
    for (kind, seen) in [
        (FaultKind::Signal, vec![Ok(0), Err(Errno::EINTR), Ok(0)]),
        (FaultKind::Killed, vec![Ok(0)]),
    ] {
        let mut case = case(&[&holder, &[open(), whole(SHARED, true), whole(NONE, false)]]);
        case.schedule.switches = vec![switch(0, 2, 1)];
        case.faults = FaultPlan { faults: vec![Fault { client: 1, action: 1, kind }] };
        let record = run(&case);
        let own = record.calls.iter().filter(|call| call.client == 1);
        let returned = own.filter_map(|call| Some(call.result.as_ref()?.value));
        assert_eq!(returned.collect::<Vec<_>>(), seen);
        assert_eq!(record.faults_fired, 1);
        assert_eq!(record.balance.expect("it came to its end").handles, 0);
    }
}

#[test]
fn the_reduced_search_knows_who_gives_a_lock_back_and_who_waits_for_it() {
    let subject = Subject::without_filter(Abi::V4);
    for (one, other) in [
        // A lock of the whole file goes with it.
        (vec![whole(EXCLUSIVE, false), close()], vec![whole(SHARED, false)]),
        (vec![whole(EXCLUSIVE, true), whole(NONE, false)], vec![whole(SHARED, true)]),
        (vec![range(EXCLUSIVE, 0, true), range(NONE, 0, false)], vec![range(SHARED, 0, false)]),
        // Where both have their first one, the second to wait is refused.
        (
            vec![range(EXCLUSIVE, 0, false), range(EXCLUSIVE, 1, true)],
            vec![range(EXCLUSIVE, 1, false), range(SHARED, 0, true)],
        ),
    ] {
        let program = |actions: &[Action]| [&[open()], actions].concat();
        let case = case(&[&program(&one), &program(&other)]);
        let search = |search| {
            let explored = explore_after(&subject, &case, (search, 1), 200_000);
            let explored = explored.expect("a good tree");
            assert!(explored.exhausted, "{} runs were too few", explored.executions);
            explored.outcomes
        };
        let outcomes = search(Search::Plain);
        assert_eq!(outcomes, search(Search::Reduced), "{one:?} {other:?}");
        assert!(outcomes.len() > 1, "{one:?} {other:?}");
    }
}
