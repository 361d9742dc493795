//! lookup: the operation that decides what a name means.

use fuserig_abi::{
    Abi, Arg, BufferFlags, Errno, FileKind, FuseAttr, FuseBpfEntryOut, FuseBuffer, FuseEntryBpfOut,
    FuseEntryOut, Ino, NodeId, Quirk, RequestFlags, Stat,
};
use fuserig_sim_fs::LowerExt;

use super::name::push_variable;
use super::open::own_nodeid;
use super::row::Code;
use crate::kernel::{BackingPath, DentryId, World};
use crate::pipeline::entries::{BackingAction, EntryActions, FilterAction};
use crate::pipeline::{DAEMON, Operation, Run, Stop, Value};

fn dentry(run: &Run) -> DentryId {
    let Operation::Lookup { dentry } = run.operation else {
        unreachable!("the row belongs to lookup")
    };
    dentry
}

pub(super) fn lookup_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    push_variable(world, run, dentry(run));
    Ok(0)
}

pub(super) fn lookup_out(world: &mut World, run: &mut Run) -> Code {
    run.push_output(&FuseEntryOut::default());
    if world.abi == Abi::Android {
        run.push_output(&FuseEntryBpfOut::default());
    } else {
        let entries = FuseBuffer::lookup_entries(&mut run.args.arena, "entries");
        run.push_output_buffer(entries);
    }
    run.args.request_flags |= RequestFlags::OUT_ARGVAR | RequestFlags::IS_LOOKUP;
    Ok(0)
}

/// Attributes as the pipeline shows them: rdev and flags stay 0 (3.7, GATTR-3).
pub(super) fn fuse_attr(world: &World, stat: &Stat) -> FuseAttr {
    let faithful = world.faithful();
    FuseAttr {
        ino: stat.ino.0,
        size: stat.size,
        blocks: stat.blocks,
        atime: stat.atime.sec as u64,
        mtime: stat.mtime.sec as u64,
        ctime: stat.ctime.sec as u64,
        atimensec: stat.atime.nsec,
        mtimensec: stat.mtime.nsec,
        ctimensec: stat.ctime.nsec,
        mode: world.lower_mode(stat),
        nlink: stat.nlink,
        uid: stat.uid.0,
        gid: stat.gid.0,
        rdev: if faithful { 0 } else { stat.rdev.encode() },
        blksize: 1 << (31 - stat.blksize.max(1).leading_zeros()),
        flags: 0,
    }
}

/// The name the lower lookup uses: the buffer when a writable view of it was handed out (BUF-7),
/// else the dentry's own.
fn lower_name(world: &mut World, run: &Run) -> Result<std::sync::Arc<[u8]>, Stop> {
    let Arg::Buffer(buffer) = run.args.in_args[0] else { unreachable!("in 0 is the name") };
    let own = &world.mount.dentries[dentry(run)].name;
    if world.abi == Abi::Android {
        let own = own.clone();
        if buffer.c_string(&run.args.arena).is_ok_and(|name| *name != *own) {
            run.quirk(world, Quirk::LOOK_10);
        }
        return Ok(own);
    }
    if !buffer.flags.contains(BufferFlags::MODIFIED) {
        return Ok(world.mount.dentries[dentry(run)].name.clone());
    }
    if buffer.data.is_none() {
        return Err(Stop::Crash(Quirk::BUF_17));
    }
    run.quirk(world, Quirk::BUF_7);
    slack_c_string(run, &buffer).map(std::sync::Arc::from)
}

/// `strnlen` over a buffer whose size may be larger than its allocation (BUF-16). Allocations are
/// rounded up to a bucket and zeroed as a whole, so a NUL lies behind the last byte unless the
/// bucket is full; then the kernel reads what is not its own.
fn slack_c_string<'a>(run: &'a Run, buffer: &FuseBuffer) -> Result<&'a [u8], Stop> {
    if let Ok(name) = buffer.c_string(&run.args.arena) {
        return Ok(name);
    }
    let wild = Stop::Crash(Quirk::BUF_16);
    let memory = buffer.data.ok_or(wild)?;
    let length = run.args.arena.len_of(memory);
    let bytes = run.args.arena.read(memory, 0, u64::from(length)).map_err(|_fault| wild)?;
    if bucket(length) > length { Ok(bytes) } else { Err(wild) }
}

/// The size class of an allocation (`kmalloc`).
fn bucket(length: u32) -> u32 {
    match length {
        0..=8 => 8,
        65..=96 => 96,
        129..=192 => 192,
        _ => length.next_power_of_two(),
    }
}

pub(super) fn lookup_lower(world: &mut World, run: &mut Run) -> Code {
    let name = lower_name(world, run)?;
    if name.is_empty() {
        run.quirk(world, Quirk::BUF_5);
    }
    let parent = world.mount.inodes[run.inode].backing.expect("checked on entry");
    let id = dentry(run);
    match world.lower.lookup(&run.caller, parent, &name) {
        Ok(stat) => {
            let path = BackingPath { parent, name, node: Some(stat.ino) };
            world.mount.dentries[id].backing = Some(path);
            let attr = fuse_attr(world, &stat);
            run.set_output(0, &FuseEntryOut { attr, ..FuseEntryOut::default() });
            if world.faithful() && stat.rdev.encode() != 0 {
                run.quirk(world, Quirk::GATTR_3);
            }
            run.scratch.stat = Some(stat);
            Ok(0)
        }
        Err(Errno::ENOENT) => {
            world.mount.dentries[id].backing = Some(BackingPath { parent, name, node: None });
            run.args.meta.error_in = Errno::ENOENT.negative() as u32;
            Ok(0)
        }
        Err(errno) => {
            world.mount.dentries[id].backing = None;
            Ok(i64::from(errno.negative()))
        }
    }
}

/// What the entries ask for. Those of a daemon's reply were read when it was written. The entry
/// storage is read again in any case, with descriptors of the caller (BUF-11), whatever its size
/// says (BUF-10); after a daemon's entries that fails at the first of them, without effect.
fn actions(world: &mut World, run: &Run) -> Result<EntryActions, Stop> {
    if world.abi == Abi::Android {
        if let Some(actions) = run.scratch.entries {
            return Ok(actions);
        }
        let entry = run.output::<FuseEntryBpfOut>(1);
        return Ok(EntryActions::of_android(world, run.caller.pid, &entry).unwrap_or_default());
    }
    let Arg::Buffer(buffer) = run.args.out_args[1] else { unreachable!("out 1 is entries") };
    let Some(memory) = buffer.data else { return Err(Stop::Crash(Quirk::BUF_9)) };
    if let Some(actions) = run.scratch.entries {
        return Ok(actions);
    }
    let storage = 2 * size_of::<FuseBpfEntryOut>() as u64;
    // v3-grouped has one size for what is there and what is read.
    let kernel = world.faithful() && world.abi != Abi::V3Grouped;
    let size = if kernel { storage } else { u64::from(buffer.size).min(storage) };
    let Ok(bytes) = run.args.arena.read(memory, 0, size) else {
        return Ok(EntryActions::default());
    };
    let bytes = bytes.to_vec();
    let table = if kernel { run.caller.pid } else { DAEMON };
    let actions = EntryActions::scan(world, table, &bytes);
    if actions != EntryActions::default() && u64::from(buffer.size) < storage / 2 {
        run.quirk(world, Quirk::BUF_10);
    }
    Ok(actions)
}

pub(super) fn lookup_finalize(world: &mut World, run: &mut Run) -> Code {
    let actions = actions(world, run)?;
    let id = dentry(run);
    match actions.backing {
        BackingAction::Keep => {}
        // Android takes the lower path away from the child that was found.
        BackingAction::Remove if world.abi == Abi::Android => {}
        BackingAction::Remove => world.mount.dentries[id].backing = None,
        BackingAction::Set(ino) => {
            if run.scratch.entries.is_none() && world.faithful() {
                // Reported where the ABI has it.
                run.quirk(world, Quirk::BUF_11);
            }
            redirect(world, run, ino);
        }
    }
    let Some(path) = world.mount.dentries[id].backing.clone() else {
        if run.error < 0 && run.error != i64::from(Errno::ENOENT.negative()) {
            if !world.faithful() {
                return Ok(0);
            }
            run.quirk(world, Quirk::LOOK_2);
        }
        return Ok(i64::from(Errno::ENOENT.negative()));
    };
    let (Some(node), Some(stat)) = (path.node, run.scratch.stat) else {
        run.quirk(world, Quirk::LOOK_3);
        let wanted = match actions.filter {
            FilterAction::Keep => run.filter,
            FilterAction::Remove => None,
            FilterAction::Set(filter) => Some(filter),
        };
        world.mount.dentries[id].program = Some(wanted);
        run.value = Value::Dentry(None);
        return Ok(0);
    };
    finalize_positive(world, run, actions, node, &stat)
}

/// Puts the dentry on another lower inode than the lookup found.
fn redirect(world: &mut World, run: &mut Run, ino: Ino) {
    let Ok(stat) = world.lower.getattr(&run.caller, ino) else { return };
    let id = dentry(run);
    let name = world.mount.dentries[id].name.clone();
    let parent = world.mount.inodes[run.inode].backing.expect("checked on entry");
    world.mount.dentries[id].backing = Some(BackingPath { parent, name, node: Some(ino) });
    run.scratch.stat = Some(stat);
}

fn finalize_positive(
    world: &mut World,
    run: &mut Run,
    actions: EntryActions,
    node: Ino,
    stat: &Stat,
) -> Code {
    debug_assert_eq!(node, stat.ino, "the lower lookup answered for its own node");
    let id = dentry(run);
    let entry = run.output::<FuseEntryOut>(0);
    let key = match world.mount.dentries[id].inode {
        _ if !world.faithful() => NodeId(entry.nodeid),
        Some(inode) => world.mount.inodes[inode].nodeid,
        None => NodeId(0),
    };
    // A new inode of no type at all is a BUG.
    let kind = FileKind::from_mode(world.lower_mode(stat));
    let kind = kind.ok_or(Stop::Crash(Quirk::N1))?;
    let stat = &Stat { kind, ..*stat };
    let inode = world.mount.inode_for(key, stat);
    let wanted = match actions.filter {
        FilterAction::Keep => run.filter,
        FilterAction::Remove => None,
        FilterAction::Set(filter) => Some(filter),
    };
    let own = world.mount.inodes[inode].filter;
    if own.is_some() && own != wanted && world.abi != Abi::Android {
        world.mount.put_inode(inode);
        run.quirk(world, Quirk::LOOK_9);
        if world.faithful() {
            run.quirk(world, Quirk::N13);
        }
        return Ok(i64::from(Errno::EINVAL.negative()));
    }
    world.mount.inodes[inode].filter = wanted;
    let attr = fuse_attr(world, stat);
    if (FuseEntryOut { nodeid: 0, ..entry }) != (FuseEntryOut { attr, ..FuseEntryOut::default() }) {
        run.quirk(world, Quirk::LOOK_8);
    }
    if run.error < 0 {
        if !world.faithful() {
            world.mount.put_inode(inode);
            return Ok(0);
        }
        run.quirk(world, Quirk::LOOK_7);
    }
    let nodeid = NodeId(entry.nodeid);
    if world.faithful() && nodeid.0 != 0 && nodeid != world.mount.inodes[inode].hash_nodeid {
        run.quirk(world, Quirk::LOOK_1);
    }
    world.mount.inodes[inode].nodeid = nodeid;
    let alias = world.mount.splice(inode, id);
    if world.abi == Abi::Android && actions.backing == BackingAction::Remove {
        world.mount.inodes[inode].backing = None;
        world.mount.dentries[alias.unwrap_or(id)].backing = None;
    }
    run.value = Value::Dentry(Some(alias.unwrap_or(id)));
    Ok(0)
}
