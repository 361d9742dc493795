//! The maps of an object, and what programs do with them.

use fuserig_abi::Errno;

use super::hash::Hash;
use super::ring::Ring;
use crate::engine::interp::{Kind, Region, map_region, region_address};
use crate::program::MapKind;

/// `BPF_NOEXIST`.
const NOEXIST: u64 = 1;
/// `BPF_EXIST`.
const EXIST: u64 = 2;

const EINVAL: i64 = Errno::EINVAL.negative() as i64;
const E2BIG: i64 = Errno::E2BIG.negative() as i64;
const ENOENT: i64 = Errno::ENOENT.negative() as i64;
const EEXIST: i64 = Errno::EEXIST.negative() as i64;
const EAGAIN: i64 = Errno::EAGAIN.negative() as i64;

/// How a map finds its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    Array,
    Hash(Hash),
    Ring(Ring),
    Perf,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Map {
    pub(super) name: String,
    pub(super) kind: MapKind,
    pub(super) key_size: u32,
    pub(super) value_size: u32,
    pub(super) max_entries: u32,
    /// Values of one key: the number of CPUs in per-CPU maps, else 1.
    pub(super) copies: u32,
    /// Distance of values in the region.
    pub(super) stride: u32,
    pub(super) storage: Storage,
}

/// The maps of an object. A clone is a snapshot of which keys there are; the values stand in the
/// memory of the machine.
///
/// ```
/// use fuserig_filters::engine::{Limits, Machine};
/// let machine = Machine::new(&[], Limits::default()).expect("no maps to make");
/// assert!(machine.maps().is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maps {
    pub(super) maps: Vec<Map>,
    pub(super) cpus: u32,
    /// Records that programs gave to a reader: the map and the bytes.
    pub(super) outputs: Vec<(usize, Vec<u8>)>,
}

impl Maps {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.maps.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.maps.is_empty()
    }

    /// The position of the map with that symbol.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.maps.iter().position(|map| map.name == name)
    }

    /// The symbol of a map.
    pub fn name(&self, map: usize) -> Option<&str> {
        self.maps.get(map).map(|map| map.name.as_str())
    }

    /// Bytes of a key and of a value.
    pub fn sizes(&self, map: usize) -> Option<(u32, u32)> {
        self.maps.get(map).map(|map| (map.key_size, map.value_size))
    }

    /// Live entries; all of them in arrays.
    pub fn count(&self, map: usize) -> u32 {
        match self.maps.get(map) {
            Some(Map { storage: Storage::Hash(hash), .. }) => hash.len(),
            Some(Map { storage: Storage::Array, max_entries, .. }) => *max_entries,
            _ => 0,
        }
    }

    /// Takes the records that readers got since the last time: the map's symbol and the bytes. The
    /// rings are empty afterwards.
    pub fn drain(&mut self) -> impl Iterator<Item = (&str, Vec<u8>)> {
        for map in &mut self.maps {
            if let Storage::Ring(ring) = &mut map.storage {
                ring.drain();
            }
        }
        let maps = &self.maps;
        self.outputs.drain(..).map(|(map, bytes)| (maps[map].name.as_str(), bytes))
    }

    /// Whether anything waits for a reader or is reserved.
    pub(in crate::engine) fn has_outputs(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// `bpf_map_lookup_elem`: the address of the value, or 0.
    pub(in crate::engine) fn lookup(
        &mut self,
        map: usize,
        key: &[u8],
        cpu: u32,
        regions: &mut [Region],
    ) -> u64 {
        let Some(row) = self.maps.get_mut(map) else { return 0 };
        let slot = match &mut row.storage {
            Storage::Array => index(key).filter(|index| *index < row.max_entries),
            Storage::Hash(hash) => hash.find(key).inspect(|slot| hash.touch(*slot)),
            Storage::Ring(_) | Storage::Perf => None,
        };
        slot.map_or(0, |slot| row.address(map, slot, cpu, regions))
    }

    /// `bpf_map_update_elem`.
    pub(in crate::engine) fn update(
        &mut self,
        map: usize,
        (key, value): (&[u8], &[u8]),
        flags: u64,
        cpu: u32,
        regions: &mut [Region],
    ) -> i64 {
        let Some(row) = self.maps.get_mut(map) else { return EINVAL };
        if flags > EXIST {
            return EINVAL;
        }
        let (slot, is_new) = match &mut row.storage {
            Storage::Array => match index(key) {
                Some(index) if index < row.max_entries => match flags {
                    NOEXIST => return EEXIST,
                    _ => (index, false),
                },
                _ => return E2BIG,
            },
            Storage::Hash(hash) => match (hash.find(key), flags) {
                (Some(_), NOEXIST) => return EEXIST,
                (None, EXIST) => return ENOENT,
                (Some(slot), _) => {
                    hash.touch(slot);
                    (slot, false)
                }
                (None, _) => match hash.insert(key) {
                    Some(slot) => (slot, true),
                    None => return E2BIG,
                },
            },
            Storage::Ring(_) | Storage::Perf => return EINVAL,
        };
        if is_new {
            for cpu in 0..row.copies {
                let first = row.reach(map, slot, cpu, regions);
                regions[map_region_of(map)].bytes[first..first + row.value_size as usize].fill(0);
            }
        }
        let first = row.reach(map, slot, cpu, regions);
        let bytes = &mut regions[map_region_of(map)].bytes;
        bytes[first..first + value.len()].copy_from_slice(value);
        0
    }

    /// `bpf_map_delete_elem`.
    pub(in crate::engine) fn delete(&mut self, map: usize, key: &[u8]) -> i64 {
        match self.maps.get_mut(map).map(|row| &mut row.storage) {
            Some(Storage::Hash(hash)) => match hash.find(key) {
                Some(slot) => {
                    hash.remove(slot);
                    0
                }
                None => ENOENT,
            },
            _ => EINVAL,
        }
    }

    /// Gives bytes to the reader of a ring buffer or of perf events.
    pub(in crate::engine) fn output(&mut self, map: usize, bytes: &[u8]) -> i64 {
        match self.maps.get_mut(map).map(|row| &mut row.storage) {
            Some(Storage::Ring(ring)) => {
                if !ring.take(bytes.len() as u64) {
                    return EAGAIN;
                }
            }
            Some(Storage::Perf) => {}
            _ => return EINVAL,
        }
        self.outputs.push((map, bytes.to_vec()));
        0
    }

    /// `bpf_ringbuf_reserve`: the address of the record, or 0 without room.
    pub(in crate::engine) fn reserve(
        &mut self,
        map: usize,
        len: u64,
        regions: &mut Vec<Region>,
    ) -> u64 {
        let Some(row) = self.maps.get_mut(map) else { return 0 };
        let Storage::Ring(ring) = &mut row.storage else { return 0 };
        if !ring.take(len) {
            return 0;
        }
        let bytes = vec![0; usize::try_from(len).expect("it fits into the ring")];
        ring.reserved.push(regions.len());
        regions.push(Region::plain(Kind::Lent, row.name.clone(), bytes, true));
        region_address(regions.len() - 1)
    }

    /// `bpf_ringbuf_submit` and `bpf_ringbuf_discard`: whether the address is a reserved record.
    pub(in crate::engine) fn finish(
        &mut self,
        region: usize,
        is_submitted: bool,
        regions: &mut [Region],
    ) -> bool {
        for (number, map) in self.maps.iter_mut().enumerate() {
            let Storage::Ring(ring) = &mut map.storage else { continue };
            let Some(at) = ring.reserved.iter().position(|known| *known == region) else {
                continue;
            };
            ring.reserved.remove(at);
            let record = core::mem::replace(&mut regions[region], Region::unmapped());
            if is_submitted {
                self.outputs.push((number, record.bytes));
            }
            return true;
        }
        false
    }

    /// The map with a record that was neither submitted nor discarded.
    pub(in crate::engine) fn unfinished(&self) -> Option<&str> {
        let is_open = |map: &&Map| match &map.storage {
            Storage::Ring(ring) => !ring.reserved.is_empty(),
            Storage::Array | Storage::Hash(_) | Storage::Perf => false,
        };
        self.maps.iter().find(is_open).map(|map| map.name.as_str())
    }

    /// `bpf_ringbuf_query`.
    pub(in crate::engine) fn query(&self, map: usize, flags: u64) -> u64 {
        match (self.maps.get(map).map(|map| &map.storage), flags) {
            (Some(Storage::Ring(ring)), 0) => ring.taken(),
            (Some(Storage::Ring(ring)), 1) => ring.size(),
            (Some(Storage::Ring(ring)), 3) => ring.taken(),
            _ => 0,
        }
    }

    /// Whether a map is a ring buffer that could ever hold so much.
    pub(in crate::engine) fn is_perf(&self, map: usize) -> bool {
        self.maps.get(map).is_some_and(|map| map.kind == MapKind::PerfEventArray)
    }

    /// Number of simulated CPUs.
    pub fn cpus(&self) -> u32 {
        self.cpus
    }

    /// The keys of a hash map with the places of their values in the machine's memory, by slot.
    pub fn keys(&self, map: usize) -> Vec<(Vec<u8>, usize)> {
        let Some(row) = self.maps.get(map) else { return Vec::new() };
        let Storage::Hash(hash) = &row.storage else { return Vec::new() };
        let place = |slot: u32| slot as usize * row.copies as usize * row.stride as usize;
        hash.entries().map(|(slot, key)| (key.to_vec(), place(slot))).collect()
    }

    /// Whether a full map makes room by forgetting.
    pub fn is_lru(&self, map: usize) -> bool {
        match self.maps.get(map).map(|map| &map.storage) {
            Some(Storage::Hash(hash)) => hash.is_lru(),
            _ => false,
        }
    }
}

impl Map {
    /// Where the value of a slot begins; the memory is there afterwards.
    fn reach(&self, map: usize, slot: u32, cpu: u32, regions: &mut [Region]) -> usize {
        let cpu = if self.copies == 1 { 0 } else { cpu.min(self.copies - 1) };
        let place = slot as usize * self.copies as usize + cpu as usize;
        let first = place * self.stride as usize;
        let bytes = &mut regions[map_region_of(map)].bytes;
        let end = first + self.value_size as usize;
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        first
    }

    fn address(&self, map: usize, slot: u32, cpu: u32, regions: &mut [Region]) -> u64 {
        let first = self.reach(map, slot, cpu, regions);
        region_address(map_region_of(map)) + first as u64
    }
}

fn map_region_of(map: usize) -> usize {
    map_region(u32::try_from(map).unwrap_or(u32::MAX))
}

fn index(key: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(key.try_into().ok()?))
}
