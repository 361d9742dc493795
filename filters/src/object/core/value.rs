//! The number that a relocation puts into an instruction.

use fuserig_abi::btf::{Btf, BtfKind};

use super::spec::Field;

/// Kinds of relocations by their numbers in `.BTF.ext`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CoreKind {
    FieldByteOffset = 0,
    FieldByteSize = 1,
    FieldExists = 2,
    FieldSigned = 3,
    FieldLeftShift = 4,
    FieldRightShift = 5,
    TypeIdLocal = 6,
    TypeIdTarget = 7,
    TypeExists = 8,
    TypeSize = 9,
    EnumExists = 10,
    EnumValue = 11,
    TypeMatches = 12,
}

impl CoreKind {
    pub(super) const ALL: [CoreKind; 13] = [
        CoreKind::FieldByteOffset,
        CoreKind::FieldByteSize,
        CoreKind::FieldExists,
        CoreKind::FieldSigned,
        CoreKind::FieldLeftShift,
        CoreKind::FieldRightShift,
        CoreKind::TypeIdLocal,
        CoreKind::TypeIdTarget,
        CoreKind::TypeExists,
        CoreKind::TypeSize,
        CoreKind::EnumExists,
        CoreKind::EnumValue,
        CoreKind::TypeMatches,
    ];

    pub(super) fn from_number(number: u32) -> Option<CoreKind> {
        CoreKind::ALL.get(number as usize).copied()
    }

    /// Whether a missing target is an answer (0) rather than a poisoned instruction.
    pub(super) fn asks_for_existence(self) -> bool {
        use CoreKind::{EnumExists, FieldExists, TypeExists, TypeMatches};
        matches!(self, FieldExists | TypeExists | EnumExists | TypeMatches)
    }
}

/// A value, and what a load or store of the field has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) number: u64,
    /// Bytes that a load or store of the field has; 0 where that is not asked.
    pub(super) size: u64,
    /// Whether the width of a load may follow the size: pointers and unsigned integers.
    pub(super) widens: Widens,
    /// Whether the instruction is expected to hold the number already. Shifts of bit fields are
    /// computed by the compiler for its own layout and not compared.
    pub(super) is_checked: bool,
}

/// What a field is when its size differs between object and ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Widens {
    Pointer,
    Unsigned,
    No,
}

impl Value {
    pub(super) const fn plain(number: u64) -> Value {
        Value { number, size: 0, widens: Widens::No, is_checked: true }
    }
}

/// The value of a field relocation.
pub(super) fn of_field(btf: &Btf, field: &Field, kind: CoreKind) -> Result<Value, String> {
    let of = btf.resolve(field.of);
    let type_kind = btf.kind(of).ok_or("a field of type void")?;
    let size = btf.size_of(of);
    let needs = || size.ok_or("a field without a size");
    let place = bit_place(field, size)?;
    let number = match kind {
        CoreKind::FieldByteOffset => place.byte_offset,
        CoreKind::FieldByteSize if field.bit_width == 0 => needs()?,
        CoreKind::FieldByteSize => place.bytes,
        CoreKind::FieldSigned => u64::from(is_signed(type_kind)),
        CoreKind::FieldLeftShift => 64_u64
            .checked_sub(place.bits + field.bit_offset - place.byte_offset * 8)
            .ok_or("a field wider than 64 bits")?,
        CoreKind::FieldRightShift => {
            64_u64.checked_sub(place.bits).ok_or("a field wider than 64 bits")?
        }
        _ => return Err("it is no relocation of a field".to_owned()),
    };
    let widens = match type_kind {
        BtfKind::Ptr(_) => Widens::Pointer,
        BtfKind::Int { .. } if !is_signed(type_kind) => Widens::Unsigned,
        _ => Widens::No,
    };
    let is_offset = kind == CoreKind::FieldByteOffset;
    let plain = field.bit_width == 0;
    Ok(Value {
        number,
        size: if is_offset && plain { size.unwrap_or(0) } else { 0 },
        widens,
        is_checked: plain || kind == CoreKind::FieldSigned,
    })
}

/// Where a field lies, for loads.
struct BitPlace {
    /// Offset of the bytes that are loaded.
    byte_offset: u64,
    /// How many bytes are loaded.
    bytes: u64,
    /// Bits of the field.
    bits: u64,
}

/// Bit fields are loaded with the smallest aligned load that holds them.
fn bit_place(field: &Field, size: Option<u64>) -> Result<BitPlace, String> {
    let size = size.unwrap_or(0);
    if field.bit_width == 0 {
        let bits = size.checked_mul(8).ok_or("a field of more than 64 bits")?;
        return Ok(BitPlace { byte_offset: field.bit_offset / 8, bytes: size, bits });
    }
    let bits = u64::from(field.bit_width);
    let mut bytes = size.max(1);
    loop {
        let byte_offset = field.bit_offset / 8 / bytes * bytes;
        if field.bit_offset + bits - byte_offset * 8 <= bytes * 8 {
            return Ok(BitPlace { byte_offset, bytes, bits });
        }
        if bytes >= 8 {
            return Err("a bit field that no load holds".to_owned());
        }
        bytes *= 2;
    }
}

fn is_signed(kind: &BtfKind) -> bool {
    match kind {
        BtfKind::Int { encoding, .. } => encoding & 1 != 0,
        BtfKind::Enum(set) | BtfKind::Enum64(set) => set.signed,
        _ => false,
    }
}
