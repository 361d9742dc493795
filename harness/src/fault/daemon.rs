//! A daemon that agrees with everything, and one that fails when it is told to.
//!
//! The echo daemon answers PREFILTER and POSTFILTER requests so that nothing changes: it sends back
//! those arguments that the reply has, as they came. It serves no ordinary request. What a reader
//! would get wrong: the reply is not the request; an immutable name at the end is left out, and a
//! name that is followed by something is filled up (SEMANTICS 2.6).

use std::cell::RefCell;
use std::rc::Rc;

use fuserig_abi::{
    Abi, AbiTable, ArgKind, BufferFlags, Caller, Dir, Errno, NodeId, Op, Opcode, OperationRow,
    Phase, Reply, Request, SizeRule, Timespec,
};

use super::{Armed, DaemonFault, FaultKind};
use crate::daemon::init_reply;
use crate::kernel::World;
use crate::pipeline::{Daemon, Device, Patience};
use crate::sim::Action;

/// A userspace server that changes nothing.
///
/// ```
/// use fuserig::fault::EchoDaemon;
/// use fuserig::pipeline::Daemon;
/// let mut daemon = EchoDaemon::default();
/// daemon.forget(fuserig_abi::NodeId(2), 1);
/// assert_eq!(daemon.forgotten(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct EchoDaemon {
    abi: Abi,
    forgotten: u64,
    /// What an ordinary request gets.
    refusal: Errno,
}

impl Default for EchoDaemon {
    /// A server of v4.
    fn default() -> EchoDaemon {
        EchoDaemon::new(Abi::V4)
    }
}

impl EchoDaemon {
    /// A server of that version.
    pub fn new(abi: Abi) -> EchoDaemon {
        EchoDaemon { abi, forgotten: 0, refusal: Errno::ENOSYS }
    }

    /// The same, which fails ordinary requests with this errno and not with ENOSYS.
    #[must_use]
    pub fn refusing(self, refusal: Errno) -> EchoDaemon {
        EchoDaemon { refusal, ..self }
    }

    /// How many FORGETs arrived.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The body of the reply that changes nothing; none for an ordinary request, and for one that
    /// is not as long as its operation says.
    pub fn echo(&self, request: &Request) -> Option<Vec<u8>> {
        let phase = phase_of(request.opcode)?;
        if self.abi == Abi::Android {
            // All in arguments come back (SEMANTICS 2.9).
            return (phase == Phase::Pre).then(|| request.body.clone());
        }
        let op = Op::of_opcode(request.opcode)?;
        let row = AbiTable::of(self.abi).operation(op);
        let pieces = in_pieces(row, &request.body, phase)?;
        match phase {
            Phase::Pre => Some(echoed(row, &pieces)),
            Phase::Post => {
                let from: usize = pieces.iter().map(|piece| piece.len()).sum();
                request.body.get(from..).map(<[u8]>::to_vec)
            }
        }
    }
}

/// The bits of the opcode that say a request belongs to a prefilter or a postfilter.
fn phase_of(opcode: Opcode) -> Option<Phase> {
    match opcode.0 >> 16 {
        1 => Some(Phase::Pre),
        2 => Some(Phase::Post),
        _ => None,
    }
}

/// The in arguments of a request one by one.
fn in_pieces<'a>(row: &OperationRow, body: &'a [u8], phase: Phase) -> Option<Vec<&'a [u8]>> {
    let mut pieces: Vec<&[u8]> = Vec::new();
    let mut rest = body;
    for (position, arg) in row.in_args.iter().enumerate() {
        let is_rest = phase == Phase::Pre && position + 1 == row.in_args.len();
        let length = match arg.kind {
            ArgKind::Struct => arg.size as usize,
            _ if is_rest => rest.len(),
            // Its length is the first number of fuse_setxattr_in.
            _ if row.op == Op::Setxattr && arg.name == "value" => {
                u32::from_le_bytes(body.get(..4)?.try_into().ok()?) as usize
            }
            // A name, with its NUL.
            _ => rest.iter().position(|byte| *byte == 0)? + 1,
        };
        pieces.push(rest.get(..length)?);
        rest = &rest[length..];
    }
    Some(pieces)
}

/// The reply to a PREFILTER request (SEMANTICS 2.6).
fn echoed(row: &OperationRow, pieces: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for (position, (arg, piece)) in row.args(Dir::In).iter().zip(pieces).enumerate() {
        let buffer = row.buffer(&arg.name);
        let is_last = position + 1 == pieces.len();
        let immutable =
            buffer.is_some_and(|row| row.initial_flags.contains(BufferFlags::IMMUTABLE));
        if is_last && immutable {
            break;
        }
        body.extend_from_slice(piece);
        if let (false, Some(SizeRule::Bytes(whole))) = (is_last, buffer.map(|row| row.max_size)) {
            body.resize(body.len() + (whole as usize).saturating_sub(piece.len()), 0);
        }
    }
    body
}

/// Writes a reply; what the device says of it is the kernel's business.
fn answer(device: &mut Device<'_>, request: &Request, error: i32, body: Vec<u8>) {
    let _ = device.reply(&Reply { unique: request.unique, error, body });
}

impl Daemon for EchoDaemon {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        if request.opcode == Opcode::INIT {
            let _ = device.reply(&init_reply(request));
            return;
        }
        match self.echo(request) {
            Some(body) => answer(device, request, 0, body),
            None => answer(device, request, self.refusal.negative(), Vec::new()),
        }
    }

    fn forget(&mut self, _: NodeId, _: u64) {
        self.forgotten += 1;
    }
}

/// Whether the kernel waits for the reply whatever signal the caller gets (SEMANTICS 2.6).
fn is_forced(opcode: Opcode) -> bool {
    let base = opcode.base();
    [Opcode::INIT, Opcode::FLUSH, Opcode::FSYNC, Opcode::FSYNCDIR, Opcode::RELEASE].contains(&base)
        || base == Opcode::RELEASEDIR
}

/// Any daemon, with faults.
///
/// ```
/// use std::cell::RefCell;
/// use std::rc::Rc;
/// use fuserig::fault::{Armed, EchoDaemon, FaultyDaemon};
/// let armed = Rc::new(RefCell::new(Armed::default()));
/// let daemon = FaultyDaemon::new(Box::new(EchoDaemon::default()), armed);
/// # let _ = daemon;
/// ```
#[derive(Debug)]
pub struct FaultyDaemon {
    inner: Box<dyn Daemon>,
    armed: Rc<RefCell<Armed>>,
    dead: bool,
    at_most_failing: bool,
}

impl FaultyDaemon {
    /// `inner` with the faults that `armed` holds.
    pub fn new(inner: Box<dyn Daemon>, armed: Rc<RefCell<Armed>>) -> FaultyDaemon {
        FaultyDaemon { inner, armed, dead: false, at_most_failing: false }
    }

    /// Of all faults those that an errno of the daemon's is, or that it takes its time.
    #[must_use]
    pub fn at_most_failing(self) -> FaultyDaemon {
        FaultyDaemon { at_most_failing: true, ..self }
    }
}

impl Daemon for FaultyDaemon {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        let forced = is_forced(request.opcode);
        let wanted = |fault: &FaultKind| match fault {
            FaultKind::Daemon {
                fault: DaemonFault::Fails | DaemonFault::Refuses { .. } | DaemonFault::Late,
            } => true,
            _ if self.at_most_failing => false,
            FaultKind::Daemon { .. } => true,
            FaultKind::Signal | FaultKind::Killed => !forced,
            FaultKind::Lower { .. }
            | FaultKind::ShortRead { .. }
            | FaultKind::ShortWrite { .. }
            | FaultKind::NoMemory
            | FaultKind::ClockJump { .. } => false,
        };
        let fault = self.armed.borrow_mut().fire(request.pid, wanted);
        if let Some(FaultKind::Daemon { fault: DaemonFault::Dies }) = fault {
            self.dead = true;
        }
        match fault {
            // A connection without a server fails what it is asked (man 4 fuse: ENOTCONN).
            _ if self.dead => answer(device, request, Errno::ENOTCONN.negative(), Vec::new()),
            Some(FaultKind::Signal | FaultKind::Killed) => {
                answer(device, request, Errno::EINTR.negative(), Vec::new());
            }
            Some(FaultKind::Daemon { fault: DaemonFault::Never }) => {}
            Some(FaultKind::Daemon { fault: DaemonFault::WrongLength }) => {
                answer(device, request, 0, vec![0; request.body.len() + 3]);
            }
            Some(FaultKind::Daemon { fault: DaemonFault::ErrorWithBody }) => {
                answer(device, request, Errno::EIO.negative(), vec![0; 8]);
            }
            Some(FaultKind::Daemon { fault: DaemonFault::Fails }) => {
                answer(device, request, Errno::EIO.negative(), Vec::new());
            }
            Some(FaultKind::Daemon { fault: DaemonFault::Refuses { errno } }) => {
                answer(device, request, Errno(errno).negative(), Vec::new());
            }
            Some(FaultKind::Daemon { fault: DaemonFault::Twice }) => {
                self.inner.serve(request, device);
                self.inner.serve(request, device);
            }
            Some(FaultKind::Daemon { fault: DaemonFault::Late }) => {
                self.armed.borrow_mut().note_late(request.pid);
                self.inner.serve(request, device);
            }
            _ => self.inner.serve(request, device),
        }
    }

    fn forget(&mut self, nodeid: NodeId, nlookup: u64) {
        self.inner.forget(nodeid, nlookup);
    }

    fn takes(&mut self, request: &Request, now: Timespec) -> bool {
        // What may go wrong is served apart.
        let sound = !self.dead && !self.armed.borrow().is_armed(request.pid);
        sound && self.inner.takes(request, now)
    }

    fn receive(&mut self, world: &mut World, patience: Patience) -> Option<Vec<u8>> {
        self.inner.receive(world, patience)
    }

    fn uses_mount(&mut self, op: Op, caller: &Caller) -> Option<Action> {
        if self.dead { None } else { self.inner.uses_mount(op, caller) }
    }
}

#[cfg(test)]
mod tests {
    use super::EchoDaemon;
    use fuserig_abi::{Abi, Gid, NodeId, Opcode, Pid, Request, Uid, Unique};

    const PRE: u32 = 1 << 16;
    const POST: u32 = 2 << 16;

    fn check(opcode: u32, body: &[u8], expected: Option<&[u8]>) {
        let request = Request {
            unique: Unique(2),
            nodeid: NodeId(1),
            opcode: Opcode(opcode),
            uid: Uid(0),
            gid: Gid(0),
            pid: Pid(1),
            body: body.to_vec(),
            error_in: None,
        };
        let reply = EchoDaemon::new(Abi::V4).echo(&request);
        assert_eq!(reply.as_deref(), expected, "opcode {opcode:#x}");
    }

    #[test]
    fn an_echo_is_the_reply_of_the_table() {
        check(PRE | Opcode::MKDIR.0, b"12345678name\0", Some(b"12345678"));
        check(PRE | Opcode::UNLINK.0, b"name\0", Some(b""));
        check(PRE | Opcode::LOOKUP.0, b"name\0", Some(b"name\0"));
        check(PRE | Opcode::OPEN.0, b"12345678", Some(b"12345678"));
        let setxattr = [&[2, 0, 0, 0][..], &[0; 12], b"user.a\0vv"].concat();
        let reply = [&setxattr[..16], b"user.a\0", &[0; 249], b"vv"].concat();
        check(PRE | Opcode::SETXATTR.0, &setxattr, Some(&reply));
        check(POST | Opcode::MKDIR.0, b"12345678name\0", Some(b""));
        let post = [&[1; 16][..], &[2; 104]].concat();
        check(POST | Opcode::GETATTR.0, &post, Some(&[2; 104]));
    }

    #[test]
    fn what_is_no_request_of_a_filter_has_no_echo() {
        check(Opcode::MKDIR.0, b"12345678name\0", None);
        check(PRE | Opcode::MKDIR.0, b"1234", None);
        check(POST | Opcode::UNLINK.0, b"without an end", None);
    }
}
