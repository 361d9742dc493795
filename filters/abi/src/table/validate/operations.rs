//! Rules about operations and their arguments.

use super::buffers::buffers;
use super::check::{Checked, StructIndex, opcode, same, unique, unknown};
use super::structs::struct_size;
use crate::description::{Description, Operation, OperationArg, Quantity};
use crate::{
    ArgKind, ErrorInRule, Op, OperationArgRow, OperationRow, RequestFlagRow, ResultType, TableError,
};

/// Every operation in the order of `Op::ALL`.
pub(in crate::table) fn operations(
    table: &Description,
    index: &StructIndex,
) -> Checked<Vec<OperationRow>> {
    for operation in &table.operations {
        if Op::from_name(&operation.op).is_none() {
            return Err(unknown("operations", "operation", &operation.op));
        }
    }
    let mut rows = Vec::with_capacity(Op::COUNT);
    for op in Op::ALL {
        let found = table.operations.iter().find(|operation| operation.op == op.name());
        let missing = || TableError::Missing { what: "operation", name: op.name().to_owned() };
        rows.push(operation(table, index, op, found.ok_or_else(missing)?)?);
    }
    Ok(rows)
}

fn operation(
    table: &Description,
    index: &StructIndex,
    op: Op,
    record: &Operation,
) -> Checked<OperationRow> {
    let at = format!("operations {op}");
    opcode(&at, op, &record.opcode, record.opcode_value)?;
    let in_args = operation_args(table, index, &at, &record.in_args)?;
    let out_args = operation_args(table, index, &at, &record.out_args)?;
    let names = in_args.iter().chain(&out_args).map(|arg| arg.name.as_str());
    unique(&at, "argument", names)?;
    let buffers = buffers(&at, &record.buffers, &in_args, &out_args)?;
    Ok(OperationRow {
        op,
        in_args,
        out_args,
        buffers,
        request_flags_in: request_flags(&at, record, "set_by_initialize_in")?,
        request_flags_out: request_flags(&at, record, "set_by_initialize_out")?,
        lower_step_returns_lower_error: record.lower_step_returns_lower_error,
        error_in_rule: ErrorInRule::from_words(&record.error_in_rule)
            .ok_or_else(|| unknown(&at, "error_in rule", &record.error_in_rule))?,
        lower_uses_filtered: record.lower_uses_filtered.clone(),
        lower_ignores_filtered: record.lower_ignores_filtered.clone(),
        result_type: ResultType::from_words(&record.result_type)
            .ok_or_else(|| unknown(&at, "result type", &record.result_type))?,
        pipeline_inode: record.pipeline_inode.clone(),
        meta_nodeid: record.meta_nodeid.clone(),
        lower_call: record.lower_call.clone(),
        out_filled_by_lower: record.out_filled_by_lower.clone(),
        finalize: record.finalize.clone(),
        user_prefilter: record.user_prefilter.clone(),
        user_postfilter: record.user_postfilter.clone(),
        user_fallthrough: record.user_fallthrough.clone(),
        notes: record.notes.clone(),
    })
}

fn operation_args(
    table: &Description,
    index: &StructIndex,
    at: &str,
    args: &[OperationArg],
) -> Checked<Vec<OperationArgRow>> {
    if args.len() > crate::CALL_ARGS_MAX {
        return Err(unknown(at, "number of arguments", &args.len().to_string()));
    }
    let row = |arg: &OperationArg| {
        let at = format!("{at}.{}", arg.name);
        let kind = ArgKind::from_words(&arg.kind)
            .filter(|kind| matches!(kind, ArgKind::Struct | ArgKind::Buffer))
            .ok_or_else(|| unknown(&at, "kind of argument", &arg.kind))?;
        let type_name = arg.r#type.clone().unwrap_or_default();
        let mut size = struct_size(table, index, &at, &type_name)?;
        match kind {
            ArgKind::Buffer => {
                same(&at, "type", type_name.as_str(), "fuse_buffer")?;
                size = 0;
            }
            ArgKind::Struct | ArgKind::Meta | ArgKind::Scalar => {
                let expected = Quantity::Number(size.into());
                let found = arg.size.clone().unwrap_or(Quantity::Words("absent".to_owned()));
                same(&at, "size", found, expected)?;
            }
        }
        Ok(OperationArgRow { name: arg.name.clone(), kind, type_name, size })
    };
    args.iter().map(row).collect()
}

fn request_flags(at: &str, record: &Operation, step: &str) -> Checked<Vec<RequestFlagRow>> {
    let words = record.request_flags.get(step).ok_or_else(|| TableError::Missing {
        what: "list of request flags",
        name: format!("{at}.{step}"),
    })?;
    words
        .iter()
        .map(|words| {
            RequestFlagRow::from_words(words).ok_or_else(|| unknown(at, "request flag", words))
        })
        .collect()
}
