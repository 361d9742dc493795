//! Loads, stores and calls: what they may touch.

use fuserig_abi::{AbiTable, ArgKind, ArgRow, BufferFlags, Dir, Phase, Quirk, Slot};

use super::finding::{VetClass, VetFinding};
use super::flow::Walk;
use super::state::{Memory, State, Value};
use crate::program::Insn;

/// Bytes that a load or store moves.
fn width(insn: Insn) -> i64 {
    match insn.code & 0x18 {
        0x00 => 4,
        0x08 => 2,
        0x10 => 1,
        _ => 8,
    }
}

impl Walk<'_> {
    /// Notes a finding at an instruction.
    pub(super) fn find(&mut self, at: usize, class: VetClass, quirk: Option<Quirk>, text: String) {
        let line = self.program.line_of(at as u32);
        let line = line.map(|line| (line.file.clone(), line.line, line.text.clone()));
        let (filter, member) = (self.filter.to_owned(), self.row.member.clone());
        self.found.insert(VetFinding { filter, member, line, class, quirk, text });
    }

    /// Notes an access through an address that is not followed.
    fn unproven(&mut self, at: usize, base: &Value) {
        let text = match base {
            Value::Argument(argument, None) => {
                let name = &self.row.args[*argument].name;
                format!("an access to `{name}` at a computed offset")
            }
            Value::Stack(None) => "an access to the stack at a computed offset".to_owned(),
            Value::Pointer(memory, start) if start.is_none() || memory.size.is_none() => {
                format!("an access to a {} at a computed offset or of unknown size", memory.what)
            }
            Value::Number(_) | Value::Map(_) | Value::Other | Value::Unset => {
                "an access through a pointer that is not followed".to_owned()
            }
            _ => return,
        };
        self.find(at, VetClass::Unproven, None, text);
    }

    pub(super) fn load(&mut self, at: usize, insn: Insn, base: &Value, state: &State) -> Value {
        self.unproven(at, base);
        let (offset, width) = (i64::from(insn.off), width(insn));
        match base {
            Value::Context(start) => {
                let place = start + offset;
                let argument = usize::try_from(place / 8).ok().filter(|_| place % 8 == 0);
                match argument.filter(|arg| *arg < self.row.args.len() && width == 8) {
                    Some(argument) => Value::Argument(argument, Some(0)),
                    None => {
                        let text = format!(
                            "the member has {} arguments, and byte {place} of the context is none",
                            self.row.args.len()
                        );
                        self.find(at, VetClass::Refused, None, text);
                        Value::Other
                    }
                }
            }
            Value::Argument(argument, start) => {
                self.load_argument(at, *argument, *start, offset, width)
            }
            Value::Stack(Some(start)) if width == 8 => {
                state.spilled.get(&(start + offset)).cloned().unwrap_or(Value::ANY)
            }
            Value::Maybe(memory) => self.untested(at, memory),
            Value::Pointer(memory, start) => {
                self.inside(at, memory, *start, offset, width);
                Value::ANY
            }
            _ if width == 8 => Value::Other,
            _ => Value::ANY,
        }
    }

    fn load_argument(
        &mut self,
        at: usize,
        argument: usize,
        start: Option<i64>,
        offset: i64,
        width: i64,
    ) -> Value {
        let arg = self.row.args[argument].clone();
        if arg.kind == ArgKind::Buffer {
            let text = format!(
                "a field of the buffer `{}` is read directly, which kernels let pass; use \
                 bpf_fuse_return_len and dynptrs",
                arg.name
            );
            self.find(at, VetClass::Wrong, Some(Quirk::VER_3), text);
            return Value::ANY;
        }
        if let Some(start) = start
            && past_the_end(start + offset, width, arg.size.into())
        {
            let text = format!(
                "{} at offset {} of `{}` (struct {}, {} bytes): past its end",
                bytes(width),
                start + offset,
                arg.name,
                arg.type_name,
                arg.size
            );
            self.find(at, VetClass::Refused, None, text);
        }
        Value::ANY
    }

    pub(super) fn store(
        &mut self,
        at: usize,
        insn: Insn,
        base: &Value,
        value: Value,
        state: &mut State,
    ) {
        self.unproven(at, base);
        let (offset, width) = (i64::from(insn.off), width(insn));
        match base {
            Value::Context(_) => {
                let text = "the array of arguments is written".to_owned();
                self.find(at, VetClass::Refused, None, text);
            }
            Value::Argument(argument, start) => {
                let arg = self.row.args[*argument].clone();
                let place = start.map(|start| start + offset);
                self.store_argument(at, &arg, place, width);
            }
            Value::Stack(Some(start)) => {
                let place = start + offset;
                state.spilled.retain(|known, _| *known + 8 <= place || place + width <= *known);
                // A store of 64 bits that is no atomic operation.
                if width == 8 && insn.code & 0xe0 == 0x60 {
                    state.spilled.insert(place, value);
                }
            }
            Value::Stack(None) => state.spilled.clear(),
            Value::Maybe(memory) => drop(self.untested(at, memory)),
            Value::Pointer(memory, start) => {
                if memory.is_read_only {
                    let text = format!("a read-only {} is written", memory.what);
                    self.find(at, VetClass::Refused, None, text);
                }
                self.inside(at, memory, *start, offset, width);
            }
            _ => {}
        }
    }

    fn store_argument(&mut self, at: usize, arg: &ArgRow, place: Option<i64>, width: i64) {
        let ArgRow { name, type_name, size, .. } = arg;
        if arg.kind == ArgKind::Buffer {
            let text =
                format!("the buffer `{name}` is written directly; use bpf_fuse_get_rw_dynptr");
            return self.find(at, VetClass::Refused, None, text);
        }
        let Some(place) = place else {
            let text = format!("`{name}` is written at an offset that is not constant");
            return self.find(at, VetClass::Refused, None, text);
        };
        if past_the_end(place, width, (*size).into()) {
            let text = format!(
                "{} at offset {place} of `{name}` (struct {type_name}, {size} bytes): past its \
                 end, and kernels let the store pass",
                bytes(width)
            );
            return self.find(at, VetClass::Wrong, Some(Quirk::VER_2), text);
        }
        let field = self.field_name(arg, place);
        if arg.is_const {
            let text = format!("`{field}` is const, and kernels let the store pass");
            return self.find(at, VetClass::Wrong, Some(Quirk::VER_1), text);
        }
        let Slot::Member(op, Phase::Pre) = self.row.slot else { return };
        let operation = AbiTable::of(self.abi).operation(op);
        if field.ends_with(".valid") {
            let text =
                format!("changing `{field}` does not choose what is set; a cleared bit sets 0");
            self.find(at, VetClass::Wrong, Some(Quirk::SATTR_1), text);
        } else if arg.dir == Some(Dir::In) && operation.lower_ignores(&field) {
            let is_data = op.name() == "read_iter" || op.name() == "write_iter";
            let quirk = is_data.then_some(Quirk::READ_3);
            let text = format!("the kernel does not use `{field}` as a filter leaves it");
            self.find(at, VetClass::Ignored, quirk, text);
        }
    }

    /// `in.flags` for the field at an offset.
    fn field_name(&self, arg: &ArgRow, place: i64) -> String {
        let structure = AbiTable::of(self.abi).structure(&arg.type_name);
        let fields = structure.map_or(&[][..], |structure| &structure.fields);
        let within = |offset: u32, size: u32| {
            (i64::from(offset)..i64::from(offset) + i64::from(size)).contains(&place)
        };
        let field = fields.iter().find(|field| within(field.offset, field.size));
        match field {
            Some(field) => format!("{}.{}", arg.name, field.name),
            None => format!("{} at {place}", arg.name),
        }
    }

    fn untested(&mut self, at: usize, memory: &Memory) -> Value {
        let text = format!("the {} may be NULL and was not tested", memory.what);
        self.find(at, VetClass::Refused, None, text);
        Value::ANY
    }

    fn inside(&mut self, at: usize, memory: &Memory, start: Option<i64>, offset: i64, width: i64) {
        let (Some(start), Some(size)) = (start, memory.size) else { return };
        if past_the_end(start + offset, width, size as i64) {
            let text = format!(
                "{} at offset {} of a {} of {size} bytes: past its end",
                bytes(width),
                start + offset,
                memory.what
            );
            self.find(at, VetClass::Refused, None, text);
        }
    }

    /// What a helper gives back (numbers of `linux/bpf.h`).
    pub(super) fn helper(&mut self, at: usize, number: i32, state: &State) -> Value {
        let size = |register: usize| {
            state.registers[register].single().and_then(|size| u64::try_from(size).ok())
        };
        let memory = |what, size| Value::Maybe(Memory { what, size, is_read_only: false, id: at });
        match number {
            1 => {
                let map = match state.registers[1] {
                    Value::Map(map) => self.linked.maps.get(map),
                    _ => None,
                };
                memory("map value", map.map(|map| map.value_size.into()))
            }
            131 => memory("record of a ring buffer", size(2)),
            203 => memory("part of a dynptr", size(3)),
            35 | 158 => Value::Other,
            _ => Value::ANY,
        }
    }

    pub(super) fn kernel_function(&mut self, at: usize, name: &str, state: &State) -> Value {
        let memory =
            |what, size, is_read_only| Value::Maybe(Memory { what, size, is_read_only, id: at });
        if name.starts_with("bpf_fuse_") {
            self.buffer_argument(at, name, state);
            return Value::ANY;
        }
        match name {
            "bpf_dynptr_slice" | "bpf_dynptr_slice_rdwr" => {
                let size = state.registers[4].single().and_then(|size| u64::try_from(size).ok());
                memory("slice of a dynptr", size, name == "bpf_dynptr_slice")
            }
            "bpf_iter_num_next" => memory("number of an iterator", Some(4), true),
            _ => Value::ANY,
        }
    }

    /// The buffer that a kernel function of fuse-bpf is given.
    fn buffer_argument(&mut self, at: usize, name: &str, state: &State) {
        let arg = match &state.registers[1] {
            Value::Argument(index, Some(0)) => Some(self.row.args[*index].clone()),
            Value::Other => return,
            _ => None,
        };
        let Some(arg) = arg.filter(|arg| arg.kind == ArgKind::Buffer) else {
            let text = format!("the first argument of {name} is no buffer of the member");
            return self.find(at, VetClass::Refused, None, text);
        };
        if name != "bpf_fuse_get_rw_dynptr" {
            return;
        }
        let Slot::Member(op, phase) = self.row.slot else { return };
        let buffer = &arg.name;
        let row = AbiTable::of(self.abi).operation(op).buffer(buffer).cloned();
        let immutable = row.is_some_and(|row| row.initial_flags.contains(BufferFlags::IMMUTABLE));
        if phase == Phase::Post && arg.dir == Some(Dir::In) || immutable {
            let text = format!(
                "`{buffer}` cannot be written here: the dynptr is null and the data are lost"
            );
            self.find(at, VetClass::Crash, Some(Quirk::BUF_3), text);
        } else if phase == Phase::Pre && AbiTable::of(self.abi).operation(op).lower_ignores(buffer)
        {
            let text = format!("the lower call does not use a changed `{buffer}`");
            self.find(at, VetClass::Ignored, Some(Quirk::BUF_14), text);
        }
    }
}

/// `1 byte`, `4 bytes`.
fn bytes(width: i64) -> String {
    if width == 1 { "1 byte".to_owned() } else { format!("{width} bytes") }
}

fn past_the_end(place: i64, width: i64, size: i64) -> bool {
    place < 0 || place.saturating_add(width) > size
}
