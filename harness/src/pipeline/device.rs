//! The FUSE device as the daemon sees it: one pending request, and the checks on what is written
//! (SEMANTICS 2.6.1).
//!
//! A reader would get wrong that a refused write always fails the request: four of the checks
//! leave it pending, the others end it with EIO, and entries that make no sense are found only
//! after the rest of the reply was copied.

use core::ops::ControlFlow;

use fuserig_abi::{
    Abi, Caller, Errno, FUSE_BPF_MAX_ENTRIES, FuseBpfEntryOut, FuseEntryBpfOut, FuseOutHeader, Ino,
    NodeId, Opcode, Quirk, Reply, Request, Timespec, Unique,
};
use fuserig_sim_fs::LowerExt;
use zerocopy::FromBytes;

use super::daemon::DAEMON;
use super::entries::EntryActions;
use super::{Event, Step, Stop, What};
use crate::kernel::World;

const OUT_HEADER: usize = size_of::<FuseOutHeader>();
/// Length of one lookup entry; a reply's entries are a multiple of it.
pub(crate) const ENTRY: usize = size_of::<FuseBpfEntryOut>();

/// Which arguments a reply may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Full length of each reply argument.
    pub(crate) sizes: Vec<u32>,
    /// Whether the last argument may be shorter.
    pub(crate) variable: bool,
    /// Whether the last argument is a list of lookup entries.
    pub(crate) entries: bool,
}

impl Shape {
    /// One argument of fixed length.
    pub(crate) fn fixed(size: usize) -> Shape {
        Shape { sizes: vec![size as u32], ..Shape::default() }
    }

    /// One argument of at most that length.
    pub(crate) fn up_to(size: usize) -> Shape {
        Shape { variable: true, ..Shape::fixed(size) }
    }

    fn total(&self) -> usize {
        self.sizes.iter().map(|&size| size as usize).sum()
    }

    /// The second half of 2.6.1: does a body of that length fit?
    fn accepts(&self, length: usize) -> bool {
        let total = self.total();
        let last = self.sizes.last().map_or(0, |&size| size as usize);
        length == total || self.variable && length < total && total - length <= last
    }

    /// Where the entries begin in a body.
    fn entries_at(&self) -> usize {
        self.total() - self.sizes.last().map_or(0, |&size| size as usize)
    }
}

/// How bytes reached the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `write` on the device.
    Write,
    /// The response ioctl, the only way for entries (ENT-3).
    Ioctl,
}

/// What a request ended in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// A reply that passed the checks.
    Reply {
        /// Everything behind the header.
        body: Vec<u8>,
        /// What its entries ask for, when it had any.
        entries: Option<EntryActions>,
    },
    /// A header error.
    Error(Errno),
    /// A refused reply: the request fails with EIO. The body was copied already when only its
    /// entries were bad.
    Broken {
        /// What was copied.
        copied: Option<Vec<u8>>,
    },
}

/// The device file in the hands of a daemon, with the request it is serving.
///
/// ```
/// use fuserig::pipeline::{Daemon, Device};
/// use fuserig_abi::{Errno, NodeId, Request};
///
/// /// Tries a reply of no length first, as a careless server would.
/// #[derive(Debug)]
/// struct Careless;
///
/// impl Daemon for Careless {
///     fn serve(&mut self, _: &Request, device: &mut Device<'_>) {
///         assert_eq!(device.write(b""), Err(Errno::EINVAL));
///         assert_eq!(device.error(Errno::EPERM), Ok(16));
///     }
///
///     fn forget(&mut self, _: NodeId, _: u64) {}
/// }
/// ```
#[derive(Debug)]
pub struct Device<'a> {
    world: &'a mut World,
    unique: Unique,
    shape: &'a Shape,
    number: u64,
    step: Step,
    settled: Option<Settled>,
    retrieved: Option<Request>,
}

impl<'a> Device<'a> {
    fn new(world: &'a mut World, unique: Unique, asking: &'a Asking<'_>) -> Device<'a> {
        let &Asking { ref shape, number, step, .. } = asking;
        Device { world, unique, shape, number, step, settled: None, retrieved: None }
    }
}

impl Device<'_> {
    /// Writes the bytes of a reply, as `write` on the device: header and body. Returns the number
    /// of bytes taken. With `unique` 0 it is a notification, which settles nothing.
    ///
    /// # Errors
    /// EINVAL for what 2.6.1 refuses and for lookup entries (ENT-3); ENOENT for a `unique` that
    /// is not pending; for entries, what parsing them says; for a notification, what
    /// [`World::take_notification`] says.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        match FuseOutHeader::read_from_prefix(bytes) {
            Ok((header, body)) if header.unique == 0 && header.len as usize == bytes.len() => {
                self.notify(header.error, body).map(|()| bytes.len())
            }
            _ => self.take(bytes, Route::Write),
        }
    }

    fn notify(&mut self, code: i32, body: &[u8]) -> Result<(), Errno> {
        let taken = self.world.take_notification(code, body);
        self.emit(What::DaemonReply { error: code, body, refused: taken.as_ref().err().copied() });
        self.retrieved = taken?;
        Ok(())
    }

    /// The request that carries what a notification written just now retrieves from the page
    /// cache. It has no reply; whoever carries requests to the daemon sends it.
    pub fn take_retrieved(&mut self) -> Option<Request> {
        self.retrieved.take()
    }

    /// Hands over the bytes of a reply by the response ioctl (7.4), whose argument is as long as
    /// the reply: from 16 bytes to a page.
    ///
    /// # Errors
    /// As [`Device::write`], and EINVAL for an argument of another length.
    pub fn respond_by_ioctl(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        let page = fuserig_abi::PAGE_SIZE as usize;
        if !(OUT_HEADER..=page).contains(&bytes.len()) {
            return self.refuse(bytes, Errno::EINVAL);
        }
        self.take(bytes, Route::Ioctl)
    }

    /// Writes a reply.
    ///
    /// # Errors
    /// As [`Device::write`].
    pub fn reply(&mut self, reply: &Reply) -> Result<usize, Errno> {
        self.write(&reply.encode())
    }

    /// Answers the request with a body.
    ///
    /// # Errors
    /// As [`Device::write`].
    pub fn success(&mut self, body: &[u8]) -> Result<usize, Errno> {
        self.reply(&Reply::success(self.unique, body.to_vec()))
    }

    /// Answers the request with an error.
    ///
    /// # Errors
    /// ENOENT when it is answered already.
    pub fn error(&mut self, errno: Errno) -> Result<usize, Errno> {
        self.reply(&Reply::error(self.unique, errno))
    }

    /// Whether a reply was accepted or the request failed.
    pub fn is_settled(&self) -> bool {
        self.settled.is_some()
    }

    /// The modelled version, which says how a request looks on the wire.
    pub fn abi(&self) -> Abi {
        self.world.abi
    }

    /// The instant on the virtual clock.
    pub fn now(&self) -> Timespec {
        self.world.now
    }

    /// Opens a file or directory of the lower filesystem by its path from the lower root, as the
    /// server itself, which is root. The descriptor may stand in BACKING entries.
    ///
    /// # Errors
    /// The errno of the walk. Symlinks are not followed.
    pub fn open_lower(&mut self, path: &[u8]) -> Result<u64, Errno> {
        let caller = self.world.kernel_caller();
        let mut node = self.world.lower.root();
        for name in path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()) {
            node = self.world.lower.lookup(&caller, node, name)?.ino;
        }
        Ok(self.install(node))
    }

    /// Gives the server a descriptor on a lower inode that it holds already.
    pub fn install(&mut self, node: Ino) -> u64 {
        let taken = |fd: &u64| self.world.outside.contains_key(&(DAEMON, *fd));
        let fd = (3..).find(|fd| !taken(fd)).expect("some descriptor is free");
        self.world.outside.insert((DAEMON, fd), node);
        fd
    }

    /// Gives the server a descriptor on a registered program, which an entry of Android may name.
    ///
    /// # Errors
    /// ENOENT when none has that name.
    pub fn open_program(&mut self, name: &[u8]) -> Result<u64, Errno> {
        let filter = self.world.registered(name).ok_or(Errno::ENOENT)?;
        let taken = |fd: &u64| self.world.programs.contains_key(&(DAEMON, *fd));
        let fd = (3..).find(|fd| !taken(fd)).expect("some descriptor is free");
        self.world.programs.insert((DAEMON, fd), filter);
        Ok(fd)
    }

    /// Closes a descriptor of the server; what was attached through it stays attached.
    pub fn close(&mut self, fd: u64) {
        self.world.outside.remove(&(DAEMON, fd));
    }

    fn emit(&mut self, what: What<'_>) {
        if self.world.sink.wants_events() {
            let event = Event { operation: self.number, step: self.step, what };
            self.world.emit(&event);
        }
    }

    /// A write that is refused. The request stays as it is.
    fn refuse(&mut self, bytes: &[u8], errno: Errno) -> Result<usize, Errno> {
        let header = FuseOutHeader::read_from_prefix(bytes).ok();
        let error = header.map_or(0, |(header, _)| header.error);
        let body = bytes.get(OUT_HEADER..).unwrap_or_default();
        self.emit(What::DaemonReply { error, body, refused: Some(errno) });
        Err(errno)
    }

    fn take(&mut self, bytes: &[u8], route: Route) -> Result<usize, Errno> {
        let Ok((header, body)) = FuseOutHeader::read_from_prefix(bytes) else {
            return self.refuse(bytes, Errno::EINVAL);
        };
        let error = header.error;
        if header.len as usize != bytes.len() || !(-511..=0).contains(&error) {
            return self.refuse(bytes, Errno::EINVAL);
        }
        let is_own = header.unique == self.unique.0;
        if !is_own && self.world.connection.keep_reply(bytes) {
            return Ok(bytes.len());
        }
        if !is_own || self.settled.is_some() {
            return self.refuse(bytes, Errno::ENOENT);
        }
        let checked = if error != 0 {
            if body.is_empty() { Ok(None) } else { Err(Errno::EINVAL) }
        } else if self.shape.accepts(body.len()) {
            self.check_entries(body, route)
        } else {
            Err(Errno::EINVAL)
        };
        let copied = error == 0 && self.shape.accepts(body.len());
        match checked {
            Ok(entries) => {
                self.emit(What::DaemonReply { error, body, refused: None });
                self.settled = Some(match error {
                    0 => Settled::Reply { body: body.to_vec(), entries },
                    _ => Settled::Error(Errno(-error)),
                });
                Ok(bytes.len())
            }
            Err(errno) => {
                self.settled = Some(Settled::Broken { copied: copied.then(|| body.to_vec()) });
                self.refuse(bytes, errno)
            }
        }
    }

    /// Entries are parsed while the reply is copied (7.3, 7.4).
    fn check_entries(&mut self, body: &[u8], route: Route) -> Result<Option<EntryActions>, Errno> {
        if !self.shape.entries {
            return Ok(None);
        }
        let list = body.get(self.shape.entries_at()..).unwrap_or_default();
        if list.is_empty() {
            return Ok(None);
        }
        if self.world.abi == Abi::Android {
            // Written plainly, and its descriptors are resolved at once (7.8).
            let entry = FuseEntryBpfOut::read_from_bytes(list).map_err(|_length| Errno::EINVAL)?;
            let actions = EntryActions::of_android(self.world, DAEMON, &entry)?;
            return Ok((actions != EntryActions::default()).then_some(actions));
        }
        if list.len() % ENTRY != 0 || list.len() > FUSE_BPF_MAX_ENTRIES as usize * ENTRY {
            return Err(Errno::EINVAL);
        }
        if route == Route::Write && self.world.faithful() {
            let quirk = Quirk::ENT_3;
            self.emit(What::Quirk { quirk });
            return Err(Errno::EINVAL);
        }
        EntryActions::parse(self.world, DAEMON, list).map(Some)
    }
}

/// A request to the daemon before it is numbered.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    /// Number of the operation it belongs to.
    pub(crate) number: u64,
    /// The step it is asked in.
    pub(crate) step: Step,
    /// Who causes it.
    pub(crate) caller: &'a Caller,
    /// Opcode with phase bits.
    pub(crate) opcode: Opcode,
    /// The node.
    pub(crate) nodeid: NodeId,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// The lengths it was put together from.
    pub(crate) pieces: Vec<u32>,
    /// `error_in` of a POSTFILTER request.
    pub(crate) error_in: Option<u32>,
    /// Sent even where others are refused (N4).
    pub(crate) forced: bool,
    /// Nobody waits for the reply (RELEASE).
    pub(crate) background: bool,
    /// What the reply may hold.
    pub(crate) shape: Shape,
}

impl<'a> Asking<'a> {
    /// A plain request without reply arguments.
    pub(crate) fn new(
        number: u64,
        caller: &'a Caller,
        opcode: Opcode,
        nodeid: NodeId,
        body: Vec<u8>,
    ) -> Asking<'a> {
        Asking {
            number,
            step: Step::Result,
            caller,
            opcode,
            nodeid,
            pieces: vec![body.len() as u32],
            body,
            error_in: None,
            forced: false,
            background: false,
            shape: Shape::default(),
        }
    }

    /// The same with reply arguments.
    pub(crate) fn expecting(mut self, shape: Shape) -> Asking<'a> {
        self.shape = shape;
        self
    }
}

/// Sends a request and gives what came of it.
///
/// # Errors
/// The caller never gets an answer.
pub(crate) fn ask(world: &mut World, mut asking: Asking<'_>) -> Result<Settled, Stop> {
    match issue(world, &mut asking) {
        ControlFlow::Continue(request) => serve(world, &asking, &request),
        ControlFlow::Break(over) => over,
    }
}

/// Numbers a request and tells of it; what came of it where there is nobody to ask.
pub(super) fn issue(
    world: &mut World,
    asking: &mut Asking<'_>,
) -> ControlFlow<Result<Settled, Stop>, Request> {
    let &mut Asking { number, step, caller, opcode, nodeid, error_in, .. } = asking;
    let unique = world.connection.next_unique();
    let request = Request {
        unique,
        nodeid,
        opcode,
        uid: caller.credentials.uid,
        gid: caller.credentials.gid,
        pid: caller.pid,
        body: core::mem::take(&mut asking.body),
        error_in,
    };
    if world.sink.wants_events() {
        let what = What::DaemonRequest {
            opcode: opcode.0,
            nodeid,
            body: &request.body,
            pieces: &asking.pieces,
            error_in,
        };
        world.emit(&Event { operation: number, step, what });
    }
    if !world.connection.refuses {
        world.connection.note_issued();
        return ControlFlow::Continue(request);
    }
    ControlFlow::Break(if asking.background {
        Ok(Settled::Error(Errno::ENOTCONN))
    } else if asking.forced && world.faithful() {
        // A forced request is queued even without a server, for ever (N4).
        Err(Stop::Hang(Quirk::N4))
    } else {
        Ok(Settled::Error(Errno::ECONNREFUSED))
    })
}

/// Has the daemon serve a request, and nothing else meanwhile.
pub(super) fn serve(
    world: &mut World,
    asking: &Asking<'_>,
    request: &Request,
) -> Result<Settled, Stop> {
    let mut daemon = core::mem::replace(&mut world.daemon, Box::new(super::NoDaemon));
    let mut device = Device::new(world, request.unique, asking);
    daemon.serve(request, &mut device);
    let settled = device.settled.take();
    world.daemon = daemon;
    match settled {
        Some(settled) => Ok(settled),
        None if asking.background => Ok(Settled::Error(Errno::ENOTCONN)),
        None => Err(Stop::Unanswered(asking.opcode)),
    }
}

/// What a reply to a request makes of it that was sent before.
pub(super) fn settle_with(
    world: &mut World,
    unique: Unique,
    asking: &Asking<'_>,
    message: &[u8],
) -> Result<Settled, Stop> {
    let mut device = Device::new(world, unique, asking);
    // The daemon is long gone that could be told what its write returned.
    let _ = device.write(message);
    device.settled.take().ok_or(Stop::Unanswered(asking.opcode))
}
