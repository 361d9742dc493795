//! The numbers of files that are only seen in a listing.
//!
//! Of a file that is held the record of the listing says enough; any other is asked about by its
//! name. Many filesystems list in the order of inode numbers, often backwards, so that the file of
//! the next record is next to the last one also among those that are held: a step to the side
//! instead of a search.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::os::fd::BorrowedFd;

use fuserig_abi::{Errno, FileKind, Ino};

use super::nodes::{Numbers, describe_name, key};

/// Held files of one device by their inode numbers there.
pub(super) type Held = BTreeMap<u64, (Ino, FileKind)>;

/// Gives what stands behind the records of one directory.
#[derive(Debug)]
pub(super) struct Sights<'a> {
    directory: BorrowedFd<'a>,
    /// What is held of the directory's device.
    held: &'a Held,
    /// Those with lower numbers than the last record that was held.
    below: Range<'a, u64, (Ino, FileKind)>,
    numbers: &'a mut Numbers,
}

impl<'a> Sights<'a> {
    /// Of a directory whose device has these files that are held.
    pub(super) fn new(
        directory: BorrowedFd<'a>,
        held: &'a Held,
        numbers: &'a mut Numbers,
    ) -> Sights<'a> {
        Sights { directory, held, below: held.range(..), numbers }
    }

    /// The number and the type for a name, with the inode number that its record has.
    ///
    /// # Errors
    /// What the host answers about a name of a file that is not held.
    pub(super) fn of(&mut self, name: &[u8], listed: u64) -> Result<(Ino, FileKind), Errno> {
        if let Some(held) = self.held(listed) {
            return Ok(held);
        }
        let described = describe_name(self.directory, name)?;
        let kind = FileKind::from_mode(described.stx_mode.into()).ok_or(Errno::EIO)?;
        Ok((self.numbers.number(key(&described)), kind))
    }

    fn held(&mut self, listed: u64) -> Option<(Ino, FileKind)> {
        if let Some((_, held)) = self.below.next_back().filter(|(inode, _)| **inode == listed) {
            return Some(*held);
        }
        self.below = self.held.range(..=listed);
        let (_, held) = self.below.next_back().filter(|(inode, _)| **inode == listed)?;
        Some(*held)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use fuserig_abi::{Errno, FileKind, Ino};
    use rustix::fs::{Mode, OFlags};

    use super::{Held, Sights};
    use crate::host::nodes::Numbers;

    #[test]
    fn what_is_held_is_found_in_any_order_and_nothing_else_is() {
        let even = |inode: u64| (inode, (Ino(1000 + inode), FileKind::Fifo));
        let held: Held = (1..=40).map(|half| even(2 * half)).collect();
        let nowhere = tempfile::tempdir().expect("temporary directory");
        let nowhere = rustix::fs::open(nowhere.path(), OFlags::PATH, Mode::empty()).expect("there");
        let mut numbers = Numbers::default();
        let mut sights = Sights::new(nowhere.as_fd(), &held, &mut numbers);
        let (up, down) = (1..=82_u64, (1..=82_u64).rev());
        let jumps = (0..400_u64).map(|turn| 1 + turn * 37 % 82);
        for listed in up.chain(down).chain(jumps) {
            let expected = held.get(&listed).copied().ok_or(Errno::ENOENT);
            assert_eq!(sights.of(b"nothing", listed), expected, "{listed}");
        }
    }
}
