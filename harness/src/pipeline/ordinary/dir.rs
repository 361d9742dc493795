//! readdir: READDIR, or READDIRPLUS where it was negotiated.

use fuserig_abi::{Errno, FuseDirent, FuseEntryOut, FuseReadIn, NodeId, Opcode, PAGE_SIZE, Quirk};
use zerocopy::FromBytes;

use super::exchange::{Ordinary, Served, body, child_node, invalid, number, stat_of};
use crate::kernel::{DentryId, HandleId, InodeId, StatMask};
use crate::pipeline::device::Shape;
use crate::pipeline::{DirRecord, Outcome};

const HEADER: usize = size_of::<FuseDirent>();
const ENTRY_OUT: usize = size_of::<FuseEntryOut>();

impl Ordinary<'_> {
    /// `fuse_readdir_uncached`: one request a call; `off` of a record is the position behind it.
    pub(super) async fn readdir(&mut self, handle: HandleId, space: usize) -> Served {
        let plus = self.wants_plus(handle);
        let state = &self.world.mount.handles[handle];
        let dentry = state.dentry;
        let head = FuseReadIn {
            fh: state.fh.0,
            offset: state.position as u64,
            size: PAGE_SIZE,
            flags: state.flags.bits(),
            ..FuseReadIn::default()
        };
        let nodeid = state.nodeid;
        let opcode = if plus { Opcode::READDIRPLUS } else { Opcode::READDIR };
        let shape = Shape::up_to(PAGE_SIZE as usize);
        let page = self.ask(opcode, nodeid, body(&head, &[]), shape).await?;
        let mut listing = Listing { records: Vec::new(), space, full: false };
        let mut rest = &page[..];
        let prefix = if plus { ENTRY_OUT } else { 0 };
        while rest.len() >= prefix + HEADER {
            let (header, _) =
                FuseDirent::read_from_prefix(&rest[prefix..]).expect("a header is left");
            let length = header.namelen as usize;
            if length == 0 || length > fuserig_abi::FUSE_NAME_MAX as usize {
                return Err(Errno::EIO.into());
            }
            let record = (prefix + HEADER + length).next_multiple_of(8);
            if record > rest.len() {
                break;
            }
            let name = &rest[prefix + HEADER..prefix + HEADER + length];
            if name.contains(&b'/') {
                return Err(Errno::EIO.into());
            }
            if listing.offer(&header, name) {
                self.world.mount.handles[handle].position = header.off as i64;
            } else if !plus {
                break;
            }
            if plus {
                let (entry, _) = FuseEntryOut::read_from_prefix(rest).expect("an entry is left");
                self.link_entry(dentry, name, &entry);
            }
            rest = &rest[record..];
        }
        let inode = self.handle_inode(handle);
        self.invalidate(inode, StatMask::ATIME);
        // man 2 getdents: no room for the first record is an error, not the end.
        if listing.full && listing.records.is_empty() {
            return Err(Errno::EINVAL.into());
        }
        Ok(Outcome { records: listing.records, ..number(0) })
    }

    /// `fuse_use_readdirplus`. An inode without nodeid never gets it (RDIR-4).
    fn wants_plus(&mut self, handle: HandleId) -> bool {
        let connection = &self.world.connection;
        if !connection.readdirplus {
            return false;
        }
        let auto = connection.readdirplus_auto;
        let state = &self.world.mount.handles[handle];
        let (inode, position) = (state.inode, state.position);
        let node = &mut self.world.mount.inodes[inode];
        if node.nodeid == NodeId(0) && node.backing.is_some() {
            self.quirk(Quirk::RDIR_4);
            return false;
        }
        let advised = core::mem::take(&mut node.advise_plus);
        !auto || advised || position == 0
    }

    /// `fuse_direntplus_link`: each entry counts as a lookup. A name that stands on a backing
    /// file keeps it.
    fn link_entry(&mut self, directory: DentryId, name: &[u8], entry: &FuseEntryOut) {
        if entry.nodeid == 0 || matches!(name, b"." | b"..") {
            return;
        }
        if !child_node(entry) || invalid(&entry.attr) {
            self.force_forget(entry.nodeid);
            return;
        }
        let nodeid = NodeId(entry.nodeid);
        let until = self.until(entry.attr_valid, entry.attr_valid_nsec);
        if let Some(known) = self.world.mount.cached_child(directory, name) {
            let inode = self.world.mount.dentries[known].inode;
            let same = inode.is_some_and(|inode| self.world.mount.inodes[inode].nodeid == nodeid);
            if let (Some(inode), true) = (inode, same) {
                let state = &mut self.world.mount.inodes[inode];
                state.nlookup += 1;
                state.forget_acls();
                if state.backing.is_none() {
                    let stat = stat_of(&entry.attr);
                    self.world.mount.describe(inode, &stat, until, self.asked_at);
                }
                self.note_listed(inode);
                self.keep(known, entry);
                self.world.mount.put(known);
                return;
            }
            self.world.mount.unhash(known);
            self.world.mount.put(known);
        }
        let Ok(inode) = self.inode(entry, self.asked_at) else { return };
        self.note_listed(inode);
        let dentry = self.world.mount.new_child(directory, name);
        let alias = self.world.mount.splice(inode, dentry);
        self.keep(alias.unwrap_or(dentry), entry);
        if let Some(alias) = alias {
            self.world.mount.put(alias);
        }
        self.world.mount.put(dentry);
    }

    fn note_listed(&mut self, inode: InodeId) {
        let auto = self.world.connection.readdirplus_auto;
        self.world.mount.inodes[inode].came_with_listing |= auto;
    }

    /// What the daemon counted as a lookup and the kernel could not use.
    fn force_forget(&mut self, nodeid: u64) {
        self.world.daemon.forget(NodeId(nodeid), 1);
    }
}

/// What the caller's buffer takes.
struct Listing {
    records: Vec<DirRecord>,
    space: usize,
    full: bool,
}

impl Listing {
    fn offer(&mut self, header: &FuseDirent, name: &[u8]) -> bool {
        let record = DirRecord {
            ino: header.ino,
            next: header.off as i64,
            kind: header.r#type,
            name: name.to_vec(),
        };
        let bytes = record.caller_bytes();
        if self.full || bytes > self.space {
            self.full = true;
            return false;
        }
        self.space -= bytes;
        self.records.push(record);
        true
    }
}
