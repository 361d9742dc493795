//! The rows of Android, where one program serves everything.
//!
//! Its description says what differs from v3 (SEMANTICS 4.6): bytes in the place of buffers, one
//! release for files and directories, and its own entry of a lookup. The rows are those of v3 with
//! what the description says of each operation, so that arguments have the same places.

use super::check::{Checked, StructIndex, same, unknown};
use super::structs::struct_size;
use crate::description::{Description, Operation, built_in};
use crate::{
    AbiTable, ArgKind, ArgRow, Dir, ErrorInRule, IfMissing, Op, OperationArgRow, OperationRow,
    Phase, Slot, SlotRow, TableError,
};

/// Every operation in the order of `Op::ALL`.
pub(in crate::table) fn android_operations(
    table: &Description,
    index: &StructIndex,
) -> Checked<Vec<OperationRow>> {
    let v3 = AbiTable::parse(built_in("v3").expect("v3 is built in"))?;
    let rows = Op::ALL.into_iter().map(|op| {
        // One release serves directories too, with the opcode of theirs.
        let name = if op == Op::Releasedir { Op::Release.name() } else { op.name() };
        let record = table.operations.iter().find(|record| record.op == name);
        let missing = || TableError::Missing { what: "operation", name: name.to_owned() };
        row(table, index, v3.operation(op).clone(), record.ok_or_else(missing)?)
    });
    rows.collect()
}

fn row(
    table: &Description,
    index: &StructIndex,
    base: OperationRow,
    record: &Operation,
) -> Checked<OperationRow> {
    let at = format!("operations {}", base.op);
    for arg in record.in_args.iter().chain(&record.out_args).filter(|arg| arg.kind == "struct") {
        let name = arg.r#type.as_deref().unwrap_or_default();
        struct_size(table, index, &at, name)?;
    }
    let rule = error_in_rule(&record.error_in_rule);
    let mut out_args = base.out_args;
    let mut buffers = base.buffers;
    if base.op == Op::Lookup {
        let type_name = "fuse_entry_bpf_out".to_owned();
        let size = struct_size(table, index, &at, &type_name)?;
        let name = "bpf_out".to_owned();
        same(&at, "arguments", record.out_args.len(), out_args.len())?;
        out_args[1] = OperationArgRow { name, kind: ArgKind::Struct, type_name, size };
        buffers.retain(|buffer| buffer.dir == Dir::In);
    }
    Ok(OperationRow {
        out_args,
        buffers,
        lower_step_returns_lower_error: record.lower_step_returns_lower_error,
        error_in_rule: rule.ok_or_else(|| unknown(&at, "error_in rule", &record.error_in_rule))?,
        lower_uses_filtered: record.lower_uses_filtered.clone(),
        lower_ignores_filtered: record.lower_ignores_filtered.clone(),
        lower_call: record.lower_call.clone(),
        out_filled_by_lower: record.out_filled_by_lower.clone(),
        finalize: record.finalize.clone(),
        user_prefilter: record.user_prefilter.clone(),
        user_postfilter: record.user_postfilter.clone(),
        user_fallthrough: record.user_fallthrough.clone(),
        notes: record.notes.clone(),
        ..base
    })
}

fn error_in_rule(words: &str) -> Option<ErrorInRule> {
    match words {
        words if words.contains("also -ENOENT") => Some(ErrorInRule::NegativeOrMissingName),
        words if words.starts_with("on negative return") => Some(ErrorInRule::Negative),
        words if words.starts_with("never") => Some(ErrorInRule::Never),
        words if words.starts_with("only ") => Some(ErrorInRule::NoBackingPath),
        _ => None,
    }
}

/// A row for each operation and phase. All of them are the one program.
pub(in crate::table) fn android_slots(operations: &[OperationRow]) -> Vec<Option<SlotRow>> {
    let mut rows = vec![None; Slot::COUNT];
    for operation in operations {
        for phase in Phase::ALL {
            let slot = Slot::Member(operation.op, phase);
            let mut args = Vec::new();
            let dirs: &[Dir] = if phase == Phase::Pre { &[Dir::In] } else { &[Dir::In, Dir::Out] };
            for dir in dirs {
                args.extend(operation.args(*dir).iter().enumerate().map(|(position, arg)| {
                    ArgRow {
                        name: arg.name.clone(),
                        type_name: arg.type_name.clone(),
                        kind: arg.kind,
                        is_const: phase == Phase::Post && *dir == Dir::In,
                        dir: Some(*dir),
                        position,
                        size: arg.size,
                    }
                }));
            }
            let (member, if_missing) = (slot.name().to_owned(), IfMissing::Continue);
            rows[slot.index()] =
                Some(SlotRow { slot, member, offset: 0, index: 0, args, if_missing });
        }
    }
    rows
}
