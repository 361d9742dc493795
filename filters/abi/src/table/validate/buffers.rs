//! Rules about the initial states of buffers.

use super::check::{Checked, same, unique, unknown};
use crate::description::{Buffer, Quantity};
use crate::{ArgKind, BufferFlags, BufferRow, Dir, OperationArgRow, SizeRule};

/// Every argument that is a buffer has one initial state, by rules that are known.
pub(super) fn buffers(
    at: &str,
    records: &[Buffer],
    in_args: &[OperationArgRow],
    out_args: &[OperationArgRow],
) -> Checked<Vec<BufferRow>> {
    unique(at, "buffer", records.iter().map(|record| record.arg.as_str()))?;
    let mut rows = Vec::with_capacity(records.len());
    for record in records {
        let at = format!("{at}.buffers {}", record.arg);
        let dir = Dir::from_name(&record.dir).ok_or_else(|| unknown(&at, "dir", &record.dir))?;
        let args = if dir == Dir::In { in_args } else { out_args };
        let is_it = |arg: &OperationArgRow| arg.name == record.arg && arg.kind == ArgKind::Buffer;
        let position = args
            .iter()
            .position(is_it)
            .ok_or_else(|| unknown(&at, "buffer argument", &record.arg))?;
        rows.push(buffer(&at, record, dir, position)?);
    }
    let buffers = in_args.iter().chain(out_args).filter(|arg| arg.kind == ArgKind::Buffer);
    same(at, "number of buffers", rows.len(), buffers.count())?;
    Ok(rows)
}

fn buffer(at: &str, record: &Buffer, dir: Dir, position: usize) -> Checked<BufferRow> {
    let mut initial_flags = BufferFlags::empty();
    for name in &record.initial_flags {
        initial_flags |=
            BufferFlags::from_name(name).ok_or_else(|| unknown(at, "buffer flag", name))?;
    }
    same(at, "initial_flags_value", record.initial_flags_value, initial_flags.bits().into())?;
    let rule = |quantity: &Quantity| {
        SizeRule::from_quantity(quantity)
            .ok_or_else(|| unknown(at, "size rule", &quantity.to_string()))
    };
    let needs_size = match record.present_when.as_deref() {
        None => false,
        Some("size argument > 0") => true,
        Some(words) => return Err(unknown(at, "presence rule", words)),
    };
    Ok(BufferRow {
        arg: record.arg.clone(),
        dir,
        position,
        initial_flags,
        size: rule(&record.size)?,
        alloc_size: rule(&record.alloc_size)?,
        max_size: rule(&record.max_size)?,
        data: record.data.clone(),
        needs_size,
    })
}
