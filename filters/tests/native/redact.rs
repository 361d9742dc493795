//! `redact`: listings only, in place.

use fuserig_abi::{Dir, Errno, FuseReadOut, Op};
use fuserig_filters::{Entries, Filter, builtin};

use crate::common::{args, bytes, post, postfilters, pre, prefilters, readdir, records, wire};

fn filter() -> Box<dyn Filter> {
    builtin("redact:*.key,secret*").expect("well-formed")
}

#[test]
fn matching_names_become_as_many_letters_and_nothing_else_changes() {
    let page = records(&[".", "a.key", "secrets", "open"]);
    let mut args = readdir(&page, &[]);
    assert_eq!(post(&mut *filter(), &mut args), 0);
    let after: Vec<_> = Entries::new(bytes(&args, Dir::Out, 1)).collect();
    let names: Vec<&[u8]> = after.iter().map(|entry| entry.name).collect();
    assert_eq!(names, [&b"."[..], b"xxxxx", b"xxxxxxx", b"open"]);
    for (before, after) in Entries::new(&page).zip(after) {
        assert_eq!((before.ino, before.off, before.kind), (after.ino, after.off, after.kind));
    }
    assert_eq!(wire::<FuseReadOut>(&args, Dir::Out, 0), FuseReadOut::default());
}

#[test]
fn names_stay_reachable() {
    assert_eq!(prefilters(&*filter()), ["readdir"]);
    assert_eq!(postfilters(&*filter()), ["readdir"]);
    assert_eq!(pre(&mut *filter(), args(Op::Readdir, &[], &[])), 3, "PIPE-10");
}

#[test]
fn a_failed_listing_is_left_alone() {
    let page = records(&["a.key"]);
    let mut args = readdir(&page, &[]);
    args.meta.error_in = Errno::EIO.negative() as u32;
    assert_eq!(post(&mut *filter(), &mut args), 0);
    assert_eq!(bytes(&args, Dir::Out, 1), page);
}
