//! The mock kernel itself.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use fuser::{Config, Filesystem, Session, SessionACL};
use fuserig_abi::{Credentials, NodeId, Opcode, Pid, Unique};
use fuserig_sim_fs::{MemFs, MemFsOptions};
use rustix::net::sockopt::Timeout;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::MockError;
use super::socket::{self, Exchanged, Log, Notification, SocketDaemon};
use crate::kernel::{MountOptions, World, WorldConfig};
use crate::pipeline::NullSink;
use crate::vfs::{Call, CallResult, Vfs, VfsConfig};

/// How the filesystem is served.
///
/// ```
/// use fuserig::door::MockOptions;
/// assert_eq!(MockOptions::default().threads, 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MockOptions {
    /// Threads of the filesystem.
    pub threads: usize,
    /// How long a reply may take, in seconds. A caller that gets none hangs, in the model as in
    /// the kernel; see [`Vfs::stopped`].
    pub patience_secs: u64,
}

impl Default for MockOptions {
    fn default() -> MockOptions {
        MockOptions { threads: 1, patience_secs: 30 }
    }
}

/// A filesystem under test with the modelled kernel in front of it.
///
/// ```
/// use fuserig::door::{MockKernel, MockOptions};
/// use fuserig::vfs::{Call, Target};
/// use fuserig_abi::{Credentials, Errno, Pid};
///
/// /// The smallest filesystem there is: it refuses everything.
/// struct Nothing;
/// impl fuser::Filesystem for Nothing {}
///
/// let kernel = MockKernel::start(Nothing, &MockOptions::default())?;
/// kernel.add_client(Pid(1), Credentials::root(), 0o022);
/// let stat = Call::Stat { target: Target::follow("/"), flags: 0 };
/// assert_eq!(kernel.call(Pid(1), &stat).value, Err(Errno::ENOSYS));
/// kernel.end()?;
/// # Ok::<(), fuserig::door::MockError>(())
/// ```
#[derive(Debug)]
pub struct MockKernel {
    vfs: Option<Vfs>,
    socket: Arc<OwnedFd>,
    log: Arc<Mutex<Log>>,
    session: Option<JoinHandle<io::Result<()>>>,
}

impl MockKernel {
    /// Starts the session: INIT is negotiated before this returns.
    ///
    /// # Errors
    /// When sockets or threads cannot be had, or the filesystem refuses INIT.
    pub fn start<F: Filesystem>(
        filesystem: F,
        options: &MockOptions,
    ) -> Result<MockKernel, MockError> {
        let pair = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        );
        let (ours, theirs) = pair.map_err(|error| MockError::Setup(error.into()))?;
        let patience = Duration::from_secs(options.patience_secs.max(1));
        rustix::net::sockopt::set_socket_timeout(&ours, Timeout::Recv, Some(patience))
            .map_err(|error| MockError::Setup(error.into()))?;
        let mut config = Config::default();
        config.n_threads = Some(options.threads.max(1));
        let session = std::thread::Builder::new()
            .name("fuserig-mock".to_owned())
            .spawn(move || Session::from_fd(filesystem, theirs, SessionACL::All, config)?.run())
            .map_err(MockError::Setup)?;
        let socket = Arc::new(ours);
        let log = Arc::new(Mutex::new(Log::default()));
        let daemon = Box::new(SocketDaemon::new(Arc::clone(&socket), Arc::clone(&log)));
        // As an ordinary mount has it, which fuse-bpf is not.
        let mount = MountOptions {
            allow_other: true,
            no_daemon: false,
            delete_stale: false,
            ..MountOptions::default()
        };
        let world = WorldConfig { options: mount, ..WorldConfig::default() };
        let unused = Box::new(MemFs::new(MemFsOptions::default()));
        let mut world = World::new(&world, unused, None, daemon, Box::new(NullSink))
            .map_err(MockError::World)?;
        if world.connection.refuses {
            return Err(MockError::Refused);
        }
        // Without a backing inode every operation takes the ordinary path to the filesystem.
        world.attach_root(false, None);
        let vfs = Some(Vfs::new(world, &VfsConfig::default()));
        Ok(MockKernel { vfs, socket, log, session: Some(session) })
    }

    /// Adds a simulated process at the root of the mount.
    ///
    /// # Panics
    /// When the client exists: who adds clients knows them.
    pub fn add_client(&self, pid: Pid, credentials: Credentials, umask: u32) {
        self.vfs().add_client(pid, credentials, umask);
    }

    /// Performs one system call to its end.
    pub fn call(&self, pid: Pid, call: &Call) -> CallResult {
        self.vfs().call(pid, call)
    }

    /// The VFS model, for everything else that it can do.
    pub fn vfs(&self) -> &Vfs {
        self.vfs.as_ref().expect("only the end of the mock kernel takes it")
    }

    /// The requests and replies since the last call, in order.
    pub fn exchanged(&self) -> Vec<Exchanged> {
        core::mem::take(&mut self.log.lock().expect("nobody panics with this lock").exchanged)
    }

    /// The notifications since the last call that arrived while a reply was waited for.
    pub fn notified(&self) -> Vec<Notification> {
        core::mem::take(&mut self.log.lock().expect("nobody panics with this lock").notified)
    }

    /// Ends the session with DESTROY and waits for the filesystem's `destroy`.
    ///
    /// # Errors
    /// When the session failed or the filesystem panicked.
    pub fn end(mut self) -> Result<(), MockError> {
        self.finish()
    }

    fn finish(&mut self) -> Result<(), MockError> {
        let Some(session) = self.session.take() else { return Ok(()) };
        self.vfs = None;
        // An end of file ends the threads that do not get the DESTROY.
        let destroy = socket::own(Opcode::DESTROY, NodeId(0), Unique(u64::MAX - 1), Vec::new());
        let told = socket::send(&self.socket, &destroy.encode());
        let closed = rustix::net::shutdown(&*self.socket, rustix::net::Shutdown::Write);
        debug_assert!(closed.is_ok() || !told, "our own end can be shut down");
        match session.join() {
            Err(_) => Err(MockError::Panicked),
            // A thread of several that reads the end of file calls it an invalid request.
            Ok(Err(error)) if error.kind() != io::ErrorKind::InvalidData => {
                Err(MockError::Session(error))
            }
            Ok(_) => Ok(()),
        }
    }
}

impl Drop for MockKernel {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}
