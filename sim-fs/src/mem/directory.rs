//! The entries of a directory, by name, in listing order and by position.
//!
//! tmpfs (Linux 6.12) lists the newest name first and gives every name a position that stays: a
//! counter from 3. A name that moves in by rename takes the position of the name it replaces, or a
//! new one; the two names of an exchange keep theirs; but both come to the head of the listing. So
//! the order of the listing is not always the order of positions.
//!
//! Invariants: `order` is `position << 32` for every entry that was simply added, and larger than
//! any before it. The others are *moved*: their order is the one of the newest plain entry plus a
//! count in the low half, and they alone are in `moved`.

use std::sync::Arc;

use fuserig_abi::{FileKind, Ino};

use super::{digest::name_key, map::Map};

/// Positions 0 and 1 are `.` and `..`; 2 is where the listing of names begins.
pub(super) const FIRST_POSITION: u64 = 3;
/// The position behind the last record (`DIR_OFFSET_EOD` of Linux 6.12).
pub(super) const END_POSITION: u64 = i32::MAX as u64;

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: Box<[u8]>,
    pub(super) ino: Ino,
    pub(super) kind: FileKind,
    pub(super) position: u64,
    order: u64,
}

impl Entry {
    fn is_moved(&self) -> bool {
        self.order != plain_order(self.position)
    }
}

fn plain_order(position: u64) -> u64 {
    position << 32
}

/// The entries whose names have the same key.
#[derive(Clone, Debug)]
enum Bucket {
    One(Arc<Entry>),
    Many(Arc<[Arc<Entry>]>),
}

impl Bucket {
    fn entries(&self) -> &[Arc<Entry>] {
        match self {
            Bucket::One(entry) => core::slice::from_ref(entry),
            Bucket::Many(entries) => entries,
        }
    }

    fn of(entries: Vec<Arc<Entry>>) -> Option<Bucket> {
        match <[Arc<Entry>; 1]>::try_from(entries) {
            Ok([entry]) => Some(Bucket::One(entry)),
            Err(entries) if entries.is_empty() => None,
            Err(entries) => Some(Bucket::Many(Arc::from(entries))),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Directory {
    /// The directory that has this one; the root's is itself.
    pub(super) parent: Ino,
    names: Map<Bucket>,
    listing: Map<Arc<Entry>>,
    /// The order of moved entries by their position.
    moved: Map<u64>,
    count: u64,
    next_position: u64,
    newest_order: u64,
}

impl Directory {
    pub(super) fn new(parent: Ino) -> Directory {
        Directory {
            parent,
            names: Map::default(),
            listing: Map::default(),
            moved: Map::default(),
            count: 0,
            next_position: FIRST_POSITION,
            newest_order: plain_order(FIRST_POSITION - 1),
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<&Arc<Entry>> {
        let bucket = self.names.get(name_key(name))?;
        bucket.entries().iter().find(|entry| *entry.name == *name)
    }

    /// Whether a name can still be added, with a position or without one.
    pub(super) fn is_full(&self) -> bool {
        // A rename takes two positions or moves two entries at most; the low half of the order
        // counts the moved ones.
        self.next_position >= END_POSITION - 1 || self.newest_order as u32 >= u32::MAX - 2
    }

    /// Takes the next position without an entry for it yet; [`Directory::add_at`] fills it.
    pub(super) fn reserve_position(&mut self) -> u64 {
        let position = self.next_position;
        self.next_position += 1;
        position
    }

    /// Adds a name that is not there, at the head, with a new position.
    pub(super) fn add(&mut self, name: &[u8], ino: Ino, kind: FileKind) {
        let position = self.reserve_position();
        self.newest_order = plain_order(position);
        self.put(Entry { name: name.into(), ino, kind, position, order: self.newest_order });
    }

    /// Adds a name that is not there, at the head, at a position that was freed.
    pub(super) fn add_at(&mut self, position: u64, name: &[u8], ino: Ino, kind: FileKind) {
        self.newest_order += 1;
        self.put(Entry { name: name.into(), ino, kind, position, order: self.newest_order });
    }

    fn put(&mut self, entry: Entry) {
        let entry = Arc::new(entry);
        let key = name_key(&entry.name);
        let bucket = match self.names.get(key) {
            None => Bucket::One(entry.clone()),
            Some(bucket) => {
                let mut entries = bucket.entries().to_vec();
                entries.push(entry.clone());
                Bucket::Many(Arc::from(entries))
            }
        };
        self.names.insert(key, bucket);
        if entry.is_moved() {
            self.moved.insert(entry.position, entry.order);
        }
        self.listing.insert(entry.order, entry);
        self.count += 1;
    }

    /// Takes a name out, if it is there, and returns what it was.
    pub(super) fn remove(&mut self, name: &[u8]) -> Option<Arc<Entry>> {
        let key = name_key(name);
        let bucket = self.names.get(key)?;
        let entry = bucket.entries().iter().find(|entry| *entry.name == *name)?.clone();
        let rest = bucket.entries().iter().filter(|other| !Arc::ptr_eq(other, &entry)).cloned();
        match Bucket::of(rest.collect()) {
            Some(bucket) => self.names.insert(key, bucket),
            None => self.names.remove(key),
        }
        if entry.is_moved() {
            self.moved.remove(entry.position);
        }
        self.listing.remove(entry.order);
        self.count -= 1;
        Some(entry)
    }

    /// The entry that a listing goes on with after `entry`.
    pub(super) fn after(&self, entry: &Entry) -> Option<&Arc<Entry>> {
        Some(self.listing.floor(entry.order - 1)?.1)
    }

    /// Every entry in listing order.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        core::iter::successors(self.first(), |entry| self.after(entry))
    }

    pub(super) fn first(&self) -> Option<&Arc<Entry>> {
        Some(self.listing.floor(u64::MAX)?.1)
    }

    /// The entry that a listing from `position` begins with: the one that has it, or else the one
    /// with the largest position below, or else the first of all.
    pub(super) fn at(&self, position: u64) -> Option<&Arc<Entry>> {
        if position < FIRST_POSITION {
            return self.first();
        }
        let last_order = plain_order(position.min(END_POSITION)) | u64::from(u32::MAX);
        let mut plain = self.listing.floor(last_order);
        while let Some((order, entry)) = plain
            && entry.is_moved()
        {
            plain = self.listing.floor(order - 1);
        }
        let plain = plain.map(|(_, entry)| entry);
        let moved = self.moved.floor(position).and_then(|(_, order)| self.listing.get(*order));
        match (plain, moved) {
            (Some(left), Some(right)) if left.position > right.position => Some(left),
            (_, Some(right)) => Some(right),
            // With nothing at or below, Linux starts over (`offset_dir_lookup` hands "no entry"
            // to a search that takes it for "from the head"; seen on 6.18).
            (found, None) => found.or_else(|| self.first()),
        }
    }
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{FileKind, Ino};

    use super::Directory;

    fn directory(names: &[&str]) -> Directory {
        let mut directory = Directory::new(Ino(1));
        for (name, ino) in names.iter().zip(2..) {
            directory.add(name.as_bytes(), Ino(ino), FileKind::Regular);
        }
        directory
    }

    fn listing(directory: &Directory) -> String {
        let text = |entry: &super::Entry| {
            format!("{}@{}", String::from_utf8_lossy(&entry.name), entry.position)
        };
        directory.entries().map(|entry| text(entry)).collect::<Vec<_>>().join(" ")
    }

    fn at(directory: &Directory, position: u64) -> Option<u64> {
        directory.at(position).map(|entry| entry.position)
    }

    #[test]
    fn the_newest_name_comes_first() {
        assert_eq!(listing(&directory(&["a", "b", "c"])), "c@5 b@4 a@3");
    }

    #[test]
    fn positions_are_never_used_again() {
        let mut directory = directory(&["a", "b"]);
        directory.remove(b"b");
        directory.add(b"c", Ino(9), FileKind::Regular);
        assert_eq!(listing(&directory), "c@5 a@3");
    }

    #[test]
    fn a_moved_entry_is_at_the_head_and_found_by_its_old_position() {
        let mut directory = directory(&["a", "b", "c", "d"]);
        directory.remove(b"b");
        directory.add_at(4, b"b", Ino(9), FileKind::Regular);
        assert_eq!(listing(&directory), "b@4 d@6 c@5 a@3");
        for (position, expected) in [(2, 4), (3, 3), (4, 4), (5, 5), (6, 6), (7, 6), (1 << 40, 6)] {
            assert_eq!(at(&directory, position), Some(expected), "position {position}");
        }
        directory.add(b"e", Ino(10), FileKind::Regular);
        assert_eq!(listing(&directory), "e@7 b@4 d@6 c@5 a@3");
        directory.remove(b"b");
        assert_eq!(at(&directory, 4), Some(3));
        directory.remove(b"a");
        assert_eq!(at(&directory, 4), Some(7));
    }

    #[test]
    fn a_moved_entry_that_is_gone_hides_no_other() {
        let mut directory = directory(&["a", "b", "c"]);
        for (name, position) in [(b"a", 3), (b"b", 4)] {
            directory.remove(name);
            directory.add_at(position, name, Ino(9), FileKind::Regular);
        }
        directory.add(b"e", Ino(9), FileKind::Regular);
        assert_eq!(listing(&directory), "e@6 b@4 a@3 c@5");
        directory.remove(b"b");
        assert_eq!(at(&directory, 4), Some(3));
        directory.add_at(4, b"d", Ino(9), FileKind::Regular);
        assert_eq!(listing(&directory), "d@4 e@6 a@3 c@5");
        assert_eq!(at(&directory, 4), Some(4));
    }

    #[test]
    fn names_with_the_same_key_are_told_apart() {
        // The test build keeps six bits of the key, so a thousand names share 64 buckets.
        let names: Vec<String> = (0..1000).map(|number| format!("n{number}")).collect();
        let refs: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut directory = directory(&refs);
        for (name, ino) in refs.iter().zip(2..) {
            assert_eq!(directory.get(name.as_bytes()).map(|entry| entry.ino), Some(Ino(ino)));
        }
        for name in &refs {
            assert!(directory.remove(name.as_bytes()).is_some());
            assert!(directory.remove(name.as_bytes()).is_none());
        }
        assert_eq!((directory.count(), directory.entries().count()), (0, 0));
    }
}
