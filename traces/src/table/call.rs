//! System calls as rows.

use serde_json::{Value, json};

use super::RowError;
use super::mistake::shown;
use super::value::{
    Object, bytes, read_bytes, read_signed, read_unsigned, take, take_marks, take_signed,
    take_text, take_u16, take_u32, take_u64, wide,
};
use crate::calls::{ArgKind, CallNr, CallSpec, OutField, Shape};
use crate::record::{self, CallFlags, CallRecord, CallRef, ValueRef};

pub(super) fn call(call: &CallRef<'_>, row: &mut Object) {
    let spec = call.nr.spec();
    let named = spec.filter(|spec| spec.args.len() == call.args.len());
    let args = match named {
        Some(spec) => {
            let pairs = spec.args.iter().zip(call.args.iter());
            let named = pairs
                .map(|((name, kind), value)| ((*name).to_owned(), argument(Some(*kind), value)));
            Value::Object(named.collect())
        }
        None => Value::Array(call.args.iter().map(|value| argument(None, value)).collect()),
    };
    let out: Vec<Value> = call
        .out
        .iter()
        .map(|(field, value)| json!([field.to_string(), argument(field.kind(), value)]))
        .collect();
    let mut put = |key: &str, value: Value| row.insert(key.to_owned(), value);
    put("seq_send", wide(call.seq_send));
    put("seq_reply", wide(call.seq_reply));
    put("time_ns", wide(call.time_ns));
    put("duration_ns", wide(call.duration_ns));
    put("pid", call.client.into());
    put("call", call.nr.to_string().into());
    put("flags", call.flags.to_string().into());
    put("result", wide_signed(call.result));
    put("errno", call.errno.into());
    put("args", args);
    put("out", if out.is_empty() { Value::Null } else { Value::Array(out) });
    put("line", if call.source_line == 0 { Value::Null } else { wide(call.source_line) });
}

/// A result may be a file offset, beyond what other readers keep exactly.
fn wide_signed(number: i64) -> Value {
    const EXACT_MAX: u64 = 1 << 53;
    if number.unsigned_abs() <= EXACT_MAX { number.into() } else { number.to_string().into() }
}

/// A value in the plain form of its kind; in any other form with a word that says which.
fn argument(kind: Option<ArgKind>, value: ValueRef<'_>) -> Value {
    let shape = kind.map(ArgKind::shape);
    match value {
        ValueRef::Int(number) if shape == Some(Shape::Int) => number.to_string().into(),
        ValueRef::UInt(number) if shape == Some(Shape::UInt) => wide(number),
        ValueRef::Bytes(data) if shape == Some(Shape::Bytes) => bytes(data),
        ValueRef::Int(number) => json!({ "int": number.to_string() }),
        ValueRef::UInt(number) => json!({ "uint": wide(number) }),
        ValueRef::Bytes(data) => json!({ "bytes": bytes(data) }),
    }
}

fn read_argument(
    key: &str,
    kind: Option<ArgKind>,
    value: &Value,
) -> Result<record::Value, RowError> {
    let wrong = || {
        let what = match kind.map(ArgKind::shape) {
            Some(Shape::Int) => "a number",
            Some(Shape::UInt) => "a number without a sign",
            Some(Shape::Bytes) => "text or {\"hex\": \"...\"}",
            None => "an object with int, uint or bytes",
        };
        RowError::new(key, format!("expected {what}, found {}", shown(value)))
    };
    if let Value::Object(object) = value {
        let form = object.iter().next().filter(|_| object.len() == 1);
        match form.map(|(form, value)| (form.as_str(), value)) {
            Some(("int", value)) => {
                return read_signed(value).map(record::Value::Int).ok_or_else(wrong);
            }
            Some(("uint", value)) => {
                return read_unsigned(value).map(record::Value::UInt).ok_or_else(wrong);
            }
            Some(("bytes", value)) => return Ok(record::Value::Bytes(read_bytes(key, value)?)),
            _ => {}
        }
    }
    match kind.map(ArgKind::shape) {
        Some(Shape::Int) => read_signed(value).map(record::Value::Int).ok_or_else(wrong),
        Some(Shape::UInt) => read_unsigned(value).map(record::Value::UInt).ok_or_else(wrong),
        Some(Shape::Bytes) => Ok(record::Value::Bytes(read_bytes(key, value)?)),
        None => Err(wrong()),
    }
}

pub(super) fn read_call(row: &mut Object) -> Result<CallRecord, RowError> {
    let word = take_text(row, "call")?;
    let number = || word.strip_prefix("call#")?.parse().ok().map(CallNr);
    let nr = CallSpec::by_name(&word)
        .map(|spec| spec.nr)
        .or_else(number)
        .ok_or_else(|| RowError::new("call", format!("no call is called {word:?}")))?;
    let marks = CallFlags::NAMES.iter().map(|(flag, name)| (flag.0, *name)).collect::<Vec<_>>();
    Ok(CallRecord {
        seq_send: take_u64(row, "seq_send")?,
        seq_reply: take_u64(row, "seq_reply")?,
        time_ns: take_u64(row, "time_ns")?,
        duration_ns: take_u64(row, "duration_ns")?,
        client: take_u32(row, "pid")?,
        nr,
        flags: CallFlags(take_marks(row, &marks)?),
        args: read_args(nr, take(row, "args"))?,
        result: take_signed(row, "result")?,
        errno: take_u16(row, "errno")?,
        out: read_out(take(row, "out"))?,
        source_line: take_u64(row, "line")?,
    })
}

fn read_args(nr: CallNr, value: Option<Value>) -> Result<Vec<record::Value>, RowError> {
    let kinds = nr.spec().map_or(&[][..], |spec| spec.args);
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) => {
            let kind = |index: usize| kinds.get(index).map(|(_, kind)| *kind);
            values
                .iter()
                .enumerate()
                .map(|(index, value)| read_argument("args", kind(index), value))
                .collect()
        }
        Some(Value::Object(mut object)) => {
            let mut args = Vec::with_capacity(kinds.len());
            for (name, kind) in kinds {
                let value = object.remove(*name).ok_or_else(|| {
                    RowError::new("args", format!("{nr} needs the argument {name:?}"))
                })?;
                args.push(read_argument("args", Some(*kind), &value)?);
            }
            match object.keys().next() {
                Some(name) => Err(RowError::new("args", format!("{nr} has no argument {name:?}"))),
                None => Ok(args),
            }
        }
        Some(other) => {
            Err(RowError::new("args", format!("expected an object, found {}", shown(&other))))
        }
    }
}

fn read_out(value: Option<Value>) -> Result<Vec<(OutField, record::Value)>, RowError> {
    let wrong = || RowError::new("out", "expected a list of [name, value]");
    let pairs = match value {
        None => return Ok(Vec::new()),
        Some(Value::Array(pairs)) => pairs,
        Some(_) => return Err(wrong()),
    };
    let mut out = Vec::with_capacity(pairs.len());
    for pair in &pairs {
        let [Value::String(name), value] = pair.as_array().map_or(&[][..], Vec::as_slice) else {
            return Err(wrong());
        };
        let number = || name.strip_prefix("out#")?.parse().ok().map(OutField);
        let field = OutField::from_name(name)
            .or_else(number)
            .ok_or_else(|| RowError::new("out", format!("no output is called {name:?}")))?;
        out.push((field, read_argument("out", field.kind(), value)?));
    }
    Ok(out)
}
