//! The digest of what can be seen of a filesystem, and how its parts are combined.
//!
//! The digest is a sum over all nodes that have a name. What a node adds is a hash of its
//! attributes, its contents, and its *place*: the sum of one hash for each of its names, each over
//! the whole path. Sums do not depend on order, so every change costs one subtraction and one
//! addition. A reader would get wrong that the digest knows nothing of inode numbers, directory
//! positions, and access, change and creation times: they tell how a state was reached.

use core::fmt;

use xxhash_rust::xxh3::{xxh3_64, xxh3_128, xxh3_128_with_seed};

/// A 128-bit summary of the visible state of a filesystem: the tree with its hard links, and of
/// every node its kind, permissions, owner, device number, length, contents, allocation, extended
/// attributes and modification time. Two filesystems that agree in all of these have the same
/// digest, however they came about.
///
/// Left out are inode numbers, directory positions, the other times, open files, locks, and nodes
/// without a name. It guards against accidents, not against an adversary.
///
/// ```
/// use fuserig_sim_fs::MemFs;
/// let one = MemFs::from_tree("/notes.txt 'hi'").unwrap();
/// let other = MemFs::from_tree("/notes.txt 'ho'").unwrap();
/// assert_ne!(one.digest(), other.digest());
/// assert_eq!(one.digest().to_string().len(), 32);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub u128);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// The place of the root. Any odd constant does; zero means "no name".
pub(super) const ROOT_PLACE: u128 = 0x6675_7365_7269_672d_726f_6f74_2d70_6c61;

/// The place that one name gives: the parent's place and the name.
pub(super) fn place_of(parent: u128, name: &[u8]) -> u128 {
    // The two halves of the parent's place enter separately, so that the name is hashed where it
    // lies instead of being copied behind them.
    let low = xxh3_128_with_seed(name, parent as u64);
    let high = (parent >> 64) as u64;
    mix(low, u128::from(high))
}

/// Combines two hashes so that neither order nor sums of the parts can cancel out.
pub(super) fn mix(left: u128, right: u128) -> u128 {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&left.to_le_bytes());
    bytes[16..].copy_from_slice(&right.to_le_bytes());
    xxh3_128(&bytes)
}

pub(super) fn hash(bytes: &[u8]) -> u128 {
    xxh3_128(bytes)
}

/// The key under which a directory files a name. Unit tests see six bits of it, so that they meet
/// collisions all the time.
pub(super) fn name_key(name: &[u8]) -> u64 {
    let key = xxh3_64(name);
    if cfg!(test) { key & 0x3f } else { key }
}
