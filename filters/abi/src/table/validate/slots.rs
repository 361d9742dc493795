//! Rules about callbacks: place, name, arguments.

use super::check::{Checked, StructIndex, opcode, same, unknown};
use super::structs::struct_size;
use crate::description::{Callback, CallbackArg, Description};
use crate::{
    Abi, ArgKind, ArgRow, Dir, IfMissing, OperationArgRow, OperationRow, Phase, Slot, SlotRow,
    TableError,
};

/// Every callback at its place in the struct, with the arguments of its operation.
pub(in crate::table) fn slots(
    table: &Description,
    abi: Abi,
    index: &StructIndex,
    operations: &[OperationRow],
) -> Checked<Vec<Option<SlotRow>>> {
    let mut rows: Vec<Option<SlotRow>> = vec![None; Slot::COUNT];
    for (number, callback) in table.ops.iter().enumerate() {
        let member = callback.member.as_deref().unwrap_or("");
        let at = format!("ops[{number}] {member}");
        let slot = Slot::from_name(member).ok_or_else(|| unknown(&at, "member", member))?;
        same(&at, "index", callback.index, number as u64)?;
        same(&at, "offset", callback.offset.unwrap_or(u64::MAX), number as u64 * 8)?;
        check_names(&at, callback, slot)?;
        let args = callback_args(table, index, &at, &callback.args)?;
        check_args(&at, slot, &args, operations)?;
        let if_missing = IfMissing::from_words(&callback.if_missing)
            .filter(|rule| u64::from(rule.code()) <= u64::from(abi.last_code()))
            .ok_or_else(|| unknown(&at, "rule for a missing member", &callback.if_missing))?;
        let place = number as u32;
        let member = member.to_owned();
        let row = SlotRow { slot, member, offset: place * 8, index: place, args, if_missing };
        rows[slot.index()] = Some(row);
    }
    for slot in Slot::all() {
        let wanted = slot != Slot::Default || abi == Abi::V4;
        if wanted != rows[slot.index()].is_some() {
            return Err(TableError::Missing { what: "member", name: slot.name().to_owned() });
        }
    }
    attach(table)?;
    Ok(rows)
}

/// `op`, `phase`, `opcode` and `meta_opcode` say the same as the member's name.
fn check_names(at: &str, callback: &Callback, slot: Slot) -> Checked<()> {
    let (op, phase, name) = match slot {
        Slot::Member(op, Phase::Pre) => (op, Phase::Pre, "pre"),
        Slot::Member(op, Phase::Post) => (op, Phase::Post, "post"),
        Slot::Default => return same(at, "phase", callback.phase.as_str(), "default"),
    };
    same(at, "phase", callback.phase.as_str(), name)?;
    same(at, "op", callback.op.as_deref().unwrap_or("absent"), op.name())?;
    let name = callback.opcode.as_deref().unwrap_or("absent");
    opcode(at, op, name, callback.opcode_value.unwrap_or(u64::MAX))?;
    let expected = u64::from(op.opcode().with_phase(phase).0);
    same(at, "meta_opcode", callback.meta_opcode.unwrap_or(u64::MAX), expected)
}

pub(super) fn callback_args(
    table: &Description,
    index: &StructIndex,
    at: &str,
    args: &[CallbackArg],
) -> Checked<Vec<ArgRow>> {
    let mut rows = Vec::with_capacity(args.len());
    let mut counts = [0, 0];
    for (number, arg) in args.iter().enumerate() {
        let at = format!("{at}.{}", arg.name);
        same(&at, "index", arg.index.unwrap_or(u64::MAX), number as u64)?;
        let kind = ArgKind::from_words(&arg.kind)
            .ok_or_else(|| unknown(&at, "kind of argument", &arg.kind))?;
        let dir = match arg.dir.as_deref() {
            None => None,
            Some(name) => Some(Dir::from_name(name).ok_or_else(|| unknown(&at, "dir", name))?),
        };
        let position = dir.map_or(0, |dir| {
            counts[dir as usize] += 1;
            counts[dir as usize] - 1
        });
        let size = match kind {
            // The operation is an enumeration; every enumeration of the table has 32 bits.
            ArgKind::Scalar => 4,
            _ => struct_size(table, index, &at, &arg.r#type)?,
        };
        let (name, type_name) = (arg.name.clone(), arg.r#type.clone());
        rows.push(ArgRow { name, type_name, kind, is_const: arg.r#const, dir, position, size });
    }
    Ok(rows)
}

/// Meta comes first; a prefilter has the in args, a postfilter the in args and the out args.
fn check_args(at: &str, slot: Slot, args: &[ArgRow], operations: &[OperationRow]) -> Checked<()> {
    let Some((meta, rest)) = args.split_first() else {
        return Err(TableError::Missing { what: "argument", name: format!("{at}.meta") });
    };
    same(at, "first argument", meta.type_name.as_str(), "bpf_fuse_meta_info")?;
    let mut expected: Vec<(Dir, &OperationArgRow)> = Vec::new();
    if let Slot::Member(op, phase) = slot {
        let operation = &operations[op.index()];
        expected.extend(operation.in_args.iter().map(|arg| (Dir::In, arg)));
        if phase == Phase::Post {
            expected.extend(operation.out_args.iter().map(|arg| (Dir::Out, arg)));
        }
    }
    same(at, "number of arguments", rest.len(), expected.len())?;
    for (arg, (dir, row)) in rest.iter().zip(expected) {
        let at = format!("{at}.{}", arg.name);
        same(&at, "name", arg.name.as_str(), row.name.as_str())?;
        same(&at, "type", arg.type_name.as_str(), row.type_name.as_str())?;
        same(&at, "dir", arg.dir.map_or("absent", Dir::name), dir.name())?;
    }
    Ok(())
}

/// The name follows the last member, and the struct ends after it.
pub(super) fn attach(table: &Description) -> Checked<()> {
    let members = table.ops.len() as u64;
    let attach = &table.attach;
    same("attach", "kind", attach.kind.as_str(), "struct_ops")?;
    same("attach", "members", attach.members.unwrap_or(0), members + 1)?;
    same("attach", "name_offset", attach.name_offset.unwrap_or(0), members * 8)?;
    let name_len = attach.name_len.unwrap_or(0);
    same("attach", "size", attach.size, members * 8 + name_len.next_multiple_of(8))
}
