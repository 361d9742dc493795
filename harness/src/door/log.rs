//! What went over the socket.

use fuserig_abi::{Errno, Opcode, Pid, Reply, Request};

/// A request and its reply as they went over the socket.
///
/// ```
/// use fuserig::door::Exchanged;
/// use fuserig_abi::{Gid, NodeId, Opcode, Pid, Request, Uid, Unique};
/// let request = Request {
///     unique: Unique(2),
///     nodeid: NodeId::ROOT,
///     opcode: Opcode::GETATTR,
///     uid: Uid::ROOT,
///     gid: Gid::ROOT,
///     pid: Pid(1),
///     body: vec![0; 16],
///     error_in: None,
/// };
/// assert!(Exchanged { request, reply: None }.reply.is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// What was asked.
    pub request: Request,
    /// What came back; none for FORGET and for the contents that a notification retrieved, for an
    /// INTERRUPT that was not answered (yet), and for a filesystem that never answered.
    pub reply: Option<Reply>,
}

/// A message that the filesystem sent by itself (`fuser::Notifier`).
///
/// ```
/// use fuserig::door::Notification;
/// use fuserig::kernel::Notice;
/// let body = 3_u64.to_le_bytes().to_vec();
/// let wakeup = Notification { code: 1, body, taken: Ok(()) };
/// assert_eq!(Notice::decode(wakeup.code, &wakeup.body), Ok(Notice::Poll { kh: 3 }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// `enum fuse_notify_code`: 1 poll, 2 inval_inode, 3 inval_entry, 4 store, 5 retrieve,
    /// 6 delete.
    pub code: i32,
    /// The bytes after the header, which [`Notice::decode`](crate::kernel::Notice::decode) reads.
    pub body: Vec<u8>,
    /// What `write` on the device would have said. ENOENT means that the caches did not hold it,
    /// which is harmless; a socket cannot tell the filesystem.
    pub taken: Result<(), Errno>,
}

/// What went over the socket and was not taken yet, and which signals are due.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) exchanged: Vec<Exchanged>,
    pub(super) notified: Vec<Notification>,
    /// Signals that reach a client during its next request of that kind.
    pub(super) due: Vec<(Pid, Opcode)>,
    /// The client that has a signal until its call returns.
    pub(super) signalled: Option<Pid>,
    /// The filesystem answered a pending INTERRUPT with ENOSYS (`no_interrupt`).
    pub(super) no_interrupt: bool,
}

impl Log {
    /// Whether the request that was just sent is interrupted.
    pub(super) fn interrupts(&mut self, request: &Request) -> bool {
        let due = |entry: &(Pid, Opcode)| *entry == (request.pid, request.opcode);
        if let Some(place) = self.due.iter().position(due) {
            self.due.remove(place);
            self.signalled = Some(request.pid);
        }
        self.signalled == Some(request.pid) && !self.no_interrupt
    }

    /// Whether a signal reaches the client while it waits for this request.
    pub(super) fn is_due(&self, request: &Request) -> bool {
        let due = self.due.contains(&(request.pid, request.opcode));
        due || self.signalled == Some(request.pid)
    }

    /// An answer that comes later than its request was noted: to one of several requests at once,
    /// or to an INTERRUPT whose request ended before, where it changes nothing.
    pub(super) fn late(&mut self, reply: Reply) {
        let unanswered = |exchanged: &&mut Exchanged| {
            exchanged.request.unique == reply.unique && exchanged.reply.is_none()
        };
        if let Some(exchanged) = self.exchanged.iter_mut().rev().find(unanswered) {
            exchanged.reply = Some(reply);
        }
    }
}
