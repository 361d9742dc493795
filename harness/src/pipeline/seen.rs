//! A sink that keeps what filters are shown: each call of a member with its arguments as they were
//! before and after, in words.
//!
//! It is for reports of few calls: every call costs as much text as it has fields. It judges
//! nothing, and hands every event on.

use core::fmt::Write as _;
use std::cell::RefCell;
use std::rc::Rc;

use fuserig_abi::{Abi, AbiTable, Arg, ArgKind, ArgRow, CallArgs, Opcode, Phase, Slot, code_label};

use super::{Event, Sink, What};
use crate::report::{Argument, FilterCall};

/// Bytes of an argument that are shown.
const BYTES_MAX: usize = 96;
/// Calls that are kept until somebody takes them.
const CALLS_MAX: usize = 4096;

/// The calls that were seen, shared between the sink and whoever takes them.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeenCalls(Rc<RefCell<Vec<FilterCall>>>);

impl SeenCalls {
    /// The calls since they were last taken, in order.
    pub(crate) fn take(&self) -> Vec<FilterCall> {
        core::mem::take(&mut self.0.borrow_mut())
    }
}

/// Keeps calls, and hands events on.
#[derive(Debug)]
pub(crate) struct SeeingSink<S> {
    pub(crate) inner: S,
    pub(crate) abi: Abi,
    pub(crate) seen: SeenCalls,
}

impl<S: Sink> Sink for SeeingSink<S> {
    fn event(&mut self, event: &Event<'_>) {
        self.inner.event(event);
        let calls = &mut *self.seen.0.borrow_mut();
        match event.what {
            What::Call { slot, args } if calls.len() < CALLS_MAX => {
                let arguments = arguments(self.abi, slot, args);
                let arguments = arguments.into_iter().map(|(name, before)| Argument {
                    name,
                    before,
                    ..Argument::default()
                });
                let (member, answer) = (slot.name().to_owned(), "does not return".to_owned());
                calls.push(FilterCall { member, answer, arguments: arguments.collect() });
            }
            What::Return { slot, code, args } => {
                let Some(call) = calls.last_mut().filter(|call| call.member == slot.name()) else {
                    return;
                };
                call.answer = code_label(self.abi, code);
                for (argument, (_, after)) in
                    call.arguments.iter_mut().zip(arguments(self.abi, slot, args))
                {
                    argument.after = after;
                }
            }
            _ => {}
        }
    }
}

/// A name, and the value and state of each argument that a member has.
fn arguments(abi: Abi, slot: Slot, args: &CallArgs) -> Vec<(String, [String; 2])> {
    let table = AbiTable::of(abi);
    let Some(row) = table.slot(slot) else { return Vec::new() };
    let mut all = Vec::new();
    for arg in &row.args {
        let shown = match (arg.kind, arg.dir) {
            (ArgKind::Meta, _) => {
                let meta = &args.meta;
                let phases: String = Phase::ALL
                    .into_iter()
                    .filter(|phase| meta.opcode & phase.bit() != 0)
                    .map(|phase| phase.suffix().replace('_', "|").to_uppercase())
                    .collect();
                let opcode = Phase::ALL.iter().fold(meta.opcode, |code, phase| code & !phase.bit());
                let mut text = format!("nodeid={} opcode={}{phases}", meta.nodeid, Opcode(opcode));
                for (name, error) in [("error_in", meta.error_in), ("error_out", meta.error_out)] {
                    if error != 0 {
                        let _infallible = write!(text, " {name}={}", error as i32);
                    }
                }
                [text, String::new()]
            }
            (_, Some(dir)) => match args.arg(dir, arg.position) {
                Some(value) => shown(table, arg, value, args),
                None => ["absent".to_owned(), String::new()],
            },
            (_, None) => [String::new(), String::new()],
        };
        all.push((arg.name.clone(), shown));
    }
    all
}

fn shown(table: &AbiTable, row: &ArgRow, value: &Arg, args: &CallArgs) -> [String; 2] {
    match value {
        Arg::None => ["absent".to_owned(), String::new()],
        Arg::Struct(structure) => {
            let mut text = String::new();
            fields(table, &row.type_name, structure.bytes(), &mut text);
            let text = if text.is_empty() { "all zero".to_owned() } else { text };
            [text, String::new()]
        }
        Arg::Buffer(buffer) => {
            let flags: Vec<String> =
                buffer.flags.iter_names().map(|(name, _)| name.to_lowercase()).collect();
            let mut state = format!(
                "size {}, allocated {}, at most {}",
                buffer.size, buffer.alloc_size, buffer.max_size
            );
            if !flags.is_empty() {
                let _infallible = write!(state, "; {}", flags.join(" "));
            }
            let bytes = match buffer.bytes(&args.arena) {
                Ok(bytes) => quoted(bytes),
                Err(_) if buffer.data.is_none() => "NULL".to_owned(),
                Err(fault) => fault.to_string(),
            };
            [bytes, state]
        }
    }
}

/// The fields of a struct that are not zero, those of structs within it by their path.
fn fields(table: &AbiTable, structure: &str, bytes: &[u8], out: &mut String) {
    let Some(found) = table.structure(structure) else { return };
    for field in &found.fields {
        let value = table.field_in(structure, &field.name).and_then(|at| at.read(bytes));
        match value {
            Some(0) => {}
            Some(value) => {
                let space = if out.is_empty() { "" } else { " " };
                let _infallible = match field.name.as_str() {
                    "mode" | "umask" => write!(out, "{space}{}=0{value:o}", field.name),
                    "flags" | "open_flags" | "valid" => {
                        write!(out, "{space}{}={value:#x}", field.name)
                    }
                    name => write!(out, "{space}{name}={value}"),
                };
            }
            None if field.len.is_none() => {
                let inner = bytes.get(field.offset as usize..).unwrap_or_default();
                fields(table, &field.r#type, inner, out);
            }
            None => {}
        }
    }
}

/// The beginning of some bytes, in quotes.
fn quoted(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(BYTES_MAX)];
    let more = if bytes.len() > head.len() { "..." } else { "" };
    format!("\"{}\"{more}", head.escape_ascii())
}
