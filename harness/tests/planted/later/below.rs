//! Filesystems below and daemons beside a filter with a mistake.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::daemon::init_reply;
use fuserig::fault::EchoDaemon;
use fuserig::pipeline::{Daemon, Device};
use fuserig::prelude::*;
use fuserig_abi::{Caller, FileKind, Ino, NodeId, Opcode, Request};
use fuserig_sim_fs::{AttrChanges, FallocateMode, LowerExt, RenameFlags, Whence};

use super::super::daemons::{self, answer, echo};
use super::super::lowers::{self, Boxed, Bug, opened, root_of};
use super::super::{Planted, lowers::planted};

fn change(fs: &mut Boxed, caller: &Caller, node: Ino, changes: AttrChanges) {
    let _ = fs.setattr(&root_of(caller), node, changes);
}

/// A directory that another is moved onto gives it its permissions.
fn mode_of_place() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Rename { parent, name, new_parent, new_name, flags } if flags.is_empty() => {
            let root = root_of(caller);
            let moved = fs.lookup(&root, parent, name).ok()?;
            let old = fs.lookup(&root, new_parent, new_name).ok()?;
            let reply = fs.apply(caller, op);
            if reply.is_ok() && old.kind == FileKind::Directory {
                let permissions = Some(old.permissions);
                let changes = AttrChanges { permissions, ..AttrChanges::default() };
                change(fs, caller, moved.ino, changes);
            }
            Some(reply)
        }
        _ => None,
    })
}

/// What may run as its owner still may when others have written it.
fn writes_keep_setuid() -> Bug {
    lowers::writes_leave(|before, _| {
        let permissions = Some(before.permissions);
        let changes = AttrChanges { permissions, ..AttrChanges::default() };
        (before.permissions & 0o4000 != 0).then_some(changes)
    })
}

/// A seek from the end goes from where the end was when the file was opened.
fn end_of_open() -> Bug {
    let mut ends = BTreeMap::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => {
            let reply = Some(fs.apply(caller, op));
            if let Some((fh, node)) = opened(op, &reply) {
                let size = fs.getattr(caller, node).map_or(0, |stat| stat.size);
                ends.insert(fh, size);
            }
            reply
        }
        LowerOp::Seek { fh, offset, whence: Whence::End, .. } => {
            let position = *ends.get(&fh)?;
            let whence = Whence::Cur;
            Some(fs.apply(caller, &LowerOp::Seek { fh, offset, whence, position }))
        }
        _ => None,
    })
}

/// A link is nothing long.
fn empty_links() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Getattr { .. } => Some(fs.apply(caller, op).map(|reply| match reply {
            LowerReply::Stat(mut stat) if stat.kind == FileKind::Symlink => {
                stat.size = 0;
                LowerReply::Stat(stat)
            }
            other => other,
        })),
        _ => None,
    })
}

/// What is made belongs to the group of who makes it, also where the directory says otherwise.
fn group_of_maker() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Create { .. } | LowerOp::CreateOpen { .. } | LowerOp::Mknod { .. } => {
            let reply = fs.apply(caller, op);
            if let Ok(LowerReply::Stat(stat) | LowerReply::Created(stat, _)) = &reply
                && stat.gid != caller.credentials.gid
            {
                let gid = Some(caller.credentials.gid);
                change(fs, caller, stat.ino, AttrChanges { gid, ..AttrChanges::default() });
            }
            Some(reply)
        }
        _ => None,
    })
}

/// Who has too little space for a value gets as much as there is space for.
fn cut_values() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::GetXattr { node, name, size_max } if size_max > 0 => {
            let whole = LowerOp::GetXattr { node, name, size_max: 1 << 16 };
            Some(fs.apply(caller, &whole).map(|reply| match reply {
                LowerReply::Bytes(mut bytes) => {
                    bytes.truncate(size_max);
                    LowerReply::Bytes(bytes)
                }
                other => other,
            }))
        }
        _ => None,
    })
}

/// Offsets of writes have thirty-two bits.
fn narrow_offsets() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Write { fh, offset, data } if offset > u64::from(u32::MAX) => {
            let offset = offset & u64::from(u32::MAX);
            Some(fs.apply(caller, &LowerOp::Write { fh, offset, data }))
        }
        _ => None,
    })
}

/// Zeros behind the end do not move it.
fn zeros_keep_size() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Fallocate { fh, mode, offset, length } if mode == FallocateMode::ZERO_RANGE => {
            let mode = mode | FallocateMode::KEEP_SIZE;
            Some(fs.apply(caller, &LowerOp::Fallocate { fh, mode, offset, length }))
        }
        _ => None,
    })
}

/// Owners may do what all others may.
fn owners_are_others() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Access { node, mask } => match fs.apply(caller, op) {
            Err(Errno::EACCES) => {
                let stat = fs.getattr(caller, node).ok()?;
                let asked = mask.bits() & 7;
                let others =
                    stat.uid == caller.credentials.uid && stat.permissions & asked == asked;
                Some(if others { Ok(LowerReply::Done) } else { Err(Errno::EACCES) })
            }
            other => Some(other),
        },
        _ => None,
    })
}

/// What was not there is remembered until it is made; it may also be moved there.
fn absent_names() -> Bug {
    let mut absent = BTreeSet::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::Lookup { parent, name } => {
            if absent.contains(&(parent, name.to_vec())) {
                return Some(Err(Errno::ENOENT));
            }
            let reply = fs.apply(caller, op);
            if reply == Err(Errno::ENOENT) {
                absent.insert((parent, name.to_vec()));
            }
            Some(reply)
        }
        LowerOp::Create { parent, name, .. }
        | LowerOp::CreateOpen { parent, name, .. }
        | LowerOp::Mknod { parent, name, .. }
        | LowerOp::Mkdir { parent, name, .. }
        | LowerOp::Symlink { parent, name, .. }
        | LowerOp::Link { parent, name, .. } => {
            absent.remove(&(parent, name.to_vec()));
            None
        }
        LowerOp::Rename { parent, name, flags, .. } if flags == RenameFlags::EXCHANGE => {
            absent.remove(&(parent, name.to_vec()));
            None
        }
        _ => None,
    })
}

fn lowers() -> Vec<Planted> {
    vec![
        planted("a directory takes the mode of its place", mode_of_place),
        planted("setuid survives a write", writes_keep_setuid),
        planted("the end is where it was at the open", end_of_open),
        planted("a link is nothing long", empty_links),
        planted("a setgid directory gives no group", group_of_maker),
        planted("a value that does not fit is cut", cut_values),
        planted("offsets begin again at four gigabytes", narrow_offsets),
        planted("zeros behind the end do not move it", zeros_keep_size),
        planted("owners may do what others may", owners_are_others),
        planted("what was not there cannot be moved there", absent_names),
    ]
}

/// Serves whoever comes first, and nobody else.
#[derive(Debug, Default)]
struct Loyal {
    right: EchoDaemon,
    first: Option<u32>,
}

impl Daemon for Loyal {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        if request.opcode == Opcode::INIT {
            let _ = device.reply(&init_reply(request));
        } else if *self.first.get_or_insert(request.uid.0) == request.uid.0 {
            self.right.serve(request, device);
        } else {
            answer(device, request, Errno::EACCES.negative(), Vec::new());
        }
    }

    fn forget(&mut self, nodeid: NodeId, nlookup: u64) {
        self.right.forget(nodeid, nlookup);
    }
}

fn is(request: &Request, opcode: Opcode) -> bool {
    request.opcode.0 & 0xffff == opcode.0
}

fn daemons() -> Vec<Planted> {
    vec![
        daemons::planted("sends numbers in the order of the network", |_, request, device| {
            let mut body = echo(request);
            body.chunks_exact_mut(4).for_each(<[u8]>::reverse);
            answer(device, request, 0, body)
        }),
        daemons::planted_by("serves only who came first", Loyal::default),
        daemons::planted("applies the umask of its own process", |_, request, device| {
            let mut body = echo(request);
            if let (true, Some(mode)) = (is(request, Opcode::MKDIR), body.first_mut()) {
                *mode &= !0o077;
            }
            answer(device, request, 0, body)
        }),
        daemons::planted("answers an errno that the kernel keeps", |_, request, device| {
            // ERESTARTSYS.
            is(request, Opcode::RMDIR) && answer(device, request, -512, Vec::new())
        }),
    ]
}

pub(super) fn all() -> Vec<Planted> {
    lowers().into_iter().chain(daemons()).collect()
}
