//! PREFILTER and POSTFILTER requests: what is sent to the daemon and what its reply changes
//! (SEMANTICS 2.6, 2.7).

use fuserig_abi::{
    Abi, Arg, BufferFlags, CallArgs, Caller, Errno, FuseWriteIn, NodeId, Op, Opcode, Phase, Quirk,
    RequestFlags,
};

use super::device::{Asking, Settled, Shape, ask};
use super::{Run, Stop};
use crate::kernel::World;

/// INIT; the body of the reply, or none.
pub(crate) fn initialize(world: &mut World, caller: &Caller, body: Vec<u8>) -> Option<Vec<u8>> {
    let asking = Asking::new(0, caller, Opcode::INIT, NodeId(0), body)
        .expecting(Shape::up_to(crate::kernel::INIT_OUT));
    match ask(world, asking) {
        Ok(Settled::Reply { body, .. }) => Some(body),
        _ => None,
    }
}

/// P4. Returns a negative errno, or 0 when the daemon let the operation go on.
pub(super) fn prefilter(world: &mut World, run: &mut Run) -> Result<i64, Stop> {
    if world.abi == Abi::Android {
        // All in arguments go there and come back, each at the size it has.
        let body = request_body(&run.args.in_args[..run.args.in_count], run, world)?;
        let all: Vec<usize> = (0..run.args.in_count).collect();
        return talk(world, run, body, None, Direction::In(&all));
    }
    if run.args.in_count == 0 {
        if !world.faithful() {
            return prefilter_of(world, run, 0);
        }
        // The index of the last argument is taken before the first (USER-1).
        return Err(Stop::Crash(Quirk::USER_1));
    }
    let last = run.args.in_count - 1;
    let echoed = match &run.args.in_args[last] {
        Arg::Buffer(buffer) if buffer.flags.contains(BufferFlags::IMMUTABLE) => last,
        _ => run.args.in_count,
    };
    if echoed == 0 {
        run.quirk(world, Quirk::USER_5);
    }
    if !world.faithful() {
        // Names that may not change are sent and not expected back, wherever they stand (USER-2).
        let mutable = |arg: &Arg| match arg {
            Arg::Buffer(buffer) => !buffer.flags.contains(BufferFlags::IMMUTABLE),
            _ => true,
        };
        let echoed = run.args.ins().iter().take_while(|arg| mutable(arg)).count();
        return prefilter_of(world, run, echoed);
    }
    prefilter_of(world, run, echoed)
}

fn prefilter_of(world: &mut World, run: &mut Run, echoed: usize) -> Result<i64, Stop> {
    let faithful = world.faithful();
    let CallArgs { in_args, arena, .. } = &mut *run.args;
    for arg in &mut in_args[..echoed] {
        if let Arg::Buffer(buffer) = arg {
            let max = u64::from(buffer.max_size);
            let answer = buffer.get_writeable(arena, max, true);
            let Some(memory) = answer.memory else {
                run.quirk(world, Quirk::USER_2);
                return Ok(i64::from(Errno::ENOMEM.negative()));
            };
            buffer.data = Some(memory);
        }
    }
    if faithful && run.op == Op::Setxattr {
        run.quirk(world, Quirk::USER_4);
    }
    let body = request_body(&run.args.in_args[..run.args.in_count], run, world)?;
    let echoed: Vec<usize> = (0..echoed).collect();
    talk(world, run, body, None, Direction::In(&echoed))
}

/// P11. Returns a negative errno, or 0.
pub(super) fn postfilter(world: &mut World, run: &mut Run) -> Result<i64, Stop> {
    let wire: Vec<usize> = wire_outs(run);
    let mut lost_error = false;
    let CallArgs { out_args, arena, .. } = &mut *run.args;
    for &index in &wire {
        if let Arg::Buffer(buffer) = &mut out_args[index] {
            let size = buffer.size;
            let answer = buffer.get_writeable(arena, u64::from(buffer.max_size), true);
            let Some(memory) = answer.memory else {
                return Ok(i64::from(Errno::ENOMEM.negative()));
            };
            buffer.data = Some(memory);
            // The negative size of a failed getxattr is overwritten (USER-7).
            lost_error |= size > buffer.max_size;
        }
    }
    if lost_error {
        run.quirk(world, Quirk::USER_7);
    }
    let mut args: Vec<Arg> = run.args.ins().to_vec();
    args.extend(wire.iter().map(|&index| run.args.out_args[index]));
    let body = request_body(&args, run, world)?;
    let error_in = Some(run.args.meta.error_in);
    // The room for the reply becomes the size, also when no reply comes (N8).
    let sizes: Vec<(usize, u32)> = wire
        .iter()
        .filter_map(|&index| run.args.out_args[index].as_buffer().map(|b| (index, b.size)))
        .collect();
    for &(index, _) in &sizes {
        if let Arg::Buffer(buffer) = &mut run.args.out_args[index] {
            buffer.size = buffer.max_size;
        }
    }
    let outcome = talk(world, run, body, error_in, Direction::Out(&wire))?;
    if outcome < 0 {
        if run.op == Op::Readdir && world.faithful() {
            run.quirk(world, Quirk::N8);
        }
        if !world.faithful() {
            for &(index, size) in &sizes {
                if let Arg::Buffer(buffer) = &mut run.args.out_args[index] {
                    buffer.size = size;
                }
            }
        }
    } else if run.op == Op::Setxattr && world.faithful() && world.abi != Abi::Android {
        return Err(Stop::Crash(Quirk::USER_3));
    }
    Ok(outcome)
}

/// The out arguments that are on the wire: of value and out, the one this size argument fills.
fn wire_outs(run: &Run) -> Vec<usize> {
    match run.op {
        Op::Getxattr | Op::Listxattr => {
            let sized = run.args.request_flags.contains(RequestFlags::OUT_ARGVAR);
            vec![usize::from(!sized)]
        }
        _ => (0..run.args.out_count).collect(),
    }
}

/// Bytes of a struct that go over the wire: all, but on Android the size of a pointer where that of
/// the out argument of statfs was meant (AND-3).
fn wire_bytes<'a>(bytes: &'a [u8], run: &Run, world: &World) -> &'a [u8] {
    let post = Opcode(run.args.meta.opcode).phase() == Some(Phase::Post);
    if world.abi == Abi::Android && world.faithful() && post && run.op == Op::Statfs {
        return &bytes[..size_of::<u64>()];
    }
    bytes
}

/// A body, and the lengths it was put together from.
type Pieced = (Vec<u8>, Vec<u32>);

/// Structs in full, buffers at their current size. A buffer without data is copied from NULL.
fn request_body(args: &[Arg], run: &Run, world: &World) -> Result<Pieced, Stop> {
    if world.abi == Abi::Android && world.faithful() && run.op == Op::WriteIter {
        // The data have a length and no address, and are copied all the same (AND-4).
        if run.input::<FuseWriteIn>(0).size > 0 {
            return Err(Stop::Crash(Quirk::AND_4));
        }
    }
    let (mut body, mut lengths) = (Vec::new(), Vec::new());
    for arg in args {
        let before = body.len();
        match arg {
            Arg::None => {}
            Arg::Struct(bytes) => body.extend_from_slice(wire_bytes(bytes.bytes(), run, world)),
            Arg::Buffer(buffer) => match buffer.bytes(&run.args.arena) {
                Ok(bytes) => body.extend_from_slice(bytes),
                Err(_) => return Err(Stop::Crash(Quirk::BUF_3)),
            },
        }
        lengths.push((body.len() - before) as u32);
    }
    Ok((body, lengths))
}

/// Which arguments a reply carries back.
#[derive(Clone, Copy)]
enum Direction<'a> {
    /// These in arguments.
    In(&'a [usize]),
    /// These out arguments.
    Out(&'a [usize]),
}

/// Sends the request and applies the reply. Returns a negative errno, or 0.
fn talk(
    world: &mut World,
    run: &mut Run,
    (body, pieces): Pieced,
    error_in: Option<u32>,
    direction: Direction<'_>,
) -> Result<i64, Stop> {
    let shape = shape(run, direction, world);
    let sizes = shape.sizes.clone();
    let caller = run.caller.clone();
    let asking = Asking {
        number: run.number,
        step: run.at(),
        caller: &caller,
        opcode: Opcode(run.args.meta.opcode),
        nodeid: NodeId(run.args.meta.nodeid),
        body,
        pieces,
        error_in,
        forced: run.args.request_flags.contains(RequestFlags::FORCE),
        background: false,
        shape,
    };
    let eio = i64::from(Errno::EIO.negative());
    match ask(world, asking)? {
        Settled::Error(errno) => {
            if run.op == Op::Setxattr && error_in.is_some() {
                run.quirk(world, Quirk::N22);
            }
            Ok(i64::from(errno.negative()))
        }
        Settled::Reply { body, entries } => {
            run.scratch.entries = entries;
            apply(&mut run.args, direction, &sizes, &body);
            if matches!(direction, Direction::In(_)) && names_without_nul(run) {
                run.quirk(world, Quirk::USER_6);
            }
            Ok(0)
        }
        Settled::Broken { copied } => {
            run.quirk(world, Quirk::USER_8);
            if let Some(body) = copied {
                apply(&mut run.args, direction, &sizes, &body);
            }
            Ok(eio)
        }
    }
}

/// Whether a name came back without its NUL: it is shorter than the daemon meant.
fn names_without_nul(run: &Run) -> bool {
    run.args.ins().iter().any(|arg| match arg {
        Arg::Buffer(buffer) if run.op != Op::Setxattr => match buffer.bytes(&run.args.arena) {
            Ok(bytes) => bytes.last() != Some(&0),
            Err(_) => false,
        },
        _ => false,
    })
}

/// What the reply may hold: structs in full, buffers at most at their maximum.
fn shape(run: &Run, direction: Direction<'_>, world: &World) -> Shape {
    let args = &run.args;
    let faithful = world.faithful();
    let android = world.abi == Abi::Android;
    let list: Vec<&Arg> = match direction {
        Direction::In(indices) => indices.iter().map(|&index| &args.in_args[index]).collect(),
        Direction::Out(indices) => indices.iter().map(|&index| &args.out_args[index]).collect(),
    };
    let size = |arg: &&Arg| match arg {
        Arg::None => 0,
        Arg::Struct(bytes) => wire_bytes(bytes.bytes(), run, world).len() as u32,
        Arg::Buffer(buffer) if android && matches!(direction, Direction::In(_)) => buffer.size,
        Arg::Buffer(buffer) => buffer.max_size,
    };
    // A buffer that is not the last has a length of its own, not the longest (USER-4).
    let own = |(place, arg): (usize, &&Arg)| match arg {
        Arg::Buffer(buffer) if !faithful && place + 1 < list.len() => buffer.size,
        _ => size(arg),
    };
    let out = matches!(direction, Direction::Out(_));
    let flags = args.request_flags;
    let varies = list.last().is_some_and(|arg| {
        arg.as_buffer().is_some_and(|buffer| buffer.flags.contains(BufferFlags::VARIABLE_SIZE))
    });
    Shape {
        sizes: list.iter().enumerate().map(own).collect(),
        variable: varies || out && flags.contains(RequestFlags::OUT_ARGVAR),
        entries: out && flags.contains(RequestFlags::IS_LOOKUP),
    }
}

/// Copies a reply that fits into the arguments.
fn apply(args: &mut CallArgs, direction: Direction<'_>, sizes: &[u32], reply: &[u8]) {
    let indices = match direction {
        Direction::In(indices) | Direction::Out(indices) => indices,
    };
    let mut rest = reply;
    for (&index, &size) in indices.iter().zip(sizes) {
        let CallArgs { in_args, out_args, arena, .. } = args;
        let arg = match direction {
            Direction::In(_) => &mut in_args[index],
            Direction::Out(_) => &mut out_args[index],
        };
        match arg {
            Arg::None => {}
            Arg::Struct(bytes) => {
                let (head, tail) = rest.split_at(bytes.bytes().len().min(rest.len()));
                bytes.bytes_mut()[..head.len()].copy_from_slice(head);
                rest = tail;
            }
            Arg::Buffer(buffer) => {
                let (head, tail) = rest.split_at((size as usize).min(rest.len()));
                if let Some(memory) = buffer.data {
                    let written = arena.write(memory, 0, head);
                    debug_assert!(written.is_ok(), "the buffer was made as large as its maximum");
                }
                buffer.size = head.len() as u32;
                rest = tail;
            }
        }
    }
}
