//! `hide`: every way to a hidden name ends in ENOENT.

use fuserig_abi::{Dir, Errno, FuseReadOut, Op};
use fuserig_filters::{Entries, Filter, builtin};

use crate::common::{args, bytes, post, postfilters, pre, prefilters, readdir, records, wire};

fn filter() -> Box<dyn Filter> {
    builtin("hide:secret,.*").expect("well-formed")
}

fn check(op: Op, texts: &[&[u8]], expected: i32) {
    assert_eq!(pre(&mut *filter(), args(op, &[], texts)), expected, "{op} {texts:?}");
}

const HIDDEN: i32 = Errno::ENOENT.negative();

#[test]
fn members_with_one_name_refuse_a_hidden_one() {
    for op in [Op::Lookup, Op::CreateOpen, Op::Mknod, Op::Mkdir, Op::Link, Op::Unlink, Op::Rmdir] {
        check(op, &[b"secret"], HIDDEN);
        check(op, &[b".profile"], HIDDEN);
        check(op, &[b"secrets"], 0);
    }
}

#[test]
fn a_symlink_may_point_to_a_hidden_name_but_not_have_one() {
    check(Op::Symlink, &[b"secret", b"target"], HIDDEN);
    check(Op::Symlink, &[b"link", b"secret"], 0);
}

#[test]
fn a_rename_is_refused_on_either_side() {
    for op in [Op::Rename, Op::Rename2] {
        check(op, &[b"secret", b"b"], HIDDEN);
        check(op, &[b"a", b".b"], HIDDEN);
        check(op, &[b"a", b"b"], 0);
    }
}

#[test]
fn every_member_with_the_name_of_an_entry_is_set() {
    let expected = [
        "create_open",
        "lookup",
        "mknod",
        "mkdir",
        "rmdir",
        "rename2",
        "rename",
        "unlink",
        "link",
        "symlink",
        "readdir",
    ];
    assert_eq!(prefilters(&*filter()), expected);
    assert_eq!(postfilters(&*filter()), ["readdir"]);
    assert_eq!(pre(&mut *filter(), args(Op::Readdir, &[], &[])), 3, "PIPE-10");
}

fn check_listing(before: &[&str], after: &[&str], again: u32) {
    let mut args = readdir(&records(before), &[]);
    assert_eq!(post(&mut *filter(), &mut args), 0);
    let names: Vec<&[u8]> =
        Entries::new(bytes(&args, Dir::Out, 1)).map(|entry| entry.name).collect();
    assert_eq!(names, after.iter().map(|name| name.as_bytes()).collect::<Vec<_>>());
    assert_eq!(wire::<FuseReadOut>(&args, Dir::Out, 0).again, again, "{before:?}");
}

#[test]
fn a_listing_loses_hidden_names_and_goes_on_when_it_lost_all() {
    check_listing(&[".", "..", "a", ".b", "secret", "c"], &[".", "..", "a", "c"], 0);
    check_listing(&["a"], &["a"], 0);
    check_listing(&["secret", ".b"], &[], 1);
    check_listing(&[], &[], 0);
}

#[test]
fn a_failed_listing_is_left_alone() {
    let page = records(&["secret"]);
    let mut args = readdir(&page, &[]);
    args.meta.error_in = Errno::EIO.negative() as u32;
    assert_eq!(post(&mut *filter(), &mut args), 0);
    assert_eq!(bytes(&args, Dir::Out, 1), page);
    assert_eq!(args.arena.events(), []);
}
