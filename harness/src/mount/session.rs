//! A mount from beginning to end: options, threads, and taking it away again.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use fuser::{Config, InitFlags, Session, SessionACL};
use fuserig_abi::{Quirk, Timespec};
use fuserig_traces::{CacheMode, Clock, ClockKind, Header, Timeouts};

use super::MountError;
use super::atime::MountFlags;
use super::filesystem::{Door, Negotiated, Wanted};
use super::home::Home;
use super::place::{Appearance, Place, Unmount};
use super::record::{self, Recorded, RecordingOptions, Writer};
use super::worker::{Birth, Ended, Start};
use crate::rim;

/// What the kernel may keep of contents.
///
/// ```
/// use fuserig::mount::Cache;
/// assert_ne!(Cache::Through, Cache::Writeback);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Reads are kept while a file is open, writes go through.
    Through,
    /// Writes are kept as well and come later and merged.
    Writeback,
}

/// Who keeps advisory locks.
///
/// ```
/// use fuserig::mount::Locks;
/// assert_eq!(Locks::default(), Locks::Local);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locks {
    /// The kernel itself: no request, and nothing to record.
    #[default]
    Local,
    /// Byte ranges (`fcntl`) go to the simulated lower filesystem; `flock` stays with the kernel.
    Posix,
    /// `flock` goes to the lower filesystem; byte ranges stay with the kernel.
    Flock,
}

/// How to mount.
///
/// ```
/// use fuserig::mount::{Cache, MountOptions};
/// let options = MountOptions::new("/mnt/rig");
/// assert_eq!((options.threads, options.cache), (1, Cache::Through));
/// ```
#[derive(Clone, Debug)]
pub struct MountOptions {
    /// Where.
    pub directory: PathBuf,
    /// Threads that receive requests. One also answers them; several hand them to a thread that
    /// does, which pays where the reading of large writes should not wait for it.
    pub threads: usize,
    /// Whether users besides the one who mounts may enter.
    pub allow_other: bool,
    /// What the kernel may keep of contents.
    pub cache: Cache,
    /// Whether listings come with a lookup of each name.
    pub readdirplus: bool,
    /// Whether the lower filesystem keeps POSIX ACLs.
    pub acl: bool,
    /// Who keeps advisory locks. Both kinds at once are not to be had: fuser does not tell which
    /// kind a request is about.
    pub locks: Locks,
    /// Mount read-only.
    pub read_only: bool,
    /// Whether the kernel reads and writes files of a host directory by itself (FUSE passthrough,
    /// Linux 6.9): no read or write passes the pipeline or the recording. Needs root.
    pub passthrough: bool,
    /// How long names and attributes may be kept, for the header of a trace.
    pub valid: Timespec,
}

impl MountOptions {
    /// The defaults, at a directory.
    pub fn new(directory: impl Into<PathBuf>) -> MountOptions {
        MountOptions {
            directory: directory.into(),
            threads: 1,
            allow_other: false,
            cache: Cache::Through,
            readdirplus: true,
            acl: true,
            locks: Locks::Local,
            read_only: false,
            passthrough: false,
            valid: Timespec::from_secs(1),
        }
    }

    fn appearance(&self) -> Appearance {
        Appearance {
            name: "fuserig",
            subtype: Some("fuserig"),
            allow_other: self.allow_other,
            default_permissions: true,
            read_only: self.read_only,
        }
    }

    fn who_may_enter(&self) -> SessionACL {
        if self.allow_other { SessionACL::All } else { SessionACL::Owner }
    }

    fn config(&self) -> Config {
        let mut config = Config::default();
        config.n_threads = Some(self.threads.max(1));
        config.clone_fd = self.threads > 1;
        config
    }

    fn wanted(&self) -> Wanted {
        let mut flags = InitFlags::FUSE_ASYNC_DIO
            | InitFlags::FUSE_PARALLEL_DIROPS
            | InitFlags::FUSE_AUTO_INVAL_DATA
            | InitFlags::FUSE_CACHE_SYMLINKS
            // A connection that was cut is told from a mount that is gone.
            | InitFlags::FUSE_ABORT_ERROR
            // File handles outlive what the kernel keeps in memory.
            | InitFlags::FUSE_EXPORT_SUPPORT
            // The server clears setuid bits and capabilities, so that the kernel need not ask for
            // `security.capability` before each write.
            | InitFlags::FUSE_HANDLE_KILLPRIV_V2;
        if self.readdirplus {
            flags |= InitFlags::FUSE_DO_READDIRPLUS | InitFlags::FUSE_READDIRPLUS_AUTO;
        }
        if self.acl {
            flags |= InitFlags::FUSE_POSIX_ACL | InitFlags::FUSE_DONT_MASK;
        }
        if self.cache == Cache::Writeback {
            flags |= InitFlags::FUSE_WRITEBACK_CACHE;
        }
        if self.passthrough {
            flags |= InitFlags::FUSE_PASSTHROUGH;
        }
        flags |= match self.locks {
            Locks::Local => InitFlags::empty(),
            Locks::Posix => InitFlags::FUSE_POSIX_LOCKS,
            Locks::Flock => InitFlags::FUSE_FLOCK_LOCKS,
        };
        Wanted { flags, max_write: 1 << 20 }
    }
}

pub(super) const CANNOT_MOUNT: &str = "it must be an existing directory that you may mount on; \
                                       without root, fusermount3 must be installed";

/// How a mount ended.
///
/// ```
/// use fuserig::mount::Summary;
/// assert!(Summary::default().crash.is_none());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Requests that were answered.
    pub requests: u64,
    /// How the modelled kernel crashed, when it did; every later request was answered `EIO`.
    pub crash: Option<Quirk>,
    /// What was recorded.
    pub recorded: Option<Recorded>,
}

/// A mount that is served in the background. Dropping it takes the mount away.
#[derive(Debug)]
pub struct Mounted {
    place: Arc<Place>,
    threads: Option<Threads>,
}

#[derive(Debug)]
struct Threads {
    session: JoinHandle<std::io::Result<()>>,
    /// The thread of the pipeline, where it has one of its own.
    worker: Option<JoinHandle<()>>,
    writer: Option<Writer>,
    ended: Arc<Mutex<Ended>>,
}

/// What this machine lacks for a mount, in words; none when nothing is known to be missing.
pub fn missing() -> Option<String> {
    if !Path::new("/dev/fuse").exists() {
        return Some("there is no /dev/fuse (modprobe fuse, or --device /dev/fuse)".to_owned());
    }
    let opened = std::fs::OpenOptions::new().read(true).write(true).open("/dev/fuse");
    if let Err(error) = opened {
        let need = "run as root, or let everybody open it: chmod 666 /dev/fuse";
        return Some(format!("/dev/fuse cannot be opened: {error} ({need})"));
    }
    None
}

impl Mounted {
    /// Mounts and begins to serve. `build` runs on the thread that will own the world, at the
    /// latest when the first request comes; what it needs of this machine should be open before,
    /// so that it is never the mount itself. When it fails the mount is taken away, and
    /// [`Mounted::wait`] and [`Mounted::unmount`] tell why.
    ///
    /// # Errors
    /// When the trace cannot be begun, or the directory not mounted on.
    pub fn start(
        options: &MountOptions,
        build: impl FnOnce() -> Result<crate::serve::Server, MountError> + Send + 'static,
        recording: Option<RecordingOptions>,
    ) -> Result<Mounted, MountError> {
        let base = rim::now();
        let sequence = Arc::new(AtomicU64::new(0));
        let negotiated = Arc::new(Mutex::new(Negotiated::default()));
        let ended = Arc::new(Mutex::new(Ended::default()));
        let (begin, begun) = channel();
        let birth = Birth {
            build: Box::new(build),
            start: begun,
            sequence: Arc::clone(&sequence),
            ended: Arc::clone(&ended),
        };
        let (home, worker) = Home::new(birth, options.threads.max(1))?;
        let door = Door::new(home, sequence, options.wanted(), Arc::clone(&negotiated));
        let failed =
            |hint, source| MountError::Mount { path: options.directory.clone(), source, hint };
        let (place, device) = Place::mount(&options.directory, &options.appearance())
            .map_err(|source| failed(CANNOT_MOUNT, source))?;
        // From here on whatever fails takes the mount away.
        let guard = Unmount::unless_kept(&place);
        let session = Session::from_fd(door, device, options.who_may_enter(), options.config())
            .map_err(|source| failed(CANNOT_MOUNT, source))?;
        let negotiated = negotiated.lock().expect("nobody panics with this lock").clone();
        let passthrough = negotiated.flags.iter().any(|name| name == "FUSE_PASSTHROUGH");
        if options.passthrough && !passthrough {
            let source = std::io::Error::from(std::io::ErrorKind::Unsupported);
            let hint = "this kernel has no FUSE passthrough (Linux 6.9, CONFIG_FUSE_PASSTHROUGH)";
            return Err(failed(hint, source));
        }
        let (tape, writer) = match recording {
            None => (None, None),
            Some(mut recording) => {
                complete(&mut recording.header, options, &negotiated, base);
                let (tape, writer) = record::start(recording, base)?;
                (Some(tape), Some(writer))
            }
        };
        let flags = MountFlags::of(place.directory());
        let notifier = Some(session.notifier());
        // Without a second descriptor nobody looks ahead, which is only slower.
        let device = session.as_fd().try_clone_to_owned().ok();
        let here = Arc::clone(&place);
        let _ = begin.send(Start { place: here, tape, passthrough, flags, notifier, device });
        let session = std::thread::Builder::new()
            .name("fuserig-session".to_owned())
            .spawn({
                let place = Arc::clone(&place);
                move || serve(session, &place)
            })
            .map_err(MountError::Thread)?;
        guard.keep();
        let threads = Some(Threads { session, worker, writer, ended });
        Ok(Mounted { place, threads })
    }

    /// Something that takes the mount away from another thread, such as one that waits for
    /// signals. Files in use keep it alive, unreachable, until they are closed.
    pub fn unmounter(&self) -> impl Fn() + Send + 'static {
        let place = Arc::clone(&self.place);
        move || place.take_away()
    }

    /// Whether the session has ended: somebody unmounted, or the pipeline is gone.
    pub fn is_over(&self) -> bool {
        self.threads.as_ref().is_none_or(|threads| threads.session.is_finished())
    }

    /// Waits until the mount is gone.
    ///
    /// # Errors
    /// When the session failed, the pipeline panicked, or the trace could not be written.
    pub fn wait(mut self) -> Result<Summary, MountError> {
        self.finish()
    }

    /// Takes the mount away and waits for the threads.
    ///
    /// # Errors
    /// As [`Mounted::wait`].
    pub fn unmount(mut self) -> Result<Summary, MountError> {
        self.place.take_away();
        self.finish()
    }

    fn finish(&mut self) -> Result<Summary, MountError> {
        let Some(threads) = self.threads.take() else { return Ok(Summary::default()) };
        let session = threads.session.join().ok().ok_or(MountError::Panicked)?;
        if let Some(worker) = threads.worker {
            worker.join().ok().ok_or(MountError::Panicked)?;
        }
        let recorded = threads.writer.map(Writer::finish).transpose()?;
        let ended =
            core::mem::take(&mut *threads.ended.lock().expect("nobody panics with this lock"));
        if let Some(failure) = ended.failure {
            return Err(failure);
        }
        // An unmount by force, or through the connection's `abort`, is an end like any other.
        let aborted = rustix::io::Errno::CONNABORTED.raw_os_error();
        match session {
            Err(error) if error.raw_os_error() != Some(aborted) => {
                return Err(MountError::Session(error));
            }
            _ => {}
        }
        Ok(Summary { requests: ended.requests, crash: ended.crash, recorded })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if self.threads.is_some() {
            self.place.take_away();
            let _ = self.finish();
        }
    }
}

/// Answers until the kernel closes the connection or nobody is left to answer, and sees to it that
/// no mount without a server stays.
fn serve(session: Session<Door>, place: &Place) -> std::io::Result<()> {
    let served = session.run();
    match &served {
        Ok(()) => place.is_gone(),
        Err(_) => place.is_cut(),
    }
    served
}

/// What the session knows and a trace should say.
fn complete(header: &mut Header, options: &MountOptions, negotiated: &Negotiated, base: Timespec) {
    header.fuse_minor = negotiated.minor;
    let mut init = header.init.take().unwrap_or_default();
    init.flags = negotiated
        .flags
        .iter()
        .map(|name| name.trim_start_matches("FUSE_").to_ascii_lowercase())
        .collect();
    header.init = Some(init);
    header.mount_options = vec!["default_permissions".to_owned()];
    if options.allow_other {
        header.mount_options.push("allow_other".to_owned());
    }
    header.passthrough = options.passthrough;
    let valid = Duration::new(u64::try_from(options.valid.sec).unwrap_or(0), options.valid.nsec);
    let valid_ns = u64::try_from(valid.as_nanos()).ok();
    header.timeouts =
        Some(Timeouts { entry_ns: valid_ns, attr_ns: valid_ns, negative_ns: Some(0) });
    header.cache = match options.cache {
        Cache::Through => CacheMode::Through,
        Cache::Writeback => CacheMode::Writeback,
    };
    let nanos = i128::from(base.sec) * 1_000_000_000 + i128::from(base.nsec);
    header.clock = Some(Clock { kind: ClockKind::Realtime, base_ns: u64::try_from(nanos).ok() });
}
