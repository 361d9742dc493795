//! Which operation an opcode is.

use super::code::Op;
use crate::program::Insn;

/// The four forms of an operation: 64-bit immediate, 64-bit register, 32-bit ones.
type Forms = [Op; 4];

/// By the high half of the opcode; negation and byte swaps are not among them.
#[rustfmt::skip]
const ARITHMETIC: [Option<Forms>; 16] = [
    Some([Op::Add64K, Op::Add64X, Op::Add32K, Op::Add32X]),
    Some([Op::Sub64K, Op::Sub64X, Op::Sub32K, Op::Sub32X]),
    Some([Op::Mul64K, Op::Mul64X, Op::Mul32K, Op::Mul32X]),
    Some([Op::Div64K, Op::Div64X, Op::Div32K, Op::Div32X]),
    Some([Op::Or64K, Op::Or64X, Op::Or32K, Op::Or32X]),
    Some([Op::And64K, Op::And64X, Op::And32K, Op::And32X]),
    Some([Op::Lsh64K, Op::Lsh64X, Op::Lsh32K, Op::Lsh32X]),
    Some([Op::Rsh64K, Op::Rsh64X, Op::Rsh32K, Op::Rsh32X]),
    None,
    Some([Op::Mod64K, Op::Mod64X, Op::Mod32K, Op::Mod32X]),
    Some([Op::Xor64K, Op::Xor64X, Op::Xor32K, Op::Xor32X]),
    Some([Op::Mov64K, Op::Mov64X, Op::Mov32K, Op::Mov32X]),
    Some([Op::Arsh64K, Op::Arsh64X, Op::Arsh32K, Op::Arsh32X]),
    None,
    None,
    None,
];

/// By the high half of the opcode; calls, exits and unconditional jumps are not among them.
#[rustfmt::skip]
const JUMPS: [Option<Forms>; 16] = [
    None,
    Some([Op::Jeq64K, Op::Jeq64X, Op::Jeq32K, Op::Jeq32X]),
    Some([Op::Jgt64K, Op::Jgt64X, Op::Jgt32K, Op::Jgt32X]),
    Some([Op::Jge64K, Op::Jge64X, Op::Jge32K, Op::Jge32X]),
    Some([Op::Jset64K, Op::Jset64X, Op::Jset32K, Op::Jset32X]),
    Some([Op::Jne64K, Op::Jne64X, Op::Jne32K, Op::Jne32X]),
    Some([Op::Jsgt64K, Op::Jsgt64X, Op::Jsgt32K, Op::Jsgt32X]),
    Some([Op::Jsge64K, Op::Jsge64X, Op::Jsge32K, Op::Jsge32X]),
    None,
    None,
    Some([Op::Jlt64K, Op::Jlt64X, Op::Jlt32K, Op::Jlt32X]),
    Some([Op::Jle64K, Op::Jle64X, Op::Jle32K, Op::Jle32X]),
    Some([Op::Jslt64K, Op::Jslt64X, Op::Jslt32K, Op::Jslt32X]),
    Some([Op::Jsle64K, Op::Jsle64X, Op::Jsle32K, Op::Jsle32X]),
    None,
    None,
];

fn form(insn: Insn, narrow_class: u8) -> usize {
    let is_x = insn.code & 0x08 != 0;
    let is_32 = insn.code & 7 == narrow_class;
    usize::from(is_x) + 2 * usize::from(is_32)
}

/// The operation of a legal arithmetic instruction.
pub(super) fn arithmetic(insn: Insn) -> Option<Op> {
    let high = usize::from(insn.code >> 4);
    let form = form(insn, 4);
    let is_32 = form >= 2;
    match (high, insn.off) {
        (0x3, 1) => Some([Op::Sdiv64K, Op::Sdiv64X, Op::Sdiv32K, Op::Sdiv32X][form]),
        (0x9, 1) => Some([Op::Smod64K, Op::Smod64X, Op::Smod32K, Op::Smod32X][form]),
        (0x8, _) => Some(if is_32 { Op::Neg32 } else { Op::Neg64 }),
        (0xb, 8) => Some(if is_32 { Op::Sx8To32 } else { Op::Sx8To64 }),
        (0xb, 16) => Some(if is_32 { Op::Sx16To32 } else { Op::Sx16To64 }),
        (0xb, 32) => Some(Op::Sx32To64),
        (0xd, _) => byte_order(insn),
        _ => ARITHMETIC[high].map(|forms| forms[form]),
    }
}

fn byte_order(insn: Insn) -> Option<Op> {
    let row = match insn.code {
        0xd4 => [Op::Le16, Op::Le32, Op::Le64],
        0xdc => [Op::Be16, Op::Be32, Op::Be64],
        _ => [Op::Swap16, Op::Swap32, Op::Swap64],
    };
    match insn.imm {
        16 => Some(row[0]),
        32 => Some(row[1]),
        64 => Some(row[2]),
        _ => None,
    }
}

/// The operation of a legal conditional jump.
pub(super) fn jump(insn: Insn) -> Option<Op> {
    JUMPS[usize::from(insn.code >> 4)].map(|forms| forms[form(insn, 6)])
}

/// The operation of a legal load or store.
pub(super) fn memory(insn: Insn) -> Option<Op> {
    Some(match insn.code {
        0x71 => Op::LdxB,
        0x69 => Op::LdxH,
        0x61 => Op::LdxW,
        0x79 => Op::LdxDw,
        0x91 => Op::LdxSb,
        0x89 => Op::LdxSh,
        0x81 => Op::LdxSw,
        0x72 => Op::StB,
        0x6a => Op::StH,
        0x62 => Op::StW,
        0x7a => Op::StDw,
        0x73 => Op::StxB,
        0x6b => Op::StxH,
        0x63 => Op::StxW,
        0x7b => Op::StxDw,
        0xc3 => Op::Atomic32,
        0xdb => Op::Atomic64,
        _ => return None,
    })
}

/// Which registers an operation reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    MoveK,
    MoveX,
    AluK,
    AluX,
    JumpK,
    JumpX,
    Load,
    StoreK,
    StoreX,
    Atomic,
    Other,
}

/// The shape of an operation. The first hundred operations come in fours: K, X, K, X.
pub(super) fn shape(op: Op) -> Shape {
    use Op::{
        Add64K, Atomic32, Atomic64, Jeq64K, Jsle32X, LdxB, LdxSw, Mov32K, Mov32X, Mov64K, Mov64X,
        Neg32, Neg64, Smod32X, StB, StDw, StxB, StxDw, Swap64, Sx8To64, Sx16To32,
    };
    let number = op as u8;
    let within = |first: Op, last: Op| (first as u8..=last as u8).contains(&number);
    let is_x = |first: Op| (number - first as u8) % 2 == 1;
    match op {
        Mov64K | Mov32K => Shape::MoveK,
        Mov64X | Mov32X => Shape::MoveX,
        Neg64 | Neg32 => Shape::AluK,
        Atomic32 | Atomic64 => Shape::Atomic,
        _ if within(Add64K, Smod32X) && is_x(Add64K) => Shape::AluX,
        _ if within(Add64K, Smod32X) => Shape::AluK,
        _ if within(Jeq64K, Jsle32X) && is_x(Jeq64K) => Shape::JumpX,
        _ if within(Jeq64K, Jsle32X) => Shape::JumpK,
        _ if within(Sx8To64, Sx16To32) => Shape::MoveX,
        _ if within(Op::Le16, Swap64) => Shape::AluK,
        _ if within(LdxB, LdxSw) => Shape::Load,
        _ if within(StB, StDw) => Shape::StoreK,
        _ if within(StxB, StxDw) => Shape::StoreX,
        _ => Shape::Other,
    }
}
