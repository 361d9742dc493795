//! What notifications do to the caches of a mount.

use fuserig_abi::{
    Errno, FileKind, Gid, NodeId, Opcode, PAGE_SIZE, Pid, Request, Timespec, Uid, Unique,
};

use super::{DentryId, InodeId, Mount, Notice, StatMask, World};

const PAGE: u64 = PAGE_SIZE as u64;

impl World {
    /// Takes a notification of the daemon. For a retrieval the request is returned that carries
    /// the contents (`FUSE_NOTIFY_REPLY`), which has no reply.
    ///
    /// # Errors
    /// What `write` on the device returns: that of [`Notice::decode`]; ENOENT for a node or name
    /// that is not in the caches; ENOTDIR for a parent that is no directory; for a deletion
    /// ENOTEMPTY where a name below is in use.
    ///
    /// ```
    /// use fuserig::kernel::{World, WorldConfig};
    /// use fuserig::pipeline::{NoDaemon, NullSink};
    /// use fuserig_abi::Errno;
    /// use fuserig_sim_fs::MemFs;
    /// let lower = Box::new(MemFs::from_tree("/a 'x'").unwrap());
    /// let config = WorldConfig::default();
    /// let world = World::new(&config, lower, None, Box::new(NoDaemon), Box::new(NullSink));
    /// assert_eq!(world.unwrap().take_notification(2, b"short"), Err(Errno::EINVAL));
    /// ```
    pub fn take_notification(&mut self, code: i32, body: &[u8]) -> Result<Option<Request>, Errno> {
        let notice = Notice::decode(code, body)?;
        match notice {
            Notice::Poll { kh } => self.mount.wake(kh),
            Notice::InvalInode { node, offset, length } => {
                self.mount.forget_contents(node, offset, length)?;
            }
            Notice::InvalEntry { parent, name, expire_only } => {
                self.mount.forget_name(parent, name, expire_only)?;
            }
            Notice::Store { node, offset, data } => self.mount.store(node, offset, data)?,
            Notice::Delete { parent, child, name } => {
                self.mount.forget_deleted(parent, child, name)?;
            }
            Notice::Retrieve { unique, node, offset, size } => {
                let most = self.connection.max_pages;
                let size = size.min(self.connection.max_write.max(PAGE_SIZE));
                let body = self.mount.retrieve(node, offset, size, most)?;
                return Ok(Some(Request {
                    unique: Unique(unique),
                    nodeid: node,
                    opcode: Opcode::NOTIFY_REPLY,
                    uid: Uid::ROOT,
                    gid: Gid::ROOT,
                    pid: Pid(0),
                    body,
                    error_in: None,
                }));
            }
        }
        Ok(None)
    }
}

impl Mount {
    /// The inode of a node that the daemon serves.
    fn served(&self, node: NodeId) -> Result<InodeId, Errno> {
        self.daemon_inode(node).ok_or(Errno::ENOENT)
    }

    /// `fuse_notify_poll_wakeup`: a handle that nobody has is no error.
    fn wake(&mut self, kh: u64) {
        let polled = self.handles.iter().find(|(_, handle)| handle.poll_handle == Some(kh));
        if let Some((handle, _)) = polled {
            self.handles[handle].woken += 1;
        }
    }

    /// `fuse_reverse_inval_inode`.
    fn forget_contents(&mut self, node: NodeId, offset: i64, length: i64) -> Result<(), Errno> {
        let inode = self.served(node)?;
        self.note_change(inode);
        let state = &mut self.inodes[inode];
        state.stale |= StatMask::BASIC;
        state.forget_acls();
        let Ok(offset) = u64::try_from(offset) else { return Ok(()) };
        let first = offset / PAGE;
        let last = match u64::try_from(length) {
            Ok(0) | Err(_) => u64::MAX,
            Ok(length) => offset.saturating_add(length - 1) / PAGE,
        };
        state.pages.retain(|page, _| !(first..=last).contains(page));
        Ok(())
    }

    /// The dentry of a directory, and the child of it that a walk would find.
    fn named_child(&mut self, parent: NodeId, name: &[u8]) -> Result<DentryId, Errno> {
        let inode = self.served(parent)?;
        if self.inodes[inode].kind != FileKind::Directory {
            return Err(Errno::ENOTDIR);
        }
        let directory = self.directory_dentry(inode).ok_or(Errno::ENOENT)?;
        let child = *self.dentries[directory].children.get(name).ok_or(Errno::ENOENT)?;
        // `fuse_dir_changed`.
        self.inodes[inode].stale |= StatMask::BASIC;
        Ok(child)
    }

    /// `fuse_reverse_inval_entry` without a child.
    fn forget_name(&mut self, parent: NodeId, name: &[u8], expire_only: bool) -> Result<(), Errno> {
        let child = self.named_child(parent, name)?;
        self.dentries[child].valid_until = Timespec::ZERO;
        if !expire_only {
            self.shrink(child);
            self.drop_name(child);
        }
        Ok(())
    }

    /// `fuse_reverse_inval_entry` with a child: what the name named has no links any more.
    fn forget_deleted(&mut self, parent: NodeId, node: NodeId, name: &[u8]) -> Result<(), Errno> {
        let child = self.named_child(parent, name)?;
        self.dentries[child].valid_until = Timespec::ZERO;
        self.shrink(child);
        let deleted = match self.dentries[child].inode {
            Some(inode) if node.0 != 0 => self.delete_inode(inode, child, node),
            _ => Ok(()),
        };
        self.drop_name(child);
        deleted
    }

    fn delete_inode(&mut self, inode: InodeId, child: DentryId, node: NodeId) -> Result<(), Errno> {
        let state = &mut self.inodes[inode];
        if state.nodeid != node {
            return Err(Errno::ENOENT);
        }
        if state.kind == FileKind::Directory {
            if !self.dentries[child].children.is_empty() {
                return Err(Errno::ENOTEMPTY);
            }
            state.dead = true;
        }
        if let Some(described) = &mut state.described {
            described.nlink = 0;
        }
        Ok(())
    }

    /// `fuse_notify_store`: a page that is not whole and was not there stays to be read.
    fn store(&mut self, node: NodeId, offset: u64, data: &[u8]) -> Result<(), Errno> {
        let inode = self.served(node)?;
        self.note_change(inode);
        let state = &mut self.inodes[inode];
        let end = offset + data.len() as u64;
        if end > state.size {
            state.size = end;
            state.stale |= StatMask::CONTENTS;
        }
        let size = state.size;
        let mut done = 0;
        while done < data.len() {
            let at = offset + done as u64;
            let within = (at % PAGE) as usize;
            let count = (data.len() - done).min(PAGE_SIZE as usize - within);
            let page = state.pages.entry(at / PAGE).or_insert(None);
            let whole = within == 0 && (count == PAGE_SIZE as usize || size == end);
            if page.is_none() && whole {
                *page = Some(vec![0; PAGE_SIZE as usize]);
            }
            if let Some(bytes) = page {
                bytes[within..within + count].copy_from_slice(&data[done..done + count]);
            }
            done += count;
        }
        Ok(())
    }

    /// `fuse_retrieve`: what is cached from there on without a gap, as `struct
    /// fuse_notify_retrieve_in` and the bytes.
    fn retrieve(
        &self,
        node: NodeId,
        offset: u64,
        size: u32,
        max_pages: u32,
    ) -> Result<Vec<u8>, Errno> {
        let state = &self.inodes[self.served(node)?];
        let within = offset % PAGE;
        let room = (u64::from(max_pages) * PAGE).saturating_sub(within);
        let wanted = u64::from(size).min(state.size.saturating_sub(offset)).min(room);
        let mut data = Vec::new();
        while (data.len() as u64) < wanted {
            let at = offset + data.len() as u64;
            let Some(Some(page)) = state.pages.get(&(at / PAGE)) else { break };
            let from = (at % PAGE) as usize;
            let count = (wanted as usize - data.len()).min(PAGE_SIZE as usize - from);
            data.extend_from_slice(&page[from..from + count]);
        }
        let mut body = vec![0; 8];
        body.extend(offset.to_le_bytes());
        body.extend((data.len() as u32).to_le_bytes());
        body.resize(40, 0);
        body.extend(data);
        Ok(body)
    }

    /// The dentry of a directory; it has one at most.
    fn directory_dentry(&self, inode: InodeId) -> Option<DentryId> {
        if self.dentries[self.root].inode == Some(inode) {
            return Some(self.root);
        }
        self.name_of_directory(inode)
    }
}
