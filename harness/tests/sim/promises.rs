//! What filters promise of modes, lengths and attributes: right ones keep it, and ones that forget
//! a member are found.

use fuserig::prelude::*;
use fuserig_filters::{audit_ring, strip_setid, write_limit};

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
