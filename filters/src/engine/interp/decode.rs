//! From the kernel's encoding to decoded steps, refusing what is not legal.

use thiserror::Error;

use super::code::{Code, Entry, Op, Step};
use super::{fuse, legal, ops, stack};
use crate::engine::helpers::{self, Availability, CALLBACK_BASE, Refusal};
use crate::program::{
    Insn, POISON_IMM, PSEUDO_CALL, PSEUDO_FUNC, PSEUDO_KFUNC, PSEUDO_MAP, PSEUDO_MAP_VALUE, Program,
};

/// Most instructions of a program, its subprograms included: the kernel's limit.
const INSNS_MAX: usize = 1_000_000;

/// What is wrong with an instruction.
///
/// ```
/// use fuserig_filters::engine::DecodeProblem;
/// assert_eq!(DecodeProblem::Register(11).to_string(), "register r11 does not exist");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeProblem {
    /// The program has no instructions.
    #[error("there are no instructions")]
    Empty,
    /// More instructions than any kernel takes.
    #[error("{0} instructions are more than the kernel's {INSNS_MAX}")]
    TooLong(usize),
    /// An opcode that does not exist.
    #[error("opcode {0:#04x} does not exist")]
    Opcode(u8),
    /// Access to packets, from before eBPF.
    #[error("opcode {0:#04x} reads packets, which only socket filters have")]
    Legacy(u8),
    /// A register above r10.
    #[error("register r{0} does not exist")]
    Register(u8),
    /// A write to r10.
    #[error("the frame pointer r10 is read-only")]
    FramePointer,
    /// A field that must be zero is not.
    #[error("the {field} field must be zero here and is {value}")]
    Reserved {
        /// Which field.
        field: &'static str,
        /// What it holds.
        value: i64,
    },
    /// The second half of `lddw` is missing.
    #[error("the second half of lddw is missing")]
    HalfOfWide,
    /// An atomic operation that does not exist.
    #[error("atomic operation {0:#x} does not exist")]
    Atomic(i32),
    /// A call through a register, which no Linux knows.
    #[error("a call through a register is not known to Linux")]
    CallRegister,
    /// A jump to nowhere.
    #[error("the jump goes to {0}, which is no instruction of the same function")]
    Jump(i64),
    /// The last instruction of a function is no exit and no jump.
    #[error("the function ends without exit or jump; end it with exit")]
    FallsThrough,
    /// A map that the object does not have.
    #[error("map {0} does not exist in this object")]
    Map(i32),
    /// A pseudo value that the engine does not know.
    #[error("the pseudo value {0} of lddw is not known")]
    Pseudo(u8),
    /// A call that cannot be made.
    #[error("{0}")]
    Call(Refusal),
    /// The stack of nested calls is too large.
    #[error("nested functions need {need} bytes of stack and have {limit}")]
    Stack {
        /// Bytes that the deepest chain needs.
        need: u32,
        /// Bytes there are.
        limit: u32,
    },
    /// Functions call each other deeper than a kernel allows.
    #[error("functions call each other deeper than {0}; recursion is not allowed")]
    Depth(usize),
}

/// A program that is not legal, with the instruction at fault.
///
/// ```
/// use fuserig_filters::engine::{DecodeError, DecodeProblem};
/// let error = DecodeError { program: "f".into(), insn: 3, problem: DecodeProblem::FramePointer };
/// assert_eq!(error.to_string(), "program f: instruction 3: the frame pointer r10 is read-only");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("program {program}: instruction {insn}: {problem}")]
pub struct DecodeError {
    /// Symbol of the program.
    pub program: String,
    /// The instruction, counted from 0.
    pub insn: usize,
    /// What is wrong with it.
    pub problem: DecodeProblem,
}

/// An instruction and what is wrong with it.
type At = (usize, DecodeProblem);

impl Code {
    /// Decodes a program. `kfuncs` are the names its kernel calls index, and `available` says
    /// which helpers and kernel functions it may call.
    ///
    /// # Errors
    /// The first instruction that is not legal, or that calls what is not available.
    pub fn decode(
        program: &Program,
        kfuncs: &[String],
        available: Availability,
    ) -> Result<Code, DecodeError> {
        decode(program, kfuncs, available).map_err(|(insn, problem)| DecodeError {
            program: program.name.clone(),
            insn,
            problem,
        })
    }
}

fn decode(program: &Program, kfuncs: &[String], available: Availability) -> Result<Code, At> {
    let insns = &program.insns;
    if insns.is_empty() {
        return Err((0, DecodeProblem::Empty));
    }
    if insns.len() > INSNS_MAX {
        return Err((INSNS_MAX, DecodeProblem::TooLong(insns.len())));
    }
    let layout = Layout::of(program)?;
    let mut code = Code::describe(program);
    let mut at = 0;
    while at < insns.len() {
        let insn = insns[at];
        let step = one(&layout, &mut code, insns, at, kfuncs, available)
            .map_err(|problem| (at, problem))?;
        code.origin.push(position(at));
        code.steps.push(step);
        at += width(insn);
    }
    code.steps.push(Step { op: Op::End, dst: 0, src: 0, aux: 0, imm: 0 });
    code.fused = fuse::groups(&code.steps);
    code.entries = layout.entries(insns);
    stack::check_depth(&code)?;
    Ok(code)
}

/// Positions fit: the number of instructions is limited.
fn position(at: usize) -> u32 {
    u32::try_from(at).expect("at most a million instructions")
}

fn width(insn: Insn) -> usize {
    if insn.code == 0x18 { 2 } else { 1 }
}

/// Where instructions and functions are.
struct Layout {
    /// Decoded position by position in the program; `NONE` for second halves.
    decoded: Vec<u32>,
    /// Starts of functions, in order.
    starts: Vec<usize>,
}

const NONE: u32 = u32::MAX;

impl Layout {
    fn of(program: &Program) -> Result<Layout, At> {
        let insns = &program.insns;
        let mut decoded = vec![NONE; insns.len()];
        let mut starts = vec![0];
        starts.extend(program.functions.iter().map(|span| span.start as usize));
        let (mut at, mut count) = (0, 0);
        while at < insns.len() {
            let insn = insns[at];
            legal::check(insn, insns.get(at + 1).copied()).map_err(|problem| (at, problem))?;
            decoded[at] = count;
            count += 1;
            match (insn.code, insn.src) {
                (0x85, PSEUDO_CALL) => starts.push(target(at, insn.imm.into(), insns.len())?),
                (0x18, PSEUDO_FUNC) => starts.push(usize::try_from(insn.imm).unwrap_or(usize::MAX)),
                _ => {}
            }
            at += width(insn);
        }
        starts.sort_unstable();
        starts.dedup();
        let layout = Layout { decoded, starts };
        layout.check_starts(insns)?;
        Ok(layout)
    }

    fn check_starts(&self, insns: &[Insn]) -> Result<(), At> {
        let is_none = |start: usize| self.decoded.get(start).is_none_or(|at| *at == NONE);
        if let Some(&start) = self.starts.iter().find(|start| is_none(**start)) {
            return Err((0, DecodeProblem::Jump(start as i64)));
        }
        for index in 0..self.starts.len() {
            let end = self.starts.get(index + 1).copied().unwrap_or(insns.len());
            let ends_well = matches!(insns[end - 1].code, 0x95 | 0x05 | 0x06);
            if !ends_well || self.decoded[end - 1] == NONE {
                return Err((end - 1, DecodeProblem::FallsThrough));
            }
        }
        Ok(())
    }

    fn function_range(&self, at: usize) -> core::ops::Range<usize> {
        let after = self.starts.partition_point(|start| *start <= at);
        let end = self.starts.get(after).copied().unwrap_or(self.decoded.len());
        self.starts[after - 1]..end
    }

    /// The decoded position of a jump target within the function of `at`.
    fn jump(&self, at: usize, distance: i64) -> Result<u32, DecodeProblem> {
        let to = at as i64 + 1 + distance;
        let inside = usize::try_from(to).ok().filter(|to| self.function_range(at).contains(to));
        match inside.map(|to| self.decoded[to]) {
            Some(decoded) if decoded != NONE => Ok(decoded),
            _ => Err(DecodeProblem::Jump(to)),
        }
    }

    fn entries(&self, insns: &[Insn]) -> Vec<Entry> {
        let entry = |(index, &start): (usize, &usize)| {
            let end = self.starts.get(index + 1).copied().unwrap_or(insns.len());
            let (stack, stack_is_exact) = stack::shown(&insns[start..end]);
            Entry { start: self.decoded[start], stack, stack_is_exact }
        };
        self.starts.iter().enumerate().map(entry).collect()
    }
}

fn target(at: usize, distance: i64, len: usize) -> Result<usize, At> {
    let to = at as i64 + 1 + distance;
    usize::try_from(to).ok().filter(|to| *to < len).ok_or((at, DecodeProblem::Jump(to)))
}

fn one(
    layout: &Layout,
    code: &mut Code,
    insns: &[Insn],
    at: usize,
    kfuncs: &[String],
    available: Availability,
) -> Result<Step, DecodeProblem> {
    let insn = insns[at];
    let signed = i64::from(insn.imm) as u64;
    let offset = i32::from(insn.off) as u32;
    let plain = |op| Step { op, dst: insn.dst, src: insn.src, aux: 0, imm: signed };
    match insn.code & 7 {
        0 => {
            let high = insns[at + 1].imm;
            let imm = wide(layout, insn, high)?;
            Ok(Step { op: Op::Mov64K, dst: insn.dst, src: 0, aux: 0, imm })
        }
        1..=3 => {
            let op = ops::memory(insn).ok_or(DecodeProblem::Opcode(insn.code))?;
            Ok(Step { aux: offset, ..plain(op) })
        }
        5 | 6 => match insn.code {
            0x05 => Ok(Step { aux: layout.jump(at, insn.off.into())?, ..plain(Op::Ja) }),
            0x06 => Ok(Step { aux: layout.jump(at, insn.imm.into())?, ..plain(Op::Ja) }),
            0x85 => call(layout, code, insn, at, kfuncs, available),
            0x95 => Ok(plain(Op::Exit)),
            _ => {
                let op = ops::jump(insn).ok_or(DecodeProblem::Opcode(insn.code))?;
                Ok(Step { aux: layout.jump(at, insn.off.into())?, ..plain(op) })
            }
        },
        _ => Ok(plain(ops::arithmetic(insn).ok_or(DecodeProblem::Opcode(insn.code))?)),
    }
}

fn wide(layout: &Layout, insn: Insn, high: i32) -> Result<u64, DecodeProblem> {
    let low = u64::from(insn.imm as u32);
    let high = u64::from(high as u32);
    match insn.src {
        0 => Ok(high << 32 | low),
        PSEUDO_MAP => Ok(helpers::map_handle(insn.imm as u32)),
        PSEUDO_MAP_VALUE => {
            let region = super::machine::map_region(insn.imm as u32);
            Ok(super::region_address(region) + high)
        }
        PSEUDO_FUNC => {
            let start = usize::try_from(insn.imm).unwrap_or(usize::MAX);
            let decoded = layout.decoded.get(start).copied().unwrap_or(NONE);
            if decoded == NONE {
                return Err(DecodeProblem::Jump(insn.imm.into()));
            }
            Ok(CALLBACK_BASE + u64::from(decoded))
        }
        other => Err(DecodeProblem::Pseudo(other)),
    }
}

fn call(
    layout: &Layout,
    code: &mut Code,
    insn: Insn,
    at: usize,
    kfuncs: &[String],
    available: Availability,
) -> Result<Step, DecodeProblem> {
    let step = |op, aux| Step { op, dst: 0, src: 0, aux, imm: 0 };
    let function = match insn.src {
        PSEUDO_CALL => {
            let to = at as i64 + 1 + i64::from(insn.imm);
            let decoded = usize::try_from(to).ok().and_then(|to| layout.decoded.get(to));
            let Some(&decoded) = decoded else { return Err(DecodeProblem::Jump(to)) };
            return Ok(step(Op::CallLocal, decoded));
        }
        0 if insn.imm == POISON_IMM => Ok(helpers::poison()),
        0 => helpers::helper(insn.imm, available),
        PSEUDO_KFUNC => {
            let name = usize::try_from(insn.imm).ok().and_then(|index| kfuncs.get(index));
            helpers::kfunc(name.map_or("", String::as_str), available)
        }
        other => return Err(DecodeProblem::Reserved { field: "src", value: other.into() }),
    };
    let function = function.map_err(DecodeProblem::Call)?;
    let known = code.functions.iter().position(|other| core::ptr::eq(other.info, function.info));
    let index = known.unwrap_or_else(|| {
        code.functions.push(function);
        code.functions.len() - 1
    });
    Ok(step(Op::CallHelper, position(index)))
}
