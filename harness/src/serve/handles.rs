//! Nodes that a client asks for by number alone: `LOOKUP` of `.` and `..`.
//!
//! That is how a kernel turns a file handle (`open_by_handle_at(2)`, NFS) into a node once it has
//! forgotten the node (`FUSE_EXPORT_SUPPORT`). A number is that of a lower inode, so the lower
//! directories are listed for it, and every name on the way is looked up through the pipeline:
//! what a filter hides stays hidden.

use fuserig_abi::{Caller, Errno, FileKind, FuseEntryOut, Ino, NodeId, Pid};
use fuserig_sim_fs::{DirEntry, LowerExt, OpenFlags};

use super::incoming::Head;
use super::server::Server;
use crate::kernel::DentryId;

/// Directory records that are read at once.
const RECORDS: usize = 1024;

impl Server {
    /// The entry of the node itself, known or not.
    ///
    /// # Errors
    /// `ESTALE` when no name leads to it any more, or only to another node.
    pub(super) fn node_itself(&mut self, head: &Head) -> Result<FuseEntryOut, Errno> {
        let dentry = match self.nodes.dentry(head.nodeid) {
            Ok(dentry) => {
                self.world.mount.hold(dentry);
                dentry
            }
            Err(_) => self.found_again(head)?,
        };
        let entry = self.entry(dentry)?;
        if entry.nodeid == head.nodeid.0 {
            return Ok(entry);
        }
        self.nodes.forget(&mut self.world.mount, NodeId(entry.nodeid), 1);
        Err(Errno::ESTALE)
    }

    /// The entry of the directory that a known node is in.
    pub(super) fn node_above(&mut self, head: &Head) -> Result<FuseEntryOut, Errno> {
        let dentry = self.dentry_of(head.nodeid)?;
        let above = self.world.mount.dentries[dentry].parent;
        self.world.mount.hold(above);
        self.entry(above)
    }

    /// Looks for a node that the client gave back; the whole tree may have to be walked. The
    /// caller owns the dentry.
    fn found_again(&mut self, head: &Head) -> Result<DentryId, Errno> {
        let root = self.world.mount.root;
        self.world.mount.hold(root);
        let (mut pending, mut found) = (vec![root], Err(Errno::ESTALE));
        while let (Some(directory), Err(_)) = (pending.pop(), found) {
            for entry in self.below(directory).unwrap_or_default() {
                let is_it = entry.ino == Ino(head.nodeid.0);
                if !is_it && entry.kind != FileKind::Directory {
                    continue;
                }
                // What a filter hides is not there.
                let Ok(dentry) = self.find_positive(head, directory, &entry.name) else { continue };
                pending.push(dentry);
                if is_it {
                    found = Ok(dentry);
                    break;
                }
            }
            self.world.mount.put(directory);
        }
        for dentry in pending {
            if found != Ok(dentry) {
                self.world.mount.put(dentry);
            }
        }
        found
    }

    /// What the lower directory behind a dentry lists.
    fn below(&mut self, directory: DentryId) -> Result<Vec<DirEntry>, Errno> {
        let inode = self.world.mount.inode_of(directory);
        let node = self.world.mount.inodes[inode].backing.ok_or(Errno::ESTALE)?;
        let kernel = Caller::new(self.config.credentials.clone(), Pid(0), self.world.now);
        let fh = self.world.lower.open(&kernel, node, OpenFlags::DIRECTORY)?;
        let (mut all, mut position) = (Vec::new(), 0);
        let read = loop {
            match self.world.lower.read_dir(&kernel, fh, position, RECORDS) {
                Ok((entries, _)) if entries.is_empty() => break Ok(()),
                Ok((entries, end)) => {
                    position = end;
                    all.extend(entries);
                }
                Err(errno) => break Err(errno),
            }
        };
        self.world.lower.release(&kernel, fh)?;
        all.retain(|entry| entry.name != b"." && entry.name != b"..");
        read.map(|()| all)
    }
}
