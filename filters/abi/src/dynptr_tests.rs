//! The table of SEMANTICS 5.3: codes and the order of checks.

use crate::{Arena, BufferFlags, Dynptr, Errno, FuseBuffer};

const EINVAL: i32 = -22;
const E2BIG: i32 = -7;
const ERANGE: i32 = -34;
const EFAULT: i32 = -14;

struct Views {
    arena: Arena,
    rw: Dynptr,
    ro: Dynptr,
}

/// Ten bytes, `0123456789`, seen through both kinds of dynptr.
fn views() -> Views {
    let mut arena = Arena::new();
    let mut value = FuseBuffer::variable_value(&mut arena, "value", Some(b"0123456789"));
    let ro = value.get_ro_dynptr(&arena);
    value.flags.remove(BufferFlags::MUST_ALLOCATE);
    let rw = value.get_rw_dynptr(&mut arena, 10, true);
    Views { arena, rw, ro }
}

/// A dynptr of a buffer whose size is a negative errno (N10).
fn corrupt() -> (Arena, Dynptr) {
    let mut arena = Arena::new();
    let mut value = FuseBuffer::out_value(&mut arena, "value", 16);
    value.size = Errno::ENODATA.negative() as u32;
    let dynptr = value.get_ro_dynptr(&arena);
    (arena, dynptr)
}

#[test]
fn read_checks_null_and_flags_before_the_range() {
    let Views { arena, rw, ro } = views();
    let check = |dynptr: Dynptr, offset: u32, len: usize, flags: u64, expected: i32| {
        let mut text = vec![b'?'; len];
        let access = dynptr.read(&arena, &mut text, offset, flags);
        assert_eq!((access.code, access.fault), (expected, None), "{len} from {offset}");
        if expected == 0 {
            assert_eq!(text, &b"0123456789"[offset as usize..offset as usize + len]);
        } else {
            assert_eq!(text, vec![b'?'; len], "untouched");
        }
    };
    for dynptr in [rw, ro] {
        check(dynptr, 0, 10, 0, 0);
        check(dynptr, 4, 6, 0, 0);
        check(dynptr, 10, 0, 0, 0);
        check(dynptr, 0, 11, 0, E2BIG);
        check(dynptr, 5, 6, 0, E2BIG);
        check(dynptr, 11, 0, 0, E2BIG);
        check(dynptr, u32::MAX, 2, 0, E2BIG);
        check(dynptr, 0, 10, 1, EINVAL);
        check(dynptr, 0, 11, 1, EINVAL);
    }
    check(Dynptr::NULL, 0, 0, 0, EINVAL);
    check(Dynptr::NULL, 0, 11, 0, EINVAL);
}

#[test]
fn write_checks_null_and_rdonly_then_the_range_then_flags() {
    let Views { mut arena, rw, ro } = views();
    let mut check = |dynptr: Dynptr, offset: u32, src: &[u8], flags: u64, expected: i32| {
        let access = dynptr.write(&mut arena, offset, src, flags);
        assert_eq!((access.code, access.fault), (expected, None));
    };
    check(rw, 11, b"", 1, E2BIG);
    check(rw, 9, b"ab", 1, E2BIG);
    check(rw, 8, b"ab", 1, EINVAL);
    check(rw, 8, b"ab", 0, 0);
    check(ro, 8, b"cd", 0, EINVAL);
    check(ro, 11, b"", 0, EINVAL);
    check(Dynptr::NULL, 0, b"", 0, EINVAL);
    let mut text = [0; 10];
    assert_eq!(ro.read(&arena, &mut text, 0, 0).code, 0);
    assert_eq!(&text, b"01234567ab");
}

#[test]
fn pointers_are_null_when_null_out_of_range_or_of_the_wrong_kind() {
    let Views { rw, ro, .. } = views();
    let window = |pointer: crate::Pointer| (pointer.offset, pointer.len, pointer.writable);
    assert_eq!(rw.data(2, 8).map(window), Some((2, 8, true)));
    assert_eq!(rw.slice(2, 8).map(window), Some((2, 8, false)));
    assert_eq!(rw.slice_rdwr(0, 0).map(window), Some((0, 0, true)));
    assert_eq!(ro.slice(10, 0).map(window), Some((10, 0, false)));
    assert_eq!((ro.data(0, 1), ro.slice_rdwr(0, 1)), (None, None));
    for dynptr in [rw, ro, Dynptr::NULL] {
        assert_eq!((dynptr.data(2, 9), dynptr.slice(2, 9)), (None, None));
        assert_eq!(dynptr.slice_rdwr(11, 0), None);
    }
    assert_eq!((Dynptr::NULL.data(0, 0), Dynptr::NULL.slice(0, 0)), (None, None));
}

#[test]
fn adjust_narrows_the_window_and_keeps_the_rest() {
    let Views { arena, mut rw, mut ro } = views();
    for dynptr in [&mut rw, &mut ro] {
        let rdonly = dynptr.is_rdonly();
        for (start, end, expected) in
            [(3, 2, EINVAL), (12, 11, EINVAL), (11, 11, ERANGE), (0, 11, ERANGE), (2, 8, 0)]
        {
            assert_eq!(dynptr.adjust(start, end), expected, "{start}..{end}");
        }
        assert_eq!((dynptr.size(), dynptr.offset(), dynptr.is_rdonly()), (6, 2, rdonly));
        assert_eq!(dynptr.adjust(1, 3), 0);
        let mut text = [0; 2];
        assert_eq!(dynptr.read(&arena, &mut text, 0, 0).code, 0);
        assert_eq!(&text, b"34");
        assert_eq!(dynptr.slice(1, 1).map(|pointer| pointer.offset), Some(4));
        assert_eq!(dynptr.read(&arena, &mut text, 1, 0).code, E2BIG);
        assert_eq!(dynptr.adjust(2, 2), 0);
        assert_eq!((dynptr.size(), dynptr.is_null()), (0, false));
    }
    assert_eq!(Dynptr::NULL.clone().adjust(0, 0), EINVAL);
}

#[test]
fn questions_about_a_null_dynptr_have_their_own_answers() {
    let Views { rw, ro, .. } = views();
    let ask = |dynptr: Dynptr| (dynptr.is_null(), dynptr.is_rdonly(), dynptr.size());
    assert_eq!(ask(rw), (false, false, 10));
    assert_eq!(ask(ro), (false, true, 10));
    assert_eq!(ask(Dynptr::NULL), (true, false, 0xffff_ffea));
    assert_eq!(ro.clone_dynptr(), (0, ro));
    assert_eq!(Dynptr::NULL.clone_dynptr(), (EINVAL, Dynptr::NULL));
    let over_null = FuseBuffer { size: 9, ..FuseBuffer::ABSENT }.get_ro_dynptr(&Arena::new());
    assert_eq!(ask(over_null), (true, false, 0xffff_ffea));
    assert_eq!(over_null.clone_dynptr(), (EINVAL, Dynptr::NULL));
}

#[test]
fn n10_a_huge_size_overwrites_the_type() {
    let (mut arena, dynptr) = corrupt();
    assert!(dynptr.is_corrupt() && dynptr.is_rdonly() && !dynptr.is_null());
    assert_eq!(dynptr.word(), 0xffff_ffc3);
    assert_eq!(dynptr.size(), 0x00ff_ffc3);
    let mut text = [7; 4];
    let access = dynptr.read(&arena, &mut text, 0, 0);
    assert_eq!((access.code, access.fault, text), (EFAULT, None, [7; 4]));
    assert_eq!(dynptr.read(&arena, &mut text, 0x00ff_ffc0, 0).code, E2BIG, "the range comes first");
    assert_eq!(dynptr.read(&arena, &mut text, 0, 1).code, EINVAL);
    assert_eq!(dynptr.slice(0, 4), None);
    assert_eq!(dynptr.data(0, 4), None);
    assert_eq!(dynptr.write(&mut arena, 0, b"x", 0).code, EINVAL, "the top bit reads as rdonly");
}

#[test]
fn a_size_above_24_bits_is_masked() {
    let mut arena = Arena::new();
    let mut value = FuseBuffer::out_value(&mut arena, "value", 16);
    value.size = (1 << 24) + 5;
    let dynptr = value.get_ro_dynptr(&arena);
    assert_eq!((dynptr.size(), dynptr.is_corrupt()), (5, false));
}

#[test]
fn a_dynptr_is_made_again_from_its_words() {
    let Views { mut rw, .. } = views();
    assert_eq!(rw.adjust(2, 5), 0);
    assert_eq!(Dynptr::from_parts(rw.memory(), rw.word(), rw.offset()), rw);
}
