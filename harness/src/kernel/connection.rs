//! The FUSE connection: what INIT agreed on, and which requests the daemon does not know.

use fuserig_abi::{
    FUSE_ATOMIC_O_TRUNC, FUSE_AUTO_INVAL_DATA, FUSE_BIG_WRITES, FUSE_CACHE_SYMLINKS,
    FUSE_DO_READDIRPLUS, FUSE_DONT_MASK, FUSE_FLOCK_LOCKS, FUSE_HANDLE_KILLPRIV,
    FUSE_HANDLE_KILLPRIV_V2, FUSE_MAX_PAGES, FUSE_POSIX_ACL, FUSE_POSIX_LOCKS,
    FUSE_READDIRPLUS_AUTO, Request, Unique,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::under_way::{Found, Processing, UnderWay};

/// What the recorded kernels offer (protocol 7.41).
const OFFERED: u64 = 0x1fd_73ff_fffb;
const MAJOR: u32 = 7;
const MINOR: u32 = 41;
const MAX_READAHEAD: u32 = 128 * 1024;
/// Pages of a request without `FUSE_MAX_PAGES`.
const DEFAULT_PAGES: u32 = 32;
/// Length of the INIT reply.
pub(crate) const INIT_OUT: usize = size_of::<InitOut>();

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct InitIn {
    major: u32,
    minor: u32,
    max_readahead: u32,
    flags: u32,
    flags2: u32,
    unused: [u32; 11],
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct InitOut {
    major: u32,
    minor: u32,
    max_readahead: u32,
    flags: u32,
    max_background: u16,
    congestion_threshold: u16,
    max_write: u32,
    time_gran: u32,
    max_pages: u16,
    map_alignment: u16,
    flags2: u32,
    unused: [u32; 7],
}

/// Requests that the daemon answered with ENOSYS and that are not sent again.
#[expect(clippy::struct_excessive_bools, reason = "each is a separate memory of the kernel")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Unknown {
    /// OPEN: files open without one.
    pub open: bool,
    /// OPENDIR: directories open without one.
    pub opendir: bool,
    /// CREATE: mknod and open instead (NEW-5).
    pub create: bool,
    /// FLUSH: close succeeds.
    pub flush: bool,
    /// FSYNC: fsync succeeds.
    pub fsync: bool,
    /// FSYNCDIR: fsync of a directory succeeds.
    pub fsyncdir: bool,
    /// ACCESS: everything is allowed.
    pub access: bool,
    /// GETXATTR: EOPNOTSUPP.
    pub getxattr: bool,
    /// LISTXATTR: EOPNOTSUPP.
    pub listxattr: bool,
    /// SETXATTR: EOPNOTSUPP.
    pub setxattr: bool,
    /// REMOVEXATTR: EOPNOTSUPP.
    pub removexattr: bool,
    /// LSEEK: data ends where the file does.
    pub lseek: bool,
    /// FALLOCATE: EOPNOTSUPP.
    pub fallocate: bool,
    /// COPY_FILE_RANGE: copied through the page cache.
    pub copy_file_range: bool,
    /// RENAME2: EINVAL.
    pub rename2: bool,
    /// POLL: everything is always ready.
    pub poll: bool,
}

/// The state of the connection between kernel and daemon.
///
/// ```
/// use fuserig::kernel::Connection;
///
/// let mut connection = Connection::default();
/// assert!(connection.refuses, "nothing was agreed yet");
/// assert_eq!(connection.next_unique().0, 2);
/// ```
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own in the protocol")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// INIT failed or never happened: requests fail with ECONNREFUSED, forced ones wait for ever.
    pub refuses: bool,
    /// Minor version of the protocol that both speak; 0 before INIT.
    pub minor: u32,
    /// Most bytes of one WRITE; 0 before INIT (N5).
    pub max_write: u32,
    /// Most bytes read ahead.
    pub max_readahead: u32,
    /// Most pages of one request.
    pub max_pages: u32,
    /// The daemon truncates on OPEN.
    pub atomic_o_trunc: bool,
    /// WRITE may span pages.
    pub big_writes: bool,
    /// The daemon applies the umask.
    pub dont_mask: bool,
    /// Cached data is dropped when the modification time changes.
    pub auto_inval_data: bool,
    /// READDIRPLUS is spoken.
    pub readdirplus: bool,
    /// READDIRPLUS is used only for the first read of a directory.
    pub readdirplus_auto: bool,
    /// The daemon clears setuid bits itself.
    pub handle_killpriv: bool,
    /// The daemon clears setuid bits and capabilities, and is told when it should; files are
    /// known to have none until attributes are read again (`SB_NOSEC`).
    pub handle_killpriv_v2: bool,
    /// Access lists are kept and decide permission checks.
    pub posix_acl: bool,
    /// Targets of symlinks are kept.
    pub cache_symlinks: bool,
    /// Locks of ranges go to the daemon.
    pub posix_locks: bool,
    /// flock goes to the daemon.
    pub flock_locks: bool,
    /// Requests that are not sent again.
    pub unknown: Unknown,
    next: u64,
    polled: u64,
    processing: Processing,
}

impl Default for Connection {
    fn default() -> Self {
        Connection {
            refuses: true,
            minor: 0,
            max_write: 0,
            max_readahead: MAX_READAHEAD,
            max_pages: DEFAULT_PAGES,
            atomic_o_trunc: false,
            big_writes: false,
            dont_mask: false,
            auto_inval_data: false,
            readdirplus: false,
            readdirplus_auto: false,
            handle_killpriv: false,
            handle_killpriv_v2: false,
            posix_acl: false,
            cache_symlinks: false,
            posix_locks: false,
            flock_locks: false,
            unknown: Unknown::default(),
            next: 0,
            polled: 0,
            processing: Processing::default(),
        }
    }
}

impl Connection {
    /// The identity of the next request; they count up by two from 2.
    pub fn next_unique(&mut self) -> Unique {
        self.next += 2;
        Unique(self.next)
    }

    /// What POLL requests call the next file that is polled; they count up from 1.
    pub(crate) fn next_poll_handle(&mut self) -> u64 {
        self.polled += 1;
        self.polled
    }

    /// The requests that clients wait for while others go on, in the order they were sent. Only a
    /// daemon of several threads ever has some.
    pub fn under_way(&self) -> &[UnderWay] {
        self.processing.requests()
    }

    /// The most requests that the daemon had at once so far.
    pub fn most_at_once(&self) -> usize {
        self.processing.most()
    }

    /// Whether the daemon has a request under way that it did not answer.
    pub(crate) fn awaits_replies(&self) -> bool {
        self.under_way().iter().any(UnderWay::is_awaited)
    }

    /// A request is with the daemon.
    pub(crate) fn note_issued(&mut self) {
        self.processing.note_issued();
    }

    /// A client waits for this request while others go on.
    pub(crate) fn put_under_way(&mut self, request: &Request) {
        self.processing.push(request);
    }

    /// Keeps a reply for whoever waits for it; false when nobody does.
    pub(crate) fn keep_reply(&mut self, message: &[u8]) -> bool {
        self.processing.keep(message)
    }

    /// What is under way has not come while it was waited for.
    pub(crate) fn note_late(&mut self) {
        self.processing.note_late();
    }

    /// Nobody waits any more for what has not come.
    pub(crate) fn give_up(&mut self) {
        self.processing.give_up();
    }

    /// What the client of a request under way finds; none while it has to wait.
    pub(crate) fn take_reply(&mut self, unique: Unique) -> Option<Found> {
        self.processing.take(unique)
    }

    /// The body of INIT as the recorded kernels send it.
    pub(crate) fn init_body() -> Vec<u8> {
        let body = InitIn {
            major: MAJOR,
            minor: MINOR,
            max_readahead: MAX_READAHEAD,
            flags: OFFERED as u32,
            flags2: (OFFERED >> 32) as u32,
            unused: [0; 11],
        };
        body.as_bytes().to_vec()
    }

    /// Takes over what the daemon answered to INIT; a reply of another major version or none at
    /// all leaves the connection refusing.
    pub(crate) fn initialize(&mut self, body: &[u8]) {
        let mut whole = [0; INIT_OUT];
        let length = body.len().min(INIT_OUT);
        whole[..length].copy_from_slice(&body[..length]);
        let out = InitOut::read_from_bytes(&whole).expect("the lengths agree");
        if out.major != MAJOR {
            return;
        }
        let flags = (u64::from(out.flags) | u64::from(out.flags2) << 32) & OFFERED;
        let has = |bit: u64| flags & bit != 0;
        self.refuses = false;
        self.minor = out.minor;
        self.max_readahead = out.max_readahead.min(MAX_READAHEAD);
        self.max_write = if out.minor < 5 { 4096 } else { out.max_write }.max(4096);
        if has(FUSE_MAX_PAGES) {
            self.max_pages = u32::from(out.max_pages).clamp(1, 256);
        }
        self.atomic_o_trunc = has(FUSE_ATOMIC_O_TRUNC);
        self.big_writes = has(FUSE_BIG_WRITES);
        self.dont_mask = has(FUSE_DONT_MASK);
        self.posix_locks = has(FUSE_POSIX_LOCKS);
        self.flock_locks = has(FUSE_FLOCK_LOCKS);
        self.auto_inval_data = has(FUSE_AUTO_INVAL_DATA);
        self.readdirplus = has(FUSE_DO_READDIRPLUS);
        self.readdirplus_auto = has(FUSE_READDIRPLUS_AUTO);
        self.handle_killpriv = has(FUSE_HANDLE_KILLPRIV);
        self.handle_killpriv_v2 = has(FUSE_HANDLE_KILLPRIV_V2);
        self.posix_acl = has(FUSE_POSIX_ACL);
        self.cache_symlinks = has(FUSE_CACHE_SYMLINKS);
    }
}

#[cfg(test)]
mod tests {
    use super::{Connection, InitIn, InitOut};

    #[test]
    fn init_has_the_lengths_of_the_protocol() {
        assert_eq!((size_of::<InitIn>(), size_of::<InitOut>()), (64, 64));
        let start = [7, 0, 0, 0, 41, 0, 0, 0, 0, 0, 2, 0, 0xfb, 0xff, 0xff, 0x73, 0xfd, 1];
        assert_eq!(Connection::init_body()[..18], start);
    }

    #[test]
    fn another_major_version_leaves_the_connection_refusing() {
        let mut connection = Connection::default();
        connection.initialize(&[8, 0, 0, 0]);
        assert!(connection.refuses);
        connection.initialize(&[7, 0, 0, 0, 41]);
        assert!(!connection.refuses && connection.minor == 41 && connection.max_write == 4096);
    }
}
