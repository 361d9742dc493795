//! What a strict run watches: registers and stack bytes that were never set.

use super::code::{Op, Step};
use super::context::Context;
use super::machine::{Machine, Mode};
use super::trap::{TrapKind, Why};
use super::{memory::region_address, ops};

/// Registers that are set when a function begins: its arguments and the frame pointer. Which
/// arguments a callee has is not known, so all five count.
pub(super) const AT_ENTRY: u32 = 0b100_0011_1110;
/// Registers of the arguments, which no call keeps.
const ARGUMENTS: u32 = 0b11_1110;

/// The registers that a step reads and writes, as bit masks.
pub(super) fn uses(step: &Step) -> (u32, u32) {
    let (dst, src) = (1 << (step.dst & 15), 1 << (step.src & 15));
    match ops::shape(step.op) {
        ops::Shape::MoveK => (0, dst),
        ops::Shape::MoveX => (src, dst),
        ops::Shape::AluK => (dst, dst),
        ops::Shape::AluX => (dst | src, dst),
        ops::Shape::JumpK => (dst, 0),
        ops::Shape::JumpX => (dst | src, 0),
        ops::Shape::Load => (src, dst),
        ops::Shape::StoreK => (dst, 0),
        ops::Shape::StoreX => (dst | src, 0),
        ops::Shape::Atomic => match step.imm & 0xff {
            0xf1 => (dst | src | 1, 1),
            operation if operation & 1 == 1 => (dst | src, src),
            _ => (dst | src, 0),
        },
        ops::Shape::Other => match step.op {
            Op::Exit => (1, 0),
            _ => (0, 0),
        },
    }
}

/// The set registers after a step.
pub(super) fn after(step: &Step, set: u32, writes: u32) -> u32 {
    match step.op {
        Op::CallHelper => (set & !ARGUMENTS) | 1,
        _ => set | writes,
    }
}

/// The set registers after a local call returned.
pub(super) fn after_return(set: u32) -> u32 {
    (set & !ARGUMENTS) | 1
}

/// Whether stack accesses have to take the slow path.
pub(super) fn is_stack_strict(machine: &Machine) -> bool {
    machine.limits.mode == Mode::Strict
}

/// A load from a frame, each of whose bytes must have been set.
pub(super) fn read_stack(
    context: &mut Context<'_, '_>,
    number: usize,
    offset: u32,
    target: &mut [u8],
) -> Result<(), TrapKind> {
    let address = region_address(number) + u64::from(offset);
    let len = u32::try_from(target.len()).unwrap_or(u32::MAX);
    let region = &context.machine.memory.regions[number];
    let (first, end) = (offset as usize, offset as usize + target.len());
    if end > region.len as usize {
        return Err(context.refused(false, address, len, Why::PastEnd));
    }
    if region.bytes[SHADOW + first..SHADOW + end].contains(&0) {
        return Err(context.refused(false, address, len, Why::NeverSet));
    }
    target.copy_from_slice(&region.bytes[first..end]);
    Ok(())
}

/// A store to a frame.
pub(super) fn write_stack(
    context: &mut Context<'_, '_>,
    number: usize,
    offset: u32,
    bytes: &[u8],
) -> Result<(), TrapKind> {
    let address = region_address(number) + u64::from(offset);
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let region = &mut context.machine.memory.regions[number];
    let (first, end) = (offset as usize, offset as usize + bytes.len());
    if end > region.len as usize {
        return Err(context.refused(true, address, len, Why::PastEnd));
    }
    region.bytes[first..end].copy_from_slice(bytes);
    region.bytes[SHADOW + first..SHADOW + end].fill(1);
    Ok(())
}

/// Where a frame keeps which of its bytes were set: behind them.
pub(super) const SHADOW: usize = super::stack::STACK_MAX as usize;
