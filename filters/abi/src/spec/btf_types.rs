//! BTF types as types and layouts of a description.

use super::{BtfSpecError, FieldSpec, Param, Prototype, StructSpec, Tag, TypeRef};
use crate::btf::{Btf, BtfKind, Member, TypeId};

/// How deep a type is followed; deeper ones, and cycles without a name, become anonymous.
const DEPTH_MAX: u32 = 32;
/// How many fields a struct may have with those of its anonymous members.
const FIELDS_MAX: usize = 20_000;
/// Fields without a byte that kernels since 6.8 have between groups of others, so that the build
/// can check where the groups are. Nobody reads them.
const MARKER: &str = "__cacheline_group_";
/// `BTF_INT_SIGNED` and `BTF_INT_BOOL`.
const SIGNED: u8 = 1;
const BOOL: u8 = 4;

/// The type of an id.
pub(super) fn ty(btf: &Btf, id: TypeId) -> TypeRef {
    type_within(btf, id, DEPTH_MAX)
}

/// The prototype of an id; of anything else, a function without parameters.
pub(super) fn prototype(btf: &Btf, id: TypeId) -> Prototype {
    prototype_within(btf, id, DEPTH_MAX)
}

fn type_within(btf: &Btf, id: TypeId, depth: u32) -> TypeRef {
    let anonymous = TypeRef::Named(Tag::Name, String::new());
    let Some(depth) = depth.checked_sub(1) else { return anonymous };
    let named = |tag| TypeRef::Named(tag, btf.name(id).to_owned());
    let inner = |of: TypeId| Box::new(type_within(btf, of, depth));
    match btf.kind(id) {
        None => TypeRef::Void,
        Some(BtfKind::Int { size, encoding, .. }) => match (btf.name(id), *size) {
            _ if encoding & BOOL != 0 => TypeRef::Bool,
            ("char", 1) => TypeRef::Char,
            (_, size) => TypeRef::int(u8::try_from(size).unwrap_or(16), encoding & SIGNED != 0),
        },
        Some(BtfKind::Float { size }) => TypeRef::Float(u8::try_from(*size).unwrap_or(16)),
        Some(BtfKind::Ptr(of)) => TypeRef::Pointer(inner(*of)),
        Some(BtfKind::Const(of)) => TypeRef::Const(inner(*of)),
        Some(BtfKind::Volatile(of)) => TypeRef::Volatile(inner(*of)),
        Some(BtfKind::Restrict(of) | BtfKind::TypeTag { of, .. }) => *inner(*of),
        Some(BtfKind::Array { element, len, .. }) => TypeRef::Array(inner(*element), *len),
        Some(BtfKind::Struct(_) | BtfKind::Fwd { is_union: false }) => named(Tag::Struct),
        Some(BtfKind::Union(_) | BtfKind::Fwd { is_union: true }) => named(Tag::Union),
        Some(BtfKind::Enum(_) | BtfKind::Enum64(_)) => named(Tag::Enum),
        // Only what has no name of its own is called by its typedef.
        Some(BtfKind::Typedef(of)) => match *inner(*of) {
            TypeRef::Named(_, name) if name.is_empty() => named(Tag::Name),
            other => other,
        },
        Some(BtfKind::FuncProto { .. }) => {
            TypeRef::Function(Box::new(prototype_within(btf, id, depth)))
        }
        Some(
            BtfKind::Func { .. }
            | BtfKind::Var { .. }
            | BtfKind::Datasec { .. }
            | BtfKind::DeclTag { .. },
        ) => anonymous,
    }
}

fn prototype_within(btf: &Btf, id: TypeId, depth: u32) -> Prototype {
    let mut found = Prototype { ret: TypeRef::Void, params: Vec::new(), variadic: false };
    if let Some(BtfKind::FuncProto { ret, params }) = btf.kind(id) {
        found.ret = type_within(btf, *ret, depth);
        for param in params {
            let name = btf.str(param.name).to_owned();
            // A last parameter that is nothing stands for `...`.
            if name.is_empty() && param.of == TypeId::VOID {
                found.variadic = true;
            } else {
                found.params.push(Param { name, ty: type_within(btf, param.of, depth) });
            }
        }
    }
    found
}

/// The struct or union that a type is, points at, or is an array of.
pub(super) fn struct_of(btf: &Btf, id: TypeId) -> Option<TypeId> {
    let mut at = id;
    for _ in 0..DEPTH_MAX {
        at = btf.resolve(at);
        match btf.kind(at)? {
            BtfKind::Ptr(of) | BtfKind::Array { element: of, .. } => at = *of,
            BtfKind::Struct(_) | BtfKind::Union(_) => {
                return (!btf.name(at).is_empty()).then_some(at);
            }
            BtfKind::Fwd { is_union } => {
                let tag = if *is_union {
                    crate::btf::KindTag::Union
                } else {
                    crate::btf::KindTag::Struct
                };
                return btf.find_kind(btf.name(at), tag);
            }
            _ => return None,
        }
    }
    None
}

/// The layout of a struct or union, anonymous members taken apart.
pub(super) fn structure(btf: &Btf, id: TypeId, name: &str) -> Result<StructSpec, BtfSpecError> {
    let (size, union) = match btf.kind(id) {
        Some(BtfKind::Struct(composite)) => (composite.size, false),
        Some(BtfKind::Union(composite)) => (composite.size, true),
        _ => (0, false),
    };
    let mut fields = Vec::new();
    let failed = |problem| BtfSpecError { type_name: name.to_owned(), problem };
    collect(btf, id, 0, DEPTH_MAX, &mut fields).map_err(failed)?;
    // As in every other source: what a daemon sees is a uapi header's, which BTF cannot tell.
    Ok(StructSpec { name: name.to_owned(), union, size, wire: false, fields })
}

fn collect(
    btf: &Btf,
    id: TypeId,
    base_bits: u64,
    depth: u32,
    fields: &mut Vec<FieldSpec>,
) -> Result<(), &'static str> {
    let depth = depth.checked_sub(1).ok_or("anonymous members nested without end")?;
    for member in btf.kind(id).map(BtfKind::members).unwrap_or_default() {
        let bits = base_bits + u64::from(member.bit_offset);
        let resolved = btf.resolve(member.of);
        let is_composite =
            matches!(btf.kind(resolved), Some(BtfKind::Struct(_) | BtfKind::Union(_)));
        if btf.str(member.name).is_empty() && is_composite {
            collect(btf, resolved, bits, depth, fields)?;
        } else if !btf.str(member.name).starts_with(MARKER) {
            if fields.len() >= FIELDS_MAX {
                return Err("more fields than any struct of a kernel has");
            }
            fields.push(field(btf, member, bits)?);
        }
    }
    Ok(())
}

fn field(btf: &Btf, member: &Member, bits: u64) -> Result<FieldSpec, &'static str> {
    let size = btf.size_of(member.of).unwrap_or(0);
    let small = |number: u64| u32::try_from(number).map_err(|_large| "an offset or size too large");
    let bit_field = match member.bit_width {
        0 => None,
        width => Some((small(bits % 8)?, u32::from(width))),
    };
    Ok(FieldSpec {
        name: btf.str(member.name).to_owned(),
        offset: small(bits / 8)?,
        size: small(size)?,
        bits: bit_field,
        ty: ty(btf, member.of),
    })
}
