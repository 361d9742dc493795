//! Cutting a program into pieces that only compute and jump ahead.
//!
//! A piece begins behind a cut, at a function or at the target of a jump back, and holds every
//! instruction that control may reach from there before the next cut. It is given the address of
//! a block of registers in r1, loads them, and at its end stores them and answers the position
//! where the program goes on.

use std::collections::{BTreeMap, BTreeSet};

use super::choice::EngineRefusal;
use crate::engine::interp::{Code, Op, Step};
use crate::program::Insn;

/// Bytes of the block of registers: r0 to r9, and the virtual frame pointer.
pub(in crate::engine) const STATE_LEN: usize = 88;

/// Slots on the engine's own stack: the address of the block, r0, the answer, the virtual r10.
const BLOCK: i16 = -8;
const SAVED: i16 = -16;
const ANSWER: i16 = -24;
const FRAME: i16 = -32;

const LDXDW: u8 = 0x79;
const STXDW: u8 = 0x7b;
const MOV64K: u8 = 0xb7;
const MOV64X: u8 = 0xbf;
const R10: u8 = 10;

/// A piece as a program of its own.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Segment {
    pub(in crate::engine) insns: Vec<Insn>,
    /// For each instruction, the one of the program that it stands for.
    pub(in crate::engine) origins: Vec<u32>,
}

/// Whether an operation is a cut.
pub(in crate::engine) fn is_site(op: Op) -> bool {
    (Op::LdxB as u8..=Op::Atomic64 as u8).contains(&(op as u8))
        || matches!(op, Op::CallLocal | Op::CallHelper | Op::Exit | Op::End)
}

fn is_conditional(op: Op) -> bool {
    (Op::Jeq64K as u8..=Op::Jsle32X as u8).contains(&(op as u8))
}

/// Whether a step jumps to itself or to what stands before it.
fn is_back(step: &Step, at: usize) -> bool {
    (step.op == Op::Ja || is_conditional(step.op)) && step.aux as usize <= at
}

/// All pieces of a program by the decoded position where they begin.
pub(super) fn cut(code: &Code, insns: &[Insn]) -> Result<BTreeMap<u32, Segment>, EngineRefusal> {
    let mut starts: BTreeSet<usize> =
        code.entries.iter().map(|entry| entry.start as usize).collect();
    for (at, step) in code.steps.iter().enumerate() {
        if is_site(step.op) && !matches!(step.op, Op::Exit | Op::End) {
            starts.insert(at + 1);
        }
        if is_back(step, at) {
            starts.insert(step.aux as usize);
        }
    }
    let computes = |at: &usize| code.steps.get(*at).is_some_and(|step| !is_site(step.op));
    let pieces = starts.into_iter().filter(computes);
    pieces.map(|start| Ok((start as u32, piece(code, insns, start)?))).collect()
}

/// Positions that control may reach from a start without a cut or a jump back; cuts included.
fn reach(code: &Code, start: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![start];
    while let Some(at) = waiting.pop() {
        let Some(step) = code.steps.get(at) else { continue };
        if !reached.insert(at) || is_site(step.op) {
            continue;
        }
        if !is_back(step, at) && (step.op == Op::Ja || is_conditional(step.op)) {
            waiting.push(step.aux as usize);
        }
        if step.op != Op::Ja {
            waiting.push(at + 1);
        }
    }
    reached
}

/// A piece being written.
struct Writer {
    insns: Vec<Insn>,
    origins: Vec<u32>,
    /// The instruction that is being written.
    origin: u32,
    /// Jumps to the tail, and to what a position became.
    to_tail: Vec<usize>,
    to_step: Vec<(usize, usize)>,
    /// Jumps that leave for a position.
    to_exit: Vec<(usize, usize)>,
}

impl Writer {
    fn put(&mut self, code: u8, dst: u8, src: u8, off: i16, imm: i32) -> usize {
        self.insns.push(Insn { code, dst, src, off, imm });
        self.origins.push(self.origin);
        self.insns.len() - 1
    }

    fn prologue(&mut self) {
        self.put(STXDW, R10, 1, BLOCK, 0);
        self.put(LDXDW, 0, 1, 80, 0);
        self.put(STXDW, R10, 0, FRAME, 0);
        for register in [0, 2, 3, 4, 5, 6, 7, 8, 9, 1] {
            self.put(LDXDW, register, 1, i16::from(register) * 8, 0);
        }
    }

    /// Leaves with the position where the program goes on.
    fn leave(&mut self, position: usize) {
        let answer = i32::try_from(position).expect("programs are limited in length");
        self.put(STXDW, R10, 0, SAVED, 0);
        self.put(MOV64K, 0, 0, 0, answer);
        let jump = self.put(0x05, 0, 0, 0, 0);
        self.to_tail.push(jump);
    }

    fn tail(&mut self) {
        self.put(STXDW, R10, 0, ANSWER, 0);
        self.put(LDXDW, 0, R10, BLOCK, 0);
        for register in 1..=9_u8 {
            self.put(STXDW, 0, register, i16::from(register) * 8, 0);
        }
        self.put(LDXDW, 1, R10, SAVED, 0);
        self.put(STXDW, 0, 1, 0, 0);
        self.put(LDXDW, 0, R10, ANSWER, 0);
        self.put(0x95, 0, 0, 0, 0);
    }

    /// Gives a jump its distance.
    fn aim(&mut self, jump: usize, target: usize) -> Result<(), EngineRefusal> {
        let distance = i16::try_from(target as i64 - jump as i64 - 1);
        self.insns[jump].off = distance.map_err(|_error| {
            EngineRefusal::at(self.origins[jump], "a piece of the program is too long for a jump")
        })?;
        Ok(())
    }
}

fn piece(code: &Code, insns: &[Insn], start: usize) -> Result<Segment, EngineRefusal> {
    let reached = reach(code, start);
    let mut writer = Writer {
        insns: Vec::new(),
        origins: Vec::new(),
        origin: code.origin_of(start as u32),
        to_tail: Vec::new(),
        to_step: Vec::new(),
        to_exit: Vec::new(),
    };
    writer.prologue();
    let mut places = BTreeMap::new();
    for &at in &reached {
        places.insert(at, writer.insns.len());
        writer.origin = code.origin_of(at as u32);
        one(&mut writer, &code.steps[at], at, insns)?;
    }
    for (jump, position) in core::mem::take(&mut writer.to_exit) {
        let here = writer.insns.len();
        writer.aim(jump, here)?;
        writer.origin = writer.origins[jump];
        writer.leave(position);
    }
    let tail = writer.insns.len();
    writer.tail();
    for jump in core::mem::take(&mut writer.to_tail) {
        writer.aim(jump, tail)?;
    }
    for (jump, position) in core::mem::take(&mut writer.to_step) {
        writer.aim(jump, places[&position])?;
    }
    Ok(Segment { insns: writer.insns, origins: writer.origins })
}

fn one(writer: &mut Writer, step: &Step, at: usize, insns: &[Insn]) -> Result<(), EngineRefusal> {
    if is_site(step.op) {
        writer.leave(at);
        return Ok(());
    }
    let target = step.aux as usize;
    if step.op == Op::Ja {
        if is_back(step, at) {
            writer.leave(target);
        } else {
            let jump = writer.put(0x05, 0, 0, 0, 0);
            writer.to_step.push((jump, target));
        }
        return Ok(());
    }
    let refuse = |reason| EngineRefusal::at(writer.origin, reason);
    let Some(&insn) = insns.get(writer.origin as usize) else {
        return Err(refuse("the instruction is not in the program"));
    };
    let Insn { code, dst, src, off, imm } = insn;
    if code == 0x18 {
        // Maps, values and functions are virtual addresses by now.
        writer.put(code, dst, 0, 0, step.imm as u32 as i32);
        writer.put(0, 0, 0, 0, (step.imm >> 32) as u32 as i32);
        return Ok(());
    }
    let reads_frame = dst == R10 || code & 8 != 0 && src == R10 && code & 0xf0 != 0xd0;
    if code == MOV64X && off == 0 && src == R10 {
        writer.put(LDXDW, dst, R10, FRAME, 0);
    } else if reads_frame {
        return Err(refuse("it computes with the frame pointer other than by moving it"));
    } else {
        let place = writer.put(code, dst, src, off, imm);
        match (is_conditional(step.op), is_back(step, at)) {
            (true, true) => writer.to_exit.push((place, target)),
            (true, false) => writer.to_step.push((place, target)),
            (false, _) => {}
        }
    }
    Ok(())
}
