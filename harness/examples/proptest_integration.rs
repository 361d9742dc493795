//! Cases from proptest, which shrinks them as well; the simulation judges each.

use fuserig::prelude::*;
use fuserig::sim::WorkloadConfig;
use fuserig::strategy::cases;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

const TREE: &str = "/notes.txt 'hi'\n/.secret 'no'\n/d/\n/d/.secret 'no'";

/// What a filter shows of `.secret` to two clients, if anything, as proptest shrinks it.
fn shown<F: Filter + 'static>(make: fn() -> F) -> Option<Case> {
    let subject = Subject::new(Abi::V4, make).over(TREE);
    let names = vec![".secret".into()];
    let workload = WorkloadConfig { operations: 20, names, ..WorkloadConfig::default() };
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&cases(&subject, workload), |case| {
        let campaign = Simulation::of_case(case).run(subject.clone());
        match campaign.check(invariant::never_visible(".secret")).violation() {
            Some(violation) => Err(TestCaseError::fail(violation.to_string())),
            None => Ok(()),
        }
    });
    match result {
        Ok(()) => None,
        Err(TestError::Fail(_, case)) => Some(case),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

fn main() {
    assert_eq!(shown(|| hide(Patterns::parse(".secret").expect("a name"))), None);
    // This one forgets that directories list what lookups hide.
    let found = shown(|| {
        FuseOps::new("leaky").lookup_prefilter(|_, name| match name.name() {
            b".secret" => Verdict::Error(Errno::ENOENT),
            _ => Verdict::Continue,
        })
    });
    let case = found.expect("a listing shows the name");
    assert!(case.operations() <= 2, "{}", case.to_json());
}
