//! open, opendir, create_open, release, releasedir, flush.

use fuserig_abi::{
    Abi, AccessMask, Errno, Fh, FuseCreateIn, FuseEntryOut, FuseFlushIn, FuseOpenIn, FuseOpenOut,
    FuseReleaseIn, Ino, NodeId, Quirk, RequestFlags,
};
use fuserig_sim_fs::{LowerExt, LowerOp, LowerReply, OpenCheck, OpenFlags};

use super::name::{created_mode, push_immutable};
use super::row::Code;
use crate::kernel::{BackingPath, DentryId, Handle, HandleId, World};
use crate::pipeline::dispatch;
use crate::pipeline::{Operation, Run, Stop, Value};

/// Flags that `dentry_open` does not act upon, because path resolution did.
const RESOLVED: OpenFlags = OpenFlags::CREAT
    .union(OpenFlags::EXCL)
    .union(OpenFlags::NOCTTY)
    .union(OpenFlags::TRUNC)
    .union(OpenFlags::DIRECTORY)
    .union(OpenFlags::NOFOLLOW);

/// Flags of the file that fuse never sends: they were the VFS's business.
const NEVER_SENT: u32 = OpenFlags::CREAT.bits() | OpenFlags::EXCL.bits() | OpenFlags::NOCTTY.bits();

/// The handle an operation is about.
pub(super) fn handle(run: &Run) -> HandleId {
    match run.operation {
        Operation::Open { handle, .. }
        | Operation::Release { handle, .. }
        | Operation::Flush { handle }
        | Operation::Lseek { handle, .. }
        | Operation::Fsync { handle, .. }
        | Operation::ReadIter { handle, .. }
        | Operation::WriteIter { handle, .. }
        | Operation::FileFallocate { handle, .. }
        | Operation::Readdir { handle, .. }
        | Operation::CopyFileRange { from: handle, .. } => handle,
        _ => unreachable!("{:?} has no handle", run.op),
    }
}

/// The nodeid of the pipeline's inode, which most operations show in meta.
pub(super) fn own_nodeid(world: &World, run: &Run) -> u64 {
    world.mount.inodes[run.inode].nodeid.0
}

pub(super) fn open_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    let flags = world.mount.handles[handle(run)].flags.bits() & !NEVER_SENT;
    run.push_input(&FuseOpenIn { flags, open_flags: 0 });
    Ok(0)
}

pub(super) fn open_out(_: &mut World, run: &mut Run) -> Code {
    run.push_output(&FuseOpenOut::default());
    Ok(0)
}

pub(super) fn open_lower(world: &mut World, run: &mut Run) -> Code {
    let handle = handle(run);
    let flags = OpenFlags::from_bits_retain(run.input::<FuseOpenIn>(0).flags);
    let answer = match may_open(world, run, handle, flags) {
        Ok(node) => open_below(world, run, handle, node, flags),
        Err(errno) => {
            if world.faithful() {
                // The handle object stays attached to the file and is not freed.
                world.mount.leaks.handles += 1;
                run.quirk(world, Quirk::OPEN_1);
            }
            Err(errno)
        }
    };
    Ok(code(answer))
}

/// The checks before the lower open: the access mode, then the permission. Only their failures
/// leak the handle object (4.3, open).
fn may_open(
    world: &mut World,
    run: &Run,
    handle: HandleId,
    flags: OpenFlags,
) -> Result<Ino, Errno> {
    let mask = access_for(flags).ok_or(Errno::EINVAL)?;
    let node = backing_node(world, handle)?;
    world.lower.access(&run.caller, node, mask)?;
    Ok(node)
}

fn access_for(flags: OpenFlags) -> Option<AccessMask> {
    match flags.access_mode() {
        0 => Some(AccessMask::READ),
        1 => Some(AccessMask::WRITE),
        2 => Some(AccessMask::READ | AccessMask::WRITE),
        _ => None,
    }
}

fn open_below(
    world: &mut World,
    run: &Run,
    handle: HandleId,
    node: Ino,
    flags: OpenFlags,
) -> Result<(), Errno> {
    let op = LowerOp::Open { node, flags: flags.difference(RESOLVED), check: OpenCheck::Granted };
    let LowerReply::Opened(fh) = world.lower(&run.caller, &op)? else {
        unreachable!("open answers Opened")
    };
    world.mount.handles[handle].backing = Some(fh);
    Ok(())
}

fn backing_node(world: &World, handle: HandleId) -> Result<Ino, Errno> {
    let dentry = &world.mount.dentries[world.mount.handles[handle].dentry];
    dentry.backing.as_ref().and_then(|path| path.node).ok_or(Errno::EBADF)
}

pub(super) fn open_finalize(world: &mut World, run: &mut Run) -> Code {
    let out = run.output::<FuseOpenOut>(0);
    let nodeid = NodeId(own_nodeid(world, run));
    let handle = &mut world.mount.handles[handle(run)];
    handle.fh = Fh(out.fh);
    handle.nodeid = nodeid;
    run.value = Value::Number(0);
    Ok(0)
}

pub(super) fn create_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    let Operation::CreateOpen { dentry, flags, mode } = run.operation else {
        unreachable!("the row belongs to create_open")
    };
    let flags = flags & !NEVER_SENT;
    run.push_input(&FuseCreateIn { flags, mode, umask: 0, open_flags: 0 });
    push_immutable(world, run, "name", dentry);
    Ok(0)
}

pub(super) fn create_out(_: &mut World, run: &mut Run) -> Code {
    run.push_output(&FuseEntryOut::default());
    run.push_output(&FuseOpenOut::default());
    Ok(0)
}

pub(super) fn create_lower(world: &mut World, run: &mut Run) -> Code {
    Ok(match create_below(world, run) {
        Ok(()) => 0,
        Err(errno) => i64::from(errno.negative()),
    })
}

fn create_below(world: &mut World, run: &mut Run) -> Result<(), Errno> {
    let Operation::CreateOpen { dentry, flags, .. } = run.operation else {
        unreachable!("the row belongs to create_open")
    };
    let Some(path) = world.mount.dentries[dentry].backing.clone() else {
        return Err(Errno::EBADF);
    };
    if path.node.is_some() {
        return Err(Errno::EIO);
    }
    let path = looked_up_again(world, run, path)?;
    let mode = run.input::<FuseCreateIn>(0).mode;
    let mode = created_mode(world, run, path.parent, (mode, 0));
    let stat = world.lower.create(&run.caller, path.parent, &path.name, mode)?;
    // Looked for under key 0 whatever entry_out says later (4.3, create_open).
    let inode = world.mount.inode_for(NodeId(0), &stat);
    world.mount.inodes[inode].filter = child_filter(world, run, dentry);
    world.mount.dentries[dentry].backing = Some(BackingPath { node: Some(stat.ino), ..path });
    world.mount.splice(inode, dentry);
    // The ORIGINAL flags open the file (NEW-3).
    let filtered = run.input::<FuseCreateIn>(0).flags;
    let mut flags = OpenFlags::from_bits_retain(flags);
    if filtered != flags.bits() & !NEVER_SENT {
        if world.faithful() {
            run.quirk(world, Quirk::NEW_3);
        } else {
            flags = OpenFlags::from_bits_retain(filtered);
        }
    }
    let op = LowerOp::Open {
        node: stat.ino,
        flags: flags.difference(RESOLVED),
        check: OpenCheck::Granted,
    };
    let LowerReply::Opened(fh) = world.lower(&run.caller, &op)? else {
        unreachable!("open answers Opened")
    };
    let mut handle = Handle::new(inode, dentry, flags);
    handle.backing = Some(fh);
    world.mount.hold_inode(inode);
    world.mount.hold(dentry);
    let handle = world.mount.handles.insert(handle);
    run.scratch.handle = Some(handle);
    run.value = Value::Handle(handle);
    Ok(())
}

/// The program of a new file or directory. On Android the negative lookup before it chose one,
/// which stands on the dentry (LOOK-11); elsewhere that of the parent is inherited.
pub(super) fn child_filter(
    world: &mut World,
    run: &Run,
    dentry: DentryId,
) -> Option<crate::kernel::FilterId> {
    if world.abi != Abi::Android {
        return run.filter;
    }
    match world.mount.dentries[dentry].program.take() {
        Some(chosen) => {
            if chosen != run.filter {
                run.quirk(world, Quirk::LOOK_11);
            }
            chosen
        }
        None => run.filter,
    }
}

/// Android looks the name up again that the prefilter left, and what is there already is EIO.
fn looked_up_again(world: &mut World, run: &Run, path: BackingPath) -> Result<BackingPath, Errno> {
    if world.abi != Abi::Android {
        return Ok(path);
    }
    let name =
        run.args.in_args[1].as_buffer().and_then(|buffer| buffer.c_string(&run.args.arena).ok());
    let name = name.map_or_else(|| path.name.clone(), std::sync::Arc::from);
    match world.lower.lookup(&run.caller, path.parent, &name) {
        Ok(_) => Err(Errno::EIO),
        Err(Errno::ENOENT) => Ok(BackingPath { name, ..path }),
        Err(errno) => Err(errno),
    }
}

pub(super) fn create_finalize(world: &mut World, run: &mut Run) -> Code {
    let Some(handle) = run.scratch.handle else { return Ok(0) };
    let entry = run.output::<FuseEntryOut>(0);
    let out = run.output::<FuseOpenOut>(1);
    let inode = world.mount.handles[handle].inode;
    world.mount.inodes[inode].nodeid = NodeId(entry.nodeid);
    world.mount.handles[handle].fh = Fh(out.fh);
    if entry.nodeid != 0 && world.faithful() {
        run.quirk(world, Quirk::NEW_4);
    }
    if !world.faithful() {
        world.mount.handles[handle].nodeid = NodeId(entry.nodeid);
    }
    Ok(0)
}

pub(super) fn release_in(world: &mut World, run: &mut Run) -> Code {
    let id = handle(run);
    run.args.meta.nodeid = own_nodeid(world, run);
    // The lower file is dropped here, whatever the filter will say.
    let Some(fh) = world.mount.handles[id].backing.take() else {
        return Err(Stop::Crash(Quirk::OPEN_2));
    };
    // A lower file that cannot be released is gone all the same.
    let _ = world.lower.release(&run.caller, fh);
    let fh = world.mount.handles[id].fh.0;
    run.push_input(&FuseReleaseIn { fh, ..FuseReleaseIn::default() });
    Ok(0)
}

/// The value becomes 0. An error of the postfilter or of the daemon still wins over it (2.4);
/// the VFS looks at neither.
pub(super) fn release_finalize(world: &mut World, run: &mut Run) -> Code {
    world.mount.handles[handle(run)].private = false;
    run.value = Value::Number(0);
    Ok(0)
}

pub(super) fn flush_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    run.args.request_flags |= RequestFlags::FORCE;
    let fh = world.mount.handles[handle(run)].fh.0;
    run.push_input(&FuseFlushIn { fh, ..FuseFlushIn::default() });
    Ok(0)
}

pub(super) fn flush_lower(world: &mut World, run: &mut Run) -> Code {
    let fh = backing(world, handle(run))?;
    let owner = u64::from(run.caller.pid.0);
    run.value = Value::Number(0);
    Ok(code(world.lower(&run.caller, &LowerOp::Flush { fh, owner })))
}

/// The lower file of a handle that every lower step needs; without it the kernel dereferences
/// NULL (OPEN-2).
pub(super) fn backing(world: &World, handle: HandleId) -> Result<fuserig_sim_fs::LowerFh, Stop> {
    world.mount.handles[handle].backing.ok_or(Stop::Crash(Quirk::OPEN_2))
}

/// A lower answer as a kernel return value.
pub(super) fn code<T>(answer: Result<T, Errno>) -> i64 {
    match answer {
        Ok(_) => 0,
        Err(errno) => i64::from(errno.negative()),
    }
}

/// Stores the lower answer as the value only: the step itself returns 0, so filter and daemon
/// see no error (PIPE-11).
pub(super) fn hidden_code<T>(world: &mut World, run: &mut Run, answer: Result<T, Errno>) -> Code {
    let code = code(answer);
    run.value = Value::Number(code);
    if code < 0 {
        if !world.faithful() || world.table.operation(run.op).lower_step_returns_lower_error {
            return Ok(code);
        }
        if dispatch::sees_meta(world, run) {
            run.quirk(world, Quirk::PIPE_11);
        }
    }
    Ok(0)
}
