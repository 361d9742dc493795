//! Pieces of filters in rbpf.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::legalise::legalise;
use crate::engine::second::{EngineRefusal, Runner, STATE_LEN, Segment};
use crate::program::Insn;

/// Pieces as rbpf reads them, legalised and looked at by its own verifier.
#[derive(Debug)]
struct Legalised(BTreeMap<u32, Vec<u8>>);

/// A runner of these pieces.
pub(in crate::engine) fn runner(
    segments: &BTreeMap<u32, Segment>,
) -> Result<Arc<dyn Runner>, EngineRefusal> {
    let mut programs = BTreeMap::new();
    for (start, segment) in segments {
        let insns = legalise(&segment.insns).map_err(|error| EngineRefusal {
            insn: segment.origins.get(error.insn).copied(),
            reason: error.reason.to_owned(),
        })?;
        programs.insert(*start, checked(&insns, segment)?);
    }
    Ok(Arc::new(Legalised(programs)))
}

/// The bytes of a piece, once rbpf's verifier has nothing against it.
fn checked(insns: &[Insn], segment: &Segment) -> Result<Vec<u8>, EngineRefusal> {
    let bytes: Vec<u8> = insns.iter().flat_map(|insn| insn.to_bytes()).collect();
    match ::rbpf::EbpfVmRaw::new(Some(&bytes)).map(|_| ()) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(EngineRefusal {
            insn: segment.origins.first().copied(),
            reason: format!("rbpf: {error}"),
        }),
    }
}

/// Programs were verified when they were loaded; a machine is made for every run.
fn accept(_: &[u8]) -> Result<(), std::io::Error> {
    Ok(())
}

impl Runner for Legalised {
    fn run(&self, start: u32, state: &mut [u8; STATE_LEN]) -> Result<u32, String> {
        let told = |error: std::io::Error| format!("rbpf: {error}");
        let program = self.0.get(&start).ok_or("no piece of the program begins here")?;
        let mut machine = ::rbpf::EbpfVmRaw::new(None).map_err(told)?;
        machine.set_verifier(accept).map_err(told)?;
        machine.set_program(program).map_err(told)?;
        let answer = machine.execute_program(state).map_err(told)?;
        u32::try_from(answer).map_err(|_error| format!("rbpf answers {answer:#x}"))
    }
}

#[cfg(test)]
pub(in crate::engine) mod planted {
    use super::*;

    /// A runner that leaves out the legaliser, and so has rbpf's own mistakes.
    pub(in crate::engine) fn runner(
        segments: &BTreeMap<u32, Segment>,
    ) -> Result<Arc<dyn Runner>, EngineRefusal> {
        let bytes = |segment: &Segment| checked(&segment.insns, segment);
        let programs: Result<BTreeMap<u32, Vec<u8>>, EngineRefusal> =
            segments.iter().map(|(start, segment)| Ok((*start, bytes(segment)?))).collect();
        Ok(Arc::new(Legalised(programs?)))
    }
}
