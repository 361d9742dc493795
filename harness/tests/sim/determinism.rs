//! A seed means the same in debug and release, today and tomorrow.

use fuserig::prelude::*;

use super::common::{TREE, hide_secret, over, simulation};

#[test]
fn a_seed_gives_the_same_digest_twice_and_another_seed_another() {
    let digest = |seed| simulation(seed).runs(3).run(over(hide_secret)).or_report().digest;
    assert_eq!(digest(7), digest(7));
    assert_ne!(digest(7), digest(8));
}

#[test]
fn the_digest_of_a_seed_is_pinned() {
    // A change here changes what every seed means, which is breaking: find out why first.
    let summary = simulation(7).runs(3).run(over(hide_secret)).or_report();
    assert_eq!((summary.runs, summary.operations), (3, 180));
    assert_eq!(format!("{:016x}", summary.digest), "4b4b810dc8e20a9d");
}

#[test]
fn a_filter_that_depends_on_something_outside_is_found() {
    use std::cell::Cell;
    use std::rc::Rc;
    let outside = Rc::new(Cell::new(0_u32));
    let make = move || {
        let outside = Rc::clone(&outside);
        FuseOps::new("moody").lookup_prefilter(move |_, _| {
            // The second run of the same case meets it from its first lookup on.
            outside.set(outside.get() + 1);
            if outside.get() > 3 { Verdict::Error(Errno::EIO) } else { Verdict::Continue }
        })
    };
    let finding = simulation(1).run(over(make)).result().unwrap_err();
    assert_eq!(finding.violation.invariant, "deterministic");
}

#[test]
fn a_stored_case_runs_as_it_was_found() {
    let subject = Subject::without_filter(Abi::V4).over(TREE);
    let campaign = simulation(3).run(subject.clone()).check(invariant::never_visible(".secret"));
    let finding = campaign.result().unwrap_err();
    let case = Case::from_json(&finding.case.to_json()).expect("it was just written");
    let again = Simulation::of_case(case)
        .run(subject)
        .check(invariant::never_visible(".secret"))
        .result()
        .unwrap_err();
    assert_eq!(again.violation, finding.violation);
    assert_eq!(again.record.digest, finding.record.digest);
}
