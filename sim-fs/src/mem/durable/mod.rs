//! What a loss of power leaves: the legal states, and the filesystem that is mounted again.
//!
//! A [`Journal`] watches a [`MemFs`](super::MemFs) and keeps what each operation changed as
//! *effects*: one for the metadata of an operation, one for each page that it wrote. Each effect
//! names the earlier ones that it cannot survive without; which these are is the
//! [`Durability`]. A legal state is then any set of effects that holds, with each effect, those
//! it needs, and every effect that a sync has made durable. Everything else follows from that one
//! sentence; there is no second rule.
//!
//! What a reader would get wrong: nothing here is about one particular filesystem. `Ordered` is
//! what ext4 (data=ordered, without its allocation heuristics), XFS and Btrfs have in common;
//! `Loose` is what POSIX promises and no more. Pages are atomic: no page is torn.

mod change;
mod disk;
mod effect;
mod fs;
mod journal;
mod policy;
mod state;
mod watch;

pub use fs::DurableFs;
pub use journal::Journal;
pub use policy::Durability;
pub use state::CrashState;
