//! mknod, mkdir, rmdir, rename, rename2, unlink, link, symlink, get_link.
//!
//! Names and targets that a filter changed are accepted and not used by the lower call (BUF-14),
//! unless it wrote to the original itself (N12).

use fuserig_abi::{
    Abi, BufferFlags, Device, Errno, FileKind, FuseBuffer, FuseLinkIn, FuseMkdirIn, FuseMknodIn,
    FuseRename2In, FuseRenameIn, Ino, MemoryId, Op, Quirk, S_IFMT, S_ISGID, S_ISUID, Stat,
    XATTR_POSIX_ACL_DEFAULT,
};
use fuserig_sim_fs::{LowerExt, LowerOp, RenameFlags};

use super::open::{child_filter, code, hidden_code, own_nodeid};
use super::row::Code;
use crate::kernel::{BackingPath, DentryId, World};
use crate::pipeline::dispatch;
use crate::pipeline::{Operation, Run, Stop, Value};

/// Pushes the name of a dentry that no filter may change.
pub(super) fn push_immutable(world: &World, run: &mut Run, owner: &'static str, dentry: DentryId) {
    let name = world.mount.dentries[dentry].name.clone();
    let buffer = FuseBuffer::immutable_name(&mut run.args.arena, owner, &name);
    run.push_input_buffer(buffer);
}

/// Pushes the name of a dentry that a filter may get a copy of.
pub(super) fn push_variable(world: &World, run: &mut Run, dentry: DentryId) {
    let name = world.mount.dentries[dentry].name.clone();
    let buffer = FuseBuffer::variable_name(&mut run.args.arena, "name", &name);
    run.push_input_buffer(buffer);
}

/// A whole allocation read as a C string.
pub(super) fn whole_c_string(run: &Run, memory: MemoryId) -> Result<Vec<u8>, Stop> {
    let limit = u64::from(run.args.arena.len_of(memory));
    match run.args.arena.c_string(memory, limit) {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(_) => Err(Stop::Crash(Quirk::BUF_13)),
    }
}

/// Says so when a filter or the daemon changed a name or value that the lower call does not use. A
/// daemon that echoes what it got changes nothing.
pub(super) fn changes_unused(world: &mut World, run: &Run) {
    let arena = &run.args.arena;
    let changed = run.args.ins().iter().enumerate().any(|(index, arg)| match arg.as_buffer() {
        Some(buffer) if buffer.flags.contains(BufferFlags::ALLOCATED) => {
            let original = original(world, run, index);
            let current = buffer.bytes(arena);
            let value = run.op == Op::Setxattr && index == 2;
            current.map_or(true, |current| match value {
                true => current != original,
                false => text(current) != text(&original),
            })
        }
        _ => false,
    });
    if changed {
        run.quirk(world, Quirk::BUF_14);
    }
    let original = run.scratch.original.into_iter().flatten();
    if original.into_iter().any(|memory| arena.origin_written(memory)) {
        run.quirk(world, Quirk::N12);
    }
}

/// What the lower call uses in place of an in buffer: the ORIGINAL memory, or the dentry's name.
fn original(world: &World, run: &Run, index: usize) -> Vec<u8> {
    let arena = &run.args.arena;
    if let Some(memory) = run.scratch.original[index] {
        let bytes = arena.read(memory, 0, u64::from(arena.len_of(memory)));
        return bytes.map(<[u8]>::to_vec).unwrap_or_default();
    }
    match run.operation {
        Operation::Link { dentry, .. } | Operation::GetLink { dentry } => {
            world.mount.dentries[dentry].name.to_vec()
        }
        _ => Vec::new(),
    }
}

/// The bytes before the first NUL.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// The mode a new node gets: the caller's umask counts unless the directory has a default ACL,
/// which the lower filesystem then applies itself. `umask` is what the filter left of it, which
/// counts besides where there are no ACLs (4.3, mknod and mkdir).
pub(super) fn created_mode(
    world: &mut World,
    run: &Run,
    parent: Ino,
    (mode, umask): (u32, u32),
) -> u32 {
    let kernel = world.kernel_caller();
    let op = LowerOp::GetXattr { node: parent, name: XATTR_POSIX_ACL_DEFAULT, size_max: 0 };
    match world.lower(&kernel, &op) {
        Ok(_) => mode,
        Err(Errno::EOPNOTSUPP) => mode & !((run.umask | umask) & 0o777),
        Err(_) => mode & !(run.umask & 0o777),
    }
}

/// The lower path of a dentry that is to be created or removed.
fn lower_path(world: &World, dentry: DentryId) -> Result<BackingPath, Errno> {
    world.mount.dentries[dentry].backing.clone().ok_or(Errno::EBADF)
}

/// Whether a dentry cannot take an inode: `d_instantiate` checks its hash state (N2).
fn check_instantiable(world: &World, dentry: DentryId) -> Result<(), Stop> {
    if world.faithful() && world.mount.dentries[dentry].in_lookup {
        return Err(Stop::Crash(Quirk::N2));
    }
    Ok(())
}

/// After a creation: the new dentry gets an inode and stays unhashed, so that the next walk looks
/// the name up. Faithfully it is keyed by the PARENT (NEW-1).
fn attach_created(world: &mut World, run: &Run, dentry: DentryId, created: &Stat) {
    let parent = world.mount.dentries[dentry].parent;
    let parent_inode = world.mount.inode_of(parent);
    let kernel = world.kernel_caller();
    let (nodeid, stat) = match world.mount.inodes[parent_inode].backing {
        Some(ino) if world.faithful() => match world.lower.getattr(&kernel, ino) {
            Ok(stat) => (world.mount.inodes[parent_inode].nodeid, stat),
            Err(_) => return,
        },
        _ => (fuserig_abi::NodeId(0), *created),
    };
    // Android corrected mkdir and left the others (NEW-2).
    let corrected = world.abi == Abi::Android && run.op == Op::Mkdir;
    let (nodeid, stat) =
        if corrected { (fuserig_abi::NodeId(0), *created) } else { (nodeid, stat) };
    let inode = world.mount.inode_for(nodeid, &stat);
    world.mount.name(inode, dentry);
    if world.faithful() && !corrected {
        run.quirk(world, Quirk::NEW_1);
        run.quirk(world, Quirk::NEW_2);
    } else if let Some(path) = &mut world.mount.dentries[dentry].backing {
        path.node = Some(created.ino);
        world.mount.inodes[inode].filter = child_filter(world, run, dentry);
    }
}

pub(super) fn mknod_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    let Operation::Mknod { dentry, mode, rdev } = run.operation else {
        unreachable!("the row belongs to mknod")
    };
    let umask = run.umask;
    run.push_input(&FuseMknodIn { mode, rdev: rdev.encode(), umask, padding: 0 });
    push_immutable(world, run, "name", dentry);
    Ok(0)
}

pub(super) fn mknod_lower(world: &mut World, run: &mut Run) -> Code {
    let Operation::Mknod { dentry, .. } = run.operation else {
        unreachable!("the row belongs to mknod")
    };
    let input = run.input::<FuseMknodIn>(0);
    let path = match lower_path(world, dentry) {
        Ok(path) => path,
        Err(errno) => return Ok(i64::from(errno.negative())),
    };
    let mode = created_mode(world, run, path.parent, (input.mode, input.umask));
    let rdev = Device::decode(input.rdev);
    let answer = world.lower.mknod(&run.caller, path.parent, &path.name, mode, rdev);
    if let Ok(stat) = &answer {
        check_instantiable(world, dentry)?;
        attach_created(world, run, dentry, stat);
    }
    Ok(code(answer))
}

pub(super) fn mkdir_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    let Operation::Mkdir { dentry, mode } = run.operation else {
        unreachable!("the row belongs to mkdir")
    };
    let umask = run.umask;
    run.push_input(&FuseMkdirIn { mode, umask });
    push_immutable(world, run, "name", dentry);
    Ok(0)
}

pub(super) fn mkdir_lower(world: &mut World, run: &mut Run) -> Code {
    let Operation::Mkdir { dentry, .. } = run.operation else {
        unreachable!("the row belongs to mkdir")
    };
    let path = match lower_path(world, dentry) {
        Ok(path) => path,
        Err(errno) => return Ok(i64::from(errno.negative())),
    };
    let FuseMkdirIn { mode, umask } = run.input::<FuseMkdirIn>(0);
    let mode = created_mode(world, run, path.parent, (mode & !S_IFMT, umask));
    let answer = world.lower.mkdir(&run.caller, path.parent, &path.name, mode);
    if let Ok(stat) = &answer {
        attach_created(world, run, dentry, stat);
    }
    Ok(code(answer))
}

pub(super) fn remove_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    let (Operation::Rmdir { dentry } | Operation::Unlink { dentry }) = run.operation else {
        unreachable!("the row belongs to rmdir and unlink")
    };
    push_immutable(world, run, "name", dentry);
    Ok(0)
}

pub(super) fn rmdir_lower(world: &mut World, run: &mut Run) -> Code {
    let Operation::Rmdir { dentry } = run.operation else {
        unreachable!("the row belongs to rmdir")
    };
    let answer = named_path(world, run, dentry)
        .and_then(|path| world.lower.rmdir(&run.caller, path.parent, &path.name));
    if answer.is_ok() {
        world.mount.unhash(dentry);
    }
    Ok(code(answer))
}

pub(super) fn unlink_lower(world: &mut World, run: &mut Run) -> Code {
    let Operation::Unlink { dentry } = run.operation else {
        unreachable!("the row belongs to unlink")
    };
    let answer = named_path(world, run, dentry)
        .and_then(|path| world.lower.unlink(&run.caller, path.parent, &path.name));
    if answer.is_ok() {
        world.mount.unhash(dentry);
    }
    Ok(code(answer))
}

/// The lower path of a name that goes away. Android looks the name up that the prefilter left,
/// and another one does not lead to the same lower dentry (AND-5).
fn named_path(world: &mut World, run: &Run, dentry: DentryId) -> Result<BackingPath, Errno> {
    let path = lower_path(world, dentry)?;
    if world.abi == Abi::Android {
        let buffer = run.args.in_args[0].as_buffer();
        let name = buffer.and_then(|buffer| buffer.c_string(&run.args.arena).ok());
        if name.is_some_and(|name| *name != *path.name) {
            run.quirk(world, Quirk::AND_5);
            return Err(Errno::ENOENT);
        }
    }
    Ok(path)
}

fn new_parent_nodeid(world: &World, new: DentryId) -> u64 {
    let parent = world.mount.dentries[new].parent;
    world.mount.inodes[world.mount.inode_of(parent)].nodeid.0
}

pub(super) fn rename2_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    let Operation::Rename { old, new, flags } = run.operation else {
        unreachable!("the row belongs to rename2")
    };
    let newdir = new_parent_nodeid(world, new);
    run.push_input(&FuseRename2In { newdir, flags, padding: 0 });
    push_immutable(world, run, "old_name", old);
    push_immutable(world, run, "new_name", new);
    Ok(0)
}

pub(super) fn rename_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    let Operation::Rename { old, new, .. } = run.operation else {
        unreachable!("the row belongs to rename")
    };
    let newdir = new_parent_nodeid(world, new);
    run.push_input(&FuseRenameIn { newdir });
    push_immutable(world, run, "old_name", old);
    push_immutable(world, run, "new_name", new);
    Ok(0)
}

/// What the VFS checked of the flags it was given, asked of those that a filter left (N14).
fn check_again(flags: u32, to: &BackingPath) -> Result<(), Errno> {
    let flags = RenameFlags::from_bits_retain(flags);
    let others = RenameFlags::NOREPLACE.union(RenameFlags::WHITEOUT);
    if flags.contains(RenameFlags::EXCHANGE) {
        return match to.node {
            _ if flags.intersects(others) => Err(Errno::EINVAL),
            Some(_) => Ok(()),
            None => Err(Errno::ENOENT),
        };
    }
    let taken = flags.contains(RenameFlags::NOREPLACE) && to.node.is_some();
    if taken { Err(Errno::EEXIST) } else { Ok(()) }
}

pub(super) fn rename_lower(world: &mut World, run: &mut Run) -> Code {
    let Operation::Rename { old, new, flags } = run.operation else {
        unreachable!("the row belongs to rename")
    };
    // Only rename2 has flags in its struct, and takes them from there (N14).
    let asked = flags;
    let flags = if asked == 0 { 0 } else { run.input::<FuseRename2In>(0).flags };
    let Ok(from) = lower_path(world, old) else {
        return Ok(i64::from(Errno::EBADF.negative()));
    };
    let Ok(to) = lower_path(world, new) else {
        return Ok(i64::from(Errno::EXDEV.negative()));
    };
    if flags != asked {
        run.quirk(world, Quirk::N14);
        if !world.faithful()
            && let Err(errno) = check_again(flags, &to)
        {
            return Ok(i64::from(errno.negative()));
        }
    }
    // NOREPLACE is checked by the VFS of the FUSE mount alone; the lower filesystem does not
    // look at it, and not at WHITEOUT where it exchanges (N14).
    let mut flags = RenameFlags::from_bits_retain(flags).difference(RenameFlags::NOREPLACE);
    if flags.contains(RenameFlags::EXCHANGE) {
        flags.remove(RenameFlags::WHITEOUT);
        // No VFS asks for an exchange with nothing. tmpfs looks for the place of either name in
        // its directory, others for the name.
        if to.node.is_none() && !world.direct_io && world.faithful() {
            return Ok(i64::from(Errno::EINVAL.negative()));
        }
    }
    let answer =
        world.lower.rename(&run.caller, from.parent, &from.name, to.parent, &to.name, flags);
    if answer.is_ok() {
        copy_attributes(world, run, old, new);
        // The lower dentries changed places, and the FUSE dentries keep pointing at them. One that
        // was replaced has no name any more, but its inode: whoever walked to it goes on with it.
        let moved = BackingPath { node: from.node, ..to.clone() };
        let left = BackingPath { node: to.node, ..from };
        world.mount.dentries[old].backing = Some(moved);
        world.mount.dentries[new].backing = Some(left);
    }
    Ok(code(answer))
}

/// `fsstack_copy_attr_all` after a lower rename: the replaced inode and both directories take
/// over what the lower inodes have, also the mark that there are no privileges to take away, and
/// lose the one that keeps FUSE inodes clean (N15).
fn copy_attributes(world: &mut World, run: &Run, old: DentryId, new: DentryId) {
    if !world.faithful() {
        return;
    }
    let mount = &world.mount;
    let parent_of = |dentry: DentryId| mount.inode_of(mount.dentries[dentry].parent);
    let replaced = mount.dentries[new].inode;
    let touched: Vec<_> = replaced.into_iter().chain([parent_of(new), parent_of(old)]).collect();
    let kernel = world.kernel_caller();
    for inode in touched {
        let Some(ino) = world.mount.inodes[inode].backing else { continue };
        let Ok(stat) = world.lower.getattr(&kernel, ino) else { continue };
        let state = &mut world.mount.inodes[inode];
        state.permissions = stat.permissions;
        (state.uid, state.gid) = (stat.uid, stat.gid);
        // FIDELITY: of a file that was there before the simulation, having blocks stands for
        // having been written to.
        state.no_security = stat.kind == FileKind::Regular
            && (stat.blocks > 0 || world.written.contains(&ino))
            && stat.permissions & (S_ISUID | S_ISGID) == 0;
    }
    if replaced.is_some() {
        run.quirk(world, Quirk::N15);
    }
}

pub(super) fn link_in(world: &mut World, run: &mut Run) -> Code {
    // meta.nodeid is never filled; the source is only in the struct (LINKN-1).
    let oldnodeid = own_nodeid(world, run);
    if !world.faithful() {
        run.args.meta.nodeid = oldnodeid;
    } else if oldnodeid != 0 && run.filter.is_some() {
        run.quirk(world, Quirk::LINKN_1);
    }
    let Operation::Link { dentry, .. } = run.operation else {
        unreachable!("the row belongs to link")
    };
    run.push_input(&FuseLinkIn { oldnodeid });
    push_variable(world, run, dentry);
    Ok(0)
}

pub(super) fn link_lower(world: &mut World, run: &mut Run) -> Code {
    let Operation::Link { source, dentry } = run.operation else {
        unreachable!("the row belongs to link")
    };
    changes_unused(world, run);
    let directory = world.mount.inode_of(world.mount.dentries[dentry].parent);
    if world.mount.inodes[directory].filter != run.filter {
        run.quirk(world, Quirk::LINKN_2);
    }
    let node = world.mount.dentries[source].backing.as_ref().and_then(|path| path.node);
    let (Some(node), Ok(path)) = (node, lower_path(world, dentry)) else {
        return Ok(i64::from(Errno::EBADF.negative()));
    };
    let answer = world.lower.link(&run.caller, node, path.parent, &path.name);
    if let Ok(stat) = &answer {
        attach_created(world, run, dentry, stat);
    }
    Ok(code(answer))
}

pub(super) fn symlink_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    let Operation::Symlink { dentry, ref target } = run.operation else {
        unreachable!("the row belongs to symlink")
    };
    let path = FuseBuffer::variable_path(&mut run.args.arena, "path", target);
    run.scratch.original[1] = path.data;
    push_immutable(world, run, "name", dentry);
    run.push_input_buffer(path);
    Ok(0)
}

pub(super) fn symlink_lower(world: &mut World, run: &mut Run) -> Code {
    let Operation::Symlink { dentry, .. } = run.operation else {
        unreachable!("the row belongs to symlink")
    };
    changes_unused(world, run);
    let memory = run.scratch.original[1].expect("initialize_in kept the original");
    let target = whole_c_string(run, memory)?;
    let answer = lower_path(world, dentry)
        .and_then(|path| world.lower.symlink(&run.caller, path.parent, &path.name, &target));
    if let Ok(stat) = &answer {
        attach_created(world, run, dentry, stat);
    }
    Ok(code(answer))
}

pub(super) fn get_link_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    let Operation::GetLink { dentry } = run.operation else {
        unreachable!("the row belongs to get_link")
    };
    push_variable(world, run, dentry);
    Ok(0)
}

pub(super) fn get_link_lower(world: &mut World, run: &mut Run) -> Code {
    let Operation::GetLink { dentry } = run.operation else {
        unreachable!("the row belongs to get_link")
    };
    changes_unused(world, run);
    let node = world.mount.dentries[dentry].backing.as_ref().and_then(|path| path.node);
    let Some(node) = node else { return Ok(i64::from(Errno::ECHILD.negative())) };
    if dispatch::sees_arguments(world, run) {
        run.quirk(world, Quirk::GLINK_1);
    }
    match world.lower.readlink(&run.caller, node) {
        Ok(target) => {
            run.value = Value::Number(0);
            run.scratch.data = target;
            Ok(0)
        }
        Err(errno) => hidden_code::<()>(world, run, Err(errno)),
    }
}
