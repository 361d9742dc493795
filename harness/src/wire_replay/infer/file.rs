//! One file as the replies show it.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_abi::{FileKind, FuseAttr};

/// A range of bytes, the end exclusive.
pub(super) type Range = (u64, u64);

/// A file of the recorded filesystem.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    /// It came to be during the session.
    pub(super) made: bool,
    /// A node was seen for it; without one it is a name and no more.
    pub(super) identified: bool,
    /// The name that it was first heard of by.
    pub(super) start_key: Option<(usize, Vec<u8>)>,
    /// It is a directory with something in it that nobody named.
    pub(super) crowded: bool,
    /// Its type, from its attributes or a listing.
    pub(super) kind: Option<FileKind>,
    /// Its first attributes.
    pub(super) attr: Option<FuseAttr>,
    /// What it held at the start, by offset.
    pub(super) data: BTreeMap<u64, Vec<u8>>,
    /// What was changed, so that later reads say nothing of the start.
    changed: Vec<Range>,
    /// What a symlink says.
    pub(super) target: Option<Vec<u8>>,
    /// Extended attributes at the start; those whose value was never told are empty.
    pub(super) xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Extended attributes whose state at the start is settled.
    settled: BTreeSet<Vec<u8>>,
    /// How many names it has, and had at the start, as far as they are known.
    pub(super) names_now: u64,
    pub(super) names_at_start: u64,
    /// The whole of the directory was listed.
    pub(super) listed: bool,
    /// Links (of a directory: subdirectories) that were there and nobody has named, and how many
    /// names of the start were known when that was counted.
    pub(super) unseen: Option<(u64, u64)>,
}

impl File {
    /// A file that is first heard of.
    pub(super) fn new(kind: Option<FileKind>, made: bool) -> File {
        File { made, kind, ..File::default() }
    }

    /// From now on the range tells nothing of the start.
    pub(super) fn change(&mut self, from: u64, to: u64) {
        if from < to {
            self.changed.push((from, to));
        }
    }

    /// Takes over what was learnt of the same file by another node, before anything was learnt here
    /// but names and attributes that are later.
    pub(super) fn absorb(&mut self, other: File) {
        let mine = core::mem::take(&mut self.data);
        let later = core::mem::replace(&mut self.changed, other.changed);
        self.data = other.data;
        mine.iter().for_each(|(at, bytes)| self.read(*at, bytes));
        self.changed.extend(later);
        for (name, value) in other.xattrs {
            self.xattrs.entry(name).or_insert(value);
        }
        self.settled.extend(other.settled);
        if let Some(size) = self.attr.map(|attr| self.length_at_start(attr.size)) {
            self.attr.as_mut().expect("it was there").size = size;
        }
    }

    /// How long it was at the start, from its length `now`. Who writes behind the end appends, as
    /// a rule; so a file that ends where a write ended began where its first write did.
    pub(super) fn length_at_start(&self, now: u64) -> u64 {
        let written = self.changed.iter().map(|(_, to)| *to).max().unwrap_or(0);
        if written < now || written == u64::MAX {
            return now;
        }
        now.min(self.length_seen())
    }

    /// The length that reads and the first write show.
    pub(super) fn length_seen(&self) -> u64 {
        let read = self.data.last_key_value().map_or(0, |(at, bytes)| at + bytes.len() as u64);
        let resized = self.changed.iter().any(|(_, to)| *to == u64::MAX);
        let first = self.changed.first().filter(|_| !resized).map_or(0, |(from, _)| *from);
        read.max(first)
    }

    /// Takes over what a read showed, where nothing was changed.
    pub(super) fn read(&mut self, offset: u64, bytes: &[u8]) {
        let mut parts: Vec<Range> = vec![(offset, offset.saturating_add(bytes.len() as u64))];
        for &(from, to) in &self.changed {
            let cut = |(start, end): Range| {
                let before = (start, end.min(from));
                let after = (start.max(to), end);
                [before, after].into_iter().filter(|(start, end)| start < end)
            };
            parts = parts.into_iter().flat_map(cut).collect();
        }
        for (start, end) in parts {
            let piece = &bytes[(start - offset) as usize..(end - offset) as usize];
            let known = self.data.entry(start).or_default();
            if known.len() < piece.len() {
                *known = piece.to_vec();
            }
        }
    }

    /// A value at the start, told now; only the first counts.
    pub(super) fn xattr(&mut self, name: &[u8], value: &[u8]) {
        if self.settled.insert(name.to_vec()) {
            self.xattrs.insert(name.to_vec(), value.to_vec());
        }
    }

    /// A name at the start whose value is not told.
    pub(super) fn xattr_named(&mut self, name: &[u8]) {
        if !self.settled.contains(name) {
            self.xattrs.entry(name.to_vec()).or_default();
        }
    }

    /// It was changed or is absent: the start has what is known by now.
    pub(super) fn settle_xattr(&mut self, name: &[u8]) {
        self.settled.insert(name.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::File;

    #[test]
    fn what_was_written_says_nothing_of_the_start() {
        let mut file = File::default();
        file.change(2, 4);
        file.read(0, b"abWWef");
        file.change(0, 100);
        file.read(4, b"later");
        let data: Vec<_> = file.data.iter().map(|(at, bytes)| (*at, &bytes[..])).collect();
        assert_eq!(data, [(0, &b"ab"[..]), (4, &b"ef"[..])]);
    }

    #[test]
    fn a_length_is_traced_back_to_the_start() {
        let mut file = File::default();
        assert_eq!((file.length_at_start(9), file.length_seen()), (9, 0));
        file.change(5, 9);
        assert_eq!((file.length_at_start(9), file.length_seen()), (5, 5));
        assert_eq!(file.length_at_start(20), 20);
        file.change(1, u64::MAX);
        assert_eq!((file.length_at_start(3), file.length_seen()), (3, 0));
        file.read(0, b"a");
        assert_eq!(file.length_seen(), 1);
    }

    #[test]
    fn the_first_value_of_an_attribute_is_that_of_the_start() {
        let mut file = File::default();
        file.xattr_named(b"user.a");
        file.xattr(b"user.a", b"1");
        file.settle_xattr(b"user.b");
        for name in [b"user.a", b"user.b"] {
            file.xattr(name, b"2");
        }
        assert_eq!(file.xattrs.len(), 1);
        assert_eq!(file.xattrs[&b"user.a"[..]], b"1");
    }
}
