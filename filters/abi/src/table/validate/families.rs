//! Rules about the members of v3-grouped, each of which serves a family of operations.

use super::check::{Checked, StructIndex, same, unknown};
use super::slots::{attach, callback_args};
use crate::description::{Callback, Description};
use crate::{
    ArgKind, ArgRow, Dir, FamilyRow, FamilySlot, IfMissing, Op, OperationRow, Phase, Slot, SlotRow,
    TableError,
};

/// A row for each operation and phase, and how each operation fills the buffers of its member.
pub(in crate::table) fn families(
    table: &Description,
    index: &StructIndex,
    operations: &[OperationRow],
) -> Checked<(Vec<Option<SlotRow>>, Vec<FamilyRow>)> {
    let mut rows: Vec<Option<SlotRow>> = vec![None; Slot::COUNT];
    let mut families: Vec<Option<FamilyRow>> = vec![None; Op::COUNT];
    for (number, callback) in table.ops.iter().enumerate() {
        let member = callback.member.as_deref().unwrap_or("");
        let at = format!("ops[{number}] {member}");
        same(&at, "index", callback.index, number as u64)?;
        same(&at, "offset", callback.offset.unwrap_or(u64::MAX), number as u64 * 8)?;
        same(&at, "phase", callback.phase.as_str(), "both")?;
        let args = callback_args(table, index, &at, &callback.args)?;
        check_args(&at, &args)?;
        let if_missing = IfMissing::from_words(&callback.if_missing)
            .filter(|rule| *rule == IfMissing::Continue)
            .ok_or_else(|| unknown(&at, "rule for a missing member", &callback.if_missing))?;
        for name in &callback.handles {
            let op = Op::from_name(name).ok_or_else(|| unknown(&at, "operation", name))?;
            let family = family(table, &at, op, callback, &args, operations)?;
            if families[op.index()].replace(family).is_some() {
                let (at, value) = (at.clone(), name.clone());
                return Err(TableError::Duplicate { at, what: "operation", value });
            }
            for phase in Phase::ALL {
                let slot = Slot::Member(op, phase);
                let place = number as u32;
                let (member, args) = (member.to_owned(), args.clone());
                let row =
                    SlotRow { slot, member, offset: place * 8, index: place, args, if_missing };
                rows[slot.index()] = Some(row);
            }
        }
    }
    attach(table)?;
    let found = families.into_iter().zip(Op::ALL).map(|(family, op)| {
        let missing = || TableError::Missing { what: "member", name: op.name().to_owned() };
        family.ok_or_else(missing)
    });
    Ok((rows, found.collect::<Checked<Vec<FamilyRow>>>()?))
}

/// Meta, the operation, and buffers, those in before those out.
fn check_args(at: &str, args: &[ArgRow]) -> Checked<()> {
    let kinds: Vec<ArgKind> = args.iter().map(|arg| arg.kind).take(2).collect();
    if kinds != [ArgKind::Meta, ArgKind::Scalar] {
        return Err(TableError::Missing { what: "argument", name: format!("{at}.op") });
    }
    let mut before = Dir::In;
    for arg in &args[2..] {
        let at = format!("{at}.{}", arg.name);
        same(&at, "type", arg.type_name.as_str(), "fuse_buffer")?;
        let dir = arg.dir.ok_or_else(|| unknown(&at, "dir", "absent"))?;
        if before == Dir::Out && dir == Dir::In {
            return Err(unknown(&at, "dir", "in after out"));
        }
        before = dir;
    }
    Ok(())
}

/// Which argument of the operation each buffer shows; every argument is shown once.
fn family(
    table: &Description,
    at: &str,
    op: Op,
    callback: &Callback,
    args: &[ArgRow],
    operations: &[OperationRow],
) -> Checked<FamilyRow> {
    let at = format!("{at}.{op}");
    let record = table.operations.iter().find(|record| record.op == op.name());
    let record = record.ok_or_else(|| unknown(&at, "operation", op.name()))?;
    let member = callback.member.clone().unwrap_or_default();
    same(&at, "callback", record.callback.clone().unwrap_or_default(), member.clone())?;
    let operation = &operations[op.index()];
    let mut slots = Vec::new();
    for arg in &args[2..] {
        let dir = arg.dir.expect("checked for every buffer");
        let shown = record.slots.get(&arg.name).ok_or_else(|| TableError::Missing {
            what: "slot",
            name: format!("{at}.{}", arg.name),
        })?;
        let source = match shown {
            None => None,
            Some(name) => match operation.arg_position(name) {
                Some((found, position)) if found == dir => Some(position),
                _ => return Err(unknown(&at, "argument", name)),
            },
        };
        slots.push(FamilySlot { name: arg.name.clone(), dir, source });
    }
    let shown = slots.iter().filter(|slot| slot.source.is_some()).count();
    let wanted = operation.in_args.len() + operation.out_args.len();
    same(&at, "number of arguments", shown, wanted)?;
    Ok(FamilyRow { member, slots })
}
