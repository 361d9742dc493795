//! The distinct byte strings of a block: request bodies, reply bodies, details of stages.
//!
//! A string that occurs twice in a block is stored once. Strings of one origin and one length (all
//! replies to GETATTR) form a group and are stored as columns of 32-bit lanes, because the same
//! field of the next reply is a better guide than the next field of the same reply. The rest is
//! stored one after the other. A reader would get wrong that finding a repeated string is allowed
//! to fail: it costs a copy, nothing else.

use super::{CodecError, Input, MAX_BLOCK_RECORDS, Scratch, Span, put, put_bytes};
use crate::record::fingerprint;

/// Code of the empty string.
const EMPTY: u64 = 0;
/// Code of a string that was not seen in the block before.
const NEW: u64 = 1;
/// Code of the first string of the block; others follow.
const FIRST: u64 = 2;

/// Shorter strings are names, on which columns are wasted.
const GROUP_LEN_MIN: usize = 16;
/// Longer strings are lists and data. Also the most that a string without bytes of its own, one
/// whose lanes are all constant, can claim in memory.
const GROUP_LEN_MAX: usize = 256;
/// Groups a block may have; the opcodes in one block are fewer.
const GROUPS_MAX: usize = 64;
/// Below this a column's head costs more than it saves.
const GROUP_COUNT_MIN: usize = 8;
/// Entries of the table that finds repeated strings: enough for the strings of a block.
const TABLE_LEN: usize = 1 << 12;

/// Where a string comes from. Strings of one origin resemble each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) number: u16,
    pub(super) reply: bool,
}

#[derive(Debug)]
struct Group {
    origin: Origin,
    len: usize,
    count: usize,
}

/// Collects the strings of a block.
#[derive(Debug)]
pub(super) struct Pool {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    /// For each string the place of its group in `groups` plus one, or 0.
    group_of: Vec<u8>,
    groups: Vec<Group>,
    /// By hash, the hash of a string and its index plus one. A newer string takes the place of an
    /// older one. Where hashes differ the strings need not be looked at, which are far away.
    table: Vec<(u32, u32)>,
}

impl Pool {
    pub(super) fn new() -> Pool {
        Pool {
            bytes: Vec::new(),
            spans: Vec::new(),
            group_of: Vec::new(),
            groups: Vec::new(),
            table: vec![(0, 0); TABLE_LEN],
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
        self.group_of.clear();
        self.groups.clear();
        self.table.fill((0, 0));
    }

    /// Adds a string; returns its code and the bytes it is expected to take.
    pub(super) fn add(&mut self, origin: Origin, bytes: &[u8]) -> (u64, usize) {
        if bytes.is_empty() {
            return (EMPTY, 0);
        }
        let fingerprint = fingerprint(bytes);
        let (hash, slot) = ((fingerprint >> 32) as u32, fingerprint as usize % TABLE_LEN);
        let (known_hash, known) = self.table[slot];
        if let Some(known) = (known as usize).checked_sub(1)
            && known_hash == hash
            && self.spans[known].of(&self.bytes) == bytes
        {
            return (FIRST + known as u64, 0);
        }
        let start = u32::try_from(self.bytes.len()).expect("the writer limits a block's bytes");
        let len = u32::try_from(bytes.len()).expect("the writer limits a record's bytes");
        self.bytes.extend_from_slice(bytes);
        self.spans.push(Span { start, len });
        let place = u32::try_from(self.spans.len()).expect("fewer strings than bytes");
        self.table[slot] = (hash, place);
        let group = self.group(origin, bytes.len());
        self.group_of.push(group);
        // Lanes that hardly change are most of a reply.
        (NEW, if group == 0 { bytes.len() } else { bytes.len() / 4 })
    }

    fn group(&mut self, origin: Origin, len: usize) -> u8 {
        if !(GROUP_LEN_MIN..=GROUP_LEN_MAX).contains(&len) || !len.is_multiple_of(4) {
            return 0;
        }
        let same = |group: &Group| group.origin == origin && group.len == len;
        let place = match self.groups.iter().position(same) {
            Some(place) => place,
            None if self.groups.len() < GROUPS_MAX => {
                self.groups.push(Group { origin, len, count: 0 });
                self.groups.len() - 1
            }
            None => return 0,
        };
        self.groups[place].count += 1;
        u8::try_from(place + 1).expect("fewer groups than a byte counts")
    }

    /// Appends the pool.
    pub(super) fn put(&self, out: &mut Vec<u8>, scratch: &mut Scratch) {
        put(out, u32::try_from(self.spans.len()).expect("fewer strings than bytes"));
        // Groups that are worth it, renumbered without gaps.
        let mut kept = Vec::new();
        let mut number_of = vec![0; self.groups.len() + 1];
        for (place, group) in self.groups.iter().enumerate() {
            if group.count >= GROUP_COUNT_MIN {
                kept.push(place + 1);
                number_of[place + 1] = kept.len() as u64;
            }
        }
        let number = |index: usize| number_of[usize::from(self.group_of[index])];

        scratch.values.clear();
        scratch.values.extend((0..self.spans.len()).map(number));
        scratch.put_values(out);

        let raw = || (0..self.spans.len()).filter(|&index| number(index) == 0);
        scratch.values.clear();
        scratch.values.extend(raw().map(|index| u64::from(self.spans[index].len)));
        scratch.put_values(out);
        scratch.bytes.clear();
        raw().for_each(|index| scratch.bytes.extend_from_slice(self.spans[index].of(&self.bytes)));
        put_bytes(out, &scratch.bytes);

        put(out, kept.len() as u32);
        for place in kept {
            self.put_group(out, scratch, place);
        }
    }

    fn put_group(&self, out: &mut Vec<u8>, scratch: &mut Scratch, place: usize) {
        let group = &self.groups[place - 1];
        put(out, group.len as u32);
        let mut offsets = core::mem::take(&mut scratch.offsets);
        offsets.clear();
        offsets.extend(
            self.spans
                .iter()
                .zip(&self.group_of)
                .filter(|(_, member)| usize::from(**member) == place)
                .map(|(span, _)| span.start),
        );
        for lane in (0..group.len).step_by(4) {
            scratch.values.clear();
            scratch.values.extend(offsets.iter().map(|&start| {
                let at = start as usize + lane;
                let word: [u8; 4] = self.bytes[at..at + 4].try_into().expect("a lane is 4 bytes");
                u64::from(u32::from_le_bytes(word))
            }));
            scratch.put_values(out);
        }
        scratch.offsets = offsets;
    }
}

/// The strings of a block, decoded.
#[derive(Debug, Default)]
pub(super) struct PoolView {
    pub(super) arena: Vec<u8>,
    spans: Vec<Span>,
    group_of: Vec<u64>,
    values: Vec<u64>,
    /// The lanes of a group that vary, with their places. The vectors are used again.
    lanes: Vec<(usize, Vec<u64>)>,
}

/// Turns codes back into spans, in the order in which they were added.
#[derive(Debug)]
pub(super) struct Resolver<'a> {
    spans: &'a [Span],
    next: usize,
}

impl PoolView {
    /// Reads the pool; afterwards its strings lie in `arena`.
    pub(super) fn take(&mut self, input: &mut Input<'_>) -> Result<(), CodecError> {
        let count: u32 = input.take("string count")?;
        let count = count as usize;
        if count > 2 * MAX_BLOCK_RECORDS {
            return Err(input.error("string count", "is more than a block may hold"));
        }
        input.take_narrow(count, GROUPS_MAX as u64, "string groups", &mut self.group_of)?;
        let raw_count = self.group_of.iter().filter(|&&group| group == 0).count();
        input.take_narrow(raw_count, u64::from(u32::MAX), "string lengths", &mut self.values)?;
        let raw: &[u8] = input.take("strings")?;
        if self.values.iter().sum::<u64>() != raw.len() as u64 {
            return Err(input.error("strings", "are not as long as their lengths say"));
        }
        self.arena.clear();
        self.arena.extend_from_slice(raw);
        self.place_raw();

        let groups: u32 = input.take("group count")?;
        let groups = groups as usize;
        let highest = self.group_of.iter().fold(0, |high, &group| high.max(group));
        if groups > GROUPS_MAX || highest > groups as u64 {
            return Err(input.error("group count", "does not fit the strings"));
        }
        for number in 1..=groups {
            self.take_group(input, number as u64)?;
        }
        Ok(())
    }

    /// Gives the strings that have no group their places.
    fn place_raw(&mut self) {
        let mut lengths = self.values.iter();
        let mut start = 0;
        self.spans.clear();
        self.spans.extend(self.group_of.iter().map(|&group| {
            if group != 0 {
                return Span::default();
            }
            let len = lengths.next().map_or(0, |&len| len as u32);
            let span = Span { start, len };
            start += len;
            span
        }));
    }

    fn take_group(&mut self, input: &mut Input<'_>, number: u64) -> Result<(), CodecError> {
        let len: u32 = input.take("group length")?;
        let width = len as usize;
        if !(GROUP_LEN_MIN..=GROUP_LEN_MAX).contains(&width) || !width.is_multiple_of(4) {
            return Err(input.error("group length", "is none that a group may have"));
        }
        let base = self.arena.len();
        let mut start = u32::try_from(base)
            .map_err(|_large| input.error("group", "is longer than a block can be"))?;
        let mut count = 0;
        let members = self.spans.iter_mut().zip(&self.group_of);
        for (span, _) in members.filter(|(_, group)| **group == number) {
            *span = Span { start, len };
            start += len;
            count += 1;
        }
        // Lanes that never change are laid down once for all rows; the others go over them.
        let mut template = [0; GROUP_LEN_MAX];
        let mut varying = 0;
        for place in (0..width).step_by(4) {
            let column = input.take_raw_column(count, "lane")?;
            if let Some(value) = column.constant() {
                template[place..place + 4].copy_from_slice(&(value as u32).to_le_bytes());
                continue;
            }
            if varying == self.lanes.len() {
                self.lanes.push((0, Vec::new()));
            }
            let lane = &mut self.lanes[varying];
            lane.0 = place;
            column.expand(count, &mut lane.1);
            varying += 1;
        }
        for row in 0..count {
            let at = self.arena.len();
            self.arena.extend_from_slice(&template[..width]);
            let bytes = &mut self.arena[at..];
            for (place, values) in &self.lanes[..varying] {
                let word = (values[row] as u32).to_le_bytes();
                bytes[*place..*place + 4].copy_from_slice(&word);
            }
        }
        Ok(())
    }

    pub(super) fn resolver(&self) -> Resolver<'_> {
        Resolver { spans: &self.spans, next: 0 }
    }
}

impl Resolver<'_> {
    /// The span behind a code; `None` for a string that the block does not have.
    pub(super) fn resolve(&mut self, code: u64) -> Option<Span> {
        match code {
            EMPTY => Some(Span::default()),
            NEW => {
                let span = self.spans.get(self.next)?;
                self.next += 1;
                Some(*span)
            }
            known => {
                let index = usize::try_from(known - FIRST).ok()?;
                self.spans[..self.next].get(index).copied()
            }
        }
    }
}
