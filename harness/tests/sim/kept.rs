//! Findings that need a fault or forced switches, kept as scenarios: written, read again and run,
//! they fail in the same way, and do not without what they need.

use fuserig::prelude::*;
use fuserig::scenario::{Act, Scenario};
use fuserig::sim::{Campaign, Schedule, Switch};
use fuserig_traces::TraceReader;
use fuserig_traces::calls::CallNr;
use fuserig_traces::record::Record;

/// One directory; looked at before and taken from after, or at once.
pub(super) fn one_directory<const LATE: bool>() -> FuseOps<u64> {
    FuseOps::with_state("one_directory", 1_u64)
        .mkdir_prefilter(|cx, _, _| {
            if *cx.state == 0 {
                return Verdict::Error(Errno::EDQUOT);
            }
            *cx.state -= u64::from(!LATE);
            Verdict::Postfilter
        })
        .mkdir_postfilter(|cx, _, _| {
            let made = cx.error_in().is_none();
            match LATE {
                true => *cx.state = cx.state.saturating_sub(u64::from(made)),
                false => *cx.state += u64::from(!made),
            }
            Verdict::Continue
        })
}

/// One directory, and one that failed counts as well.
pub(super) fn one_try() -> FuseOps<u64> {
    FuseOps::with_state("one_try", 1_u64).mkdir_prefilter(|cx, _, _| {
        if *cx.state == 0 {
            return Verdict::Error(Errno::EDQUOT);
        }
        *cx.state -= 1;
        Verdict::Continue
    })
}

/// At most one directory is made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct One(u32);

impl Invariant for One {
    fn name(&self) -> &str {
        "one"
    }

    fn begin(&mut self, _: &MemFs) {
        self.0 = 0;
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let made = matches!(seen.action, Action::Mkdir { .. }) && seen.result.value.is_ok();
        self.0 += u32::from(made);
        if self.0 > 1 { Err(format!("{} directories were made", self.0)) } else { Ok(()) }
    }
}

fn simulation() -> Simulation {
    Simulation::new(Seed(1)).runs(400)
}

fn found(campaign: Campaign) -> Finding {
    *campaign.result().expect_err("it is wrong on purpose")
}

/// What a scenario says is not as written, with `wrong` under its own name, or the right one.
fn failures(text: &str, right: bool) -> Vec<String> {
    let scenario = Scenario::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let resolve = |spec: &str| -> Result<Box<dyn Filter>, String> {
        Ok(match (right, spec) {
            (false, "one_directory") => Box::new(one_directory::<true>()),
            (false, "one_try") => Box::new(one_try()),
            _ => Box::new(one_directory::<false>()),
        })
    };
    let report = fuserig::scenario::run(&scenario, Abi::V4, &resolve).expect("it mounts");
    report.failures.iter().map(ToString::to_string).collect()
}

/// The lines of a text that `keep` accepts.
fn only(text: &str, keep: impl Fn(&str) -> bool) -> String {
    text.lines().filter(|line| keep(line)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_finding_with_forced_switches_is_a_scenario_that_holds_calls() {
    let subject = Subject::new(Abi::V4, one_directory::<true>).named("one_directory");
    let finding = found(simulation().run(subject.over("/d/\n/e/")).check(One::default()));
    assert!(!finding.case.schedule.switches.is_empty(), "{finding}");
    let text = finding.to_scenario().expect("there are words for it");
    println!("{text}");
    assert_eq!(failures(&text, false), [""; 0], "{text}");
    let held = Scenario::parse(&text).expect("it was just run");
    assert!(held.steps.iter().any(|step| matches!(step.act, Act::Held { .. })), "{text}");
    // The right filter refuses one of them, and the wrong one does when nobody is held.
    assert!(!failures(&text, true).is_empty(), "{text}");
    let serial = only(&text, |line| !line.contains(": goes on"));
    let words: Vec<&str> = serial.lines().collect();
    let plain = |line: &&str| match line.split_once("held after ") {
        Some((client, rest)) => {
            format!("{client}{}\n", rest.split_once(" of ").expect("a call").1)
        }
        None => format!("{line}\n"),
    };
    let serial: String = words.iter().map(plain).collect();
    assert!(!failures(&serial, false).is_empty(), "{serial}");
}

#[test]
fn a_finding_with_a_fault_is_a_scenario_that_lets_it_happen() {
    let subject = Subject::new(Abi::V4, one_try).named("one_try");
    let campaign = simulation().faults(4).run(subject.over("/d/\n/e/"));
    let finding = found(campaign.check(invariant::twins_agree(one_directory::<false>)));
    assert_eq!(finding.case.faults.faults.len(), 1, "{finding}");
    let text = finding.to_scenario().expect("there are words for it");
    println!("{text}");
    assert_eq!(failures(&text, false), [""; 0], "{text}");
    assert!(text.contains("    fault lower mkdir fails with "), "{text}");
    assert!(!failures(&text, true).is_empty(), "{text}");
    let whole = only(&text, |line| !line.contains("fault lower"));
    assert!(!failures(&whole, false).is_empty(), "{whole}");
}

#[test]
fn a_fault_that_does_not_happen_fails_its_step() {
    let check = |fault: &str, says: &str| {
        let text = format!("lower\n  /a 'x'\nrun\n  stat(\"/a\") = ?\n    fault {fault}\n");
        let failures = failures(&text, false);
        assert!(failures.iter().any(|failure| failure.contains(says)), "{fault}: {failures:?}");
    };
    check("lower mkdir fails with EIO", "did not happen: lower mkdir fails with EIO");
    check("a signal interrupts the wait for the daemon", "did not happen: a signal");
    check("the daemon answers twice", "did not happen: the daemon answers twice");
}

#[test]
fn a_call_that_waits_for_one_that_is_held_is_a_mistake_of_the_file() {
    let text = "lower\n  /d/\nclient a\nclient b\nrun\n  a: held after 5 of mkdir(\"/d/x\")\n  \
                b: mkdir(\"/d/y\")\n";
    let failures = failures(text, false);
    assert!(failures[0].contains("the call waits for"), "{failures:?}");
    assert!(failures[0].starts_with("line 7"), "{failures:?}");
}

/// The mistake of a file, with its place.
#[track_caller]
fn check(line: &str, column: usize, what: &str) {
    let text = format!("client a\nclient b\nrun\n  a: held after 1 of rmdir(\"/x\") = ?\n{line}\n");
    let error = Scenario::parse(&text).expect_err(line);
    assert_eq!((error.line, error.column), (5, column), "{error}");
    assert!(error.what.contains(what), "{error}");
}

#[test]
fn mistakes_with_calls_that_are_held_are_told_with_their_place() {
    check("  a: stat(\"/x\")", 3, "write `goes on` first");
    check("  b: goes on", 3, "write `held after N of CALL` first");
    check("  b: held of stat(\"/x\")", 11, "after N of CALL");
    check("  b: held after x of stat(\"/x\")", 17, "no number");
    check("  b: held after 2 stat(\"/x\")", 19, "expected `of`");
    check("  a: goes far", 11, "expected `on`");
    check("  a: goes on far", 14, "no number");
    check("  a: goes on 2 3", 16, "");
    check("    fault lower mkdri fails with EIO", 17, "mkdir");
    check("    fault the moon", 11, "known are");
}

/// A member of a group cannot lock what somebody else has locked.
#[derive(Debug)]
struct NobodyWaits;

impl Invariant for NobodyWaits {
    fn name(&self) -> &str {
        "nobody_waits"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let asks = matches!(seen.action, Action::Lock { .. } | Action::Flock { .. });
        let is_member = seen.case.clients[seen.client].groups == [7];
        match asks && is_member && seen.result.value == Err(Errno::EAGAIN) {
            true => Err(format!("`{}` finds it taken", seen.action)),
            false => Ok(()),
        }
    }
}

#[test]
fn a_finding_about_locks_and_groups_is_a_scenario_with_both() {
    let open = Action::Open { path: "f".into(), flags: 2, mode: 0 };
    let range = Action::Lock { file: 0, kind: 1, start: 3, length: 0, waits: false };
    for lock in [range, Action::Flock { file: 0, kind: 1, waits: false }] {
        let owner = Program::of(1000, vec![open.clone(), lock.clone()]);
        let member = Program::of(1001, vec![open.clone(), lock]);
        let clients = vec![owner, Program { groups: vec![7], ..member }];
        let tree = "/f mode=0660 uid=1000 gid=7 'x'".to_owned();
        let case = Case { tree, clients, filter: "none".to_owned(), ..Case::default() };
        let subject = Subject::without_filter(Abi::V4);
        let mut finding = found(Simulation::of_case(case).run(subject).check(NobodyWaits));
        finding.case.filter = "none".to_owned();
        let text = finding.to_scenario().expect("there are words for it");
        println!("{text}");
        assert!(text.contains("groups=7 umask") && text.contains("mount local_locks"), "{text}");
        assert_eq!(failures(&text, true), [""; 0], "{text}");
        assert!(!failures(&text.replace("EAGAIN", "0"), true).is_empty(), "{text}");
        let trace = finding.to_trace().expect("something was called");
        let reader = TraceReader::open(&trace[..]).expect("just written");
        let calls = reader.records().filter_map(|record| match record.expect("just written") {
            Record::Call(call) => Some(call.nr),
            _ => None,
        });
        let calls: Vec<CallNr> = calls.collect();
        assert!(calls.contains(&CallNr::SETGROUPS), "{calls:?}");
        assert!(calls.contains(&CallNr::FLOCK) || calls.contains(&CallNr::FCNTL_LOCK));
    }
}

/// Nobody has a lock late.
#[derive(Debug)]
struct NobodyIsLate;

impl Invariant for NobodyIsLate {
    fn name(&self) -> &str {
        "nobody_is_late"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let waited = seen.overlapping().nth(1).is_some() && seen.result.value.is_ok();
        match waited && matches!(seen.action, Action::Lock { waits: true, .. }) {
            true => Err(format!("`{}` had to wait", seen.action)),
            false => Ok(()),
        }
    }
}

#[test]
fn a_finding_about_a_wait_is_a_scenario_in_which_the_call_is_held() {
    let open = Action::Open { path: "f".into(), flags: 2, mode: 0 };
    let lock = |waits| Action::Lock { file: 0, kind: 1, start: 3, length: 0, waits };
    let close = Action::Close { file: 0 };
    let owner = Program::of(1000, vec![open.clone(), lock(false), close]);
    let member = Program::of(1001, vec![open, lock(true)]);
    let clients = vec![owner, Program { groups: vec![7], ..member }];
    let tree = "/f mode=0660 uid=1000 gid=7 'x'".to_owned();
    let switches = vec![Switch { client: 0, action: 2, step: 0, to: 1 }];
    let schedule = Schedule { switches };
    let case = Case { tree, clients, schedule, filter: "none".to_owned(), ..Case::default() };
    let subject = Subject::without_filter(Abi::V4);
    let mut finding = found(Simulation::of_case(case).run(subject).check(NobodyIsLate));
    finding.case.filter = "none".to_owned();
    let text = finding.to_scenario().expect("there are words for it");
    println!("{text}");
    assert!(text.contains("held after 1 of ") && text.contains("goes on"), "{text}");
    assert_eq!(failures(&text, true), [""; 0], "{text}");
}
