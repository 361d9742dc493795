//! Small programs whose every interleaving is tried, with and without reduction.

use fuserig::prelude::*;
use fuserig::sim::{Search, explore_after};
use fuserig_abi::{CallArgs, Op, Phase, Slot};
use fuserig_filters::Touch;

const TREE: &str = "/a 'aaaa'\n/b 'bbbb'\n/c 'cccc'\n/d/\n/e/\n/s 'x' mode=0600";

fn open(path: &str) -> Action {
    Action::Open { path: path.into(), flags: 2, mode: 0 }
}

fn write(fill: u8, offset: i64) -> Action {
    Action::Write { file: 0, size: 2, fill, offset: Some(offset) }
}

fn read() -> Action {
    Action::Read { file: 0, size: 8, offset: Some(0) }
}

fn fstat() -> Action {
    Action::Fstat { file: 0 }
}

fn truncate(size: i64) -> Action {
    Action::Ftruncate { file: 0, size }
}

/// A seek that nobody can answer: one step.
fn seek() -> Action {
    Action::Seek { file: 0, offset: 0, whence: 9 }
}

fn sync() -> Action {
    Action::Fsync { file: 0, datasync: false }
}

/// Name, and for each client the file it opens first and what it does then.
type Litmus = (&'static str, Vec<(&'static str, Vec<Action>)>);

fn programs() -> Vec<Litmus> {
    let w = |fill| write(fill, 0);
    vec![
        ("write and write", vec![("a", vec![w(b'1')]), ("a", vec![w(b'2')])]),
        ("write and read", vec![("a", vec![w(b'1')]), ("a", vec![read()])]),
        ("write and fstat", vec![("a", vec![write(b'1', 9)]), ("a", vec![fstat()])]),
        ("two writes and a read", vec![("a", vec![w(b'1'), write(b'2', 2)]), ("a", vec![read()])]),
        ("truncate and read", vec![("a", vec![truncate(1)]), ("a", vec![read()])]),
        ("truncate and write", vec![("a", vec![truncate(1)]), ("a", vec![write(b'1', 3)])]),
        ("read and read", vec![("a", vec![read()]), ("a", vec![read()])]),
        ("two reads and a write", vec![("a", vec![read(), read()]), ("a", vec![w(b'1')])]),
        ("sync and write", vec![("a", vec![sync(), sync()]), ("a", vec![w(b'1')])]),
        ("files apart", vec![("a", vec![w(b'1'), read()]), ("b", vec![w(b'2'), read()])]),
        (
            "two on one file, one elsewhere",
            vec![("a", vec![w(b'1')]), ("a", vec![read()]), ("s", vec![seek()])],
        ),
        (
            "two files apart, one elsewhere",
            vec![("a", vec![read()]), ("b", vec![w(b'1')]), ("s", vec![seek()])],
        ),
        ("three writers", vec![("a", vec![w(b'1')]), ("a", vec![w(b'2')]), ("a", vec![w(b'3')])]),
        (
            "two writers, one cuts",
            vec![("a", vec![w(b'1')]), ("a", vec![truncate(1)]), ("a", vec![write(b'2', 3)])],
        ),
        (
            "two writers, one seeks",
            vec![("a", vec![w(b'1')]), ("a", vec![w(b'2')]), ("s", vec![seek(), seek()])],
        ),
        (
            "three seek in three files",
            vec![
                ("a", vec![seek(), seek(), seek()]),
                ("b", vec![seek(), seek(), seek()]),
                ("c", vec![seek(), seek(), seek()]),
            ],
        ),
    ]
}

fn case(clients: Vec<(&str, Vec<Action>)>) -> Case {
    let clients = clients
        .into_iter()
        .map(|(file, mut actions)| {
            actions.insert(0, open(file));
            Program::of(0, actions)
        })
        .collect();
    Case { tree: TREE.to_owned(), clients, ..Case::default() }
}

#[test]
fn reduction_keeps_every_outcome_and_a_hundredth_of_the_executions() {
    let subject = Subject::without_filter(Abi::V4);
    let (mut plain_total, mut reduced_total) = (0, 0);
    for (name, clients) in programs() {
        let case = case(clients);
        let search =
            |search| explore_after(&subject, &case, (search, 1), 1_000_000).expect("a good tree");
        let (plain, reduced) = (search(Search::Plain), search(Search::Reduced));
        println!(
            "{name}: {} executions, {} reduced, {} outcomes",
            plain.executions,
            reduced.executions,
            plain.outcomes.len()
        );
        assert!(plain.exhausted && reduced.exhausted, "{name}");
        assert_eq!(plain.outcomes, reduced.outcomes, "{name}");
        plain_total += plain.executions;
        reduced_total += reduced.executions;
    }
    println!("{plain_total} executions, {reduced_total} reduced");
    assert!(reduced_total * 100 <= plain_total, "{plain_total} plain, {reduced_total} reduced");
}

#[test]
fn both_orders_of_a_race_are_outcomes() {
    let subject = Subject::without_filter(Abi::V4);
    let case = case(vec![("a", vec![write(b'1', 0)]), ("a", vec![read()])]);
    let explored = explore_after(&subject, &case, (Search::Reduced, 1), 10_000).expect("a tree");
    assert!(explored.exhausted);
    assert_eq!(explored.outcomes.len(), 2, "the read sees the write or not");
}

/// Counts the writes of each user, and says which count a call changes, or nothing.
#[derive(Debug, Default)]
struct Counting {
    counts: std::collections::BTreeMap<u32, u64>,
    tells: bool,
}

impl Filter for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    fn has(&self, slot: Slot) -> bool {
        slot == Slot::Member(Op::WriteIter, Phase::Pre)
    }

    fn call(&mut self, _: Slot, _: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32 {
        let uid = env.caller().credentials.uid.0;
        if self.tells {
            env.touch(Touch { cell: u64::from(uid), is_change: true });
        }
        let count = self.counts.entry(uid).or_default();
        *count += 1;
        if *count > 1 { Errno::EDQUOT.negative() as u32 } else { 0 }
    }
}

#[test]
fn cells_of_a_filter_that_differ_need_no_order() {
    let search = |tells: bool, uids: [u32; 2]| {
        let subject = Subject::new(Abi::V4, move || Counting { tells, ..Counting::default() });
        let mut case = case(vec![("a", vec![write(b'1', 0)]), ("b", vec![write(b'2', 0)])]);
        case.tree = "/a mode=0666 'aaaa'\n/b mode=0666 'bbbb'".to_owned();
        for (program, uid) in case.clients.iter_mut().zip(uids) {
            program.uid = uid;
        }
        explore_after(&subject, &case, (Search::Reduced, 1), 10_000).expect("a good tree")
    };
    for uids in [[1000, 1001], [1000, 1000]] {
        let (cells, whole) = (search(true, uids), search(false, uids));
        println!("{uids:?}: {} executions, {} without cells", cells.executions, whole.executions);
        assert!(cells.exhausted && whole.exhausted);
        assert_eq!(cells.outcomes, whole.outcomes, "{uids:?}");
        if uids[0] == uids[1] {
            assert_eq!(cells.outcomes.len(), 2, "one of the two writes is over the limit");
            assert_eq!(cells.executions, whole.executions, "one count orders both calls");
        } else {
            assert!(cells.executions < whole.executions, "nothing orders calls on two counts");
        }
    }
}

#[test]
fn an_exhaustive_simulation_finds_a_race_and_counts_what_it_covered() {
    let programs = |tree: &str| {
        let both = vec![("a", vec![write(b'1', 0)]), ("a", vec![read()])];
        Case { tree: tree.to_owned(), ..case(both) }
    };
    let subject = Subject::without_filter(Abi::V4).over(TREE);
    let simulation = Simulation::of_case(programs(TREE)).scheduler(SchedulerKind::Exhaustive);
    let summary = simulation.clone().run(subject.clone()).or_report();
    let schedules = summary.schedules.expect("every schedule was to be tried");
    assert!(schedules.is_exhaustive() && schedules.executions >= 2, "{schedules}");
    assert!(schedules.interleavings > 100 * u128::from(schedules.executions), "{schedules}");
    assert!(summary.to_string().contains("exhaustive: "), "{summary}");
    let bounded = simulation.clone().executions_max(1).run(subject.clone()).or_report();
    assert!(bounded.to_string().contains("bounded: 1 executions of "), "{bounded}");
    let finding = simulation.run(subject).check(NeverOld).result().expect_err("it can be new");
    assert!(!finding.case.schedule.switches.is_empty() || finding.case.clients.len() == 1);
}

/// A read that sees the write of the other client: some orders, not all.
#[derive(Debug)]
struct NeverOld;

impl Invariant for NeverOld {
    fn name(&self) -> &str {
        "never_old"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        match &seen.result.output {
            fuserig::vfs::Output::Bytes(bytes) if bytes.starts_with(b"11") => {
                Err("the read sees the write".to_owned())
            }
            _ => Ok(()),
        }
    }
}

#[test]
fn pct_says_its_bound() {
    let subject = Subject::without_filter(Abi::V4).over(TREE);
    let simulation = Simulation::new(Seed(3)).operations(8).runs(10);
    let pct = simulation.scheduler(SchedulerKind::Pct { depth: 2 }).run(subject).or_report();
    let bound = pct.bound.expect("PCT has one");
    assert_eq!((bound.clients, bound.depth), (2, 2));
    assert_eq!(bound.one_in(), 2 * bound.steps);
    let text =
        format!("with a chance of at least 1/{} (n = 2, k = {}", bound.one_in(), bound.steps);
    assert!(pct.to_string().contains(&text), "{pct}");
}
