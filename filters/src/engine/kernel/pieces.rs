//! Pieces of filters in the kernel of this machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::program::{KernelError, KernelProgram};
use crate::engine::second::{EngineRefusal, Runner, STATE_LEN, Segment};

/// Pieces as loaded programs.
#[derive(Debug)]
struct Loaded(BTreeMap<u32, KernelProgram>);

/// A runner of these pieces.
pub(in crate::engine) fn runner(
    segments: &BTreeMap<u32, Segment>,
) -> Result<Arc<dyn Runner>, EngineRefusal> {
    let mut programs = BTreeMap::new();
    for (start, segment) in segments {
        let program = KernelProgram::load(&segment.insns).map_err(|error| EngineRefusal {
            insn: match error {
                KernelError::Unavailable(_) => None,
                _ => segment.origins.first().copied(),
            },
            reason: error.to_string(),
        })?;
        programs.insert(*start, program);
    }
    Ok(Arc::new(Loaded(programs)))
}

impl Runner for Loaded {
    fn run(&self, start: u32, state: &mut [u8; STATE_LEN]) -> Result<u32, String> {
        let program = self.0.get(&start).ok_or("no piece of the program begins here")?;
        program.run(state).map_err(|error| error.to_string())
    }
}
