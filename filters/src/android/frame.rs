//! The arguments of an operation as windows, and back.

use fuserig_abi::{Arg, CallArgs, Dir, Op, Phase, RequestFlags};

/// Bytes that the verifier lets a program touch behind each argument, whatever its size (AND-2).
pub(crate) const WINDOW: usize = 256;

/// One argument as a program sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Which argument of the operation it is.
    pub(crate) dir: Dir,
    /// Its place in that direction.
    pub(crate) position: usize,
    /// The size that the context shows.
    pub(crate) size: u32,
    /// The bytes there are; none for a NULL value.
    pub(crate) bytes: Option<Vec<u8>>,
    /// Whether a program may write to it in this phase.
    pub(crate) is_out: bool,
}

/// The windows of a call, the in arguments first.
pub(crate) fn windows(args: &CallArgs, phase: Phase) -> Vec<Window> {
    let mut found = Vec::new();
    for position in 0..args.ins().len() {
        found.extend(window(args, Dir::In, position, phase == Phase::Pre));
    }
    if args.op == Op::WriteIter {
        // The data have a size and no address (AND-4).
        let size = args.in_args[0].as_struct().map_or(0, |write| {
            u32::from_le_bytes(write.bytes()[16..20].try_into().expect("four bytes"))
        });
        let (dir, position) = (Dir::In, 1);
        found.push(Window { dir, position, size, bytes: None, is_out: phase == Phase::Pre });
    }
    if phase == Phase::Post {
        for position in outs(args) {
            found.extend(window(args, Dir::Out, position, true));
        }
    }
    found
}

/// The out arguments there are on the wire: of value and out, the one this size argument fills.
fn outs(args: &CallArgs) -> Vec<usize> {
    match args.op {
        Op::Getxattr | Op::Listxattr => {
            let sized = args.request_flags.contains(RequestFlags::OUT_ARGVAR);
            vec![usize::from(!sized)]
        }
        _ => (0..args.outs().len()).collect(),
    }
}

fn window(args: &CallArgs, dir: Dir, position: usize, is_out: bool) -> Option<Window> {
    let (size, bytes) = match args.arg(dir, position)? {
        Arg::None => return None,
        Arg::Struct(structure) => {
            let bytes = structure.bytes();
            let size = u32::try_from(bytes.len()).expect("at most 128 bytes");
            // The size of a pointer stands there (AND-3).
            let size = if (args.op, dir) == (Op::Statfs, Dir::Out) { 8 } else { size };
            (size, Some(bytes.to_vec()))
        }
        Arg::Buffer(buffer) => (buffer.size, buffer.bytes(&args.arena).ok().map(<[u8]>::to_vec)),
    };
    Some(Window { dir, position, size, bytes, is_out })
}

/// Puts the bytes of a window that a program wrote to where they came from.
pub(crate) fn write_back(args: &mut CallArgs, window: &Window, bytes: &[u8]) {
    let Some(old) = &window.bytes else { return };
    let bytes = &bytes[..old.len().min(bytes.len())];
    if bytes == &old[..bytes.len()] {
        return;
    }
    let Some(target) = args.arg_mut(window.dir, window.position) else { return };
    match target {
        Arg::Struct(structure) => structure.bytes_mut()[..bytes.len()].copy_from_slice(bytes),
        Arg::Buffer(buffer) => {
            let data = buffer.data;
            let written = args.arena.write(data, 0, bytes);
            debug_assert!(written.is_ok(), "the window was read from there");
        }
        Arg::None => {}
    }
}
