//! The loop that carries messages.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::BorrowedFd;

use fuserig_abi::Timespec;
use fuserig_traces::wire::{Moment, ReplyHead, RequestHead, Written};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::init;
use super::tape::{Message, Tape};
use crate::rim;

/// The largest message: what fuser offers the kernel to write at once, and its heads.
const MESSAGE_MAX: usize = (16 << 20) + 4096;
/// Requests that need no answer: FORGET, INTERRUPT, NOTIFY_REPLY, BATCH_FORGET.
const UNANSWERED: [u32; 4] = [2, 36, 41, 42];

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
    /// What the daemon has not answered yet.
    owed: BTreeSet<u64>,
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
            owed: BTreeSet::new(),
            refused: 0,
            masked: Vec::new(),
        }
    }

    /// Carries messages until one side is gone. When it is the mount, the daemon may still answer
    /// what it has: closing a file or directory waits for nobody, so the last such requests are
    /// often on their way.
    pub(super) fn run(&mut self) -> io::Result<Ended> {
        loop {
            match self.turn()? {
                Some(Ended::Unmounted) => break,
                Some(Ended::Daemon) => return Ok(Ended::Daemon),
                None => {}
            }
        }
        while !self.owed.is_empty() && self.settle()? {}
        Ok(Ended::Unmounted)
    }

    /// Waits for either side and carries what is there. Replies go first, so that a daemon that
    /// waits for room never waits for us.
    fn turn(&mut self) -> io::Result<Option<Ended>> {
        let (asks, takes) = match self.waiting {
            Some(_) => (PollFlags::empty(), PollFlags::IN | PollFlags::OUT),
            None => (PollFlags::IN, PollFlags::IN),
        };
        let mut both = [PollFd::new(&self.device, asks), PollFd::new(&self.socket, takes)];
        match poll(&mut both, None) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let (device, socket) = (both[0].revents(), both[1].revents());
        if let Some(ended) = self.listen(socket)? {
            return Ok(Some(ended));
        }
        if self.waiting.is_none()
            && device.contains(PollFlags::IN)
            && let Some(ended) = self.ask()?
        {
            return Ok(Some(ended));
        }
        Ok(device.contains(PollFlags::ERR).then_some(Ended::Unmounted))
    }

    /// What the daemon's end has to say, and room for.
    fn listen(&mut self, socket: PollFlags) -> io::Result<Option<Ended>> {
        if socket.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR)
            && let Some(ended) = self.answer()?
        {
            return Ok(Some(ended));
        }
        if self.waiting.is_some() && socket.contains(PollFlags::OUT) {
            self.hand_over()?;
        }
        Ok(None)
    }

    /// Waits for the daemon alone; false when it is gone.
    fn settle(&mut self) -> io::Result<bool> {
        let out = if self.waiting.is_some() { PollFlags::OUT } else { PollFlags::empty() };
        let mut one = [PollFd::new(&self.socket, PollFlags::IN | out)];
        match poll(&mut one, None) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
        let socket = one[0].revents();
        Ok(self.listen(socket)?.is_none())
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
        if let Some(head) = RequestHead::parse(&self.request[..len])
            && !UNANSWERED.contains(&head.opcode)
        {
            self.owed.insert(head.unique);
        }
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
        ReplyHead { len: 16, error, unique: head.unique }.put(&mut reply);
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
        if let Some(head) = ReplyHead::parse(reply) {
            self.owed.remove(&head.unique);
        }
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
