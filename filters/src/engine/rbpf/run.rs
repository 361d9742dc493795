//! Running bytes of instructions in rbpf.

use thiserror::Error;

use super::legalise::{IllegalForm, legalise};
use crate::program::Insn;

/// Why rbpf gave no answer.
///
/// ```
/// use fuserig_filters::engine::rbpf::{RbpfError, run_legalised};
/// use fuserig_filters::engine::vectors::assemble;
/// let insns = assemble("lock add [%r1], %r0\nexit").expect("assembler");
/// assert!(matches!(run_legalised(&insns, &mut [0; 8]), Err(RbpfError::Form(_))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RbpfError {
    /// It cannot be asked.
    #[error(transparent)]
    Form(#[from] IllegalForm),
    /// Its own words: an access out of bounds, or a refusal.
    #[error("rbpf: {0}")]
    Stopped(String),
}

/// Runs a legalised program on bytes that r1 points to, r2 being their number. Only for programs
/// that end: rbpf has no budget.
///
/// # Errors
/// A form that cannot be rewritten, or what rbpf says.
pub fn run_legalised(insns: &[Insn], memory: &mut [u8]) -> Result<u64, RbpfError> {
    run(&legalise(insns)?, memory)
}

/// Runs a program as it stands. This exists to show where rbpf is wrong.
///
/// # Errors
/// What rbpf says.
pub fn run_plain(insns: &[Insn], memory: &mut [u8]) -> Result<u64, RbpfError> {
    run(insns, memory)
}

fn run(insns: &[Insn], memory: &mut [u8]) -> Result<u64, RbpfError> {
    let len = i32::try_from(memory.len()).unwrap_or(i32::MAX);
    let first = Insn { code: 0xb7, dst: 2, src: 0, off: 0, imm: len };
    let bytes: Vec<u8> = [first].iter().chain(insns).flat_map(|insn| insn.to_bytes()).collect();
    let stopped = |error: std::io::Error| RbpfError::Stopped(error.to_string());
    let machine = ::rbpf::EbpfVmRaw::new(Some(&bytes)).map_err(stopped)?;
    machine.execute_program(memory).map_err(stopped)
}

#[cfg(test)]
mod tests {
    use super::{run_legalised, run_plain};
    use crate::engine::vectors::assemble;

    /// What clang makes of `if (error == -2) return 7; return 1;` at its default level.
    const PROOF: &str = "ldxdw %r1, [%r1]\njeq %r1, -2, seven\nmov %r0, 1\nexit\n\
                         seven: mov %r0, 7\nexit";

    #[test]
    fn rbpf_is_wrong_about_a_comparison_with_minus_two() {
        let insns = assemble(PROOF).expect("assembler");
        let mut error = (-2_i64).to_le_bytes();
        assert_eq!(run_plain(&insns, &mut error), Ok(1), "the README says so");
        assert_eq!(run_legalised(&insns, &mut error), Ok(7));
    }

    #[test]
    fn each_rewritten_comparison_agrees_with_the_numbers() {
        let numbers = [0, 1, -1, -2, -3, i64::MAX, i64::MIN, -2 - (1 << 40), 0xffff_fffe];
        for (name, holds) in [
            ("jeq", (|x, k| x == k) as fn(u64, u64) -> bool),
            ("jne", |x, k| x != k),
            ("jgt", |x, k| x > k),
            ("jge", |x, k| x >= k),
            ("jlt", |x, k| x < k),
            ("jle", |x, k| x <= k),
        ] {
            let text = format!(
                "ldxdw %r1, [%r1]\n{name} %r1, -2, yes\nmov %r0, 0\nexit\nyes: mov %r0, 1\nexit"
            );
            let insns = assemble(&text).expect("assembler");
            for x in numbers {
                let expected = u64::from(holds(x as u64, -2_i64 as u64));
                let found = run_legalised(&insns, &mut x.to_le_bytes());
                assert_eq!(found, Ok(expected), "{name} {x}");
            }
        }
    }
}
