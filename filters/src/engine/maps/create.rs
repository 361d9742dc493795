//! Making maps, with the checks of a kernel's map creation.

use thiserror::Error;

use super::hash::Hash;
use super::ring::Ring;
use super::table::{Map, Maps, Storage};
use crate::engine::interp::{Kind, Region};
use crate::program::{DataKind, MapDef, MapKind};

/// Most bytes that the values of one map may take, gaps included. A kernel would take more; a run
/// on an ordinary machine should not.
const VALUES_MAX: u64 = 1 << 28;
/// Longest key that a kernel takes.
const KEY_MAX: u32 = 512;
/// `BPF_F_RDONLY_PROG`.
const RDONLY_PROG: u32 = 1 << 7;
const PAGE: u32 = 4096;

/// A map that cannot be made.
///
/// ```
/// use fuserig_filters::engine::MapError;
/// let error = MapError { map: "seen".into(), problem: "it has no entries".into() };
/// assert_eq!(error.to_string(), "map seen: it has no entries");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("map {map}: {problem}")]
pub struct MapError {
    /// Its symbol.
    pub map: String,
    /// What is wrong, and what to do where something can be done.
    pub problem: String,
}

impl Maps {
    /// Makes maps and appends a region for each.
    pub(in crate::engine) fn new(
        defs: &[MapDef],
        cpus: u32,
        regions: &mut Vec<Region>,
    ) -> Result<Maps, MapError> {
        let mut maps = Vec::with_capacity(defs.len());
        for def in defs {
            let error = |problem| MapError { map: def.name.clone(), problem };
            let (map, region) = create(def, cpus).map_err(error)?;
            maps.push(map);
            regions.push(region);
        }
        Ok(Maps { maps, cpus, outputs: Vec::new() })
    }
}

fn create(def: &MapDef, cpus: u32) -> Result<(Map, Region), String> {
    let per_cpu =
        matches!(def.kind, MapKind::PercpuArray | MapKind::PercpuHash | MapKind::LruPercpuHash);
    let copies = if per_cpu { cpus } else { 1 };
    let storage = storage(def)?;
    let region = match def.data {
        DataKind::Writable | DataKind::ReadOnly => data(def)?,
        DataKind::Map if matches!(storage, Storage::Ring(_) | Storage::Perf) => {
            Region::plain(Kind::Map, def.name.clone(), Vec::new(), false)
        }
        DataKind::Map => values(def, copies)?,
    };
    let stride = if def.data == DataKind::Map { region.mask.wrapping_add(1) } else { 0 };
    let map = Map {
        name: def.name.clone(),
        kind: def.kind,
        key_size: def.key_size,
        value_size: def.value_size,
        max_entries: def.max_entries,
        copies,
        stride,
        storage,
    };
    Ok((map, region))
}

fn storage(def: &MapDef) -> Result<Storage, String> {
    match def.kind {
        MapKind::Array | MapKind::PercpuArray => {
            if def.key_size != 4 {
                return Err(format!("the key of an array has 4 bytes, not {}", def.key_size));
            }
            Ok(Storage::Array)
        }
        MapKind::Hash | MapKind::PercpuHash => Ok(Storage::Hash(hash(def, false)?)),
        MapKind::LruHash | MapKind::LruPercpuHash => Ok(Storage::Hash(hash(def, true)?)),
        MapKind::Ringbuf => {
            let size = def.max_entries;
            if !size.is_power_of_two() || !size.is_multiple_of(PAGE) {
                return Err(format!(
                    "the size of a ring buffer is a power of two of whole pages, not {size}"
                ));
            }
            Ok(Storage::Ring(Ring::new(size)))
        }
        MapKind::PerfEventArray => Ok(Storage::Perf),
        MapKind::ArrayOfMaps
        | MapKind::HashOfMaps
        | MapKind::Queue
        | MapKind::Stack
        | MapKind::BloomFilter => {
            Err(format!("maps of type {:?} are not supported; use a hash or an array", def.kind))
        }
    }
}

fn hash(def: &MapDef, is_lru: bool) -> Result<Hash, String> {
    if def.key_size == 0 || def.key_size > KEY_MAX {
        return Err(format!("a key has 1 to {KEY_MAX} bytes, not {}", def.key_size));
    }
    Ok(Hash::new(def.key_size, def.max_entries, is_lru))
}

/// A data section: one value.
fn data(def: &MapDef) -> Result<Region, String> {
    if def.initial.len() as u64 > VALUES_MAX || u64::from(def.value_size) > VALUES_MAX {
        return Err(format!("{} bytes of data are too many", def.value_size));
    }
    let mut bytes = def.initial.clone();
    bytes.resize(def.value_size as usize, 0);
    let is_writable = def.data == DataKind::Writable;
    Ok(Region::plain(Kind::Map, def.name.clone(), bytes, is_writable))
}

fn values(def: &MapDef, copies: u32) -> Result<Region, String> {
    if def.max_entries == 0 {
        return Err("it has no entries; set max_entries".to_owned());
    }
    if def.value_size == 0 {
        return Err("its values have no bytes; set the type of value".to_owned());
    }
    // A power of two above the value, so that one mask finds the value and a gap follows it.
    let stride = u64::from(def.value_size + 1).next_power_of_two().max(8);
    let slots = u64::from(def.max_entries) * u64::from(copies);
    if def.value_size >= 1 << 24 || stride.saturating_mul(slots) > VALUES_MAX {
        return Err(format!(
            "{} entries of {} bytes need more than {} MiB; lower max_entries",
            def.max_entries,
            def.value_size,
            VALUES_MAX >> 20
        ));
    }
    let mut region = Region::plain(Kind::Map, def.name.clone(), Vec::new(), true);
    region.mask = u32::try_from(stride - 1).expect("values are below 16 MiB");
    region.limit(def.value_size);
    if def.flags & RDONLY_PROG != 0 {
        region.write_end = 0;
    }
    // An array of one entry can be addressed without a lookup.
    let first = u32::from(def.max_entries == 1) * copies;
    region.bytes.resize(stride as usize * first as usize, 0);
    Ok(region)
}
