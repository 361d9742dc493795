//! PREFILTER and POSTFILTER requests: what is sent to the daemon and what its reply changes
//! (SEMANTICS 2.6, 2.7).

use fuserig_abi::{
    Arg, BufferFlags, CallArgs, Errno, NodeId, Op, Opcode, Request, RequestFlags, Unique,
};

use super::run::quirk;
use super::{Answer, Run, Stop, What};
use crate::kernel::World;

/// Length of one lookup entry; a reply's entries are a multiple of it.
const ENTRY: usize = 24;

/// P4. Returns a negative errno, or 0 when the daemon let the operation go on.
pub(super) fn prefilter(world: &mut World, run: &mut Run) -> Result<i64, Stop> {
    if run.args.in_count == 0 {
        // The index of the last argument is taken before the first (USER-1).
        return Err(Stop::Crash(quirk("USER-1")));
    }
    let last = run.args.in_count - 1;
    let echoed = match &run.args.in_args[last] {
        Arg::Buffer(buffer) if buffer.flags.contains(BufferFlags::IMMUTABLE) => last,
        _ => run.args.in_count,
    };
    if echoed == 0 {
        run.quirk(world, "USER-5");
    }
    let CallArgs { in_args, arena, .. } = &mut run.args;
    for arg in &mut in_args[..echoed] {
        if let Arg::Buffer(buffer) = arg {
            let max = u64::from(buffer.max_size);
            let answer = buffer.get_writeable(arena, max, true);
            let Some(memory) = answer.memory else {
                run.quirk(world, "USER-2");
                return Ok(i64::from(Errno::ENOMEM.negative()));
            };
            buffer.data = Some(memory);
        }
    }
    let body = request_body(&run.args.in_args[..run.args.in_count], run)?;
    let reply = match ask(world, run, body, None)? {
        Ok(reply) => reply,
        Err(code) => return Ok(code),
    };
    match apply(&mut run.args, Direction::In(echoed), &reply) {
        Ok(()) => Ok(0),
        Err(errno) => Ok(i64::from(errno.negative())),
    }
}

/// P11. Returns a negative errno, or 0.
pub(super) fn postfilter(world: &mut World, run: &mut Run) -> Result<i64, Stop> {
    let wire: Vec<usize> = wire_outs(run);
    let mut lost_error = false;
    let CallArgs { out_args, arena, .. } = &mut run.args;
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
        run.quirk(world, "USER-7");
    }
    let mut args: Vec<Arg> = run.args.ins().to_vec();
    args.extend(wire.iter().map(|&index| run.args.out_args[index]));
    let body = request_body(&args, run)?;
    let error_in = Some(run.args.meta.error_in);
    // The room for the reply becomes the size, also when no reply comes (N8).
    for &index in &wire {
        if let Arg::Buffer(buffer) = &mut run.args.out_args[index] {
            buffer.size = buffer.max_size;
        }
    }
    let reply = match ask(world, run, body, error_in)? {
        Ok(reply) => reply,
        Err(code) => {
            if run.op == Op::Readdir {
                run.quirk(world, "N8");
            }
            return Ok(code);
        }
    };
    if run.op == Op::Setxattr {
        return Err(Stop::Crash(quirk("USER-3")));
    }
    match apply(&mut run.args, Direction::Out(&wire), &reply) {
        Ok(()) => Ok(0),
        Err(errno) => Ok(i64::from(errno.negative())),
    }
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

/// Structs in full, buffers at their current size. A buffer without data is copied from NULL.
fn request_body(args: &[Arg], run: &Run) -> Result<Vec<u8>, Stop> {
    let mut body = Vec::new();
    for arg in args {
        match arg {
            Arg::None => {}
            Arg::Struct(bytes) => body.extend_from_slice(bytes.bytes()),
            Arg::Buffer(buffer) => match buffer.bytes(&run.args.arena) {
                Ok(bytes) => body.extend_from_slice(bytes),
                Err(_) => return Err(Stop::Crash(quirk("BUF-3"))),
            },
        }
    }
    Ok(body)
}

/// Sends the request and takes the reply's body, or the errno it failed with.
fn ask(
    world: &mut World,
    run: &mut Run,
    body: Vec<u8>,
    error_in: Option<u32>,
) -> Result<Result<Vec<u8>, i64>, Stop> {
    let opcode = run.args.meta.opcode;
    let request = Request {
        unique: Unique(run.number * 2),
        nodeid: NodeId(run.args.meta.nodeid),
        opcode: Opcode(opcode),
        uid: run.caller.credentials.uid,
        gid: run.caller.credentials.gid,
        pid: run.caller.pid,
        body,
        error_in,
    };
    let step = run.at();
    run.emit(world, step, What::DaemonRequest { opcode, body: &request.body });
    let forced = run.args.request_flags.contains(RequestFlags::FORCE);
    let answer = world.daemon.answer(&request);
    match answer {
        // A forced request is queued even without a server, for ever (N4).
        Answer::Refused(_) if forced => Err(Stop::Hang(quirk("N4"))),
        Answer::Never => Err(Stop::Hang(quirk("N4"))),
        Answer::Refused(errno) => Ok(Err(i64::from(errno.negative()))),
        Answer::Reply(reply) => {
            run.emit(world, step, What::DaemonReply { error: reply.error, body: &reply.body });
            if reply.error != 0 && !reply.body.is_empty() {
                return Ok(Err(i64::from(Errno::EIO.negative())));
            }
            if reply.error < 0 {
                return Ok(Err(i64::from(reply.error)));
            }
            Ok(Ok(reply.body))
        }
    }
}

/// Which arguments a reply carries back.
#[derive(Clone, Copy)]
enum Direction<'a> {
    /// The first in arguments, so many.
    In(usize),
    /// These out arguments.
    Out(&'a [usize]),
}

/// Copies a reply into the arguments after the checks of 2.6.1; a wrong length is EIO.
fn apply(args: &mut CallArgs, direction: Direction<'_>, reply: &[u8]) -> Result<(), Errno> {
    let indices: Vec<usize> = match direction {
        Direction::In(count) => (0..count).collect(),
        Direction::Out(wire) => wire.to_vec(),
    };
    let lookup = args.request_flags.contains(RequestFlags::IS_LOOKUP);
    let out_varies = args.request_flags.contains(RequestFlags::OUT_ARGVAR)
        && matches!(direction, Direction::Out(_));
    let mut rest = reply;
    for (place, &index) in indices.iter().enumerate() {
        let last = place + 1 == indices.len();
        let CallArgs { in_args, out_args, arena, .. } = args;
        let arg = match direction {
            Direction::In(_) => &mut in_args[index],
            Direction::Out(_) => &mut out_args[index],
        };
        match arg {
            Arg::None => {}
            Arg::Struct(bytes) => {
                let length = bytes.bytes().len();
                let (head, tail) = rest.split_at_checked(length).ok_or(Errno::EIO)?;
                bytes.bytes_mut().copy_from_slice(head);
                rest = tail;
            }
            Arg::Buffer(buffer) => {
                let full = buffer.max_size as usize;
                let varies =
                    last && (out_varies || buffer.flags.contains(BufferFlags::VARIABLE_SIZE));
                let length = if varies { rest.len() } else { full };
                let entries = lookup && matches!(direction, Direction::Out(_));
                if length > full || length > rest.len() || entries && length % ENTRY != 0 {
                    return Err(Errno::EIO);
                }
                let (head, tail) = rest.split_at(length);
                arena.write(buffer.data, 0, head).map_err(|_fault| Errno::EIO)?;
                buffer.size = length as u32;
                rest = tail;
            }
        }
    }
    if rest.is_empty() { Ok(()) } else { Err(Errno::EIO) }
}
