//! The builder: names, state, answers, context.

use std::cell::Cell;
use std::rc::Rc;

use fuserig_abi::{Arg, Dir, Errno, FuseOpenIn, FuseOpenOut, Gid, NodeId, Op, Opcode, Pid, Uid};
use fuserig_abi::{Slot, Verdict};
use fuserig_filters::{Filter, FilterName, FuseOps};

use crate::common::{args, call, pre, user, wire, with_outs};

#[test]
fn a_filter_has_the_members_that_were_set_and_its_name() {
    let filter = FuseOps::new("two").flush_prefilter(|_, _| 0).default_filter(|_| 0);
    assert_eq!(filter.name(), "two");
    let names: Vec<&str> = filter.members().map(Slot::name).collect();
    assert_eq!(names, ["flush_prefilter", "default_filter"]);
    assert_eq!(Slot::all().filter(|slot| filter.has(*slot)).count(), 2);
    assert!(format!("{filter:?}").contains("flush_prefilter"));
}

#[test]
fn a_bad_name_and_a_second_closure_are_refused_while_building() {
    let build = |make: fn() -> FuseOps| std::panic::catch_unwind(|| drop(make())).is_err();
    assert!(build(|| FuseOps::new("fifteen_letters")));
    assert!(build(|| FuseOps::new("")));
    assert!(build(|| FuseOps::new("a").statfs_prefilter(|_| 0).statfs_prefilter(|_| 1)));
    let name = FilterName::parse("from.outside").expect("allowed");
    assert_eq!(FuseOps::named(name, ()).name(), "from.outside");
}

#[test]
fn state_is_typed_or_captured() {
    let captured = Rc::new(Cell::new(0));
    let seen = Rc::clone(&captured);
    let mut filter = FuseOps::with_state("count", 10_u32).unlink_prefilter(move |cx, _| {
        *cx.state += 1;
        seen.set(seen.get() + 1);
        Verdict::Continue
    });
    for _ in 0..3 {
        assert_eq!(pre(&mut filter, args(Op::Unlink, &[], &[b"a"])), 0);
    }
    assert_eq!((*filter.state(), captured.get()), (13, 3));
    *filter.state_mut() = 0;
    assert_eq!(*filter.state(), 0);
}

#[test]
fn every_kind_of_answer_reaches_the_pipeline_as_its_code() {
    let unlink = || args(Op::Unlink, &[], &[b"a"]);
    let ops = || FuseOps::new("answers");
    let check = |mut filter: FuseOps, expected| assert_eq!(pre(&mut filter, unlink()), expected);
    check(ops().unlink_prefilter(|_, _| Verdict::UserPrefilter), 2);
    check(ops().unlink_prefilter(|_, _| Errno::EPERM), -1);
    check(ops().unlink_prefilter(|_, _| 77_u32), 77);
    check(ops().unlink_prefilter(|_, _| -1_000_000), -1_000_000);
    check(ops().unlink_prefilter(|_, _| Err::<Verdict, _>(Errno::EIO)), -5);
}

#[test]
fn the_context_tells_meta_and_caller_and_prints() {
    let mut filter = FuseOps::new("context").mkdir_postfilter(|cx, _, _| {
        assert_eq!((cx.uid(), cx.gid(), cx.pid()), (Uid(42), Gid(100), Pid(7)));
        assert_eq!(cx.nodeid(), NodeId(5));
        assert_eq!(cx.opcode(), Opcode(0x2_0009));
        assert_eq!(cx.error_in(), Some(Errno::EEXIST));
        assert_eq!(cx.meta().error_out, 0);
        assert_eq!(cx.caller().pid, Pid(7));
        cx.print("one");
        cx.print(String::from("two"));
        Verdict::Continue
    });
    let mut mkdir = args(Op::Mkdir, &[], &[b"dir"]);
    mkdir.meta.nodeid = 5;
    mkdir.meta.error_in = Errno::EEXIST.negative() as u32;
    let (code, printed) = call(&mut filter, "mkdir_postfilter", &user(42), &mut mkdir);
    assert_eq!((code, printed), (0, vec!["one".to_owned(), "two".to_owned()]));
}

#[test]
fn error_in_is_the_errno_of_the_lower_step() {
    for (error_in, expected) in [
        (0, None),
        (Errno::ENOENT.negative() as u32, Some(Errno::ENOENT)),
        (5, Some(Errno(-5))),
        (i32::MIN as u32, Some(Errno(i32::MIN))),
    ] {
        let mut filter = FuseOps::new("error_in").statfs_prefilter(move |cx| {
            assert_eq!(cx.error_in(), expected);
            Verdict::Continue
        });
        let mut statfs = args(Op::Statfs, &[], &[]);
        statfs.meta.error_in = error_in;
        assert_eq!(pre(&mut filter, statfs), 0);
    }
}

#[test]
fn structs_are_changed_in_place() {
    let mut filter = FuseOps::new("open")
        .open_prefilter(|_, open| {
            open.flags |= 0o1000;
            Verdict::Postfilter
        })
        .open_postfilter(|_, open, out| {
            out.fh = u64::from(open.flags);
            Verdict::Continue
        });
    let open = FuseOpenIn { flags: 2, open_flags: 0 };
    let mut open = args(Op::Open, &[Arg::wire(&open)], &[]);
    assert_eq!(call(&mut filter, "open_prefilter", &user(1), &mut open).0, 3);
    let mut open = with_outs(open);
    assert_eq!(call(&mut filter, "open_postfilter", &user(1), &mut open).0, 0);
    assert_eq!(wire::<FuseOpenIn>(&open, Dir::In, 0).flags, 0o1002);
    assert_eq!(wire::<FuseOpenOut>(&open, Dir::Out, 0).fh, 0o1002);
}

#[test]
fn a_panic_in_a_closure_leaves_the_arguments_whole() {
    let mut filter = FuseOps::new("panics")
        .unlink_prefilter(|_, name| -> Verdict { panic!("{}", name.name().escape_ascii()) });
    let mut unlink = args(Op::Unlink, &[], &[b"planted"]);
    let caller = user(1);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        call(&mut filter, "unlink_prefilter", &caller, &mut unlink)
    }));
    assert!(outcome.is_err());
    assert_eq!(crate::common::bytes(&unlink, Dir::In, 0), b"planted\0");
}
