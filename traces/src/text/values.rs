//! Arguments and outputs of system calls, as their kinds are read.

use super::cursor::{Cursor, signed, unsigned};
use super::error::Mistake;
use super::literal::{put_bytes, put_quoted};
use crate::calls::{ArgKind, Shape};
use crate::record::{Value, ValueRef};

const AT_FDCWD: i64 = -100;
/// `UTIME_NOW` and `UTIME_OMIT` of utimensat(2).
const TIME_NAMES: [(i64, &str); 2] = [(0x3fff_ffff, "UTIME_NOW"), (0x3fff_fffe, "UTIME_OMIT")];

/// Appends a value; one whose form is not that of its kind carries the form in front.
pub(super) fn put_value(out: &mut String, kind: Option<ArgKind>, value: ValueRef<'_>) {
    let shape = kind.map(ArgKind::shape);
    match (value, kind) {
        (ValueRef::Int(number), Some(kind)) if shape == Some(Shape::Int) => {
            put_int(out, kind, number);
        }
        (ValueRef::Int(number), _) => out.push_str(&format!("i:{number}")),
        (ValueRef::UInt(number), Some(kind)) if shape == Some(Shape::UInt) => {
            put_uint(out, kind, number);
        }
        (ValueRef::UInt(number), _) => out.push_str(&format!("u:{number}")),
        (ValueRef::Bytes(bytes), Some(ArgKind::Path | ArgKind::Name)) => put_quoted(out, bytes),
        (ValueRef::Bytes(bytes), _) => put_bytes(out, bytes),
    }
}

fn put_int(out: &mut String, kind: ArgKind, number: i64) {
    let name = match kind {
        ArgKind::DirFd if number == AT_FDCWD => Some("AT_FDCWD"),
        ArgKind::Nanoseconds => {
            TIME_NAMES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
        }
        _ => None,
    };
    match (name, kind.flags()) {
        (Some(name), _) => out.push_str(name),
        (None, Some(table)) => out.push_str(&table.format(number.cast_unsigned())),
        (None, None) => out.push_str(&number.to_string()),
    }
}

fn put_uint(out: &mut String, kind: ArgKind, number: u64) {
    let text = match (kind, kind.flags()) {
        (_, Some(table)) => table.format(number),
        (ArgKind::Mode, None) if number != 0 => format!("0{number:o}"),
        (ArgKind::Hex | ArgKind::Device, None) => format!("{number:#x}"),
        (_, None) => number.to_string(),
    };
    out.push_str(&text);
}

/// Reads a value.
pub(super) fn value(cursor: &mut Cursor<'_>, kind: Option<ArgKind>) -> Result<Value, Mistake> {
    const STOPS: &[char] = &[',', ')', '}', ' '];
    if cursor.at_literal() {
        return Ok(Value::Bytes(cursor.literal()?));
    }
    if cursor.eat("i:") {
        return cursor
            .parsed(STOPS, "a signed number after i:", |word| signed(word).map(Value::Int));
    }
    if cursor.eat("u:") {
        return cursor
            .parsed(STOPS, "an unsigned number after u:", |word| unsigned(word).map(Value::UInt));
    }
    let Some(kind) = kind else {
        return Err(cursor.mistake("expected i:NUMBER, u:NUMBER or bytes: the kind is not known"));
    };
    cursor.parsed(STOPS, kind_hint(kind), |word| match kind.shape() {
        Shape::Int => int(kind, word).map(Value::Int),
        Shape::UInt => match kind.flags() {
            Some(table) => table.parse(word).map(Value::UInt),
            None => unsigned(word).map(Value::UInt),
        },
        Shape::Bytes => None,
    })
}

fn int(kind: ArgKind, word: &str) -> Option<i64> {
    match kind {
        ArgKind::DirFd if word == "AT_FDCWD" => return Some(AT_FDCWD),
        ArgKind::Nanoseconds => {
            let named = TIME_NAMES.iter().find(|(_, name)| *name == word);
            if let Some((number, _)) = named {
                return Some(*number);
            }
        }
        _ => {}
    }
    if let Some(table) = kind.flags() {
        return table.parse(word).map(u64::cast_signed);
    }
    signed(word)
}

fn kind_hint(kind: ArgKind) -> &'static str {
    match kind.shape() {
        Shape::Bytes => "bytes in quotes",
        _ if kind.flags().is_some() => "flag names or numbers joined by |",
        Shape::Int => "a number",
        Shape::UInt => "a number without a sign",
    }
}
