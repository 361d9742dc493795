//! What calls make of the bytes and the length of a file.
//!
//! The file is computed once more from what it was and from the arguments, byte by byte, and
//! compared; of a long file only the length is.

use fuserig_abi::{FileKind, Ino};
use fuserig_sim_fs::{FallocateMode, OpenFlags};

use super::judged::{BYTES_MAX, Judged};
use crate::sim::Action;
use crate::vfs::Output;

/// Bytes of a page, and of a block as `stat` counts them.
const PAGE: u64 = 4096;
const BLOCK: u64 = 512;

pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
    if !judged.succeeded() {
        return Ok(());
    }
    match judged.action {
        Action::Write { size, fill, offset, .. } => write(judged, *size, *fill, *offset),
        Action::Append { size, fill, .. } => write(judged, *size, *fill, None),
        Action::Truncate { size, .. } | Action::Ftruncate { size, .. } => truncate(judged, *size),
        Action::Open { flags, .. } => truncating_open(judged, OpenFlags::from_bits_retain(*flags)),
        Action::Fallocate { mode, offset, length, .. } => {
            fallocate(judged, FallocateMode::from_bits_retain(*mode), *offset, *length)
        }
        Action::Copy { length, from_at, to_at, .. } => copy(judged, *length, *from_at, *to_at),
        Action::Read { size, offset, .. } => read(judged, *size, *offset),
        _ => Ok(()),
    }
}

/// The file is as long as it must be, and if it is short every byte is the right one.
fn expect(
    judged: &Judged<'_>,
    node: Ino,
    size: u64,
    make: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>,
) -> Result<(), String> {
    let Some(is) = judged.after.stat(node) else { return Ok(()) };
    if is.size != size {
        return Err(format!("leaves a file of {} bytes, which must have {size}", is.size));
    }
    let Some(expected) = judged.bytes_before(node).and_then(make) else { return Ok(()) };
    let Some(now) = judged.bytes_after(node) else { return Ok(()) };
    match now.iter().zip(&expected).position(|(is, must)| is != must) {
        Some(at) => {
            let (is, must) = (now[at], expected[at]);
            Err(format!("leaves {is:#04x} at {at}, where {must:#04x} must be"))
        }
        None => Ok(()),
    }
}

/// Puts bytes into a file, with zeros in the gap before them.
fn splice(mut file: Vec<u8>, at: u64, bytes: &[u8]) -> Option<Vec<u8>> {
    let at = usize::try_from(at).ok()?;
    let end = at.checked_add(bytes.len()).filter(|end| *end <= BYTES_MAX)?;
    if file.len() < end {
        file.resize(end, 0);
    }
    file[at..end].copy_from_slice(bytes);
    Some(file)
}

/// Makes a file shorter, or longer by zeros.
fn resized(mut file: Vec<u8>, size: u64) -> Option<Vec<u8>> {
    let size = usize::try_from(size).ok().filter(|size| *size <= BYTES_MAX)?;
    file.resize(size, 0);
    Some(file)
}

/// POSIX write: the bytes are there, nothing else changed, and the file reaches at least so far.
fn write(judged: &Judged<'_>, size: u32, fill: u8, offset: Option<i64>) -> Result<(), String> {
    let (Some(node), Some(count), Some(file)) = (judged.regular(), judged.count(), judged.file)
    else {
        return Ok(());
    };
    if count > u64::from(size) {
        return Err(format!("reports {count} bytes"));
    }
    let Some(was) = judged.before.stat(node) else { return Ok(()) };
    let at = match (judged.appends(), offset.or(file.positions.0)) {
        // man 2 pwrite, BUGS: what is appended is appended, whatever the offset.
        (true, _) => was.size,
        (false, Some(at)) => u64::try_from(at).unwrap_or(0),
        (false, None) => return Ok(()),
    };
    let end = if count == 0 { 0 } else { at.saturating_add(count) };
    if let Some(kept) = judged.kept_size.filter(|kept| *kept < end) {
        return Err(format!("reaches {end}, and the kernel takes the file for {kept} bytes"));
    }
    expect(judged, node, was.size.max(end), |file| match count {
        0 => Some(file),
        _ if count > BYTES_MAX as u64 => None,
        _ => splice(file, at, &vec![fill; count as usize]),
    })
}

/// POSIX truncate: what is kept is as it was, and what is new is zero.
fn truncate(judged: &Judged<'_>, size: i64) -> Result<(), String> {
    let (Some(node), Ok(size)) = (judged.regular(), u64::try_from(size)) else { return Ok(()) };
    // man 2 ftruncate: the file must be open for writing.
    if judged.file.is_some_and(|file| !file.flags.wants_write()) {
        return Err("truncates a file that is not open for writing".to_owned());
    }
    expect(judged, node, size, |file| resized(file, size))?;
    keeps_nothing_behind(judged, node, size)
}

/// man 2 fallocate: what was allocated behind the end goes when the file is truncated, also to the
/// length that it has, but not when it grows into it. Then so many bytes take no more pages than
/// they need.
fn keeps_nothing_behind(judged: &Judged<'_>, node: Ino, size: u64) -> Result<(), String> {
    let Some((was, is)) = judged.stats(node) else { return Ok(()) };
    match size <= was.size && is.blocks > size.div_ceil(PAGE) * (PAGE / BLOCK) {
        true => Err(format!("leaves {} blocks to a file of {size} bytes", is.blocks)),
        false => Ok(()),
    }
}

/// POSIX open: with `O_TRUNC` nothing is left of a file that is opened for writing.
fn truncating_open(judged: &Judged<'_>, flags: OpenFlags) -> Result<(), String> {
    let truncates = flags.contains(OpenFlags::TRUNC) && flags.wants_write();
    let Some(node) = judged.node().filter(|_| !flags.contains(OpenFlags::PATH)) else {
        return Ok(());
    };
    let Some(was) = judged.before.stat(node).filter(|was| was.kind == FileKind::Regular) else {
        return Ok(());
    };
    match (truncates, flags.contains(OpenFlags::TRUNC)) {
        (true, _) => expect(judged, node, 0, |_| Some(Vec::new())),
        (false, true) => Ok(()),
        (false, false) => expect(judged, node, was.size, Some),
    }
}

/// man 2 fallocate: what each mode does to the range, and that the rest stays.
fn fallocate(
    judged: &Judged<'_>,
    mode: FallocateMode,
    offset: i64,
    length: i64,
) -> Result<(), String> {
    let (Some(node), Ok(offset), Ok(length)) =
        (judged.regular(), u64::try_from(offset), u64::try_from(length))
    else {
        return Ok(());
    };
    let Some(was) = judged.before.stat(node) else { return Ok(()) };
    let end = offset.saturating_add(length);
    let zeroed = |mut file: Vec<u8>| {
        let (from, to) = (usize::try_from(offset).ok()?, usize::try_from(end).ok()?);
        let reach = to.min(file.len());
        file[from.min(reach)..reach].fill(0);
        Some(file)
    };
    if moves_wrongly(mode.bits(), was.size, (offset, length)) {
        return Err(format!("moves what is behind {offset}+{length} of {} bytes", was.size));
    }
    let keeps = mode.contains(FallocateMode::KEEP_SIZE);
    let grown = if keeps { was.size } else { was.size.max(end) };
    match mode.bits() & !FallocateMode::KEEP_SIZE.bits() {
        0 => {
            // What an earlier call made longer is no business of this one.
            if let Some(kept) = judged.kept_size.filter(|kept| !keeps && *kept < end) {
                return Err(format!(
                    "reaches {end}, and the kernel takes the file for {kept} bytes"
                ));
            }
            expect(judged, node, grown, |file| resized(file, grown))?;
            reserved(judged, node, (offset, end))
        }
        2 => expect(judged, node, was.size, zeroed),
        0x10 => expect(judged, node, grown, |file| zeroed(resized(file, grown)?)),
        8 => expect(judged, node, was.size.saturating_sub(length), |mut file| {
            file.drain(usize::try_from(offset).ok()?..usize::try_from(end).ok()?);
            Some(file)
        }),
        0x20 => expect(judged, node, was.size.saturating_add(length), |mut file| {
            let (from, to) = (usize::try_from(offset).ok()?, usize::try_from(end).ok()?);
            let tail = file.split_off(from.min(file.len()));
            file.resize(Some(to).filter(|to| *to <= BYTES_MAX)?, 0);
            file.extend(tail);
            Some(file)
        }),
        _ => Ok(()),
    }
}

/// man 2 fallocate: what moves the bytes behind a range takes whole pages within the file, and an
/// end that reaches the file's is truncation's business.
pub(super) fn moves_wrongly(mode: u32, size: u64, (from, length): (u64, u64)) -> bool {
    let outside = match mode {
        8 => from.saturating_add(length) >= size,
        0x20 => from >= size,
        _ => return false,
    };
    outside || from % PAGE != 0 || length % PAGE != 0
}

/// man 2 fallocate: the space is the file's now, which takes whole pages.
fn reserved(judged: &Judged<'_>, node: Ino, (from, to): (u64, u64)) -> Result<(), String> {
    let whole = to.div_ceil(PAGE).saturating_sub(from / PAGE).saturating_mul(PAGE);
    match judged.after.stat(node) {
        Some(is) if is.blocks.saturating_mul(BLOCK) < whole => {
            Err(format!("reserves {whole} bytes, and the file takes {} blocks", is.blocks))
        }
        _ => Ok(()),
    }
}

/// man 2 `copy_file_range`: the bytes of one file are in the other, and nothing else changed.
pub(super) fn copy(
    judged: &Judged<'_>,
    length: u64,
    from_at: i64,
    to_at: i64,
) -> Result<(), String> {
    let (Some(node), Some(count), Some(source)) = (judged.regular(), judged.count(), judged.source)
    else {
        return Ok(());
    };
    // EBADF, whatever the offset.
    if judged.file.is_some_and(|file| file.flags.contains(OpenFlags::APPEND)) {
        return Err("copies into a file that is open to append".to_owned());
    }
    let Some((from_at, to_at)) = judged.copy_places(from_at, to_at) else { return Ok(()) };
    let (Ok(from_at), Ok(to_at)) = (u64::try_from(from_at), u64::try_from(to_at)) else {
        return Ok(());
    };
    let (Some(from), Some(was)) = (judged.before.stat(source.node), judged.before.stat(node))
    else {
        return Ok(());
    };
    if count > length || count > from.size.saturating_sub(from_at) {
        return Err(format!("reports {count} bytes, which the source has not"));
    }
    let there = length.min(from.size.saturating_sub(from_at));
    if count < there && !judged.mistaken.contains(&source.node) {
        return Err(format!("copies {count} bytes of {there} that are there"));
    }
    let end = if count == 0 { 0 } else { to_at.saturating_add(count) };
    expect(judged, node, was.size.max(end), |file| {
        let bytes = judged.bytes_before(source.node)?;
        let from = usize::try_from(from_at).ok()?;
        let range = bytes.get(from..from.checked_add(usize::try_from(count).ok()?)?)?;
        if range.is_empty() { Some(file) } else { splice(file, to_at, range) }
    })
}

/// POSIX read: as many bytes as asked for, or as there are to the end, and the right ones.
fn read(judged: &Judged<'_>, size: u64, offset: Option<i64>) -> Result<(), String> {
    let (Some(node), Some(count), Some(file)) = (judged.regular(), judged.count(), judged.file)
    else {
        return Ok(());
    };
    let Some(at) = offset.or(file.positions.0).and_then(|at| u64::try_from(at).ok()) else {
        return Ok(());
    };
    let Some(was) = judged.before.stat(node) else { return Ok(()) };
    let there = size.min(was.size.saturating_sub(at));
    if count != there {
        return Err(format!("gives {count} bytes at {at} of {there} that are there"));
    }
    let (Output::Bytes(bytes), Some(all)) = (&judged.result.output, judged.bytes_before(node))
    else {
        return Ok(());
    };
    let at = usize::try_from(at).unwrap_or(usize::MAX).min(all.len());
    match all[at..].starts_with(bytes) {
        true => Ok(()),
        false => Err("gives bytes that are not in the file".to_owned()),
    }
}
