//! Which engine runs a filter, and why one cannot.

use core::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::pieces::Pieces;
use crate::engine::interp::Code;
use crate::engine::kernel;
use crate::program::Program;

/// An engine that can run a filter.
///
/// ```
/// use fuserig_filters::engine::Engine;
/// assert_eq!(Engine::from_name("rbpf"), Some(Engine::Rbpf));
/// assert_eq!(Engine::default().to_string(), "interp");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Engine {
    /// The checked interpreter, the reference.
    #[default]
    Interp,
    /// The interpreter of the crate rbpf behind the legaliser; memory and functions are ours.
    Rbpf,
    /// The kernel of this machine; memory and functions are ours. It needs bpf() and privilege.
    Kernel,
}

impl Engine {
    /// Every engine, the reference first.
    pub const ALL: [Engine; 3] = [Engine::Interp, Engine::Rbpf, Engine::Kernel];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Engine::Interp => "interp",
            Engine::Rbpf => "rbpf",
            Engine::Kernel => "kernel",
        }
    }

    /// The engine with that word.
    pub fn from_name(name: &str) -> Option<Engine> {
        Engine::ALL.into_iter().find(|engine| engine.name() == name)
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why an engine cannot run a program.
///
/// ```
/// use fuserig_filters::engine::EngineRefusal;
/// let refusal = EngineRefusal { insn: Some(3), reason: "rbpf has no atomics".into() };
/// assert_eq!(refusal.to_string(), "instruction 3: rbpf has no atomics");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct EngineRefusal {
    /// The instruction of the program, where one is to blame.
    pub insn: Option<u32>,
    /// The reason, for people.
    pub reason: String,
}

impl EngineRefusal {
    pub(super) fn at(insn: u32, reason: impl Into<String>) -> EngineRefusal {
        EngineRefusal { insn: Some(insn), reason: reason.into() }
    }
}

impl fmt::Display for EngineRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.insn {
            Some(insn) => write!(f, "instruction {insn}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl Code {
    /// The same program on an engine; it was decoded from these instructions.
    ///
    /// # Errors
    /// What that engine cannot do, or that there is none on this machine.
    ///
    /// ```
    /// use fuserig_filters::engine::vectors::assemble;
    /// use fuserig_filters::engine::{Availability, Code, Engine};
    /// use fuserig_filters::program::{Program, ProgramKind};
    /// let program = Program {
    ///     name: "half".into(),
    ///     section: "syscall".into(),
    ///     kind: ProgramKind::Syscall,
    ///     insns: assemble("mov %r0, 7\nsdiv %r0, 2\nexit").expect("assembler"),
    ///     functions: Vec::new(),
    ///     lines: Vec::new(),
    /// };
    /// let code = Code::decode(&program, &[], Availability::Everything).expect("legal");
    /// let refusal = code.on(Engine::Rbpf, &program).unwrap_err();
    /// assert!(refusal.to_string().starts_with("instruction 1: rbpf executes signed division"));
    /// ```
    pub fn on(mut self, engine: Engine, program: &Program) -> Result<Code, EngineRefusal> {
        self.pieces = match engine {
            Engine::Interp => None,
            Engine::Rbpf => {
                Some(Arc::new(Pieces::of(&self, program, crate::engine::rbpf::runner)?))
            }
            Engine::Kernel => Some(Arc::new(Pieces::of(&self, program, kernel::runner)?)),
        };
        Ok(self)
    }
}
