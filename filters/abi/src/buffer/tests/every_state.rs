//! `get_writeable` in every state with small numbers, against the oracle.

use std::collections::BTreeMap;

use super::oracle::{Answer, Call, Data, State, answer, rows};
use crate::description::WriteableRow;
use crate::{
    AllocFailures, Arena, BufferFlags, Dynptr, FaultKind, FuseBuffer, MemoryId, MemoryKind,
};

const LARGEST_SIZE: u32 = 4;
const LARGEST_REQUEST: u32 = 6;
const OLD_BYTES: [u8; 5] = [11, 12, 13, 14, 15];

/// Every state a buffer can be in with sizes up to four, reachable or not.
fn states() -> impl Iterator<Item = State> {
    (0..64_u32).flat_map(|bits| {
        let data = if bits & 32 == 0 { Data::Old } else { Data::Null };
        let sizes = 0..=LARGEST_SIZE;
        sizes.clone().flat_map(move |size| {
            (0..=LARGEST_SIZE).flat_map(move |alloc_size| {
                (0..=LARGEST_SIZE).map(move |max_size| State {
                    data,
                    size,
                    alloc_size,
                    max_size,
                    flags: bits & 31,
                })
            })
        })
    })
}

fn calls() -> impl Iterator<Item = Call> {
    (0..=LARGEST_REQUEST).flat_map(|size| {
        [(false, false), (false, true), (true, false), (true, true)]
            .into_iter()
            .map(move |(copy, fails)| Call { size, copy, fails })
    })
}

/// Builds the state. A private allocation is as long as it says, everything else is long enough.
fn build(arena: &mut Arena, state: State) -> FuseBuffer {
    let flags = BufferFlags::from_bits(state.flags).expect("five bits");
    let (kind, len) = if flags.contains(BufferFlags::ALLOCATED) {
        (MemoryKind::Private, state.alloc_size)
    } else {
        (MemoryKind::Caller, state.size.max(state.alloc_size))
    };
    let old = (state.data == Data::Old)
        .then(|| arena.insert(kind, "buffer", &OLD_BYTES[..len as usize], len));
    FuseBuffer {
        data: old,
        size: state.size,
        alloc_size: state.alloc_size,
        max_size: state.max_size,
        flags,
    }
}

/// What the code did, in the oracle's words.
fn classify(arena: &Arena, old: Option<MemoryId>, now: Option<MemoryId>, copied: u32) -> Data {
    match now {
        None => Data::Null,
        Some(memory) if Some(memory) == old => Data::Old,
        Some(memory) => {
            let bytes = arena.read(memory, 0, arena.len_of(memory).into()).expect("alive");
            let source = old.map_or(0, |old| arena.len_of(old)).min(copied) as usize;
            assert_eq!(bytes[..source], OLD_BYTES[..source], "old bytes were not copied");
            assert!(bytes[source..].iter().all(|byte| *byte == 0), "the rest is not zero");
            Data::Fresh { copied }
        }
    }
}

fn compare(rows: &[WriteableRow], arena: &mut Arena, state: State, call: Call) -> Answer {
    let expected = answer(rows, state, call);
    arena.reset();
    let mut buffer = build(arena, state);
    let old = buffer.data;
    if call.fails {
        arena.fail_allocations(AllocFailures::Always);
    }
    let found = buffer.get_writeable(arena, call.size.into(), call.copy);
    assert_eq!(found.row.name(), expected.row);
    let copied = match expected.returned {
        Data::Fresh { copied } => copied,
        Data::Null | Data::Old => 0,
    };
    let after = State {
        data: classify(arena, old, buffer.data, copied),
        size: buffer.size,
        alloc_size: buffer.alloc_size,
        max_size: buffer.max_size,
        flags: buffer.flags.bits(),
    };
    assert_eq!(classify(arena, old, found.memory, copied), expected.returned);
    assert_eq!(after, expected.after);
    check_memory(arena, state, old, &expected, found.fault.map(|fault| fault.kind));
    check_kfunc(arena, state, call, &expected);
    expected
}

/// Who was freed, what leaks, and whether the kernel's own copy read too far.
fn check_memory(
    arena: &mut Arena,
    state: State,
    old: Option<MemoryId>,
    expected: &Answer,
    fault: Option<FaultKind>,
) {
    let was_private = state.flags & BufferFlags::ALLOCATED.bits() != 0;
    let replaced = matches!(expected.returned, Data::Fresh { .. });
    if let Some(old) = old {
        assert_eq!(arena.is_freed(old), was_private && replaced);
    }
    let held = u32::from(was_private && old.is_some() && !replaced) + u32::from(replaced);
    assert_eq!(arena.leaked(), held as usize);
    let copied = match expected.returned {
        Data::Fresh { copied } => copied,
        Data::Null | Data::Old => 0,
    };
    let wanted = match old.map(|old| arena.len_of(old)) {
        _ if copied == 0 => None,
        None => Some(FaultKind::Null),
        Some(len) if copied > len => Some(FaultKind::PastEnd { end: len.into() }),
        Some(_) => None,
    };
    assert_eq!(fault, wanted);
}

/// The kfunc does the same and stores the answer, NULL included.
fn check_kfunc(arena: &mut Arena, state: State, call: Call, expected: &Answer) {
    arena.reset();
    let mut buffer = build(arena, state);
    if call.fails {
        arena.fail_allocations(AllocFailures::Always);
    }
    let dynptr = buffer.get_rw_dynptr(arena, call.size.into(), call.copy);
    assert_eq!(buffer.data.is_none(), expected.returned == Data::Null);
    assert_eq!((buffer.size, buffer.flags.bits()), (expected.after.size, expected.after.flags));
    assert_eq!(dynptr.memory(), buffer.data);
    match expected.dynptr_size.filter(|_| expected.returned != Data::Null) {
        Some(size) => assert_eq!((dynptr.size(), dynptr.is_rdonly()), (size, false)),
        None => assert_eq!(dynptr.size(), Dynptr::NULL.size()),
    }
    buffer.free_allocated(arena);
    let lost = state.flags & BufferFlags::ALLOCATED.bits() != 0
        && state.data == Data::Old
        && expected.returned == Data::Null;
    assert_eq!(arena.leaked(), usize::from(lost), "only BUF-2 leaks");
}

#[test]
fn every_state_and_call_does_what_the_table_says() {
    for version in ["v3", "v4"] {
        let rows = rows(version);
        let mut arena = Arena::new();
        let mut reached: BTreeMap<String, u32> = BTreeMap::new();
        for state in states() {
            for call in calls() {
                let answer = compare(&rows, &mut arena, state, call);
                *reached.entry(answer.row).or_default() += 1;
            }
        }
        let reached: Vec<&str> = reached.keys().map(String::as_str).collect();
        let expected = ["W1", "W10", "W11", "W12", "W2", "W3", "W4", "W5", "W8", "W9"];
        assert_eq!(reached, expected, "{version}: W6 never decides and W7 is unreachable");
    }
}

#[test]
fn a_size_above_32_bits_is_compared_before_it_is_cut() {
    let mut arena = Arena::new();
    let mut name = FuseBuffer::variable_name(&mut arena, "name", b"abc");
    let answer = name.get_writeable(&mut arena, (1 << 32) + 2, false);
    assert_eq!(answer.row, crate::Row::W4);
    let mut fixed = FuseBuffer { flags: BufferFlags::empty(), ..name };
    let answer = fixed.get_writeable(&mut arena, u64::MAX, false);
    assert_eq!(answer.row, crate::Row::W5);
}

#[test]
fn both_versions_have_the_same_decision_table() {
    assert_eq!(rows("v3"), rows("v4"));
}
