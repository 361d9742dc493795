//! Groups of instructions that the interpreter does at once.
//!
//! A group stands at the position of its first instruction; the others keep their own places, so
//! that a jump to them, counters, budget and traps are what they are without groups. The groups
//! are those that clang emits most for filters (a copied pointer that moves, a byte that is
//! compared) and those of loops that hash names. Strict runs look at each register and have no
//! groups, which makes them the second arm: the test `groups_change_nothing` compares the two.

use super::code::{Op, Step};

/// The steps with groups made one where there are any.
pub(super) fn groups(steps: &[Step]) -> Vec<Step> {
    let step = |at: usize| match &steps[at..] {
        [first, second, rest @ ..] => pair(first, second)
            .map_or(*first, |pair| rest.first().map_or(pair, |third| triple(pair, third))),
        _ => steps[at],
    };
    (0..steps.len()).map(step).collect()
}

/// What does both steps at once.
///
/// | operation | `dst` | `src` | `aux` | `imm` |
/// |---|---|---|---|---|
/// | move, operation on the copy | of both | of the move | `src` of the second | of the second |
/// | [`Op::XorMul64X`] | of both | of the first | `src` of the second | - |
/// | others | of both | of the first | of the first | of the first |
///
/// Where the second is a jump, its target and immediate are read from its own place.
fn pair(first: &Step, second: &Step) -> Option<Step> {
    if first.dst != second.dst {
        return None;
    }
    let aux = u32::from(second.src);
    let copied = |op| Some(Step { op, aux, imm: second.imm, ..*first });
    let before_jump = |op| Some(Step { op, ..*first });
    // An operation on the copy that reads it as well has three registers and two values.
    let reads_itself = second.src == second.dst;
    match (first.op, second.op) {
        (Op::Mov64X, Op::Add64K) => copied(Op::MovAdd64K),
        (Op::Mov64X, Op::And64K) => copied(Op::MovAnd64K),
        (Op::Mov64X, Op::Lsh64K) => copied(Op::MovLsh64K),
        (Op::Mov64X, Op::Rsh64K) => copied(Op::MovRsh64K),
        (Op::Mov64X, Op::Add64X) if !reads_itself => copied(Op::MovAdd64X),
        (Op::Xor64X, Op::Mul64X) if !reads_itself => copied(Op::XorMul64X),
        (Op::Add64K, Op::Jne64K) => before_jump(Op::AddJne64K),
        (Op::LdxB, Op::Jeq32K) => before_jump(Op::LdxBJeq32K),
        (Op::LdxB, Op::Jne32K) => before_jump(Op::LdxBJne32K),
        _ => None,
    }
}

/// What does a pair and the step after it at once, where the step uses what the pair made.
fn triple(pair: Step, third: &Step) -> Step {
    let op = match (pair.op, third.op) {
        (Op::MovAdd64X, Op::LdxB) => Op::MovAddLdxB,
        (Op::MovRsh64K, Op::Xor64X) => Op::MovRshXor,
        _ => return pair,
    };
    if third.src == pair.dst { Step { op, ..pair } } else { pair }
}
