//! The tree that a recorded filesystem held at the start, as far as its replies show it.
//!
//! A proxy does not know what somebody else's daemon serves, so its trace begins without a tree.
//! What a client was told about a file before it changed it was so from the start: names from
//! LOOKUP and listings, attributes from the first reply that has them, contents from READ,
//! targets, extended attributes. What nobody asked about stays unknown, and nobody misses it.
//!
//! A recording that began within a session, or lost a part of it, uses nodes and open files that
//! nobody was given: [`Unseen`] has them, with names where a later reply says them and with
//! placeholders where none does.
//!
//! What a reader would get wrong: a file that appeared below the daemon in the middle of the
//! session is taken for one that was there from the start, unless its name was asked for before
//! and was absent.

mod build;
mod file;
mod fuzz;
mod observer;
mod unseen;

#[doc(hidden)]
pub use fuzz::fuzz_entry;
pub use observer::Observer;
pub use unseen::Unseen;
