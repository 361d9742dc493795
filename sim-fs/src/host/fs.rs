//! [`HostFs`]: the state, how it is opened, and the smallest questions.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;

use fuserig_abi::{Caller, Credentials, Errno, Ino, StatFs};
use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags};
use rustix::process::{Resource, Rlimit};

use super::HostError;
use super::ahead::{Ahead, Room};
use super::handle::{Handles, errno};
use super::identity::{As, Identity, Policy};
use super::nodes::Nodes;
use crate::LowerFh;

/// A directory of the host as a lower filesystem.
///
/// Operations are performed with the credentials of the caller when this process may change
/// identity (root). Otherwise only callers with this process's own credentials
/// ([`HostFs::own_credentials`]) are served and others get `EPERM`; [`HostFs::open_as_process`]
/// serves everybody with this process's rights instead.
///
/// ```
/// use fuserig_abi::{Caller, Pid, Timespec};
/// use fuserig_sim_fs::{HostFs, Lower, LowerExt};
///
/// let directory = tempfile::tempdir()?;
/// std::fs::write(directory.path().join("notes.txt"), "hi")?;
/// let mut fs = HostFs::open(directory.path())?;
/// let caller = Caller::new(fs.own_credentials(), Pid(1), Timespec::ZERO);
/// let notes = fs.lookup(&caller, fs.root(), b"notes.txt")?;
/// assert_eq!(notes.size, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct HostFs {
    pub(super) nodes: Nodes,
    pub(super) handles: Handles,
    pub(super) identity: Identity,
    /// `/proc/self/fd`, which turns a node descriptor into something that can be opened.
    pub(super) proc: OwnedFd,
    /// What the host has told of open directories.
    pub(super) listings: BTreeMap<LowerFh, Ahead>,
    /// Room for what it tells next.
    pub(super) room: Room,
    /// How often names were made, moved or taken away.
    pub(super) names_changed: u64,
}

impl HostFs {
    /// Opens a directory, acting as the caller of each operation. Sets the process's umask to 0
    /// and raises its soft descriptor limit.
    ///
    /// # Errors
    ///
    /// When `root` is no directory that can be opened, or procfs is not mounted.
    pub fn open(root: impl AsRef<Path>) -> Result<HostFs, HostError> {
        HostFs::from_fd(open_root(root.as_ref())?)
    }

    /// As [`HostFs::open`], but every operation is performed with this process's own credentials,
    /// whoever asks: for a replay by an ordinary user, where only the owner of new files differs.
    ///
    /// # Errors
    ///
    /// Those of [`HostFs::open`].
    pub fn open_as_process(root: impl AsRef<Path>) -> Result<HostFs, HostError> {
        HostFs::assemble(open_root(root.as_ref())?, Policy::AsProcess)
    }

    /// As [`HostFs::open`], for a descriptor of a directory; `O_PATH` is enough.
    ///
    /// # Errors
    ///
    /// Those of [`HostFs::open`].
    pub fn from_fd(root: OwnedFd) -> Result<HostFs, HostError> {
        HostFs::assemble(root, Policy::AsCaller)
    }

    /// The credentials of this process, which are always served.
    pub fn own_credentials(&self) -> Credentials {
        self.identity.credentials().clone()
    }

    /// Whether callers other than this process are served with their own rights.
    pub fn can_act_as_callers(&self) -> bool {
        self.identity.can_switch()
    }

    fn assemble(root: OwnedFd, policy: Policy) -> Result<HostFs, HostError> {
        let path_flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::openat(&root, ".", path_flags, Mode::empty())
            .map_err(|error| HostError::Root { source: error.into() })?;
        let proc = rustix::fs::openat(CWD, "/proc/self/fd", path_flags, Mode::empty())
            .map_err(|error| HostError::Proc { source: error.into() })?;
        let identity = Identity::current(policy).map_err(|error| HostError::Query {
            what: "the identity of this thread",
            source: error.into(),
        })?;
        let descriptors = raise_descriptor_limit();
        let nodes = Nodes::new(root, descriptors / 2).map_err(|error| HostError::Query {
            what: "the attributes of the root",
            source: std::io::Error::from_raw_os_error(error.0),
        })?;
        rustix::process::umask(Mode::empty());
        Ok(HostFs {
            nodes,
            handles: Handles::new(),
            identity,
            proc,
            listings: BTreeMap::new(),
            room: Room::default(),
            names_changed: 0,
        })
    }

    /// The name of a node's descriptor below [`HostFs::proc`].
    pub(super) fn proc_name(&self, node: Ino) -> Result<String, Errno> {
        use std::os::fd::AsRawFd;
        Ok(self.nodes.fd(node)?.as_raw_fd().to_string())
    }

    pub(super) fn check_rights(&self, who: As<'_>, node: Ino, access: Access) -> Result<(), Errno> {
        let name = self.proc_name(node)?;
        self.identity.run(who, || {
            rustix::fs::accessat(&self.proc, name.as_str(), access, AtFlags::EACCESS).map_err(errno)
        })
    }

    /// `inode_permission` of the bits that name a right; the others only say who asks.
    pub(super) fn check_access(
        &self,
        caller: &Caller,
        node: Ino,
        mask: fuserig_abi::AccessMask,
    ) -> Result<(), Errno> {
        use fuserig_abi::AccessMask;
        let mut access = Access::EXISTS;
        access.set(Access::READ_OK, mask.contains(AccessMask::READ));
        access.set(Access::EXEC_OK, mask.contains(AccessMask::EXEC));
        // The kernel never asks for MAY_APPEND without MAY_WRITE, and treats it as no right.
        access.set(Access::WRITE_OK, mask.contains(AccessMask::WRITE));
        self.check_rights(As::Caller(caller), node, access)
    }

    pub(super) fn statfs(&self, node: Ino) -> Result<StatFs, Errno> {
        let figures = rustix::fs::fstatvfs(self.nodes.fd(node)?).map_err(errno)?;
        let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        Ok(StatFs {
            blocks: figures.f_blocks,
            bfree: figures.f_bfree,
            bavail: figures.f_bavail,
            files: figures.f_files,
            ffree: figures.f_ffree,
            bsize: narrow(figures.f_bsize),
            namelen: narrow(figures.f_namemax),
            frsize: narrow(figures.f_frsize),
        })
    }
}

fn open_root(path: &Path) -> Result<OwnedFd, HostError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags, Mode::empty())
        .map_err(|error| HostError::Root { source: error.into() })
}

/// How many descriptors this process may have from now on: as many as the hard limit says, since
/// nodes are descriptors and the soft limit is 1024 by default. A refusal is no error.
fn raise_descriptor_limit() -> usize {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let _refused = rustix::process::setrlimit(Resource::Nofile, raised);
    let limit = rustix::process::getrlimit(Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}
