//! The contents of a regular file: pages by index, with holes.
//!
//! The length belongs to the inode. Invariants: bytes at and behind the length are zero, and
//! behind the page with the last byte there are only reserved pages, never data.

use super::{
    digest::{hash, mix},
    map::Map,
    page::{Data, PAGE, PAGE_U64, Page},
};

#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    pages: Map<Page>,
    /// Pages that take space, with data or reserved.
    allocated: u64,
    /// The sum of what the pages add, see [`page_digest`].
    digest: u128,
}

fn page_digest(index: u64, page: &Page, data_digest: impl Fn(&Data) -> u128) -> u128 {
    match page {
        Page::Reserved => hash(&index.to_le_bytes()),
        Page::Data(data) => mix(u128::from(index), data_digest(data)),
    }
}

fn index_of(offset: u64) -> u64 {
    offset / PAGE_U64
}

/// The offset within its page.
fn within(offset: u64) -> usize {
    (offset % PAGE_U64) as usize
}

impl Contents {
    pub(super) fn allocated(&self) -> u64 {
        self.allocated
    }

    pub(super) fn digest(&self) -> u128 {
        self.digest
    }

    /// The digest computed from the bytes, and the number of pages found.
    pub(super) fn digest_from_scratch(&self) -> (u128, u64) {
        self.pages.iter().fold((0, 0), |(sum, count), (index, page)| {
            (sum.wrapping_add(page_digest(index, page, Data::digest_from_scratch)), count + 1)
        })
    }

    /// Every page that is not a hole, in order.
    pub(super) fn pages(&self) -> impl Iterator<Item = (u64, &Page)> {
        self.pages.iter()
    }

    /// Copies from `offset` on over `out`; holes read as zeros.
    pub(super) fn read(&self, offset: u64, out: &mut [u8]) {
        let mut at = offset;
        let mut rest = out;
        while !rest.is_empty() {
            let count = rest.len().min(PAGE - within(at));
            let (part, tail) = rest.split_at_mut(count);
            match self.pages.get(index_of(at)) {
                Some(Page::Data(data)) => data.read(within(at), part),
                Some(Page::Reserved) | None => part.fill(0),
            }
            rest = tail;
            at += count as u64;
        }
    }

    /// How many pages a write of `len` bytes at `offset` would have to allocate.
    pub(super) fn missing_pages(&self, offset: u64, len: u64) -> u64 {
        if len == 0 {
            return 0;
        }
        (index_of(offset)..=index_of(offset + len - 1))
            .filter(|index| self.pages.get(*index).is_none())
            .count() as u64
    }

    /// How many of `len` bytes at `offset` can be written with `free` more pages.
    pub(super) fn writable(&self, offset: u64, len: u64, free: u64) -> u64 {
        let mut left = free;
        let mut at = offset;
        while at < offset + len {
            if self.pages.get(index_of(at)).is_none() {
                if left == 0 {
                    return at - offset;
                }
                left -= 1;
            }
            at = (index_of(at) + 1) * PAGE_U64;
        }
        len
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (part, tail) = rest.split_at(rest.len().min(PAGE - within(at)));
            self.write_page(index_of(at), within(at), part);
            at += part.len() as u64;
            rest = tail;
        }
    }

    fn write_page(&mut self, index: u64, offset: usize, bytes: &[u8]) {
        let page = match self.pages.get_mut(index) {
            None => {
                self.allocated += 1;
                self.pages.insert(index, Page::Data(Data::new(offset, bytes)));
                self.pages.get(index).expect("the page was inserted in the line above")
            }
            Some(page) => {
                self.digest = self.digest.wrapping_sub(page_digest(index, page, Data::digest));
                match page {
                    Page::Reserved => *page = Page::Data(Data::new(offset, bytes)),
                    // A full page needs nothing of the old one, not even a look at who shares it.
                    Page::Data(data) if bytes.len() == PAGE => *data = Data::new(0, bytes),
                    Page::Data(data) => data.write(offset, bytes),
                }
                page
            }
        };
        self.digest = self.digest.wrapping_add(page_digest(index, page, Data::digest));
    }

    /// Allocates what is missing in the range, without data.
    pub(super) fn reserve(&mut self, offset: u64, len: u64) {
        for index in index_of(offset)..=index_of(offset + len - 1) {
            if self.pages.get(index).is_none() {
                self.put(index, Page::Reserved);
            }
        }
    }

    /// Makes the range a hole: pages wholly inside are freed, the edges are zeroed.
    pub(super) fn punch(&mut self, start: u64, end: u64) {
        self.clear(start, end, Contents::take);
    }

    /// Makes the range read as zeros without freeing anything: pages wholly inside lose their data
    /// and keep their space, the edges are zeroed.
    pub(super) fn zero(&mut self, start: u64, end: u64) {
        self.clear(start, end, |contents, index| {
            contents.take(index);
            contents.put(index, Page::Reserved);
        });
    }

    /// Zeroes the parts of pages at the edges of the range and calls `whole` for every page there
    /// is wholly inside.
    fn clear(&mut self, start: u64, end: u64, whole: impl Fn(&mut Contents, u64)) {
        if start >= end {
            return;
        }
        let (first, last) = (start.div_ceil(PAGE_U64), index_of(end));
        if first > last {
            self.zero_part(index_of(start), within(start), within(end));
            return;
        }
        if within(start) != 0 {
            self.zero_part(index_of(start), within(start), PAGE);
        }
        if within(end) != 0 {
            self.zero_part(last, 0, within(end));
        }
        let mut next = first;
        while let Some((index, _)) = self.pages.ceil(next)
            && index < last
        {
            whole(self, index);
            next = index + 1;
        }
    }

    fn zero_part(&mut self, index: u64, start: usize, end: usize) {
        if let Some(Page::Data(_)) = self.pages.get(index)
            && let Some(page) = self.pages.get_mut(index)
        {
            self.digest = self.digest.wrapping_sub(page_digest(index, page, Data::digest));
            if let Page::Data(data) = page {
                data.zero(start, end);
            }
            self.digest = self.digest.wrapping_add(page_digest(index, page, Data::digest));
        }
    }

    /// Cuts everything off from `size` on, reserved pages too.
    pub(super) fn truncate(&mut self, size: u64) {
        if size == 0 {
            *self = Contents::default();
        } else {
            self.clear(size, u64::MAX, Contents::take);
        }
    }

    /// Removes the pages from `start` up to `end` and closes the gap. Both are page indices.
    pub(super) fn collapse(&mut self, start: u64, end: u64) {
        let kept = core::mem::take(self);
        for (index, page) in kept.pages() {
            if index < start {
                self.put(index, page.clone());
            } else if index >= end {
                self.put(index - (end - start), page.clone());
            }
        }
    }

    /// Moves the pages from `start` on up by `count`. Both are in pages.
    pub(super) fn insert_hole(&mut self, start: u64, count: u64) {
        let kept = core::mem::take(self);
        for (index, page) in kept.pages() {
            self.put(if index < start { index } else { index + count }, page.clone());
        }
    }

    /// The first byte of data at or behind `offset`, as far as pages tell.
    pub(super) fn next_data(&self, offset: u64) -> Option<u64> {
        let mut next = index_of(offset);
        while let Some((index, page)) = self.pages.ceil(next) {
            if matches!(page, Page::Data(_)) {
                return Some(offset.max(index * PAGE_U64));
            }
            next = index + 1;
        }
        None
    }

    /// The first byte at or behind `offset` that is in a page without data.
    pub(super) fn next_hole(&self, offset: u64) -> u64 {
        let mut index = index_of(offset);
        while let Some(Page::Data(_)) = self.pages.get(index) {
            index += 1;
        }
        offset.max(index * PAGE_U64)
    }

    /// Puts a page where there is none.
    fn put(&mut self, index: u64, page: Page) {
        self.allocated += 1;
        self.digest = self.digest.wrapping_add(page_digest(index, &page, Data::digest));
        self.pages.insert(index, page);
    }

    /// Takes a page out that is there.
    fn take(&mut self, index: u64) {
        if let Some(page) = self.pages.get(index) {
            self.digest = self.digest.wrapping_sub(page_digest(index, page, Data::digest));
            self.allocated -= 1;
            self.pages.remove(index);
        }
    }
}
