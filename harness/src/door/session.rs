//! A fuser session on one end of a pair of sockets, from its first request to its end.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;

use fuser::{Config, Filesystem, Notifier, SessionACL};
use fuserig_abi::{NodeId, Opcode, Unique};
use rustix::net::sockopt::Timeout;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::{MockError, MockOptions, socket};

/// The `unique` of DESTROY.
const LAST: Unique = Unique((1 << 62) - 2);

/// The threads of a filesystem that was started here.
pub(super) struct Session {
    thread: JoinHandle<io::Result<()>>,
    beginning: std::sync::mpsc::Receiver<Notifier>,
}

impl Session {
    /// Starts the filesystem; gives the kernel's end of the pair, on which INIT is to come.
    pub(super) fn start<F: Filesystem>(
        filesystem: F,
        options: &MockOptions,
    ) -> Result<(Session, OwnedFd), MockError> {
        let pair = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        );
        let (ours, theirs) = pair.map_err(|error| MockError::Setup(error.into()))?;
        let mut config = Config::default();
        config.n_threads = Some(options.threads.max(1));
        let (begun, beginning) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("fuserig-mock".to_owned())
            .spawn(move || {
                let session = fuser::Session::from_fd(filesystem, theirs, SessionACL::All, config)?;
                // Nobody listens any more when the model did not like the INIT reply.
                let _ = begun.send(session.notifier());
                session.run()
            })
            .map_err(MockError::Setup)?;
        Ok((Session { thread, beginning }, ours))
    }

    /// What sends notifications; none when the session failed, which its end tells. INIT must be
    /// over.
    pub(super) fn notifier(&self) -> Option<Notifier> {
        self.beginning.recv().ok()
    }
}

/// Has the kernel's end wait no longer than the options say, for replies and for room.
pub(super) fn patient(ours: OwnedFd, options: &MockOptions) -> Result<Arc<OwnedFd>, MockError> {
    let patience = Duration::from_secs(options.patience_secs.max(1));
    for wait in [Timeout::Recv, Timeout::Send] {
        rustix::net::sockopt::set_socket_timeout(&ours, wait, Some(patience))
            .map_err(|error| MockError::Setup(error.into()))?;
    }
    Ok(Arc::new(ours))
}

/// Ends the session with DESTROY, and waits for its threads, or for the answer of whoever has the
/// other end.
pub(super) fn end(
    session: Option<Session>,
    socket: &OwnedFd,
    buffer: &mut [u8],
) -> Result<(), MockError> {
    // An end of file ends the threads that do not get the DESTROY.
    let destroy = socket::own(Opcode::DESTROY, NodeId(0), LAST, Vec::new());
    let told = socket::send(socket, &destroy.encode());
    let closed = rustix::net::shutdown(socket, rustix::net::Shutdown::Write);
    debug_assert!(closed.is_ok() || !told, "our own end can be shut down");
    let Some(session) = session else {
        // What it still has to say is heard first.
        socket::wait_for(LAST, socket, buffer);
        return Ok(());
    };
    match session.thread.join() {
        Err(_) => Err(MockError::Panicked),
        // A thread of several that reads the end of file calls it an invalid request.
        Ok(Err(error)) if error.kind() != io::ErrorKind::InvalidData => {
            Err(MockError::Session(error))
        }
        Ok(_) => Ok(()),
    }
}
