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

/// No file is removed while another is renamed; with the wrong errno, or not at all.
fn renaming<const REFUSES: bool>() -> FuseOps<u32> {
    FuseOps::with_state("renaming", 0)
        .rename_prefilter(|cx, _, _, _| {
            *cx.state += 1;
            Verdict::Postfilter
        })
        .rename_postfilter(|cx, _, _, _| {
            *cx.state -= 1;
            Verdict::Continue
        })
        .unlink_prefilter(|cx, _| match *cx.state {
            1.. if REFUSES => Verdict::Error(Errno::ENOENT),
            _ => Verdict::Continue,
        })
}

#[test]
fn a_name_that_is_there_all_the_time_and_is_said_not_to_be_is_found() {
    let every_schedule = |subject: Subject| {
        let unlink = Action::Unlink { path: "d/x".into() };
        let rename = Action::Rename { old: "e/y".into(), new: "e/x".into(), flags: 0 };
        let clients = [unlink, rename].map(|action| Program::of(0, vec![action])).into();
        let tree = "/d/\n/d/x 'x'\n/e/\n/e/y 'y'".to_owned();
        let case = Case { clients, tree, ..Case::default() };
        let simulation = Simulation::of_case(case).scheduler(SchedulerKind::Exhaustive);
        simulation.run(subject).check(invariant::atomic_changes()).result()
    };
    every_schedule(Subject::new(Abi::V4, renaming::<false>)).expect("each is as if alone");
    let finding = every_schedule(Subject::new(Abi::V4, renaming::<true>));
    let finding = finding.expect_err("d/x is there");
    assert_eq!(finding.violation.invariant, "atomic_changes", "{finding}");
}

/// The directory of a name goes away, and the name with it.
#[test]
fn a_name_whose_directory_moves_is_no_finding() {
    let rename =
        |old: &str, new: &str| Action::Rename { old: old.into(), new: new.into(), flags: 0 };
    let (away, back) = (rename("d", "e"), rename("e", "d"));
    let unlinks = ["d/x", "e/x"].map(|path| Action::Unlink { path: path.into() });
    let clients = vec![Program::of(0, vec![away, back]), Program::of(0, unlinks.into())];
    let case = Case { clients, tree: "/d/\n/d/x 'x'".to_owned(), ..Case::default() };
    let simulation = Simulation::of_case(case).scheduler(SchedulerKind::Exhaustive);
    let subject = Subject::without_filter(Abi::V4);
    simulation.run(subject).check(invariant::atomic_changes()).or_report();
}

/// As on Linux, where truncate asks for rights before it takes the lock of the file.
#[test]
fn rights_that_go_between_check_and_act_are_no_finding() {
    let truncate = |size| Action::Truncate { path: "/t/a".into(), size };
    let chown = Action::Chown { path: "/t/a".into(), uid: 0, gid: 0 };
    let owner = Program::of(1000, vec![truncate(0)]);
    let root = Program::of(0, vec![chown, truncate(1)]);
    let case = Case {
        clients: vec![owner, root],
        tree: "/t/\n/t/a 'text' mode=0644 uid=1000 gid=1000".to_owned(),
        ..Case::default()
    };
    let simulation = Simulation::of_case(case).scheduler(SchedulerKind::Exhaustive);
    let subject = Subject::without_filter(Abi::V4);
    simulation.run(subject).check(invariant::atomic_changes()).or_report();
}
