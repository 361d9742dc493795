//! The twins of the C filters, by themselves.

use fuserig_abi::{
    Abi, Arg, Dir, Errno, FuseCopyFileRangeIn, FuseCreateIn, FuseEntryOut, FuseFallocateIn,
    FuseSetattrIn, FuseSetxattrIn, FuseWriteIn, Op, Phase, Slot, Uid, Verdict,
};
use fuserig_filters::{
    Filter, FilterEnv, alias_lookup, audit_ring, deny_uid, media_view, strip_setid, uid_quota,
    write_limit, xattr_guard,
};

use crate::common::{args, bytes, user, with_outs};

/// What a prefilter answers a user.
fn answer(filter: &mut dyn Filter, op: Op, structs: &[Arg], texts: &[&[u8]], uid: u32) -> Verdict {
    let caller = user(uid);
    let mut env = FilterEnv::new(&caller);
    let mut args = args(op, structs, texts);
    let code = filter.call(Slot::Member(op, Phase::Pre), &mut args, &mut env);
    Verdict::decode(Abi::V4, code)
}

#[test]
fn one_user_is_kept_out() {
    let mut filter = deny_uid(Uid(1000));
    for (uid, expected) in [(1000, Verdict::Error(Errno::EACCES)), (1001, Verdict::Continue)] {
        assert_eq!(answer(&mut filter, Op::Open, &[], &[], uid), expected);
        assert_eq!(answer(&mut filter, Op::CreateOpen, &[], &[b"a"], uid), expected);
    }
}

#[test]
fn guarded_attributes_cannot_be_set_and_seem_absent() {
    let mut filter = xattr_guard();
    let setxattr = [Arg::wire(&FuseSetxattrIn::default())];
    let mut check = |op, structs: &[Arg], name: &[u8], expected| {
        assert_eq!(answer(&mut filter, op, structs, &[name], 0), expected, "{op}");
    };
    check(Op::Setxattr, &setxattr, b"user.guard.a", Verdict::Error(Errno::EPERM));
    check(Op::Getxattr, &[], b"user.guard.", Verdict::Error(Errno::ENODATA));
    check(Op::Removexattr, &[], b"user.guard", Verdict::Continue);
}

#[test]
fn a_write_ends_at_the_limit_and_overflows_nowhere() {
    let mut filter = write_limit(100);
    for (offset, size, expected) in [
        (0, 100, Verdict::Continue),
        (100, 0, Verdict::Continue),
        (1, 100, Verdict::Error(Errno::EFBIG)),
        (u64::MAX, 2, Verdict::Error(Errno::EFBIG)),
    ] {
        let write = Arg::wire(&FuseWriteIn { offset, size, ..Default::default() });
        assert_eq!(answer(&mut filter, Op::WriteIter, &[write], &[], 0), expected, "{offset}");
    }
    let alloc = Arg::wire(&FuseFallocateIn { length: u64::MAX, ..Default::default() });
    let refused = Verdict::Error(Errno::EFBIG);
    assert_eq!(answer(&mut filter, Op::FileFallocate, &[alloc], &[], 0), refused);
    let insert = FuseFallocateIn { length: 1, mode: 0x20, ..Default::default() };
    let refused = Verdict::Error(Errno::EOPNOTSUPP);
    assert_eq!(answer(&mut filter, Op::FileFallocate, &[Arg::wire(&insert)], &[], 0), refused);
    let copy = Arg::wire(&FuseCopyFileRangeIn { len: 1, ..Default::default() });
    let by_hand = Verdict::Error(Errno::EINVAL);
    assert_eq!(answer(&mut filter, Op::CopyFileRange, &[copy], &[], 0), by_hand);
}

#[test]
fn each_user_has_a_quota_of_its_own() {
    let mut filter = uid_quota(2);
    let mut codes = Vec::new();
    for uid in [5, 5, 6, 5, 6, 6] {
        codes.push(answer(&mut filter, Op::Mkdir, &[], &[b"d"], uid) == Verdict::Continue);
    }
    assert_eq!(codes, [true, true, true, false, true, false]);
}

#[test]
fn setid_bits_are_taken_from_new_modes_only() {
    let caller = user(0);
    let mut env = FilterEnv::new(&caller);
    let create = FuseCreateIn { mode: 0o106_755, ..Default::default() };
    let mut created = args(Op::CreateOpen, &[Arg::wire(&create)], &[b"a"]);
    strip_setid().call(Slot::Member(Op::CreateOpen, Phase::Pre), &mut created, &mut env);
    let changed = created.arg(Dir::In, 0).and_then(Arg::as_struct).expect("a struct");
    assert_eq!(changed.bytes()[4..8], 0o100_755_u32.to_le_bytes());
    let setattr = FuseSetattrIn { valid: 0, mode: 0o6755, ..Default::default() };
    let mut untouched = args(Op::Setattr, &[Arg::wire(&setattr)], &[]);
    strip_setid().call(Slot::Member(Op::Setattr, Phase::Pre), &mut untouched, &mut env);
    assert_eq!(untouched.arg(Dir::In, 0), Some(&Arg::wire(&setattr)));
}

#[test]
fn the_alias_is_looked_up_by_its_real_name() {
    let caller = user(0);
    for (name, expected) in [(&b"current"[..], &b"v1\0"[..]), (b"currents", b"currents\0")] {
        let mut args = args(Op::Lookup, &[], &[name]);
        let mut env = FilterEnv::new(&caller);
        let code = alias_lookup().call(Slot::Member(Op::Lookup, Phase::Pre), &mut args, &mut env);
        assert_eq!((code, bytes(&args, Dir::In, 0)), (0, expected));
    }
}

#[test]
fn the_daemon_is_asked_about_what_not_everybody_may_read() {
    let caller = user(0);
    for (mode, expected) in [(0o100_644, 0), (0o100_640, 4)] {
        let mut args = with_outs(args(Op::Lookup, &[], &[b"a"]));
        let mut entry = FuseEntryOut::default();
        entry.attr.mode = mode;
        *args.arg_mut(Dir::Out, 0).expect("entry_out") = Arg::wire(&entry);
        let mut env = FilterEnv::new(&caller);
        let code = media_view().call(Slot::Member(Op::Lookup, Phase::Post), &mut args, &mut env);
        assert_eq!(code, expected, "{mode:o}");
    }
}

#[test]
fn an_audit_says_who_did_what_where() {
    let mut filter = audit_ring();
    assert_eq!(answer(&mut filter, Op::Unlink, &[], &[b"a"], 7), Verdict::Continue);
    let events = filter.state();
    assert_eq!((events.len(), events[0].uid), (1, 7));
}
