//! getxattr, listxattr, setxattr, removexattr.

use fuserig_abi::{
    Abi, Arg, BufferFlags, Errno, FuseBuffer, FuseGetxattrIn, FuseGetxattrOut, FuseSetxattrIn, Ino,
    MemoryId, Quirk, RequestFlags,
};
use fuserig_sim_fs::{LowerExt, LowerOp, LowerReply, XattrFlags};

use super::android::number_result;
use super::name::whole_c_string;
use super::open::{hidden_code, own_nodeid};
use super::row::Code;
use crate::kernel::World;
use crate::pipeline::dispatch;
use crate::pipeline::{Operation, Run, Stop, Value};

fn node(world: &World, run: &Run) -> Ino {
    world.mount.inodes[run.inode].backing.expect("the pipeline runs only with a backing inode")
}

/// Pushes an attribute name and remembers its memory: most lower steps use the ORIGINAL.
fn push_name(run: &mut Run, index: usize, name: &[u8]) {
    let buffer = FuseBuffer::variable_name(&mut run.args.arena, "name", name);
    run.scratch.original[index] = buffer.data;
    run.push_input_buffer(buffer);
}

pub(super) fn get_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    let Operation::Getxattr { ref name, size, .. } = run.operation else {
        unreachable!("the row belongs to getxattr")
    };
    let name = name.clone();
    run.push_input(&FuseGetxattrIn { size, padding: 0 });
    push_name(run, 1, &name);
    Ok(0)
}

pub(super) fn list_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    let Operation::Listxattr { size, .. } = run.operation else {
        unreachable!("the row belongs to listxattr")
    };
    run.push_input(&FuseGetxattrIn { size, padding: 0 });
    Ok(0)
}

/// The size argument of the two reading operations.
pub(super) fn size(run: &Run) -> u32 {
    match run.operation {
        Operation::Getxattr { size, .. } | Operation::Listxattr { size, .. } => size,
        _ => unreachable!("only getxattr and listxattr have a size"),
    }
}

/// Both value and out exist for the postfilter; only one of them is on the wire (4.3, getxattr).
pub(super) fn sized_out(_: &mut World, run: &mut Run) -> Code {
    let size = size(run);
    if size > 0 {
        run.args.request_flags |= RequestFlags::OUT_ARGVAR;
    }
    let value = FuseBuffer::out_value(&mut run.args.arena, "value", size);
    run.scratch.out_memory = value.data;
    run.push_output_buffer(value);
    run.push_output(&FuseGetxattrOut::default());
    Ok(0)
}

/// Stores the outcome of the lower call where this size argument puts it.
fn set_length(run: &mut Run, length: u32) {
    if size(run) > 0 {
        if let Arg::Buffer(value) = &mut run.args.out_args[0] {
            value.size = length;
        }
    } else {
        run.set_output(1, &FuseGetxattrOut { size: length, padding: 0 });
    }
}

fn length(run: &Run) -> u32 {
    match (&run.args.out_args[0], size(run)) {
        (Arg::Buffer(value), 1..) => value.size,
        _ => run.output::<FuseGetxattrOut>(1).size,
    }
}

/// Puts what the lower call produced into the caller's buffer and says how long it is.
fn deliver(run: &mut Run, reply: LowerReply) -> u32 {
    match reply {
        LowerReply::Count(count) => count as u32,
        LowerReply::Bytes(bytes) => {
            let memory = run.scratch.out_memory.expect("a sized call has a buffer");
            let room = run.args.arena.write(memory, 0, &bytes);
            assert!(room.is_ok(), "the lower filesystem answered more than it was asked for");
            bytes.len() as u32
        }
        other => unreachable!("an attribute call answered {other:?}"),
    }
}

/// Copies the caller's buffer out, as the VFS does for a positive result. A postfilter may have
/// made the result longer than what was asked for (N11).
fn copy_out(run: &mut Run) {
    if let (Some(memory), Value::Number(count @ 1..)) = (run.scratch.out_memory, &run.value) {
        let count = u64::from(run.args.arena.len_of(memory)).min(*count as u64);
        if let Ok(bytes) = run.args.arena.read(memory, 0, count) {
            run.scratch.data = bytes.to_vec();
        }
    }
}

/// No handler takes an empty name. That a system call refuses it with ERANGE is its own check,
/// which the pipeline does not pass.
fn named(name: &[u8]) -> Result<(), Errno> {
    if name.is_empty() { Err(Errno::EOPNOTSUPP) } else { Ok(()) }
}

/// The attribute name as the kernel takes it: a NUL is stored over its last byte.
fn kernel_name(
    world: &World,
    run: &mut Run,
    buffer: &FuseBuffer,
    memory: MemoryId,
) -> Result<Vec<u8>, Stop> {
    if buffer.flags.contains(BufferFlags::MODIFIED) {
        match buffer.size.checked_sub(1) {
            Some(last) => {
                if run.args.arena.write(memory, u64::from(last), &[0]).is_err() {
                    return Err(Stop::Crash(Quirk::BUF_16));
                }
            }
            // A name that was resized to nothing is an empty one in v3-grouped.
            None if world.abi == Abi::V3Grouped => {}
            None => return Err(Stop::Crash(Quirk::BUF_4)),
        }
    }
    match (world.abi, buffer.size) {
        (Abi::V3Grouped, 0) => Ok(Vec::new()),
        _ => whole_c_string(run, memory),
    }
}

pub(super) fn get_lower(world: &mut World, run: &mut Run) -> Code {
    let Arg::Buffer(buffer) = run.args.in_args[1] else { unreachable!("in 1 is the name") };
    let Some(memory) = buffer.data else { return Err(Stop::Crash(Quirk::BUF_17)) };
    let name = if world.faithful() {
        kernel_name(world, run, &buffer, memory)?
    } else {
        // A name ends at its NUL or with its buffer, and may be empty (BUF-4, USER-6).
        buffer.c_string(&run.args.arena).map(<[u8]>::to_vec).unwrap_or_default()
    };
    let size_max = size(run) as usize;
    let op = LowerOp::GetXattr { node: node(world, run), name: &name, size_max };
    let answer = named(&name).and_then(|()| world.lower(&run.caller, &op));
    match answer {
        Ok(reply) => {
            let length = deliver(run, reply);
            set_length(run, length);
            Ok(0)
        }
        Err(errno) if world.faithful() => {
            // v3-grouped has no sizes that are errors: its buffer is empty (BUF-6).
            let grouped = world.abi == Abi::V3Grouped && size_max > 0;
            set_length(run, if grouped { 0 } else { errno.negative() as u32 });
            run.scratch.failed = true;
            // Only a postfilter member looks at the value; the daemon gets USER-7 instead.
            if size_max > 0 && dispatch::calls_postfilter(world, run) {
                run.quirk(world, Quirk::BUF_6);
                run.quirk(world, Quirk::N10);
            }
            hidden_code::<()>(world, run, Err(errno))
        }
        Err(errno) => Ok(i64::from(errno.negative())),
    }
}

pub(super) fn get_finalize(world: &mut World, run: &mut Run) -> Code {
    if run.scratch.failed && world.abi == Abi::V3Grouped && size(run) > 0 {
        // The lower errno stands in the value; a postfilter cannot take it away.
        return Ok(0);
    }
    let length = length(run) as i32;
    let asked = i32::try_from(size(run)).unwrap_or(i32::MAX);
    if run.scratch.failed && length >= 0 || asked > 0 && length > asked {
        run.quirk(world, Quirk::N11);
    }
    number_result(world, run, i64::from(length));
    copy_out(run);
    Ok(0)
}

pub(super) fn list_lower(world: &mut World, run: &mut Run) -> Code {
    let op = LowerOp::ListXattr { node: node(world, run), size_max: size(run) as usize };
    match world.lower(&run.caller, &op) {
        Ok(reply) => {
            let length = deliver(run, reply);
            set_length(run, length);
            // The result of a run whose finalize is kept from its work (N23).
            run.value = Value::Number(i64::from(length));
            Ok(0)
        }
        Err(errno) => Ok(i64::from(errno.negative())),
    }
}

pub(super) fn list_finalize(world: &mut World, run: &mut Run) -> Code {
    if run.args.meta.error_in == 0 {
        let length = i64::from(length(run));
        number_result(world, run, length);
    }
    copy_out(run);
    Ok(0)
}

pub(super) fn set_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    let Operation::Setxattr { ref name, ref value, flags, .. } = run.operation else {
        unreachable!("the row belongs to setxattr")
    };
    let (name, value) = (name.clone(), value.clone());
    let size = value.len() as u32;
    run.push_input(&FuseSetxattrIn { size, flags, ..FuseSetxattrIn::default() });
    push_name(run, 1, &name);
    let buffer = FuseBuffer::variable_value(&mut run.args.arena, "value", Some(&value[..]));
    run.scratch.original[2] = buffer.data;
    run.push_input_buffer(buffer);
    Ok(0)
}

pub(super) fn set_lower(world: &mut World, run: &mut Run) -> Code {
    let Operation::Setxattr { flags, .. } = run.operation else {
        unreachable!("the row belongs to setxattr")
    };
    super::name::changes_unused(world, run);
    // The ORIGINAL memory, which a view of size 0 lets a filter write (BUF-15, N12).
    let name = original_c_string(run, 1)?;
    let value = match run.scratch.original[2] {
        Some(memory) => {
            let length = u64::from(run.args.arena.len_of(memory));
            run.args.arena.read(memory, 0, length).map(<[u8]>::to_vec).unwrap_or_default()
        }
        None => Vec::new(),
    };
    let flags = XattrFlags::from_bits_retain(flags);
    let node = node(world, run);
    let answer =
        named(&name).and_then(|()| world.lower.set_xattr(&run.caller, node, &name, &value, flags));
    hidden_code(world, run, answer)
}

pub(super) fn remove_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    let Operation::Removexattr { ref name, .. } = run.operation else {
        unreachable!("the row belongs to removexattr")
    };
    let name = name.clone();
    push_name(run, 0, &name);
    Ok(0)
}

pub(super) fn remove_lower(world: &mut World, run: &mut Run) -> Code {
    super::name::changes_unused(world, run);
    let name = original_c_string(run, 0)?;
    let node = node(world, run);
    let answer = named(&name).and_then(|()| world.lower.remove_xattr(&run.caller, node, &name));
    hidden_code(world, run, answer)
}

fn original_c_string(run: &Run, index: usize) -> Result<Vec<u8>, Stop> {
    let memory = run.scratch.original[index].expect("initialize_in kept the original");
    whole_c_string(run, memory)
}
