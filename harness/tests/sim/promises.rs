//! What filters promise of modes, lengths and attributes: right ones keep it, and ones that forget
//! a member are found.

use fuserig::prelude::*;
use fuserig_abi::Uid;
use fuserig_filters::{audit_ring, deny_uid, strip_setid, uid_quota, write_limit};

use super::common::{over, simulation};

const SETID: u32 = 0o6000;
const LIMIT: u64 = 100;
const FATTR_SIZE: u32 = 1 << 3;

fn holds(subject: Subject, invariant: impl Invariant + 'static) {
    simulation(11).runs(120).run(subject).check(invariant).or_report();
}

fn found(subject: Subject, invariant: impl Invariant + 'static) -> String {
    let result = simulation(12).runs(200).run(subject).check(invariant).result();
    let finding = result.expect_err("the filter is wrong on purpose");
    assert!(finding.minimality.shown, "{finding}");
    finding.violation.message.clone()
}

#[test]
fn a_filter_that_forgets_a_way_to_a_setuid_file_is_found() {
    holds(over(strip_setid), invariant::never_setid());
    let forgets_chmod = || {
        FuseOps::new("forgets_chmod").create_open_prefilter(|_, create, _| {
            create.mode &= !SETID;
            Verdict::Continue
        })
    };
    let message = found(over(forgets_chmod), invariant::never_setid());
    assert!(message.contains(" is set"), "{message}");
}

#[test]
fn a_filter_that_forgets_a_way_to_make_a_file_longer_is_found() {
    holds(over(|| write_limit(LIMIT)), invariant::ends_at(LIMIT));
    let forgets_writes = || {
        FuseOps::new("forgets_writes").setattr_prefilter(|_, attr| {
            match attr.valid & FATTR_SIZE != 0 && attr.size > LIMIT {
                true => Verdict::Error(Errno::EFBIG),
                false => Verdict::Continue,
            }
        })
    };
    let message = found(over(forgets_writes), invariant::ends_at(LIMIT));
    assert!(message.contains("bytes of 100"), "{message}");
}

#[test]
fn a_filter_that_forgets_a_way_to_an_attribute_is_found() {
    fn guarded(name: Option<&[u8]>, errno: Errno) -> Verdict {
        match name.is_some_and(|name| name.starts_with(b"user.a")) {
            true => Verdict::Error(errno),
            false => Verdict::Continue,
        }
    }
    let forgets_reads = || {
        FuseOps::new("guard")
            .setxattr_prefilter(|_, _, name, _| guarded(name.bytes(), Errno::EPERM))
            .removexattr_prefilter(|_, name| guarded(name.bytes(), Errno::EPERM))
    };
    let right = move || {
        forgets_reads().getxattr_prefilter(|_, _, name| guarded(name.bytes(), Errno::ENODATA))
    };
    holds(over(right), invariant::guards("user.a"));
    let message = found(over(forgets_reads), invariant::guards("user.a"));
    assert!(message.contains("getxattr"), "{message}");
}

#[test]
fn a_filter_that_forgets_a_way_in_is_found() {
    let denied = Uid(1000);
    let forgets_directories = move || {
        let kept_out = move |uid| match uid == denied {
            true => Verdict::Error(Errno::EACCES),
            false => Verdict::Continue,
        };
        FuseOps::new("forgets")
            .open_prefilter(move |cx, _| kept_out(cx.uid()))
            .create_open_prefilter(move |cx, _, _| kept_out(cx.uid()))
    };
    holds(over(move || deny_uid(denied)), invariant::keeps_out(denied));
    let message = found(over(forgets_directories), invariant::keeps_out(denied));
    assert!(message.contains(" succeeded, by user 1000"), "{message}");
}

#[test]
fn a_filter_that_counts_wrong_is_found() {
    holds(over(|| uid_quota(3)), invariant::creates_at_most(3));
    let message = found(over(|| uid_quota(4)), invariant::creates_at_most(3));
    assert!(message.contains("goes beyond the quota"), "{message}");
    let message = found(over(|| uid_quota(2)), invariant::creates_at_most(3));
    assert!(message.contains("gives EDQUOT"), "{message}");
}

/// The kernel sends what it has read at once, so that the last piece alone is beyond the quota.
#[test]
fn a_file_that_is_sent_into_itself_may_be_refused_its_end() {
    let limits = QuotaLimits { bytes: 65_536, files: None };
    let create = Action::Open { path: "y".into(), flags: 0o102, mode: 0o644 };
    let write = Action::Write { file: 0, size: 2, fill: 0x6d, offset: None };
    let send = Action::Sendfile { to: 0, from: 0, length: 65_535, from_at: 0 };
    let clients = vec![Program::of(0, vec![create, write, send])];
    let case = Case { clients, ..Case::default() };
    let run = Simulation::of_case(case).run(Subject::new(Abi::V4, move || quota(limits)));
    run.check(invariant::refuses_only(|_, errno| errno == Errno::EDQUOT)).or_report();
}

#[test]
fn a_filter_that_tells_its_reader_something_else_is_found() {
    let alike = || invariant::twins_agree(audit_ring).and_ask_alike();
    holds(over(audit_ring), alike());
    let tells = || {
        FuseOps::new("tells").rmdir_prefilter(|cx, _| {
            cx.output("audit_events", vec![0; 16]);
            Verdict::Continue
        })
    };
    let message = found(over(tells), alike());
    assert!(message.contains(" for the reader is "), "{message}");
}
