//! Numbers and bytes as JSON.

use core::fmt::Write;

use serde_json::{Map, Value, json};

use super::RowError;
use super::mistake::shown;

/// A row while it is taken apart: what is left at the end is unknown.
pub(crate) type Object = Map<String, Value>;

/// A 64-bit number.
pub(super) fn wide(number: u64) -> Value {
    Value::String(number.to_string())
}

/// Bytes: text where they are UTF-8, else `{"hex": "..."}`.
pub(super) fn bytes(bytes: &[u8]) -> Value {
    match core::str::from_utf8(bytes) {
        Ok(text) => Value::String(text.to_owned()),
        Err(_) => json!({ "hex": hex(bytes) }),
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes everything");
    }
    text
}

/// Reads bytes: text, or `{"hex": "..."}`.
pub(super) fn read_bytes(key: &str, value: &Value) -> Result<Vec<u8>, RowError> {
    match value {
        Value::String(text) => Ok(text.as_bytes().to_vec()),
        Value::Object(object) if object.len() == 1 => match object.get("hex") {
            Some(Value::String(digits)) => unhex(digits)
                .ok_or_else(|| RowError::new(key, "expected pairs of hexadecimal digits")),
            _ => Err(RowError::new(key, "expected text or {\"hex\": \"...\"}")),
        },
        other => Err(RowError::new(
            key,
            format!("expected text or {{\"hex\": \"...\"}}, found {}", shown(other)),
        )),
    }
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// The largest number up to which a reader that knows only floating point rounds nothing.
const EXACT_MAX: u64 = 1 << 53;

/// A number without a fraction of zeros, which other tools put behind whole numbers (`3.0`).
fn whole(text: &str) -> &str {
    let zeros = |(_, fraction): &(&str, &str)| {
        !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0')
    };
    text.split_once('.').filter(zeros).map_or(text, |(number, _)| number)
}

/// Reads a number from a number or a string, decimal or with `0x`.
pub(super) fn read_unsigned(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let exact = whole(&number.to_string()).parse().ok();
            exact.filter(|number| *number <= EXACT_MAX)
        }),
        Value::String(text) => match text.strip_prefix("0x") {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                u64::from_str_radix(digits, 16).ok()
            }
            Some(_) => None,
            None => {
                let digits = whole(text);
                let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
                plain.then(|| digits.parse().ok()).flatten()
            }
        },
        _ => None,
    }
}

/// Reads a number with a sign.
pub(super) fn read_signed(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let exact: Option<i64> = whole(&number.to_string()).parse().ok();
            exact.filter(|number| number.unsigned_abs() <= EXACT_MAX)
        }),
        Value::String(text) => {
            let text = whole(text);
            let digits = text.strip_prefix('-').unwrap_or(text);
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| text.parse().ok()).flatten()
        }
        _ => None,
    }
}

/// Takes a number of a type out of a row; an absent one, an empty cell or null is 0.
pub(super) fn take_number<T>(row: &mut Object, key: &str, what: &str) -> Result<T, RowError>
where
    T: TryFrom<u64> + Default,
{
    let Some(value) = take(row, key) else { return Ok(T::default()) };
    let number = read_unsigned(&value).and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| {
        RowError::new(key, format!("expected a number {what}, found {}", shown(&value)))
    })
}

pub(super) fn take_u64(row: &mut Object, key: &str) -> Result<u64, RowError> {
    take_number(row, key, "below 2^64")
}

pub(super) fn take_u32(row: &mut Object, key: &str) -> Result<u32, RowError> {
    take_number(row, key, "below 2^32")
}

pub(super) fn take_u16(row: &mut Object, key: &str) -> Result<u16, RowError> {
    take_number(row, key, "below 2^16")
}

pub(super) fn take_signed(row: &mut Object, key: &str) -> Result<i64, RowError> {
    let Some(value) = take(row, key) else { return Ok(0) };
    read_signed(&value)
        .ok_or_else(|| RowError::new(key, format!("expected a number, found {}", shown(&value))))
}

pub(super) fn take_text(row: &mut Object, key: &str) -> Result<String, RowError> {
    match take(row, key) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(RowError::new(key, format!("expected text, found {}", shown(&other)))),
    }
}

pub(super) fn take_bytes(row: &mut Object, key: &str) -> Result<Vec<u8>, RowError> {
    match row.remove(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(value) => read_bytes(key, &value),
    }
}

/// Takes a value; null and the empty cells of a table count as absent.
pub(super) fn take(row: &mut Object, key: &str) -> Option<Value> {
    row.remove(key).filter(|value| !value.is_null() && value.as_str() != Some(""))
}

/// Marks joined by `|`: names of a table, or hexadecimal bits.
pub(super) fn take_marks(row: &mut Object, names: &[(u16, &'static str)]) -> Result<u16, RowError> {
    let text = take_text(row, "flags")?;
    let mut bits = 0;
    for word in text.split('|').filter(|word| !word.is_empty()) {
        let known = names.iter().find(|(_, name)| *name == word).map(|(bit, _)| *bit);
        let number = || u16::from_str_radix(word.strip_prefix("0x")?, 16).ok();
        bits |= known
            .or_else(number)
            .ok_or_else(|| RowError::new("flags", format!("no mark is called {word:?}")))?;
    }
    Ok(bits)
}
