//! From an action to the operation on one side: who asks, and what the symbols stand for there.

use fuserig_abi::{
    AccessMask, Caller, Capabilities, Credentials, Device, Gid, Ino, Pid, Timespec, Uid,
};
use fuserig_sim_fs::{AttrChanges, LowerFh, LowerOp, OpenCheck};

use crate::actions::{Action, Changes, Name};

/// A node or an open file, as each side calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Both<T> {
    pub(crate) left: T,
    pub(crate) right: T,
}

/// One of five callers, from all powerful to ordinary.
pub(crate) fn caller(who: u8, now: i64) -> Caller {
    let user = |id: u32, groups: &[Gid], capabilities| Credentials {
        groups: groups.into(),
        capabilities,
        ..Credentials::user(Uid(id), Gid(id))
    };
    let some = Capabilities::FOWNER | Capabilities::DAC_READ_SEARCH | Capabilities::CHOWN;
    let credentials = match who {
        0 => Credentials::root(),
        1 => user(1001, &[Gid(2000), Gid(1002)], Capabilities::empty()),
        2 => user(1002, &[], Capabilities::empty()),
        3 => user(1003, &[], some),
        _ => user(1001, &[], Capabilities::FSETID | Capabilities::DAC_OVERRIDE),
    };
    Caller::new(credentials, Pid(1), Timespec::from_secs(now))
}

/// What an action turned out to be about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen {
    pub(crate) node: Both<Ino>,
    pub(crate) other: Both<Ino>,
    pub(crate) file: Both<LowerFh>,
    pub(crate) second: Both<LowerFh>,
}

/// One of the two filesystems.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Left,
    Right,
}

impl Side {
    fn of<T: Copy>(self, both: Both<T>) -> T {
        match self {
            Side::Left => both.left,
            Side::Right => both.right,
        }
    }
}

/// An operation that owns the data it writes.
pub(crate) struct Bound<'a> {
    op: LowerOp<'a>,
    data: Vec<u8>,
}

impl Bound<'_> {
    pub(crate) fn op(&self) -> LowerOp<'_> {
        match self.op {
            LowerOp::Write { fh, offset, .. } => LowerOp::Write { fh, offset, data: &self.data },
            ref other => other.clone(),
        }
    }
}

/// What an action is on one side.
pub(crate) fn operation<'a>(action: &'a Action, chosen: &Chosen, side: Side) -> Bound<'a> {
    let data = match *action {
        // Not one byte over and over, so that a shifted page shows.
        Action::Write(_, _, length, fill) => {
            let mut data = vec![0; length];
            for (index, chunk) in data.chunks_mut(512).enumerate() {
                chunk.fill(fill ^ index as u8);
            }
            data
        }
        _ => Vec::new(),
    };
    let node = side.of(chosen.node);
    let fh = side.of(chosen.file);
    let op = match *action {
        Action::Read(..)
        | Action::Write(..)
        | Action::Fallocate(..)
        | Action::Seek(..)
        | Action::Copy(..)
        | Action::ReadDir(..)
        | Action::Release(_)
        | Action::Flush(_)
        | Action::Fsync(..)
        | Action::Flock(..) => on_file(action, fh, side.of(chosen.second)),
        _ => on_node(action, node, side.of(chosen.other)),
    };
    Bound { op, data }
}

fn on_file(action: &Action, fh: LowerFh, second: LowerFh) -> LowerOp<'_> {
    match *action {
        Action::Release(_) => LowerOp::Release { fh },
        Action::Flush(_) => LowerOp::Flush { fh, owner: 1 },
        Action::Fsync(_, datasync) => LowerOp::Fsync { fh, datasync },
        Action::Read(_, offset, size) => LowerOp::Read { fh, offset, size },
        Action::Write(_, offset, ..) => LowerOp::Write { fh, offset, data: &[] },
        Action::Fallocate(_, mode, offset, length) => {
            LowerOp::Fallocate { fh, mode, offset, length }
        }
        Action::Seek(_, offset, whence, position) => LowerOp::Seek { fh, offset, whence, position },
        Action::Copy(_, from_offset, _, to_offset, length, flags) => {
            LowerOp::CopyRange { from: fh, from_offset, to: second, to_offset, length, flags }
        }
        Action::ReadDir(_, position, records_max) => LowerOp::ReadDir { fh, position, records_max },
        Action::Flock(_, kind) => LowerOp::Flock { fh, kind, owner: fh.0 },
        _ => unreachable!("the caller sends only actions on files"),
    }
}

fn on_node(action: &Action, node: Ino, other: Ino) -> LowerOp<'_> {
    match *action {
        Action::Lookup(_, Name(name)) => LowerOp::Lookup { parent: node, name },
        Action::Parent(_) => LowerOp::Parent { node },
        Action::Forget(_) => LowerOp::Forget { node },
        Action::Getattr(_) => LowerOp::Getattr { node },
        Action::Setattr(_, ref changes) => LowerOp::Setattr { node, changes: bind(changes) },
        Action::Access(_, mask) => {
            LowerOp::Access { node, mask: AccessMask::from_bits_retain(mask) }
        }
        Action::Create(_, Name(name), mode) => LowerOp::Create { parent: node, name, mode },
        Action::Mknod(_, Name(name), mode, (major, minor)) => {
            LowerOp::Mknod { parent: node, name, mode, rdev: Device { major, minor } }
        }
        Action::Mkdir(_, Name(name), mode) => LowerOp::Mkdir { parent: node, name, mode },
        Action::Symlink(_, Name(name), Name(target)) => {
            LowerOp::Symlink { parent: node, name, target }
        }
        Action::Link(_, _, Name(name)) => LowerOp::Link { node, parent: other, name },
        Action::Unlink(_, Name(name)) => LowerOp::Unlink { parent: node, name },
        Action::Rmdir(_, Name(name)) => LowerOp::Rmdir { parent: node, name },
        Action::Rename(_, Name(name), _, Name(new_name), flags) => {
            LowerOp::Rename { parent: node, name, new_parent: other, new_name, flags }
        }
        Action::Readlink(_) => LowerOp::Readlink { node },
        Action::Open(_, flags, granted) => {
            let check = if granted { OpenCheck::Granted } else { OpenCheck::Permission };
            LowerOp::Open { node, flags, check }
        }
        Action::CreateOpen(_, Name(name), mode, flags) => {
            LowerOp::CreateOpen { parent: node, name, mode, flags }
        }
        Action::Tmpfile(_, mode, flags) => LowerOp::Tmpfile { parent: node, mode, flags },
        Action::Statfs(_) => LowerOp::Statfs { node },
        Action::GetXattr(_, Name(name), size_max) => LowerOp::GetXattr { node, name, size_max },
        Action::ListXattr(_, size_max) => LowerOp::ListXattr { node, size_max },
        Action::SetXattr(_, Name(name), ref value, flags) => {
            LowerOp::SetXattr { node, name, value, flags }
        }
        Action::RemoveXattr(_, Name(name)) => LowerOp::RemoveXattr { node, name },
        _ => unreachable!("the caller sends only actions on nodes"),
    }
}

fn bind(changes: &Changes) -> AttrChanges {
    AttrChanges {
        permissions: changes.mode,
        uid: changes.uid.map(Uid),
        gid: changes.gid.map(Gid),
        size: changes.size,
        atime: changes.atime,
        mtime: changes.mtime,
        ctime: None,
        kill_suid_sgid: changes.kill,
    }
}
