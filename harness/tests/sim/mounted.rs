//! Filters behind an ordinary mount: the kernel in front keeps names, attributes and pages, and the
//! server behind it has the filter and the filesystem.

use fuserig::fault::{Fault, FaultKind, FaultPlan};
use fuserig::prelude::*;
use fuserig::sim::CallEntry;
use fuserig::vfs::Output;
use fuserig_abi::{Caller, Ino};

use super::common::{TREE, failures, hide_secret, over, simulation, unfiltered};

/// Reads and writes, and looks at lengths: what a kernel keeps most of.
fn simulation_of_posix(runs: u64) -> Simulation {
    Simulation::new(Seed(1)).clients(2).operations(64).runs(runs)
}

#[test]
fn no_filter_behind_a_mount_is_what_posix_says_and_the_same_twice() {
    let run = || {
        simulation_of_posix(200)
            .run(unfiltered().mounted())
            .check(invariant::posix())
            .check(invariant::errno_envelope())
            .check(invariant::balance())
            .check(invariant::no_data_lost())
            .or_report()
    };
    let (first, second) = (run(), run());
    assert_eq!(first, second);
    assert_eq!(first.runs, 200);
    assert_eq!(first.coverage.filter_calls, 0);
    let direct = simulation_of_posix(200).run(unfiltered()).or_report();
    assert_ne!(first.steps, direct.steps, "requests take other steps than the pipeline does");
}

#[test]
fn a_right_filter_holds_its_promise_behind_a_mount() {
    let summary = simulation(7)
        .run(over(hide_secret).mounted())
        .check(invariant::never_visible(".secret"))
        .check(invariant::balance())
        .or_report();
    assert!(summary.coverage.filter_calls > 0, "the server has the filter: {summary}");
}

#[test]
fn a_filter_that_shows_what_it_should_hide_is_found_behind_a_mount() {
    let wrong = || hide(Patterns::parse(".other").expect("a name"));
    let finding = simulation(7)
        .run(over(wrong).named("hide:.other").mounted())
        .check(invariant::never_visible(".secret"))
        .result()
        .expect_err("nothing hides it");
    assert_eq!(finding.violation.invariant, "never_visible");
    assert!(finding.case.mounted);
    let command = finding.command().expect("the filter has a name");
    assert!(command.ends_with(".json --mounted"), "{command}");
    assert!(finding.to_rust_test().contains(".mounted();\n"), "{}", finding.to_rust_test());
    let text = finding.to_string();
    assert!(text.contains("hide:.other on v4 (faithful), behind a mount\n"), "{text}");
    let scenario = finding.to_scenario().expect("there are words for it");
    assert!(scenario.contains("mount filter=f local_locks served\n"), "{scenario}");
    assert_eq!(failures(&scenario), [""; 0], "{scenario}");
    // The right filter does otherwise.
    let right = scenario.replace("hide:.other", "hide:.secret");
    assert!(!failures(&right).is_empty(), "{right}");
    let stored = Case::from_json(&finding.case.to_json()).expect("it was just written");
    let again = Simulation::of_case(stored)
        .run(over(wrong))
        .check(invariant::never_visible(".secret"))
        .result()
        .expect_err("the case knows that it is about a mount");
    assert_eq!(again.violation.message, finding.violation.message);
}

/// Nothing is made: behind a mount, or anywhere.
#[derive(Debug)]
struct NothingIsMade {
    where_mounted_alone: bool,
}

impl Invariant for NothingIsMade {
    fn name(&self) -> &str {
        "nothing_is_made"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let is_made = matches!(seen.action, Action::Mkdir { .. }) && seen.result.value.is_ok();
        match is_made && (seen.case.mounted || !self.where_mounted_alone) {
            true => Err("a directory was made".to_owned()),
            false => Ok(()),
        }
    }
}

#[test]
fn a_campaign_may_have_some_runs_behind_a_mount_and_keeps_it_where_it_matters() {
    let found = |runs: Simulation, where_mounted_alone| {
        runs.run(unfiltered()).check(NothingIsMade { where_mounted_alone }).result()
    };
    let finding = found(simulation_of_posix(40).mounting(), true).expect_err("some are mounted");
    assert!(finding.case.mounted);
    assert!(finding.run % 8 == 2, "one in eight: {}", finding.run);
    found(simulation_of_posix(40), true).expect("none is mounted unless it is asked for");
    let anywhere = NothingIsMade { where_mounted_alone: false };
    let mounted = simulation_of_posix(40).run(unfiltered().mounted()).check(anywhere).result();
    let case = mounted.expect_err("directories are made").case;
    let again = Simulation::of_case(Case { mounted: false, ..case }).run(unfiltered());
    let anywhere = NothingIsMade { where_mounted_alone: false };
    let case = again.check(anywhere).result().expect_err("it needs no mount").case;
    assert!(!case.mounted);
}

/// A filesystem that leaves out the last byte of what is written, unless there is but one.
#[derive(Debug)]
struct Careless(Box<dyn Lower>);

impl Lower for Careless {
    fn root(&self) -> Ino {
        self.0.root()
    }

    fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        let &LowerOp::Write { fh, offset, data: [data @ .., _] } = op else {
            return self.0.apply(caller, op);
        };
        if data.is_empty() {
            return self.0.apply(caller, op);
        }
        match self.0.apply(caller, &LowerOp::Write { fh, offset, data })? {
            LowerReply::Written { count, end } => {
                Ok(LowerReply::Written { count: count + 1, end: end + 1 })
            }
            other => Ok(other),
        }
    }
}

#[test]
fn a_wrong_filesystem_below_is_found_through_a_mount() {
    let finding = simulation_of_posix(200)
        .run(unfiltered().lower(|lower| Box::new(Careless(lower))).mounted())
        .check(invariant::posix())
        .result()
        .expect_err("bytes are lost");
    assert_eq!(finding.violation.invariant, "posix");
    assert!(finding.case.operations() <= 3, "{finding}");
}

/// A listing meets a name that is being looked up; both of them name it.
const LISTED_MEANWHILE: &str = r#"{"filter":"none","abi":"v4","fidelity":"faithful",
    "mounted":true,"tree":"/e","clients":[
        {"uid":0,"actions":[{"open":{"path":".","flags":0,"mode":0}},
            {"list":{"file":0,"space":4096}}]},
        {"uid":0,"actions":[{"open":{"path":"e","flags":0,"mode":0}}]}],"schedule":[]}"#;

/// A directory trades places with a file that gets a name in it.
const TRADED_AND_LINKED: &str = r#"{"filter":"none","abi":"v4","fidelity":"faithful",
    "mounted":true,"tree":"/d/c/\n/b","clients":[
        {"uid":0,"actions":[{"rename":{"old":"d/c","new":"b","flags":2}}]},
        {"uid":0,"actions":[{"link":{"source":"b","path":"d/c/a"}}]}],"schedule":[]}"#;

#[test]
fn every_order_of_what_was_once_wrong_is_right() {
    for text in [LISTED_MEANWHILE, TRADED_AND_LINKED] {
        let case = Case::from_json(text).expect("well-formed");
        let simulation =
            Simulation::of_case(case).scheduler(SchedulerKind::Exhaustive).executions_max(20_000);
        let campaign = simulation.run(Subject::without_filter(Abi::V4));
        let summary = campaign.check(invariant::balance()).or_report();
        assert!(summary.schedules.is_some_and(|all| all.is_exhaustive()), "{summary}");
    }
}

/// What is told of a file is never older than the file.
#[derive(Debug)]
struct NoOldNews;

impl Invariant for NoOldNews {
    fn name(&self) -> &str {
        "no_old_news"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let Output::Stat(told) = &seen.result.output else { return Ok(()) };
        let is = seen.lower.stat(told.ino).expect("it is still there");
        let done = |call: &&CallEntry| call.client == 1 && call.end.is_some();
        let changed = seen.calls.iter().any(|call| done(&call) && call.end < Some(seen.begin));
        if changed && told.ctime < is.ctime { Err("that was before".to_owned()) } else { Ok(()) }
    }
}

/// One client looks at the file again after a while, and another takes an attribute away and looks.
#[test]
fn a_search_of_every_order_has_replies_under_way() {
    let stat = || Action::Stat { path: "b".into(), follow: false };
    let remove = Action::Removexattr { path: "b".into(), name: "user.a".into() };
    let clients = vec![Program::of(0, vec![stat(), stat()]), Program::of(0, vec![remove, stat()])];
    let kind = FaultKind::ClockJump { seconds: 1 };
    let faults = FaultPlan { faults: vec![Fault { client: 0, action: 1, kind }] };
    let case = Case { clients, faults, tree: TREE.to_owned(), ..Case::default() };
    let subject = || Subject::without_filter(Abi::V4).mounted();
    let search = Simulation::of_case(case).scheduler(SchedulerKind::Exhaustive);
    let finding = search.run(subject()).check(NoOldNews).result().expect_err("Linux has it so");
    println!("{finding}");
    let again = Simulation::of_case(finding.case.clone()).run(subject()).check(NoOldNews);
    assert_eq!(again.result().expect_err("the same").violation, finding.violation);
}

/// A stranger makes a program in a directory that gives its group away.
const GIVEN_AWAY: &str = r#"{"filter":"none","abi":"v4","fidelity":"faithful","mounted":true,
    "tree":"/d/ mode=02777 gid=50","clients":[{"uid":1000,"actions":[
        {"mknod":{"path":"d/a","mode":33802}},
        {"open":{"path":"d/b","flags":64,"mode":1528}}]}],"schedule":[]}"#;

#[test]
fn a_stranger_gets_no_program_of_the_group_of_a_directory() {
    let case = Case::from_json(GIVEN_AWAY).expect("well-formed");
    Simulation::of_case(case)
        .run(Subject::without_filter(Abi::V4))
        .check(invariant::posix())
        .check(invariant::never_setid())
        .or_report();
}

/// What has a slash behind it is refused for that, whatever else is wrong.
#[test]
fn a_slash_behind_what_is_no_directory_is_refused_wherever_the_filter_is() {
    let link = Action::Link { source: "b/".into(), path: "none/c".into() };
    let long = format!("{}/", "n".repeat(256));
    let open = Action::Open { path: long.as_str().into(), flags: 0o100, mode: 0o644 };
    let clients = vec![Program::of(0, vec![link, open])];
    for subject in [unfiltered(), unfiltered().mounted()] {
        let case = Case { clients: clients.clone(), tree: TREE.to_owned(), ..Case::default() };
        Simulation::of_case(case).run(subject).check(invariant::posix()).or_report();
    }
}

/// The value of a list that gives a user some rights, and the owner, the group and others others.
fn list(rights: u16) -> Text {
    let entries = [(0x01, 6, u32::MAX), (0x02, rights, 7), (0x04, 4, u32::MAX)];
    let entries = entries.into_iter().chain([(0x10, rights, u32::MAX), (0x20, 0, u32::MAX)]);
    let mut value = 2_u32.to_le_bytes().to_vec();
    for (tag, rights, id) in entries {
        value.extend([u16::to_le_bytes(tag), u16::to_le_bytes(rights)].concat());
        value.extend(u32::to_le_bytes(id));
    }
    Text(value)
}

/// The kernel in front keeps no list whose reply was under way while somebody set another; that the
/// mode of another was told before, it believes for a while.
#[test]
fn a_list_that_was_told_before_another_was_set_is_not_kept() {
    let name = || Text::from("system.posix_acl_access");
    let set = |rights| {
        let value = list(rights);
        Action::Setxattr { path: "b".into(), name: name(), value, flags: 0 }
    };
    let get = || Action::Getxattr { path: "b".into(), name: name(), size: 100 };
    let stat = || Action::Stat { path: "b".into(), follow: true };
    for (asks, looks) in [(get(), get()), (stat(), stat())] {
        let sets = Program::of(0, vec![set(4), set(6), looks]);
        let clients = vec![sets, Program::of(0, vec![asks])];
        let case = Case { clients, tree: TREE.to_owned(), ..Case::default() };
        let search = Simulation::of_case(case).scheduler(SchedulerKind::Exhaustive);
        let campaign = search.run(Subject::without_filter(Abi::V4).mounted());
        let summary = campaign.check(invariant::posix()).or_report();
        assert!(summary.schedules.is_some_and(|all| all.is_exhaustive()), "{summary}");
    }
}
