//! Arithmetic whose corners need a rule: division, modulo, shifts of signed values.
//!
//! Source: RFC 9669 4.1. Division by zero gives 0, modulo by zero the dividend, and the most
//! negative number divided by -1 gives itself.

#[inline(always)]
pub(super) fn div64(a: u64, b: u64) -> u64 {
    a.checked_div(b).unwrap_or(0)
}

#[inline(always)]
pub(super) fn div32(a: u32, b: u32) -> u64 {
    a.checked_div(b).unwrap_or(0).into()
}

#[inline(always)]
pub(super) fn modulo64(a: u64, b: u64) -> u64 {
    a.checked_rem(b).unwrap_or(a)
}

#[inline(always)]
pub(super) fn modulo32(a: u32, b: u32) -> u64 {
    a.checked_rem(b).unwrap_or(a).into()
}

#[inline(always)]
pub(super) fn sdiv64(a: u64, b: u64) -> u64 {
    if b == 0 { 0 } else { (a as i64).wrapping_div(b as i64) as u64 }
}

#[inline(always)]
pub(super) fn sdiv32(a: u32, b: u32) -> u64 {
    if b == 0 { 0 } else { u64::from((a as i32).wrapping_div(b as i32) as u32) }
}

#[inline(always)]
pub(super) fn smod64(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { (a as i64).wrapping_rem(b as i64) as u64 }
}

#[inline(always)]
pub(super) fn smod32(a: u32, b: u32) -> u64 {
    if b == 0 { u64::from(a) } else { u64::from((a as i32).wrapping_rem(b as i32) as u32) }
}

#[inline(always)]
pub(super) fn arsh64(a: u64, b: u32) -> u64 {
    (a as i64).wrapping_shr(b) as u64
}

#[inline(always)]
pub(super) fn arsh32(a: u32, b: u32) -> u64 {
    u64::from((a as i32).wrapping_shr(b) as u32)
}

/// What an atomic operation stores, given the old value, the source and r0.
#[inline(always)]
pub(super) fn atomic(operation: u64, old: u64, source: u64, r0: u64) -> u64 {
    match operation & 0xff {
        0x00 | 0x01 => old.wrapping_add(source),
        0x40 | 0x41 => old | source,
        0x50 | 0x51 => old & source,
        0xa0 | 0xa1 => old ^ source,
        0xf1 if old != r0 => old,
        // Exchange, and compare-and-exchange of equal values.
        _ => source,
    }
}
