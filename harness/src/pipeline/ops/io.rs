//! lseek, copy_file_range, fsync, dir_fsync, read_iter, write_iter, file_fallocate.

use fuserig_abi::{
    Abi, Errno, FuseCopyFileRangeIn, FuseFallocateIn, FuseFsyncIn, FuseLseekIn, FuseLseekOut,
    FuseReadIn, FuseReadIterOut, FuseWriteIn, FuseWriteIterOut, FuseWriteOut, Quirk, RequestFlags,
};
use fuserig_sim_fs::{FallocateMode, LowerExt, LowerOp, LowerReply, OpenFlags, Whence};

use super::android::number_result;
use super::open::{backing, handle, hidden_code, own_nodeid};
use super::row::Code;
use crate::kernel::World;
use crate::pipeline::dispatch;
use crate::pipeline::{Operation, Run, Value};

pub(super) fn lseek_in(world: &mut World, run: &mut Run) -> Code {
    let Operation::Lseek { handle, offset, whence } = run.operation else {
        unreachable!("the row belongs to lseek")
    };
    run.args.meta.nodeid = own_nodeid(world, run);
    run.push_input(&FuseLseekIn {
        fh: world.mount.handles[handle].fh.0,
        offset: offset as u64,
        whence: whence.raw(),
        padding: 0,
    });
    Ok(0)
}

pub(super) fn lseek_out(_: &mut World, run: &mut Run) -> Code {
    run.push_output(&FuseLseekOut::default());
    Ok(0)
}

pub(super) fn lseek_lower(world: &mut World, run: &mut Run) -> Code {
    let Operation::Lseek { handle, offset, whence } = run.operation else {
        unreachable!("the row belongs to lseek")
    };
    let input = run.input::<FuseLseekIn>(0);
    let position = world.mount.handles[handle].position;
    let changed = input.offset != 0 || input.whence != whence.raw();
    let short_circuit = offset == 0
        && matches!(whence, Whence::Set | Whence::Cur)
        && (world.faithful() || !changed);
    if short_circuit && changed {
        run.quirk(world, Quirk::LSEEK_2);
    }
    let result = match whence {
        Whence::Cur if short_circuit => position,
        Whence::Set if short_circuit => 0,
        _ => match seek_below(world, run, &input, position)? {
            Ok(position) => position as i64,
            Err(errno) => i64::from(errno.negative()),
        },
    };
    if result < 0 && !short_circuit {
        if !world.faithful() || world.abi == Abi::Android {
            return Ok(result);
        }
        run.quirk(world, Quirk::LSEEK_1);
    }
    run.set_output(0, &FuseLseekOut { offset: result as u64 });
    Ok(0)
}

fn seek_below(
    world: &mut World,
    run: &Run,
    input: &FuseLseekIn,
    position: i64,
) -> Result<Result<u64, Errno>, crate::pipeline::Stop> {
    let fh = backing(world, handle(run))?;
    let Some(whence) = Whence::from_raw(input.whence) else { return Ok(Err(Errno::EINVAL)) };
    let offset = input.offset as i64;
    // The position may be a negative errno by now (LSEEK-1), which no lower handle can have.
    let (offset, whence) = match whence {
        Whence::Cur => match position.checked_add(offset) {
            Some(sum) => (sum, Whence::Set),
            None => return Ok(Err(Errno::EOVERFLOW)),
        },
        other => (offset, other),
    };
    Ok(world.lower.seek(&run.caller, fh, offset, whence, 0))
}

pub(super) fn lseek_finalize(world: &mut World, run: &mut Run) -> Code {
    let offset = run.output::<FuseLseekOut>(0).offset as i64;
    if run.args.meta.error_in == 0 {
        world.mount.handles[handle(run)].position = offset;
        number_result(world, run, offset);
    } else if world.faithful() {
        number_result(world, run, offset);
    }
    Ok(0)
}

pub(super) fn copy_in(world: &mut World, run: &mut Run) -> Code {
    let Operation::CopyFileRange { from, from_offset, to, to_offset, length, flags } =
        run.operation
    else {
        unreachable!("the row belongs to copy_file_range")
    };
    run.args.meta.nodeid = own_nodeid(world, run);
    let (source, target) = (&world.mount.handles[from], &world.mount.handles[to]);
    run.push_input(&FuseCopyFileRangeIn {
        fh_in: source.fh.0,
        off_in: from_offset,
        nodeid_out: target.nodeid.0,
        fh_out: target.fh.0,
        off_out: to_offset,
        len: length,
        flags: u64::from(flags),
    });
    Ok(0)
}

pub(super) fn copy_out(_: &mut World, run: &mut Run) -> Code {
    run.push_output(&FuseWriteOut::default());
    Ok(0)
}

pub(super) fn copy_lower(world: &mut World, run: &mut Run) -> Code {
    let Operation::CopyFileRange { from, to, .. } = run.operation else {
        unreachable!("the row belongs to copy_file_range")
    };
    let input = run.input::<FuseCopyFileRangeIn>(0);
    let from = backing(world, from)?;
    if world.abi == Abi::Android && world.mount.handles[to].backing.is_none() {
        run.quirk(world, Quirk::AND_7);
        return Ok(i64::from(Errno::EXDEV.negative()));
    }
    let to = backing(world, to)?;
    let answer = world.lower(
        &run.caller,
        &LowerOp::CopyRange {
            from,
            from_offset: input.off_in,
            to,
            to_offset: input.off_out,
            length: input.len,
            flags: u32::try_from(input.flags).unwrap_or(u32::MAX),
        },
    );
    match answer {
        Ok(LowerReply::Count(count)) => {
            run.value = Value::Number(count as i64);
            if world.faithful() && dispatch::sees_arguments(world, run) {
                run.quirk(world, Quirk::CFR_1);
            }
            if !world.faithful() {
                let size = u32::try_from(count).unwrap_or(u32::MAX);
                run.set_output(0, &FuseWriteOut { size, padding: 0 });
            }
            Ok(0)
        }
        Ok(other) => unreachable!("copy_file_range answered {other:?}"),
        Err(errno) => hidden_code::<()>(world, run, Err(errno)),
    }
}

pub(super) fn fsync_in(world: &mut World, run: &mut Run) -> Code {
    let Operation::Fsync { handle, datasync, .. } = run.operation else {
        unreachable!("the row belongs to fsync")
    };
    run.args.meta.nodeid = own_nodeid(world, run);
    run.args.request_flags |= RequestFlags::FORCE;
    run.push_input(&FuseFsyncIn {
        fh: world.mount.handles[handle].fh.0,
        fsync_flags: u32::from(datasync),
        padding: 0,
    });
    Ok(0)
}

pub(super) fn fsync_lower(world: &mut World, run: &mut Run) -> Code {
    let fh = backing(world, handle(run))?;
    let datasync = run.input::<FuseFsyncIn>(0).fsync_flags & 1 != 0;
    let answer = world.lower.fsync(&run.caller, fh, datasync);
    hidden_code(world, run, answer)
}

pub(super) fn read_in(world: &mut World, run: &mut Run) -> Code {
    let Operation::ReadIter { handle, offset, size } = run.operation else {
        unreachable!("the row belongs to read_iter")
    };
    let handle = &world.mount.handles[handle];
    run.args.meta.nodeid = handle.nodeid.0;
    let fh = handle.fh.0;
    // The size field has 32 bits; what does not fit is cut off.
    run.push_input(&FuseReadIn { fh, offset, size: size as u32, ..FuseReadIn::default() });
    Ok(0)
}

pub(super) fn read_out(_: &mut World, run: &mut Run) -> Code {
    let ret = u64::from(run.input::<FuseReadIn>(0).size);
    run.push_output(&FuseReadIterOut { ret });
    Ok(0)
}

pub(super) fn read_lower(world: &mut World, run: &mut Run) -> Code {
    let Operation::ReadIter { handle, offset, size } = run.operation else {
        unreachable!("the row belongs to read_iter")
    };
    let input = run.input::<FuseReadIn>(0);
    if input.offset != offset || input.size != size as u32 {
        run.quirk(world, Quirk::READ_3);
    }
    if size == 0 {
        if !world.faithful() {
            run.set_output(0, &FuseReadIterOut { ret: 0 });
        } else if input.size != 0 {
            run.quirk(world, Quirk::READ_2);
        }
        return Ok(0);
    }
    let fh = backing(world, handle)?;
    let direct = world.mount.handles[handle].flags.contains(OpenFlags::DIRECT);
    if direct && !world.direct_io {
        return Ok(i64::from(Errno::EINVAL.negative()));
    }
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    match world.lower.read(&run.caller, fh, offset, size) {
        Ok(data) => {
            let count = data.len() as u64;
            run.scratch.data = data;
            run.set_output(0, &FuseReadIterOut { ret: count });
            // Faithfully the count becomes the pipeline's error and wins (READ-1).
            let counted = world.faithful() && world.abi != Abi::Android;
            Ok(if counted { count as i64 } else { 0 })
        }
        Err(errno) => {
            let code = i64::from(errno.negative());
            run.set_output(0, &FuseReadIterOut { ret: code as u64 });
            Ok(code)
        }
    }
}

pub(super) fn read_finalize(world: &mut World, run: &mut Run) -> Code {
    let ret = run.output::<FuseReadIterOut>(0).ret as i64;
    number_result(world, run, ret);
    if ret == 0 && !run.scratch.data.is_empty() {
        // Nothing is no result there, and what was before stays: nothing.
        run.quirk(world, Quirk::AND_6);
    }
    if world.faithful() && run.error > 0 && ret != run.error {
        run.quirk(world, Quirk::READ_1);
    }
    Ok(0)
}

pub(super) fn write_in(world: &mut World, run: &mut Run) -> Code {
    let Operation::WriteIter { handle, offset, ref data, .. } = run.operation else {
        unreachable!("the row belongs to write_iter")
    };
    let handle = &world.mount.handles[handle];
    run.args.meta.nodeid = handle.nodeid.0;
    let fh = handle.fh.0;
    let size = data.len() as u32;
    run.push_input(&FuseWriteIn { fh, offset, size, ..FuseWriteIn::default() });
    Ok(0)
}

pub(super) fn write_out(_: &mut World, run: &mut Run) -> Code {
    run.push_output(&FuseWriteIterOut::default());
    Ok(0)
}

pub(super) fn write_lower(world: &mut World, run: &mut Run) -> Code {
    let Operation::WriteIter { handle, offset, ref data, append } = run.operation else {
        unreachable!("the row belongs to write_iter")
    };
    let input = run.input::<FuseWriteIn>(0);
    if input.offset != offset || input.size != data.len() as u32 {
        run.quirk(world, Quirk::READ_3);
    }
    if data.is_empty() {
        return Ok(0);
    }
    let fh = backing(world, handle)?;
    // The flags of the write go along, and so do those of the FUSE file, also set after the open.
    let appends = append || world.mount.handles[handle].flags.contains(OpenFlags::APPEND);
    let node = world.mount.inodes[run.inode].backing;
    let end = match node {
        Some(node) if appends => world.lower.getattr(&run.caller, node).map(|stat| stat.size).ok(),
        _ => None,
    };
    let offset = end.unwrap_or(offset);
    match world.lower(&run.caller, &LowerOp::Write { fh, offset, data }) {
        Ok(LowerReply::Written { count, end }) => {
            run.set_output(0, &FuseWriteIterOut { ret: count });
            let inode = &mut world.mount.inodes[run.inode];
            inode.size = inode.size.max(end);
            // Where the caller's position goes; an appending file writes elsewhere than asked.
            run.scratch.data = end.to_le_bytes().to_vec();
            Ok(0)
        }
        Ok(other) => unreachable!("write answered {other:?}"),
        Err(errno) => {
            let code = i64::from(errno.negative());
            run.set_output(0, &FuseWriteIterOut { ret: code as u64 });
            Ok(code)
        }
    }
}

pub(super) fn write_finalize(world: &mut World, run: &mut Run) -> Code {
    let ret = run.output::<FuseWriteIterOut>(0).ret as i64;
    number_result(world, run, ret);
    Ok(0)
}

pub(super) fn fallocate_in(world: &mut World, run: &mut Run) -> Code {
    let Operation::FileFallocate { handle, mode, offset, length } = run.operation else {
        unreachable!("the row belongs to file_fallocate")
    };
    let handle = &world.mount.handles[handle];
    run.args.meta.nodeid = handle.nodeid.0;
    let fh = handle.fh.0;
    run.push_input(&FuseFallocateIn { fh, offset, length, mode, padding: 0 });
    Ok(0)
}

pub(super) fn fallocate_lower(world: &mut World, run: &mut Run) -> Code {
    let fh = backing(world, handle(run))?;
    let input = run.input::<FuseFallocateIn>(0);
    let mode = FallocateMode::from_bits_retain(input.mode);
    let answer = world.lower.fallocate(&run.caller, fh, mode, input.offset, input.length);
    hidden_code(world, run, answer)
}
