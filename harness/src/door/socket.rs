//! The kernel's end of the socket: requests out, replies and notifications in.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use fuserig_abi::{Gid, NodeId, Opcode, Pid, Reply, Request, Uid, Unique};
use rustix::io::Errno as HostErrno;
use rustix::net::{RecvFlags, SendFlags};

use crate::pipeline::{Daemon, Device};

/// Bytes of the longest message that is received: the model's longest read, and a header.
const MESSAGE_MAX: usize = (1 << 20) + 4096;
/// Writes of the model are no longer than this, so that a message fits an ordinary socket buffer.
const WRITE_MAX: u32 = 128 << 10;
/// Offsets in the INIT reply of `max_write` (after major, minor, readahead, flags, background) and
/// of `max_pages`, behind the 16 bytes of the header.
const MAX_WRITE_AT: usize = 16 + 20;
const MAX_PAGES_AT: usize = 16 + 28;

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
    /// What came back; none for FORGET, and for a filesystem that never answered.
    pub reply: Option<Reply>,
}

/// A message that the filesystem sent by itself (`fuser::Notifier`).
///
/// ```
/// use fuserig::door::Notification;
/// let inval = Notification { code: 2, body: Vec::new() };
/// assert_eq!(inval.code, 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// `enum fuse_notify_code`: 1 poll, 2 inval_inode, 3 inval_entry, 4 store, 6 delete.
    pub code: i32,
    /// The bytes after the header.
    pub body: Vec<u8>,
}

/// What went over the socket and was not taken yet.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) exchanged: Vec<Exchanged>,
    pub(super) notified: Vec<Notification>,
}

/// The kernel's end.
#[derive(Debug)]
pub(super) struct SocketDaemon {
    socket: Arc<OwnedFd>,
    log: Arc<Mutex<Log>>,
    buffer: Vec<u8>,
    forgets: u64,
}

impl SocketDaemon {
    pub(super) fn new(socket: Arc<OwnedFd>, log: Arc<Mutex<Log>>) -> SocketDaemon {
        SocketDaemon { socket, log, buffer: vec![0; MESSAGE_MAX], forgets: 0 }
    }

    fn send(&self, bytes: &[u8]) -> bool {
        send(&self.socket, bytes)
    }

    /// The next message; none when the filesystem is gone or silent.
    fn receive(&mut self) -> Option<usize> {
        loop {
            match rustix::net::recv(&*self.socket, &mut self.buffer[..], RecvFlags::empty()) {
                Ok((_, 0)) => return None,
                Ok((length, _)) => return Some(length),
                Err(HostErrno::INTR) => {}
                Err(_) => return None,
            }
        }
    }

    fn log(&self, write: impl FnOnce(&mut Log)) {
        write(&mut self.log.lock().expect("nobody panics with this lock"));
    }
}

/// Sends one request; false when nobody listens.
pub(super) fn send(socket: &OwnedFd, request: &[u8]) -> bool {
    loop {
        match rustix::net::send(socket, request, SendFlags::NOSIGNAL) {
            Ok(_) => return true,
            Err(HostErrno::INTR) => {}
            Err(_) => return false,
        }
    }
}

/// A request of the kernel's own, which belongs to no client.
pub(super) fn own(opcode: Opcode, nodeid: NodeId, unique: Unique, body: Vec<u8>) -> Request {
    let (uid, gid, pid) = (Uid::ROOT, Gid::ROOT, Pid(0));
    Request { unique, nodeid, opcode, uid, gid, pid, body, error_in: None }
}

impl Daemon for SocketDaemon {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        let mut reply = None;
        if self.send(&request.encode_for(device.abi())) {
            while !device.is_settled() {
                let Some(length) = self.receive() else { break };
                let message = &mut self.buffer[..length];
                if request.opcode == Opcode::INIT {
                    shorten_writes(message);
                }
                match (unique_and_error(message), Reply::decode(message)) {
                    // A notification has no unique, and its code where a reply has its error.
                    (Some((0, code)), _) => {
                        let body = message[16..].to_vec();
                        self.log(|log| log.notified.push(Notification { code, body }));
                    }
                    (_, decoded) => {
                        // Whatever it is, the model says what a write of it returns.
                        let _ = device.write(&self.buffer[..length]);
                        reply = decoded.ok();
                    }
                }
            }
        }
        let request = request.clone();
        self.log(|log| log.exchanged.push(Exchanged { request, reply }));
    }

    fn forget(&mut self, nodeid: NodeId, nlookup: u64) {
        self.forgets += 1;
        // Odd, so that it is never the unique of a request.
        let unique = Unique(self.forgets * 2 - 1);
        let body = nlookup.to_le_bytes().to_vec();
        let request = own(Opcode::FORGET, nodeid, unique, body);
        self.send(&request.encode());
        self.log(|log| log.exchanged.push(Exchanged { request, reply: None }));
    }
}

fn unique_and_error(message: &[u8]) -> Option<(u64, i32)> {
    let error = i32::from_le_bytes(message.get(4..8)?.try_into().ok()?);
    let unique = u64::from_le_bytes(message.get(8..16)?.try_into().ok()?);
    Some((unique, error))
}

fn shorten_writes(message: &mut [u8]) {
    if let Some(field) = message.get_mut(MAX_WRITE_AT..MAX_WRITE_AT + 4) {
        let asked = u32::from_le_bytes(field.try_into().expect("four bytes"));
        field.copy_from_slice(&asked.min(WRITE_MAX).to_le_bytes());
    }
    if let Some(field) = message.get_mut(MAX_PAGES_AT..MAX_PAGES_AT + 2) {
        let asked = u16::from_le_bytes(field.try_into().expect("two bytes"));
        let most = u16::try_from(WRITE_MAX / fuserig_abi::PAGE_SIZE).expect("32");
        field.copy_from_slice(&asked.min(most).to_le_bytes());
    }
}
