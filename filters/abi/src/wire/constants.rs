//! Numbers with kernel names (SEMANTICS 3.1 and 3.6).
//!
//! Return codes live in [`crate::Verdict`], opcodes in [`crate::Opcode`], buffer flags in
//! [`crate::BufferFlags`]. Names that two groups share keep the group of the struct they belong to.

macro_rules! constants {
    ($($(#[$meta:meta])* $name:ident: $ty:ty = $value:expr;)*) => {
        $($(#[$meta])* pub const $name: $ty = $value;)*

        /// Every constant of this module by name, for reports and for the test against the tables.
        ///
        /// ```
        /// use fuserig_abi::NAMED_CONSTANTS;
        /// assert!(NAMED_CONSTANTS.contains(&("PAGE_SIZE", 4096)));
        /// ```
        pub const NAMED_CONSTANTS: &[(&str, u64)] = &[$((stringify!($name), $name as u64),)*];
    };
}

constants! {
    /// The bits of an opcode that name the operation.
    FUSE_OPCODE_FILTER: u32 = 0xffff;
    /// Phase bit of a prefilter call.
    FUSE_PREFILTER: u32 = 0x1_0000;
    /// Phase bit of a postfilter call.
    FUSE_POSTFILTER: u32 = 0x2_0000;
    /// Request flag: send even if the caller has a pending fatal signal.
    FUSE_BPF_FORCE: u32 = 1;
    /// Request flag: the last reply argument may be short.
    FUSE_BPF_OUT_ARGVAR: u32 = 64;
    /// Request flag: the reply carries lookup entries.
    FUSE_BPF_IS_LOOKUP: u32 = 2048;
    /// Most in args of an operation.
    FUSE_MAX_ARGS_IN: u32 = 3;
    /// Most out args of an operation.
    FUSE_MAX_ARGS_OUT: u32 = 2;
    /// Most in args of a daemon filter request: in args, out args and the extension.
    FUSE_EXTENDED_MAX_ARGS_IN: u32 = 6;
    /// Most out args of a daemon filter request.
    FUSE_EXTENDED_MAX_ARGS_OUT: u32 = 3;
    /// Most entries of a lookup reply.
    FUSE_BPF_MAX_ENTRIES: u32 = 2;
    /// Longest program name without its NUL.
    BPF_FUSE_NAME_MAX: u32 = 15;
    /// Type of the extension that carries `error_in`.
    FUSE_ERROR_IN: u32 = 33;
    /// Type letter of the response ioctl.
    FUSE_DEV_IOC_BPF_RESPONSE_TYPE: u32 = 229;
    /// Number of the response ioctl.
    FUSE_DEV_IOC_BPF_RESPONSE_NR: u32 = 125;
    /// Longest name of an extended attribute.
    XATTR_NAME_MAX: u32 = 255;
    /// Longest value of an extended attribute.
    XATTR_SIZE_MAX: u32 = 65536;
    /// Longest name of a directory entry.
    NAME_MAX: u32 = 255;
    /// Longest path with its NUL.
    PATH_MAX: u32 = 4096;
    /// Size of a page of the modelled kernels.
    PAGE_SIZE: u32 = 4096;
    /// Longest name in a FUSE message.
    FUSE_NAME_MAX: u32 = 1024;
    /// Node of the mount's root.
    FUSE_ROOT_ID: u64 = 1;
    /// What `statfs` reports as the type of a FUSE mount.
    FUSE_SUPER_MAGIC: u32 = 0x6573_5546;
    /// Android return bit: send the request to the daemon.
    FUSE_BPF_USER_FILTER: u32 = 1;
    /// Android return bit: run the lower step.
    FUSE_BPF_BACKING: u32 = 2;
    /// Android return bit: call the program again afterwards.
    FUSE_BPF_POST_FILTER: u32 = 4;
    /// Android: most in args.
    FUSE_MAX_IN_ARGS: u32 = 5;
    /// Android: most out args.
    FUSE_MAX_OUT_ARGS: u32 = 3;
    /// Android lookup reply: leave as it is.
    FUSE_ACTION_KEEP: u64 = 0;
    /// Android lookup reply: take away.
    FUSE_ACTION_REMOVE: u64 = 1;
    /// Android lookup reply: put the given one in its place.
    FUSE_ACTION_REPLACE: u64 = 2;
    /// Android: major version of the program interface.
    FUSE_BPF_MAJOR_VERSION: u32 = 1;
    /// Android: minor version of the program interface.
    FUSE_BPF_MINOR_VERSION: u32 = 0;
    /// Lookup entry: a backing file by descriptor.
    FUSE_ENTRY_BACKING: u32 = 1;
    /// Lookup entry: a program by name.
    FUSE_ENTRY_BPF: u32 = 2;
    /// Lookup entry: take the backing file away.
    FUSE_ENTRY_REMOVE_BACKING: u32 = 3;
    /// Lookup entry: take the program away.
    FUSE_ENTRY_REMOVE_BPF: u32 = 4;
    /// Parsed entry: nothing was said.
    FUSE_BPF_UNCHANGED: u32 = 0;
    /// Parsed entry: set.
    FUSE_BPF_SET: u32 = 1;
    /// Parsed entry: remove.
    FUSE_BPF_REMOVE: u32 = 2;
    /// setattr: mode counts.
    FATTR_MODE: u32 = 1 << 0;
    /// setattr: owner counts.
    FATTR_UID: u32 = 1 << 1;
    /// setattr: group counts.
    FATTR_GID: u32 = 1 << 2;
    /// setattr: length counts.
    FATTR_SIZE: u32 = 1 << 3;
    /// setattr: access time counts.
    FATTR_ATIME: u32 = 1 << 4;
    /// setattr: modification time counts.
    FATTR_MTIME: u32 = 1 << 5;
    /// setattr: file handle counts.
    FATTR_FH: u32 = 1 << 6;
    /// setattr: access time is the present.
    FATTR_ATIME_NOW: u32 = 1 << 7;
    /// setattr: modification time is the present.
    FATTR_MTIME_NOW: u32 = 1 << 8;
    /// setattr: lock owner counts.
    FATTR_LOCKOWNER: u32 = 1 << 9;
    /// setattr: change time counts.
    FATTR_CTIME: u32 = 1 << 10;
    /// setattr: setuid and setgid are cleared below.
    FATTR_KILL_SUIDGID: u32 = 1 << 11;
    /// INIT flag: byte range locks are the daemon's.
    FUSE_POSIX_LOCKS: u64 = 1 << 1;
    /// INIT flag: open truncates by itself.
    FUSE_ATOMIC_O_TRUNC: u64 = 1 << 3;
    /// INIT flag: a write carries more than a page.
    FUSE_BIG_WRITES: u64 = 1 << 5;
    /// INIT flag: the umask is the daemon's to apply.
    FUSE_DONT_MASK: u64 = 1 << 6;
    /// INIT flag: `flock` is the daemon's.
    FUSE_FLOCK_LOCKS: u64 = 1 << 10;
    /// INIT flag: cached pages go when a file changed.
    FUSE_AUTO_INVAL_DATA: u64 = 1 << 12;
    /// INIT flag: listings come with lookups.
    FUSE_DO_READDIRPLUS: u64 = 1 << 13;
    /// INIT flag: listings come with lookups when those are wanted.
    FUSE_READDIRPLUS_AUTO: u64 = 1 << 14;
    /// INIT flag: the kernel keeps writes, and times.
    FUSE_WRITEBACK_CACHE: u64 = 1 << 16;
    /// INIT flag: OPEN may be refused once and for all.
    FUSE_NO_OPEN_SUPPORT: u64 = 1 << 17;
    /// INIT flag: the daemon clears setuid bits.
    FUSE_HANDLE_KILLPRIV: u64 = 1 << 19;
    /// INIT flag: access lists are kept.
    FUSE_POSIX_ACL: u64 = 1 << 20;
    /// INIT flag: the reply says how many pages a request has.
    FUSE_MAX_PAGES: u64 = 1 << 22;
    /// INIT flag: targets of links are kept.
    FUSE_CACHE_SYMLINKS: u64 = 1 << 23;
    /// INIT flag: OPENDIR may be refused once and for all.
    FUSE_NO_OPENDIR_SUPPORT: u64 = 1 << 24;
    /// INIT flag: requests say when setuid bits go.
    FUSE_HANDLE_KILLPRIV_V2: u64 = 1 << 28;
    /// Write flag: the writer may not keep setuid bits.
    FUSE_WRITE_KILL_SUIDGID: u32 = 1 << 2;
    /// Read flag: the request says who reads.
    FUSE_READ_LOCKOWNER: u32 = 1 << 1;
    /// Write flag: the request says who writes.
    FUSE_WRITE_LOCKOWNER: u32 = 1 << 1;
    /// Release flag: the `flock` of the open file goes with it.
    FUSE_RELEASE_FLOCK_UNLOCK: u32 = 1 << 1;
    /// Lock flag: the lock is one of `flock`.
    FUSE_LK_FLOCK: u32 = 1 << 0;
    /// Number of the ioctl that gets the flags of a node (linux/fs.h).
    FS_IOC_GETFLAGS: u32 = 0x8008_6601;
    /// Number of the ioctl that sets the flags of a node (linux/fs.h).
    FS_IOC_SETFLAGS: u32 = 0x4008_6602;
    /// Number of the ioctl that gets `struct fsxattr` of a node (linux/fs.h).
    FS_IOC_FSGETXATTR: u32 = 0x801c_581f;
    /// Number of the ioctl that sets `struct fsxattr` of a node (linux/fs.h).
    FS_IOC_FSSETXATTR: u32 = 0x401c_5820;
}

/// The attribute that is the access control list of a node (linux/xattr.h).
pub const XATTR_POSIX_ACL_ACCESS: &[u8] = b"system.posix_acl_access";
/// The attribute that is the list which a directory gives to what is made in it (linux/xattr.h).
pub const XATTR_POSIX_ACL_DEFAULT: &[u8] = b"system.posix_acl_default";
