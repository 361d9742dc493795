//! One page of file contents, shared between forks.
//!
//! A page stores as much as was written to it, in one of four sizes, and reads as zeros behind
//! that: a fork that touches a file of ten bytes copies 64 bytes and not 4096. The digest of a
//! page is over its bytes without trailing zeros, so it does not depend on the size chosen.

use std::sync::Arc;

use super::digest::hash;

/// The page size of x86-64, which is tmpfs's block size too.
pub(super) const PAGE: usize = 4096;
pub(crate) const PAGE_U64: u64 = PAGE as u64;

#[derive(Debug)]
struct Buffer<B: ?Sized> {
    digest: u128,
    bytes: B,
}

/// What a file has at one page index; nothing there is a hole.
#[derive(Clone, Debug)]
pub(super) enum Page {
    /// Space without data, from `fallocate`: it reads as zeros and `SEEK_DATA` skips it.
    Reserved,
    Data(Data),
}

#[derive(Clone, Debug)]
pub(super) struct Data(Arc<Buffer<[u8]>>);

fn buffer(len: usize) -> Arc<Buffer<[u8]>> {
    match len {
        0..=64 => Arc::new(Buffer { digest: 0, bytes: [0; 64] }),
        65..=256 => Arc::new(Buffer { digest: 0, bytes: [0; 256] }),
        257..=1024 => Arc::new(Buffer { digest: 0, bytes: [0; 1024] }),
        _ => Arc::new(Buffer { digest: 0, bytes: [0; PAGE] }),
    }
}

impl Data {
    /// A page that is zero but for `bytes` at `offset`.
    pub(super) fn new(offset: usize, bytes: &[u8]) -> Data {
        let mut shared = buffer(offset + bytes.len());
        let own = Arc::get_mut(&mut shared).expect("the buffer was made here");
        own.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        own.digest = digest(&own.bytes);
        Data(shared)
    }

    /// The stored bytes; the rest of the page is zero.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The digest kept with the page.
    pub(super) fn digest(&self) -> u128 {
        self.0.digest
    }

    /// The digest computed anew.
    pub(super) fn digest_from_scratch(&self) -> u128 {
        digest(&self.0.bytes)
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if end <= self.0.bytes.len()
            && let Some(own) = Arc::get_mut(&mut self.0)
        {
            own.bytes[offset..end].copy_from_slice(bytes);
            own.digest = digest(&own.bytes);
            return;
        }
        let mut shared = buffer(end.max(self.0.bytes.len()));
        let own = Arc::get_mut(&mut shared).expect("the buffer was made here");
        let old = &self.0.bytes;
        // What the new bytes cover need not be copied first.
        let before = offset.min(old.len());
        own.bytes[..before].copy_from_slice(&old[..before]);
        own.bytes[offset..end].copy_from_slice(bytes);
        if end < old.len() {
            own.bytes[end..old.len()].copy_from_slice(&old[end..]);
        }
        own.digest = digest(&own.bytes);
        self.0 = shared;
    }

    /// Makes the bytes from `start` up to `end` zero.
    pub(super) fn zero(&mut self, start: usize, end: usize) {
        let end = end.min(self.0.bytes.len());
        if start < end && self.0.bytes[start..end].iter().any(|byte| *byte != 0) {
            let zeros = [0; PAGE];
            self.write(start, &zeros[start..end]);
        }
    }

    /// Copies the page from `offset` on over `out`, which does not go beyond the page.
    pub(super) fn read(&self, offset: usize, out: &mut [u8]) {
        let stored = self.bytes().get(offset..).unwrap_or(&[]);
        let count = stored.len().min(out.len());
        out[..count].copy_from_slice(&stored[..count]);
        out[count..].fill(0);
    }
}

fn digest(bytes: &[u8]) -> u128 {
    hash(without_trailing_zeros(bytes))
}

/// `bytes` up to the last one that is not zero.
pub(super) fn without_trailing_zeros(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let Some((head, tail)) = rest.split_last_chunk::<16>()
        && u128::from_ne_bytes(*tail) == 0
    {
        rest = head;
    }
    let len = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &bytes[..len]
}

#[cfg(test)]
mod tests {
    use super::{Data, PAGE, without_trailing_zeros};

    #[test]
    fn the_digest_of_a_page_does_not_depend_on_how_it_was_written() {
        let mut grown = Data::new(0, b"ab");
        grown.write(1, b"cd");
        let mut large = Data::new(PAGE - 1, b"z");
        large.write(0, b"acd");
        large.zero(3, PAGE);
        assert_eq!(grown.digest(), large.digest());
        assert_eq!(grown.digest(), grown.digest_from_scratch());
        assert_ne!(grown.digest(), Data::new(0, b"ac").digest());
    }

    #[test]
    fn a_clone_keeps_its_bytes() {
        let kept = Data::new(0, b"before");
        let mut changed = kept.clone();
        changed.write(0, b"after ");
        assert_eq!(&kept.bytes()[..6], b"before");
        assert_eq!(&changed.bytes()[..6], b"after ");
    }

    #[test]
    fn a_read_behind_the_stored_bytes_is_zero() {
        let mut out = [1; 8];
        Data::new(0, b"x").read(4090, &mut out[..6]);
        assert_eq!(out, [0, 0, 0, 0, 0, 0, 1, 1]);
    }

    #[test]
    fn trailing_zeros_are_found_at_every_length() {
        for len in 0..40 {
            for last in 0..len {
                let mut bytes = vec![0; len];
                bytes[last] = 1;
                assert_eq!(without_trailing_zeros(&bytes).len(), last + 1);
            }
            assert_eq!(without_trailing_zeros(&vec![0; len]), b"");
        }
    }
}
