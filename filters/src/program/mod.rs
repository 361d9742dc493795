//! A linked program: what the loader hands to every engine.
//!
//! The loader turns an object into a [`Linked`] value in which every relocation is resolved into
//! the kernel's own pseudo encoding, so that the interpreter, the legaliser in front of rbpf and a
//! kernel all start from the same instructions. It refuses to run anything. What a reader would
//! get wrong: `lddw` occupies two instructions here, as in the object, and every position counts
//! instructions and not bytes.
//!
//! | instruction | `src` | meaning of `imm` (and of the second half of `lddw`) |
//! |---|---|---|
//! | lddw | 0 | 64-bit constant, low half then high half |
//! | lddw | [`PSEUDO_MAP`] | index into [`Linked::maps`], second half 0 |
//! | lddw | [`PSEUDO_MAP_VALUE`] | index into [`Linked::maps`], second half the offset |
//! | lddw | [`PSEUDO_FUNC`] | position of a function in [`Program::insns`], for callbacks |
//! | call | 0 | id of a helper, or [`POISON_IMM`] |
//! | call | [`PSEUDO_CALL`] | distance to a function of the same program, from the next one |
//! | call | [`PSEUDO_KFUNC`] | index into [`Linked::kfuncs`] |

mod disasm;
mod linked;

pub use disasm::{HelperName, disassemble};
pub use linked::{
    DataKind, FunctionSpan, Insn, Linked, MapDef, MapKind, POISON_IMM, PSEUDO_CALL, PSEUDO_FUNC,
    PSEUDO_KFUNC, PSEUDO_MAP, PSEUDO_MAP_VALUE, Program, ProgramKind, SourceLine, StructOpsMap,
};
