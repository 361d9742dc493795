//! The decision table as its words say, over plain numbers. Written from SEMANTICS 5.2 and driven
//! by the rows of the table file, so that it shares nothing with the code it judges.

use crate::description::{Description, WriteableRow, built_in};

/// What the data of a buffer are, seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Data {
    Null,
    Old,
    /// A new zeroed allocation into which so many old bytes were copied.
    Fresh {
        copied: u32,
    },
}

/// A buffer as numbers; flags with the kernel's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) data: Data,
    pub(super) size: u32,
    pub(super) alloc_size: u32,
    pub(super) max_size: u32,
    pub(super) flags: u32,
}

/// A call and whether an allocation would fail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) size: u32,
    pub(super) copy: bool,
    pub(super) fails: bool,
}

/// What the table says about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) row: String,
    /// What the function returns; the state keeps its data when this is NULL.
    pub(super) returned: Data,
    pub(super) after: State,
    /// `None` for a null dynptr. Computed before it is known whether the data are NULL.
    pub(super) dynptr_size: Option<u32>,
}

const IMMUTABLE: u32 = 1;
const VARIABLE_SIZE: u32 = 2;
const MUST_ALLOCATE: u32 = 4;
const MODIFIED: u32 = 8;
const ALLOCATED: u32 = 16;

pub(super) fn rows(version: &str) -> Vec<WriteableRow> {
    let text = built_in(version).expect("built in");
    Description::parse(text).expect("valid").get_writeable
}

/// Whether the condition of a row holds, by its words. `size` is what W6 may have replaced.
fn holds(when: &str, state: &State, size: u32, call: Call) -> bool {
    let is = |flag| state.flags & flag != 0;
    let shrinks = size <= state.size && (!is(MUST_ALLOCATE) || is(ALLOCATED));
    match when {
        "IMMUTABLE" => is(IMMUTABLE),
        "size <= buffer.size and (not MUST_ALLOCATE or ALLOCATED) and VARIABLE_SIZE" => {
            shrinks && is(VARIABLE_SIZE)
        }
        "size <= buffer.size and (not MUST_ALLOCATE or ALLOCATED) and not VARIABLE_SIZE" => {
            shrinks && !is(VARIABLE_SIZE)
        }
        "VARIABLE_SIZE and size > max_size" => is(VARIABLE_SIZE) && size > state.max_size,
        "not VARIABLE_SIZE and size > buffer.size" => !is(VARIABLE_SIZE) && size > state.size,
        "size != buffer.size and size > max_size (unreachable after W4 and W6)" => {
            size != state.size && size > state.max_size
        }
        "size <= alloc_size and copy" => size <= state.alloc_size && call.copy,
        "size <= alloc_size and not copy" => size <= state.alloc_size && !call.copy,
        "size > alloc_size, allocation fails" => size > state.alloc_size && call.fails,
        "size > alloc_size and copy" => size > state.alloc_size && call.copy,
        "size > alloc_size and not copy" => size > state.alloc_size && !call.copy,
        words if words.starts_with("not VARIABLE_SIZE (reached only with") => !is(VARIABLE_SIZE),
        words => panic!("a condition nobody taught the oracle: {words}"),
    }
}

/// The first row that matches, applied.
pub(super) fn answer(rows: &[WriteableRow], state: State, call: Call) -> Answer {
    let mut size = call.size;
    for row in rows {
        if !holds(&row.when, &state, size, call) {
            continue;
        }
        if row.row == "W6" {
            size = state.size;
            continue;
        }
        return apply(row, state, size);
    }
    panic!("no row matches {state:?} {call:?}");
}

fn apply(row: &WriteableRow, state: State, size: u32) -> Answer {
    let mut after = state;
    let copied = if row.data.contains("min(old size, size) bytes copied") {
        state.size.min(size)
    } else {
        0
    };
    let returned = match row.data.as_str() {
        "NULL" => Data::Null,
        "unchanged" => state.data,
        words if words.starts_with("new zeroed allocation") => Data::Fresh { copied },
        words => panic!("unknown data rule: {words}"),
    };
    if returned != Data::Null {
        after.data = returned;
    }
    match row.size.as_str() {
        "unchanged" => {}
        "= size" => after.size = size,
        words => panic!("unknown size rule: {words}"),
    }
    match row.flags.as_str() {
        "unchanged" => {}
        "+MODIFIED" => after.flags |= MODIFIED,
        "+ALLOCATED +MODIFIED, alloc_size = size" => {
            after.flags |= ALLOCATED | MODIFIED;
            after.alloc_size = size;
        }
        words => panic!("unknown flag rule: {words}"),
    }
    let dynptr_size = match row.dynptr_size.as_str() {
        "null dynptr" => None,
        "size" => Some(size),
        "buffer.size" | "old buffer.size" => Some(state.size),
        words => panic!("unknown dynptr rule: {words}"),
    };
    Answer { row: row.row.clone(), returned, after, dynptr_size }
}
