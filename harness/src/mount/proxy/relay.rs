//! The loop that carries messages.

use std::io;
use std::os::fd::BorrowedFd;

use fuserig_abi::Timespec;
use fuserig_traces::wire::{Moment, RequestHead, Written};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::init;
use super::tape::{Message, Tape};
use crate::rim;

/// The largest message: what fuser offers the kernel to write at once, and its heads.
const MESSAGE_MAX: usize = (16 << 20) + 4096;

/// Who ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The mount is gone.
    Unmounted,
    /// The daemon closed its end.
    Daemon,
}

/// Both ends, and the message that the socket had no room for.
pub(super) struct Relay<'a> {
    device: BorrowedFd<'a>,
    socket: BorrowedFd<'a>,
    tape: &'a Tape,
    is_narrow: bool,
    base: Timespec,
    seq: u64,
    /// Filled up to `waiting` with a request that the daemon has not taken yet.
    request: Vec<u8>,
    waiting: Option<usize>,
    reply: Vec<u8>,
    /// Replies that the kernel refused as malformed.
    pub(super) refused: u64,
    /// Offers that were taken out of INIT.
    pub(super) masked: Vec<&'static str>,
}

impl<'a> Relay<'a> {
    pub(super) fn new(
        (device, socket): (BorrowedFd<'a>, BorrowedFd<'a>),
        tape: &'a Tape,
        is_narrow: bool,
        base: Timespec,
    ) -> Relay<'a> {
        Relay {
            device,
            socket,
            tape,
            is_narrow,
            base,
            seq: 0,
            request: vec![0; MESSAGE_MAX],
            waiting: None,
            reply: vec![0; MESSAGE_MAX],
            refused: 0,
            masked: Vec::new(),
        }
    }

    /// Carries messages until one side is gone. Replies go first, so that a daemon that waits for
    /// room never waits for us.
    pub(super) fn run(&mut self) -> io::Result<Ended> {
        loop {
            let (asks, takes) = match self.waiting {
                Some(_) => (PollFlags::empty(), PollFlags::IN | PollFlags::OUT),
                None => (PollFlags::IN, PollFlags::IN),
            };
            let mut both = [PollFd::new(&self.device, asks), PollFd::new(&self.socket, takes)];
            match poll(&mut both, None) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let (device, socket) = (both[0].revents(), both[1].revents());
            if socket.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR)
                && let Some(ended) = self.answer()?
            {
                return Ok(ended);
            }
            if self.waiting.is_some() && socket.contains(PollFlags::OUT) {
                self.hand_over()?;
            }
            if self.waiting.is_none()
                && device.contains(PollFlags::IN)
                && let Some(ended) = self.ask()?
            {
                return Ok(ended);
            }
            if device.contains(PollFlags::ERR) {
                return Ok(Ended::Unmounted);
            }
        }
    }

    fn moment(&mut self) -> Moment {
        self.seq += 1;
        let nanos = |t: Timespec| i128::from(t.sec) * 1_000_000_000 + i128::from(t.nsec);
        let since = nanos(rim::now()) - nanos(self.base);
        Moment { seq: self.seq, time_ns: u64::try_from(since).unwrap_or(0) }
    }

    /// Takes a request from the kernel and hands it to the daemon.
    fn ask(&mut self) -> io::Result<Option<Ended>> {
        let len = match rustix::io::read(self.device, &mut self.request[..]) {
            Ok(len) => len,
            // The caller was interrupted before anybody saw its request.
            Err(Errno::NOENT | Errno::INTR | Errno::AGAIN) => return Ok(None),
            Err(Errno::NODEV | Errno::CONNABORTED) => return Ok(Some(Ended::Unmounted)),
            Err(error) => return Err(error.into()),
        };
        let moment = self.moment();
        let masked = init::mask(&mut self.request[..len], self.is_narrow);
        self.tape.put(Message::Request(self.request[..len].to_vec(), moment));
        if !masked.is_empty() {
            let text = format!("taken out of what the kernel offers: {}", masked.join(", "));
            self.tape.put(Message::Note(moment.seq, text));
            self.masked = masked;
        }
        self.waiting = Some(len);
        self.hand_over()?;
        Ok(None)
    }

    /// Sends the waiting request if there is room for it.
    fn hand_over(&mut self) -> io::Result<()> {
        let Some(len) = self.waiting else { return Ok(()) };
        match send(self.socket, &self.request[..len], SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(_) => self.waiting = None,
            Err(Errno::AGAIN | Errno::INTR) => {}
            // The daemon is gone; the next receive says so.
            Err(Errno::PIPE | Errno::CONNRESET) => self.waiting = None,
            Err(Errno::MSGSIZE) => self.too_large(len)?,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Answers a request that no socket of this user can hold.
    fn too_large(&mut self, len: usize) -> io::Result<()> {
        self.waiting = None;
        let Some(head) = RequestHead::parse(&self.request[..len]) else { return Ok(()) };
        let error = -Errno::MSGSIZE.raw_os_error();
        let mut reply = Vec::new();
        fuserig_traces::wire::ReplyHead { len: 16, error, unique: head.unique }.put(&mut reply);
        self.forward(&reply)
    }

    /// Takes a reply from the daemon and writes it to the kernel.
    fn answer(&mut self) -> io::Result<Option<Ended>> {
        let len = match recv(self.socket, &mut self.reply[..], RecvFlags::DONTWAIT) {
            Ok((0, _)) | Err(Errno::CONNRESET) => return Ok(Some(Ended::Daemon)),
            Ok((len, _)) => len,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let reply = core::mem::take(&mut self.reply);
        let forwarded = self.forward(&reply[..len]);
        self.reply = reply;
        forwarded.map(|()| None)
    }

    fn forward(&mut self, reply: &[u8]) -> io::Result<()> {
        let moment = self.moment();
        let written = match rustix::io::write(self.device, reply) {
            Ok(_) => Written::Taken,
            // The caller gave up, or the mount is gone, which the next look at the device says.
            Err(Errno::NOENT | Errno::NODEV | Errno::CONNABORTED) => Written::Gone,
            Err(error) => {
                self.refused += 1;
                let text = format!("the kernel refused a message of the daemon: {error}");
                self.tape.put(Message::Note(moment.seq, text));
                return Ok(());
            }
        };
        self.tape.put(Message::Reply(reply.to_vec(), moment, written));
        Ok(())
    }
}
