//! Printing: formats are judged by the kernel's rules before anything is written.

use fuserig_abi::Errno;

use super::format::{Piece, parse};
use super::strings::c_string;
use crate::engine::interp::{Code, Context, Stopped, TrapKind};

type Answer = Result<u64, Stopped>;

const EINVAL: u64 = Errno::EINVAL.negative() as i64 as u64;
/// `MAX_BPRINTF_BUF`: longest line, its NUL included.
const LINE_MAX: usize = 1024;
/// `MAX_BPRINTF_VARARGS`.
const VALUES_MAX: usize = 12;
/// Longest format that is looked at.
const FORMAT_MAX: u64 = 4096;

/// Prints a format; `None` where the kernel answers EINVAL.
fn print(
    context: &mut Context<'_, '_>,
    format: &[u8],
    values: &[u64],
) -> Result<Option<Vec<u8>>, TrapKind> {
    let Some(pieces) = parse(format, values.len()) else { return Ok(None) };
    let mut line = Vec::new();
    let mut values = values.iter();
    for piece in pieces {
        match piece {
            Piece::Text(text) => line.extend_from_slice(text),
            Piece::Value(spec) => {
                let value = values.next().copied().unwrap_or(0);
                if spec.is_string() {
                    // A pointer that leads nowhere prints nothing, as a failed copy does.
                    let text = c_string(context, value, LINE_MAX as u64).unwrap_or_default();
                    spec.write_text(&text, &mut line);
                } else {
                    spec.write(value, &mut line);
                }
            }
        }
        line.truncate(LINE_MAX - 1);
    }
    Ok(Some(line))
}

/// The format of a printk: its last byte must be the NUL.
fn format(context: &mut Context<'_, '_>, address: u64, size: u64) -> Result<Vec<u8>, TrapKind> {
    let size = u64::from(size as u32).min(FORMAT_MAX);
    let mut bytes = vec![0; size as usize];
    context.read_into(address, &mut bytes)?;
    Ok(bytes)
}

fn to_trace(context: &mut Context<'_, '_>, format: &[u8], values: &[u64]) -> Answer {
    let Some((0, text)) = format.split_last() else { return Ok(EINVAL) };
    let Some(line) = print(context, text, values)? else { return Ok(EINVAL) };
    let len = line.len() as u64;
    let shown = line.strip_suffix(b"\n").unwrap_or(&line);
    context.env.print(String::from_utf8_lossy(shown));
    Ok(len)
}

pub(super) fn trace_printk(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let format = format(context, args[0], args[1])?;
    to_trace(context, &format, &args[2..5])
}

/// The values of an array of 64-bit numbers.
fn array(
    context: &mut Context<'_, '_>,
    address: u64,
    len: u64,
) -> Result<Option<Vec<u64>>, TrapKind> {
    if !len.is_multiple_of(8) || len > 8 * VALUES_MAX as u64 || (len != 0 && address == 0) {
        return Ok(None);
    }
    let mut bytes = vec![0; len as usize];
    context.read_into(address, &mut bytes)?;
    let words = bytes.chunks_exact(8);
    Ok(Some(words.map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default())).collect()))
}

pub(super) fn trace_vprintk(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let format = format(context, args[0], args[1])?;
    match array(context, args[2], u64::from(args[3] as u32))? {
        Some(values) => to_trace(context, &format, &values),
        None => Ok(EINVAL),
    }
}

/// `bpf_snprintf(str, str_size, fmt, data, data_len)`: bytes needed, the NUL included.
pub(super) fn snprintf(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let format = c_string(context, args[2], FORMAT_MAX)?;
    let Some(values) = array(context, args[3], u64::from(args[4] as u32))? else {
        return Ok(EINVAL);
    };
    let Some(mut line) = print(context, &format, &values)? else { return Ok(EINVAL) };
    line.push(0);
    let need = line.len() as u64;
    let room = usize::try_from(u64::from(args[1] as u32)).unwrap_or(0);
    if room > 0 {
        if line.len() > room {
            line.truncate(room);
            line[room - 1] = 0;
        }
        context.write_from(args[0], &line)?;
    }
    Ok(need)
}
