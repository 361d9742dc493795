//! Types as text, from left to right.

use core::fmt;

use super::escape::Name;
use super::{Param, Prototype, Tag, TypeRef};

impl fmt::Display for TypeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TypeRef::Void => f.write_str("void"),
            TypeRef::Char => f.write_str("char"),
            TypeRef::Bool => f.write_str("bool"),
            TypeRef::Int { bytes, signed } => {
                write!(f, "{}{}", if *signed { 'i' } else { 'u' }, u32::from(*bytes) * 8)
            }
            TypeRef::Float(bytes) => write!(f, "f{}", u32::from(*bytes) * 8),
            TypeRef::Named(Tag::Name, name) => write!(f, "{}", Name(name)),
            TypeRef::Named(tag, name) => write!(f, "{} {}", tag.word(), Name(name)),
            TypeRef::Const(inner) => qualified(f, "const", inner),
            TypeRef::Volatile(inner) => qualified(f, "volatile", inner),
            TypeRef::Pointer(inner) => {
                let space = if ends_with_star(inner) || is_function(inner) { "" } else { " " };
                write!(f, "{inner}{space}*")
            }
            TypeRef::Array(inner, len) => {
                write!(f, "{inner}")?;
                if *len == 0 { f.write_str("[]") } else { write!(f, "[{len}]") }
            }
            TypeRef::Function(prototype) => write!(f, "{prototype}"),
        }
    }
}

/// In front of a base type, behind everything else.
fn qualified(f: &mut fmt::Formatter<'_>, word: &str, inner: &TypeRef) -> fmt::Result {
    let mut at = inner;
    while let TypeRef::Const(deeper) | TypeRef::Volatile(deeper) = at {
        at = deeper;
    }
    match at {
        TypeRef::Pointer(_) if ends_with_star(inner) => write!(f, "{inner}{word}"),
        TypeRef::Pointer(_) | TypeRef::Array(..) | TypeRef::Function(_) => {
            write!(f, "{inner} {word}")
        }
        _ => write!(f, "{word} {inner}"),
    }
}

fn ends_with_star(ty: &TypeRef) -> bool {
    matches!(ty, TypeRef::Pointer(_))
}

fn is_function(ty: &TypeRef) -> bool {
    matches!(ty, TypeRef::Function(_))
}

impl fmt::Display for Prototype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.ret)?;
        for (index, param) in self.params.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{param}")?;
        }
        match (self.variadic, self.params.is_empty()) {
            (true, true) => f.write_str("...)"),
            (true, false) => f.write_str(", ...)"),
            (false, _) => f.write_str(")"),
        }
    }
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.ty)?;
        if self.name.is_empty() {
            return Ok(());
        }
        let space = if ends_with_star(&self.ty) { "" } else { " " };
        write!(f, "{space}{}", Name(&self.name))
    }
}

impl From<TypeRef> for String {
    fn from(ty: TypeRef) -> String {
        ty.to_string()
    }
}

impl From<Prototype> for String {
    fn from(prototype: Prototype) -> String {
        prototype.to_string()
    }
}
