//! Loops by callback and the iterator of numbers.

use fuserig_abi::Errno;

use crate::engine::interp::{Code, Context, Stopped, TrapKind, call_function};

/// Tokens of functions that a helper calls back: no region has such a number.
pub(in crate::engine) const CALLBACK_BASE: u64 = 0xffff_fe00_0000_0000;

type Answer = Result<u64, Stopped>;

/// `BPF_MAX_LOOPS`.
const LOOPS_MAX: u64 = 1 << 23;

const EINVAL: u64 = Errno::EINVAL.negative() as i64 as u64;
const E2BIG: u64 = Errno::E2BIG.negative() as i64 as u64;

/// The function of a callback token.
fn callback(code: &Code, token: u64) -> Result<u32, TrapKind> {
    let position = token.wrapping_sub(CALLBACK_BASE);
    let known = u32::try_from(position).ok().and_then(|position| code.entry_at(position));
    known
        .map(|entry| entry.start)
        .ok_or_else(|| TrapKind::Argument(format!("{token:#x} is no function")))
}

pub(super) fn bpf_loop(context: &mut Context<'_, '_>, code: &Code, args: [u64; 5]) -> Answer {
    let count = u64::from(args[0] as u32);
    let position = callback(code, args[1])?;
    if args[3] != 0 {
        return Ok(EINVAL);
    }
    if count > LOOPS_MAX {
        return Ok(E2BIG);
    }
    for index in 0..count {
        if call_function(code, context, position, [index, args[2], 0, 0, 0])? != 0 {
            return Ok(index + 1);
        }
    }
    Ok(count)
}

/// The 8 bytes of `struct bpf_iter_num`: current number and end.
fn put(context: &mut Context<'_, '_>, at: u64, current: i32, end: i32) -> Result<(), TrapKind> {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&current.to_le_bytes());
    bytes[4..].copy_from_slice(&end.to_le_bytes());
    context.write_from(at, &bytes)
}

pub(super) fn iter_new(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let (start, end) = (args[1] as i32, args[2] as i32);
    if start > end {
        put(context, args[0], 0, 0)?;
        return Ok(EINVAL & 0xffff_ffff);
    }
    if i64::from(end) - i64::from(start) > LOOPS_MAX as i64 {
        put(context, args[0], 0, 0)?;
        return Ok(E2BIG & 0xffff_ffff);
    }
    put(context, args[0], start.wrapping_sub(1), end)?;
    Ok(0)
}

pub(super) fn iter_next(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let mut bytes = [0; 8];
    context.read_into(args[0], &mut bytes)?;
    let [a, b, c, d, e, f, g, h] = bytes;
    let current = i32::from_le_bytes([a, b, c, d]).wrapping_add(1);
    let end = i32::from_le_bytes([e, f, g, h]);
    if current >= end {
        put(context, args[0], 0, 0)?;
        return Ok(0);
    }
    put(context, args[0], current, end)?;
    Ok(args[0])
}

pub(super) fn iter_destroy(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    put(context, args[0], 0, 0)?;
    Ok(0)
}
