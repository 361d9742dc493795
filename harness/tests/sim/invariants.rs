//! Each invariant holds for a right filter and is violated by a wrong one.

use fuserig::fault::EchoDaemon;
use fuserig::prelude::*;
use fuserig::sim::Switch;
use fuserig_abi::{Caller, Ino, Pid};
use fuserig_sim_fs::{Lower, LowerOp, LowerReply};

use super::common::{TREE, hide_secret, over, simulation};

/// The invariant finds nothing in the right filter.
fn holds(subject: Subject, invariant: impl Invariant + 'static) {
    simulation(11).run(subject).check(invariant).or_report();
}

/// The invariant finds the wrong filter, and the case is small and minimal.
fn found(subject: Subject, invariant: impl Invariant + 'static) -> Finding {
    let name = invariant.name().to_owned();
    let finding = simulation(12).run(subject).check(invariant).result();
    let finding = *finding.expect_err("the filter is wrong on purpose");
    assert_eq!(finding.violation.invariant, name, "{finding}");
    assert!(finding.minimality.shown, "{finding}");
    assert!(finding.case.operations() <= 6, "{finding}");
    finding
}

#[test]
fn a_hidden_name_is_never_visible_through_hide() {
    holds(over(hide_secret), invariant::never_visible(".secret"));
}

#[test]
fn a_listing_that_shows_a_hidden_name_is_found() {
    let leaky = || {
        FuseOps::new("leaky").lookup_prefilter(|_, name| match name.name() {
            b".secret" => Verdict::Error(Errno::ENOENT),
            _ => Verdict::Continue,
        })
    };
    let finding = found(over(leaky), invariant::never_visible(".secret"));
    let text = finding.to_string();
    let (report, replay) = text.split_once("\nreplay").expect("the command comes last");
    assert!(replay.contains("Case::from_json"), "{replay}");
    insta::assert_snapshot!(report, @r"
    violation   never_visible: a listing shows .secret
    with        the filter on v4 (faithful)
    found       seed 12, run 17; 60 operations shrunk to 2
    tree        /.secret

    step  client 1
       0  open . r
            = 0
      10  getdents #0 4096
            = 80 [. .. .secret]   <- never_visible

    order       one client; no ordering matters
    minimal     it passes without any one operation (2), line or argument (2); 33 runs
    ");
}

#[test]
fn hiding_is_not_the_same_as_not_being_there() {
    // The directory that looks empty cannot be removed.
    let secret = |name: &[u8]| name == b".secret";
    found(over(hide_secret).over("/d/\n/d/.secret ''"), invariant::no_interference(secret));
    holds(Subject::without_filter(Abi::V4).over("/a 'x'"), invariant::no_interference(secret));
}

#[test]
fn audit_is_transparent_and_a_filter_that_changes_an_attribute_is_not() {
    holds(over(Audit::new), invariant::transparent());
    let shrinking = || {
        FuseOps::new("shrinking").getattr_prefilter(|_, _| Verdict::Postfilter).getattr_postfilter(
            |_, _, out| {
                out.attr.size = 0;
                Verdict::Continue
            },
        )
    };
    found(over(shrinking), invariant::transparent());
}

#[test]
fn a_call_does_what_posix_says_unless_the_lower_is_wrong() {
    holds(over(Audit::new), invariant::posix());
    holds(Subject::without_filter(Abi::V4).over(TREE), invariant::posix());
    holds(Subject::without_filter(Abi::V3).over(TREE), invariant::posix());
    // One that makes files longer than it was told.
    let generous = || {
        FuseOps::new("generous").file_fallocate_prefilter(|_, fallocate| {
            fallocate.mode &= !1;
            Verdict::Continue
        })
    };
    let simulation = Simulation::new(Seed(12)).operations(60).runs(400);
    let finding = simulation.run(over(generous)).check(invariant::posix()).result();
    let finding = finding.expect_err("it is wrong on purpose");
    assert!(finding.violation.message.contains("which must have"), "{finding}");
}

#[test]
fn times_are_compared_unless_they_may_be_any() {
    let right = Subject::without_filter(Abi::V4).over(TREE);
    let whole_seconds = || {
        FuseOps::new("seconds").getattr_prefilter(|_, _| Verdict::Postfilter).getattr_postfilter(
            |_, _, out| {
                out.attr.ctimensec = 0;
                Verdict::Continue
            },
        )
    };
    let finding = found(over(whole_seconds), invariant::agrees_with(&right));
    assert!(finding.violation.message.contains("ctime="), "{finding}");
    found(over(whole_seconds), invariant::transparent());
    holds(over(whole_seconds), invariant::agrees_with(&right).at_any_time());
}

#[test]
fn a_filter_that_only_refuses_changes_nothing_before() {
    let limits = QuotaLimits { bytes: 20_000, files: Some(3) };
    let limited = move || quota(limits);
    let copies = |action: &Action| matches!(action, Action::Copy { .. });
    let means = move |action: &Action, errno| copies(action) || errno == Errno::EDQUOT;
    holds(over(limited), invariant::refuses_only(means));
    let other = move |action: &Action, errno| copies(action) || errno == Errno::EPERM;
    let finding = found(over(limited), invariant::refuses_only(other));
    assert!(finding.violation.message.contains("gives EDQUOT with the filter"), "{finding}");
}

#[test]
fn a_filter_that_redacts_does_nothing_else() {
    let secret = |name: &[u8]| name == b".secret";
    let redacted = || redact(Patterns::parse(".secret").expect("a name"));
    holds(over(redacted), invariant::redacts_only(secret));
    let more = || redact(Patterns::parse(".secret,notes.txt").expect("two names"));
    let finding = found(over(more), invariant::redacts_only(secret));
    assert!(finding.violation.message.contains("xxxxxxxxx"), "{finding}");
    found(over(hide_secret), invariant::redacts_only(secret));
}

#[test]
fn readonly_changes_nothing_and_one_without_rename_does() {
    holds(over(readonly), invariant::read_only());
    let forgetful = || {
        FuseOps::new("forgetful")
            .open_prefilter(|_, open| if open.flags & 3 == 0 { 0 } else { -30 })
            .create_open_prefilter(|_, _, _| Errno::EROFS)
    };
    found(over(forgetful), invariant::read_only());
}

#[test]
fn two_filters_that_decide_alike_agree_and_others_do_not() {
    holds(over(hide_secret), invariant::twins_agree(hide_secret));
    let other = || hide(Patterns::parse("notes.txt").expect("a name"));
    found(over(hide_secret), invariant::twins_agree(other));
}

#[test]
fn an_errno_that_no_manual_page_has_is_found() {
    holds(over(hide_secret), invariant::errno_envelope());
    let odd = || FuseOps::new("odd").mkdir_prefilter(|_, _, _| Errno::EPIPE);
    found(over(odd), invariant::errno_envelope());
    let wild = || FuseOps::new("wild").getattr_prefilter(|_, _| -5000);
    found(over(wild), invariant::errno_envelope());
    // Only who insists on making a file is told that there is one.
    let there = || FuseOps::new("there").open_prefilter(|_, _| Errno::EEXIST);
    found(over(there), invariant::errno_envelope());
}

#[test]
fn what_a_killed_client_was_doing_is_no_lost_data() {
    let (read_write, truncate) = (2, 0o1000);
    let open = |flags| Action::Open { path: "notes.txt".into(), flags, mode: 0o644 };
    let write = || Action::Write { file: 0, size: 3, fill: b'x', offset: None };
    for actions in
        [vec![open(read_write), write(), open(truncate)], vec![open(read_write), write()]]
    {
        let kind = FaultKind::Killed;
        let fault = Fault { client: 0, action: actions.len() - 1, kind };
        let case = Case {
            clients: vec![Program::of(0, actions)],
            faults: FaultPlan { faults: vec![fault] },
            tree: TREE.to_owned(),
            ..Case::default()
        };
        let run = Simulation::of_case(case).run(over(hide_secret));
        assert_eq!(run.check(invariant::no_data_lost()).or_report().runs, 1);
    }
}

#[test]
fn who_may_do_anything_is_told_by_a_refusal() {
    let refusing = || {
        FuseOps::new("refusing").lookup_prefilter(|_, name| match name.name() == b".secret" {
            true => Verdict::Error(Errno::EACCES),
            false => Verdict::Continue,
        })
    };
    let finding = found(over(refusing), invariant::never_visible(".secret"));
    assert!(finding.violation.message.contains("EACCES tells"), "{finding}");
}

#[test]
fn calls_that_no_serial_order_explains_are_found() {
    let every_schedule = |path: &str, other: Action, subject: Subject| {
        let mkdir = Action::Mkdir { path: path.into(), mode: 0o755 };
        let clients = vec![Program::of(0, vec![mkdir]), Program::of(0, vec![other])];
        let case = Case { clients, tree: "/d/".to_owned(), ..Case::default() };
        let simulation = Simulation::of_case(case).scheduler(SchedulerKind::Exhaustive);
        simulation.run(subject).check(invariant::linearizable()).result()
    };
    let symlink = Action::Symlink { target: "t".into(), path: "a".into() };
    let plain = Subject::without_filter(Abi::V4);
    every_schedule("a", symlink, plain).expect("one is first, and the other is told so");
    let one_directory = || {
        FuseOps::with_state("one_directory", 0)
            .mkdir_prefilter(|cx, _, _| match *cx.state {
                0 => Verdict::Postfilter,
                _ => Verdict::Error(Errno::EDQUOT),
            })
            .mkdir_postfilter(|cx, _, _| {
                *cx.state += 1;
                Verdict::Continue
            })
    };
    let mkdir = Action::Mkdir { path: "d/b".into(), mode: 0o755 };
    let subject = Subject::new(Abi::V4, one_directory);
    let finding = every_schedule("a", mkdir, subject).expect_err("both see that there is none");
    assert_eq!(finding.violation.invariant, "linearizable", "{finding}");
}

#[test]
fn a_filter_that_hides_more_than_it_should_is_found() {
    let secret = |name: &[u8]| name == b".secret";
    let over = |subject: Subject| subject.over(&format!("{TREE}\n/.secrets 'yes'"));
    holds(over(Subject::new(Abi::V4, hide_secret)), invariant::hides_only(secret));
    let greedy = || hide(Patterns::parse(".secret*").expect("a pattern"));
    found(over(Subject::new(Abi::V4, greedy)), invariant::hides_only(secret));
}

#[test]
fn a_listing_that_ends_at_a_page_of_hidden_names_is_found() {
    let list = |subject: Subject| {
        let mut tree = String::from("/d/\n/d/first 'x'");
        (0..60).for_each(|n| tree.push_str(&format!("\n/d/{n:02}{}.key", "m".repeat(120))));
        tree.push_str("\n/d/last 'x'");
        let open = Action::Open { path: "d".into(), flags: 0o200_000, mode: 0 };
        let lists = (0..9).map(|_| Action::List { file: 0, space: 4096 });
        let clients = vec![Program::of(0, std::iter::once(open).chain(lists).collect())];
        let case = Case { clients, tree, ..Case::default() };
        let is_key = |name: &[u8]| name.ends_with(b".key");
        Simulation::of_case(case).run(subject).check(invariant::hides_only(is_key)).result()
    };
    let keys = || Patterns::parse("*.key").expect("a pattern");
    list(Subject::new(Abi::V4, move || hide(keys()))).expect("both names are listed");
    // What hides a whole page has to ask for another one.
    let forgetful = || {
        FuseOps::new("forgetful").readdir_prefilter(|_, _| Verdict::Postfilter).readdir_postfilter(
            |_, _, _, entries| {
                entries.retain(|entry| !entry.name.ends_with(b".key"));
                Verdict::Continue
            },
        )
    };
    let finding = list(Subject::new(Abi::V4, forgetful)).expect_err("one name is missing");
    assert!(finding.to_string().contains("ends without"), "{finding}");
}

#[test]
fn a_name_in_a_listing_is_found() {
    let redacted = || redact(Patterns::parse(".secret").expect("a name"));
    holds(over(redacted), invariant::never_listed(|name| name == b".secret"));
    found(over(redacted), invariant::never_listed(|name| name == b"notes.txt"));
}

#[test]
fn a_quota_is_kept_and_nobody_is_refused_before() {
    let limited = |bytes, files| move || quota(QuotaLimits { bytes, files: Some(files) });
    let judge = || invariant::within_quota(20_000, Some(3));
    holds(over(limited(20_000, 3)), judge());
    let beyond = found(over(limited(20_000, 4)), judge());
    assert!(beyond.violation.message.contains("goes beyond the quota"), "{beyond}");
    let early = found(over(limited(20_000, 2)), judge());
    assert!(early.violation.message.contains("gives EDQUOT"), "{early}");
    for bytes in [10_000, 40_000] {
        let finding = simulation(12).run(over(limited(bytes, 3))).check(judge()).result();
        let finding = finding.expect_err("a quota of another size");
        assert_eq!(finding.violation.invariant, "within_quota", "{finding}");
    }
}

#[test]
fn data_stays_unless_a_filter_says_that_more_was_written() {
    holds(over(hide_secret), invariant::no_data_lost());
    let boasting = || {
        FuseOps::new("boasting")
            .write_iter_prefilter(|_, _| Verdict::Postfilter)
            .write_iter_postfilter(|_, _, out| {
                out.ret += 1;
                Verdict::Continue
            })
    };
    found(over(boasting), invariant::no_data_lost());
}

#[test]
fn another_number_of_steps_is_no_difference_and_another_number_of_requests_may_be() {
    let plain = || FuseOps::new("same");
    let looks_after = move || {
        plain()
            .lookup_prefilter(|_, _| Verdict::Postfilter)
            .lookup_postfilter(|_, _, _, _| Verdict::Continue)
    };
    holds(over(looks_after), invariant::twins_agree(plain));
    holds(over(looks_after), invariant::transparent());
    let asks = move || plain().mkdir_prefilter(|_, _, _| Verdict::UserPrefilter);
    let asking = || over(asks).daemon(EchoDaemon::default);
    holds(asking(), invariant::twins_agree(plain));
    let finding = found(asking(), invariant::twins_agree(plain).and_ask_alike());
    assert!(finding.violation.message.contains("the daemon is asked"), "{finding}");
}

/// What the second client writes is said to be written, and is not.
#[derive(Debug)]
struct Forgetful(Box<dyn Lower>);

impl Lower for Forgetful {
    fn root(&self) -> Ino {
        self.0.root()
    }

    fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        match op {
            LowerOp::Write { data, .. } if caller.pid == Pid(2) => {
                Ok(LowerReply::Written { count: data.len() as u64, end: 0 })
            }
            _ => self.0.apply(caller, op),
        }
    }
}

#[test]
fn nothing_is_lost_of_what_two_append_at_the_same_time() {
    let open = || Action::Open { path: "notes.txt".into(), flags: 0o2001, mode: 0 };
    let write = || Action::Write { file: 0, size: 3, fill: b'x', offset: None };
    let one = || Program::of(0, vec![open(), write()]);
    // The second one writes while the first one does.
    let case = Case {
        clients: vec![one(), one()],
        schedule: Schedule { switches: vec![Switch { client: 0, action: 1, step: 1, to: 1 }] },
        tree: TREE.to_owned(),
        ..Case::default()
    };
    let judged = |subject| {
        let campaign = Simulation::of_case(case.clone()).run(subject);
        campaign.check(invariant::no_data_lost()).violation()
    };
    let right = Subject::without_filter(Abi::V4).over(TREE);
    assert_eq!(judged(right.clone()), None);
    let violation = judged(right.lower(|fs| Box::new(Forgetful(fs)))).expect("it forgets");
    assert!(violation.message.contains("were appended"), "{violation}");
}

#[test]
fn a_leak_is_found() {
    holds(over(hide_secret), invariant::no_leak());
    let late = || {
        FuseOps::new("late")
            .open_prefilter(|_, _| Verdict::Postfilter)
            .open_postfilter(|_, _, _| Errno::EACCES)
    };
    found(over(late), invariant::no_leak());
}

#[test]
fn everything_is_given_back() {
    holds(Subject::without_filter(Abi::V4).over(TREE), invariant::balance());
    holds(Subject::without_filter(Abi::V3).over(TREE), invariant::balance());
    holds(over(Audit::new), invariant::balance());
}

#[test]
fn a_filter_that_is_called_too_often_is_found() {
    holds(over(hide_secret), invariant::cost_bound(40));
    found(over(Audit::new), invariant::cost_bound(2));
}

#[test]
fn a_kernel_crash_is_found_without_asking() {
    let crashing = || FuseOps::new("crashing").statfs_prefilter(|_| Verdict::UserPrefilter);
    let finding = simulation(5).run(over(crashing)).result().expect_err("USER-1");
    assert_eq!(finding.class, fuserig::sim::Class::Crash, "{finding}");
    assert_eq!(finding.case.operations(), 1, "{finding}");
}
