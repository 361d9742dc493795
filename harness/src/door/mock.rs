//! The mock kernel itself.

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard};

use fuser::{Filesystem, Notifier};
use fuserig_abi::{Credentials, Errno, Opcode, Pid};
use fuserig_sim_fs::{MemFs, MemFsOptions};

use super::MockError;
use super::log::{Exchanged, Log, Notification};
use super::session::{self, Session};
use super::socket::{self, SocketDaemon};
use crate::kernel::{MountOptions, World, WorldConfig};
use crate::pipeline::NullSink;
use crate::vfs::{Call, CallResult, PollWait, Vfs, VfsConfig};

/// How the filesystem is served.
///
/// ```
/// use fuserig::door::MockOptions;
/// assert_eq!(MockOptions::default().threads, 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MockOptions {
    /// Threads of the filesystem: with more than one, calls of several clients are under way at
    /// once, where somebody steps them ([`Vfs::begin_call`]) as a simulation does.
    pub threads: usize,
    /// How long a reply may take, in seconds. A caller that gets none hangs, in the model as in
    /// the kernel; see [`Vfs::stopped`].
    pub patience_secs: u64,
    /// How long clients that could go on wait for the replies of others, in milliseconds, where
    /// several requests are under way. It decides nothing but where one request waits for another,
    /// or takes longer than this.
    pub stall_millis: u64,
}

impl Default for MockOptions {
    fn default() -> MockOptions {
        MockOptions { threads: 1, patience_secs: 30, stall_millis: 1000 }
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
pub struct MockKernel {
    vfs: Option<Vfs>,
    socket: Arc<OwnedFd>,
    log: Arc<Mutex<Log>>,
    buffer: RefCell<Vec<u8>>,
    session: Option<Session>,
    notifier: Option<Notifier>,
}

impl core::fmt::Debug for MockKernel {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("MockKernel").field("vfs", &self.vfs).finish_non_exhaustive()
    }
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
        let (session, ours) = Session::start(filesystem, options)?;
        let mut kernel = MockKernel::on_socket(ours, options)?;
        kernel.notifier = session.notifier();
        kernel.session = Some(session);
        Ok(kernel)
    }

    /// The modelled kernel on one end of a SOCK_SEQPACKET pair, for a filesystem that is not
    /// fuser's or runs in another process: whoever has the other end answers FUSE messages as on
    /// `/dev/fuse`, INIT first. A daemon of libfuse takes it as the mount point `/dev/fd/N`.
    ///
    /// # Errors
    /// When the socket takes no timeout, or INIT is not answered with success.
    ///
    /// ```
    /// use fuserig::door::{MockError, MockKernel, MockOptions};
    /// let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// drop(theirs);
    /// let nobody = MockKernel::on_socket(ours.into(), &MockOptions::default());
    /// assert!(matches!(nobody, Err(MockError::Refused)));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn on_socket(ours: OwnedFd, options: &MockOptions) -> Result<MockKernel, MockError> {
        let socket = session::patient(ours, options)?;
        let log = Arc::new(Mutex::new(Log::default()));
        let daemon = Box::new(SocketDaemon::new(Arc::clone(&socket), Arc::clone(&log), options));
        let options = MountOptions::ordinary();
        let world = WorldConfig { options, ..WorldConfig::default() };
        let unused = Box::new(MemFs::new(MemFsOptions::default()));
        let mut world = World::new(&world, unused, None, daemon, Box::new(NullSink))
            .map_err(MockError::World)?;
        if world.connection.refuses {
            return Err(MockError::Refused);
        }
        // Without a backing inode every operation takes the ordinary path to the filesystem.
        world.attach_root(false, None);
        let vfs = Some(Vfs::new(world, &VfsConfig::default()));
        let buffer = RefCell::new(socket::room());
        Ok(MockKernel { vfs, socket, log, buffer, session: None, notifier: None })
    }

    /// What sends notifications in the name of the filesystem, as `Session::notifier` gives it;
    /// none for a filesystem that was not started here.
    pub fn notifier(&self) -> Option<Notifier> {
        self.notifier.clone()
    }

    /// Adds a simulated process at the root of the mount.
    ///
    /// # Panics
    /// When the client exists: who adds clients knows them.
    pub fn add_client(&self, pid: Pid, credentials: Credentials, umask: u32) {
        self.vfs().add_client(pid, credentials, umask);
    }

    /// Performs one system call to its end. Notifications that arrived before it take effect
    /// first.
    pub fn call(&self, pid: Pid, call: &Call) -> CallResult {
        self.drain();
        let result = self.vfs().call(pid, call);
        self.locked().signalled = None;
        result
    }

    /// Performs system calls of several clients at once, as [`Vfs::call_together`]: with
    /// [`MockOptions::threads`] the filesystem has a request of each at the same time.
    ///
    /// # Panics
    /// When a client is named twice.
    pub fn call_together(&self, calls: &[(Pid, Call)]) -> Vec<CallResult> {
        self.drain();
        let results = self.vfs().call_together(calls);
        self.locked().signalled = None;
        results
    }

    /// Has a signal reach the client while its next request with this opcode is with the
    /// filesystem. INTERRUPT follows that request, and every further one of the same system call,
    /// since the signal stays until the call returns. A filesystem may answer the request with
    /// EINTR or finish it; it may answer the INTERRUPT with EAGAIN and gets it again, or with
    /// ENOSYS before it answers the request, and gets none any more. fuser 0.18 does the latter.
    ///
    /// Nobody waits for RELEASE, RELEASEDIR and FORGET, so these are never interrupted.
    pub fn interrupt(&self, pid: Pid, opcode: Opcode) {
        let waited = ![Opcode::RELEASE, Opcode::RELEASEDIR, Opcode::FORGET].contains(&opcode);
        if waited {
            self.locked().due.push((pid, opcode));
        }
    }

    /// As [`Vfs::poll`]: what of `events` the file is ready for.
    ///
    /// # Errors
    /// As [`Vfs::poll`].
    pub fn poll(&self, pid: Pid, fd: i32, events: u32, wait: PollWait) -> Result<u32, Errno> {
        self.drain();
        let ready = self.vfs().poll(pid, fd, events, wait);
        self.locked().signalled = None;
        ready
    }

    /// As [`Vfs::woken`]: how often the filesystem notified whoever polls the file.
    pub fn woken(&self, pid: Pid, fd: i32) -> Option<u64> {
        self.drain();
        self.vfs().woken(pid, fd)
    }

    fn locked(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("nobody panics with this lock")
    }

    fn drain(&self) {
        let mut world = self.vfs().world_mut();
        socket::drain(&self.socket, &mut self.buffer.borrow_mut(), &mut world, &self.log);
    }

    /// The VFS model, for everything else that it can do.
    pub fn vfs(&self) -> &Vfs {
        self.vfs.as_ref().expect("only the end of the mock kernel takes it")
    }

    /// The requests and replies since the last call, in order.
    pub fn exchanged(&self) -> Vec<Exchanged> {
        core::mem::take(&mut self.locked().exchanged)
    }

    /// The notifications since the last call, with what the kernel says to each.
    pub fn notified(&self) -> Vec<Notification> {
        self.drain();
        core::mem::take(&mut self.locked().notified)
    }

    /// Ends the session with DESTROY and waits for the filesystem's `destroy`.
    ///
    /// # Errors
    /// When the session failed or the filesystem panicked.
    pub fn end(mut self) -> Result<(), MockError> {
        self.finish()
    }

    fn finish(&mut self) -> Result<(), MockError> {
        if self.vfs.take().is_none() {
            return Ok(());
        }
        session::end(self.session.take(), &self.socket, &mut self.buffer.borrow_mut())
    }
}

impl Drop for MockKernel {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}
