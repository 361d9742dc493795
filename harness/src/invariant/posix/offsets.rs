//! Where the position of a file is, and where calls move it.

use fuserig_abi::{Errno, Fidelity};
use fuserig_sim_fs::Whence;

use super::judged::Judged;
use crate::sim::Action;

pub(super) fn judge(judged: &Judged<'_>) -> Result<(), String> {
    match judged.action {
        Action::Seek { offset, whence, .. } => {
            moved_to_result(judged)?;
            seek(judged, *offset, *whence)
        }
        Action::Read { offset, .. } | Action::Write { offset, .. } => moved_on(judged, *offset),
        Action::Append { .. } => moved_on(judged, None),
        Action::Copy { from_at, to_at, .. } => copied(judged, *from_at, *to_at),
        _ => Ok(()),
    }
}

/// man 2 `copy_file_range`: the position of a file moves on by what was copied where no offset is
/// given, and else stays.
fn copied(judged: &Judged<'_>, from_at: i64, to_at: i64) -> Result<(), String> {
    let (Some(source), Some(file)) = (judged.source, judged.file) else { return Ok(()) };
    // One descriptor for both moves on twice.
    if source.node == file.node {
        return Ok(());
    }
    let count = judged.result.value.unwrap_or(0);
    for (word, at, file) in [("source", from_at, source), ("target", to_at, file)] {
        let (Some(was), Some(is)) = file.positions else { continue };
        let expected = was.saturating_add(if at == Action::HERE { count } else { 0 });
        if is != expected {
            return Err(format!("leaves the {word} at {is} instead of {expected}"));
        }
    }
    Ok(())
}

/// POSIX lseek: the position is the result; after a failure it is where it was.
fn moved_to_result(judged: &Judged<'_>) -> Result<(), String> {
    let Some(file) = judged.file.filter(|_| judged.regular().is_some()) else { return Ok(()) };
    let expected = match judged.result.value {
        Ok(value) => Some(value),
        // The patches leave the error as the position.
        Err(_) if judged.fidelity == Fidelity::Faithful => None,
        Err(_) => file.positions.0,
    };
    match (expected, file.positions.1) {
        (Some(expected), Some(is)) if expected != is => {
            Err(format!("leaves the position at {is} instead of {expected}"))
        }
        _ => Ok(()),
    }
}

/// POSIX read and write: the position moves on by what was moved; with an offset it stays.
fn moved_on(judged: &Judged<'_>, offset: Option<i64>) -> Result<(), String> {
    let Some(file) = judged.file.filter(|_| judged.regular().is_some()) else { return Ok(()) };
    let (Some(was), Some(is)) = file.positions else { return Ok(()) };
    let count = judged.result.value.unwrap_or(0);
    let expected = match offset {
        Some(_) => was,
        None if judged.appends() && count > 0 => {
            let size = judged.regular().and_then(|node| judged.after.stat(node));
            size.map_or(is, |stat| i64::try_from(stat.size).unwrap_or(i64::MAX))
        }
        None => was.saturating_add(count),
    };
    match is == expected {
        true => Ok(()),
        false => Err(format!("leaves the position at {is} instead of {expected}")),
    }
}

/// POSIX lseek: what each `whence` counts from, and what data and holes are.
fn seek(judged: &Judged<'_>, offset: i64, whence: u32) -> Result<(), String> {
    let (Some(node), Some(file), Some(whence)) =
        (judged.regular(), judged.file, Whence::from_raw(whence))
    else {
        return Ok(());
    };
    let Some(size) = judged.before.stat(node).and_then(|stat| i64::try_from(stat.size).ok()) else {
        return Ok(());
    };
    let base = match whence {
        Whence::Set => Some(0),
        Whence::Cur => file.positions.0,
        Whence::End => Some(size),
        Whence::Data | Whence::Hole => return seek_data(judged, offset, whence, size),
    };
    let Some(base) = base else { return Ok(()) };
    match (judged.result.value, base.checked_add(offset).filter(|end| *end >= 0)) {
        (Ok(value), Some(expected)) if value == expected => Ok(()),
        (Ok(value), Some(expected)) => Err(format!("gives {value} instead of {expected}")),
        (Ok(_), None) => Err("moves the position before the start of the file".to_owned()),
        (Err(Errno::EINVAL), Some(_)) => Err("is refused, and the position is a right one".into()),
        (Err(_), _) => Ok(()),
    }
}

/// man 2 lseek: data is at or behind the offset and in the file, and what is left out before it is
/// zero; a hole is in the file or at its end.
fn seek_data(judged: &Judged<'_>, offset: i64, whence: Whence, size: i64) -> Result<(), String> {
    let inside = (0..size).contains(&offset);
    let node = judged.regular();
    let bytes = node.and_then(|node| judged.bytes_before(node));
    let is_zero = |from: i64, to: i64| {
        let range = usize::try_from(from).unwrap_or(0)..usize::try_from(to).unwrap_or(0);
        let left_out = bytes.as_ref().and_then(|bytes| bytes.get(range));
        left_out.is_none_or(|bytes| bytes.iter().all(|byte| *byte == 0))
    };
    let data = whence == Whence::Data;
    match judged.result.value {
        Ok(_) if !inside => Err("finds something outside of the file".to_owned()),
        Ok(value) if value < offset => Err(format!("gives {value}, before the offset")),
        Ok(value) if value > size || data && value == size => {
            Err(format!("gives {value}, and the file ends at {size}"))
        }
        Ok(value) if data && !is_zero(offset, value) => {
            Err(format!("gives {value}, and there is data before it"))
        }
        Ok(value) if !data && value < size && !is_zero(value, value + 1) => {
            Err(format!("gives {value}, where there is data"))
        }
        Err(Errno::ENXIO) if inside && !data => Err("finds no hole; the end is one".to_owned()),
        Err(Errno::ENXIO) if inside && !is_zero(offset, size) => {
            Err("finds no data, and there is some".to_owned())
        }
        _ => Ok(()),
    }
}
