//! Types from text, from left to right.

use core::str::FromStr;

use super::scan::Scanner;
use super::{Param, Prototype, SpecError, Tag, TypeRef};

/// How deep a type may be nested; nothing in a kernel comes near it.
const DEPTH_MAX: u32 = 64;
/// How many parameters a function may have.
const PARAMS_MAX: usize = 256;

impl FromStr for TypeRef {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<TypeRef, SpecError> {
        let mut scanner = Scanner::new(text, 1);
        let ty = parse(&mut scanner, 0)?;
        scanner.expect_end()?;
        Ok(ty)
    }
}

impl FromStr for Prototype {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Prototype, SpecError> {
        let mut scanner = Scanner::new(text, 1);
        let prototype = prototype(&mut scanner)?;
        scanner.expect_end()?;
        Ok(prototype)
    }
}

impl TryFrom<String> for TypeRef {
    type Error = SpecError;

    fn try_from(text: String) -> Result<TypeRef, SpecError> {
        text.parse()
    }
}

impl TryFrom<String> for Prototype {
    type Error = SpecError;

    fn try_from(text: String) -> Result<Prototype, SpecError> {
        text.parse()
    }
}

/// A type at the cursor.
pub(super) fn ty(scanner: &mut Scanner<'_>) -> Result<TypeRef, SpecError> {
    parse(scanner, 0)
}

/// A function at the cursor.
pub(super) fn prototype(scanner: &mut Scanner<'_>) -> Result<Prototype, SpecError> {
    let start = scanner.clone();
    match parse(scanner, 0)? {
        TypeRef::Function(prototype) => Ok(*prototype),
        other => Err(start.error(format!("expected a function such as `u32(void)`, not {other}"))),
    }
}

fn parse(scanner: &mut Scanner<'_>, depth: u32) -> Result<TypeRef, SpecError> {
    let mut ty = base(scanner)?;
    // Each round makes the type one level deeper.
    for level in depth.. {
        if level > DEPTH_MAX {
            return Err(scanner.error("nested too deeply"));
        }
        if scanner.take("*") {
            ty = ty.pointer();
        } else if scanner.take_word("const") {
            ty = ty.constant();
        } else if scanner.take_word("volatile") {
            ty = TypeRef::Volatile(Box::new(ty));
        } else if scanner.at_array() && scanner.take("[") {
            let len = if scanner.peek() == Some(']') { 0 } else { scanner.fitting()? };
            scanner.expect("]")?;
            ty = TypeRef::Array(Box::new(ty), len);
        } else if scanner.take("(") {
            ty = TypeRef::Function(Box::new(params(scanner, ty, level + 1)?));
        } else {
            return Ok(ty);
        }
    }
    unreachable!("the loop returns before the numbers end")
}

fn params(scanner: &mut Scanner<'_>, ret: TypeRef, depth: u32) -> Result<Prototype, SpecError> {
    let mut prototype = Prototype { ret, params: Vec::new(), variadic: false };
    if scanner.take(")") {
        return Ok(prototype);
    }
    loop {
        if scanner.take("...") {
            prototype.variadic = true;
            scanner.expect(")")?;
            return Ok(prototype);
        }
        if prototype.params.len() >= PARAMS_MAX {
            return Err(scanner.error("more parameters than any function has"));
        }
        let ty = parse(scanner, depth)?;
        let name = if scanner.at_name() { scanner.name()? } else { String::new() };
        let is_void = ty == TypeRef::Void && name.is_empty() && prototype.params.is_empty();
        if is_void && scanner.take(")") {
            return Ok(prototype);
        }
        prototype.params.push(Param { name, ty });
        if scanner.take(")") {
            return Ok(prototype);
        }
        scanner.expect(",")?;
    }
}

/// A base type with the qualifiers in front of it.
fn base(scanner: &mut Scanner<'_>) -> Result<TypeRef, SpecError> {
    let mut qualifiers = Vec::new();
    loop {
        if scanner.take_word("const") {
            qualifiers.push(TypeRef::constant as fn(TypeRef) -> TypeRef);
        } else if scanner.take_word("volatile") {
            qualifiers.push(|inner| TypeRef::Volatile(Box::new(inner)));
        } else {
            break;
        }
        if qualifiers.len() > 4 {
            return Err(scanner.error("too many qualifiers"));
        }
    }
    let mut ty = unqualified(scanner)?;
    while let Some(qualify) = qualifiers.pop() {
        ty = qualify(ty);
    }
    Ok(ty)
}

fn unqualified(scanner: &mut Scanner<'_>) -> Result<TypeRef, SpecError> {
    for tag in [Tag::Struct, Tag::Union, Tag::Enum] {
        if scanner.take_word(tag.word()) {
            return Ok(TypeRef::Named(tag, scanner.name()?));
        }
    }
    if let Some(ty) = c_integer(scanner) {
        return Ok(ty);
    }
    let name = scanner.name()?;
    Ok(by_name(&name).unwrap_or(TypeRef::Named(Tag::Name, name)))
}

/// The types that C spells with several words: `long unsigned int`.
fn c_integer(scanner: &mut Scanner<'_>) -> Option<TypeRef> {
    const WORDS: [&str; 8] =
        ["unsigned", "signed", "short", "long", "int", "char", "double", "float"];
    let mut counts = [0u8; 8];
    let mut any = false;
    while let Some(index) = WORDS.iter().position(|word| scanner.take_word(word)) {
        counts[index] = counts[index].saturating_add(1);
        any = true;
    }
    let [unsigned, signed, short, long, _int, char, double, float] = counts;
    if !any {
        return None;
    }
    let bytes = match (char, short, long) {
        _ if float > 0 => return Some(TypeRef::Float(4)),
        _ if double > 0 => return Some(TypeRef::Float(if long > 0 { 16 } else { 8 })),
        (1.., _, _) if unsigned == 0 && signed == 0 => return Some(TypeRef::Char),
        (1.., _, _) => 1,
        (_, 1.., _) => 2,
        (_, _, 1..) => 8,
        (0, 0, 0) => 4,
    };
    Some(TypeRef::int(bytes, unsigned == 0))
}

/// Integers by the names that C libraries, kernels and this form give them.
fn by_name(name: &str) -> Option<TypeRef> {
    let ty = match name {
        "void" => TypeRef::Void,
        "bool" | "_Bool" => TypeRef::Bool,
        "f32" => TypeRef::Float(4),
        "f64" => TypeRef::Float(8),
        "f128" => TypeRef::Float(16),
        "u8" | "__u8" | "uint8_t" => TypeRef::int(1, false),
        "u16" | "__u16" | "uint16_t" | "__be16" | "__le16" => TypeRef::int(2, false),
        "u32" | "__u32" | "uint32_t" | "__be32" | "__le32" => TypeRef::int(4, false),
        "u64" | "__u64" | "uint64_t" | "size_t" | "__be64" | "__le64" => TypeRef::int(8, false),
        "u128" | "__uint128_t" => TypeRef::int(16, false),
        "i8" | "s8" | "__s8" | "int8_t" => TypeRef::int(1, true),
        "i16" | "s16" | "__s16" | "int16_t" => TypeRef::int(2, true),
        "i32" | "s32" | "__s32" | "int32_t" => TypeRef::int(4, true),
        "i64" | "s64" | "__s64" | "int64_t" | "ssize_t" | "loff_t" => TypeRef::int(8, true),
        "i128" | "__int128" | "__int128_t" => TypeRef::int(16, true),
        _ => return None,
    };
    Some(ty)
}
