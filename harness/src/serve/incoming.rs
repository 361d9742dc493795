//! Requests as values: one variant an operation of the protocol.

use fuserig_abi::{
    FuseCopyFileRangeIn, FuseCreateIn, FuseFallocateIn, FuseFlushIn, FuseFsyncIn, FuseLseekIn,
    FuseMkdirIn, FuseMknodIn, FuseOpenIn, FuseReadIn, FuseReleaseIn, FuseSetattrIn, FuseWriteIn,
    Gid, NodeId, Opcode, Pid, Uid, Unique,
};

/// Who asks what about which node: the header of a request, without lengths.
///
/// ```
/// use fuserig::serve::Head;
/// use fuserig_abi::{NodeId, Uid};
/// let head = Head { nodeid: NodeId::ROOT, uid: Uid(1000), ..Head::default() };
/// assert_eq!(head.pid.0, 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Minted by the client, names the request until its reply.
    pub unique: Unique,
    /// The node the request is about; minted by the server.
    pub nodeid: NodeId,
    /// Filesystem user id of the caller.
    pub uid: Uid,
    /// Filesystem group id of the caller.
    pub gid: Gid,
    /// The calling process; 0 for the kernel's own requests.
    pub pid: Pid,
}

impl Default for Head {
    fn default() -> Head {
        Head {
            unique: Unique(0),
            nodeid: NodeId::ROOT,
            uid: Uid::ROOT,
            gid: Gid::ROOT,
            pid: Pid(0),
        }
    }
}

/// An advisory lock as the protocol carries it (`struct fuse_lk_in`).
///
/// ```
/// use fuserig::serve::LockRange;
/// assert_eq!(LockRange::default().end, 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct LockRange {
    /// The open file.
    pub fh: u64,
    /// The owner, a scrambled pointer of the kernel.
    pub owner: u64,
    /// First byte.
    pub start: u64,
    /// Last byte, inclusive.
    pub end: u64,
    /// `F_RDLCK` (0), `F_WRLCK` (1) or `F_UNLCK` (2).
    pub kind: u32,
    /// The process that holds it.
    pub pid: u32,
    /// `FUSE_LK_FLOCK` (1) for `flock`.
    pub flags: u32,
}

/// The body of a request. Structs are the protocol's own, names are single components without
/// NUL.
///
/// ```
/// use fuserig::serve::Incoming;
/// use fuserig_abi::Opcode;
/// let lookup = Incoming::Lookup { name: b"notes.txt".to_vec() };
/// let (opcode, body) = (lookup.opcode(), lookup.encode());
/// assert_eq!((opcode, &body[..]), (Opcode::LOOKUP, &b"notes.txt\0"[..]));
/// assert_eq!(Incoming::decode(opcode, &body).unwrap(), lookup);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields bear the names of the protocol's own structs")]
pub enum Incoming {
    /// Find a name.
    Lookup { name: Vec<u8> },
    /// Give back so many lookups of the node. No reply.
    Forget { nlookup: u64 },
    /// The same for many nodes. No reply.
    BatchForget { nodes: Vec<(NodeId, u64)> },
    /// Read attributes, of an open file if `fh` names one.
    Getattr { flags: u32, fh: u64 },
    /// Change attributes.
    Setattr { input: FuseSetattrIn },
    /// Read a link target.
    Readlink,
    /// Make a symlink.
    Symlink { name: Vec<u8>, target: Vec<u8> },
    /// Make a file of any kind but a directory.
    Mknod { input: FuseMknodIn, name: Vec<u8> },
    /// Make a directory.
    Mkdir { input: FuseMkdirIn, name: Vec<u8> },
    /// Remove a name.
    Unlink { name: Vec<u8> },
    /// Remove a directory.
    Rmdir { name: Vec<u8> },
    /// Rename (RENAME when `flags` is none, RENAME2 otherwise).
    Rename { name: Vec<u8>, new_parent: NodeId, new_name: Vec<u8>, flags: Option<u32> },
    /// Give `node` another name.
    Link { node: NodeId, name: Vec<u8> },
    /// Open a file.
    Open { input: FuseOpenIn },
    /// Open a directory.
    Opendir { input: FuseOpenIn },
    /// Read data.
    Read { input: FuseReadIn },
    /// Write data.
    Write { input: FuseWriteIn, data: Vec<u8> },
    /// Filesystem figures.
    Statfs,
    /// The last reference to an open file went.
    Release { input: FuseReleaseIn },
    /// The last reference to an open directory went.
    Releasedir { input: FuseReleaseIn },
    /// Make a file durable.
    Fsync { input: FuseFsyncIn },
    /// Make a directory durable.
    Fsyncdir { input: FuseFsyncIn },
    /// Set an extended attribute.
    Setxattr { name: Vec<u8>, value: Vec<u8>, flags: u32 },
    /// Read an extended attribute; size 0 asks for its length.
    Getxattr { name: Vec<u8>, size: u32 },
    /// List extended attributes; size 0 asks for the length.
    Listxattr { size: u32 },
    /// Remove an extended attribute.
    Removexattr { name: Vec<u8> },
    /// A descriptor was closed.
    Flush { input: FuseFlushIn },
    /// List a directory.
    Readdir { input: FuseReadIn },
    /// List a directory, with a lookup of each name.
    Readdirplus { input: FuseReadIn },
    /// Check permission.
    Access { mask: u32 },
    /// Create a file and open it.
    Create { input: FuseCreateIn, name: Vec<u8> },
    /// Allocate or deallocate space.
    Fallocate { input: FuseFallocateIn },
    /// Ask for a position.
    Lseek { input: FuseLseekIn },
    /// Copy between files.
    CopyFileRange { input: FuseCopyFileRangeIn },
    /// Look for a conflicting lock.
    Getlk { lock: LockRange },
    /// Set a lock, without waiting.
    Setlk { lock: LockRange },
    /// Set a lock, waiting for it.
    Setlkw { lock: LockRange },
    /// The caller of another request got a signal. No reply is needed.
    Interrupt { unique: Unique },
    /// The session begins.
    Init { body: Vec<u8> },
    /// The session ends.
    Destroy,
    /// Whatever this server does not do: answered `ENOSYS`, as the protocol asks.
    Other { opcode: Opcode, body: Vec<u8> },
}

impl Incoming {
    /// The number of the operation.
    pub fn opcode(&self) -> Opcode {
        match self {
            Incoming::Lookup { .. } => Opcode::LOOKUP,
            Incoming::Forget { .. } => Opcode::FORGET,
            Incoming::BatchForget { .. } => Opcode::BATCH_FORGET,
            Incoming::Getattr { .. } => Opcode::GETATTR,
            Incoming::Setattr { .. } => Opcode::SETATTR,
            Incoming::Readlink => Opcode::READLINK,
            Incoming::Symlink { .. } => Opcode::SYMLINK,
            Incoming::Mknod { .. } => Opcode::MKNOD,
            Incoming::Mkdir { .. } => Opcode::MKDIR,
            Incoming::Unlink { .. } => Opcode::UNLINK,
            Incoming::Rmdir { .. } => Opcode::RMDIR,
            Incoming::Rename { flags: None, .. } => Opcode::RENAME,
            Incoming::Rename { flags: Some(_), .. } => Opcode::RENAME2,
            Incoming::Link { .. } => Opcode::LINK,
            Incoming::Open { .. } => Opcode::OPEN,
            Incoming::Opendir { .. } => Opcode::OPENDIR,
            Incoming::Read { .. } => Opcode::READ,
            Incoming::Write { .. } => Opcode::WRITE,
            Incoming::Statfs => Opcode::STATFS,
            Incoming::Release { .. } => Opcode::RELEASE,
            Incoming::Releasedir { .. } => Opcode::RELEASEDIR,
            Incoming::Fsync { .. } => Opcode::FSYNC,
            Incoming::Fsyncdir { .. } => Opcode::FSYNCDIR,
            Incoming::Setxattr { .. } => Opcode::SETXATTR,
            Incoming::Getxattr { .. } => Opcode::GETXATTR,
            Incoming::Listxattr { .. } => Opcode::LISTXATTR,
            Incoming::Removexattr { .. } => Opcode::REMOVEXATTR,
            Incoming::Flush { .. } => Opcode::FLUSH,
            Incoming::Readdir { .. } => Opcode::READDIR,
            Incoming::Readdirplus { .. } => Opcode::READDIRPLUS,
            Incoming::Access { .. } => Opcode::ACCESS,
            Incoming::Create { .. } => Opcode::CREATE,
            Incoming::Fallocate { .. } => Opcode::FALLOCATE,
            Incoming::Lseek { .. } => Opcode::LSEEK,
            Incoming::CopyFileRange { .. } => Opcode::COPY_FILE_RANGE,
            Incoming::Getlk { .. } => Opcode::GETLK,
            Incoming::Setlk { .. } => Opcode::SETLK,
            Incoming::Setlkw { .. } => Opcode::SETLKW,
            Incoming::Interrupt { .. } => Opcode::INTERRUPT,
            Incoming::Init { .. } => Opcode::INIT,
            Incoming::Destroy => Opcode::DESTROY,
            Incoming::Other { opcode, .. } => *opcode,
        }
    }

    /// Whether the protocol has no reply for it.
    pub fn is_unanswered(&self) -> bool {
        matches!(
            self,
            Incoming::Forget { .. } | Incoming::BatchForget { .. } | Incoming::Interrupt { .. }
        )
    }
}
