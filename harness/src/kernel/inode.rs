//! FUSE inodes: what the kernel side remembers of a file that some dentry names.

use fuserig_abi::{FileKind, Gid, Ino, NodeId, Stat, Uid};

use super::FilterId;

/// A FUSE inode (SEMANTICS 1, 7.6). The pipeline is selected by `backing` alone; a backing inode
/// without filter means plain passthrough.
#[derive(Clone, Debug)]
pub struct FuseInode {
    /// The id shown to filter and daemon; 0 is common. Overwritten by lookup's finalize.
    pub nodeid: NodeId,
    /// The nodeid under which the inode is hashed. Never changes: changing `nodeid` does not
    /// rehash (LOOK-1).
    pub hash_nodeid: NodeId,
    /// The lower inode, or none for a node the daemon serves.
    pub backing: Option<Ino>,
    /// The filter, or none.
    pub filter: Option<FilterId>,
    /// How often the inode was handed out; sent in FORGET (FORGET-1).
    pub nlookup: u64,
    /// References held by dentries, files and running operations.
    pub references: u32,
    /// Marked bad by an operation whose attributes made no sense (GATTR-1, GATTR-2).
    pub bad: bool,
    /// Type, as first seen.
    pub kind: FileKind,
    /// Permission bits, refreshed by getattr.
    pub permissions: u32,
    /// Owner, refreshed by getattr.
    pub uid: Uid,
    /// Group, refreshed by getattr.
    pub gid: Gid,
    /// Length in bytes, refreshed by getattr, write and truncate.
    pub size: u64,
    /// A directory that was removed (`S_DEAD`): nothing is looked up, made or listed in it.
    pub dead: bool,
    /// Known to have no privileges that a change of contents would take away (`S_NOSEC`).
    pub no_security: bool,
}

impl FuseInode {
    /// An inode with type and first attributes from the lower one.
    pub fn new(nodeid: NodeId, stat: &Stat) -> FuseInode {
        FuseInode {
            nodeid,
            hash_nodeid: nodeid,
            backing: Some(stat.ino),
            filter: None,
            nlookup: 0,
            references: 0,
            bad: false,
            kind: stat.kind,
            permissions: stat.permissions,
            uid: stat.uid,
            gid: stat.gid,
            size: stat.size,
            dead: false,
            no_security: false,
        }
    }

    /// Takes over the attributes of the lower inode.
    pub fn refresh(&mut self, stat: &Stat) {
        self.permissions = stat.permissions;
        (self.uid, self.gid) = (stat.uid, stat.gid);
        self.size = stat.size;
    }

    /// Type and permission bits.
    pub fn mode(&self) -> u32 {
        self.kind.type_bits() | self.permissions
    }
}
