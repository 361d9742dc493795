//! From the arguments of an operation to the buffers of its member, and back.
//!
//! The access rules of SEMANTICS 9.2 are made here: fixed structs become buffers of fixed size,
//! those in are immutable in a postfilter, and what the phase or the operation does not have is an
//! empty immutable buffer.

use fuserig_abi::{
    Abi, AbiTable, Arg, BufferFlags, CallArgs, Dir, FamilyRow, FamilySlot, FuseBuffer, MemoryKind,
    Op, Phase,
};

/// How the member of its family sees an operation.
pub(crate) fn row(op: Op) -> &'static FamilyRow {
    AbiTable::of(Abi::V3Grouped).family(op).expect("every operation has a family")
}

/// The arguments that a member sees. The memory moves with them until [`close`].
pub(crate) fn open(args: &mut CallArgs, row: &'static FamilyRow, phase: Phase) -> CallArgs {
    let mut frame = CallArgs::new(args.op);
    frame.meta = args.meta;
    frame.arena = core::mem::take(&mut args.arena);
    for slot in &row.slots {
        let visible = slot.dir == Dir::In || phase == Phase::Post;
        let source = slot.source.filter(|_| visible);
        let buffer = match source.and_then(|position| args.arg(slot.dir, position)) {
            Some(Arg::Buffer(buffer)) => *buffer,
            Some(Arg::Struct(structure)) => {
                let bytes = structure.bytes();
                let size = u32::try_from(bytes.len()).expect("at most 128 bytes");
                let kind = MemoryKind::Inline;
                let memory = frame.arena.insert(kind, slot.name.as_str(), bytes, size);
                let is_frozen = slot.dir == Dir::In && phase == Phase::Post;
                let flags = if is_frozen { BufferFlags::IMMUTABLE } else { BufferFlags::empty() };
                FuseBuffer { data: Some(memory), size, alloc_size: size, max_size: size, flags }
            }
            Some(Arg::None) | None => FuseBuffer::UNSEEN,
        };
        match slot.dir {
            Dir::In => frame.push_in(Arg::Buffer(buffer)),
            Dir::Out => frame.push_out(Arg::Buffer(buffer)),
        }
    }
    frame
}

/// Gives back what the member left. Meta is constant in this ABI and stays what it was.
pub(crate) fn close(mut frame: CallArgs, args: &mut CallArgs, row: &FamilyRow) {
    let mut positions = [0, 0];
    for FamilySlot { dir, source, .. } in &row.slots {
        let position = positions[*dir as usize];
        positions[*dir as usize] += 1;
        let Some(buffer) = frame.arg(*dir, position).and_then(Arg::as_buffer).copied() else {
            continue;
        };
        let target = source.and_then(|source| args.arg_mut(*dir, source));
        match target {
            Some(Arg::Buffer(own)) if buffer != FuseBuffer::UNSEEN => *own = buffer,
            Some(Arg::Struct(own)) if !buffer.flags.contains(BufferFlags::IMMUTABLE) => {
                let bytes = buffer.bytes(&frame.arena).expect("a struct keeps its memory");
                own.bytes_mut().copy_from_slice(bytes);
            }
            Some(Arg::Buffer(_) | Arg::Struct(_) | Arg::None) | None => {}
        }
    }
    args.arena = core::mem::take(&mut frame.arena);
}
