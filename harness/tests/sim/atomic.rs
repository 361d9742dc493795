//! Changes that overlap.

use fuserig::prelude::*;

fn mkdir(path: &str) -> Action {
    Action::Mkdir { path: path.into(), mode: 0o777 }
}

/// Directories have modes by number; looked at before and counted after, or at once.
fn numbered<const LATE: bool>() -> FuseOps<u32> {
    FuseOps::with_state("numbered", 0)
        .mkdir_prefilter(|cx, mkdir, _| {
            mkdir.mode = 0o700 + *cx.state;
            *cx.state += u32::from(!LATE);
            Verdict::Postfilter
        })
        .mkdir_postfilter(|cx, _, _| {
            *cx.state += u32::from(LATE);
            Verdict::Continue
        })
}

#[test]
fn changes_that_no_order_explains_are_found() {
    let every_schedule = |subject: Subject| {
        let program = |path: &str| Program::of(0, vec![mkdir(path)]);
        let clients = vec![program("d/x"), program("e/x")];
        let case = Case { clients, tree: "/d/\n/e/".to_owned(), ..Case::default() };
        let simulation = Simulation::of_case(case).scheduler(SchedulerKind::Exhaustive);
        simulation.run(subject).check(invariant::atomic_changes()).result()
    };
    every_schedule(Subject::new(Abi::V4, numbered::<false>)).expect("each has its number");
    let finding = every_schedule(Subject::new(Abi::V4, numbered::<true>));
    let finding = finding.expect_err("two have one number");
    assert_eq!(finding.violation.invariant, "atomic_changes", "{finding}");
}
