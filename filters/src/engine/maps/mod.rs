//! Maps: state that programs keep between calls.
//!
//! Values stand in regions, so that a program reaches them by pointers with exact bounds: a value
//! is followed by a gap that belongs to nobody. Everything is deterministic: arrays grow when they
//! are first touched, hash maps keep the order of insertion, LRU maps evict the least recently used
//! entry strictly, where a kernel approximates it. Errors are the kernel's numbers.

mod create;
mod hash;
mod ring;
mod table;

pub use create::MapError;
pub use table::Maps;
