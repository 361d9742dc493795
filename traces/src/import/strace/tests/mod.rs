//! Lines in, records out: tables of cases.

mod calls;
mod hostile;
mod lines;
mod processes;
mod shown;

use core::ops::ControlFlow;

use super::{ImportError, ImportReport, StraceOptions, import_strace};
use crate::calls::ArgKind;
use crate::record::{CallFlags, CallRecord, Value};

/// Imports a log below `/srv/work`.
fn import(log: &str) -> (Vec<CallRecord>, ImportReport) {
    try_import(log.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{log}"))
}

fn try_import(log: &[u8]) -> Result<(Vec<CallRecord>, ImportReport), ImportError> {
    let mut calls = Vec::new();
    let mut keep = |call| {
        calls.push(call);
        ControlFlow::Continue(())
    };
    let report = import_strace(log, &StraceOptions::new("/srv/work"), &mut keep)?;
    Ok((calls, report))
}

/// Puts lines together that are broken for the eye: a line that begins with a blank goes on.
fn unbroken(text: &str) -> String {
    let mut whole = String::new();
    for (index, line) in text.split('\n').enumerate() {
        let goes_on = index > 0 && line.starts_with(' ');
        whole.push_str(if goes_on {
            " "
        } else if index > 0 {
            "\n"
        } else {
            ""
        });
        whole.push_str(if goes_on { line.trim_start() } else { line });
    }
    whole
}

/// A record as `client name(args) = result ERRNO {outs} [marks]`.
fn show(call: &CallRecord) -> String {
    let spec = call.nr.spec().expect("the importer uses calls of the table");
    let args: Vec<String> =
        spec.args.iter().zip(&call.args).map(|((_, kind), arg)| value(*kind, arg)).collect();
    let mut text = format!("{} {}({}) = {}", call.client, spec.name, args.join(", "), call.result);
    if call.errno != 0 {
        text.push_str(&format!(" {}", fuserig_abi::Errno(i32::from(call.errno))));
    }
    if !call.out.is_empty() {
        let outs = call.out.iter().map(|(field, out)| {
            let kind = field.kind().expect("the importer uses fields of the table");
            format!("{field}={}", value(kind, out))
        });
        text.push_str(&format!(" {{{}}}", outs.collect::<Vec<_>>().join(" ")));
    }
    let marks = call.flags;
    if marks != CallFlags::default() {
        text.push_str(&format!(" [{marks}]"));
    }
    text
}

fn value(kind: ArgKind, value: &Value) -> String {
    match (kind, value) {
        (_, Value::Bytes(bytes)) => format!("\"{}\"", bytes.escape_ascii()),
        (ArgKind::DirFd, Value::Int(-100)) => "AT_FDCWD".to_owned(),
        (ArgKind::Mode, Value::UInt(mode)) => format!("{mode:#o}"),
        (ArgKind::Hex | ArgKind::Device, Value::UInt(number)) => format!("{number:#x}"),
        (kind, value) => match (kind.flags(), value.as_uint()) {
            (Some(flags), Some(bits)) => flags.format(bits),
            _ => value.as_int().map_or_else(|| format!("{value:?}"), |number| number.to_string()),
        },
    }
}

/// Every record of a log, one a line.
fn shown(log: &str) -> String {
    let (calls, _) = import(log);
    calls.iter().map(show).collect::<Vec<_>>().join("\n")
}
