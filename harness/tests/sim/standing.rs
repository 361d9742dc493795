//! Who a client is may change on the way, and what it makes nothing with; and attributes of open
//! files.

use fuserig::prelude::*;
use fuserig::scenario::Scenario;
use fuserig::sim::Stamp;
use fuserig_traces::TraceReader;
use fuserig_traces::calls::CallNr;
use fuserig_traces::record::Record;

const FSTAT: Action = Action::Fstat { file: 0 };

fn open(path: &str) -> Action {
    Action::Open { path: path.into(), flags: 2, mode: 0 }
}

fn mkdir(path: &str) -> Action {
    Action::Mkdir { path: path.into(), mode: 0o777 }
}

/// One client does this.
fn alone(actions: Vec<Action>) -> Simulation {
    let clients = vec![Program::of(0, actions)];
    let tree = "/a mode=0644 'x'\n/d/ mode=0777".to_owned();
    Simulation::of_case(Case { clients, tree, ..Case::default() })
}

/// What `posix` says of it.
fn judged(actions: &[Action], filter: fn() -> FuseOps) -> Option<String> {
    let run = alone(actions.to_vec()).run(Subject::new(Abi::V4, filter));
    let found = run.check(invariant::posix()).result().err();
    found.map(|finding| finding.violation.message)
}

fn nothing() -> FuseOps {
    FuseOps::new("nothing")
}

#[test]
fn attributes_of_an_open_file_are_judged_as_those_of_a_path() {
    let refusing: fn() -> FuseOps =
        || FuseOps::new("refusing").setattr_prefilter(|_, _| Verdict::Error(Errno::EPERM));
    let changes = [
        Action::Fchmod { file: 0, mode: 0o600 },
        Action::Fchown { file: 0, uid: 7, gid: u32::MAX },
        Action::Futimens { file: 0, atime: Stamp::Omit, mtime: Stamp::At { sec: 5, nsec: 6 } },
    ];
    for change in changes {
        // It has lost its name.
        let actions = [open("a"), Action::Unlink { path: "a".into() }, change, FSTAT];
        assert_eq!(judged(&actions, nothing), None);
        let said = judged(&actions, refusing).expect("the super-user may");
        assert!(said.contains("fails with EPERM, and the caller may"), "{said}");
    }
    let other: fn() -> FuseOps = || {
        FuseOps::new("other").setattr_prefilter(|_, attr| {
            attr.mode |= 0o111;
            Verdict::Continue
        })
    };
    let said = judged(&[open("a"), Action::Fchmod { file: 0, mode: 0o600 }], other);
    assert_eq!(said.as_deref(), Some("`fchmod #0 0` leaves the mode 111 instead of 0"));
}

#[test]
fn what_is_made_under_a_mask_lacks_its_bits() {
    let deaf: fn() -> FuseOps = || {
        FuseOps::new("deaf").mkdir_prefilter(|_, mkdir, _| {
            mkdir.mode &= !0o022;
            Verdict::Continue
        })
    };
    // It does what everybody has done anyway, until somebody has another mask.
    assert_eq!(judged(&[mkdir("m")], deaf), None);
    let open_handed = [Action::Umask { mask: 0 }, mkdir("m")];
    assert_eq!(judged(&open_handed, nothing), None);
    let said = judged(&open_handed, deaf);
    assert_eq!(said.as_deref(), Some("`mkdir m 777` makes a file of mode 755 instead of 777"));
}

#[test]
fn whoever_becomes_another_has_the_rights_of_the_other() {
    let chmod = Action::Chmod { path: "a".into(), mode: 0o600 };
    let becomes = |uid| Action::Become { uid, gid: uid };
    let actions = vec![becomes(1000), chmod.clone(), becomes(0), chmod];
    let finding = alone(actions).run(Subject::without_filter(Abi::V4)).check(Refused).result();
    let mut finding = *finding.expect_err("the file is the super-user's");
    assert_eq!(finding.violation.at, Some((0, 1)), "{finding}");
    finding.case.filter = "none".to_owned();
    let text = finding.to_scenario().expect("there are words for it");
    let scenario = Scenario::parse(&text).expect("it can be read again");
    let resolve = |spec: &str| -> Result<Box<dyn Filter>, String> { Err(spec.to_owned()) };
    let report = fuserig::scenario::run(&scenario, Abi::V4, &resolve).expect("it mounts");
    let failures: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
    assert_eq!(failures, [""; 0], "{text}");
    let trace = finding.to_trace().expect("something was called");
    let reader = TraceReader::open(&trace[..]).expect("just written");
    let calls = reader.records().filter_map(|record| match record.expect("just written") {
        Record::Call(call) => Some(call.nr),
        _ => None,
    });
    assert_eq!(calls.collect::<Vec<_>>(), [CallNr::SET_CREDENTIALS, CallNr::FCHMODAT]);
}

/// Nobody is refused anything.
#[derive(Debug)]
struct Refused;

impl Invariant for Refused {
    fn name(&self) -> &str {
        "refused"
    }

    fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        match seen.result.value {
            Err(Errno::EPERM) => Err(format!("`{}` is refused", seen.action)),
            _ => Ok(()),
        }
    }
}
