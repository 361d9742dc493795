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
