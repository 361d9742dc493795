//! Legality of single instructions: opcodes, registers, and fields that must be zero.

use super::decode::DecodeProblem;
use crate::program::Insn;

const CLASS: u8 = 0x07;
const LD: u8 = 0;
const LDX: u8 = 1;
const ST: u8 = 2;
const STX: u8 = 3;
const ALU: u8 = 4;
const JMP: u8 = 5;
const JMP32: u8 = 6;
const SOURCE_X: u8 = 0x08;
const MODE: u8 = 0xe0;
const MODE_MEM: u8 = 0x60;
const MODE_MEMSX: u8 = 0x80;
const MODE_ATOMIC: u8 = 0xc0;
const SIZE: u8 = 0x18;
const SIZE_W: u8 = 0x00;
const SIZE_DW: u8 = 0x18;

/// The frame pointer, which no instruction may write.
const FRAME_POINTER: u8 = 10;

/// Operations of `BPF_ATOMIC` (RFC 9669 5.3).
const ATOMICS: [i32; 10] = [0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1];

/// Whether one instruction is a known one with every unused field zero (RFC 9669 3 to 5).
/// `second` is the other half of a `lddw`.
pub(super) fn check(insn: Insn, second: Option<Insn>) -> Result<(), DecodeProblem> {
    if insn.dst > FRAME_POINTER {
        return Err(DecodeProblem::Register(insn.dst));
    }
    let src_is_register = match insn.code & CLASS {
        LDX | STX => true,
        LD | ST => false,
        _ => insn.code & SOURCE_X != 0,
    };
    if src_is_register && insn.src > FRAME_POINTER {
        return Err(DecodeProblem::Register(insn.src));
    }
    match insn.code & CLASS {
        LD => wide(insn, second),
        LDX | ST | STX => memory(insn),
        JMP | JMP32 => jump(insn),
        _ => arithmetic(insn),
    }
}

fn zero(value: impl Into<i64>, field: &'static str) -> Result<(), DecodeProblem> {
    match value.into() {
        0 => Ok(()),
        value => Err(DecodeProblem::Reserved { field, value }),
    }
}

fn writes(insn: Insn) -> Result<(), DecodeProblem> {
    if insn.dst == FRAME_POINTER { Err(DecodeProblem::FramePointer) } else { Ok(()) }
}

fn wide(insn: Insn, second: Option<Insn>) -> Result<(), DecodeProblem> {
    if insn.code != 0x18 {
        return Err(match insn.code & MODE {
            0x20 | 0x40 => DecodeProblem::Legacy(insn.code),
            _ => DecodeProblem::Opcode(insn.code),
        });
    }
    let Some(second) = second else { return Err(DecodeProblem::HalfOfWide) };
    zero(insn.off, "offset")?;
    zero(second.code, "opcode of the second half")?;
    zero(second.dst, "dst of the second half")?;
    zero(second.src, "src of the second half")?;
    zero(second.off, "offset of the second half")?;
    writes(insn)
}

fn memory(insn: Insn) -> Result<(), DecodeProblem> {
    let size = insn.code & SIZE;
    match (insn.code & CLASS, insn.code & MODE) {
        (LDX, MODE_MEM) => {
            zero(insn.imm, "imm")?;
            writes(insn)
        }
        (LDX, MODE_MEMSX) if size != SIZE_DW => {
            zero(insn.imm, "imm")?;
            writes(insn)
        }
        (ST, MODE_MEM) => zero(insn.src, "src"),
        (STX, MODE_MEM) => zero(insn.imm, "imm"),
        (STX, MODE_ATOMIC) if size == SIZE_W || size == SIZE_DW => {
            if !ATOMICS.contains(&insn.imm) {
                return Err(DecodeProblem::Atomic(insn.imm));
            }
            let fetches = insn.imm & 1 != 0 && insn.imm != 0xf1;
            if fetches && insn.src == FRAME_POINTER {
                return Err(DecodeProblem::FramePointer);
            }
            Ok(())
        }
        _ => Err(DecodeProblem::Opcode(insn.code)),
    }
}

fn operand(insn: Insn) -> Result<(), DecodeProblem> {
    if insn.code & SOURCE_X == 0 { zero(insn.src, "src") } else { zero(insn.imm, "imm") }
}

fn arithmetic(insn: Insn) -> Result<(), DecodeProblem> {
    let is_x = insn.code & SOURCE_X != 0;
    let is_32 = insn.code & CLASS == ALU;
    match insn.code >> 4 {
        // Division and modulo: offset 1 means signed.
        0x3 | 0x9 if insn.off != 1 => zero(insn.off, "offset").and_then(|()| operand(insn))?,
        0x3 | 0x9 => operand(insn)?,
        // Move: a register may be sign-extended from the width in the offset.
        0xb if is_x && matches!((insn.off, is_32), (8 | 16, _) | (32, false)) => operand(insn)?,
        0x0..=0x7 | 0xa..=0xc => zero(insn.off, "offset").and_then(|()| operand(insn))?,
        0x8 if !is_x => {
            zero(insn.src, "src")?;
            zero(insn.imm, "imm")?;
            zero(insn.off, "offset")?;
        }
        0xd if is_32 || !is_x => {
            zero(insn.src, "src")?;
            zero(insn.off, "offset")?;
            if !matches!(insn.imm, 16 | 32 | 64) {
                return Err(DecodeProblem::Reserved { field: "width", value: insn.imm.into() });
            }
        }
        _ => return Err(DecodeProblem::Opcode(insn.code)),
    }
    writes(insn)
}

fn jump(insn: Insn) -> Result<(), DecodeProblem> {
    let is_x = insn.code & SOURCE_X != 0;
    let is_32 = insn.code & CLASS == JMP32;
    match insn.code >> 4 {
        0x0 if !is_x => {
            zero(insn.dst, "dst")?;
            zero(insn.src, "src")?;
            if is_32 { zero(insn.off, "offset") } else { zero(insn.imm, "imm") }
        }
        0x8 if !is_x && !is_32 => {
            zero(insn.dst, "dst")?;
            zero(insn.off, "offset")
        }
        0x8 if is_x => Err(DecodeProblem::CallRegister),
        0x9 if !is_x && !is_32 => {
            zero(insn.dst, "dst")?;
            zero(insn.src, "src")?;
            zero(insn.off, "offset")?;
            zero(insn.imm, "imm")
        }
        0x1..=0x7 | 0xa..=0xd => operand(insn),
        _ => Err(DecodeProblem::Opcode(insn.code)),
    }
}
