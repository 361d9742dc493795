//! FUSE inodes: what the kernel side remembers of a file that some dentry names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bitflags::bitflags;
use fuserig_abi::{FileKind, Gid, Ino, NodeId, Pid, Stat, Timespec, Uid};

use super::FilterId;

/// A page of the FUSE page cache, which only the ordinary path uses: its bytes once they were
/// read, or nothing while they are still to be read.
pub type CachedPage = Option<Vec<u8>>;

bitflags! {
    /// Attributes by the bits of `statx` (`STATX_*`): which of them are asked for, or have to be
    /// asked for again because something changed them (`inval_mask` of a FUSE inode).
    ///
    /// ```
    /// use fuserig::kernel::StatMask;
    /// assert!(StatMask::BASIC.contains(StatMask::CONTENTS));
    /// assert!(!StatMask::CONTENTS.intersects(StatMask::ACCESS));
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct StatMask: u32 {
        /// Time of the last access.
        const ATIME = 0x20;
        /// Time of the last change of attributes.
        const CTIME = 0x80;
        /// Length.
        const SIZE = 0x200;
        /// What a permission check looks at: mode, owner, group.
        const ACCESS = 0x02 | 0x08 | 0x10;
        /// What a write changes: times of contents and attributes, length, blocks.
        const CONTENTS = 0x40 | 0x80 | 0x200 | 0x400;
        /// Everything that `stat` gives (`STATX_BASIC_STATS`).
        const BASIC = 0x7ff;
    }
}

/// What is known of a list of an inode (`i_acl`, `i_default_acl`).
///
/// ```
/// use fuserig::kernel::KnownAcl;
/// assert_eq!(KnownAcl::default(), KnownAcl::Unknown);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KnownAcl {
    /// It has to be asked for.
    #[default]
    Unknown,
    /// A process is asking for it; the answer is kept if this is still so when it comes
    /// (`__get_acl` puts a sentinel of its own there).
    Asked(Pid),
    /// There is none.
    None,
    /// The value of the attribute.
    List(Arc<[u8]>),
}

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
    /// All attributes as the daemon gave them last, or none for an inode it never described.
    pub described: Option<Stat>,
    /// Until when a getattr of the ordinary path is answered from `described`.
    pub described_until: Timespec,
    /// Attributes that something changed since.
    pub stale: StatMask,
    /// The access list, which a connection with `FUSE_POSIX_ACL` keeps.
    pub acl: KnownAcl,
    /// The list for what is made in a directory, kept likewise.
    pub default_acl: KnownAcl,
    /// Distinguishes the lives of one nodeid (`generation` of an entry).
    pub generation: u64,
    /// The page cache by page number.
    pub pages: BTreeMap<u64, CachedPage>,
    /// Pages that have the next ones read by whoever comes to them, as long as they are cached
    /// (`PG_readahead`).
    pub marked: BTreeSet<u64>,
    /// The instant of its last change, as [`Mount::version`](super::Mount::version) counts them:
    /// what a reply says to a request that was sent before is out of date (`attr_version`).
    pub version: u64,
    /// A name below was looked up since the last readdir, so READDIRPLUS pays
    /// (`FUSE_I_ADVISE_RDPLUS`).
    pub advise_plus: bool,
    /// READDIRPLUS brought it and nobody used it yet (`FUSE_I_INIT_RDPLUS`).
    pub came_with_listing: bool,
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
            described: None,
            described_until: Timespec::ZERO,
            stale: StatMask::empty(),
            acl: KnownAcl::Unknown,
            default_acl: KnownAcl::Unknown,
            generation: 0,
            pages: BTreeMap::new(),
            marked: BTreeSet::new(),
            version: 0,
            advise_plus: false,
            came_with_listing: false,
        }
    }

    /// An inode that the daemon described and that stands on nothing.
    pub fn of_daemon(nodeid: NodeId, stat: &Stat) -> FuseInode {
        FuseInode { backing: None, described: Some(*stat), ..FuseInode::new(nodeid, stat) }
    }

    /// Takes over the attributes that the daemon gave. Cached data goes when the length changed;
    /// somebody else may have given the file privileges (`fuse_change_attributes_common`).
    pub fn describe(&mut self, stat: &Stat, until: Timespec) {
        self.refresh(stat);
        self.described = Some(*stat);
        self.described_until = until;
        self.stale = StatMask::empty();
        self.no_security = false;
    }

    /// Whether the attributes need not be asked for at `now`.
    pub fn is_fresh(&self, mask: StatMask, now: Timespec) -> bool {
        self.described.is_some() && !self.stale.intersects(mask) && self.described_until > now
    }

    /// What is known of its lists may no longer be so (`forget_all_cached_acls`).
    pub fn forget_acls(&mut self) {
        (self.acl, self.default_acl) = (KnownAcl::Unknown, KnownAcl::Unknown);
    }

    /// Takes over attributes.
    pub fn refresh(&mut self, stat: &Stat) {
        self.permissions = stat.permissions;
        (self.uid, self.gid) = (stat.uid, stat.gid);
        self.resize(stat.size);
    }

    /// Takes over a length that somebody else decided; cached data goes when it is another one.
    pub fn resize(&mut self, size: u64) {
        if size != self.size {
            self.pages.clear();
        }
        self.size = size;
    }

    /// Type and permission bits.
    pub fn mode(&self) -> u32 {
        self.kind.type_bits() | self.permissions
    }
}
