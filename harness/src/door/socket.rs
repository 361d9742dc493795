//! The kernel's end of the socket: requests out, replies and notifications in.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use fuserig_abi::{Errno, Gid, NodeId, Opcode, Pid, Reply, Request, Timespec, Uid, Unique};
use rustix::io::Errno as HostErrno;
use rustix::net::{RecvFlags, SendFlags};

use super::MockOptions;
use super::log::{Exchanged, Log, Notification};
use super::several::Several;
use crate::kernel::World;
use crate::pipeline::{Daemon, Device, Patience};

/// Bytes of the longest message that is received: the model's longest read, and a header.
const MESSAGE_MAX: usize = (1 << 20) + 4096;
/// Writes of the model are no longer than this, so that a message fits an ordinary socket buffer.
const WRITE_MAX: u32 = 128 << 10;
/// Offsets in the INIT reply of `max_write` (after major, minor, readahead, flags, background) and
/// of `max_pages`, behind the 16 bytes of the header.
const MAX_WRITE_AT: usize = 16 + 20;
const MAX_PAGES_AT: usize = 16 + 28;
/// `FUSE_INT_REQ_BIT`: the `unique` of an INTERRUPT is that of its request with this bit.
const INTERRUPT_BIT: u64 = 1;
/// How often an INTERRUPT is sent again after EAGAIN. The kernel has no limit; a filesystem that
/// wants more of them spins.
const INTERRUPTS_MAX: usize = 100;

/// The kernel's end.
#[derive(Debug)]
pub(super) struct SocketDaemon {
    socket: Arc<OwnedFd>,
    log: Arc<Mutex<Log>>,
    buffer: Vec<u8>,
    forgets: u64,
    several: Several,
}

impl SocketDaemon {
    pub(super) fn new(
        socket: Arc<OwnedFd>,
        log: Arc<Mutex<Log>>,
        options: &MockOptions,
    ) -> SocketDaemon {
        let several = Several::new(options);
        SocketDaemon { socket, log, buffer: room(), forgets: 0, several }
    }

    /// The kernel's end.
    pub(super) fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// Whether a request under way has no reply.
    pub(super) fn is_owed(&self) -> bool {
        self.several.is_owed()
    }

    fn log(&self, write: impl FnOnce(&mut Log)) {
        write(&mut self.log.lock().expect("nobody panics with this lock"));
    }

    /// A signal reaches the caller: INTERRUPT follows its request.
    fn interrupt(&self, request: &Request, interrupts: &mut Vec<Exchanged>) {
        let unique = request.unique.0;
        let body = unique.to_le_bytes().to_vec();
        let request = own(Opcode::INTERRUPT, NodeId(0), Unique(unique | INTERRUPT_BIT), body);
        send(&self.socket, &request.encode());
        interrupts.push(Exchanged { request, reply: None });
    }

    /// What the filesystem says to an INTERRUPT of a request that it did not answer yet.
    fn interrupt_answered(&self, request: &Request, reply: Reply, interrupts: &mut Vec<Exchanged>) {
        let error = reply.error;
        if let Some(last) = interrupts.last_mut() {
            last.reply = Some(reply);
        }
        if error == Errno::ENOSYS.negative() {
            self.log(|log| log.no_interrupt = true);
        }
        if error == Errno::EAGAIN.negative() && interrupts.len() < INTERRUPTS_MAX {
            self.interrupt(request, interrupts);
        }
    }

    /// A message of the filesystem while `request` waits for its reply, which it may be.
    fn take(
        &mut self,
        length: usize,
        request: &Request,
        device: &mut Device<'_>,
        interrupts: &mut Vec<Exchanged>,
    ) -> Option<Reply> {
        let message = &self.buffer[..length];
        let decoded = Reply::decode(message).ok();
        match unique_and_error(message) {
            // A notification has no unique, and its code where a reply has its error.
            Some((0, code)) => {
                let body = message[16..].to_vec();
                let taken = device.write(message).map(|_| ());
                if let Some(contents) = device.take_retrieved() {
                    self.log(|log| give(&self.socket, contents, log));
                }
                self.log(|log| log.notified.push(Notification { code, body, taken }));
                None
            }
            Some((unique, _)) if unique & INTERRUPT_BIT != 0 => {
                let reply = decoded?;
                if unique == request.unique.0 | INTERRUPT_BIT && !interrupts.is_empty() {
                    self.interrupt_answered(request, reply, interrupts);
                } else {
                    self.log(|log| log.late(reply));
                }
                None
            }
            _ => {
                // Whatever it is, the model says what a write of it returns.
                let _ = device.write(message);
                let reply = decoded?;
                if reply.unique == request.unique {
                    return Some(reply);
                }
                // It belongs to a request of another client.
                self.several.note_reply(reply.unique.0);
                self.log(|log| log.late(reply));
                None
            }
        }
    }
}

impl Daemon for SocketDaemon {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        self.several.send(&self.socket, device.abi(), &self.log);
        let (mut reply, mut interrupts) = (None, Vec::new());
        if send(&self.socket, &request.encode_for(device.abi())) {
            let mut interrupted = false;
            self.log(|log| interrupted = log.interrupts(request));
            if interrupted {
                self.interrupt(request, &mut interrupts);
            }
            while !device.is_settled() {
                let length = receive(&self.socket, &mut self.buffer, RecvFlags::empty());
                let Some(length) = length else { break };
                if request.opcode == Opcode::INIT {
                    shorten_writes(&mut self.buffer[..length]);
                }
                reply = self.take(length, request, device, &mut interrupts).or(reply);
            }
        }
        let request = request.clone();
        self.log(|log| {
            log.exchanged.push(Exchanged { request, reply });
            log.exchanged.append(&mut interrupts);
        });
    }

    fn forget(&mut self, nodeid: NodeId, nlookup: u64) {
        self.forgets += 1;
        // Odd, and beyond every request's, so that it is nobody's INTERRUPT either.
        let unique = Unique((1 << 62) + self.forgets * 2 - 1);
        let body = nlookup.to_le_bytes().to_vec();
        let request = own(Opcode::FORGET, nodeid, unique, body);
        send(&self.socket, &request.encode());
        self.log(|log| log.exchanged.push(Exchanged { request, reply: None }));
    }

    fn takes(&mut self, request: &Request, _: Timespec) -> bool {
        // Who gets a signal while it waits is served apart.
        let mut signalled = false;
        self.log(|log| signalled = log.is_due(request));
        !signalled && self.several.take(request)
    }

    fn receive(&mut self, world: &mut World, patience: Patience) -> Option<Vec<u8>> {
        self.several.send(&self.socket, world.abi, &self.log);
        loop {
            if patience == Patience::Brief && self.several.is_silent(&self.socket) {
                return None;
            }
            let length = receive(&self.socket, &mut self.buffer, RecvFlags::empty())?;
            let message = &self.buffer[..length];
            if let Some(reply) = take_in(message, &self.socket, world, &self.log) {
                self.several.note_reply(reply.0);
                return Some(message.to_vec());
            }
        }
    }
}

/// A buffer that holds any message.
pub(super) fn room() -> Vec<u8> {
    vec![0; MESSAGE_MAX]
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

/// The next message; none when the filesystem is gone or silent.
fn receive(socket: &OwnedFd, buffer: &mut [u8], flags: RecvFlags) -> Option<usize> {
    loop {
        match rustix::net::recv(socket, &mut *buffer, flags) {
            Ok((_, 0)) => return None,
            Ok((length, _)) => return Some(length),
            Err(HostErrno::INTR) => {}
            Err(_) => return None,
        }
    }
}

/// Waits for the answer to the last request; whoever hangs up or is silent gave it.
pub(super) fn wait_for(unique: Unique, socket: &OwnedFd, buffer: &mut [u8]) {
    while let Some(length) = receive(socket, buffer, RecvFlags::empty()) {
        let answered = unique_and_error(&buffer[..length]).map(|(unique, _)| unique);
        if answered == Some(unique.0) {
            return;
        }
    }
}

/// Takes what arrived while nobody waited for a reply: notifications, and late answers.
pub(super) fn drain(socket: &OwnedFd, buffer: &mut [u8], world: &mut World, log: &Mutex<Log>) {
    while let Some(length) = receive(socket, buffer, RecvFlags::DONTWAIT) {
        let message = &buffer[..length];
        if take_in(message, socket, world, log).is_some() {
            world.connection.keep_reply(message);
        }
    }
    world.settle_evictions();
}

/// Takes a message that is no reply to a request that was sent alone. A notification takes effect;
/// of a reply the identity is returned.
fn take_in(
    message: &[u8],
    socket: &OwnedFd,
    world: &mut World,
    log: &Mutex<Log>,
) -> Option<Unique> {
    let mut log = log.lock().expect("nobody panics with this lock");
    let Some((0, code)) = unique_and_error(message) else {
        let reply = Reply::decode(message).ok()?;
        let unique = reply.unique;
        log.late(reply);
        return Some(unique);
    };
    let body = message[16..].to_vec();
    let taken = match length_of(message) == Some(message.len()) {
        true => world.take_notification(code, &body),
        false => Err(Errno::EINVAL),
    };
    let taken = taken.map(|contents| {
        if let Some(contents) = contents {
            give(socket, contents, &mut log);
        }
    });
    log.notified.push(Notification { code, body, taken });
    None
}

/// Sends what a notification retrieved.
fn give(socket: &OwnedFd, request: Request, log: &mut Log) {
    send(socket, &request.encode());
    log.exchanged.push(Exchanged { request, reply: None });
}

/// A request of the kernel's own, which belongs to no client.
pub(super) fn own(opcode: Opcode, nodeid: NodeId, unique: Unique, body: Vec<u8>) -> Request {
    let (uid, gid, pid) = (Uid::ROOT, Gid::ROOT, Pid(0));
    Request { unique, nodeid, opcode, uid, gid, pid, body, error_in: None }
}

fn length_of(message: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(message.get(..4)?.try_into().ok()?);
    usize::try_from(length).ok()
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
