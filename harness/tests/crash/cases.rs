//! A crash in a case: stored, read, total.

use fuserig::prelude::*;
use fuserig::sim::Ending;

fn case(crash: Crash) -> Case {
    let mkdir = |path: &str| Action::Mkdir { path: path.into(), mode: 0o755 };
    let clients = vec![Program::of(0, vec![mkdir("a"), mkdir("b")])];
    Case { clients, crash: Some(crash), ..Case::default() }
}

fn names(lost: Vec<u32>, step: u64) -> Vec<String> {
    let case = case(Crash { step, durability: Durability::Loose, lost });
    let record = fuserig::sim::run(&Subject::without_filter(Abi::V4), &case).expect("no tree");
    assert_eq!(record.ending, Ending::PowerLost);
    record.lower.walk().map(|entry| entry.path.escape_ascii().to_string()).collect()
}

#[test]
fn every_list_of_lost_changes_is_legal_and_every_step_as_well() {
    assert_eq!(names(vec![], u64::MAX), ["/", "/a", "/b"]);
    assert_eq!(names(vec![0], u64::MAX), ["/", "/b"], "the node, and so its name");
    assert_eq!(names(vec![1], u64::MAX), ["/", "/b"], "its name alone");
    assert_eq!(names(vec![2, 77], u64::MAX), ["/", "/a"], "what is not there cannot be lost");
    assert_eq!(names(vec![], 0), ["/"], "nothing has happened yet");
}

#[test]
fn a_crash_is_stored_with_its_policy() {
    let case = case(Crash { step: 3, durability: Durability::Prefix, lost: vec![1] });
    let json = case.to_json();
    assert!(json.contains("\"durability\": \"prefix\""), "{json}");
    assert_eq!(Case::from_json(&json).expect("just written"), case);
    let wrong = json.replace("prefix", "perfect");
    let error = Case::from_json(&wrong).expect_err("no such policy").to_string();
    assert!(error.contains("unknown durability perfect"), "{error}");
}

#[test]
fn a_hidden_name_stays_hidden_and_a_read_only_tree_the_same_after_a_crash() {
    let hide = || hide(Patterns::parse(".secret").expect("a name"));
    let tree = "/notes.txt 'hi'\n/.secret 'no'\n/d/\n/d/.secret 's'";
    Simulation::new(Seed(5))
        .runs(40)
        .name(".secret")
        .crashes(Durability::Ordered)
        .run(Subject::new(Abi::V4, hide).over(tree))
        .check(invariant::never_visible(".secret"))
        .or_report();
    Simulation::new(Seed(6))
        .runs(40)
        .crashes(Durability::Loose)
        .run(Subject::new(Abi::V4, readonly).over(tree))
        .check(invariant::read_only())
        .or_report();
}
