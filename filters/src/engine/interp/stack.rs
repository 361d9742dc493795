//! How much stack a function needs, as far as its text shows.
//!
//! A verifier knows every stack access; this looks for the patterns that compilers emit, and says
//! so when it met another one. The run itself checks each access in any case.

use super::code::{Code, Op};
use super::decode::DecodeProblem;
use crate::program::Insn;

/// Bytes of stack of a whole chain of calls (`MAX_BPF_STACK`).
pub(in crate::engine) const STACK_MAX: u32 = 512;
/// Functions that may be active at once (`MAX_CALL_FRAMES`).
pub(in crate::engine) const FRAMES_MAX: usize = 8;
/// The kernel rounds each frame up to this.
const FRAME_STEP: u32 = 32;

const R10: u8 = 10;

/// What a frame costs in the sum over a chain of calls.
pub(super) fn charged(stack: u32) -> u32 {
    stack.max(1).div_ceil(FRAME_STEP) * FRAME_STEP
}

/// Bytes below the frame pointer that a function touches, and whether that is certain.
pub(super) fn shown(insns: &[Insn]) -> (u32, bool) {
    let mut derived = [None; 16];
    derived[usize::from(R10)] = Some(0_i64);
    let (mut deepest, mut is_exact) = (0, true);
    for insn in insns {
        let (dst, src) = (usize::from(insn.dst), usize::from(insn.src));
        let base = match insn.code & 7 {
            1 => derived[src],
            2 | 3 => derived[dst],
            _ => None,
        };
        if let Some(base) = base {
            deepest = deepest.max(-(base + i64::from(insn.off)));
        }
        match insn.code {
            // mov64 register
            0xbf => derived[dst] = if insn.off == 0 { derived[src] } else { None },
            // add64 immediate
            0x07 => {
                derived[dst] = derived[dst].map(|base| base + i64::from(insn.imm));
                deepest = deepest.max(-derived[dst].unwrap_or(0));
            }
            code if matches!(code & 7, 4 | 7) => {
                let reads_pointer = code & 8 != 0 && derived[src].is_some();
                if (reads_pointer || derived[dst].is_some()) && code & 0xf0 != 0xb0 {
                    is_exact = false;
                }
                derived[dst] = None;
            }
            code if code & 7 == 1 || code == 0x18 => derived[dst] = None,
            0x85 => derived[..6].fill(None),
            _ => {}
        }
    }
    let within = deepest.clamp(0, i64::from(u32::MAX));
    (u32::try_from(within).expect("clamped"), is_exact && within == deepest.max(0))
}

/// Refuses chains of calls that no kernel would load: recursion, depth, and stack in total.
pub(super) fn check_depth(code: &Code) -> Result<(), (usize, DecodeProblem)> {
    // Steps are bounded: a chain is cut at the depth limit, and each function is looked at once
    // for each depth, because only the largest sum on the way to it matters.
    let mut worst = vec![[None::<u32>; FRAMES_MAX]; code.entries.len()];
    let mut pending = vec![(0_usize, 0_usize, 0_u32)];
    while let Some((function, depth, above)) = pending.pop() {
        let entry = &code.entries[function];
        let first = code.origin_of(entry.start) as usize;
        let need = above + charged(entry.stack);
        if need > STACK_MAX {
            return Err((first, DecodeProblem::Stack { need, limit: STACK_MAX }));
        }
        if worst[function][depth].is_some_and(|known| known >= need) {
            continue;
        }
        worst[function][depth] = Some(need);
        let end = code.entries.get(function + 1).map_or(code.steps.len(), |e| e.start as usize);
        for step in &code.steps[entry.start as usize..end] {
            if step.op != Op::CallLocal {
                continue;
            }
            if depth + 1 == FRAMES_MAX {
                return Err((first, DecodeProblem::Depth(FRAMES_MAX)));
            }
            let callee = code.entries.partition_point(|entry| entry.start < step.aux);
            pending.push((callee, depth + 1, need));
        }
    }
    Ok(())
}
