//! What was synced survives a loss of power: the bytes, owner, permissions and extended attributes,
//! and the names where they are promised.
//!
//! It watches the calls of clients and the tree below, and knows nothing of the journal. After a
//! successful `fsync` every byte of the file is promised until something changes it, and after a
//! write with `O_SYNC` or `O_DSYNC` the bytes that it wrote (man 2 open); under all policies but
//! `loose` every name that exists is promised as well with the attributes of what it leads to, and
//! that what was removed stays away, under `loose` the `fsync` of a directory promises that of its
//! names, and any `fsync` the attributes of the node. Whatever was synced, what is found counts its
//! links right, and no file is longer than it ever was. Under `prefix` and `sync` the tree is as it
//! was at one moment. What a reader would get wrong: a promise is given up as soon as anything
//! happened that might have touched it; calls that overlap others promise nothing.

mod attributes;
mod count;
mod judge;
mod moments;

pub(super) use judge::names;
pub use judge::{Durable, durable};
