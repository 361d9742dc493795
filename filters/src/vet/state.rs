//! What is known about registers and the stack at one instruction.

use std::collections::{BTreeMap, BTreeSet};

/// Most numbers that a set holds; with more it is any number.
const NUMBERS_MAX: usize = 8;

/// Numbers that a register may hold; none for any.
pub(super) type Numbers = Option<BTreeSet<i64>>;

/// What a pointer that was tested for NULL points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    /// For messages.
    pub(super) what: &'static str,
    /// Bytes, where known.
    pub(super) size: Option<u64>,
    pub(super) is_read_only: bool,
    /// The instruction that gave it; copies have the same.
    pub(super) id: usize,
}

/// What a register holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing that may be read.
    Unset,
    Number(Numbers),
    /// The array of arguments, at a byte.
    Context(i64),
    /// An argument of the member, at a byte where that is known.
    Argument(usize, Option<i64>),
    /// The frame, below its end.
    Stack(Option<i64>),
    /// A map, by its index.
    Map(usize),
    /// Memory or NULL.
    Maybe(Memory),
    /// Memory at a byte where that is known.
    Pointer(Memory, Option<i64>),
    /// Something that is not followed.
    Other,
}

impl Value {
    pub(super) fn number(number: i64) -> Value {
        Value::Number(Some(BTreeSet::from([number])))
    }

    pub(super) const ANY: Value = Value::Number(None);

    /// The only number it can be.
    pub(super) fn single(&self) -> Option<i64> {
        match self {
            Value::Number(Some(set)) if set.len() == 1 => set.first().copied(),
            _ => None,
        }
    }

    /// What is known when either may be the case.
    fn join(&self, other: &Value) -> Value {
        match (self, other) {
            (a, b) if a == b => a.clone(),
            (Value::Unset, _) | (_, Value::Unset) => Value::Unset,
            (Value::Number(a), Value::Number(b)) => Value::Number(union(a, b)),
            (Value::Argument(a, _), Value::Argument(b, _)) if a == b => Value::Argument(*a, None),
            (Value::Stack(_), Value::Stack(_)) => Value::Stack(None),
            (Value::Pointer(a, _), Value::Pointer(b, _)) if a == b => Value::Pointer(*a, None),
            _ => Value::Other,
        }
    }
}

pub(super) fn union(a: &Numbers, b: &Numbers) -> Numbers {
    let (Some(a), Some(b)) = (a, b) else { return None };
    limited(a.union(b).copied().collect())
}

pub(super) fn limited(set: BTreeSet<i64>) -> Numbers {
    (set.len() <= NUMBERS_MAX).then_some(set)
}

/// Registers and spilled words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) registers: [Value; 11],
    /// Words stored as a whole, by their offset from the end of the frame.
    pub(super) spilled: BTreeMap<i64, Value>,
}

impl State {
    /// At the start of a member: r1 is the context.
    pub(super) fn start() -> State {
        let mut registers = [const { Value::Unset }; 11];
        registers[1] = Value::Context(0);
        registers[10] = Value::Stack(Some(0));
        State { registers, spilled: BTreeMap::new() }
    }

    /// What is known after either state.
    pub(super) fn join(&self, other: &State) -> State {
        let mut joined = self.clone();
        for (mine, theirs) in joined.registers.iter_mut().zip(&other.registers) {
            *mine = mine.join(theirs);
        }
        joined.spilled.retain(|at, value| match other.spilled.get(at) {
            Some(theirs) => {
                *value = value.join(theirs);
                true
            }
            None => false,
        });
        joined
    }

    /// After a test of a pointer for NULL, for it and all its copies.
    pub(super) fn settle(&mut self, id: usize, is_null: bool) {
        let settle = |value: &mut Value| {
            if let Value::Maybe(memory) = value
                && memory.id == id
            {
                *value = if is_null { Value::number(0) } else { Value::Pointer(*memory, Some(0)) };
            }
        };
        self.registers.iter_mut().for_each(settle);
        self.spilled.values_mut().for_each(settle);
    }
}
