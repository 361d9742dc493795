//! Judging vectors on an engine.

use core::fmt;

use fuserig_abi::{Caller, Credentials, Pid, Timespec};

use super::vector::{Vector, VectorError};
use crate::FilterEnv;
use crate::engine::{
    Availability, Code, DecodeError, Engine, EngineRefusal, Limits, Machine, Mode, Trap,
};
use crate::program::{Insn, Program, ProgramKind};

/// What an engine did with a vector.
///
/// ```
/// use fuserig_filters::engine::{Engine, Mode};
/// use fuserig_filters::engine::vectors::{Judged, run_vector};
/// let text = "-- asm\nmov %r0, 3\nexit\n-- result\n0x4";
/// let judged = run_vector(text, Engine::Interp, Mode::Kernel);
/// assert_eq!(judged, Judged::Differs { expected: 4, found: 3 });
/// assert!(!judged.is_agreed());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Judged {
    /// The result is the expected one.
    Agrees,
    /// An error was expected, and the program did not run to its end.
    RefusedAsExpected,
    /// The file is no vector.
    Unreadable(VectorError),
    /// The program was refused at load.
    Refused(String),
    /// The run was stopped.
    Stopped(String),
    /// Another result.
    Differs {
        /// What the vector says.
        expected: u64,
        /// What the engine says.
        found: u64,
    },
    /// It ran although an error was expected.
    Ran(u64),
}

impl Judged {
    /// Whether the engine did what the vector says.
    pub fn is_agreed(&self) -> bool {
        matches!(self, Judged::Agrees | Judged::RefusedAsExpected)
    }

    /// Whether something refused the program or its result, which is what a negative vector wants.
    pub fn is_caught(&self) -> bool {
        match self {
            Judged::Agrees | Judged::Ran(_) => false,
            Judged::RefusedAsExpected
            | Judged::Unreadable(_)
            | Judged::Refused(_)
            | Judged::Stopped(_)
            | Judged::Differs { .. } => true,
        }
    }

    /// The judgement on the value a program ended with.
    pub(in crate::engine) fn of_result(vector: &Vector, found: u64) -> Judged {
        match vector.result {
            Some(expected) if expected == found => Judged::Agrees,
            Some(expected) => Judged::Differs { expected, found },
            None => Judged::Ran(found),
        }
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Judged::Agrees => f.write_str("agrees"),
            Judged::RefusedAsExpected => f.write_str("refused, as expected"),
            Judged::Unreadable(error) => write!(f, "unreadable: {error}"),
            Judged::Refused(error) => write!(f, "refused: {error}"),
            Judged::Stopped(trap) => write!(f, "stopped: {trap}"),
            Judged::Differs { expected, found } => {
                write!(f, "r0 is {found:#x}, expected {expected:#x}")
            }
            Judged::Ran(found) => write!(f, "ran to its end with r0 {found:#x}"),
        }
    }
}

/// Runs the text of a vector on an engine. In [`Mode::Strict`] reading what was never set counts
/// as a refusal, as a verifier would refuse it; negative vectors want that.
pub fn run_vector(text: &str, engine: Engine, mode: Mode) -> Judged {
    let vector = match Vector::parse(text) {
        Ok(vector) => vector,
        Err(error) => return Judged::Unreadable(error),
    };
    let mut memory = vector.memory.clone();
    let judged = match run(&vector.insns, &mut memory, engine, mode) {
        Ok(found) => return Judged::of_result(&vector, found),
        Err(Failed::Load(error)) => Judged::Refused(error.problem.to_string()),
        Err(Failed::Engine(refusal)) => Judged::Refused(refusal.to_string()),
        Err(Failed::Run(trap)) => Judged::Stopped(trap.kind.to_string()),
    };
    if vector.error.is_some() { Judged::RefusedAsExpected } else { judged }
}

enum Failed {
    Load(DecodeError),
    Engine(EngineRefusal),
    Run(Box<Trap>),
}

fn run(insns: &[Insn], memory: &mut Vec<u8>, engine: Engine, mode: Mode) -> Result<u64, Failed> {
    let program = Program {
        name: "vector".to_owned(),
        section: "syscall".to_owned(),
        kind: ProgramKind::Syscall,
        insns: insns.to_vec(),
        functions: Vec::new(),
        lines: Vec::new(),
    };
    let code = Code::decode(&program, &[], Availability::Everything).map_err(Failed::Load)?;
    let mut code = code.on(engine, &program).map_err(Failed::Engine)?;
    let limits = Limits { mode, ..Limits::default() };
    let mut machine = Machine::new(&[], limits).expect("there are no maps that could fail");
    machine.add(&mut code);
    let caller = Caller::new(Credentials::root(), Pid(1), Timespec::ZERO);
    let mut env = FilterEnv::new(&caller);
    machine.run_bytes(&code, memory, &mut env).map_err(Failed::Run)
}
