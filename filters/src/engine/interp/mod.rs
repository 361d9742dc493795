//! The checked interpreter.
//!
//! [`Code`] is a program decoded once: 16 bytes an instruction, jumps resolved, helpers resolved.
//! [`Machine`] is what changes: memory, maps, budget, coverage; cloning one is a snapshot. A
//! [`Context`] lends a machine, the arguments of a call and the surroundings to one run. There is
//! no `unsafe` here. What a reader would get wrong: the budget is exact although it is counted
//! only where control flow leaves the straight line, because a straight line is finite.

mod alu;
mod code;
mod context;
mod coverage;
mod decode;
mod drive;
mod dynptrs;
mod fuse;
mod legal;
mod machine;
mod memory;
mod ops;
mod run;
mod stack;
mod strict;
mod trap;
mod watch;

#[cfg(test)]
mod tests;

pub use code::Code;
pub(super) use code::{Op, Step};
pub use context::Context;
pub use coverage::{LineCount, lcov};
pub use decode::{DecodeError, DecodeProblem};
pub(super) use machine::{ARGUMENT, ARGUMENTS, ARGUMENTS_MAX, CRED, TASK, map_region};
pub use machine::{Limits, Machine, Mode};
pub(super) use memory::{Kind, Region, region_address};
pub(super) use run::{Stopped, call_function};
pub use trap::{Trap, TrapKind};
pub(super) use watch::Cell;
