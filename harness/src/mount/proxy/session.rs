//! A proxy from beginning to end.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use fuserig_traces::{Clock, ClockKind, WriteError};
use rustix::fs::OFlags;
use rustix::net::sockopt::{
    set_socket_recv_buffer_size_force, set_socket_send_buffer_size,
    set_socket_send_buffer_size_force,
};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::super::child::status_code;
use super::super::place::{Appearance, Place, Unmount};
use super::super::session::CANNOT_MOUNT;
use super::super::{MountError, Recorded, RecordingOptions, forward};
use super::relay::{Ended, Relay};
use super::tape::{self, Tape};
use crate::rim;

/// Bytes that a socket should hold: a request of a megabyte, and another one behind it.
const ROOM: usize = 4 << 20;
/// What every user may ask for.
const NARROW_ROOM: usize = 208 << 10;
const SIGTERM: i32 = 15;
/// How long a daemon may answer what it was asked before the mount went.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long nobody looks whether the daemon has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What to put between a kernel and a daemon.
#[derive(Debug)]
pub struct ProxyOptions {
    /// Where the daemon's filesystem is to appear.
    pub directory: PathBuf,
    /// The daemon and its arguments. `{}` in an argument stands for the device; without one the
    /// device is the last argument. The variable `FUSERIG_DEVICE` holds it as well.
    pub command: Vec<OsString>,
    /// Whether users besides the one who mounts may enter.
    pub allow_other: bool,
    /// Whether the kernel checks permissions by the attributes that the daemon tells.
    pub default_permissions: bool,
    /// The trace.
    pub recording: RecordingOptions,
}

/// How a proxy ended.
///
/// ```
/// use fuserig::mount::ProxySummary;
/// assert_eq!(ProxySummary::default().refused, 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxySummary {
    /// What the daemon exited with (128 and the signal that ended it).
    pub daemon: u8,
    /// Whether the daemon went away while it was mounted.
    pub left: bool,
    /// Messages of the daemon that the kernel refused.
    pub refused: u64,
    /// Offers of the kernel that were taken out of INIT.
    pub masked: Vec<&'static str>,
    /// What was recorded.
    pub recorded: Recorded,
}

/// A mounted daemon. Dropping it takes the mount away.
#[derive(Debug)]
pub struct Proxy {
    place: Arc<Place>,
    device: Option<OwnedFd>,
    socket: OwnedFd,
    child: Arc<Mutex<Child>>,
    tape: Option<Tape>,
    writer: Option<JoinHandle<Result<Recorded, WriteError>>>,
    is_narrow: bool,
    base: fuserig_abi::Timespec,
    /// Dropped when nothing more is to be carried.
    carries: Option<Sender<()>>,
}

impl core::fmt::Debug for Tape {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Tape")
    }
}

impl Proxy {
    /// Mounts, and starts the daemon.
    ///
    /// # Errors
    /// When the directory cannot be mounted on, the daemon not started, or the trace not begun.
    pub fn start(options: ProxyOptions) -> Result<Proxy, MountError> {
        let ProxyOptions { directory, command, allow_other, default_permissions, mut recording } =
            options;
        let base = rim::now();
        let nanos = i128::from(base.sec) * 1_000_000_000 + i128::from(base.nsec);
        let base_ns = u64::try_from(nanos).ok();
        recording.header.clock = Some(Clock { kind: ClockKind::Realtime, base_ns });
        let (socket, theirs, is_narrow) = sockets().map_err(MountError::Command)?;
        let looks = Appearance {
            name: "fuserig-proxy",
            subtype: None,
            allow_other,
            default_permissions,
            read_only: false,
        };
        let (place, device) = mount(&directory, &looks).map_err(|source| MountError::Mount {
            path: directory,
            source,
            hint: CANNOT_MOUNT,
        })?;
        // From here on whatever fails takes the mount away.
        let guard = Unmount::unless_kept(&place);
        let child = daemon(&command, &theirs).map_err(MountError::Command)?;
        drop(theirs);
        let (tape, writer) = tape::start(recording)?;
        let proxy = Proxy {
            place,
            device: Some(device),
            socket,
            child: Arc::new(Mutex::new(child)),
            tape: Some(tape),
            writer: Some(writer),
            is_narrow,
            base,
            carries: None,
        };
        guard.keep();
        Ok(proxy)
    }

    /// Something that ends it from another thread: takes the mount away, lets the daemon answer
    /// what it was asked, for three seconds, and asks it to end.
    pub fn stopper(&mut self) -> impl Fn() + Send + 'static {
        let (child, place) = (Arc::clone(&self.child), Arc::clone(&self.place));
        let (carries, settled) = channel();
        self.carries = Some(carries);
        move || {
            place.take_away();
            // A mount in use stays, out of sight, and so does a daemon that answers nothing.
            let _ = settled.recv_timeout(PATIENCE);
            if let Ok(child) = child.lock() {
                forward(child.id(), SIGTERM);
            }
        }
    }

    /// Carries messages until the mount or the daemon is gone.
    ///
    /// # Errors
    /// When the device fails or the trace cannot be written.
    pub fn run(mut self) -> Result<ProxySummary, MountError> {
        let mut summary = ProxySummary::default();
        let tape = self.tape.take();
        if let (Some(device), Some(tape)) = (&self.device, &tape) {
            let ends = (device.as_fd(), self.socket.as_fd());
            let mut relay = Relay::new(ends, tape, self.is_narrow, self.base);
            let ended = relay.run();
            summary.refused = relay.refused;
            summary.masked = core::mem::take(&mut relay.masked);
            let ended = ended.map_err(MountError::Session)?;
            if ended == Ended::Unmounted {
                self.place.is_gone();
            }
            summary.left = ended == Ended::Daemon && self.place.is_mounted();
        }
        drop(tape);
        self.carries = None;
        self.place.take_away();
        // Without the device nobody waits for an answer, and without the socket the daemon ends.
        self.device = None;
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both);
        summary.daemon = self.daemon_status()?;
        if let Some(writer) = self.writer.take() {
            summary.recorded = tape::finish(writer)?;
        }
        Ok(summary)
    }

    /// Waits without keeping the daemon to itself, so that it can be asked to end meanwhile.
    fn daemon_status(&self) -> Result<u8, MountError> {
        loop {
            let mut child = self.child.lock().map_err(|_poisoned| MountError::Panicked)?;
            if let Some(status) = child.try_wait().map_err(MountError::Command)? {
                return Ok(status_code(status));
            }
            drop(child);
            rim::pause(LOOK_AGAIN);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.place.take_away();
        if let Ok(mut child) = self.child.lock() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A mount whose device is read only when there is something.
fn mount(directory: &Path, looks: &Appearance) -> io::Result<(Arc<Place>, OwnedFd)> {
    let (place, device) = Place::mount(directory, looks)?;
    let guard = Unmount::unless_kept(&place);
    rustix::fs::fcntl_setfl(&device, rustix::fs::fcntl_getfl(&device)? | OFlags::NONBLOCK)?;
    guard.keep();
    Ok((place, device))
}

/// Both ends, ours first, and whether they hold no more than what every user may ask for.
fn sockets() -> io::Result<(OwnedFd, OwnedFd, bool)> {
    let kind = SocketType::SEQPACKET;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    let mut is_narrow = false;
    for end in [&ours, &theirs] {
        let forced = set_socket_send_buffer_size_force(end, ROOM)
            .and_then(|()| set_socket_recv_buffer_size_force(end, ROOM));
        if forced.is_err() {
            is_narrow = true;
            set_socket_send_buffer_size(end, NARROW_ROOM)?;
        }
    }
    Ok((ours, theirs, is_narrow))
}

fn daemon(command: &[OsString], device: &OwnedFd) -> io::Result<Child> {
    let device_name = format!("/dev/fd/{}", device.as_raw_fd());
    rustix::io::fcntl_setfd(device, rustix::io::FdFlags::empty())?;
    let [program, arguments @ ..] = command else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no daemon is named"));
    };
    let mut arguments: Vec<OsString> = arguments.to_vec();
    match arguments.iter().position(|argument| argument == OsStr::new("{}")) {
        Some(place) => arguments[place] = OsString::from(&device_name),
        None => arguments.push(OsString::from(&device_name)),
    }
    Command::new(program).args(arguments).env("FUSERIG_DEVICE", device_name).spawn()
}
