//! One call of a member, as a closure sees it.

use fuserig_abi::{Arg, CallArgs, Dir, Dynptr, Errno, FamilyRow, Op, Phase, WireStruct};

/// A buffer of a member, by its name in SEMANTICS 9.2.
///
/// ```
/// use fuserig_filters::GroupedSlot;
/// assert_eq!(GroupedSlot::Extra.name(), "extra");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupedSlot {
    /// The fixed struct that goes in.
    In,
    /// The name.
    Name,
    /// The first of two: a name.
    First,
    /// The second of two: a name, a value or a target.
    Second,
    /// The entry that a lookup or a creation yields.
    Entry,
    /// What comes with it: the open file of a creation, the entries of a lookup.
    Extra,
    /// The fixed struct that comes out.
    Out,
    /// The bytes that come out.
    Data,
}

impl GroupedSlot {
    /// The name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            GroupedSlot::In => "in",
            GroupedSlot::Name => "name",
            GroupedSlot::First => "first",
            GroupedSlot::Second => "second",
            GroupedSlot::Entry => "entry",
            GroupedSlot::Extra => "extra",
            GroupedSlot::Out => "out",
            GroupedSlot::Data => "data",
        }
    }
}

/// The operation that a member is called for, and its buffers. Typed structs are lost on the way
/// (GRP-1): a buffer is read as the struct that the operation has there.
///
/// ```
/// use fuserig_abi::{Errno, Op, Phase, Verdict};
/// use fuserig_filters::{Family, GroupedOps, GroupedSlot};
/// let keep = GroupedOps::new("keep").on(Family::Name, |_, call| {
///     if call.op() == Op::Unlink && call.name(GroupedSlot::Name) == b"precious" {
///         return Verdict::Error(Errno::EPERM);
///     }
///     Verdict::Continue
/// });
/// # let _ = keep;
/// ```
#[derive(Debug)]
pub struct GroupedCall<'a> {
    frame: &'a mut CallArgs,
    row: &'static FamilyRow,
    phase: Phase,
}

impl<'a> GroupedCall<'a> {
    pub(super) fn new(
        frame: &'a mut CallArgs,
        row: &'static FamilyRow,
        phase: Phase,
    ) -> GroupedCall<'a> {
        GroupedCall { frame, row, phase }
    }

    /// The operation.
    pub fn op(&self) -> Op {
        self.frame.op
    }

    /// Before or after the lower step.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The bytes of a buffer, by a read-only dynptr; nothing where the member, the operation or
    /// the phase has none.
    pub fn bytes(&self, slot: GroupedSlot) -> &[u8] {
        let found = self.place(slot).and_then(|(dir, position)| self.frame.arg(dir, position));
        let buffer = found.and_then(Arg::as_buffer);
        buffer.and_then(|buffer| buffer.bytes(&self.frame.arena).ok()).unwrap_or(&[])
    }

    /// The bytes before the first NUL.
    pub fn name(&self, slot: GroupedSlot) -> &[u8] {
        let bytes = self.bytes(slot);
        bytes.split(|byte| *byte == 0).next().unwrap_or(bytes)
    }

    /// A buffer as the struct it is, or none when it has another length.
    pub fn read<T: WireStruct>(&self, slot: GroupedSlot) -> Option<T> {
        T::read_from_bytes(self.bytes(slot)).ok()
    }

    /// Puts a struct into a buffer.
    ///
    /// # Errors
    /// EACCES when the buffer cannot be written in this phase, E2BIG when it is shorter.
    pub fn write<T: WireStruct>(&mut self, slot: GroupedSlot, value: &T) -> Result<(), Errno> {
        self.put(slot, value.as_bytes())
    }

    /// Puts bytes in the place of everything: a resize and a write. A name needs its NUL.
    ///
    /// # Errors
    /// EACCES, EINVAL for a fixed size, E2BIG above the largest size, ENOMEM.
    pub fn replace(&mut self, slot: GroupedSlot, bytes: &[u8]) -> Result<(), Errno> {
        let size = u32::try_from(bytes.len()).map_err(|_long| Errno::E2BIG)?;
        self.resize(slot, size)?;
        self.put(slot, bytes)
    }

    /// `bpf_fuse_buffer_resize`.
    ///
    /// # Errors
    /// As [`GroupedCall::replace`].
    pub fn resize(&mut self, slot: GroupedSlot, size: u32) -> Result<(), Errno> {
        let (dir, position) = self.place(slot).ok_or(Errno::EACCES)?;
        let (buffer, arena) = self.frame.buffer_mut(dir, position).ok_or(Errno::EACCES)?;
        judged(buffer.resize(arena, size))
    }

    fn put(&mut self, slot: GroupedSlot, bytes: &[u8]) -> Result<(), Errno> {
        let (dir, position) = self.place(slot).ok_or(Errno::EACCES)?;
        let (buffer, arena) = self.frame.buffer_mut(dir, position).ok_or(Errno::EACCES)?;
        let (code, dynptr): (i32, Dynptr) = buffer.dynptr_rw(arena, 0);
        judged(code)?;
        judged(dynptr.write(arena, 0, bytes, 0).code)
    }

    /// Direction and position of a buffer of this member.
    fn place(&self, wanted: GroupedSlot) -> Option<(Dir, usize)> {
        let mut positions = [0, 0];
        for slot in &self.row.slots {
            let position = positions[slot.dir as usize];
            positions[slot.dir as usize] += 1;
            if slot.name == wanted.name() {
                return Some((slot.dir, position));
            }
        }
        None
    }
}

fn judged(code: i32) -> Result<(), Errno> {
    if code == 0 { Ok(()) } else { Err(Errno(code.wrapping_neg())) }
}
