//! One row for each kind of fault: it arrives, somebody sees it, the finding has it in its case,
//! and the case that was stored shows it again. A plan that does nothing fails its row.

use std::cell::RefCell;
use std::rc::Rc;

use fuserig::fault::{DaemonFault, EchoDaemon};
use fuserig::pipeline::{Daemon, Device};
use fuserig::prelude::*;
use fuserig::sim::{CallEntry, Ending};
use fuserig_abi::{NodeId, Reply, Request};

const TREE: &str = "/a 'abcdefgh' xattr.user.a='v'\n/b 'b'\n/d/\n/e/\n/link -> a";

/// Judges a run that is over: whether it is one that only the fault brings about.
type Bad = fn(&End<'_>) -> bool;

/// A plan with one fault, and what shows it.
struct Row {
    name: String,
    subject: Subject,
    clients: Vec<Vec<Action>>,
    /// The action of the first client that goes wrong.
    at: usize,
    kind: FaultKind,
    bad: Box<dyn Fn(&End<'_>) -> bool>,
}

/// An hour after the instant at which every run begins.
const FAR: i64 = 1_700_003_600;

/// What no run without the fault does.
struct Never(Rc<dyn Fn(&End<'_>) -> bool>);

impl core::fmt::Debug for Never {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Never")
    }
}

impl Invariant for Never {
    fn name(&self) -> &str {
        "never"
    }

    fn end(&mut self, end: &End<'_>) -> Result<(), String> {
        if (self.0)(end) { Err("it happened".to_owned()) } else { Ok(()) }
    }
}

fn open(path: &str, flags: u32) -> Action {
    Action::Open { path: path.into(), flags, mode: 0o644 }
}

fn stat(path: &str) -> Action {
    Action::Stat { path: path.into(), follow: true }
}

fn mkdir(path: &str) -> Action {
    Action::Mkdir { path: path.into(), mode: 0o755 }
}

fn lower(op: &str, errno: Errno) -> FaultKind {
    FaultKind::Lower { op: op.to_owned(), errno: errno.0 }
}

fn daemon(fault: DaemonFault) -> FaultKind {
    FaultKind::Daemon { fault }
}

/// Asks the daemon about every directory that is made.
fn asking() -> Subject {
    let ops = || FuseOps::new("asking").mkdir_prefilter(|_, _, _| Verdict::UserPrefilter);
    Subject::new(Abi::V4, ops).daemon(EchoDaemon::default).over(TREE)
}

/// Needs memory for every name that is looked up.
fn copying() -> Subject {
    let ops = || {
        FuseOps::new("copying").lookup_prefilter(|_, name| {
            let size = u64::from(name.len());
            match name.get_rw(size, true) {
                Some(_) => Verdict::Continue,
                None => Verdict::Error(Errno::ENOMEM),
            }
        })
    };
    Subject::new(Abi::V4, ops).over(TREE)
}

fn plain() -> Subject {
    Subject::without_filter(Abi::V4).over(TREE)
}

fn failed(end: &End<'_>, errno: Errno) -> bool {
    let fails =
        |call: &CallEntry| call.result.as_ref().is_some_and(|result| result.value == Err(errno));
    end.record.calls.iter().any(fails)
}

/// Whether a call on a file took or gave fewer bytes than there were.
fn short(end: &End<'_>) -> bool {
    end.record.calls.iter().any(|call| {
        let value = call.result.as_ref().and_then(|result| result.value.ok());
        match (&end.case.clients[call.client].actions[call.action], value) {
            (Action::Write { size, .. }, Some(count)) => count < i64::from(*size),
            // The file has eight bytes as long as nobody shortens its line of the tree.
            (Action::Read { size, .. }, Some(count)) => {
                end.case.tree.contains("'abcdefgh'") && count < (*size as i64).min(8)
            }
            _ => false,
        }
    })
}

impl Row {
    fn new(subject: Subject, actions: Vec<Action>, kind: FaultKind, bad: Bad) -> Row {
        let name = kind.to_string();
        let at = actions.len() - 1;
        Row { name, subject, clients: vec![actions], at, kind, bad: Box::new(bad) }
    }

    fn fails_with(subject: Subject, actions: Vec<Action>, kind: FaultKind, errno: Errno) -> Row {
        let row = Row::new(subject, actions, kind, |_| false);
        Row { bad: Box::new(move |end| failed(end, errno)), ..row }
    }

    fn case(&self) -> Case {
        let program = |actions: &Vec<Action>| Program::of(0, actions.clone());
        let fault = Fault { client: 0, action: self.at, kind: self.kind.clone() };
        Case {
            tree: TREE.to_owned(),
            clients: self.clients.iter().map(program).collect(),
            faults: FaultPlan { faults: vec![fault] },
            ..Case::default()
        }
    }

    /// All that must hold of a fault; the first that does not.
    fn check(self) -> Result<(), String> {
        let case = self.case();
        let run = |case: &Case| fuserig::sim::run(&self.subject, case).expect("a good tree");
        let faulty = run(&case);
        if faulty.faults_fired != 1 {
            return Err(format!("{}: it happened {} times", self.name, faulty.faults_fired));
        }
        let clean = run(&Case { faults: FaultPlan::default(), ..case.clone() });
        if clean.digest == faulty.digest {
            return Err(format!("{}: nobody sees it", self.name));
        }
        let bad: Rc<dyn Fn(&End<'_>) -> bool> = Rc::from(self.bad);
        let judge = |case: &Case| {
            let campaign = Simulation::of_case(case.clone()).run(self.subject.clone());
            campaign.check(Never(Rc::clone(&bad))).result()
        };
        let Err(finding) = judge(&case) else {
            let results: Vec<_> = faulty.calls.iter().map(|call| &call.result).collect();
            return Err(format!("{}: nothing is found in {results:?}", self.name));
        };
        let kinds: Vec<&FaultKind> =
            finding.case.faults.faults.iter().map(|fault| &fault.kind).collect();
        let same =
            |kind: &FaultKind| core::mem::discriminant(kind) == core::mem::discriminant(&self.kind);
        if kinds.len() != 1 || !same(kinds[0]) {
            return Err(format!("{}: the minimal case has {kinds:?}", self.name));
        }
        if !finding.to_string().contains(&kinds[0].to_string()) {
            return Err(format!("{}: the report does not say so:\n{finding}", self.name));
        }
        let stored = Case::from_json(&finding.case.to_json()).expect("just written");
        let again = judge(&stored).err().map(|finding| finding.violation);
        if again != Some(finding.violation) {
            return Err(format!("{}: the replay gives {again:?}", self.name));
        }
        match judge(&Case { faults: FaultPlan::default(), ..stored }) {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("{}: the minimal case does not need the fault", self.name)),
        }
    }
}

/// Operations of the lower filesystem, and calls whose last one comes to each.
fn operations() -> Vec<(&'static str, Vec<Action>)> {
    let a = || "a".into();
    let copy = Action::Copy { from: 1, to: 0, length: 4, from_at: 0, to_at: 0 };
    let write = Action::Write { file: 0, size: 8, fill: b'w', offset: None };
    let xattr = || "user.a".into();
    let set = Action::Setxattr { path: a(), name: xattr(), value: "w".into(), flags: 0 };
    vec![
        ("getattr", vec![open("a", 0), Action::Fstat { file: 0 }]),
        ("setattr", vec![Action::Chmod { path: a(), mode: 0o600 }]),
        ("create", vec![open("new", 0o102)]),
        ("mknod", vec![Action::Mknod { path: "new".into(), mode: 0o100_644, device: 0 }]),
        ("mkdir", vec![mkdir("new")]),
        ("symlink", vec![Action::Symlink { target: a(), path: "new".into() }]),
        ("link", vec![Action::Link { source: a(), path: "new".into() }]),
        ("unlink", vec![Action::Unlink { path: a() }]),
        ("rmdir", vec![Action::Rmdir { path: "e".into() }]),
        ("rename", vec![Action::Rename { old: a(), new: "new".into(), flags: 0 }]),
        ("open", vec![open("a", 0)]),
        ("fsync", vec![open("a", 2), Action::Fsync { file: 0, datasync: false }]),
        ("read", vec![open("a", 0), Action::Read { file: 0, size: 8, offset: Some(0) }]),
        ("write", vec![open("a", 2), write]),
        ("read_dir", vec![open(".", 0o200_000), Action::List { file: 0, space: 4096 }]),
        ("get_xattr", vec![Action::Getxattr { path: a(), name: xattr(), size: 9 }]),
        ("set_xattr", vec![set]),
        ("list_xattr", vec![Action::Listxattr { path: a(), size: 99 }]),
        ("remove_xattr", vec![Action::Removexattr { path: a(), name: xattr() }]),
        ("readlink", vec![Action::readlink("link")]),
        (
            "fallocate",
            vec![open("a", 2), Action::Fallocate { file: 0, mode: 0, offset: 0, length: 99 }],
        ),
        ("copy_range", vec![open("a", 0), open("b", 2), copy]),
        ("statfs", vec![Action::Statfs { path: a() }]),
        ("access", vec![Action::Access { path: a(), mode: 4 }]),
        ("flush", vec![open("a", 2), Action::Close { file: 0 }]),
    ]
}

#[test]
fn an_operation_below_fails_with_the_errno_of_the_plan() {
    let mut wrong = Vec::new();
    for errno in [Errno::EIO, Errno::ENOSPC, Errno::EDQUOT] {
        // Who only looks is not told that there is no space.
        let fits = |op: &str| errno == Errno::EIO || op != "getattr";
        for (op, actions) in operations().into_iter().filter(|(op, _)| fits(op)) {
            let row = Row::fails_with(plain(), actions, lower(op, errno), errno);
            wrong.extend(row.check().err());
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What `tells_errors` says of a row.
fn told(row: &Row) -> Result<(), String> {
    let campaign = Simulation::of_case(row.case()).run(row.subject.clone());
    match campaign.check(invariant::tells_errors()).result() {
        Ok(_) => Ok(()),
        Err(finding) => Err(finding.violation.message),
    }
}

#[test]
fn the_caller_hears_of_what_failed() {
    let row = |subject, actions, kind| Row::new(subject, actions, kind, |_| false);
    for (op, actions) in operations() {
        assert_eq!(told(&row(plain(), actions, lower(op, Errno::EIO))), Ok(()));
    }
    let refused = || daemon(DaemonFault::Refuses { errno: Errno::EACCES.0 });
    assert_eq!(told(&row(asking(), vec![mkdir("new")], refused())), Ok(()));

    // A filter that says something else of a failure than what it was.
    let other = || {
        FuseOps::new("other")
            .mkdir_prefilter(|_, _, _| Verdict::Postfilter)
            .mkdir_postfilter(|_, _, _| Verdict::Error(Errno::EPERM))
    };
    let full = lower("mkdir", Errno::ENOSPC);
    let full = row(Subject::new(Abi::V4, other).over(TREE), vec![mkdir("new")], full);
    let said = " 755` fails with EPERM; the filesystem below failed with ENOSPC";
    assert!(told(&full).is_err_and(|message| message.ends_with(said)));
}

#[test]
fn a_lookup_that_fails_below_finds_nothing() {
    // The modelled kernel makes no difference between an error and a name that is not there.
    let lost: Bad = |end| {
        let there = end.case.tree.lines().any(|line| line.starts_with("/a"));
        let asks = |action: &Action| matches!(action, Action::Stat { path, .. } if path.0 == b"a");
        let asked = end.case.clients.iter().flat_map(|client| &client.actions).any(asks);
        there && asked && failed(end, Errno::ENOENT)
    };
    Row::new(plain(), vec![stat("a")], lower("lookup", Errno::EIO), lost).check().unwrap();
}

#[test]
fn reads_and_writes_are_short() {
    let all = operations();
    let of = |op: &str| all.iter().find(|row| row.0 == op).expect("a row").1.clone();
    for (op, kind) in
        [("read", FaultKind::ShortRead { size: 3 }), ("write", FaultKind::ShortWrite { size: 3 })]
    {
        Row::new(plain(), of(op), kind, short).check().unwrap();
    }
}

#[test]
fn get_writeable_finds_no_memory() {
    let row = Row::fails_with(copying(), vec![stat("a")], FaultKind::NoMemory, Errno::ENOMEM);
    row.check().unwrap();
}

#[test]
fn the_daemon_dies_fails_answers_wrongly_and_is_interrupted() {
    for (kind, errno) in [
        (daemon(DaemonFault::Dies), Errno::ENOTCONN),
        (daemon(DaemonFault::Fails), Errno::EIO),
        (daemon(DaemonFault::Refuses { errno: Errno::EDQUOT.0 }), Errno::EDQUOT),
        (daemon(DaemonFault::WrongLength), Errno::EIO),
        (daemon(DaemonFault::ErrorWithBody), Errno::EIO),
        (FaultKind::Signal, Errno::EINTR),
    ] {
        Row::fails_with(asking(), vec![mkdir("new")], kind, errno).check().unwrap();
    }
}

#[test]
fn a_daemon_that_died_stays_dead() {
    let row =
        Row::new(asking(), vec![mkdir("one"), mkdir("two")], daemon(DaemonFault::Dies), |_| false);
    let case = Row { at: 0, ..row }.case();
    let record = fuserig::sim::run(&asking(), &case).expect("a good tree");
    for call in &record.calls {
        assert_eq!(call.result.as_ref().expect("it returned").value, Err(Errno::ENOTCONN));
    }
}

#[test]
fn a_daemon_that_never_answers_hangs_its_client() {
    let hung: Bad = |end| matches!(end.record.ending, Ending::Hung { .. });
    Row::new(asking(), vec![mkdir("new")], daemon(DaemonFault::Never), hung).check().unwrap();
}

#[test]
fn a_killed_client_does_nothing_more() {
    let unseen: Bad = |end| end.record.calls.iter().any(|call| call.result.is_none());
    let row = Row::new(plain(), vec![mkdir("one"), mkdir("two")], FaultKind::Killed, unseen);
    Row { at: 0, ..row }.check().unwrap();
}

#[test]
fn the_clock_jumps_forward_and_back() {
    // A file that was changed an hour after the beginning, or before it.
    let far: Bad = |end| end.record.lower.walk().any(|entry| entry.stat.mtime.sec > FAR);
    let jump = FaultKind::ClockJump { seconds: 1 << 20 };
    let touch = |path: &str| Action::Touch { path: path.into() };
    Row::new(plain(), vec![touch("a")], jump, far).check().unwrap();
    let back: Bad = |end| {
        let early = |seconds: i64| (FAR - 3700..FAR - 3600).contains(&seconds);
        end.record.lower.walk().any(|entry| early(entry.stat.mtime.sec))
    };
    let jump = FaultKind::ClockJump { seconds: -100 };
    Row::new(plain(), vec![touch("a")], jump, back).check().unwrap();
}

#[test]
fn while_the_daemon_is_late_others_go_first_and_time_passes() {
    let late: Bad = |end| {
        let ended = |client| {
            let mut calls = end.record.calls.iter();
            calls.find(|call| call.client == client).and_then(|call| call.end)
        };
        let first = ended(0).zip(ended(1)).is_some_and(|(asker, other)| other < asker);
        let unforced = end.case.schedule.switches.is_empty();
        first && unforced
    };
    let row = Row::new(asking(), vec![mkdir("d/new")], daemon(DaemonFault::Late), late);
    let touch = Action::Touch { path: "a".into() };
    let clients = vec![vec![mkdir("d/new")], vec![touch]];
    let row = Row { clients, ..row };
    let touched = |case: &Case| {
        let record = fuserig::sim::run(&asking(), case).expect("a good tree");
        let file = record.lower.walk().find(|entry| entry.path == b"/a").expect("it is there");
        file.stat.mtime.sec
    };
    let case = row.case();
    assert_eq!(touched(&case), touched(&Case { faults: FaultPlan::default(), ..case.clone() }) + 2);
    row.check().unwrap();
}

/// Answers as an echo, and notes what the device said of each answer.
#[derive(Debug)]
struct Noting {
    echo: EchoDaemon,
    said: Rc<RefCell<Vec<Result<usize, Errno>>>>,
}

impl Daemon for Noting {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        let Some(body) = self.echo.echo(request) else { return self.echo.serve(request, device) };
        let reply = Reply { unique: request.unique, error: 0, body };
        self.said.borrow_mut().push(device.reply(&reply));
    }

    fn forget(&mut self, nodeid: NodeId, nlookup: u64) {
        self.echo.forget(nodeid, nlookup);
    }
}

#[test]
fn a_second_answer_is_refused_and_changes_nothing() {
    let said = Rc::new(RefCell::new(Vec::new()));
    let noted = Rc::clone(&said);
    let subject =
        asking().daemon(move || Noting { echo: EchoDaemon::default(), said: Rc::clone(&noted) });
    let row = Row::new(asking(), vec![mkdir("new")], daemon(DaemonFault::Twice), |_| false);
    let case = row.case();
    let record = fuserig::sim::run(&subject, &case).expect("a good tree");
    assert_eq!(record.faults_fired, 1);
    let said = said.take();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].is_ok() && said[1] == Err(Errno::ENOENT), "{said:?}");
    let clean = Case { faults: FaultPlan::default(), ..case };
    let clean = fuserig::sim::run(&subject, &clean).expect("a good tree");
    assert_eq!(clean.digest, record.digest, "the client is not told");
}

#[test]
fn filters_see_what_went_wrong_below() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let made = Rc::clone(&seen);
    let probe = move || {
        let (made, read) = (Rc::clone(&made), Rc::clone(&made));
        FuseOps::new("probe")
            .mkdir_prefilter(|_, _, _| Verdict::Postfilter)
            .mkdir_postfilter(move |cx, _, _| {
                made.borrow_mut().push(format!("mkdir {:?}", cx.error_in()));
                Verdict::Continue
            })
            .read_iter_prefilter(|_, _| Verdict::Postfilter)
            .read_iter_postfilter(move |_, _, out| {
                read.borrow_mut().push(format!("read {}", out.ret));
                Verdict::Continue
            })
    };
    let subject = Subject::new(Abi::V4, probe).over(TREE);
    let read = Action::Read { file: 0, size: 8, offset: Some(0) };
    for (actions, kind) in [
        (vec![mkdir("new")], lower("mkdir", Errno::ENOSPC)),
        (vec![open("a", 0), read], FaultKind::ShortRead { size: 3 }),
    ] {
        let case = Row::new(plain(), actions, kind, |_| false).case();
        fuserig::sim::run(&subject, &case).expect("a good tree");
    }
    assert_eq!(seen.take(), ["mkdir Some(ENOSPC)", "read 3"]);
}

#[test]
fn a_plan_without_effect_fails_its_row() {
    // Nobody reads here; and nobody can tell that a read below was allowed as much as it wanted.
    let idle = Row::fails_with(plain(), vec![mkdir("new")], lower("read", Errno::EIO), Errno::EIO);
    assert!(idle.check().unwrap_err().ends_with("it happened 0 times"));
    let all = operations();
    let read = all.iter().find(|row| row.0 == "read").expect("a row").1.clone();
    let vain = Row::new(plain(), read, FaultKind::ShortRead { size: 4096 }, short);
    assert!(vain.check().unwrap_err().ends_with("nobody sees it"));
}
