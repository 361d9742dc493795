//! Helpers over ring buffers and perf events: records for a reader.

use fuserig_abi::Errno;

use super::map::map_of;
use crate::engine::interp::{Cell, Code, Context, Stopped, TrapKind};

type Answer = Result<u64, Stopped>;

const EINVAL: u64 = Errno::EINVAL.negative() as i64 as u64;
const E2BIG: u64 = Errno::E2BIG.negative() as i64 as u64;
/// `BPF_RB_NO_WAKEUP` and `BPF_RB_FORCE_WAKEUP`.
const WAKEUPS: u64 = 3;
/// `BPF_F_INDEX_MASK`, which also means the current CPU.
const INDEX_MASK: u64 = 0xffff_ffff;
/// Longest record of a helper here: what a call may copy out at once.
const RECORD_MAX: u64 = 1 << 24;

/// Copies bytes of the program to a reader.
fn copy(context: &mut Context<'_, '_>, map: usize, address: u64, len: u64) -> Answer {
    if len > RECORD_MAX {
        return Ok(E2BIG);
    }
    let mut bytes = core::mem::take(&mut context.machine.scratch[0]);
    bytes.clear();
    bytes.resize(len as usize, 0);
    context.read_into(address, &mut bytes)?;
    context.touch(map, Cell::Whole, true);
    let code = context.machine.maps.output(map, &bytes);
    context.machine.scratch[0] = bytes;
    Ok(code as u64)
}

pub(super) fn output(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let map = map_of(context.machine, args[0])?;
    if args[3] & !WAKEUPS != 0 {
        return Ok(EINVAL);
    }
    copy(context, map, args[1], args[2])
}

pub(super) fn perf_output(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let map = map_of(context.machine, args[1])?;
    if args[2] & !INDEX_MASK != 0 || !context.machine.maps.is_perf(map) {
        return Ok(EINVAL);
    }
    let cpu = args[2] & INDEX_MASK;
    if cpu != INDEX_MASK && cpu != u64::from(context.machine.limits.cpu) {
        return Ok(Errno::EOPNOTSUPP.negative() as i64 as u64);
    }
    copy(context, map, args[3], args[4])
}

pub(super) fn reserve(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let map = map_of(context.machine, args[0])?;
    if args[2] != 0 || args[1] > RECORD_MAX {
        return Ok(0);
    }
    context.touch(map, Cell::Whole, true);
    let machine = &mut *context.machine;
    Ok(machine.maps.reserve(map, args[1], &mut machine.memory.regions))
}

fn finish(context: &mut Context<'_, '_>, address: u64, is_submitted: bool) -> Answer {
    let machine = &mut *context.machine;
    let region = (address >> 32) as usize;
    let is_record = address as u32 == 0
        && machine.maps.finish(region, is_submitted, &mut machine.memory.regions);
    if is_record {
        return Ok(0);
    }
    Err(TrapKind::Argument(format!("{address:#x} is no reserved record of a ring buffer")).into())
}

pub(super) fn submit(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    finish(context, args[0], true)
}

pub(super) fn discard(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    finish(context, args[0], false)
}

pub(super) fn query(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let map = map_of(context.machine, args[0])?;
    Ok(context.machine.maps.query(map, args[1]))
}
