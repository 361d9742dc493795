//! How far the kernel reads ahead (`mm/readahead.c` of Linux 6.18, without large folios).
//!
//! A read at the start of a file, or where the last one ended, begins a stream: more is read than
//! was asked for, and a page on the way is marked; whoever comes to the mark has the next window
//! read. A read elsewhere is taken for a random one, and gets what it asked for.

/// Windows behind the first are aligned to so many pages.
const ALIGNED: u64 = 4;

/// What an open file remembers of its reads (`struct file_ra_state`), in pages.
///
/// ```
/// use fuserig::kernel::{ReadAhead, Window};
/// let mut ahead = ReadAhead::default();
/// // Two pages at the start of a file: twice as many are read, and the third is marked.
/// let window = ahead.missed(0, 2, 32, |_page| false);
/// assert_eq!(window, Window { start: 0, pages: 4, mark: Some(2) });
/// // Two pages somewhere else: no more than those.
/// let window = ReadAhead::default().missed(9, 2, 32, |_page| false);
/// assert_eq!(window, Window { start: 9, pages: 2, mark: None });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadAhead {
    start: u64,
    size: u64,
    behind_mark: u64,
    /// The page that the last read ended in; none before the first.
    last: Option<u64>,
}

/// What is to be read, as far as the file goes and it is not in the cache.
///
/// ```
/// use fuserig::kernel::Window;
/// let window = Window { start: 2, pages: 8, mark: Some(6) };
/// assert_eq!(window.within(9), Window { start: 2, pages: 7, mark: Some(5) });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first page.
    pub start: u64,
    /// How many.
    pub pages: u64,
    /// The page that has the next window read by whoever comes to it.
    pub mark: Option<u64>,
}

impl Window {
    fn new(start: u64, pages: u64, behind_mark: u64) -> Window {
        let mark = (behind_mark > 0).then(|| (start + pages).saturating_sub(behind_mark));
        Window { start, pages, mark }
    }

    /// The window in a file of so many pages. The mark moves with the end; one that would lie in
    /// front of the window is none.
    #[must_use]
    pub fn within(self, file: u64) -> Window {
        let pages = self.pages.min(file.saturating_sub(self.start));
        let cut = self.pages - pages;
        let mark = self.mark.and_then(|mark| mark.checked_sub(cut));
        Window { pages, mark: mark.filter(|mark| *mark >= self.start), ..self }
    }
}

impl ReadAhead {
    /// A read that wants `wanted` pages from `page` on, which is not in the cache
    /// (`page_cache_sync_ra`). `most` is the largest window.
    pub fn missed(
        &mut self,
        page: u64,
        wanted: u64,
        most: u64,
        is_cached: impl Fn(u64) -> bool,
    ) -> Window {
        let follows =
            self.last.is_some_and(|last| page.checked_sub(last).is_some_and(|gap| gap <= 1));
        if page == 0 || wanted > most || follows {
            let size = first_size(wanted, most);
            let behind_mark = if size > wanted { size - wanted } else { size / 2 };
            return self.read(page, size, behind_mark);
        }
        let before = (1..=most.min(page)).take_while(|back| is_cached(page - back)).count() as u64;
        if before <= wanted {
            return Window::new(page, wanted, 0);
        }
        // A file that is cached from its beginning is read as a whole.
        let trace = if before == page { before * 2 } else { before };
        self.read(page, most.min(trace + wanted), 1)
    }

    /// A read that wants `wanted` pages from `page` on, which is marked (`page_cache_async_ra`);
    /// none when so much is cached that nothing is due.
    pub fn met_mark(
        &mut self,
        page: u64,
        wanted: u64,
        most: u64,
        is_cached: impl Fn(u64) -> bool,
    ) -> Option<Window> {
        if page == (self.start + self.size).saturating_sub(self.behind_mark) {
            let size = self.size.max(next_size(self.size, most));
            return Some(self.read_on(self.start + self.size, size));
        }
        // Somebody else's mark: two streams share the file.
        let start = (page + 1..=page + most).find(|page| !is_cached(*page))?;
        Some(self.read_on(start, next_size(start - page + wanted, most)))
    }

    /// A read ended in this page.
    pub fn ended(&mut self, page: u64) {
        self.last = Some(page);
    }

    /// The next window of a stream ends at a multiple of four pages if it can.
    fn read_on(&mut self, start: u64, size: u64) -> Window {
        let end = (start + size) / ALIGNED * ALIGNED;
        let size = if end > start { end - start } else { size };
        self.read(start, size, size)
    }

    fn read(&mut self, start: u64, size: u64, behind_mark: u64) -> Window {
        (self.start, self.size, self.behind_mark) = (start, size, behind_mark);
        Window::new(start, size, behind_mark)
    }
}

/// `get_init_ra_size`: small reads are quadrupled, larger ones doubled.
fn first_size(wanted: u64, most: u64) -> u64 {
    match wanted.next_power_of_two() {
        size if size <= most / 32 => size * 4,
        size if size <= most / 4 => size * 2,
        _ => most,
    }
}

/// `get_next_ra_size`.
fn next_size(size: u64, most: u64) -> u64 {
    match size {
        size if size < most / 16 => size * 4,
        size if size <= most / 2 => size * 2,
        _ => most,
    }
}

#[cfg(test)]
mod tests {
    use super::{ReadAhead, Window};

    const NOTHING: fn(u64) -> bool = |_page| false;

    #[test]
    fn a_stream_has_ever_larger_windows() {
        let mut ahead = ReadAhead::default();
        let first = ahead.missed(0, 1, 32, NOTHING);
        assert_eq!(first, Window { start: 0, pages: 4, mark: Some(1) });
        ahead.ended(1);
        let mut windows = Vec::new();
        for mark in [1, 4, 12, 28] {
            windows.push(ahead.met_mark(mark, 1, 32, |page| page <= mark).expect("it is due"));
        }
        let sizes: Vec<_> = windows.iter().map(|window| (window.start, window.pages)).collect();
        assert_eq!(sizes, [(4, 8), (12, 16), (28, 32), (60, 32)]);
    }

    #[test]
    fn a_random_read_gets_what_it_wants_and_the_next_one_begins_a_stream() {
        let mut ahead = ReadAhead::default();
        assert_eq!(ahead.missed(7, 3, 32, NOTHING), Window { start: 7, pages: 3, mark: None });
        ahead.ended(9);
        assert_eq!(ahead.missed(10, 3, 32, NOTHING).pages, 8);
        assert_eq!(ahead.missed(90, 40, 32, NOTHING).pages, 32, "more than a window");
    }

    #[test]
    fn what_is_cached_in_front_counts_as_a_stream() {
        let cached = |page| (4..9).contains(&page);
        assert_eq!(ReadAhead::default().missed(9, 5, 32, cached).pages, 5, "as much as was asked");
        let window = ReadAhead::default().missed(9, 2, 32, cached);
        assert_eq!(window, Window { start: 9, pages: 7, mark: Some(15) });
        let window = ReadAhead::default().missed(9, 2, 32, |page| page < 9);
        assert_eq!(window.pages, 20, "from the beginning on");
    }

    #[test]
    fn a_window_ends_with_the_file_and_its_mark_moves() {
        let window = Window { start: 2, pages: 8, mark: Some(6) };
        assert_eq!(window.within(9), Window { start: 2, pages: 7, mark: Some(5) });
        assert_eq!(window.within(6), Window { start: 2, pages: 4, mark: Some(2) });
        assert_eq!(window.within(5).mark, None);
        assert_eq!(window.within(1).pages, 0);
    }

    #[test]
    fn a_strange_mark_begins_behind_what_is_cached() {
        let mut ahead = ReadAhead::default();
        let window = ahead.met_mark(1, 2, 32, |page| page < 3).expect("a page is missing");
        assert_eq!((window.start, window.pages), (3, 5), "to the multiple of four");
        assert_eq!(ahead.met_mark(1, 2, 32, |_page| true), None);
    }
}
