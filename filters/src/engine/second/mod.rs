//! Filters on an engine that is not our own: a second opinion on every instruction that computes.
//!
//! rbpf and a kernel without fuse-bpf can run no filter as it stands: the helpers of the one have
//! no context and its memory has no permissions, the other has no `fuse_ops`. What they can do is
//! compute and jump. A program is therefore cut where it loads, stores, calls, exits or jumps back
//! ([`segment`]); each piece is a program of its own that works on a block of registers, and runs
//! on that engine. What stands between the pieces is done by the checked interpreter's own memory
//! and functions. What a reader would get wrong: programs see the same virtual addresses as on the
//! interpreter, so that everything they leave can be compared word by word.

mod choice;
mod pieces;
mod segment;

pub use choice::{Engine, EngineRefusal};
pub(super) use pieces::{Pieces, Runner};
pub(super) use segment::{STATE_LEN, Segment, is_site};
