//! Rules about layouts.

use super::check::{Checked, StructIndex, same, unknown};
use crate::TableError;
use crate::description::{Description, Struct};

/// Layouts: fields inside their struct, types that exist, sizes that fit the types.
pub(in crate::table) fn structs(table: &Description) -> Checked<StructIndex> {
    let index: StructIndex =
        table.structs.iter().enumerate().map(|(i, layout)| (layout.name.clone(), i)).collect();
    for (number, layout) in table.structs.iter().enumerate() {
        let at = format!("structs[{number}] {}", layout.name);
        if !layout.align.is_power_of_two() {
            return Err(unknown(&at, "alignment", &layout.align.to_string()));
        }
        same(&at, "size modulo alignment", layout.size % layout.align, 0)?;
        for field in &layout.fields {
            let at = format!("{at}.{}", field.name);
            let element = element_size(table, &index, &field.r#type)
                .ok_or_else(|| unknown(&at, "type", &field.r#type))?;
            let size = u64::from(element) * u64::from(field.len.unwrap_or(1));
            same(&at, "size", u64::from(field.size), size)?;
            let end = u64::from(field.offset) + u64::from(field.size);
            if end > u64::from(layout.size) {
                let (found, expected) = (end.to_string(), format!("at most {}", layout.size));
                return Err(TableError::Mismatch { at, what: "end", found, expected });
            }
        }
    }
    Ok(index)
}

fn element_size(table: &Description, index: &StructIndex, type_name: &str) -> Option<u32> {
    match type_name {
        "u8" | "char" | "bool" => Some(1),
        "u16" => Some(2),
        "u32" | "i32" => Some(4),
        "u64" | "ptr" => Some(8),
        name => index.get(name).map(|number| table.structs[*number].size),
    }
}

pub(super) fn struct_size(
    table: &Description,
    index: &StructIndex,
    at: &str,
    name: &str,
) -> Checked<u32> {
    let layout: Option<&Struct> = index.get(name).map(|number| &table.structs[*number]);
    layout.map(|layout| layout.size).ok_or_else(|| unknown(at, "struct", name))
}
