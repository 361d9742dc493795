//! Small programs whose every interleaving is tried, with and without reduction.

use fuserig::prelude::*;
use fuserig::sim::{Search, explore_after};

const TREE: &str = "/a 'aaaa'\n/b 'bbbb'\n/c 'cccc'\n/d/\n/s 'x' mode=0600";

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
    ]
}

fn case(clients: Vec<(&str, Vec<Action>)>) -> Case {
    let clients = clients
        .into_iter()
        .map(|(file, mut actions)| {
            actions.insert(0, open(file));
            Program { uid: 0, actions }
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
