//! Conditions against the arguments of a call, and bytes on the wire as such arguments.

use fuserig_abi::{AbiTable, Arg, ArgKind, BufferFlags, CallArgs, Dir, MemoryKind, Op, StructArg};
use fuserig_abi::{FuseBuffer, OperationArgRow};

use super::model::Condition;

/// What keeps the arguments from meeting the conditions, or none.
pub(super) fn unmet(table: &AbiTable, args: &CallArgs, conditions: &[Condition]) -> Option<String> {
    conditions.iter().find_map(|condition| match condition {
        Condition::Field { path, value } => {
            let path = path_of(path);
            match args.field(table, &path) {
                None => Some(format!("there is no field {path}")),
                Some(found) if same_number(found, *value) => None,
                Some(found) => Some(format!("{path} is {found}, not {value}")),
            }
        }
        Condition::Bytes { name, value } => match buffer_bytes(table, args, name) {
            None => Some(format!("there is no buffer {name}")),
            Some(found) if without_nul(&found) == without_nul(value) => None,
            Some(found) => Some(format!(
                "{name} is \"{}\", not \"{}\"",
                found.escape_ascii(),
                value.escape_ascii()
            )),
        },
    })
}

/// `error_in` is meta's; a file may write it alone.
pub(super) fn path_of(path: &str) -> String {
    match path {
        "error_in" | "nodeid" | "opcode" => format!("meta.{path}"),
        _ => path.to_owned(),
    }
}

/// A negative number in a file equals an unsigned field of 32 bits that holds it.
fn same_number(found: u64, wanted: u64) -> bool {
    found == wanted || (found <= u64::from(u32::MAX) && found == u64::from(wanted as u32))
}

fn without_nul(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\0").unwrap_or(bytes)
}

/// The bytes of a buffer as a filter's read-only dynptr shows them.
fn buffer_bytes(table: &AbiTable, args: &CallArgs, name: &str) -> Option<Vec<u8>> {
    let buffer = args.arg_named(table, name)?.as_buffer()?;
    let dynptr = buffer.get_ro_dynptr(&args.arena);
    let mut bytes = vec![0; buffer.return_len().min(1 << 20) as usize];
    if bytes.is_empty() {
        return Some(bytes);
    }
    (dynptr.read(&args.arena, &mut bytes, 0, 0).code == 0).then_some(bytes)
}

/// The arguments that a request's body holds: structs in full; of names that are not last,
/// everything up to their NUL; the rest in the last buffer. What is missing stays absent.
pub(super) fn arguments_of(table: &AbiTable, op: Op, body: &[u8], with_outs: bool) -> CallArgs {
    let mut args = CallArgs::new(op);
    let row = table.operation(op);
    let outs = if with_outs { row.args(Dir::Out) } else { &[] };
    let all: Vec<(Dir, &OperationArgRow)> = row
        .args(Dir::In)
        .iter()
        .map(|arg| (Dir::In, arg))
        .chain(outs.iter().map(|arg| (Dir::Out, arg)))
        .collect();
    let mut rest = body;
    for (place, (dir, row)) in all.iter().enumerate() {
        let last = all[place + 1..].iter().all(|(_, row)| row.kind != ArgKind::Buffer);
        let behind: usize = all[place + 1..].iter().map(|(_, row)| row.size as usize).sum();
        let length = match row.kind {
            ArgKind::Buffer if last => rest.len().saturating_sub(behind),
            ArgKind::Buffer => {
                rest.iter().position(|&byte| byte == 0).map_or(rest.len(), |nul| nul + 1)
            }
            _ => row.size as usize,
        };
        let Some((head, tail)) = rest.split_at_checked(length) else { break };
        let arg = argument(&mut args, row, head);
        match dir {
            Dir::In => args.push_in(arg),
            Dir::Out => args.push_out(arg),
        }
        rest = tail;
    }
    args
}

fn argument(args: &mut CallArgs, row: &OperationArgRow, bytes: &[u8]) -> Arg {
    if row.kind == ArgKind::Buffer {
        let length = u32::try_from(bytes.len()).expect("a request is far below 4 GiB");
        let memory = args.arena.insert(MemoryKind::Page, "wire", bytes, length);
        return Arg::Buffer(FuseBuffer {
            data: Some(memory),
            size: length,
            alloc_size: length,
            max_size: length,
            ..FuseBuffer::default()
        });
    }
    let mut value = StructArg::zeroed(bytes.len());
    value.bytes_mut().copy_from_slice(bytes);
    Arg::Struct(value)
}

/// The body made of the arguments of one direction, after the changes of a `daemon` line. The
/// error names the change that does not fit.
pub(super) fn body_of(
    table: &AbiTable,
    args: &mut CallArgs,
    dir: Dir,
    changes: &[Condition],
) -> Result<Vec<u8>, String> {
    for change in changes {
        match change {
            Condition::Field { path, value } => {
                let path = path_of(path);
                if !args.set_field(table, &path, *value) {
                    return Err(format!("the reply has no field {path}"));
                }
            }
            Condition::Bytes { name, value } => {
                let place = table.operation(args.op).arg_position(name);
                let Some((_, index)) = place.filter(|(side, _)| *side == dir) else {
                    return Err(format!("the reply has no buffer {name}"));
                };
                let length = u32::try_from(value.len()).map_err(|error| error.to_string())?;
                let memory = args.arena.insert(MemoryKind::Page, "wire", value, length);
                let Some(Arg::Buffer(buffer)) = args.arg_mut(dir, index) else {
                    return Err(format!("the reply has no buffer {name}"));
                };
                buffer.data = Some(memory);
                buffer.size = length;
            }
        }
    }
    let count = match dir {
        Dir::In => args.in_count - usize::from(last_is_immutable(table, args)),
        Dir::Out => args.out_count,
    };
    let mut body = Vec::new();
    for index in 0..count {
        if let Some(arg) = args.arg(dir, index) {
            let bytes = arg.wire_bytes(&args.arena).map_err(|fault| fault.to_string())?;
            body.extend_from_slice(bytes);
        }
    }
    Ok(body)
}

/// A PREFILTER reply leaves out the last argument when it is an IMMUTABLE buffer (2.6).
fn last_is_immutable(table: &AbiTable, args: &CallArgs) -> bool {
    let row = table.operation(args.op);
    let last = args.in_count.checked_sub(1).and_then(|last| row.args(Dir::In).get(last));
    let buffer = last.and_then(|last| row.buffer(&last.name));
    buffer.is_some_and(|buffer| buffer.initial_flags.contains(BufferFlags::IMMUTABLE))
}

/// Out arguments that are all zero and buffers that are empty: the start of an ordinary reply.
pub(super) fn zeroed_outs(table: &AbiTable, op: Op) -> CallArgs {
    let mut args = CallArgs::new(op);
    for row in table.operation(op).args(Dir::Out) {
        let zeros = vec![0; row.size as usize];
        let arg = argument(&mut args, row, &zeros);
        args.push_out(arg);
    }
    args
}
