//! The pieces of a program together with what runs them.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use fuserig_abi::{Caller, Credentials, Pid, Timespec};

use super::choice::EngineRefusal;
use super::segment::{STATE_LEN, Segment, cut};
use crate::FilterEnv;
use crate::engine::Availability;
use crate::engine::interp::{Code, Limits, Machine};
use crate::program::{Program, ProgramKind};

/// Runs pieces.
pub(in crate::engine) trait Runner: fmt::Debug + Send + Sync {
    /// Runs the piece that begins at a decoded position on a block of registers, and gives the
    /// position where the program goes on.
    fn run(&self, start: u32, state: &mut [u8; STATE_LEN]) -> Result<u32, String>;
}

/// All pieces by where they begin.
pub(in crate::engine) type Segments = BTreeMap<u32, Segment>;

/// What makes a runner of pieces.
type Make = fn(&Segments) -> Result<Arc<dyn Runner>, EngineRefusal>;

/// The first piece that another engine ran otherwise than the interpreter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Mismatch {
    /// Decoded position where the piece begins.
    pub(in crate::engine) start: u32,
    /// Registers before it.
    pub(in crate::engine) before: [u64; 11],
    /// What differs, the interpreter's side first.
    pub(in crate::engine) what: String,
}

/// The pieces of a program, and what runs them.
#[derive(Debug)]
pub(in crate::engine) struct Pieces {
    segments: Arc<Segments>,
    runner: Arc<dyn Runner>,
    /// The first mismatch, when the interpreter runs every piece as well.
    compared: Option<Mutex<Option<Mismatch>>>,
}

impl Pieces {
    /// The pieces of a program, which was decoded from these instructions.
    pub(in crate::engine) fn of(
        code: &Code,
        program: &Program,
        make: Make,
    ) -> Result<Pieces, EngineRefusal> {
        let segments = Arc::new(cut(code, &program.insns)?);
        let runner = make(&segments)?;
        Ok(Pieces { segments, runner, compared: None })
    }

    /// The same pieces, each run by the interpreter as well.
    pub(in crate::engine) fn comparing(&self) -> Pieces {
        Pieces {
            segments: Arc::clone(&self.segments),
            runner: Arc::clone(&self.runner),
            compared: Some(Mutex::new(None)),
        }
    }

    /// The first mismatch so far.
    pub(in crate::engine) fn mismatch(&self) -> Option<Mismatch> {
        let found = self.compared.as_ref()?;
        found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs a piece.
    pub(in crate::engine) fn run(
        &self,
        start: u32,
        state: &mut [u8; STATE_LEN],
    ) -> Result<u32, String> {
        let before = *state;
        let next = self.runner.run(start, state)?;
        if let (Some(found), Some(segment)) = (&self.compared, self.segments.get(&start)) {
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            if found.is_none() {
                *found = compare(segment, start, &before, (next, state));
            }
        }
        Ok(next)
    }
}

/// The registers of a block.
pub(super) fn registers(state: &[u8; STATE_LEN]) -> [u64; 11] {
    let mut registers = [0; 11];
    for (register, bytes) in registers.iter_mut().zip(state.chunks_exact(8)) {
        *register = u64::from_le_bytes(bytes.try_into().expect("chunks of eight"));
    }
    registers
}

/// Runs a piece on the interpreter and compares what came of it.
fn compare(
    segment: &Segment,
    start: u32,
    before: &[u8; STATE_LEN],
    (next, after): (u32, &[u8; STATE_LEN]),
) -> Option<Mismatch> {
    let mismatch = |what| Some(Mismatch { start, before: registers(before), what });
    let (expected_next, expected) = match on_interp(segment, before) {
        Ok(outcome) => outcome,
        Err(text) => return mismatch(format!("the interpreter stops: {text}")),
    };
    let (ours, theirs) = (registers(&expected), registers(after));
    let differs = (0..10).find(|number| ours[*number] != theirs[*number]);
    if let Some(number) = differs {
        let (ours, theirs) = (ours[number], theirs[number]);
        return mismatch(format!("r{number} becomes {ours:#x} and {theirs:#x}"));
    }
    if expected_next == next {
        return None;
    }
    mismatch(format!("it goes on at step {expected_next} and {next}"))
}

fn on_interp(
    segment: &Segment,
    before: &[u8; STATE_LEN],
) -> Result<(u32, [u8; STATE_LEN]), String> {
    let program = Program {
        name: "piece".to_owned(),
        section: "syscall".to_owned(),
        kind: ProgramKind::Syscall,
        insns: segment.insns.clone(),
        functions: Vec::new(),
        lines: Vec::new(),
    };
    let mut code =
        Code::decode(&program, &[], Availability::Everything).map_err(|error| error.to_string())?;
    let mut machine = Machine::new(&[], Limits::default()).map_err(|error| error.to_string())?;
    machine.add(&mut code);
    let caller = Caller::new(Credentials::root(), Pid(0), Timespec::ZERO);
    let mut env = FilterEnv::new(&caller);
    let mut bytes = before.to_vec();
    let next =
        machine.run_bytes(&code, &mut bytes, &mut env).map_err(|trap| trap.kind.to_string())?;
    let after = bytes.try_into().map_err(|_bytes| "the block changed its length".to_owned())?;
    Ok((next as u32, after))
}
