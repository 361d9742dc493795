//! Programs from proptest, which shrinks them as well; the simulation judges each.

use fuserig::prelude::*;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::{Config, TestRunner};

/// One action on one of two names.
fn action() -> impl Strategy<Value = Action> {
    let name = || prop_oneof![Just("a"), Just(".secret")];
    prop_oneof![
        name().prop_map(|name| Action::Mkdir { path: name.into(), mode: 0o755 }),
        name().prop_map(|name| Action::Stat { path: name.into(), follow: true }),
        name().prop_map(|name| Action::Rmdir { path: name.into() }),
        (name(), name()).prop_map(|(old, new)| {
            Action::Rename { old: old.into(), new: new.into(), flags: 0 }
        }),
    ]
}

fn main() {
    let hide = || hide(Patterns::parse(".secret").expect("a name"));
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let result =
        TestRunner::new(config).run(&proptest::collection::vec(action(), 1..20), |actions| {
            let tree = "/.secret 'no'".to_owned();
            let case = Case { tree, clients: vec![Program { uid: 0, actions }], ..Case::default() };
            Simulation::of_case(case)
                .run(Subject::new(Abi::V4, hide).over("/.secret 'no'"))
                .check(invariant::never_visible(".secret"))
                .result()
                .map(drop)
                .map_err(|finding| proptest::test_runner::TestCaseError::fail(finding.to_string()))
        });
    assert!(result.is_ok(), "{result:?}");
}
