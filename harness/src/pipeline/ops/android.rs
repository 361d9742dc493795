//! What Android does in steps that the posted versions do not have.

use fuserig_abi::{Abi, Errno, Op, Quirk};

use super::open::handle;
use super::xattr::size;
use crate::kernel::World;
use crate::pipeline::{Run, Value};

/// Finalize after a prefilter that failed, with out arguments that still are the in arguments
/// (AND-1). A value that is not 0 becomes the result.
pub(in crate::pipeline) fn aliased_finalize(world: &mut World, run: &mut Run) -> i64 {
    run.scratch.aliased = false;
    if !world.faithful() {
        return 0;
    }
    let code = match run.op {
        // The size field of the first in argument stands where that of the value is looked for.
        Op::Getxattr | Op::Listxattr if size(run) > 0 => 8,
        Op::Lseek => {
            let number = handle_number(run);
            world.mount.handles[handle(run)].position = number;
            number
        }
        Op::ReadIter | Op::WriteIter => handle_number(run),
        Op::Getattr => {
            world.mount.inodes[run.inode].bad = true;
            i64::from(Errno::EIO.negative())
        }
        Op::Lookup => i64::from(Errno::ENOENT.negative()),
        // FIDELITY: readdir walks a page that nobody filled; what it finds is not determined, and
        // here it finds nothing.
        _ => 0,
    };
    if code != 0 && code != run.error || run.op == Op::Readdir {
        run.quirk(world, Quirk::AND_1);
    }
    code
}

/// The number that finalize of lseek, read, write and the two readers of attributes gives. Android
/// returns it as a pointer: one that is not 0 replaces whatever was the result, an error of the
/// program or of the daemon too, and 0 leaves what was there (AND-6).
pub(super) fn number_result(world: &mut World, run: &mut Run, number: i64) {
    if world.abi != Abi::Android || !world.faithful() {
        run.value = Value::Number(number);
        return;
    }
    let before = match run.value {
        Value::Number(before) => before,
        _ => 0,
    };
    if number == 0 {
        if before != 0 {
            run.quirk(world, Quirk::AND_6);
        }
        run.value = Value::Number(before);
        return;
    }
    if run.error < 0 && number != run.error {
        run.quirk(world, Quirk::AND_6);
        run.error = 0;
    }
    run.value = Value::Number(number);
}

/// The first eight bytes of the in struct.
fn handle_number(run: &Run) -> i64 {
    let bytes = run.args.in_args[0].as_struct().map_or(&[][..], |arg| arg.bytes());
    let first: [u8; 8] = bytes.get(..8).and_then(|b| b.try_into().ok()).unwrap_or([0; 8]);
    i64::from_le_bytes(first)
}
