//! A fuser filesystem as the subject of a simulation.

use fuserig::door::{self, MockOptions};
use fuserig::prelude::{Abi, Action, Case, Program, Seed, Simulation, Subject, Text, invariant};

use super::example::{NoteFs, is_implemented, simulate};

#[test]
fn a_right_filesystem_agrees_with_the_model() {
    for seed in 1..=8 {
        let summary = simulate(Seed(seed), true).unwrap_or_else(|finding| panic!("\n{finding}"));
        assert!(summary.operations >= 1600, "{}", summary.operations);
    }
}

#[test]
fn a_mistake_is_found_from_any_seed_and_shrinks_to_a_handful_of_calls() {
    for seed in 1..=8 {
        let finding = simulate(Seed(seed), false).expect_err("some note grows again");
        assert_eq!(finding.violation.invariant, "agrees_with", "{finding}");
        let actions: Vec<&Action> =
            finding.case.clients.iter().flat_map(|client| &client.actions).collect();
        // Five, or a few more where the place in an open file makes the hole.
        assert!(actions.len() < 10, "{finding}");
        assert!(actions.iter().all(|action| is_implemented(action)), "{finding}");
        assert!(finding.to_string().contains("over the other"), "{finding}");
    }
}

#[test]
fn a_finding_is_found_again_from_its_case() {
    let finding = simulate(Seed(1), false).expect_err("some note grows again");
    let case = Case::from_json(&finding.case.to_json()).expect("its own form");
    let again = |clears| {
        Simulation::of_case(case.clone())
            .run(door::filesystem(move || NoteFs::new(clears)))
            .check(invariant::agrees_with(&Subject::without_filter(Abi::V4)))
            .result()
    };
    let found = again(false).expect_err("the same case");
    assert_eq!(found.violation.message, finding.violation.message);
    assert!(again(true).is_ok());
}

#[test]
fn runs_are_the_same_every_time() {
    let digest = || {
        let subject = door::filesystem(|| NoteFs::new(true));
        let simulation = Simulation::new(Seed(3)).as_root().clients(3).only(is_implemented);
        simulation.run(subject).check(invariant::linearizable()).or_report().digest
    };
    assert_eq!(digest(), digest());
}

/// One call of one client on a filesystem.
fn one_call<F: fuser::Filesystem>(make: impl Fn() -> F + 'static) -> String {
    let stat = Action::Stat { path: Text::from("a"), follow: true };
    let clients = vec![Program::of(0, vec![stat])];
    let options = MockOptions { patience_secs: 1, ..MockOptions::default() };
    let campaign = Simulation::of_case(Case { clients, ..Case::default() })
        .run(door::filesystem_with(&options, make))
        .check(invariant::agrees_with(&Subject::without_filter(Abi::V4)));
    let violation = campaign.violation().expect("something is wrong");
    format!("{}: {}", violation.invariant, violation.message)
}

/// It panics when it is asked for a name.
struct Panicking;

impl fuser::Filesystem for Panicking {
    fn lookup(
        &self,
        _: &fuser::Request,
        _: fuser::INodeNo,
        name: &std::ffi::OsStr,
        _: fuser::ReplyEntry,
    ) {
        panic!("no such thing as {name:?}, as this test means it to be");
    }
}

#[test]
fn a_filesystem_that_panics_is_a_finding() {
    let said = one_call(|| Panicking);
    // fuser answers what nobody answered before it lets go of the session.
    assert_eq!(said, "agrees_with: `stat a` gives EIO here, and ENOENT over the other");
}

/// It keeps what it is asked, and never answers.
struct Silent(std::sync::Mutex<Vec<fuser::ReplyEntry>>);

impl fuser::Filesystem for Silent {
    fn lookup(
        &self,
        _: &fuser::Request,
        _: fuser::INodeNo,
        _: &std::ffi::OsStr,
        reply: fuser::ReplyEntry,
    ) {
        self.0.lock().expect("one thread").push(reply);
    }
}

#[test]
fn a_filesystem_that_never_answers_is_a_finding_and_not_a_hang() {
    let said = one_call(|| Silent(std::sync::Mutex::default()));
    assert!(said.contains("the daemon does not answer FUSE_LOOKUP"), "{said}");
}
