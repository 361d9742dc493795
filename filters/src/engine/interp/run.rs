//! The loop.

use super::code::{Code, Op, Step};
use super::context::Context;
use super::machine::{BRANCHES, STACK};
use super::memory::region_address;
use super::stack::{FRAMES_MAX, STACK_MAX, charged};
use super::trap::{Trap, TrapKind};
use super::{alu, drive, strict};

/// What a local call saves.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Frame {
    /// Position after the call.
    pub(super) back: usize,
    /// r6 to r9.
    pub(super) saved: [u64; 4],
    /// r10.
    pub(super) frame_pointer: u64,
    /// Bytes of stack that were left before the call.
    pub(super) stack_left: u32,
    /// Registers that were set, in strict runs.
    pub(super) set: u32,
}

/// A register file whose index is masked, so that no bound has to be checked.
pub(super) type Registers = [u64; 16];

/// Runs a function of the program that a callback token names.
pub(in crate::engine) fn call_function(
    code: &Code,
    context: &mut Context<'_, '_>,
    position: u32,
    args: [u64; 5],
) -> Result<u64, Box<Trap>> {
    if let Some(pieces) = &code.pieces {
        drive::function(code, context, position, args, pieces)
    } else if context.is_strict() {
        function::<true>(code, context, position, args)
    } else {
        function::<false>(code, context, position, args)
    }
}

/// Runs from a position to the exit of the function there.
pub(super) fn function<const STRICT: bool>(
    code: &Code,
    context: &mut Context<'_, '_>,
    start: u32,
    args: [u64; 5],
) -> Result<u64, Box<Trap>> {
    let mut r: Registers = [0; 16];
    r[1..6].copy_from_slice(&args);
    let steps = if STRICT { code.steps.as_slice() } else { code.fused.as_slice() };
    let base = code.counters as usize;
    let floor = context.machine.frames.len();
    let mut pc = start as usize;
    let mut line_start = pc;
    let mut set = strict::AT_ENTRY;
    macro_rules! trap {
        ($kind:expr) => {
            return Err(stop(code, context, &r, (pc - 1, line_start, floor), $kind))
        };
    }
    macro_rules! checked {
        ($result:expr) => {
            match $result {
                Ok(value) => value,
                Err(kind) => trap!(kind),
            }
        };
    }
    // Leaves the straight line: counts what was executed on it.
    macro_rules! leave {
        ($to:expr) => {
            context.machine.left -= (pc - line_start) as i64;
            pc = $to;
            line_start = pc;
        };
    }
    // Goes on to the next instruction of a group.
    macro_rules! next {
        () => {{
            let Some(next) = steps.get(pc) else { trap!(TrapKind::End) };
            pc += 1;
            next
        }};
    }
    macro_rules! jump {
        ($step:expr) => {{
            let machine = &mut *context.machine;
            if let Some(counter) = machine.counters.get_mut(base + pc - 1) {
                counter.taken += 1;
            }
            machine.branches[machine.branch % BRANCHES] = (pc - 1) as u32;
            machine.branch = machine.branch.wrapping_add(1);
            if machine.left < (pc - line_start) as i64 {
                trap!(TrapKind::Budget(context.machine.limits.budget));
            }
            leave!($step.aux as usize);
        }};
    }
    pc += 1;
    r[10] = checked!(enter(code, context, start));
    pc -= 1;
    loop {
        let Some(step) = steps.get(pc) else {
            pc += 1;
            trap!(TrapKind::End)
        };
        pc += 1;
        let (d, s) = (usize::from(step.dst & 15), usize::from(step.src & 15));
        if STRICT {
            let (reads, writes) = strict::uses(step);
            if reads & !set != 0 {
                trap!(TrapKind::Register((reads & !set).trailing_zeros() as u8));
            }
            set = strict::after(step, set, writes);
        }
        macro_rules! pair {
            ($value:expr) => {{
                r[d] = $value;
                pc += 1;
            }};
        }
        macro_rules! branch {
            ($condition:expr) => {
                if $condition {
                    jump!(step)
                }
            };
        }
        macro_rules! load {
            ($n:literal, $number:ty) => {
                load!($n, $number, r[s].wrapping_add(step.aux as i32 as u64))
            };
            ($n:literal, $number:ty, $address:expr) => {{
                let address = $address;
                match context.machine.memory.load::<$n>(address) {
                    Some(bytes) => <$number>::from_le_bytes(bytes) as u64,
                    None => checked!(context.load_slow(address, $n)) as $number as u64,
                }
            }};
        }
        macro_rules! store {
            ($n:literal, $number:ty, $value:expr) => {{
                let address = r[d].wrapping_add(step.aux as i32 as u64);
                let value = $value as $number;
                if context.machine.memory.store::<$n>(address, value.to_le_bytes()).is_none() {
                    checked!(context.store_slow(address, value as u64, $n));
                }
            }};
        }
        match step.op {
            Op::Add64K => r[d] = r[d].wrapping_add(step.imm),
            Op::Add64X => r[d] = r[d].wrapping_add(r[s]),
            Op::Add32K => r[d] = u64::from((r[d] as u32).wrapping_add(step.imm as u32)),
            Op::Add32X => r[d] = u64::from((r[d] as u32).wrapping_add(r[s] as u32)),
            Op::Sub64K => r[d] = r[d].wrapping_sub(step.imm),
            Op::Sub64X => r[d] = r[d].wrapping_sub(r[s]),
            Op::Sub32K => r[d] = u64::from((r[d] as u32).wrapping_sub(step.imm as u32)),
            Op::Sub32X => r[d] = u64::from((r[d] as u32).wrapping_sub(r[s] as u32)),
            Op::Mul64K => r[d] = r[d].wrapping_mul(step.imm),
            Op::Mul64X => r[d] = r[d].wrapping_mul(r[s]),
            Op::Mul32K => r[d] = u64::from((r[d] as u32).wrapping_mul(step.imm as u32)),
            Op::Mul32X => r[d] = u64::from((r[d] as u32).wrapping_mul(r[s] as u32)),
            Op::Or64K => r[d] |= step.imm,
            Op::Or64X => r[d] |= r[s],
            Op::Or32K => r[d] = u64::from(r[d] as u32 | step.imm as u32),
            Op::Or32X => r[d] = u64::from(r[d] as u32 | r[s] as u32),
            Op::And64K => r[d] &= step.imm,
            Op::And64X => r[d] &= r[s],
            Op::And32K => r[d] = u64::from(r[d] as u32 & step.imm as u32),
            Op::And32X => r[d] = u64::from(r[d] as u32 & r[s] as u32),
            Op::Xor64K => r[d] ^= step.imm,
            Op::Xor64X => r[d] ^= r[s],
            Op::Xor32K => r[d] = u64::from(r[d] as u32 ^ step.imm as u32),
            Op::Xor32X => r[d] = u64::from(r[d] as u32 ^ r[s] as u32),
            Op::Mov64K => r[d] = step.imm,
            Op::Mov64X => r[d] = r[s],
            Op::Mov32K => r[d] = u64::from(step.imm as u32),
            Op::Mov32X => r[d] = u64::from(r[s] as u32),
            Op::Div64K => r[d] = alu::div64(r[d], step.imm),
            Op::Div64X => r[d] = alu::div64(r[d], r[s]),
            Op::Div32K => r[d] = alu::div32(r[d] as u32, step.imm as u32),
            Op::Div32X => r[d] = alu::div32(r[d] as u32, r[s] as u32),
            Op::Mod64K => r[d] = alu::modulo64(r[d], step.imm),
            Op::Mod64X => r[d] = alu::modulo64(r[d], r[s]),
            Op::Mod32K => r[d] = alu::modulo32(r[d] as u32, step.imm as u32),
            Op::Mod32X => r[d] = alu::modulo32(r[d] as u32, r[s] as u32),
            Op::Sdiv64K => r[d] = alu::sdiv64(r[d], step.imm),
            Op::Sdiv64X => r[d] = alu::sdiv64(r[d], r[s]),
            Op::Sdiv32K => r[d] = alu::sdiv32(r[d] as u32, step.imm as u32),
            Op::Sdiv32X => r[d] = alu::sdiv32(r[d] as u32, r[s] as u32),
            Op::Smod64K => r[d] = alu::smod64(r[d], step.imm),
            Op::Smod64X => r[d] = alu::smod64(r[d], r[s]),
            Op::Smod32K => r[d] = alu::smod32(r[d] as u32, step.imm as u32),
            Op::Smod32X => r[d] = alu::smod32(r[d] as u32, r[s] as u32),
            Op::Lsh64K => r[d] = r[d].wrapping_shl(step.imm as u32),
            Op::Lsh64X => r[d] = r[d].wrapping_shl(r[s] as u32),
            Op::Lsh32K => r[d] = u64::from((r[d] as u32).wrapping_shl(step.imm as u32)),
            Op::Lsh32X => r[d] = u64::from((r[d] as u32).wrapping_shl(r[s] as u32)),
            Op::Rsh64K => r[d] = r[d].wrapping_shr(step.imm as u32),
            Op::Rsh64X => r[d] = r[d].wrapping_shr(r[s] as u32),
            Op::Rsh32K => r[d] = u64::from((r[d] as u32).wrapping_shr(step.imm as u32)),
            Op::Rsh32X => r[d] = u64::from((r[d] as u32).wrapping_shr(r[s] as u32)),
            Op::Arsh64K => r[d] = alu::arsh64(r[d], step.imm as u32),
            Op::Arsh64X => r[d] = alu::arsh64(r[d], r[s] as u32),
            Op::Arsh32K => r[d] = alu::arsh32(r[d] as u32, step.imm as u32),
            Op::Arsh32X => r[d] = alu::arsh32(r[d] as u32, r[s] as u32),
            Op::Jeq64K => branch!(r[d] == step.imm),
            Op::Jeq64X => branch!(r[d] == r[s]),
            Op::Jeq32K => branch!((r[d] as u32) == (step.imm as u32)),
            Op::Jeq32X => branch!((r[d] as u32) == (r[s] as u32)),
            Op::Jgt64K => branch!(r[d] > step.imm),
            Op::Jgt64X => branch!(r[d] > r[s]),
            Op::Jgt32K => branch!((r[d] as u32) > (step.imm as u32)),
            Op::Jgt32X => branch!((r[d] as u32) > (r[s] as u32)),
            Op::Jge64K => branch!(r[d] >= step.imm),
            Op::Jge64X => branch!(r[d] >= r[s]),
            Op::Jge32K => branch!((r[d] as u32) >= (step.imm as u32)),
            Op::Jge32X => branch!((r[d] as u32) >= (r[s] as u32)),
            Op::Jne64K => branch!(r[d] != step.imm),
            Op::Jne64X => branch!(r[d] != r[s]),
            Op::Jne32K => branch!((r[d] as u32) != (step.imm as u32)),
            Op::Jne32X => branch!((r[d] as u32) != (r[s] as u32)),
            Op::Jlt64K => branch!(r[d] < step.imm),
            Op::Jlt64X => branch!(r[d] < r[s]),
            Op::Jlt32K => branch!((r[d] as u32) < (step.imm as u32)),
            Op::Jlt32X => branch!((r[d] as u32) < (r[s] as u32)),
            Op::Jle64K => branch!(r[d] <= step.imm),
            Op::Jle64X => branch!(r[d] <= r[s]),
            Op::Jle32K => branch!((r[d] as u32) <= (step.imm as u32)),
            Op::Jle32X => branch!((r[d] as u32) <= (r[s] as u32)),
            Op::Jset64K => branch!(r[d] & step.imm != 0),
            Op::Jset64X => branch!(r[d] & r[s] != 0),
            Op::Jset32K => branch!((r[d] as u32) & (step.imm as u32) != 0),
            Op::Jset32X => branch!((r[d] as u32) & (r[s] as u32) != 0),
            Op::Jsgt64K => branch!((r[d] as i64) > (step.imm as i64)),
            Op::Jsgt64X => branch!((r[d] as i64) > (r[s] as i64)),
            Op::Jsgt32K => branch!(((r[d] as u32) as i32) > ((step.imm as u32) as i32)),
            Op::Jsgt32X => branch!(((r[d] as u32) as i32) > ((r[s] as u32) as i32)),
            Op::Jsge64K => branch!((r[d] as i64) >= (step.imm as i64)),
            Op::Jsge64X => branch!((r[d] as i64) >= (r[s] as i64)),
            Op::Jsge32K => branch!(((r[d] as u32) as i32) >= ((step.imm as u32) as i32)),
            Op::Jsge32X => branch!(((r[d] as u32) as i32) >= ((r[s] as u32) as i32)),
            Op::Jslt64K => branch!((r[d] as i64) < (step.imm as i64)),
            Op::Jslt64X => branch!((r[d] as i64) < (r[s] as i64)),
            Op::Jslt32K => branch!(((r[d] as u32) as i32) < ((step.imm as u32) as i32)),
            Op::Jslt32X => branch!(((r[d] as u32) as i32) < ((r[s] as u32) as i32)),
            Op::Jsle64K => branch!((r[d] as i64) <= (step.imm as i64)),
            Op::Jsle64X => branch!((r[d] as i64) <= (r[s] as i64)),
            Op::Jsle32K => branch!(((r[d] as u32) as i32) <= ((step.imm as u32) as i32)),
            Op::Jsle32X => branch!(((r[d] as u32) as i32) <= ((r[s] as u32) as i32)),
            Op::Neg64 => r[d] = r[d].wrapping_neg(),
            Op::Neg32 => r[d] = u64::from((r[d] as u32).wrapping_neg()),
            Op::Sx8To64 => r[d] = r[s] as i8 as u64,
            Op::Sx16To64 => r[d] = r[s] as i16 as u64,
            Op::Sx32To64 => r[d] = r[s] as i32 as u64,
            Op::Sx8To32 => r[d] = u64::from(r[s] as i8 as u32),
            Op::Sx16To32 => r[d] = u64::from(r[s] as i16 as u32),
            Op::Le16 => r[d] = u64::from(r[d] as u16),
            Op::Le32 => r[d] = u64::from(r[d] as u32),
            Op::Le64 => {}
            Op::Be16 | Op::Swap16 => r[d] = u64::from((r[d] as u16).swap_bytes()),
            Op::Be32 | Op::Swap32 => r[d] = u64::from((r[d] as u32).swap_bytes()),
            Op::Be64 | Op::Swap64 => r[d] = r[d].swap_bytes(),
            Op::LdxB => r[d] = load!(1, u8),
            Op::LdxH => r[d] = load!(2, u16),
            Op::LdxW => r[d] = load!(4, u32),
            Op::LdxDw => r[d] = load!(8, u64),
            Op::LdxSb => r[d] = load!(1, i8),
            Op::LdxSh => r[d] = load!(2, i16),
            Op::LdxSw => r[d] = load!(4, i32),
            Op::StB => store!(1, u8, step.imm),
            Op::StH => store!(2, u16, step.imm),
            Op::StW => store!(4, u32, step.imm),
            Op::StDw => store!(8, u64, step.imm),
            Op::StxB => store!(1, u8, r[s]),
            Op::StxH => store!(2, u16, r[s]),
            Op::StxW => store!(4, u32, r[s]),
            Op::StxDw => store!(8, u64, r[s]),
            Op::Atomic32 => checked!(atomic::<4>(context, step, &mut r)),
            Op::Atomic64 => checked!(atomic::<8>(context, step, &mut r)),
            Op::Ja => jump!(step),
            Op::CallHelper => {
                let Some(function) = code.functions.get(step.aux as usize) else {
                    trap!(TrapKind::End)
                };
                leave!(pc);
                if context.machine.left < 0 {
                    trap!(TrapKind::Budget(context.machine.limits.budget));
                }
                context.machine.helped += 1;
                match (function.run)(context, code, [r[1], r[2], r[3], r[4], r[5]]) {
                    Ok(value) => r[0] = value,
                    Err(stopped) => match stopped {
                        Stopped::Here(kind) => trap!(kind),
                        Stopped::Within(trap) => {
                            account(code, context, pc - 1, floor);
                            return Err(trap);
                        }
                    },
                }
            }
            Op::CallLocal => {
                if context.machine.left < (pc - line_start) as i64 {
                    trap!(TrapKind::Budget(context.machine.limits.budget));
                }
                let frame = Frame {
                    back: pc,
                    saved: [r[6], r[7], r[8], r[9]],
                    frame_pointer: r[10],
                    stack_left: context.machine.stack_left,
                    set,
                };
                let taken = charged(code.entry_of(pc as u32 - 1).stack);
                context.machine.stack_left = frame.stack_left.saturating_sub(taken);
                r[10] = checked!(enter(code, context, step.aux));
                context.machine.frames.push(frame);
                if STRICT {
                    set = strict::AT_ENTRY;
                }
                leave!(step.aux as usize);
            }
            Op::Exit => {
                if context.machine.left < (pc - line_start) as i64 {
                    trap!(TrapKind::Budget(context.machine.limits.budget));
                }
                leave!(pc);
                leave_frame(context);
                if context.machine.frames.len() <= floor {
                    return Ok(r[0]);
                }
                if let Some(frame) = context.machine.frames.pop() {
                    r[6..10].copy_from_slice(&frame.saved);
                    r[10] = frame.frame_pointer;
                    context.machine.stack_left = frame.stack_left;
                    set = strict::after_return(frame.set);
                    pc = frame.back;
                    line_start = pc;
                }
            }
            Op::End => trap!(TrapKind::End),
            Op::MovAdd64K => pair!(r[s].wrapping_add(step.imm)),
            Op::MovAdd64X => pair!(r[s].wrapping_add(r[other(step)])),
            Op::MovAddLdxB => {
                pair!(r[s].wrapping_add(r[other(step)]));
                let third = next!();
                let address = r[d].wrapping_add(third.aux as i32 as u64);
                r[usize::from(third.dst & 15)] = load!(1, u8, address);
            }
            Op::MovRshXor => {
                pair!(r[s].wrapping_shr(step.imm as u32));
                r[usize::from(next!().dst & 15)] ^= r[d];
            }
            Op::MovAnd64K => pair!(r[s] & step.imm),
            Op::MovLsh64K => pair!(r[s].wrapping_shl(step.imm as u32)),
            Op::MovRsh64K => pair!(r[s].wrapping_shr(step.imm as u32)),
            Op::XorMul64X => pair!((r[d] ^ r[s]).wrapping_mul(r[other(step)])),
            Op::AddJne64K => {
                r[d] = r[d].wrapping_add(step.imm);
                let second = next!();
                if r[d] != second.imm {
                    jump!(second)
                }
            }
            Op::LdxBJeq32K => {
                r[d] = load!(1, u8);
                let second = next!();
                if r[d] as u32 == second.imm as u32 {
                    jump!(second)
                }
            }
            Op::LdxBJne32K => {
                r[d] = load!(1, u8);
                let second = next!();
                if r[d] as u32 != second.imm as u32 {
                    jump!(second)
                }
            }
        }
    }
}

/// The third register of a pair.
#[inline(always)]
fn other(step: &Step) -> usize {
    step.aux as usize & 15
}

/// How a function of the kernel stops a run.
#[derive(Debug)]
pub(in crate::engine) enum Stopped {
    /// By its own judgement.
    Here(TrapKind),
    /// Because a callback stopped.
    Within(Box<Trap>),
}

impl From<TrapKind> for Stopped {
    fn from(kind: TrapKind) -> Stopped {
        Stopped::Here(kind)
    }
}

impl From<Box<Trap>> for Stopped {
    fn from(trap: Box<Trap>) -> Stopped {
        Stopped::Within(trap)
    }
}

/// Opens the frame of the function at a position and gives its frame pointer.
#[inline]
pub(super) fn enter(
    code: &Code,
    context: &mut Context<'_, '_>,
    start: u32,
) -> Result<u64, TrapKind> {
    let is_strict = context.is_strict();
    let machine = &mut *context.machine;
    if machine.depth >= FRAMES_MAX {
        return Err(TrapKind::Depth(FRAMES_MAX));
    }
    let entry = code.entry_of(start);
    let left = machine.stack_left;
    if entry.stack > left {
        return Err(TrapKind::Stack { need: entry.stack, left });
    }
    if let Some(counter) = machine.counters.get_mut(code.counters as usize + start as usize) {
        counter.entered += 1;
    }
    let number = STACK + machine.depth;
    machine.depth += 1;
    let frame = &mut machine.memory.regions[number];
    if is_strict {
        frame.bytes.clear();
        frame.bytes.resize(strict::SHADOW + STACK_MAX as usize, 0);
        frame.len = left;
    } else {
        let cleared = if entry.stack_is_exact { entry.stack } else { left };
        if cleared > 0 {
            frame.bytes[(left - cleared) as usize..left as usize].fill(0);
        }
        frame.limit(left);
    }
    Ok(region_address(number) + u64::from(left))
}

/// Closes the frame of the function that exits.
pub(super) fn leave_frame(context: &mut Context<'_, '_>) {
    let machine = &mut *context.machine;
    machine.depth = machine.depth.saturating_sub(1);
    machine.memory.regions[STACK + machine.depth].limit(0);
}

pub(super) fn atomic<const N: usize>(
    context: &mut Context<'_, '_>,
    step: &Step,
    r: &mut Registers,
) -> Result<(), TrapKind> {
    let (d, s) = (usize::from(step.dst & 15), usize::from(step.src & 15));
    let address = r[d].wrapping_add(step.aux as i32 as u64);
    if !address.is_multiple_of(N as u64) {
        return Err(TrapKind::Misaligned { address, len: N as u32 });
    }
    let narrow = |value: u64| if N == 4 { u64::from(value as u32) } else { value };
    let mut bytes = [0; 8];
    context.read_into(address, &mut bytes[..N])?;
    let old = u64::from_le_bytes(bytes);
    let new = narrow(alu::atomic(step.imm, old, narrow(r[s]), narrow(r[0])));
    context.write_from(address, &new.to_le_bytes()[..N])?;
    match step.imm & 0xff {
        0xf1 => r[0] = old,
        operation if operation & 1 == 1 => r[s] = old,
        _ => {}
    }
    Ok(())
}

/// Counts the instructions that did not fall through because a run stopped.
pub(super) fn account(code: &Code, context: &mut Context<'_, '_>, position: usize, floor: usize) {
    let base = code.counters as usize;
    let machine = &mut *context.machine;
    let calls = machine.frames[floor.min(machine.frames.len())..].iter();
    let places = calls.map(|frame| frame.back - 1).chain([position]);
    for place in places {
        if let Some(counter) = machine.counters.get_mut(base + place) {
            counter.stopped += 1;
        }
    }
    machine.frames.truncate(floor);
}

/// Makes the trap of a stopped run.
#[cold]
#[inline(never)]
pub(super) fn stop(
    code: &Code,
    context: &mut Context<'_, '_>,
    r: &Registers,
    (position, line_start, floor): (usize, usize, usize),
    kind: TrapKind,
) -> Box<Trap> {
    context.machine.left -= (position + 1).saturating_sub(line_start) as i64;
    account(code, context, position, floor);
    let machine = &*context.machine;
    let insn = code.origin_of(u32::try_from(position).unwrap_or(u32::MAX));
    let shown = machine.branch.min(BRANCHES);
    let places = (machine.branch - shown..machine.branch).map(|n| machine.branches[n % BRANCHES]);
    let mut registers = [0; 11];
    registers.copy_from_slice(&r[..11]);
    Box::new(Trap {
        member: String::new(),
        program: code.name.clone(),
        function: code.function_of(insn).to_owned(),
        insn,
        line: code.line_of(insn).cloned(),
        registers,
        branches: places.map(|place| code.origin_of(place)).collect(),
        kind,
    })
}
