//! Programs whose computing another engine does.
//!
//! The engine runs a piece up to the next load, store, call or exit; that is done here, with the
//! memory and the functions of the interpreter. What a reader would get wrong: the budget counts
//! pieces and what stands between them, and not instructions, so it is spent later than on the
//! interpreter; a run ends in any case, because a piece has no loop.

use super::code::{Code, Op, Step};
use super::context::Context;
use super::run::{Frame, Registers, Stopped, account, atomic, enter, leave_frame, stop};
use super::stack::charged;
use super::strict;
use super::trap::{Trap, TrapKind};
use crate::engine::second::{Pieces, STATE_LEN, is_site};

/// What comes after a step.
enum Then {
    Next,
    Goto(usize),
    Return(u64),
}

/// A run in the middle of it.
struct Driver<'d, 'a, 'e> {
    code: &'d Code,
    context: &'d mut Context<'a, 'e>,
    r: Registers,
    floor: usize,
}

/// Runs from a position to the exit of the function there.
pub(super) fn function(
    code: &Code,
    context: &mut Context<'_, '_>,
    start: u32,
    args: [u64; 5],
    pieces: &Pieces,
) -> Result<u64, Box<Trap>> {
    let floor = context.machine.frames.len();
    let mut driver = Driver { code, context, r: [0; 16], floor };
    driver.r[1..6].copy_from_slice(&args);
    let mut pc = start as usize;
    match enter(code, driver.context, start) {
        Ok(frame_pointer) => driver.r[10] = frame_pointer,
        Err(kind) => return Err(driver.trap(pc, kind)),
    }
    loop {
        driver.context.machine.left -= 1;
        if driver.context.machine.left < 0 {
            let budget = driver.context.machine.limits.budget;
            return Err(driver.trap(pc, TrapKind::Budget(budget)));
        }
        let Some(step) = code.steps.get(pc).copied() else {
            return Err(driver.trap(pc, TrapKind::End));
        };
        if !is_site(step.op) {
            pc = match driver.piece(pc, pieces) {
                Ok(next) => next as usize,
                Err(text) => return Err(driver.trap(pc, TrapKind::Engine(text))),
            };
            continue;
        }
        match driver.perform(step, pc) {
            Ok(Then::Next) => pc += 1,
            Ok(Then::Goto(next)) => pc = next,
            Ok(Then::Return(value)) => return Ok(value),
            Err(Stopped::Here(kind)) => return Err(driver.trap(pc, kind)),
            Err(Stopped::Within(trap)) => {
                account(code, driver.context, pc, floor);
                return Err(trap);
            }
        }
    }
}

impl Driver<'_, '_, '_> {
    fn trap(&mut self, pc: usize, kind: TrapKind) -> Box<Trap> {
        stop(self.code, self.context, &self.r, (pc, pc + 1, self.floor), kind)
    }

    fn piece(&mut self, pc: usize, pieces: &Pieces) -> Result<u32, String> {
        let mut state = [0; STATE_LEN];
        for (bytes, register) in state.chunks_exact_mut(8).zip(&self.r) {
            bytes.copy_from_slice(&register.to_le_bytes());
        }
        let next = pieces.run(pc as u32, &mut state)?;
        for (bytes, register) in state.chunks_exact(8).zip(&mut self.r[..10]) {
            *register = u64::from_le_bytes(bytes.try_into().expect("chunks of eight"));
        }
        Ok(next)
    }

    fn perform(&mut self, step: Step, pc: usize) -> Result<Then, Stopped> {
        let (d, s) = (usize::from(step.dst & 15), usize::from(step.src & 15));
        let displacement = step.aux as i32 as u64;
        let (from, to) =
            (self.r[s].wrapping_add(displacement), self.r[d].wrapping_add(displacement));
        match step.op {
            Op::LdxB => self.r[d] = self.context.load_slow(from, 1)?,
            Op::LdxH => self.r[d] = self.context.load_slow(from, 2)?,
            Op::LdxW => self.r[d] = self.context.load_slow(from, 4)?,
            Op::LdxDw => self.r[d] = self.context.load_slow(from, 8)?,
            Op::LdxSb => self.r[d] = self.context.load_slow(from, 1)? as i8 as u64,
            Op::LdxSh => self.r[d] = self.context.load_slow(from, 2)? as i16 as u64,
            Op::LdxSw => self.r[d] = self.context.load_slow(from, 4)? as i32 as u64,
            Op::StB => self.context.store_slow(to, step.imm, 1)?,
            Op::StH => self.context.store_slow(to, step.imm, 2)?,
            Op::StW => self.context.store_slow(to, step.imm, 4)?,
            Op::StDw => self.context.store_slow(to, step.imm, 8)?,
            Op::StxB => self.context.store_slow(to, self.r[s], 1)?,
            Op::StxH => self.context.store_slow(to, self.r[s], 2)?,
            Op::StxW => self.context.store_slow(to, self.r[s], 4)?,
            Op::StxDw => self.context.store_slow(to, self.r[s], 8)?,
            Op::Atomic32 => atomic::<4>(self.context, &step, &mut self.r)?,
            Op::Atomic64 => atomic::<8>(self.context, &step, &mut self.r)?,
            Op::CallHelper => {
                let function = self.code.functions.get(step.aux as usize);
                let function = function.ok_or(TrapKind::End)?;
                let [_, a, b, c, d, e, ..] = self.r;
                self.r[0] = (function.run)(self.context, self.code, [a, b, c, d, e])?;
            }
            Op::CallLocal => return Ok(Then::Goto(self.call(step, pc)?)),
            Op::Exit => return Ok(self.exit()),
            _ => return Err(TrapKind::End.into()),
        }
        Ok(Then::Next)
    }

    fn call(&mut self, step: Step, pc: usize) -> Result<usize, TrapKind> {
        let r = &mut self.r;
        let frame = Frame {
            back: pc + 1,
            saved: [r[6], r[7], r[8], r[9]],
            frame_pointer: r[10],
            stack_left: self.context.machine.stack_left,
            set: strict::AT_ENTRY,
        };
        let taken = charged(self.code.entry_of(pc as u32).stack);
        self.context.machine.stack_left = frame.stack_left.saturating_sub(taken);
        r[10] = enter(self.code, self.context, step.aux)?;
        self.context.machine.frames.push(frame);
        Ok(step.aux as usize)
    }

    fn exit(&mut self) -> Then {
        leave_frame(self.context);
        let machine = &mut *self.context.machine;
        if machine.frames.len() <= self.floor {
            return Then::Return(self.r[0]);
        }
        let Some(frame) = machine.frames.pop() else { return Then::Return(self.r[0]) };
        self.r[6..10].copy_from_slice(&frame.saved);
        self.r[10] = frame.frame_pointer;
        machine.stack_left = frame.stack_left;
        Then::Goto(frame.back)
    }
}
