//! Strings and unchecked reads.

use fuserig_abi::Errno;

use crate::engine::interp::{Code, Context, Stopped, TrapKind};

type Answer = Result<u64, Stopped>;

const EINVAL: u64 = Errno::EINVAL.negative() as i64 as u64;
const ERANGE: u64 = Errno::ERANGE.negative() as i64 as u64;
const EFAULT: u64 = Errno::EFAULT.negative() as i64 as u64;
const E2BIG: u64 = Errno::E2BIG.negative() as i64 as u64;

/// Longest string or block that a helper touches at once.
const BYTES_MAX: u64 = 1 << 20;

/// The bytes before the first NUL, at most `limit`, without the NUL. An access that is refused
/// ends it with the trap.
pub(super) fn c_string(
    context: &mut Context<'_, '_>,
    address: u64,
    limit: u64,
) -> Result<Vec<u8>, TrapKind> {
    let mut text = Vec::new();
    for at in 0..limit.min(BYTES_MAX) {
        let mut byte = [0];
        context.read_into(address.wrapping_add(at), &mut byte)?;
        if byte == [0] {
            break;
        }
        text.push(byte[0]);
    }
    Ok(text)
}

/// The first string ends at its NUL or at its size, the second at its NUL.
pub(super) fn strncmp(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    for at in 0..u64::from(args[1] as u32) {
        let (mut left, mut right) = ([0], [0]);
        context.read_into(args[0].wrapping_add(at), &mut left)?;
        context.read_into(args[2].wrapping_add(at), &mut right)?;
        if left != right {
            let less = if left < right { -1_i64 } else { 1 };
            return Ok(less as u64);
        }
        if left == [0] {
            break;
        }
    }
    Ok(0)
}

pub(super) fn probe_read(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let len = u64::from(args[1] as u32);
    if len > BYTES_MAX {
        return Ok(E2BIG);
    }
    let mut bytes = vec![0; len as usize];
    let found = context.read_into(args[2], &mut bytes);
    if found.is_err() {
        bytes.fill(0);
    }
    context.write_from(args[0], &bytes)?;
    Ok(if found.is_err() { EFAULT } else { 0 })
}

pub(super) fn probe_read_str(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let size = u64::from(args[1] as u32);
    if size == 0 {
        return Ok(0);
    }
    if size > BYTES_MAX {
        return Ok(E2BIG);
    }
    match c_string(context, args[2], size - 1) {
        Ok(mut text) => {
            text.push(0);
            context.write_from(args[0], &text)?;
            Ok(text.len() as u64)
        }
        Err(_) => {
            context.write_from(args[0], &vec![0; size as usize])?;
            Ok(EFAULT)
        }
    }
}

/// The number at the start of a string, as the kernel's `__bpf_strtoull` reads it: bytes consumed,
/// whether it is negative, magnitude.
fn number(
    context: &mut Context<'_, '_>,
    args: [u64; 5],
) -> Result<Result<(u64, bool, u64), u64>, TrapKind> {
    let (len, flags) = (args[1] as u32, args[2]);
    if len == 0 || args[3] == 0 || !matches!(flags, 0 | 8 | 10 | 16) {
        return Ok(Err(EINVAL));
    }
    let mut bytes = vec![0; (len as usize).min(64)];
    context.read_into(args[0], &mut bytes)?;
    let blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let is_negative = bytes.get(blank) == Some(&b'-');
    let mut at = blank + usize::from(is_negative);
    let mut base = flags;
    let is_hex = bytes.get(at) == Some(&b'0') && matches!(bytes.get(at + 1), Some(b'x' | b'X'));
    if base == 0 {
        base = match bytes.get(at) {
            Some(b'0') if is_hex => 16,
            Some(b'0') => 8,
            _ => 10,
        };
    }
    if base == 16 && is_hex {
        at += 2;
    }
    let digits = bytes[at.min(bytes.len())..].iter();
    let mut value = 0_u64;
    let mut count = 0;
    for digit in digits.map_while(|byte| char::from(*byte).to_digit(base as u32)) {
        let next = value.checked_mul(base).and_then(|v| v.checked_add(digit.into()));
        let Some(next) = next else { return Ok(Err(ERANGE)) };
        value = next;
        count += 1;
    }
    if count == 0 {
        return Ok(Err(EINVAL));
    }
    Ok(Ok(((at + count) as u64, is_negative, value)))
}

pub(super) fn strtol(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let (consumed, is_negative, magnitude) = match number(context, args)? {
        Ok(found) => found,
        Err(code) => return Ok(code),
    };
    let value = if is_negative && magnitude <= 1 << 63 {
        magnitude.wrapping_neg()
    } else if !is_negative && magnitude < 1 << 63 {
        magnitude
    } else {
        return Ok(ERANGE);
    };
    context.write_from(args[3], &value.to_le_bytes())?;
    Ok(consumed)
}

pub(super) fn strtoul(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let (consumed, is_negative, value) = match number(context, args)? {
        Ok(found) => found,
        Err(code) => return Ok(code),
    };
    if is_negative {
        return Ok(EINVAL);
    }
    context.write_from(args[3], &value.to_le_bytes())?;
    Ok(consumed)
}
