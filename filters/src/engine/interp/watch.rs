//! What a call touches of the state of its filter, for whoever reorders calls.
//!
//! While a call is watched, loads and stores of map values take the slow path, where each is
//! reported as a cell: a value of a map, eight bytes of a data section, a key of a hash map, and
//! one cell a map for what all of its keys share (how full it is, which key was used last, the
//! order of records). It costs nothing when nobody watches. What a reader would get wrong: a store
//! of the value that is there already is a change, too, because in another order it would be one.

use super::context::Context;
use super::machine::{Machine, map_region};
use super::memory::Kind;
use crate::Touch;

/// The ends of accesses of each map, kept while the call is watched.
pub(in crate::engine) type Ends = Vec<(u32, u32)>;

/// What a cell is, in its high bits.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) enum Cell {
    /// Bytes at a place of the region of a map.
    Place(u32),
    /// A key of a hash map.
    Key(u64),
    /// What all keys of a map share.
    Whole,
    /// The state of the random numbers.
    Random,
}

/// Mixes the words that name a cell (the finalizer of splitmix64).
fn scramble(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The number of a key.
fn key_number(key: &[u8]) -> u64 {
    let bytes = key.iter().map(|byte| u64::from(*byte));
    bytes.fold(key.len() as u64, |sum, byte| scramble(sum.rotate_left(8) ^ byte))
}

impl Cell {
    /// A key.
    pub(in crate::engine) fn key(key: &[u8]) -> Cell {
        Cell::Key(key_number(key))
    }

    fn number(self, map: usize) -> u64 {
        let (kind, rest) = match self {
            Cell::Place(place) => (1, u64::from(place)),
            Cell::Key(key) => (2, key),
            Cell::Whole => (3, 0),
            Cell::Random => (4, 0),
        };
        scramble(scramble(rest) ^ ((map as u64) << 8 | kind))
    }
}

impl Machine {
    /// Sends every access of map values to the slow path.
    pub(in crate::engine) fn watch_maps(&mut self) {
        let maps = self.maps.len();
        let first = map_region(0);
        let regions = &mut self.memory.regions[first..first + maps];
        let shut = regions.iter_mut().map(|region| {
            (core::mem::take(&mut region.read_end), core::mem::take(&mut region.write_end))
        });
        self.watched = Some(shut.collect());
    }

    /// Opens the fast path again.
    pub(in crate::engine) fn unwatch_maps(&mut self) {
        let Some(ends) = self.watched.take() else { return };
        let regions = &mut self.memory.regions[map_region(0)..];
        for (region, (read_end, write_end)) in regions.iter_mut().zip(ends) {
            (region.read_end, region.write_end) = (read_end, write_end);
        }
    }
}

impl Context<'_, '_> {
    /// Reports a cell of a map, when somebody watches.
    #[inline]
    pub(in crate::engine) fn touch(&mut self, map: usize, cell: Cell, is_change: bool) {
        if self.machine.watched.is_some() {
            self.env.touch(Touch { cell: cell.number(map), is_change });
        }
    }

    /// An access of a map value while somebody watches: reports its cells and opens the fast path
    /// for it. `close_again` must follow.
    pub(super) fn watched_access(
        &mut self,
        region: usize,
        offset: u32,
        len: u32,
        change: bool,
    ) -> bool {
        let map = region.wrapping_sub(map_region(0));
        let ends = self.machine.watched.as_ref().and_then(|ends| ends.get(map)).copied();
        let Some((read_end, write_end)) = ends else { return false };
        let found = &mut self.machine.memory.regions[region];
        if found.kind != Kind::Map || found.read_end == read_end && found.write_end == write_end {
            return false;
        }
        (found.read_end, found.write_end) = (read_end, write_end);
        // One cell a value; of a data section, which is one long value, one for eight bytes.
        let mask = found.mask;
        if mask == u32::MAX {
            let last = offset.saturating_add(len.saturating_sub(1)) / 8;
            for word in (offset / 8..=last).take(CELLS_MAX) {
                self.touch(map, Cell::Place(word), change);
            }
        } else {
            self.touch(map, Cell::Place(offset & !mask), change);
        }
        true
    }

    /// Sends the accesses of a map to the slow path again.
    pub(super) fn close_again(&mut self, region: usize) {
        let found = &mut self.machine.memory.regions[region];
        (found.read_end, found.write_end) = (0, 0);
    }
}

/// Most cells of one access; a program moves at most 512 bytes of stack at once, helpers a page.
const CELLS_MAX: usize = 4096;
