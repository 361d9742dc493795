//! Files that the kernel reads and writes by itself, without asking (FUSE passthrough).
//!
//! All opens of a node must name the same backing file, which is why it is kept by node until the
//! last handle is released. Where the kernel refuses one (another stacked filesystem below, no
//! privilege) the file is served in the ordinary way.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::os::fd::BorrowedFd;

use fuser::{BackingId, FileHandle, FopenFlags, Generation};

use super::convert;
use super::job::ReplyTo;
use crate::serve::{Head, Incoming, Outgoing, Server};

/// The backing files that are in use.
#[derive(Debug, Default)]
pub(super) struct Backings {
    /// By node: the file, and how many handles use it.
    files: BTreeMap<u64, (BackingId, usize)>,
    /// By handle: the node.
    handles: BTreeMap<u64, u64>,
}

impl Backings {
    /// Takes note of a release.
    pub(super) fn released(&mut self, incoming: &Incoming) {
        let Incoming::Release { input } = incoming else { return };
        let Some(node) = self.handles.remove(&input.fh) else { return };
        if let Some((_, users)) = self.files.get_mut(&node) {
            *users -= 1;
            if *users == 0 {
                self.files.remove(&node);
            }
        }
    }

    /// Answers an open of a file that the kernel may use by itself, or gives the reply back.
    pub(super) fn answer(
        &mut self,
        server: &Server,
        head: &Head,
        outgoing: &Outgoing,
        reply: ReplyTo,
    ) -> Option<ReplyTo> {
        match (reply, outgoing) {
            (ReplyTo::Open(reply), Outgoing::Open(out)) => {
                let open = |fd: BorrowedFd<'_>| reply.open_backing(fd);
                let Some(file) = self.file(server, (head.nodeid.0, out.fh), open) else {
                    return Some(ReplyTo::Open(reply));
                };
                reply.opened_passthrough(FileHandle(out.fh), flags(out.open_flags), file);
            }
            (ReplyTo::Create(reply), Outgoing::Create(entry, out)) => {
                let open = |fd: BorrowedFd<'_>| reply.open_backing(fd);
                let Some(file) = self.file(server, (entry.nodeid, out.fh), open) else {
                    return Some(ReplyTo::Create(reply));
                };
                let valid = convert::duration(entry.entry_valid, entry.entry_valid_nsec);
                let (attr, fh) = (convert::attr(&entry.attr), FileHandle(out.fh));
                let flags = flags(out.open_flags);
                reply.created_passthrough(
                    &valid,
                    &attr,
                    Generation(entry.generation),
                    fh,
                    flags,
                    file,
                );
            }
            (reply, _) => return Some(reply),
        }
        None
    }

    /// The backing file of a node, for one more handle.
    fn file(
        &mut self,
        server: &Server,
        (node, fh): (u64, u64),
        open: impl Fn(BorrowedFd<'_>) -> std::io::Result<BackingId>,
    ) -> Option<&BackingId> {
        let (file, users) = match self.files.entry(node) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert((open(server.host_file(fh)?).ok()?, 0)),
        };
        self.handles.insert(fh, node);
        *users += 1;
        Some(file)
    }
}

fn flags(bits: u32) -> FopenFlags {
    FopenFlags::from_bits_retain(bits)
}
