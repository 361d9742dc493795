//! The body of an INDEX block: where the other blocks are.

use super::{CodecError, Input, Scratch, put};

/// One block of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub(crate) offset: u64,
    pub(crate) kind: u16,
    pub(crate) count: u32,
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    pub(crate) first_time: u64,
    pub(crate) last_time: u64,
}

const NUMBERS: [(&str, u64); 7] = [
    ("offset", u64::MAX),
    ("kind", u16::MAX as u64),
    ("count", u32::MAX as u64),
    ("first_seq", u64::MAX),
    ("last_seq", u64::MAX),
    ("first_time", u64::MAX),
    ("last_time", u64::MAX),
];

impl IndexEntry {
    /// Appends the body of an INDEX block for at most `MAX_BLOCK_RECORDS` entries.
    pub(crate) fn put_all(entries: &[IndexEntry], out: &mut Vec<u8>, scratch: &mut Scratch) {
        put(out, entries.len() as u32);
        let fields: [fn(&IndexEntry) -> u64; NUMBERS.len()] = [
            |entry| entry.offset,
            |entry| u64::from(entry.kind),
            |entry| u64::from(entry.count),
            |entry| entry.first_seq,
            |entry| entry.last_seq,
            |entry| entry.first_time,
            |entry| entry.last_time,
        ];
        for field in fields {
            scratch.values.clear();
            scratch.values.extend(entries.iter().map(field));
            scratch.put_values(out);
        }
    }
}

/// The entries of an INDEX block, decoded.
#[derive(Debug, Default)]
pub(crate) struct IndexColumns {
    numbers: [Vec<u64>; NUMBERS.len()],
}

impl IndexColumns {
    pub(crate) fn take(&mut self, input: &mut Input<'_>) -> Result<usize, CodecError> {
        let count = input.take_count()?;
        for (column, (name, max)) in self.numbers.iter_mut().zip(NUMBERS) {
            input.take_narrow(count, max, name, column)?;
        }
        Ok(count)
    }

    pub(crate) fn get(&self, index: usize) -> IndexEntry {
        let number = |column: usize| self.numbers[column][index];
        IndexEntry {
            offset: number(0),
            kind: number(1) as u16,
            count: number(2) as u32,
            first_seq: number(3),
            last_seq: number(4),
            first_time: number(5),
            last_time: number(6),
        }
    }
}
