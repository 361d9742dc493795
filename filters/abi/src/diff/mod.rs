//! The difference of two ABI descriptions, classified: who breaks, where on the ladder, and who
//! must upgrade first.
//!
//! The ladder is SOURCE, LOAD, VERIFY, BEHAVIOUR: what a compiler, a loader, the verifier, or
//! nobody refuses. Every [`Change`] is judged in both directions (an old filter on the new ABI, a
//! new filter on the old one) and for both kinds of loader (by name, as libbpf with CO-RE does,
//! and by offsets that were compiled in). It refuses to compare what one side does not know.
//!
//! What a reader would get wrong: an impact is about filters that use what changed. Whether a
//! given filter does is [`Change::concerns`].

mod behaviour;
mod chain;
mod compare;
mod filter_use;
mod kfuncs;
mod members;
mod model;
mod names;
mod ops;
mod prototype;
mod rules;
mod rung;
mod structs;
mod text;

pub use chain::{Chain, ChainStep};
pub use filter_use::FilterUse;
pub use model::{AbiDiff, Change, Direction, First, Impact, Loader, Touches};
pub use rules::{RULES, Rule};
pub use rung::{Rung, Rungs};
