//! What the manual pages of the system calls say, gone through once in every campaign.
//!
//! Chance makes few of the pairs of calls that a rule is about: a conversion of a lock that fails
//! between two others, a list that limits the owning group, a hole within reserved space. Each
//! course here is a list of calls that goes through one chapter, by one or two clients in turns,
//! and the invariants judge what comes of it as of anything else. It has no expectations of its
//! own and nothing that is drawn, but where power is lost (`safety.rs`). What a reader would get
//! wrong: a course is a program like any other; a call that fails in somebody's tree is as legal as
//! one that succeeds.

mod bytes;
mod calls;
mod course;
mod locks;
mod metadata;
mod names;
mod places;
mod processes;
mod rights;
mod safety;
mod sends;
mod slots;
mod table;

pub(super) use table::{COUNT, draw, draw_safe};
