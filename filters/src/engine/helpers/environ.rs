//! Time, chance and place: from the virtual clock, the seed and the configuration.

use crate::engine::interp::{Cell, Code, Context, Stopped, TrapKind};

/// Ticks a second of the modelled kernels (`CONFIG_HZ`).
const HZ: u64 = 250;
/// A kernel's jiffies begin five minutes before they wrap to 32 bits.
const JIFFIES_AT_BOOT: u64 = 0xffff_ffff - 300 * HZ + 1;

type Answer = Result<u64, Stopped>;

fn now(context: &Context<'_, '_>) -> u64 {
    let now = context.env.caller().now;
    (now.sec as u64).wrapping_mul(1_000_000_000).wrapping_add(now.nsec.into())
}

pub(super) fn ktime(context: &mut Context<'_, '_>, _: &Code, _: [u64; 5]) -> Answer {
    Ok(now(context))
}

pub(super) fn jiffies(context: &mut Context<'_, '_>, _: &Code, _: [u64; 5]) -> Answer {
    Ok(JIFFIES_AT_BOOT.wrapping_add(now(context) / (1_000_000_000 / HZ)))
}

/// SplitMix64: one word of state, which a snapshot keeps.
pub(super) fn prandom(context: &mut Context<'_, '_>, _: &Code, _: [u64; 5]) -> Answer {
    context.touch(0, Cell::Random, true);
    let state = context.machine.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    context.machine.random = state;
    let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    Ok((mixed ^ mixed >> 31) >> 32)
}

pub(super) fn cpu(context: &mut Context<'_, '_>, _: &Code, _: [u64; 5]) -> Answer {
    Ok(context.machine.limits.cpu.into())
}

pub(super) fn numa(_: &mut Context<'_, '_>, _: &Code, _: [u64; 5]) -> Answer {
    Ok(0)
}

pub(super) fn nothing(_: &mut Context<'_, '_>, _: &Code, _: [u64; 5]) -> Answer {
    Ok(0)
}

/// A call or a field that this ABI does not have and that the program did not avoid.
pub(super) fn poisoned(_: &mut Context<'_, '_>, _: &Code, _: [u64; 5]) -> Answer {
    let text = "this ABI has no such field, type or function; test for it first with \
                bpf_core_field_exists or bpf_ksym_exists";
    Err(TrapKind::Argument(text.to_owned()).into())
}

pub(super) fn first(_: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    Ok(args[0])
}
