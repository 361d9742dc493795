//! Bodies of requests and replies: as named fields where the table knows the struct.

use super::cursor::Cursor;
use super::error::Mistake;
use super::literal::{put_bytes, put_quoted};
use crate::ops::{FieldKind, Layout, Segment, number};

/// Appends a space and the body; nothing for an empty one.
pub(super) fn put_body(out: &mut String, layouts: &'static [Layout], body: &[u8]) {
    if body.is_empty() {
        return;
    }
    out.push(' ');
    let Some((layout, parts)) = Layout::find(layouts, body) else {
        put_bytes(out, body);
        return;
    };
    out.push_str(layout.tag);
    let pairs = || layout.segments.iter().zip(&parts);
    let mut separator = "";
    if layout.has_fields() {
        out.push('{');
        for (segment, part) in pairs() {
            let Segment::Field(field) = segment else { continue };
            let value = number(part);
            if value != 0 {
                out.push_str(separator);
                out.push_str(field.name);
                out.push('=');
                put_field(out, field.kind, value);
                separator = " ";
            }
        }
        out.push('}');
        separator = " ";
    }
    for (segment, part) in pairs() {
        match segment {
            Segment::Field(_) => {}
            Segment::Name | Segment::Attribute => {
                out.push_str(separator);
                put_quoted(out, part);
                separator = " ";
            }
            Segment::Rest if part.is_empty() => {}
            Segment::Rest => {
                out.push_str(separator);
                put_bytes(out, part);
            }
        }
    }
}

fn put_field(out: &mut String, kind: FieldKind, value: u64) {
    match kind {
        FieldKind::Hexadecimal | FieldKind::Owner => out.push_str(&format!("{value:#x}")),
        FieldKind::Octal => out.push_str(&format!("0{value:o}")),
        FieldKind::Decimal
        | FieldKind::Node
        | FieldKind::Handle
        | FieldKind::Unique
        | FieldKind::Time => out.push_str(&value.to_string()),
    }
}

/// Reads a space and a body, if there is one.
pub(super) fn body(
    cursor: &mut Cursor<'_>,
    layouts: &'static [Layout],
) -> Result<Vec<u8>, Mistake> {
    let begins = |layout: &Layout, rest: &str| {
        let rest = rest.strip_prefix(layout.tag);
        rest.is_some_and(|rest| rest.starts_with(if layout.has_fields() { '{' } else { '"' }))
    };
    let Some(rest) = cursor.rest().strip_prefix(' ') else { return Ok(Vec::new()) };
    if let Some(layout) = layouts.iter().find(|layout| begins(layout, rest)) {
        cursor.expect(" ")?;
        cursor.expect(layout.tag)?;
        return typed(cursor, layout);
    }
    if rest.starts_with("b\"") || rest.starts_with("x\"") {
        cursor.expect(" ")?;
        return cursor.literal();
    }
    if rest.starts_with(['{', '"']) {
        return Err(cursor.mistake("this operation has no such body; write bytes as x\"...\""));
    }
    Ok(Vec::new())
}

fn typed(cursor: &mut Cursor<'_>, layout: &Layout) -> Result<Vec<u8>, Mistake> {
    let mut given: Vec<(usize, &str, u64)> = Vec::new();
    if layout.has_fields() {
        cursor.expect("{")?;
        while !cursor.eat("}") {
            if !given.is_empty() {
                cursor.expect(" ")?;
            }
            let at = cursor.at();
            let name = cursor.until(&['=', ' ', '}']);
            cursor.expect("=")?;
            given.push((at, name, cursor.number(&[' ', '}'], "a number")?));
        }
    }
    let mut bytes = Vec::new();
    let mut first = !layout.has_fields();
    for segment in layout.segments {
        match segment {
            Segment::Field(field) => {
                let place = given.iter().position(|(_, name, _)| *name == field.name);
                let (at, _, value) = place.map_or((0, "", 0), |place| given.swap_remove(place));
                let value = value.to_le_bytes();
                if value[field.width..].iter().any(|&byte| byte != 0) {
                    let what = format!("expected a number of {} bytes", field.width);
                    return Err(cursor.mistake_at(at, what));
                }
                bytes.extend_from_slice(&value[..field.width]);
            }
            Segment::Name | Segment::Attribute => {
                if !core::mem::take(&mut first) {
                    cursor.expect(" ")?;
                }
                bytes.extend_from_slice(&cursor.quoted()?);
                bytes.push(0);
            }
            Segment::Rest => {
                let rest = cursor.rest();
                if rest.starts_with(" b\"") || rest.starts_with(" x\"") {
                    cursor.expect(" ")?;
                    bytes.extend_from_slice(&cursor.literal()?);
                }
            }
        }
    }
    match given.first() {
        Some((at, name, _)) => {
            Err(cursor.mistake_at(*at, format!("no field {name:?} here, or given twice")))
        }
        None => Ok(bytes),
    }
}
