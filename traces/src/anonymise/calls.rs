//! System calls: each argument and output by the kind that its table gives it.

use super::{AnonymiseError, Mapper};
use crate::calls::{ArgKind, CallNr, CallSpec, OutField, Shape};
use crate::record::{CallRecord, Value};

/// `UTIME_NOW` and `UTIME_OMIT`: the seconds beside them mean nothing.
const UTIME_SPECIAL: [i64; 2] = [0x3fff_ffff, 0x3fff_fffe];

pub(super) fn call(mapper: &mut Mapper, call: &CallRecord) -> Result<CallRecord, AnonymiseError> {
    let spec = CallSpec::by_nr(call.nr)
        .ok_or(AnonymiseError::UnknownCall { seq: call.seq_send, number: call.nr.0 })?;
    let mut args = Vec::with_capacity(call.args.len());
    for (index, value) in call.args.iter().enumerate() {
        let row = spec.args.get(index);
        let made = match row {
            Some((name, kind)) => argument(mapper, call, spec, index, *kind, value)
                .ok_or_else(|| unknown(call, name))?,
            None if value.as_bytes().is_none() => value.clone(),
            None => return Err(unknown(call, "an argument too many")),
        };
        args.push(made);
    }
    let mut out = Vec::with_capacity(call.out.len());
    for (field, value) in &call.out {
        let made = output(mapper, call, spec, *field, value)
            .ok_or_else(|| unknown(call, &field.to_string()))?;
        out.push((*field, made));
    }
    let result = match (call.nr, u32::try_from(call.result)) {
        (CallNr::FORK, Ok(child)) => i64::from(mapper.client(child)),
        _ => call.result,
    };
    Ok(CallRecord { client: mapper.client(call.client), args, out, result, ..call.clone() })
}

fn unknown(call: &CallRecord, place: &str) -> AnonymiseError {
    let place = format!("{place} of {}", call.nr);
    AnonymiseError::UnknownBytes { seq: call.seq_send, place }
}

/// The argument as it may be shown; none when it is not what the table says.
fn argument(
    mapper: &mut Mapper,
    call: &CallRecord,
    spec: &CallSpec,
    index: usize,
    kind: ArgKind,
    value: &Value,
) -> Option<Value> {
    let Value::Bytes(bytes) = value else {
        // Seconds beside `UTIME_NOW` are no time.
        let special = kind == ArgKind::Seconds
            && call.args.get(index + 1).and_then(Value::as_int).is_some_and(is_special);
        return Some(if special { value.clone() } else { number(mapper, kind, value) });
    };
    if kind.shape() != Shape::Bytes {
        return None;
    }
    let named = |name: &str| {
        let at = spec.arg_index(name)?;
        call.args.get(at)?.as_bytes().map(<[u8]>::to_vec)
    };
    let made = match (kind, call.nr) {
        (ArgKind::Path, _) | (ArgKind::Data, CallNr::SYMLINKAT) => mapper.path(bytes),
        (ArgKind::Name, _) => mapper.attribute(bytes),
        (ArgKind::Data, CallNr::SETXATTRAT) => {
            let name = named("name").unwrap_or_default();
            mapper.attribute_value(&name, bytes)
        }
        (ArgKind::Data, CallNr::SETGROUPS) => groups(mapper, bytes),
        _ => mapper.data(bytes),
    };
    Some(Value::Bytes(made))
}

fn is_special(nanoseconds: i64) -> bool {
    UTIME_SPECIAL.contains(&nanoseconds)
}

/// A number of that kind.
fn number(mapper: &mut Mapper, kind: ArgKind, value: &Value) -> Value {
    let with = |new: i64| match value {
        Value::UInt(_) => u64::try_from(new).map_or_else(|_| value.clone(), Value::UInt),
        _ => Value::Int(new),
    };
    let Some(number) = value.as_int() else { return value.clone() };
    match kind {
        ArgKind::Uid | ArgKind::Gid => match u32::try_from(number) {
            Ok(id) => with(i64::from(mapper.id(id))),
            Err(_) => value.clone(),
        },
        ArgKind::Seconds => with(mapper.seconds(number)),
        ArgKind::Client => match u32::try_from(number) {
            Ok(client) => with(i64::from(mapper.client(client))),
            Err(_) => value.clone(),
        },
        _ => value.clone(),
    }
}

/// Supplementary groups, four bytes each.
fn groups(mapper: &mut Mapper, bytes: &[u8]) -> Vec<u8> {
    let mut made = Vec::with_capacity(bytes.len());
    for group in bytes.chunks(4) {
        match <[u8; 4]>::try_from(group) {
            Ok(group) => made.extend(mapper.id(u32::from_le_bytes(group)).to_le_bytes()),
            Err(_) => made.extend(vec![0; group.len()]),
        }
    }
    made
}

fn output(
    mapper: &mut Mapper,
    call: &CallRecord,
    spec: &CallSpec,
    field: OutField,
    value: &Value,
) -> Option<Value> {
    let Value::Bytes(bytes) = value else {
        return Some(match field {
            // Which device it was, and how large: nothing that a replay compares.
            OutField::DEV => Value::UInt(1),
            OutField::F_BLOCKS | OutField::F_BFREE | OutField::F_BAVAIL => Value::UInt(0),
            OutField::F_FILES | OutField::F_FFREE => Value::UInt(0),
            OutField::LOCK_PID => number(mapper, ArgKind::Client, value),
            _ => number(mapper, field.kind().unwrap_or(ArgKind::Int), value),
        });
    };
    let made = match field {
        OutField::DATA => match call.nr {
            CallNr::GETXATTRAT => {
                let at = spec.arg_index("name")?;
                let name = call.args.get(at).and_then(Value::as_bytes).unwrap_or_default().to_vec();
                mapper.attribute_value(&name, bytes)
            }
            CallNr::LISTXATTRAT => mapper.attributes(bytes),
            CallNr::READLINKAT => mapper.path(bytes),
            _ => mapper.data(bytes),
        },
        OutField::NAME => mapper.component(bytes),
        OutField::TARGET | OutField::PATH => mapper.path(bytes),
        _ => return None,
    };
    Some(Value::Bytes(made))
}
