//! Rules about the table as a whole: its head, its names, its short lists.

use super::check::{Checked, same, unique, unknown};
use crate::description::Description;
use crate::{Abi, Op, Opcode, QuirkClass, Row, TableError};

/// Schema, version, and that names are unique.
pub(in crate::table) fn head(table: &Description) -> Checked<Abi> {
    if table.schema != "fuse-bpf-abi/1" {
        return Err(TableError::Schema { found: table.schema.clone() });
    }
    let abi = Abi::from_name(&table.abi)
        .ok_or_else(|| TableError::Version { found: table.abi.clone() })?;
    unique("constants", "name", table.constants.iter().map(|constant| constant.name.as_str()))?;
    unique("opcodes", "name", table.opcodes.iter().map(|opcode| opcode.name.as_str()))?;
    unique("structs", "name", table.structs.iter().map(|layout| layout.name.as_str()))?;
    unique("operations", "op", table.operations.iter().map(|operation| operation.op.as_str()))?;
    unique("quirks", "id", table.quirks.iter().map(|quirk| quirk.id.as_str()))?;
    let members = table.ops.iter().filter_map(|callback| callback.member.as_deref());
    unique("ops", "member", members)?;
    for (index, opcode) in table.opcodes.iter().enumerate() {
        let at = format!("opcodes[{index}]");
        let known =
            Opcode::from_name(&opcode.name).ok_or_else(|| unknown(&at, "opcode", &opcode.name))?;
        same(&at, "opcode", opcode.value, u64::from(known.0))?;
    }
    Ok(abi)
}

/// Return codes, constants, the decision table and the quirks.
pub(in crate::table) fn rest(table: &Description, abi: Abi) -> Checked<()> {
    if abi == Abi::Android {
        return Ok(());
    }
    let codes = table.return_codes.iter().filter_map(|code| code.value);
    let expected: Vec<u64> = (0..=abi.last_code().into()).collect();
    if !codes.eq(expected.iter().copied()) {
        let at = "return_codes".to_owned();
        let found = format!("{:?}", table.return_codes.iter().map(|c| c.value).collect::<Vec<_>>());
        let expected = format!("{expected:?}");
        return Err(TableError::Mismatch { at, what: "values", found, expected });
    }
    // The kernel functions of v3-grouped have no decision table.
    let rows = if abi == Abi::V3Grouped { 0 } else { Row::ALL.len() };
    same("get_writeable", "number of rows", table.get_writeable.len(), rows)?;
    for (row, record) in Row::ALL.into_iter().zip(&table.get_writeable) {
        same("get_writeable", "row", record.row.as_str(), row.name())?;
    }
    for quirk in &table.quirks {
        let at = format!("quirks {}", quirk.id);
        QuirkClass::from_name(&quirk.klass).ok_or_else(|| unknown(&at, "class", &quirk.klass))?;
        for op in quirk.op.split(' ').filter(|op| *op != "*") {
            Op::from_name(op).ok_or_else(|| unknown(&at, "operation", op))?;
        }
    }
    Ok(())
}
