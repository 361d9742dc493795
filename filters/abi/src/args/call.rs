//! All arguments of one operation, and their fields by name.

use zerocopy::IntoBytes;

use super::{Arg, MetaInfo};
use crate::{AbiTable, Arena, Dir, FieldRef, FuseBuffer, Op, Phase, RequestFlags, Slot};

/// Most arguments in one direction that a callback can see.
pub const CALL_ARGS_MAX: usize = 3;

/// The arguments of one operation from initialize_in to the end, with the memory behind them.
///
/// ```
/// use fuserig_abi::{Abi, AbiTable, Arg, CallArgs, FuseOpenIn, Op, Phase, Slot};
/// let mut args = CallArgs::new(Op::Open);
/// args.push_in(Arg::wire(&FuseOpenIn { flags: 2, open_flags: 0 }));
/// let table = AbiTable::of(Abi::V4);
/// assert_eq!(args.field(table, "in.flags"), Some(2));
/// assert!(args.set_field(table, "in.flags", 1));
/// assert_eq!(args.in_args[0].as_struct().map(|arg| arg.view::<FuseOpenIn>().flags), Some(1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallArgs {
    /// The operation, which a changed `meta.opcode` does not change.
    pub op: Op,
    /// The meta information.
    pub meta: MetaInfo,
    /// In args in the order of the table.
    pub in_args: [Arg; CALL_ARGS_MAX],
    /// Out args in the order of the table.
    pub out_args: [Arg; CALL_ARGS_MAX],
    /// How many in args there are.
    pub in_count: usize,
    /// How many out args there are, those included that are not on the wire.
    pub out_count: usize,
    /// The memory of the buffers.
    pub arena: Arena,
    /// Flags for daemon filter requests.
    pub request_flags: RequestFlags,
}

impl CallArgs {
    /// An operation without arguments yet; `meta.opcode` is the plain opcode.
    pub fn new(op: Op) -> CallArgs {
        CallArgs {
            op,
            meta: MetaInfo { opcode: op.opcode().0, ..MetaInfo::default() },
            in_args: [Arg::None; CALL_ARGS_MAX],
            out_args: [Arg::None; CALL_ARGS_MAX],
            in_count: 0,
            out_count: 0,
            arena: Arena::new(),
            request_flags: RequestFlags::empty(),
        }
    }

    /// Makes this value new for another operation and keeps the capacity of the arena.
    pub fn reset(&mut self, op: Op) {
        self.arena.reset();
        self.op = op;
        self.meta = MetaInfo { opcode: op.opcode().0, ..MetaInfo::default() };
        for arg in self.in_args.iter_mut().chain(&mut self.out_args) {
            *arg = Arg::None;
        }
        (self.in_count, self.out_count) = (0, 0);
        self.request_flags = RequestFlags::empty();
    }

    /// Adds the next in arg.
    ///
    /// # Panics
    /// When there are three already.
    pub fn push_in(&mut self, arg: Arg) {
        *self.next_in() = arg;
    }

    /// Room for the next in arg, in which there is nothing yet. What fills it there is not moved.
    ///
    /// # Panics
    /// When there are three already.
    pub fn next_in(&mut self) -> &mut Arg {
        self.in_count += 1;
        &mut self.in_args[self.in_count - 1]
    }

    /// Adds the next out arg.
    ///
    /// # Panics
    /// When there are three already.
    pub fn push_out(&mut self, arg: Arg) {
        *self.next_out() = arg;
    }

    /// Room for the next out arg, as [`CallArgs::next_in`].
    ///
    /// # Panics
    /// When there are three already.
    pub fn next_out(&mut self) -> &mut Arg {
        self.out_count += 1;
        &mut self.out_args[self.out_count - 1]
    }

    /// The in args that are there.
    pub fn ins(&self) -> &[Arg] {
        &self.in_args[..self.in_count]
    }

    /// The out args that are there.
    pub fn outs(&self) -> &[Arg] {
        &self.out_args[..self.out_count]
    }

    /// The argument at a position of one direction.
    pub fn arg(&self, dir: Dir, index: usize) -> Option<&Arg> {
        match dir {
            Dir::In => self.ins().get(index),
            Dir::Out => self.outs().get(index),
        }
    }

    /// The argument at a position of one direction, for writing.
    pub fn arg_mut(&mut self, dir: Dir, index: usize) -> Option<&mut Arg> {
        match dir {
            Dir::In => self.in_args[..self.in_count].get_mut(index),
            Dir::Out => self.out_args[..self.out_count].get_mut(index),
        }
    }

    /// The argument that the table calls `name`.
    pub fn arg_named(&self, table: &AbiTable, name: &str) -> Option<&Arg> {
        let (dir, index) = table.operation(self.op).arg_position(name)?;
        self.arg(dir, index)
    }

    /// The buffer at a position together with the memory behind it.
    pub fn buffer_mut(&mut self, dir: Dir, index: usize) -> Option<(&mut FuseBuffer, &mut Arena)> {
        let args = match dir {
            Dir::In => &mut self.in_args[..self.in_count],
            Dir::Out => &mut self.out_args[..self.out_count],
        };
        Some((args.get_mut(index)?.as_buffer_mut()?, &mut self.arena))
    }

    /// The value of a field by its path (`in.flags`, `out.attr.mode`, `meta.nodeid`), or `None`
    /// when the operation has no such field or the argument is not there yet. Signed fields are
    /// extended to 64 bits.
    pub fn field(&self, table: &AbiTable, path: &str) -> Option<u64> {
        self.get(table.field(self.op, path)?)
    }

    /// Sets a field by its path and says whether it exists. The value is cut to the field.
    pub fn set_field(&mut self, table: &AbiTable, path: &str, value: u64) -> bool {
        table.field(self.op, path).is_some_and(|field| self.set(field, value))
    }

    /// The value of a field that was looked up before.
    pub fn get(&self, field: FieldRef) -> Option<u64> {
        match field {
            FieldRef::Meta(field) => field.read(self.meta.to_wire().as_bytes()),
            FieldRef::Arg { dir, index, field } => {
                field.read(self.arg(dir, index)?.as_struct()?.bytes())
            }
        }
    }

    /// Sets a field that was looked up before and says whether it is there.
    pub fn set(&mut self, field: FieldRef, value: u64) -> bool {
        match field {
            FieldRef::Meta(field) => {
                let mut wire = self.meta.to_wire();
                let found = field.write(wire.as_mut_bytes(), value);
                self.meta = MetaInfo::from_wire(&wire);
                found
            }
            FieldRef::Arg { dir, index, field } => self
                .arg_mut(dir, index)
                .and_then(Arg::as_struct_mut)
                .is_some_and(|arg| field.write(arg.bytes_mut(), value)),
        }
    }

    /// The slot of one phase of this operation.
    pub fn slot(&self, phase: Phase) -> Slot {
        Slot::Member(self.op, phase)
    }
}
