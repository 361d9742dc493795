//! Helpers over maps.

use crate::engine::interp::{Cell, Code, Context, Machine, Stopped, TrapKind};

/// Handles of maps: no region has such a number.
const MAP_BASE: u64 = 0xffff_ff00_0000_0000;

type Answer = Result<u64, Stopped>;

/// The value of a register that holds a map.
pub(in crate::engine) const fn map_handle(map: u32) -> u64 {
    MAP_BASE + map as u64
}

/// The map that a register holds.
pub(super) fn map_of(machine: &Machine, handle: u64) -> Result<usize, TrapKind> {
    let position = handle.wrapping_sub(MAP_BASE);
    let known = usize::try_from(position).ok().filter(|map| *map < machine.maps.len());
    known.ok_or_else(|| TrapKind::Argument(format!("{handle:#x} is no map")))
}

/// Reads a key into the first scratch buffer and gives that away; `put_back` returns it.
fn key(context: &mut Context<'_, '_>, map: usize, address: u64) -> Result<Vec<u8>, TrapKind> {
    let (len, _) = context.machine.maps.sizes(map).unwrap_or_default();
    read(context, 0, address, len)
}

/// Reads bytes into a scratch buffer and gives that away.
fn read(
    context: &mut Context<'_, '_>,
    scratch: usize,
    address: u64,
    len: u32,
) -> Result<Vec<u8>, TrapKind> {
    let mut bytes = core::mem::take(&mut context.machine.scratch[scratch]);
    bytes.clear();
    bytes.resize(len as usize, 0);
    context.read_into(address, &mut bytes)?;
    Ok(bytes)
}

pub(super) fn lookup(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let cpu = context.machine.limits.cpu;
    lookup_on(context, args, cpu)
}

pub(super) fn lookup_percpu(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let cpu = args[2] as u32;
    if cpu >= context.machine.maps.cpus() {
        return Ok(0);
    }
    lookup_on(context, args, cpu)
}

fn lookup_on(context: &mut Context<'_, '_>, args: [u64; 5], cpu: u32) -> Answer {
    let map = map_of(context.machine, args[0])?;
    let key = key(context, map, args[1])?;
    context.touch(map, Cell::key(&key), false);
    if context.machine.maps.is_lru(map) {
        context.touch(map, Cell::Whole, true);
    }
    let machine = &mut *context.machine;
    let address = machine.maps.lookup(map, &key, cpu, &mut machine.memory.regions);
    machine.scratch[0] = key;
    Ok(address)
}

pub(super) fn update(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let map = map_of(context.machine, args[0])?;
    let key = key(context, map, args[1])?;
    let (_, len) = context.machine.maps.sizes(map).unwrap_or_default();
    let value = read(context, 1, args[2], len)?;
    let machine = &mut *context.machine;
    let (cpu, regions) = (machine.limits.cpu, &mut machine.memory.regions);
    let code = machine.maps.update(map, (&key, &value), args[3], cpu, regions);
    context.touch(map, Cell::key(&key), true);
    touch_whole(context, map, code != 0);
    let machine = &mut *context.machine;
    machine.scratch = [key, value];
    Ok(code as u64)
}

pub(super) fn delete(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let map = map_of(context.machine, args[0])?;
    let key = key(context, map, args[1])?;
    let code = context.machine.maps.delete(map, &key);
    context.touch(map, Cell::key(&key), true);
    touch_whole(context, map, true);
    context.machine.scratch[0] = key;
    Ok(code as u64)
}

/// What a use of a key says about all of them. Two keys that found room would have found it in the
/// other order, too; one that found none, one that goes, and the order of use in an LRU map do not
/// commute with them.
fn touch_whole(context: &mut Context<'_, '_>, map: usize, matters: bool) {
    let is_change = matters || context.machine.maps.is_lru(map);
    context.touch(map, Cell::Whole, is_change);
}
