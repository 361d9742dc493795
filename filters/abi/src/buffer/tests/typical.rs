//! The table "Typical buffers and what happens" of SEMANTICS 5.2, line by line, and the initial
//! states of 4.2.

use crate::{
    Abi, AbiTable, Arena, BufferFlags, BufferRow, Dynptr, FuseBuffer, MemoryId, MemoryKind, Op, Row,
};

/// What one call did.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    row: Row,
    memory: Memory,
    size: u32,
    /// `None` for a null dynptr.
    dynptr: Option<u32>,
}

#[derive(Debug, PartialEq, Eq)]
enum Memory {
    Same,
    New,
    Null,
}

use Memory::{New, Null, Same};

fn call(arena: &mut Arena, buffer: &mut FuseBuffer, size: u64, copy: bool) -> Outcome {
    let before: Option<MemoryId> = buffer.data;
    arena.clear_events();
    let dynptr = buffer.get_rw_dynptr(arena, size, copy);
    let row = arena.events().iter().find_map(|event| match event {
        crate::BufferEvent::GetWriteable { row, .. } => Some(*row),
        _ => None,
    });
    let memory = match buffer.data {
        None => Null,
        data if data == before => Same,
        Some(_) => New,
    };
    let dynptr = (!dynptr.is_null()).then(|| dynptr.size());
    Outcome { row: row.expect("every call is noted"), memory, size: buffer.size, dynptr }
}

type Expected = (Row, Memory, u32, Option<u32>);

#[track_caller]
fn check(
    make: impl Fn(&mut Arena) -> FuseBuffer,
    (size, copy): (u64, bool),
    (row, memory, left, dynptr): Expected,
) -> (Arena, FuseBuffer) {
    let mut arena = Arena::new();
    let mut buffer = make(&mut arena);
    let outcome = call(&mut arena, &mut buffer, size, copy);
    assert_eq!(outcome, Outcome { row, memory, size: left, dynptr });
    (arena, buffer)
}

fn lookup_name(arena: &mut Arena) -> FuseBuffer {
    FuseBuffer::variable_name(arena, "name", b"abcdefghi")
}

/// A lookup name with ten bytes in an allocation of twenty.
fn allocated_name(arena: &mut Arena) -> FuseBuffer {
    let mut name = lookup_name(arena);
    name.get_rw_dynptr(arena, 20, true);
    assert_eq!((name.size, name.alloc_size), (10, 20));
    name
}

fn bytes(arena: &Arena, buffer: &FuseBuffer) -> Vec<u8> {
    buffer.bytes(arena).expect("no fault").to_vec()
}

#[test]
fn a_lookup_name_without_copy_becomes_zeros() {
    for size in [1, 9, 10, 11, 256] {
        let left = size as u32;
        let (arena, name) = check(lookup_name, (size, false), (Row::W12, New, left, Some(left)));
        assert_eq!(bytes(&arena, &name), vec![0; left as usize]);
    }
}

#[test]
fn a_lookup_name_with_copy_keeps_its_text_and_its_size() {
    for size in [10, 11, 256] {
        let (arena, name) = check(lookup_name, (size, true), (Row::W11, New, 10, Some(10)));
        assert_eq!(bytes(&arena, &name), b"abcdefghi\0");
        assert_eq!(u64::from(name.alloc_size), size);
        let memory = name.data.expect("allocated");
        let rest = arena.read(memory, 10, size - 10).expect("inside");
        assert!(rest.iter().all(|byte| *byte == 0));
    }
}

#[test]
fn a_lookup_name_above_its_maximum_is_refused() {
    for copy in [false, true] {
        check(lookup_name, (257, copy), (Row::W4, Null, 10, None));
    }
}

#[test]
fn an_allocated_lookup_name_is_changed_in_place_while_it_fits() {
    for copy in [false, true] {
        check(allocated_name, (10, copy), (Row::W2, Same, 10, Some(10)));
        check(allocated_name, (3, copy), (Row::W2, Same, 3, Some(3)));
        check(allocated_name, (0, copy), (Row::W2, Same, 0, Some(0)));
    }
    check(allocated_name, (15, true), (Row::W8, Same, 10, Some(10)));
    let (arena, name) = check(allocated_name, (15, false), (Row::W9, Same, 15, Some(15)));
    assert_eq!(bytes(&arena, &name), b"abcdefghi\0\0\0\0\0\0");
    check(allocated_name, (21, true), (Row::W11, New, 10, Some(10)));
    check(allocated_name, (256, true), (Row::W11, New, 10, Some(10)));
}

#[test]
fn immutable_and_frozen_buffers_lose_their_data() {
    let mkdir_name = |arena: &mut Arena| FuseBuffer::immutable_name(arena, "name", b"abcdefghi");
    let frozen = |arena: &mut Arena| {
        let mut name = lookup_name(arena);
        name.flags |= BufferFlags::IMMUTABLE;
        name
    };
    for size in [0, 5, 10, 300] {
        for copy in [false, true] {
            check(mkdir_name, (size, copy), (Row::W1, Null, 10, None));
            check(frozen, (size, copy), (Row::W1, Null, 10, None));
        }
    }
}

#[test]
fn lookup_entries_grow_only_without_copy() {
    let entries = |arena: &mut Arena| FuseBuffer::lookup_entries(arena, "entries");
    check(entries, (24, false), (Row::W9, Same, 24, Some(24)));
    check(entries, (48, false), (Row::W9, Same, 48, Some(48)));
    check(entries, (24, true), (Row::W8, Same, 0, Some(0)));
    for copy in [false, true] {
        check(entries, (0, copy), (Row::W2, Same, 0, Some(0)));
        check(entries, (49, copy), (Row::W4, Null, 0, None));
    }
}

#[test]
fn a_readdir_page_shows_its_old_bytes_when_it_grows() {
    let page = |arena: &mut Arena| {
        let mut page = FuseBuffer::readdir_page(arena, "buffer", b"records and stale bytes");
        page.size = 7;
        page
    };
    for copy in [false, true] {
        check(page, (7, copy), (Row::W2, Same, 7, Some(7)));
        check(page, (3, copy), (Row::W2, Same, 3, Some(3)));
        check(page, (4097, copy), (Row::W4, Null, 7, None));
    }
    let (arena, page_after) = check(page, (23, false), (Row::W9, Same, 23, Some(23)));
    assert_eq!(bytes(&arena, &page_after), b"records and stale bytes");
    check(page, (4096, false), (Row::W9, Same, 4096, Some(4096)));
    check(page, (4096, true), (Row::W8, Same, 7, Some(7)));
}

#[test]
fn a_getxattr_value_is_cut_or_grown_in_the_callers_buffer() {
    let value = |arena: &mut Arena| {
        let mut value = FuseBuffer::out_value(arena, "value", 100);
        value.size = 40;
        value
    };
    for copy in [false, true] {
        check(value, (40, copy), (Row::W2, Same, 40, Some(40)));
        check(value, (4, copy), (Row::W2, Same, 4, Some(4)));
        check(value, (101, copy), (Row::W4, Null, 40, None));
    }
    check(value, (100, false), (Row::W9, Same, 100, Some(100)));
    check(value, (100, true), (Row::W8, Same, 40, Some(40)));
}

#[test]
fn a_failed_getxattr_becomes_a_success_of_the_length_asked_for() {
    let failed = |arena: &mut Arena| {
        let mut value = FuseBuffer::out_value(arena, "value", 100);
        value.size = crate::Errno::ENODATA.negative() as u32;
        value
    };
    for copy in [false, true] {
        check(failed, (4, copy), (Row::W2, Same, 4, Some(4)));
    }
    let mut arena = Arena::new();
    assert_eq!(failed(&mut arena).return_len(), 0xffff_ffc3);
}

/// The constructors are given the shortest name that fits several arguments.
fn owner(_: Op, arg: &str) -> &str {
    arg.rsplit('_').next().unwrap_or(arg)
}

/// The state a constructor makes must be the one the row of the table describes.
fn check_initial(op: Op, arg: &str, make: impl Fn(&mut Arena) -> (FuseBuffer, MemoryKind)) {
    for abi in Abi::POSTED {
        let row: &BufferRow = AbiTable::of(abi).operation(op).buffer(arg).expect("in the table");
        let mut arena = Arena::new();
        let (buffer, kind) = make(&mut arena);
        let inputs = crate::SizeInputs { string_len: 3, size_argument: 100 };
        assert_eq!(
            (buffer.size, buffer.alloc_size, buffer.max_size, buffer.flags),
            (
                row.size.bytes(inputs),
                row.alloc_size.bytes(inputs),
                row.max_size.bytes(inputs),
                row.initial_flags
            ),
            "{abi} {op}.{arg}"
        );
        let memory = buffer.data.expect("has data");
        assert_eq!((arena.kind(memory), arena.owner(memory)), (kind, owner(op, arg)));
        let content = buffer.bytes(&arena).expect("fresh").to_vec();
        let same = FuseBuffer::initial(row, &mut arena, inputs, &content);
        assert_eq!(FuseBuffer { data: buffer.data, ..same }, buffer, "{op}.{arg}");
        let other = same.data.expect("has data");
        assert_eq!((arena.kind(other), arena.owner(other)), (kind, arg));
        assert_eq!(arena.len_of(other), arena.len_of(memory));
        assert_eq!(same.bytes(&arena), buffer.bytes(&arena));
    }
}

#[test]
fn every_initial_state_is_that_of_its_row() {
    use MemoryKind::{Borrowed, Caller, Inline, Page};
    for (op, arg) in [
        (Op::CreateOpen, "name"),
        (Op::Mknod, "name"),
        (Op::Mkdir, "name"),
        (Op::Rmdir, "name"),
        (Op::Rename2, "old_name"),
        (Op::Rename2, "new_name"),
        (Op::Rename, "old_name"),
        (Op::Rename, "new_name"),
        (Op::Unlink, "name"),
        (Op::Symlink, "name"),
    ] {
        check_initial(op, arg, |arena| {
            (FuseBuffer::immutable_name(arena, "name", b"abc"), Borrowed)
        });
    }
    for op in [Op::Getxattr, Op::Setxattr, Op::Removexattr, Op::Lookup, Op::Link, Op::GetLink] {
        check_initial(op, "name", |arena| {
            (FuseBuffer::variable_name(arena, "name", b"abc"), Borrowed)
        });
    }
    check_initial(Op::Symlink, "path", |arena| {
        (FuseBuffer::variable_path(arena, "path", b"abc"), Borrowed)
    });
    check_initial(Op::Setxattr, "value", |arena| {
        (FuseBuffer::variable_value(arena, "value", Some(&[7; 100])), Borrowed)
    });
    for op in [Op::Getxattr, Op::Listxattr] {
        check_initial(op, "value", |arena| (FuseBuffer::out_value(arena, "value", 100), Caller));
    }
    check_initial(Op::Lookup, "entries", |arena| {
        (FuseBuffer::lookup_entries(arena, "entries"), Inline)
    });
    check_initial(Op::Readdir, "buffer", |arena| {
        (FuseBuffer::readdir_page(arena, "buffer", b""), Page)
    });
}

#[test]
fn absent_data_are_null() {
    let mut arena = Arena::new();
    assert_eq!(FuseBuffer::out_value(&mut arena, "value", 0), FuseBuffer::ABSENT);
    let value = FuseBuffer::variable_value(&mut arena, "value", None);
    assert_eq!((value.data, value.size, value.max_size), (None, 0, 65536));
    assert_eq!(value.get_ro_dynptr(&arena).size(), Dynptr::NULL.size());
    assert_eq!(arena.allocations().count(), 0);
}
