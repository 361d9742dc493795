//! Bodies of requests and replies: an object of named fields where the table knows the struct.

use serde_json::{Value, json};

use super::RowError;
use super::mistake::shown;
use super::value::{Object, bytes, hex, read_bytes, read_unsigned, wide};
use crate::ops::{Layout, Segment, number};

/// A body as JSON; null for an empty one.
pub(super) fn body(layouts: &'static [Layout], body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    let Some((layout, parts)) = Layout::find(layouts, body) else {
        return json!({ "hex": hex(body) });
    };
    let mut object = Object::new();
    if !layout.tag.is_empty() {
        object.insert("layout".to_owned(), Value::from(layout.tag));
    }
    let mut names = Vec::new();
    for (segment, part) in layout.segments.iter().zip(parts) {
        match segment {
            Segment::Field(field) if field.width == 8 => {
                object.insert(field.name.to_owned(), wide(number(part)));
            }
            Segment::Field(field) => {
                object.insert(field.name.to_owned(), Value::from(number(part)));
            }
            Segment::Name | Segment::Attribute => names.push(bytes(part)),
            Segment::Rest if part.is_empty() => {}
            Segment::Rest => {
                object.insert("rest".to_owned(), bytes(part));
            }
        }
    }
    if !names.is_empty() {
        object.insert("names".to_owned(), Value::Array(names));
    }
    Value::Object(object)
}

/// Reads a body.
pub(super) fn read_body(
    key: &str,
    layouts: &'static [Layout],
    value: Option<Value>,
) -> Result<Vec<u8>, RowError> {
    let mut object = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(object)) => object,
        Some(other) => {
            return Err(RowError::new(key, format!("expected an object, found {}", shown(&other))));
        }
    };
    if object.len() == 1 && object.contains_key("hex") {
        return read_bytes(key, &Value::Object(object));
    }
    let tag = match object.remove("layout") {
        None => String::new(),
        Some(Value::String(tag)) => tag,
        Some(other) => {
            return Err(RowError::new(key, format!("layout {} is no name", shown(&other))));
        }
    };
    let layout = layouts.iter().find(|layout| layout.tag == tag).ok_or_else(|| {
        RowError::new(key, "this operation has no such body; write bytes as {\"hex\": \"...\"}")
    })?;
    let names = match object.remove("names") {
        None => Vec::new(),
        Some(Value::Array(names)) => names,
        Some(_) => return Err(RowError::new(key, "names are a list")),
    };
    let out = fill(key, layout, &mut object, names)?;
    match object.keys().next() {
        Some(unknown) => Err(RowError::new(key, format!("the struct has no field {unknown:?}"))),
        None => Ok(out),
    }
}

fn fill(
    key: &str,
    layout: &Layout,
    object: &mut Object,
    names: Vec<Value>,
) -> Result<Vec<u8>, RowError> {
    let mut names = names.into_iter();
    let mut out = Vec::new();
    for segment in layout.segments {
        match segment {
            Segment::Field(field) => {
                let value = object.remove(field.name).unwrap_or(Value::from(0));
                let number = read_unsigned(&value).map(u64::to_le_bytes);
                let fits =
                    number.filter(|bytes| bytes[field.width..].iter().all(|byte| *byte == 0));
                let number = fits.ok_or_else(|| {
                    let what = format!("a number of {} bytes", field.width);
                    RowError::new(
                        key,
                        format!("field {}: expected {what}, found {}", field.name, shown(&value)),
                    )
                })?;
                out.extend_from_slice(&number[..field.width]);
            }
            Segment::Name | Segment::Attribute => {
                let name = names.next().ok_or_else(|| RowError::new(key, "a name is missing"))?;
                let name = read_bytes(key, &name)?;
                if name.is_empty() || name.contains(&0) {
                    return Err(RowError::new(key, "a name is empty or has a zero byte"));
                }
                out.extend_from_slice(&name);
                out.push(0);
            }
            Segment::Rest => {
                if let Some(rest) = object.remove("rest") {
                    out.extend_from_slice(&read_bytes(key, &rest)?);
                }
            }
        }
    }
    match names.next() {
        Some(name) => Err(RowError::new(key, format!("a name too many: {}", shown(&name)))),
        None => Ok(out),
    }
}
