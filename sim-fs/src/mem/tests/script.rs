//! Random operations with symbolic arguments: every step is legal in every state.

use fuserig_abi::{Caller, Device, FileKind, Gid, Ino, Timespec, Uid};
use proptest::prelude::*;

use super::{ROOT, root_at, user_at};
use crate::{
    AttrChanges, FallocateMode, Lock, LockKind, Lower, LowerFh, LowerOp, LowerReply, MemFs,
    OpenCheck, OpenFlags, RenameFlags, SetTime, Whence, XattrFlags,
};

/// Names that meet each other often; two of them share a directory key in test builds.
const NAMES: [&[u8]; 7] = [b"a", b"b", b"c", b"d", b"\xff name\n", b"..", b"'"];
const SIZES: [u64; 9] = [0, 1, 5, 4095, 4096, 4097, 8192, 12_289, 40_000];

/// How many kinds of steps there are.
pub(crate) const ACTIONS: usize = 40;

/// One step: numbers that pick among what there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    action: u8,
    node: u8,
    other: u8,
    name: u8,
    new_name: u8,
    flags: u32,
    offset: u8,
    length: u8,
    user: u8,
}

pub(crate) fn steps(max: usize) -> impl Strategy<Value = Vec<Step>> {
    let picks = (0..ACTIONS as u8, any::<u8>(), any::<u8>(), 0..7_u8, 0..7_u8);
    let sizes = (any::<u32>(), any::<u8>(), any::<u8>(), 0..8_u8);
    let step = (picks, sizes).prop_map(|(picks, sizes)| Step {
        action: picks.0,
        node: picks.1,
        other: picks.2,
        name: picks.3,
        new_name: picks.4,
        flags: sizes.0,
        offset: sizes.1,
        length: sizes.2,
        user: sizes.3,
    });
    proptest::collection::vec(step, 0..max)
}

/// A filesystem and what its user knows of it.
#[derive(Clone, Debug)]
pub(crate) struct Driver {
    pub(crate) fs: MemFs,
    pub(crate) nodes: Vec<Ino>,
    pub(crate) handles: Vec<LowerFh>,
    /// How often each action succeeded.
    pub(crate) succeeded: [u32; ACTIONS],
    clock: i64,
}

impl Driver {
    pub(crate) fn new(fs: MemFs) -> Driver {
        Driver { fs, nodes: vec![ROOT], handles: Vec::new(), succeeded: [0; ACTIONS], clock: 10 }
    }

    pub(crate) fn run(&mut self, step: Step) {
        self.clock += i64::from(step.user == 0) + i64::from(step.action == 7) * 90_000;
        let caller = match step.user {
            0..5 => root_at(self.clock),
            user => user_at(1000 + u32::from(user), self.clock),
        };
        let bytes = vec![step.node; SIZES[usize::from(step.length) % SIZES.len()] as usize];
        let (from, to) = (self.existing(step.node), self.existing(step.other));
        let op = self.op(step, &bytes, (from.0, &from.1), (to.0, &to.1));
        let reply = self.fs.apply(&caller, &op);
        self.succeeded[usize::from(step.action)] += u32::from(reply.is_ok());
        match (&op, reply) {
            (_, Ok(LowerReply::Stat(stat))) => self.nodes.push(stat.ino),
            (_, Ok(LowerReply::Opened(fh))) => self.handles.push(fh),
            (_, Ok(LowerReply::Created(stat, fh))) => {
                self.nodes.push(stat.ino);
                self.handles.push(fh);
            }
            (LowerOp::Forget { node }, Ok(_)) => self.nodes.retain(|known| known != node),
            (LowerOp::Release { fh }, Ok(_)) => self.handles.retain(|known| known != fh),
            _ => {}
        }
        self.nodes.sort();
        self.nodes.dedup();
    }

    /// Lets go of everything that is held.
    pub(crate) fn let_go(&mut self) {
        let caller: Caller = root_at(self.clock);
        for fh in core::mem::take(&mut self.handles) {
            let released = self.fs.apply(&caller, &LowerOp::Release { fh });
            assert_eq!(released, Ok(LowerReply::Done));
        }
        for node in core::mem::take(&mut self.nodes) {
            let _ = self.fs.apply(&caller, &LowerOp::Forget { node });
        }
    }

    /// One of the names that are there, with its directory.
    fn existing(&self, number: u8) -> (Ino, Vec<u8>) {
        let entries: Vec<_> = self.fs.walk().collect();
        let entry = &entries[usize::from(number) % entries.len()];
        let slash = entry.path.iter().rposition(|byte| *byte == b'/').expect("paths are absolute");
        let (parent, name) = (&entry.path[..slash.max(1)], &entry.path[slash + 1..]);
        let parent = entries.iter().find(|other| other.path == parent);
        (parent.expect("parents are listed").stat.ino, name.to_vec())
    }

    /// One of the known nodes: any, or if `directory` one that is a directory.
    fn node(&self, number: u8, directory: bool) -> Ino {
        let is_directory =
            |ino: &&Ino| self.fs.inode(**ino).is_ok_and(|inode| inode.is_directory());
        let fits: Vec<_> =
            self.nodes.iter().filter(|ino| !directory || is_directory(ino)).collect();
        fits.get(usize::from(number) % fits.len().max(1)).map_or(ROOT, |ino| **ino)
    }

    fn op<'a>(
        &self,
        step: Step,
        bytes: &'a [u8],
        from: (Ino, &'a [u8]),
        to: (Ino, &'a [u8]),
    ) -> LowerOp<'a> {
        let node = self.node(step.node, step.node > 200);
        let parent = self.node(step.other, step.other > 20);
        let (name, new_name) = (NAMES[usize::from(step.name)], NAMES[usize::from(step.new_name)]);
        let mode = step.flags & 0o7777;
        let length = SIZES[usize::from(step.length) % SIZES.len()];
        match step.action {
            0 | 1 => LowerOp::Create { parent, name, mode },
            2 | 3 => LowerOp::Mkdir { parent, name, mode: mode | 0o700 },
            4 => LowerOp::Symlink { parent, name, target: &bytes[..bytes.len().min(200)] },
            5 => {
                let kind = FileKind::ALL[usize::from(step.new_name)];
                let rdev = Device { major: 1, minor: u32::from(step.new_name) };
                LowerOp::Mknod { parent, name, mode: kind.type_bits() | mode, rdev }
            }
            6 => LowerOp::Lookup { parent: from.0, name: from.1 },
            7 => LowerOp::Parent { node },
            8 => LowerOp::Forget { node },
            9 | 10 => LowerOp::Link { node, parent, name: new_name },
            11 => LowerOp::Unlink { parent: from.0, name: from.1 },
            12 => LowerOp::Rmdir { parent: from.0, name: from.1 },
            13..17 => {
                let flags = [0, 0, 0, 1, 2, 2, 4, 4, 5, 7][step.flags as usize % 10];
                let flags = RenameFlags::from_bits_retain(flags);
                let (parent, name) = from;
                let (new_parent, new_name) = if step.new_name < 4 { to } else { (to.0, new_name) };
                LowerOp::Rename { parent, name, new_parent, new_name, flags }
            }
            17 | 18 => LowerOp::Open {
                node,
                flags: OpenFlags::from_bits_retain(
                    [0, step.flags & 0o1003][usize::from(step.name % 2)],
                ),
                check: OpenCheck::Permission,
            },
            19 | 20 => LowerOp::CreateOpen { parent, name, mode, flags: OpenFlags::RDWR },
            21 => LowerOp::Tmpfile { parent, mode, flags: OpenFlags::RDWR },
            32 => LowerOp::SetXattr {
                node,
                name: XATTRS[usize::from(step.name)],
                value: if step.name < 2 { &ACL } else { &bytes[..bytes.len().min(9)] },
                flags: XattrFlags::from_bits_retain(step.flags & 3),
            },
            33 => LowerOp::RemoveXattr { node, name: XATTRS[usize::from(step.name)] },
            34..38 => LowerOp::Setattr { node, changes: changes(step, mode, length) },
            _ => self.op_on_file(step, bytes),
        }
    }

    /// The operations on open files.
    fn op_on_file<'a>(&self, step: Step, bytes: &'a [u8]) -> LowerOp<'a> {
        let handle = |number: u8| {
            let found = self.handles.get(usize::from(number) % self.handles.len().max(1));
            found.copied().unwrap_or(LowerFh(0))
        };
        let (fh, to_fh) = (handle(step.node), handle(step.other));
        let offset = SIZES[usize::from(step.offset) % SIZES.len()];
        let length = SIZES[usize::from(step.length) % SIZES.len()];
        match step.action {
            22 => LowerOp::Release { fh },
            23..26 => LowerOp::Write { fh, offset, data: bytes },
            26 => LowerOp::Read { fh, offset, size: length as u32 },
            27 | 28 => {
                let mode = FallocateMode::from_bits_retain(
                    [0, 1, 3, 0x10, 0x11, 8, 0x20][usize::from(step.name)],
                );
                LowerOp::Fallocate { fh, mode, offset, length }
            }
            29 => {
                let copy = (fh, offset / 2, to_fh, length * 2, length);
                let (from, from_offset, to, to_offset, length) = copy;
                LowerOp::CopyRange { from, from_offset, to, to_offset, length, flags: 0 }
            }
            30 => {
                let whence = Whence::from_raw(step.flags % 5).expect("five values are known");
                LowerOp::Seek { fh, offset: offset as i64, whence, position: length }
            }
            31 => {
                let directory = |fh: &&LowerFh| {
                    let handle = self.fs.handle(**fh).expect("the driver knows live handles");
                    self.fs.directory(handle.ino).is_ok()
                };
                let fh = self.handles.iter().find(directory).copied().unwrap_or(fh);
                let position = u64::from(step.offset) % 9;
                LowerOp::ReadDir { fh, position, records_max: usize::from(step.name) }
            }
            38 => {
                let kind =
                    [LockKind::Read, LockKind::Write, LockKind::Unlock][usize::from(step.name) % 3];
                let (start, end) = (offset, offset + length);
                LowerOp::SetLock { fh, lock: Lock { kind, owner: step.user.into(), start, end } }
            }
            _ => LowerOp::Flock { fh, kind: LockKind::Write, owner: step.user.into() },
        }
    }
}

const XATTRS: [&[u8]; 7] = [
    b"system.posix_acl_access",
    b"system.posix_acl_default",
    b"user.a",
    b"user.b =",
    b"trusted.t",
    b"security.capability",
    b"other.o",
];

/// Owner rwx, user 1005 r-x, group r--, mask r-x, other nothing.
const ACL: [u8; 44] = {
    let mut bytes = [0xff; 44];
    let rows: [(u8, u8); 5] = [(1, 7), (2, 5), (4, 4), (0x10, 5), (0x20, 0)];
    bytes[0] = 2;
    bytes[1] = 0;
    bytes[2] = 0;
    bytes[3] = 0;
    let mut row = 0;
    while row < 5 {
        let at = 4 + row * 8;
        bytes[at] = rows[row].0;
        bytes[at + 1] = 0;
        bytes[at + 2] = rows[row].1;
        bytes[at + 3] = 0;
        row += 1;
    }
    bytes[16] = 0xed;
    bytes[17] = 3;
    bytes[18] = 0;
    bytes[19] = 0;
    bytes
};

fn changes(step: Step, mode: u32, size: u64) -> AttrChanges {
    let chosen = |bit: u32| step.flags >> (20 + bit) & 1 == 1;
    let id = 1000 + u32::from(step.user);
    let time = Timespec { sec: i64::from(step.flags) - (1 << 31), nsec: mode };
    AttrChanges {
        permissions: chosen(0).then_some(mode),
        uid: chosen(1).then_some(Uid(id)),
        gid: chosen(2).then_some(Gid(id)),
        size: chosen(3).then_some(size),
        atime: None,
        mtime: chosen(4).then_some(SetTime::At(time)),
        ctime: None,
        kill_suid_sgid: chosen(5),
    }
}
