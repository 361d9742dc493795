//! `quota`: what counts, when, and for whom.

use fuserig_abi::{
    Arg, CallArgs, Errno, FuseFallocateIn, FuseWriteIn, FuseWriteIterOut, Op, Phase, Slot, Uid,
};
use fuserig_filters::{Filter, FuseOps, LimitError, QuotaCount, QuotaLimits, QuotaUsage, quota};

use crate::common::{args, call, user, with_outs};

const EDQUOT: i32 = Errno::EDQUOT.negative();

fn limited(bytes: u64, files: Option<u64>) -> FuseOps<QuotaUsage> {
    quota(QuotaLimits { bytes, files })
}

fn run(filter: &mut FuseOps<QuotaUsage>, uid: u32, phase: Phase, args: &mut CallArgs) -> i32 {
    call(filter, Slot::Member(args.op, phase).name(), &user(uid), args).0
}

/// A write of `size` bytes of which the lower step writes `ret`.
fn write(filter: &mut FuseOps<QuotaUsage>, uid: u32, size: u32, ret: i64) -> i32 {
    let write = FuseWriteIn { size, ..FuseWriteIn::default() };
    let mut args = args(Op::WriteIter, &[Arg::wire(&write)], &[]);
    let code = run(filter, uid, Phase::Pre, &mut args);
    if code != 3 {
        return code;
    }
    args.push_out(Arg::wire(&FuseWriteIterOut { ret: ret as u64 }));
    if ret < 0 {
        args.meta.error_in = ret as u32;
    }
    run(filter, uid, Phase::Post, &mut args)
}

fn fallocate(filter: &mut FuseOps<QuotaUsage>, mode: u32, length: u64) -> i32 {
    let fallocate = FuseFallocateIn { mode, length, ..FuseFallocateIn::default() };
    run(filter, 1, Phase::Pre, &mut args(Op::FileFallocate, &[Arg::wire(&fallocate)], &[]))
}

fn create(filter: &mut FuseOps<QuotaUsage>, op: Op, error_in: i32) -> i32 {
    let mut args = args(op, &[], &[b"new"]);
    let code = run(filter, 1, Phase::Pre, &mut args);
    if code != 3 {
        return code;
    }
    args.meta.error_in = error_in as u32;
    run(filter, 1, Phase::Post, &mut with_outs(args))
}

#[test]
fn written_bytes_count_up_to_the_limit() {
    let mut filter = limited(100, None);
    assert_eq!(write(&mut filter, 1, 60, 60), 0);
    assert_eq!(write(&mut filter, 1, 41, 41), EDQUOT);
    assert_eq!(write(&mut filter, 1, 40, 40), 0);
    assert_eq!(write(&mut filter, 1, 0, 0), 0, "nothing fits at the limit");
    assert_eq!(write(&mut filter, 1, 1, 1), EDQUOT);
    assert_eq!(filter.state().of(Uid(1)), QuotaCount { bytes: 100, files: 0 });
}

#[test]
fn a_short_write_counts_what_was_written_and_a_failed_one_nothing() {
    let mut filter = limited(100, None);
    assert_eq!(write(&mut filter, 1, 50, 7), 0);
    assert_eq!(write(&mut filter, 1, 50, Errno::ENOSPC.negative().into()), 0);
    assert_eq!(filter.state().of(Uid(1)).bytes, 7);
    let mut args = args(Op::WriteIter, &[], &[]);
    args.push_out(Arg::wire(&FuseWriteIterOut { ret: -5_i64 as u64 }));
    assert_eq!(run(&mut filter, 1, Phase::Post, &mut args), 0);
    assert_eq!(filter.state().of(Uid(1)).bytes, 7, "an errno without error_in is no count");
}

#[test]
fn users_are_counted_apart() {
    let mut filter = limited(10, None);
    assert_eq!(write(&mut filter, 1, 10, 10), 0);
    assert_eq!(write(&mut filter, 2, 10, 10), 0);
    assert_eq!(write(&mut filter, 1, 1, 1), EDQUOT);
    assert_eq!(filter.state().of(Uid(3)), QuotaCount::default());
}

#[test]
fn allocations_count_before_and_releases_not_at_all() {
    let mut filter = limited(100, None);
    for (mode, length, expected, used) in [
        (0, 30, 0, 30),
        (0x01, 30, 0, 60),
        (0x03, 1000, 0, 60),
        (0x08, 1000, 0, 60),
        (0x10, 41, EDQUOT, 60),
        (0x20, 40, 0, 100),
        (0, u64::MAX, EDQUOT, 100),
    ] {
        assert_eq!(fallocate(&mut filter, mode, length), expected, "{mode:#x} {length}");
        assert_eq!(filter.state().of(Uid(1)).bytes, used, "{mode:#x} {length}");
    }
}

#[test]
fn created_files_count_when_they_were_created() {
    let mut filter = limited(0, Some(4));
    for op in [Op::CreateOpen, Op::Mknod, Op::Mkdir, Op::Symlink] {
        assert_eq!(create(&mut filter, op, Errno::EEXIST.negative()), 0, "{op}");
        assert_eq!(create(&mut filter, op, 0), 0, "{op}");
    }
    for op in [Op::CreateOpen, Op::Mknod, Op::Mkdir, Op::Symlink] {
        assert_eq!(create(&mut filter, op, 0), EDQUOT, "{op}");
    }
    assert_eq!(filter.state().of(Uid(1)), QuotaCount { bytes: 0, files: 4 });
}

#[test]
fn files_without_a_limit_are_counted_only() {
    let mut filter = limited(0, None);
    for _ in 0..5 {
        assert_eq!(create(&mut filter, Op::Mkdir, 0), 0);
    }
    assert_eq!(filter.state().of(Uid(1)).files, 5);
}

#[test]
fn a_copy_that_cannot_be_counted_is_refused() {
    let mut filter = limited(u64::MAX, None);
    let code = run(&mut filter, 1, Phase::Pre, &mut args(Op::CopyFileRange, &[], &[]));
    assert_eq!(code, Errno::EINVAL.negative());
}

#[test]
fn a_refusal_says_how_much_was_used() {
    let mut filter = limited(5, Some(0));
    let write = FuseWriteIn { size: 9, ..FuseWriteIn::default() };
    let mut write = args(Op::WriteIter, &[Arg::wire(&write)], &[]);
    let (_, printed) = call(&mut filter, "write_iter_prefilter", &user(7), &mut write);
    assert_eq!(printed, ["quota: uid 7 has 0 of 5 bytes and wants 9 more"]);
    let mut mkdir = args(Op::Mkdir, &[], &[b"d"]);
    let (_, printed) = call(&mut filter, "mkdir_prefilter", &user(7), &mut mkdir);
    assert_eq!(printed, ["quota: uid 7 has created 0 files and wants one more"]);
}

#[test]
fn every_prefilter_that_asks_for_a_postfilter_has_one() {
    let filter = limited(1, Some(1));
    for op in [Op::WriteIter, Op::CreateOpen, Op::Mknod, Op::Mkdir, Op::Symlink] {
        assert!(filter.has(Slot::Member(op, Phase::Pre)), "{op}");
        assert!(filter.has(Slot::Member(op, Phase::Post)), "DISP-2: {op}");
    }
}

fn check(text: &str, expected: Result<(u64, Option<u64>), usize>) {
    let expected = expected
        .map(|(bytes, files)| QuotaLimits { bytes, files })
        .map_err(|position| LimitError { position });
    assert_eq!(QuotaLimits::parse(text), expected, "{text:?}");
}

#[test]
fn limits_are_decimal_with_a_unit_of_bytes() {
    check("0", Ok((0, None)));
    check("4096", Ok((4096, None)));
    check("64K", Ok((65536, None)));
    check("2M,0", Ok((2 << 20, Some(0))));
    check("1G,7", Ok((1 << 30, Some(7))));
    check("18446744073709551615", Ok((u64::MAX, None)));
    for text in ["", "K", "+1", "-1", "1k", "1.5K", "18446744073709551616", "17179869184G", ",1"] {
        check(text, Err(0));
    }
    check("1,", Err(2));
    check("64K,x", Err(4));
    check("1,2,3", Err(2));
    check("1,2K", Err(2));
}
