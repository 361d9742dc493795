//! The comparisons that all rules are made of, with their errors.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Op, Opcode, TableError};

pub(super) type Checked<T> = Result<T, TableError>;
pub(super) type StructIndex = BTreeMap<String, usize>;

pub(super) fn unknown(at: &str, what: &'static str, value: &str) -> TableError {
    TableError::Unknown { at: at.to_owned(), what, value: value.to_owned() }
}

pub(super) fn same<T: PartialEq + core::fmt::Display>(
    at: &str,
    what: &'static str,
    found: T,
    expected: T,
) -> Checked<()> {
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (found.to_string(), expected.to_string());
    Err(TableError::Mismatch { at: at.to_owned(), what, found, expected })
}

pub(super) fn unique<'a>(
    at: &str,
    what: &'static str,
    values: impl Iterator<Item = &'a str>,
) -> Checked<()> {
    let mut seen = BTreeSet::new();
    for (index, value) in values.enumerate() {
        if !seen.insert(value) {
            let at = format!("{at}[{index}]");
            return Err(TableError::Duplicate { at, what, value: value.to_owned() });
        }
    }
    Ok(())
}

/// An opcode by name and number is that of an operation.
pub(super) fn opcode(at: &str, op: Op, name: &str, value: u64) -> Checked<()> {
    let found = Opcode::from_name(name).ok_or_else(|| unknown(at, "opcode", name))?;
    same(at, "opcode", found, op.opcode())?;
    same(at, "opcode_value", value, u64::from(op.opcode().0))
}
