//! The filesystem in memory: tmpfs's semantics, O(1) snapshots, an incremental digest.
//!
//! It refuses to read clocks, to draw random numbers and to touch the host. What a reader would
//! get wrong: numbers of nodes and handles are never used twice, so a stale one is `ESTALE` or
//! `EBADF` and never somebody else's.
//!
//! [`trie`] and [`map`] are the persistent tables; [`page`] and [`contents`], [`directory`],
//! [`acl`] and [`xattrs`] what an [`inode`] is made of; [`fs`] holds them together; [`apply`] is
//! the door, [`durable`] says what of it all survives a loss of power, and the other modules are
//! the operations behind it.

mod acl;
mod apply;
mod attr;
mod contents;
mod copy;
mod digest;
mod directory;
mod durable;
mod fs;
mod inode;
mod io;
mod listing;
mod locks;
mod map;
mod names;
mod open;
mod options;
mod page;
mod permission;
mod rename;
mod space;
mod trie;
mod walk;
mod xattr_ops;
mod xattrs;

#[cfg(test)]
mod tests;

pub use acl::{posix_acl_check, posix_acl_grants, posix_acl_has_entries};
pub use digest::Digest;
pub use durable::{CrashState, Durability, DurableFs, Journal};
pub use fs::MemFs;
pub use options::{AtimePolicy, FallocateProfile, MemFsOptions};
pub(crate) use page::PAGE_U64;
pub(crate) use walk::Extent;
pub use walk::WalkEntry;
