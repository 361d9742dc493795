//! From a description to rows, and the lookups.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::{FamilyRow, Field, FieldRef, OperationRow, SlotRow, TableError, validate};
use crate::description::{Description, Struct, built_in};
use crate::{Abi, Op, Slot};

/// The table of one ABI version.
///
/// ```
/// use fuserig_abi::{Abi, AbiTable, Op, Slot};
/// let table = AbiTable::of(Abi::V4);
/// assert_eq!(table.slots().count(), 65);
/// assert_eq!(table.operation(Op::Access).op, Op::Access);
/// assert!(AbiTable::of(Abi::V3).slot(Slot::Default).is_none());
/// ```
#[derive(Clone, Debug)]
pub struct AbiTable {
    abi: Abi,
    description: Description,
    slots: Vec<Option<SlotRow>>,
    operations: Vec<OperationRow>,
    structs: BTreeMap<String, usize>,
    families: Vec<FamilyRow>,
}

/// The tables in the order of `Abi::ALL`, so that [`AbiTable::of`] is an index.
static TABLES: LazyLock<[AbiTable; Abi::ALL.len()]> = LazyLock::new(|| {
    Abi::ALL.map(|abi| {
        let text = built_in(abi.name()).expect("every ABI is built in");
        let table = AbiTable::parse(text).expect("a test reads every built-in table");
        assert_eq!(table.abi, abi, "a built-in table is found by its name");
        table
    })
});

impl AbiTable {
    /// The built-in table of a version.
    pub fn of(abi: Abi) -> &'static AbiTable {
        &TABLES[abi as usize]
    }

    /// Reads and validates the text of a table.
    ///
    /// # Errors
    /// As [`Description::parse`] and [`AbiTable::from_description`].
    pub fn parse(text: &str) -> Result<AbiTable, TableError> {
        AbiTable::from_description(Description::parse(text)?)
    }

    /// Validates a description and turns it into rows.
    ///
    /// # Errors
    /// The first record that contradicts the rest, by name.
    pub fn from_description(description: Description) -> Result<AbiTable, TableError> {
        let abi = validate::head(&description)?;
        let structs = validate::structs(&description)?;
        let operations = match abi {
            Abi::Android => validate::android_operations(&description, &structs)?,
            _ => validate::operations(&description, &structs)?,
        };
        let (slots, families) = match abi {
            Abi::V3 | Abi::V4 => {
                (validate::slots(&description, abi, &structs, &operations)?, Vec::new())
            }
            Abi::Android => (validate::android_slots(&operations), Vec::new()),
            Abi::V3Grouped => validate::families(&description, &structs, &operations)?,
        };
        validate::rest(&description, abi)?;
        Ok(AbiTable { abi, description, slots, operations, structs, families })
    }

    /// Which version it describes.
    pub fn abi(&self) -> Abi {
        self.abi
    }

    /// The description it was made from: constants, kernel functions, quirks and all else.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The row of a callback, or `None` when the version does not have it.
    pub fn slot(&self, slot: Slot) -> Option<&SlotRow> {
        self.slots[slot.index()].as_ref()
    }

    /// All callbacks in the order of [`Slot::index`].
    pub fn slots(&self) -> impl Iterator<Item = &SlotRow> {
        self.slots.iter().flatten()
    }

    /// How the member of its family sees an operation; none where each operation has members of
    /// its own.
    pub fn family(&self, op: Op) -> Option<&FamilyRow> {
        self.families.get(op.index())
    }

    /// The row of an operation.
    pub fn operation(&self, op: Op) -> &OperationRow {
        &self.operations[op.index()]
    }

    /// All operations in the order of [`Op::ALL`].
    pub fn operations(&self) -> &[OperationRow] {
        &self.operations
    }

    /// The layout of a struct by its kernel name.
    pub fn structure(&self, name: &str) -> Option<&Struct> {
        self.structs.get(name).map(|index| &self.description.structs[*index])
    }

    /// Where a field lies: `in.flags`, `out.attr.mode`, `meta.opcode`, or `out.st.spare.3` for an
    /// element of an array. Buffers have no fields.
    pub fn field(&self, op: Op, path: &str) -> Option<FieldRef> {
        let (root, rest) = path.split_once('.')?;
        if root == "meta" {
            return self.field_in("bpf_fuse_meta_info", rest).map(FieldRef::Meta);
        }
        let operation = self.operation(op);
        let (dir, index) = operation.arg_position(root)?;
        let arg = &operation.args(dir)[index];
        if arg.kind != super::ArgKind::Struct {
            return None;
        }
        let field = self.field_in(&arg.type_name, rest)?;
        Some(FieldRef::Arg { dir, index, field })
    }

    /// Where a field lies in a struct, by a path that starts inside it.
    pub fn field_in(&self, structure: &str, path: &str) -> Option<Field> {
        let (name, rest) = match path.split_once('.') {
            Some((name, rest)) => (name, Some(rest)),
            None => (path, None),
        };
        let found = self.structure(structure)?.fields.iter().find(|field| field.name == name)?;
        match rest {
            None if found.len.is_none() => integer(&found.r#type, found.offset),
            None => None,
            Some(rest) if found.len.is_some() => {
                let element: u32 = rest.parse().ok()?;
                let size = integer(&found.r#type, 0)?.size;
                let inside = element < found.len?;
                inside.then(|| integer(&found.r#type, found.offset + element * size))?
            }
            Some(rest) => {
                let inner = self.field_in(&found.r#type, rest)?;
                Some(Field { offset: found.offset + inner.offset, ..inner })
            }
        }
    }
}

/// A field of an integer type, or `None` for any other type.
fn integer(type_name: &str, offset: u32) -> Option<Field> {
    let (size, signed) = match type_name {
        "u8" | "char" | "bool" => (1, false),
        "u16" => (2, false),
        "u32" => (4, false),
        "i32" => (4, true),
        "u64" => (8, false),
        _ => return None,
    };
    Some(Field { offset, size, signed })
}
