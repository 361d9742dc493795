//! Findings as scenarios: whatever a simulation does there are words for, and each call of a
//! scenario returns what it returned in the simulation.

use fuserig::fault::{Fault, FaultKind, FaultPlan};
use fuserig::prelude::*;
use fuserig::scenario::Scenario;
use fuserig::sim::Switch;

use super::common::{failures, unfiltered};

/// Nothing is wrong until so many calls have returned.
#[derive(Debug)]
struct Enough(usize);

impl Invariant for Enough {
    fn name(&self) -> &str {
        "enough"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let returned = seen.calls.iter().filter(|call| call.end.is_some()).count();
        if returned < self.0 { Ok(()) } else { Err("#0 #1: that is enough".to_owned()) }
    }
}

/// How often words stand in many scenarios.
#[derive(Debug, Default)]
struct Words {
    held: usize,
    forks: usize,
    signals: usize,
}

/// What is found after many calls, with a schedule of many switches, with faults and after a loss
/// of power.
fn from_the_first_call_to_the_last(subject: &Subject) -> Words {
    let campaigns: [fn(Simulation) -> Simulation; 3] =
        [|plain| plain, |plain| plain.faults(3), |plain| plain.crashes(Durability::Ordered)];
    let (mut calls, mut words) = (0, Words::default());
    for (seed, change) in (1..=24).flat_map(|seed| campaigns.map(|change| (seed, change))) {
        let simulation = change(Simulation::new(Seed(seed)).operations(48).runs(1));
        let campaign = simulation.run(subject.clone()).check(Enough(40));
        let Err(finding) = campaign.unshrunk().result() else { continue };
        let scenario = finding.to_scenario().expect("there are words for it");
        let mut wrong = failures(&scenario);
        // Shrinking would take away what does not happen.
        wrong.retain(|what| !what.contains("this fault did not happen"));
        assert_eq!(wrong, [""; 0], "{scenario}");
        let title = Scenario::parse(&scenario).expect("it was just run").title;
        assert!(title.ends_with("that is enough"), "{title}");
        calls += finding.case.operations();
        words.held += scenario.matches(": held after ").count();
        words.forks += scenario.matches(": fork(").count();
        words.signals += scenario.matches(": gets a signal").count();
    }
    assert!(calls > 400 && words.held > 40, "{calls} calls, {words:?}");
    words
}

#[test]
fn a_run_is_a_scenario_from_its_first_call_to_its_last() {
    let words = from_the_first_call_to_the_last(&unfiltered());
    assert!(words.forks >= 8, "{words:?}");
}

#[test]
fn a_run_behind_a_mount_is_a_scenario_from_its_first_call_to_its_last() {
    let words = from_the_first_call_to_the_last(&unfiltered().mounted());
    assert!(words.forks >= 8, "{words:?}");
}

fn open(path: &str) -> Action {
    Action::Open { path: path.into(), flags: 2, mode: 0 }
}

fn read(size: u64) -> Action {
    Action::Read { file: 0, size, offset: None }
}

fn close() -> Action {
    Action::Close { file: 0 }
}

fn lock(waits: bool) -> Action {
    Action::Lock { file: 0, kind: 1, start: 0, length: 0, waits }
}

/// The scenario of a case in which something is wrong once so many calls have returned; it holds.
fn scenario(
    programs: &[&[Action]],
    (faults, switches): (Vec<Fault>, Vec<Switch>),
    calls: usize,
) -> String {
    let case = Case {
        clients: programs.iter().map(|actions| Program::of(0, actions.to_vec())).collect(),
        faults: FaultPlan { faults },
        schedule: Schedule { switches },
        tree: "/f 'xyz'\n/g 'g'".to_owned(),
        ..Case::default()
    };
    let run = Simulation::of_case(case).run(Subject::without_filter(Abi::V4));
    let found = run.check(Enough(calls)).unshrunk().result();
    let mut finding = *found.expect_err("so many calls return");
    finding.case.filter = "none".to_owned();
    let text = finding.to_scenario().expect("there are words for it");
    assert_eq!(failures(&text), [""; 0], "{text}");
    text
}

#[test]
fn a_child_goes_on_in_the_place_of_its_parent_until_it_exits() {
    let child = [Action::Fork, open("g"), read(1), Action::Exec, close(), close(), Action::Exit];
    let program = [&[open("f")], &child[..], &[read(1)]].concat();
    let text = scenario(&[&program], (vec![], vec![]), program.len());
    // What the child opens and closes is so for the child.
    for line in ["fork(1001, 0) = 1001", "read(1, 1) = 1", "exec(\"\") = 0", "close(0) = 0"] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let without = |words: &str| {
        let kept: Vec<&str> = text.lines().filter(|line| !line.contains(words)).collect();
        failures(&kept.join("\n"))
    };
    assert!(!without("c1: exit(0)").is_empty() && !without("c1: fork(").is_empty(), "{text}");
}

#[test]
fn a_wait_that_a_signal_ends_is_one_in_a_scenario() {
    let holder = [open("f"), lock(false), close()];
    let waiter = [open("f"), lock(true), close()];
    let fault = |kind| Fault { client: 1, action: 1, kind };
    let switch = Switch { client: 0, action: 2, step: 0, to: 1 };
    // By the run, because nobody else can move; by a fault; and by whoever kills.
    for (holder, faults, calls) in [
        (&holder[..2], vec![], 5),
        (&holder[..], vec![fault(FaultKind::Signal)], 5),
        (&holder[..], vec![fault(FaultKind::Killed)], 4),
    ] {
        let is_killed = calls == 4;
        let text = scenario(&[holder, &waiter], (faults, vec![switch]), calls);
        assert!(text.contains("c2: gets a signal\n  c2: goes on   # lock"), "{text}");
        assert_eq!(text.contains(" = EINTR   # lock"), !is_killed, "{text}");
        assert_eq!(text.contains("    fault the client is killed\n"), is_killed, "{text}");
        // Whoever gets no signal waits.
        let waits = failures(&text.replace("  c2: gets a signal\n", ""));
        assert!(waits.iter().any(|what| what.contains("the call waits for ")), "{waits:?}");
    }
}

#[test]
fn a_signal_is_for_who_waits_for_a_lock() {
    let run = |steps: &str| failures(&format!("mount local_locks\nlower\n  /f\nrun\n{steps}"));
    let wrong = run("  held after 1 of open(\"/f\", O_RDONLY) = 0\n  gets a signal\n  goes on");
    assert_eq!(wrong, ["line 6: the call waits for no lock that a signal ends"]);
    let error = Scenario::parse("run\n  gets a signal").expect_err("no call is held");
    assert!(error.to_string().contains("the client has no call under way"), "{error}");
    let error = Scenario::parse("run\n  gets lost").expect_err("of what it may get");
    assert!(error.to_string().contains("expected `a signal`"), "{error}");
}
