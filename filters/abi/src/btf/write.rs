//! From types to bytes, in the form that kernels read.

use super::Btf;
use super::kind::{BtfKind, BtfType, Composite, Enumerators, KindTag};
use super::read::{HEADER_LEN, MAGIC};

impl Btf {
    /// The little-endian form: header, types, strings.
    ///
    /// What [`Btf::read`] makes of it equals `self`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut types = Vec::new();
        for (_, one) in self.types() {
            write_type(&mut types, one);
        }
        let strings = self.strings().as_bytes();
        let mut bytes = Vec::with_capacity(HEADER_LEN as usize + types.len() + strings.len());
        push(&mut bytes, [u32::from(MAGIC) | 1 << 16, HEADER_LEN, 0, word(types.len())]);
        push(&mut bytes, [word(types.len()), word(strings.len())]);
        bytes.extend_from_slice(&types);
        bytes.extend_from_slice(strings);
        bytes
    }
}

fn word(len: usize) -> u32 {
    u32::try_from(len).expect("limits on types and strings keep lengths below 4 GiB")
}

fn push<const N: usize>(bytes: &mut Vec<u8>, words: [u32; N]) {
    for word in words {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
}

fn write_type(bytes: &mut Vec<u8>, one: &BtfType) {
    let tag = one.kind.tag();
    let mut head = |flag: bool, vlen: usize, size_or_type: u32| {
        let info = (tag as u32) << 24 | u32::from(flag) << 31 | word(vlen);
        push(bytes, [one.name.0, info, size_or_type]);
    };
    match &one.kind {
        BtfKind::Int { size, bit_offset, bits, encoding } => {
            head(false, 0, *size);
            push(bytes, [u32::from_le_bytes([*bits, 0, *bit_offset, *encoding])]);
        }
        BtfKind::Ptr(of)
        | BtfKind::Typedef(of)
        | BtfKind::Volatile(of)
        | BtfKind::Const(of)
        | BtfKind::Restrict(of) => head(false, 0, of.0),
        BtfKind::Array { element, index, len } => {
            head(false, 0, 0);
            push(bytes, [element.0, index.0, *len]);
        }
        BtfKind::Struct(composite) | BtfKind::Union(composite) => {
            head(composite.bit_fields, composite.members.len(), composite.size);
            write_members(bytes, composite);
        }
        BtfKind::Enum(set) | BtfKind::Enum64(set) => {
            head(set.signed, set.values.len(), set.size);
            write_values(bytes, set, tag);
        }
        BtfKind::Fwd { is_union } => head(*is_union, 0, 0),
        BtfKind::Func { proto, linkage } => head(false, *linkage as usize, proto.0),
        BtfKind::FuncProto { ret, params } => {
            head(false, params.len(), ret.0);
            params.iter().for_each(|param| push(bytes, [param.name.0, param.of.0]));
        }
        BtfKind::Var { of, linkage } => {
            head(false, 0, of.0);
            push(bytes, [*linkage as u32]);
        }
        BtfKind::Datasec { size, vars } => {
            head(false, vars.len(), *size);
            vars.iter().for_each(|var| push(bytes, [var.var.0, var.offset, var.size]));
        }
        BtfKind::Float { size } => head(false, 0, *size),
        BtfKind::DeclTag { of, component, attribute } => {
            head(*attribute, 0, of.0);
            push(bytes, [component.cast_unsigned()]);
        }
        BtfKind::TypeTag { of, attribute } => head(*attribute, 0, of.0),
    }
}

fn write_members(bytes: &mut Vec<u8>, composite: &Composite) {
    for member in &composite.members {
        let width = if composite.bit_fields { u32::from(member.bit_width) << 24 } else { 0 };
        push(bytes, [member.name.0, member.of.0, member.bit_offset | width]);
    }
}

fn write_values(bytes: &mut Vec<u8>, set: &Enumerators, tag: KindTag) {
    for value in &set.values {
        let (low, high) = (value.bits as u32, (value.bits >> 32) as u32);
        push(bytes, [value.name.0, low]);
        if tag == KindTag::Enum64 {
            push(bytes, [high]);
        }
    }
}
