//! A finding that needs a loss of power in the forms it is kept in.

use fuserig::prelude::*;
use fuserig::scenario::{Act, Scenario};
use fuserig::sim::CallEntry;
use fuserig_traces::TraceReader;
use fuserig_traces::record::{NoteKind, Record};

/// What nobody promises: a call that returned, or one that is under way, has been of use.
#[derive(Debug)]
enum Wanted {
    /// Directories are there once they are made.
    Made,
    /// Power is never lost while something is renamed.
    Quiet,
}

fn names(crashed: &Crashed<'_>, action: &Action) -> bool {
    let Action::Mkdir { path, .. } = action else { return true };
    if path.0.contains(&b'/') {
        return true;
    }
    let path = [b"/", &path.0[..]].concat();
    crashed.recovered.walk().any(|entry| entry.path == path)
}

impl Invariant for Wanted {
    fn name(&self) -> &str {
        "wanted"
    }

    fn crash(&self, crashed: &Crashed<'_>) -> Result<(), String> {
        let action = |call: &CallEntry| &crashed.case.clients[call.client].actions[call.action];
        let made = |call: &CallEntry| call.result.as_ref().is_some_and(|made| made.value.is_ok());
        let renames = |call: &CallEntry| matches!(action(call), Action::Rename { .. });
        let good = match self {
            Wanted::Made => crashed
                .calls
                .iter()
                .filter(|call| made(call))
                .all(|call| names(crashed, action(call))),
            Wanted::Quiet => !crashed.calls.iter().any(|call| call.end.is_none() && renames(call)),
        };
        if good { Ok(()) } else { Err("this was not promised".to_owned()) }
    }
}

fn found(wanted: Wanted) -> Finding {
    let subject = Subject::new(Abi::V4, hides).named("hide:.secret");
    let campaign = Simulation::new(Seed(3))
        .runs(100)
        .clients(1)
        .crashes(Durability::Loose)
        .run(subject.over("/d/\n/a 'x'"));
    *campaign.check(wanted).result().expect_err("nobody promised this")
}

fn hides() -> impl Filter {
    hide(Patterns::parse(".secret").expect("a name"))
}

/// What the scenario finds to be different from what it says.
fn failures(text: &str) -> Vec<String> {
    let scenario = Scenario::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let resolve = |spec: &str| builtin(spec).map_err(|error| error.to_string());
    let report = fuserig::scenario::run(&scenario, Abi::V4, &resolve).expect("it mounts");
    report.failures.iter().map(|failure| failure.what.clone()).collect()
}

#[test]
fn a_loss_of_power_between_calls_is_a_scenario() {
    let finding = found(Wanted::Made);
    let text = finding.to_scenario().expect("one client after the other");
    println!("{text}");
    assert_eq!(failures(&text), [""; 0], "{text}");
    assert!(text.contains("durability loose") && text.contains("power lost 1"), "{text}");
    // The same without the loss leaves another tree.
    let kept = text.replace("power lost 1", "power lost");
    let kept: Vec<&str> = kept.lines().filter(|line| !line.contains("power lost 1")).collect();
    assert!(!failures(&kept.join("\n")).is_empty(), "{text}");
}

#[test]
fn a_loss_of_power_in_a_call_is_a_scenario() {
    let finding = found(Wanted::Quiet);
    // Found in a rename that changes nothing; what is left is a rename and perhaps what it renames.
    assert!(finding.minimality.shown && finding.case.operations() <= 2, "{:?}", finding.case);
    let text = finding.to_scenario().expect("one client after the other");
    println!("{text}");
    assert_eq!(failures(&text), [""; 0], "{text}");
    let scenario = Scenario::parse(&text).expect("it was just run");
    let power = scenario.steps.iter().find_map(|step| match &step.act {
        Act::Power(power) => power.during.as_ref(),
        _ => None,
    });
    let (steps, call) = power.expect("it is under way");
    assert!(*steps > 0 && call.to_string().starts_with("renameat2("), "{call}");
    // More steps than the call has are a mistake of the file.
    let late = text.replace(&format!("after {steps} of"), "after 4000 of");
    assert!(failures(&late)[0].starts_with("the call returned in its step"), "{late}");
}

#[test]
fn a_trace_says_what_was_lost_and_a_test_asks_for_the_promise() {
    let finding = found(Wanted::Made);
    let bytes = finding.to_trace().expect("something was called");
    let reader = TraceReader::open(&bytes[..]).expect("just written");
    let notes: Vec<_> = reader
        .records()
        .filter_map(|record| match record.expect("just written") {
            Record::Note(note) => Some((note.kind, note.text)),
            _ => None,
        })
        .collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].0 == NoteKind::ANNOTATION && notes[0].1.contains("gone are: "), "{notes:?}");
    let test = finding.to_rust_test();
    assert!(test.contains("\"crash\": {") && test.contains("check(invariant::wanted())"), "{test}");
    let mut durable = finding;
    durable.violation.invariant = "durable".to_owned();
    let test = durable.to_rust_test();
    assert!(test.contains("check(invariant::durable(Durability::Loose))"), "{test}");
}
