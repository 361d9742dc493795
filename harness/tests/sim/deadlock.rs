//! Daemons that use their own mount: those that may, and those that wait for themselves.

use fuserig::fault::EchoDaemon;
use fuserig::pipeline::{Daemon, Device};
use fuserig::prelude::*;
use fuserig::sim::Class;
use fuserig_abi::{Caller, NodeId, Op, Request};

const TREE: &str = "/d/\n/notes.txt 'hi'";

/// Agrees with everything, and makes a call on its mount for each request of one operation.
#[derive(Debug)]
struct OnItsMount {
    echo: EchoDaemon,
    op: Op,
    call: Action,
}

impl Daemon for OnItsMount {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        self.echo.serve(request, device);
    }

    fn forget(&mut self, nodeid: NodeId, nlookup: u64) {
        self.echo.forget(nodeid, nlookup);
    }

    fn uses_mount(&mut self, op: Op, _: &Caller) -> Option<Action> {
        (op == self.op).then(|| self.call.clone())
    }
}

/// Asks the daemon about every directory that is made and every file that is opened.
fn asking() -> FuseOps {
    FuseOps::new("asking")
        .mkdir_prefilter(|_, _, _| Verdict::UserPrefilter)
        .open_prefilter(|_, _| Verdict::UserPrefilter)
}

fn over(op: Op, call: Action) -> Subject {
    let daemon = move || OnItsMount { echo: EchoDaemon::default(), op, call: call.clone() };
    Subject::new(Abi::V4, asking).over(TREE).daemon(daemon)
}

fn mkdir(path: &str) -> Action {
    Action::Mkdir { path: path.into(), mode: 0o755 }
}

fn open(path: &str) -> Action {
    Action::Open { path: path.into(), flags: 0, mode: 0 }
}

/// One client does this among other things.
fn case(action: Action) -> Case {
    let others = || Action::Stat { path: "notes.txt".into(), follow: true };
    let actions = vec![others(), action, others()];
    let clients = vec![Program::of(0, actions), Program::of(0, vec![others()])];
    Case { tree: TREE.to_owned(), clients, ..Case::default() }
}

/// The deadlock that a case ends in, shrunk.
fn deadlock(subject: Subject, action: Action) -> Finding {
    let finding = Simulation::of_case(case(action)).run(subject).result();
    let finding = *finding.expect_err("the daemon waits for itself");
    assert_eq!(finding.class, Class::Deadlock, "{finding}");
    assert_eq!(finding.violation.invariant, "no_deadlock", "{finding}");
    assert_eq!(finding.case.operations(), 1, "shrunk: {finding}");
    finding
}

#[test]
fn a_daemon_that_needs_the_lock_of_its_caller_is_a_deadlock() {
    let finding = deadlock(over(Op::Mkdir, mkdir("d/log")), mkdir("d/x"));
    assert_eq!(
        finding.violation.message,
        "client 1 in `mkdir x 755` waits for the daemon to answer mkdir, but the daemon uses its \
         own mount: in `mkdir d/log 755` it waits for / shared, held by client 1"
    );
    assert!(finding.to_string().contains("(never goes on)"), "{finding}");
}

#[test]
fn a_daemon_that_asks_itself_is_a_deadlock() {
    let finding = deadlock(over(Op::Open, open("notes.txt")), open("notes.txt"));
    let message = "in `open notes.txt r` it waits for itself to answer open";
    assert!(finding.violation.message.ends_with(message), "{finding}");
}

#[test]
fn a_daemon_may_use_its_mount_where_nobody_waits_for_anybody() {
    // Another directory, and calls that no filter hands to the daemon.
    let stat = Action::Stat { path: "notes.txt".into(), follow: true };
    let statfs = Action::Statfs { path: ".".into() };
    for (op, call) in [(Op::Mkdir, statfs), (Op::Open, stat)] {
        let simulation = Simulation::new(Seed(4)).operations(40).runs(8);
        simulation.run(over(op, call)).check(invariant::balance()).or_report();
    }
}

#[test]
fn two_clients_take_turns_with_a_daemon_that_is_busy() {
    let statfs = Action::Statfs { path: ".".into() };
    let one = |path: &str| Program::of(0, vec![open(path)]);
    let clients = vec![one("notes.txt"), one("notes.txt")];
    let case = Case { tree: TREE.to_owned(), clients, ..Case::default() };
    let simulation = Simulation::of_case(case).scheduler(SchedulerKind::Exhaustive);
    let summary = simulation.run(over(Op::Open, statfs)).or_report();
    assert!(summary.schedules.is_some_and(|schedules| schedules.is_exhaustive()), "{summary}");
}

#[test]
fn a_workload_finds_the_daemon_that_waits_for_itself() {
    let simulation = Simulation::new(Seed(1)).operations(60).runs(40);
    let finding = simulation.run(over(Op::Mkdir, mkdir("log"))).result();
    let finding = finding.expect_err("somebody makes a directory beside the log");
    assert_eq!(finding.class, Class::Deadlock, "{finding}");
    assert_eq!(finding.case.operations(), 1, "{finding}");
}
