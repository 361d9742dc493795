//! getattr, setattr, statfs, access.

use fuserig_abi::{
    AccessMask, Errno, FATTR_ATIME, FATTR_ATIME_NOW, FATTR_CTIME, FATTR_GID, FATTR_MODE,
    FATTR_MTIME, FATTR_SIZE, FATTR_UID, FileKind, FuseAccessIn, FuseAttr, FuseAttrOut,
    FuseGetattrIn, FuseKstatfs, FuseSetattrIn, FuseStatfsOut, Gid, Ino, Quirk, S_IALLUGO, S_IFMT,
    Stat, StatFs, Timespec, Uid,
};
use fuserig_sim_fs::{AttrChanges, LowerExt, SetTime};

use super::lookup::fuse_attr;
use super::open::{hidden_code, own_nodeid};
use super::row::Code;
use crate::kernel::World;
use crate::pipeline::dispatch;
use crate::pipeline::{AttrValid, Iattr, Operation, Run, Value};

fn node(world: &World, run: &Run) -> Ino {
    world.mount.inodes[run.inode].backing.expect("the pipeline runs only with a backing inode")
}

pub(super) fn getattr_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    let Operation::Getattr { flags, .. } = run.operation else {
        unreachable!("the row belongs to getattr")
    };
    run.push_input(&FuseGetattrIn { getattr_flags: flags, dummy: 0, fh: u64::MAX });
    Ok(0)
}

pub(super) fn attr_out(_: &mut World, run: &mut Run) -> Code {
    run.push_output(&FuseAttrOut::default());
    Ok(0)
}

pub(super) fn getattr_lower(world: &mut World, run: &mut Run) -> Code {
    let answer = world.lower.getattr(&run.caller, node(world, run));
    match answer {
        Ok(stat) => {
            let attr = fuse_attr(world, &stat);
            run.set_output(0, &FuseAttrOut { attr, ..FuseAttrOut::default() });
            run.scratch.stat = Some(stat);
            Ok(0)
        }
        Err(errno) => {
            if world.faithful() {
                run.quirk(world, Quirk::GATTR_1);
            }
            hidden_code::<()>(world, run, Err(errno))
        }
    }
}

pub(super) fn getattr_finalize(world: &mut World, run: &mut Run) -> Code {
    if run.error < 0 && !world.faithful() {
        // The caller sees the error of the lower getattr (GATTR-1).
        return Ok(0);
    }
    let out = run.output::<FuseAttrOut>(0);
    let inode = &mut world.mount.inodes[run.inode];
    let kind = FileKind::from_mode(out.attr.mode);
    if kind != Some(inode.kind) || out.attr.size > i64::MAX as u64 {
        inode.bad = true;
        // A lower failure left the struct zero, which is GATTR-1 and nobody's change.
        if run.scratch.stat.is_some() || out.attr.mode != 0 {
            run.quirk(world, Quirk::GATTR_2);
        }
        return Ok(i64::from(Errno::EIO.negative()));
    }
    inode.permissions = out.attr.mode & S_IALLUGO;
    inode.uid = Uid(out.attr.uid);
    inode.gid = Gid(out.attr.gid);
    inode.resize(out.attr.size);
    let below = run.scratch.stat.unwrap_or(Stat::EMPTY);
    run.value = Value::Attr(Box::new(stat_of(&out.attr, inode.kind, &below)));
    Ok(0)
}

/// What the caller's stat shows. The device number comes from the inode, which took it from the
/// lower one (KERNEL-OBSERVED on GATTR-3).
fn stat_of(attr: &FuseAttr, kind: FileKind, below: &Stat) -> Stat {
    Stat {
        ino: Ino(attr.ino),
        kind,
        permissions: attr.mode & S_IALLUGO,
        nlink: attr.nlink,
        uid: Uid(attr.uid),
        gid: Gid(attr.gid),
        rdev: below.rdev,
        size: attr.size,
        blksize: attr.blksize,
        blocks: attr.blocks,
        atime: Timespec { sec: attr.atime as i64, nsec: attr.atimensec },
        mtime: Timespec { sec: attr.mtime as i64, nsec: attr.mtimensec },
        ctime: Timespec { sec: attr.ctime as i64, nsec: attr.ctimensec },
        btime: below.btime,
    }
}

pub(super) fn setattr_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    let Operation::Setattr { attr, .. } = run.operation else {
        unreachable!("the row belongs to setattr")
    };
    run.push_input(&to_fattr(&attr));
    Ok(0)
}

/// `iattr_to_fattr` as the pipeline calls it: local times are trusted, so no MTIME_NOW, and a
/// file handle is never named.
pub(in crate::pipeline) fn to_fattr(attr: &Iattr) -> FuseSetattrIn {
    let mut fattr = FuseSetattrIn::default();
    let mut set = |bit: AttrValid, fattr_bit: u32| {
        let chosen = attr.valid.contains(bit);
        if chosen {
            fattr.valid |= fattr_bit;
        }
        chosen
    };
    let mode = set(AttrValid::MODE, FATTR_MODE);
    let uid = set(AttrValid::UID, FATTR_UID);
    let gid = set(AttrValid::GID, FATTR_GID);
    let size = set(AttrValid::SIZE, FATTR_SIZE);
    let atime = set(AttrValid::ATIME, FATTR_ATIME);
    let mtime = set(AttrValid::MTIME, FATTR_MTIME);
    let ctime = set(AttrValid::CTIME, FATTR_CTIME);
    if atime && !attr.valid.contains(AttrValid::ATIME_SET) {
        fattr.valid |= FATTR_ATIME_NOW;
    }
    if mode {
        fattr.mode = attr.mode;
    }
    if uid {
        fattr.uid = attr.uid;
    }
    if gid {
        fattr.gid = attr.gid;
    }
    if size {
        fattr.size = attr.size;
    }
    if atime {
        (fattr.atime, fattr.atimensec) = (attr.atime.sec as u64, attr.atime.nsec);
    }
    if mtime {
        (fattr.mtime, fattr.mtimensec) = (attr.mtime.sec as u64, attr.mtime.nsec);
    }
    if ctime {
        (fattr.ctime, fattr.ctimensec) = (attr.ctime.sec as u64, attr.ctime.nsec);
    }
    fattr
}

pub(super) fn setattr_lower(world: &mut World, run: &mut Run) -> Code {
    let Operation::Setattr { attr, .. } = run.operation else {
        unreachable!("the row belongs to setattr")
    };
    let input = run.input::<FuseSetattrIn>(0);
    let original = to_fattr(&attr).valid;
    if input.valid != original && world.faithful() {
        run.quirk(world, Quirk::SATTR_1);
    }
    let selected = if world.faithful() { original } else { input.valid & original };
    let changes = lower_changes(&attr, &input, selected);
    if changes.size.is_some() && world.mount.inodes[run.inode].size > 0 {
        // What has contents was written to, and stays marked so when it loses them.
        world.written.insert(node(world, run));
    }
    let answer = world.lower.setattr(&run.caller, node(world, run), changes);
    if world.faithful() && dispatch::sees_arguments(world, run) {
        run.quirk(world, Quirk::SATTR_2);
    }
    if answer.is_ok()
        && let Some(size) = changes.size
    {
        world.mount.inodes[run.inode].size = size;
    }
    if let (Ok(stat), true) = (&answer, selected & FATTR_MODE != 0 && world.faithful()) {
        // The whole mode word is written, type bits and all (N1).
        let word = if input.valid & FATTR_MODE != 0 { input.mode } else { 0 };
        let bits = word & S_IFMT;
        if bits == stat.kind.type_bits() {
            world.type_bits.remove(&stat.ino);
        } else {
            run.quirk(world, Quirk::N1);
            world.type_bits.insert(stat.ino, bits);
        }
    }
    if let (Ok(stat), false) = (&answer, world.faithful()) {
        let attr = fuse_attr(world, stat);
        run.set_output(0, &FuseAttrOut { attr, ..FuseAttrOut::default() });
    }
    hidden_code(world, run, answer)
}

/// What `out` was meant for: the kernel knows from it what the inode is now. Faithfully nobody
/// reads it (SATTR-2), and owner and mode stay those of the last look.
pub(super) fn setattr_finalize(world: &mut World, run: &mut Run) -> Code {
    if world.faithful() || run.error < 0 {
        return Ok(0);
    }
    let attr = run.output::<FuseAttrOut>(0).attr;
    let inode = &mut world.mount.inodes[run.inode];
    // What nobody filled is all zero.
    if FileKind::from_mode(attr.mode) == Some(inode.kind) {
        inode.permissions = attr.mode & S_IALLUGO;
        (inode.uid, inode.gid) = (Uid(attr.uid), Gid(attr.gid));
    }
    Ok(0)
}

/// Values where `input.valid` still has the bit, zero where the filter cleared it (SATTR-1).
fn lower_changes(attr: &Iattr, input: &FuseSetattrIn, selected: u32) -> AttrChanges {
    let value = |bit: u32, value: u64| if input.valid & bit != 0 { value } else { 0 };
    let pick = |bit: u32, word: u64| (selected & bit != 0).then(|| value(bit, word));
    let time = |bit: u32, sec: u64, nsec: u32, explicit: AttrValid| {
        pick(bit, sec).map(|sec| {
            if attr.valid.contains(explicit) {
                let nsec = value(bit, u64::from(nsec)) as u32;
                SetTime::At(Timespec { sec: sec as i64, nsec })
            } else {
                SetTime::Now
            }
        })
    };
    AttrChanges {
        permissions: pick(FATTR_MODE, u64::from(input.mode)).map(|mode| mode as u32 & S_IALLUGO),
        uid: pick(FATTR_UID, u64::from(input.uid)).map(|uid| Uid(uid as u32)),
        gid: pick(FATTR_GID, u64::from(input.gid)).map(|gid| Gid(gid as u32)),
        size: pick(FATTR_SIZE, input.size),
        atime: time(FATTR_ATIME, input.atime, input.atimensec, AttrValid::ATIME_SET),
        mtime: time(FATTR_MTIME, input.mtime, input.mtimensec, AttrValid::MTIME_SET),
        ctime: pick(FATTR_CTIME, input.ctime)
            .map(|sec| Timespec { sec: sec as i64, nsec: input.ctimensec }),
        kill_suid_sgid: false,
    }
}

pub(super) fn statfs_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    Ok(0)
}

pub(super) fn statfs_out(_: &mut World, run: &mut Run) -> Code {
    run.push_output(&FuseStatfsOut::default());
    Ok(0)
}

pub(super) fn statfs_lower(world: &mut World, run: &mut Run) -> Code {
    let Operation::Statfs { dentry } = run.operation else {
        unreachable!("the row belongs to statfs")
    };
    if world.mount.dentries[dentry].backing.is_none() {
        return Ok(i64::from(Errno::EBADF.negative()));
    }
    match world.lower.statfs(&run.caller, node(world, run)) {
        Ok(figures) => {
            let st = FuseKstatfs {
                blocks: figures.blocks,
                bfree: figures.bfree,
                bavail: figures.bavail,
                files: figures.files,
                ffree: figures.ffree,
                bsize: figures.bsize,
                namelen: figures.namelen,
                frsize: figures.frsize,
                ..FuseKstatfs::default()
            };
            run.set_output(0, &FuseStatfsOut { st });
            run.quirk(world, Quirk::STATFS_1);
            // The caller's struct is filled here already; finalize only fills it again (N23).
            run.value = Value::StatFs(Box::new(figures));
            Ok(0)
        }
        Err(errno) => {
            if world.faithful() {
                run.quirk(world, Quirk::STATFS_2);
            }
            hidden_code::<()>(world, run, Err(errno))
        }
    }
}

pub(super) fn statfs_finalize(_: &mut World, run: &mut Run) -> Code {
    if run.args.meta.error_in != 0 || matches!(run.value, Value::Number(code) if code < 0) {
        return Ok(0);
    }
    let st = run.output::<FuseStatfsOut>(0).st;
    run.value = Value::StatFs(Box::new(StatFs {
        blocks: st.blocks,
        bfree: st.bfree,
        bavail: st.bavail,
        files: st.files,
        ffree: st.ffree,
        bsize: st.bsize,
        namelen: st.namelen,
        frsize: st.frsize,
    }));
    Ok(0)
}

pub(super) fn access_in(world: &mut World, run: &mut Run) -> Code {
    run.args.meta.nodeid = own_nodeid(world, run);
    let Operation::Access { mask, .. } = run.operation else {
        unreachable!("the row belongs to access")
    };
    run.push_input(&FuseAccessIn { mask: mask.bits(), padding: 0 });
    Ok(0)
}

pub(super) fn access_lower(world: &mut World, run: &mut Run) -> Code {
    let mask = AccessMask::from_bits_retain(run.input::<FuseAccessIn>(0).mask);
    let answer = world.lower.access(&run.caller, node(world, run), mask);
    hidden_code(world, run, answer)
}
