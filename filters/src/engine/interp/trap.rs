//! Traps: why a run stopped, where, and what the registers held.

use core::fmt;

use crate::program::SourceLine;

/// Why an access is refused.
///
/// ```
/// use fuserig_filters::engine::TrapKind;
/// # let _ = |kind: TrapKind| matches!(kind, TrapKind::Budget(_));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Why {
    PastEnd,
    BeforeStart,
    ReadOnly,
    NeverSet,
    Fields,
}

/// Why a run stopped.
///
/// ```
/// use fuserig_filters::engine::TrapKind;
/// let text = TrapKind::Budget(1000).to_string();
/// assert_eq!(text, "the budget of 1000 instructions is spent");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrapKind {
    /// An access to memory that is not there or not to be written, in words that name the region
    /// and its owner.
    Access(String),
    /// An access through a number that is no pointer.
    Unmapped {
        /// The address.
        address: u64,
        /// Bytes of the access.
        len: u64,
    },
    /// The budget in instructions is spent.
    Budget(u64),
    /// Functions called each other deeper than this.
    Depth(usize),
    /// The stack is spent: bytes that the called function needs, and bytes left.
    Stack {
        /// Bytes that the function needs.
        need: u32,
        /// Bytes left.
        left: u32,
    },
    /// A register was read that was never set.
    Register(u8),
    /// An atomic access that is not aligned.
    Misaligned {
        /// The address.
        address: u64,
        /// Bytes of the access.
        len: u32,
    },
    /// A function of the kernel got an argument that no verifier lets pass.
    Argument(String),
    /// The engine that computes for the program failed, in its own words.
    Engine(String),
    /// The program reached its end without an exit.
    End,
}

impl fmt::Display for TrapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrapKind::Access(text) | TrapKind::Argument(text) | TrapKind::Engine(text) => {
                f.write_str(text)
            }
            TrapKind::Unmapped { address: 0, len } => {
                write!(f, "{len} {} through NULL", plural(*len))
            }
            TrapKind::Unmapped { address, len } => {
                write!(f, "{len} {} at {address:#x}, which is no pointer", plural(*len))
            }
            TrapKind::Budget(limit) => {
                write!(f, "the budget of {limit} instructions is spent")
            }
            TrapKind::Depth(limit) => write!(f, "functions call each other deeper than {limit}"),
            TrapKind::Stack { need, left } => {
                write!(f, "the function needs {need} bytes of stack and {left} of 512 are left")
            }
            TrapKind::Register(number) => write!(f, "r{number} is read and was never set"),
            TrapKind::Misaligned { address, len } => {
                write!(f, "atomic access of {len} bytes at {address:#x} is not aligned")
            }
            TrapKind::End => f.write_str("the program ran past its end"),
        }
    }
}

/// `byte` or `bytes`.
pub(in crate::engine) fn plural(len: u64) -> &'static str {
    if len == 1 { "byte" } else { "bytes" }
}

/// A run that was stopped.
///
/// ```
/// use fuserig_filters::engine::{Trap, TrapKind};
/// let trap = Trap {
///     member: "open_prefilter".into(),
///     program: "hide_open".into(),
///     function: "hide_open".into(),
///     insn: 4,
///     line: None,
///     registers: [0; 11],
///     branches: vec![2],
///     kind: TrapKind::Budget(10),
/// };
/// let first = "open_prefilter: the budget of 10 instructions is spent";
/// assert_eq!(trap.to_string().lines().next(), Some(first));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// The member that was called; empty outside filters.
    pub member: String,
    /// Symbol of the program.
    pub program: String,
    /// Function the instruction belongs to.
    pub function: String,
    /// Position of the instruction in the program.
    pub insn: u32,
    /// Where it comes from, if the object says.
    pub line: Option<SourceLine>,
    /// r0 to r10 before the instruction.
    pub registers: [u64; 11],
    /// Instructions whose jumps were taken last, the oldest first.
    pub branches: Vec<u32>,
    /// Why.
    pub kind: TrapKind,
}

impl Trap {
    /// Why and where, on one line.
    ///
    /// ```
    /// # use fuserig_filters::engine::{Trap, TrapKind};
    /// # let trap = Trap {
    /// #     member: "open_prefilter".into(), program: "p".into(), function: "p".into(), insn: 4,
    /// #     line: None, registers: [0; 11], branches: Vec::new(), kind: TrapKind::Budget(10),
    /// # };
    /// let text = "open_prefilter: the budget of 10 instructions is spent, at instruction 4 of p";
    /// assert_eq!(trap.summary(), text);
    /// ```
    pub fn summary(&self) -> String {
        let name = if self.member.is_empty() { &self.program } else { &self.member };
        let place = format!("at instruction {} of {}", self.insn, self.function);
        match &self.line {
            Some(line) => format!("{name}: {}, {place}, {}:{}", self.kind, line.file, line.line),
            None => format!("{name}: {}, {place}", self.kind),
        }
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.member.is_empty() { &self.program } else { &self.member };
        writeln!(f, "{name}: {}", self.kind)?;
        write!(f, "  at instruction {} of {}", self.insn, self.function)?;
        if let Some(line) = &self.line {
            write!(f, ", {}:{}", line.file, line.line)?;
            if !line.text.is_empty() {
                write!(f, "\n    {}", line.text)?;
            }
        }
        for (number, value) in self.registers.iter().enumerate() {
            let separator = if number % 4 == 0 { "\n  " } else { "  " };
            let name = format!("r{number}");
            write!(f, "{separator}{name:>3} {value:016x}")?;
        }
        if !self.branches.is_empty() {
            let places: Vec<String> = self.branches.iter().map(u32::to_string).collect();
            write!(f, "\n  last jumps taken at {}", places.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Trap {}
