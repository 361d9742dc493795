//! The operation table of an ABI version: rows for callbacks and operations, read once from the
//! built-in descriptions and validated (SEMANTICS 4).
//!
//! Dispatch, argument names, buffer states and reports all come from these rows; nothing here runs
//! them. What a reader would get wrong: a row is found by [`crate::Op`] or [`crate::Slot`], whose
//! indices are the same in all versions, while `offset` and `index` of a member are not.

mod error;
mod field;
mod load;
mod rows;
mod rules;
mod validate;

#[cfg(test)]
mod tests;

pub use error::TableError;
pub use field::{Field, FieldRef};
pub use load::AbiTable;
pub use rows::{
    ArgKind, ArgRow, BufferRow, FamilyRow, FamilySlot, IfMissing, OperationArgRow, OperationRow,
    SlotRow,
};
pub use rules::{Dir, ErrorInRule, RequestFlagRow, RequestFlags, ResultType, SizeInputs, SizeRule};
