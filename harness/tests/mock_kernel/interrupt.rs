//! INTERRUPT and retrieval against a filesystem that speaks the protocol by itself.

use std::os::fd::OwnedFd;
use std::thread::JoinHandle;

use fuserig::door::{Exchanged, MockKernel, MockOptions};
use fuserig::vfs::{Call, CallResult, Output, PathAt};
use fuserig_abi::{
    Credentials, Errno, FuseAttr, FuseAttrOut, FuseEntryOut, FuseOpenOut, FuseOutHeader, Opcode,
};
use fuserig_sim_fs::OpenFlags;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use zerocopy::IntoBytes;

use super::CLIENT;
use super::cached::{CachedFs, open, start};

/// How the filesystem takes an INTERRUPT.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    /// It answers the request with EINTR.
    GivesUp,
    /// It finishes the request.
    Finishes,
    /// It wants the INTERRUPT so many times more.
    Later(u32),
    /// It does not know INTERRUPT.
    Ignorant,
    /// It retrieves what it stored.
    Retrieves,
}

/// A filesystem of one file that waits for an INTERRUPT before it answers the first READ.
struct Raw {
    socket: OwnedFd,
    manner: Manner,
    /// The READ that waits.
    waiting: Option<u64>,
    reads: u32,
    interrupts: u32,
    /// What a retrieval brought.
    retrieved: Vec<u8>,
}

impl Raw {
    fn write(&self, unique: u64, error: i32, body: &[u8]) {
        let len = 16 + body.len() as u32;
        let mut bytes = FuseOutHeader { len, error, unique }.as_bytes().to_vec();
        bytes.extend_from_slice(body);
        rustix::net::send(&self.socket, &bytes, SendFlags::NOSIGNAL).expect("the kernel listens");
    }

    fn interrupted(&mut self, unique: u64) {
        self.interrupts += 1;
        match self.manner {
            Manner::Later(times) if self.interrupts <= times => {
                return self.write(unique, Errno::EAGAIN.negative(), &[]);
            }
            Manner::Ignorant => self.write(unique, Errno::ENOSYS.negative(), &[]),
            _ => {}
        }
        let Some(read) = self.waiting.take() else { return };
        match self.manner {
            Manner::GivesUp | Manner::Later(_) => self.write(read, Errno::EINTR.negative(), &[]),
            _ => self.write(read, 0, b"data"),
        }
    }

    fn read(&mut self, unique: u64) {
        self.reads += 1;
        if self.manner == Manner::Retrieves {
            let mut store = 2_u64.to_le_bytes().to_vec();
            store.extend(0_u64.to_le_bytes());
            store.extend([4, 0, 0, 0, 0, 0, 0, 0]);
            store.extend(b"kept");
            self.write(0, 4, &store);
            let mut retrieve = 99_u64.to_le_bytes().to_vec();
            retrieve.extend(2_u64.to_le_bytes());
            retrieve.extend(1_u64.to_le_bytes());
            retrieve.extend([100, 0, 0, 0, 0, 0, 0, 0]);
            self.write(0, 5, &retrieve);
            return self.write(unique, 0, b"data");
        }
        if self.reads == 1 {
            self.waiting = Some(unique);
        } else {
            self.write(unique, 0, b"data");
        }
    }

    fn serve(mut self) -> Raw {
        let mut buffer = vec![0; 1 << 20];
        loop {
            let (_, length) = rustix::net::recv(&self.socket, &mut buffer[..], RecvFlags::empty())
                .expect("the kernel speaks");
            if length == 0 {
                return self;
            }
            let message = buffer[..length].to_vec();
            let opcode = u32::from_le_bytes(message[4..8].try_into().expect("an opcode"));
            let unique = u64::from_le_bytes(message[8..16].try_into().expect("a unique"));
            let attr = |mode| FuseAttr { ino: 2, mode, nlink: 1, size: 4, ..FuseAttr::default() };
            match Opcode(opcode) {
                Opcode::INIT => {
                    let mut body = [7_u32.to_le_bytes(), 41_u32.to_le_bytes()].concat();
                    body.extend([0; 12]);
                    body.extend(4096_u32.to_le_bytes());
                    body.resize(64, 0);
                    self.write(unique, 0, &body);
                }
                Opcode::LOOKUP => {
                    let attr = attr(0o100_644);
                    let valid = FuseEntryOut {
                        nodeid: 2,
                        entry_valid: 9,
                        attr_valid: 9,
                        attr,
                        ..Default::default()
                    };
                    self.write(unique, 0, valid.as_bytes());
                }
                Opcode::GETATTR => {
                    let attr = attr(if message[16] == 1 { 0o040_755 } else { 0o100_644 });
                    let out = FuseAttrOut { attr_valid: 9, attr, ..FuseAttrOut::default() };
                    self.write(unique, 0, out.as_bytes());
                }
                Opcode::OPEN => self.write(
                    unique,
                    0,
                    FuseOpenOut { open_flags: 1, ..Default::default() }.as_bytes(),
                ),
                Opcode::READ => self.read(unique),
                Opcode::INTERRUPT => self.interrupted(unique),
                Opcode::NOTIFY_REPLY => {
                    assert_eq!(unique, 99);
                    self.retrieved = message[40..].to_vec();
                }
                Opcode::FORGET => {}
                _ => self.write(unique, Errno::ENOSYS.negative(), &[]),
            }
        }
    }
}

fn begin(manner: Manner) -> (MockKernel, JoinHandle<Raw>, i32) {
    let (kind, cloexec) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
    let pair = rustix::net::socketpair(AddressFamily::UNIX, kind, cloexec, None);
    let (ours, socket) = pair.expect("there are sockets");
    let raw = Raw { socket, manner, waiting: None, reads: 0, interrupts: 0, retrieved: Vec::new() };
    let thread = std::thread::Builder::new().spawn(move || raw.serve()).expect("a thread");
    let kernel = MockKernel::on_socket(ours, &MockOptions::default()).expect("INIT is answered");
    kernel.add_client(CLIENT, Credentials::root(), 0o022);
    let (path, flags) = (PathAt::cwd("/f"), OpenFlags::empty());
    let opened = kernel.call(CLIENT, &Call::Open { path, flags, mode: 0, fd: None });
    let fd = opened.value.expect("it opens") as i32;
    kernel.exchanged();
    (kernel, thread, fd)
}

fn read(kernel: &MockKernel, fd: i32) -> (CallResult, Vec<Exchanged>) {
    let result = kernel.call(CLIENT, &Call::Read { fd, size: 4, offset: Some(0) });
    (result, kernel.exchanged())
}

/// The INTERRUPTs, each with the error of its answer.
fn interrupts(exchanged: &[Exchanged]) -> Vec<Option<i32>> {
    let read = exchanged.iter().find(|made| made.request.opcode == Opcode::READ);
    let read = read.expect("something was read").request.unique.0;
    let interrupts = exchanged.iter().filter(|made| made.request.opcode == Opcode::INTERRUPT);
    interrupts
        .map(|interrupt| {
            let request = &interrupt.request;
            assert_eq!(request.unique.0, read | 1, "FUSE_INT_REQ_BIT");
            assert_eq!(request.body, read.to_le_bytes(), "which request is meant");
            assert_eq!((request.pid.0, request.nodeid.0), (0, 0), "it is nobody's");
            interrupt.reply.as_ref().map(|reply| reply.error)
        })
        .collect()
}

#[test]
fn a_signal_follows_its_request_and_the_filesystem_says_what_comes_of_it() {
    for (manner, result, answers) in [
        (Manner::GivesUp, Err(Errno::EINTR), vec![None]),
        (Manner::Finishes, Ok(4), vec![None]),
        (Manner::Later(2), Err(Errno::EINTR), vec![Some(-11), Some(-11), None]),
        (Manner::Ignorant, Ok(4), vec![Some(-38)]),
    ] {
        let (kernel, thread, fd) = begin(manner);
        kernel.interrupt(CLIENT, Opcode::READ);
        let (found, exchanged) = read(&kernel, fd);
        assert_eq!((found.value, interrupts(&exchanged)), (result, answers), "{manner:?}");
        // The signal is gone with its call.
        let (found, exchanged) = read(&kernel, fd);
        assert_eq!((found.value, interrupts(&exchanged)), (Ok(4), vec![]), "{manner:?}");
        // Whoever does not know INTERRUPT gets none any more.
        kernel.interrupt(CLIENT, Opcode::READ);
        let (_, exchanged) = read(&kernel, fd);
        let sent = usize::from(manner != Manner::Ignorant);
        assert_eq!(interrupts(&exchanged).len(), sent, "{manner:?}");
        drop(kernel);
        thread.join().expect("it served to the end");
    }
}

#[test]
fn fuser_gets_the_interrupt_after_its_request_and_says_that_it_knows_none() {
    let (kernel, _) = start(CachedFs::new(b"contents"));
    let fd = open(&kernel, OpenFlags::empty());
    kernel.exchanged();
    kernel.interrupt(CLIENT, Opcode::READ);
    let (found, exchanged) = read(&kernel, fd);
    assert_eq!(found.value, Ok(4));
    // One thread reads it only when the READ is answered, which is too late to matter.
    assert_eq!(interrupts(&exchanged), [None]);
    kernel.end().expect("a clean end");
}

#[test]
fn what_a_filesystem_stored_it_retrieves() {
    let (kernel, thread, fd) = begin(Manner::Retrieves);
    let (found, exchanged) = read(&kernel, fd);
    // FOPEN_DIRECT_IO: the client reads past the cache.
    assert_eq!(found.output, Output::Bytes(b"data".to_vec()));
    assert!(exchanged.iter().any(|made| made.request.opcode == Opcode::NOTIFY_REPLY));
    let said: Vec<_> = kernel.notified().iter().map(|note| (note.code, note.taken)).collect();
    assert_eq!(said, [(4, Ok(())), (5, Ok(()))]);
    kernel.end().expect("a clean end");
    let raw = thread.join().expect("it served to the end");
    assert_eq!(raw.retrieved[8..16], 1_u64.to_le_bytes(), "from the second byte on");
    assert_eq!(raw.retrieved[16..20], 3_u32.to_le_bytes());
    assert_eq!(&raw.retrieved[40..], b"ept");
}
