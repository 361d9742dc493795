//! Tests that findings are written as: they are what is written today, they compile, they fail as
//! long as the finding stands, and pass when it does not.
//!
//! The texts in `generated/` are committed as they are written and included here with what their
//! author puts in: the filter, and an invariant that is not of the library. To write one anew,
//! take what the failing test prints.

use std::cell::Cell;

use fuserig::prelude::*;
use fuserig::sim::{CallEntry, Class, Switch};

use super::kept::{One, one_directory, one_try};

thread_local! {
    /// Whether the finding stands on this thread.
    static STANDS: Cell<bool> = const { Cell::new(false) };
}

/// The wrong thing while the finding stands, and else the right one.
fn under_test<T>(wrong: impl FnOnce() -> T, right: impl FnOnce() -> T) -> T {
    if STANDS.get() { wrong() } else { right() }
}

fn boxed(filter: impl Filter + 'static) -> Box<dyn Filter> {
    Box::new(filter)
}

/// Hides a name, and forgets to hide it from lookups.
fn hides_only_listings() -> FuseOps {
    FuseOps::new("hides").readdir_prefilter(|_, _| Verdict::Postfilter).readdir_postfilter(
        |cx, _, out, entries| {
            if cx.error_in().is_none() {
                let dropped = entries.retain(|entry| entry.name != b".secret");
                out.again = u32::from(dropped > 0 && entries.is_empty());
            }
            Verdict::Continue
        },
    )
}

/// Nothing promises it: whatever was made is there after a loss of power.
#[derive(Debug)]
struct Made {
    wanted: bool,
}

impl Invariant for Made {
    fn name(&self) -> &str {
        "made"
    }

    fn crash(&self, crashed: &Crashed<'_>) -> Result<(), String> {
        let made = |call: &&CallEntry| {
            let action = &crashed.case.clients[call.client].actions[call.action];
            let worked = call.result.as_ref().is_some_and(|result| result.value.is_ok());
            worked && matches!(action, Action::Mkdir { .. })
        };
        let wanted = crashed.calls.iter().filter(made).count();
        let there = crashed.recovered.walk().filter(|entry| entry.path.starts_with(b"/m")).count();
        if self.wanted && there < wanted { Err("one is gone".to_owned()) } else { Ok(()) }
    }
}

mod plain {
    use super::{boxed, hides_only_listings, under_test};
    const HIDDEN: &str = ".secret";

    fn filter() -> Box<dyn Filter> {
        let right = || boxed(hide(Patterns::parse(".secret").expect("a name")));
        under_test(|| boxed(hides_only_listings()), right)
    }

    include!("generated/plain.txt");

    pub(super) const TEST: fn() = never_visible_082d993a;
}

mod concurrent {
    use super::{One, boxed, one_directory, under_test};

    mod invariant {
        pub(super) fn one() -> super::One {
            super::One::default()
        }
    }

    fn filter() -> Box<dyn Filter> {
        under_test(|| boxed(one_directory::<true>()), || boxed(one_directory::<false>()))
    }

    include!("generated/concurrent.txt");

    pub(super) const TEST: fn() = one_8e3ce3fa;
}

mod fault {
    use super::{boxed, one_directory, one_try, under_test};

    fn other_filter() -> impl Filter {
        one_directory::<false>()
    }

    fn filter() -> Box<dyn Filter> {
        under_test(|| boxed(one_try()), || boxed(one_directory::<false>()))
    }

    include!("generated/fault.txt");

    pub(super) const TEST: fn() = twins_agree_d902c8ac;
}

mod crash {
    use super::{Made, under_test};

    mod invariant {
        pub(super) fn made() -> super::Made {
            super::under_test(|| super::Made { wanted: true }, || super::Made { wanted: false })
        }
    }

    include!("generated/crash.txt");

    pub(super) const TEST: fn() = made_c4d1d4a6;
}

fn mkdir(path: &str) -> Action {
    Action::Mkdir { path: path.into(), mode: 0o755 }
}

fn program(actions: Vec<Action>) -> Program {
    Program::of(0, actions)
}

/// The finding of a case that is as small as it gets.
fn found(case: Case, subject: Subject, invariant: Box<dyn Invariant>) -> Finding {
    let campaign = Simulation::of_case(case).run(subject).check_all(vec![invariant]);
    *campaign.result().expect_err("it is wrong on purpose")
}

/// What is written for a finding is `text`, and `test` fails while it stands.
#[track_caller]
fn check(finding: &Finding, text: &str, test: fn()) {
    let written = finding.to_rust_test();
    assert!(written == text, "this is written today:\n{written}");
    test();
    STANDS.set(true);
    let failed = std::panic::catch_unwind(test).expect_err("the finding stands");
    STANDS.set(false);
    let report = failed.downcast_ref::<String>().expect("it has a report");
    assert!(report.contains(&finding.violation.invariant), "{report}");
}

#[test]
fn a_plain_finding_is_a_test() {
    let look = Action::Stat { path: ".secret".into(), follow: false };
    let clients = vec![program(vec![look])];
    let case = Case { tree: "/.secret 'no'".to_owned(), clients, ..Case::default() };
    let subject = Subject::new(Abi::V4, hides_only_listings);
    let finding = found(case, subject, Box::new(invariant::never_visible(".secret")));
    check(&finding, include_str!("generated/plain.txt"), plain::TEST);
}

#[test]
fn a_finding_with_forced_switches_is_a_test() {
    let clients = vec![program(vec![mkdir("d/a")]), program(vec![mkdir("e/b")])];
    let tree = "/d/\n/e/".to_owned();
    let at = |step| {
        let switches = vec![Switch { client: 0, action: 0, step, to: 1 }];
        Case {
            tree: tree.clone(),
            clients: clients.clone(),
            schedule: Schedule { switches },
            ..Case::default()
        }
    };
    let subject = || Subject::new(Abi::V4, one_directory::<true>);
    let stands = |case: &Case| {
        let campaign = Simulation::of_case(case.clone()).run(subject()).check(One::default());
        campaign.violation().is_some()
    };
    let case = (1..40).map(at).find(stands).expect("one step is between look and taking");
    let finding = found(case, subject(), Box::new(One::default()));
    assert_eq!((finding.class, finding.case.schedule.switches.len()), (Class::Violation, 1));
    check(&finding, include_str!("generated/concurrent.txt"), concurrent::TEST);
}

#[test]
fn a_finding_with_a_fault_is_a_test() {
    let clients = vec![program(vec![mkdir("a"), mkdir("b")])];
    let kind = FaultKind::Lower { op: "mkdir".to_owned(), errno: 28 };
    let faults = FaultPlan { faults: vec![Fault { client: 0, action: 0, kind }] };
    let case = Case { clients, faults, ..Case::default() };
    let subject = Subject::new(Abi::V4, one_try);
    let finding = found(case, subject, Box::new(invariant::twins_agree(one_directory::<false>)));
    check(&finding, include_str!("generated/fault.txt"), fault::TEST);
}

#[test]
fn a_finding_with_a_loss_of_power_is_a_test() {
    let clients = vec![program(vec![mkdir("m")])];
    let crash = Crash { step: 100, durability: Durability::Loose, lost: vec![0] };
    let case =
        Case { filter: "hide:.secret".to_owned(), clients, crash: Some(crash), ..Case::default() };
    let hides = || hide(Patterns::parse(".secret").expect("a name"));
    let subject = Subject::new(Abi::V4, hides).named("hide:.secret");
    let finding = found(case, subject, Box::new(Made { wanted: true }));
    check(&finding, include_str!("generated/crash.txt"), crash::TEST);
}
