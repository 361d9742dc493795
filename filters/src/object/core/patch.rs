//! Putting a value into an instruction.

use crate::program::{Insn, POISON_IMM};

use super::super::code::{CALL, LDDW};
use super::value::{Value, Widens};

const CLASS: u8 = 7;
const LDX: u8 = 1;
const ST: u8 = 2;
const STX: u8 = 3;
const ALU: u8 = 4;
const ALU64: u8 = 7;
/// Set when the operand is a register.
const SOURCE_X: u8 = 8;
const SIZE: u8 = 0x18;

/// Makes an instruction one that must not be reached; both halves of `lddw`.
pub(super) fn poison(insns: &mut [Insn], at: usize) {
    let slots = if insns.get(at).is_some_and(|insn| insn.code == LDDW) { 2 } else { 1 };
    for insn in insns.iter_mut().skip(at).take(slots) {
        *insn = Insn { code: CALL, dst: 0, src: 0, off: 0, imm: POISON_IMM };
    }
}

/// Replaces the value of our types by the value of theirs.
pub(super) fn patch(
    insns: &mut [Insn],
    at: usize,
    ours: Value,
    theirs: Value,
) -> Result<(), String> {
    let second = insns.get(at + 1).copied();
    let Some(insn) = insns.get_mut(at) else { return Err("it is at no instruction".to_owned()) };
    let found = |number: i64| {
        format!("the instruction has {number} and the object's types say {}", ours.number)
    };
    match insn.code & CLASS {
        ALU | ALU64 if insn.code & SOURCE_X == 0 => {
            if ours.is_checked
                && i64::from(insn.imm) as u64 != ours.number
                && insn.imm.cast_unsigned() as u64 != ours.number
            {
                return Err(found(insn.imm.into()));
            }
            insn.imm = theirs.number as u32 as i32;
            Ok(())
        }
        LDX | ST | STX => {
            if ours.is_checked && i64::from(insn.off) as u64 != ours.number {
                return Err(found(insn.off.into()));
            }
            let Ok(off) = i16::try_from(theirs.number) else {
                return Err(format!("offset {} does not fit an instruction", theirs.number));
            };
            insn.off = off;
            resize(insn, ours, theirs)
        }
        0 if insn.code == LDDW => {
            let Some(second) = second else {
                return Err("the second half of lddw is missing".to_owned());
            };
            let number =
                u64::from(insn.imm.cast_unsigned()) | u64::from(second.imm.cast_unsigned()) << 32;
            if ours.is_checked && number != ours.number {
                return Err(found(number as i64));
            }
            insn.imm = theirs.number as u32 as i32;
            insns[at + 1].imm = (theirs.number >> 32) as u32 as i32;
            Ok(())
        }
        _ => Err(format!("opcode {:#04x} cannot hold a value", insn.code)),
    }
}

/// Follows the size of a field that is wider or narrower in the ABI.
fn resize(insn: &mut Insn, ours: Value, theirs: Value) -> Result<(), String> {
    if ours.size == theirs.size || ours.size == 0 || theirs.size == 0 {
        return Ok(());
    }
    if ours.widens != theirs.widens || ours.widens == Widens::No {
        // A load of the wrong width must not be reached; libbpf poisons it as well.
        *insn = Insn { code: CALL, dst: 0, src: 0, off: 0, imm: POISON_IMM };
        return Ok(());
    }
    let bytes = match insn.code & SIZE {
        0x00 => 4,
        0x08 => 2,
        0x10 => 1,
        _ => 8,
    };
    if bytes != ours.size {
        return Err(format!("the instruction moves {bytes} bytes of a field of {}", ours.size));
    }
    let size = match theirs.size {
        1 => 0x10,
        2 => 0x08,
        4 => 0x00,
        8 => 0x18,
        other => return Err(format!("no instruction moves {other} bytes")),
    };
    insn.code = insn.code & !SIZE | size;
    Ok(())
}
