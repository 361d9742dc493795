//! The quirks of buffers that need more than one call.

use crate::{
    AllocFailures, Arena, BufferEvent, BufferFlags, FaultKind, FuseBuffer, MemoryKind, Row,
};

fn name(arena: &mut Arena) -> FuseBuffer {
    FuseBuffer::variable_name(arena, "name", b"abc")
}

#[test]
fn buf_1_a_name_is_lengthened_in_two_calls() {
    let mut arena = Arena::new();
    let mut name = name(&mut arena);
    let dynptr = name.get_rw_dynptr(&mut arena, 6, true);
    assert_eq!(dynptr.size(), 4, "one call leaves the old size");
    assert_eq!(dynptr.write(&mut arena, 0, b"abcde\0", 0).code, -7);
    let dynptr = name.get_rw_dynptr(&mut arena, 6, false);
    assert_eq!(dynptr.size(), 6);
    assert_eq!(dynptr.write(&mut arena, 3, b"de\0", 0).code, 0);
    assert_eq!(name.c_string(&arena), Ok(&b"abcde"[..]));
    name.free_allocated(&mut arena);
    assert_eq!(arena.leaked(), 0);
}

#[test]
fn buf_2_a_refused_call_loses_the_data_and_leaks_an_allocation() {
    let mut arena = Arena::new();
    let mut name = name(&mut arena);
    name.get_rw_dynptr(&mut arena, 3, false);
    let before = name;
    assert!(name.get_rw_dynptr(&mut arena, 257, false).is_null());
    assert_eq!(name, FuseBuffer { data: None, ..before }, "only the data change");
    let fault = name.c_string(&arena).expect_err("NULL");
    assert_eq!(fault.kind, FaultKind::Null);
    assert!(name.get_rw_dynptr(&mut arena, 2, false).is_null(), "W2 hands the NULL out again");
    name.free_allocated(&mut arena);
    assert_eq!(arena.leaked(), 1);
    let lost = arena.leaks().next().expect("one leak");
    assert_eq!((arena.owner(lost), arena.generation(lost)), ("name", 1));
}

#[test]
fn buf_2_does_not_happen_on_the_daemon_path() {
    let mut arena = Arena::new();
    let mut name = name(&mut arena);
    name.get_rw_dynptr(&mut arena, 3, false);
    let before = name;
    assert_eq!(name.get_writeable(&mut arena, 257, true).memory, None);
    assert_eq!(name, before);
    name.free_allocated(&mut arena);
    assert_eq!(arena.leaked(), 0);
}

#[test]
fn a_failed_allocation_is_row_w10_and_keeps_everything() {
    let mut arena = Arena::new();
    let mut name = name(&mut arena);
    arena.fail_allocations(AllocFailures::Always);
    let before = name;
    let answer = name.get_writeable(&mut arena, 6, true);
    assert_eq!((answer.row, answer.memory, answer.fault), (Row::W10, None, None));
    assert_eq!(name, before);
}

#[test]
fn buf_13_an_older_dynptr_keeps_pointing_at_freed_memory() {
    let mut arena = Arena::new();
    let mut name = name(&mut arena);
    let older = name.get_rw_dynptr(&mut arena, 4, true);
    let newer = name.get_rw_dynptr(&mut arena, 8, true);
    assert_ne!(older.memory(), newer.memory());
    let access = older.write(&mut arena, 0, b"x", 0);
    assert_eq!(access.code, 0, "the kernel reports success");
    assert_eq!(access.fault.map(|fault| fault.kind), Some(FaultKind::Freed));
    let mut text = [0; 4];
    let access = older.read(&arena, &mut text, 0, 0);
    assert_eq!((access.code, access.fault.map(|f| f.kind)), (0, Some(FaultKind::Freed)));
    assert_eq!(&text, b"abc\0", "what is still there; the write went nowhere");
    assert_eq!(name.c_string(&arena), Ok(&b"abc"[..]));
    let read = arena.read(older.memory(), 0, 1).map_err(|fault| fault.kind);
    assert_eq!(read, Err(FaultKind::Freed));
}

#[test]
fn buf_13_an_older_dynptr_over_the_original_is_harmless() {
    let mut arena = Arena::new();
    let mut name = name(&mut arena);
    let original = name.get_ro_dynptr(&arena);
    name.get_rw_dynptr(&mut arena, 4, false);
    let mut text = [0; 3];
    let access = original.read(&arena, &mut text, 0, 0);
    assert_eq!((access.code, access.fault, &text), (0, None, b"abc"));
}

#[test]
fn buf_15_size_zero_with_copy_opens_the_original() {
    let mut arena = Arena::new();
    let mut name = name(&mut arena);
    let origin = name.data.expect("has data");
    let dynptr = name.get_rw_dynptr(&mut arena, 0, true);
    assert_eq!((dynptr.memory(), dynptr.size()), (Some(origin), 4));
    assert!(name.flags.contains(BufferFlags::MODIFIED));
    assert!(!arena.origin_written(origin), "handing it out is not writing");
    assert_eq!(dynptr.write(&mut arena, 0, b"xy", 0).code, 0);
    assert!(arena.origin_written(origin));
    assert_eq!(arena.kind(origin), MemoryKind::Borrowed);
    assert_eq!(name.c_string(&arena), Ok(&b"xyc"[..]));
    assert!(arena.events().contains(&BufferEvent::OriginWritten(origin)));
}

#[test]
fn buf_15_size_zero_without_copy_empties_the_buffer() {
    let mut arena = Arena::new();
    let mut name = name(&mut arena);
    let origin = name.data;
    let dynptr = name.get_rw_dynptr(&mut arena, 0, false);
    assert_eq!((dynptr.memory(), dynptr.size(), name.size), (origin, 0, 0));
    assert_eq!(name.c_string(&arena), Ok(&b""[..]));
}

#[test]
fn buf_15_keeps_later_calls_on_the_original_because_nothing_was_allocated() {
    let mut arena = Arena::new();
    let mut name = name(&mut arena);
    name.get_rw_dynptr(&mut arena, 0, true);
    let answer = name.get_writeable(&mut arena, 4, true);
    assert_eq!(answer.row, Row::W11, "a real size still allocates");
}

#[test]
fn buf_16_a_shrinking_copy_leaves_a_size_larger_than_the_memory() {
    let mut arena = Arena::new();
    let mut name = FuseBuffer::variable_name(&mut arena, "name", b"abcdefghi");
    let dynptr = name.get_rw_dynptr(&mut arena, 3, true);
    assert_eq!((dynptr.size(), name.size, name.alloc_size), (10, 10, 3));
    let past = FaultKind::PastEnd { end: 3 };
    let fault = name.c_string(&arena).expect_err("three letters without a NUL");
    assert_eq!((fault.kind, fault.len), (past, 10));
    let mut text = [1; 10];
    let access = dynptr.read(&arena, &mut text, 0, 0);
    assert_eq!((access.code, access.fault.map(|fault| fault.kind)), (0, Some(past)));
    assert_eq!(&text, b"abc\0\0\0\0\0\0\0", "what exists, then nothing that is known");
    let access = dynptr.write(&mut arena, 2, b"xyz", 0);
    assert_eq!((access.code, access.fault.map(|fault| fault.kind)), (0, Some(past)));
    assert_eq!(arena.read(name.data, 0, 3), Ok(&b"abx"[..]), "the byte that exists was written");
}

#[test]
fn buf_16_a_nul_inside_the_memory_hides_the_over_read_from_strnlen() {
    let mut arena = Arena::new();
    let mut name = FuseBuffer::variable_name(&mut arena, "name", b"ab");
    name.get_rw_dynptr(&mut arena, 2, true);
    let dynptr = name.get_rw_dynptr(&mut arena, 2, false);
    assert_eq!(dynptr.write(&mut arena, 1, b"\0", 0).code, 0);
    assert_eq!(name.c_string(&arena), Ok(&b"a"[..]));
}

#[test]
fn buf_16_a_later_copy_reads_past_the_short_allocation() {
    let mut arena = Arena::new();
    let mut name = FuseBuffer::variable_name(&mut arena, "name", b"abcdefghi");
    name.get_rw_dynptr(&mut arena, 3, true);
    let answer = name.get_writeable(&mut arena, 20, true);
    assert_eq!(answer.row, Row::W11);
    let fault = answer.fault.expect("ten bytes are copied from three");
    assert_eq!((fault.kind, fault.len), (FaultKind::PastEnd { end: 3 }, 10));
    assert!(arena.events().contains(&BufferEvent::Fault(fault)));
    assert_eq!(arena.read(name.data, 0, 4), Ok(&b"abc\0"[..]));
}

#[test]
fn copying_from_null_is_a_fault_of_the_kernel() {
    let mut arena = Arena::new();
    let mut name = name(&mut arena);
    name.get_rw_dynptr(&mut arena, 257, false);
    let answer = name.get_writeable(&mut arena, 4, true);
    assert_eq!(answer.row, Row::W11);
    assert_eq!(answer.fault.map(|fault| fault.kind), Some(FaultKind::Null));
}
