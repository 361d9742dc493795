//! One instruction: what is known after it, and what is wrong with it.

use std::collections::BTreeSet;

use super::finding::VetClass;
use super::flow::Walk;
use super::state::{Memory, State, Value, limited};
use crate::program::{Insn, POISON_IMM, PSEUDO_KFUNC, PSEUDO_MAP, PSEUDO_MAP_VALUE};

/// Furthest that a pointer is followed; kernels have the same limit (`BPF_MAX_VAR_OFF`).
const OFFSET_MAX: i64 = 1 << 29;

/// Instructions that may follow, each with what is known there.
pub(super) type Next = Vec<(usize, State)>;

impl Walk<'_> {
    pub(super) fn step(&mut self, at: usize, mut state: State) -> Next {
        let Some(insn) = self.insn(at) else { return Vec::new() };
        match insn.code & 7 {
            0 => {
                let value = self.wide(at, insn);
                state.registers[usize::from(insn.dst.min(9))] = value;
                vec![(at + 2, state)]
            }
            1 => {
                let base = self.read(at, &state, insn.src);
                let value = self.load(at, insn, &base, &state);
                state.registers[usize::from(insn.dst.min(9))] = value;
                vec![(at + 1, state)]
            }
            2 | 3 => {
                let base = self.read(at, &state, insn.dst);
                let value = match insn.code & 7 {
                    2 => Value::number(insn.imm.into()),
                    _ => self.read(at, &state, insn.src),
                };
                self.store(at, insn, &base, value, &mut state);
                vec![(at + 1, state)]
            }
            4 | 7 => {
                let value = self.arithmetic(at, insn, &state);
                state.registers[usize::from(insn.dst.min(9))] = value;
                vec![(at + 1, state)]
            }
            _ => self.jump(at, insn, state),
        }
    }

    /// A register that is read.
    pub(super) fn read(&mut self, at: usize, state: &State, register: u8) -> Value {
        let value = state.registers.get(usize::from(register)).cloned().unwrap_or(Value::Other);
        if value == Value::Unset {
            let text = format!("r{register} is read, and nothing was put into it");
            self.find(at, VetClass::Refused, None, text);
            return Value::Other;
        }
        value
    }

    fn wide(&self, at: usize, insn: Insn) -> Value {
        let high = self.insn(at + 1).map_or(0, |second| second.imm);
        match insn.src {
            0 => Value::number((i64::from(high) << 32) | i64::from(insn.imm.cast_unsigned())),
            PSEUDO_MAP => Value::Map(usize::try_from(insn.imm).unwrap_or(usize::MAX)),
            PSEUDO_MAP_VALUE => {
                let map = usize::try_from(insn.imm).ok();
                let def = map.and_then(|map| self.linked.maps.get(map));
                let memory = Memory {
                    what: "data section",
                    size: def.map(|def| def.value_size.into()),
                    is_read_only: def
                        .is_some_and(|def| def.data == crate::program::DataKind::ReadOnly),
                    id: at,
                };
                Value::Pointer(memory, Some(high.into()))
            }
            _ => Value::Other,
        }
    }

    fn arithmetic(&mut self, at: usize, insn: Insn, state: &State) -> Value {
        let is_64 = insn.code & 7 == 7;
        let operation = insn.code >> 4;
        let right = match (insn.code & 8, operation) {
            (_, 0x8 | 0xd) => Value::number(0),
            (0, _) => Value::number(insn.imm.into()),
            _ => self.read(at, state, insn.src),
        };
        if operation == 0xb && insn.off == 0 {
            return if is_64 { right } else { narrow(right) };
        }
        let left = match operation {
            0xb => right.clone(),
            // The compiler's way to make 0.
            0xa if insn.code & 8 != 0 && insn.src == insn.dst => return Value::number(0),
            _ => self.read(at, state, insn.dst),
        };
        let moved = |offset: Option<i64>| {
            let offset = match (operation, right.single()) {
                (0x0, Some(by)) => offset.and_then(|offset| offset.checked_add(by)),
                (0x1, Some(by)) => offset.and_then(|offset| offset.checked_sub(by)),
                _ => None,
            };
            // What lies further away is no offset into anything, and sums must not overflow.
            offset.filter(|offset| (-OFFSET_MAX..=OFFSET_MAX).contains(offset))
        };
        match (&left, operation) {
            (Value::Stack(offset), 0x0 | 0x1) if is_64 => Value::Stack(moved(*offset)),
            (Value::Argument(arg, offset), 0x0 | 0x1) if is_64 => {
                Value::Argument(*arg, moved(*offset))
            }
            (Value::Pointer(memory, offset), 0x0 | 0x1) if is_64 => {
                Value::Pointer(*memory, moved(*offset))
            }
            (Value::Context(offset), 0x0 | 0x1) if is_64 => {
                moved(Some(*offset)).map_or(Value::Other, Value::Context)
            }
            (Value::Number(Some(left)), _) => match &right {
                Value::Number(Some(right)) => numbers(insn, left, right, is_64),
                _ => Value::ANY,
            },
            (Value::Number(None), _) => match right {
                // Adding a number to a pointer is the same the other way round.
                Value::Number(_) => Value::ANY,
                _ => Value::Other,
            },
            _ => Value::Other,
        }
    }

    fn jump(&mut self, at: usize, insn: Insn, mut state: State) -> Next {
        let target =
            |distance: i64| usize::try_from(at as i64 + 1 + distance).unwrap_or(usize::MAX);
        match insn.code {
            0x95 => {
                let value = self.read(at, &state, 0);
                self.answer(&value);
                return Vec::new();
            }
            0x85 => {
                if insn.src == 0 && insn.imm == POISON_IMM {
                    return Vec::new();
                }
                self.call(at, insn, &mut state);
                return vec![(at + 1, state)];
            }
            0x05 => return vec![(target(insn.off.into()), state)],
            0x06 => return vec![(target(insn.imm.into()), state)],
            _ => {}
        }
        let left = self.read(at, &state, insn.dst);
        let right = match insn.code & 8 {
            0 => Value::number(insn.imm.into()),
            _ => self.read(at, &state, insn.src),
        };
        let taken = target(insn.off.into());
        let (mut yes, mut no) = (state.clone(), state);
        let equal = insn.code >> 4 == 0x1;
        if equal || insn.code >> 4 == 0x5 {
            let (same, other) = if equal { (&mut yes, &mut no) } else { (&mut no, &mut yes) };
            if let (Value::Maybe(memory), Some(0)) = (&left, right.single()) {
                same.settle(memory.id, true);
                other.settle(memory.id, false);
            }
            if let (Value::Number(set), Some(number)) = (&left, right.single()) {
                let dst = usize::from(insn.dst.min(9));
                let possible = set.as_ref().is_none_or(|set| set.contains(&number));
                let rest = set.clone().map(|mut set| {
                    set.remove(&number);
                    set
                });
                let forced = rest.as_ref().is_some_and(BTreeSet::is_empty);
                same.registers[dst] = Value::number(number);
                other.registers[dst] = Value::Number(rest);
                let (same_at, other_at) = if equal { (taken, at + 1) } else { (at + 1, taken) };
                let (same, other) = if equal { (yes, no) } else { (no, yes) };
                let mut next = Vec::new();
                next.extend(possible.then_some((same_at, same)));
                next.extend((!forced).then_some((other_at, other)));
                return next;
            }
        }
        vec![(taken, yes), (at + 1, no)]
    }

    fn call(&mut self, at: usize, insn: Insn, state: &mut State) {
        let result = match insn.src {
            0 => self.helper(at, insn.imm, state),
            PSEUDO_KFUNC => {
                let index = usize::try_from(insn.imm).ok();
                let name = index.and_then(|index| self.linked.kfuncs.get(index)).cloned();
                self.kernel_function(at, name.as_deref().unwrap_or(""), state)
            }
            _ => {
                let text = "the called function is not followed".to_owned();
                self.find(at, VetClass::Unproven, None, text);
                Value::ANY
            }
        };
        state.registers[1..6].fill(Value::Unset);
        state.registers[0] = result;
        // Whoever was given a pointer to the frame may have written there.
        state.spilled.retain(|_, value| !matches!(value, Value::Number(_)));
    }
}

/// Only the low half counts.
fn narrow(value: Value) -> Value {
    match value {
        Value::Number(Some(set)) => {
            Value::Number(limited(set.into_iter().map(|number| i64::from(number as u32)).collect()))
        }
        Value::Number(None) => Value::ANY,
        _ => Value::Other,
    }
}

/// Arithmetic on all pairs of two small sets.
fn numbers(insn: Insn, left: &BTreeSet<i64>, right: &BTreeSet<i64>, is_64: bool) -> Value {
    let mut set = BTreeSet::new();
    for a in left {
        for b in right {
            let shift = (*b as u32) & if is_64 { 63 } else { 31 };
            let low = if is_64 { *a } else { i64::from(*a as u32) };
            let result = match insn.code >> 4 {
                0x0 => a.wrapping_add(*b),
                0x1 => a.wrapping_sub(*b),
                0x2 => a.wrapping_mul(*b),
                0x4 => a | b,
                0x5 => a & b,
                0x6 => a.wrapping_shl(shift),
                0x7 => (low.cast_unsigned() >> shift).cast_signed(),
                0x8 => a.wrapping_neg(),
                0xa => a ^ b,
                0xc if is_64 => a >> shift,
                0xc => i64::from((*a as i32) >> shift),
                _ => return Value::ANY,
            };
            set.insert(if is_64 { result } else { i64::from(result as u32) });
        }
    }
    Value::Number(limited(set))
}
