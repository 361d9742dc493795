//! Filesystems below and daemons beside a filter with a mistake.

use std::collections::{BTreeMap, BTreeSet};

use fuserig::daemon::init_reply;
use fuserig::fault::EchoDaemon;
use fuserig::pipeline::{Daemon, Device};
use fuserig::prelude::*;
use fuserig_abi::{Caller, FileKind, Ino, NodeId, Opcode, Request};
use fuserig_sim_fs::{AttrChanges, LowerExt, OpenCheck, OpenFlags, SetTime, XattrFlags};

use super::super::daemons::{self, answer, echo};
use super::super::lowers::{self, Boxed, Bug, noted, root_of};
use super::super::{Planted, lowers::planted};

/// A value that is shorter than the one before ends as that did.
fn ends_of_values() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::SetXattr { node, name, value, flags } => {
            let old = fs.get_xattr(&root_of(caller), node, name, 1 << 16).ok()?;
            let value = [value, old.get(value.len()..)?].concat();
            Some(fs.apply(caller, &LowerOp::SetXattr { node, name, value: &value, flags }))
        }
        _ => None,
    })
}

fn attributes_of(fs: &mut Boxed, root: &Caller, node: Ino) -> Vec<(Vec<u8>, Vec<u8>)> {
    let names = fs.list_xattr(root, node, 1 << 16).unwrap_or_default();
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let value = |name: &[u8]| {
        let value = fs.get_xattr(root, node, name, 1 << 16).ok()?;
        Some((name.to_vec(), value))
    };
    names.filter_map(value).collect()
}

/// The next file that is made has the attributes of the last that was removed.
fn left_attributes() -> Bug {
    let mut left = Vec::new();
    Box::new(move |fs, caller, op| {
        let root = root_of(caller);
        match *op {
            LowerOp::Unlink { parent, name } => {
                let stat = fs.lookup(&root, parent, name).ok()?;
                let attributes = attributes_of(fs, &root, stat.ino);
                let reply = fs.apply(caller, op);
                if reply.is_ok() && stat.nlink == 1 {
                    left = attributes;
                }
                Some(reply)
            }
            LowerOp::Create { .. } | LowerOp::CreateOpen { .. } | LowerOp::Mknod { .. } => {
                let reply = fs.apply(caller, op);
                if let Ok(LowerReply::Stat(stat) | LowerReply::Created(stat, _)) = &reply
                    && stat.kind == FileKind::Regular
                {
                    for (name, value) in left.drain(..) {
                        let none = XattrFlags::empty();
                        let _ = fs.set_xattr(&root, stat.ino, &name, &value, none);
                    }
                }
                Some(reply)
            }
            _ => None,
        }
    })
}

fn read_of(fs: &mut Boxed, root: &Caller, node: Ino, offset: u64, size: u32) -> lowers::Answer {
    let (flags, check) = (OpenFlags::NOATIME, OpenCheck::Granted);
    let reply = fs.apply(root, &LowerOp::Open { node, flags, check }).ok()?;
    let LowerReply::Opened(fh) = reply else { return None };
    let bytes = fs.read(root, fh, offset, size);
    let _ = fs.release(root, fh);
    Some(bytes.map(LowerReply::Bytes))
}

/// Who has a file open that another was renamed over reads the other.
fn handles_follow_names() -> Bug {
    let (mut open, mut replaced) = (BTreeMap::new(), BTreeMap::new());
    Box::new(move |fs, caller, op| {
        let root = root_of(caller);
        match *op {
            LowerOp::Open { .. } | LowerOp::CreateOpen { .. } => noted(&mut open, (fs, caller, op)),
            LowerOp::Rename { parent, name, new_parent, new_name, flags } if flags.is_empty() => {
                let moved = fs.lookup(&root, parent, name).ok()?;
                let old = fs.lookup(&root, new_parent, new_name).ok()?;
                let reply = fs.apply(caller, op);
                let files = [&moved, &old].iter().all(|stat| stat.kind == FileKind::Regular);
                if reply.is_ok() && files && moved.ino != old.ino {
                    replaced.insert(old.ino, moved.ino);
                }
                Some(reply)
            }
            LowerOp::Read { fh, offset, size } => {
                let node = *replaced.get(open.get(&fh)?)?;
                read_of(fs, &root, node, offset, size)
            }
            _ => None,
        }
    })
}

/// What is written over what was there leaves the time of the last change.
fn overwrites_in_no_time() -> Bug {
    lowers::writes_leave(|before, end| {
        let mtime = Some(SetTime::At(before.mtime));
        (end <= before.size).then(|| AttrChanges { mtime, ..AttrChanges::default() })
    })
}

/// A listing that begins again is what it was the first time.
fn first_listing() -> Bug {
    let mut listed = BTreeMap::new();
    Box::new(move |fs, caller, op| match *op {
        LowerOp::ReadDir { fh, position: 0, .. } => {
            if let Some(before) = listed.get(&fh) {
                return Some(Ok(LowerReply::clone(before)));
            }
            let reply = fs.apply(caller, op);
            if let Ok(reply) = &reply {
                listed.insert(fh, reply.clone());
            }
            Some(reply)
        }
        _ => None,
    })
}

/// What is read reaches to the end of the page where there was something.
fn whole_pages() -> Bug {
    Box::new(|fs, caller, op| match *op {
        LowerOp::Read { offset, size, .. } => Some(fs.apply(caller, op).map(|reply| match reply {
            LowerReply::Bytes(mut bytes) if !bytes.is_empty() => {
                let end = (offset + bytes.len() as u64).next_multiple_of(4096);
                let whole = usize::try_from(end - offset).unwrap_or(bytes.len());
                bytes.resize(whole.min(size as usize).max(bytes.len()), 0);
                LowerReply::Bytes(bytes)
            }
            other => other,
        })),
        _ => None,
    })
}

fn lowers() -> Vec<Planted> {
    vec![
        planted("a shorter value keeps the end of the longer", ends_of_values),
        planted("a new file has what a removed one had", left_attributes),
        planted("an open file is that of its name", handles_follow_names),
        planted("who overwrites changes no time", overwrites_in_no_time),
        planted("a listing begun again is the old one", first_listing),
        planted("a file is read to the end of its page", whole_pages),
    ]
}

/// Remembers what it let through, and refuses it a second time, also when it was removed since.
#[derive(Debug, Default)]
struct Remembers {
    right: EchoDaemon,
    made: BTreeSet<Vec<u8>>,
}

impl Daemon for Remembers {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        if request.opcode == Opcode::INIT {
            let _ = device.reply(&init_reply(request));
            return;
        }
        let mkdir = request.opcode.0 & 0xffff == Opcode::MKDIR.0;
        if mkdir && !self.made.insert(name_of(request)) {
            answer(device, request, Errno::EEXIST.negative(), Vec::new());
            return;
        }
        self.right.serve(request, device);
    }

    fn forget(&mut self, nodeid: NodeId, nlookup: u64) {
        self.right.forget(nodeid, nlookup);
    }
}

/// The name that a request is about, with the NUL: behind mode and umask where there are any.
fn name_of(request: &Request) -> Vec<u8> {
    let mkdir = request.opcode.0 & 0xffff == Opcode::MKDIR.0;
    request.body.get(if mkdir { 8 } else { 0 }..).unwrap_or_default().to_vec()
}

fn daemons() -> Vec<Planted> {
    vec![
        daemons::planted_by("refuses what it has let through before", Remembers::default),
        daemons::planted("takes the umask for the mode", |_, request, device| {
            let mut body = echo(request);
            let mkdir = request.opcode.0 & 0xffff == Opcode::MKDIR.0;
            if let (true, Some(mode_and_umask)) = (mkdir, body.get_mut(..8)) {
                mode_and_umask.rotate_left(4);
            }
            answer(device, request, 0, body)
        }),
        daemons::planted("refuses names that are not UTF-8", |_, request, device| {
            let text = core::str::from_utf8(&name_of(request)).is_ok();
            !text && answer(device, request, Errno::EINVAL.negative(), Vec::new())
        }),
    ]
}

pub(super) fn all() -> Vec<Planted> {
    lowers().into_iter().chain(daemons()).collect()
}
