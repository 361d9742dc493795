//! What a member can do with a buffer, case by case of the decision table.

use fuserig_abi::{AllocFailures, Arg, BufferEvent, CallArgs, Dir, Errno, Op, Row};
use fuserig_filters::{Buffer, BufferMut, FuseOps};

use crate::common::{args, bytes, post, pre, user, with_outs};

/// Runs `edit` as a lookup prefilter on a name, and gives its arguments afterwards.
fn edit_name(name: &[u8], edit: impl FnMut(&mut BufferMut<'_>) + 'static) -> CallArgs {
    edit_args(args(Op::Lookup, &[], &[name]), edit)
}

fn edit_args(mut lookup: CallArgs, mut edit: impl FnMut(&mut BufferMut<'_>) + 'static) -> CallArgs {
    let mut filter = FuseOps::new("edit").lookup_prefilter(move |_, name| {
        edit(name);
        0
    });
    crate::common::call(&mut filter, "lookup_prefilter", &user(1), &mut lookup);
    lookup
}

fn rows(args: &CallArgs) -> Vec<Row> {
    let events = args.arena.events().iter();
    let row = |event: &BufferEvent| match event {
        BufferEvent::GetWriteable { row, .. } => Some(*row),
        _ => None,
    };
    events.filter_map(row).collect()
}

fn is_null(args: &CallArgs) -> bool {
    args.ins()[0].as_buffer().is_some_and(|buffer| buffer.data.is_none())
}

#[test]
fn a_name_is_read_up_to_its_nul_and_counted_with_it() {
    fn check(name: &Buffer<'_>, text: &[u8], bytes: &[u8]) {
        assert_eq!((name.name(), name.bytes()), (text, Some(bytes)));
        assert_eq!((name.len() as usize, name.is_empty()), (bytes.len(), bytes.is_empty()));
    }
    let mut filter = FuseOps::new("read").rename_prefilter(|_, _, old_name, new_name| {
        check(old_name, b"a", b"a\0");
        check(new_name, b"longer", b"longer\0");
        0
    });
    assert_eq!(pre(&mut filter, args(Op::Rename, &[], &[b"a", b"longer"])), 0);
    let untouched = edit_name(b"abc", |name| assert_eq!(name.name(), b"abc"));
    assert_eq!(rows(&untouched), [], "looking is not asking for a writable view (BUF-7)");
}

#[test]
fn a_replaced_name_has_its_nul_and_its_size() {
    for (new_name, row) in
        [(&b"x"[..], Row::W12), (b"same", Row::W12), (b"a longer name", Row::W12)]
    {
        let args = edit_name(b"name", move |name| {
            assert_eq!(name.replace_name(new_name), Ok(()));
            assert_eq!(name.name(), new_name);
        });
        assert_eq!(bytes(&args, Dir::In, 0), [new_name, b"\0"].concat());
        assert_eq!(rows(&args), [row]);
    }
}

#[test]
fn a_second_replacement_stays_in_the_private_allocation() {
    let args = edit_name(b"name", |name| {
        assert_eq!(name.replace(b"0123456789"), Ok(()));
        assert_eq!(name.replace(b"abc"), Ok(()));
        assert_eq!(name.replace(b"abcdef"), Ok(()));
    });
    assert_eq!(bytes(&args, Dir::In, 0), b"abcdef");
    assert_eq!(rows(&args), [Row::W12, Row::W2, Row::W9]);
}

#[test]
fn a_size_that_no_kernel_grants_is_refused_before_the_buffer_is_lost() {
    let args = edit_name(b"name", |name| {
        assert_eq!(name.max_len(), 256);
        assert_eq!(name.replace(&[b'x'; 257]), Err(Errno::E2BIG));
        assert_eq!(name.replace_name(&[b'x'; 256]), Err(Errno::E2BIG));
        assert_eq!(name.resize(257), Err(Errno::E2BIG));
        assert_eq!(name.replace(b""), Err(Errno::EINVAL), "BUF-4");
        assert_eq!(name.resize(0), Err(Errno::EINVAL), "BUF-15");
        assert_eq!(name.replace_name(&[b'x'; 255]), Ok(()));
    });
    assert_eq!(bytes(&args, Dir::In, 0).len(), 256);
}

#[test]
fn resizing_keeps_the_bytes() {
    for (size, expected, steps) in [
        (8, &b"name\0\0\0\0"[..], [Row::W11, Row::W9]),
        (5, b"name\0", [Row::W11, Row::W2]),
        (2, b"na", [Row::W11, Row::W2]),
    ] {
        let args = edit_name(b"name", move |name| assert_eq!(name.resize(size), Ok(())));
        assert_eq!(bytes(&args, Dir::In, 0), expected);
        assert_eq!(rows(&args)[0], steps[0], "{size}");
        assert_eq!(rows(&args).len(), 2, "the working sequence of BUF-1");
    }
}

#[test]
fn one_request_with_copy_does_not_lengthen_a_name() {
    let args = edit_name(b"name", |name| {
        let view = name.get_rw(20, true).expect("granted");
        assert_eq!(view.len(), 5, "BUF-1");
    });
    assert_eq!(bytes(&args, Dir::In, 0), b"name\0");
}

#[test]
fn a_refused_request_loses_the_buffer() {
    let args = edit_name(b"name", |name| {
        assert!(name.get_rw(257, true).is_none());
        assert_eq!((name.bytes(), name.name(), name.len()), (None, &b""[..], 5));
    });
    assert!(is_null(&args), "BUF-2");
    assert_eq!(rows(&args), [Row::W4]);
}

#[test]
fn memory_pressure_loses_the_buffer_and_is_reported() {
    let mut lookup = args(Op::Lookup, &[], &[b"name"]);
    lookup.arena.fail_allocations(AllocFailures::Always);
    let lookup = edit_args(lookup, |name| {
        assert_eq!(name.replace_name(b"other"), Err(Errno::ENOMEM));
        assert_eq!(name.resize(9), Err(Errno::ENOMEM));
    });
    assert!(is_null(&lookup));
}

#[test]
fn a_view_reads_and_writes_with_the_checks_of_the_helpers() {
    let args = edit_name(b"name", |name| {
        let mut view = name.get_rw(5, true).expect("granted");
        assert!(!view.is_empty());
        assert_eq!(view.write(1, b"A").code, 0);
        assert_eq!(view.write(5, b"A").code, -7, "E2BIG");
        let mut two = [0; 2];
        assert_eq!(view.read(0, &mut two).code, 0);
        assert_eq!(&two, b"nA");
        assert_eq!(name.name(), b"nAme", "what was seen before is forgotten");
    });
    assert_eq!(bytes(&args, Dir::In, 0), b"nAme\0");
}

#[test]
fn two_buffers_can_be_changed_in_one_call() {
    let mut filter = FuseOps::new("two").setxattr_prefilter(|_, _, name, value| {
        assert_eq!((name.name(), value.bytes()), (&b"user.a"[..], Some(&b"v"[..])));
        assert_eq!(value.replace(b"longer value"), Ok(()));
        assert_eq!(name.replace_name(b"user.b"), Ok(()));
        assert_eq!((name.name(), value.name()), (&b"user.b"[..], &b"longer value"[..]));
        0
    });
    let mut setxattr = args(Op::Setxattr, &[], &[b"user.a"]);
    let value =
        fuserig_abi::FuseBuffer::variable_value(&mut setxattr.arena, "value", Some(&b"v"[..]));
    setxattr.in_args[2] = Arg::Buffer(value);
    crate::common::call(&mut filter, "setxattr_prefilter", &user(1), &mut setxattr);
    assert_eq!(bytes(&setxattr, Dir::In, 1), b"user.b\0");
    assert_eq!(bytes(&setxattr, Dir::In, 2), b"longer value");
}

#[test]
fn a_value_that_is_null_can_be_given_bytes() {
    let mut filter = FuseOps::new("null").setxattr_prefilter(|_, _, _, value| {
        assert_eq!((value.bytes(), value.is_empty()), (None, true));
        assert_eq!(value.replace(b"v"), Ok(()));
        0
    });
    let mut setxattr = args(Op::Setxattr, &[], &[b"user.a"]);
    let value = fuserig_abi::FuseBuffer::variable_value(&mut setxattr.arena, "value", None);
    setxattr.in_args[2] = Arg::Buffer(value);
    crate::common::call(&mut filter, "setxattr_prefilter", &user(1), &mut setxattr);
    assert_eq!(bytes(&setxattr, Dir::In, 2), b"v");
}

#[test]
fn the_size_of_a_failed_getxattr_has_no_bytes_and_can_be_overwritten() {
    let mut filter = FuseOps::new("failed").getxattr_postfilter(|_, _, name, value, out| {
        assert_eq!((name.name(), out.size), (&b"user.a"[..], 0));
        assert_eq!(value.len(), Errno::ENODATA.negative() as u32, "BUF-6");
        assert_eq!(value.bytes(), None, "N10");
        assert_eq!(value.resize(4), Ok(()));
        assert_eq!(value.replace(b"ab"), Ok(()), "N11");
        0
    });
    let mut getxattr = with_outs(args(Op::Getxattr, &[], &[b"user.a"]));
    let value = getxattr.out_args[0].as_buffer_mut().expect("a buffer");
    value.size = Errno::ENODATA.negative() as u32;
    assert_eq!(post(&mut filter, &mut getxattr), 0);
    assert_eq!(bytes(&getxattr, Dir::Out, 0), b"ab");
}

#[test]
fn an_out_buffer_may_become_empty() {
    let mut filter = FuseOps::new("empty").listxattr_postfilter(|_, _, value, _| {
        assert_eq!(value.replace(b""), Ok(()));
        assert!(value.is_empty());
        0
    });
    let mut listxattr = with_outs(args(Op::Listxattr, &[], &[]));
    assert_eq!(post(&mut filter, &mut listxattr), 0);
    assert_eq!(bytes(&listxattr, Dir::Out, 0), b"");
}

#[test]
fn lookup_entries_are_written_into_their_storage() {
    let entry = fuserig_abi::FuseBpfEntryOut::program(b"other").expect("short");
    let entry = fuserig_abi::StructArg::new(&entry);
    let mut filter = FuseOps::new("entries").lookup_postfilter(move |_, name, _, entries| {
        assert_eq!(name.name(), b"dir");
        assert_eq!(entries.replace(entry.bytes()), Ok(()));
        assert_eq!(entries.replace(&[0; 49]), Err(Errno::E2BIG), "BUF-9");
        0
    });
    let mut lookup = with_outs(args(Op::Lookup, &[], &[b"dir"]));
    assert_eq!(post(&mut filter, &mut lookup), 0);
    assert_eq!(bytes(&lookup, Dir::Out, 1), entry.bytes());
    assert_eq!(rows(&lookup), [Row::W9]);
}
