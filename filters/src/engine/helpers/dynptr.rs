//! The kernel functions of fuse-bpf and those over dynptrs.
//!
//! What they answer is decided in `fuserig-abi`; this only finds the buffer, the slot and the
//! memory, and reports what the modelled kernel gets wrong.

use fuserig_abi::{Access, FaultKind, Pointer};

use crate::engine::interp::{Code, Context, Stopped, TrapKind};

type Answer = Result<u64, Stopped>;

/// Longest copy of one call; sizes of dynptrs have 24 bits.
const COPY_MAX: u64 = 1 << 24;

fn answer(code: i32) -> Answer {
    Ok(code as i64 as u64)
}

/// Reports an access that a kernel makes although the memory is gone or too short.
fn judged(context: &mut Context<'_, '_>, access: Access) -> Answer {
    if let Some(fault) = access.fault {
        if context.is_strict() {
            return Err(TrapKind::Access(fault.to_string()).into());
        }
        context.env.report_quirk(match fault.kind {
            FaultKind::Freed | FaultKind::Null => "BUF-13",
            FaultKind::PastEnd { .. } => "BUF-16",
        });
    }
    answer(access.code)
}

fn pointer(context: &mut Context<'_, '_>, pointer: Option<Pointer>) -> Answer {
    let Some(Pointer { memory, offset, len, writable }) = pointer else { return Ok(0) };
    Ok(context.add_slice(memory, offset, len, writable)?)
}

pub(super) fn fuse_rw(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let (dir, position) = context.buffer_at(args[0])?;
    let Some((buffer, arena)) = context.args.buffer_mut(dir, position) else { return Ok(0) };
    let dynptr = buffer.get_rw_dynptr(arena, args[2], args[3] as u8 != 0);
    context.put_dynptr(args[1], dynptr)?;
    Ok(0)
}

pub(super) fn fuse_ro(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let (dir, position) = context.buffer_at(args[0])?;
    let Some((buffer, arena)) = context.args.buffer_mut(dir, position) else { return Ok(0) };
    let dynptr = buffer.get_ro_dynptr(arena);
    context.put_dynptr(args[1], dynptr)?;
    Ok(0)
}

pub(super) fn fuse_len(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let (dir, position) = context.buffer_at(args[0])?;
    let buffer = context.args.arg(dir, position).and_then(|arg| arg.as_buffer());
    Ok(buffer.map_or(0, |buffer| buffer.return_len().into()))
}

/// `bpf_dynptr_from_fuse_buffer_ro(buffer, flags, ptr)`.
pub(super) fn grouped_ro(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let (dir, position) = context.buffer_at(args[0])?;
    let buffer = context.args.arg(dir, position).and_then(|arg| arg.as_buffer());
    let (code, dynptr) = buffer.copied().unwrap_or_default().dynptr_ro(args[1]);
    context.put_dynptr(args[2], dynptr)?;
    answer(code)
}

/// `bpf_dynptr_from_fuse_buffer_rw(buffer, flags, ptr)`.
pub(super) fn grouped_rw(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let (dir, position) = context.buffer_at(args[0])?;
    let Some((buffer, arena)) = context.args.buffer_mut(dir, position) else { return Ok(0) };
    let (code, dynptr) = buffer.dynptr_rw(arena, args[1]);
    context.put_dynptr(args[2], dynptr)?;
    answer(code)
}

/// `bpf_fuse_buffer_resize(buffer, size)`, after which older dynptrs of the buffer are null.
pub(super) fn resize(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let (dir, position) = context.buffer_at(args[0])?;
    let Some((buffer, arena)) = context.args.buffer_mut(dir, position) else { return Ok(0) };
    let old = buffer.data;
    let code = buffer.resize(arena, args[1] as u32);
    if let (0, Some(old)) = (code, old) {
        context.invalidate_dynptrs(old);
    }
    answer(code)
}

/// `bpf_dynptr_read(dst, len, src, offset, flags)`.
pub(super) fn read(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let dynptr = context.dynptr_at(args[2])?;
    let len = u64::from(args[1] as u32).min(COPY_MAX);
    let (len32, offset) = (len as u32, args[3] as u32);
    // Straight into the memory of the program where that is plain, which it is nearly always.
    if let Some(target) = context.machine.memory.slice_mut(args[0], len32) {
        let access = dynptr.read(&context.args.arena, target, offset, args[4]);
        return judged(context, access);
    }
    let mut bytes = core::mem::take(&mut context.machine.scratch[0]);
    bytes.clear();
    bytes.resize(len as usize, 0);
    let access = dynptr.read(&context.args.arena, &mut bytes, offset, args[4]);
    let written = if access.code == 0 { context.write_from(args[0], &bytes) } else { Ok(()) };
    context.machine.scratch[0] = bytes;
    written?;
    judged(context, access)
}

/// `bpf_dynptr_write(dst, offset, src, len, flags)`.
pub(super) fn write(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let dynptr = context.dynptr_at(args[0])?;
    let len = u64::from(args[3] as u32).min(COPY_MAX);
    let mut bytes = core::mem::take(&mut context.machine.scratch[0]);
    bytes.clear();
    bytes.resize(len as usize, 0);
    context.read_into(args[2], &mut bytes)?;
    let access = dynptr.write(&mut context.args.arena, args[1] as u32, &bytes, args[4]);
    context.machine.scratch[0] = bytes;
    judged(context, access)
}

pub(super) fn data(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let dynptr = context.dynptr_at(args[0])?;
    pointer(context, dynptr.data(args[1] as u32, args[2] as u32))
}

/// `bpf_dynptr_slice(p, offset, buffer, size)`; the buffer is never used for fuse buffers.
pub(super) fn slice(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let dynptr = context.dynptr_at(args[0])?;
    pointer(context, dynptr.slice(args[1] as u32, args[3] as u32))
}

pub(super) fn slice_rdwr(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let dynptr = context.dynptr_at(args[0])?;
    pointer(context, dynptr.slice_rdwr(args[1] as u32, args[3] as u32))
}

pub(super) fn adjust(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let mut dynptr = context.dynptr_at(args[0])?;
    let size = dynptr.size();
    let code = dynptr.adjust(args[1] as u32, args[2] as u32);
    if code == 0 && dynptr.size() < size && context.machine.refuses_mistakes {
        // What was cut off stays part of what the pipeline uses.
        context.env.report_quirk("GRP-3");
    }
    context.change_dynptr(args[0], dynptr);
    answer(code)
}

pub(super) fn is_null(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    Ok(context.dynptr_at(args[0])?.is_null().into())
}

pub(super) fn is_rdonly(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    Ok(context.dynptr_at(args[0])?.is_rdonly().into())
}

pub(super) fn size(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    Ok(context.dynptr_at(args[0])?.size().into())
}

pub(super) fn clone(context: &mut Context<'_, '_>, _: &Code, args: [u64; 5]) -> Answer {
    let (code, copy) = context.dynptr_at(args[0])?.clone_dynptr();
    context.put_dynptr(args[1], copy)?;
    answer(code)
}
