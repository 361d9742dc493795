//! `audit`: one line each, and no effect.

use fuserig_abi::{CallArgs, Errno, Op, Opcode, Phase, Slot};
use fuserig_filters::{Audit, builtin};

use crate::common::{args, call, pre, readdir, records, user, with_outs};

fn check(op: Op, texts: &[&[u8]], change: fn(&mut CallArgs), expected: &str) {
    let mut args = with_outs(args(op, &[], texts));
    change(&mut args);
    let member = Slot::Member(op, Phase::Post).name();
    let (code, printed) = call(&mut Audit::new(), member, &user(1), &mut args);
    assert_eq!((code, printed), (0, vec![expected.to_owned()]));
}

#[test]
fn a_line_tells_operation_node_names_error_and_verdict() {
    check(Op::Getattr, &[], |_| (), "getattr nodeid=0 error_in=0 verdict=CONTINUE");
    check(
        Op::Mkdir,
        &[b"dir"],
        |args| {
            args.meta.nodeid = 12;
            args.meta.error_in = Errno::EEXIST.negative() as u32;
        },
        "mkdir nodeid=12 name=\"dir\" error_in=-EEXIST verdict=CONTINUE",
    );
    check(
        Op::Rename,
        &[b"a b", b"\xff\"\n"],
        |_| (),
        "rename nodeid=0 old_name=\"a b\" new_name=\"\\xff\\\"\\n\" error_in=0 verdict=CONTINUE",
    );
    check(
        Op::Symlink,
        &[b"l", b"../t"],
        |_| (),
        "symlink nodeid=0 name=\"l\" path=\"../t\" error_in=0 verdict=CONTINUE",
    );
    check(
        Op::Setxattr,
        &[b"user.a", b"value"],
        |_| (),
        "setxattr nodeid=0 name=\"user.a\" error_in=0 verdict=CONTINUE",
    );
}

#[test]
fn a_lost_name_shows_as_an_empty_one() {
    check(
        Op::Unlink,
        &[b"gone"],
        |args| {
            if let Some(name) = args.in_args[0].as_buffer_mut() {
                name.data = None;
            }
        },
        "unlink nodeid=0 name=\"\" error_in=0 verdict=CONTINUE",
    );
}

#[test]
fn the_opcode_tells_whose_release_it_is() {
    // v4 calls the directory member for files (DISP-3).
    let mut args = args(Op::Release, &[], &[]);
    let mut filter = Audit::new();
    args.meta.opcode = Opcode::RELEASE.0;
    let (_, printed) = call(&mut filter, "releasedir_postfilter", &user(1), &mut args);
    assert_eq!(printed, ["release nodeid=0 error_in=0 verdict=CONTINUE"]);
}

#[test]
fn every_member_is_set_and_touches_nothing() {
    let mut filter = builtin("audit").expect("known");
    assert!(!filter.has(Slot::Default));
    for op in Op::ALL {
        assert_eq!(pre(&mut *filter, args(op, &[], &[])), 3, "{op}");
        let mut args = with_outs(args(op, &[], &[]));
        let before = (args.in_args, args.out_args);
        let member = Slot::Member(op, Phase::Post).name();
        let (code, printed) = call(&mut *filter, member, &user(1), &mut args);
        assert_eq!((code, printed.len()), (0, 1), "{op}");
        assert!(printed[0].starts_with(op.name()), "{op}");
        assert_eq!((args.in_args, args.out_args), before, "{op}");
        assert_eq!(args.arena.events(), [], "{op}");
    }
    let mut listing = readdir(&records(&["a"]), &[]);
    assert_eq!(call(&mut *filter, "readdir_postfilter", &user(1), &mut listing).0, 0);
}
