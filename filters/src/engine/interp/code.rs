//! Decoded programs.

use std::sync::Arc;

use crate::engine::helpers::Function;
use crate::engine::second::Pieces;
use crate::program::{FunctionSpan, Program, SourceLine};

/// One operation of the interpreter. Names end in the width and in K (immediate) or X (register).
/// Those after `End` do two or three instructions at once, see [`super::fuse`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
pub(in crate::engine) enum Op {
    Add64K, Add64X, Add32K, Add32X, Sub64K, Sub64X, Sub32K, Sub32X, Mul64K, Mul64X, Mul32K, Mul32X,
    Div64K, Div64X, Div32K, Div32X, Or64K, Or64X, Or32K, Or32X, And64K, And64X, And32K, And32X,
    Lsh64K, Lsh64X, Lsh32K, Lsh32X, Rsh64K, Rsh64X, Rsh32K, Rsh32X, Mod64K, Mod64X, Mod32K, Mod32X,
    Xor64K, Xor64X, Xor32K, Xor32X, Mov64K, Mov64X, Mov32K, Mov32X, Arsh64K, Arsh64X, Arsh32K,
    Arsh32X, Sdiv64K, Sdiv64X, Sdiv32K, Sdiv32X, Smod64K, Smod64X, Smod32K, Smod32X,
    Jeq64K, Jeq64X, Jeq32K, Jeq32X, Jgt64K, Jgt64X, Jgt32K, Jgt32X, Jge64K, Jge64X, Jge32K, Jge32X,
    Jset64K, Jset64X, Jset32K, Jset32X, Jne64K, Jne64X, Jne32K, Jne32X, Jsgt64K, Jsgt64X, Jsgt32K,
    Jsgt32X, Jsge64K, Jsge64X, Jsge32K, Jsge32X, Jlt64K, Jlt64X, Jlt32K, Jlt32X, Jle64K, Jle64X,
    Jle32K, Jle32X, Jslt64K, Jslt64X, Jslt32K, Jslt32X, Jsle64K, Jsle64X, Jsle32K, Jsle32X,
    Neg64, Neg32, Sx8To64, Sx16To64, Sx32To64, Sx8To32, Sx16To32,
    Le16, Le32, Le64, Be16, Be32, Be64, Swap16, Swap32, Swap64,
    LdxB, LdxH, LdxW, LdxDw, LdxSb, LdxSh, LdxSw, StB, StH, StW, StDw, StxB, StxH, StxW, StxDw,
    Atomic32, Atomic64, Ja, CallLocal, CallHelper, Exit, End,
    MovAdd64K, MovAdd64X, MovAnd64K, MovLsh64K, MovRsh64K, XorMul64X, AddJne64K, LdxBJeq32K,
    LdxBJne32K, MovAddLdxB, MovRshXor,
}

/// One decoded instruction.
///
/// | operation | `aux` | `imm` |
/// |---|---|---|
/// | arithmetic | - | sign-extended immediate, address or constant |
/// | jump, local call | decoded position of the target | sign-extended immediate |
/// | load, store | sign-extended offset | sign-extended immediate |
/// | atomic | sign-extended offset | operation |
/// | helper | index into [`Code::functions`] | - |
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Step {
    pub(in crate::engine) op: Op,
    pub(in crate::engine) dst: u8,
    pub(in crate::engine) src: u8,
    pub(in crate::engine) aux: u32,
    pub(in crate::engine) imm: u64,
}

/// A function of a decoded program.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Entry {
    /// Decoded position of its first instruction.
    pub(in crate::engine) start: u32,
    /// Bytes of stack below the frame pointer that its text shows.
    pub(in crate::engine) stack: u32,
    /// Whether `stack` is all it can touch.
    pub(in crate::engine) stack_is_exact: bool,
}

/// A program decoded for the interpreter.
///
/// ```
/// use fuserig_filters::engine::{Availability, Code};
/// use fuserig_filters::program::{Insn, Program, ProgramKind};
/// let insns = [[0xb7, 0, 0, 0, 7, 0, 0, 0], [0x95, 0, 0, 0, 0, 0, 0, 0]];
/// let program = Program {
///     name: "seven".into(),
///     section: "syscall".into(),
///     kind: ProgramKind::Syscall,
///     insns: insns.into_iter().map(Insn::from_bytes).collect(),
///     functions: Vec::new(),
///     lines: Vec::new(),
/// };
/// let code = Code::decode(&program, &[], Availability::Everything).expect("legal");
/// assert_eq!(code.len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Code {
    pub(in crate::engine) name: String,
    pub(in crate::engine) steps: Vec<Step>,
    /// The same steps for runs that look at no register, with groups made one.
    pub(in crate::engine) fused: Vec<Step>,
    /// Position in the program of each decoded instruction.
    pub(in crate::engine) origin: Vec<u32>,
    /// Functions by start; the first is the main one.
    pub(in crate::engine) entries: Vec<Entry>,
    pub(in crate::engine) functions: Vec<Function>,
    pub(in crate::engine) spans: Vec<FunctionSpan>,
    pub(in crate::engine) lines: Vec<SourceLine>,
    /// What another engine runs of it; none on the interpreter.
    pub(in crate::engine) pieces: Option<Arc<Pieces>>,
    /// Where its coverage counters begin in a machine.
    pub(in crate::engine) counters: u32,
}

impl Code {
    /// How many instructions it has; `lddw` counts once.
    pub fn len(&self) -> usize {
        self.origin.len()
    }

    /// Whether it has none, which no legal program has.
    pub fn is_empty(&self) -> bool {
        self.origin.is_empty()
    }

    /// The symbol of the program.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its counters stand among those of the machine that it will run on.
    pub fn set_counters(&mut self, first: u32) {
        self.counters = first;
    }

    /// The function that a decoded position belongs to.
    pub(in crate::engine) fn entry_of(&self, position: u32) -> &Entry {
        if let [only] = self.entries.as_slice() {
            return only;
        }
        let after = self.entries.partition_point(|entry| entry.start <= position);
        &self.entries[after.saturating_sub(1)]
    }

    /// The decoded function that a callback token names.
    pub(in crate::engine) fn entry_at(&self, position: u32) -> Option<&Entry> {
        let index = self.entries.binary_search_by_key(&position, |entry| entry.start).ok()?;
        self.entries.get(index)
    }

    /// The position in the program of a decoded one.
    pub(in crate::engine) fn origin_of(&self, position: u32) -> u32 {
        self.origin.get(position as usize).copied().unwrap_or(u32::MAX)
    }

    /// The source line of a position in the program.
    pub(in crate::engine) fn line_of(&self, insn: u32) -> Option<&SourceLine> {
        let after = self.lines.partition_point(|line| line.insn <= insn);
        self.lines[..after].last()
    }

    /// The name of the function that a position in the program belongs to.
    pub(in crate::engine) fn function_of(&self, insn: u32) -> &str {
        let after = self.spans.partition_point(|span| span.start <= insn);
        self.spans[..after].last().map_or(self.name.as_str(), |span| span.name.as_str())
    }

    pub(in crate::engine) fn describe(program: &Program) -> Code {
        Code {
            name: program.name.clone(),
            steps: Vec::with_capacity(program.insns.len() + 1),
            fused: Vec::new(),
            origin: Vec::with_capacity(program.insns.len()),
            entries: Vec::new(),
            functions: Vec::new(),
            spans: program.functions.clone(),
            lines: program.lines.clone(),
            pieces: None,
            counters: 0,
        }
    }
}
