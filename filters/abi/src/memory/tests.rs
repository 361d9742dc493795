//! Arenas on their own; what buffers do with them is tested beside the buffers.

use crate::{Arena, BufferEvent, FaultKind, MemoryKind};

#[test]
fn an_access_is_judged_to_the_byte() {
    let mut arena = Arena::new();
    let memory = arena.insert(MemoryKind::Caller, "value", b"abcd", 4);
    for (offset, len, expected) in [
        (0, 4, Ok(&b"abcd"[..])),
        (1, 3, Ok(&b"bcd"[..])),
        (4, 0, Ok(&b""[..])),
        (99, 0, Ok(&b""[..])),
        (0, 5, Err(FaultKind::PastEnd { end: 4 })),
        (4, 1, Err(FaultKind::PastEnd { end: 4 })),
        (u64::MAX, 2, Err(FaultKind::PastEnd { end: 4 })),
    ] {
        let found = arena.read(memory, offset, len).map_err(|fault| fault.kind);
        assert_eq!(found, expected, "{len} bytes from {offset}");
    }
    assert_eq!(arena.read(None, 0, 1).map_err(|fault| fault.kind), Err(FaultKind::Null));
    assert_eq!(arena.read(None, 0, 0), Ok(&b""[..]));
}

#[test]
fn a_string_may_end_before_the_memory_does_but_not_after() {
    let mut arena = Arena::new();
    let memory = arena.insert(MemoryKind::Private, "name", b"ab\0cd", 5);
    let bare = arena.insert(MemoryKind::Private, "name", b"abc", 3);
    assert_eq!(arena.c_string(memory, 100), Ok(&b"ab"[..]));
    assert_eq!(arena.c_string(memory, 1), Ok(&b"a"[..]));
    assert_eq!(arena.c_string(bare, 3), Ok(&b"abc"[..]));
    let fault = arena.c_string(bare, 4).expect_err("no NUL in three bytes");
    assert_eq!(fault.kind, FaultKind::PastEnd { end: 3 });
    assert_eq!(fault.to_string(), "4 bytes at offset 0 of name#1 end past its 3 bytes");
    arena.free(bare);
    assert_eq!(arena.c_string(bare, 1).map_err(|f| f.kind), Err(FaultKind::Freed));
    assert_eq!(arena.c_string(None, 1).map_err(|f| f.kind), Err(FaultKind::Null));
}

#[test]
fn writing_constant_memory_is_remembered_once() {
    let mut arena = Arena::new();
    let name = arena.insert(MemoryKind::Borrowed, "name", b"abc\0", 4);
    let page = arena.insert(MemoryKind::Page, "buffer", b"", 16);
    arena.write(page, 0, b"x").expect("in range");
    arena.write(name, 4, b"").expect("no bytes");
    assert!(!arena.origin_written(name), "an access of no bytes changes nothing");
    arena.write(name, 0, b"x").expect("in range");
    arena.write(name, 1, b"y").expect("in range");
    assert!(arena.origin_written(name) && !arena.origin_written(page));
    assert_eq!(arena.read(name, 0, 4), Ok(&b"xyc\0"[..]));
    assert_eq!(arena.events(), [BufferEvent::OriginWritten(name)]);
}

#[test]
fn a_refused_write_changes_nothing() {
    let mut arena = Arena::new();
    let name = arena.insert(MemoryKind::Private, "name", b"abc", 3);
    arena.write(name, 2, b"xy").expect_err("one byte too many");
    assert_eq!(arena.read(name, 0, 3), Ok(&b"abc"[..]));
}

#[test]
fn a_reset_arena_counts_from_the_start() {
    let mut arena = Arena::new();
    let first = arena.allocate_private("name", 3).expect("no failure asked for");
    assert_eq!(arena.leaked(), 1);
    arena.reset();
    assert_eq!((arena.leaked(), arena.events().len()), (0, 0));
    assert!(arena.bytes.is_empty(), "or a long run would grow without end");
    assert_eq!(arena.allocate_private("path", 3), Some(first));
    assert_eq!(arena.read(first, 0, 3), Ok(&[0; 3][..]), "memory is zeroed again");
}
