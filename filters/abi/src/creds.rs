//! Who asks: credentials and capabilities of the process whose system call is being served.
//!
//! The lower calls of the modelled kernels run with the caller's credentials; there is no switch
//! (SEMANTICS 1).

use std::sync::Arc;

use bitflags::bitflags;

use crate::{Gid, Pid, Timespec, Uid};

bitflags! {
    /// The capabilities a filesystem asks about, with Linux's bit numbers.
    ///
    /// ```
    /// use fuserig_abi::Capabilities;
    /// assert!(Capabilities::all().contains(Capabilities::DAC_OVERRIDE));
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
    pub struct Capabilities: u64 {
        /// Change owner and group freely.
        const CHOWN = 1 << 0;
        /// Ignore permission bits, except execute on a file that has none.
        const DAC_OVERRIDE = 1 << 1;
        /// Read any file, search any directory.
        const DAC_READ_SEARCH = 1 << 2;
        /// Act as the owner of any file.
        const FOWNER = 1 << 3;
        /// Keep setuid and setgid bits where others lose them.
        const FSETID = 1 << 4;
        /// Ask where a file lies on its device.
        const SYS_RAWIO = 1 << 17;
        /// Make device nodes.
        const MKNOD = 1 << 27;
        /// Set file capabilities.
        const SETFCAP = 1 << 31;
        /// `trusted.*` attributes, among much else.
        const SYS_ADMIN = 1 << 21;
        /// Go beyond reserved space and resource limits.
        const SYS_RESOURCE = 1 << 24;
    }
}

/// The identity a permission check uses.
///
/// ```
/// use fuserig_abi::{Credentials, Gid, Uid};
/// let user = Credentials::user(Uid(1000), Gid(1000));
/// assert!(user.capabilities.is_empty());
/// assert!(user.in_group(Gid(1000)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The filesystem user id.
    pub uid: Uid,
    /// The filesystem group id.
    pub gid: Gid,
    /// Supplementary groups.
    pub groups: Arc<[Gid]>,
    /// Effective capabilities.
    pub capabilities: Capabilities,
}

impl Credentials {
    /// The super-user with every capability.
    pub fn root() -> Credentials {
        Credentials {
            uid: Uid::ROOT,
            gid: Gid::ROOT,
            groups: Arc::from([]),
            capabilities: Capabilities::all(),
        }
    }

    /// An ordinary user without capabilities or supplementary groups.
    pub fn user(uid: Uid, gid: Gid) -> Credentials {
        Credentials { uid, gid, groups: Arc::from([]), capabilities: Capabilities::empty() }
    }

    /// Whether `gid` is the group or one of the supplementary groups.
    pub fn in_group(&self, gid: Gid) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }

    /// Whether every capability of `capabilities` is held.
    pub fn capable(&self, capabilities: Capabilities) -> bool {
        self.capabilities.contains(capabilities)
    }
}

/// Everything about the caller that a lower operation may depend on: identity and the instant on
/// the virtual clock. The clock is an argument so that no filesystem ever reads one.
///
/// ```
/// use fuserig_abi::{Caller, Credentials, Pid, Timespec};
/// let caller = Caller::new(Credentials::root(), Pid(1), Timespec::from_secs(5));
/// assert_eq!(caller.now.sec, 5);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Identity for permission checks and for the owner of new files.
    pub credentials: Credentials,
    /// The process, for lock ownership and the trace.
    pub pid: Pid,
    /// The instant of this operation on the virtual clock.
    pub now: Timespec,
}

impl Caller {
    /// A caller from its parts.
    pub fn new(credentials: Credentials, pid: Pid, now: Timespec) -> Caller {
        Caller { credentials, pid, now }
    }

    /// Makes of this the caller of the next operation. Credentials that are the same stay, which
    /// saves counting references.
    pub fn renew(&mut self, credentials: &Credentials, pid: Pid, now: Timespec) {
        if self.credentials != *credentials {
            self.credentials = credentials.clone();
        }
        (self.pid, self.now) = (pid, now);
    }
}
